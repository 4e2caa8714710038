//! Failure notices (RFC 3464): which mail came back, from whom, and what follows (SOP 4.2, 6).
//!
//! Anybody can write something that looks like one, and a forged one must neither bring a due time back nor silence an
//! address. So one counts only where it names a mail of ours, by the token of its envelope's sender (which nobody can make
//! but this service), by the envelope's id or by the Message-ID, and an address to which that mail went. A notice that comes
//! to the token of a mail with one recipient is about that one, whatever address it names: the mail was forwarded.
//!
//! What is there to be counted is on the mail's own notification; the notice itself is filed by [`crate::mail`].

pub mod entity;
mod repo;

use business_time::Timestamp;
use command::{Fault, Unit};
use database::DatabaseTransaction;
use keyring::Keyring;

pub use repo::SentTo;

use self::entity::{Action, Report, Reported, read_token, tokens_in};
use crate::{
    events::publish,
    notification::{
        Notifications,
        entity::{Notification, State},
        repo as notifications,
        undelivered::Trouble,
    },
    suppression::{self, Suppressions},
};

/// What a notice may rest on.
#[derive(Clone, Copy, Debug)]
pub struct Notice<'a> {
    /// What it says.
    pub report: &'a Report,
    /// The Message-IDs that it names.
    pub message_ids: &'a [String],
    /// To which addresses it came.
    pub envelope_to: &'a [String],
    /// When.
    pub receive_time: Timestamp,
}

/// The token of a notification, for the envelope of its mail.
pub fn token(keyring: &Keyring, id: &str) -> String {
    entity::token(id, |id| mark(keyring, id))
}

fn mark(keyring: &Keyring, id: &str) -> String {
    keyring.blind_index("bounce", id)
}

/// Takes down where a notification goes, before it leaves.
///
/// # Errors
/// The database's.
pub async fn goes_to(tx: &DatabaseTransaction, notification: &str, to: &[SentTo]) -> Result<(), Fault> {
    repo::insert(tx, notification, to).await
}

/// What is known of each copy of a notification.
///
/// # Errors
/// The database's.
pub async fn copies_of(tx: &DatabaseTransaction, notification: &str) -> Result<Vec<SentTo>, Fault> {
    repo::of(tx, notification).await
}

/// Notes that the provider did not take a mail for somebody, and gives up an address that is none.
///
/// # Errors
/// The database's.
pub async fn refused(
    unit: &Unit<'_>,
    notification: &Notification,
    to: &SentTo,
    reason: &str,
    status: &str,
) -> Result<(), Fault> {
    repo::set_outcome(unit.tx(), &notification.id, &to.address_index, &format!("refused {reason}")).await?;
    Suppressions.consider(unit, &notification.name(), &to.person, &to.address_index, status).await
}

/// Does what follows from a notice; gives the notification that it is about, where it is one of ours and counts.
///
/// # Errors
/// The database's.
pub async fn take(unit: &Unit<'_>, of: Notifications, notice: &Notice<'_>) -> Result<Option<Notification>, Fault> {
    let mut about = None;
    for (id, by_token) in candidates(unit, notice).await? {
        let Some(stored) = notifications::lock(unit.tx(), &id).await? else { continue };
        let mut notification = stored.notification;
        let sent_to = repo::of(unit.tx(), &id).await?;
        let copies = copies(unit.keyring(), notice.report, &sent_to, by_token);
        if copies.is_empty() {
            continue;
        }
        apply(unit, of, &mut notification, &copies, notice.receive_time).await?;
        about = Some(notification);
        break;
    }
    Ok(about)
}

/// The notifications that it may be about, the surest first, and whether a token names it.
async fn candidates(unit: &Unit<'_>, notice: &Notice<'_>) -> Result<Vec<(String, bool)>, Fault> {
    let read = |token: &str| read_token(token, |id| mark(unit.keyring(), id));
    let tokens = notice.envelope_to.iter().flat_map(|address| tokens_in(address)).filter_map(|token| read(&token));
    let mut found: Vec<(String, bool)> = tokens.map(|id| (id, true)).collect();
    found.extend(read(&notice.report.envelope_id).map(|id| (id, false)));
    let by_message = notifications::find_ids_by_message_id(unit.tx(), notice.message_ids).await?;
    found.extend(by_message.into_iter().map(|id| (id, false)));
    Ok(found)
}

/// Which copies it is about.
fn copies<'a>(
    keyring: &Keyring,
    report: &'a Report,
    sent_to: &'a [SentTo],
    by_token: bool,
) -> Vec<(&'a SentTo, &'a Reported)> {
    let mut found = Vec::new();
    for reported in &report.recipients {
        let indexes: Vec<_> = reported.addresses.iter().map(|it| suppression::address_index(keyring, it)).collect();
        match sent_to.iter().find(|to| indexes.contains(&to.address_index)) {
            Some(to) => found.push((to, reported)),
            None => {
                if let (true, [only], [_]) = (by_token, sent_to, report.recipients.as_slice()) {
                    found.push((only, reported));
                }
            }
        }
    }
    found
}

async fn apply(
    unit: &Unit<'_>,
    of: Notifications,
    notification: &mut Notification,
    copies: &[(&SentTo, &Reported)],
    receive_time: Timestamp,
) -> Result<(), Fault> {
    let (mut people, mut status) = (Vec::new(), String::new());
    for (to, reported) in copies {
        let (word, came_back) = match reported.action {
            Action::Failed => ("returned", true),
            Action::Delayed => ("delayed", false),
            Action::Other => continue,
        };
        if to.outcome.starts_with("returned") {
            continue;
        }
        let outcome = format!("{word} {}", reported.status);
        repo::set_outcome(unit.tx(), &notification.id, &to.address_index, outcome.trim_end()).await?;
        if came_back {
            people.push(to.person.clone());
            status = if reported.status.is_empty() { "5.0.0".to_owned() } else { reported.status.clone() };
            let name = notification.name();
            Suppressions.consider(unit, &name, &to.person, &to.address_index, &reported.status).await?;
        }
    }
    if people.is_empty() {
        return Ok(());
    }
    // What follows for an alert, which is owed until somebody is reached, `notification::alerts` knows.
    if notification.alert.is_some() {
        return Ok(());
    }
    // Whoever sends a notice had the mail: an attempt of which nobody knew is known now.
    if notification.state == State::Queued && !of.settle_as_handed_over(unit, notification).await? {
        return Ok(());
    }
    match notification.return_copies(&people, &status, receive_time) {
        Ok(Some(everybody)) => {
            notifications::save(unit.tx(), notification).await?;
            publish::delivery_returned(unit, notification, &people, everybody, receive_time).await?;
            of.tell_undelivered(unit, notification, Trouble::Returned, &status).await
        }
        Ok(None) | Err(_) => Ok(()),
    }
}
