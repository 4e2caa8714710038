//! What a mail's text is made from, gathered at the moment of use: the words that somebody wrote, a proposal from
//! escalation, the mail that is answered.

use business_time::{Timestamp, Zone};
use command::Fault;
use contracts::{
    escalation::v1::{CaseState, GetCaseRequest, Side, case_service_client::CaseServiceClient},
    reporting::v1::{GetReportContentRequest, report_service_client::ReportServiceClient},
};
use database::ConnectionTrait;
use keyring::Keyring;
use tonic::Code;

use super::{
    NotNow, Sender,
    permit::Permit,
    templates::{Context, Rendered, paragraphs},
};
use crate::{
    mail::{self, entity::State},
    notification::{
        StoredNotification, Words,
        entity::{Audience, Kind, Notification, Target},
    },
    procedure, thread,
};

/// Whether there is still something to say.
pub enum Content {
    /// Yes.
    Ready(Box<Ready>),
    /// What was to be said no longer holds.
    Moot(&'static str),
    /// What it is about is done with.
    TakenBack,
}

/// What the text is made from.
#[derive(Clone, Debug, Default)]
pub struct Ready {
    /// What a person wrote.
    words: Words,
    /// The proposal's text.
    proposal: String,
    /// Times for people are of this zone.
    zone: Option<Zone>,
    /// How soon the firm answers, for people.
    answer_within: String,
    /// The whole of it, where another service has rendered it.
    pub rendered: Option<Rendered>,
    /// The mail that is answered.
    pub in_reply_to: String,
    /// The conversation before, the oldest first.
    pub references: Vec<String>,
}

impl Sender {
    /// Gathers what the text needs.
    pub(super) async fn content(&self, stored: &StoredNotification) -> Result<Content, NotNow> {
        let notification = &stored.notification;
        let (reader, keyring) = (self.commands.db().reader(), self.commands.keyring());
        let mut ready = Ready::default();
        if notification.kind.is_written() {
            ready.words = stored.words(reader, keyring).await?;
        }
        if notification.kind.is_about_triage() {
            let mail = mail::find(reader, notification.mail.trim_start_matches("mails/")).await?;
            if mail.is_none_or(|stored| stored.mail.state != State::InTriage) {
                return Ok(Content::TakenBack);
            }
        }
        if notification.kind.needs_proposal() {
            match self.proposal(notification).await? {
                Ok(text) => ready.proposal = text,
                Err(moot) => return Ok(Content::Moot(moot)),
            }
        }
        if notification.kind == Kind::Report {
            match self.report(notification).await? {
                Ok(rendered) => ready.rendered = Some(rendered),
                Err(moot) => return Ok(Content::Moot(moot)),
            }
        }
        ready.zone = procedure::firm_calendar(reader).await?.map(|calendar| calendar.zone().clone());
        if notification.kind == Kind::AutoAcknowledgement {
            let days = procedure::policy(reader).await?.map(|policy| policy.first_response_business_days);
            ready.answer_within = days.map(business_days).unwrap_or_default();
        }
        if notification.audience.is_client() {
            (ready.in_reply_to, ready.references) = answered(reader, keyring, &notification.thread).await?;
        }
        Ok(Content::Ready(Box::new(ready)))
    }

    /// An approved report as reporting renders it, or why it is not sent any more.
    async fn report(&self, notification: &Notification) -> Result<Result<Rendered, &'static str>, NotNow> {
        let request = GetReportContentRequest {
            name: notification.report.clone(),
            text_version: notification.facts.text_version,
        };
        match ReportServiceClient::new(self.peers.reporting.clone()).get_report_content(request).await {
            Ok(answer) => {
                let answer = answer.into_inner();
                Ok(Ok(Rendered { subject: answer.subject, text: answer.text, html: answer.html }))
            }
            Err(status) if status.code() == Code::FailedPrecondition => Ok(Err("REPORT_NOT_APPROVED")),
            Err(status) if status.code() == Code::NotFound => Ok(Err("REPORT_NOT_FOUND")),
            Err(status) => Err(status.into()),
        }
    }

    /// The proposal's text, or why there is nothing to confirm any more.
    async fn proposal(&self, notification: &Notification) -> Result<Result<String, &'static str>, NotNow> {
        let mut cases = CaseServiceClient::new(self.peers.escalation.clone());
        let answer = cases.get_case(GetCaseRequest { name: notification.case.clone() }).await?.into_inner();
        let case = answer.case.unwrap_or_default();
        if case.state() == CaseState::Closed {
            return Ok(Err("CASE_CLOSED"));
        }
        let Some(proposal) = case.proposal else { return Ok(Err("NO_PROPOSAL")) };
        if proposal.revision != notification.facts.proposal_revision {
            return Ok(Err("PROPOSAL_REVISED"));
        }
        if proposal.rejected {
            return Ok(Err("PROPOSAL_REJECTED"));
        }
        let side = if notification.audience.is_client() { Side::Client } else { Side::Firm };
        if proposal.confirmations.iter().any(|confirmation| confirmation.side() == side) {
            return Ok(Err("ALREADY_CONFIRMED"));
        }
        Ok(Ok(proposal.text))
    }
}

