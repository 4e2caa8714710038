//! Mail that comes in and whose word it is (SOP 4.2).

use contracts::notification::v1::{
    DeliverMailRequest, InquiryReceived, MailKind, MailNoted, MailState, MailTriaged, NotificationKind, SenderCheck,
};
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
    a_mail_whose_envelope_was_not_told_is_a_persons_unless_its_header_says_otherwise,
    a_delivery_report_is_filed_and_noted_where_it_belongs,
    a_report_about_a_mail_to_the_firms_own_people_is_filed_and_told_to_nobody,
    a_strangers_report_about_nothing_that_was_sent_lies_in_triage,
    a_report_of_a_contacts_is_that_clients_machines,
    what_the_firms_own_people_send_on_has_an_owner_and_a_clock,
    a_colleagues_machine_that_answers_us_is_filed,
    bytes_that_are_no_mail_are_refused,
    a_mail_from_the_future_is_refused,
    a_mail_server_whose_clock_is_somewhat_ahead_is_heard,
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
    let request = DeliverMailRequest {
        raw: of_carla("1@client.example", "", "Hello").into_bytes(),
        envelope_from: Some("carla@client.example".into()),
        receive_time: None,
        envelope_to: Vec::new(),
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

    let alone = house.take(&of_carla("3@client.example", "Auto-Submitted: auto-generated\r\n", "News!")).await;
    assert_eq!((alone.state(), alone.thread.as_str()), (MailState::Attributed, ""));
    assert_eq!(house.told::<InquiryReceived>().await.len(), 1);
    assert_eq!(house.told::<MailNoted>().await.len(), 1, "on no conversation there is nothing to note");
}

async fn a_mail_whose_envelope_was_not_told_is_a_persons_unless_its_header_says_otherwise(db: TestDatabase) {
    let house = House::new(db).await;
    for (id, envelope_from, fields, kind) in [
        ("1", None, "", MailKind::Personal),
        ("2", None, "Auto-Submitted: auto-replied\r\n", MailKind::Automatic),
        ("3", Some(""), "", MailKind::Automatic),
        ("4", Some("<>"), "", MailKind::Automatic),
        ("5", Some("carla@client.example"), "", MailKind::Personal),
    ] {
        let request = DeliverMailRequest {
            raw: of_carla(&format!("{id}@client.example"), fields, "Where is my pump?").into_bytes(),
            envelope_from: envelope_from.map(str::to_owned),
            ..DeliverMailRequest::default()
        };
        let mail = house.inbound(MTA).deliver_mail(request).await.unwrap().into_inner().mail.unwrap();
        assert_eq!(mail.kind(), kind, "{id}");
    }
    house.quiet().await;
    assert_eq!(house.told::<InquiryReceived>().await.len(), 2);
}

async fn a_delivery_report_is_filed_and_noted_where_it_belongs(db: TestDatabase) {
    let house = House::new(db).await;
    let first = house.take(&of_carla("1@client.example", "", "Where is my pump?")).await;
    house.open_case("cases/1", &first).await;
    let sent = house.reply("cases/1", "On its way.").await.unwrap();
    house.quiet().await;
    let id = house.notification(&sent.name).await.message_id;
    let mail = house.take(&report("MAILER-DAEMON@mx.client.example", &id)).await;
    assert_eq!((mail.state(), mail.kind()), (MailState::Filed, MailKind::DeliveryReport));
    assert_eq!((mail.client.as_str(), mail.case.as_str()), (ACME, "cases/1"));
    let noted = house.told::<MailNoted>().await;
    assert_eq!((noted.len(), noted[0].kind(), noted[0].third_party), (1, MailKind::DeliveryReport, false));
    assert!(house.notifications(NotificationKind::Triage).await.is_empty());
}

async fn a_report_about_a_mail_to_the_firms_own_people_is_filed_and_told_to_nobody(db: TestDatabase) {
    let house = House::new(db).await;
    house.take(&letter("xavier@nowhere.example", "x@nowhere.example", "", "I want a pump.")).await;
    let told = house.only(NotificationKind::Triage).await;
    let mail = house.take(&report("MAILER-DAEMON@mx.firm.example", &told.message_id)).await;
    assert_eq!((mail.state(), mail.client.as_str()), (MailState::Filed, ""));
    assert_eq!(house.notifications(NotificationKind::Triage).await.len(), 1, "else the two would answer each other");
}

async fn a_strangers_report_about_nothing_that_was_sent_lies_in_triage(db: TestDatabase) {
    let house = House::new(db).await;
    let first = house.take(&of_carla("1@client.example", "", "Where is my pump?")).await;
    house.open_case("cases/1", &first).await;
    // The one about nothing, the other about a mail that came in, of which a stranger in copy knows.
    for (about, noted) in [("nothing@firm.example", 0), ("1@client.example", 1)] {
        let mail = house.take(&report("xavier@nowhere.example", about)).await;
        let triage = mail.triage.clone().unwrap();
        assert_eq!((mail.state(), mail.kind()), (MailState::InTriage, MailKind::DeliveryReport), "{about}");
        assert_eq!((triage.reason.as_str(), time(triage.due_time)), ("UNKNOWN_SENDER", at(TUESDAY)));
        assert_eq!((triage.owners, mail.client.as_str()), (vec![INES.to_owned()], ""), "{about}");
        let told = house.told::<MailNoted>().await;
        assert_eq!(told.len(), noted, "{about}");
        assert!(told.iter().all(|noted| noted.third_party));
        let id = mail.name.trim_start_matches("mails/").to_owned();
        let sealed = "SELECT COUNT(*) AS n FROM mail WHERE id = ? AND key_owner = 'unknown-senders'";
        assert_eq!(house.count(sealed, vec![id.into()]).await, 1, "{about}");
    }
}

