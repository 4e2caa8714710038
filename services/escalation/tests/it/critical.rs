//! Critical incidents (SOP 8.2): declaring one, what is told of its alerts, and the updates that the client is owed.

use contracts::{
    client_registry::v1::{Channel, CriticalIncidents, Policy},
    escalation::v1::{
        Case, CaseClosed, CaseKind, CaseOpened, CaseState, ClockBreached, ClockKind, ClockState, CriticalDeclared,
        DeclareCriticalRequest, GiveLatenessReasonRequest, Obligation, ObligationState, OpenCaseRequest,
        PreviewCaseRequest, TimelineKind,
    },
    notification::v1::{
        AlertAttempt, AlertProgressed, AlertSide, AlertStep, Notification, NotificationKind, NotificationState,
    },
};
use testkit::TestDatabase;
use tonic::{Code, Status};

use crate::support::*;

testkit::both_databases!(SETS;
    an_incident_is_told_at_once_and_is_an_issue_in_all_else,
    an_incident_is_the_firms_word_and_a_contact_opens_an_issue,
    an_issue_is_declared_critical_once_and_its_24_hours_go_on,
    an_inquiry_becomes_an_issue_by_being_declared_critical,
    what_is_closed_is_not_declared_critical,
    a_reason_without_words_is_refused_and_nothing_happens,
    a_repeated_request_id_declares_once,
    each_step_of_an_alert_stands_on_the_timeline_and_on_its_obligation,
    an_alert_told_twice_or_out_of_order_changes_nothing_more,
    an_alert_of_a_case_that_is_not_critical_is_passed_over,
    that_the_copy_was_used_is_told,
    alerts_that_were_told_while_the_stream_was_lost_are_made_up_for_from_their_attempts,
    an_update_in_time_begins_the_next_period_whether_it_is_a_reply_or_an_update,
    a_missed_update_is_told_once_for_its_period_and_a_reason_is_taken_for_it,
    after_downtime_each_missed_update_is_recorded_and_the_last_alone_is_told,
    updates_are_due_until_both_sides_confirmed,
    the_policy_says_how_often_and_by_when,
    a_preview_tells_when_the_next_update_is_due,
);

async fn incident(world: &World) -> Case {
    world.open(ANNA, CaseKind::Incident).await
}

async fn declare(world: &World, person: &str, case: &str) -> Result<Case, Status> {
    let request =
        DeclareCriticalRequest { name: case.into(), reason: "The plant stands still.".into(), ..Default::default() };
    Ok(world.as_(person).declare_critical(request).await?.into_inner().case.unwrap())
}

/// A step of the call to the client.
fn alert(case: &str, step: AlertStep, attempt: i32, at_time: &str) -> AlertProgressed {
    AlertProgressed {
        notification: "notifications/call".into(),
        client: ACME.into(),
        case: case.into(),
        side: AlertSide::Client.into(),
        channel: Channel::Phone.into(),
        step: step.into(),
        person: CARLA.into(),
        attempt,
        reason: String::new(),
        time: Some(wire(at(at_time))),
        from_copy: false,
    }
}

async fn tell(world: &World, alert: &AlertProgressed) {
    world.notification.tell(&alert.notification, world.clock.now(), alert).await;
    world.quiet().await;
}

async fn call(world: &World, case: &str) -> Obligation {
    world.case(case).await.critical.unwrap().obligations[1].clone()
}

fn clock(case: &Case) -> contracts::escalation::v1::Clock {
    case.clocks.iter().find(|clock| clock.kind() == ClockKind::ClientUpdate).unwrap().clone()
}

