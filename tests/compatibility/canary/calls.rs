//! Calls that set every personal field, and calls that are refused.

use liaison_tests::delivery;
use serde_json::{Value, json};
use testkit::eventually_some;

use super::{BEACON, CANARY, CANARY_PHONE, suite::Suite};

const GRACE: &str = "staff/grace";
const ANNA: &str = "staff/anna";
const JO: &str = "clients/leuchtturm9z/contacts/jo";

fn mail(from: &str, id: &str) -> Value {
    let domain = from.split('@').nth(1).unwrap();
    delivery(
        &format!(
            "Authentication-Results: mx.firm.example; dmarc=pass header.from={domain}\nFrom: From {CANARY} <{from}>\n\
             To: To {CANARY} <service@firm.example>\nSubject: Subject {CANARY}\nDate: Mon, 2 Nov 2026 10:00:00 +0000\n\
             Message-ID: <{id}.{CANARY}@{domain}>\nX-Header: {CANARY}\nMIME-Version: 1.0\n\
             Content-Type: text/plain; charset=utf-8\n\nBody {CANARY}\n"
        ),
        from,
    )
}

impl Suite {
    /// Puts a canary into every personal field.
    pub async fn fill(&mut self) {
        self.firm().await;
        self.watch(GRACE, "CaseService/WatchCases").await;
        self.watch(GRACE, "NotificationService/WatchDeliveries").await;
        self.cases().await;
        self.reports().await;
        self.meetings().await;
        self.mails().await;
        self.settle().await;
        self.read().await;
    }

    async fn firm(&mut self) {
        let days = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"];
        let day = |day| json!({ "day": format!("DAY_OF_WEEK_{day}"), "open": "00:00", "close": "24:00" });
        let week: Vec<_> = days.into_iter().map(day).collect();
        let calendar = json!({ "calendarId": BEACON, "calendar": { "timeZone": "Europe/London", "week": week } });
        self.ok(GRACE, "CalendarService/CreateCalendar", calendar).await;
        let policy = json!({ "policy": {
            "firmCalendar": format!("calendars/{BEACON}"), "officialDomain": "firm.example",
            "serviceAddress": "service@firm.example", "authservId": "mx.firm.example", "firstResponseBusinessDays": 1,
            "autoAcknowledge": true, "confirmationReminder": "86400s",
            "escalationSteps": [
                { "after": "86400s", "target": "ESCALATION_TARGET_TEAM_LEAD" },
                { "after": "172800s", "target": "ESCALATION_TARGET_MANAGEMENT" }] } });
        self.ok(GRACE, "PolicyService/PublishPolicy", policy).await;

        let staff = json!({ "staffId": "anna", "staff": { "displayName": format!("Anna {CANARY}"),
            "email": format!("anna.{CANARY}@firm.example"), "kind": "STAFF_KIND_EMPLOYEE",
            "phones": [format!("+46{CANARY_PHONE}")] } });
        let anna = self.ok(GRACE, "StaffService/CreateStaff", staff).await;
        self.ok(GRACE, "StaffService/UpdateStaff", json!({ "staff": without_etag(&anna["staff"]) })).await;
        let client = json!({ "clientId": BEACON, "client": { "displayName": format!("Acme {CANARY}"),
            "calendar": format!("calendars/{BEACON}"), "accountManager": ANNA } });
        let client = self.ok(GRACE, "ClientService/CreateClient", client).await["client"].clone();
        self.ok(ANNA, "ClientService/UpdateClient", json!({ "client": without_etag(&client) })).await;
        let parent = &client["name"];
        let work = json!({ "displayName": format!("Migration {CANARY}"), "teamLead": ANNA });
        let work = json!({ "parent": parent, "engagementId": "migration", "engagement": work });
        let work = self.ok(ANNA, "EngagementService/CreateEngagement", work).await["engagement"].clone();
        self.ok(ANNA, "EngagementService/UpdateEngagement", json!({ "engagement": without_etag(&work) })).await;
        let jo = json!({ "displayName": format!("Jo {CANARY}"), "email": format!("jo.{CANARY}@acme.example"),
            "phone": format!("+44{CANARY_PHONE}"), "otherPhones": [format!("+45{CANARY_PHONE}")], "confirms": true });
        let jo = json!({ "parent": parent, "contactId": "jo", "contact": jo });
        let jo = self.ok(ANNA, "ContactService/CreateContact", jo).await["contact"].clone();
        self.ok(ANNA, "ContactService/UpdateContact", json!({ "contact": without_etag(&jo) })).await;
        let address = json!({ "email": format!("jo.{CANARY}@acme.example") });
        let found = self.ok("services/notification", "ContactService/IdentifySender", address).await;
        assert_eq!(found["contact"], JO);
    }

