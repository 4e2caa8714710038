//! Step 1: the registry says whether, to whom and under which address.

use contracts::client_registry::v1::{
    self as registry, AuthorizeSendRequest, Channel, Confirmers, EscalationTarget, audience::Kind as Wire,
    authorize_send_response::Outcome, consent_service_client::ConsentServiceClient,
};
use runtime::Client;
use tonic::Status;

use super::letter::Party;
use crate::notification::entity::{Audience, Notification, Target};

/// Somebody who sends or is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// `staff/…` or `clients/…/contacts/…`; empty for the service address.
    pub name: String,
    /// How to write to them.
    pub party: Party,
    /// The absent one in whose stead; empty otherwise.
    pub stands_in_for: String,
}

/// Leave to send, for 30 s.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permit {
    /// For the record of the attempt.
    pub name: String,
    /// The policy that was applied.
    pub policy_version: u64,
    /// From whom.
    pub sender: Person,
    /// To whom.
    pub recipients: Vec<Person>,
    /// What the client is called.
    pub client_display_name: String,
}

impl Permit {
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

/// Asks for leave to send.
pub async fn ask(client: &Client, notification: &Notification) -> Result<Answer, Status> {
    let audience = match &notification.audience {
        // Whom a confirmation is asked of, the registry decides: who wrote last may not be one who confirms.
        Audience::Contact(name) if notification.kind.needs_proposal() => confirmers(name),
        Audience::Contact(name) => Wire::Contact(name.clone()),
        Audience::Staff(name) => Wire::Staff(name.clone()),
        Audience::Target(target) => Wire::Target(wire_target(*target).into()),
        Audience::Intake => Wire::Intake(true),
        Audience::Confirmer => confirmers(""),
    };
    let request = AuthorizeSendRequest {
        notification: notification.name(),
        channel: Channel::Email.into(),
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
            }))
        }
        Some(Outcome::Refusal(refusal)) => Ok(Answer::Refusal(refusal.reason)),
        None => Err(Status::internal("neither permit nor refusal")),
    }
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
        stands_in_for: party.stands_in_for,
    }
}