async fn an_incident_is_told_at_once_and_is_an_issue_in_all_else(db: TestDatabase) {
    let world = World::new(db).await;
    let case = incident(&world).await;
    assert_eq!((case.kind(), case.state()), (CaseKind::Incident, CaseState::Unresolved));
    let kinds: Vec<_> = case.clocks.iter().map(|clock| (clock.kind(), time(clock.due_time))).collect();
    assert_eq!(kinds, [(ClockKind::Resolution, at(TUESDAY)), (ClockKind::ClientUpdate, at("2026-06-01T10:15:00Z"))]);
    assert_eq!(clock(&case).due_local, "2026-06-01T11:15:00[Europe/London]");
    let critical = case.critical.unwrap();
    assert_eq!((time(critical.declare_time), critical.declarer.as_str()), (at(MONDAY), ANNA));
    assert_eq!(time(critical.report_due_time), at(TUESDAY));
    let owed: Vec<_> = critical.obligations.iter().map(|one| (one.side(), one.channel(), one.state())).collect();
    let pending = |side, channel| (side, channel, ObligationState::Pending);
    assert_eq!(
        owed,
        [
            pending(AlertSide::Client, Channel::Email),
            pending(AlertSide::Client, Channel::Phone),
            pending(AlertSide::Management, Channel::Email),
            pending(AlertSide::Management, Channel::Phone),
        ]
    );
    assert_eq!(world.kinds(&case.name).await, "OPENED CLOCK_SET DECLARED_CRITICAL CLOCK_SET");
    let declared = &world.entries(&case.name, TimelineKind::DeclaredCritical).await[0];
    assert_eq!((declared.actor.as_str(), time(declared.due_time)), (ANNA, at(TUESDAY)));
    assert_eq!(world.told().await, ["CaseOpened", "CriticalDeclared"]);
    assert_eq!(world.events::<CaseOpened>().await[0].kind(), CaseKind::Incident);
    let told = world.events::<CriticalDeclared>().await.remove(0);
    assert_eq!(
        told,
        CriticalDeclared {
            case: case.name.clone(),
            client: ACME.into(),
            engagement: String::new(),
            declarer: ANNA.into(),
            declare_time: Some(wire(at(MONDAY))),
            report_due_time: Some(wire(at(TUESDAY))),
            policy_version: 1,
        }
    );
    world.at(TUESDAY).await;
    assert_eq!(world.case(&case.name).await.steps_taken, 1, "SOP 8.1 holds for it");
}

async fn an_incident_is_the_firms_word_and_a_contact_opens_an_issue(db: TestDatabase) {
    let world = World::new(db).await;
    let open = async |person: &str, client: &str| {
        let case = Some(draft(client, CaseKind::Incident));
        world.as_(person).open_case(OpenCaseRequest { case, request_id: String::new() }).await
    };
    assert_eq!(refused(open(CARLA, ACME).await), (Code::PermissionDenied, "INCIDENT_NEEDS_THE_FIRM".into()));
    assert_eq!(refused(open(CARLA, OTHER).await), (Code::NotFound, "CLIENT_NOT_FOUND".into()));
    let issue = world.open(CARLA, CaseKind::Issue).await;
    let declared = declare(&world, CARLA, &issue.name).await;
    assert_eq!(refused(declared).0, Code::PermissionDenied);
    assert!(world.case(&issue.name).await.critical.is_none());
    let foreign = declare(&world, OLGA, &issue.name).await;
    assert_eq!(refused(foreign), (Code::NotFound, "NOT_FOUND".into()));
    for person in [ANNA, BEN, BOSS] {
        let case = world.open(CARLA, CaseKind::Issue).await;
        declare(&world, person, &case.name).await.unwrap();
    }
}

async fn an_issue_is_declared_critical_once_and_its_24_hours_go_on(db: TestDatabase) {
    let world = World::new(db).await;
    let issue = world.open(CARLA, CaseKind::Issue).await;
    world.at("2026-06-01T20:00:00Z").await;
    let case = declare(&world, BEN, &issue.name).await.unwrap();
    assert_eq!((case.kind(), time(case.clocks[0].due_time)), (CaseKind::Incident, at(TUESDAY)));
    assert_eq!(time(clock(&case).due_time), at("2026-06-01T21:00:00Z"));
    let entry = &world.entries(&case.name, TimelineKind::DeclaredCritical).await[0];
    assert_eq!((entry.actor.as_str(), entry.text.as_str()), (BEN, "The plant stands still."));
    let again = declare(&world, ANNA, &issue.name).await;
    assert_eq!(refused(again), (Code::FailedPrecondition, "ALREADY_CRITICAL".into()));
    assert_eq!(world.events::<CriticalDeclared>().await.len(), 1);
}

