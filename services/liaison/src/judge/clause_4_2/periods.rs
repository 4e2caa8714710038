//! Each first-response clock, its due time, the reply that stopped it or the breach that followed.

use business_time::Timestamp;
use contracts::{
    escalation::v1::TimelineKind,
    notification::v1::{
        MailKind, MailState, Meeting, MeetingState, Notification, NotificationKind, NotificationState, SenderCheck,
    },
};

use crate::{
    folder::{instant, is_staff},
    judge::{
        case_view::{At, CaseView},
        clause_6::bears_its_ids,
        clocks::{Period, due_at, due_in, lately_in_force, periods},
        docket::Docket,
        people::{Office, Telling, told},
        span::{SLACK, earlier, with_slack},
    },
};

pub(super) fn look(view: &CaseView<'_>, docket: &mut Docket) {
    let mut used = Vec::new();
    for period in periods(view) {
        docket.look();
        docket.cite(view.path);
        starts_rightly(view, &period, docket);
        is_set_rightly(view, &period, docket);
        if let Some(response) = &period.response
            && let Err(what) = is_a_response(view, response)
        {
            docket.broken(view.place(response), what);
        }
        replies_count(view, &period, docket);
        ends_rightly(view, &period, &mut used, docket);
    }
}

/// It counts from when the firm's mail server received the mail.
fn starts_rightly(view: &CaseView<'_>, period: &Period<'_>, docket: &mut Docket) {
    for name in period.start.mails() {
        let received = view.evidence.mails.get(name).and_then(|mail| instant(mail.receive_time.as_ref()));
        match received {
            None => docket.broken(view.place(&period.start), format!("rests on {name}, which is not there")),
            Some(received) if received != period.start.occurred => {
                let counted = period.start.occurred;
                docket.broken(
                    view.place(&period.start),
                    format!("counts from {counted}, {name} was received at {received}"),
                );
            }
            Some(_) => {}
        }
    }
    // Opened again by a word that came before the reply was noted: it counts from that word.
    if period.start.kind == TimelineKind::Reopened && period.start.mails().next().is_none() {
        let is_a_word = |at: &&At<'_>| at.occurred == period.start.occurred && at.mails().next().is_some();
        if !view.of_kind(TimelineKind::ClientWrote).any(|at| is_a_word(&at)) {
            docket.broken(view.place(&period.start), "was opened again by nobody's word");
        }
    }
    if period.start.kind == TimelineKind::Opened && view.case.mail.is_empty() && period.start.mails().next().is_some() {
        docket.broken(view.place(&period.start), "was opened by a mail of which the case knows nothing");
    }
    if view.evidence.policy_at(period.start.recorded).is_some_and(|policy| policy.version < view.case.policy_version) {
        docket.broken(view.place(&period.start), "is kept under a policy that was published later");
    }
}

/// The clock was set, and each time to what the calendar then in force gives.
fn is_set_rightly(view: &CaseView<'_>, period: &Period<'_>, docket: &mut Docket) {
    let Some(policy) = view.policy() else {
        let what = format!("is kept under policy {}, which is not there", view.case.policy_version);
        return docket.broken(view.place(&period.start), what);
    };
    if period.settings.is_empty() {
        return docket.broken(view.place(&period.start), "no first-response clock was set for it");
    }
    let running_until = period.response.as_ref().map_or(period.until, |response| response.recorded);
    let nexts = period.settings.iter().skip(1).map(|(next, _)| next.recorded).chain([running_until]);
    let days = policy.first_response_business_days;
    for ((at, from), until) in period.settings.iter().zip(nexts) {
        match rests_on(view, *from, at, days) {
            Ok(due) => is_moved_by_its_calendar(view, *from, at, (due, until), docket),
            Err(what) => docket.broken(view.place(at), what),
        }
    }
    for at in &period.annotations {
        if let Err(what) = rests_on(view, period.counted_from, at, days) {
            docket.broken(view.place(at), what);
        }
    }
}

/// The due time that a setting of the clock must have, where it has it.
fn rests_on(view: &CaseView<'_>, from: Timestamp, at: &At<'_>, days: i32) -> Result<Timestamp, String> {
    let provenance = at.entry.provenance.clone().unwrap_or_default();
    let run = &view.evidence.run;
    if provenance.tzdb_version != run.tzdb_version || provenance.holidays_version != run.holidays_version {
        let (zones, holidays) = (provenance.tzdb_version, provenance.holidays_version);
        return Err(format!("rests on time zones {zones:?} and holidays {holidays:?}, the run on others"));
    }
    let in_force = lately_in_force(view.evidence, &view.case.client, at.recorded);
    let (name, revision) = (&provenance.calendar, provenance.calendar_revision);
    let calendar = in_force.iter().find(|one| one.name == *name && one.revision == revision);
    let calendar = calendar.ok_or(format!("rests on {name} revision {revision}, which was not in force"))?;
    let due = due_in(calendar, from, days).ok_or(format!("{name} revision {revision} is no calendar"))?;
    if at.due() == Some(due) {
        Ok(due)
    } else {
        Err(format!("is due at {}, by the calendar it is {due}", told_time(at.due())))
    }
}

