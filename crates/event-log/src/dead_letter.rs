//! Dead letters: events that a subscription could not handle, and later ones of their aggregates. Whoever operates the
//! service reads them here and asks for them to be handled again; the subscription's reader does it, under its own lock.

use business_time::Timestamp;
use database::{Database, DatabaseTransaction, exec, instant, query_all, query_one};
use sea_orm::Value;

use crate::{
    Event, Result,
    outbox::{get, signed},
};

/// An event laid aside.
#[derive(Clone, Debug, PartialEq)]
pub struct DeadLetter {
    /// Its place in the order in which they were laid aside, over all subscriptions of the database.
    pub seq: u64,
    /// Who could not handle it.
    pub subscription: String,
    /// The producing service.
    pub stream: String,
    /// The event.
    pub event: Event,
    /// Why. For people; nothing personal in it.
    pub reason: String,
    /// When it was laid aside.
    pub dead_time: Timestamp,
    /// Whether it is to be handled again.
    pub redrive_pending: bool,
}

/// The dead letters of a service's database behind `after`, at most `limit` of them, in the order in which they were laid
/// aside.
///
/// # Errors
/// [`crate::Error::Database`].
pub async fn dead_letters(db: &Database, after: u64, limit: i64) -> Result<Vec<DeadLetter>> {
    let sql = "SELECT seq, subscription, stream, event, reason, dead_time, redrive FROM dead_letter \
               WHERE seq > ? ORDER BY seq LIMIT ?";
    let rows = query_all(db.reader(), sql, vec![signed(after).into(), limit.into()]).await?;
    rows.iter()
        .map(|row| {
            let event: Vec<u8> = row.try_get("", "event")?;
            let redrive: i64 = row.try_get("", "redrive")?;
            Ok(DeadLetter {
                seq: get(row, "seq")?,
                subscription: row.try_get("", "subscription")?,
                stream: row.try_get("", "stream")?,
                event: Event::decode_wire(&event)?,
                reason: row.try_get("", "reason")?,
                dead_time: instant(row.try_get("", "dead_time")?)?,
                redrive_pending: redrive > 0,
            })
        })
        .collect()
}

/// Has the dead letters of a subscription handled again, of one aggregate or of all, once `tx` is committed; answers with how
/// many they are, and with nothing where there is no such subscription.
///
/// # Errors
/// [`crate::Error::Database`].
pub async fn redrive(tx: &DatabaseTransaction, subscription: &str, aggregate: Option<&str>) -> Result<Option<u64>> {
    let known = "SELECT 1 AS one FROM subscription WHERE subscription = ?";
    if query_one(tx, known, vec![subscription.into()]).await?.is_none() {
        return Ok(None);
    }
    let mut sql = "UPDATE dead_letter SET redrive = 1 WHERE subscription = ?".to_owned();
    let mut values = vec![Value::from(subscription)];
    if let Some(aggregate) = aggregate {
        sql.push_str(" AND aggregate = ?");
        values.push(aggregate.into());
    }
    Ok(Some(exec(tx, &sql, values).await?))
}
