//! What comes back: failure notices, addresses that take no mail, and answers of the provider that were lost.

use contracts::notification::v1::{
    DeliverMailRequest, DeliveryBlocked, DeliveryFailed, DeliveryReturned, DeliverySucceeded, LiftSuppressionRequest,
    ListSuppressionsRequest, MailState, MessageNature, Notification, NotificationKind, NotificationState,
    SendMessageRequest, Suppression, suppression_service_client::SuppressionServiceClient,
};
use testkit::{TestDatabase, both_databases};
use tonic::Code;

use crate::support::*;

both_databases!(sets();
    a_failure_notice_returns_a_reply_and_tells_the_account_manager,
    a_notice_of_delay_changes_nothing,
    a_forged_notice_changes_nothing,
    a_notice_to_a_mails_own_bounce_address_is_about_that_mail,
    a_notice_is_about_the_mail_that_it_returns_and_not_about_its_conversation,
    an_address_that_is_none_gets_no_more_mail_until_it_is_lifted,
    a_full_mailbox_is_written_to_again,
    suppressions_are_for_those_who_see_to_the_client,
    an_answer_that_was_lost_is_waited_for_and_then_sent_again_once,
    what_promises_nothing_is_not_sent_again,
    an_answer_to_it_shows_that_a_mail_arrived,
    a_notice_shows_that_a_mail_had_been_taken,
);

const ADDRESS: &str = "carla@client.example";

async fn answered(house: &House) -> Notification {
    let mail = house.take(&of_carla("1@client.example", "", "Where is my pump?")).await;
    house.open_case("cases/1", &mail).await;
    let sent = house.reply("cases/1", "On its way.").await.unwrap();
    house.quiet().await;
    house.notification(&sent.name).await
}

async fn write(house: &House, nature: MessageNature) -> Notification {
    let message = SendMessageRequest {
        contact: CARLA.into(),
        subject: "x".into(),
        nature: nature.into(),
        ..reply("", "Hello again")
    };
    let sent = house.send(ANNA, message).await.unwrap();
    house.quiet().await;
    house.notification(&sent.name).await
}

async fn suppressions(house: &House, person: &str) -> Vec<Suppression> {
    let request = ListSuppressionsRequest { show_lifted: true, ..Default::default() };
    let mut service = SuppressionServiceClient::new(house.channel(person));
    service.list_suppressions(request).await.unwrap().into_inner().suppressions
}

async fn a_failure_notice_returns_a_reply_and_tells_the_account_manager(db: TestDatabase) {
    let house = House::new(db).await;
    let sent = answered(&house).await;
    assert_eq!(sent.state(), NotificationState::HandedOver);
    house.at("2026-06-01T09:20:00Z").await;
    let filed = house.take(&notice(&sent.message_id, ADDRESS, "failed", "5.2.2")).await;
    assert_eq!((filed.state(), filed.client.as_str(), filed.case.as_str()), (MailState::Filed, ACME, "cases/1"));
    let back = house.notification(&sent.name).await;
    assert_eq!((back.state(), back.reason.as_str()), (NotificationState::Returned, "5.2.2"));
    assert_eq!((back.returned, time(back.return_time)), (vec![CARLA.to_owned()], at("2026-06-01T09:20:00Z")));
    let told = house.told::<DeliveryReturned>().await;
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].case.as_str(), told[0].author.as_str(), told[0].everybody), ("cases/1", ANNA, true));
    let telling = house.only(NotificationKind::Undelivered).await;
    assert_eq!((telling.recipients, telling.case), (vec![ANNA.to_owned()], "cases/1".to_owned()));

    house.take(&notice(&sent.message_id, ADDRESS, "failed", "5.2.2").replace("Undelivered", "Again")).await;
    assert_eq!(house.told::<DeliveryReturned>().await.len(), 1, "it comes back once");
}

