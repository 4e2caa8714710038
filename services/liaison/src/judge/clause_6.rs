//! SOP 6: mail goes out from the official company domain only, to whom it is for, and to nobody else.

use std::collections::BTreeSet;

use contracts::notification::v1::{Notification, NotificationState};

use super::{Row, docket::Docket};
use crate::folder::{Eml, Evidence, address_of, id_of, instant, is_staff, names};

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
    for notification in evidence.notifications.values() {
        let handed_over = notification.state() == NotificationState::HandedOver;
        if handed_over && !evidence.mails_out.contains_key(&notification.name) {
            let place = format!("{} {}", names::NOTIFICATIONS, notification.name);
            docket.broken(place, format!("is handed over, but {} is not there", mail_path(&notification.name)));
        }
    }
    docket.into_row("6", "mail from the official domain only", "mails sent")
}

fn mail_path(notification: &str) -> String {
    format!("{}/{}.eml", names::MAILS_OUT, id_of(notification))
}

fn left_rightly(evidence: &Evidence, notification: &Notification, mail: &Eml) -> Result<(), String> {
    if notification.state() != NotificationState::HandedOver {
        let state = notification.state().as_str_name().trim_start_matches("NOTIFICATION_STATE_");
        return Err(format!("left, but its notification is {state}"));
    }
    bears_its_ids(notification, mail)?;
    let time = instant(notification.hand_over_time.as_ref()).ok_or("left, but nothing says when")?;
    let policy = evidence.policy_at(time).ok_or("left before there was a policy")?;

    let [from] = mail.from.as_slice() else {
        return Err(format!("has {} senders", mail.from.len()));
    };
    let domain = from.rsplit_once('@').map_or("", |(_, domain)| domain);
    if !domain.eq_ignore_ascii_case(&policy.official_domain) {
        return Err(format!("left from {domain}, not from {}", policy.official_domain));
    }
    let expected = if notification.author.is_empty() {
        policy.service_address.clone()
    } else {
        evidence.find_staff(&notification.author).map(|staff| staff.email.clone()).unwrap_or_default()
    };
    if address_of(&expected) != *from {
        return Err(format!("left from {from}, not from {expected}"));
    }

    let mut addresses = BTreeSet::new();
    for recipient in &notification.recipients {
        addresses.insert(address_of(address(evidence, notification, recipient)?));
    }
    let to: BTreeSet<String> = mail.to.iter().cloned().collect();
    if to.is_empty() || to != addresses {
        return Err(format!("went to {}, its recipients are {}", listed(&to), listed(&addresses)));
    }
    Ok(())
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

fn address<'a>(evidence: &'a Evidence, notification: &Notification, recipient: &str) -> Result<&'a str, String> {
    if is_staff(recipient) {
        let staff = evidence.find_staff(recipient);
        return staff.map(|staff| staff.email.as_str()).ok_or(format!("went to {recipient}, whom nobody knows"));
    }
    let contact = evidence.find_contact(recipient).ok_or(format!("went to {recipient}, whom nobody knows"))?;
    let of_client = recipient.split_once("/contacts/").map(|(client, _)| client);
    if notification.client.is_empty() || of_client != Some(notification.client.as_str()) {
        return Err(format!("went to {recipient}, who is no contact of {:?}", notification.client));
    }
    Ok(&contact.email)
}

fn listed(addresses: &BTreeSet<String>) -> String {
    if addresses.is_empty() { "nobody".to_owned() } else { addresses.iter().cloned().collect::<Vec<_>>().join(", ") }
}
