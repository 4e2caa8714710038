#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;

fn read(mail: &str) -> ParsedMail {
    ParsedMail::read(mail.replace('\n', "\r\n").as_bytes(), Some("jo@client.example")).unwrap()
}

fn with(fields: &str) -> ParsedMail {
    read(&format!("From: jo@client.example\n{fields}\nHello\n"))
}

#[test]
fn headers_and_text_are_read_and_decoded() {
    let mail = read(
        "Received: from a by b; Mon, 2 Mar 2026 09:00:00 +0000\n\
         From: =?utf-8?q?Jos=C3=A9_P=C3=A9rez?= <Jose@Client.example>\n\
         Date: Mon, 2 Mar 2026 09:00:00 +0000\n\
         Subject: =?utf-8?b?UmVjaG51bmcgw6TDtsO8?=\n\
         \x20and more\n\
         Message-ID: <one@client.example>\n\
         In-Reply-To: <b@firm.example>\n\
         References: <a@firm.example>\n\x20<b@firm.example>\n\
         Content-Type: text/plain; charset=utf-8\n\
         Content-Transfer-Encoding: quoted-printable\n\
         \n\
         Gr=C3=BC=C3=9Fe,\nJos=C3=A9\n",
    );
    assert_eq!(mail.senders_shown(), "José Pérez <Jose@Client.example>");
    assert_eq!(mail.subject, "Rechnung äöü and more");
    assert_eq!(mail.message_id, "one@client.example");
    assert_eq!(mail.references, ["b@firm.example", "a@firm.example"], "the nearest first");
    assert_eq!(mail.text, "Grüße,\nJosé");
    assert_eq!(mail.kind, Kind::Personal);
    assert_eq!(mail.date, "Mon, 2 Mar 2026 09:00:00 +0000");
}

#[test]
fn the_plain_form_is_taken_and_html_where_there_is_none() {
    let both = "Content-Type: multipart/alternative; boundary=x\n\n\
                --x\nContent-Type: text/html\n\n<p>From <b>HTML</b></p>\n\
                --x\nContent-Type: text/plain\n\nPlain\n--x--\n";
    assert_eq!(with(both).text, "Plain");
    let html = "Content-Type: multipart/mixed; boundary=\"x y\"\n\n\
                --x y\nContent-Type: text/html; charset=iso-8859-1\n\n\
                <html><head><style>p{}</style></head><body><p>Caf\u{e9}</p><script>alert(1)</script></body></html>\n\
                --x y\nContent-Type: application/pdf\nContent-Disposition: attachment\n\nJVBERi0\n--x y--\n";
    let text = with(html).text;
    assert!(text.starts_with("Caf") && !text.contains("alert") && !text.contains("JVBE"), "{text}");
}

#[test]
fn text_in_attachments_and_nested_mails_is_not_the_writers_word() {
    let mail = with(
        "Content-Type: multipart/mixed; boundary=x\n\n\
                     --x\n\nSee below.\n\
                     --x\nContent-Type: text/plain\nContent-Disposition: attachment; filename=a.txt\n\nattached\n\
                     --x\nContent-Type: message/rfc822\n\nFrom: other@x.example\n\nforwarded\n--x--\n",
    );
    assert_eq!(mail.text, "See below.");
}

#[test]
fn a_mail_by_a_machine_is_told_from_a_persons() {
    for field in [
        "Auto-Submitted: auto-replied",
        "auto-submitted: auto-generated (vacation); x=y",
        "Precedence: auto_reply",
        "X-Autoreply: yes",
        "X-Autorespond: anything",
    ] {
        assert_eq!(with(&format!("{field}\n")).kind, Kind::Automatic, "{field}");
    }
    for field in [
        "Auto-Submitted: no",
        "Auto-Submitted: No (a person)",
        "Precedence: normal",
        "X-Autoreply: no",
        "X-Other: auto-replied",
    ] {
        let mail = with(&format!("{field}\n"));
        assert_eq!((mail.kind, mail.no_automatic_answer), (Kind::Personal, false), "{field}");
    }
}

#[test]
fn the_null_sender_is_a_machines_and_one_that_was_not_told_says_nothing() {
    let kind = |envelope| ParsedMail::read(b"From: jo@client.example\r\n\r\nHello\r\n", envelope).unwrap().kind;
    for envelope in ["", "<>", " "] {
        assert_eq!(kind(Some(envelope)), Kind::Automatic, "{envelope:?}");
    }
    assert_eq!(kind(Some("jo@client.example")), Kind::Personal);
    assert_eq!(kind(None), Kind::Personal);
}

#[test]
fn a_mail_that_asks_for_no_answer_may_be_a_persons_all_the_same() {
    for field in [
        "Precedence: bulk",
        "Precedence: list",
        "Precedence: JUNK",
        "X-Auto-Response-Suppress: All",
        "X-Auto-Response-Suppress: DR, OOF, AutoReply",
    ] {
        let mail = with(&format!("{field}\n"));
        assert_eq!((mail.kind, mail.no_automatic_answer), (Kind::Personal, true), "{field}");
    }
    for field in ["X-Auto-Response-Suppress: None", "X-Auto-Response-Suppress: RN, NRN", "Precedence: first-class"] {
        assert!(!with(&format!("{field}\n")).no_automatic_answer, "{field}");
    }
}