async fn an_inquiry_becomes_an_issue_by_being_declared_critical(db: TestDatabase) {
    let world = World::new(db).await;
    world.mail("mails/m1", "t1", MONDAY).await;
    let case = world.only_case().await;
    let case = declare(&world, ANNA, &case.name).await.unwrap();
    let kinds: Vec<_> = case.clocks.iter().map(contracts::escalation::v1::Clock::kind).collect();
    assert_eq!(kinds, [ClockKind::FirstResponse, ClockKind::Resolution, ClockKind::ClientUpdate]);
    assert_eq!(world.kinds(&case.name).await, "OPENED CLOCK_SET BECAME_ISSUE CLOCK_SET DECLARED_CRITICAL CLOCK_SET");
    assert_eq!(world.told().await, ["CaseOpened", "CaseBecameIssue", "CriticalDeclared"]);
    assert_eq!(world.entries(&case.name, TimelineKind::BecameIssue).await[0].reason, "CRITICAL");
}

async fn what_is_closed_is_not_declared_critical(db: TestDatabase) {
    let world = World::new(db).await;
    let case = world.proposed().await;
    world.confirm(CARLA, &case.name, 1).await.unwrap();
    world.confirm(BEN, &case.name, 1).await.unwrap();
    let late = declare(&world, ANNA, &case.name).await;
    assert_eq!(refused(late), (Code::FailedPrecondition, "CASE_CLOSED".into()));
}

async fn a_reason_without_words_is_refused_and_nothing_happens(db: TestDatabase) {
    let world = World::new(db).await;
    let issue = world.open(CARLA, CaseKind::Issue).await;
    for reason in ["", " ", "?!"] {
        let request = DeclareCriticalRequest { name: issue.name.clone(), reason: reason.into(), ..Default::default() };
        let answer = world.as_(ANNA).declare_critical(request).await;
        assert_eq!(refused(answer).0, Code::InvalidArgument, "{reason:?}");
    }
    assert_eq!(world.case(&issue.name).await, issue);
}

async fn a_repeated_request_id_declares_once(db: TestDatabase) {
    let world = World::new(db).await;
    let issue = world.open(CARLA, CaseKind::Issue).await;
    let once = async || {
        let request = DeclareCriticalRequest {
            name: issue.name.clone(),
            reason: "The plant stands still.".into(),
            request_id: "once".into(),
        };
        world.as_(ANNA).declare_critical(request).await.unwrap().into_inner()
    };
    assert_eq!(once().await, once().await);
    assert_eq!(world.events::<CriticalDeclared>().await.len(), 1);
}

async fn each_step_of_an_alert_stands_on_the_timeline_and_on_its_obligation(db: TestDatabase) {
    let world = World::new(db).await;
    let case = incident(&world).await.name;
    let step = |step, attempt, second: &str| alert(&case, step, attempt, &format!("2026-06-01T09:15:{second}Z"));
    tell(&world, &step(AlertStep::Attempted, 1, "01")).await;
    tell(&world, &AlertProgressed { reason: "BUSY".into(), ..step(AlertStep::NotReached, 1, "04") }).await;
    let busy = call(&world, &case).await;
    assert_eq!((busy.state(), busy.reason.as_str(), busy.end_time), (ObligationState::Pending, "BUSY", None));
    tell(&world, &step(AlertStep::Attempted, 2, "05")).await;
    tell(&world, &AlertProgressed { person: COLIN.into(), ..step(AlertStep::Reached, 2, "30") }).await;
    let reached = call(&world, &case).await;
    assert_eq!((reached.state(), reached.person.as_str()), (ObligationState::Reached, COLIN));
    assert_eq!(reached.notification, "notifications/call");
    assert_eq!(time(reached.first_attempt_time), at("2026-06-01T09:15:01Z"));
    assert_eq!(time(reached.end_time), at("2026-06-01T09:15:30Z"));
    let kinds = world.kinds(&case).await;
    assert!(kinds.ends_with("ALERT_ATTEMPTED ALERT_NOT_REACHED ALERT_ATTEMPTED ALERT_REACHED"), "{kinds}");
    let entry = &world.entries(&case, TimelineKind::AlertNotReached).await[0];
    assert_eq!((entry.alert_side(), entry.channel(), entry.attempt), (AlertSide::Client, Channel::Phone, 1));
    assert_eq!((entry.people.as_slice(), entry.reason.as_str()), ([CARLA.to_owned()].as_slice(), "BUSY"));
    assert_eq!(
        (entry.references.as_slice(), entry.actor.as_str()),
        (["notifications/call".to_owned()].as_slice(), "services/notification")
    );
    assert_eq!(time(entry.occur_time), at("2026-06-01T09:15:04Z"));
}

