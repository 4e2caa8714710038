//! A critical incident waits for nothing: not for ten thousand other mails, not for a provider that stalls, not for the
//! registry (SOP 8.2). And a process that is killed at any point loses nothing.

use std::time::{Duration, Instant};

use contracts::{
    client_registry::v1::Channel,
    escalation::v1::{ClockBreached, ClockKind},
    notification::v1::{
        AlertProgressed, AlertSide, AlertStep, CallState, DeliverySucceeded, NotificationKind, NotificationState,
        ReportCallRequest,
    },
};
use database::exec;
use service::Service;
use testkit::{TestDatabase, both_databases, eventually, eventually_some};

use crate::{
    alerts::{alert, calls, declare, declared, try_report},
    support::*,
};

both_databases!(sets();
    all_four_are_attempted_while_ten_thousand_mails_wait_the_provider_stalls_and_the_registry_is_down,
    a_registry_that_hangs_is_waited_for_two_seconds,
    a_notice_that_an_alert_failed_leaves_by_the_copy_too_and_says_so,
    a_call_that_stalls_holds_up_nothing_else,
    the_copy_follows_what_the_registry_says_and_never_goes_back,
    without_a_copy_it_waits_for_the_registry,
    killed_before_a_call_is_placed_it_is_placed_once,
    killed_after_a_call_is_placed_it_is_not_placed_twice,
    what_is_reported_before_the_placing_is_recorded_is_kept,
    a_call_that_is_lost_is_followed_by_a_possible_duplicate,
    what_the_provider_refuses_is_followed_by_the_next_number,
    killed_while_an_alert_mail_is_sent_it_is_settled_and_not_sent_twice,
    an_alert_mail_of_which_nobody_can_tell_is_sent_again_and_marked,
);

/// The bound of SOP 8.2's "immediately", by the machine's clock.
const AT_ONCE: Duration = Duration::from_secs(60);

/// How many alerts have begun an attempt.
async fn attempted(house: &House) -> usize {
    let told = house.told::<AlertProgressed>().await;
    let mut begun: Vec<_> =
        told.iter().filter(|one| one.step() == AlertStep::Attempted).map(|one| (one.side, one.channel)).collect();
    begun.sort_unstable();
    begun.dedup();
    begun.len()
}

/// Ten thousand mails of the kind that is queued already.
async fn ten_thousand_more(house: &House) {
    let numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)";
    let writer = house.db.database();
    let kind = 4;
    let rest = "state, client, engagement, case_name, mail, thread, author, audience, facts, key_owner, queue_time, \
                reason, recipients, stand_ins_for, revision";
    let sql = format!(
        "INSERT INTO notification (id, kind, message_id, tries, {rest}) {numbers} \
         SELECT 'bulk-' || i, kind, '', 0, {rest} FROM notification, n WHERE kind = ?"
    );
    assert_eq!(exec(writer.writer(), &sql, vec![kind.into()]).await.unwrap(), 10_000);
    let sql = format!(
        "INSERT INTO work (id, kind, subject, payload, epoch, traceparent, due_time, attempts) {numbers} \
         SELECT '00000000-0000-4000-8000-' || (100000000000 + i), kind, 'notifications/bulk-' || i, payload, 0, '', \
         ?, 0 FROM work, n WHERE kind = 'notification.send'"
    );
    let due = database::micros(house.clock.now());
    assert_eq!(exec(writer.writer(), &sql, vec![due.into()]).await.unwrap(), 10_000);
}

async fn all_four_are_attempted_while_ten_thousand_mails_wait_the_provider_stalls_and_the_registry_is_down(
    db: TestDatabase,
) {
    let house = House::new(db).await;
    let gate = house.provider.stall();
    let breached = ClockBreached {
        case: "cases/9".into(),
        client: ACME.into(),
        clock: ClockKind::Resolution.into(),
        ..Default::default()
    };
    house.only_tell("cases/9", &breached).await;
    eventually(SOON, async || house.provider.begun() == 1).await;
    ten_thousand_more(&house).await;
    house.app.wake();
    eventually(SOON, async || house.provider.begun() >= 8).await;
    house.registry.state().down = true;

    let begun = Instant::now();
    house.only_tell("cases/1", &declared(&house, "cases/1")).await;
    eventually(AT_ONCE, async || attempted(&house).await == 4).await;
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    assert_eq!(gate.available_permits(), 0, "the stall is still held");
    eventually(AT_ONCE, async || {
        house.app.phones().list().unwrap().len() == 2 && house.alert_provider.outbox.list().unwrap().len() == 2
    })
    .await;
    assert!(begun.elapsed() < AT_ONCE);

    let told = house.told::<AlertProgressed>().await;
    assert!(told.iter().all(|one| one.from_copy), "and they say so: {told:?}");
    assert!(house.app.phones().list().unwrap().iter().all(|call| call.from_copy));
    house.registry.state().down = false;
    for side in [AlertSide::Client, AlertSide::Management] {
        for channel in [Channel::Email, Channel::Phone] {
            let alert = alert(&house, side, channel).await;
            assert!(alert.attempts_made[0].from_copy, "{alert:?}");
        }
        assert!(calls(&house, side).await[0].from_copy);
    }
    let bulk = house.count("SELECT COUNT(*) AS n FROM notification WHERE kind = ? AND state = 1", vec![4.into()]).await;
    assert!(bulk > 9_000, "they still wait: {bulk}");
}

