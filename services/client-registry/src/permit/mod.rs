//! Permits to send (SOP 6, SOP 7): the use case, in the transaction that the command opened.
//!
//! - `entity`: the permit, the wish, and why it is denied.
//! - `audience`: who is told at this moment.
//! - `repo`: the table `permit`.

mod audience;
mod entity;
mod repo;

use audience::Finder;
use business_time::Timestamp;
use command::{Fault, Unit, new_id};
use entity::Permit;
pub(crate) use entity::{Audience, Channel, Denial, Granted, IncidentParties, Party, Wish};

use crate::{
    address,
    client::{self, ClientError},
    contact::{self, Contact, told_of_incidents},
    db::gate::Gate,
    incident, name,
    policy::{self, PolicyError, Rules},
    staff,
};

/// Checks sender, recipient and channel, records a permit and gives the addresses; or says why not. `system_now` is the
/// system clock's time, by which permits live. Everything it rests on stays as it is until the commit.
///
/// # Errors
/// The database's. A denial is an answer, not an error.
pub(crate) async fn authorize(
    unit: &Unit<'_>,
    wish: Wish,
    system_now: Timestamp,
) -> Result<Result<Granted, Denial>, Fault> {
    unit.touched(&wish.notification);
    Gate::Staff.hold(unit.tx()).await?;
    let Some(policy) = policy::find_current(unit.tx()).await? else { return Ok(Err(Denial::NoPolicy)) };
    let sender = match sender(unit, wish.author.as_deref(), &policy.rules).await? {
        Ok(sender) => sender,
        Err(denial) => return Ok(Err(denial)),
    };
    let client = match &wish.client {
        Some(id) => match client::hold(unit, id).await? {
            Some(client) => Some(client),
            None => return Ok(Err(Denial::ClientUnknown)),
        },
        None => None,
    };
    if wish.engagement.as_ref().is_some_and(|(of, _)| wish.client.as_ref() != Some(of)) {
        return Ok(Err(Denial::RecipientNotOfClient));
    }
    let firm = Finder::new(unit, &policy.rules.official_domain, wish.channel);
    let recipients = match &wish.audience {
        Audience::Contact { client, id } => {
            contact_of(unit, wish.client.as_deref(), client, id).await?.and_then(|told| by(wish.channel, told))
        }
        Audience::Confirmers { asked } => {
            let asked = asked.as_ref();
            let told = confirmers_of(unit, wish.client.as_deref(), asked, &policy.rules.official_domain).await?;
            told.and_then(|told| by(wish.channel, told))
        }
        Audience::IncidentContacts => match &wish.client {
            Some(client) => {
                let active = contact::hold_active(unit, client).await?;
                by(wish.channel, incident_contacts(active, &policy.rules.official_domain, wish.channel))
            }
            None => Err(Denial::NobodyToTell),
        },
        Audience::Staff(id) => firm.of_staff(id).await?,
        Audience::Target(target) => firm.of_target(*target, client.as_ref(), &wish).await?,
        Audience::Intake => firm.of_intake().await?,
    };
    let recipients = match recipients {
        Ok(recipients) => recipients,
        Err(denial) => return Ok(Err(denial)),
    };
    let permit = Permit::issue(new_id(), &wish.notification, wish.client.as_deref(), policy.version, system_now);
    repo::insert(unit.tx(), &permit).await?;
    // Addresses leave the registry with this answer; its audit row names whose.
    for party in recipients.iter().chain([&sender]).filter(|party| !party.person.is_empty()) {
        unit.touched(&party.person);
    }
    let client_display_name = client.map(|client| client.display_name).unwrap_or_default();
    Ok(Ok(Granted { permit, sender, recipients, client_display_name }))
}

