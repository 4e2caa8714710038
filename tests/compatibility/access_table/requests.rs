//! For each RPC a request that is answered for whoever may call it, with a fresh resource where the call changes one.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::house::{House, MILESTONES, Side, spare_contact, spare_engagement, spare_plan};

impl House {
    /// The request, and what it needs.
    pub async fn prepare(&mut self, rpc: &str, side: Side) -> Value {
        self.serial += 1;
        match rpc.split_once('/').unwrap().0 {
            "CallService" => self.of_calls(rpc, side).await,
            "CaseService" => self.of_cases(rpc, side).await,
            "InboundService" => self.of_mails(rpc, side).await,
            "MeetingService" => self.of_meetings(rpc, side).await,
            "NotificationService" => self.of_notifications(rpc, side).await,
            "ReportService" => self.of_reports(rpc, side).await,
            "ReportScheduleService" => self.of_schedules(rpc, side).await,
            "StaffService" => self.of_staff(rpc).await,
            "SuppressionService" => self.of_suppressions(rpc, side).await,
            "AuditService" | "EventLogService" => json!({ "service": "escalation" }),
            "DeadLetterService" if rpc.ends_with("/ListDeadLetters") => json!({ "service": "escalation" }),
            "DeadLetterService" => json!({ "service": "escalation", "subscription": "escalation.from-notification" }),
            _ => self.of_registry(rpc, side),
        }
    }

    /// What must be in the answer for it to show the client's.
    pub fn marker(&self) -> Option<String> {
        let marker = match self.asked() {
            ("CalendarService/ListCalendars", side) => side.calendar(),
            ("ClientService/ListClients" | "CaseService/WatchCases" | "NotificationService/WatchDeliveries", side) => {
                side.client()
            }
            (
                "CaseService/ListCases"
                | "InboundService/ListMails"
                | "MeetingService/ListMeetings"
                | "CallService/ListCalls"
                | "ReportScheduleService/ListReportSchedules"
                | "ReportService/ListReports"
                | "NotificationService/ListNotifications"
                | "SuppressionService/ListSuppressions",
                _,
            ) => &self.looked_for,
            _ => return None,
        };
        Some(format!("\"{marker}\""))
    }

    /// Undoes a change that would make the same request mean something else.
    pub async fn put_back(&mut self, rpc: &str, side: Side) {
        if rpc == "ClientService/TransferAccount" {
            let back = json!({ "name": side.client(), "accountManager": side.account_manager() });
            self.firm.ok("staff/grace", rpc, back).await;
        }
    }

