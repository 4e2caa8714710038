#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;

const ANNA: &str = "staff/anna";
const BEN: &str = "staff/ben";
const JO: &str = "clients/acme/contacts/jo";
const SAM: &str = "clients/acme/contacts/sam";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn opened() -> Report {
    let opening = Opening {
        id: "r".into(),
        client: "clients/acme".into(),
        engagement: "clients/acme/engagements/pumps".into(),
        kind: ReportType::StatusUpdate,
        format: Format::EmailSummary,
        distribution: Distribution::Email,
        period: Period::Week { year: 2026, week: 11 },
        due_time: at(1000),
        due_local: String::new(),
        schedule: String::new(),
        recipients: vec![JO.into(), SAM.into()],
    };
    Report::open(opening, at(0)).0
}

fn drafted() -> Report {
    let mut report = opened();
    assert_eq!(report.draft("services/reporting", at(1)), [Fact::Revised]);
    report
}

fn submitted() -> Report {
    let mut report = drafted();
    report.submit(BEN, at(2)).unwrap();
    report
}

fn approved() -> Report {
    let mut report = submitted();
    report.approve(1, ANNA, at(3)).unwrap();
    report
}

fn end(second: i64, how: How) -> End {
    End { notification: "notifications/n".into(), time: at(second), how }
}

