//! Calls that set every personal field of reports.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::eventually;

use super::{BEACON, CANARY, suite::Suite};

const ANNA: &str = "staff/anna";

impl Suite {
    pub async fn reports(&mut self) {
        let client = format!("clients/{BEACON}");
        let work = json!({ "parent": client, "engagementId": "reported", "engagement": {
            "displayName": format!("Reported {CANARY}"), "teamLead": ANNA } });
        let work = self.ok(ANNA, "EngagementService/CreateEngagement", work).await["engagement"]["name"].clone();
        let opened = |extra: Value| {
            let mut request = json!({
                "engagement": work, "type": "REPORT_TYPE_STATUS_UPDATE", "format": "REPORT_FORMAT_EMAIL_SUMMARY",
                "distribution": "DISTRIBUTION_METHOD_EMAIL", "dueTime": "2099-01-01T10:00:00Z",
                "recipients": [format!("{client}/contacts/jo")],
            });
            request.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            request
        };
        let update = self.ok(ANNA, "ReportService/CreateReport", opened(json!({ "period": "2098-W50" }))).await;
        let name = update["report"]["name"].clone();
        eventually(Duration::from_secs(30), async || {
            let read = self.door.ok(ANNA, "ReportService/GetReport", json!({ "name": name })).await;
            read["report"]["textVersion"] != Value::Null
        })
        .await;
        let asked = json!({ "name": name, "staff": ANNA, "question": format!("How far is it, {CANARY}?") });
        let asked = self.ok(ANNA, "ReportService/RequestContribution", asked).await;
        let contribution = &asked["report"]["contributions"][0]["contribution"];
        let given = json!({ "name": name, "contribution": contribution, "text": format!("It is done, {CANARY}.") });
        let given = self.ok(ANNA, "ReportService/GiveContribution", given).await;
        let text = format!("{} WILL SHOUT at the plan, {CANARY}, and we are with you.", CANARY.to_uppercase());
        self.ok(ANNA, "ReportService/CheckText", json!({ "client": client, "text": text })).await;
        let written = json!({ "name": name, "text": text, "etag": given["report"]["etag"] });
        let written = self.ok(ANNA, "ReportService/UpdateReport", written).await;
        let submitted = json!({ "name": name, "overrides": [{ "rule": "SHOUTING", "words": format!("{CANARY} will shout"),
            "reason": format!("It is meant so, {CANARY}.") }] });
        self.ok(ANNA, "ReportService/SubmitReport", submitted).await;
        let rejected = json!({ "name": name, "textVersion": written["report"]["textVersion"],
            "reason": format!("Too loud, {CANARY}.") });
        self.ok(ANNA, "ReportService/RejectReport", rejected).await;
        let cancelled = json!({ "name": name, "reason": format!("Not needed, {CANARY}.") });
        self.ok(ANNA, "ReportService/CancelReport", cancelled).await;

        let case =
            json!({ "case": { "client": client, "kind": "CASE_KIND_ISSUE", "subject": format!("Fire {CANARY}") } });
        let case = self.ok(ANNA, "CaseService/OpenCase", case).await["case"]["name"].clone();
        let incident = opened(json!({ "type": "REPORT_TYPE_INCIDENT_REPORT", "format": "REPORT_FORMAT_FORM",
            "case": case, "issue": "INCIDENT_ISSUE_INITIAL" }));
        let incident = self.ok(ANNA, "ReportService/CreateReport", incident).await["report"].clone();
        let words = |what: &str| format!("{what} {CANARY}");
        // Its title may come meanwhile, and then it is another one.
        eventually(Duration::from_secs(30), async || {
            let read = self.door.ok(ANNA, "ReportService/GetReport", json!({ "name": incident["name"] })).await;
            read["report"]["title"] != Value::Null
        })
        .await;
        let read = self.ok(ANNA, "ReportService/GetReport", json!({ "name": incident["name"] })).await;
        let form = json!({ "name": incident["name"], "etag": read["report"]["etag"], "form": {
            "summary": words("Fire"), "impact": words("Smoke"), "startTime": "2026-11-02T10:00:00Z",
            "status": words("Out"), "actionsTaken": words("Water"), "contact": words("Anna") } });
        self.ok(ANNA, "ReportService/UpdateReport", form).await;
    }
}