impl Ready {
    /// What the templates may say.
    pub fn context(&self, notification: &Notification, permit: &Permit) -> Context {
        let facts = &notification.facts;
        let greeting = match permit.recipients.as_slice() {
            [one] if !one.party.display_name.is_empty() => one.party.display_name.clone(),
            _ => "all".to_owned(),
        };
        let time = |time: Option<Timestamp>| time.map(|time| self.shown(time)).unwrap_or_default();
        let clock = match facts.clock.as_str() {
            "first_response" => "first response",
            "client_update" => "client update",
            _ => "resolution",
        };
        Context {
            greeting,
            sender: permit.sender.party.display_name.clone(),
            client: permit.client_display_name.clone(),
            case: notification.case.clone(),
            mail: notification.mail.clone(),
            to_client: notification.audience.is_client(),
            stands_in: !permit.stand_ins_for().is_empty(),
            clock: clock.to_owned(),
            first_response: facts.clock == "first_response",
            client_update: facts.clock == "client_update",
            declared: time(facts.declare_time),
            failed_side: if facts.side == "CLIENT" { "the client" } else { "management" }.to_owned(),
            failed_channel: if facts.channel == "PHONE" { "phone" } else { "email" }.to_owned(),
            failure: failure(&facts.reason).to_owned(),
            case_open: facts.reason != "CASE_CLOSED",
            from_copy: permit.from_copy,
            due: time(facts.due_time),
            received: time(facts.receive_time),
            answer_within: self.answer_within.clone(),
            step: facts.step,
            target: role(&notification.audience).to_owned(),
            proposal_revision: facts.proposal_revision,
            proposal: paragraphs(&self.proposal),
            proposal_text: self.proposal.trim().to_owned(),
            triage_reason: reason(&facts.triage_reason).to_owned(),
            trouble: trouble(&facts.trouble).to_owned(),
            trouble_reason: facts.trouble_reason.clone(),
            about: facts.about.clone(),
            about_kind: facts.about_kind.to_lowercase().replace('_', " "),
            report: notification.report.clone(),
            report_label: report_label(&facts.report_type).to_owned(),
            period: facts.period.clone(),
            undelivered: if notification.kind == Kind::ReportFailed { facts.reason.clone() } else { String::new() },
            written_subject: self.words.subject.clone(),
            written: paragraphs(&self.words.text),
            written_text: self.words.text.clone(),
        }
    }

    fn shown(&self, time: Timestamp) -> String {
        match &self.zone {
            Some(zone) => format!("{} ({})", zone.wall(time).strftime("%A %-d %B %Y, %H:%M"), zone.name()),
            None => format!("{} (UTC)", time.strftime("%A %-d %B %Y, %H:%M")),
        }
    }
}

/// The client's last mail on a conversation, and what came before it.
async fn answered<C: ConnectionTrait>(
    conn: &C,
    keyring: &Keyring,
    thread: &str,
) -> Result<(String, Vec<String>), Fault> {
    let Some(thread) = thread::find(conn, thread).await? else { return Ok(Default::default()) };
    let Some(stored) = mail::find(conn, &thread.last_mail).await? else { return Ok(Default::default()) };
    let words = stored.words(conn, keyring).await?;
    let mut references = words.trail.references;
    references.reverse();
    Ok((words.message_id, references))
}

fn business_days(days: u32) -> String {
    if days == 1 { "one business day".to_owned() } else { format!("{days} business days") }
}

fn role(audience: &Audience) -> &'static str {
    match audience {
        Audience::Target(Target::AccountManager) => "account manager",
        Audience::Target(Target::TeamLead) => "team lead",
        Audience::Target(Target::Management) => "management",
        Audience::Contact(_)
        | Audience::Confirmer
        | Audience::IncidentContacts
        | Audience::Staff(_)
        | Audience::Intake => "the one in charge",
    }
}

fn failure(reason: &str) -> &'static str {
    match reason {
        "NOBODY_REACHED" => "nobody answered at any number, and no message could be left",
        "NOBODY_TO_TELL" => "nobody is entered with an address or a number for this",
        "CASE_CLOSED" => "nobody had answered when the case was closed",
        "MAIL_RETURNED" => "the mail came back",
        "ADDRESS_UNUSABLE" => "the address entered is not one that can be written to",
        "OUTCOME_UNKNOWN" => "what became of it cannot be told",
        _ => "it could not be handed over",
    }
}

fn trouble(trouble: &str) -> &'static str {
    match trouble {
        "RETURNED" => "It was sent, and came back undelivered.",
        "REFUSED" => "Our mail server did not take it for some of those whom it was for.",
        "RECIPIENT_SUPPRESSED" => "It was not sent: an earlier mail to this address came back for good.",
        "OUTCOME_UNKNOWN" => "It may have arrived or not; nobody can tell, and no second copy is sent by itself.",
        _ => "It could not be sent.",
    }
}

fn report_label(report_type: &str) -> &'static str {
    match report_type {
        "STATUS_UPDATE" => "status update",
        "PROGRESS_REPORT" => "progress report",
        "INCIDENT_REPORT" => "incident report",
        _ => "report",
    }
}

fn reason(reason: &str) -> &'static str {
    match reason {
        "FORGED_SENDER" => "our mail server says that its sender is forged",
        "UNVERIFIED_SENDER" => "our mail server does not vouch for its sender",
        "STAFF_SENDER" => "a colleague sent it here, and it may carry a client’s word",
        "AMBIGUOUS_SENDER" => "it has several senders, or came on another client’s conversation",
        _ => "its sender’s address is not known to us",
    }
}
