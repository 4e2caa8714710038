//! Step 1: the registry says whether, to whom and under which address. For an alert of a critical incident the encrypted copy
//! answers where the registry does not (SOP 8.2).

use std::time::Duration;

use command::{Commands, Fault};
use contracts::client_registry::v1::{
    self as registry, AuthorizeSendRequest, Confirmers, EscalationTarget, audience::Kind as Wire,
    authorize_send_response::Outcome, consent_service_client::ConsentServiceClient,
};
use runtime::Client;
use tonic::Status;

use super::letter::Party;
use crate::{
    grpc::convert,
    notification::{
        alert::Channel,
        entity::{Audience, Notification, Target},
    },
    party::{self, entity as copy},
};

/// How long a permit lives, by this process's monotonic clock from before it was asked for.
pub const PERMIT: Duration = Duration::from_secs(30);
/// How long the registry is waited for before the copy is used.
const REGISTRY: Duration = Duration::from_secs(2);

/// Somebody who sends or is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// `staff/…` or `clients/…/contacts/…`; empty for the service address.
    pub name: String,
    /// How to write to them.
    pub party: Party,
    /// How to call them, in the order in which numbers are tried.
    pub phones: Vec<String>,
    /// The absent one in whose stead; empty otherwise.
    pub stands_in_for: String,
}

/// Leave to send, for 30 s.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permit {
    /// For the record of the attempt; empty where the copy was used.
    pub name: String,
    /// The policy that was applied.
    pub policy_version: u64,
    /// From whom.
    pub sender: Person,
    /// To whom.
    pub recipients: Vec<Person>,
    /// What the client is called.
    pub client_display_name: String,
    /// Whether the copy was used, since the registry did not answer.
    pub from_copy: bool,
}

impl Permit {
    /// Without those whose address is none: one bad address keeps nobody else from being told at once. All of them where it is
    /// none of anybody's.
    #[must_use]
    pub fn who_can_be_written_to(mut self) -> Self {
        let usable = |person: &Person| person.party.email.parse::<lettre::Address>().is_ok();
        if self.recipients.iter().any(usable) {
            self.recipients.retain(usable);
        }
        self
    }

    /// Who is told.
    pub fn people(&self) -> Vec<String> {
        self.recipients.iter().map(|person| person.name.clone()).filter(|name| !name.is_empty()).collect()
    }

    /// In whose stead.
    pub fn stand_ins_for(&self) -> Vec<String> {
        self.recipients.iter().map(|person| person.stands_in_for.clone()).filter(|name| !name.is_empty()).collect()
    }
}

/// What the registry says.
pub enum Answer {
    /// Yes.
    Permit(Permit),
    /// No, and why.
    Refusal(String),
}

/// Why there is neither.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The database's.
    #[error("{0}")]
    Fault(#[from] Fault),
    /// The registry's, and no copy is here.
    #[error("peer: {} {}", .0.code(), .0.message())]
    Peer(#[from] Status),
}

/// Asks for leave to send; what is critical does not wait for the registry.
pub async fn obtain(client: &Client, commands: &Commands, notification: &Notification) -> Result<Answer, Trouble> {
    if !notification.kind.is_critical() {
        return Ok(ask(client, notification).await?);
    }
    let asked = tokio::time::timeout(REGISTRY, ask(client, notification)).await;
    let silence = match asked {
        Ok(Ok(answer)) => return Ok(answer),
        Ok(Err(status)) => status,
        Err(_) => Status::deadline_exceeded("the registry did not answer within 2 s"),
    };
    match from_copy(commands, notification).await? {
        Some(answer) => {
            tracing::warn!(
                notification = notification.name(),
                code = %silence.code(),
                "the registry does not answer: told from the copy"
            );
            Ok(answer)
        }
        None => Err(silence.into()),
    }
}

async fn ask(client: &Client, notification: &Notification) -> Result<Answer, Status> {
    let audience = match &notification.audience {
        // Whom a confirmation is asked of, the registry decides: who wrote last may not be one who confirms.
        Audience::Contact(name) if notification.kind.needs_proposal() => confirmers(name),
        Audience::Contact(name) => Wire::Contact(name.clone()),
        Audience::Staff(name) => Wire::Staff(name.clone()),
        Audience::Target(target) => Wire::Target(wire_target(*target).into()),
        Audience::Intake => Wire::Intake(true),
        Audience::Confirmer => confirmers(""),
        Audience::IncidentContacts => Wire::IncidentContacts(true),
    };
    let request = AuthorizeSendRequest {
        notification: notification.name(),
        channel: convert::channel(notification.channel).into(),
        client: notification.client.clone(),
        engagement: notification.engagement.clone(),
        author: notification.author.clone(),
        audience: Some(registry::Audience { kind: Some(audience) }),
    };
    let answer = ConsentServiceClient::new(client.clone()).authorize_send(request).await?.into_inner();
    match answer.outcome {
        Some(Outcome::Permit(permit)) => {
            let sender = permit.sender.map(person).ok_or_else(|| Status::internal("a permit without a sender"))?;
            if permit.recipients.is_empty() {
                return Ok(Answer::Refusal("NOBODY_TO_TELL".to_owned()));
            }
            Ok(Answer::Permit(Permit {
                name: permit.permit,
                policy_version: permit.policy_version,
                sender,
                recipients: permit.recipients.into_iter().map(person).collect(),
                client_display_name: permit.client_display_name,
                from_copy: false,
            }))
        }
        Some(Outcome::Refusal(refusal)) => Ok(Answer::Refusal(refusal.reason)),
        None => Err(Status::internal("neither permit nor refusal")),
    }
}

/// What the copy says; none where it does not know.
async fn from_copy(commands: &Commands, notification: &Notification) -> Result<Option<Answer>, Fault> {
    let (reader, keyring) = (commands.db().reader(), commands.keyring());
    let Some((contacts, firm, policy_version)) = party::find(reader, keyring, &notification.client).await? else {
        return Ok(None);
    };
    let side = match &notification.audience {
        Audience::IncidentContacts => &contacts,
        Audience::Target(Target::Management) => &firm,
        // Who the account manager is, the copy does not know.
        _ => return Ok(None),
    };
    let Some(sender) = &firm.sender else { return Ok(None) };
    let recipients: Vec<Person> = match notification.channel {
        Channel::Email => side.by_mail().map(copied).collect(),
        Channel::Phone => side.by_phone().map(copied).collect(),
    };
    if recipients.is_empty() {
        return Ok(Some(Answer::Refusal("NOBODY_TO_TELL".to_owned())));
    }
    Ok(Some(Answer::Permit(Permit {
        name: String::new(),
        policy_version,
        sender: copied(sender),
        recipients,
        client_display_name: contacts.client_display_name.clone(),
        from_copy: true,
    })))
}

fn confirmers(asked: &str) -> Wire {
    Wire::Confirmers(Confirmers { contact: asked.to_owned() })
}

fn wire_target(target: Target) -> EscalationTarget {
    match target {
        Target::AccountManager => EscalationTarget::AccountManager,
        Target::TeamLead => EscalationTarget::TeamLead,
        Target::Management => EscalationTarget::Management,
    }
}

fn person(party: registry::Party) -> Person {
    Person {
        name: party.person,
        party: Party { display_name: party.display_name, email: party.email },
        phones: party.phones,
        stands_in_for: party.stands_in_for,
    }
}

fn copied(party: &copy::Party) -> Person {
    Person {
        name: party.person.clone(),
        party: Party { display_name: party.display_name.clone(), email: party.email.clone() },
        phones: party.phones.clone(),
        stands_in_for: party.stands_in_for.clone(),
    }
}
