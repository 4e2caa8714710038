//! What follows from how an alert of a critical incident got on (SOP 8.2); the alert's row is locked.

use std::time::Duration;

use business_time::Timestamp;
use command::{Fault, Unit, derived_id};

use super::{
    NewNotification, Notifications,
    alert::{ROUND_WAIT, Step},
    entity::{Audience, Facts, Kind, Notification, State, Target},
    repo,
};
use crate::{delivery_report, events::publish, work};

/// One step of an alert.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// What happened.
    pub step: Step,
    /// At whom; empty where it was at several, or none.
    pub person: &'a str,
    /// Which attempt; 0 where it is about the whole.
    pub attempt: u32,
    /// Why nobody was reached.
    pub reason: &'a str,
    /// Whether the copy was used.
    pub from_copy: bool,
    /// When, by the business clock.
    pub time: Timestamp,
}

/// The reason of an alert whose people were all tried.
pub const NOBODY_REACHED: &str = "NOBODY_REACHED";
/// The reason of an alert that had reached nobody when its case was closed.
pub const CASE_CLOSED: &str = "CASE_CLOSED";
/// The reason of a mail that came back.
pub const MAIL_RETURNED: &str = "MAIL_RETURNED";

impl Notifications {
    /// A round is over and reached nobody: where no message was left either, the alert failed, of which management and the
    /// account manager are told, once. The next round is asked for.
    ///
    /// # Errors
    /// The database's.
    pub async fn end_round(
        &self,
        unit: &Unit<'_>,
        alert: &mut Notification,
        reason: &str,
        wait: Duration,
    ) -> Result<(), Fault> {
        if alert.state == State::Queued && alert.fail(reason).is_ok() {
            publish::notification(unit, alert).await?;
        }
        if alert.state == State::Failed {
            self.tell_failed(unit, alert, reason).await?;
        }
        self.next_round(unit, alert, wait).await
    }

    /// The case is closed: nobody is called or written to about it any more. What reached nobody by then has failed.
    ///
    /// # Errors
    /// The database's.
    pub async fn stop(&self, unit: &Unit<'_>, case: &str) -> Result<(), Fault> {
        for id in repo::alerts_of_case(unit.tx(), case).await? {
            let Some(mut stored) = repo::lock(unit.tx(), &id).await? else { continue };
            let alert = &mut stored.notification;
            if alert.state == State::Reached {
                continue;
            }
            if alert.state == State::Queued && alert.fail(CASE_CLOSED).is_ok() {
                publish::notification(unit, alert).await?;
                self.tell_failed(unit, alert, CASE_CLOSED).await?;
            }
            alert.stop_rounds();
            repo::save(unit.tx(), alert).await?;
        }
        Ok(())
    }

    async fn next_round(&self, unit: &Unit<'_>, alert: &mut Notification, wait: Duration) -> Result<(), Fault> {
        let was_stopped = alert.alert.is_some_and(|state| state.round_over && state.next_round_time.is_none());
        let next = alert.end_round(unit.now(), wait);
        repo::save(unit.tx(), alert).await?;
        let round = alert.alert.map_or(0, |alert| alert.round);
        match next {
            Some(next) => {
                work::ask(unit.tx(), work::lane(alert), &alert.name(), &format!("after round {round}"), next).await
            }
            // Messages were left, and nobody answered one: that ends as handed over, but not in silence.
            None if alert.state == State::HandedOver && !was_stopped => {
                self.mail_failure(unit, alert, NOBODY_REACHED).await
            }
            None => Ok(()),
        }
    }

    async fn tell_failed(&self, unit: &Unit<'_>, alert: &mut Notification, reason: &str) -> Result<(), Fault> {
        let failed =
            Progress { step: Step::Failed, person: "", attempt: 0, reason, from_copy: false, time: unit.now() };
        publish::alert(unit, alert, &failed).await?;
        self.mail_failure(unit, alert, reason).await
    }

