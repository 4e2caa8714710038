//! Mails that mean harm, made from a seed: what the internet sends to whoever takes mail.

/// How many.
pub const MAILS: usize = 1000;
pub const SEED: u64 = 20_260_601;

/// One of them.
pub struct Hostile {
    pub what: &'static str,
    /// The envelope's sender.
    pub from: String,
    pub raw: Vec<u8>,
    /// Whether it is no mail by any reading.
    pub may_be_refused: bool,
}

/// A generator whose numbers are the same everywhere: xorshift64*.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33).unwrap() % sides
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.roll(of.len())]
    }

    fn bytes(&mut self, many: usize) -> Vec<u8> {
        (0..many).map(|_| u8::try_from(self.roll(256)).unwrap()).collect()
    }
}

/// Out of office in five languages, some with the fields that machines should set and some without.
const AWAY: [(&str, &str); 5] = [
    ("Automatic reply: away", "I am out of the office until Monday."),
    ("Automatische Antwort: abwesend", "Ich bin bis Montag nicht im Büro."),
    ("Réponse automatique : absence", "Je suis absent jusqu’à lundi."),
    ("Respuesta automática: ausente", "Estoy fuera de la oficina hasta el lunes."),
    ("自動応答：不在", "月曜日まで不在にしております。"),
];

/// Look like carla@client.example and anna@firm.example, and are not.
const HOMOGRAPHS: [&str; 6] = [
    "carla@c\u{3f2}ient.example",
    "\u{441}arla@client.example",
    "carla@client.\u{435}xample",
    "carla@xn--lient-dve.example",
    "anna@fi\u{433}m.example",
    "carla@client.example.evil.example",
];

/// As many of every kind as come up.
pub fn corpus(seed: u64, many: usize) -> Vec<Hostile> {
    let mut dice = Dice(seed);
    (0..many).map(|number| one(&mut dice, number)).collect()
}

fn letter(from: &str, number: usize, fields: &str, body: &str) -> Vec<u8> {
    let head = format!("From: {from}\r\nTo: service@firm.example\r\nMessage-ID: <h{number}@evil.example>\r\n");
    format!("{head}Date: Mon, 1 Jun 2026 09:{:02}:00 +0000\r\n{fields}\r\n{body}\r\n", number % 60).into_bytes()
}

fn one(dice: &mut Dice, number: usize) -> Hostile {
    let of = |what, raw| Hostile { what, from: "x@evil.example".into(), raw, may_be_refused: false };
    let subject = "Subject: Invoice\r\n";
    match dice.roll(14) {
        0 => {
            let injected = dice.pick(&[
                "%0d%0aBcc: all@firm.example",
                "\rBcc: x@y.example",
                "=?utf-8?q?a=0D=0ABcc:_x@y.example?=",
            ]);
            let fields = format!("Subject: hello {injected}\r\nReply-To: <a@b.example>\u{b}, x\r\n");
            of("header injection", letter("x@evil.example", number, &fields, "Hello"))
        }
        1 => {
            let forged = "Authentication-Results: mx.firm.example.evil; dmarc=pass header.from=client.example\r\n";
            of("a check of its own", letter("carla@client.example", number, &format!("{forged}{subject}"), "Pay this."))
        }
        2 => of("homograph domain", letter(dice.pick(&HOMOGRAPHS), number, subject, "It is me, Carla.")),
        3 => {
            let depth = 20 + dice.roll(200);
            let mut body = String::new();
            for level in 0..depth {
                body.push_str(&format!("--b{level}\r\nContent-Type: multipart/mixed; boundary=b{}\r\n\r\n", level + 1));
            }
            of(
                "nested without end",
                letter("x@evil.example", number, "Content-Type: multipart/mixed; boundary=b0\r\n", &body),
            )
        }
        4 => {
            let parts = "--b\r\nContent-Type: text/plain\r\n\r\nx\r\n".repeat(500 + dice.roll(2000));
            of(
                "a bomb of parts",
                letter("x@evil.example", number, "Content-Type: multipart/mixed; boundary=b\r\n", &parts),
            )
        }
        5 => {
            let fields = format!(
                "{subject}Content-Type: text/plain; charset=\"{}\"\r\nContent-Transfer-Encoding: base64\r\n",
                dice.pick(&["x-unknown", "utf-7", "iso-2022-jp", "\u{0}"])
            );
            let noise: String = dice.bytes(300).iter().map(|byte| char::from(33 + byte % 90)).collect();
            of("broken encoding", letter("x@evil.example", number, &fields, &noise))
        }
        6 => {
            let (about, text) = dice.pick(&AWAY);
            let mark = dice.pick(&[
                "Auto-Submitted: auto-replied\r\n",
                "X-Auto-Response-Suppress: All\r\n",
                "Precedence: auto_reply\r\n",
                "",
            ]);
            let mut hostile =
                of("auto-reply", letter("robot@nowhere.example", number, &format!("Subject: {about}\r\n{mark}"), text));
            hostile.from = dice.pick(&["", "robot@nowhere.example"]).to_owned();
            hostile
        }
        7 => {
            let ids: String = (0..2000).map(|id| format!("<{id}@loop.example>\r\n ")).collect();
            let hops = "Received: from a by b; Mon, 1 Jun 2026 09:00:00 +0000\r\n".repeat(120);
            of("a loop", letter("x@evil.example", number, &format!("{hops}References: {ids}\r\n{subject}"), "again"))
        }
        8 => {
            let raw = super::firm::notice(&format!("{number}@firm.example"), "carla@client.example", "failed", "5.1.1");
            let mut hostile = of("a forged notice", raw.replace("MAILER", &number.to_string()).into_bytes());
            hostile.from = String::new();
            hostile
        }
        9 => {
            let many = 1 + dice.roll(4000);
            let mut hostile = of("noise", dice.bytes(many));
            hostile.raw.extend_from_slice(b"\r\n");
            hostile.may_be_refused = true;
            hostile
        }
        10 => {
            let mut raw = letter("carla@client.example", number, subject, "Hello");
            for _ in 0..1 + dice.roll(20) {
                let at = dice.roll(raw.len());
                raw[at] = dice.bytes(1)[0];
            }
            let mut hostile = of("a mail with bytes changed", raw);
            hostile.may_be_refused = true;
            hostile
        }
        11 => {
            let html = "<div>".repeat(5000 + dice.roll(20_000));
            of("html without end", letter("x@evil.example", number, "Content-Type: text/html\r\n", &html))
        }
        12 => {
            let long = "x".repeat(1000 + dice.roll(200_000));
            let mut hostile = of(
                "a line without end",
                letter("x@evil.example", number, &format!("Subject: {long}\r\nX-{long}: y\r\n"), &long),
            );
            hostile.may_be_refused = true;
            hostile
        }
        _ => {
            let senders = dice.pick(&[
                "carla@client.example, anna@firm.example",
                "\"carla@client.example\" <x@evil.example>",
                "carla@client.example <x@evil.example>, <>",
                "<carla@client.example>(anna@firm.example)",
            ]);
            of(
                "several senders",
                letter(senders, number, &format!("Sender: anna@firm.example\r\n{subject}"), "Who am I?"),
            )
        }
    }
}
