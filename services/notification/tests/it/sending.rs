//! The three steps of a hand-over, broken at each point.

use std::sync::{
    Arc, Barrier,
    atomic::{AtomicBool, Ordering},
};

use contracts::notification::v1::{
    CancelNotificationRequest, DeliveryBlocked, DeliveryFailed, DeliverySucceeded, Notification, NotificationKind,
    NotificationState, SendMessageRequest,
};
use testkit::{TestDatabase, both_databases, eventually};
use tonic::Code;

use crate::support::*;

both_databases!(sets();
    a_refusal_of_the_registry_blocks_it,
    while_the_registry_is_down_it_waits,
    a_permit_that_is_over_is_not_used,
    killed_before_the_hand_over_it_is_sent_once,
    killed_after_the_hand_over_it_is_not_sent_twice,
    a_hand_over_of_unknown_outcome_is_settled_at_once,
    a_reply_counts_from_when_the_provider_had_taken_it,
    a_refusal_for_now_is_tried_again_and_one_for_good_is_told,
    what_is_being_handed_over_cannot_be_cancelled,
    what_is_cancelled_while_leave_is_asked_for_does_not_leave,
    an_address_that_cannot_be_written_to_is_told,
    every_attempt_is_of_the_same_mail,
);

async fn queue(house: &House) -> Notification {
    let message = SendMessageRequest { contact: CARLA.into(), subject: "x".into(), ..reply("", "Hello") };
    house.send(ANNA, message).await.unwrap()
}

async fn sent(house: &House) -> usize {
    house.provider.outbox.list().unwrap().len()
}

async fn a_refusal_of_the_registry_blocks_it(db: TestDatabase) {
    let house = House::new(db).await;
    house.registry.state().refuse = Some("SENDER_INACTIVE".into());
    let queued = queue(&house).await;
    house.quiet().await;
    let blocked = house.notification(&queued.name).await;
    assert_eq!(
        (blocked.state(), blocked.reason.as_str(), blocked.attempts),
        (NotificationState::Blocked, "SENDER_INACTIVE", 0)
    );
    let told = house.told::<DeliveryBlocked>().await;
    assert_eq!((told.len(), told[0].reason.as_str()), (1, "SENDER_INACTIVE"));
    assert_eq!(sent(&house).await, 0);
}

async fn while_the_registry_is_down_it_waits(db: TestDatabase) {
    let house = House::new(db).await;
    house.registry.state().down = true;
    let queued = queue(&house).await;
    house.quiet().await;
    assert_eq!(house.notification(&queued.name).await.state(), NotificationState::Queued);
    house.registry.state().down = false;
    house.at("2026-06-01T09:30:00Z").await;
    let done = house.notification(&queued.name).await;
    assert_eq!((done.state(), time(done.hand_over_time)), (NotificationState::HandedOver, at("2026-06-01T09:30:00Z")));
    assert_eq!(sent(&house).await, 1);
}

async fn a_permit_that_is_over_is_not_used(db: TestDatabase) {
    let house = House::new(db).await;
    let (system, first) = (house.system.clone(), AtomicBool::new(true));
    // The first answer takes 30 s by this process's own clock.
    house.registry.state().on_permit = Some(Arc::new(move || {
        if first.swap(false, Ordering::SeqCst) {
            system.advance("30s".parse().unwrap());
        }
    }));
    let queued = queue(&house).await;
    house.quiet().await;
    assert_eq!((sent(&house).await, house.provider.begun()), (0, 0), "nothing leaves under it");
    house.at("2026-06-01T09:30:00Z").await;
    assert_eq!(house.notification(&queued.name).await.state(), NotificationState::HandedOver);
    assert_eq!((sent(&house).await, house.registry.state().permits), (1, 2), "each attempt takes a new one");
}