    /// Management and the account manager are told, once for each alert.
    async fn mail_failure(&self, unit: &Unit<'_>, alert: &Notification, reason: &str) -> Result<(), Fault> {
        let Some(side) = alert.alert.map(|alert| alert.side) else { return Ok(()) };
        for target in [Target::Management, Target::AccountManager] {
            let new = NewNotification {
                id: derived_id(&alert.id, &format!("alert failed to {}", target.as_str())),
                client: alert.client.clone(),
                engagement: alert.engagement.clone(),
                case: alert.case.clone(),
                facts: Facts {
                    side: side.as_str().to_owned(),
                    channel: alert.channel.as_str().to_owned(),
                    reason: reason.to_owned(),
                    declare_time: alert.facts.declare_time,
                    ..Facts::default()
                },
                ..NewNotification::generated(Kind::AlertFailed, Audience::Target(target))
            };
            self.queue(unit, new).await?;
        }
        Ok(())
    }

    /// Somebody wrote a mail that answers one of these Message-IDs: where one is an alert's that went to them, they are reached.
    ///
    /// # Errors
    /// The database's.
    pub async fn answered(
        &self,
        unit: &Unit<'_>,
        message_ids: &[String],
        person: &str,
        mail: &str,
        time: Timestamp,
    ) -> Result<(), Fault> {
        for id in repo::find_alerts(unit.tx(), message_ids).await? {
            let Some(mut stored) = repo::lock(unit.tx(), &id).await? else { continue };
            let alert = &mut stored.notification;
            let attempts = repo::attempts(unit.tx(), &id).await?;
            let told = attempts.iter().rev().find(|attempt| attempt.recipients.iter().any(|known| known == person));
            let Some(attempt) = told.filter(|_| alert.reach(time, person)) else { continue };
            repo::amend_attempt(unit.tx(), &id, attempt.number, "reached", mail, time).await?;
            let reached = Progress {
                step: Step::Reached,
                person,
                attempt: attempt.number,
                reason: "",
                from_copy: attempt.from_copy,
                time,
            };
            publish::alert(unit, alert, &reached).await?;
            repo::save(unit.tx(), alert).await?;
        }
        Ok(())
    }

    /// A failure notice came about one of these Message-IDs, and what it says of each copy is taken down. An alert that went to
    /// one person did not reach them; one that went to several has come back once each of their copies has.
    ///
    /// # Errors
    /// The database's.
    pub async fn came_back(&self, unit: &Unit<'_>, message_ids: &[String]) -> Result<(), Fault> {
        for id in repo::find_alerts(unit.tx(), message_ids).await? {
            let Some(mut stored) = repo::lock(unit.tx(), &id).await? else { continue };
            let alert = &mut stored.notification;
            let attempts = repo::attempts(unit.tx(), &id).await?;
            let Some(attempt) = attempts.last() else { continue };
            let person = match attempt.recipients.as_slice() {
                [] => continue,
                [person] => person.as_str(),
                several => {
                    let copies = delivery_report::copies_of(unit.tx(), &id).await?;
                    let is_back = |person: &String| {
                        copies.iter().any(|copy| copy.person == *person && copy.outcome.starts_with("returned"))
                    };
                    if !several.iter().all(is_back) {
                        continue;
                    }
                    ""
                }
            };
            if alert.come_back(MAIL_RETURNED).is_err() {
                continue;
            }
            repo::amend_attempt(unit.tx(), &id, attempt.number, MAIL_RETURNED, "", unit.now()).await?;
            publish::notification(unit, alert).await?;
            let back = Progress {
                step: Step::NotReached,
                person,
                attempt: attempt.number,
                reason: MAIL_RETURNED,
                from_copy: attempt.from_copy,
                time: unit.now(),
            };
            publish::alert(unit, alert, &back).await?;
            self.end_round(unit, alert, MAIL_RETURNED, ROUND_WAIT).await?;
        }
        Ok(())
    }
}
