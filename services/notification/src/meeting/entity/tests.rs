#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;

const JO: &str = "clients/acme/contacts/jo";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn now() -> Timestamp {
    at("2027-03-01T12:00:00Z")
}

fn rules() -> Rules {
    Rules { policy_version: 3, video_providers: vec!["zoom.us".into()], recorded_kinds: vec!["advice".into()] }
}

/// One that ended just now.
fn over(form: Form) -> Opening {
    Opening {
        id: "1".into(),
        client: "clients/acme".into(),
        engagement: String::new(),
        case: String::new(),
        form,
        kind: "chat".into(),
        host: "staff/anna".into(),
        contacts: vec![JO.into()],
        start_time: at("2027-03-01T11:30:00Z"),
        end_time: Some(now()),
        answers: false,
        subject: "The move".into(),
        video_link: if form == Form::Video { "https://zoom.us/j/1".into() } else { String::new() },
    }
}

fn planned(form: Form) -> Opening {
    Opening { start_time: at("2027-03-02T11:30:00Z"), end_time: None, ..over(form) }
}

fn open(opening: Opening) -> Result<Meeting, MeetingError> {
    Meeting::open(opening, &rules(), now())
}

fn minutes() -> Minutes {
    Minutes { text: "We move in May.".into(), author: "staff/anna".into(), time: now() }
}

fn recording(told: Told) -> Recording {
    Recording { told, recorder: "staff/anna".into(), time: now() }
}

fn recorded(contact: &str, consent: &str) -> Recording {
    let told = Told::Recorded { reference: "rec-7".into(), contact: contact.into(), consent: consent.into() };
    recording(told)
}

#[test]
fn a_meeting_in_person_is_closed_with_its_minutes_alone() {
    let mut meeting = open(over(Form::InPerson)).unwrap();
    let before = meeting.clone();
    assert_eq!(meeting.close(&rules(), now()), Err(MeetingError::MinutesMissing));
    assert_eq!(meeting, before, "what is refused changes nothing");
    meeting.write_minutes(minutes()).unwrap();
    meeting.close(&rules(), now()).unwrap();
    assert_eq!(meeting.stage, Stage::Closed { end_time: now(), close_time: now() });
    assert_eq!((meeting.policy_version, meeting.revision), (3, 3));
}

#[test]
fn a_call_needs_no_minutes() {
    for form in [Form::Phone, Form::Video] {
        assert_eq!(open(over(form)).unwrap().close(&rules(), now()), Ok(()));
    }
}

#[test]
fn a_call_of_a_kind_that_must_be_recorded_is_closed_with_recording_and_consent_or_a_reason() {
    let advice = |form| open(Opening { kind: "advice".into(), ..over(form) }).unwrap();
    for form in [Form::Phone, Form::Video] {
        assert_eq!(advice(form).close(&rules(), now()), Err(MeetingError::RecordingMissing));
        let told = Told::NotRecorded { reason: "The line was bad.".into() };
        for known in [recorded(JO, "said yes at the start"), recording(told)] {
            let mut call = advice(form);
            call.record(known).unwrap();
            assert_eq!(call.close(&rules(), now()), Ok(()));
        }
    }
    let mut meeting = advice(Form::InPerson);
    meeting.write_minutes(minutes()).unwrap();
    assert_eq!(meeting.close(&rules(), now()), Ok(()), "in person it is no call");
    let mut other = open(Opening { kind: "chat".into(), ..over(Form::Phone) }).unwrap();
    assert_eq!(other.close(&rules(), now()), Ok(()));
    let nameless = |form| open(Opening { kind: String::new(), ..over(form) }).map(drop);
    assert_eq!(nameless(Form::Phone), Err(MeetingError::KindMissing), "without a kind the duty would be escaped");
    assert_eq!(nameless(Form::Video), Err(MeetingError::KindMissing));
    assert_eq!(nameless(Form::InPerson), Ok(()));
    let mut planned_before = Meeting { kind: String::new(), ..open(over(Form::Phone)).unwrap() };
    assert_eq!(planned_before.close(&rules(), now()), Err(MeetingError::RecordingMissing));
    let free = Rules { recorded_kinds: Vec::new(), ..rules() };
    let opening = Opening { kind: String::new(), ..over(Form::Phone) };
    assert!(Meeting::open(opening, &free, now()).is_ok(), "where none must be recorded, no call needs a kind");
}

