use super::*;

/// Saturday, 22:15 in London: no hour of work in sight.
const SATURDAY: &str = "2026-06-06T21:15:00Z";

/// A step of the call to the client, at a time.
pub(super) fn alert(step: AlertStep, attempt: u32, time: &str) -> Alert {
    Alert {
        notification: "notifications/call".into(),
        side: AlertSide::Client,
        channel: Channel::Phone,
        step,
        person: Some(CARLA.into()),
        attempt,
        reason: String::new(),
        time: at(time),
        from_copy: false,
    }
}

fn critical(case: &Case) -> &Critical {
    case.critical().unwrap()
}

fn called(case: &Case) -> &Obligation {
    &critical(case).obligations[1]
}

fn update(case: &mut Case, handed: &str, now: &str) -> String {
    happened(Ok(case.handed_over(reply(ANNA, CARLA, handed), None, at(now))))
}

fn wait(case: &mut Case, until: &str) -> String {
    all(&case.catch_up(at(until), at(until), 50))
}

fn next_update(case: &Case) -> Timestamp {
    critical(case).updates.due.time
}

#[test]
fn an_incident_is_critical_from_the_start_and_an_issue_in_all_else() {
    let opening = Opening { kind: Kind::Incident, opener: ANNA.into(), open_time: at(SATURDAY), ..opening(true) };
    let (case, facts) = Case::open(opening, Some(policy()), Some(&london(1, &[])));
    assert_eq!(all(&facts), "Opened, ClockSet(Resolution), DeclaredCritical, ClockSet(ClientUpdate)");
    assert_eq!(case.kind(), Kind::Incident);
    let of = critical(&case);
    assert_eq!((of.declared, of.declarer.as_str(), of.report_due), (at(SATURDAY), ANNA, at("2026-06-07T21:15:00Z")));
    let Stage::Issue(issue) = &case.stage else { panic!("no issue") };
    assert_eq!(issue.resolution.due, at("2026-06-07T21:15:00Z"), "the 24 hours of SOP 8.1 run");
}

#[test]
fn four_obligations_are_owed_each_side_on_each_channel() {
    let case = incident();
    let owed: Vec<_> = critical(&case).obligations.iter().map(|one| (one.side, one.channel, one.state)).collect();
    let (client, management) = (AlertSide::Client, AlertSide::Management);
    assert_eq!(
        owed,
        [
            (client, Channel::Email, Told::Pending),
            (client, Channel::Phone, Told::Pending),
            (management, Channel::Email, Told::Pending),
            (management, Channel::Phone, Told::Pending),
        ]
    );
}

#[test]
fn declared_critical_an_inquiry_becomes_an_issue_and_an_issues_24_hours_go_on() {
    let mut asked = inquiry();
    let done = asked.declare_critical(ANNA, "it burns", Some(&london(1, &[])), at("2026-06-01T12:00:00Z"));
    assert_eq!(happened(done), "BecameIssue(Critical), ClockSet(Resolution), DeclaredCritical, ClockSet(ClientUpdate)");
    assert!(asked.open_response().is_some(), "the client waits for a response all the same");
    let mut known = issue();
    known.declare_critical(BEN, "it burns", None, at("2026-06-01T20:00:00Z")).unwrap();
    let Stage::Issue(of) = &known.stage else { panic!("no issue") };
    assert_eq!(of.resolution.due, at(TUESDAY));
    let again = known.declare_critical(BEN, "it burns", None, at("2026-06-01T20:01:00Z"));
    assert_eq!(happened(again), "refused ALREADY_CRITICAL");
}

#[test]
fn an_obligation_goes_from_number_to_number_until_a_person_presses_a_key() {
    let mut case = incident();
    let mut tell = |step, attempt, person: &str, reason: &str, second: &str| {
        let told = alert(step, attempt, &format!("2026-06-01T09:15:{second}Z"));
        let done = case.alert_progressed(Alert { person: Some(person.into()), reason: reason.into(), ..told });
        assert_eq!(done.facts().len(), 1);
        called(&case).clone()
    };
    let first = tell(AlertStep::Attempted, 1, CARLA, "", "02");
    assert_eq!((first.state, first.first_attempt), (Told::Pending, Some(at("2026-06-01T09:15:02Z"))));
    tell(AlertStep::NotReached, 1, CARLA, "BUSY", "05");
    tell(AlertStep::Attempted, 2, CARLA, "", "06");
    let voicemail = tell(AlertStep::HandedOver, 2, CARLA, "VOICEMAIL", "20");
    assert_eq!((voicemail.state, voicemail.end), (Told::HandedOver, None), "a voicemail is nobody reached");
    tell(AlertStep::Attempted, 3, COLIN, "", "21");
    let reached = tell(AlertStep::Reached, 3, COLIN, "", "40");
    assert_eq!((reached.state, reached.person.as_deref(), reached.reason.as_str()), (Told::Reached, Some(COLIN), ""));
    assert_eq!(reached.end, Some(at("2026-06-01T09:15:40Z")));
    assert_eq!(reached.first_attempt, Some(at("2026-06-01T09:15:02Z")));
}