#[test]
fn everybody_in_to_and_cc_is_a_recipient() {
    let mail = with("To: Anna <anna@firm.example>, b@x.example\nCc: c@x.example\nBcc: d@x.example\n");
    assert_eq!(mail.recipients, ["anna@firm.example", "b@x.example", "c@x.example"]);
}

#[test]
fn a_delivery_report_names_the_mail_that_it_is_about() {
    let mail = ParsedMail::read(
        b"From: MAILER-DAEMON@mx.example\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=x\r\n\r\n\
          --x\r\n\r\nIt could not be delivered.\r\n\
          --x\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n\
          --x\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <n1@firm.example>\r\nSubject: x\r\n\r\n--x--\r\n",
        Some(""),
    )
    .unwrap();
    assert_eq!(mail.kind, Kind::DeliveryReport);
    assert_eq!(mail.references, ["n1@firm.example"]);
    assert_eq!(mail.text, "It could not be delivered.");
}

#[test]
fn several_senders_are_all_told() {
    assert_eq!(read("From: a@x.example, B <b@x.example>\n\n").senders.len(), 2);
    assert_eq!(read("From: a@x.example\nFrom: b@x.example\n\n").senders.len(), 2);
    assert_eq!(read("From: Team: a@x.example, b@x.example;\n\n").senders.len(), 2);
    assert_eq!(read("From: a@x.example, A@X.example\n\n").senders.len(), 1, "one, twice");
}

#[test]
fn what_has_no_header_or_no_sender_is_no_mail() {
    for bytes in [&b""[..], b"\r\n", b"\r\n\r\n", b"Hello, there is no header here\r\n", b"\0\0\0\0\0", &[0xff; 100]] {
        assert_eq!(ParsedMail::read(bytes, Some("x@y.example")), Err(NotAMail::NoHeader), "{bytes:?}");
    }
    for head in ["Subject: x", "From:", "From: nobody", "From: <>", "From: undisclosed:;", "From: @x.example"] {
        let bytes = format!("{head}\r\n\r\nHello\r\n");
        assert_eq!(ParsedMail::read(bytes.as_bytes(), Some("x@y.example")), Err(NotAMail::NoSender), "{head}");
    }
}

#[test]
fn limits_hold() {
    assert_eq!(ParsedMail::read(&vec![b'x'; LARGEST + 1], None), Err(NotAMail::TooLarge));
    let many = format!("From: a@x.example\r\n{}\r\n", "X: y\r\n".repeat(HEADER_FIELDS));
    assert_eq!(ParsedMail::read(many.as_bytes(), None), Err(NotAMail::NoHeader));
    let long = format!("From: a@x.example\r\nX: {}\r\n\r\n", "y".repeat(HEADER_BYTES));
    assert_eq!(ParsedMail::read(long.as_bytes(), None), Err(NotAMail::NoHeader));
    let senders: Vec<_> = (0..1000).map(|at| format!("a{at}@x.example")).collect();
    assert_eq!(read(&format!("From: {}\n\n", senders.join(", "))).senders.len(), ADDRESSES);
    let ids: Vec<_> = (0..1000).map(|at| format!("<{at}@x.example>")).collect();
    assert_eq!(with(&format!("References: {}\n", ids.join(" "))).references.len(), REFERENCES);
    let text =
        ParsedMail::read(format!("From: a@x.example\r\n\r\n{}", "é".repeat(1_000_000)).as_bytes(), None).unwrap();
    assert!(text.text.len() <= TEXT_BYTES && text.text.len() > TEXT_BYTES - 4);
}

#[test]
fn a_message_id_that_cannot_stand_in_a_header_again_is_none() {
    for id in ["<a b@x>", "<a@x\u{e9}>", "<>", "no"] {
        let mail = with(&format!("Message-ID: {id}\nIn-Reply-To: {id}\n"));
        let strange = |text: &str| text.contains(|sign: char| !sign.is_ascii_graphic());
        assert!(!strange(&mail.message_id) && !mail.references.iter().any(|id| strange(id)), "{id}: {mail:?}");
    }
}

#[test]
fn the_same_mail_by_another_way_is_the_same_and_another_text_is_not() {
    let body = "From: Jo <jo@client.example>\nMessage-ID: <1@client.example>\nDate: Mon, 2 Mar 2026 09:00:00 +0000\nSubject: x\n\nHello\n";
    let first = read(&format!("Received: from a by b; Mon, 2 Mar 2026 09:00:00 +0000\n{body}"));
    let second = read(&format!("Received: from c by d; Mon, 2 Mar 2026 09:07:00 +0000\nX-Spam: no\n{body}"));
    assert_eq!(first.identity(), second.identity());
    assert_ne!(first.identity(), read(&body.replace("Hello", "Goodbye")).identity());
    assert_ne!(first.identity(), read(&body.replace("<1@", "<2@")).identity());
}