async fn an_alert_told_twice_or_out_of_order_changes_nothing_more(db: TestDatabase) {
    let world = World::new(db).await;
    let case = incident(&world).await.name;
    let reached = alert(&case, AlertStep::Reached, 1, "2026-06-01T09:16:00Z");
    let failed = AlertProgressed {
        reason: "NOBODY_REACHED".into(),
        ..alert(&case, AlertStep::Failed, 1, "2026-06-01T09:15:50Z")
    };
    tell(&world, &reached).await;
    tell(&world, &failed).await;
    tell(&world, &alert(&case, AlertStep::Attempted, 1, "2026-06-01T09:15:01Z")).await;
    for again in [&reached, &failed] {
        tell(&world, again).await;
    }
    let told = call(&world, &case).await;
    assert_eq!((told.state(), time(told.end_time)), (ObligationState::Reached, at("2026-06-01T09:16:00Z")));
    assert_eq!(time(told.first_attempt_time), at("2026-06-01T09:15:01Z"));
    assert!(world.kinds(&case).await.ends_with("CLOCK_SET ALERT_REACHED ALERT_FAILED ALERT_ATTEMPTED"));
}

async fn an_alert_of_a_case_that_is_not_critical_is_passed_over(db: TestDatabase) {
    let world = World::new(db).await;
    let issue = world.open(CARLA, CaseKind::Issue).await;
    tell(&world, &alert(&issue.name, AlertStep::Attempted, 1, MONDAY)).await;
    tell(&world, &alert("cases/nowhere", AlertStep::Attempted, 1, MONDAY)).await;
    assert_eq!(world.case(&issue.name).await, issue);
    assert_eq!(world.kinds(&issue.name).await, "OPENED CLOCK_SET");
}

async fn that_the_copy_was_used_is_told(db: TestDatabase) {
    let world = World::new(db).await;
    let case = incident(&world).await.name;
    let from_copy = AlertProgressed { from_copy: true, ..alert(&case, AlertStep::Attempted, 1, MONDAY) };
    tell(&world, &from_copy).await;
    assert!(call(&world, &case).await.from_copy);
    assert!(world.entries(&case, TimelineKind::AlertAttempted).await[0].from_copy);
}