#[test]
fn a_mail_that_was_taken_is_handed_over_and_a_reply_reaches() {
    let mut case = incident();
    let mail = |step, person: Option<&str>, time: &str| Alert {
        notification: "notifications/mail".into(),
        side: AlertSide::Management,
        channel: Channel::Email,
        person: person.map(str::to_owned),
        ..alert(step, 1, time)
    };
    case.alert_progressed(mail(AlertStep::Attempted, None, "2026-06-01T09:15:01Z"));
    case.alert_progressed(mail(AlertStep::HandedOver, None, "2026-06-01T09:15:02Z"));
    let taken = critical(&case).obligations[2].clone();
    assert_eq!((taken.state, taken.end), (Told::HandedOver, None));
    case.alert_progressed(mail(AlertStep::Reached, Some(BEN), "2026-06-01T10:00:00Z"));
    let reached = critical(&case).obligations[2].clone();
    assert_eq!((reached.state, reached.person.as_deref()), (Told::Reached, Some(BEN)));
    assert_eq!(reached.notification.as_deref(), Some("notifications/mail"));
}

#[test]
fn a_key_pressed_after_nobody_was_left_reaches_and_what_is_told_out_of_order_leads_back_nowhere() {
    let steps = [
        alert(AlertStep::Attempted, 1, "2026-06-01T09:15:02Z"),
        Alert { reason: "NO_ANSWER".into(), ..alert(AlertStep::NotReached, 1, "2026-06-01T09:15:30Z") },
        Alert { reason: "NOBODY_REACHED".into(), person: None, ..alert(AlertStep::Failed, 0, "2026-06-01T09:15:31Z") },
        alert(AlertStep::Reached, 1, "2026-06-01T09:16:00Z"),
    ];
    let mut in_order = incident();
    for step in &steps[..3] {
        in_order.alert_progressed(step.clone());
    }
    let failed = called(&in_order);
    assert_eq!(
        (failed.state, failed.end, failed.reason.as_str()),
        (Told::Failed, Some(at("2026-06-01T09:15:31Z")), "NOBODY_REACHED")
    );
    let again = Alert { reason: "BUSY".into(), ..alert(AlertStep::NotReached, 2, "2026-06-01T09:15:50Z") };
    in_order.alert_progressed(again);
    assert_eq!(called(&in_order).reason, "NOBODY_REACHED", "another round changes nothing of it");
    in_order = incident();
    for step in &steps {
        in_order.alert_progressed(step.clone());
    }
    let mut backwards = incident();
    for step in steps.iter().rev() {
        backwards.alert_progressed(step.clone());
    }
    assert_eq!(called(&in_order), called(&backwards));
    assert_eq!((called(&backwards).state, called(&backwards).reason.as_str()), (Told::Reached, ""));
}

#[test]
fn that_the_copy_was_used_stays_on_the_obligation() {
    let mut case = incident();
    case.alert_progressed(Alert { from_copy: true, ..alert(AlertStep::Attempted, 1, MONDAY) });
    case.alert_progressed(alert(AlertStep::Attempted, 2, "2026-06-01T09:16:00Z"));
    assert!(called(&case).from_copy);
}

#[test]
fn nothing_is_told_of_alerts_where_nothing_is_critical() {
    assert_eq!(issue().alert_progressed(alert(AlertStep::Reached, 1, MONDAY)), Done::AlreadySo);
    assert_eq!(inquiry().alert_progressed(alert(AlertStep::Reached, 1, MONDAY)), Done::AlreadySo);
}

