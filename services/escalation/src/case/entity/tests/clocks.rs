use super::*;

fn due(case: &Case) -> Option<Timestamp> {
    case.next_due_time()
}

#[test]
fn an_inquiry_is_due_one_business_day_after_it_was_received() {
    assert_eq!(due(&inquiry()), Some(at(TUESDAY)));
}

#[test]
fn an_inquiry_without_its_calendar_opens_all_the_same_and_its_clock_counts_from_receipt() {
    let (mut case, facts) = Case::open(opening(false), None, None);
    assert_eq!((all(&facts).as_str(), due(&case)), ("Opened", None));
    assert_eq!(case.settle(None, Some(&london(1, &[])), at(MONDAY)), Done::AlreadySo, "the policy is not here yet");
    let done = case.settle(Some(&policy()), Some(&london(1, &[])), at("2026-06-01T15:00:00Z"));
    assert_eq!((happened(Ok(done)).as_str(), due(&case)), ("ClockSet(FirstResponse)", Some(at(TUESDAY))));
    assert_eq!(case.policy.as_ref().unwrap().version, 7);
}

#[test]
fn a_case_keeps_the_policy_that_it_was_opened_under() {
    let mut case = inquiry();
    let newer = Arc::new(Policy { version: 8, response_days: 5, ..(*policy()).clone() });
    assert_eq!(case.settle(Some(&newer), Some(&london(1, &[])), at(MONDAY)), Done::AlreadySo);
    assert_eq!((case.policy.as_ref().unwrap().version, due(&case)), (7, Some(at(TUESDAY))));
}

#[test]
fn a_clock_never_fires_early_and_fires_at_its_time() {
    let mut case = inquiry();
    let just_before = at("2026-06-02T09:14:59.999999Z");
    assert!(case.catch_up(just_before, just_before, 9).is_empty());
    let facts = case.catch_up(at(TUESDAY), at(TUESDAY), 9);
    assert_eq!(all(&facts), "ClockBreached(FirstResponse), BecameIssue(Late), ClockSet(Resolution)");
}

#[test]
fn a_late_inquiry_is_an_issue_from_its_due_time_on_however_late_that_is_noticed() {
    let mut case = inquiry();
    let noticed = at("2026-06-02T20:00:00Z");
    let facts = case.catch_up(noticed, noticed, 9);
    assert!(facts.iter().all(|fact| fact.occur == at(TUESDAY) && fact.by == By::Timer));
    assert_eq!(due(&case), Some(at("2026-06-03T09:15:00Z")), "24 hours after it was late");
}

#[test]
fn unresolved_after_24_hours_it_is_late_and_goes_to_the_team_lead_then_to_management() {
    let mut case = issue();
    assert_eq!(due(&case), Some(at(TUESDAY)));
    let facts = case.catch_up(at(TUESDAY), at(TUESDAY), 9);
    assert_eq!(all(&facts), "ClockBreached(Resolution), Escalated(1, TEAM_LEAD)");
    assert_eq!(due(&case), Some(at("2026-06-03T09:15:00Z")));
    let facts = case.catch_up(at("2026-06-03T09:15:00Z"), at("2026-06-03T09:15:00Z"), 9);
    assert_eq!((all(&facts).as_str(), due(&case)), ("Escalated(2, MANAGEMENT)", None));
}

#[test]
fn the_24_hours_run_through_the_weekend() {
    let mut case = Case::open(
        Opening { open_time: at("2026-06-05T16:00:00Z"), ..opening(true) },
        Some(policy()),
        Some(&london(1, &[])),
    )
    .0;
    let saturday = at("2026-06-06T16:00:00Z");
    assert_eq!(due(&case), Some(saturday));
    assert_eq!(all(&case.catch_up(saturday, saturday, 1)), "ClockBreached(Resolution)");
}

#[test]
fn a_policy_may_escalate_before_the_24_hours_and_the_breach_is_told_at_24_all_the_same() {
    let early = Policy { steps: vec![Step { after: hours(4), target: Target::AccountManager }], ..(*policy()).clone() };
    let mut case = Case::open(opening(true), Some(Arc::new(early)), None).0;
    let four = at("2026-06-01T13:15:00Z");
    assert_eq!(all(&case.catch_up(four, four, 9)), "Escalated(1, ACCOUNT_MANAGER)");
    assert_eq!(all(&case.catch_up(at(TUESDAY), at(TUESDAY), 9)), "ClockBreached(Resolution)");
}

#[test]
fn acknowledging_never_stops_this_clock() {
    let mut case = issue();
    case.acknowledge(at("2026-06-01T10:00:00Z")).unwrap();
    assert_eq!(due(&case), Some(at(TUESDAY)));
    assert_eq!(case.acknowledge(at("2026-06-01T11:00:00Z")), Ok(Done::AlreadySo));
}

