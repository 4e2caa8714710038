//! A call, a video conference and a meeting in person, each with what is due of it; one more was not closed yet.

use contracts::notification::v1::{Meeting, MeetingForm, MeetingHeld, MeetingState, Minutes, Recording};

use super::*;

fn meeting(form: MeetingForm, id: &str, start: &str, end: &str) -> Meeting {
    Meeting {
        name: format!("meetings/{id}"),
        client: GLOBEX.to_owned(),
        form: form.into(),
        kind: "review".to_owned(),
        host: "staff/gil".to_owned(),
        contacts: vec![LEE.to_owned()],
        start_time: Some(ts(start)),
        end_time: Some(ts(end)),
        subject: "The books".to_owned(),
        state: MeetingState::Closed.into(),
        close_time: Some(ts(end)),
        policy_version: 1,
        revision: 2,
        ..Meeting::default()
    }
}

fn held(world: &mut World, meeting: Meeting) {
    let end = meeting.end_time.unwrap();
    let when = jiff::Timestamp::new(end.seconds, end.nanos).unwrap().to_string();
    let event = MeetingHeld {
        meeting: meeting.name.clone(),
        client: meeting.client.clone(),
        form: meeting.form,
        host: meeting.host.clone(),
        contacts: meeting.contacts.clone(),
        start_time: meeting.start_time,
        end_time: meeting.end_time,
        ..MeetingHeld::default()
    };
    world.event("notification", &meeting.name, &when, &event);
    world.meetings.push(meeting);
}

pub(super) fn spoken(world: &mut World) {
    let advice = Meeting {
        kind: "advice".to_owned(),
        recording: Some(Recording {
            reference: "rec-1".to_owned(),
            consenting_contact: LEE.to_owned(),
            consent: "said yes".to_owned(),
            recorder: "staff/gil".to_owned(),
            record_time: Some(ts("2026-04-08T14:30:00Z")),
            ..Recording::default()
        }),
        ..meeting(MeetingForm::Phone, "advice", "2026-04-08T14:00:00Z", "2026-04-08T14:30:00Z")
    };
    held(world, advice);
    let video = Meeting {
        video_link: "https://zoom.us/j/7".to_owned(),
        ..meeting(MeetingForm::Video, "video", "2026-04-08T15:00:00Z", "2026-04-08T15:30:00Z")
    };
    held(world, video);
    let visit = Meeting {
        minutes: Some(Minutes {
            text: "The books are kept from May on.".to_owned(),
            author: "staff/gil".to_owned(),
            record_time: Some(ts("2026-04-08T17:00:00Z")),
        }),
        ..meeting(MeetingForm::InPerson, "visit", "2026-04-08T16:00:00Z", "2026-04-08T17:00:00Z")
    };
    held(world, visit);
    world.meetings.push(Meeting {
        state: MeetingState::Held.into(),
        close_time: None,
        ..meeting(MeetingForm::InPerson, "open", "2026-04-09T16:00:00Z", "2026-04-09T17:00:00Z")
    });
}
