//! A person's message to a client.

use contracts::notification::v1::{
    CancelNotificationRequest, DeliverySucceeded, GetNotificationRequest, ListNotificationsRequest, MessageNature,
    NotificationCancelled, NotificationKind, NotificationState, SendMessageRequest,
};
use mail_parser::MessageParser;
use testkit::{TestDatabase, both_databases};
use tonic::Code;

use crate::support::*;

both_databases!(sets();
    a_reply_goes_to_who_wrote_last_on_the_conversation,
    an_acknowledgement_is_told_apart_from_a_reply,
    a_message_without_a_case_needs_contact_and_subject,
    a_case_that_was_opened_by_a_call_gets_its_conversation_with_the_first_message,
    a_case_must_be_the_clients_and_known_here,
    only_the_clients_own_people_are_written_to,
    only_staff_of_the_client_can_write_to_it,
    a_message_is_cancelled_only_before_its_hand_over,
    notifications_are_seen_by_whom_they_concern,
    a_repeated_call_queues_one_message,
);

async fn a_reply_goes_to_who_wrote_last_on_the_conversation(db: TestDatabase) {
    let house = House::new(db).await;
    let first =
        house.take(&of_carla("1@client.example", "References: <0@client.example>\r\n", "Where is my pump?")).await;
    house.open_case("cases/1", &first).await;
    let follows = "In-Reply-To: <1@client.example>\r\nReferences: <0@client.example> <1@client.example>\r\n";
    house.take(&letter("colin@client.example", "2@client.example", follows, "I wonder, too.")).await;
    let queued = house.reply("cases/1", "On its way.\n\nAnna").await.unwrap();
    assert_eq!((queued.author.as_str(), queued.audience.as_str()), (ANNA, COLIN));
    house.quiet().await;

    let sent = house.notification(&queued.name).await;
    assert_eq!((sent.state(), sent.kind(), sent.attempts), (NotificationState::HandedOver, NotificationKind::Reply, 1));
    assert_eq!((sent.recipients.clone(), time(sent.hand_over_time)), (vec![COLIN.to_owned()], at(MONDAY)));
    assert_eq!((sent.subject.as_str(), sent.text.as_str()), ("Re: About the pump", "On its way.\n\nAnna"));

    let listed = house.provider.outbox.list().unwrap().remove(0);
    assert_eq!(
        (listed.notification, listed.kind.as_str(), listed.case.as_str()),
        (sent.name.clone(), "REPLY", "cases/1")
    );
    let bytes = house.provider.outbox.read(&listed.id).unwrap().unwrap();
    let mail = MessageParser::default().parse(&bytes).unwrap();
    assert_eq!(mail.from().unwrap().first().unwrap().address(), Some("anna@firm.example"));
    assert_eq!(mail.to().unwrap().first().unwrap().address(), Some("colin@client.example"));
    assert_eq!(mail.message_id(), Some(sent.message_id.as_str()));
    assert!(sent.message_id.ends_with("@firm.example"));
    assert_eq!(mail.in_reply_to().as_text(), Some("2@client.example"));
    assert_eq!(mail.references().as_text_list().unwrap(), ["0@client.example", "1@client.example", "2@client.example"]);
    assert!(mail.header("Auto-Submitted").is_none(), "a person wrote it");
    let text = mail.body_text(0).unwrap().replace("\r\n", "\n");
    assert_eq!(text.trim(), "On its way.\n\nAnna\n\n-- \nReference: cases/1");
    assert_eq!(mail.date().unwrap().to_timestamp(), at(MONDAY).as_second());

    let told = house.told::<DeliverySucceeded>().await;
    assert_eq!((told.len(), told[0].kind(), told[0].author.as_str()), (1, NotificationKind::Reply, ANNA));
    assert_eq!((told[0].recipients.clone(), time(told[0].hand_over_time)), (vec![COLIN.to_owned()], at(MONDAY)));
}

async fn an_acknowledgement_is_told_apart_from_a_reply(db: TestDatabase) {
    let house = House::new(db).await;
    let first = house.take(&of_carla("1@client.example", "", "Where is my pump?")).await;
    house.open_case("cases/1", &first).await;
    let request =
        SendMessageRequest { nature: MessageNature::Acknowledgement.into(), ..reply("cases/1", "I will look.") };
    house.send(ANNA, request).await.unwrap();
    house.quiet().await;
    assert_eq!(house.told::<DeliverySucceeded>().await[0].kind(), NotificationKind::Acknowledgement);
}