async fn a_notice_of_delay_changes_nothing(db: TestDatabase) {
    let house = House::new(db).await;
    let sent = answered(&house).await;
    let filed = house.take(&notice(&sent.message_id, ADDRESS, "delayed", "4.4.1")).await;
    assert_eq!(filed.state(), MailState::Filed);
    assert_eq!(house.notification(&sent.name).await.state(), NotificationState::HandedOver);
    assert_eq!(house.count("SELECT COUNT(*) AS n FROM sent_to WHERE outcome = 'delayed 4.4.1'", vec![]).await, 1);
    house.take(&notice(&sent.message_id, ADDRESS, "failed", "5.4.7")).await;
    assert_eq!(house.notification(&sent.name).await.state(), NotificationState::Returned, "the end of the delay");
}

async fn a_forged_notice_changes_nothing(db: TestDatabase) {
    let house = House::new(db).await;
    let sent = answered(&house).await;
    house.take(&notice(&sent.message_id, "somebody@else.example", "failed", "5.1.1")).await;
    house.take(&notice("guessed@firm.example", ADDRESS, "failed", "5.1.1")).await;
    // A mail's bounce address with another's mark.
    let id = sent.name.trim_start_matches("notifications/").replace('-', "");
    let request = DeliverMailRequest {
        raw: notice("unknown@firm.example", ADDRESS, "failed", "5.1.1").into_bytes(),
        envelope_to: vec![format!("bounces+{id}-0123456789abcdef@firm.example")],
        ..Default::default()
    };
    house.inbound(MTA).deliver_mail(request).await.unwrap();
    // One whose sender the firm's mail server found forged.
    let found_out = "Authentication-Results: mx.firm.example; dmarc=fail header.from=mx.client.example";
    house.take(&format!("{found_out}\r\n{}", notice(&sent.message_id, ADDRESS, "failed", "5.1.1"))).await;
    // One that only looks like a report.
    let letter = of_carla("9@client.example", "", "Final-Recipient: rfc822; carla@client.example\r\nAction: failed");
    house.take(&letter).await;
    house.quiet().await;
    assert_eq!(house.notification(&sent.name).await.state(), NotificationState::HandedOver);
    assert!(house.told::<DeliveryReturned>().await.is_empty());
    assert!(suppressions(&house, BOSS).await.is_empty());
}

async fn a_notice_is_about_the_mail_that_it_returns_and_not_about_its_conversation(db: TestDatabase) {
    let house = House::new(db).await;
    let sent = [answered(&house).await, house.reply("cases/1", "It left today.").await.unwrap()];
    house.quiet().await;
    let sent = [house.notification(&sent[0].name).await, house.notification(&sent[1].name).await];
    for (returned, kept) in [(&sent[1], &sent[0]), (&sent[0], &sent[1])] {
        let names_both = format!("References: <{}> <{}>\r\n", kept.message_id, returned.message_id);
        let before = house.notification(&kept.name).await.state();
        house.take(&format!("{names_both}{}", notice(&returned.message_id, ADDRESS, "failed", "5.2.2"))).await;
        assert_eq!(house.notification(&returned.name).await.state(), NotificationState::Returned);
        assert_eq!(house.notification(&kept.name).await.state(), before);
    }
}

async fn a_notice_to_a_mails_own_bounce_address_is_about_that_mail(db: TestDatabase) {
    let house = House::new(db).await;
    let sent = answered(&house).await;
    let token = house.provider.tokens().last().cloned().unwrap();
    // Forwarded to another address, whose server gives back neither Message-ID nor the first address.
    let raw = notice("", "carla@new-work.example", "failed", "5.1.1").into_bytes();
    let envelope_to = vec![format!("bounces+{token}@firm.example")];
    let request = DeliverMailRequest { raw, envelope_to, envelope_from: Some(String::new()), ..Default::default() };
    house.inbound(MTA).deliver_mail(request).await.unwrap();
    house.quiet().await;
    assert_eq!(house.notification(&sent.name).await.state(), NotificationState::Returned);
}

