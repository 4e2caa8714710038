use super::*;

const NOON: &str = "2026-06-01T12:00:00Z";

fn respond(case: &mut Case, handed: Handed, now: &str) -> String {
    happened(Ok(case.handed_over(handed, Some(&london(1, &[])), at(now))))
}

fn wrote(case: &mut Case, mail: &str, received: &str, now: &str) -> String {
    happened(case.client_wrote(&word(mail, received), Some(&london(1, &[])), at(now)))
}

#[test]
fn a_reply_ends_the_clock_at_its_hand_over_not_when_it_is_known_here() {
    let mut case = inquiry();
    assert_eq!(respond(&mut case, reply(ANNA, CARLA, NOON), "2026-06-01T13:00:00Z"), "Responded");
    let Stage::Inquiry(Inquiry::Answered(ended)) = &case.stage else { panic!("answered") };
    assert_eq!((ended.end, ended.late), (at(NOON), false));
}

#[test]
fn a_reply_handed_over_at_the_due_time_is_in_time() {
    let mut case = inquiry();
    assert_eq!(respond(&mut case, reply(ANNA, CARLA, TUESDAY), TUESDAY), "Responded");
    assert_eq!(stands(&case), "answered");
}

#[test]
fn a_reply_in_time_that_is_known_here_only_after_the_due_time_breaches_nothing() {
    let mut case = inquiry();
    assert_eq!(respond(&mut case, reply(ANNA, CARLA, NOON), "2026-06-03T00:00:00Z"), "Responded");
    assert_eq!(stands(&case), "answered");
}

#[test]
fn a_reply_in_time_that_comes_after_the_breach_was_recorded_says_so_and_the_breach_stands() {
    let mut case = inquiry();
    case.catch_up(at(TUESDAY), at(TUESDAY), 9);
    let done = case.handed_over(reply(ANNA, CARLA, NOON), None, at("2026-06-02T09:15:01Z"));
    let facts = done.facts();
    assert!(matches!(&facts[0].what, What::Responded { ends_clock: true, in_time_after_all: true, .. }));
    assert!(case.is_breached(ClockKind::FirstResponse));
}

#[test]
fn a_late_reply_is_recorded_and_the_issue_stays() {
    let mut case = inquiry();
    let late = "2026-06-02T12:00:00Z";
    assert_eq!(
        respond(&mut case, reply(ANNA, CARLA, late), late),
        "ClockBreached(FirstResponse), BecameIssue(Late), ClockSet(Resolution), Responded"
    );
    assert_eq!(stands(&case), "answered and unresolved");
    assert!(case.is_breached(ClockKind::FirstResponse));
    assert_eq!(case.next_due_time(), Some(at("2026-06-03T09:15:00Z")), "its resolution clock runs on");
}

#[test]
fn a_second_reply_is_recorded_and_ends_nothing_again() {
    let mut case = inquiry();
    respond(&mut case, reply(ANNA, CARLA, NOON), NOON);
    assert_eq!(respond(&mut case, reply(BEN, CARLA, "2026-06-01T13:00:00Z"), "2026-06-01T13:00:00Z"), "Replied");
    let Stage::Inquiry(Inquiry::Answered(ended)) = &case.stage else { panic!("answered") };
    assert_eq!(ended.end, at(NOON));
}

#[test]
fn the_clients_next_word_opens_an_answered_inquiry_again_with_a_clock_from_that_mail() {
    let mut case = inquiry();
    respond(&mut case, reply(ANNA, CARLA, NOON), NOON);
    let (thursday, friday) = ("2026-06-04T13:00:00Z", "2026-06-05T13:00:00Z");
    let told = wrote(&mut case, "mails/m2", thursday, "2026-06-04T14:00:00Z");
    assert_eq!(told, "Reopened, ClockSet(FirstResponse)");
    assert_eq!(case.next_due_time(), Some(at(friday)));
}

#[test]
fn a_word_received_before_the_reply_and_read_after_it_was_answered_by_it() {
    let mut case = inquiry();
    respond(&mut case, reply(ANNA, CARLA, NOON), NOON);
    assert_eq!(wrote(&mut case, "mails/m2", "2026-06-01T11:59:00Z", "2026-06-01T14:00:00Z"), "ClientWrote");
    assert_eq!((stands(&case), case.next_due_time()), ("answered", None));
}

