//! What goes out: queued in the transaction of what causes it, sent by [`crate::sending`].
//!
//! - [`entity`]: a notification's life; [`alert`]: that of one which tells of a critical incident; [`repo`]: its tables.
//! - [`alerts`]: what follows from how an alert got on. [`undelivered`]: somebody is told of what did not arrive.
//! - [`message`]: a person's message to a client.

pub mod alert;
pub mod alerts;
pub mod entity;
mod error;
pub mod message;
pub(crate) mod repo;
pub mod undelivered;

use command::{Fault, Unit};
use refusal::Refusal;

pub use repo::{StoredNotification, Words, find, find_confirmation_request, find_sent, list};

use self::{
    alert::{Alert, Channel, Side},
    entity::{Audience, Facts, Kind, Notification, State},
};
use crate::{events::publish, work};

/// The use cases of what goes out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Notifications;

/// What is to go out.
#[derive(Clone, Debug)]
pub struct NewNotification {
    /// Derived from its cause, so that a cause which is handled again queues no second one.
    pub id: String,
    /// What it is.
    pub kind: Kind,
    /// Empty where none is concerned.
    pub client: String,
    /// Empty where none is known.
    pub engagement: String,
    /// Empty where none is concerned.
    pub case: String,
    /// The mail it is about, `mails/{mail}`.
    pub mail: String,
    /// The conversation it belongs to.
    pub thread: String,
    /// `staff/{staff}`; empty where it is generated.
    pub author: String,
    /// For whom.
    pub audience: Audience,
    /// How it is carried.
    pub channel: Channel,
    /// Whom it alerts, where it is an alert.
    pub side: Option<Side>,
    /// What the text is made from.
    pub facts: Facts,
    /// What a person wrote.
    pub words: Option<Words>,
    /// The report it is about, `reports/{report}`.
    pub report: String,
    /// By which rules the language check blocks what a person wrote.
    pub language_blocks: Vec<String>,
}

impl NewNotification {
    /// A generated one that concerns nobody yet.
    pub fn generated(kind: Kind, audience: Audience) -> Self {
        Self {
            id: String::new(),
            kind,
            client: String::new(),
            engagement: String::new(),
            case: String::new(),
            mail: String::new(),
            thread: String::new(),
            author: String::new(),
            audience,
            channel: Channel::Email,
            side: None,
            facts: Facts::default(),
            words: None,
            report: String::new(),
            language_blocks: Vec::new(),
        }
    }
}

/// Every attempt of an alert, in order.
#[derive(Clone, Debug, Default)]
pub struct Attempts {
    /// Of one by mail.
    pub mails: Vec<repo::Attempt>,
    /// Of one by phone.
    pub calls: Vec<crate::call::StoredCall>,
}

/// The attempts of an alert, and of the notice that one failed, which may leave by the copy of who is told too; none of
/// anything else.
///
/// # Errors
/// The database's.
pub async fn attempts<C: database::ConnectionTrait>(conn: &C, notification: &Notification) -> Result<Attempts, Fault> {
    Ok(match (notification.kind.is_critical(), notification.channel) {
        (false, _) => Attempts::default(),
        (true, Channel::Email) => Attempts { mails: repo::attempts(conn, &notification.id).await?, calls: Vec::new() },
        (true, Channel::Phone) => {
            Attempts { mails: Vec::new(), calls: crate::call::of_notification(conn, &notification.id).await? }
        }
    })
}

/// Whether one of these Message-IDs is an alert's that went to this person.
///
/// # Errors
/// The database's.
pub async fn went_to<C: database::ConnectionTrait>(
    conn: &C,
    message_ids: &[String],
    person: &str,
) -> Result<bool, Fault> {
    for id in repo::find_alerts(conn, message_ids).await? {
        let attempts = repo::attempts(conn, &id).await?;
        if attempts.iter().any(|attempt| attempt.recipients.iter().any(|known| known == person)) {
            return Ok(true);
        }
    }
    Ok(false)
}

