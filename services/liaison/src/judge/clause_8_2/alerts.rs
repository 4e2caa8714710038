//! The four obligations: each side on each channel, from the first attempt to what shows its end.

use business_time::Timestamp;
use contracts::{
    client_registry::v1::Channel,
    escalation::v1::{Obligation, ObligationState, TimelineKind},
    notification::v1::{AlertSide, AlertStep, CallState, Notification, NotificationKind, NotificationState},
};

use crate::{
    folder::{instant, names},
    judge::{
        case_view::{At, CaseView},
        docket::Docket,
        people::{Office, TOLD_WITHIN, holders},
        span::{later, with_slack},
    },
};

const OWED: [(AlertSide, Channel); 4] = [
    (AlertSide::Client, Channel::Email),
    (AlertSide::Client, Channel::Phone),
    (AlertSide::Management, Channel::Email),
    (AlertSide::Management, Channel::Phone),
];

/// One obligation under the lens.
struct Lens<'a> {
    view: &'a CaseView<'a>,
    side: AlertSide,
    channel: Channel,
    obligation: &'a Obligation,
    notification: &'a Notification,
    /// What its timeline says of it, in order.
    entries: Vec<At<'a>>,
}

pub(super) fn look(view: &CaseView<'_>, declared: &At<'_>, docket: &mut Docket) {
    let mut told = Vec::new();
    for (side, channel) in OWED {
        let what = format!("{} by {}", side_of(side), channel_of(channel));
        let owed = view.case.critical.iter().flat_map(|critical| &critical.obligations);
        let owed: Vec<_> = owed.filter(|one| one.side() == side && one.channel() == channel).collect();
        let sent: Vec<_> = view
            .evidence
            .notifications_of(&view.case.name)
            .into_iter()
            .filter(|one| one.kind() == NotificationKind::CriticalAlert)
            .filter(|one| one.side() == side && channel_of_alert(one) == channel)
            .collect();
        let ([obligation], [notification]) = (owed.as_slice(), sent.as_slice()) else {
            let early = with_slack(declared.recorded) > view.evidence.run.end_time;
            if !(early && owed.len() == 1 && sent.is_empty()) {
                let (owed, sent) = (owed.len(), sent.len());
                docket.broken(view.place(declared), format!("{what}: {owed} obligations and {sent} alerts, not one"));
            }
            continue;
        };
        let alerts = view.entries.iter().filter(|at| is_alert(at.kind));
        let entries =
            alerts.filter(|at| at.entry.alert_side() == side && at.entry.channel() == channel).copied().collect();
        let lens = Lens { view, side, channel, obligation, notification, entries };
        lens.first_attempt(declared, docket);
        lens.ended_rightly(docket);
        lens.next_was_tried(docket);
        lens.failure_was_told(&mut told, docket);
    }
}

/// Alerts by mail from before there was a channel.
fn channel_of_alert(of: &Notification) -> Channel {
    if of.channel() == Channel::Unspecified { Channel::Email } else { of.channel() }
}

fn is_alert(kind: TimelineKind) -> bool {
    matches!(
        kind,
        TimelineKind::AlertAttempted
            | TimelineKind::AlertNotReached
            | TimelineKind::AlertHandedOver
            | TimelineKind::AlertReached
            | TimelineKind::AlertFailed
    )
}

impl<'a> Lens<'a> {
    fn what(&self) -> String {
        format!("{} by {}", side_of(self.side), channel_of(self.channel))
    }

    fn place(&self) -> String {
        format!("{} {} {}", names::CASES, self.view.case.name, self.what())
    }

