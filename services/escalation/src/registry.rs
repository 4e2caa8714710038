//! Questions to client-registry, asked before a transaction begins, never inside one.

use business_time::Calendar;
use command::{Commands, Fault};
use contracts::client_registry::v1::{
    self as wire, GetClientRequest, GetContactRequest, GetEngagementRequest, GetPolicyRequest, ListCalendarsRequest,
    ListClientsRequest, View, calendar_service_client::CalendarServiceClient,
    client_service_client::ClientServiceClient, contact_service_client::ContactServiceClient,
    engagement_service_client::EngagementServiceClient, policy_service_client::PolicyServiceClient,
};
use database::Database;
use event_log::HandlerError;
use refusal::{Kind, Refusal};
use runtime::Client;
use tonic::{Code, Status};

use crate::{
    case::{Introduced, no_client},
    terms::{
        calendar_spec,
        fetch::{Kind as Work, enqueue},
        store_calendar, store_client, store_policy,
    },
};

/// The registry, as this service asks it. Cheap to clone.
#[derive(Clone)]
pub struct Registry {
    channel: Client,
}

impl Registry {
    /// Over this channel, which brings this service's own token.
    pub fn new(channel: Client) -> Self {
        Self { channel }
    }

    /// The channel below.
    pub fn channel(&self) -> &Client {
        &self.channel
    }

    /// What a case of this client begins with.
    ///
    /// # Errors
    /// NOT_FOUND, CLIENT_NOT_FOUND; UNAVAILABLE, REGISTRY_UNAVAILABLE where it does not answer.
    pub async fn introduce(&self, client: &str) -> Result<Introduced, Refusal> {
        let request = GetClientRequest { name: client.to_owned(), view: View::Basic.into() };
        let answer = ClientServiceClient::new(self.channel.clone()).get_client(request).await;
        let answer = answer.map_err(|status| missing(&status, || no_client(client)))?.into_inner();
        let found = answer.client.ok_or_else(unreadable)?;
        Ok(Introduced { calendar: found.calendar, revision: found.revision })
    }

    /// Demands that an engagement exists.
    ///
    /// # Errors
    /// NOT_FOUND, ENGAGEMENT_NOT_FOUND; UNAVAILABLE.
    pub async fn demand_engagement(&self, name: &str) -> Result<(), Refusal> {
        let request = GetEngagementRequest { name: name.to_owned() };
        let answer = EngagementServiceClient::new(self.channel.clone()).get_engagement(request).await;
        let none = || {
            let message = format!("{name} is not there, or not yours to see");
            Refusal::new(Kind::NotFound, "ENGAGEMENT_NOT_FOUND", message).with("resource", name)
        };
        answer.map(drop).map_err(|status| missing(&status, none))
    }

    /// Demands that a contact exists, is active, and may confirm for the client (SOP 8.4).
    ///
    /// # Errors
    /// NOT_FOUND, CONTACT_NOT_FOUND; FAILED_PRECONDITION, CONTACT_CANNOT_CONFIRM; UNAVAILABLE.
    pub async fn demand_confirmer(&self, name: &str) -> Result<(), Refusal> {
        let request = GetContactRequest { name: name.to_owned() };
        let answer = ContactServiceClient::new(self.channel.clone()).get_contact(request).await;
        let none = || {
            let message = format!("{name} is not there, or not yours to see");
            Refusal::new(Kind::NotFound, "CONTACT_NOT_FOUND", message).with("resource", name)
        };
        let contact = answer.map_err(|status| missing(&status, none))?.into_inner().contact.ok_or_else(unreadable)?;
        if contact.inactive || !contact.confirms {
            let message = "this contact may not confirm or reject for the client; ask one who may";
            return Err(Refusal::new(Kind::State, "CONTACT_CANNOT_CONFIRM", message).with("resource", name));
        }
        Ok(())
    }

    /// Takes over every client, every calendar and the policy in force, where their changes cannot be had one by one.
    ///
    /// # Errors
    /// Where the registry does not answer, or the database fails.
    pub async fn take_over(&self, commands: &Commands, db: &Database) -> Result<(), HandlerError> {
        let (clients, calendars, policy) = self.everything().await.map_err(|status| {
            tracing::warn!(rpc.code = ?status.code(), "the registry does not tell what it has");
            HandlerError::Retry
        })?;
        let commands = commands.clone();
        let kept = db
            .transaction(move |tx| {
                let (clients, calendars, policy) = (clients.clone(), calendars.clone(), policy.clone());
                let commands = commands.clone();
                Box::pin(async move {
                    let unit = commands.unit(tx, "services/client-registry", "escalation.take-over");
                    // What follows for running clocks is worked through once for each calendar and for the policy.
                    let cause = command::new_id();
                    for client in &clients {
                        if store_client(tx, &client.name, &client.calendar, client.revision).await? {
                            enqueue(&unit, Work::SettleClient, &client.name, &cause).await?;
                        }
                    }
                    for calendar in &calendars {
                        let Some(spec) = calendar_spec(calendar) else { continue };
                        if Calendar::try_new(spec.clone()).is_err() {
                            continue;
                        }
                        let spec = serde_json::to_string(&spec).map_err(|error| Fault::Stored(error.to_string()))?;
                        if store_calendar(tx, &calendar.name, calendar.revision, &spec).await? {
                            enqueue(&unit, Work::SettleCalendar, &calendar.name, &cause).await?;
                        }
                    }
                    if let Some(policy) = policy.as_ref().and_then(crate::terms::policy)
                        && store_policy(tx, &policy).await?
                    {
                        enqueue(&unit, Work::SettlePolicy, "policies", &cause).await?;
                    }
                    unit.finish().await
                })
            })
            .await;
        kept.map_err(|fault| {
            tracing::error!(error = %fault, "the registry's state was not taken over");
            HandlerError::Retry
        })
    }

    async fn everything(&self) -> Result<(Vec<wire::Client>, Vec<wire::Calendar>, Option<wire::Policy>), Status> {
        let (mut clients, mut calendars) = (Vec::new(), Vec::new());
        let mut page_token = String::new();
        loop {
            let request = ListClientsRequest { view: View::Basic.into(), page_size: 200, page_token };
            let page = ClientServiceClient::new(self.channel.clone()).list_clients(request).await?.into_inner();
            clients.extend(page.clients);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        loop {
            let request = ListCalendarsRequest { page_size: 200, page_token };
            let page = CalendarServiceClient::new(self.channel.clone()).list_calendars(request).await?.into_inner();
            calendars.extend(page.calendars);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        let request = GetPolicyRequest { name: "policies/current".into() };
        let policy = match PolicyServiceClient::new(self.channel.clone()).get_policy(request).await {
            Err(status) if status.code() == Code::NotFound => None,
            answer => answer?.into_inner().policy,
        };
        Ok((clients, calendars, policy))
    }
}

fn missing(status: &Status, none: impl FnOnce() -> Refusal) -> Refusal {
    if status.code() == Code::NotFound {
        return none();
    }
    tracing::warn!(rpc.code = ?status.code(), "the registry does not answer");
    let message = "client-registry does not answer; try again in a moment";
    Refusal::new(Kind::Unavailable, "REGISTRY_UNAVAILABLE", message)
}

fn unreadable() -> Refusal {
    tracing::error!("the registry answered without a body");
    Refusal::internal()
}
