//! Calls, video conferences and meetings in person (SOP 6).

use business_time::Timestamp;
use contracts::{
    client_registry::v1::Meetings as PolicyOfMeetings,
    notification::v1::{
        CancelMeetingRequest, CloseMeetingRequest, CreateMeetingRequest, GetMeetingRequest, HoldMeetingRequest,
        ListMeetingsRequest, Meeting, MeetingForm, MeetingHeld, MeetingState, RecordMinutesRequest,
        RecordRecordingRequest, meeting_service_client::MeetingServiceClient,
    },
};
use database::query_one;
use runtime::Client;
use testkit::{TestDatabase, both_databases};
use tonic::{Code, Status};

use crate::support::*;

both_databases!(sets();
    a_meeting_in_person_closes_with_its_minutes_and_is_told_once,
    a_call_that_must_be_recorded_closes_with_recording_and_consent_or_a_reason,
    a_video_link_outside_the_allowed_providers_is_refused_by_its_field,
    a_planned_meeting_is_held_or_cancelled,
    only_people_who_are_there_take_part,
    a_case_that_is_answered_is_the_clients_and_known_here,
    meetings_are_seen_by_whom_they_concern,
    a_repeated_call_makes_one_meeting,
    while_the_registry_is_down_or_the_procedure_unknown_nothing_is_recorded,
    what_was_spoken_of_lies_nowhere_in_the_clear,
);

impl House {
    fn meetings(&self, person: &str) -> MeetingServiceClient<Client> {
        MeetingServiceClient::new(self.channel(person))
    }

    async fn create(&self, meeting: Meeting) -> Result<Meeting, Status> {
        let request = CreateMeetingRequest { meeting: Some(meeting), request_id: String::new() };
        Ok(self.meetings(ANNA).create_meeting(request).await?.into_inner().meeting.unwrap())
    }

    async fn close(&self, name: &str) -> Result<Meeting, Status> {
        let request = CloseMeetingRequest { name: name.into(), request_id: String::new() };
        Ok(self.meetings(ANNA).close_meeting(request).await?.into_inner().meeting.unwrap())
    }

    async fn minutes(&self, name: &str, text: &str) -> Result<Meeting, Status> {
        let request = RecordMinutesRequest { name: name.into(), text: text.into(), request_id: String::new() };
        Ok(self.meetings(ANNA).record_minutes(request).await?.into_inner().meeting.unwrap())
    }

    async fn record(&self, request: RecordRecordingRequest) -> Result<Meeting, Status> {
        Ok(self.meetings(ANNA).record_recording(request).await?.into_inner().meeting.unwrap())
    }

    async fn meeting(&self, name: &str) -> Meeting {
        let request = GetMeetingRequest { name: name.into() };
        self.meetings(ANNA).get_meeting(request).await.unwrap().into_inner().meeting.unwrap()
    }
}

/// A firm whose policy allows one video provider, and has advice recorded.
async fn open(db: TestDatabase) -> House {
    let house = House::strange(db).await;
    house.furnish();
    house.registry.state().policy.as_mut().unwrap().meetings =
        Some(PolicyOfMeetings { video_providers: vec!["zoom.us".into()], recorded_kinds: vec!["advice".into()] });
    house.tell_policy(1).await;
    house.quiet().await;
    house
}

/// When the meetings of these tests began.
const BEFORE: &str = "2026-06-01T08:45:00Z";

/// One with Carla that ended just now.
fn over(form: MeetingForm) -> Meeting {
    Meeting {
        client: ACME.into(),
        form: form.into(),
        kind: "chat".into(),
        contacts: vec![CARLA.into()],
        start_time: Some(wire(at(BEFORE))),
        end_time: Some(wire(at(MONDAY))),
        subject: "The new pump".into(),
        ..Default::default()
    }
}

fn planned() -> Meeting {
    Meeting { start_time: Some(wire(at(TUESDAY))), end_time: None, ..over(MeetingForm::Phone) }
}