    async fn cases(&mut self) {
        let draft = |kind: &str| {
            json!({ "case": { "client": format!("clients/{BEACON}"),
            "kind": format!("CASE_KIND_{kind}"), "subject": format!("Subject {CANARY}") } })
        };
        let case = self.ok(JO, "CaseService/OpenCase", draft("INQUIRY")).await["case"]["name"].clone();
        let reason = json!({ "name": case, "reason": format!("Reason {CANARY}") });
        self.ok(ANNA, "CaseService/RaiseIssue", reason.clone()).await;
        self.ok(ANNA, "CaseService/EscalateCase", reason.clone()).await;
        self.ok(ANNA, "CaseService/DeclareCritical", reason).await;
        let proposal = json!({ "name": case, "text": format!("Proposal {CANARY}") });
        self.ok(ANNA, "CaseService/ProposeResolution", proposal.clone()).await;
        let rejection = json!({ "name": case, "proposalRevision": 1, "reason": format!("Not yet {CANARY}") });
        self.ok(JO, "CaseService/RejectResolution", rejection).await;
        self.ok(ANNA, "CaseService/ProposeResolution", proposal).await;
        let by_phone = json!({ "name": case, "proposalRevision": 2, "contact": JO,
            "evidence": format!("Called +44{CANARY_PHONE} {CANARY}") });
        self.ok(ANNA, "CaseService/RecordClientConfirmation", by_phone).await;
    }

    async fn meetings(&mut self) {
        let milestone =
            json!({ "id": "trial", "displayName": format!("Trial {CANARY}"), "ways": ["CONTACT_WAY_EMAIL"] });
        let plan = json!({ "name": format!("clients/{BEACON}/engagements/migration/plan"), "milestones": [milestone] });
        self.ok(ANNA, "PlanService/UpdatePlan", json!({ "plan": plan })).await;
        // What the server sets is not read, wherever it comes from.
        let words = |start: String, end: Option<String>| {
            json!({ "meeting": {
                "client": format!("clients/{BEACON}"), "form": "MEETING_FORM_PHONE", "contacts": [JO], "startTime": start,
                "endTime": end, "subject": format!("Subject {CANARY}"), "cancelReason": format!("Reason {CANARY}"),
                "minutes": { "text": format!("Minutes {CANARY}") },
                "recording": { "reference": CANARY, "consent": CANARY, "missingReason": CANARY } } })
        };
        let over = self.ok(ANNA, "MeetingService/CreateMeeting", words(days_ago(2), Some(days_ago(1)))).await;
        let name = over["meeting"]["name"].clone();
        let minutes = json!({ "name": name, "text": format!("Minutes {CANARY}") });
        self.ok(ANNA, "MeetingService/RecordMinutes", minutes).await;
        let recorded = json!({ "name": name, "reference": format!("rec-{CANARY}"), "consentingContact": JO,
            "consent": format!("Said so {CANARY}") });
        self.ok(ANNA, "MeetingService/RecordRecording", recorded).await;
        let missing = json!({ "name": name, "missingReason": format!("Not wanted {CANARY}") });
        self.ok(ANNA, "MeetingService/RecordRecording", missing).await;
        self.ok(ANNA, "MeetingService/CloseMeeting", json!({ "name": name })).await;
        let ahead = self.ok(ANNA, "MeetingService/CreateMeeting", words(days_ago(-2), None)).await;
        let cancelled = json!({ "name": ahead["meeting"]["name"], "reason": format!("Jo is ill {CANARY}") });
        self.ok(ANNA, "MeetingService/CancelMeeting", cancelled).await;
        let mut video = words(days_ago(-2), None);
        video["meeting"]["form"] = json!("MEETING_FORM_VIDEO");
        video["meeting"]["videoLink"] = json!(format!("https://meet.example/{CANARY}"));
        self.refused(ANNA, "MeetingService/CreateMeeting", video).await;
        let lifted = json!({ "name": "suppressions/none", "reason": format!("It works {CANARY}") });
        self.refused(GRACE, "SuppressionService/LiftSuppression", lifted).await;
    }

