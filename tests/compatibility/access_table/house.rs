use std::time::Duration;

use database::{Database, DatabaseTransaction};
use liaison::{
    call::{self, CallError},
    player::Stage,
};
use liaison_tests::Firm;
use prost_reflect::{DynamicMessage, MethodDescriptor};
use serde_json::{Value, json};
use tonic::{Streaming, transport::Channel};

/// How long a message of a stream may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Whose something is, seen from the people of the table's columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Own,
    Foreign,
    /// No client is concerned.
    Nobodys,
    /// The firm's own.
    Firm,
}

impl Side {
    /// The client; the firm's own business is tried with our people's.
    pub fn client(self) -> &'static str {
        if self == Self::Foreign { "clients/bluewater" } else { "clients/acme" }
    }

    /// Its contact who confirms.
    pub fn contact(self) -> &'static str {
        if self == Self::Foreign { "clients/bluewater/contacts/kim" } else { "clients/acme/contacts/jo" }
    }

    /// That contact's address.
    pub fn address(self) -> &'static str {
        match self {
            Self::Foreign => "kim.delacroix@bluewater.example",
            Self::Nobodys => "stranger@elsewhere.example",
            Self::Own | Self::Firm => "jo.marsh@acme.example",
        }
    }

    pub fn account_manager(self) -> &'static str {
        if self == Self::Foreign { "staff/frank" } else { "staff/anna" }
    }

    pub fn calendar(self) -> &'static str {
        if self == Self::Foreign { "calendars/new-york" } else { "calendars/northgate" }
    }
}

/// A firm in which every RPC can be called with a request that is answered.
pub struct House {
    pub firm: Firm,
    channel: Channel,
    pub serial: u32,
    /// Inquiries that were late, of acme and of bluewater.
    pub late: [Value; 2],
    rpc: &'static str,
    side: Side,
    method: MethodDescriptor,
    /// What is asked next. Made anew after each call that changed something.
    request: Option<Value>,
    /// What a list must show.
    pub looked_for: String,
    /// While it is held, nobody gets a permit, so that what is queued stays queued.
    no_permits: Option<DatabaseTransaction>,
}

impl House {
    pub async fn build() -> Self {
        let firm = Firm::start().await;
        let contractor = json!({ "staffId": "max", "staff": {
            "displayName": "Max Gruber", "email": "max@northgate.example", "kind": "STAFF_KIND_CONTRACTOR",
            "accessExpireTime": "2027-03-24T17:00:00Z" } });
        firm.ok("staff/grace", "StaffService/CreateStaff", contractor).await;
        let engagement = json!({ "parent": "clients/acme", "engagementId": "audit", "engagement": {
            "displayName": "Audit", "teamLead": "staff/ben", "teamMembers": ["staff/max"] } });
        firm.ok("staff/anna", "EngagementService/CreateEngagement", engagement).await;
        // While it counted, it did.
        firm.ok("staff/max", "ClientService/GetClient", json!({ "name": "clients/acme" })).await;

        let mut late = Vec::new();
        for side in [Side::Own, Side::Foreign] {
            let (parent, client) = (side.client(), side.client());
            for (who, method, request) in [
                (
                    side.account_manager(),
                    "ContactService/CreateContact",
                    json!({ "parent": parent, "contactId": "spare", "contact": spare_contact(side) }),
                ),
                (
                    side.account_manager(),
                    "EngagementService/CreateEngagement",
                    json!({ "parent": parent, "engagementId": "spare", "engagement": spare_engagement(side) }),
                ),
                (side.account_manager(), "PlanService/UpdatePlan", json!({ "plan": spare_plan(side) })),
            ] {
                firm.ok(who, method, request).await;
            }
            let draft = json!({ "client": client, "kind": "CASE_KIND_INQUIRY", "subject": "Nobody will answer" });
            let case = firm.ok(side.account_manager(), "CaseService/OpenCase", json!({ "case": draft })).await;
            late.push(case["case"]["name"].clone());
        }
        firm.until("2027-03-25T14:00[Europe/London]").await;
        let channel = call::channel(&firm.suite().address().to_string()).unwrap();
        let method = Stage::find_method("AccessService/WhoAmI").unwrap();
        let late = [late[0].clone(), late[1].clone()];
        let (serial, rpc, side, request, looked_for) = (0, "", Side::Firm, None, String::new());
        Self { firm, channel, serial, late, rpc, side, method, request, looked_for, no_permits: None }
    }

    /// Whatever is called next is this.
    pub async fn begin(&mut self, rpc: &'static str, side: Side) {
        (self.rpc, self.side, self.request) = (rpc, side, None);
        self.method = Stage::find_method(rpc).unwrap();
        if rpc == "NotificationService/CancelNotification" {
            self.firm.stage().settle().await.unwrap();
            let registry = self.firm.data().join("db/client-registry.sqlite");
            let registry = Database::connect(&format!("sqlite://{}", registry.display())).await.unwrap();
            self.no_permits = Some(registry.begin().await.unwrap());
        }
    }

