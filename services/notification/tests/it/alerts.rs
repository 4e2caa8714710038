//! A critical incident: four obligations, each tracked to its evidence (SOP 8.2).

use contracts::{
    client_registry::v1::Channel,
    escalation::v1::{CaseClosed, CriticalDeclared},
    notification::v1::{
        AlertProgressed, AlertSide, AlertStep, AnsweredBy, Call, CallState, CallStatus, CancelNotificationRequest,
        ListCallsRequest, ListNotificationsRequest, Notification, NotificationKind, NotificationState,
        ReportCallRequest, WatchDeliveriesRequest,
    },
};
use testkit::{TestDatabase, both_databases};
use tonic::{Code, Status};

use crate::support::*;

both_databases!(sets();
    client_and_management_are_told_at_once_by_mail_and_by_phone,
    an_event_that_comes_again_tells_nobody_twice,
    a_key_press_reaches_whoever_is_called,
    busy_voicemail_and_the_deputy_follow_each_other,
    a_round_without_anybody_fails_is_told_once_and_begins_anew,
    a_message_left_is_handed_over_and_calls_go_on,
    messages_that_nobody_answers_end_as_handed_over_and_are_told,
    a_late_key_press_counts_and_a_repeated_report_changes_nothing,
    reports_out_of_order_end_a_call_once,
    nobody_takes_an_alert_back,
    only_the_telephony_reports_and_an_unknown_call_is_not_found,
    a_call_that_nobody_tells_of_is_unknown_and_the_next_is_a_possible_duplicate,
    nothing_personal_lies_open_in_the_tables_and_events,
    nobody_is_called_about_a_case_that_is_closed,
    nobody_to_tell_is_a_failure_that_is_told,
    whoever_watches_sees_that_somebody_was_reached,
);

pub async fn declare(house: &House, case: &str) {
    house.tell(case, &declared(house, case)).await;
}

pub fn declared(house: &House, case: &str) -> CriticalDeclared {
    CriticalDeclared {
        case: case.into(),
        client: ACME.into(),
        engagement: String::new(),
        declarer: ANNA.into(),
        declare_time: Some(wire(house.clock.now())),
        report_due_time: None,
        policy_version: 1,
    }
}

pub async fn alert(house: &House, side: AlertSide, channel: Channel) -> Notification {
    let request = ListNotificationsRequest { case: "cases/1".into(), page_size: 200, ..Default::default() };
    let all = house.outbound(BOSS).list_notifications(request).await.unwrap().into_inner().notifications;
    let found = all.into_iter().find(|one| one.side() == side && one.channel() == channel).unwrap();
    house.notification(&found.name).await
}

/// The calls of a side, in order.
pub async fn calls(house: &House, side: AlertSide) -> Vec<Call> {
    let request = ListCallsRequest { page_size: 200, ..Default::default() };
    let all = house.calls(BOSS).list_calls(request).await.unwrap().into_inner().calls;
    let mut of_side: Vec<_> = all.into_iter().filter(|call| call.side() == side).collect();
    of_side.sort_by_key(|call| call.attempt);
    of_side
}

pub async fn try_report(house: &House, request: ReportCallRequest) -> Result<Call, Status> {
    let answer = house.calls(TELEPHONY).report_call(request).await?;
    Ok(answer.into_inner().call.unwrap())
}

/// What became of the call that is under way on a side.
async fn report(house: &House, side: AlertSide, status: CallStatus, answered_by: AnsweredBy, digits: &str) -> Call {
    let under_way = calls(house, side).await.into_iter().find(|call| call.state() == CallState::Placed).unwrap();
    let request = ReportCallRequest {
        name: under_way.name,
        status: status.into(),
        answered_by: answered_by.into(),
        digits: digits.into(),
        ..Default::default()
    };
    let call = try_report(house, request).await.unwrap();
    house.quiet().await;
    call
}

async fn busy(house: &House, side: AlertSide) {
    report(house, side, CallStatus::Busy, AnsweredBy::Unspecified, "").await;
}

pub async fn steps(house: &House, side: AlertSide, channel: Channel) -> Vec<(AlertStep, String, i32, String)> {
    let told = house.told::<AlertProgressed>().await;
    let of_it = told.into_iter().filter(|one| one.side() == side && one.channel() == channel);
    of_it.map(|one| (one.step(), one.person.clone(), one.attempt, one.reason)).collect()
}

pub fn step(step: AlertStep, person: &str, attempt: i32, reason: &str) -> (AlertStep, String, i32, String) {
    (step, person.to_owned(), attempt, reason.to_owned())
}

