//! What the procedure's table lets through (SOP 5).

use contracts::reporting::v1::{
    CreateReportRequest, CreateReportScheduleRequest, DistributionMethod, ReportFormat, ReportSchedule, ReportType,
};
use testkit::TestDatabase;
use tonic::Code;

use crate::support::*;

testkit::both_databases!(SETS;
    every_cell_of_type_format_and_distribution_is_as_the_procedure_says,
    a_period_of_another_kind_is_refused,
    a_report_needs_recipients_of_its_client_who_are_active,
);

async fn every_cell_of_type_format_and_distribution_is_as_the_procedure_says(db: TestDatabase) {
    let world = World::new(db).await;
    let types = [ReportType::StatusUpdate, ReportType::ProgressReport, ReportType::IncidentReport];
    let formats = [ReportFormat::EmailSummary, ReportFormat::Pdf, ReportFormat::Pptx, ReportFormat::Form];
    let ways = [DistributionMethod::Email, DistributionMethod::Portal, DistributionMethod::Phone];
    let mut told = Vec::new();
    for kind in types {
        for format in formats {
            for way in ways {
                let request = CreateReportRequest {
                    r#type: kind.into(),
                    format: format.into(),
                    distribution: way.into(),
                    period: if kind == ReportType::ProgressReport { "2026-03" } else { "2026-W11" }.into(),
                    ..by_hand("")
                };
                let answer = world.as_(ANNA).create_report(request).await;
                let reason = answer.as_ref().err().and_then(refusal::reason).unwrap_or_default();
                let field = if answer.is_err() { faults(answer).join(" ") } else { String::new() };
                told.push(format!("{} {} {}: {reason} {field}", kind as i32, format as i32, way as i32));
            }
        }
    }
    let count = |word: &str| told.iter().filter(|line| line.contains(word)).count();
    assert_eq!((count("OUTSIDE_MATRIX"), count("NOT_BUILT_YET")), (29, 5), "{told:#?}");
    assert!(told.contains(&"1 1 1:  ".to_owned()), "{told:#?}");
    assert!(told.contains(&"1 2 1: OUTSIDE_MATRIX format".to_owned()), "{told:#?}");
    assert!(told.contains(&"1 1 2: OUTSIDE_MATRIX distribution".to_owned()), "{told:#?}");
    assert!(told.contains(&"2 2 1: NOT_BUILT_YET format".to_owned()), "{told:#?}");
    assert!(told.contains(&"3 4 3: NOT_BUILT_YET distribution".to_owned()), "{told:#?}");
    assert_eq!(world.reports().await.len(), 1, "a refusal leaves nothing");
    let schedule =
        ReportSchedule { r#type: ReportType::IncidentReport.into(), format: ReportFormat::Form.into(), ..fridays() };
    let request = CreateReportScheduleRequest { schedule: Some(schedule), request_id: String::new() };
    let answer = world.schedules(ANNA).create_report_schedule(request.clone()).await;
    assert_eq!(refused(answer), (Code::InvalidArgument, "OUTSIDE_MATRIX".into()));
    assert_eq!(faults(world.schedules(ANNA).create_report_schedule(request).await), ["schedule.type"]);
}

async fn a_period_of_another_kind_is_refused(db: TestDatabase) {
    let world = World::new(db).await;
    for period in ["2026-03", "2027-W53", ""] {
        let answer = world.as_(ANNA).create_report(by_hand(period)).await;
        assert_eq!(refused(answer), (Code::InvalidArgument, "BAD_PERIOD".into()), "{period}");
    }
}

async fn a_report_needs_recipients_of_its_client_who_are_active(db: TestDatabase) {
    let world = World::new(db).await;
    for (recipients, expected) in [
        (vec![], (Code::InvalidArgument, "RECIPIENTS_MISSING")),
        (vec!["clients/other/contacts/x".to_owned()], (Code::InvalidArgument, "RECIPIENT_NOT_OF_CLIENT")),
        (vec!["clients/acme/contacts/nobody".to_owned()], (Code::NotFound, "CONTACT_NOT_FOUND")),
        (vec![GONE.to_owned()], (Code::FailedPrecondition, "RECIPIENT_INACTIVE")),
    ] {
        let answer = world.as_(ANNA).create_report(CreateReportRequest { recipients, ..by_hand("2026-W11") }).await;
        assert_eq!(refused(answer), (expected.0, expected.1.to_owned()));
    }
    let undated = CreateReportRequest { due_time: None, ..by_hand("2026-W11") };
    let answer = world.as_(ANNA).create_report(undated).await;
    assert_eq!(refused(answer), (Code::InvalidArgument, "DUE_TIME_MISSING".into()));
}
