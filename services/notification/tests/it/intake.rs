//! Mail by LMTP and from a maildir: taken once, answered for, and never lost.

use std::{path::PathBuf, time::Duration};

use contracts::notification::v1::{InquiryReceived, MailKind, MailState};
use notification::{config::Own, intake::LmtpSettings};
use testkit::{TestDatabase, both_databases, eventually};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use crate::{hostile, support::*};

both_databases!(sets();
    a_mail_by_lmtp_is_taken_and_its_clock_counts,
    what_can_never_be_taken_is_answered_so,
    while_the_database_is_away_the_mail_server_keeps_the_mail,
    a_second_mail_smuggled_into_one_stays_words,
    a_maildir_is_emptied_and_nothing_is_lost,
    a_failure_notice_by_lmtp_finds_its_mail_by_the_envelope,
);

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_hostile_mails_crash_nothing_and_none_is_dropped_without_a_trace() {
    hostile_mails(TestDatabase::sqlite(&sets()).await).await;
}

/// A conversation.
struct Lmtp(BufReader<TcpStream>);

impl Lmtp {
    async fn open(house: &House) -> Self {
        let address = house.lmtp().await;
        let mut this = Self(BufReader::new(TcpStream::connect(address).await.unwrap()));
        assert!(this.hear().await.starts_with("220"));
        assert!(this.say("LHLO mx.firm.example").await.starts_with("250"));
        this
    }

    /// The last line of an answer.
    async fn hear(&mut self) -> String {
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).await.unwrap();
            if line.as_bytes().get(3) != Some(&b'-') {
                return line.trim_end().to_owned();
            }
        }
    }

    async fn say(&mut self, line: &str) -> String {
        self.0.write_all(format!("{line}\r\n").as_bytes()).await.unwrap();
        self.hear().await
    }

    /// Sends a message; gives each recipient's answer.
    async fn send(&mut self, from: &str, to: &[&str], raw: &[u8]) -> Vec<String> {
        assert!(self.say(&format!("MAIL FROM:<{from}>")).await.starts_with("250"));
        for to in to {
            assert!(self.say(&format!("RCPT TO:<{to}>")).await.starts_with("250"), "{to}");
        }
        assert!(self.say("DATA").await.starts_with("354"));
        let mut stuffed = Vec::new();
        for line in raw.split_inclusive(|byte| *byte == b'\n') {
            if line.first() == Some(&b'.') {
                stuffed.push(b'.');
            }
            stuffed.extend_from_slice(line);
        }
        self.0.write_all(&stuffed).await.unwrap();
        self.0.write_all(if raw.ends_with(b"\r\n") { b".\r\n" } else { b"\r\n.\r\n" }).await.unwrap();
        let mut answers = Vec::new();
        for _ in to {
            answers.push(self.hear().await);
        }
        answers
    }
}

async fn house(db: TestDatabase) -> (House, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let own = Own {
        lmtp: LmtpSettings {
            listen: Some("127.0.0.1:0".into()),
            recipients: "service@firm.example, bounces@firm.example".into(),
        },
        maildir: Some(folder.path().join("maildir")),
        ..Own::default()
    };
    (House::with(db, own).await, folder)
}

const SERVICE: &[&str] = &["service@firm.example"];

async fn a_mail_by_lmtp_is_taken_and_its_clock_counts(db: TestDatabase) {
    let (house, _folder) = house(db).await;
    let mut lmtp = Lmtp::open(&house).await;
    let raw = of_carla("1@client.example", "", ".begins with a dot\r\n..two\r\nWhere is my pump?");
    let to = ["service@firm.example", "bounces@firm.example"];
    let answers = lmtp.send("carla@client.example", &to, raw.as_bytes()).await;
    assert!(answers.iter().all(|answer| answer.starts_with("250")), "{answers:?}");
    let again = lmtp.send("carla@client.example", SERVICE, raw.as_bytes()).await;
    assert!(again[0].contains("taken before"));
    house.quiet().await;
    let mail = house.mails(BOSS).await.remove(0);
    let mail = house.mail(&mail.name).await;
    assert_eq!((mail.state(), mail.contact.as_str()), (MailState::Attributed, CARLA));
    assert_eq!(mail.text, ".begins with a dot\n..two\nWhere is my pump?");
    assert_eq!(time(mail.receive_time), at(MONDAY));
    assert_eq!(house.told::<InquiryReceived>().await.len(), 1);
    assert!(lmtp.say("QUIT").await.starts_with("221"));

    // The null sender: a machine.
    let mut lmtp = Lmtp::open(&house).await;
    lmtp.send("", SERVICE, of_carla("2@client.example", "", "I am away").as_bytes()).await;
    house.quiet().await;
    assert!(house.mails(BOSS).await.iter().any(|mail| mail.kind() == MailKind::Automatic));
}