async fn client_and_management_are_told_at_once_by_mail_and_by_phone(db: TestDatabase) {
    let house = House::new(db).await;
    declare(&house, "cases/1").await;
    let all = house.notifications(NotificationKind::CriticalAlert).await;
    assert_eq!(all.len(), 4);
    for side in [AlertSide::Client, AlertSide::Management] {
        let mail = alert(&house, side, Channel::Email).await;
        assert_eq!(mail.state(), NotificationState::HandedOver, "SMTP's 250 is not reached");
        let person = if side == AlertSide::Client { CARLA } else { BOSS };
        assert_eq!(mail.recipients, [person]);
        assert_eq!(
            steps(&house, side, Channel::Email).await,
            [step(AlertStep::Attempted, person, 1, ""), step(AlertStep::HandedOver, person, 1, "")]
        );
        let phone = alert(&house, side, Channel::Phone).await;
        assert_eq!((phone.state(), phone.attempts), (NotificationState::Queued, 1));
        assert_eq!(steps(&house, side, Channel::Phone).await, [step(AlertStep::Attempted, person, 1, "")]);
        assert_eq!(phone.attempts_made[0].people, [person]);
    }
    let placed = house.app.phones().list().unwrap();
    let mut numbers: Vec<_> = placed.iter().map(|call| call.to.as_str()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, ["+442070000001", "+442070000011"]);
    for call in &placed {
        assert!(call.spoken.contains("press 1") && call.spoken.contains("Firm & Partners"), "{}", call.spoken);
        assert!(!call.voicemail.contains("Acme") && !call.spoken.contains("Acme"));
        assert!(!call.from_copy && !call.possible_duplicate);
        assert_eq!(call.place_time, house.clock.now().to_string());
    }
    let mails = house.app.outbox().unwrap().list().unwrap();
    assert_eq!(mails.iter().filter(|mail| mail.kind == "CRITICAL_ALERT" && mail.case == "cases/1").count(), 2);
}

async fn an_event_that_comes_again_tells_nobody_twice(db: TestDatabase) {
    let house = House::new(db).await;
    declare(&house, "cases/1").await;
    house.escalation_events.forget_the_past().await;
    house.quiet().await;
    assert_eq!(house.notifications(NotificationKind::CriticalAlert).await.len(), 4);
    assert_eq!(house.app.phones().list().unwrap().len(), 2);
}

async fn a_key_press_reaches_whoever_is_called(db: TestDatabase) {
    let house = House::new(db).await;
    declare(&house, "cases/1").await;
    house.clock.set(at("2026-06-01T09:16:00Z"));
    let call = report(&house, AlertSide::Client, CallStatus::Answered, AnsweredBy::Human, "1").await;
    assert_eq!((call.state(), time(call.key_press_time)), (CallState::Reached, at("2026-06-01T09:16:00Z")));
    let phone = alert(&house, AlertSide::Client, Channel::Phone).await;
    assert_eq!((phone.state(), phone.recipients.clone()), (NotificationState::Reached, vec![CARLA.to_owned()]));
    let made = &phone.attempts_made[0];
    assert_eq!((made.step(), made.evidence.as_str()), (AlertStep::Reached, call.name.as_str()));
    assert_eq!(
        steps(&house, AlertSide::Client, Channel::Phone).await,
        [step(AlertStep::Attempted, CARLA, 1, ""), step(AlertStep::Reached, CARLA, 1, "")]
    );
    house.at("2026-06-01T12:00:00Z").await;
    assert_eq!(calls(&house, AlertSide::Client).await.len(), 1, "nobody is called any more");
    assert_eq!(alert(&house, AlertSide::Client, Channel::Phone).await.state(), NotificationState::Reached);
}

async fn busy_voicemail_and_the_deputy_follow_each_other(db: TestDatabase) {
    let house = House::new(db).await;
    declare(&house, "cases/1").await;
    busy(&house, AlertSide::Management).await;
    report(&house, AlertSide::Management, CallStatus::Completed, AnsweredBy::Machine, "").await;
    report(&house, AlertSide::Management, CallStatus::Answered, AnsweredBy::Human, "1").await;
    assert_eq!(
        steps(&house, AlertSide::Management, Channel::Phone).await,
        [
            step(AlertStep::Attempted, BOSS, 1, ""),
            step(AlertStep::NotReached, BOSS, 1, "BUSY"),
            step(AlertStep::Attempted, BOSS, 2, ""),
            step(AlertStep::HandedOver, BOSS, 2, "VOICEMAIL"),
            step(AlertStep::Attempted, DORA, 3, ""),
            step(AlertStep::Reached, DORA, 3, ""),
        ]
    );
    let numbers: Vec<_> = house.app.phones().list().unwrap().into_iter().map(|call| call.to).collect();
    for number in ["+442070000011", "+442070000012", "+442070000021"] {
        assert_eq!(numbers.iter().filter(|called| *called == number).count(), 1, "{number}");
    }
    let phone = alert(&house, AlertSide::Management, Channel::Phone).await;
    assert_eq!((phone.state(), phone.attempts_made.len()), (NotificationState::Reached, 3));
    assert!(house.notifications(NotificationKind::AlertFailed).await.is_empty());
}

