//! SOP 8.4: an issue closes when both parties have confirmed the same proposal, and not otherwise; until then the missing
//! side is reminded.

use business_time::Timestamp;
use contracts::{
    escalation::v1::{CaseState, ConfirmationDue, Side, TimelineKind},
    notification::v1::{Notification, NotificationKind, NotificationState},
};
use jiff::SignedDuration;

use super::{
    Row,
    case_view::{At, CaseView},
    docket::Docket,
    people::{Office, holders, is_of_domain, right_people},
    span::{SLACK, earlier, later, with_slack},
};
use crate::folder::{Evidence, instant, is_staff, names};

/// Of one proposal as many reminders are looked at as an hourly one has in eleven years.
const MOST_REMINDERS: u32 = 100_000;

pub(super) fn row(evidence: &Evidence) -> Row {
    let mut docket = Docket::default();
    for view in CaseView::all(evidence) {
        let concerns = |at: &At<'_>| matches!(at.kind, TimelineKind::ResolutionProposed | TimelineKind::Closed);
        if view.entries.iter().any(concerns) || view.case.state() == CaseState::Closed {
            docket.look();
            docket.cite(view.path);
        }
        let talks = walk(&view, &mut docket);
        state_agrees(&view, &mut docket);
        for talk in &talks {
            was_asked(&view, talk, &mut docket);
            was_reminded(&view, talk, &mut docket);
        }
    }
    docket.into_row("8.4", "closed by both parties alone", ("case with a proposal", "cases with a proposal"))
}

/// A proposal and what came of it.
struct Talk<'a> {
    proposed: At<'a>,
    revision: u64,
    client: Option<Confirmed<'a>>,
    firm: Option<Confirmed<'a>>,
    rejected: bool,
    /// When it was over: rejected, replaced, closed, or the run's end.
    until: Timestamp,
}

#[derive(Clone, Copy)]
struct Confirmed<'a> {
    at: At<'a>,
    person: &'a str,
    /// Whoever recorded it for somebody else; the person otherwise.
    actor: &'a str,
}

fn walk<'a>(view: &CaseView<'a>, docket: &mut Docket) -> Vec<Talk<'a>> {
    let mut talks: Vec<Talk<'a>> = Vec::new();
    let mut closed: Option<Timestamp> = None;
    for at in &view.entries {
        let place = view.place(at);
        match at.kind {
            TimelineKind::ResolutionProposed => {
                if let Some(last) = talks.last_mut() {
                    last.until = last.until.min(at.recorded);
                }
                let revision = at.entry.proposal_revision;
                if revision <= talks.last().map_or(0, |last| last.revision) {
                    docket.broken(&place, format!("revision {revision} is not newer than the one before it"));
                }
                if closed.is_some() {
                    docket.broken(&place, "a resolution is proposed after it was closed");
                }
                let until = view.evidence.run.end_time;
                talks.push(Talk { proposed: *at, revision, client: None, firm: None, rejected: false, until });
            }
            TimelineKind::ResolutionRejected => match talks.last_mut() {
                Some(talk) if talk.revision == at.entry.proposal_revision && !talk.rejected => {
                    talk.rejected = true;
                    talk.until = talk.until.min(at.recorded);
                    // By the client, or by a person of the firm who heard it from them; clause 7 judges who may.
                    if !is_contact_of(view, &at.entry.actor) && !at.entry.actor.starts_with("staff/") {
                        docket.broken(&place, format!("{} rejected it", at.entry.actor));
                    }
                }
                _ => docket.broken(&place, "rejects what is not proposed"),
            },
            TimelineKind::ResolutionConfirmed => confirm(view, at, talks.last_mut(), docket),
            TimelineKind::Closed => {
                if closed.replace(at.recorded).is_some() {
                    docket.broken(&place, "is closed twice");
                }
                match talks.last_mut() {
                    None => docket.broken(&place, "is closed without a proposal"),
                    Some(talk) => {
                        talk.until = talk.until.min(at.recorded);
                        if let Err(what) = both_confirmed(view, talk) {
                            docket.broken(&place, format!("is closed, but {what}"));
                        }
                    }
                }
            }
            _ => {}
        }
    }
    if closed.is_none()
        && let Some(talk) = talks.last()
        && both_confirmed(view, talk).is_ok()
        && let (Some(client), Some(firm)) = (&talk.client, &talk.firm)
        && with_slack(client.at.recorded.max(firm.at.recorded)) <= view.evidence.run.end_time
    {
        docket.broken(view.path, "both sides confirmed, but it is not closed");
    }
    talks
}