async fn an_address_that_is_none_gets_no_more_mail_until_it_is_lifted(db: TestDatabase) {
    let house = House::new(db).await;
    let sent = answered(&house).await;
    house.take(&notice(&sent.message_id, ADDRESS, "failed", "5.1.1")).await;
    let suppression = suppressions(&house, ANNA).await.remove(0);
    assert_eq!(
        (suppression.client.as_str(), suppression.contact.as_str(), suppression.reason.as_str()),
        (ACME, CARLA, "5.1.1")
    );
    let blocked = write(&house, MessageNature::Reply).await;
    assert_eq!((blocked.state(), blocked.reason.as_str()), (NotificationState::Blocked, "RECIPIENT_SUPPRESSED"));
    assert_eq!(house.told::<DeliveryBlocked>().await.len(), 1);
    assert_eq!(house.notifications(NotificationKind::Undelivered).await.len(), 2, "each is told");
    let stored = house.everything_in("suppression", &["address_index", "contact", "reason"]).await;
    assert!(!stored.windows(ADDRESS.len()).any(|part| part == ADDRESS.as_bytes()), "the address is not kept");

    let request = LiftSuppressionRequest {
        name: suppression.name.clone(),
        reason: "Carla's mailbox was moved".into(),
        request_id: String::new(),
    };
    let mut service = SuppressionServiceClient::new(house.channel(ANNA));
    let lifted = service.lift_suppression(request.clone()).await.unwrap().into_inner().suppression.unwrap();
    assert_eq!((lifted.lifted_by.as_str(), lifted.lift_reason.as_str()), (ANNA, "Carla's mailbox was moved"));
    let again = service.lift_suppression(request).await;
    assert_eq!(refused(again), (Code::FailedPrecondition, "ALREADY_LIFTED".to_owned()));
    assert_eq!(write(&house, MessageNature::Reply).await.state(), NotificationState::HandedOver);
}

async fn a_full_mailbox_is_written_to_again(db: TestDatabase) {
    let house = House::new(db).await;
    let sent = answered(&house).await;
    house.take(&notice(&sent.message_id, ADDRESS, "failed", "5.2.2")).await;
    assert!(suppressions(&house, BOSS).await.is_empty());
    assert_eq!(write(&house, MessageNature::Reply).await.state(), NotificationState::HandedOver);
}

async fn suppressions_are_for_those_who_see_to_the_client(db: TestDatabase) {
    let house = House::new(db).await;
    let sent = answered(&house).await;
    house.take(&notice(&sent.message_id, ADDRESS, "failed", "5.1.1")).await;
    let suppression = suppressions(&house, BOSS).await.remove(0);
    assert!(suppressions(&house, OLGA).await.is_empty(), "another client's account manager");
    let request = LiftSuppressionRequest { name: suppression.name, reason: "why".into(), request_id: String::new() };
    let lift = SuppressionServiceClient::new(house.channel(OLGA)).lift_suppression(request.clone()).await;
    assert_eq!(refused(lift).0, Code::NotFound);
    let empty = LiftSuppressionRequest { reason: " .".into(), ..request };
    let lift = SuppressionServiceClient::new(house.channel(ANNA)).lift_suppression(empty).await;
    assert_eq!(refused(lift).0, Code::InvalidArgument);
    assert!(suppressions(&house, ANNA).await.remove(0).lift_time.is_none());
}

/// A hand-over of which nobody will ever say whether it succeeded.
async fn lost(house: &House, nature: MessageNature) -> Notification {
    house.provider.blind();
    house.provider.break_next(Break::Forgets);
    let sent = write(house, nature).await;
    assert_eq!((sent.state(), sent.attempts), (NotificationState::Queued, 1));
    house.system.advance("2m".parse().unwrap());
    sent
}