async fn a_round_without_anybody_fails_is_told_once_and_begins_anew(db: TestDatabase) {
    let house = House::new(db).await;
    declare(&house, "cases/1").await;
    busy(&house, AlertSide::Client).await;
    report(&house, AlertSide::Client, CallStatus::NoAnswer, AnsweredBy::Unspecified, "").await;
    let phone = alert(&house, AlertSide::Client, Channel::Phone).await;
    assert_eq!((phone.state(), phone.reason.as_str()), (NotificationState::Failed, "NOBODY_REACHED"));
    let failed = house.notifications(NotificationKind::AlertFailed).await;
    let mut audiences: Vec<_> = failed.iter().map(|one| one.audience.as_str()).collect();
    audiences.sort_unstable();
    assert_eq!(audiences, ["ACCOUNT_MANAGER", "MANAGEMENT"]);
    assert!(failed.iter().all(|one| one.state() == NotificationState::HandedOver));
    let told = house.notification(&failed[0].name).await;
    assert!(told.text.contains("the client by phone"), "{}", told.text);

    house.at("2026-06-01T09:20:00Z").await;
    let again = calls(&house, AlertSide::Client).await;
    assert_eq!((again.len(), again[2].round), (3, 2), "a new round, from the top");
    busy(&house, AlertSide::Client).await;
    busy(&house, AlertSide::Client).await;
    assert_eq!(house.notifications(NotificationKind::AlertFailed).await.len(), 2, "told once");
    let told = steps(&house, AlertSide::Client, Channel::Phone).await;
    assert_eq!(told.iter().filter(|one| one.0 == AlertStep::Failed).count(), 2, "each round tells");
    house.at("2026-06-01T09:25:00Z").await;
    report(&house, AlertSide::Client, CallStatus::Answered, AnsweredBy::Human, "1").await;
    assert_eq!(alert(&house, AlertSide::Client, Channel::Phone).await.state(), NotificationState::Reached);
}

async fn a_message_left_is_handed_over_and_calls_go_on(db: TestDatabase) {
    let house = House::new(db).await;
    declare(&house, "cases/1").await;
    report(&house, AlertSide::Client, CallStatus::Completed, AnsweredBy::Machine, "").await;
    report(&house, AlertSide::Client, CallStatus::Completed, AnsweredBy::Human, "").await;
    let phone = alert(&house, AlertSide::Client, Channel::Phone).await;
    assert_eq!(phone.state(), NotificationState::HandedOver, "a voicemail is not reached");
    assert!(house.notifications(NotificationKind::AlertFailed).await.is_empty());
    house.at("2026-06-01T09:20:00Z").await;
    report(&house, AlertSide::Client, CallStatus::Unspecified, AnsweredBy::Unspecified, "1").await;
    assert_eq!(alert(&house, AlertSide::Client, Channel::Phone).await.state(), NotificationState::Reached);
}

async fn messages_that_nobody_answers_end_as_handed_over_and_are_told(db: TestDatabase) {
    let house = House::new(db).await;
    declare(&house, "cases/1").await;
    let leave_messages = async || {
        report(&house, AlertSide::Client, CallStatus::Completed, AnsweredBy::Machine, "").await;
        report(&house, AlertSide::Client, CallStatus::Completed, AnsweredBy::Machine, "").await;
    };
    leave_messages().await;
    assert!(house.notifications(NotificationKind::AlertFailed).await.is_empty(), "the rounds go on");
    // The last round that an hour holds.
    house.at("2026-06-01T10:16:00Z").await;
    leave_messages().await;
    let phone = alert(&house, AlertSide::Client, Channel::Phone).await;
    assert_eq!(phone.state(), NotificationState::HandedOver);
    let told = house.notifications(NotificationKind::AlertFailed).await.len();
    assert_eq!(told, 2, "management and the account manager");
    house.at("2026-06-01T12:00:00Z").await;
    assert_eq!(calls(&house, AlertSide::Client).await.len(), 4, "nobody is called any more");
}

