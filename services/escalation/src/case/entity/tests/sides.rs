use super::*;

const NOON: &str = "2026-06-01T12:00:00Z";

fn proposed() -> Case {
    let mut case = issue();
    case.propose(ANNA, "a new pump", at(NOON)).unwrap();
    case
}

#[test]
fn two_different_people_of_both_sides_close_it_in_either_order() {
    let mut case = proposed();
    assert_eq!(happened(case.confirm_for_client(CARLA, None, 1, at(NOON))), "Confirmed(1, Client)");
    assert_eq!(happened(case.confirm_for_firm(BEN, 1, at(NOON))), "Confirmed(1, Firm), Closed");
    let mut case = proposed();
    assert_eq!(happened(case.confirm_for_firm(BEN, 1, at(NOON))), "Confirmed(1, Firm)");
    assert_eq!(happened(case.confirm_for_client(CARLA, None, 1, at(NOON))), "Confirmed(1, Client), Closed");
}

#[test]
fn who_proposed_may_confirm_for_the_firm() {
    let mut case = proposed();
    assert_eq!(happened(case.confirm_for_firm(ANNA, 1, at(NOON))), "Confirmed(1, Firm)");
}

#[test]
fn a_new_proposal_voids_the_confirmations_of_the_one_before_it() {
    let mut case = proposed();
    case.confirm_for_client(CARLA, None, 1, at(NOON)).unwrap();
    assert_eq!(happened(case.propose(ANNA, "a better pump", at(NOON))), "Proposed(2)");
    assert_eq!(case.confirm_for_firm(BEN, 1, at(NOON)), Err(CaseError::ProposalRevised { current: 2 }));
    assert_eq!(happened(case.confirm_for_firm(BEN, 2, at(NOON))), "Confirmed(2, Firm)", "and it is not closed by it");
    assert_eq!(happened(case.confirm_for_client(CARLA, None, 2, at(NOON))), "Confirmed(2, Client), Closed");
}

#[test]
fn proposals_go_on_counting_after_a_rejection() {
    let mut case = proposed();
    case.reject(1, "no", at(NOON)).unwrap();
    assert_eq!(case.confirm_for_firm(BEN, 1, at(NOON)), Err(CaseError::NoProposal));
    assert_eq!(happened(case.propose(ANNA, "a better pump", at(NOON))), "Proposed(2)");
    assert_eq!(case.reject(1, "no", at(NOON)), Err(CaseError::ProposalRevised { current: 2 }));
}

#[test]
fn whoever_recorded_the_clients_word_cannot_confirm_for_the_firm() {
    let mut case = proposed();
    case.confirm_for_client(CARLA, Some((BEN, "by phone at noon")), 1, at(NOON)).unwrap();
    assert_eq!(case.confirm_for_firm(BEN, 1, at(NOON)), Err(CaseError::RecorderCannotConfirm));
    assert_eq!(happened(case.confirm_for_firm(ANNA, 1, at(NOON))), "Confirmed(1, Firm), Closed");
}

#[test]
fn whoever_confirmed_for_the_firm_cannot_record_the_clients_word() {
    let mut case = proposed();
    case.confirm_for_firm(BEN, 1, at(NOON)).unwrap();
    let recorded = case.confirm_for_client(CARLA, Some((BEN, "by phone at noon")), 1, at(NOON));
    assert_eq!(recorded, Err(CaseError::RecorderCannotConfirm));
    let recorded = case.confirm_for_client(CARLA, Some((ANNA, "by phone at noon")), 1, at(NOON));
    assert_eq!(happened(recorded), "Confirmed(1, Client), Closed");
}

#[test]
fn nothing_closes_by_itself() {
    let mut case = proposed();
    case.confirm_for_client(CARLA, None, 1, at(NOON)).unwrap();
    let years = at("2030-01-01T00:00:00Z");
    for fact in case.catch_up(years, years, usize::MAX) {
        assert!(matches!(fact.what, What::ConfirmationReminded { side: Side::Firm, .. }));
    }
    assert_eq!(stands(&case), "client confirmed");
}

#[test]
fn each_missing_side_is_reminded_at_every_interval_until_it_confirms() {
    let mut case = proposed();
    let day = |day: &str| at(&format!("2026-06-{day}T12:00:00Z"));
    assert_eq!(all(&case.catch_up(day("02"), day("02"), 9)), "Reminded(Client), Reminded(Firm)");
    case.confirm_for_firm(BEN, 1, at("2026-06-02T13:00:00Z")).unwrap();
    assert_eq!(all(&case.catch_up(day("03"), day("03"), 9)), "Reminded(Client)");
    case.confirm_for_client(CARLA, None, 1, at("2026-06-03T13:00:00Z")).unwrap();
    assert_eq!(all(&case.catch_up(day("09"), day("09"), 9)), "");
}

#[test]
fn of_reminders_missed_in_downtime_each_is_recorded_and_only_the_latest_is_sent() {
    let mut case = proposed();
    case.confirm_for_firm(BEN, 1, at(NOON)).unwrap();
    let back = at("2026-06-04T15:00:00Z");
    let facts = case.catch_up(back, back, 99);
    assert_eq!(all(&facts), "ReminderMissed(Client), ReminderMissed(Client), Reminded(Client)");
    assert_eq!(case.next_due_time(), Some(at("2026-06-05T12:00:00Z")), "the rhythm stays");
}

#[test]
fn a_contact_of_another_client_is_none() {
    let mut case = proposed();
    for name in [STRANGER, "clients/acme-two/contacts/carla", "clients/acme/contacts/", "clients/acme", ANNA] {
        assert_eq!(case.confirm_for_client(name, None, 1, at(NOON)), Err(CaseError::ContactOfAnother), "{name}");
    }
}
