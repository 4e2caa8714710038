//! Between the contract's meeting and this service's.

use business_time::Timestamp;
use command::wire::{from_proto_time, proto_time};
use contracts::notification::v1 as wire;
use refusal::Refusal;

use crate::meeting::{
    MeetingError, State,
    entity::{Form, Meeting, Opening, Stage, Told, has_words},
};

pub(super) fn meeting(of: &Meeting) -> wire::Meeting {
    let close_time = match of.stage {
        Stage::Closed { close_time, .. } => Some(proto_time(close_time)),
        Stage::Planned | Stage::Held { .. } | Stage::Cancelled => None,
    };
    wire::Meeting {
        name: of.name(),
        client: of.client.clone(),
        engagement: of.engagement.clone(),
        case: of.case.clone(),
        form: form_to_wire(of.form).into(),
        kind: of.kind.clone(),
        host: of.host.clone(),
        contacts: of.contacts.clone(),
        start_time: Some(proto_time(of.start_time)),
        end_time: of.end_time().map(proto_time),
        subject: of.words.subject.clone(),
        video_link: of.words.video_link.clone(),
        answers: of.answers,
        state: state(State::from(&of.stage)).into(),
        minutes: of.words.minutes.as_ref().map(|minutes| wire::Minutes {
            text: minutes.text.clone(),
            author: minutes.author.clone(),
            record_time: Some(proto_time(minutes.time)),
        }),
        recording: of.words.recording.as_ref().map(|recording| {
            let said = wire::Recording {
                recorder: recording.recorder.clone(),
                record_time: Some(proto_time(recording.time)),
                ..Default::default()
            };
            match &recording.told {
                Told::Recorded { reference, contact, consent } => wire::Recording {
                    reference: reference.clone(),
                    consenting_contact: contact.clone(),
                    consent: consent.clone(),
                    ..said
                },
                Told::NotRecorded { reason } => wire::Recording { missing_reason: reason.clone(), ..said },
            }
        }),
        close_time,
        policy_version: of.policy_version,
        cancel_reason: of.words.cancel_reason.clone(),
        revision: of.revision,
    }
}

/// What is asked for, without an id yet.
pub(super) fn opening(of: &wire::Meeting, host: &str) -> Result<Opening, Refusal> {
    let form = match of.form() {
        wire::MeetingForm::Phone => Form::Phone,
        wire::MeetingForm::Video => Form::Video,
        wire::MeetingForm::InPerson => Form::InPerson,
        wire::MeetingForm::Unspecified => return Err(Refusal::field("REQUIRED", "meeting.form", "is required")),
    };
    let start_time =
        of.start_time.as_ref().ok_or_else(|| Refusal::field("REQUIRED", "meeting.start_time", "is required"))?;
    Ok(Opening {
        id: String::new(),
        client: of.client.clone(),
        engagement: of.engagement.clone(),
        case: of.case.clone(),
        form,
        kind: of.kind.clone(),
        host: host.to_owned(),
        contacts: of.contacts.clone(),
        start_time: time(start_time, "meeting.start_time")?,
        end_time: of.end_time.as_ref().map(|end| time(end, "meeting.end_time")).transpose()?,
        answers: of.answers,
        subject: of.subject.clone(),
        video_link: of.video_link.clone(),
    })
}

/// Where a recording lies, or why there is none: one of the two.
pub(super) fn told(of: &wire::RecordRecordingRequest) -> Result<Told, MeetingError> {
    match (has_words(&of.reference), has_words(&of.missing_reason)) {
        (true, false) => Ok(Told::Recorded {
            reference: of.reference.clone(),
            contact: of.consenting_contact.clone(),
            consent: of.consent.clone(),
        }),
        (false, true) => Ok(Told::NotRecorded { reason: of.missing_reason.clone() }),
        _ => Err(MeetingError::RecordingOrReason),
    }
}

pub(super) fn time(of: &prost_types::Timestamp, field: &str) -> Result<Timestamp, Refusal> {
    from_proto_time(of).ok_or_else(|| Refusal::field("BAD_TIME", field, "is no time"))
}

/// None for all.
pub(super) fn state_of(of: wire::MeetingState) -> Option<State> {
    match of {
        wire::MeetingState::Unspecified => None,
        wire::MeetingState::Planned => Some(State::Planned),
        wire::MeetingState::Held => Some(State::Held),
        wire::MeetingState::Closed => Some(State::Closed),
        wire::MeetingState::Cancelled => Some(State::Cancelled),
    }
}

fn state(of: State) -> wire::MeetingState {
    match of {
        State::Planned => wire::MeetingState::Planned,
        State::Held => wire::MeetingState::Held,
        State::Closed => wire::MeetingState::Closed,
        State::Cancelled => wire::MeetingState::Cancelled,
    }
}

/// As the contract names it.
pub(crate) fn form_to_wire(of: Form) -> wire::MeetingForm {
    match of {
        Form::Phone => wire::MeetingForm::Phone,
        Form::Video => wire::MeetingForm::Video,
        Form::InPerson => wire::MeetingForm::InPerson,
    }
}