async fn an_answer_that_was_lost_is_waited_for_and_then_sent_again_once(db: TestDatabase) {
    let house = House::new(db).await;
    let sent = lost(&house, MessageNature::Reply).await;
    house.at("2026-06-01T09:29:00Z").await;
    assert_eq!(house.notification(&sent.name).await.attempts, 1, "something may still come back");
    house.at("2026-06-01T09:31:00Z").await;
    let done = house.notification(&sent.name).await;
    assert_eq!((done.state(), done.attempts, done.possible_duplicate), (NotificationState::HandedOver, 2, true));
    let listed = house.provider.outbox.list().unwrap();
    let copies: Vec<_> = listed.iter().map(|one| house.provider.outbox.read(&one.id).unwrap().unwrap()).collect();
    let says = |copy: &[u8], what: &str| String::from_utf8_lossy(copy).contains(what);
    assert!(copies.iter().all(|copy| says(copy, &format!("Message-ID: <{}>", done.message_id))), "one Message-ID");
    let marked = copies.iter().filter(|copy| says(copy, "X-Liaison-Possible-Duplicate: yes")).count();
    assert_eq!((copies.len(), marked), (2, 1));

    house.provider.break_next(Break::Forgets);
    let sent = write(&house, MessageNature::Reply).await;
    house.system.advance("2m".parse().unwrap());
    house.provider.break_next(Break::Forgets);
    house.at("2026-06-01T09:50:00Z").await;
    house.system.advance("2m".parse().unwrap());
    house.at("2026-06-01T10:10:00Z").await;
    let failed = house.notification(&sent.name).await;
    assert_eq!((failed.state(), failed.reason.as_str()), (NotificationState::Failed, "OUTCOME_UNKNOWN"));
    assert_eq!(failed.attempts, 2, "a third copy is nobody's wish");
    assert_eq!(house.only(NotificationKind::Undelivered).await.recipients, [ANNA]);
}

async fn what_promises_nothing_is_not_sent_again(db: TestDatabase) {
    let house = House::new(db).await;
    let sent = lost(&house, MessageNature::Acknowledgement).await;
    house.at("2026-06-01T09:31:00Z").await;
    let failed = house.notification(&sent.name).await;
    assert_eq!((failed.state(), failed.attempts), (NotificationState::Failed, 1));
    assert_eq!(house.told::<DeliveryFailed>().await.len(), 1);
    assert_eq!(house.only(NotificationKind::Undelivered).await.recipients, [ANNA], "a person is asked");
}

async fn an_answer_to_it_shows_that_a_mail_arrived(db: TestDatabase) {
    let house = House::new(db).await;
    let sent = lost(&house, MessageNature::Reply).await;
    let about = format!("In-Reply-To: <{}>\r\n", sent.message_id);
    house.at("2026-06-01T09:20:00Z").await;
    house.take(&of_carla("2@client.example", &about, "Thank you")).await;
    house.at("2026-06-01T09:40:00Z").await;
    let done = house.notification(&sent.name).await;
    assert_eq!((done.state(), done.attempts), (NotificationState::HandedOver, 1));
    assert_eq!(time(done.hand_over_time), at(MONDAY), "when it was claimed");
    assert_eq!(house.told::<DeliverySucceeded>().await.len(), 1);
}

async fn a_notice_shows_that_a_mail_had_been_taken(db: TestDatabase) {
    let house = House::new(db).await;
    let sent = lost(&house, MessageNature::Reply).await;
    house.take(&notice(&sent.message_id, ADDRESS, "failed", "5.1.1")).await;
    house.at("2026-06-01T09:40:00Z").await;
    let done = house.notification(&sent.name).await;
    assert_eq!((done.state(), done.attempts), (NotificationState::Returned, 1));
    let replies = house.told::<DeliverySucceeded>().await.into_iter().filter(|it| it.kind() == NotificationKind::Reply);
    assert_eq!((replies.count(), house.told::<DeliveryReturned>().await.len()), (1, 1));
}
