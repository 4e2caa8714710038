//! Between the contract's types and the domain's.

use business_time::Timestamp;
use command::{
    Fault,
    wire::{from_proto_time, proto_time},
};
use contracts::reporting::v1 as wire;
use jiff::SignedDuration;
use refusal::Refusal;

use crate::{
    matrix::{Distribution, Format, ReportType},
    report::{
        Stored, Words,
        entity::{Form, How, Issue, Outcome, Period, Report, Stage, Submission},
        language::{Check, Checked, Override},
    },
    schedule::{self, entity::Terms},
};

/// How long before it is due a draft opens where nobody says so.
const LEAD: SignedDuration = SignedDuration::from_hours(48);

/// A type.
pub fn kind_to_wire(kind: ReportType) -> wire::ReportType {
    match kind {
        ReportType::StatusUpdate => wire::ReportType::StatusUpdate,
        ReportType::ProgressReport => wire::ReportType::ProgressReport,
        ReportType::IncidentReport => wire::ReportType::IncidentReport,
    }
}

/// What a report is, for people.
pub fn label(kind: ReportType) -> &'static str {
    match kind {
        ReportType::StatusUpdate => "Status update",
        ReportType::ProgressReport => "Progress report",
        ReportType::IncidentReport => "Incident report",
    }
}

/// Type, format and distribution, as a row of the matrix names them; `prefix` is the path of the fields.
///
/// # Errors
/// REQUIRED where one is not said.
pub fn row(
    kind: wire::ReportType,
    format: wire::ReportFormat,
    distribution: wire::DistributionMethod,
    prefix: &str,
) -> Result<(ReportType, Format, Distribution), Refusal> {
    let required = |field: &str| Refusal::field("REQUIRED", format!("{prefix}{field}"), "is required");
    let kind = match kind {
        wire::ReportType::Unspecified => return Err(required("type")),
        wire::ReportType::StatusUpdate => ReportType::StatusUpdate,
        wire::ReportType::ProgressReport => ReportType::ProgressReport,
        wire::ReportType::IncidentReport => ReportType::IncidentReport,
    };
    let format = match format {
        wire::ReportFormat::Unspecified => return Err(required("format")),
        wire::ReportFormat::EmailSummary => Format::EmailSummary,
        wire::ReportFormat::Pdf => Format::Pdf,
        wire::ReportFormat::Pptx => Format::Pptx,
        wire::ReportFormat::Form => Format::Form,
    };
    let distribution = match distribution {
        wire::DistributionMethod::Unspecified => return Err(required("distribution")),
        wire::DistributionMethod::Email => Distribution::Email,
        wire::DistributionMethod::Portal => Distribution::Portal,
        wire::DistributionMethod::Phone => Distribution::Phone,
    };
    Ok((kind, format, distribution))
}

fn format_to_wire(format: Format) -> wire::ReportFormat {
    match format {
        Format::EmailSummary => wire::ReportFormat::EmailSummary,
        Format::Pdf => wire::ReportFormat::Pdf,
        Format::Pptx => wire::ReportFormat::Pptx,
        Format::Form => wire::ReportFormat::Form,
    }
}

fn distribution_to_wire(distribution: Distribution) -> wire::DistributionMethod {
    match distribution {
        Distribution::Email => wire::DistributionMethod::Email,
        Distribution::Portal => wire::DistributionMethod::Portal,
        Distribution::Phone => wire::DistributionMethod::Phone,
    }
}

/// The name of a state as it is stored; none where the filter is off.
pub fn stored_state(state: wire::ReportState) -> Option<&'static str> {
    match state {
        wire::ReportState::Unspecified => None,
        wire::ReportState::Draft => Some("DRAFT"),
        wire::ReportState::Submitted => Some("SUBMITTED"),
        wire::ReportState::Approved => Some("APPROVED"),
        wire::ReportState::Delivered => Some("DELIVERED"),
        wire::ReportState::DeliveryFailed => Some("DELIVERY_FAILED"),
        wire::ReportState::Cancelled => Some("CANCELLED"),
    }
}

fn state(report: &Report) -> wire::ReportState {
    match &report.stage {
        Stage::Draft => wire::ReportState::Draft,
        Stage::Submitted(_) => wire::ReportState::Submitted,
        Stage::Approved(_) => wire::ReportState::Approved,
        Stage::Delivered(_) => wire::ReportState::Delivered,
        Stage::DeliveryFailed(_) => wire::ReportState::DeliveryFailed,
        Stage::Cancelled => wire::ReportState::Cancelled,
    }
}

/// A time of a request.
///
/// # Errors
/// `BAD_TIME`.
pub fn time(given: Option<&prost_types::Timestamp>, field: &str) -> Result<Option<Timestamp>, Refusal> {
    let wrong = || Refusal::field("BAD_TIME", field, "is no valid time");
    given.map(|time| from_proto_time(time).ok_or_else(wrong)).transpose()
}