#[test]
fn a_recording_needs_the_consent_of_one_who_took_part() {
    let mut call = open(over(Form::Phone)).unwrap();
    let before = call.clone();
    for (contact, consent, wrong) in [
        ("", "yes", MeetingError::ConsentMissing),
        (JO, "", MeetingError::ConsentMissing),
        (JO, " . ", MeetingError::ConsentMissing),
        ("clients/acme/contacts/sam", "yes", MeetingError::NotAParticipant),
    ] {
        assert_eq!(call.record(recorded(contact, consent)), Err(wrong), "{contact:?} {consent:?}");
    }
    assert_eq!(call, before);
    let mut meeting = open(over(Form::InPerson)).unwrap();
    assert_eq!(meeting.record(recorded(JO, "yes")), Err(MeetingError::NotACall));
}

#[test]
fn a_video_conference_has_a_link_to_an_allowed_provider_and_nothing_else_has_one() {
    let with = |form, link: &str| open(Opening { video_link: link.into(), ..planned(form) }).map(drop);
    assert_eq!(with(Form::Video, "https://eu.zoom.us/j/1"), Ok(()));
    assert_eq!(with(Form::Video, ""), Err(MeetingError::LinkMissing));
    assert_eq!(with(Form::Video, "https://meet.example/1"), Err(MeetingError::VideoProviderNotAllowed));
    for form in [Form::Phone, Form::InPerson] {
        assert_eq!(with(form, "https://zoom.us/j/1"), Err(MeetingError::LinkNotExpected));
    }
}

#[test]
fn one_begins_in_the_future_or_is_over() {
    let timed = |start: &str, end: Option<&str>| {
        open(Opening { start_time: at(start), end_time: end.map(at), ..over(Form::Phone) }).map(|meeting| meeting.stage)
    };
    assert_eq!(timed("2027-03-01T12:00:00Z", None), Ok(Stage::Planned), "now is not past");
    assert_eq!(timed("2027-03-01T11:59:59Z", None), Err(MeetingError::InPast));
    assert_eq!(timed("2027-03-01T11:00:00Z", Some("2027-03-01T10:59:59Z")), Err(MeetingError::EndsBeforeItBegins));
    assert_eq!(timed("2027-03-01T11:00:00Z", Some("2027-03-01T12:00:01Z")), Err(MeetingError::InFuture));
    assert_eq!(timed("2027-03-01T11:00:00Z", Some("2027-03-01T12:00:00Z")), Ok(Stage::Held { end_time: now() }));
}

#[test]
fn what_it_names_is_of_its_client() {
    let foreign = "clients/acme2/contacts/jo".to_owned();
    let with_contact = Opening { contacts: vec![JO.into(), foreign], ..over(Form::Phone) };
    assert_eq!(open(with_contact), Err(MeetingError::OfAnotherClient("meeting.contacts")));
    let with_engagement = Opening { engagement: "clients/other/engagements/a".into(), ..over(Form::Phone) };
    assert_eq!(open(with_engagement), Err(MeetingError::OfAnotherClient("meeting.engagement")));
    let answer = Opening { answers: true, ..over(Form::Phone) };
    assert_eq!(open(answer), Err(MeetingError::CaseMissing));
}

#[test]
fn only_a_planned_one_is_held_or_cancelled_and_only_a_held_one_is_written_about_and_closed() {
    let mut meeting = open(planned(Form::Phone)).unwrap();
    assert_eq!(meeting.write_minutes(minutes()), Err(MeetingError::NotHeld));
    assert_eq!(meeting.record(recorded(JO, "yes")), Err(MeetingError::NotHeld));
    assert_eq!(meeting.close(&rules(), now()), Err(MeetingError::NotHeld));
    let mut cancelled = meeting.clone();
    cancelled.cancel("Jo is ill.".into()).unwrap();
    assert_eq!(cancelled.cancel("again".into()), Err(MeetingError::NotPlanned));
    assert_eq!(cancelled.hold(None, now(), now()), Err(MeetingError::NotPlanned));

    let later = at("2027-03-02T12:30:00Z");
    assert_eq!(meeting.hold(None, at("2027-03-02T12:00:00Z"), now()), Err(MeetingError::InFuture));
    meeting.hold(None, at("2027-03-02T12:00:00Z"), later).unwrap();
    assert_eq!(meeting.end_time(), Some(at("2027-03-02T12:00:00Z")));
    assert_eq!(meeting.hold(None, later, later), Err(MeetingError::NotPlanned));
    assert_eq!(meeting.cancel("late".into()), Err(MeetingError::NotPlanned));
    meeting.close(&rules(), later).unwrap();
    assert_eq!(meeting.close(&rules(), later), Err(MeetingError::NotHeld));
    assert_eq!(meeting.write_minutes(minutes()), Err(MeetingError::NotHeld), "what is closed stays as it is");
}