/// Every stage by its name.
fn stages() -> [(&'static str, Report); 6] {
    let mut delivered = approved();
    let mut failed = approved();
    let mut cancelled = drafted();
    for contact in [JO, SAM] {
        delivered.delivery_ended(contact, end(4, How::HandedOver));
        failed.delivery_ended(contact, end(4, How::Blocked("RECIPIENT_INACTIVE".into())));
    }
    cancelled.cancel(ANNA, at(2)).unwrap();
    [
        ("draft", drafted()),
        ("submitted", submitted()),
        ("approved", approved()),
        ("delivered", delivered),
        ("failed", failed),
        ("cancelled", cancelled),
    ]
}

#[test]
fn each_stage_allows_what_it_allows_and_a_refusal_changes_nothing() {
    type Act = fn(&mut Report) -> Done;
    let acts: [(&str, Act, [&str; 6]); 6] = [
        (
            "revise",
            |report| report.revise(BEN, &[], at(9)),
            ["", "", "REPORT_APPROVED", "REPORT_DELIVERED", "", "REPORT_CANCELLED"],
        ),
        (
            "request",
            |report| report.request_contribution("c", BEN, ANNA, at(9)),
            ["", "REPORT_SUBMITTED", "REPORT_APPROVED", "REPORT_DELIVERED", "DELIVERY_FAILED", "REPORT_CANCELLED"],
        ),
        (
            "submit",
            |report| report.submit(BEN, at(9)),
            ["", "REPORT_SUBMITTED", "REPORT_APPROVED", "REPORT_DELIVERED", "DELIVERY_FAILED", "REPORT_CANCELLED"],
        ),
        (
            "approve",
            |report| report.approve(1, ANNA, at(9)),
            ["NOT_SUBMITTED", "", "REPORT_APPROVED", "REPORT_DELIVERED", "NOT_SUBMITTED", "REPORT_CANCELLED"],
        ),
        (
            "reject",
            |report| report.reject(1, ANNA, at(9)),
            ["NOT_SUBMITTED", "", "REPORT_APPROVED", "REPORT_DELIVERED", "NOT_SUBMITTED", "REPORT_CANCELLED"],
        ),
        (
            "cancel",
            |report| report.cancel(ANNA, at(9)),
            ["", "", "REPORT_APPROVED", "REPORT_DELIVERED", "", "REPORT_CANCELLED"],
        ),
    ];
    for (name, act, expected) in acts {
        for ((stage, report), expected) in stages().into_iter().zip(expected) {
            let mut after = report.clone();
            match act(&mut after) {
                Ok(facts) => assert!(expected.is_empty() && !facts.is_empty(), "{name} in {stage}"),
                Err(error) => {
                    assert_eq!(error.reason(), expected, "{name} in {stage}");
                    assert_eq!(after, report, "{name} in {stage} changed something");
                }
            }
        }
    }
}

#[test]
fn an_edit_after_the_submission_makes_it_a_draft_again_and_the_old_version_cannot_be_approved() {
    let mut report = submitted();
    report.revise(BEN, &[], at(3)).unwrap();
    assert_eq!(report.decided[0].outcome, Outcome::Revised);
    assert_eq!(report.approve(1, ANNA, at(4)), Err(ReportError::NotSubmitted));
    report.submit(BEN, at(5)).unwrap();
    assert_eq!(report.approve(1, ANNA, at(6)), Err(ReportError::Revised { current: 2 }));
    assert!(report.approve(2, ANNA, at(6)).is_ok());
    assert_eq!(report.submissions(), 2);
}

#[test]
fn a_draft_from_facts_does_not_overwrite_what_somebody_wrote_meanwhile() {
    let mut report = opened();
    report.revise(BEN, &[], at(1)).unwrap();
    assert_eq!(report.draft("services/reporting", at(2)), []);
    assert_eq!(report.versions.len(), 1);
}

#[test]
fn nothing_is_submitted_before_there_is_a_text() {
    assert_eq!(opened().submit(BEN, at(1)), Err(ReportError::NotDraftedYet));
}

#[test]
fn only_the_one_who_was_asked_gives_a_contribution_and_only_once() {
    let mut report = drafted();
    report.request_contribution("c", BEN, ANNA, at(2)).unwrap();
    assert_eq!(report.give_contribution("x", BEN, at(3)), Err(ReportError::NoContribution));
    assert_eq!(report.give_contribution("c", ANNA, at(3)), Err(ReportError::NotAsked));
    report.give_contribution("c", BEN, at(3)).unwrap();
    assert_eq!(report.give_contribution("c", BEN, at(4)), Err(ReportError::AlreadyGiven));
    assert_eq!(report.version(), 2);
    let mut submitted = submitted();
    assert_eq!(submitted.give_contribution("c", BEN, at(3)), Err(ReportError::NoContribution));
}

#[test]
fn it_is_delivered_when_everybody_has_it_and_has_failed_where_one_has_not() {
    let mut report = approved();
    assert_eq!(report.delivery_ended(JO, end(5, How::HandedOver)), [Fact::DeliveryEnded]);
    assert_eq!(report.delivery_ended(JO, end(6, How::HandedOver)), [], "told twice");
    assert_eq!(report.delivery_ended("clients/acme/contacts/x", end(6, How::HandedOver)), []);
    assert_eq!(report.delivery_ended(SAM, end(7, How::HandedOver)), [Fact::Delivered(at(7))]);
    assert_eq!(report.deliver_time(), Some(at(7)));

    let mut report = approved();
    report.delivery_ended(JO, end(5, How::Blocked("RECIPIENT_INACTIVE".into())));
    let failed = report.delivery_ended(SAM, end(7, How::HandedOver));
    assert_eq!(failed, [Fact::DeliveryFailed { reason: "RECIPIENT_INACTIVE".into() }]);
    assert_eq!(report.deliver_time(), None);
}

#[test]
fn a_mail_of_an_earlier_approval_says_nothing_of_the_next() {
    let sent = |mail: &str, how| End { notification: format!("notifications/{mail}"), time: at(5), how };
    let mut report = approved();
    report.delivery_ended(JO, sent("1", How::HandedOver));
    report.delivery_ended(SAM, sent("2", How::Failed("X".into())));
    report.revise(ANNA, &[], at(6)).unwrap();
    report.submit(BEN, at(7)).unwrap();
    report.approve(2, ANNA, at(8)).unwrap();
    let waiting = report.clone();
    assert_eq!(report.delivery_ended(JO, sent("1", How::HandedOver)), []);
    assert_eq!(report.delivery_ended(SAM, sent("2", How::Failed("X".into()))), []);
    assert_eq!(report, waiting);
    assert_eq!(report.delivery_ended(JO, sent("3", How::HandedOver)), [Fact::DeliveryEnded]);
    assert_eq!(report.delivery_ended(SAM, sent("4", How::HandedOver)), [Fact::Delivered(at(5))]);
}

#[test]
fn it_is_overdue_once_from_its_due_time_on_whatever_its_stage_unless_it_is_over() {
    for (stage, report) in stages() {
        let mut late = report.clone();
        assert_eq!(late.catch_up(at(999)), [], "{stage}");
        let over = ["delivered", "cancelled"].contains(&stage);
        assert_eq!(late.catch_up(at(1000)), if over { vec![] } else { vec![Fact::Overdue] }, "{stage}");
        assert_eq!(late.catch_up(at(2000)), [], "{stage}");
        assert_eq!(late.overdue_time, (!over).then(|| at(1000)), "{stage}");
    }
    let mut report = approved();
    report.catch_up(at(1000));
    report.delivery_ended(JO, end(1001, How::HandedOver));
    report.delivery_ended(SAM, end(1001, How::HandedOver));
    assert_eq!(report.overdue_time, Some(at(1000)), "a late delivery removes nothing");
}

#[test]
fn a_report_is_read_back_as_it_was_stored() {
    for (_, report) in stages() {
        let stored = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<Report>(&stored).unwrap(), report);
    }
}