    pub async fn end(&mut self) {
        if let Some(held) = self.no_permits.take() {
            held.rollback().await.unwrap();
        }
    }

    /// Calls it with this token; what came, in the table's words.
    pub async fn call(&mut self, who: Option<&str>) -> String {
        let request = match self.request.take() {
            Some(request) => request,
            None => self.prepare(self.rpc, self.side).await,
        };
        let token = who.map(|who| self.firm.suite().token(who).unwrap());
        let message = call::request(&self.method, &request.to_string()).unwrap();
        let outcome = if self.method.is_server_streaming() {
            self.watch(message, token.as_deref()).await
        } else {
            call::unary(&self.channel, &self.method, message, token.as_deref())
                .await
                .and_then(|answer| call::json(&answer))
        };
        match outcome {
            Ok(answer) => {
                let shown = self.marker().is_none_or(|marker| answer.to_string().contains(&marker));
                if !self.changes() {
                    self.request = Some(request);
                } else if self.no_permits.is_none() {
                    self.firm.stage().settle().await.unwrap();
                    self.put_back(self.rpc, self.side).await;
                }
                if shown { "allowed".to_owned() } else { "none".to_owned() }
            }
            Err(CallError::Refused(refused)) => {
                self.request = Some(request);
                if refused.reason.is_empty() { refused.to_string() } else { refused.reason }
            }
            Err(error) => error.to_string(),
        }
    }

    /// What is called.
    pub fn asked(&self) -> (&'static str, Side) {
        (self.rpc, self.side)
    }

    /// A message that stays queued, since nobody gets a permit now; gives its name.
    pub async fn queued(&self, message: Value) -> Value {
        let method = Stage::find_method("NotificationService/SendMessage").unwrap();
        let answer = self.firm.stage().call("staff/grace", &method, &message.to_string()).await.unwrap();
        answer["notification"]["name"].clone()
    }

    fn changes(&self) -> bool {
        let reads = ["Get", "List", "Watch", "Preview", "Check", "Export", "Verify", "Replay", "Identify", "Who"];
        !reads.iter().any(|verb| self.method.name().starts_with(verb))
    }

    /// Watches while something happens at the client and then at acme: a stream keeps the order of what happened.
    async fn watch(&mut self, message: DynamicMessage, token: Option<&str>) -> Result<Value, CallError> {
        let mut stream = call::streaming(&self.channel, &self.method, message, token).await?;
        let cases = self.method.name() == "WatchCases";
        if self.side == Side::Foreign {
            self.happen(Side::Foreign, cases).await;
        }
        let last = self.happen(Side::Own, cases).await;
        let mut seen = Vec::new();
        while let Some(message) = next(&mut stream).await? {
            seen.push(call::json(&message)?);
            if seen.last().is_some_and(|message| message.to_string().contains(&last)) {
                break;
            }
        }
        Ok(Value::from(seen))
    }

    /// Something that those who watch are told; gives the resource's name.
    async fn happen(&mut self, side: Side, case: bool) -> String {
        let (rpc, resource) = match case {
            true => ("CaseService/OpenCase", "case"),
            false => ("NotificationService/SendMessage", "notification"),
        };
        let request = self.prepare(rpc, side).await;
        let answer = self.firm.ok("staff/grace", rpc, request).await;
        answer[resource]["name"].as_str().unwrap().to_owned()
    }
}

async fn next(stream: &mut Streaming<DynamicMessage>) -> Result<Option<DynamicMessage>, CallError> {
    let message = tokio::time::timeout(PATIENCE, stream.message()).await;
    message.map_err(|_| CallError::Connection("the stream brings nothing".into()))?.map_err(call::refused)
}

pub fn spare_contact(side: Side) -> Value {
    let domain = side.address().split('@').nth(1).unwrap();
    let phone = if side == Side::Foreign { "+12125550100" } else { "+442071838750" };
    json!({ "displayName": "Spare Contact", "email": format!("spare@{domain}"), "phone": phone, "toldOfIncidents": true })
}

pub fn spare_engagement(side: Side) -> Value {
    json!({ "displayName": "Spare work", "teamLead": side.account_manager() })
}

/// As many as a plan takes.
pub const MILESTONES: u32 = 100;

pub fn spare_plan(side: Side) -> Value {
    let milestone = |number: u32| json!({ "id": format!("m{number}"), "displayName": format!("Part {number}"), "ways": ["CONTACT_WAY_EMAIL"] });
    json!({
        "name": format!("{}/engagements/spare/plan", side.client()),
        "contacts": [{ "id": "weekly", "weeklyOn": "DAY_OF_WEEK_MONDAY", "time": "10:00", "startDate": "2027-03-01",
            "ways": ["CONTACT_WAY_PHONE"] }],
        "milestones": (0..MILESTONES).map(milestone).collect::<Vec<_>>(),
    })
}