#[test]
fn after_downtime_every_missed_step_is_caught_up_once_in_order_with_its_own_due_time() {
    let mut case = inquiry();
    let back = at("2026-06-05T09:00:00Z");
    let facts = case.catch_up(back, back, 99);
    assert_eq!(
        all(&facts),
        "ClockBreached(FirstResponse), BecameIssue(Late), ClockSet(Resolution), ClockBreached(Resolution), \
         Escalated(1, TEAM_LEAD), Escalated(2, MANAGEMENT)"
    );
    let dues: Vec<_> = facts
        .iter()
        .filter_map(|fact| match &fact.what {
            What::Escalated { due, .. } => *due,
            _ => None,
        })
        .collect();
    assert_eq!(dues, [at("2026-06-03T09:15:00Z"), at("2026-06-04T09:15:00Z")]);
    assert!(case.catch_up(back, back, 99).is_empty());
}

#[test]
fn a_step_taken_by_hand_does_not_come_again_at_its_time() {
    let mut case = issue();
    let done = case.escalate("it burns", at("2026-06-01T10:00:00Z"));
    assert_eq!(happened(done), "Escalated(1, TEAM_LEAD)");
    let facts = case.catch_up(at("2026-06-10T00:00:00Z"), at("2026-06-10T00:00:00Z"), 9);
    assert_eq!(all(&facts), "ClockBreached(Resolution), Escalated(2, MANAGEMENT)");
    assert_eq!(case.escalate("again", at("2026-06-10T00:00:00Z")), Err(CaseError::NoStepLeft));
}

#[test]
fn a_step_cannot_be_taken_while_nobody_knows_the_policy() {
    let mut case = Case::open(opening(true), None, None).0;
    assert_eq!(case.escalate("now", at(MONDAY)), Err(CaseError::NoPolicyYet));
    assert_eq!(due(&case), Some(at(TUESDAY)), "the 24 hours need no policy");
}

#[test]
fn a_proposal_suspends_the_clock_and_its_rejection_finds_the_first_due_times_back() {
    let mut case = issue();
    case.propose(ANNA, "a new pump", at("2026-06-01T12:00:00Z")).unwrap();
    assert_eq!(due(&case), Some(at("2026-06-02T12:00:00Z")), "the reminder alone");
    case.reject(1, "no", at("2026-06-01T13:00:00Z")).unwrap();
    assert_eq!(due(&case), Some(at(TUESDAY)));
}

#[test]
fn steps_that_fell_due_while_a_proposal_waited_fire_at_once_when_it_is_rejected() {
    let mut case = issue();
    case.propose(ANNA, "a new pump", at("2026-06-01T12:00:00Z")).unwrap();
    let done = case.reject(1, "no", at("2026-06-03T10:00:00Z")).unwrap();
    assert_eq!(
        all(&done.facts()),
        "ReminderMissed(Client), ReminderMissed(Firm)".replace("ReminderMissed", "Reminded")
            + ", Rejected(1), ClockBreached(Resolution), Escalated(1, TEAM_LEAD), Escalated(2, MANAGEMENT)"
    );
}

#[test]
fn what_was_due_before_a_call_happens_before_it() {
    let mut case = issue();
    let done = case.propose(ANNA, "late, but here", at("2026-06-02T12:00:00Z")).unwrap();
    assert_eq!(all(&done.facts()), "ClockBreached(Resolution), Escalated(1, TEAM_LEAD), Proposed(1)");
}

#[test]
fn raising_an_issue_does_not_escape_the_first_response_clock() {
    let mut case = inquiry();
    case.raise("more than a question", Some(&london(1, &[])), at("2026-06-01T11:00:00Z")).unwrap();
    let facts = case.catch_up(at(TUESDAY), at(TUESDAY), 9);
    assert_eq!(all(&facts), "ClockBreached(FirstResponse)", "and it becomes no issue a second time");
}

#[test]
fn a_closed_case_has_nothing_due() {
    let mut case = inquiry();
    case.raise("it is", None, at("2026-06-01T11:00:00Z")).unwrap();
    case.propose(ANNA, "done", at("2026-06-01T12:00:00Z")).unwrap();
    case.confirm_for_client(CARLA, None, 1, at("2026-06-01T13:00:00Z")).unwrap();
    case.confirm_for_firm(ANNA, 1, at("2026-06-01T13:00:00Z")).unwrap();
    assert_eq!((stands(&case), due(&case)), ("closed", None));
    assert!(!case.is_breached(ClockKind::FirstResponse), "both sides call it resolved in time");
}