    fn of_registry(&mut self, rpc: &str, side: Side) -> Value {
        let (serial, client) = (self.serial, side.client());
        let calendar = json!({ "timeZone": "Europe/London", "week": [
            { "day": "DAY_OF_WEEK_MONDAY", "open": "09:00", "close": "17:00" }] });
        let with_name = |mut value: Value, name: String| {
            value["name"] = json!(name);
            value
        };
        match rpc {
            "AccessService/WhoAmI" => json!({}),
            "AccessService/GetGrants" => json!({ "principal": "staff/anna" }),
            "CalendarService/CreateCalendar" => {
                json!({ "calendarId": format!("calendar-{serial}"), "calendar": calendar })
            }
            "CalendarService/GetCalendar" => json!({ "name": side.calendar() }),
            "CalendarService/UpdateCalendar" => {
                let tokyo = with_name(calendar, "calendars/tokyo".into());
                json!({ "calendar": tokyo })
            }
            "ClientService/CreateClient" => json!({ "clientId": format!("client-{serial}"), "client": {
                "displayName": "A client", "calendar": "calendars/tokyo", "accountManager": "staff/dora" } }),
            "ClientService/GetClient" => json!({ "name": client }),
            "ClientService/UpdateClient" => json!({ "client": {
                "name": client, "displayName": "Renamed", "calendar": side.calendar(),
                "accountManager": side.account_manager() } }),
            "ClientService/TransferAccount" => json!({ "name": client, "accountManager": "staff/dora" }),
            "ConsentService/AuthorizeSend" => json!({
                "notification": format!("notifications/n{serial}"), "channel": "CHANNEL_EMAIL", "client": client,
                "audience": { "contact": side.contact() } }),
            "ConsentService/GetIncidentParties" => json!({ "client": client }),
            "ContactService/CreateContact" => json!({ "parent": client, "contactId": format!("contact-{serial}"),
                "contact": { "displayName": "A contact", "email": format!("c{serial}@somewhere.example") } }),
            "ContactService/GetContact" => json!({ "name": side.contact() }),
            "ContactService/ListContacts" | "EngagementService/ListEngagements" => json!({ "parent": client }),
            "ContactService/UpdateContact" => {
                json!({ "contact": with_name(spare_contact(side), format!("{client}/contacts/spare")) })
            }
            "ContactService/IdentifySender" => json!({ "email": side.address() }),
            "EngagementService/CreateEngagement" => json!({ "parent": client,
                "engagementId": format!("engagement-{serial}"), "engagement": spare_engagement(side) }),
            "EngagementService/GetEngagement" => json!({ "name": format!("{client}/engagements/spare") }),
            "EngagementService/UpdateEngagement" => {
                json!({ "engagement": with_name(spare_engagement(side), format!("{client}/engagements/spare")) })
            }
            "PlanService/GetPlan" | "PlanService/PreviewPlan" => json!({ "name": spare_plan(side)["name"] }),
            "PlanService/UpdatePlan" => json!({ "plan": spare_plan(side) }),
            // One that no call before has reached.
            "PlanService/ReachMilestone" => {
                json!({ "name": spare_plan(side)["name"], "milestone": format!("m{}", serial % MILESTONES) })
            }
            "PolicyService/PublishPolicy" => json!({ "policy": {
                "firmCalendar": "calendars/northgate", "officialDomain": "northgate.example",
                "serviceAddress": "service@northgate.example", "authservId": "mx.northgate.example",
                "firstResponseBusinessDays": 1, "confirmationReminder": "86400s", "escalationSteps": [
                    { "after": "86400s", "target": "ESCALATION_TARGET_TEAM_LEAD" },
                    { "after": "172800s", "target": "ESCALATION_TARGET_MANAGEMENT" }] } }),
            "PolicyService/GetPolicy" => json!({ "name": "policies/current" }),
            "CalendarService/ListCalendars" | "ClientService/ListClients" | "PolicyService/ListPolicies" => {
                json!({ "pageSize": 200 })
            }
            other => panic!("no request for {other}: add one, and a row to access.csv"),
        }
    }

    async fn of_staff(&mut self, rpc: &str) -> Value {
        let id = format!("person-{}", self.serial);
        let person = json!({ "displayName": "A person", "email": format!("{id}@northgate.example"),
            "kind": "STAFF_KIND_EMPLOYEE" });
        match rpc {
            "StaffService/CreateStaff" => json!({ "staffId": id, "staff": person }),
            "StaffService/GetStaff" => json!({ "name": "staff/ben" }),
            "StaffService/ListStaff" => json!({}),
            "StaffService/UpdateStaff" | "StaffService/DeactivateStaff" => {
                let created = json!({ "staffId": id, "staff": person });
                let created = self.firm.ok("staff/grace", "StaffService/CreateStaff", created).await["staff"].clone();
                if rpc.ends_with("UpdateStaff") {
                    json!({ "staff": created })
                } else {
                    json!({ "name": created["name"] })
                }
            }
            "StaffService/CreateAbsence" => json!({ "parent": "staff/dora", "absence": {
                "startTime": format!("20{}-01-04T00:00:00Z", 30 + self.serial % 60),
                "endTime": format!("20{}-01-05T00:00:00Z", 30 + self.serial % 60) } }),
            "StaffService/ListAbsences" => json!({ "parent": "staff/ben" }),
            other => panic!("no request for {other}: add one, and a row to access.csv"),
        }
    }

    /// A call to somebody of the client, whom a critical incident is told to.
    async fn of_calls(&mut self, rpc: &str, side: Side) -> Value {
        let side = if side == Side::Foreign { side } else { Side::Own };
        let draft = json!({ "case": {
            "client": side.client(), "kind": "CASE_KIND_INCIDENT", "subject": "Everything is down" } });
        let case = self.open(draft).await;
        self.firm.stage().settle().await.unwrap();
        let under_way = json!({ "case": case, "state": "CALL_STATE_PLACED" });
        let calls = self.firm.ok("staff/grace", "CallService/ListCalls", under_way).await;
        let name = calls["calls"][0]["name"].clone();
        match rpc {
            "CallService/ListCalls" => self.looking_for(name, json!({ "pageSize": 200 })),
            "CallService/ReportCall" => json!({ "name": name, "status": "CALL_STATUS_BUSY" }),
            other => panic!("no request for {other}: add one, and a row to access.csv"),
        }
    }

