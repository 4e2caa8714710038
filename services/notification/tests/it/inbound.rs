//! Mail that comes in and whose word it is (SOP 4.2).

use contracts::notification::v1::{InquiryReceived, MailKind, MailNoted, MailState, NotificationKind, SenderCheck};
use testkit::{TestDatabase, both_databases};
use tonic::Code;

use crate::support::*;

both_databases!(sets();
    a_mail_of_a_contact_is_an_inquiry_that_counts_from_its_receipt,
    the_same_mail_by_another_way_is_one_mail,
    the_same_mail_delivered_by_many_at_once_is_one_mail,
    two_mails_without_a_name_are_two_though_their_words_are_the_same,
    a_repeated_call_gets_the_first_answer,
    while_the_registry_is_down_mail_is_kept_and_waits,
    a_mail_before_the_first_policy_waits_for_it,
    automatic_mail_opens_nothing,
    a_delivery_report_is_filed_and_noted_where_it_belongs,
    the_firms_own_mail_is_filed,
    bytes_that_are_no_mail_are_refused,
    a_mail_from_the_future_is_refused,
    the_firms_own_received_field_says_when,
    words_are_sealed_with_the_key_of_whom_they_belong_to,
);

async fn a_mail_of_a_contact_is_an_inquiry_that_counts_from_its_receipt(db: TestDatabase) {
    let house = House::new(db).await;
    let received = at("2026-06-01T08:00:00Z");
    let raw = of_carla("1@client.example", "", "Where is my pump?").into_bytes();
    let taken = house.try_deliver(raw, Some(received)).await.unwrap();
    assert!(!taken.duplicate);
    let taken = taken.mail.unwrap();
    assert!(taken.text.is_empty() && taken.from.is_empty(), "the answer carries no words");
    house.quiet().await;

    let mail = house.mail(&taken.name).await;
    assert_eq!(
        (mail.state(), mail.kind(), mail.sender_check()),
        (MailState::Attributed, MailKind::Personal, SenderCheck::Passed)
    );
    assert_eq!((mail.client.as_str(), mail.contact.as_str()), (ACME, CARLA));
    assert_eq!(mail.from, "Carla Client <carla@client.example>");
    assert_eq!((mail.subject.as_str(), mail.text.as_str()), ("About the pump", "Where is my pump?"));
    assert_eq!(time(mail.receive_time), received);
    assert_eq!(time(mail.record_time), at(MONDAY));

    let told = house.told::<InquiryReceived>().await;
    assert_eq!(told.len(), 1);
    let told = &told[0];
    assert_eq!((&told.mail, told.client.as_str(), told.contact.as_str()), (&mail.name, ACME, CARLA));
    assert_eq!((&told.thread, told.case.as_str(), time(told.receive_time)), (&mail.thread, "", received));
    assert!(house.provider.outbox.list().unwrap().is_empty(), "the policy wants no acknowledgement");
}

async fn the_same_mail_by_another_way_is_one_mail(db: TestDatabase) {
    let house = House::new(db).await;
    let first = house.deliver(&of_carla("1@client.example", "", "Where is my pump?")).await;
    let other_way = "Received: from relay by mx.firm.example; Mon, 1 Jun 2026 09:16:00 +0000\r\nX-Spam: no\r\n";
    let second = house.deliver(&format!("{other_way}{}", of_carla("1@client.example", "", "Where is my pump?"))).await;
    assert!(second.duplicate);
    assert_eq!(second.mail.unwrap().name, first.mail.unwrap().name);
    let third = house.deliver(&of_carla("1@client.example", "", "Where is my other pump?")).await;
    assert!(!third.duplicate);
    house.quiet().await;
    assert_eq!(house.told::<InquiryReceived>().await.len(), 2);
}

async fn the_same_mail_delivered_by_many_at_once_is_one_mail(db: TestDatabase) {
    let house = House::new(db).await;
    let raw = of_carla("1@client.example", "", "Where is my pump?");
    let many = (0..8).map(|_| house.deliver(&raw));
    let answers = futures_util::future::join_all(many).await;
    assert_eq!(answers.iter().filter(|answer| !answer.duplicate).count(), 1);
    let names: std::collections::BTreeSet<_> = answers.into_iter().map(|answer| answer.mail.unwrap().name).collect();
    assert_eq!(names.len(), 1);
    house.quiet().await;
    assert_eq!(house.told::<InquiryReceived>().await.len(), 1);
}

