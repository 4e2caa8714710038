//! ClientRegistered, ClientUpdated: which calendar a client's clocks run in.

use command::{Fault, Unit};

use crate::terms::{
    fetch::{Kind, enqueue},
    store_client,
};

/// Keeps it, asks for the calendar, and has the client's running clocks computed anew where it is another one.
///
/// # Errors
/// The database's.
pub async fn handle(unit: &Unit<'_>, event: &str, client: &str, calendar: &str, revision: u64) -> Result<(), Fault> {
    if !store_client(unit.tx(), client, calendar, revision).await? {
        return Ok(());
    }
    unit.touched(client);
    enqueue(unit, Kind::Calendar, calendar, event).await?;
    enqueue(unit, Kind::SettleClient, client, event).await
}
