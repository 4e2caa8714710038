//! Questions to client-registry, asked before a transaction begins, never inside one.

use business_time::{Calendar, CalendarSpec, Closure, WeekHours, Weekday};
use contracts::client_registry::v1::{
    self as wire, GetCalendarRequest, GetClientRequest, GetContactRequest, GetEngagementRequest, GetPolicyRequest,
    GetStaffRequest, ListContactsRequest, View, calendar_service_client::CalendarServiceClient,
    client_service_client::ClientServiceClient, contact_service_client::ContactServiceClient,
    engagement_service_client::EngagementServiceClient, policy_service_client::PolicyServiceClient,
    staff_service_client::StaffServiceClient,
};
use plain_language::ReadingLevel;
use refusal::{Kind, Refusal};
use runtime::Client;
use tonic::{Code, Status};

use crate::report::language::{Profile, jargon};

/// The registry, as this service asks it. Cheap to clone.
#[derive(Clone)]
pub struct Registry {
    channel: Client,
}

/// The calendar in which a client's clocks run.
#[derive(Clone, Debug)]
pub struct ClientCalendar {
    /// `calendars/{calendar}`.
    pub name: String,
    /// Itself.
    pub calendar: Calendar,
}

impl Registry {
    /// Over this channel, which brings this service's own token.
    pub fn new(channel: Client) -> Self {
        Self { channel }
    }

    /// For whom texts to a client are checked: its reading level and glossary, and what the policy in force bans.
    ///
    /// # Errors
    /// NOT_FOUND, CLIENT_NOT_FOUND; UNAVAILABLE, REGISTRY_UNAVAILABLE where it does not answer.
    pub async fn profile(&self, client: &str) -> Result<Profile, Refusal> {
        let found = self.client(client).await?;
        let policy = self.policy().await?.unwrap_or_default();
        let reading_level = match found.reading_level() {
            wire::ReadingLevel::Unspecified | wire::ReadingLevel::General => ReadingLevel::General,
            wire::ReadingLevel::Professional => ReadingLevel::Professional,
            wire::ReadingLevel::Expert => ReadingLevel::Expert,
        };
        let profile = plain_language::Profile {
            reading_level,
            glossary: found.glossary,
            jargon: policy.jargon.into_iter().map(|term| jargon(term.term, term.suggestion)).collect(),
        };
        Ok(Profile { profile, policy_version: policy.version })
    }

    /// What an engagement is called.
    ///
    /// # Errors
    /// NOT_FOUND, ENGAGEMENT_NOT_FOUND; UNAVAILABLE.
    pub async fn engagement_name(&self, name: &str) -> Result<String, Refusal> {
        let request = GetEngagementRequest { name: name.to_owned() };
        let answer = EngagementServiceClient::new(self.channel.clone()).get_engagement(request).await;
        let answer = answer.map_err(|status| missing(&status, "ENGAGEMENT_NOT_FOUND", name))?.into_inner();
        Ok(answer.engagement.ok_or_else(unreadable)?.display_name)
    }

    /// What somebody of the firm is called.
    ///
    /// # Errors
    /// NOT_FOUND, STAFF_NOT_FOUND; UNAVAILABLE.
    pub async fn staff_name(&self, name: &str) -> Result<String, Refusal> {
        let request = GetStaffRequest { name: name.to_owned() };
        let answer = StaffServiceClient::new(self.channel.clone()).get_staff(request).await;
        let answer = answer.map_err(|status| missing(&status, "STAFF_NOT_FOUND", name))?.into_inner();
        Ok(answer.staff.ok_or_else(unreadable)?.display_name)
    }

    /// Demands that every recipient is an active contact of the client; `field` is the path of the list.
    ///
    /// # Errors
    /// INVALID_ARGUMENT, RECIPIENT_NOT_OF_CLIENT; NOT_FOUND, CONTACT_NOT_FOUND; FAILED_PRECONDITION, RECIPIENT_INACTIVE;
    /// UNAVAILABLE.
    pub async fn demand_recipients(&self, client: &str, recipients: &[String], field: &str) -> Result<(), Refusal> {
        for (index, name) in recipients.iter().enumerate() {
            if !name.strip_prefix(client).is_some_and(|rest| rest.starts_with("/contacts/")) {
                let field = format!("{field}[{index}]");
                return Err(Refusal::field("RECIPIENT_NOT_OF_CLIENT", field, "is not a contact of this client"));
            }
            let request = GetContactRequest { name: name.clone() };
            let answer = ContactServiceClient::new(self.channel.clone()).get_contact(request).await;
            let answer = answer.map_err(|status| missing(&status, "CONTACT_NOT_FOUND", name))?.into_inner();
            if answer.contact.ok_or_else(unreadable)?.inactive {
                let message = "this contact is not active any more";
                return Err(Refusal::new(Kind::State, "RECIPIENT_INACTIVE", message).with("resource", name.as_str()));
            }
        }
        Ok(())
    }