async fn a_message_without_a_case_needs_contact_and_subject(db: TestDatabase) {
    let house = House::new(db).await;
    let bare = reply("", "Hello");
    let answer = house.send(ANNA, bare.clone()).await;
    assert_eq!(refused(answer), (Code::InvalidArgument, "CONTACT_MISSING".to_owned()));
    let addressed = SendMessageRequest { contact: CARLA.into(), ..bare };
    let answer = house.send(ANNA, addressed.clone()).await;
    assert_eq!(refused(answer), (Code::InvalidArgument, "SUBJECT_MISSING".to_owned()));
    let sent = house.send(ANNA, SendMessageRequest { subject: "News".into(), ..addressed }).await.unwrap();
    house.quiet().await;
    let sent = house.notification(&sent.name).await;
    assert_eq!((sent.state(), sent.subject.as_str()), (NotificationState::HandedOver, "News"));
    let answer = format!("In-Reply-To: <{}>\r\n", sent.message_id);
    let answer = house.take(&of_carla("1@client.example", &answer, "Good news")).await;
    assert!(!answer.thread.is_empty());
}

async fn a_case_that_was_opened_by_a_call_gets_its_conversation_with_the_first_message(db: TestDatabase) {
    let house = House::new(db).await;
    let event = contracts::escalation::v1::CaseOpened {
        case: "cases/7".into(),
        client: ACME.into(),
        opener: CARLA.into(),
        open_time: Some(wire(at(MONDAY))),
        ..Default::default()
    };
    house.tell("cases/7", &event).await;
    let subject = "Your call".to_owned();
    let sent = house.send(ANNA, SendMessageRequest { subject, ..reply("cases/7", "As said.") }).await.unwrap();
    assert_eq!(sent.audience, CARLA, "who opened it");
    house.quiet().await;
    let id = house.notification(&sent.name).await.message_id;
    let answer = house.take(&of_carla("1@client.example", &format!("In-Reply-To: <{id}>\r\n"), "Right.")).await;
    assert_eq!(answer.case, "cases/7");
    let next = house.reply("cases/7", "Good.").await.unwrap();
    house.quiet().await;
    assert_eq!(house.notification(&next.name).await.subject, "Re: Your call");
}

async fn a_case_must_be_the_clients_and_known_here(db: TestDatabase) {
    let house = House::new(db).await;
    let sams = house.take(&letter("sam@other.example", "1@other.example", "", "Hello")).await;
    house.open_case("cases/2", &sams).await;
    assert_eq!(refused(house.reply("cases/2", "Hi").await).0, Code::NotFound, "another client's");
    assert_eq!(refused(house.reply("cases/9", "Hi").await).0, Code::NotFound, "escalation does not know it either");
    let known = |client: &str| contracts::escalation::v1::Case { client: client.into(), ..Default::default() };
    house.escalation.cases().insert("cases/9".into(), known(OTHER));
    assert_eq!(refused(house.reply("cases/9", "Hi").await).0, Code::NotFound, "another client's");
    house.escalation.cases().insert("cases/9".into(), known(ACME));
    assert_eq!(
        refused(house.reply("cases/9", "Hi").await),
        (Code::Unavailable, "CASE_NOT_HERE_YET".to_owned()),
        "opened a moment ago"
    );
}

async fn only_the_clients_own_people_are_written_to(db: TestDatabase) {
    let house = House::new(db).await;
    let message = SendMessageRequest { contact: SAM.into(), subject: "x".into(), ..reply("", "Hi") };
    assert_eq!(refused(house.send(ANNA, message).await), (Code::InvalidArgument, "RECIPIENT_NOT_OF_CLIENT".to_owned()));
    house.registry.state().contacts.get_mut(COLIN).unwrap().inactive = true;
    let message = SendMessageRequest { contact: COLIN.into(), subject: "x".into(), ..reply("", "Hi") };
    let queued = house.send(ANNA, message).await.unwrap();
    house.quiet().await;
    let blocked = house.notification(&queued.name).await;
    assert_eq!((blocked.state(), blocked.reason.as_str()), (NotificationState::Blocked, "RECIPIENT_INACTIVE"));
}

