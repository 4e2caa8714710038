//! How a notification ends: one transaction on its locked row, which also completes the work row.

use business_time::Timestamp;
use command::{Fault, Unit};
use timers::work::Job;

use super::{NotNow, Sender, addresses::SUPPRESSED};
use crate::{
    delivery_report::{self, SentTo},
    events::publish,
    mail::Mails,
    notification::{
        Notifications,
        entity::Kind,
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
            let recipients = open.recipients.into_iter().filter(took).collect();
            if stored.notification.hand_over(time, recipients, open.stand_ins_for).is_err() {
                return Ok(());
            }
            repo::end_attempt(unit.tx(), &id, ours, "handed_over", &receipt).await?;
            for one in &not_taken {
                delivery_report::refused(unit, &stored.notification, &one.to, &one.reason, &one.status).await?;
            }
            if let Some(first) = not_taken.first() {
                Notifications.tell_undelivered(unit, &stored.notification, Trouble::Refused, &first.reason).await?;
            }
        }
        End::Blocked(reason) => {
            if number.is_some() || stored.notification.block(&reason).is_err() {
                return Ok(());
            }
            if reason == SUPPRESSED {
                Notifications.tell_undelivered(unit, &stored.notification, Trouble::Suppressed, &reason).await?;
            }
        }
        End::Failed { reason, attempt, not_taken } => {
            if number != attempt || stored.notification.fail(&reason).is_err() {
                return Ok(());
            }
            if let Some(attempt) = attempt {
                repo::end_attempt(unit.tx(), &id, attempt, &reason, "").await?;
            }
            for one in &not_taken {
                delivery_report::refused(unit, &stored.notification, &one.to, &one.reason, &one.status).await?;
            }
            let trouble = if reason == "OUTCOME_UNKNOWN" { Trouble::Unknown } else { Trouble::Failed };
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
