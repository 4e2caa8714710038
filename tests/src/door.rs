//! A front door that somebody else's process serves.

use std::{path::Path, sync::Arc, time::Duration};

use access::{Principal, TrialIssuer};
use base64::{Engine, engine::general_purpose::STANDARD};
use business_time::WallClock;
use liaison::{
    call::{self, CallError, Refused},
    player::Stage,
};
use serde_json::{Value, json};
use tonic::transport::Channel;

/// Calls over gRPC with tokens of a trial issuer.
#[derive(Clone)]
pub struct Door {
    channel: Channel,
    issuer: Arc<TrialIssuer>,
}

impl Door {
    /// The server at `address`.
    pub fn new(address: &str, issuer: Arc<TrialIssuer>) -> Self {
        Self { channel: call::channel(address).unwrap(), issuer }
    }

    /// The suite at `address` whose data lies in `data`.
    pub fn of_suite(address: &str, data: &Path) -> Self {
        Self::new(address, Arc::new(TrialIssuer::open(&data.join("keys"), Arc::new(WallClock)).unwrap()))
    }

    /// The connection.
    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// A token of somebody.
    pub fn token(&self, who: &str) -> String {
        self.issuer.mint(&Principal::parse(who).unwrap(), Duration::from_secs(3600)).unwrap()
    }

    /// Calls `CaseService/GetCase` or the like with a request as proto JSON.
    pub async fn call(&self, who: &str, method: &str, request: &Value) -> Result<Value, CallError> {
        let method = Stage::find_method(method).unwrap();
        let message = call::request(&method, &request.to_string())?;
        let answer = call::unary(&self.channel, &method, message, Some(&self.token(who))).await?;
        call::json(&answer)
    }

    /// As [`Door::call`], where an answer is expected.
    pub async fn ok(&self, who: &str, method: &str, request: Value) -> Value {
        self.call(who, method, &request).await.unwrap_or_else(|error| panic!("{who} {method} {request}: {error}"))
    }

    /// As [`Door::call`], where a refusal is expected.
    pub async fn refused(&self, who: &str, method: &str, request: Value) -> Refused {
        match self.call(who, method, &request).await {
            Err(CallError::Refused(refused)) => *refused,
            other => panic!("{who} {method} {request}: {other:?}"),
        }
    }
}

/// The request that hands over a mail, received now.
pub fn delivery(raw: &str, envelope_from: &str) -> Value {
    let raw = raw.replace("\r\n", "\n").replace('\n', "\r\n");
    json!({ "raw": STANDARD.encode(raw), "envelopeFrom": envelope_from })
}

/// A mail to the firm of [`set_up`], vouched for by its mail server.
pub fn mail_to_firm(from: &str, id: &str, subject: &str, text: &str) -> String {
    let domain = from.rsplit_once('@').unwrap().1.trim_end_matches('>');
    format!(
        "Authentication-Results: mx.firm.example; dmarc=pass header.from={domain}\nFrom: {from}\n\
         To: <service@firm.example>\nSubject: {subject}\nDate: Mon, 2 Nov 2026 10:00:00 +0000\nMessage-ID: <{id}@{domain}>\n\
         MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n{text}\n"
    )
}

/// Sets up a small firm that works around the clock, by `staff/grace`, who is in management: Anna, account manager of the
/// client acme, and its contact Jo, who confirms.
pub async fn set_up(registry: &Door) {
    let days = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"];
    let week: Vec<_> = days
        .iter()
        .map(|day| json!({ "day": format!("DAY_OF_WEEK_{day}"), "open": "00:00", "close": "24:00" }))
        .collect();
    for (who, method, request) in [
        (
            "staff/grace",
            "CalendarService/CreateCalendar",
            json!({ "calendarId": "always", "calendar": { "timeZone": "Europe/London", "week": week } }),
        ),
        (
            "staff/grace",
            "PolicyService/PublishPolicy",
            json!({ "policy": {
                "firmCalendar": "calendars/always", "officialDomain": "firm.example",
                "serviceAddress": "service@firm.example", "authservId": "mx.firm.example",
                "firstResponseBusinessDays": 1, "autoAcknowledge": true, "confirmationReminder": "86400s",
                "escalationSteps": [
                    { "after": "86400s", "target": "ESCALATION_TARGET_TEAM_LEAD" },
                    { "after": "172800s", "target": "ESCALATION_TARGET_MANAGEMENT" }],
            } }),
        ),
        (
            "staff/grace",
            "StaffService/CreateStaff",
            json!({ "staffId": "anna", "staff": {
                "displayName": "Anna Petrova", "email": "anna@firm.example", "kind": "STAFF_KIND_EMPLOYEE" } }),
        ),
        (
            "staff/grace",
            "ClientService/CreateClient",
            json!({ "clientId": "acme", "client": {
                "displayName": "Acme Instruments", "calendar": "calendars/always", "accountManager": "staff/anna" } }),
        ),
        (
            "staff/anna",
            "ContactService/CreateContact",
            json!({ "parent": "clients/acme", "contactId": "jo", "contact": {
                "displayName": "Jo Marsh", "email": "jo@acme.example", "confirms": true } }),
        ),
    ] {
        registry.ok(who, method, request).await;
    }
}
