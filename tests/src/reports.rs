//! Reports in many tests.

use serde_json::{Value, json};

use crate::firm::Firm;

impl Firm {
    /// Anna opens a status update of acme's migration for a week, due on Friday, 26 March 2027 at 16:00 in London, for Jo.
    pub async fn status_update(&self, period: &str) -> Value {
        let report = self.ok("staff/anna", "ReportService/CreateReport", status_update(period)).await;
        self.report(&report["report"]["name"]).await
    }

    /// A report as management sees it.
    pub async fn report(&self, name: &Value) -> Value {
        self.ok("staff/grace", "ReportService/GetReport", json!({ "name": name })).await["report"].clone()
    }

    /// Carla writes the text of a report.
    pub async fn write_report(&self, report: &Value, text: &str) -> Value {
        let request = json!({ "name": report["name"], "text": text, "etag": report["etag"] });
        self.ok("staff/carla", "ReportService/UpdateReport", request).await["report"].clone()
    }

    /// Carla submits it and Anna approves it.
    pub async fn approve_report(&self, report: &Value) -> Value {
        let name = &report["name"];
        let submitted = self.ok("staff/carla", "ReportService/SubmitReport", json!({ "name": name })).await;
        let approval = json!({ "name": name, "textVersion": submitted["report"]["textVersion"] });
        self.ok("staff/anna", "ReportService/ApproveReport", approval).await;
        self.report(name).await
    }
}

/// See [`Firm::status_update`].
pub fn status_update(period: &str) -> Value {
    json!({
        "engagement": "clients/acme/engagements/migration", "type": "REPORT_TYPE_STATUS_UPDATE",
        "format": "REPORT_FORMAT_EMAIL_SUMMARY", "distribution": "DISTRIBUTION_METHOD_EMAIL", "period": period,
        "dueTime": "2027-03-26T16:00:00Z", "recipients": ["clients/acme/contacts/jo"],
    })
}