fn confirm<'a>(view: &CaseView<'a>, at: &At<'a>, talk: Option<&mut Talk<'a>>, docket: &mut Docket) {
    let place = view.place(at);
    let revision = at.entry.proposal_revision;
    let Some(talk) = talk.filter(|talk| talk.revision == revision && !talk.rejected) else {
        return docket.broken(place, format!("confirms revision {revision}, which is not the one proposed"));
    };
    let actor = at.entry.actor.as_str();
    let person = at.entry.people.first().map_or(actor, String::as_str);
    let confirmed = Confirmed { at: *at, person, actor };
    let side = if is_staff(person) { &mut talk.firm } else { &mut talk.client };
    if side.replace(confirmed).is_some() {
        docket.broken(&place, "the same side confirmed twice");
    }
    if is_staff(person) {
        if view.evidence.find_staff(person).is_none() {
            docket.broken(&place, format!("{person} confirmed, whom nobody knows"));
        }
        if actor != person {
            docket.broken(&place, format!("{actor} confirmed in the name of {person}"));
        }
    } else if !is_contact_of(view, person) {
        docket.broken(&place, format!("{person} confirmed, who is no contact of {}", view.case.client));
    } else if !may_confirm(view, person, at.recorded, actor == person) {
        docket.broken(&place, format!("{person} confirmed, who does not confirm for the client"));
    } else if actor != person && !is_staff(actor) {
        docket.broken(&place, format!("{actor} recorded the confirmation of {person}"));
    }
}

fn is_contact_of(view: &CaseView<'_>, person: &str) -> bool {
    person.starts_with(&format!("{}/contacts/", view.case.client)) && view.evidence.find_contact(person).is_some()
}

/// Whether a contact confirmed for the client at a time; a change of that moment leaves both ways open. `alone`: by a call
/// or a mail of their own, which nobody does from an address of the firm's.
fn may_confirm(view: &CaseView<'_>, person: &str, time: Timestamp, alone: bool) -> bool {
    let confirms = |time| {
        let contact = view.evidence.contact_at(person, time).filter(|contact| contact.confirms && !contact.inactive);
        let domain = view.evidence.policy_at(time).map_or("", |policy| policy.official_domain.as_str());
        contact.is_some_and(|contact| !alone || !is_of_domain(&contact.email, domain))
    };
    is_contact_of(view, person) && (confirms(time) || confirms(earlier(time, SLACK)))
}

/// Whether it went to somebody who can confirm for the client.
fn reached_a_confirmer(view: &CaseView<'_>, sent: &Notification) -> bool {
    let time = instant(sent.hand_over_time.as_ref()).unwrap_or(view.evidence.run.end_time);
    sent.recipients.iter().any(|person| may_confirm(view, person, time, true))
}

fn both_confirmed(view: &CaseView<'_>, talk: &Talk<'_>) -> Result<(), String> {
    let revision = talk.revision;
    if talk.rejected {
        return Err(format!("revision {revision} was rejected"));
    }
    let client = talk.client.ok_or(format!("nobody of the client confirmed revision {revision}"))?;
    let firm = talk.firm.ok_or(format!("nobody of the firm confirmed revision {revision}"))?;
    if client.person == firm.person {
        return Err(format!("{} confirmed for both sides", client.person));
    }
    if client.actor == firm.person {
        return Err(format!("{} recorded the client's confirmation and confirmed for the firm", firm.person));
    }
    if !is_contact_of(view, client.person) {
        return Err(format!("{} is no contact of {}", client.person, view.case.client));
    }
    Ok(())
}

/// The case's state at the end is what its timeline says.
fn state_agrees(view: &CaseView<'_>, docket: &mut Docket) {
    let place = format!("{} {}", names::CASES, view.case.name);
    let closed = view.closed();
    let state = view.case.state();
    if (state == CaseState::Closed) != closed.is_some() {
        let what = if closed.is_some() {
            "its timeline closed it, its state did not"
        } else {
            "its state is closed, its timeline is not"
        };
        docket.broken(&place, what);
    } else if closed.is_some() && instant(view.case.close_time.as_ref()) != closed {
        docket.broken(&place, "it was closed at another time than its timeline says");
    }
    let proposed =
        !view.suspensions().is_empty() && view.suspensions().iter().any(|(_, until)| *until == Timestamp::MAX);
    if closed.is_none() && proposed != (state == CaseState::ResolutionProposed) {
        docket.broken(&place, "its state and its timeline do not agree on whether a resolution is proposed");
    }
}

