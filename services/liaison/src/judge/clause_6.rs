//! SOP 6: mail goes out from the official company domain only, to whom it is for and to nobody else, with a permit of the
//! registry, and once.

use std::collections::BTreeSet;

use ::evidence::audit_file::FileOutcome;
use business_time::Timestamp;
use contracts::{
    client_registry::v1::Channel,
    notification::v1::{Notification, NotificationKind, NotificationState},
};
use jiff::SignedDuration;

use super::{Row, docket::Docket, span::earlier};
use crate::folder::{Eml, Evidence, address_of, id_of, instant, is_staff, names};

/// How long a permit to send holds.
const PERMIT: SignedDuration = SignedDuration::from_secs(30);

/// The field of a mail that left once more since nobody could know whether it had left.
const POSSIBLE_DUPLICATE: &str = "x-liaison-possible-duplicate";

pub(super) fn row(evidence: &Evidence) -> Row {
    let mut docket = Docket::default();
    for (name, mail) in &evidence.mails_out {
        docket.look();
        docket.cite(&mail.path);
        match evidence.notifications.get(name) {
            None => docket.broken(&mail.path, "left, but no notification says so"),
            Some(notification) => {
                if let Err(what) = left_rightly(evidence, notification, mail) {
                    docket.broken(&mail.path, what);
                }
            }
        }
    }
    for (name, mail) in &evidence.further_copies {
        docket.look();
        docket.cite(&mail.path);
        let notification = evidence.notifications.get(name);
        if let Err(what) = may_be_a_copy(evidence, notification, mail) {
            docket.broken(&mail.path, what);
        }
    }
    for notification in evidence.notifications.values() {
        let handed_over = did_leave(notification) && notification.channel() != Channel::Phone;
        if handed_over && !evidence.mails_out.contains_key(&notification.name) {
            let place = format!("{} {}", names::NOTIFICATIONS, notification.name);
            docket.broken(place, format!("is handed over, but {} is not there", mail_path(&notification.name)));
        }
    }
    docket.into_row("6", "mail from the official domain only", ("mail sent", "mails sent"))
}

/// A mail leaves once. A further copy is one of which nobody could know whether the first one left: it says so, and is the
/// same mail.
fn may_be_a_copy(evidence: &Evidence, notification: Option<&Notification>, mail: &Eml) -> Result<(), String> {
    let notification = notification.ok_or("left, but no notification says so")?;
    if mail.header(POSSIBLE_DUPLICATE).is_none() {
        return Err(format!("is {} once more, and is not marked as a possible duplicate", notification.name));
    }
    left_rightly(evidence, notification, mail)
}

/// The registry permitted it: the right recipients, a moment before it left, and once for each copy.
fn was_permitted(evidence: &Evidence, notification: &Notification, time: Timestamp) -> Result<(), String> {
    let rows = evidence.audits.get("client-registry").into_iter().flat_map(|audit| audit.rows());
    let permits: Vec<_> = rows
        .filter(|row| row.outcome == FileOutcome::Done && row.action.ends_with("ConsentService/AuthorizeSend"))
        .filter(|row| row.resources.contains(&notification.name))
        .filter(|row| notification.recipients.iter().all(|recipient| row.resources.contains(recipient)))
        .collect();
    if !permits.iter().any(|row| earlier(time, PERMIT) <= row.time && row.time <= time) {
        return Err("left without a permit of that moment for its recipients".to_owned());
    }
    let copies = evidence.further_copies.iter().filter(|(name, _)| *name == notification.name).count() + 1;
    if permits.len() < copies {
        return Err(format!("left {copies} times with {} permits", permits.len()));
    }
    Ok(())
}

/// Handed over; of an alert also where somebody answered it, or where it came back and nobody was reached (SOP 8.2).
fn did_leave(notification: &Notification) -> bool {
    let alert = notification.kind() == NotificationKind::CriticalAlert;
    match notification.state() {
        // What came back had left.
        NotificationState::HandedOver | NotificationState::Returned => true,
        NotificationState::Reached => alert,
        NotificationState::Failed => alert && notification.hand_over_time.is_some(),
        _ => false,
    }
}

fn mail_path(notification: &str) -> String {
    format!("{}/{}.eml", names::MAILS_OUT, id_of(notification))
}