async fn alerts_that_were_told_while_the_stream_was_lost_are_made_up_for_from_their_attempts(db: TestDatabase) {
    let world = World::new(db).await;
    let case = incident(&world).await.name;
    let first = alert(&case, AlertStep::Attempted, 1, "2026-06-01T09:15:01Z");
    tell(&world, &first).await;
    let attempt = |attempt, step: AlertStep, reason: &str, from: &str, to: &str| AlertAttempt {
        people: vec![CARLA.into()],
        attempt,
        step: step.into(),
        reason: reason.into(),
        begin_time: Some(wire(at(from))),
        end_time: Some(wire(at(to))),
        ..AlertAttempt::default()
    };
    let (one, two, three) = ("2026-06-01T09:15:01Z", "2026-06-01T09:15:04Z", "2026-06-01T09:15:30Z");
    world.mailroom.put_notification(Notification {
        name: first.notification.clone(),
        kind: NotificationKind::CriticalAlert.into(),
        state: NotificationState::Reached.into(),
        client: ACME.into(),
        case: case.clone(),
        recipients: vec![CARLA.into()],
        queue_time: Some(wire(at(MONDAY))),
        hand_over_time: Some(wire(at(three))),
        side: AlertSide::Client.into(),
        channel: Channel::Phone.into(),
        attempts_made: vec![
            attempt(1, AlertStep::NotReached, "BUSY", one, two),
            attempt(2, AlertStep::Reached, "", two, three),
        ],
        ..Notification::default()
    });
    world.lose(&world.notification).await;
    let reached = call(&world, &case).await;
    assert_eq!((reached.state(), time(reached.end_time)), (ObligationState::Reached, at(three)));
    let kinds = world.kinds(&case).await;
    assert!(kinds.contains("ALERT_ATTEMPTED ALERT_NOT_REACHED ALERT_ATTEMPTED ALERT_REACHED"), "{kinds}");
    assert_eq!(kinds.matches("ALERT_ATTEMPTED").count(), 2, "the first one was known");
}

async fn an_update_in_time_begins_the_next_period_whether_it_is_a_reply_or_an_update(db: TestDatabase) {
    let world = World::new(db).await;
    let case = incident(&world).await.name;
    world.clock.set(at("2026-06-01T10:00:00Z"));
    world.handed_over(NotificationKind::IncidentUpdate, ANNA, &case, &[CARLA], "2026-06-01T10:00:00Z").await;
    assert_eq!(time(clock(&world.case(&case).await).due_time), at("2026-06-01T11:00:00Z"));
    world.at("2026-06-01T10:59:59Z").await;
    world.replied(&case, "2026-06-01T10:59:59Z").await;
    let due = at("2026-06-01T11:59:59Z");
    assert_eq!(time(clock(&world.case(&case).await).due_time), due);
    let entries = world.entries(&case, TimelineKind::ClientUpdated).await;
    assert_eq!((entries.len(), entries[1].actor.as_str(), entries[1].clock()), (2, ANNA, ClockKind::ClientUpdate));
    assert_eq!((time(entries[1].due_time), entries[1].people.as_slice()), (due, [CARLA.to_owned()].as_slice()));
    world.handed_over(NotificationKind::AutoAcknowledgement, "", &case, &[CARLA], "2026-06-01T11:00:00Z").await;
    assert_eq!(time(clock(&world.case(&case).await).due_time), due, "what is generated is no update");
    assert!(world.events::<ClockBreached>().await.is_empty());
}

async fn a_missed_update_is_told_once_for_its_period_and_a_reason_is_taken_for_it(db: TestDatabase) {
    let world = World::new(db).await;
    let case = incident(&world).await.name;
    let give = async || {
        let request = GiveLatenessReasonRequest {
            name: case.clone(),
            clock: ClockKind::ClientUpdate.into(),
            reason: "Everybody was at the plant.".into(),
            ..Default::default()
        };
        world.as_(ANNA).give_lateness_reason(request).await.map(|answer| answer.into_inner().case.unwrap())
    };
    assert_eq!(refused(give().await), (Code::FailedPrecondition, "NOT_LATE".into()));
    world.at("2026-06-01T10:15:00Z").await;
    world.at("2026-06-01T10:40:00Z").await;
    let late = world.case(&case).await;
    assert!(clock(&late).breached);
    assert_eq!(
        (time(clock(&late).start_time), time(clock(&late).due_time)),
        (at("2026-06-01T10:15:00Z"), at("2026-06-01T11:15:00Z"))
    );
    let told = world.events::<ClockBreached>().await;
    assert_eq!(
        (told.len(), told[0].clock(), time(told[0].due_time)),
        (1, ClockKind::ClientUpdate, at("2026-06-01T10:15:00Z"))
    );
    let explained = give().await.unwrap();
    assert_eq!(clock(&explained).lateness_reason, "Everybody was at the plant.");
}

