//! How a notification ends: one transaction on its locked row, which also completes the work row.

use business_time::Timestamp;
use command::{Fault, Unit};
use timers::work::Job;

use super::{NotNow, OUTCOME_UNKNOWN, Sender, addresses::SUPPRESSED};
use crate::{
    delivery_report::{self, SentTo},
    events::publish,
    mail::Mails,
    notification::{
        Notifications,
        alert::{ROUND_WAIT, Step},
        alerts::Progress,
        entity::{Kind, Notification},
        repo::{self, Attempt, StoredNotification},
        undelivered::Trouble,
    },
    work,
};

/// Somebody for whom the provider does not take a mail.
#[derive(Clone, Debug)]
pub(super) struct NotTaken {
    /// Who.
    pub to: SentTo,
    /// Why.
    pub reason: String,
    /// The status, where it is for good; empty otherwise.
    pub status: String,
}

/// What became of it.
#[derive(Clone, Debug)]
pub(super) enum End {
    /// The provider took it.
    HandedOver {
        /// Which attempt.
        number: u32,
        /// When, by the business clock.
        time: Timestamp,
        /// The provider's name for it.
        receipt: String,
        /// Those for whom it was not taken.
        not_taken: Vec<NotTaken>,
    },
    /// The procedure does not allow it.
    Blocked(String),
    /// Given up.
    Failed {
        /// Why.
        reason: String,
        /// The attempt that this follows from, which ends with it.
        attempt: Option<u32>,
        /// Those for whom the provider refused it by name.
        not_taken: Vec<NotTaken>,
    },
    /// What it was about is done with.
    TakenBack,
}

impl End {
    /// Given up for this reason.
    pub(super) fn failed(reason: &str, attempt: Option<u32>) -> Self {
        Self::Failed { reason: reason.to_owned(), attempt, not_taken: Vec::new() }
    }
}

impl Sender {
    /// Writes the end, unless somebody else wrote one.
    pub(super) async fn end(&self, job: &Job, id: &str, end: End) -> Result<(), NotNow> {
        let (commands, mails) = (self.commands.clone(), self.mails);
        let (id, job) = (id.to_owned(), job.clone());
        let ended = self.commands.db().transaction(move |tx| {
            let (commands, id, job, end) = (commands.clone(), id.clone(), job.clone(), end.clone());
            Box::pin(async move {
                let unit = commands.unit(tx, "services/notification", work::SEND);
                if let Some(stored) = repo::lock(tx, &id).await? {
                    let open = repo::find_open_attempt(tx, &id).await?;
                    unit.touched(&stored.notification.name());
                    write(&unit, mails, stored, open, end).await?;
                }
                unit.finish().await?;
                timers::work::complete(tx, &job).await.map_err(work::fault)
            })
        });
        ended.await?;
        self.commands.committed();
        self.wakes.wake();
        Ok(())
    }

    /// Writes what became of an attempt that another one follows.
    pub(super) async fn end_attempt(&self, id: &str, number: u32, outcome: &str) -> Result<(), NotNow> {
        let (commands, id, outcome) = (self.commands.clone(), id.to_owned(), outcome.to_owned());
        let ended = self.commands.db().transaction(move |tx| {
            let (commands, id, outcome) = (commands.clone(), id.clone(), outcome.clone());
            Box::pin(async move {
                let now = commands.now();
                let Some(mut stored) = repo::lock(tx, &id).await? else { return Ok(()) };
                let open = repo::find_open_attempt(tx, &id).await?;
                let ended = repo::end_attempt(tx, &id, number, &outcome, "", now).await?;
                let Some(attempt) = open.filter(|open| ended && open.number == number) else { return Ok(()) };
                if stored.notification.alert.is_some() {
                    let unit = commands.unit(tx, "services/notification", work::ALERT_MAIL);
                    let notification = &mut stored.notification;
                    tell(&unit, notification, &attempt, Step::NotReached, &shown(&outcome)).await?;
                    repo::save(tx, notification).await?;
                    unit.finish().await?;
                }
                Ok::<_, Fault>(())
            })
        });
        ended.await?;
        self.commands.committed();
        Ok(())
    }

    /// Whether it sends what nobody may be kept waiting for.
    pub(super) fn is_for_alerts(&self) -> bool {
        self.kind == work::ALERT_MAIL
    }
}

