use contracts::notification::v1::{Meeting, MeetingForm, MeetingHeld, MeetingState};

use super::*;

/// Changes the first closed meeting of a form that fits.
fn change(
    bench: &Bench,
    form: MeetingForm,
    fits: impl Fn(&Meeting) -> bool,
    change: impl FnOnce(&mut Meeting),
) -> Option<()> {
    let mut done = false;
    bench.protos::<Meeting>(names::MEETINGS, |meetings| {
        let closed = |one: &&mut Meeting| one.form() == form && one.state() == MeetingState::Closed && fits(one);
        if let Some(meeting) = meetings.iter_mut().find(closed) {
            change(meeting);
            done = true;
        }
    });
    done.then_some(())
}

fn is_recorded(meeting: &Meeting) -> bool {
    meeting.recording.is_some()
}

pub(super) fn no_minutes(bench: &Bench) -> Option<()> {
    change(bench, MeetingForm::InPerson, |_| true, |meeting| meeting.minutes = None)
}

pub(super) fn wordless_minutes(bench: &Bench) -> Option<()> {
    let wordless = |meeting: &mut Meeting| {
        if let Some(minutes) = &mut meeting.minutes {
            minutes.text = " - ".to_owned();
        }
    };
    change(bench, MeetingForm::InPerson, |_| true, wordless)
}

pub(super) fn not_recorded(bench: &Bench) -> Option<()> {
    change(bench, MeetingForm::Phone, is_recorded, |meeting| meeting.recording = None)
}

pub(super) fn of_no_kind(bench: &Bench) -> Option<()> {
    change(bench, MeetingForm::Video, |meeting| !is_recorded(meeting), |meeting| meeting.kind.clear())
}

pub(super) fn no_consent(bench: &Bench) -> Option<()> {
    let without = |meeting: &mut Meeting| {
        if let Some(recording) = &mut meeting.recording {
            recording.consent.clear();
        }
    };
    change(bench, MeetingForm::Phone, is_recorded, without)
}

pub(super) fn consent_of_another(bench: &Bench) -> Option<()> {
    let strange = |meeting: &mut Meeting| {
        if let Some(recording) = &mut meeting.recording {
            recording.consenting_contact = format!("{}/contacts/nobody", meeting.client);
        }
    };
    change(bench, MeetingForm::Phone, is_recorded, strange)
}

pub(super) fn strange_provider(bench: &Bench) -> Option<()> {
    let link = "https://zoom.us.elsewhere.example/j/7".to_owned();
    change(bench, MeetingForm::Video, |_| true, |meeting| meeting.video_link = link)
}

pub(super) fn stranger_took_part(bench: &Bench) -> Option<()> {
    let stranger = "clients/elsewhere/contacts/somebody".to_owned();
    change(bench, MeetingForm::Video, |_| true, |meeting| meeting.contacts.push(stranger))
}

pub(super) fn closed_before_its_end(bench: &Bench) -> Option<()> {
    change(bench, MeetingForm::Video, |_| true, |meeting| shift(&mut meeting.close_time, -86_400))
}

pub(super) fn untold(bench: &Bench) -> Option<()> {
    let evidence = bench.evidence();
    let video = |one: &&Meeting| one.form() == MeetingForm::Video && one.state() == MeetingState::Closed;
    let name = evidence.meetings.values().find(video)?.name.clone();
    bench.drop_event::<MeetingHeld>("notification", |held| held.meeting == name);
    Some(())
}

pub(super) fn counts_unclosed(bench: &Bench) -> Option<()> {
    change(bench, MeetingForm::Video, |_| true, |meeting| meeting.state = MeetingState::Held.into())
}