#[test]
fn a_word_received_before_the_one_that_was_answered_keeps_its_own_due_time() {
    let mut case = inquiry();
    respond(&mut case, reply(ANNA, CARLA, NOON), NOON);
    let friday = "2026-05-29T09:00:00Z";
    assert_eq!(wrote(&mut case, "mails/m0", friday, "2026-06-02T14:00:00Z"), "Reopened, ClockSet(FirstResponse)");
    assert_eq!(case.next_due_time(), Some(at("2026-06-01T09:00:00Z")), "which has passed: it is late");
}

#[test]
fn the_clients_further_words_on_an_open_inquiry_move_no_clock() {
    let mut case = inquiry();
    assert_eq!(wrote(&mut case, "mails/m2", NOON, NOON), "ClientWrote");
    assert_eq!(case.next_due_time(), Some(at(TUESDAY)));
}

#[test]
fn a_reply_answers_what_came_before_it_alone() {
    let mut case = inquiry();
    wrote(&mut case, "mails/m2", "2026-06-01T11:00:00Z", "2026-06-01T11:00:00Z");
    wrote(&mut case, "mails/m3", "2026-06-01T13:00:00Z", "2026-06-01T13:00:00Z");
    // Handed over between the two, but known here only now.
    let told = respond(&mut case, reply(ANNA, CARLA, NOON), "2026-06-01T14:00:00Z");
    assert_eq!(told, "Responded, Reopened, ClockSet(FirstResponse)");
    assert_eq!(case.next_due_time(), Some(at("2026-06-02T13:00:00Z")), "counted from the third mail");
}

#[test]
fn a_reply_that_left_before_the_clients_word_does_not_answer_it() {
    let mut case = inquiry();
    assert_eq!(respond(&mut case, reply(ANNA, CARLA, "2026-06-01T09:00:00Z"), NOON), "Replied");
    assert_eq!(stands(&case), "awaiting");
}

#[test]
fn a_mail_received_earlier_and_read_here_later_sets_the_clock_back_to_its_receipt() {
    let mut case = inquiry();
    let told = wrote(&mut case, "mails/m0", "2026-06-01T08:30:00Z", NOON);
    assert_eq!(told, "ClientWrote, ClockRecomputed(FirstResponse)");
    assert_eq!((case.next_due_time(), case.epoch), (Some(at("2026-06-02T08:30:00Z")), 2));
}

#[test]
fn a_word_on_an_issue_is_noted_and_one_on_a_closed_issue_is_the_callers_to_open_anew() {
    let mut case = issue();
    assert_eq!(wrote(&mut case, "mails/m2", NOON, NOON), "ClientWrote");
    case.propose(ANNA, "done", at(NOON)).unwrap();
    case.confirm_for_client(CARLA, None, 1, at(NOON)).unwrap();
    case.confirm_for_firm(ANNA, 1, at(NOON)).unwrap();
    assert_eq!(wrote(&mut case, "mails/m3", NOON, NOON), "refused CASE_CLOSED");
}

#[test]
fn whoever_of_the_client_wrote_last_is_asked_to_confirm() {
    let mut case = issue();
    let colin = Word { contact: COLIN.into(), ..word("mails/m2", NOON) };
    case.client_wrote(&colin, None, at(NOON)).unwrap();
    let done = case.propose(ANNA, "done", at(NOON)).unwrap();
    assert!(matches!(&done.facts()[0].what, What::ResolutionProposed { contact: Some(asked), .. } if asked == COLIN));
}

#[test]
fn a_case_that_staff_opened_knows_no_contact_to_ask() {
    let opening = Opening { opener: ANNA.into(), origin: Origin::Api, ..opening(true) };
    let mut case = Case::open(opening, Some(policy()), None).0;
    let done = case.propose(BEN, "done", at(NOON)).unwrap();
    assert!(matches!(&done.facts()[0].what, What::ResolutionProposed { contact: None, .. }));
}

#[test]
fn neither_an_out_of_office_nor_a_third_party_opens_or_stops_anything() {
    for third_party in [false, true] {
        let mut case = inquiry();
        let before = case.clone();
        case.note_mail("mails/m2", third_party, at(NOON));
        assert_eq!(case, before);
        respond(&mut case, reply(ANNA, CARLA, NOON), NOON);
        let answered = case.clone();
        case.note_mail("mails/m3", third_party, at(NOON));
        assert_eq!(case, answered);
    }
}