async fn what_can_never_be_taken_is_answered_so(db: TestDatabase) {
    let (house, _folder) = house(db).await;
    let mut lmtp = Lmtp::open(&house).await;
    assert!(lmtp.send("a@b.example", SERVICE, b"no header at all").await[0].starts_with("554 5.6.0 NOT_A_MAIL"));
    let mut large = of_carla("1@client.example", "", "").into_bytes();
    large.resize(26 * 1024 * 1024, b'x');
    assert!(lmtp.send("a@b.example", SERVICE, &large).await[0].starts_with("552"));
    assert!(lmtp.say("MAIL FROM:<a@b.example>").await.starts_with("250"), "the conversation goes on");
    assert!(lmtp.say("RCPT TO:<anna@firm.example>").await.starts_with("550"));
    assert!(lmtp.say(&"x".repeat(10_000)).await.starts_with("500"));
    assert!(house.mails(BOSS).await.is_empty());
}

async fn while_the_database_is_away_the_mail_server_keeps_the_mail(db: TestDatabase) {
    let (house, folder) = house(db).await;
    let mut lmtp = Lmtp::open(&house).await;
    let waiting = put(&folder, "1.a", of_carla("2@client.example", "", "Hello").as_bytes());
    house.take_table_away("mail").await;
    let raw = of_carla("1@client.example", "", "Where is my pump?");
    let answer = lmtp.send("carla@client.example", SERVICE, raw.as_bytes()).await;
    assert!(answer[0].starts_with("451"), "{answer:?}");
    house.bring_table_back("mail").await;
    let answer = lmtp.send("carla@client.example", SERVICE, raw.as_bytes()).await;
    assert!(answer[0].starts_with("250"), "{answer:?}");
    eventually(SOON, async || !waiting.exists()).await;
    house.quiet().await;
    assert_eq!(house.mails(BOSS).await.len(), 2);
}

async fn a_second_mail_smuggled_into_one_stays_words(db: TestDatabase) {
    let (house, _folder) = house(db).await;
    let mut lmtp = Lmtp::open(&house).await;
    for (number, end) in ["\n.\n", "\n.\r\n", "\r.\r", "\r\n.\n"].into_iter().enumerate() {
        let text = format!("Hello{end}MAIL FROM:<boss@firm.example>\r\nFrom: boss@firm.example");
        let raw = of_carla(&format!("{number}@client.example"), "", &text);
        assert!(lmtp.send("carla@client.example", SERVICE, raw.as_bytes()).await[0].starts_with("250"));
    }
    house.quiet().await;
    assert_eq!(house.mails(BOSS).await.len(), 4);
    assert!(house.mails(BOSS).await.iter().all(|mail| mail.from.contains("carla@client.example")));
}

/// Puts a mail into the maildir as a mail server does.
fn put(folder: &tempfile::TempDir, name: &str, raw: &[u8]) -> PathBuf {
    let maildir = folder.path().join("maildir");
    let (tmp, new) = (maildir.join("tmp").join(name), maildir.join("new").join(name));
    std::fs::write(&tmp, raw).unwrap();
    std::fs::rename(&tmp, &new).unwrap();
    new
}

async fn a_maildir_is_emptied_and_nothing_is_lost(db: TestDatabase) {
    let (house, folder) = house(db).await;
    let raw = of_carla("1@client.example", "Return-Path: <carla@client.example>\r\n", "Where is my pump?");
    let first = put(&folder, "1.a", raw.as_bytes());
    let bad = put(&folder, "2.b", b"no mail at all");
    eventually(SOON, async || !first.exists() && !bad.exists()).await;
    let maildir = folder.path().join("maildir");
    assert!(maildir.join("cur/1.a:2,").exists());
    assert!(maildir.join("rejected/2.b").exists());
    assert_eq!(std::fs::read_to_string(maildir.join("rejected/2.b.reason")).unwrap(), "NOT_A_MAIL\n");
    house.quiet().await;
    let mail = house.mails(BOSS).await.remove(0);
    assert_eq!((mail.state(), time(mail.receive_time)), (MailState::Attributed, at(MONDAY)));

    // Killed between the commit and the move: the same mail again.
    let again = put(&folder, "1.a", raw.as_bytes());
    eventually(SOON, async || !again.exists()).await;
    house.quiet().await;
    assert_eq!((house.mails(BOSS).await.len(), house.told::<InquiryReceived>().await.len()), (1, 1));
}