async fn a_registry_that_hangs_is_waited_for_two_seconds(db: TestDatabase) {
    let house = House::new(db).await;
    house.registry.state().hangs = true;
    let begun = Instant::now();
    house.only_tell("cases/1", &declared(&house, "cases/1")).await;
    eventually(AT_ONCE, async || attempted(&house).await == 4).await;
    assert!(begun.elapsed() >= Duration::from_secs(2) && begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    assert!(house.told::<AlertProgressed>().await.iter().all(|one| one.from_copy));
}

async fn a_notice_that_an_alert_failed_leaves_by_the_copy_too_and_says_so(db: TestDatabase) {
    let house = House::new(db).await;
    for _ in 0..8 {
        house.phones.break_next(PhoneBreak::Refuses { number: true });
    }
    house.registry.state().down = true;
    house.only_tell("cases/1", &declared(&house, "cases/1")).await;
    let is_notice = |one: &DeliverySucceeded| one.kind() == NotificationKind::AlertFailed;
    let notice = eventually_some(AT_ONCE, async || house.told().await.into_iter().find(is_notice)).await;
    house.registry.state().down = false;
    let notice = house.notification(&notice.notification).await;
    assert_eq!((notice.audience.as_str(), notice.attempts_made[0].from_copy), ("MANAGEMENT", true));
}

async fn a_call_that_stalls_holds_up_nothing_else(db: TestDatabase) {
    let house = House::new(db).await;
    let gate = house.phones.stall("+442070000001");
    house.only_tell("cases/1", &declared(&house, "cases/1")).await;
    eventually(AT_ONCE, async || {
        let mails = house.alert_provider.outbox.list().unwrap().len();
        let to_boss = house.app.phones().list().unwrap().iter().any(|call| call.to == "+442070000011");
        mails == 2 && to_boss && house.phones.begun() == 2
    })
    .await;
    assert_eq!(gate.available_permits(), 0, "the stall is still held");
    assert_eq!(attempted(&house).await, 4);
    gate.add_permits(1);
    eventually(SOON, async || house.app.phones().list().unwrap().len() == 2).await;
}

async fn the_copy_follows_what_the_registry_says_and_never_goes_back(db: TestDatabase) {
    let house = House::new(db).await;
    let number = |house: &House, person: &str, number: &str| {
        house.registry.state().phones.insert(person.into(), vec![number.into()]);
    };
    number(&house, CARLA, "+442079999991");
    house.tell_parties(ACME).await;
    number(&house, BOSS, "+442079999992");
    house.tell_parties("").await;
    // An answer that was on its way when a newer one was kept.
    house.registry.state().incident_revision = 1;
    number(&house, CARLA, "+442070000666");
    number(&house, BOSS, "+442070000667");
    let stale = contracts::client_registry::v1::IncidentPartiesChanged { client: ACME.into(), revision: 9 };
    house.registry_events.tell(ACME, house.clock.now(), &stale).await;
    house.quiet().await;
    house.registry.state().down = true;
    declare(&house, "cases/1").await;
    let mut numbers: Vec<_> = house.app.phones().list().unwrap().into_iter().map(|call| call.to).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, ["+442079999991", "+442079999992"]);
}

async fn without_a_copy_it_waits_for_the_registry(db: TestDatabase) {
    let house = House::new(db).await;
    exec(house.db.database().writer(), "DELETE FROM incident_party", vec![]).await.unwrap();
    house.registry.state().down = true;
    declare(&house, "cases/1").await;
    assert_eq!(attempted(&house).await, 0);
    house.registry.state().down = false;
    house.at("2026-06-01T09:15:10Z").await;
    assert_eq!(attempted(&house).await, 4);
    assert!(house.told::<AlertProgressed>().await.iter().all(|one| !one.from_copy));
}

/// Kills the house at this point of placing its first call and starts it again; the calls of both sides go on.
async fn killed_at(db: TestDatabase, how: PhoneBreak) -> House {
    let mut house = House::new(db).await;
    for _ in 0..2 {
        house.phones.break_next(how);
    }
    house.only_tell("cases/1", &declared(&house, "cases/1")).await;
    let placed = if how == PhoneBreak::AfterPlacing { 2 } else { 0 };
    eventually(SOON, async || {
        house.phones.begun() == 2 && house.app.phones().list().unwrap().len() == placed && attempted(&house).await == 4
    })
    .await;
    house.kill().await;
    house.start_again().await;
    house.quiet().await;
    house
}

