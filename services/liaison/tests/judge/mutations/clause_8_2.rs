use contracts::{
    client_registry::v1::Channel,
    escalation::v1::ObligationState,
    notification::v1::{AlertProgressed, AlertSide, AlertStep, Call, CallState},
};
use liaison::folder::PlacedCall;
use prost::{Message, Name};

use super::*;

fn incident(evidence: &Evidence) -> Option<Case> {
    evidence.cases.values().find(|case| case.critical.is_some()).cloned()
}

/// The alert to one side on one channel.
fn alert(evidence: &Evidence, side: AlertSide, channel: Channel) -> Option<Notification> {
    notification(evidence, NotificationKind::CriticalAlert, |one| one.side() == side && one.channel() == channel)
}

fn is_of(entry: &TimelineEntry, notification: &Notification) -> bool {
    entry.references.contains(&notification.name)
}

pub(super) fn never_called(bench: &Bench) -> Option<()> {
    let gone = alert(&bench.evidence(), AlertSide::Client, Channel::Phone)?;
    bench.timeline(&gone.case, |entries| entries.retain(|entry| !is_of(entry, &gone)));
    let about = |event: &contracts::event::v1::Event| {
        let payload = event.payload.as_ref()?;
        let told = payload.type_url.ends_with(&AlertProgressed::full_name());
        told.then(|| AlertProgressed::decode(payload.value.as_slice()).ok()).flatten()
    };
    bench.events("notification", |events| {
        events.retain(|event| about(event).is_none_or(|told| told.notification != gone.name));
    });
    bench.protos::<Notification>(names::NOTIFICATIONS, |all| all.retain(|one| one.name != gone.name));
    Some(())
}

pub(super) fn tried_late(bench: &Bench) -> Option<()> {
    let sent = alert(&bench.evidence(), AlertSide::Client, Channel::Email)?;
    bench.timeline(&sent.case, |entries| {
        let tried = |entry: &&mut TimelineEntry| entry.kind() == TimelineKind::AlertAttempted && is_of(entry, &sent);
        for entry in entries.iter_mut().filter(tried) {
            shift(&mut entry.record_time, 120);
            shift(&mut entry.occur_time, 120);
        }
        entries.sort_by_key(|entry| entry.record_time.map(|time| (time.seconds, time.nanos)));
    });
    Some(())
}

/// The call on which a key was pressed.
fn reaching(evidence: &Evidence, channel: Channel) -> Option<(Notification, String)> {
    let reached = |one: &Notification| {
        let attempt = one.attempts_made.iter().find(|attempt| attempt.step() == AlertStep::Reached)?;
        Some(attempt.evidence.clone())
    };
    let found = notification(evidence, NotificationKind::CriticalAlert, |one| {
        one.channel() == channel && reached(one).is_some()
    })?;
    let shown = reached(&found)?;
    Some((found, shown))
}

pub(super) fn voicemail_reached(bench: &Bench) -> Option<()> {
    let (_, call) = reaching(&bench.evidence(), Channel::Phone)?;
    bench.protos::<Call>(names::CALLS, |calls| {
        for one in calls.iter_mut().filter(|one| one.name == call) {
            one.state = CallState::Ended.into();
            one.reason = "VOICEMAIL".to_owned();
            one.key_press_time = None;
        }
    });
    Some(())
}

pub(super) fn unanswered_reached(bench: &Bench) -> Option<()> {
    let evidence = bench.evidence();
    let (found, mail) = reaching(&evidence, Channel::Email)?;
    let other = evidence.mails.values().find(|one| one.name != mail && one.contact == evidence.mails[&mail].contact)?;
    bench.protos::<Notification>(names::NOTIFICATIONS, |all| {
        for attempt in all.iter_mut().filter(|one| one.name == found.name).flat_map(|one| &mut one.attempts_made) {
            attempt.evidence.clone_from(&other.name);
        }
    });
    Some(())
}

pub(super) fn next_untold(bench: &Bench) -> Option<()> {
    let second = |entry: &TimelineEntry| {
        entry.kind() == TimelineKind::AlertAttempted && entry.channel() == Channel::Phone && entry.attempt == 2
    };
    let (_, dropped) = drop_entry(bench, second)?;
    bench.drop_event::<AlertProgressed>("notification", |event| {
        event.step() == AlertStep::Attempted && event.attempt == 2 && dropped.references.contains(&event.notification)
    });
    Some(())
}