    async fn of_cases(&mut self, rpc: &str, side: Side) -> Value {
        let draft = |kind: &str| {
            json!({ "case": {
            "client": side.client(), "kind": format!("CASE_KIND_{kind}"), "subject": "The export fails" } })
        };
        let name = match rpc {
            "CaseService/OpenCase" => return draft("INQUIRY"),
            "CaseService/WatchCases" => return json!({}),
            "CaseService/GiveLatenessReason" => self.late[usize::from(side == Side::Foreign)].clone(),
            "CaseService/RaiseIssue" => self.open(draft("INQUIRY")).await,
            _ => self.open(draft("ISSUE")).await,
        };
        if ["ConfirmResolution", "RecordClientConfirmation", "RejectResolution"].iter().any(|verb| rpc.ends_with(verb))
        {
            let proposal = json!({ "name": name, "text": "The export is repaired." });
            self.firm.ok("staff/grace", "CaseService/ProposeResolution", proposal).await;
        }
        match rpc {
            "CaseService/GetCase"
            | "CaseService/AcknowledgeCase"
            | "CaseService/ExportTimeline"
            | "CaseService/PreviewCase" => json!({ "name": name }),
            "CaseService/ListCases" => self.looking_for(name, json!({ "pageSize": 200 })),
            "CaseService/ListTimelineEntries" => json!({ "parent": name }),
            "CaseService/RaiseIssue" | "CaseService/DeclareCritical" | "CaseService/EscalateCase" => {
                json!({ "name": name, "reason": "It is urgent." })
            }
            "CaseService/ProposeResolution" => json!({ "name": name, "text": "The export is repaired." }),
            "CaseService/ConfirmResolution" => json!({ "name": name, "proposalRevision": 1 }),
            "CaseService/RecordClientConfirmation" => json!({ "name": name, "proposalRevision": 1,
                "contact": side.contact(), "evidence": "By phone at ten, on the number that we have." }),
            "CaseService/RejectResolution" => {
                json!({ "name": name, "proposalRevision": 1, "reason": "It still fails." })
            }
            "CaseService/GiveLatenessReason" => {
                json!({ "name": name, "clock": "CLOCK_KIND_FIRST_RESPONSE", "reason": "The mail lay unread." })
            }
            other => panic!("no request for {other}: add one, and a row to access.csv"),
        }
    }

    async fn open(&self, draft: Value) -> Value {
        self.firm.ok("staff/grace", "CaseService/OpenCase", draft).await["case"]["name"].clone()
    }

    async fn of_mails(&mut self, rpc: &str, side: Side) -> Value {
        if rpc == "InboundService/DeliverMail" {
            let raw = format!(
                "From: <{}>\r\nTo: <service@northgate.example>\r\nSubject: Hello\r\nMessage-ID: <cell-{}@somewhere.example>\
                 \r\nDate: Thu, 25 Mar 2027 13:00:00 +0000\r\n\r\nHello.\r\n",
                side.address(),
                self.serial
            );
            return json!({ "raw": STANDARD.encode(raw) });
        }
        let triage = ["AttributeMail", "DismissMail"].iter().any(|verb| rpc.ends_with(verb));
        let from = if triage { Side::Nobodys.address() } else { side.address() };
        let name = self.firm.mail(from, "Hello", "Hello.").await["name"].clone();
        match rpc {
            "InboundService/GetMail" => json!({ "name": name }),
            "InboundService/ListMails" => self.looking_for(name, json!({ "pageSize": 200 })),
            "InboundService/AttributeMail" => json!({ "name": name, "contact": "clients/acme/contacts/sam" }),
            "InboundService/DismissMail" => json!({ "name": name, "reason": "An advertisement." }),
            other => panic!("no request for {other}: add one, and a row to access.csv"),
        }
    }

