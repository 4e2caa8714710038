//! What every provider of mail does, whichever it is; then what SMTP does of its own.

use std::time::{Duration, Instant};

use notification::{
    LocalOutbox,
    provider::{
        HandOver, Lookup, MailProvider, Outgoing, RefusedRecipient, Settlement, Smtp,
        smtp::settings::{Dkim, SmtpSettings, Tls},
    },
};

use crate::smtp_server::{Script, SmtpServer};

const TOKEN: &str = "0123456789abcdef0123456789abcdef-0123456789abcdef";

fn mail(attempt: u32) -> Outgoing {
    let text = "From: Anna Firm <anna@firm.example>\r\nTo: jo@client.example, al@client.example\r\nSubject: A\r\n  folded one\r\n\
                Date: Mon, 1 Jun 2026 09:15:00 +0000\r\nMessage-ID: <1@firm.example>\r\n\r\n.begins with a dot\r\n..and two\r\n\
                .\r\nends  \r\n\r\n";
    Outgoing {
        notification: "n".into(),
        attempt,
        recipients: vec!["jo@client.example".into(), "al@client.example".into()],
        sender: "anna@firm.example".into(),
        token: TOKEN.into(),
        message: text.as_bytes().to_vec(),
    }
}

/// What arrived of a provider's mails.
type Arrived<'a> = &'a (dyn Fn() -> Vec<Vec<u8>> + Sync);

async fn contract(provider: &dyn MailProvider, arrived: Arrived<'_>) {
    assert!(provider.check().await.is_ok());
    assert!(!provider.rests());

    // A mail arrives once for all of its recipients, byte for byte, and the provider has a name for it.
    let HandOver::Accepted { receipt, refused } = provider.hand_over(&mail(1)).await else { panic!("not taken") };
    assert!(!receipt.is_empty() && refused.is_empty());
    assert_eq!(arrived(), [mail(1).message]);

    // How an unknown outcome is settled is as it declares.
    let found = provider.look_up("n", 1).await;
    match provider.settlement() {
        Settlement::Lookup => {
            assert!(matches!(found, Lookup::HandedOver { receipt: known, .. } if known == receipt));
            assert_eq!(provider.look_up("n", 7).await, Lookup::NotHandedOver);
            assert!(matches!(provider.hand_over(&mail(7)).await, HandOver::Refused { permanent: false, .. }));
        }
        Settlement::None => assert_eq!(found, Lookup::Unknown),
    }
    assert_eq!(arrived().len(), 1);

    // What can be no mail is refused for good.
    let nothing = Outgoing { message: Vec::new(), ..mail(2) };
    assert!(matches!(provider.hand_over(&nothing).await, HandOver::Refused { permanent: true, .. }));
    assert_eq!(arrived().len(), 1);

    // The next one arrives too.
    assert!(matches!(provider.hand_over(&mail(3)).await, HandOver::Accepted { .. }));
    assert_eq!(arrived().len(), 2);
}

#[tokio::test]
async fn the_local_outbox_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let outbox = LocalOutbox::open(folder.path()).unwrap();
    let shown = outbox.clone();
    let arrived = move || {
        let listed = shown.list().unwrap();
        listed.iter().filter_map(|mail| shown.read(&mail.id).unwrap()).collect()
    };
    contract(&outbox, &arrived).await;
}

#[tokio::test]
async fn smtp_over_implicit_tls_keeps_the_contract() {
    smtp_keeps_the_contract(Tls::Implicit).await;
}

#[tokio::test]
async fn smtp_over_starttls_keeps_the_contract() {
    smtp_keeps_the_contract(Tls::Starttls).await;
}

async fn smtp_keeps_the_contract(tls: Tls) {
    let server = SmtpServer::start(tls).await;
    let smtp = Smtp::try_new(&server.settings()).unwrap();
    let shown = server.clone();
    contract(&smtp, &move || shown.taken().into_iter().map(|taken| taken.message).collect()).await;
    assert!(server.bare().iter().all(|line| line.starts_with("EHLO") || line == "STARTTLS"), "{:?}", server.bare());
    let first = server.taken().remove(0);
    assert_eq!(first.from, format!("bounces+{TOKEN}@firm.example"), "a failure notice finds the mail");
    assert_eq!(first.to, mail(1).recipients);
    assert_eq!(server.connections(), 2, "one to check, and one for all mails");
}