    fn of_kind(&self, kind: TimelineKind) -> impl Iterator<Item = &At<'a>> {
        self.entries.iter().filter(move |at| at.kind == kind)
    }

    /// Within a minute of the declaration; by what left, too, and not only by what says so.
    fn first_attempt(&self, declared: &At<'_>, docket: &mut Docket) {
        let latest = with_slack(declared.recorded);
        let said = self.of_kind(TimelineKind::AlertAttempted).map(|at| at.occurred).min();
        // Where there is nobody to try, it failed at once and was told.
        let nobody_there = said.is_none() && self.of_kind(TimelineKind::AlertFailed).any(|at| at.occurred <= latest);
        if nobody_there {
            return;
        }
        match said {
            Some(said) if said >= declared.recorded && said <= latest => {}
            None if latest > self.view.evidence.run.end_time => return,
            _ => return docket.broken(self.place(), format!("was not tried by {latest}")),
        }
        if instant(self.obligation.first_attempt_time.as_ref()) != said {
            docket.broken(self.place(), "says that it was first tried at another time than its timeline");
        }
        let begun = self.notification.attempts_made.iter().filter_map(|one| instant(one.begin_time.as_ref())).min();
        if begun != said {
            docket
                .broken(self.place(), format!("was first tried at another time than {} says", self.notification.name));
        }
        let left = match self.channel {
            Channel::Phone => self.placed().map(|call| call.place_time).min(),
            _ => self.mail_left().then_some(declared.recorded),
        };
        let refused = self.of_kind(TimelineKind::AlertNotReached).any(|at| at.entry.reason == "PROVIDER_REFUSED");
        if !refused && left.is_none_or(|left| left > latest) {
            docket.broken(self.place(), "was tried, and nothing of it left by then");
        }
    }

    fn placed(&self) -> impl Iterator<Item = &'a crate::folder::PlacedCall> {
        let name = &self.notification.name;
        self.view.evidence.calls_out.values().filter(move |call| call.notification == *name)
    }

    fn mail_left(&self) -> bool {
        self.view.evidence.mails_out.contains_key(&self.notification.name)
    }

    /// The state of obligation and notification is what the timeline comes to, and what came to it is there.
    fn ended_rightly(&self, docket: &mut Docket) {
        let reached = self.of_kind(TimelineKind::AlertReached).next();
        let state = if reached.is_some() {
            ObligationState::Reached
        } else if self.of_kind(TimelineKind::AlertFailed).next().is_some() {
            ObligationState::Failed
        } else if self.of_kind(TimelineKind::AlertHandedOver).next().is_some() {
            ObligationState::HandedOver
        } else {
            ObligationState::Pending
        };
        if self.obligation.state() != state {
            let said = self.obligation.state().as_str_name().trim_start_matches("OBLIGATION_STATE_");
            docket.broken(self.place(), format!("is {said}, which its timeline does not come to"));
        }
        if (self.notification.state() == NotificationState::Reached) != reached.is_some() {
            docket.broken(
                self.place(),
                format!("{} does not agree on whether anybody was reached", self.notification.name),
            );
        }
        if let Some(at) = reached {
            let shown = match self.channel {
                Channel::Phone => self.key_was_pressed(at),
                _ => self.was_answered(at),
            };
            if let Err(what) = shown {
                docket.broken(self.view.place(at), format!("{}: {what}", self.what()));
            }
        }
        for at in self.of_kind(TimelineKind::AlertHandedOver) {
            let left = match self.channel {
                Channel::Phone => self.placed().next().is_some(),
                _ => self.mail_left(),
            };
            if !left {
                docket.broken(self.view.place(at), "says that it was handed over, and nothing left");
            }
        }
        let from_copy = self.entries.iter().any(|at| at.entry.from_copy);
        let placed_from_copy = self.placed().any(|call| call.from_copy);
        if from_copy != self.obligation.from_copy || (placed_from_copy && !from_copy) {
            docket.broken(self.place(), "does not agree on whether the copy of who is told was used");
        }
    }

    /// Reached by phone: a call of this person was placed, and somebody pressed the key on it. A voicemail presses none.
    fn key_was_pressed(&self, at: &At<'_>) -> Result<(), String> {
        let evidence = self.view.evidence;
        let person = at.entry.people.first().ok_or("nobody is named who was reached")?;
        let attempt = self.notification.attempts_made.iter().find(|one| one.step() == AlertStep::Reached);
        let call = attempt.map(|one| one.evidence.as_str()).ok_or("no attempt reached anybody")?;
        let ended = evidence.calls.get(call).ok_or(format!("{call}, which shows it, is not there"))?;
        if ended.state() != CallState::Reached
            || ended.person != *person
            || ended.notification != self.notification.name
        {
            return Err(format!("{call} did not reach {person}"));
        }
        if instant(ended.key_press_time.as_ref()) != Some(at.occurred) {
            return Err(format!("nobody pressed the key on {call} at {}", at.occurred));
        }
        let placed = evidence.calls_out.get(call).ok_or(format!("{call} was never placed"))?;
        if placed.person != *person || placed.notification != self.notification.name || placed.place_time > at.occurred
        {
            return Err(format!("{call} was placed to somebody else, or later"));
        }
        Ok(())
    }

    /// Reached by mail: a person of that side answered it. SMTP's 250 is no answer.
    fn was_answered(&self, at: &At<'_>) -> Result<(), String> {
        let evidence = self.view.evidence;
        let person = at.entry.people.first().ok_or("nobody is named who was reached")?;
        let attempt = self.notification.attempts_made.iter().find(|one| one.step() == AlertStep::Reached);
        let name = attempt.map(|one| one.evidence.as_str()).ok_or("no attempt reached anybody")?;
        let mail = evidence.mails.get(name).ok_or(format!("{name}, which shows it, is not there"))?;
        let answers = self.notification.message_id.trim_matches(['<', '>']);
        let theirs = evidence.mails_in.iter().find(|one| one.message_id == mail.message_id);
        let theirs = theirs.ok_or(format!("{name} was never delivered"))?;
        let refers = ["in-reply-to", "references"].into_iter().filter_map(|field| theirs.header(field));
        if answers.is_empty() || !refers.into_iter().any(|value| value.contains(answers)) {
            return Err(format!("{name} answers something else"));
        }
        let wrote = match self.side {
            AlertSide::Client => mail.contact == *person,
            _ => evidence
                .staff_at(person, at.occurred)
                .is_some_and(|staff| theirs.from.iter().any(|from| from.eq_ignore_ascii_case(&staff.email))),
        };
        if !wrote || instant(mail.receive_time.as_ref()) > Some(at.occurred) {
            return Err(format!("{name} is not {person}'s, or came later"));
        }
        Ok(())
    }

    /// What reached nobody is followed by the next attempt, or by the end of the round; of nobody reached in the end every
    /// number of everybody was tried.
    fn next_was_tried(&self, docket: &mut Docket) {
        if self.channel != Channel::Phone {
            return;
        }
        self.each_number_once(docket);
        let reached = self.of_kind(TimelineKind::AlertReached).map(|at| at.occurred).min();
        for at in self.entries.iter().filter(|at| {
            at.kind == TimelineKind::AlertNotReached
                || (at.kind == TimelineKind::AlertHandedOver && !at.entry.reason.is_empty())
        }) {
            let latest = with_slack(at.occurred);
            // Closed by a key press in the meantime, or nobody can tell yet.
            if reached.is_some_and(|reached| reached <= latest) || latest > self.view.evidence.run.end_time {
                continue;
            }
            let goes_on = |next: &At<'_>| {
                let next_attempt = next.kind == TimelineKind::AlertAttempted && next.entry.attempt > at.entry.attempt;
                (next_attempt || next.kind == TimelineKind::AlertFailed)
                    && at.occurred <= next.occurred
                    && next.occurred <= latest
            };
            // Of a later round's end nobody is told again: it failed before.
            let failed_before = self.of_kind(TimelineKind::AlertFailed).any(|failed| failed.occurred <= at.occurred);
            if !failed_before && !self.entries.iter().any(goes_on) {
                docket.broken(self.view.place(at), format!("{}: no other number was tried", self.what()));
            }
        }
        // Of a closed case nobody is called any more.
        let mut failed = self.of_kind(TimelineKind::AlertFailed).filter(|at| at.entry.reason != "CASE_CLOSED");
        if let Some(failed) = failed.next()
            && let Some((person, number)) = self.untried(failed.occurred)
        {
            docket.broken(self.view.place(failed), format!("{}: {person} was not called on {number}", self.what()));
        }
    }

    /// Attempts are told without a hole, and in one round no number is called twice in another's stead.
    fn each_number_once(&self, docket: &mut Docket) {
        let mut attempts: Vec<_> = self.of_kind(TimelineKind::AlertAttempted).map(|at| at.entry.attempt).collect();
        attempts.sort_unstable();
        let hole = (1..).zip(&attempts).any(|(number, attempt)| number != *attempt);
        let untold = self.entries.iter().find(|at| at.entry.attempt > 0 && !attempts.contains(&at.entry.attempt));
        if hole || untold.is_some() {
            docket.broken(self.place(), format!("tells that the attempts {attempts:?} began, and no other"));
        }
        let mut called = Vec::new();
        for (name, placed) in &self.view.evidence.calls_out {
            let Some(call) =
                self.view.evidence.calls.get(name).filter(|_| placed.notification == self.notification.name)
            else {
                continue;
            };
            // Of a call that may have been lost the number is called again, and says so.
            if call.possible_duplicate || call.reason == "NOT_PLACED" {
                continue;
            }
            if called.contains(&(call.round, placed.to.as_str())) {
                docket.broken(self.place(), format!("{name} went to the number of another one, and not to the next"));
            }
            called.push((call.round, placed.to.as_str()));
        }
    }

    /// A number of somebody of the side that no call went to by then.
    fn untried(&self, time: Timestamp) -> Option<(String, String)> {
        let evidence = self.view.evidence;
        let mut owed = Vec::new();
        match self.side {
            AlertSide::Client => {
                let record = evidence.clients.get(&self.view.case.client)?;
                let contacts = record.contacts.iter().filter_map(|one| evidence.contact_at(&one.name, time));
                let marked = contacts.filter(|one| one.told_of_incidents && !one.inactive && !one.phone.is_empty());
                for one in marked {
                    let numbers = std::iter::once(&one.phone).chain(&one.other_phones);
                    owed.extend(numbers.map(|number| (one.name.clone(), number.clone())));
                }
            }
            _ => {
                let management = holders(evidence, Office::Management, &self.view.case.client, "", time);
                for one in management.iter().filter_map(|name| evidence.staff_at(name, time)) {
                    owed.extend(one.phones.iter().map(|number| (one.name.clone(), number.clone())));
                }
            }
        }
        owed.into_iter().find(|(person, number)| {
            !self.placed().any(|call| call.person == *person && call.to == *number && call.place_time <= time)
        })
    }

    /// Management hears of each that failed.
    fn failure_was_told(&self, told: &mut Vec<&'a str>, docket: &mut Docket) {
        for at in self.of_kind(TimelineKind::AlertFailed) {
            let within = |time: Option<Timestamp>| {
                time.is_some_and(|time| at.occurred <= time && time <= later(at.occurred, TOLD_WITHIN))
            };
            let found = self.view.evidence.notifications_of(&self.view.case.name).into_iter().find(|one| {
                one.kind() == NotificationKind::AlertFailed
                    && one.state() == NotificationState::HandedOver
                    && Office::parse(&one.audience) == Some(Office::Management)
                    && within(instant(one.queue_time.as_ref()))
                    && within(instant(one.hand_over_time.as_ref()))
                    && !told.contains(&one.name.as_str())
            });
            match found {
                Some(found) => told.push(&found.name),
                None if with_slack(at.occurred) > self.view.evidence.run.end_time => {}
                None => docket.broken(self.view.place(at), format!("{}: nobody was told that it failed", self.what())),
            }
        }
    }
}

fn side_of(side: AlertSide) -> &'static str {
    match side {
        AlertSide::Client => "client",
        AlertSide::Management => "management",
        AlertSide::Unspecified => "nobody",
    }
}

fn channel_of(channel: Channel) -> &'static str {
    match channel {
        Channel::Email => "mail",
        Channel::Phone => "phone",
        Channel::Unspecified => "no channel",
    }
}
