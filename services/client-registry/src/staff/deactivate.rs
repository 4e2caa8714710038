//! A person leaves the firm (SOP 9): in one transaction their access ends and what was theirs goes to somebody else.

use command::{Fault, Unit};

use super::{
    FirmRole, Hold, Staff, StaffError, lock, repo,
    stand_in::{heir, holders},
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
    let mut person = person.ok_or_else(|| StaffError::NotFound(id.to_owned()))?;
    if !person.leave(unit.now()) {
        return Ok(Departure { person, transferred: Vec::new() });
    }
    repo::update(unit.tx(), unit.keyring(), &person).await?;
    // Whatever is late goes to management in the end: there is always somebody.
    if holders(unit.tx(), FirmRole::Management, unit.now()).await?.is_empty() {
        return Err(StaffError::NobodyTakesOver.into());
    }
    address::release(unit, &name::staff(id)).await?;
    let heir = heir.ok_or(StaffError::NobodyTakesOver)?;
    let transferred = client::hand_over(unit, id, &heir).await?;
    engagement::hand_over(unit, id, &heir).await?;
    unit.touched(&name::staff(id));
    Ok(Departure { person, transferred })
}

async fn find_heir(unit: &Unit<'_>, id: &str) -> Result<Option<String>, Fault> {
    if let Some(deputy) = heir(unit.tx(), id, unit.now()).await? {
        return Ok(Some(deputy));
    }
    let management = holders(unit.tx(), FirmRole::Management, unit.now()).await?;
    Ok(management.into_iter().find(|other| other != id))
}