#[test]
fn nesting_without_end_is_read_as_far_as_it_goes() {
    let mut mail = String::from("From: a@x.example\r\n");
    for at in 0..20_000 {
        mail.push_str(&format!("Content-Type: multipart/mixed; boundary=b{at}\r\n\r\n--b{at}\r\n"));
    }
    assert!(ParsedMail::read(mail.as_bytes(), None).is_ok());
    let inner = "Content-Type: message/rfc822\r\n\r\n".repeat(100_000);
    assert!(ParsedMail::read(format!("From: a@x.example\r\n{inner}").as_bytes(), None).is_ok());
    let parts = "--b\r\n\r\nx\r\n".repeat(100_000);
    let mail = format!("From: a@x.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n{parts}");
    assert!(ParsedMail::read(mail.as_bytes(), None).is_ok());
}

/// A small generator, so that a run can be repeated from its seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    fn of<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.roll(from.len())]
    }
}

const SEEDS: [&str; 6] = [
    "From: a@x.example\r\nSubject: =?utf-8?q?x=C3=A9?=\r\nMessage-ID: <1@x>\r\n\r\nHello\r\n",
    "Received: from a by mx.firm.example; Mon, 2 Mar 2026 09:00:00 +0000\r\nAuthentication-Results: mx.firm.example; dmarc=pass (p=none) header.from=x.example\r\nFrom: \"A, B\" <a@x.example>\r\nContent-Type: multipart/alternative; boundary=\"b\"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nHello\r\n--b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nPHA+SGVsbG88L3A+\r\n--b--\r\n",
    "From: a@x.example\r\nContent-Type: multipart/report; boundary=r\r\n\r\n--r\r\n\r\nbounce\r\n--r\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nRnJvbTogeEB5DQoNCmhpDQo=\r\n--r--\r\n",
    "From: Team: a@x.example, (c) b@y.example;\r\nReferences: <a@b>\r\n <c@d>\r\nDate: 99 Foo 99999 99:99:99 +9999\r\n\r\n",
    "From: a@x.example\r\nContent-Type: text/html; charset=utf-7\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<p>=E2=82=AC &#x110000; &amp;&nosuch; <b\r\n",
    "From: a@x.example\r\nContent-Type: text/plain; charset=iso-2022-jp\r\nContent-Disposition: inline; filename*=utf-8''%ff%fe\r\n\r\n\x1b$B\x1b(B\r\n",
];

const PIECES: [&str; 34] = [
    "\r\n",
    "\n",
    "\r",
    "\0",
    "\r\n\r\n",
    " ",
    "\t",
    ":",
    ";",
    "=",
    "\"",
    "(",
    ")",
    "<",
    ">",
    "@",
    ",",
    "\\",
    "--",
    "--b",
    "--b--",
    "=?",
    "?=",
    "=?utf-8?b?",
    "=?x?q?=",
    "From: b@y.example\r\n",
    "Content-Type: message/rfc822\r\n\r\n",
    "Content-Type: multipart/mixed; boundary=b\r\n",
    "boundary=\"\"",
    "charset=",
    "&#0;",
    "<!--",
    "Received: by ",
    "\u{fffd}",
];

#[test]
fn no_bytes_make_it_panic() {
    for seed in 0..600 {
        let mut dice = Dice(seed);
        let mut bytes = SEEDS[dice.roll(SEEDS.len())].as_bytes().to_vec();
        for _ in 0..=dice.roll(24) {
            let at = dice.roll(bytes.len() + 1);
            match dice.roll(6) {
                0 => bytes.truncate(at),
                1 => drop(bytes.splice(at..at, dice.of(&PIECES).bytes())),
                2 => drop(bytes.splice(at..at, dice.of(&SEEDS).bytes())),
                3 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = u8::try_from(dice.roll(256)).unwrap()),
                4 => {
                    let to = (at + dice.roll(60)).min(bytes.len());
                    bytes.drain(at..to);
                }
                _ => {
                    let piece = dice.of(&PIECES).repeat(dice.roll(200));
                    drop(bytes.splice(at..at, piece.bytes()));
                }
            }
        }
        if let Ok(mail) = ParsedMail::read(&bytes, Some("a@x.example")) {
            assert!(!mail.senders.is_empty() && mail.senders.len() <= ADDRESSES, "seed {seed}");
            assert!(!mail.subject.contains(char::is_control), "seed {seed}");
            assert!(!mail.senders_shown().contains(char::is_control), "seed {seed}");
            assert!(mail.references.iter().all(|id| id.bytes().all(|byte| byte.is_ascii_graphic())), "seed {seed}");
            assert!(mail.text.len() <= TEXT_BYTES, "seed {seed}");
            let _ = mail.trace.check("mx.firm.example", "x.example");
            let _ = mail.trace.received_by("mx.firm.example");
        }
    }
}