/// A report with its words; a list gives none.
///
/// # Errors
/// Where stored words do not read.
pub fn report(stored: &Stored, words: Option<&Words>) -> Result<wire::Report, Fault> {
    let (of, none) = (&stored.report, Words::default());
    let with_texts = words.is_some();
    let words = words.unwrap_or(&none);
    let (case, issue) = match &of.period {
        Period::Incident { case, issue } => (case.clone(), issue_to_wire(*issue)),
        Period::Week { .. } | Period::Month { .. } => (String::new(), wire::IncidentIssue::Unspecified),
    };
    let mut versions = Vec::with_capacity(of.versions.len());
    for version in &of.versions {
        versions.push(wire::TextVersion {
            number: version.number,
            author: version.author.clone(),
            write_time: Some(proto_time(version.time)),
            text: words.get(&format!("text/{}", version.number)).to_owned(),
            form: words.read::<Form>(&format!("form/{}", version.number))?.as_ref().map(form_to_wire),
        });
    }
    let contributions = of.contributions.iter().map(|one| wire::Contribution {
        contribution: one.id.clone(),
        staff: one.staff.clone(),
        requester: one.requester.clone(),
        question: words.get(&format!("question/{}", one.id)).to_owned(),
        request_time: Some(proto_time(one.request_time)),
        text: words.get(&format!("contribution/{}", one.id)).to_owned(),
        give_time: one.give_time.map(proto_time),
    });
    let contributions = contributions.collect();
    let mut submissions = Vec::with_capacity(of.decided.len() + 1);
    for decided in &of.decided {
        let outcome = match decided.outcome {
            Outcome::Approved => wire::SubmissionOutcome::Approved,
            Outcome::Rejected => wire::SubmissionOutcome::Rejected,
            Outcome::Revised => wire::SubmissionOutcome::Revised,
            Outcome::Cancelled => wire::SubmissionOutcome::Cancelled,
        };
        submissions.push(wire::Submission {
            outcome: outcome.into(),
            decider: decided.decider.clone(),
            decide_time: Some(proto_time(decided.time)),
            ..submission(&decided.submission, words)?
        });
    }
    if let Stage::Submitted(waiting) = &of.stage {
        submissions.push(submission(waiting, words)?);
    }
    let last = versions.last().filter(|_| with_texts);
    Ok(wire::Report {
        name: of.name(),
        client: of.client.clone(),
        engagement: of.engagement.clone(),
        r#type: kind_to_wire(of.kind).into(),
        format: format_to_wire(of.format).into(),
        distribution: distribution_to_wire(of.distribution).into(),
        period: of.period.name(),
        case,
        state: state(of).into(),
        due_time: Some(proto_time(of.due_time)),
        due_local: of.due_local.clone(),
        schedule: of.schedule.clone(),
        recipients: of.recipients.clone(),
        title: words.get("title").to_owned(),
        text: last.map(|version| version.text.clone()).unwrap_or_default(),
        form: last.and_then(|version| version.form.clone()),
        text_version: of.version(),
        versions,
        contributions,
        submissions,
        deliveries: deliveries(of),
        overdue_time: of.overdue_time.map(proto_time),
        create_time: Some(proto_time(of.create_time)),
        deliver_time: of.deliver_time().map(proto_time),
        cancel_reason: words.get("cancel").to_owned(),
        issue: issue.into(),
        revision: stored.revision,
        etag: stored.etag(),
    })
}

fn submission(of: &Submission, words: &Words) -> Result<wire::Submission, Fault> {
    let number = of.number;
    let check = words.read::<Check>(&format!("check/{number}"))?;
    let overrides = words.read::<Vec<Override>>(&format!("overrides/{number}"))?.unwrap_or_default();
    Ok(wire::Submission {
        number,
        text_version: of.version,
        submitter: of.submitter.clone(),
        submit_time: Some(proto_time(of.time)),
        check: check.as_ref().map(self::check),
        overrides: overrides.into_iter().map(override_to_wire).collect(),
        reason: words.get(&format!("reason/{number}")).to_owned(),
        ..wire::Submission::default()
    })
}

fn deliveries(of: &Report) -> Vec<wire::Delivery> {
    let Some(approval) = of.approval() else { return Vec::new() };
    let delivery = |one: &crate::report::entity::Delivery| {
        let Some(end) = &one.end else {
            return wire::Delivery { recipient: one.recipient.clone(), ..wire::Delivery::default() };
        };
        let outcome = match &end.how {
            How::HandedOver => wire::DeliveryOutcome::Delivered,
            How::Failed(_) => wire::DeliveryOutcome::Failed,
            How::Blocked(_) => wire::DeliveryOutcome::Blocked,
        };
        wire::Delivery {
            recipient: one.recipient.clone(),
            notification: end.notification.clone(),
            outcome: outcome.into(),
            time: Some(proto_time(end.time)),
            reason: end.how.reason().unwrap_or_default().to_owned(),
        }
    };
    approval.deliveries.iter().map(delivery).collect()
}

