//! Waiting until nothing is under way.
//!
//! The business clock may jump only when it would find everything done: two looks in a row with equal counters, over
//! outboxes, subscriptions, work rows, claims and sealing, and no row due now.

use std::time::{Duration, Instant};

use business_time::Timestamp;

use crate::suite::{Rest, Suite};

/// How long the suite may take to come to rest.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long to wait between two looks.
const PAUSE: Duration = Duration::from_millis(4);

/// The suite did not come to rest.
#[derive(Debug, thiserror::Error)]
#[error("the suite does not come to rest at {at}: {what}")]
pub struct Stuck {
    /// Business time.
    pub at: Timestamp,
    /// What is still under way.
    pub what: String,
}

/// Waits until nothing is under way, and tells what is due next.
///
/// # Errors
/// [`Stuck`], with what is still under way.
pub async fn settle(suite: &Suite, at: Timestamp) -> Result<Rest, Stuck> {
    let begun = Instant::now();
    let mut before: Option<Rest> = None;
    loop {
        let now = suite.rest().await.map_err(|what| Stuck { at, what })?;
        if now.busy.is_none() && before.as_ref().is_some_and(|before| before.progress == now.progress) {
            return Ok(now);
        }
        if begun.elapsed() > PATIENCE {
            return Err(Stuck { at, what: now.busy.unwrap_or_else(|| "it keeps changing".into()) });
        }
        before = now.busy.is_none().then_some(now);
        tokio::time::sleep(PAUSE).await;
    }
}
