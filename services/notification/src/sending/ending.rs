//! How a notification ends: one transaction on its locked row, which also completes the work row.

use business_time::Timestamp;
use command::{Fault, Unit};
use timers::work::Job;

use super::{NotNow, Sender};
use crate::{
    events::publish,
    mail::Mails,
    notification::{
        Notifications,
        entity::Kind,
        repo::{self, Attempt, StoredNotification},
    },
    work,
};

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
    },
    /// The procedure does not allow it.
    Blocked(String),
    /// Given up.
    Failed {
        /// Why.
        reason: String,
        /// The attempt that this follows from, which ends with it.
        attempt: Option<u32>,
    },
    /// What it was about is done with.
    TakenBack,
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
        End::HandedOver { number: ours, time, receipt } => {
            let Some(open) = open.filter(|open| open.number == ours) else { return Ok(()) };
            if stored.notification.hand_over(time, open.recipients, open.stand_ins_for).is_err() {
                return Ok(());
            }
            repo::end_attempt(unit.tx(), &id, ours, "handed_over", &receipt).await?;
        }
        End::Blocked(reason) => {
            if number.is_some() || stored.notification.block(&reason).is_err() {
                return Ok(());
            }
        }
        End::Failed { reason, attempt } => {
            if number != attempt || stored.notification.fail(&reason).is_err() {
                return Ok(());
            }
            if let Some(attempt) = attempt {
                repo::end_attempt(unit.tx(), &id, attempt, &reason, "").await?;
            }
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
