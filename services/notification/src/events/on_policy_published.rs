//! PolicyPublished: the current policy is fetched anew.

use command::{Fault, Unit};

use crate::procedure;

/// Asks for the policy.
///
/// # Errors
/// The database's.
pub async fn handle(unit: &Unit<'_>, event: &str) -> Result<(), Fault> {
    procedure::ask_for_policy(unit.tx(), event, unit.now()).await
}
