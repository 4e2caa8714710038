//! Dead letters handled after all.

use tokio_util::sync::CancellationToken;

use super::{Pause, Run, batch::Failure};
use crate::Result;

impl Run<'_> {
    /// Handles the dead letters that somebody asked for, an aggregate's in their order. In the reader's own turn, so that no
    /// batch of the same aggregate comes between.
    pub(super) async fn redrive(&mut self, shutdown: &CancellationToken) -> Result<Pause> {
        let reader = self.reader;
        let now = reader.clock.monotonic();
        if self.redriven.is_some_and(|last| now.saturating_duration_since(last) < reader.tuning.check) {
            return Ok(None);
        }
        while let Some(event) = reader.row.next_redrive(&reader.db).await? {
            if shutdown.is_cancelled() {
                return Ok(None);
            }
            if reader.rules.leases && !self.lease.hold(&reader.db, &*reader.clock).await? {
                self.stand = None;
                return Ok(Some(reader.tuning.lease / 8));
            }
            match reader.redo(&event).await {
                Ok(()) => {
                    self.failing = None;
                    self.woken();
                }
                // A rival has it.
                Err(Failure::Moved) => return Ok(None),
                Err(Failure::Log(error)) => return Err(error),
                Err(Failure::Event { reason, permanent, .. }) => {
                    let failures = self.failed(&event);
                    tracing::warn!(
                        subscription = reader.row.subscription, event.id = %event.id, failures, reason,
                        "dead letter not handled"
                    );
                    if !permanent && failures < reader.tuning.tries {
                        return Ok(Some(reader.tuning.backoff_after(failures)));
                    }
                    reader.row.bury_again(&reader.db, &event, &reason).await?;
                    self.failing = None;
                }
            }
        }
        self.redriven = Some(now);
        Ok(None)
    }
}
