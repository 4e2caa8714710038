//! The client's updates, at the policy's cadence until the case is closed. A person's lateness breaks nothing, if it was
//! noticed and told.

use business_time::Timestamp;
use contracts::{
    escalation::v1::{ClockKind, TimelineKind},
    notification::v1::{MeetingHeld, Notification, NotificationKind, NotificationState},
};
use jiff::SignedDuration;

use crate::{
    folder::{instant, is_staff},
    judge::{
        case_view::{At, CaseView},
        docket::Docket,
        people::{Office, Telling, told},
        span::{later, with_slack},
    },
};

/// Where a policy does not say.
const CADENCE: SignedDuration = SignedDuration::from_hours(1);

/// Of one incident as many periods are looked at as an hourly one has in eleven years.
const MOST_PERIODS: u32 = 100_000;

pub(super) fn look(view: &CaseView<'_>, declared: &At<'_>, docket: &mut Docket) {
    let cadence = view.policy().and_then(|policy| policy.critical_incidents.as_ref()?.update_cadence);
    let cadence = cadence.map_or(CADENCE, |span| SignedDuration::new(span.seconds, span.nanos));
    if cadence < SignedDuration::from_mins(1) {
        return;
    }
    let mut updates: Vec<Timestamp> = Vec::new();
    for at in view.of_kind(TimelineKind::ClientUpdated) {
        match is_an_update(view, at) {
            Ok(()) => updates.push(at.occurred),
            Err(what) => docket.broken(view.place(at), what),
        }
    }
    updates.sort();
    every_word_counts(view, declared, &updates, docket);
    // Whether it closed rightly is 8.4's.
    let closed = view.closed().or(instant(view.case.close_time.as_ref()));
    let until = closed.unwrap_or(view.evidence.run.end_time);
    let mut breaches: Vec<_> = view.of_clock(TimelineKind::ClockBreached, ClockKind::ClientUpdate).copied().collect();
    let mut used = Vec::new();
    let (mut since, mut covered) = (declared.recorded, None::<Timestamp>);
    for _ in 0..MOST_PERIODS {
        let due = later(since, cadence);
        if let Some(update) = updates.iter().copied().find(|update| since < *update && *update <= due) {
            since = update;
            continue;
        }
        if due > until || with_slack(due) > view.evidence.run.end_time {
            break;
        }
        since = due;
        // Told together with one before it.
        if covered.is_some_and(|covered| due <= covered) {
            docket.lateness.breaches += 1;
            docket.lateness.noticed += 1;
            docket.lateness.followed_up += 1;
            continue;
        }
        docket.lateness.breaches += 1;
        let Some(index) = breaches.iter().position(|at| at.due() == Some(due)) else {
            docket.broken(view.path, format!("an update was due at {due}, and no breach was recorded"));
            continue;
        };
        let breach = breaches.remove(index);
        if breach.recorded < due {
            docket.broken(view.place(&breach), "the breach is recorded before it was one");
        }
        docket.lateness.noticed += 1;
        let more = u32::try_from(breach.entry.periods).unwrap_or_default().saturating_sub(1);
        covered = i32::try_from(more).ok().and_then(|more| cadence.checked_mul(more)).map(|span| later(due, span));
        let followed = if breach.told_with_later() {
            // Recorded in one go with a later one, of which somebody is told.
            let with = view.of_clock(TimelineKind::ClockBreached, ClockKind::ClientUpdate);
            let later_one = with.into_iter().any(|at| at.recorded == breach.recorded && at.entry.reason.is_empty());
            if later_one { Ok(()) } else { Err("is told with a later one, which is not there".to_owned()) }
        } else {
            let telling = Telling {
                kind: NotificationKind::ClockBreach,
                about: &view.case.name,
                office: Office::AccountManager,
                client: &view.case.client,
                engagement: &view.case.engagement,
                since: breach.recorded,
            };
            told(view.evidence, &telling, &used)
                .map(|notification| used.extend(notification.map(|one| one.name.as_str())))
        };
        match followed {
            Ok(()) => docket.lateness.followed_up += 1,
            Err(what) => docket.broken(view.place(&breach), what),
        }
    }
    for breach in breaches {
        // An update that left just before its due time may be known just after it; what was recorded then stays.
        let due = breach.due().unwrap_or(breach.recorded);
        let told_late = view.of_kind(TimelineKind::ClientUpdated).any(|at| {
            at.entry.reason == "IN_TIME_BUT_TOLD_LATE" && at.occurred <= due && breach.recorded <= at.recorded
        });
        if !told_late {
            docket.broken(view.place(&breach), "a breach is recorded, though no update was late by then");
        }
    }
}

/// The other way round: what a person of the firm wrote to the client meanwhile is an update.
fn every_word_counts(view: &CaseView<'_>, declared: &At<'_>, updates: &[Timestamp], docket: &mut Docket) {
    for one in view.evidence.notifications_of(&view.case.name) {
        let Some(time) = instant(one.hand_over_time.as_ref()) else { continue };
        let closed = view.closed().or(instant(view.case.close_time.as_ref()));
        let counts = time >= declared.recorded
            && closed.is_none_or(|closed| time < closed)
            && with_slack(time) <= view.evidence.run.end_time;
        if counts && is_word_to_client(view, one).is_ok() && !updates.contains(&time) {
            docket.broken(view.path, format!("{} was an update, and does not count as one", one.name));
        }
    }
}

fn is_an_update(view: &CaseView<'_>, at: &At<'_>) -> Result<(), String> {
    if let Some(meeting) = at.entry.references.iter().find(|name| name.starts_with("meetings/")) {
        let held = view.evidence.happened::<MeetingHeld>("notification");
        let spoken = held.iter().any(|event| {
            let what = &event.what;
            what.meeting == *meeting
                && what.case == view.case.name
                && what.answers
                && instant(what.end_time.as_ref()) == Some(at.occurred)
        });
        return if spoken { Ok(()) } else { Err(format!("rests on {meeting}, which answered nothing of this case")) };
    }
    let name = at.notifications().next().ok_or("rests on no notification")?;
    let notification = view.evidence.notifications.get(name).ok_or(format!("rests on {name}, which is not there"))?;
    is_word_to_client(view, notification).map_err(|what| format!("rests on {name}, which {what}"))?;
    if instant(notification.hand_over_time.as_ref()) != Some(at.occurred) {
        return Err(format!("counts from another time than {name} was handed over"));
    }
    if !view.evidence.mails_out.contains_key(name) {
        return Err(format!("rests on {name}, whose mail is not there"));
    }
    Ok(())
}

fn is_word_to_client(view: &CaseView<'_>, notification: &Notification) -> Result<(), String> {
    if !matches!(notification.kind(), NotificationKind::Reply | NotificationKind::IncidentUpdate) {
        return Err("is neither reply nor update".to_owned());
    }
    if notification.state() != NotificationState::HandedOver || notification.case != view.case.name {
        return Err("was not handed over, or is about another case".to_owned());
    }
    if !is_staff(&notification.author) || view.evidence.find_staff(&notification.author).is_none() {
        return Err("no person of the firm wrote".to_owned());
    }
    let of_client = format!("{}/contacts/", view.case.client);
    if notification.recipients.iter().any(|name| name.starts_with(&of_client)) {
        Ok(())
    } else {
        Err("went to no contact of the client".to_owned())
    }
}