async fn two_mails_without_a_name_are_two_though_their_words_are_the_same(db: TestDatabase) {
    let house = House::new(db).await;
    let yes = "From: carla@client.example\r\n\r\nYes.\r\n";
    let of = |minute: u8| format!("Received: from a by b; Mon, 1 Jun 2026 09:{minute}:00 +0000\r\n{yes}");
    assert!(!house.deliver(&of(10)).await.duplicate);
    assert!(house.deliver(&of(10)).await.duplicate, "the very same bytes");
    assert!(!house.deliver(&of(11)).await.duplicate);
}

async fn a_repeated_call_gets_the_first_answer(db: TestDatabase) {
    let house = House::new(db).await;
    let request = contracts::notification::v1::DeliverMailRequest {
        raw: of_carla("1@client.example", "", "Hello").into_bytes(),
        envelope_from: "carla@client.example".into(),
        receive_time: None,
        request_id: "r1".into(),
    };
    let first = house.inbound(MTA).deliver_mail(request.clone()).await.unwrap().into_inner();
    let second = house.inbound(MTA).deliver_mail(request).await.unwrap().into_inner();
    assert_eq!(first, second);
    assert!(!second.duplicate, "the first answer, not another one");
}

async fn while_the_registry_is_down_mail_is_kept_and_waits(db: TestDatabase) {
    let house = House::new(db).await;
    house.registry.state().down = true;
    let name = house.deliver(&of_carla("1@client.example", "", "Hello")).await.mail.unwrap().name;
    house.quiet().await;
    assert_eq!(house.mail(&name).await.state(), MailState::Received);
    house.registry.state().down = false;
    house.at("2026-06-01T09:30:00Z").await;
    let mail = house.mail(&name).await;
    assert_eq!(mail.state(), MailState::Attributed);
    assert_eq!(time(house.told::<InquiryReceived>().await[0].receive_time), at(MONDAY));
}

async fn a_mail_before_the_first_policy_waits_for_it(db: TestDatabase) {
    let house = House::strange(db).await;
    let name = house.deliver(&of_carla("1@client.example", "", "Hello")).await.mail.unwrap().name;
    house.quiet().await;
    assert_eq!(house.mail(&name).await.state(), MailState::Received);
    house.furnish();
    house.at("2026-06-01T09:30:00Z").await;
    assert_eq!(house.mail(&name).await.state(), MailState::Attributed);
}

async fn automatic_mail_opens_nothing(db: TestDatabase) {
    let house = House::new(db).await;
    let first = house.take(&of_carla("1@client.example", "", "Where is my pump?")).await;
    house.open_case("cases/1", &first).await;
    let away = "Auto-Submitted: auto-replied\r\nIn-Reply-To: <1@client.example>\r\n";
    let mail = house.take(&of_carla("2@client.example", away, "I am away.")).await;
    assert_eq!((mail.state(), mail.kind()), (MailState::Attributed, MailKind::Automatic));
    assert_eq!((mail.thread.as_str(), mail.case.as_str()), (first.thread.as_str(), "cases/1"));
    let noted = house.told::<MailNoted>().await;
    assert_eq!(noted.len(), 1);
    assert_eq!(
        (noted[0].case.as_str(), noted[0].kind(), noted[0].third_party),
        ("cases/1", MailKind::Automatic, false)
    );

    let alone = house.take(&of_carla("3@client.example", "Precedence: bulk\r\n", "News!")).await;
    assert_eq!((alone.state(), alone.thread.as_str()), (MailState::Attributed, ""));
    assert_eq!(house.told::<InquiryReceived>().await.len(), 1);
    assert_eq!(house.told::<MailNoted>().await.len(), 1, "on no conversation there is nothing to note");
}

async fn a_delivery_report_is_filed_and_noted_where_it_belongs(db: TestDatabase) {
    let house = House::new(db).await;
    let first = house.take(&of_carla("1@client.example", "", "Where is my pump?")).await;
    house.open_case("cases/1", &first).await;
    let sent = house.reply("cases/1", "On its way.").await.unwrap();
    house.quiet().await;
    let id = house.notification(&sent.name).await.message_id;
    let report = format!(
        "From: MAILER-DAEMON@mx.client.example\r\nMessage-ID: <d@mx>\r\nDate: Mon, 1 Jun 2026 09:20:00 +0000\r\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n\
         --b\r\n\r\nNo such user.\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <{id}>\r\n\r\n--b--\r\n"
    );
    let mail = house.take(&report).await;
    assert_eq!((mail.state(), mail.kind()), (MailState::Filed, MailKind::DeliveryReport));
    assert_eq!((mail.client.as_str(), mail.case.as_str()), (ACME, "cases/1"));
    let noted = house.told::<MailNoted>().await;
    assert_eq!((noted.len(), noted[0].kind(), noted[0].third_party), (1, MailKind::DeliveryReport, false));
    assert!(house.notifications(NotificationKind::Triage).await.is_empty());
}

