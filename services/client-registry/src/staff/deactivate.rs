//! A person leaves the firm, or their access ends by itself (SOP 9): in one transaction what was theirs goes to somebody else.

use command::{Fault, Unit};

use super::{
    FirmRole, Hold, Staff, StaffError, lock, repo,
    stand_in::{heir, holders},
    told_of_incidents_changed,
};
use crate::{address, client, db::gate::Gate, engagement, name};

/// What became of a person who left.
pub(crate) struct Departure {
    /// The person, inactive now.
    pub person: Staff,
    /// The ids of the clients that went to somebody else.
    pub transferred: Vec<String>,
}

/// The person leaves. Their clients and engagements go to the first active deputy along the chain, else to the first in
/// management by id. One who left before stays as they are.
///
/// # Errors
/// NOT_FOUND, `NOBODY_TAKES_OVER`.
pub(crate) async fn deactivate(unit: &Unit<'_>, id: &str) -> Result<Departure, Fault> {
    let (mut person, heir) = lock_with_heir(unit, id).await?;
    if !person.leave(unit.now()) {
        return Ok(Departure { person, transferred: Vec::new() });
    }
    repo::update(unit.tx(), unit.keyring(), &person).await?;
    // Whatever is late goes to management in the end: there is always somebody, also when the others' access has ended.
    if !repo::any_in_management_for_good(unit.tx()).await? {
        return Err(StaffError::NobodyTakesOver.into());
    }
    let transferred = hand_over(unit, id, heir.as_deref()).await?;
    told_of_incidents_changed(unit, &person, false).await?;
    Ok(Departure { person, transferred })
}

/// The access of a person has ended by itself, at the time that was set for it: whoever would take over from one who
/// leaves takes over. They stay who they are, and work again where their access is put off later. Nothing happens where it
/// has not ended, or they left.
///
/// # Errors
/// `NOBODY_TAKES_OVER`.
pub(super) async fn end_access(unit: &Unit<'_>, id: &str) -> Result<(), Fault> {
    let (person, heir) = lock_with_heir(unit, id).await?;
    if !person.inactive && !person.is_active(unit.now()) {
        hand_over(unit, id, heir.as_deref()).await?;
        told_of_incidents_changed(unit, &person, false).await?;
    }
    Ok(())
}

/// Whether anything is a person's that would be handed over.
pub(super) async fn is_assigned(unit: &Unit<'_>, id: &str) -> Result<bool, Fault> {
    Ok(client::any_of(unit.tx(), id).await? || engagement::any_of(unit.tx(), id).await?)
}

/// Locks a person, and holds whoever would take over from them.
async fn lock_with_heir(unit: &Unit<'_>, id: &str) -> Result<(Staff, Option<String>), Fault> {
    // Behind the gate nobody's deputies or roles change, so the heir stays the heir; whoever assigns something to the
    // person meanwhile holds their row, and is waited for.
    Gate::Staff.close(unit.tx()).await?;
    let heir = find_heir(unit, id).await?;
    let mut rows = vec![id];
    rows.extend(heir.as_deref());
    rows.sort_unstable();
    let mut person = None;
    for row in rows {
        if row == id {
            person = Some(lock(unit, id).await?);
        } else {
            repo::find(unit.tx(), unit.keyring(), row, Hold::Share).await?;
        }
    }
    Ok((person.ok_or_else(|| StaffError::NotFound(id.to_owned()))?, heir))
}

/// Gives the ids of the clients that went to the heir.
async fn hand_over(unit: &Unit<'_>, id: &str, heir: Option<&str>) -> Result<Vec<String>, Fault> {
    unit.touched(&name::staff(id));
    address::release(unit, &name::staff(id)).await?;
    let Some(heir) = heir else {
        if is_assigned(unit, id).await? {
            return Err(StaffError::NobodyTakesOver.into());
        }
        return Ok(Vec::new());
    };
    let transferred = client::hand_over(unit, id, heir).await?;
    engagement::hand_over(unit, id, heir).await?;
    Ok(transferred)
}

async fn find_heir(unit: &Unit<'_>, id: &str) -> Result<Option<String>, Fault> {
    if let Some(deputy) = heir(unit.tx(), id, unit.now()).await? {
        return Ok(Some(deputy));
    }
    let management = holders(unit.tx(), FirmRole::Management, unit.now()).await?;
    Ok(management.into_iter().map(|holder| holder.id).find(|other| other != id))
}