async fn only_staff_of_the_client_can_write_to_it(db: TestDatabase) {
    let house = House::new(db).await;
    let message = SendMessageRequest { contact: CARLA.into(), subject: "x".into(), ..reply("", "Hi") };
    for person in [OLGA, CARLA, MTA, INES] {
        assert_eq!(refused(house.send(person, message.clone()).await).0, Code::PermissionDenied, "{person}");
    }
    let empty = SendMessageRequest { text: " \n ".into(), ..message };
    assert_eq!(refused(house.send(ANNA, empty).await).1, "TEXT_MISSING");
}

async fn a_message_is_cancelled_only_before_its_hand_over(db: TestDatabase) {
    let house = House::new(db).await;
    house.registry.state().down = true;
    let message = SendMessageRequest { contact: CARLA.into(), subject: "x".into(), ..reply("", "Hi") };
    let queued = house.send(ANNA, message.clone()).await.unwrap();
    house.quiet().await;
    let cancel = async |person: &str, name: &str| {
        let request = CancelNotificationRequest { name: name.into(), request_id: String::new() };
        house
            .outbound(person)
            .cancel_notification(request)
            .await
            .map(|answer| answer.into_inner().notification.unwrap())
    };
    assert_eq!(refused(cancel(OLGA, &queued.name).await).0, Code::NotFound);
    assert_eq!(refused(cancel(ANNA, "notifications/nothing").await).0, Code::NotFound);
    assert_eq!(cancel(ANNA, &queued.name).await.unwrap().state(), NotificationState::Cancelled);
    house.registry.state().down = false;
    house.at("2026-06-01T09:30:00Z").await;
    assert!(house.provider.outbox.list().unwrap().is_empty());
    assert_eq!(house.told::<NotificationCancelled>().await.len(), 1);

    let sent = house.send(ANNA, message).await.unwrap();
    house.quiet().await;
    assert_eq!(refused(cancel(ANNA, &sent.name).await), (Code::FailedPrecondition, "NOT_QUEUED".to_owned()));
    assert_eq!(house.notification(&sent.name).await.state(), NotificationState::HandedOver);
}

async fn notifications_are_seen_by_whom_they_concern(db: TestDatabase) {
    let house = House::new(db).await;
    let first = house.take(&of_carla("1@client.example", "", "Hello")).await;
    house.open_case("cases/1", &first).await;
    let sent = house.reply("cases/1", "Hi").await.unwrap();
    house.take(&letter("x@nowhere.example", "2@nowhere.example", "", "Hello")).await;
    let list = async |person: &str, case: &str| {
        let request = ListNotificationsRequest { case: case.into(), ..Default::default() };
        let found = house.outbound(person).list_notifications(request).await.unwrap().into_inner().notifications;
        assert!(found.iter().all(|one| one.subject.is_empty() && one.text.is_empty()), "no words in lists");
        found.into_iter().map(|one| one.name).collect::<Vec<_>>()
    };
    assert_eq!(list(BOSS, "").await.len(), 2);
    let own = [sent.name.clone()];
    assert_eq!(list(ANNA, "").await, own, "what concerns no client is for who holds it everywhere");
    assert_eq!(list(ANNA, "cases/1").await, own);
    assert!(list(OLGA, "").await.is_empty());
    let get = async |person: &str| {
        let request = GetNotificationRequest { name: sent.name.clone() };
        house.outbound(person).get_notification(request).await.map(drop).map_err(|status| status.code())
    };
    assert_eq!((get(ANNA).await, get(OLGA).await), (Ok(()), Err(Code::NotFound)));
}

async fn a_repeated_call_queues_one_message(db: TestDatabase) {
    let house = House::new(db).await;
    let message =
        SendMessageRequest { contact: CARLA.into(), subject: "x".into(), request_id: "r1".into(), ..reply("", "Hi") };
    let first = house.send(ANNA, message.clone()).await.unwrap();
    let second = house.send(ANNA, message.clone()).await.unwrap();
    assert_eq!(first, second);
    let other = SendMessageRequest { text: "Other".into(), ..message };
    assert_eq!(refused(house.send(ANNA, other).await).1, "REQUEST_ID_REUSED");
    house.quiet().await;
    assert_eq!(house.provider.outbox.list().unwrap().len(), 1);
}