async fn killed_before_the_hand_over_it_is_sent_once(db: TestDatabase) {
    let mut house = House::new(db).await;
    house.provider.break_next(Break::BeforeHandOver);
    let queued = queue(&house).await;
    eventually(SOON, async || house.provider.begun() == 1).await;
    assert_eq!(sent(&house).await, 0);
    house.kill().await;
    house.start_again().await;
    house.quiet().await;
    let done = house.notification(&queued.name).await;
    assert_eq!((done.state(), done.attempts), (NotificationState::HandedOver, 2));
    assert_eq!(sent(&house).await, 1);
    assert_eq!(house.told::<DeliverySucceeded>().await.len(), 1);
}

async fn killed_after_the_hand_over_it_is_not_sent_twice(db: TestDatabase) {
    let mut house = House::new(db).await;
    house.provider.break_next(Break::AfterHandOver);
    let queued = queue(&house).await;
    eventually(SOON, async || sent(&house).await == 1).await;
    house.kill().await;
    assert!(house.told::<DeliverySucceeded>().await.is_empty(), "killed before it was known");
    house.clock.set(at("2026-06-01T09:30:00Z"));
    house.start_again().await;
    house.quiet().await;
    let done = house.notification(&queued.name).await;
    assert_eq!((done.state(), done.attempts), (NotificationState::HandedOver, 1));
    assert_eq!(
        time(done.hand_over_time),
        at("2026-06-01T09:30:00Z"),
        "the outbox has no business time: when it is known"
    );
    assert_eq!((sent(&house).await, house.provider.begun()), (1, 1));
    assert_eq!(house.told::<DeliverySucceeded>().await.len(), 1);
}

async fn a_hand_over_of_unknown_outcome_is_settled_at_once(db: TestDatabase) {
    let house = House::new(db).await;
    house.provider.break_next(Break::Forgets);
    let queued = queue(&house).await;
    house.quiet().await;
    assert_eq!(house.notification(&queued.name).await.state(), NotificationState::HandedOver);
    assert_eq!((sent(&house).await, house.provider.begun()), (1, 1));
}

async fn a_reply_counts_from_when_the_provider_had_taken_it(db: TestDatabase) {
    let house = House::new(db).await;
    for (how, minute) in [(None, "16"), (Some(Break::Forgets), "17")] {
        if let Some(how) = how {
            house.provider.break_next(how);
        }
        let (clock, taken) = (house.clock.clone(), at(&format!("2026-06-01T09:{minute}:00Z")));
        house.provider.during(move || clock.set(taken));
        let claimed = house.clock.now();
        let queued = queue(&house).await;
        house.quiet().await;
        let done = house.notification(&queued.name).await;
        assert_eq!((done.state(), time(done.hand_over_time)), (NotificationState::HandedOver, taken), "{how:?}");
        let told = house.told::<DeliverySucceeded>().await;
        assert_eq!(told.last().map(|told| time(told.hand_over_time)), Some(taken), "{how:?}");
        let dates: Vec<_> = house.provider.outbox.list().unwrap().into_iter().map(|mail| mail.date.unwrap()).collect();
        assert_eq!(dates.first(), Some(&claimed), "written before it left");
    }
}

async fn a_refusal_for_now_is_tried_again_and_one_for_good_is_told(db: TestDatabase) {
    let house = House::new(db).await;
    house.provider.break_next(Break::Refuses { permanent: false });
    let queued = queue(&house).await;
    house.quiet().await;
    assert_eq!(house.notification(&queued.name).await.state(), NotificationState::Queued);
    house.at("2026-06-01T09:30:00Z").await;
    let done = house.notification(&queued.name).await;
    assert_eq!((done.state(), done.attempts), (NotificationState::HandedOver, 2));

    house.provider.break_next(Break::Refuses { permanent: true });
    let queued = queue(&house).await;
    house.quiet().await;
    let failed = house.notification(&queued.name).await;
    assert_eq!((failed.state(), failed.reason.as_str()), (NotificationState::Failed, "NOT_TODAY"));
    assert_eq!(house.told::<DeliveryFailed>().await.len(), 1);
    assert_eq!(sent(&house).await, 2, "the account manager is told");
    assert_eq!(house.only(NotificationKind::Undelivered).await.recipients, [ANNA]);
}

