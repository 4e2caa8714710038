//! Mails whose sender nobody knows lie under the same clock, in the firm's calendar, with an owner.

use contracts::notification::v1::{Mail, MailState, NotificationKind, NotificationState, Triage, TriageOverdue};

use crate::{
    folder::{Evidence, instant, is_staff, names},
    judge::{
        clocks::due_in,
        docket::Docket,
        people::{self, Office, Telling, told},
        span::with_slack,
    },
};

pub(super) fn look(evidence: &Evidence, docket: &mut Docket) {
    for mail in evidence.mails.values() {
        let place = format!("{} {}", names::MAILS, mail.name);
        match &mail.triage {
            Some(triage) => {
                docket.look();
                docket.cite(names::NOTIFICATIONS);
                if let Err(what) = is_seen_to(evidence, mail, triage, docket) {
                    docket.broken(place, what);
                }
            }
            None if matches!(mail.state(), MailState::InTriage | MailState::Dismissed) => {
                docket.broken(place, "lies in triage without a clock");
            }
            None => {}
        }
    }
}

fn is_seen_to(evidence: &Evidence, mail: &Mail, triage: &Triage, docket: &mut Docket) -> Result<(), String> {
    let received = instant(mail.receive_time.as_ref()).ok_or("nothing says when it was received")?;
    let recorded = instant(mail.record_time.as_ref()).unwrap_or(received);
    let policy = evidence.policy_at(recorded).ok_or("lies in triage, and there is no policy")?;
    // A mail that came just as the calendar changed may have been timed by either revision.
    let candidates = [recorded, with_slack(recorded)]
        .into_iter()
        .filter_map(|time| evidence.calendar_at(&policy.firm_calendar, time));
    let dues: Vec<_> =
        candidates.filter_map(|one| due_in(one, received, policy.first_response_business_days)).collect();
    let due = *dues.first().ok_or("lies in triage, and there is no calendar of the firm")?;
    let noted = instant(triage.due_time.as_ref());
    if !noted.is_some_and(|noted| dues.contains(&noted)) {
        let noted = noted.map_or_else(|| "no time".to_owned(), |noted| noted.to_string());
        return Err(format!("is due at {noted}, by the firm's calendar it is {due}"));
    }
    let due = noted.unwrap_or(due);

    let telling = |kind, office, since| Telling { kind, about: &mail.name, office, client: "", engagement: "", since };
    let owner = told(evidence, &telling(NotificationKind::Triage, Office::Intake, recorded), &[])?;
    if let Some(owner) = owner
        && (triage.owners.is_empty() || !triage.owners.iter().all(|known| owner.recipients.contains(known)))
    {
        return Err(format!("its owners are {:?}, {} told {:?}", triage.owners, owner.name, owner.recipients));
    }

    let left = instant(triage.end_time.as_ref());
    if left.is_some() != !matches!(mail.state(), MailState::InTriage) {
        return Err("its state and its triage do not agree".to_owned());
    }
    if left.is_some() && !is_staff(&triage.ended_by) {
        return Err("left triage by nobody's hand".to_owned());
    }
    if left.unwrap_or(evidence.run.end_time) <= due {
        return if triage.overdue { Err(format!("counts as overdue, though it was not by {due}")) } else { Ok(()) };
    }
    docket.lateness.breaches += 1;
    if !triage.overdue {
        let early = left.is_none() && with_slack(due) > evidence.run.end_time;
        return if early { Ok(()) } else { Err(format!("was overdue since {due}, which was not recorded")) };
    }
    let events = evidence.happened::<TriageOverdue>("notification");
    let latest = with_slack(due.max(recorded));
    let event = events.iter().find(|event| event.what.mail == mail.name).ok_or("is overdue, but no event says so")?;
    if event.time < due || event.time > latest {
        return Err(format!("was told as overdue at {}, it was since {due}", event.time));
    }
    docket.lateness.noticed += 1;
    let management = people::holders(evidence, Office::Management, "", "", event.time);
    let reached = evidence.notifications.values().any(|one| {
        one.kind() == NotificationKind::TriageOverdue
            && one.mail == mail.name
            && one.state() == NotificationState::HandedOver
            && management.iter().any(|manager| one.recipients.contains(manager))
    });
    if !reached && with_slack(event.time) <= evidence.run.end_time {
        return Err("was overdue, and management was not told".to_owned());
    }
    docket.lateness.followed_up += 1;
    Ok(())
}