/// What a check found.
pub fn check(of: &Check) -> wire::LanguageCheck {
    let language = match of.language {
        Checked::English => wire::CheckedLanguage::English,
        Checked::NotChecked => wire::CheckedLanguage::NotChecked,
        Checked::NoWords => wire::CheckedLanguage::NoWords,
    };
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let findings = of.findings.iter().map(|finding| wire::LanguageFinding {
        rule: finding.rule.clone(),
        blocks: finding.blocks,
        start: number(finding.start),
        end: number(finding.end),
        words: finding.words.clone(),
        suggestion: finding.suggestion.clone(),
        clause: finding.clause.clone(),
    });
    wire::LanguageCheck {
        language: language.into(),
        findings: findings.collect(),
        left_off: number(of.left_off),
        reading_level: of.reading_level.clone(),
        glossary: of.glossary.clone(),
        policy_version: of.policy_version,
        checker_version: of.checker_version,
    }
}

fn override_to_wire(of: Override) -> wire::LanguageOverride {
    wire::LanguageOverride {
        rule: of.rule,
        words: of.words,
        reason: of.reason,
        person: of.person,
        time: Some(proto_time(of.time)),
    }
}

/// Overrides as somebody gives them now.
pub fn overrides(given: &[wire::LanguageOverride], person: &str, now: Timestamp) -> Vec<Override> {
    let one = |one: &wire::LanguageOverride| Override {
        rule: one.rule.clone(),
        words: one.words.clone(),
        reason: one.reason.clone(),
        person: person.to_owned(),
        time: now,
    };
    given.iter().map(one).collect()
}

fn form_to_wire(of: &Form) -> wire::IncidentForm {
    wire::IncidentForm {
        summary: of.summary.clone(),
        impact: of.impact.clone(),
        start_time: of.start_time.map(proto_time),
        status: of.status.clone(),
        actions_taken: of.actions_taken.clone(),
        next_update_time: of.next_update_time.map(proto_time),
        contact: of.contact.clone(),
    }
}

/// A form of a request.
///
/// # Errors
/// `BAD_TIME`.
pub fn form(of: &wire::IncidentForm) -> Result<Form, Refusal> {
    Ok(Form {
        summary: of.summary.clone(),
        impact: of.impact.clone(),
        start_time: time(of.start_time.as_ref(), "form.start_time")?,
        status: of.status.clone(),
        actions_taken: of.actions_taken.clone(),
        next_update_time: time(of.next_update_time.as_ref(), "form.next_update_time")?,
        contact: of.contact.clone(),
    })
}

fn issue_to_wire(issue: Issue) -> wire::IncidentIssue {
    match issue {
        Issue::Initial => wire::IncidentIssue::Initial,
        Issue::Update(_) => wire::IncidentIssue::Update,
        Issue::Final => wire::IncidentIssue::Final,
    }
}

/// What of a schedule can be changed.
///
/// # Errors
/// `BAD_DURATION`, `REQUIRED`.
pub fn terms(of: &wire::ReportSchedule) -> Result<(ReportType, Terms), Refusal> {
    let (kind, format, distribution) = row(of.r#type(), of.format(), of.distribution(), "schedule.")?;
    let wrong = || Refusal::field("BAD_DURATION", "schedule.lead_time", "is no span of time");
    let lead = match &of.lead_time {
        None => LEAD,
        Some(lead) => SignedDuration::new(lead.seconds, lead.nanos),
    };
    if lead.is_negative() {
        return Err(wrong());
    }
    let terms = Terms {
        format,
        distribution,
        weekday: i8::try_from(of.weekday).unwrap_or_default(),
        local_time: of.local_time.clone(),
        lead,
        recipients: of.recipients.clone(),
        paused: of.paused,
    };
    Ok((kind, terms))
}

/// A schedule.
pub fn schedule(stored: &schedule::Stored) -> wire::ReportSchedule {
    let of = &stored.schedule;
    wire::ReportSchedule {
        name: of.name(),
        engagement: of.engagement.clone(),
        r#type: kind_to_wire(of.kind).into(),
        format: format_to_wire(of.terms.format).into(),
        distribution: distribution_to_wire(of.terms.distribution).into(),
        weekday: i32::from(of.terms.weekday),
        local_time: of.terms.local_time.clone(),
        lead_time: Some(prost_types::Duration {
            seconds: of.terms.lead.as_secs(),
            nanos: of.terms.lead.subsec_nanos(),
        }),
        recipients: of.terms.recipients.clone(),
        paused: of.terms.paused,
        client: of.client.clone(),
        next_draft_time: of.next.as_ref().map(|next| proto_time(next.draft_time)),
        next_period: of.next.as_ref().map(|next| next.period.name()).unwrap_or_default(),
        next_due_time: of.next.as_ref().map(|next| proto_time(next.due_time)),
        create_time: Some(proto_time(stored.create_time)),
        revision: stored.revision,
        etag: stored.etag(),
    }
}