impl Notifications {
    /// Queues it; none where it was queued before.
    ///
    /// # Errors
    /// The database's.
    pub async fn queue(&self, unit: &Unit<'_>, new: NewNotification) -> Result<Option<Notification>, Fault> {
        let notification = Notification {
            id: new.id,
            kind: new.kind,
            state: State::Queued,
            client: new.client,
            engagement: new.engagement,
            case: new.case,
            mail: new.mail,
            thread: new.thread,
            author: new.author,
            audience: new.audience,
            channel: new.channel,
            alert: new.side.map(Alert::new),
            facts: new.facts,
            message_id: String::new(),
            queue_time: unit.now(),
            hand_over_time: None,
            reason: String::new(),
            tries: 0,
            recipients: Vec::new(),
            stand_ins_for: Vec::new(),
            possible_duplicate: false,
            returned: Vec::new(),
            return_time: None,
            report: new.report,
            language_blocks: new.language_blocks,
            revision: 1,
        };
        if !repo::insert(unit.tx(), unit.keyring(), &notification, new.words.as_ref()).await? {
            return Ok(None);
        }
        publish::notification(unit, &notification).await?;
        work::ask(unit.tx(), work::lane(&notification), &notification.name(), "queued", unit.now()).await?;
        Ok(Some(notification))
    }

    /// How many of a kind were queued for an audience within this time.
    ///
    /// # Errors
    /// The database's.
    pub async fn queued_since(
        &self,
        unit: &Unit<'_>,
        kind: Kind,
        audience: &Audience,
        within: std::time::Duration,
    ) -> Result<u64, Fault> {
        let since = unit.now().checked_sub(within).unwrap_or(business_time::Timestamp::MIN);
        repo::count_since(unit.tx(), kind, audience, since).await
    }

    /// Something shows that a mail arrived of whose only attempt nobody knew: it was handed over when it was claimed. False
    /// where no attempt is open.
    ///
    /// # Errors
    /// The database's.
    pub async fn settle_as_handed_over(&self, unit: &Unit<'_>, notification: &mut Notification) -> Result<bool, Fault> {
        let Some(open) = repo::find_open_attempt(unit.tx(), &notification.id).await? else { return Ok(false) };
        notification.hand_over(open.claim_time, open.recipients, open.stand_ins_for)?;
        repo::end_attempt(
            unit.tx(),
            &notification.id,
            open.number,
            "handed_over",
            "known by what came back",
            unit.now(),
        )
        .await?;
        repo::save(unit.tx(), notification).await?;
        publish::notification(unit, notification).await?;
        Ok(true)
    }

    /// A mail answers these: of whichever of them nobody knew whether it arrived, it is known now.
    ///
    /// # Errors
    /// The database's.
    pub async fn shown_to_have_arrived(&self, unit: &Unit<'_>, message_ids: &[String]) -> Result<(), Fault> {
        for id in repo::find_ids_by_message_id(unit.tx(), message_ids).await? {
            let Some(mut stored) = repo::lock(unit.tx(), &id).await? else { continue };
            // How an alert stands, `alerts` tells.
            if stored.notification.is_open() && stored.notification.alert.is_none() {
                self.settle_as_handed_over(unit, &mut stored.notification).await?;
            }
        }
        Ok(())
    }

    /// Takes back what is not handed over yet; against the sender by compare-and-set on the locked row.
    ///
    /// # Errors
    /// `NOT_FOUND`; [`NotificationError::NotQueued`], also while an attempt is under way.
    pub async fn cancel(&self, unit: &Unit<'_>, id: &str) -> Result<StoredNotification, Fault> {
        let stored = repo::lock(unit.tx(), id).await?;
        let mut stored = stored.ok_or_else(|| Refusal::not_found(format!("notifications/{id}")))?;
        let under_way = repo::find_open_attempt(unit.tx(), id).await?.is_some();
        stored.notification.cancel(under_way)?;
        repo::save(unit.tx(), &stored.notification).await?;
        publish::notification(unit, &stored.notification).await?;
        Ok(stored)
    }
}
