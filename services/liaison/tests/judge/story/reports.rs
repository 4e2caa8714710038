//! A status update that Anna has approved; its mail is not out yet.

use contracts::reporting::v1::{
    CheckedLanguage, DistributionMethod, LanguageCheck, Report, ReportFormat, ReportState, ReportType, Submission,
    SubmissionOutcome, TextVersion,
};

use super::{ACME, JO};
use crate::world::{World, ts};

const TEXT: &str = "Hello,\n\nwe sent the forms on Tuesday, and nothing else is open with us.\n\nKind regards";

pub fn status_update(world: &mut World) {
    let version = TextVersion {
        number: 1,
        author: "staff/ben".to_owned(),
        write_time: Some(ts("2026-04-09T15:00:00Z")),
        text: TEXT.to_owned(),
        form: None,
    };
    let check = LanguageCheck {
        language: CheckedLanguage::English.into(),
        reading_level: "GENERAL".to_owned(),
        policy_version: 1,
        checker_version: 1,
        ..LanguageCheck::default()
    };
    let submission = Submission {
        number: 1,
        text_version: 1,
        submitter: "staff/ben".to_owned(),
        submit_time: Some(ts("2026-04-09T15:10:00Z")),
        check: Some(check),
        outcome: SubmissionOutcome::Approved.into(),
        decider: "staff/anna".to_owned(),
        decide_time: Some(ts("2026-04-09T15:30:00Z")),
        ..Submission::default()
    };
    world.reports.push(Report {
        name: "reports/update".to_owned(),
        client: ACME.to_owned(),
        engagement: format!("{ACME}/engagements/books"),
        r#type: ReportType::StatusUpdate.into(),
        format: ReportFormat::EmailSummary.into(),
        distribution: DistributionMethod::Email.into(),
        period: "2026-W15".to_owned(),
        state: ReportState::Approved.into(),
        due_time: Some(ts("2026-04-10T15:00:00Z")),
        recipients: vec![JO.to_owned()],
        title: "Status update: Books, 6 to 12 April 2026".to_owned(),
        text: TEXT.to_owned(),
        text_version: 1,
        versions: vec![version],
        submissions: vec![submission],
        create_time: Some(ts("2026-04-08T15:00:00Z")),
        revision: 4,
        etag: "4".to_owned(),
        ..Report::default()
    });
}