async fn scripted(script: Script) -> (SmtpServer, Smtp) {
    let server = SmtpServer::start(Tls::Implicit).await;
    server.script(script);
    let smtp = Smtp::try_new(&server.settings()).unwrap();
    (server, smtp)
}

#[tokio::test]
async fn without_tls_nothing_leaves() {
    let server = SmtpServer::start(Tls::Starttls).await;
    server.script(Script::NoStarttls);
    let smtp = Smtp::try_new(&server.settings()).unwrap();
    assert_eq!(smtp.hand_over(&mail(1)).await, HandOver::Unavailable { reason: "TLS_NOT_OFFERED".into() });
    assert!(smtp.check().await.unwrap_err().contains("no TLS"));
    assert!(server.bare().iter().all(|line| line.starts_with("EHLO")), "{:?}", server.bare());
    assert!(server.taken().is_empty());
}

#[tokio::test]
async fn what_is_said_before_tls_begins_is_not_believed() {
    let server = SmtpServer::start(Tls::Starttls).await;
    server.script(Script::SpeaksBeforeTls);
    let file = server.file("password", "secret\n");
    let settings = SmtpSettings { user: Some("liaison".into()), password_file: Some(file), ..server.settings() };
    let smtp = Smtp::try_new(&settings).unwrap();
    assert!(matches!(smtp.hand_over(&mail(1)).await, HandOver::Unavailable { .. }));
    assert!(server.logins().is_empty() && server.taken().is_empty());
}

#[tokio::test]
async fn a_certificate_that_does_not_hold_gets_nothing() {
    let (other, another) = (SmtpServer::start(Tls::Implicit).await, SmtpServer::start(Tls::Implicit).await);
    let foreign = SmtpSettings { ca_file: another.settings().ca_file, ..other.settings() };
    let misnamed = SmtpServer::named(Tls::Implicit, "relay.evil.example").await;
    for (server, settings) in [(&other, foreign), (&misnamed, misnamed.settings())] {
        let smtp = Smtp::try_new(&settings).unwrap();
        assert_eq!(smtp.hand_over(&mail(1)).await, HandOver::Unavailable { reason: "TLS_REFUSED".into() });
        assert!(server.taken().is_empty());
    }
}

#[tokio::test]
async fn it_logs_in_after_tls_and_reads_the_password_anew() {
    let (server, _) = scripted(Script::ClosesAfterMail).await;
    let file = server.file("password", "first\n");
    let settings = SmtpSettings { user: Some("liaison".into()), password_file: Some(file), ..server.settings() };
    let smtp = Smtp::try_new(&settings).unwrap();
    assert!(matches!(smtp.hand_over(&mail(1)).await, HandOver::Accepted { .. }));
    server.file("password", "second\n");
    assert!(matches!(smtp.hand_over(&mail(2)).await, HandOver::Accepted { .. }), "the closed connection was replaced");
    // \0liaison\0first, \0liaison\0second
    assert_eq!(server.logins(), ["AGxpYWlzb24AZmlyc3Q=", "AGxpYWlzb24Ac2Vjb25k"]);
}

#[tokio::test]
async fn one_of_several_who_is_refused_keeps_it_from_nobody_else() {
    let (server, smtp) = scripted(Script::RefusesRecipient("jo@client.example", "550 5.1.1 no such user")).await;
    let refused = RefusedRecipient {
        address: "jo@client.example".into(),
        reason: "SMTP_550_5_1_1".into(),
        status: "5.1.1".into(),
        permanent: true,
    };
    let HandOver::Accepted { refused: found, .. } = smtp.hand_over(&mail(1)).await else { panic!("not taken") };
    assert_eq!(found, std::slice::from_ref(&refused));
    assert_eq!(server.taken()[0].to, ["al@client.example"]);
    let alone = Outgoing { recipients: vec!["jo@client.example".into()], ..mail(2) };
    let expected = HandOver::Refused { reason: "SMTP_550_5_1_1".into(), permanent: true, recipients: vec![refused] };
    assert_eq!(smtp.hand_over(&alone).await, expected);
    assert_eq!(server.taken().len(), 1);
}