    /// Who of a client gets an incident's report where nobody was named: those who are told of incidents, else those who
    /// confirm, else everybody who is active.
    ///
    /// # Errors
    /// NOT_FOUND, CLIENT_NOT_FOUND; UNAVAILABLE.
    pub async fn incident_contacts(&self, client: &str) -> Result<Vec<String>, Refusal> {
        let mut contacts = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = ListContactsRequest { parent: client.to_owned(), page_size: 200, page_token };
            let answer = ContactServiceClient::new(self.channel.clone()).list_contacts(request).await;
            let page = answer.map_err(|status| missing(&status, "CLIENT_NOT_FOUND", client))?.into_inner();
            contacts.extend(page.contacts.into_iter().filter(|contact| !contact.inactive));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        let told = contacts.iter().any(|contact| contact.told_of_incidents);
        let confirm = contacts.iter().any(|contact| contact.confirms);
        contacts.retain(|contact| if told { contact.told_of_incidents } else { !confirm || contact.confirms });
        Ok(contacts.into_iter().map(|contact| contact.name).take(20).collect())
    }

    /// The calendar in which a client's clocks run.
    ///
    /// # Errors
    /// NOT_FOUND, CLIENT_NOT_FOUND; UNAVAILABLE.
    pub async fn calendar_of(&self, client: &str) -> Result<ClientCalendar, Refusal> {
        let name = self.client(client).await?.calendar;
        let request = GetCalendarRequest { name: name.clone() };
        let answer = CalendarServiceClient::new(self.channel.clone()).get_calendar(request).await;
        let answer = answer.map_err(|status| missing(&status, "CALENDAR_NOT_FOUND", &name))?.into_inner();
        let told = answer.calendar.ok_or_else(unreadable)?;
        let calendar = spec(&told).and_then(|spec| Calendar::try_new(spec).ok()).ok_or_else(unreadable)?;
        Ok(ClientCalendar { name, calendar })
    }

    async fn client(&self, name: &str) -> Result<wire::Client, Refusal> {
        let request = GetClientRequest { name: name.to_owned(), view: View::Basic.into() };
        let answer = ClientServiceClient::new(self.channel.clone()).get_client(request).await;
        let answer = answer.map_err(|status| missing(&status, "CLIENT_NOT_FOUND", name))?.into_inner();
        answer.client.ok_or_else(unreadable)
    }

    /// The policy in force; none where none was published yet.
    ///
    /// # Errors
    /// UNAVAILABLE.
    pub async fn policy(&self) -> Result<Option<wire::Policy>, Refusal> {
        let request = GetPolicyRequest { name: "policies/current".into() };
        match PolicyServiceClient::new(self.channel.clone()).get_policy(request).await {
            Err(status) if status.code() == Code::NotFound => Ok(None),
            answer => {
                Ok(answer.map_err(|status| missing(&status, "NO_POLICY", "policies/current"))?.into_inner().policy)
            }
        }
    }
}

/// A calendar as the registry tells it. None where its name is none.
fn spec(calendar: &wire::Calendar) -> Option<CalendarSpec> {
    let week = calendar.week.iter().map(|hours| {
        let day = Weekday::from_iso_number(hours.day)?;
        Some(WeekHours { day, open: hours.open.clone(), close: hours.close.clone() })
    });
    let closure = |one: &wire::Closure| Closure { date: one.date.clone(), label: one.label.clone() };
    Some(CalendarSpec {
        id: calendar.name.strip_prefix("calendars/")?.to_owned(),
        revision: calendar.revision,
        time_zone: calendar.time_zone.clone(),
        week: week.collect::<Option<_>>()?,
        holidays: calendar.holiday_regions.clone(),
        closures: calendar.closures.iter().map(closure).collect(),
        openings: Vec::new(),
    })
}

fn missing(status: &Status, reason: &'static str, name: &str) -> Refusal {
    if status.code() == Code::NotFound {
        let message = format!("{name} is not there, or not yours to see");
        return Refusal::new(Kind::NotFound, reason, message).with("resource", name);
    }
    tracing::warn!(rpc.code = ?status.code(), "the registry does not answer");
    let message = "client-registry does not answer; try again in a moment";
    Refusal::new(Kind::Unavailable, "REGISTRY_UNAVAILABLE", message)
}

fn unreadable() -> Refusal {
    tracing::error!("the registry answered without a body, or with one that this release cannot read");
    Refusal::internal()
}
