//! What the firm's people and its clients do in many tests.

use serde_json::{Value, json};

use crate::firm::{Firm, instant};

/// Acme's contact who confirms for it.
pub const JO: &str = "jo.marsh@acme.example";
/// Acme's contact who does not.
pub const SAM: &str = "sam.whitaker@acme.example";
/// Bluewater's contact.
pub const KIM: &str = "kim.delacroix@bluewater.example";
/// Hikari's contact.
pub const YUI: &str = "yui.tanaka@hikari.example";

/// A time such as `2027-03-25T16:10[Europe/London]` as the API writes it.
pub fn at(text: &str) -> String {
    instant(text).to_string()
}

/// A case's clock: `FIRST_RESPONSE`, `RESOLUTION` or `CLIENT_UPDATE`.
pub fn clock<'c>(case: &'c Value, kind: &str) -> &'c Value {
    let kind = format!("CLOCK_KIND_{kind}");
    let mut clocks = case["clocks"].as_array().into_iter().flatten();
    clocks.find(|clock| clock["kind"] == kind.as_str()).unwrap_or_else(|| panic!("no {kind} in {case}"))
}

impl Firm {
    /// Jo of acme writes; gives the name of the case that it opens.
    pub async fn inquiry(&self) -> Value {
        self.inquiry_from(JO).await
    }

    /// A contact writes; gives the name of the case that it opens.
    pub async fn inquiry_from(&self, address: &str) -> Value {
        let mail = self.mail(address, "The timetable", "Does the migration keep its dates?").await;
        self.case_of(&mail).await["name"].clone()
    }

    /// Anna opens an issue on acme's migration; gives its name.
    pub async fn issue(&self) -> Value {
        self.issue_of("staff/anna", "clients/acme", "clients/acme/engagements/migration").await
    }

    /// Somebody opens an issue; gives its name.
    pub async fn issue_of(&self, who: &str, client: &str, engagement: &str) -> Value {
        let draft = json!({
            "client": client, "engagement": engagement, "kind": "CASE_KIND_ISSUE", "subject": "The export fails",
        });
        self.ok(who, "CaseService/OpenCase", json!({ "case": draft })).await["case"]["name"].clone()
    }

    /// Anna declares a critical incident on acme's migration; gives its name.
    pub async fn incident(&self) -> Value {
        self.incident_of("staff/anna", "clients/acme").await
    }

    /// Somebody declares a critical incident; gives its name.
    pub async fn incident_of(&self, who: &str, client: &str) -> Value {
        let draft =
            json!({ "client": client, "kind": "CASE_KIND_INCIDENT", "subject": "The export shows others' figures" });
        self.ok(who, "CaseService/OpenCase", json!({ "case": draft })).await["case"]["name"].clone()
    }

    /// A person of the firm updates the client on an incident; gives the notification as it is then.
    pub async fn update(&self, who: &str, case: &Value) -> Value {
        self.message(who, case, "INCIDENT_UPDATE").await
    }

    /// A person of the firm answers the question; gives the notification as it is then.
    pub async fn reply(&self, who: &str, case: &Value) -> Value {
        self.message(who, case, "REPLY").await
    }

    /// A person of the firm says that the question arrived, and no more; gives the notification as it is then.
    pub async fn bare_acknowledgement(&self, who: &str, case: &Value) -> Value {
        self.message(who, case, "ACKNOWLEDGEMENT").await
    }

    async fn message(&self, who: &str, case: &Value, nature: &str) -> Value {
        let request = json!({
            "client": self.case(case).await["client"], "case": case, "nature": format!("MESSAGE_NATURE_{nature}"),
            "subject": "About your message", "text": "The dates stand, the plan is unchanged.",
        });
        let answer = self.ok(who, "NotificationService/SendMessage", request).await;
        self.notification(&answer["notification"]["name"]).await
    }

    /// A contact answers a mail that is known by its Message-ID; gives the mail.
    pub async fn mail_in_reply(&self, address: &str, message_id: &Value) -> Value {
        self.mail_with(address, "Re: The timetable", "And how long does the trial run take?", &answering(message_id))
            .await
    }

    /// A notification as it stands now, as management sees it.
    pub async fn notification(&self, name: &Value) -> Value {
        self.ok("staff/grace", "NotificationService/GetNotification", json!({ "name": name })).await["notification"]
            .clone()
    }

    /// A mail as it stands now, as management sees it.
    pub async fn mail_now(&self, mail: &Value) -> Value {
        self.ok("staff/grace", "InboundService/GetMail", json!({ "name": mail["name"] })).await["mail"].clone()
    }

