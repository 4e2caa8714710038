//! The requests of reports and their schedules.

use serde_json::{Value, json};

use super::house::{House, Side, spare_engagement};

impl House {
    pub async fn of_reports(&mut self, rpc: &str, side: Side) -> Value {
        let created = json!({
            "engagement": format!("{}/engagements/spare", side.client()), "type": "REPORT_TYPE_STATUS_UPDATE",
            "format": "REPORT_FORMAT_EMAIL_SUMMARY", "distribution": "DISTRIBUTION_METHOD_EMAIL",
            "period": format!("{}-W{:02}", 2028 + self.serial / 50, 1 + self.serial % 50),
            "dueTime": "2027-12-01T10:00:00Z", "recipients": [side.contact()],
        });
        match rpc {
            "ReportService/CreateReport" => return created,
            "ReportService/CheckText" => return json!({ "client": side.client(), "text": "We sent the forms." }),
            _ => {}
        }
        let name = self.firm.ok("staff/grace", "ReportService/CreateReport", created).await["report"]["name"].clone();
        let submitted = ["ApproveReport", "RejectReport", "GetReportContent"].iter().any(|verb| rpc.ends_with(verb));
        if submitted {
            self.firm.ok("staff/grace", "ReportService/SubmitReport", json!({ "name": name })).await;
        }
        match rpc {
            "ReportService/GetReport" | "ReportService/SubmitReport" => json!({ "name": name }),
            "ReportService/ListReports" => self.looking_for(name, json!({ "pageSize": 200 })),
            "ReportService/UpdateReport" => {
                let report = self.firm.ok("staff/grace", "ReportService/GetReport", json!({ "name": name })).await;
                json!({ "name": name, "text": "We sent the forms.", "etag": report["report"]["etag"] })
            }
            "ReportService/RequestContribution" => {
                json!({ "name": name, "staff": side.account_manager(), "question": "How far is it?" })
            }
            "ReportService/GiveContribution" => {
                let whom = if side == Side::Foreign { side.account_manager() } else { "staff/carla" };
                let question = json!({ "name": name, "staff": whom, "question": "How far is it?" });
                let asked = self.firm.ok("staff/grace", "ReportService/RequestContribution", question).await;
                let contribution = &asked["report"]["contributions"][0]["contribution"];
                json!({ "name": name, "contribution": contribution, "text": "It is done." })
            }
            "ReportService/ApproveReport" => json!({ "name": name, "textVersion": 1 }),
            "ReportService/RejectReport" => json!({ "name": name, "textVersion": 1, "reason": "It is too short." }),
            "ReportService/CancelReport" => json!({ "name": name, "reason": "Opened twice." }),
            "ReportService/GetReportContent" => {
                let approval = json!({ "name": name, "textVersion": 1 });
                self.firm.ok(side.account_manager(), "ReportService/ApproveReport", approval.clone()).await;
                approval
            }
            other => panic!("no request for {other}: add one, and a row to access.csv"),
        }
    }

    pub async fn of_schedules(&mut self, rpc: &str, side: Side) -> Value {
        // An engagement has one schedule for a type of report.
        let engagement = json!({ "parent": side.client(), "engagementId": format!("scheduled-{}", self.serial),
            "engagement": spare_engagement(side) });
        let engagement = self.firm.ok("staff/grace", "EngagementService/CreateEngagement", engagement).await;
        let schedule = json!({ "schedule": {
            "engagement": engagement["engagement"]["name"], "type": "REPORT_TYPE_STATUS_UPDATE",
            "format": "REPORT_FORMAT_EMAIL_SUMMARY", "distribution": "DISTRIBUTION_METHOD_EMAIL", "weekday": 5,
            "localTime": "16:00", "recipients": [side.contact()], "paused": true } });
        if rpc == "ReportScheduleService/CreateReportSchedule" {
            return schedule;
        }
        let made = self.firm.ok("staff/grace", "ReportScheduleService/CreateReportSchedule", schedule).await;
        let made = made["schedule"].clone();
        match rpc {
            "ReportScheduleService/GetReportSchedule" => json!({ "name": made["name"] }),
            "ReportScheduleService/ListReportSchedules" => {
                self.looking_for(made["name"].clone(), json!({ "pageSize": 200 }))
            }
            "ReportScheduleService/UpdateReportSchedule" => json!({ "schedule": made }),
            other => panic!("no request for {other}: add one, and a row to access.csv"),
        }
    }
}