async fn after_downtime_each_missed_update_is_recorded_and_the_last_alone_is_told(db: TestDatabase) {
    let world = World::new(db).await;
    let case = incident(&world).await.name;
    world.at("2026-06-01T12:20:00Z").await;
    let missed = world.entries(&case, TimelineKind::ClockBreached).await;
    let dues: Vec<_> = missed.iter().map(|entry| (time(entry.due_time), entry.reason.as_str())).collect();
    assert_eq!(
        dues,
        [
            (at("2026-06-01T10:15:00Z"), "TOLD_WITH_LATER"),
            (at("2026-06-01T11:15:00Z"), "TOLD_WITH_LATER"),
            (at("2026-06-01T12:15:00Z"), ""),
        ]
    );
    let told: Vec<_> = world.events::<ClockBreached>().await.iter().map(|event| time(event.due_time)).collect();
    assert_eq!(told, [at("2026-06-01T12:15:00Z")]);
    world.at("2026-06-03T12:20:00Z").await;
    let missed = world.entries(&case, TimelineKind::ClockBreached).await;
    let updates = missed.iter().filter(|entry| entry.clock() == ClockKind::ClientUpdate);
    let periods: Vec<_> = updates.map(|entry| entry.periods).collect();
    assert_eq!((periods.len(), periods[3]), (3 + 24, 48 - 23), "what is old is told together");
    assert_eq!(
        world.events::<ClockBreached>().await.iter().filter(|one| one.clock() == ClockKind::ClientUpdate).count(),
        2
    );
}

async fn updates_are_due_until_both_sides_confirmed(db: TestDatabase) {
    let world = World::new(db).await;
    let case = incident(&world).await.name;
    let proposed = world.propose(&case, "We replace the pump on Friday.").await;
    assert_eq!(clock(&proposed).state(), ClockState::Running, "what is not confirmed is not resolved");
    world.at("2026-06-01T10:15:00Z").await;
    assert_eq!(world.events::<ClockBreached>().await.len(), 1);
    world.confirm(CARLA, &case, 1).await.unwrap();
    let closed = world.confirm(BEN, &case, 1).await.unwrap();
    assert_eq!((closed.state(), clock(&closed).state()), (CaseState::Closed, ClockState::Ended));
    assert_eq!((closed.kind(), closed.critical.is_some()), (CaseKind::Incident, true));
    world.at("2026-06-02T10:15:00Z").await;
    assert_eq!(world.events::<ClockBreached>().await.len(), 1);
    assert_eq!(world.events::<CaseClosed>().await.len(), 1);
}

async fn the_policy_says_how_often_and_by_when(db: TestDatabase) {
    let world = World::new(db).await;
    let span = |seconds| Some(prost_types::Duration { seconds, nanos: 0 });
    let critical = CriticalIncidents { update_cadence: span(1800), report_within: span(7200) };
    world.registry.put_policy(Policy { critical_incidents: Some(critical), ..policy(2) });
    world.tell_policy(2).await;
    world.quiet().await;
    let case = incident(&world).await;
    assert_eq!(case.policy_version, 2);
    assert_eq!(time(clock(&case).due_time), at("2026-06-01T09:45:00Z"));
    assert_eq!(time(case.critical.unwrap().report_due_time), at("2026-06-01T11:15:00Z"));
    world.at("2026-06-01T09:45:00Z").await;
    assert_eq!(time(clock(&world.case(&case.name).await).due_time), at("2026-06-01T10:15:00Z"));
}

async fn a_preview_tells_when_the_next_update_is_due(db: TestDatabase) {
    let world = World::new(db).await;
    let case = incident(&world).await.name;
    let request = PreviewCaseRequest { name: case };
    let steps = world.as_(CARLA).preview_case(request).await.unwrap().into_inner().steps;
    let told: Vec<_> = steps.iter().map(|step| (step.what.as_str(), time(step.time))).collect();
    assert_eq!(told[0], ("CLIENT_UPDATE_DUE", at("2026-06-01T10:15:00Z")));
    assert_eq!(told.iter().filter(|(what, _)| *what == "CLIENT_UPDATE_DUE").count(), 1);
    assert_eq!(told[1], ("CLOCK_BREACHED", at(TUESDAY)));
}
