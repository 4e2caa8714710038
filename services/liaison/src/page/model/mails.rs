use contracts::notification::v1::{Mail, MailKind, MailState, Notification, NotificationState};
use serde::Serialize;

use super::{Link, client_zone, firm_zone};
use crate::{
    folder::{Evidence, id_of, instant},
    page::{
        times::{Shown, show},
        words,
    },
};

#[derive(Debug, Serialize)]
pub(super) struct Inbound {
    when: Shown,
    from: String,
    subject: String,
    became: String,
    reason: String,
    due: Option<Shown>,
    left: Option<Shown>,
    owners: String,
    ended_by: String,
    overdue: bool,
    files: Vec<Link>,
}

#[derive(Debug, Serialize)]
pub(super) struct Outbound {
    when: Option<Shown>,
    kind: &'static str,
    from: String,
    to: String,
    stead: String,
    subject: String,
    state: String,
    left: bool,
    file: String,
}

/// In the order in which they came.
pub(super) fn by_time(mut mails: Vec<Inbound>) -> Vec<Inbound> {
    mails.sort_by(|a, b| a.when.utc.cmp(&b.when.utc));
    mails
}

/// Links to what a resource is in this folder.
pub(super) fn links(evidence: &Evidence, name: &str) -> Vec<Link> {
    if let Some(mail) = evidence.mails.get(name) {
        return mail_files(evidence, mail);
    }
    match evidence.mails_out.get(name) {
        Some(raw) => vec![Link { href: raw.path.clone(), text: "mail sent".to_owned() }],
        None => Vec::new(),
    }
}

fn mail_files(evidence: &Evidence, mail: &Mail) -> Vec<Link> {
    let id = mail.message_id.trim_matches(['<', '>']);
    let files = evidence.mails_in.iter().filter(|raw| !id.is_empty() && raw.message_id == id);
    files.map(|raw| Link { href: raw.path.clone(), text: id_of(&raw.path).to_owned() }).collect()
}

pub(super) fn inbound(evidence: &Evidence, mail: &Mail) -> Inbound {
    let zone = if mail.client.is_empty() { firm_zone(evidence) } else { client_zone(evidence, &mail.client) };
    let shown = |time: Option<&prost_types::Timestamp>| instant(time).map(|time| show(time, zone.as_ref()));
    let client = evidence.display_name(&mail.client);
    let became = match (mail.state(), mail.kind()) {
        (MailState::Attributed, MailKind::Personal) if !mail.contact.is_empty() => format!("a word of {client}"),
        (MailState::Attributed, MailKind::Automatic) => format!("a machine of {client}; counts for nothing"),
        (MailState::Attributed, _) => format!("a third party to {client}; counts for nothing"),
        (MailState::InTriage, _) => "lies in triage".to_owned(),
        (MailState::Dismissed, _) => "triage: no client's word".to_owned(),
        (MailState::Filed, _) => "filed; nothing follows".to_owned(),
        (MailState::SentCopy, _) => {
            format!("what {} wrote to {client} from a program of their own", words::actor(evidence, &mail.author))
        }
        (MailState::Received | MailState::Unspecified, _) => "being looked at".to_owned(),
    };
    let triage = mail.triage.clone().unwrap_or_default();
    Inbound {
        when: shown(mail.receive_time.as_ref()).unwrap_or_else(|| show(evidence.run.start_time, zone.as_ref())),
        from: mail.from.clone(),
        subject: mail.subject.clone(),
        became,
        reason: triage.reason.replace('_', " ").to_lowercase(),
        due: shown(triage.due_time.as_ref()),
        left: shown(triage.end_time.as_ref()),
        owners: words::people(evidence, &triage.owners),
        ended_by: words::actor(evidence, &triage.ended_by),
        overdue: triage.overdue,
        files: mail_files(evidence, mail),
    }
}

pub(super) fn outbounds(evidence: &Evidence) -> Vec<Outbound> {
    let mut sent: Vec<&Notification> = evidence.notifications.values().collect();
    sent.sort_by_key(|one| (instant(one.queue_time.as_ref()), one.name.clone()));
    sent.into_iter()
        .map(|one| {
            let zone = if one.client.is_empty() { firm_zone(evidence) } else { client_zone(evidence, &one.client) };
            let time = one.hand_over_time.as_ref().or(one.queue_time.as_ref());
            let state = one.state().as_str_name().trim_start_matches("NOTIFICATION_STATE_").replace('_', " ");
            Outbound {
                when: instant(time).map(|time| show(time, zone.as_ref())),
                kind: words::notification_kind(one.kind()),
                from: words::actor(evidence, &one.author),
                to: words::people(evidence, &one.recipients),
                stead: if one.stand_ins_for.is_empty() {
                    String::new()
                } else {
                    words::people(evidence, &one.stand_ins_for)
                },
                subject: one.subject.clone(),
                state: format!("{} {}", state.to_lowercase(), one.reason).trim_end().to_owned(),
                left: matches!(one.state(), NotificationState::HandedOver | NotificationState::Reached),
                file: evidence.mails_out.get(&one.name).map(|raw| raw.path.clone()).unwrap_or_default(),
            }
        })
        .collect()
}