async fn killed_before_a_call_is_placed_it_is_placed_once(db: TestDatabase) {
    let house = killed_at(db, PhoneBreak::BeforePlacing).await;
    assert_eq!(house.app.phones().list().unwrap().len(), 2);
    let called = calls(&house, AlertSide::Client).await;
    assert_eq!(called.len(), 2, "{called:?}");
    assert_eq!((called[0].state(), called[0].reason.as_str()), (CallState::Ended, "NOT_PLACED"));
    assert_eq!((called[1].state(), called[1].possible_duplicate), (CallState::Placed, false), "it never rang");
    assert_eq!(house.app.phones().list().unwrap().iter().filter(|call| call.to == "+442070000001").count(), 1);
}

async fn killed_after_a_call_is_placed_it_is_not_placed_twice(db: TestDatabase) {
    let house = killed_at(db, PhoneBreak::AfterPlacing).await;
    assert_eq!(house.app.phones().list().unwrap().len(), 2);
    let called = calls(&house, AlertSide::Client).await;
    assert_eq!((called.len(), called[0].state()), (1, CallState::Placed));
    let pressed = ReportCallRequest { name: called[0].name.clone(), digits: "1".into(), ..Default::default() };
    assert_eq!(try_report(&house, pressed).await.unwrap().state(), CallState::Reached);
}

async fn what_is_reported_before_the_placing_is_recorded_is_kept(db: TestDatabase) {
    let house = House::new(db).await;
    let channel = house.channel(TELEPHONY);
    house.phones.during(move |call| {
        let mut calls = contracts::notification::v1::call_service_client::CallServiceClient::new(channel.clone());
        let request =
            ReportCallRequest { name: format!("calls/{}", call.call), digits: "1".into(), ..Default::default() };
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async { calls.report_call(request).await.unwrap() })
        });
    });
    declare(&house, "cases/1").await;
    for side in [AlertSide::Client, AlertSide::Management] {
        let called = calls(&house, side).await;
        assert_eq!((called.len(), called[0].state()), (1, CallState::Reached));
        assert_eq!(alert(&house, side, Channel::Phone).await.state(), NotificationState::Reached);
    }
}

async fn a_call_that_is_lost_is_followed_by_a_possible_duplicate(db: TestDatabase) {
    let house = House::new(db).await;
    for _ in 0..2 {
        house.phones.break_next(PhoneBreak::Lost);
    }
    declare(&house, "cases/1").await;
    let called = calls(&house, AlertSide::Client).await;
    assert_eq!(called.len(), 2, "at once");
    assert_eq!((called[0].reason.as_str(), called[1].possible_duplicate), ("OUTCOME_UNKNOWN", true));
    let shown = house.app.phones().list().unwrap();
    assert!(shown.iter().any(|call| call.to == "+442070000002" && call.possible_duplicate), "{shown:?}");
}

async fn what_the_provider_refuses_is_followed_by_the_next_number(db: TestDatabase) {
    let house = House::new(db).await;
    for number in [true, false] {
        house.phones.break_next(PhoneBreak::Refuses { number });
    }
    declare(&house, "cases/1").await;
    let mut reasons = Vec::new();
    for side in [AlertSide::Client, AlertSide::Management] {
        let called = calls(&house, side).await;
        assert_eq!((called.len(), called[1].state()), (2, CallState::Placed));
        reasons.push(called[0].reason.clone());
    }
    reasons.sort_unstable();
    assert_eq!(reasons, ["NUMBER_UNUSABLE", "PROVIDER_REFUSED"]);
    assert!(house.notifications(NotificationKind::AlertFailed).await.is_empty());
}

async fn killed_while_an_alert_mail_is_sent_it_is_settled_and_not_sent_twice(db: TestDatabase) {
    let mut house = House::new(db).await;
    house.alert_provider.break_next(Break::AfterHandOver);
    house.only_tell("cases/1", &declared(&house, "cases/1")).await;
    eventually(SOON, async || house.alert_provider.outbox.list().unwrap().len() == 2).await;
    house.kill().await;
    house.start_again().await;
    house.quiet().await;
    assert_eq!(house.alert_provider.outbox.list().unwrap().len(), 2);
    for side in [AlertSide::Client, AlertSide::Management] {
        assert_eq!(alert(&house, side, Channel::Email).await.state(), NotificationState::HandedOver);
    }
}

async fn an_alert_mail_of_which_nobody_can_tell_is_sent_again_and_marked(db: TestDatabase) {
    let house = House::new(db).await;
    house.alert_provider.break_next(Break::ForgetsForGood);
    declare(&house, "cases/1").await;
    // Past the claim, the attempt is given up as unknown.
    house.system.advance("1m".parse().unwrap());
    house.at("2026-06-01T09:15:10Z").await;
    let mut made = Vec::new();
    for side in [AlertSide::Client, AlertSide::Management] {
        let mail = alert(&house, side, Channel::Email).await;
        assert_eq!(mail.state(), NotificationState::HandedOver);
        made.push(mail.attempts_made);
    }
    made.sort_by_key(Vec::len);
    assert_eq!((made[0].len(), made[1].len()), (1, 2));
    let [first, second] = made[1].as_slice() else { panic!() };
    assert_eq!((first.reason.as_str(), first.possible_duplicate), ("OUTCOME_UNKNOWN", false));
    assert_eq!((second.step(), second.possible_duplicate), (AlertStep::HandedOver, true));
}
