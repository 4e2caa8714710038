//! SOP 5: reports come in the forms and by the ways of the procedure's table, one for each period; the account manager approved
//! each version that left; it was delivered, or its lateness noticed and told.
//!
//! The table stands here once more, since a judge takes it from the procedure and not from whoever it judges.

use std::collections::BTreeMap;

use contracts::{
    notification::v1::{Notification, NotificationKind, NotificationState},
    reporting::v1::{
        DeliveryOutcome, DistributionMethod, Report, ReportFormat, ReportState, ReportType, Submission,
        SubmissionOutcome,
    },
};

use super::{
    Row,
    docket::Docket,
    people::{Office, TOLD_WITHIN, holders},
    span::{later, with_slack},
};
use crate::folder::{Evidence, instant, names};

pub(super) fn row(evidence: &Evidence) -> Row {
    let mut docket = Docket::default();
    let mut periods: BTreeMap<(&str, i32, &str), &str> = BTreeMap::new();
    for report in evidence.reports.values() {
        docket.look();
        let place = format!("{} {}", names::REPORTS, report.name);
        if !is_of_the_table(report) {
            docket.broken(&place, "comes in a form or by a way that the procedure does not have for its type");
        }
        if report.state() != ReportState::Cancelled {
            let key = (report.engagement.as_str(), report.r#type, report.period.as_str());
            if let Some(other) = periods.insert(key, &report.name) {
                docket.broken(&place, format!("is about {}, which {other} is about already", report.period));
            }
        }
        for submission in report.submissions.iter().filter(|one| one.outcome() == SubmissionOutcome::Approved) {
            approved(evidence, report, submission, &place, &mut docket);
        }
        sent(evidence, report, &place, &mut docket);
        in_time(evidence, report, &place, &mut docket);
    }
    if !evidence.reports.is_empty() {
        docket.cite(names::REPORTS);
    }
    docket.into_row("5", "reports as agreed, approved, delivered", ("report", "reports"))
}

fn is_of_the_table(report: &Report) -> bool {
    let (format, way) = (report.format(), report.distribution());
    match report.r#type() {
        ReportType::StatusUpdate => format == ReportFormat::EmailSummary && way == DistributionMethod::Email,
        ReportType::ProgressReport => {
            [ReportFormat::Pdf, ReportFormat::Pptx].contains(&format)
                && [DistributionMethod::Email, DistributionMethod::Portal].contains(&way)
        }
        ReportType::IncidentReport => {
            format == ReportFormat::Form && [DistributionMethod::Email, DistributionMethod::Phone].contains(&way)
        }
        ReportType::Unspecified => false,
    }
}

/// By the account manager of that time, or whoever acted in their stead.
fn approved(evidence: &Evidence, report: &Report, of: &Submission, place: &str, docket: &mut Docket) {
    let Some(time) = instant(of.decide_time.as_ref()) else {
        return docket.broken(place, "was approved, and nothing says when");
    };
    let may = holders(evidence, Office::AccountManager, &report.client, &report.engagement, time);
    let acts = |holder: &String| {
        *holder == of.decider || super::people::stand_in(evidence, holder, time).as_deref() == Some(of.decider.as_str())
    };
    if !may.iter().any(acts) {
        docket.broken(place, format!("was approved by {:?}, who is not its client's account manager", of.decider));
    }
    if !report.versions.iter().any(|version| version.number == of.text_version) {
        docket.broken(place, format!("version {} was approved and is not kept", of.text_version));
    }
}

/// What is told as delivered left as a mail that holds the approved text.
fn sent(evidence: &Evidence, report: &Report, place: &str, docket: &mut Docket) {
    let of = |one: &&Notification| one.kind() == NotificationKind::Report && one.report == report.name;
    let mails: Vec<&Notification> = evidence.notifications.values().filter(of).collect();
    let approved = report.submissions.iter().filter(|one| one.outcome() == SubmissionOutcome::Approved);
    let texts: Vec<&str> = approved
        .filter_map(|one| report.versions.iter().find(|version| version.number == one.text_version))
        .map(|version| version.text.as_str())
        .collect();
    for mail in &mails {
        if mail.state() == NotificationState::HandedOver && !texts.iter().any(|text| holds(&mail.text, text)) {
            docket.broken(place, format!("{} says something else than was approved", mail.name));
        }
    }
    for delivery in report.deliveries.iter().filter(|one| one.outcome() == DeliveryOutcome::Delivered) {
        let left = mails.iter().any(|mail| {
            mail.name == delivery.notification
                && mail.state() == NotificationState::HandedOver
                && mail.recipients.contains(&delivery.recipient)
        });
        if !left {
            docket.broken(place, format!("is told as delivered to {}, and no mail left", delivery.recipient));
        }
    }
    if report.state() == ReportState::Delivered
        && (report.deliveries.is_empty()
            || report.deliveries.iter().any(|one| one.outcome() != DeliveryOutcome::Delivered))
    {
        docket.broken(place, "is told as delivered, and not everybody has it");
    }
}

/// Word by word, without what headings and lists are set off by.
fn holds(mail: &str, text: &str) -> bool {
    let words = |text: &str| {
        let parts = text.split(|one: char| !one.is_alphanumeric()).filter(|word| !word.is_empty());
        parts.collect::<Vec<_>>().join(" ")
    };
    words(mail).contains(&words(text))
}

fn in_time(evidence: &Evidence, report: &Report, place: &str, docket: &mut Docket) {
    let Some(due) = instant(report.due_time.as_ref()) else { return docket.broken(place, "is due at no time") };
    let delivered = instant(report.deliver_time.as_ref());
    let late = match report.state() {
        ReportState::Cancelled => report.overdue_time.is_some(),
        _ => delivered.map_or(due <= evidence.run.end_time, |time| time > due),
    };
    if !late {
        return;
    }
    docket.lateness.breaches += 1;
    let Some(noticed) = instant(report.overdue_time.as_ref()) else {
        if with_slack(due) <= evidence.run.end_time {
            docket.broken(place, format!("was due at {due} and not delivered, which nobody noticed"));
        }
        return;
    };
    docket.lateness.noticed += 1;
    let told = evidence.notifications.values().any(|one| {
        one.kind() == NotificationKind::ReportOverdue
            && one.report == report.name
            && one.state() == NotificationState::HandedOver
            && instant(one.hand_over_time.as_ref())
                .is_some_and(|time| noticed <= time && time <= later(noticed, TOLD_WITHIN))
    });
    if told {
        docket.lateness.followed_up += 1;
    } else if with_slack(noticed) <= evidence.run.end_time {
        docket.broken(place, "was late, and the account manager was not told");
    }
}
