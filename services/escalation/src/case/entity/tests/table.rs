//! Every transition from every stage. The table is what the test compares with, cell by cell; a new stage or transition that is
//! not in it fails.

use super::{critical::alert, *};

/// Within the first business day, and within 24 hours of an issue: nothing is late.
const NOW: &str = "2026-06-01T14:00:00Z";

const TABLE: &str = include_str!("table.txt");

fn stages() -> Vec<Case> {
    let now = at("2026-06-01T12:00:00Z");
    let done = |mut case: Case, step: &dyn Fn(&mut Case)| {
        step(&mut case);
        case
    };
    let proposed = done(issue(), &|case| {
        case.propose(ANNA, "a new pump", now).unwrap();
    });
    let by_client = done(proposed.clone(), &|case| {
        case.confirm_for_client(CARLA, None, 1, now).unwrap();
    });
    let friday = Opening { open_time: at("2026-05-29T09:15:00Z"), ..opening(false) };
    let mut late_since_this_morning = Case::open(friday, Some(policy()), Some(&london(1, &[]))).0;
    late_since_this_morning.catch_up(now, now, 9);
    vec![
        inquiry(),
        done(inquiry(), &|case| {
            case.handed_over(reply(ANNA, CARLA, "2026-06-01T11:00:00Z"), None, now);
        }),
        issue(),
        proposed.clone(),
        by_client.clone(),
        done(proposed.clone(), &|case| {
            case.confirm_for_client(CARLA, Some((BEN, "by phone on Monday")), 1, now).unwrap();
        }),
        done(proposed.clone(), &|case| {
            case.confirm_for_firm(ANNA, 1, now).unwrap();
        }),
        done(proposed, &|case| {
            case.reject(1, "still leaks", now).unwrap();
        }),
        done(by_client, &|case| {
            case.confirm_for_firm(ANNA, 1, now).unwrap();
        }),
        done(inquiry(), &|case| {
            case.raise("more than a question", None, now).unwrap();
        }),
        late_since_this_morning,
        done(issue(), &|case| {
            case.declare_critical(ANNA, "the plant stands still", None, at("2026-06-01T13:30:00Z")).unwrap();
        }),
    ]
}

type Transition = (&'static str, fn(&mut Case) -> Result<Done, CaseError>);

fn transitions() -> Vec<Transition> {
    fn now() -> Timestamp {
        at(NOW)
    }
    vec![
        ("acknowledge", |case| case.acknowledge(now())),
        ("raise as an issue", |case| case.raise("more than a question", None, now())),
        ("declare critical", |case| case.declare_critical(ANNA, "the plant stands still", None, now())),
        ("escalate by hand", |case| case.escalate("it burns", now())),
        ("propose", |case| case.propose(ANNA, "another pump", now())),
        ("confirm as the first contact", |case| case.confirm_for_client(CARLA, None, 1, now())),
        ("confirm as another contact", |case| case.confirm_for_client(COLIN, None, 1, now())),
        ("confirm as another client's contact", |case| case.confirm_for_client(STRANGER, None, 1, now())),
        ("record the contact's word, as Ben", |case| {
            case.confirm_for_client(CARLA, Some((BEN, "by phone today")), 1, now())
        }),
        ("record the contact's word, as Anna", |case| {
            case.confirm_for_client(CARLA, Some((ANNA, "by phone today")), 1, now())
        }),
        ("confirm for the firm, as Anna", |case| case.confirm_for_firm(ANNA, 1, now())),
        ("confirm for the firm, as Ben", |case| case.confirm_for_firm(BEN, 1, now())),
        ("confirm a proposal that never was", |case| case.confirm_for_firm(BEN, 9, now())),
        ("reject", |case| case.reject(1, "still leaks", now())),
        ("the client writes", |case| case.client_wrote(&word("mails/m2", NOW), Some(&london(1, &[])), now())),
        ("a machine writes", |case| Ok(case.note_mail("mails/m2", false, now()))),
        ("a third party writes", |case| Ok(case.note_mail("mails/m2", true, now()))),
        ("a person of the firm replies to the client", |case| {
            Ok(case.handed_over(reply(ANNA, CARLA, NOW), None, now()))
        }),
        ("a person of the firm replies to somebody else", |case| {
            Ok(case.handed_over(reply(ANNA, STRANGER, NOW), None, now()))
        }),
        ("a generated reply goes to the client", |case| Ok(case.handed_over(reply("", CARLA, NOW), None, now()))),
        ("an acknowledgement goes to the client", |case| {
            let handed = Handed { kind: HandedKind::Acknowledgement, ..reply(ANNA, CARLA, NOW) };
            Ok(case.handed_over(handed, None, now()))
        }),
        ("a notification about it is handed over", |case| {
            let handed = Handed { kind: HandedKind::Other, ..reply("", ANNA, NOW) };
            Ok(case.handed_over(handed, None, now()))
        }),
        ("the reply comes back", |case| {
            Ok(case.reply_returned(reply(ANNA, CARLA, NOW).mailed, now(), Some(&london(1, &[])), now()))
        }),
        ("a notification about it is blocked", |case| Ok(case.not_told(reply("", ANNA, NOW).mailed, now()))),
        ("a call about it reaches somebody", |case| Ok(case.alert_progressed(alert(AlertStep::Reached, 1, NOW)))),
        ("say why the first response was late", |case| {
            case.give_lateness_reason(ClockKind::FirstResponse, "ill", now())
        }),
        ("say why the resolution was late", |case| case.give_lateness_reason(ClockKind::Resolution, "parts", now())),
        ("its calendar changes", |case| Ok(case.settle(Some(&policy()), Some(&london(2, &["2026-06-02"])), now()))),
        ("nothing of its calendar changes", |case| Ok(case.settle(Some(&policy()), Some(&london(1, &[])), now()))),
        ("nothing is done for a year", |case| {
            let facts = case.catch_up(at("2027-06-01T09:15:00Z"), now(), 5);
            Ok(Done::or_already(facts))
        }),
    ]
}

fn as_text() -> String {
    let mut text = String::new();
    for (name, transition) in transitions() {
        text.push_str(&format!("{name}\n"));
        for mut case in stages() {
            let before = (stands(&case), case.clone());
            let done = transition(&mut case);
            let refused = done.is_err();
            let happened = happened(done);
            assert!(!refused || case == before.1, "{name}, {}: a refusal changed the case", before.0);
            let goes = if stands(&case) == before.0 { String::new() } else { format!(" -> {}", stands(&case)) };
            text.push_str(&format!("    {:<24}{happened}{goes}\n", before.0));
        }
    }
    text
}

#[test]
fn every_transition_from_every_stage_does_what_the_table_says() {
    let text = as_text();
    for (line, (is, says)) in text.lines().zip(TABLE.lines()).enumerate() {
        assert_eq!(is, says, "table.txt, line {}", line + 1);
    }
    assert_eq!(text.lines().count(), TABLE.lines().count(), "the table is as long as there are cells");
}

#[test]
fn what_it_says_of_itself_survives_being_stored() {
    for case in stages() {
        let stored = serde_json::to_string(&case.stage).unwrap();
        let mut read = serde_json::from_str::<Stage>(&stored).unwrap();
        if let (Stage::Issue(issue), Some(critical)) = (&mut read, case.critical()) {
            let stored = serde_json::to_string(critical).unwrap();
            issue.critical = Some(serde_json::from_str(&stored).unwrap());
        }
        assert_eq!(read, case.stage);
    }
}
