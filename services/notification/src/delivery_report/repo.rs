//! The only code that touches the table `sent_to`.

use command::Fault;
use database::{ConnectionTrait, DatabaseTransaction, exec, query_all};

/// To whom a notification went, and what became of that copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentTo {
    /// The address, as a keyed hash.
    pub address_index: String,
    /// Whose it was.
    pub person: String,
    /// Empty while nothing else is known.
    pub outcome: String,
}

/// Takes down where a notification goes. Each attempt is a new copy, of which nothing is known yet: what became of the one
/// before, which may have come back, says nothing of it.
pub async fn insert(tx: &DatabaseTransaction, notification: &str, to: &[SentTo]) -> Result<(), Fault> {
    for one in to {
        let sql = "INSERT INTO sent_to (notification, address_index, person, outcome) VALUES (?, ?, ?, ?) \
                   ON CONFLICT (notification, address_index) \
                   DO UPDATE SET person = excluded.person, outcome = excluded.outcome";
        let values = [notification, &one.address_index, &one.person, &one.outcome];
        exec(tx, sql, values.into_iter().map(Into::into).collect()).await?;
    }
    Ok(())
}

/// Where a notification went.
pub async fn of<C: ConnectionTrait>(conn: &C, notification: &str) -> Result<Vec<SentTo>, Fault> {
    let sql = "SELECT address_index, person, outcome FROM sent_to WHERE notification = ? ORDER BY address_index";
    let rows = query_all(conn, sql, vec![notification.into()]).await?;
    rows.iter()
        .map(|row| {
            Ok(SentTo {
                address_index: row.try_get("", "address_index")?,
                person: row.try_get("", "person")?,
                outcome: row.try_get("", "outcome")?,
            })
        })
        .collect()
}

/// Writes what became of a copy.
pub async fn set_outcome(
    tx: &DatabaseTransaction,
    notification: &str,
    address_index: &str,
    outcome: &str,
) -> Result<(), Fault> {
    let sql = "UPDATE sent_to SET outcome = ? WHERE notification = ? AND address_index = ?";
    exec(tx, sql, vec![outcome.into(), notification.into(), address_index.into()]).await?;
    Ok(())
}