/// Somebody of the client who can confirm was asked to.
fn was_asked(view: &CaseView<'_>, talk: &Talk<'_>, docket: &mut Docket) {
    let since = talk.proposed.recorded;
    if with_slack(since) > talk.until {
        return;
    }
    let asked = view.evidence.notifications_of(&view.case.name).into_iter().any(|one| {
        one.kind() == NotificationKind::ConfirmationRequest
            && one.state() == NotificationState::HandedOver
            && instant(one.queue_time.as_ref()).is_some_and(|queued| since <= queued && queued <= talk.until)
            && reached_a_confirmer(view, one)
    });
    if !asked {
        docket.broken(view.place(&talk.proposed), "nobody who confirms for the client was asked to confirm it");
    }
}

/// While it waits, each missing side is reminded at the policy's cadence.
fn was_reminded(view: &CaseView<'_>, talk: &Talk<'_>, docket: &mut Docket) {
    let Some(every) = view.policy().and_then(|policy| policy.confirmation_reminder.as_ref()) else { return };
    let every = SignedDuration::new(every.seconds, every.nanos);
    if every < SignedDuration::from_mins(1) {
        return;
    }
    let mut due = later(talk.proposed.recorded, every);
    for _ in 0..MOST_REMINDERS {
        if with_slack(due) > talk.until {
            break;
        }
        for (side, confirmed) in [(Side::Client, &talk.client), (Side::Firm, &talk.firm)] {
            let missing = confirmed.as_ref().is_none_or(|confirmed| confirmed.at.recorded > with_slack(due));
            if missing && let Err(what) = reminded(view, talk.revision, side, due) {
                // The first is enough to look at: the next ones will hardly differ.
                return docket.broken(view.path, format!("a reminder was due at {due}: {what}"));
            }
        }
        due = later(due, every);
    }
}

fn reminded(view: &CaseView<'_>, revision: u64, side: Side, due: Timestamp) -> Result<(), String> {
    let words = if side == Side::Client { "the client's side" } else { "the firm's side" };
    let within = |time: Timestamp| due <= time && time <= with_slack(due);
    let name = if side == Side::Client { "CLIENT" } else { "FIRM" };
    let says_so = |at: &At<'_>| within(at.recorded) && [name, ""].contains(&at.entry.target.as_str());
    if !view.of_kind(TimelineKind::ConfirmationReminded).any(says_so) {
        return Err("no entry says so".to_owned());
    }
    let events = view.evidence.happened::<ConfirmationDue>("escalation");
    let event = events.iter().find(|event| {
        let what = &event.what;
        what.case == view.case.name && what.proposal_revision == revision && what.side() == side && within(event.time)
    });
    event.ok_or(format!("no event says so of {words}"))?;
    let sent = view.evidence.notifications_of(&view.case.name).into_iter().find(|one| {
        let to_client = one.recipients.iter().any(|person| is_contact_of(view, person));
        one.kind() == NotificationKind::ConfirmationReminder
            && instant(one.queue_time.as_ref()).is_some_and(within)
            && to_client == (side == Side::Client)
    });
    let sent = sent.ok_or(format!("{words} was not reminded"))?;
    if sent.state() != NotificationState::HandedOver {
        return Err(format!("{words} was not reminded: {} did not leave", sent.name));
    }
    if side == Side::Client && !reached_a_confirmer(view, sent) {
        return Err(format!("{} went to nobody who confirms for the client", sent.name));
    }
    if side == Side::Firm {
        let handed_over = instant(sent.hand_over_time.as_ref()).unwrap_or(due);
        let client = &view.case.client;
        let managers = holders(view.evidence, Office::AccountManager, client, &view.case.engagement, handed_over);
        right_people(view.evidence, Office::AccountManager, &sent.recipients, &managers, handed_over)
            .map_err(|what| format!("{words} was not rightly reminded by {}: {what}", sent.name))?;
    }
    Ok(())
}
