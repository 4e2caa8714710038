//! PolicyPublished: cases opened from now on are kept under it; running ones keep theirs (SOP 10).

use command::{Fault, Unit};
use contracts::client_registry::v1::PolicyPublished;

use crate::terms::fetch::{Kind, enqueue};

/// Asks for it.
///
/// # Errors
/// The database's.
pub async fn handle(unit: &Unit<'_>, event: &str, published: &PolicyPublished) -> Result<(), Fault> {
    let name = format!("policies/{}", published.version);
    unit.touched(&name);
    enqueue(unit, Kind::Policy, &name, event).await
}