#[test]
fn a_persons_word_to_the_client_is_an_update_and_begins_the_next_period() {
    let mut case = incident();
    assert_eq!(next_update(&case), at("2026-06-01T10:15:00Z"));
    assert_eq!(update(&mut case, "2026-06-01T09:45:00Z", "2026-06-01T09:45:01Z"), "Replied, ClientUpdated");
    assert_eq!(next_update(&case), at("2026-06-01T10:45:00Z"));
    assert!(!case.is_breached(ClockKind::ClientUpdate));
}

#[test]
fn neither_what_is_generated_nor_an_acknowledgement_nor_a_word_to_somebody_else_is_an_update() {
    let mut case = incident();
    for handed in [
        reply("", CARLA, MONDAY),
        reply(ANNA, STRANGER, MONDAY),
        reply(ANNA, BEN, MONDAY),
        Handed { kind: HandedKind::Acknowledgement, ..reply(ANNA, CARLA, MONDAY) },
        Handed { kind: HandedKind::Other, ..reply(ANNA, CARLA, MONDAY) },
    ] {
        case.handed_over(handed, None, at("2026-06-01T09:30:00Z"));
    }
    assert_eq!((next_update(&case), critical(&case).updates.last), (at("2026-06-01T10:15:00Z"), None));
}

#[test]
fn a_word_from_before_the_declaration_is_no_update() {
    let mut case = issue();
    case.declare_critical(ANNA, "it burns", None, at("2026-06-01T12:00:00Z")).unwrap();
    assert_eq!(update(&mut case, "2026-06-01T11:59:00Z", "2026-06-01T12:00:01Z"), "Replied");
    assert_eq!(next_update(&case), at("2026-06-01T13:00:00Z"));
}

#[test]
fn a_missed_update_is_a_breach_once_for_its_period_and_the_next_begins_at_its_due_time() {
    let mut case = incident();
    assert_eq!(wait(&mut case, "2026-06-01T10:14:59Z"), "");
    assert_eq!(wait(&mut case, "2026-06-01T10:15:00Z"), "UpdateMissed(1)");
    assert_eq!(wait(&mut case, "2026-06-01T11:00:00Z"), "");
    assert_eq!(next_update(&case), at("2026-06-01T11:15:00Z"));
    assert!(case.is_breached(ClockKind::ClientUpdate));
    assert_eq!(update(&mut case, "2026-06-01T11:05:00Z", "2026-06-01T11:05:00Z"), "Replied, ClientUpdated");
    assert_eq!(next_update(&case), at("2026-06-01T12:05:00Z"));
    assert!(case.is_breached(ClockKind::ClientUpdate), "late for good");
}

#[test]
fn an_update_at_its_due_time_is_in_time_also_where_it_is_told_here_later() {
    let mut case = incident();
    assert_eq!(update(&mut case, "2026-06-01T10:15:00Z", "2026-06-01T10:15:30Z"), "Replied, ClientUpdated");
    assert!(!case.is_breached(ClockKind::ClientUpdate));
    let mut noticed = incident();
    wait(&mut noticed, "2026-06-01T10:15:00Z");
    let done = noticed.handed_over(reply(ANNA, CARLA, "2026-06-01T10:14:00Z"), None, at("2026-06-01T10:16:00Z"));
    let said = done.facts().into_iter().find_map(|fact| match fact.what {
        What::ClientUpdated { in_time_after_all, .. } => Some(in_time_after_all),
        _ => None,
    });
    assert_eq!((said, next_update(&noticed)), (Some(true), at("2026-06-01T11:14:00Z")));
}

#[test]
fn an_update_told_after_a_later_one_moves_nothing() {
    let mut case = incident();
    update(&mut case, "2026-06-01T09:50:00Z", "2026-06-01T09:50:00Z");
    update(&mut case, "2026-06-01T09:30:00Z", "2026-06-01T09:51:00Z");
    assert_eq!(next_update(&case), at("2026-06-01T10:50:00Z"));
}

#[test]
fn after_a_downtime_each_missed_period_is_recorded_and_the_last_alone_is_told() {
    let mut case = incident();
    let missed = wait(&mut case, "2026-06-01T12:20:00Z");
    assert_eq!(missed, "UpdateMissed(1, told with later), UpdateMissed(1, told with later), UpdateMissed(1)");
    assert_eq!(next_update(&case), at("2026-06-01T13:15:00Z"));
}