async fn a_report_of_a_contacts_is_that_clients_machines(db: TestDatabase) {
    let house = House::new(db).await;
    let first = house.take(&of_carla("1@client.example", "", "Where is my pump?")).await;
    house.open_case("cases/1", &first).await;
    let sent = house.reply("cases/1", "On its way.").await.unwrap();
    house.quiet().await;
    let id = house.notification(&sent.name).await.message_id;
    let passed = |domain: &str| format!("Authentication-Results: mx.firm.example; dmarc=pass header.from={domain}\r\n");
    let read = house.take(&format!("{}{}", passed("client.example"), report("carla@client.example", &id))).await;
    assert_eq!((read.state(), read.contact.as_str(), &read.thread), (MailState::Attributed, CARLA, &first.thread));
    assert!(!house.told::<MailNoted>().await[0].third_party);

    let foreign = house.take(&format!("{}{}", passed("other.example"), report("sam@other.example", &id))).await;
    assert_eq!((foreign.state(), foreign.triage.unwrap().reason.as_str()), (MailState::InTriage, "AMBIGUOUS_SENDER"));
    assert_eq!(house.told::<InquiryReceived>().await.len(), 1);
}

async fn what_the_firms_own_people_send_on_has_an_owner_and_a_clock(db: TestDatabase) {
    let house = House::new(db).await;
    let sent_on = house.take(&letter("anna@firm.example", "1@firm.example", "", "Carla asks where it is.")).await;
    let triage = sent_on.triage.clone().unwrap();
    assert_eq!((sent_on.state(), triage.reason.as_str()), (MailState::InTriage, "STAFF_SENDER"));
    assert_eq!((triage.owners, time(triage.due_time)), (vec![INES.to_owned()], at(TUESDAY)));
    assert_eq!(house.told::<MailTriaged>().await[0].reason, "STAFF_SENDER");
    let forged = house.take(&unchecked("anna@firm.example", "2@firm.example", "", "Pay this bill")).await;
    assert_eq!((forged.state(), forged.triage.unwrap().reason.as_str()), (MailState::InTriage, "UNVERIFIED_SENDER"));
    assert!(house.told::<InquiryReceived>().await.is_empty());

    // A client's answer that came to Anna alone names our conversation and goes to the firm alone.
    let first = house.take(&of_carla("1@client.example", "", "Where is my pump?")).await;
    let on_it = "In-Reply-To: <1@client.example>\r\nReferences: <1@client.example>\r\n";
    let answer = house.take(&letter("anna@firm.example", "3@firm.example", on_it, "Carla says it leaks.")).await;
    assert_eq!((answer.state(), answer.client.as_str()), (MailState::InTriage, ""));
    assert!(house.told::<MailNoted>().await.is_empty(), "a colleague is no third party");
    let request = contracts::notification::v1::AttributeMailRequest {
        name: answer.name.clone(),
        contact: CARLA.into(),
        ..Default::default()
    };
    house.inbound(INES).attribute_mail(request).await.unwrap();
    let told = house.told::<InquiryReceived>().await;
    assert_eq!((told.len(), &told[1].mail, &told[1].thread), (2, &answer.name, &first.thread));
    assert_eq!(time(told[1].receive_time), at(MONDAY));
}

async fn a_colleagues_machine_that_answers_us_is_filed(db: TestDatabase) {
    let house = House::new(db).await;
    house.take(&letter("anna@firm.example", "2@firm.example", "", "By the way.")).await;
    // Away, and told so by the machine to which Ines's triage was sent.
    let told = house.only(NotificationKind::Triage).await;
    let away = format!("Auto-Submitted: auto-replied\r\nIn-Reply-To: <{}>\r\n", told.message_id);
    let mail = house.take(&letter("ines@firm.example", "3@firm.example", &away, "I am away.")).await;
    assert_eq!(mail.state(), MailState::Filed);
    assert_eq!(house.notifications(NotificationKind::Triage).await.len(), 1);
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
    let answer = house.try_deliver(raw, Some(at("2026-06-01T09:20:00.000001Z"))).await;
    assert_eq!(refused(answer), (Code::InvalidArgument, "RECEIVED_IN_FUTURE".to_owned()));
}

async fn a_mail_server_whose_clock_is_somewhat_ahead_is_heard(db: TestDatabase) {
    let house = House::new(db).await;
    for (id, time_ahead) in [("1", "2026-06-01T09:15:00.000001Z"), ("2", "2026-06-01T09:20:00Z")] {
        let raw = of_carla(&format!("{id}@client.example"), "", "Hello").into_bytes();
        let taken = house.try_deliver(raw, Some(at(time_ahead))).await.unwrap().mail.unwrap();
        assert_eq!(time(taken.receive_time), at(MONDAY), "received at {time_ahead} counts as now");
    }
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