async fn what_is_being_handed_over_cannot_be_cancelled(db: TestDatabase) {
    let mut house = House::new(db).await;
    house.provider.break_next(Break::BeforeHandOver);
    let queued = queue(&house).await;
    eventually(SOON, async || house.provider.begun() == 1).await;
    let cancel = async |house: &House| {
        let request = CancelNotificationRequest { name: queued.name.clone(), request_id: String::new() };
        house.outbound(ANNA).cancel_notification(request).await
    };
    assert_eq!(refused(cancel(&house).await), (Code::FailedPrecondition, "NOT_QUEUED".to_owned()));
    house.kill().await;
    house.start_again().await;
    house.quiet().await;
    assert_eq!(refused(cancel(&house).await), (Code::FailedPrecondition, "NOT_QUEUED".to_owned()));
    assert_eq!(
        (house.notification(&queued.name).await.state(), sent(&house).await),
        (NotificationState::HandedOver, 1)
    );
}

async fn what_is_cancelled_while_leave_is_asked_for_does_not_leave(db: TestDatabase) {
    let house = House::new(db).await;
    let (asked, go_on) = (Arc::new(AtomicBool::new(false)), Arc::new(Barrier::new(2)));
    let (reached, wait) = (asked.clone(), go_on.clone());
    house.registry.state().on_permit = Some(Arc::new(move || {
        reached.store(true, Ordering::SeqCst);
        tokio::task::block_in_place(|| wait.wait());
    }));
    let queued = queue(&house).await;
    eventually(SOON, async || asked.load(Ordering::SeqCst)).await;
    let request = CancelNotificationRequest { name: queued.name.clone(), request_id: String::new() };
    house.outbound(ANNA).cancel_notification(request).await.unwrap();
    tokio::task::block_in_place(|| go_on.wait());
    house.at("2026-06-01T09:30:00Z").await;
    assert_eq!(house.notification(&queued.name).await.state(), NotificationState::Cancelled);
    assert_eq!((sent(&house).await, house.provider.begun()), (0, 0));
}

async fn an_address_that_cannot_be_written_to_is_told(db: TestDatabase) {
    let house = House::new(db).await;
    house.registry.state().contacts.get_mut(CARLA).unwrap().email = "not an address".into();
    let queued = queue(&house).await;
    house.quiet().await;
    let failed = house.notification(&queued.name).await;
    assert_eq!((failed.state(), failed.reason.as_str()), (NotificationState::Failed, "ADDRESS_UNUSABLE"));
}

async fn every_attempt_is_of_the_same_mail(db: TestDatabase) {
    let house = House::new(db).await;
    let mail = house.take(&of_carla("1@client.example", "", "Hello")).await;
    house.open_case("cases/1", &mail).await;
    house.provider.break_next(Break::Refuses { permanent: false });
    let queued = house.reply("cases/1", "On its way.").await.unwrap();
    assert_eq!(queued.message_id, "");
    house.quiet().await;
    let first = house.notification(&queued.name).await.message_id;
    house.at("2026-06-01T09:30:00Z").await;
    let second = house.notification(&queued.name).await;
    assert_eq!((&second.message_id, second.attempts), (&first, 2));
    assert!(first.ends_with("@firm.example"));
    let sent = house.provider.outbox.list().unwrap().remove(0);
    let bytes = house.provider.outbox.read(&sent.id).unwrap().unwrap();
    let parsed = mail_parser::MessageParser::default().parse(&bytes).unwrap();
    assert_eq!(parsed.body_text(0).unwrap().matches("Reference:").count(), 1);
    assert_eq!(second.text, "On its way.");
}