/// The file of a placed call.
fn placed(bench: &Bench, fits: impl Fn(&PlacedCall) -> bool) -> Option<(String, PlacedCall)> {
    let evidence = bench.evidence();
    let (name, call) = evidence.calls_out.iter().find(|(_, call)| fits(call))?;
    Some((format!("{}/{}.json", names::CALLS_OUT, name.trim_start_matches("calls/")), call.clone()))
}

pub(super) fn same_number(bench: &Bench) -> Option<()> {
    let (_, first) = placed(bench, |_| true)?;
    let of_same = |call: &PlacedCall| call.notification == first.notification && call.to != first.to;
    let (path, mut second) = placed(bench, |call| of_same(call) && call.person == first.person)?;
    second.to = first.to;
    bench.put(&path, &second);
    Some(())
}

pub(super) fn copy_untold(bench: &Bench) -> Option<()> {
    let (path, call) = placed(bench, |_| true)?;
    bench.put(&path, &PlacedCall { from_copy: true, ..call });
    Some(())
}

pub(super) fn failure_untold(bench: &Bench) -> Option<()> {
    let evidence = bench.evidence();
    let sent = alert(&evidence, AlertSide::Management, Channel::Email)?;
    let last = evidence.timelines.get(&sent.case)?.entries.last()?.clone();
    let failed = TimelineEntry {
        kind: TimelineKind::AlertFailed.into(),
        actor: "services/notification".to_owned(),
        people: Vec::new(),
        references: vec![sent.name.clone()],
        reason: "NOBODY_REACHED".to_owned(),
        alert_side: AlertSide::Management.into(),
        channel: Channel::Email.into(),
        occur_time: last.record_time,
        ..last.clone()
    };
    bench.timeline(&sent.case, |entries| entries.push(failed));
    let event = AlertProgressed {
        notification: sent.name.clone(),
        client: sent.client.clone(),
        case: sent.case.clone(),
        side: AlertSide::Management.into(),
        channel: Channel::Email.into(),
        step: AlertStep::Failed.into(),
        reason: "NOBODY_REACHED".to_owned(),
        time: last.record_time,
        ..AlertProgressed::default()
    };
    bench.events("notification", |events| {
        let Some(mut new) = events.last().cloned() else { return };
        new.id = "00000000-0000-4000-8000-000000000082".to_owned();
        new.position += 1;
        new.aggregate.clone_from(&sent.name);
        new.payload = Some(prost_types::Any { type_url: AlertProgressed::type_url(), value: event.encode_to_vec() });
        events.push(new);
    });
    bench.protos::<Case>(names::CASES, |cases| {
        let critical = cases.iter_mut().filter_map(|case| case.critical.as_mut());
        for one in critical.flat_map(|critical| &mut critical.obligations).filter(|one| one.notification == sent.name) {
            one.state = ObligationState::Failed.into();
        }
    });
    Some(())
}

pub(super) fn update_unnoticed(bench: &Bench) -> Option<()> {
    let missed =
        |entry: &TimelineEntry| entry.kind() == TimelineKind::ClockBreached && entry.clock() == ClockKind::ClientUpdate;
    let (case, _) = drop_entry(bench, missed)?;
    bench.drop_event::<ClockBreached>("escalation", |event| {
        event.case == case && event.clock() == ClockKind::ClientUpdate
    });
    Some(())
}

pub(super) fn generated_update(bench: &Bench) -> Option<()> {
    let sent = alert(&bench.evidence(), AlertSide::Client, Channel::Email)?;
    change_entry(bench, |entry| entry.kind() == TimelineKind::ClientUpdated, |entry| entry.references = vec![sent.name])
}

pub(super) fn report_later(bench: &Bench) -> Option<()> {
    let incident = incident(&bench.evidence())?;
    bench.protos::<Case>(names::CASES, |cases| {
        for critical in
            cases.iter_mut().filter(|case| case.name == incident.name).filter_map(|case| case.critical.as_mut())
        {
            shift(&mut critical.report_due_time, 3600);
        }
    });
    Some(())
}
