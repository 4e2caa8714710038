//! Replies that come back (SOP 4.2).

use super::*;

fn named(name: &str, time: &str) -> Handed {
    let mut handed = reply(ANNA, CARLA, time);
    handed.mailed.notification = name.into();
    handed
}

fn comes_back(case: &mut Case, name: &str, now: &str) -> Vec<String> {
    let mailed = Mailed {
        notification: name.into(),
        people: vec![CARLA.into()],
        stand_ins_for: Vec::new(),
        reason: "RETURNED 5.1.1".into(),
    };
    let done = case.reply_returned(mailed, at(now), Some(&london(1, &[])), at(now));
    done.facts().iter().map(told).collect()
}

fn due(case: &Case) -> Option<Timestamp> {
    match &case.stage {
        Stage::Inquiry(Inquiry::Awaiting(waiting)) => waiting.due.as_ref().map(|due| due.time),
        _ => None,
    }
}

#[test]
fn a_reply_that_comes_back_brings_the_first_due_time_back() {
    let mut case = inquiry();
    case.handed_over(named("n1", "2026-06-01T11:00:00Z"), None, at("2026-06-01T11:00:00Z"));
    assert_eq!(due(&case), None, "answered");
    assert_eq!(comes_back(&mut case, "n1", "2026-06-01T12:00:00Z"), ["ReplyReturned"]);
    assert_eq!(due(&case), Some(at(TUESDAY)));
    assert_eq!(comes_back(&mut case, "n1", "2026-06-01T12:01:00Z"), ["ReturnNoted"], "once");
    case.handed_over(named("n2", "2026-06-01T13:00:00Z"), None, at("2026-06-01T13:00:00Z"));
    assert_eq!(due(&case), None, "another reply answers it");
}

#[test]
fn where_that_due_time_has_passed_it_is_late_at_once() {
    let mut case = inquiry();
    case.handed_over(named("n1", "2026-06-01T11:00:00Z"), None, at("2026-06-01T11:00:00Z"));
    let told = comes_back(&mut case, "n1", "2026-06-02T10:00:00Z");
    assert_eq!(told, ["ReplyReturned", "ClockBreached(FirstResponse)", "BecameIssue(Late)", "ClockSet(Resolution)"]);
    assert!(case.is_breached(ClockKind::FirstResponse));
}

#[test]
fn a_later_reply_that_arrived_answers_in_its_place() {
    let mut case = inquiry();
    case.handed_over(named("n1", "2026-06-01T11:00:00Z"), None, at("2026-06-01T11:00:00Z"));
    case.handed_over(named("n2", "2026-06-01T13:00:00Z"), None, at("2026-06-01T13:00:00Z"));
    assert_eq!(comes_back(&mut case, "n1", "2026-06-03T12:00:00Z"), ["ReturnNoted"]);
    assert!(matches!(&case.stage, Stage::Inquiry(Inquiry::Answered(ended)) if ended.end == at("2026-06-01T13:00:00Z")));
    assert_eq!(comes_back(&mut case, "n2", "2026-06-03T12:00:00Z").first().map(String::as_str), Some("ReplyReturned"));
    assert!(case.is_breached(ClockKind::FirstResponse), "and then that one came back too");
}

#[test]
fn a_later_reply_that_was_late_leaves_the_breach() {
    let mut case = inquiry();
    case.handed_over(named("n1", "2026-06-01T11:00:00Z"), None, at("2026-06-01T11:00:00Z"));
    case.handed_over(named("n2", "2026-06-02T13:00:00Z"), None, at("2026-06-02T13:00:00Z"));
    let told = comes_back(&mut case, "n1", "2026-06-02T14:00:00Z");
    assert_eq!(told, ["ReturnNoted", "ClockBreached(FirstResponse)", "BecameIssue(Late)", "ClockSet(Resolution)"]);
    let Stage::Issue(Issue { response: Some(Response::Ended(ended)), .. }) = &case.stage else { panic!("{case:?}") };
    assert_eq!((ended.end, ended.late), (at("2026-06-02T13:00:00Z"), true));
}

#[test]
fn the_client_who_wrote_again_waits_since_their_first_word() {
    let mut case = inquiry();
    case.handed_over(named("n1", "2026-06-01T11:00:00Z"), None, at("2026-06-01T11:00:00Z"));
    let calendar = london(1, &[]);
    case.client_wrote(&word("mails/m2", "2026-06-01T12:00:00Z"), Some(&calendar), at("2026-06-01T12:00:00Z")).unwrap();
    assert_eq!(due(&case), Some(at("2026-06-02T12:00:00Z")));
    assert_eq!(comes_back(&mut case, "n1", "2026-06-01T13:00:00Z"), ["ReplyReturned"]);
    assert_eq!(due(&case), Some(at(TUESDAY)));
}

#[test]
fn on_an_issue_the_first_response_clock_runs_again() {
    let mut case = inquiry();
    case.raise("more than a question", None, at("2026-06-01T10:00:00Z")).unwrap();
    case.handed_over(named("n1", "2026-06-01T11:00:00Z"), None, at("2026-06-01T11:00:00Z"));
    assert_eq!(comes_back(&mut case, "n1", "2026-06-01T12:00:00Z"), ["ReplyReturned"]);
    assert!(case.rests_on().is_some(), "it runs");
    case.catch_up(at(TUESDAY), at(TUESDAY), 1);
    assert!(case.is_breached(ClockKind::FirstResponse));
}

#[test]
fn what_ended_nothing_is_noted_only() {
    let mut case = inquiry();
    assert_eq!(comes_back(&mut case, "n1", "2026-06-01T12:00:00Z"), ["ReturnNoted"]);
    assert_eq!(due(&case), Some(at(TUESDAY)));
}

#[test]
fn a_clock_that_may_come_back_survives_being_stored() {
    let mut case = inquiry();
    case.handed_over(named("n1", "2026-06-01T11:00:00Z"), None, at("2026-06-01T11:00:00Z"));
    let mut again: Case = case.clone();
    again.stage = serde_json::from_str(&serde_json::to_string(&case.stage).unwrap()).unwrap();
    assert_eq!(comes_back(&mut again, "n1", "2026-06-01T12:00:00Z"), ["ReplyReturned"]);
    // What was stored before replies were taken down.
    let before = r#"{"inquiry":{"answered":{"start":"2026-06-01T09:15:00Z","due":null,"end":"2026-06-01T11:00:00Z","late":false}}}"#;
    assert!(serde_json::from_str::<Stage>(before).is_ok());
}