async fn a_failure_notice_by_lmtp_finds_its_mail_by_the_envelope(db: TestDatabase) {
    let (house, _folder) = house(db).await;
    let mail = house.take(&of_carla("1@client.example", "", "Where is my pump?")).await;
    house.open_case("cases/1", &mail).await;
    let sent = house.reply("cases/1", "On its way.").await.unwrap();
    house.quiet().await;
    let token = house.provider.tokens().last().cloned().unwrap();
    let to = format!("bounces+{token}@firm.example");
    let notice = notice("", "forwarded@elsewhere.example", "failed", "5.1.1");
    let mut lmtp = Lmtp::open(&house).await;
    assert!(lmtp.send("", &[&to], notice.as_bytes()).await[0].starts_with("250"));
    house.quiet().await;
    let back = house.notification(&sent.name).await;
    assert_eq!(back.state(), contracts::notification::v1::NotificationState::Returned);
}

async fn hostile_mails(db: TestDatabase) {
    let (house, folder) = house(db).await;
    let mut lmtp = Lmtp::open(&house).await;
    // A real conversation that they attack.
    let first = house.take(&of_carla("1@client.example", "", "Where is my pump?")).await;
    house.open_case("cases/1", &first).await;
    house.reply("cases/1", "On its way.").await.unwrap();
    house.quiet().await;
    let before = (house.told::<InquiryReceived>().await.len(), house.provider.begun());
    let (mut taken, mut refused) = (0, 0);
    let maildir = folder.path().join("maildir");
    let corpus = hostile::corpus(hostile::SEED, hostile::MAILS);
    // By three ways in turn; each answers for what it did.
    for (number, hostile) in corpus.iter().enumerate().filter(|(number, _)| number % 3 == 1) {
        put(&folder, &format!("{number:04}.h"), &hostile.raw);
    }
    let emptied = async || std::fs::read_dir(maildir.join("new")).unwrap().next().is_none();
    eventually(Duration::from_secs(120), emptied).await;
    for (number, hostile) in corpus.into_iter().enumerate() {
        let answer = match number % 3 {
            0 => lmtp.send(&hostile.from, SERVICE, &hostile.raw).await.remove(0).starts_with("250"),
            1 => maildir.join(format!("cur/{number:04}.h:2,")).exists(),
            _ => house.try_deliver(hostile.raw.clone(), None).await.is_ok(),
        };
        *(if answer { &mut taken } else { &mut refused }) += 1;
        assert!(answer || hostile.may_be_refused, "{number}: {}", hostile.what);
    }
    assert_eq!(taken + refused, hostile::MAILS);
    assert!(taken > refused, "most are mails, if strange ones: {taken} and {refused}");
    house.quiet().await;
    // Every one that was taken is there, looked at, and has an owner or a reason.
    let all = house.count("SELECT COUNT(*) AS n FROM mail", vec![]).await;
    let received = house.count("SELECT COUNT(*) AS n FROM mail WHERE state = 1", vec![]).await;
    assert_eq!((all, received), (i64::try_from(taken).unwrap() + 1, 0), "none lies unlooked at");
    let set_aside = house.count("SELECT COUNT(*) AS n FROM work WHERE set_aside_reason IS NOT NULL", vec![]).await;
    assert_eq!(set_aside, 0, "and no work was given up");
    // None of them spoke for a client or made us write to one.
    assert_eq!(house.told::<InquiryReceived>().await.len(), before.0, "nobody vouched for any of them");
    let to_clients = "SELECT COUNT(*) AS n FROM notification WHERE client <> ''";
    assert_eq!(house.count(to_clients, vec![]).await, 1, "no machine was answered, no header injected");
    assert!(lmtp.say("NOOP").await.starts_with("250"));
}