async fn a_meeting_in_person_closes_with_its_minutes_and_is_told_once(db: TestDatabase) {
    let house = open(db).await;
    let meeting = house.create(over(MeetingForm::InPerson)).await.unwrap();
    assert_eq!((meeting.state(), meeting.host.as_str()), (MeetingState::Held, ANNA));
    let missing = (Code::FailedPrecondition, "MINUTES_MISSING".to_owned());
    assert_eq!(refused(house.close(&meeting.name).await), missing);
    let answer = house.minutes(&meeting.name, " - ").await;
    assert_eq!(refused(answer).0, Code::InvalidArgument, "minutes without a word are none");
    assert_eq!(refused(house.close(&meeting.name).await), missing);
    house.minutes(&meeting.name, "The pump comes in May.").await.unwrap();
    let closed = house.close(&meeting.name).await.unwrap();
    assert_eq!((closed.state(), closed.policy_version), (MeetingState::Closed, 1));
    assert_eq!(closed.minutes.as_ref().unwrap().author, ANNA);
    assert_eq!(house.meeting(&meeting.name).await, closed);
    assert_eq!(refused(house.close(&meeting.name).await).1, "NOT_HELD");
    assert_eq!(refused(house.minutes(&meeting.name, "Or in June.").await).1, "NOT_HELD");
    let told = house.told::<MeetingHeld>().await;
    assert_eq!((told.len(), told[0].meeting.as_str(), told[0].form()), (1, &*meeting.name, MeetingForm::InPerson));
    assert_eq!((time(told[0].end_time), told[0].contacts.clone()), (at(MONDAY), vec![CARLA.to_owned()]));
}

async fn a_call_that_must_be_recorded_closes_with_recording_and_consent_or_a_reason(db: TestDatabase) {
    let house = open(db).await;
    let advice = || Meeting { kind: "advice".into(), ..over(MeetingForm::Phone) };
    let call = house.create(advice()).await.unwrap();
    let blank = RecordRecordingRequest { name: call.name.clone(), ..Default::default() };
    let reference = RecordRecordingRequest { reference: "rec-7".into(), ..blank.clone() };
    let consenting = |contact: &str| RecordRecordingRequest {
        consenting_contact: contact.into(),
        consent: "asked and given at the start".into(),
        ..reference.clone()
    };
    assert_eq!(refused(house.close(&call.name).await), (Code::FailedPrecondition, "RECORDING_MISSING".to_owned()));
    for (request, reason) in [
        (blank.clone(), "RECORDING_OR_REASON"),
        (RecordRecordingRequest { missing_reason: "none".into(), ..consenting(CARLA) }, "RECORDING_OR_REASON"),
        (reference.clone(), "CONSENT_MISSING"),
        (consenting(COLIN), "NOT_A_PARTICIPANT"),
    ] {
        assert_eq!(refused(house.record(request).await), (Code::InvalidArgument, reason.to_owned()));
    }
    assert_eq!(house.meeting(&call.name).await.recording, None, "what is refused changes nothing");
    house.record(consenting(CARLA)).await.unwrap();
    let closed = house.close(&call.name).await.unwrap();
    assert_eq!(closed.recording.unwrap().consenting_contact, CARLA);

    let unrecorded = house.create(advice()).await.unwrap();
    let reason = RecordRecordingRequest {
        name: unrecorded.name.clone(),
        missing_reason: "Carla did not want it.".into(),
        ..Default::default()
    };
    house.record(reason).await.unwrap();
    assert_eq!(house.close(&unrecorded.name).await.unwrap().state(), MeetingState::Closed);

    let nameless = house.create(Meeting { kind: String::new(), ..over(MeetingForm::Phone) }).await;
    assert_eq!(fields(&nameless), ["meeting.kind"]);
    assert_eq!(refused(nameless), (Code::InvalidArgument, "KIND_MISSING".to_owned()));
    let other = house.create(over(MeetingForm::Phone)).await.unwrap();
    assert_eq!(house.close(&other.name).await.unwrap().state(), MeetingState::Closed, "of another kind it need not");
}

async fn a_video_link_outside_the_allowed_providers_is_refused_by_its_field(db: TestDatabase) {
    let house = open(db).await;
    let with = |link: &str| Meeting { video_link: link.into(), ..over(MeetingForm::Video) };
    for (meeting, reason) in [
        (with("https://meet.example/1"), "VIDEO_PROVIDER_NOT_ALLOWED"),
        (with("https://zoom.us.evil.example/j/1"), "VIDEO_PROVIDER_NOT_ALLOWED"),
        (with("http://zoom.us/j/1"), "VIDEO_PROVIDER_NOT_ALLOWED"),
        (with(""), "LINK_MISSING"),
        (Meeting { form: MeetingForm::Phone.into(), ..with("https://zoom.us/j/1") }, "LINK_NOT_EXPECTED"),
    ] {
        let answer = house.create(meeting).await;
        assert_eq!(fields(&answer), ["meeting.video_link"]);
        assert_eq!(refused(answer), (Code::InvalidArgument, reason.to_owned()));
    }
    let video = house.create(with("https://us02web.zoom.us/j/1")).await.unwrap();
    assert_eq!(house.close(&video.name).await.unwrap().state(), MeetingState::Closed);
}