/// A calendar that changed while the clock ran must have moved it. `running` is its due time and when it was set anew or
/// stopped.
fn is_moved_by_its_calendar(
    view: &CaseView<'_>,
    from: Timestamp,
    at: &At<'_>,
    running: (Timestamp, Timestamp),
    docket: &mut Docket,
) {
    let (due, until) = running;
    let settled = earlier(until.min(due), SLACK);
    if settled <= at.recorded {
        return;
    }
    if let Some((calendar, moved)) = due_at(view, from, settled)
        && moved != due
    {
        let what =
            format!("{} revision {} moved it to {moved}, which was not recorded", calendar.name, calendar.revision);
        docket.broken(view.place(at), what);
    }
}

/// The reply of a person of the firm, to a contact of the client, on this case, that left or was spoken.
fn is_a_response(view: &CaseView<'_>, response: &At<'_>) -> Result<(), String> {
    if let Some(name) = response.meetings().next() {
        let meeting = view.evidence.meetings.get(name).ok_or(format!("rests on {name}, which is not there"))?;
        is_an_answer(view, meeting).map_err(|what| format!("rests on {name}, which {what}"))?;
        let over = instant(meeting.end_time.as_ref());
        return if over == Some(response.occurred) {
            Ok(())
        } else {
            Err(format!("counts from {}, {name} was over at {}", response.occurred, told_time(over)))
        };
    }
    let Some(name) = response.notifications().next() else {
        return is_a_colleagues_own(view, response);
    };
    let evidence = view.evidence;
    let notification = evidence.notifications.get(name).ok_or(format!("rests on {name}, which is not there"))?;
    is_substantive(view, notification).map_err(|what| format!("rests on {name}, which {what}"))?;
    let handed_over = instant(notification.hand_over_time.as_ref());
    if handed_over != Some(response.occurred) {
        return Err(format!("counts from {}, {name} was handed over at {}", response.occurred, told_time(handed_over)));
    }
    let mail = evidence.mails_out.get(name).ok_or(format!("rests on {name}, whose mail is not there"))?;
    bears_its_ids(notification, mail).map_err(|what| format!("rests on {}, which {what}", mail.path))?;
    if mail.says_automatic() {
        return Err(format!("rests on {}, which a machine wrote", mail.path));
    }
    Ok(())
}

/// What a person of the firm wrote to the client from a program of their own: the firm's mail server vouched for the copy, and
/// it counts from when that server had it.
fn is_a_colleagues_own(view: &CaseView<'_>, response: &At<'_>) -> Result<(), String> {
    let name = response.mails().next().ok_or("rests on no notification and no mail")?;
    let mail = view.evidence.mails.get(name).ok_or(format!("rests on {name}, which is not there"))?;
    let of_client = format!("{}/contacts/", view.case.client);
    let what = if mail.state() != MailState::SentCopy || mail.kind() != MailKind::Personal {
        "is no copy of what a person wrote"
    } else if mail.sender_check() != SenderCheck::Passed {
        "nobody vouched for"
    } else if !is_staff(&mail.author) || view.evidence.find_staff(&mail.author).is_none() {
        "no person of the firm wrote"
    } else if mail.client != view.case.client || !mail.recipients.iter().any(|name| name.starts_with(&of_client)) {
        "went to no contact of the client"
    } else if !mail.text.chars().any(char::is_alphanumeric) {
        "has no words"
    } else if instant(mail.receive_time.as_ref()) != Some(response.occurred) {
        "was received at another time"
    } else {
        return Ok(());
    };
    Err(format!("rests on {name}, which {what}"))
}

