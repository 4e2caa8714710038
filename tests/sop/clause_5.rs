//! SOP 5: which report comes how often, in what form, by what way.

use liaison_tests::{Firm, status_update};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_status_update_comes_weekly_as_a_brief_mail_in_html_and_text_once_the_account_manager_approves() {
    let firm = Firm::start().await;
    let schedule = json!({ "schedule": {
        "engagement": "clients/acme/engagements/migration", "type": "REPORT_TYPE_STATUS_UPDATE",
        "format": "REPORT_FORMAT_EMAIL_SUMMARY", "distribution": "DISTRIBUTION_METHOD_EMAIL", "weekday": 4,
        "localTime": "16:00", "recipients": ["clients/acme/contacts/jo", "clients/acme/contacts/sam"] } });
    firm.ok("staff/anna", "ReportScheduleService/CreateReportSchedule", schedule).await;
    firm.until("2027-03-24T09:00[Europe/London]").await;
    let listed = firm.ok("staff/anna", "ReportService/ListReports", json!({})).await["reports"][0].clone();
    assert_eq!(
        (&listed["period"], &listed["dueLocal"]),
        (&json!("2027-W12"), &json!("2027-03-25T16:00:00[Europe/London]"))
    );
    let asked = json!({ "name": listed["name"], "staff": "staff/carla", "question": "How far are the files?" });
    let asked = firm.ok("staff/anna", "ReportService/RequestContribution", asked).await;
    let given = json!({ "name": listed["name"], "text": "All files are moved.",
        "contribution": asked["report"]["contributions"][0]["contribution"] });
    firm.ok("staff/carla", "ReportService/GiveContribution", given).await;
    firm.ok("staff/carla", "ReportService/SubmitReport", json!({ "name": listed["name"] })).await;
    let approval = json!({ "name": listed["name"], "textVersion": 2 });
    for person in ["staff/carla", "staff/ben", "staff/grace"] {
        assert_eq!(
            firm.refused(person, "ReportService/ApproveReport", approval.clone()).await,
            "NO_PERMISSION",
            "{person}"
        );
    }
    firm.ok("staff/anna", "ReportService/ApproveReport", approval).await;
    let report = firm.report(&listed["name"]).await;
    assert_eq!(report["state"], "REPORT_STATE_DELIVERED", "{report}");
    let mails = firm.sent_as("REPORT");
    assert_eq!(mails.len(), 2, "one for each recipient");
    for mail in &mails {
        assert!(mail.contains("Content-Type: text/plain") && mail.contains("Content-Type: text/html"), "{mail}");
        assert!(mail.contains("multipart/alternative") && mail.contains("All files are moved."), "{mail}");
    }
    for (kind, least) in [("REPORT_DUE", 1), ("CONTRIBUTION_REQUEST", 1), ("REPORT_APPROVAL", 1)] {
        assert_eq!(firm.sent_as(kind).len(), least, "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_table_does_not_have_is_refused_and_what_cannot_be_made_yet_is_told_so() {
    let firm = Firm::start().await;
    let with = |field: &str, value: &str| {
        let mut request = status_update("2027-W12");
        request[field] = json!(value);
        request
    };
    let mut monthly = with("type", "REPORT_TYPE_PROGRESS_REPORT");
    monthly["format"] = json!("REPORT_FORMAT_PDF");
    monthly["period"] = json!("2027-03");
    for (request, reason) in [
        (with("format", "REPORT_FORMAT_PDF"), "OUTSIDE_MATRIX"),
        (with("distribution", "DISTRIBUTION_METHOD_PORTAL"), "OUTSIDE_MATRIX"),
        (with("type", "REPORT_TYPE_INCIDENT_REPORT"), "OUTSIDE_MATRIX"),
        (monthly, "NOT_BUILT_YET"),
    ] {
        assert_eq!(firm.refused("staff/anna", "ReportService/CreateReport", request).await, reason);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_period_is_reported_on_once() {
    let firm = Firm::start().await;
    firm.status_update("2027-W12").await;
    let again = firm.refused("staff/carla", "ReportService/CreateReport", status_update("2027-W12")).await;
    assert_eq!(again, "PERIOD_TAKEN");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_is_not_delivered_in_time_is_recorded_and_the_account_manager_is_told() {
    let firm = Firm::start().await;
    let report = firm.status_update("2027-W12").await;
    firm.until("2027-03-26T16:01[Europe/London]").await;
    let late = firm.report(&report["name"]).await;
    assert_eq!(late["overdueTime"], "2027-03-26T16:00:00Z");
    let told = firm.sent_as("REPORT_OVERDUE");
    assert!(told.len() == 1 && told[0].contains("anna.petrova@northgate.example"), "{told:?}");
    let written = firm.write_report(&late, "We sent the forms on Thursday, and nothing else is open.").await;
    let delivered = firm.approve_report(&written).await;
    assert_eq!(delivered["overdueTime"], "2027-03-26T16:00:00Z", "a late delivery removes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_critical_incident_opens_a_form_that_is_due_and_must_be_filled_in() {
    let firm = Firm::start().await;
    let issue = firm.issue().await;
    let reason = json!({ "name": issue, "reason": "Figures of somebody else are shown." });
    firm.ok("staff/anna", "CaseService/DeclareCritical", reason).await;
    let request = json!({ "client": "clients/acme" });
    let report = firm.ok("staff/anna", "ReportService/ListReports", request).await["reports"][0].clone();
    assert_eq!(
        (&report["type"], &report["format"]),
        (&json!("REPORT_TYPE_INCIDENT_REPORT"), &json!("REPORT_FORMAT_FORM"))
    );
    assert!(report["dueTime"].is_string());
    let refused =
        firm.call("staff/anna", "ReportService/SubmitReport", json!({ "name": report["name"] })).await.unwrap_err();
    assert_eq!((refused.reason.as_str(), refused.fields.len()), ("FORM_INCOMPLETE", 7));
}