async fn a_planned_meeting_is_held_or_cancelled(db: TestDatabase) {
    let house = open(db).await;
    let first = house.create(planned()).await.unwrap();
    assert_eq!(first.state(), MeetingState::Planned);
    assert_eq!(refused(house.close(&first.name).await).1, "NOT_HELD");
    let past = Meeting { end_time: None, ..over(MeetingForm::Phone) };
    assert_eq!(refused(house.create(past).await), (Code::InvalidArgument, "IN_PAST".to_owned()));
    let hold = |name: &str, end: Timestamp| HoldMeetingRequest {
        name: name.into(),
        end_time: Some(wire(end)),
        ..Default::default()
    };
    let answer = house.meetings(ANNA).hold_meeting(hold(&first.name, at(TUESDAY))).await;
    assert_eq!(refused(answer), (Code::InvalidArgument, "IN_FUTURE".to_owned()));
    let second = house.create(planned()).await.unwrap();
    let cancel =
        CancelMeetingRequest { name: second.name.clone(), reason: "Carla is ill.".into(), ..Default::default() };
    let cancelled = house.meetings(ANNA).cancel_meeting(cancel.clone()).await.unwrap().into_inner().meeting.unwrap();
    assert_eq!((cancelled.state(), cancelled.cancel_reason.as_str()), (MeetingState::Cancelled, "Carla is ill."));
    assert_eq!(refused(house.meetings(ANNA).cancel_meeting(cancel).await).1, "NOT_PLANNED");
    house.at("2026-06-02T10:00:00Z").await;
    let held = house.meetings(ANNA).hold_meeting(hold(&first.name, at("2026-06-02T09:45:00Z"))).await.unwrap();
    assert_eq!(held.into_inner().meeting.unwrap().state(), MeetingState::Held);
    house.close(&first.name).await.unwrap();
    assert_eq!(house.told::<MeetingHeld>().await.len(), 1);
}

async fn only_people_who_are_there_take_part(db: TestDatabase) {
    let house = open(db).await;
    let with = |contact: &str| Meeting { contacts: vec![CARLA.into(), contact.into()], ..over(MeetingForm::Phone) };
    assert_eq!(refused(house.create(with(SAM)).await), (Code::InvalidArgument, "OF_ANOTHER_CLIENT".to_owned()));
    let answer = house.create(with("clients/acme/contacts/nobody")).await;
    assert_eq!(refused(answer), (Code::NotFound, "NOT_FOUND".to_owned()));
    house.registry.state().contacts.get_mut(COLIN).unwrap().inactive = true;
    let answer = house.create(with(COLIN)).await;
    assert_eq!(refused(answer), (Code::FailedPrecondition, "CONTACT_INACTIVE".to_owned()));
    assert_eq!(
        fields(&house.create(Meeting { contacts: vec![], ..over(MeetingForm::Phone) }).await),
        ["meeting.contacts"]
    );
}

async fn a_case_that_is_answered_is_the_clients_and_known_here(db: TestDatabase) {
    let house = open(db).await;
    let mail = house.take(&of_carla("1@client.example", "", "Where is my pump?")).await;
    house.open_case("cases/1", &mail).await;
    let about = |case: &str| Meeting { case: case.into(), answers: true, ..over(MeetingForm::Phone) };
    assert_eq!(refused(house.create(about("")).await).1, "CASE_MISSING");
    assert_eq!(refused(house.create(about("cases/9")).await).0, Code::NotFound);
    let call = house.create(about("cases/1")).await.unwrap();
    house.close(&call.name).await.unwrap();
    let told = house.told::<MeetingHeld>().await.remove(0);
    assert_eq!((told.case.as_str(), told.answers, told.host.as_str()), ("cases/1", true, ANNA));
}