/// Tells of an alert's attempt; nothing of what is no alert. Write the row afterwards.
pub(super) async fn tell(
    unit: &Unit<'_>,
    notification: &mut Notification,
    attempt: &Attempt,
    step: Step,
    reason: &str,
) -> Result<(), Fault> {
    if notification.alert.is_none() {
        return Ok(());
    }
    let person = match attempt.recipients.as_slice() {
        [person] => person.as_str(),
        _ => "",
    };
    let progress =
        Progress { step, person, attempt: attempt.number, reason, from_copy: attempt.from_copy, time: unit.now() };
    publish::alert(unit, notification, &progress).await
}

/// An attempt's outcome as a reason of the contract.
fn shown(outcome: &str) -> String {
    match outcome {
        "not_handed_over" | "permit_over" => "NOT_PLACED".to_owned(),
        "OUTCOME_UNKNOWN" => outcome.to_owned(),
        // The provider's own words stay in the record of the attempt.
        _ => "PROVIDER_REFUSED".to_owned(),
    }
}

async fn write(
    unit: &Unit<'_>,
    mails: Mails,
    mut stored: StoredNotification,
    open: Option<Attempt>,
    end: End,
) -> Result<(), Fault> {
    let number = open.as_ref().map(|open| open.number);
    let id = stored.notification.id.clone();
    match end {
        End::HandedOver { number: ours, time, receipt, not_taken } => {
            let Some(open) = open.filter(|open| open.number == ours) else { return Ok(()) };
            let took = |person: &String| !not_taken.iter().any(|one| one.to.person == *person);
            let recipients = open.recipients.iter().filter(|person| took(person)).cloned().collect();
            if stored.notification.hand_over(time, recipients, open.stand_ins_for.clone()).is_err() {
                return Ok(());
            }
            repo::end_attempt(unit.tx(), &id, ours, "handed_over", &receipt, time).await?;
            tell(unit, &mut stored.notification, &open, Step::HandedOver, "").await?;
            for one in &not_taken {
                delivery_report::refused(unit, &stored.notification, &one.to, &one.reason, &one.status).await?;
            }
            if let Some(first) = not_taken.first() {
                Notifications.tell_undelivered(unit, &stored.notification, Trouble::Refused, &first.reason).await?;
            }
        }
        End::Blocked(reason) if stored.notification.alert.is_some() => {
            if number.is_some() || !stored.notification.is_open() {
                return Ok(());
            }
            return end_round(unit, &mut stored.notification, &reason).await;
        }
        End::Blocked(reason) => {
            if number.is_some() || stored.notification.block(&reason).is_err() {
                return Ok(());
            }
            if reason == SUPPRESSED {
                Notifications.tell_undelivered(unit, &stored.notification, Trouble::Suppressed, &reason).await?;
            }
        }
        End::Failed { reason, attempt, .. } if stored.notification.alert.is_some() => {
            if number != attempt || !stored.notification.is_open() {
                return Ok(());
            }
            if let Some(open) = open {
                repo::end_attempt(unit.tx(), &id, open.number, &reason, "", unit.now()).await?;
                tell(unit, &mut stored.notification, &open, Step::NotReached, &shown(&reason)).await?;
            }
            return end_round(unit, &mut stored.notification, &reason).await;
        }
        End::Failed { reason, attempt, not_taken } => {
            if number != attempt || stored.notification.fail(&reason).is_err() {
                return Ok(());
            }
            if let Some(attempt) = attempt {
                repo::end_attempt(unit.tx(), &id, attempt, &reason, "", unit.now()).await?;
            }
            for one in &not_taken {
                delivery_report::refused(unit, &stored.notification, &one.to, &one.reason, &one.status).await?;
            }
            let trouble = if reason == OUTCOME_UNKNOWN { Trouble::Unknown } else { Trouble::Failed };
            Notifications.tell_undelivered(unit, &stored.notification, trouble, &reason).await?;
        }
        End::TakenBack => {
            return match Notifications.cancel(unit, &id).await {
                Ok(_) | Err(Fault::Refused(_)) => Ok(()),
                Err(fault) => Err(fault),
            };
        }
    }
    let notification = &stored.notification;
    repo::save(unit.tx(), notification).await?;
    publish::notification(unit, notification).await?;
    if notification.kind == Kind::Triage && !notification.recipients.is_empty() {
        let mail = notification.mail.trim_start_matches("mails/");
        mails.told(unit, mail, &notification.recipients).await?;
    }
    Ok(())
}

/// An alert's round is over, whose next one may have begun without being written yet.
async fn end_round(unit: &Unit<'_>, alert: &mut Notification, reason: &str) -> Result<(), Fault> {
    alert.begin_round(unit.now());
    Notifications.end_round(unit, alert, reason, ROUND_WAIT).await
}