#[tokio::test]
async fn a_4xx_is_for_now_and_a_5xx_for_good() {
    for (script, reason, permanent) in [
        (Script::RefusesMail("451 4.7.1 greylisted"), "SMTP_451_4_7_1", false),
        (Script::RefusesMail("550 5.7.1 not you"), "SMTP_550_5_7_1", true),
        (Script::RefusesMessage("452 4.3.1 no room"), "SMTP_452_4_3_1", false),
        (Script::RefusesMessage("554 5.6.0 not this"), "SMTP_554_5_6_0", true),
    ] {
        let (server, smtp) = scripted(script).await;
        assert_eq!(smtp.hand_over(&mail(1)).await, HandOver::refused(reason, permanent));
        assert!(server.taken().is_empty());
        server.script(Script::Takes);
        assert!(matches!(smtp.hand_over(&mail(2)).await, HandOver::Accepted { .. }));
    }
}

#[tokio::test]
async fn no_address_that_a_relay_repeats_stays_in_its_receipt() {
    let (_server, smtp) = scripted(Script::TakesWith("250 2.6.0 <jo@client.example> queued as 7F3A")).await;
    let HandOver::Accepted { receipt, .. } = smtp.hand_over(&mail(1)).await else { panic!("not taken") };
    assert_eq!(receipt, "2.6.0 queued as 7F3A");
}

#[tokio::test]
async fn an_answer_lost_after_the_final_dot_is_unknown() {
    for script in [Script::DropsAfterMessage, Script::StallsAfterMessage] {
        let (server, smtp) = scripted(script).await;
        let begun = Instant::now();
        assert_eq!(smtp.hand_over(&mail(1)).await, HandOver::Unknown);
        assert!(begun.elapsed() < Duration::from_secs(10), "the sender's own limit tells nothing");
        assert_eq!(server.taken().len(), 1);
    }
}

#[tokio::test]
async fn a_relay_that_stalls_is_left_alone_and_used_again_once_it_rested() {
    let (server, smtp) = scripted(Script::Stalls).await;
    let (first, second) = (mail(1), mail(2));
    let tries = [smtp.hand_over(&first), smtp.hand_over(&first), smtp.hand_over(&first), smtp.hand_over(&first)];
    let more = [smtp.hand_over(&second), smtp.hand_over(&second), smtp.hand_over(&second), smtp.hand_over(&second)];
    let outcomes = futures_util::future::join_all(tries.into_iter().chain(more)).await;
    for outcome in outcomes {
        assert_eq!(outcome, HandOver::Unavailable { reason: "RELAY_TIMED_OUT".into() });
    }
    assert!(smtp.rests(), "after five in a row nothing is tried");
    let asked = Instant::now();
    assert_eq!(smtp.hand_over(&second).await, HandOver::Unavailable { reason: "RELAY_RESTS".into() });
    assert!(asked.elapsed() < Duration::from_secs(1));
    assert!(server.taken().is_empty());
}

#[tokio::test]
async fn what_is_signed_bears_the_domain_of_from_and_the_selector() {
    let server = SmtpServer::start(Tls::Implicit).await;
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap().serialize_pem();
    let settings = SmtpSettings {
        dkim: Dkim::Own,
        dkim_selector: Some("2026a".into()),
        dkim_key_file: Some(server.file("dkim.pem", &key)),
        ..server.settings()
    };
    let smtp = Smtp::try_new(&settings).unwrap();
    assert!(matches!(smtp.hand_over(&mail(1)).await, HandOver::Accepted { .. }));
    let message = String::from_utf8(server.taken().remove(0).message).unwrap();
    let (signature, rest) = message.split_at(message.find("\r\nFrom:").unwrap() + 2);
    assert_eq!(rest.as_bytes(), mail(1).message);
    for part in ["v=1; a=ed25519-sha256; c=relaxed/relaxed; d=firm.example; s=2026a;", "h=from:from:"] {
        assert!(signature.contains(part), "{signature}");
    }
}

#[tokio::test]
async fn a_key_that_is_none_or_too_short_is_refused_at_the_start() {
    let server = SmtpServer::start(Tls::Implicit).await;
    for text in ["", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
        let settings = SmtpSettings {
            dkim: Dkim::Own,
            dkim_selector: Some("2026a".into()),
            dkim_key_file: Some(server.file("bad.pem", text)),
            ..server.settings()
        };
        let error = Smtp::try_new(&settings).map(drop).unwrap_err();
        assert_eq!(error.key, "smtp.dkim_key_file");
    }
}
