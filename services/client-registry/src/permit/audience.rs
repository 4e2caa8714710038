//! Who of the firm is told at a moment (SOP 8.1, SOP 9): deputies stand in for the absent, management for whoever has
//! none. The caller holds the gate `staff`, so that what is found here stays so until the commit.

use command::{Fault, Unit};

use super::entity::{Denial, Told, Wish, each_once};
use crate::{
    client::Client,
    engagement,
    policy::Target,
    staff::{FirmRole, Standing, holders, stand_in},
};

/// A member of staff, or whoever stands in while they are absent.
pub(super) async fn of_staff(unit: &Unit<'_>, id: &str) -> Result<Result<Vec<Told>, Denial>, Fault> {
    match crate::staff::standing(unit.tx(), id, unit.now()).await? {
        Some(link) if link.active => Ok(somebody(acting(unit, id).await?)),
        _ => Ok(Err(Denial::RecipientInactive)),
    }
}

/// Whoever holds a target for the client.
pub(super) async fn of_target(
    unit: &Unit<'_>,
    target: Target,
    client: Option<&Client>,
    wish: &Wish,
) -> Result<Result<Vec<Told>, Denial>, Fault> {
    let Some(client) = client.filter(|_| target != Target::Management) else {
        return match target {
            Target::Management => Ok(somebody(all_acting(unit, FirmRole::Management).await?)),
            // Without a client nobody holds it.
            Target::AccountManager | Target::TeamLead => Ok(Err(Denial::NobodyToTell)),
        };
    };
    let holder = match target {
        Target::TeamLead => {
            let engagement = wish.engagement.as_ref().map(|(_, id)| id.as_str());
            let lead = engagement::hold_lead(unit, &client.id, engagement).await?;
            lead.unwrap_or_else(|| client.account_manager.clone())
        }
        Target::AccountManager | Target::Management => client.account_manager.clone(),
    };
    let acting = acting(unit, &holder).await?;
    if !acting.is_empty() {
        return Ok(Ok(acting));
    }
    // Absent without a deputy: management is told in their stead.
    let mut management = all_acting(unit, FirmRole::Management).await?;
    for told in &mut management {
        told.stands_in_for = Some(holder.clone());
    }
    Ok(somebody(management))
}

/// Whoever takes mails of unknown senders, management where nobody does.
pub(super) async fn of_intake(unit: &Unit<'_>) -> Result<Result<Vec<Told>, Denial>, Fault> {
    let intake = all_acting(unit, FirmRole::Intake).await?;
    if !intake.is_empty() {
        return Ok(Ok(intake));
    }
    Ok(somebody(all_acting(unit, FirmRole::Management).await?))
}

fn somebody(told: Vec<Told>) -> Result<Vec<Told>, Denial> {
    if told.is_empty() { Err(Denial::NobodyToTell) } else { Ok(told) }
}

async fn acting(unit: &Unit<'_>, id: &str) -> Result<Vec<Told>, Fault> {
    Ok(match stand_in(unit.tx(), id, unit.now()).await? {
        Standing::Here => vec![Told { id: id.to_owned(), stands_in_for: None }],
        Standing::Deputy(deputy) => vec![Told { id: deputy, stands_in_for: Some(id.to_owned()) }],
        Standing::Nobody | Standing::Unknown => Vec::new(),
    })
}

async fn all_acting(unit: &Unit<'_>, role: FirmRole) -> Result<Vec<Told>, Fault> {
    let mut told = Vec::new();
    for id in holders(unit.tx(), role, unit.now()).await? {
        told.extend(acting(unit, &id).await?);
    }
    Ok(each_once(told))
}