#[test]
fn a_long_downtime_makes_no_more_entries_than_anybody_reads_and_counts_every_period() {
    let mut case = incident();
    let policy = Policy { steps: Vec::new(), ..(*policy()).clone() };
    case.policy = Some(Arc::new(policy));
    let until = at("2026-06-08T09:15:00Z");
    let facts = case.catch_up(until, until, usize::MAX);
    let periods: Vec<_> = facts
        .iter()
        .filter_map(|fact| match fact.what {
            What::UpdateMissed { periods, .. } => Some(periods),
            _ => None,
        })
        .collect();
    assert_eq!((periods.len(), periods[0], periods.iter().sum::<u32>()), (24, 7 * 24 - 23, 7 * 24));
    assert_eq!(critical(&case).updates.missed, 7 * 24);
    assert_eq!(next_update(&case), at("2026-06-08T10:15:00Z"));
}

#[test]
fn updates_stay_due_while_a_resolution_is_proposed_and_end_when_both_have_confirmed() {
    let mut case = incident();
    case.propose(ANNA, "a new pump", at("2026-06-01T10:00:00Z")).unwrap();
    assert_eq!(case.next_due_time(), Some(at("2026-06-01T10:15:00Z")));
    assert_eq!(wait(&mut case, "2026-06-01T10:15:00Z"), "UpdateMissed(1)");
    case.confirm_for_firm(BEN, 1, at("2026-06-01T10:20:00Z")).unwrap();
    case.confirm_for_client(CARLA, None, 1, at("2026-06-01T10:30:00Z")).unwrap();
    assert!(case.is_closed() && case.next_due_time().is_none());
    assert_eq!(update(&mut case, "2026-06-01T11:00:00Z", "2026-06-01T11:00:00Z"), "Replied");
    let declared = case.declare_critical(ANNA, "again", None, at("2026-06-01T11:00:00Z"));
    assert_eq!(happened(declared), "refused CASE_CLOSED");
}

#[test]
fn the_pinned_policy_says_how_often_and_by_when_the_report_is_due() {
    let brisk =
        Policy { update_cadence: SignedDuration::from_mins(20), report_within: hours(4), ..(*policy()).clone() };
    let opening = Opening { kind: Kind::Incident, opener: ANNA.into(), ..opening(true) };
    let mut case = Case::open(opening, Some(Arc::new(brisk)), None).0;
    assert_eq!(next_update(&case), at("2026-06-01T09:35:00Z"));
    assert_eq!(critical(&case).report_due, at("2026-06-01T13:15:00Z"));
    wait(&mut case, "2026-06-01T09:35:00Z");
    assert_eq!(next_update(&case), at("2026-06-01T09:55:00Z"));
}

#[test]
fn where_the_policy_is_not_here_yet_the_usual_times_hold() {
    let opening = Opening { kind: Kind::Incident, opener: ANNA.into(), ..opening(true) };
    let case = Case::open(opening, None, None).0;
    assert_eq!((next_update(&case), critical(&case).report_due), (at("2026-06-01T10:15:00Z"), at(TUESDAY)));
}

#[test]
fn a_preview_tells_the_next_update_once_and_hides_nothing_behind_it() {
    let steps = incident().preview(at(MONDAY), 20);
    let told: Vec<_> = steps.iter().map(|step| (step.what, step.time)).collect();
    assert_eq!(
        told,
        [
            ("CLIENT_UPDATE_DUE", at("2026-06-01T10:15:00Z")),
            ("CLOCK_BREACHED", at(TUESDAY)),
            ("ESCALATED", at(TUESDAY)),
            ("ESCALATED", at("2026-06-03T09:15:00Z")),
        ]
    );
}

#[test]
fn the_due_time_is_told_in_the_clients_zone_in_every_period() {
    let mut case = incident();
    let local = |case: &Case| critical(case).updates.due.local.clone().unwrap();
    assert_eq!(local(&case), "2026-06-01T11:15:00[Europe/London]");
    wait(&mut case, "2026-06-01T10:15:00Z");
    assert_eq!(local(&case), "2026-06-01T12:15:00[Europe/London]");
}

#[test]
fn a_policy_from_before_incidents_reads_with_the_usual_times_and_writes_as_it_did() {
    let text = serde_json::to_string(&*policy()).unwrap();
    assert!(!text.contains("cadence") && !text.contains("report"), "{text}");
    assert_eq!(serde_json::from_str::<Policy>(&text).unwrap(), *policy());
    let brisk = Policy { update_cadence: hours(2), ..(*policy()).clone() };
    let text = serde_json::to_string(&brisk).unwrap();
    assert_eq!(serde_json::from_str::<Policy>(&text).unwrap(), brisk);
}
