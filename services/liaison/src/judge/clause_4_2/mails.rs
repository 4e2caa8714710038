//! Every client's word has its case, and nothing else stands in for one.

use std::collections::{BTreeMap, BTreeSet};

use business_time::Timestamp;
use contracts::{
    escalation::v1::TimelineKind,
    notification::v1::{Mail, MailKind, MailState},
};

use crate::{
    folder::{Eml, Evidence, Outcome, Step, address_of, instant, names},
    judge::{case_view::CaseView, docket::Docket, span::with_slack},
};

const CLIENTS_WORD: [TimelineKind; 3] = [TimelineKind::Opened, TimelineKind::ClientWrote, TimelineKind::Reopened];

pub(super) fn look(evidence: &Evidence, views: &[CaseView<'_>], docket: &mut Docket) {
    deliveries(evidence, docket);
    for mail in evidence.mails.values() {
        docket.cite(names::MAILS);
        let place = format!("{} {}", names::MAILS, mail.name);
        let raw = evidence.mails_in.iter().find(|eml| is_of(eml, mail) && was_taken(evidence, eml));
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

/// The steps by which the firm's mail server handed a file over.
fn handed_over<'a>(evidence: &'a Evidence, path: &str) -> impl Iterator<Item = &'a Step> {
    evidence.story.iter().filter(move |step| step.mail_file.as_deref() == Some(path))
}

fn was_taken(evidence: &Evidence, eml: &Eml) -> bool {
    !handed_over(evidence, &eml.path).any(|step| matches!(step.outcome, Outcome::Refused(_)))
}

/// When the firm's mail server says that it had received the mail of a step.
fn received(step: &Step) -> Option<Timestamp> {
    ["receiveTime", "receive_time"].iter().find_map(|field| step.request.get(field)?.as_str()?.parse().ok())
}

/// Every hand-over that was taken is recorded with what the judge needs of it: the file, and when the mail server had
/// received it.
fn hand_overs_are_recorded(evidence: &Evidence, docket: &mut Docket) {
    let handed_over = evidence.story.iter().filter(|step| step.rpc.ends_with("InboundService/DeliverMail"));
    for step in handed_over.filter(|step| step.mail_file.is_some() || matches!(step.outcome, Outcome::Answer(_))) {
        let place = format!("{} step {}", names::STORY, step.number);
        let there = |path: &String| evidence.mails_in.iter().any(|eml| eml.path == *path);
        match &step.mail_file {
            None => docket.broken(&place, "handed a mail over, and does not say which"),
            Some(path) if !there(path) => docket.broken(&place, format!("handed {path} over, which is not there")),
            Some(_) => {}
        }
        if received(step).is_none() {
            docket.broken(&place, "handed a mail over, and does not say when it had been received");
        }
    }
    for eml in &evidence.mails_in {
        if self::handed_over(evidence, &eml.path).next().is_none() {
            docket.broken(&eml.path, "came in by nobody's hand");
        }
    }
}

/// What was delivered is there once, however often it was delivered; what was never delivered is not there.
fn deliveries(evidence: &Evidence, docket: &mut Docket) {
    hand_overs_are_recorded(evidence, docket);
    let mut letters: BTreeMap<(&str, &[String], &str), Vec<&Eml>> = BTreeMap::new();
    for eml in &evidence.mails_in {
        if was_taken(evidence, eml) {
            letters.entry((&eml.message_id, &eml.from, &eml.date)).or_default().push(eml);
        }
    }
    for copies in letters.values() {
        let Some(first) = copies.first() else { continue };
        let found: Vec<_> = evidence.mails.values().filter(|mail| is_of(first, mail)).collect();
        match found.as_slice() {
            [] => docket.broken(&first.path, "was delivered, but there is no such mail"),
            [mail] => {
                let told = handed_over(evidence, &first.path).find_map(received);
                let counted = instant(mail.receive_time.as_ref());
                if let Some(told) = told
                    && counted != Some(told)
                {
                    let counted = counted.map_or_else(|| "no time".to_owned(), |counted| counted.to_string());
                    let what = format!("was received at {told}, but its clock counts from {counted}");
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
        MailKind::Personal if has_null_sender(evidence, raw) => {
            let path = &raw.path;
            return Err(format!("counts as written by a person, but {path} was handed over with the null sender"));
        }
        MailKind::Automatic | MailKind::DeliveryReport if !raw.says_automatic() && !has_null_sender(evidence, raw) => {
            return Err(format!("counts as written by a machine, but nothing in {} says so", raw.path));
        }
        _ => {}
    }
    if mail.state() == MailState::SentCopy {
        return is_a_colleagues(evidence, mail, raw);
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
    let time = instant(mail.record_time.as_ref()).unwrap_or(evidence.run.end_time);
    // Whose it is is asked a moment after it was recorded.
    let address = |time| evidence.contact_at(&mail.contact, time).map(|contact| address_of(&contact.email));
    if ![time, with_slack(time)].into_iter().any(|time| raw.from.first() == address(time).as_ref()) {
        return Err(format!("is {}'s, but it came from another address", mail.contact));
    }
    let server = evidence.policy_at(time).map(|policy| policy.authserv_id.as_str()).unwrap_or_default();
    if raw.is_vouched_for_by(server) {
        return Ok(());
    }
    Err("was believed, though the firm's mail server does not vouch for its sender: it belongs in triage".to_owned())
}

/// A copy of what a colleague wrote: it came from their address, the firm's mail server vouches for it, and it went to the
/// contacts whom it names.
fn is_a_colleagues(evidence: &Evidence, mail: &Mail, raw: &Eml) -> Result<(), String> {
    let time = instant(mail.record_time.as_ref()).unwrap_or(evidence.run.end_time);
    let times = [time, with_slack(time)];
    let author = |time| evidence.staff_at(&mail.author, time).map(|staff| address_of(&staff.email));
    if !times.into_iter().any(|time| author(time).as_ref() == raw.from.first()) {
        return Err(format!("is {}'s, but it came from another address", mail.author));
    }
    let server = evidence.policy_at(time).map(|policy| policy.authserv_id.as_str()).unwrap_or_default();
    if !raw.is_vouched_for_by(server) {
        return Err("counts as a colleague's, though the firm's mail server does not vouch for it".to_owned());
    }
    for contact in &mail.recipients {
        let address = |time| evidence.contact_at(contact, time).map(|contact| address_of(&contact.email));
        if !times.into_iter().any(|time| address(time).is_some_and(|address| raw.to.contains(&address))) {
            return Err(format!("went to {contact}, but {} does not", raw.path));
        }
    }
    Ok(())
}

/// Whether it was handed over with the null sender, as machines do (RFC 5321). A mail server that says nothing of the
/// envelope has said nothing of that.
fn has_null_sender(evidence: &Evidence, raw: &Eml) -> bool {
    let sender = |step: &'_ Step| {
        let fields = ["envelopeFrom", "envelope_from"].into_iter();
        fields.filter_map(|field| step.request.get(field)?.as_str()).any(|sender| matches!(sender.trim(), "" | "<>"))
    };
    handed_over(evidence, &raw.path).any(sender)
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
    // A colleague's own to the client is the one that may; `periods` looks at what it says.
    if stopped && mail.state() != MailState::SentCopy {
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