    /// The notifications of a kind such as `ESCALATION` about a case, in the order in which they were queued; about none
    /// where `case` is null.
    pub async fn notifications(&self, case: &Value, kind: &str) -> Vec<Value> {
        let kind = format!("NOTIFICATION_KIND_{kind}");
        let (mut found, mut token) = (Vec::new(), json!(""));
        loop {
            let case = if case.is_null() { json!("") } else { case.clone() };
            let request = json!({ "case": case, "pageSize": 200, "pageToken": token });
            let page = self.ok("staff/grace", "NotificationService/ListNotifications", request).await;
            found.extend(page["notifications"].as_array().cloned().unwrap_or_default());
            match page.get("nextPageToken") {
                Some(next) => token = next.clone(),
                None => break,
            }
        }
        found.retain(|one| one["kind"] == kind.as_str());
        found.reverse();
        found
    }

    /// Who was told about a case by notifications of a kind.
    pub async fn told(&self, case: &Value, kind: &str) -> Vec<String> {
        let people = |one: &Value| one["recipients"].as_array().cloned().unwrap_or_default();
        let notifications = self.notifications(case, kind).await;
        notifications.iter().flat_map(people).map(|person| person.as_str().unwrap().to_owned()).collect()
    }

    /// The mails of a kind that left.
    pub fn sent_as(&self, kind: &str) -> Vec<String> {
        let line = format!("X-Liaison-Kind: {kind}\r\n");
        self.sent().into_iter().filter(|raw| raw.contains(&line)).collect()
    }

    /// Proposes a resolution; gives the case.
    pub async fn propose(&self, who: &str, case: &Value) -> Value {
        let request = json!({ "name": case, "text": "The export is repaired; please try again." });
        self.ok(who, "CaseService/ProposeResolution", request).await["case"].clone()
    }

    /// Confirms a proposal; gives the case.
    pub async fn confirm(&self, who: &str, case: &Value, revision: u64) -> Value {
        self.ok(who, "CaseService/ConfirmResolution", confirmation(case, revision)).await["case"].clone()
    }

    /// Tries to confirm a proposal; gives the reason why not.
    pub async fn confirm_refused(&self, who: &str, case: &Value, revision: u64) -> String {
        self.refused(who, "CaseService/ConfirmResolution", confirmation(case, revision)).await
    }

    /// The client says that it is not resolved; gives the case.
    pub async fn reject(&self, who: &str, case: &Value, revision: u64) -> Value {
        let request =
            json!({ "name": case, "proposalRevision": revision, "reason": "Amounts over a million are cut." });
        self.ok(who, "CaseService/RejectResolution", request).await["case"].clone()
    }

    /// Management reads a `Staff`, `Client`, `Contact`, `Engagement` or `Calendar` and writes it back changed.
    pub async fn change(&self, what: &str, name: &str, change: impl FnOnce(&mut Value)) -> Value {
        let field = what.to_lowercase();
        let read = format!("{what}Service/Get{what}");
        let mut value = self.ok("staff/grace", &read, json!({ "name": name })).await[&field].clone();
        change(&mut value);
        let update = format!("{what}Service/Update{what}");
        self.ok("staff/grace", &update, json!({ &field: value })).await[&field].clone()
    }

    /// A day on which a calendar is not worked after all.
    pub async fn close(&self, calendar: &str, date: &str) {
        self.change("Calendar", calendar, |calendar| calendar["closures"] = json!([{ "date": date }])).await;
    }

    /// A member of staff is away.
    pub async fn away(&self, staff: &str, from: &str, to: &str) {
        let absence = json!({ "startTime": at(from), "endTime": at(to) });
        self.ok("staff/grace", "StaffService/CreateAbsence", json!({ "parent": staff, "absence": absence })).await;
    }

    /// A member of staff leaves the firm; gives the clients that went to somebody else.
    pub async fn leave(&self, staff: &str) -> Value {
        let answer = self.ok("staff/grace", "StaffService/DeactivateStaff", json!({ "name": staff })).await;
        answer["transferredClients"].clone()
    }
}

fn confirmation(case: &Value, revision: u64) -> Value {
    json!({ "name": case, "proposalRevision": revision })
}

/// The header fields of a mail that answers another.
pub(crate) fn answering(message_id: &Value) -> String {
    let id = message_id.as_str().unwrap();
    format!("In-Reply-To: <{id}>\nReferences: <{id}>\n")
}