async fn the_firms_own_mail_is_filed(db: TestDatabase) {
    let house = House::new(db).await;
    let mail = house.take(&letter("anna@firm.example", "1@firm.example", "", "Note to self")).await;
    assert_eq!((mail.state(), mail.client.as_str()), (MailState::Filed, ""));
    let forged = house.take(&unchecked("anna@firm.example", "2@firm.example", "", "Pay this bill")).await;
    assert_eq!((forged.state(), forged.triage.unwrap().reason.as_str()), (MailState::InTriage, "UNVERIFIED_SENDER"));
    assert!(house.told::<InquiryReceived>().await.is_empty());
}

async fn bytes_that_are_no_mail_are_refused(db: TestDatabase) {
    let house = House::new(db).await;
    for bytes in [&b"no header at all"[..], b"Subject: nobody wrote it\r\n\r\nHello\r\n", &[0; 50]] {
        let answer = house.try_deliver(bytes.to_vec(), None).await;
        assert_eq!(refused(answer), (Code::InvalidArgument, "NOT_A_MAIL".to_owned()));
    }
    let mut large = of_carla("1@client.example", "", "").into_bytes();
    large.resize(25 * 1024 * 1024, b'x');
    assert!(house.try_deliver(large.clone(), None).await.is_ok(), "25 MiB are taken");
    large.push(b'x');
    let answer = house.try_deliver(large, None).await;
    assert_eq!(refused(answer), (Code::ResourceExhausted, "MAIL_TOO_LARGE".to_owned()));
}

async fn a_mail_from_the_future_is_refused(db: TestDatabase) {
    let house = House::new(db).await;
    let raw = of_carla("1@client.example", "", "Hello").into_bytes();
    let answer = house.try_deliver(raw, Some(at("2026-06-01T09:15:01Z"))).await;
    assert_eq!(refused(answer), (Code::InvalidArgument, "RECEIVED_IN_FUTURE".to_owned()));
}

async fn the_firms_own_received_field_says_when(db: TestDatabase) {
    let house = House::new(db).await;
    let trace = "Received: from inner by store.firm.example; Mon, 1 Jun 2026 09:14:00 +0000\r\n\
                 Received: from client by mx.firm.example; Mon, 1 Jun 2026 09:02:03 +0000\r\n\
                 Received: from me by mx.firm.example; Mon, 1 Jun 2020 09:00:00 +0000\r\n";
    let raw = format!("{trace}{}", of_carla("1@client.example", "", "Hello")).into_bytes();
    let taken = house.try_deliver(raw, None).await.unwrap().mail.unwrap();
    assert_eq!(time(taken.receive_time), at("2026-06-01T09:02:03Z"));
    let raw = of_carla("2@client.example", "", "Hello").into_bytes();
    let taken = house.try_deliver(raw, None).await.unwrap().mail.unwrap();
    assert_eq!(time(taken.receive_time), at(MONDAY), "nothing says when: now");
}

async fn words_are_sealed_with_the_key_of_whom_they_belong_to(db: TestDatabase) {
    let house = House::new(db).await;
    let known = house.take(&of_carla("secret-id@client.example", "", "The password is swordfish.")).await;
    let unknown = house.take(&letter("xavier@nowhere.example", "x@nowhere.example", "", "Buy swordfish.")).await;
    for (mail, owner) in [(&known, ACME), (&unknown, "unknown-senders")] {
        let sql = "SELECT COUNT(*) AS n FROM mail WHERE id = ? AND key_owner = ?";
        let id = mail.name.trim_start_matches("mails/");
        assert_eq!(house.count(sql, vec![id.into(), owner.into()]).await, 1, "{owner}");
    }
    let mail = house.everything_in("mail", &["sender", "subject", "message_id", "trail", "identity"]).await;
    let content = house.everything_in("mail_content", &["text", "raw"]).await;
    let events = house.everything_in("outbox", &["payload"]).await;
    let audit = house.everything_in("audit_row", &["resources", "action"]).await;
    for secret in ["swordfish", "carla@", "xavier", "secret-id", "About the pump"] {
        for (what, bytes) in [("mail", &mail), ("content", &content), ("events", &events), ("audit", &audit)] {
            assert!(!bytes.windows(secret.len()).any(|part| part == secret.as_bytes()), "{secret} in {what}");
        }
    }
}
