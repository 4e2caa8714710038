//! Every client's word has its case, and nothing else stands in for one.

use std::collections::{BTreeMap, BTreeSet};

use business_time::Timestamp;
use contracts::{
    escalation::v1::TimelineKind,
    notification::v1::{Mail, MailKind, MailState},
};

use crate::{
    folder::{Eml, Evidence, Outcome, address_of, instant, names},
    judge::{case_view::CaseView, docket::Docket},
};

const CLIENTS_WORD: [TimelineKind; 3] = [TimelineKind::Opened, TimelineKind::ClientWrote, TimelineKind::Reopened];

pub(super) fn look(evidence: &Evidence, views: &[CaseView<'_>], docket: &mut Docket) {
    deliveries(evidence, docket);
    for mail in evidence.mails.values() {
        docket.cite(names::MAILS);
        let place = format!("{} {}", names::MAILS, mail.name);
        let raw = evidence.mails_in.iter().find(|eml| is_of(eml, mail));
        if let Some(raw) = raw
            && let Err(what) = rightly_sorted(evidence, mail, raw)
        {
            docket.broken(&place, what);
        }
        if let Err(what) = has_its_case(views, mail) {
            docket.broken(&place, what);
        }
    }
    for view in views {
        answered_inquiries_reopen(view, docket);
    }
}

fn bare(message_id: &str) -> &str {
    message_id.trim().trim_matches(['<', '>'])
}

fn is_of(eml: &Eml, mail: &Mail) -> bool {
    let same_sender = eml.from.first().is_some_and(|from| mail.from.to_lowercase().contains(from.as_str()));
    let same_id = bare(&mail.message_id) == eml.message_id;
    same_sender && same_id && (!eml.message_id.is_empty() || mail.subject == eml.subject)
}

/// What was delivered is there once, however often it was delivered; what was never delivered is not there.
fn deliveries(evidence: &Evidence, docket: &mut Docket) {
    let refused: BTreeSet<&str> = evidence
        .story
        .iter()
        .filter(|step| matches!(step.outcome, Outcome::Refused(_)))
        .filter_map(|step| step.mail_file.as_deref())
        .collect();
    let mut letters: BTreeMap<(&str, &[String], &str), Vec<&Eml>> = BTreeMap::new();
    for eml in &evidence.mails_in {
        if !refused.contains(eml.path.as_str()) {
            letters.entry((&eml.message_id, &eml.from, &eml.date)).or_default().push(eml);
        }
    }
    for copies in letters.values() {
        let Some(first) = copies.first() else { continue };
        let found: Vec<_> = evidence.mails.values().filter(|mail| is_of(first, mail)).collect();
        match found.as_slice() {
            [] => docket.broken(&first.path, "was delivered, but there is no such mail"),
            [mail] => {
                let steps = evidence.story.iter().filter(|step| step.mail_file.as_deref() == Some(first.path.as_str()));
                let told = steps.filter_map(|step| step.request.get("receiveTime")?.as_str()?.parse().ok());
                let recorded = instant(mail.receive_time.as_ref());
                if let Some(told) = told.min()
                    && recorded != Some(told)
                {
                    let what = format!("was received at {told}, but its clock counts from {recorded:?}");
                    docket.broken(&first.path, what);
                }
            }
            more => docket.broken(&first.path, format!("is one mail, but {} were made of it", more.len())),
        }
    }
    for mail in evidence.mails.values() {
        if !evidence.mails_in.iter().any(|eml| is_of(eml, mail)) {
            docket.broken(format!("{} {}", names::MAILS, mail.name), "was never delivered");
        }
    }
}

/// Whether its own bytes bear out what was made of it.
fn rightly_sorted(evidence: &Evidence, mail: &Mail, raw: &Eml) -> Result<(), String> {
    match mail.kind() {
        MailKind::Personal if raw.is_auto_submitted() => {
            return Err(format!("counts as written by a person, but {} says that a machine wrote it", raw.path));
        }
        MailKind::Automatic | MailKind::DeliveryReport if !raw.says_automatic() && !has_null_sender(evidence, raw) => {
            return Err(format!("counts as written by a machine, but nothing in {} says so", raw.path));
        }
        _ => {}
    }
    if mail.state() != MailState::Attributed || mail.contact.is_empty() {
        return Ok(());
    }
    let contact = evidence.find_contact(&mail.contact).ok_or(format!("is {}'s, whom no client has", mail.contact))?;
    if !contact.name.starts_with(&format!("{}/contacts/", mail.client)) {
        return Err(format!("is of {}, but {} is none of its contacts", mail.client, mail.contact));
    }
    let sorted_by_hand = mail.triage.as_ref().is_some_and(|triage| !triage.ended_by.is_empty());
    if sorted_by_hand {
        return Ok(());
    }
    if raw.from.first() != Some(&address_of(&contact.email)) {
        return Err(format!("is {}'s, but it came from another address", mail.contact));
    }
    let time = instant(mail.record_time.as_ref()).unwrap_or(evidence.run.end_time);
    let server = evidence.policy_at(time).map(|policy| policy.authserv_id.as_str()).unwrap_or_default();
    if raw.is_vouched_for_by(server) {
        return Ok(());
    }
    Err("was believed, though the firm's mail server does not vouch for its sender: it belongs in triage".to_owned())
}

/// Whether it was handed over with the null sender, as machines do (RFC 5321).
fn has_null_sender(evidence: &Evidence, raw: &Eml) -> bool {
    let steps = evidence.story.iter().filter(|step| step.mail_file.as_deref() == Some(raw.path.as_str()));
    steps.filter_map(|step| step.request.get("envelopeFrom")?.as_str()).any(|sender| matches!(sender.trim(), "" | "<>"))
}

/// A person's word stands on exactly one case of its client; a machine's and a stranger's opens and stops nothing.
fn has_its_case(views: &[CaseView<'_>], mail: &Mail) -> Result<(), String> {
    let mut cases = BTreeSet::new();
    let mut stopped = false;
    for view in views {
        for at in &view.entries {
            if at.mails().any(|name| name == mail.name) {
                if CLIENTS_WORD.contains(&at.kind) {
                    cases.insert((view.case.name.as_str(), view.case.client.as_str()));
                }
                stopped |= at.kind == TimelineKind::Responded;
            }
        }
    }
    if stopped {
        return Err("counts as a response, which no inbound mail is".to_owned());
    }
    let clients_word =
        mail.state() == MailState::Attributed && mail.kind() == MailKind::Personal && !mail.contact.is_empty();
    match (clients_word, cases.len()) {
        (true, 1) if cases.iter().any(|(_, client)| *client == mail.client) => Ok(()),
        (true, 1) => Err("stands on the case of another client".to_owned()),
        (true, 0) => Err("is a client's word, but no case's timeline has it".to_owned()),
        (true, many) => Err(format!("stands on {many} cases")),
        (false, 0) => Ok(()),
        (false, _) => Err("is nobody's word, but opened a case or counts on one".to_owned()),
    }
}

/// The client's next word on an answered inquiry opens it again, also one that was read before the reply was noted.
fn answered_inquiries_reopen(view: &CaseView<'_>, docket: &mut Docket) {
    let issue = view.became_issue().map_or(Timestamp::MAX, |issue| issue.recorded);
    let replies: Vec<_> = view.of_kind(TimelineKind::Responded).collect();
    for word in view.of_kind(TimelineKind::ClientWrote).filter(|word| word.recorded < issue) {
        let answered = replies.iter().filter(|reply| reply.recorded < issue && reply.occurred < word.occurred);
        let Some(answered) = answered.max_by_key(|reply| reply.occurred) else { continue };
        let opened_again = view.entries.iter().any(|at| {
            matches!(at.kind, TimelineKind::Opened | TimelineKind::Reopened)
                && answered.occurred < at.occurred
                && at.occurred <= word.occurred
        });
        if !opened_again {
            docket.broken(view.place(word), "the client wrote again on an answered inquiry, which stayed closed");
        }
    }
}