    async fn mails(&mut self) {
        let jo = format!("jo.{CANARY}@acme.example");
        // Received days ago, so it is late at once.
        let mut late = mail(&jo, "late");
        late["envelopeTo"] = json!([format!("service+{CANARY}@firm.example")]);
        late["receiveTime"] = json!(days_ago(4));
        let late = self.ok("services/intake", "InboundService/DeliverMail", late).await["mail"]["name"].clone();
        let case = eventually_some(std::time::Duration::from_secs(60), async || {
            let found = self.door.ok(ANNA, "CaseService/ListCases", json!({ "mail": late })).await;
            let case = found["cases"].get(0)?.clone();
            (case["kind"] == "CASE_KIND_ISSUE").then_some(case)
        })
        .await;
        let reason = json!({ "name": case["name"], "clock": "CLOCK_KIND_FIRST_RESPONSE",
            "reason": format!("Late because {CANARY}") });
        self.ok(ANNA, "CaseService/GiveLatenessReason", reason).await;
        let reply = json!({ "client": format!("clients/{BEACON}"), "case": case["name"], "nature": "MESSAGE_NATURE_REPLY",
            "subject": format!("Re: {CANARY}"), "text": format!("Reply {CANARY}"),
            "languageOverrideReason": format!("It is meant so {CANARY}") });
        self.soon(ANNA, "NotificationService/SendMessage", reply).await;

        // Of two strangers one is a client's contact after all.
        for (id, rpc) in [("one", "InboundService/DismissMail"), ("two", "InboundService/AttributeMail")] {
            let stranger = mail(&format!("{id}.{CANARY}@elsewhere.example"), id);
            let stranger = self.ok("services/intake", "InboundService/DeliverMail", stranger).await;
            let name = stranger["mail"]["name"].clone();
            eventually_some(std::time::Duration::from_secs(60), async || {
                let mail = self.door.ok(GRACE, "InboundService/GetMail", json!({ "name": name })).await;
                (mail["mail"]["state"] == "MAIL_STATE_IN_TRIAGE").then_some(())
            })
            .await;
            let request = if id == "one" {
                json!({ "name": name, "reason": format!("An advertisement {CANARY}") })
            } else {
                json!({ "name": name, "contact": JO })
            };
            self.ok(GRACE, rpc, request).await;
        }
    }

    /// Reading leaves traces too.
    async fn read(&mut self) {
        let parent = format!("clients/{BEACON}");
        let cases = self.ok(ANNA, "CaseService/ListCases", json!({})).await;
        for case in cases["cases"].as_array().unwrap() {
            self.ok(ANNA, "CaseService/GetCase", json!({ "name": case["name"] })).await;
            self.ok(ANNA, "CaseService/ListTimelineEntries", json!({ "parent": case["name"] })).await;
            self.ok(ANNA, "CaseService/ExportTimeline", json!({ "name": case["name"] })).await;
        }
        let mails = self.ok(GRACE, "InboundService/ListMails", json!({})).await;
        self.ok(GRACE, "InboundService/GetMail", json!({ "name": mails["mails"][0]["name"] })).await;
        let sent = self.ok(GRACE, "NotificationService/ListNotifications", json!({})).await;
        let request = json!({ "name": sent["notifications"][0]["name"] });
        self.ok(GRACE, "NotificationService/GetNotification", request).await;
        self.ok(ANNA, "ContactService/ListContacts", json!({ "parent": parent })).await;
        self.ok(ANNA, "ContactService/GetContact", json!({ "name": JO })).await;
        self.ok(ANNA, "ClientService/GetClient", json!({ "name": parent })).await;
        self.ok(GRACE, "StaffService/ListStaff", json!({})).await;
    }

    /// What breaks no rule of a field and is refused all the same.
    pub async fn refuse(&mut self) {
        let parent = format!("clients/{BEACON}");
        let taken = json!({ "displayName": format!("Another {CANARY}"), "email": format!("jo.{CANARY}@acme.example") });
        let taken = json!({ "parent": parent, "contactId": "another", "contact": taken });
        self.refused(ANNA, "ContactService/CreateContact", taken).await;
        let staff = |id: &str, email: String| {
            json!({ "staffId": id, "staff": {
            "displayName": format!("Mallory {CANARY}"), "email": email, "kind": "STAFF_KIND_EMPLOYEE" } })
        };
        let unofficial = staff("mallory", format!("mallory.{CANARY}@elsewhere.example"));
        self.refused(GRACE, "StaffService/CreateStaff", unofficial).await;
        let there = staff("anna", format!("second.{CANARY}@firm.example"));
        self.refused(GRACE, "StaffService/CreateStaff", there).await;
        let nothing = json!({ "name": format!("clients/{BEACON}-x") });
        self.refused(GRACE, "ClientService/GetClient", nothing).await;
        for (id, text) in [("words", format!("Words {CANARY}")), ("others", format!("Other words {CANARY}"))] {
            let request = json!({ "client": parent, "contact": JO, "nature": "MESSAGE_NATURE_REPLY",
                "subject": format!("Subject {CANARY}"), "text": text, "requestId": "same-request" });
            if id == "words" {
                self.ok(ANNA, "NotificationService/SendMessage", request).await;
            } else {
                self.refused(ANNA, "NotificationService/SendMessage", request).await;
            }
        }
    }
}

fn without_etag(resource: &Value) -> Value {
    let mut resource = resource.clone();
    resource.as_object_mut().unwrap().remove("etag");
    resource
}

fn days_ago(days: i64) -> String {
    let now = business_time::WallClock.now().as_second();
    business_time::Timestamp::from_second(now - days * 86_400).unwrap().to_string()
}