#[test]
fn a_changed_calendar_moves_a_running_due_time_and_raises_the_epoch() {
    let mut case = inquiry();
    let done = case.settle(None, Some(&london(2, &["2026-06-02"])), at("2026-06-01T12:00:00Z"));
    assert_eq!(happened(Ok(done)), "ClockRecomputed(FirstResponse)");
    assert_eq!((case.epoch, due(&case)), (2, Some(at("2026-06-03T09:15:00Z"))));
    let rests = case.rests_on().unwrap().0.unwrap();
    assert_eq!((rests.calendar.as_str(), rests.calendar_revision), ("calendars/london", 2));
}

#[test]
fn another_calendar_of_the_client_moves_it_too() {
    let mut case = inquiry();
    let mut other = london(1, &["2026-06-02", "2026-06-03"]);
    other.name = "calendars/acme".into();
    assert_ne!(case.settle(None, Some(&other), at("2026-06-01T12:00:00Z")), Done::AlreadySo);
    assert_eq!(due(&case), Some(at("2026-06-04T09:15:00Z")));
}

#[test]
fn what_was_due_before_its_calendar_changed_is_late_however_late_that_is_noticed() {
    let mut case = inquiry();
    // Nothing ran since before the due time; the calendar's change is what is handled first.
    let done = case.settle(None, Some(&london(2, &["2026-06-02"])), at("2026-06-02T10:00:00Z"));
    assert_eq!(
        happened(Ok(done)),
        "ClockBreached(FirstResponse), BecameIssue(Late), ClockSet(Resolution), BreachAnnotated"
    );
    assert!(case.is_breached(ClockKind::FirstResponse));
    assert_eq!(due(&case), Some(at("2026-06-03T09:15:00Z")), "an issue since its due time");
}

#[test]
fn a_recorded_breach_is_annotated_and_never_removed() {
    let mut case = inquiry();
    case.catch_up(at(TUESDAY), at(TUESDAY), 9);
    let before = case.epoch;
    let wider = london(2, &["2026-06-02"]);
    let done = case.settle(None, Some(&wider), at("2026-06-02T10:00:00Z"));
    let Done::Facts(facts) = done else { panic!("it is annotated") };
    assert!(matches!(
        &facts[0].what,
        What::ClockRecomputed { due, breach_stands: true, .. } if due.time == at("2026-06-03T09:15:00Z")
    ));
    assert!(case.is_breached(ClockKind::FirstResponse));
    assert_eq!(case.epoch, before);
    assert_eq!(case.settle(None, Some(&wider), at("2026-06-02T11:00:00Z")), Done::AlreadySo, "once for each calendar");
}

#[test]
fn a_reason_is_taken_for_a_clock_that_was_late_and_for_no_other() {
    let mut case = inquiry();
    case.catch_up(at(TUESDAY), at(TUESDAY), 9);
    let now = at("2026-06-02T10:00:00Z");
    let given = case.give_lateness_reason(ClockKind::FirstResponse, "ill", now);
    assert_eq!(happened(given), "LatenessReason(FirstResponse)");
    assert_eq!(case.give_lateness_reason(ClockKind::Resolution, "ill", now), Err(CaseError::NotLate));
    let again = case.give_lateness_reason(ClockKind::FirstResponse, "on leave, to be exact", now);
    assert_eq!(happened(again), "LatenessReason(FirstResponse)", "a later one stands beside it");
}

#[test]
fn a_preview_tells_what_would_happen_by_itself_and_changes_nothing() {
    let case = inquiry();
    let steps = case.preview(at(MONDAY), 20);
    let told: Vec<_> =
        steps.iter().map(|step| format!("{} {} {}", step.time, step.what, step.target).trim().to_owned()).collect();
    assert_eq!(
        told,
        [
            "2026-06-02T09:15:00Z CLOCK_BREACHED ACCOUNT_MANAGER",
            "2026-06-02T09:15:00Z BECAME_ISSUE",
            "2026-06-03T09:15:00Z CLOCK_BREACHED ACCOUNT_MANAGER",
            "2026-06-03T09:15:00Z ESCALATED TEAM_LEAD",
            "2026-06-04T09:15:00Z ESCALATED MANAGEMENT",
        ]
    );
    assert_eq!(case, inquiry());
}

#[test]
fn a_preview_of_a_proposal_tells_reminders_and_ends_although_they_do_not() {
    let mut case = issue();
    case.propose(ANNA, "a new pump", at("2026-06-01T12:00:00Z")).unwrap();
    case.confirm_for_firm(ANNA, 1, at("2026-06-01T12:00:00Z")).unwrap();
    let steps = case.preview(at(MONDAY), 3);
    assert_eq!(steps.len(), 3);
    assert!(steps.iter().all(|step| (step.what, step.target.as_str()) == ("CONFIRMATION_REMINDED", CARLA)));
    assert_eq!(steps[2].time, at("2026-06-04T12:00:00Z"));
}
