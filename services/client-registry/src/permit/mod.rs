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
pub(crate) use entity::{Audience, Denial, Granted, Party, Wish};

use crate::{address, client, contact, db::gate::Gate, name, policy, policy::Rules, staff};

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
    let firm = Finder::new(unit, &policy.rules.official_domain);
    let recipients = match &wish.audience {
        Audience::Contact { client, id } => contact_of(unit, wish.client.as_deref(), client, id).await?,
        Audience::Confirmers { asked } => {
            confirmers_of(unit, wish.client.as_deref(), asked.as_ref(), &policy.rules.official_domain).await?
        }
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

async fn sender(unit: &Unit<'_>, author: Option<&str>, rules: &Rules) -> Result<Result<Party, Denial>, Fault> {
    let Some(id) = author else {
        return Ok(Ok(Party {
            person: String::new(),
            display_name: String::new(),
            email: rules.service_address.clone(),
            stands_in_for: String::new(),
        }));
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
    }))
}

async fn contact_of(
    unit: &Unit<'_>,
    concerned: Option<&str>,
    client: &str,
    id: &str,
) -> Result<Result<Vec<Party>, Denial>, Fault> {
    if concerned != Some(client) {
        return Ok(Err(Denial::RecipientNotOfClient));
    }
    let contact = contact::hold(unit, client, id).await?.filter(|contact| !contact.details.inactive);
    let Some(contact) = contact else { return Ok(Err(Denial::RecipientInactive)) };
    Ok(Ok(vec![party(contact)]))
}

/// A request to confirm goes to nobody who may not follow it (SOP 8.4).
async fn confirmers_of(
    unit: &Unit<'_>,
    concerned: Option<&str>,
    asked: Option<&(String, String)>,
    official_domain: &str,
) -> Result<Result<Vec<Party>, Denial>, Fault> {
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
    Ok(Ok(confirming.into_iter().map(party).collect()))
}

fn party(contact: contact::Contact) -> Party {
    Party {
        person: name::contact(&contact.client, &contact.id),
        display_name: contact.details.display_name,
        email: contact.details.email,
        stands_in_for: String::new(),
    }
}