    async fn of_meetings(&mut self, rpc: &str, side: Side) -> Value {
        let planned = |start: &str| {
            json!({ "meeting": { "client": side.client(), "form": "MEETING_FORM_PHONE", "contacts": [side.contact()],
            "subject": "The move", "startTime": start } })
        };
        let mut over = planned("2027-03-24T10:00:00Z");
        over["meeting"]["endTime"] = json!("2027-03-24T10:30:00Z");
        let ahead = planned("2027-12-01T10:00:00Z");
        if rpc == "MeetingService/CreateMeeting" {
            return ahead;
        }
        let is_planned = ["HoldMeeting", "CancelMeeting"].iter().any(|verb| rpc.ends_with(verb));
        let opened = if is_planned { ahead } else { over };
        let made = self.firm.ok("staff/grace", "MeetingService/CreateMeeting", opened).await;
        let name = made["meeting"]["name"].clone();
        match rpc {
            "MeetingService/GetMeeting" | "MeetingService/CloseMeeting" => json!({ "name": name }),
            "MeetingService/ListMeetings" => self.looking_for(name, json!({ "pageSize": 200 })),
            "MeetingService/HoldMeeting" => json!({ "name": name, "startTime": "2027-03-24T10:00:00Z",
                "endTime": "2027-03-24T10:30:00Z" }),
            "MeetingService/RecordMinutes" => json!({ "name": name, "text": "We move in May." }),
            "MeetingService/RecordRecording" => json!({ "name": name, "missingReason": "The line was bad." }),
            "MeetingService/CancelMeeting" => json!({ "name": name, "reason": "Jo is ill." }),
            other => panic!("no request for {other}: add one, and a row to access.csv"),
        }
    }

    async fn of_notifications(&mut self, rpc: &str, side: Side) -> Value {
        let message = json!({
            "client": side.client(), "contact": side.contact(), "nature": "MESSAGE_NATURE_REPLY", "subject": "Hello",
            "text": "Hello.",
        });
        let name = match (rpc, side) {
            ("NotificationService/SendMessage", _) => return message,
            ("NotificationService/WatchDeliveries", _) => return json!({}),
            (_, Side::Nobodys) => {
                // Intake is told of a stranger's mail.
                self.firm.mail(side.address(), "Hello", "Hello.").await;
                self.firm.notifications(&Value::Null, "TRIAGE").await.last().unwrap()["name"].clone()
            }
            ("NotificationService/CancelNotification", _) => self.queued(message).await,
            _ => {
                let sent = self.firm.ok("staff/grace", "NotificationService/SendMessage", message).await;
                sent["notification"]["name"].clone()
            }
        };
        match rpc {
            "NotificationService/GetNotification" | "NotificationService/CancelNotification" => json!({ "name": name }),
            "NotificationService/ListNotifications" => self.looking_for(name, json!({ "pageSize": 200 })),
            other => panic!("no request for {other}: add one, and a row to access.csv"),
        }
    }

    async fn of_suppressions(&mut self, rpc: &str, side: Side) -> Value {
        let name = match self.suppression(side).await {
            Value::Null => {
                // A mail that comes back, since there is no such address.
                let message = json!({
                    "client": side.client(), "contact": side.contact(), "nature": "MESSAGE_NATURE_REPLY",
                    "subject": "Hello", "text": "Hello.",
                });
                let sent = self.firm.ok("staff/grace", "NotificationService/SendMessage", message).await;
                self.firm.stage().settle().await.unwrap();
                let sent = json!({ "name": sent["notification"]["name"] });
                let sent = self.firm.ok("staff/grace", "NotificationService/GetNotification", sent).await;
                let about = sent["notification"]["messageId"].as_str().unwrap();
                let (serial, address) = (self.serial, side.address());
                let notice = format!(
                    "From: mailer-daemon@mx.example\r\nMessage-ID: <notice-{serial}@mx.example>\r\nMIME-Version: 1.0\r\n\
                     Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n\
                     Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n\
                     Final-Recipient: rfc822; {address}\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b\r\n\
                     Content-Type: text/rfc822-headers\r\n\r\nMessage-ID: <{about}>\r\n\r\n--b--\r\n"
                );
                let delivery = json!({ "raw": STANDARD.encode(notice), "envelopeFrom": "" });
                self.firm.ok("services/intake", "InboundService/DeliverMail", delivery).await;
                self.firm.stage().settle().await.unwrap();
                self.suppression(side).await
            }
            known => known,
        };
        match rpc {
            "SuppressionService/LiftSuppression" => json!({ "name": name, "reason": "The mailbox is back." }),
            "SuppressionService/ListSuppressions" => self.looking_for(name, json!({ "pageSize": 200 })),
            other => panic!("no request for {other}: add one, and a row to access.csv"),
        }
    }

    async fn suppression(&self, side: Side) -> Value {
        let of_client = json!({ "client": side.client() });
        let known = self.firm.ok("staff/grace", "SuppressionService/ListSuppressions", of_client).await;
        known["suppressions"][0]["name"].clone()
    }

    /// A list's request, in whose answer this is looked for.
    pub fn looking_for(&mut self, name: Value, request: Value) -> Value {
        self.looked_for = name.as_str().unwrap().to_owned();
        request
    }
}
