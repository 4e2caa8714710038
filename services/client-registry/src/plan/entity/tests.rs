#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use business_time::{CalendarSpec, WeekHours, Weekday, civil::date};

use super::*;

fn call(id: &str, frequency: Frequency) -> PlannedContact {
    PlannedContact {
        id: id.into(),
        frequency,
        time: civil::time(10, 0, 0, 0),
        ways: vec![Way::Phone],
        start: date(2027, 3, 1),
        end: None,
        remind_before: Duration::from_secs(86_400),
    }
}

fn milestone(id: &str) -> Milestone {
    Milestone {
        id: id.into(),
        display_name: "Trial run".into(),
        within_business_days: 1,
        ways: vec![Way::Email],
        reach_time: None,
    }
}

fn agreed() -> Agreed {
    Agreed { contacts: vec![call("weekly", Frequency::Weekly(Weekday::Monday))], milestones: vec![milestone("trial")] }
}

fn plan() -> Plan {
    Plan::agree("acme", "audit", agreed(), now()).unwrap()
}

fn now() -> Timestamp {
    "2027-03-25T12:00:00Z".parse().unwrap()
}

fn london() -> Calendar {
    let days = [Weekday::Monday, Weekday::Tuesday, Weekday::Wednesday, Weekday::Thursday, Weekday::Friday];
    let hours = |day| WeekHours { day, open: "09:00".into(), close: "17:30".into() };
    Calendar::try_new(CalendarSpec {
        time_zone: "Europe/London".into(),
        week: days.map(hours).to_vec(),
        holidays: vec!["GB-ENG".into()],
        ..CalendarSpec::default()
    })
    .unwrap()
}

#[test]
fn an_id_stands_once_among_contacts_and_milestones() {
    let mut twice = agreed();
    twice.contacts.push(call("weekly", Frequency::Monthly(1)));
    let wrong = Plan::agree("acme", "audit", twice, now()).unwrap_err();
    assert_eq!(wrong, PlanError::DuplicateId("plan.contacts[1].id".into()));
    let mut shared = agreed();
    shared.milestones.push(milestone("weekly"));
    let wrong = Plan::agree("acme", "audit", shared, now()).unwrap_err();
    assert_eq!(wrong, PlanError::DuplicateId("plan.milestones[1].id".into()));
}

#[test]
fn an_end_before_the_start_is_refused_and_one_on_it_is_not() {
    let mut short = agreed();
    short.contacts[0].end = Some(date(2027, 3, 1));
    assert!(Plan::agree("acme", "audit", short.clone(), now()).is_ok());
    short.contacts[0].end = Some(date(2027, 2, 28));
    let wrong = Plan::agree("acme", "audit", short, now()).unwrap_err();
    assert!(matches!(wrong, PlanError::BadDate(field, _) if field == "plan.contacts[0].end_date"));
}

#[test]
fn a_milestone_is_reached_once_and_by_nobody_who_writes_the_plan() {
    let mut written = agreed();
    written.milestones[0].reach_time = Some(now());
    let mut plan = Plan::agree("acme", "audit", written, now()).unwrap();
    assert_eq!(plan.agreed.milestones[0].reach_time, None, "a plan that is written reaches nothing");
    assert_eq!(plan.reach("trial", now()).unwrap().reach_time, Some(now()));
    assert_eq!(plan.revision, 2);
    assert_eq!(plan.reach("trial", now()), Err(PlanError::MilestoneReached("trial".into())));
    assert_eq!(plan.reach("none", now()), Err(PlanError::MilestoneNotFound("none".into())));
    assert_eq!(plan.revision, 2, "what is refused changes nothing");
}

#[test]
fn a_milestone_that_was_reached_stays_as_it_was() {
    let mut plan = plan();
    plan.reach("trial", now()).unwrap();
    let kept = plan.clone();
    plan.replace(agreed(), now()).unwrap();
    assert_eq!(plan.agreed, kept.agreed, "a new text keeps the time of what was reached");
    let renamed = Milestone { display_name: "Another".into(), ..milestone("trial") };
    for agreed in [Agreed { milestones: Vec::new(), ..agreed() }, Agreed { milestones: vec![renamed], ..agreed() }] {
        let before = plan.clone();
        assert_eq!(plan.replace(agreed, now()), Err(PlanError::MilestoneReached("trial".into())));
        assert_eq!(plan, before);
    }
}

#[test]
fn ahead_are_the_dates_of_all_contacts_in_the_order_in_which_they_are_due() {
    let mut agreed = agreed();
    agreed.contacts.push(call("monthly", Frequency::Monthly(26)));
    let plan = Plan::agree("acme", "audit", agreed, now()).unwrap();
    let ahead = plan.ahead(&london(), now(), 4);
    let told: Vec<_> = ahead.iter().map(|date| (date.contact.as_str(), date.occurrence.local.to_string())).collect();
    // Good Friday (the 26th) and Easter Monday (the 29th) are both put off to the Tuesday.
    let at = |day: &str| format!("2027-{day}T10:00:00[Europe/London]");
    assert_eq!(
        told,
        [("monthly", at("03-30")), ("weekly", at("03-30")), ("weekly", at("04-05")), ("weekly", at("04-12"))]
    );
}

#[test]
fn nothing_is_ahead_after_the_end_or_before_the_start() {
    let mut agreed = agreed();
    (agreed.contacts[0].start, agreed.contacts[0].end) = (date(2027, 4, 6), Some(date(2027, 4, 20)));
    let plan = Plan::agree("acme", "audit", agreed, now()).unwrap();
    let dates: Vec<_> = plan.ahead(&london(), now(), 9).iter().map(|date| date.occurrence.date).collect();
    assert_eq!(dates, [date(2027, 4, 12), date(2027, 4, 19)]);
}