async fn meetings_are_seen_by_whom_they_concern(db: TestDatabase) {
    let house = open(db).await;
    let meeting = house.create(over(MeetingForm::Phone)).await.unwrap();
    let get = || GetMeetingRequest { name: meeting.name.clone() };
    let list = |client: &str| ListMeetingsRequest { client: client.into(), ..Default::default() };
    let hidden = (Code::NotFound, "NOT_FOUND".to_owned());
    assert_eq!(refused(house.meetings(OLGA).get_meeting(get()).await), hidden);
    let close = CloseMeetingRequest { name: meeting.name.clone(), ..Default::default() };
    assert_eq!(refused(house.meetings(OLGA).close_meeting(close).await), hidden);
    let seen =
        async |person: &str| house.meetings(person).list_meetings(list("")).await.unwrap().into_inner().meetings.len();
    assert_eq!((seen(ANNA).await, seen(BOSS).await, seen(OLGA).await), (1, 1, 0));
    let listed = house.meetings(ANNA).list_meetings(list(ACME)).await.unwrap().into_inner().meetings.remove(0);
    assert_eq!((listed.name.as_str(), listed.subject.as_str()), (&*meeting.name, ""), "a list has no words");
    let closed = ListMeetingsRequest { state: MeetingState::Closed.into(), ..list("") };
    assert!(house.meetings(ANNA).list_meetings(closed).await.unwrap().into_inner().meetings.is_empty());
    let request = CreateMeetingRequest { meeting: Some(over(MeetingForm::Phone)), ..Default::default() };
    for stranger in [OLGA, CARLA, MTA] {
        let answer = house.meetings(stranger).create_meeting(request.clone()).await;
        assert_eq!(refused(answer).0, Code::PermissionDenied, "{stranger}");
    }
    house.meetings(ANNA).get_meeting(get()).await.unwrap();
    let sql = "SELECT count(*) AS n FROM audit_row WHERE action = ? AND outcome = 2";
    let action = "liaison.notification.v1.MeetingService/GetMeeting";
    assert_eq!(house.count(sql, vec![action.into()]).await, 1, "the read is on record");
}

async fn a_repeated_call_makes_one_meeting(db: TestDatabase) {
    let house = open(db).await;
    let once = |subject: &str| CreateMeetingRequest {
        meeting: Some(Meeting { subject: subject.into(), ..planned() }),
        request_id: "r-1".into(),
    };
    let first = house.meetings(ANNA).create_meeting(once("One")).await.unwrap().into_inner();
    assert_eq!(house.meetings(ANNA).create_meeting(once("One")).await.unwrap().into_inner(), first);
    assert_eq!(refused(house.meetings(ANNA).create_meeting(once("Two")).await).1, "REQUEST_ID_REUSED");
    assert_eq!(house.count("SELECT count(*) AS n FROM meeting", vec![]).await, 1);
}

async fn while_the_registry_is_down_or_the_procedure_unknown_nothing_is_recorded(db: TestDatabase) {
    let house = House::strange(db).await;
    let answer = house.create(over(MeetingForm::Phone)).await;
    assert_eq!(refused(answer), (Code::Unavailable, "NO_POLICY_YET".to_owned()));
    house.furnish();
    house.tell_policy(1).await;
    house.quiet().await;
    house.meetings(ANNA).list_meetings(ListMeetingsRequest::default()).await.unwrap();
    house.registry.state().down = true;
    assert_eq!(refused(house.create(over(MeetingForm::Phone)).await).0, Code::Unavailable);
    house.registry.state().down = false;
    assert!(query_one(house.db.database().reader(), "SELECT id FROM meeting", vec![]).await.unwrap().is_none());
}

async fn what_was_spoken_of_lies_nowhere_in_the_clear(db: TestDatabase) {
    let house = open(db).await;
    let meeting = Meeting { subject: "quokka subject".into(), ..over(MeetingForm::InPerson) };
    let meeting = house.create(meeting).await.unwrap();
    house.minutes(&meeting.name, "quokka minutes").await.unwrap();
    let columns = ["id", "client", "kind", "host", "contacts", "stage", "words"];
    let all = house.everything_in("meeting", &columns).await;
    assert!(!all.windows(6).any(|window| window == b"quokka"));
    let all = house.everything_in("outbox", &["payload"]).await;
    assert!(!all.windows(6).any(|window| window == b"quokka"));
}