/// What was said in a meeting answers this case's question: the host said it, to people of the client, and the meeting has all
/// that it needs to count.
fn is_an_answer(view: &CaseView<'_>, meeting: &Meeting) -> Result<(), &'static str> {
    if !meeting.answers || meeting.case != view.case.name {
        return Err("does not answer this case");
    }
    if meeting.state() != MeetingState::Closed {
        return Err("is not closed");
    }
    if !is_staff(&meeting.host) || view.evidence.find_staff(&meeting.host).is_none() {
        return Err("no person of the firm held");
    }
    let of_client = format!("{}/contacts/", view.case.client);
    let to_client = |name: &String| name.starts_with(&of_client) && view.evidence.find_contact(name).is_some();
    if meeting.contacts.iter().any(to_client) { Ok(()) } else { Err("was held with no contact of the client") }
}

fn is_substantive(view: &CaseView<'_>, notification: &Notification) -> Result<(), String> {
    // An update on a critical incident is a person's word on this very case.
    if !matches!(notification.kind(), NotificationKind::Reply | NotificationKind::IncidentUpdate) {
        return Err(format!(
            "is no reply but {}",
            notification.kind().as_str_name().trim_start_matches("NOTIFICATION_KIND_")
        ));
    }
    if notification.state() != NotificationState::HandedOver {
        return Err("was not handed over".to_owned());
    }
    if notification.case != view.case.name {
        return Err("is about another case".to_owned());
    }
    if !is_staff(&notification.author) || view.evidence.find_staff(&notification.author).is_none() {
        return Err("no person of the firm wrote".to_owned());
    }
    let of_client = format!("{}/contacts/", view.case.client);
    let to_client = |name: &String| name.starts_with(&of_client) && view.evidence.find_contact(name).is_some();
    if notification.recipients.iter().any(to_client) {
        Ok(())
    } else {
        Err("went to no contact of the client".to_owned())
    }
}

/// The other way round: a reply that left while the clock ran stopped it.
fn replies_count(view: &CaseView<'_>, period: &Period<'_>, docket: &mut Docket) {
    // What was said is known from when the meeting was closed.
    let known = |meeting: &&Meeting| instant(meeting.close_time.as_ref()).is_some_and(|time| time < period.until);
    let spoken = view.evidence.meetings.values().filter(|one| is_an_answer(view, one).is_ok()).filter(known);
    let spoken = spoken.filter_map(|one| instant(one.end_time.as_ref()).map(|time| (time, one.name.as_str())));
    let first = view
        .evidence
        .notifications_of(&view.case.name)
        .into_iter()
        .filter(|one| is_substantive(view, one).is_ok())
        .filter_map(|one| instant(one.hand_over_time.as_ref()).map(|time| (time, one.name.as_str())))
        .chain(spoken)
        .filter(|(time, _)| period.counted_from <= *time && period.start.recorded <= *time && *time < period.until)
        .min();
    if let Some((time, name)) = first
        && period.response.is_none_or(|response| response.occurred > time)
        && with_slack(time) <= period.until
    {
        docket.broken(view.place(&period.start), format!("{name} answered it at {time}, which was not recorded"));
    }
}

/// In time: no breach. Late: the breach is recorded when it was due, it became an issue, and whoever stands for the client
/// was told.
fn ends_rightly<'a>(view: &CaseView<'a>, period: &Period<'a>, used: &mut Vec<&'a str>, docket: &mut Docket) {
    let Some((due, latest)) = period.breach_window() else { return };
    if !period.late() {
        for breach in &period.breaches {
            // A reply that left just before the due time may be known just after it; what was recorded then stays.
            // What was said in a meeting is known when somebody records it, however much later.
            let not_known_yet = |response: At<'_>| {
                let by_word = response.meetings().next().is_some();
                response.recorded >= breach.recorded && (by_word || breach.recorded <= with_slack(response.occurred))
            };
            if breach.recorded >= due && period.response.is_some_and(not_known_yet) {
                continue;
            }
            docket.broken(view.place(breach), format!("a breach is recorded, though it was not late by {due}"));
        }
        return;
    }
    docket.lateness.breaches += 1;
    let Some(breach) = period.breaches.first() else {
        if latest <= view.evidence.run.end_time {
            docket.broken(view.place(&period.start), format!("was due at {due} and no breach was recorded"));
        }
        return;
    };
    let before = docket.count();
    if let Some(second) = period.breaches.get(1) {
        docket.broken(view.place(second), "the breach is recorded twice");
    }
    if breach.recorded < due || breach.recorded > latest {
        docket
            .broken(view.place(breach), format!("the breach is recorded at {}, it was due at {due}", breach.recorded));
    }
    if breach.due() != Some(due) {
        docket.broken(view.place(breach), format!("names {} as the due time, it was {due}", told_time(breach.due())));
    }
    if docket.count() == before {
        docket.lateness.noticed += 1;
    }
    let before = docket.count();
    match view.became_issue() {
        Some(issue) if issue.recorded <= latest => {}
        _ => docket.broken(view.place(breach), "it was late, but did not become an issue"),
    }
    let telling = Telling {
        kind: NotificationKind::ClockBreach,
        about: &view.case.name,
        office: Office::AccountManager,
        client: &view.case.client,
        engagement: &view.case.engagement,
        since: breach.recorded,
    };
    match told(view.evidence, &telling, used) {
        Ok(notification) => used.extend(notification.map(|one| one.name.as_str())),
        Err(what) => docket.broken(view.place(breach), what),
    }
    if docket.count() == before {
        docket.lateness.followed_up += 1;
    }
}

fn told_time(time: Option<Timestamp>) -> String {
    time.map_or_else(|| "no time".to_owned(), |time| time.to_string())
}