async fn a_late_key_press_counts_and_a_repeated_report_changes_nothing(db: TestDatabase) {
    let house = House::new(db).await;
    declare(&house, "cases/1").await;
    let first = report(&house, AlertSide::Client, CallStatus::Completed, AnsweredBy::Human, "").await;
    assert_eq!((first.state(), first.reason.as_str()), (CallState::Ended, "NO_KEY_PRESSED"));
    let pressed = ReportCallRequest { name: first.name.clone(), digits: "1".into(), ..Default::default() };
    let reached = try_report(&house, pressed.clone()).await.unwrap();
    assert_eq!(reached.state(), CallState::Reached);
    let told = house.told::<AlertProgressed>().await.len();
    for again in
        [pressed, ReportCallRequest { name: first.name, status: CallStatus::Busy.into(), ..Default::default() }]
    {
        assert_eq!(try_report(&house, again).await.unwrap(), reached);
    }
    assert_eq!(house.told::<AlertProgressed>().await.len(), told);
    // The call to the next number ends by itself; nobody else is called.
    busy(&house, AlertSide::Client).await;
    house.at("2026-06-01T09:25:00Z").await;
    assert_eq!(calls(&house, AlertSide::Client).await.len(), 2);
    assert_eq!(alert(&house, AlertSide::Client, Channel::Phone).await.state(), NotificationState::Reached);
}

async fn reports_out_of_order_end_a_call_once(db: TestDatabase) {
    let house = House::new(db).await;
    declare(&house, "cases/1").await;
    let name = calls(&house, AlertSide::Client).await[0].name.clone();
    let told = |sequence, status: CallStatus, by: AnsweredBy| ReportCallRequest {
        name: name.clone(),
        sequence,
        status: status.into(),
        answered_by: by.into(),
        ..Default::default()
    };
    try_report(&house, told(3, CallStatus::Completed, AnsweredBy::Machine)).await.unwrap();
    for late in [
        told(1, CallStatus::Ringing, AnsweredBy::Unspecified),
        told(2, CallStatus::Answered, AnsweredBy::Human),
        told(3, CallStatus::Completed, AnsweredBy::Machine),
        told(4, CallStatus::NoAnswer, AnsweredBy::Unspecified),
    ] {
        let call = try_report(&house, late).await.unwrap();
        assert_eq!((call.state(), call.reason.as_str()), (CallState::Ended, "VOICEMAIL"));
    }
    house.quiet().await;
    let told = steps(&house, AlertSide::Client, Channel::Phone).await;
    assert_eq!(told.iter().filter(|one| one.2 == 1).count(), 2, "{told:?}");
}

async fn nobody_takes_an_alert_back(db: TestDatabase) {
    let house = House::new(db).await;
    declare(&house, "cases/1").await;
    let name = alert(&house, AlertSide::Client, Channel::Phone).await.name;
    let cancelled =
        house.outbound(BOSS).cancel_notification(CancelNotificationRequest { name, request_id: String::new() }).await;
    let (code, reason) = refused(cancelled);
    assert!(matches!(code, Code::FailedPrecondition | Code::PermissionDenied), "{code:?} {reason}");
}

async fn only_the_telephony_reports_and_an_unknown_call_is_not_found(db: TestDatabase) {
    let house = House::new(db).await;
    declare(&house, "cases/1").await;
    let call = calls(&house, AlertSide::Client).await.remove(0);
    let pressed = ReportCallRequest { name: call.name.clone(), digits: "1".into(), ..Default::default() };
    let by_staff = house.calls(BOSS).report_call(pressed).await;
    assert_eq!(refused(by_staff).0, Code::PermissionDenied);
    assert_eq!(calls(&house, AlertSide::Client).await.remove(0), call);
    let unknown = ReportCallRequest { name: "calls/nobody".into(), digits: "1".into(), ..Default::default() };
    assert_eq!(refused(try_report(&house, unknown).await).0, Code::NotFound);
    let elsewhere = ListCallsRequest { case: "cases/2".into(), ..Default::default() };
    assert!(house.calls(ANNA).list_calls(elsewhere).await.unwrap().into_inner().calls.is_empty());
    let all = ListCallsRequest::default();
    assert_eq!(house.calls(ANNA).list_calls(all.clone()).await.unwrap().into_inner().calls.len(), 2);
    assert!(house.calls(OLGA).list_calls(all).await.unwrap().into_inner().calls.is_empty(), "another's client");
}