fn left_rightly(evidence: &Evidence, notification: &Notification, mail: &Eml) -> Result<(), String> {
    if !did_leave(notification) {
        let state = notification.state().as_str_name().trim_start_matches("NOTIFICATION_STATE_");
        return Err(format!("left, but its notification is {state}"));
    }
    if notification.channel() == Channel::Phone {
        return Err("left by mail, and is a call".to_owned());
    }
    bears_its_ids(notification, mail)?;
    let time = instant(notification.hand_over_time.as_ref()).ok_or("left, but nothing says when")?;
    let policy = evidence.policy_at(time).ok_or("left before there was a policy")?;
    // While the registry is down nobody permits: a critical alert, and the notice that one failed, leaves by the copy of who is
    // told, and says so (SOP 8.2).
    let is_critical = matches!(notification.kind(), NotificationKind::CriticalAlert | NotificationKind::AlertFailed);
    let from_copy = is_critical && notification.attempts_made.iter().any(|attempt| attempt.from_copy);
    if !from_copy {
        was_permitted(evidence, notification, time)?;
    }

    let [from] = mail.from.as_slice() else {
        return Err(format!("has {} senders", mail.from.len()));
    };
    let domain = from.rsplit_once('@').map_or("", |(_, domain)| domain);
    if !domain.eq_ignore_ascii_case(&policy.official_domain) {
        return Err(format!("left from {domain}, not from {}", policy.official_domain));
    }
    // The addresses are the permit's, which may be a moment old.
    let expected = |time| {
        if notification.author.is_empty() {
            policy.service_address.clone()
        } else {
            evidence.staff_at(&notification.author, time).map(|staff| staff.email.clone()).unwrap_or_default()
        }
    };
    if ![time, earlier(time, PERMIT)].into_iter().any(|time| address_of(&expected(time)) == *from) {
        return Err(format!("left from {from}, not from {}", expected(time)));
    }
    let to: BTreeSet<String> = mail.to.iter().cloned().collect();
    let right = addresses(evidence, notification, time)?;
    if to.is_empty() || (to != right && to != addresses(evidence, notification, earlier(time, PERMIT))?) {
        return Err(format!("went to {}, its recipients are {}", listed(&to), listed(&right)));
    }
    Ok(())
}

/// Where its recipients were reached at a time.
fn addresses(evidence: &Evidence, notification: &Notification, time: Timestamp) -> Result<BTreeSet<String>, String> {
    let recipients = notification.recipients.iter();
    recipients.map(|recipient| Ok(address_of(address(evidence, notification, recipient, time)?))).collect()
}

/// The mail bears the notification's ids, as headers and as Message-ID.
pub(super) fn bears_its_ids(notification: &Notification, mail: &Eml) -> Result<(), String> {
    if mail.header("x-liaison-notification").map(id_of) != Some(id_of(&notification.name)) {
        return Err(format!("does not name {} in its headers", notification.name));
    }
    let case = mail.header("x-liaison-case").map(id_of).unwrap_or_default();
    if case != id_of(&notification.case) {
        return Err(format!("names case {case:?} in its headers, not {:?}", notification.case));
    }
    let message_id = notification.message_id.trim_matches(['<', '>']);
    if mail.message_id.is_empty() || mail.message_id != message_id {
        return Err(format!("has the Message-ID {:?}, not {message_id:?}", mail.message_id));
    }
    Ok(())
}

fn address<'a>(
    evidence: &'a Evidence,
    notification: &Notification,
    recipient: &str,
    time: Timestamp,
) -> Result<&'a str, String> {
    if is_staff(recipient) {
        let staff = evidence.staff_at(recipient, time);
        return staff.map(|staff| staff.email.as_str()).ok_or(format!("went to {recipient}, whom nobody knows"));
    }
    let contact = evidence.contact_at(recipient, time).ok_or(format!("went to {recipient}, whom nobody knows"))?;
    let of_client = recipient.split_once("/contacts/").map(|(client, _)| client);
    if notification.client.is_empty() || of_client != Some(notification.client.as_str()) {
        return Err(format!("went to {recipient}, who is no contact of {:?}", notification.client));
    }
    Ok(&contact.email)
}

fn listed(addresses: &BTreeSet<String>) -> String {
    if addresses.is_empty() { "nobody".to_owned() } else { addresses.iter().cloned().collect::<Vec<_>>().join(", ") }
}
