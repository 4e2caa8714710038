//! One batch in one transaction: the guard, then the effects.

use std::{collections::HashSet, panic::AssertUnwindSafe};

use database::{DatabaseTransaction, is_transient};
use futures_util::FutureExt;
use tracing::{Instrument, Span, info_span};
use uuid::Uuid;

use super::{Reader, chain::Stand, handler::HandlerError};
use crate::{Error, Event, trace};

/// Why a batch was rolled back.
#[derive(Debug)]
pub(super) enum Failure {
    /// Somebody else has moved the position.
    Moved,
    /// This event could not be handled; those before it could.
    Event { index: usize, reason: String, permanent: bool },
    /// Neither an event's fault nor a rival's.
    Log(Error),
}

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Log(error.into())
    }
}

/// An event that has had its tries, and why it failed.
pub(super) struct Condemned {
    pub id: Uuid,
    pub reason: String,
}

impl Reader {
    /// Handles `events` and moves from `stand` behind them, or does neither.
    pub(super) async fn transact(
        &self,
        stand: Stand,
        events: &[Event],
        condemned: Option<&Condemned>,
    ) -> Result<Stand, Failure> {
        let Some(last) = events.last() else { return Ok(stand) };
        let span = info_span!(
            "events.batch", subscription = self.row.subscription, stream = self.row.stream,
            first = %events[0].at, count = events.len()
        );
        let to = Stand::behind(last);
        let tx = self.db.begin().await?;
        let worked = self.effects(&tx, stand, to, events, condemned, &span).instrument(span.clone()).await;
        match worked {
            Ok(()) => {
                tx.commit().await?;
                Ok(to)
            }
            Err(failure) => {
                // A rollback that fails has lost its connection, which rolls back by itself.
                let _ = tx.rollback().await;
                Err(failure)
            }
        }
    }

    /// Handles a dead letter after all and takes it back, or does neither.
    pub(super) async fn redo(&self, event: &Event) -> Result<(), Failure> {
        let span = info_span!(
            "events.redrive", subscription = self.row.subscription, stream = self.row.stream, event.id = %event.id
        );
        let tx = self.db.begin().await?;
        let worked = async {
            if !self.row.unbury(&tx, event).await? {
                return Err(Failure::Moved);
            }
            self.handle(&tx, event, 0, &span).await
        };
        match worked.instrument(span.clone()).await {
            Ok(()) => Ok(tx.commit().await?),
            Err(failure) => {
                let _ = tx.rollback().await;
                Err(failure)
            }
        }
    }

    async fn effects(
        &self,
        tx: &DatabaseTransaction,
        from: Stand,
        to: Stand,
        events: &[Event],
        condemned: Option<&Condemned>,
        batch: &Span,
    ) -> Result<(), Failure> {
        // First of all: a reader that was overtaken waits here for the other's commit and then leaves, having touched nothing.
        let mut dead = 1;
        if self.rules.guard_first {
            dead = self.row.advance(tx, from, to).await?.ok_or(Failure::Moved)?;
        }
        let mut blocked: HashSet<String> =
            if dead > 0 { self.row.blocked(tx, events).await?.into_iter().collect() } else { HashSet::new() };
        for (index, event) in events.iter().enumerate() {
            let reason = match condemned {
                Some(condemned) if condemned.id == event.id => Some(condemned.reason.as_str()),
                _ if blocked.contains(&event.aggregate) => Some("behind an earlier event of its aggregate"),
                _ => None,
            };
            if let Some(reason) = reason {
                tracing::error!(
                    subscription = self.row.subscription, stream = self.row.stream, event.id = %event.id,
                    event.at = %event.at, event.kind = event.type_name(), reason, "event laid aside as a dead letter"
                );
                let now = database::micros(self.clock.now());
                self.row.bury(tx, event, reason, now).await?;
                blocked.insert(event.aggregate.clone());
                continue;
            }
            self.handle(tx, event, index, batch).await?;
        }
        if !self.rules.guard_first {
            self.row.advance(tx, from, to).await?.ok_or(Failure::Moved)?;
        }
        Ok(())
    }

    async fn handle(&self, tx: &DatabaseTransaction, event: &Event, index: usize, batch: &Span) -> Result<(), Failure> {
        let span = info_span!(
            parent: None, "event", subscription = self.row.subscription, event.id = %event.id,
            event.at = %event.at, event.kind = event.type_name()
        );
        trace::adopt(&span, &event.traceparent);
        trace::link(batch, &span);
        // A handler that panics is a handler that fails: the reader and its other events live on.
        let handled = AssertUnwindSafe(self.handler.handle(tx, event)).catch_unwind().instrument(span).await;
        let (reason, permanent) = match handled {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(HandlerError::Database(error))) if is_transient(&error) => return Err(error.into()),
            Ok(Err(HandlerError::Permanent(reason))) => (reason, true),
            Ok(Err(error)) => (error.to_string(), false),
            Err(_) => ("the handler panicked".to_owned(), false),
        };
        Err(Failure::Event { index, reason, permanent })
    }
}