async fn a_call_that_nobody_tells_of_is_unknown_and_the_next_is_a_possible_duplicate(db: TestDatabase) {
    let house = House::new(db).await;
    declare(&house, "cases/1").await;
    house.at("2026-06-01T09:16:59Z").await;
    assert_eq!(calls(&house, AlertSide::Client).await.len(), 1);
    house.at("2026-06-01T09:17:00Z").await;
    let called = calls(&house, AlertSide::Client).await;
    assert_eq!(called.len(), 2);
    assert_eq!((called[0].state(), called[0].reason.as_str()), (CallState::Ended, "OUTCOME_UNKNOWN"));
    assert_eq!((called[0].possible_duplicate, called[1].possible_duplicate), (false, true));
    let late = ReportCallRequest { name: called[0].name.clone(), digits: "1".into(), ..Default::default() };
    try_report(&house, late).await.unwrap();
    assert_eq!(alert(&house, AlertSide::Client, Channel::Phone).await.state(), NotificationState::Reached);
}

async fn nobody_is_called_about_a_case_that_is_closed(db: TestDatabase) {
    let house = House::new(db).await;
    declare(&house, "cases/1").await;
    busy(&house, AlertSide::Client).await;
    let closed = CaseClosed { case: "cases/1".into(), client: ACME.into() };
    house.tell("cases/1", &closed).await;
    busy(&house, AlertSide::Client).await;
    for side in [AlertSide::Client, AlertSide::Management] {
        let phone = alert(&house, side, Channel::Phone).await;
        assert_eq!((phone.state(), phone.reason.as_str()), (NotificationState::Failed, "CASE_CLOSED"));
        assert_eq!(alert(&house, side, Channel::Email).await.state(), NotificationState::HandedOver);
    }
    house.at("2026-06-01T10:30:00Z").await;
    assert_eq!(
        (calls(&house, AlertSide::Client).await.len(), calls(&house, AlertSide::Management).await.len()),
        (2, 1)
    );
}

async fn nobody_to_tell_is_a_failure_that_is_told(db: TestDatabase) {
    let house = House::new(db).await;
    house.registry.state().phones.remove(CARLA);
    declare(&house, "cases/1").await;
    let phone = alert(&house, AlertSide::Client, Channel::Phone).await;
    assert_eq!((phone.state(), phone.reason.as_str()), (NotificationState::Failed, "NOBODY_TO_TELL"));
    assert_eq!(
        steps(&house, AlertSide::Client, Channel::Phone).await,
        [step(AlertStep::Failed, "", 0, "NOBODY_TO_TELL")]
    );
    assert_eq!(house.notifications(NotificationKind::AlertFailed).await.len(), 2);
    // Somebody enters a number meanwhile.
    house.registry.state().phones.insert(CARLA.into(), vec!["+442070000001".into()]);
    house.at("2026-06-01T09:20:00Z").await;
    report(&house, AlertSide::Client, CallStatus::Answered, AnsweredBy::Human, "1").await;
    assert_eq!(alert(&house, AlertSide::Client, Channel::Phone).await.state(), NotificationState::Reached);
}

async fn whoever_watches_sees_that_somebody_was_reached(db: TestDatabase) {
    let house = House::new(db).await;
    let mut stream =
        house.outbound(ANNA).watch_deliveries(WatchDeliveriesRequest::default()).await.unwrap().into_inner();
    declare(&house, "cases/1").await;
    report(&house, AlertSide::Client, CallStatus::Answered, AnsweredBy::Human, "1").await;
    let name = alert(&house, AlertSide::Client, Channel::Phone).await.name;
    let mut seen = Vec::new();
    while seen.last() != Some(&NotificationState::Reached) {
        let told = tokio::time::timeout(SOON, stream.message()).await.unwrap().unwrap().unwrap();
        if told.notification == name {
            seen.push(told.state());
        }
    }
    assert_eq!(seen, [NotificationState::Queued, NotificationState::Reached]);
}

async fn nothing_personal_lies_open_in_the_tables_and_events(db: TestDatabase) {
    let house = House::new(db).await;
    declare(&house, "cases/1").await;
    let stored = house.everything_in("call", &["phone", "phone_index", "script", "reason", "receipt"]).await;
    let copies = house.everything_in("incident_party", &["body", "owner", "key_owner"]).await;
    let events = house.everything_in("outbox", &["payload"]).await;
    assert!(!copies.is_empty());
    for (what, bytes) in [("calls", stored), ("copies", copies), ("events", events)] {
        for secret in ["+44207", "Carla Client", "carla@client", "Acme &", "boss@firm"] {
            assert!(!bytes.windows(secret.len()).any(|part| part == secret.as_bytes()), "{secret} in {what}");
        }
    }
}