/// Whom a critical incident of this client would be told to (SOP 8.2), for whoever keeps a copy of it; nothing is permitted.
///
/// # Errors
/// NOT_FOUND where the client is not there, `NO_POLICY`.
pub(crate) async fn incident_parties(unit: &Unit<'_>, client: &str) -> Result<IncidentParties, Fault> {
    // Before what it counts: whoever changes that afterwards raises it.
    let revision = incident::revision(unit.tx()).await?;
    Gate::Staff.hold(unit.tx()).await?;
    let policy = policy::find_current(unit.tx()).await?.ok_or(PolicyError::NoPolicy)?;
    let domain = &policy.rules.official_domain;
    let of = client::hold(unit, client).await?.ok_or_else(|| ClientError::NotFound(client.to_owned()))?;
    let active = contact::hold_active(unit, client).await?;
    let mut contacts = incident_contacts(active.clone(), domain, Channel::Email);
    if contacts.iter().all(|contact| contact.details.phones().is_empty()) {
        let known: Vec<_> = contacts.iter().map(|contact| contact.id.clone()).collect();
        let callable = incident_contacts(active, domain, Channel::Phone);
        contacts.extend(callable.into_iter().filter(|contact| !known.contains(&contact.id)));
    }
    let contacts: Vec<_> = contacts.into_iter().map(party).collect();
    let management = Finder::new(unit, domain, Channel::Phone).incident_management().await?;
    unit.touched(&name::client(client));
    for party in contacts.iter().chain(&management) {
        unit.touched(&party.person);
    }
    let (client_display_name, sender, policy_version) = (of.display_name, service(&policy.rules), policy.version);
    Ok(IncidentParties { client_display_name, contacts, management, sender, policy_version, revision })
}

fn incident_contacts(active: Vec<Contact>, domain: &str, channel: Channel) -> Vec<Contact> {
    told_of_incidents(active, domain, |contact| channel == Channel::Email || !contact.details.phones().is_empty())
}

/// Those of them whom this channel reaches, with what it needs.
fn by(channel: Channel, told: Vec<Contact>) -> Result<Vec<Party>, Denial> {
    let reached = told.into_iter().map(party).filter_map(|party| match channel {
        Channel::Email => Some(Party { phones: Vec::new(), ..party }),
        Channel::Phone => Some(party).filter(|party| !party.phones.is_empty()),
    });
    let reached: Vec<_> = reached.collect();
    if reached.is_empty() { Err(Denial::NobodyToTell) } else { Ok(reached) }
}

fn service(rules: &Rules) -> Party {
    Party {
        person: String::new(),
        display_name: String::new(),
        email: rules.service_address.clone(),
        stands_in_for: String::new(),
        phones: Vec::new(),
    }
}

async fn sender(unit: &Unit<'_>, author: Option<&str>, rules: &Rules) -> Result<Result<Party, Denial>, Fault> {
    let Some(id) = author else {
        return Ok(Ok(service(rules)));
    };
    let person = staff::find(unit, id).await?.filter(|person| person.is_active(unit.now()));
    let Some(person) = person else { return Ok(Err(Denial::SenderInactive)) };
    if !address::is_of_domain(&person.profile.email, &rules.official_domain) {
        return Ok(Err(Denial::SenderNotOfficial));
    }
    Ok(Ok(Party {
        person: name::staff(id),
        display_name: person.profile.display_name,
        email: person.profile.email,
        stands_in_for: String::new(),
        phones: Vec::new(),
    }))
}

async fn contact_of(
    unit: &Unit<'_>,
    concerned: Option<&str>,
    client: &str,
    id: &str,
) -> Result<Result<Vec<Contact>, Denial>, Fault> {
    if concerned != Some(client) {
        return Ok(Err(Denial::RecipientNotOfClient));
    }
    let contact = contact::hold(unit, client, id).await?.filter(|contact| !contact.details.inactive);
    let Some(contact) = contact else { return Ok(Err(Denial::RecipientInactive)) };
    Ok(Ok(vec![contact]))
}

/// A request to confirm goes to nobody who may not follow it (SOP 8.4).
async fn confirmers_of(
    unit: &Unit<'_>,
    concerned: Option<&str>,
    asked: Option<&(String, String)>,
    official_domain: &str,
) -> Result<Result<Vec<Contact>, Denial>, Fault> {
    if asked.is_some_and(|(client, _)| concerned != Some(client)) {
        return Ok(Err(Denial::RecipientNotOfClient));
    }
    let Some(client) = concerned else { return Ok(Err(Denial::NobodyToTell)) };
    let mut confirming = contact::hold_confirming(unit, client, official_domain).await?;
    if let Some((_, id)) = asked
        && confirming.iter().any(|contact| contact.id == *id)
    {
        confirming.retain(|contact| contact.id == *id);
    }
    if confirming.is_empty() {
        return Ok(Err(Denial::NobodyToTell));
    }
    Ok(Ok(confirming))
}

fn party(contact: Contact) -> Party {
    Party {
        phones: contact.details.phones(),
        person: name::contact(&contact.client, &contact.id),
        display_name: contact.details.display_name,
        email: contact.details.email,
        stands_in_for: String::new(),
    }
}
