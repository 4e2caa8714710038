//! The relay: committed rows get the next positions, and the transport gets what its own top says is missing.
//!
//! Numbering needs the database alone. It waits for the transport only once: before the first number after a start or
//! after trouble with the database, the transport's top must have been seen, because a top ahead of the database is the
//! mark of a restored one, whose positions are used up.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use database::for_update;
use tokio_util::sync::CancellationToken;

use crate::{
    Error, Event, EventLog, Position, Result,
    lease::Lease,
    outbox::{self, StreamRow},
    transport::{Wire, stream_name},
};

/// How long the relay waits after trouble.
const PAUSE: Duration = Duration::from_millis(200);

pub(crate) async fn run(log: &EventLog, shutdown: CancellationToken) {
    let mut relay = Relay::new(log);
    while !shutdown.is_cancelled() {
        let pause = match relay.turn().await {
            Ok(Turn::Worked) => continue,
            Ok(Turn::Idle) => log.tuning().poll,
            Ok(Turn::NotMine) => PAUSE.min(log.tuning().lease / 4),
            Err(error) => {
                tracing::warn!(service = log.service(), %error, "relay stopped short, trying again");
                relay.distrust();
                PAUSE.min(log.tuning().check)
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = log.woken().notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
    relay.lease.release(log.db()).await;
}

enum Turn {
    Worked,
    Idle,
    NotMine,
}

struct Relay<'a> {
    log: &'a EventLog,
    wire: Arc<dyn Wire>,
    stream: String,
    lease: Lease,
    /// The stream's row is known to exist.
    ready: bool,
    /// The transport's top, as far as it is known.
    top: Option<Position>,
    /// The last position in the database, as far as it is known.
    end: Position,
    /// Whether the top was compared with the database since the start or the last trouble.
    compared: bool,
    looked: Option<Instant>,
}

impl<'a> Relay<'a> {
    fn new(log: &'a EventLog) -> Self {
        let alone = log.transport().is_in_process();
        Self {
            log,
            wire: log.transport().wire(),
            stream: stream_name(log.service()),
            lease: Lease::new("stream", "relay", &[("service", log.service())], log.tuning().lease, alone),
            ready: false,
            top: None,
            end: Position::default(),
            compared: false,
            looked: None,
        }
    }

    /// One turn: look where it is time to, number a batch, publish a batch.
    async fn turn(&mut self) -> Result<Turn> {
        let log = self.log;
        if !self.ready {
            log.stream_row().await?;
            self.ready = true;
        }
        if log.rules().leases && !self.lease.hold(log.db(), log.clock()).await? {
            self.distrust();
            return Ok(Turn::NotMine);
        }
        if self.is_time_to_look() {
            self.looked = Some(log.clock().monotonic());
            if !log.rules().raise_before_numbering {
                while !self.number().await?.is_empty() {}
            }
            match self.look().await {
                Ok(()) => {}
                // The transport is down. What was compared once may be numbered; readers ask the producer meanwhile.
                Err(error @ Error::Redis(_)) if self.compared => {
                    tracing::warn!(service = log.service(), %error, "transport does not answer");
                    self.top = None;
                }
                Err(error) => return Err(error),
            }
        }
        let numbered = if self.compared && outbox::has_unnumbered(log.db().reader()).await? {
            self.number().await?
        } else {
            Vec::new()
        };
        if let Some(last) = numbered.last() {
            self.end = last.at;
        }
        let published = match self.publish(&numbered).await {
            Ok(published) => published,
            Err(error @ Error::Redis(_)) => {
                tracing::warn!(service = log.service(), %error, "not published, the top is read again");
                self.top = None;
                0
            }
            Err(error) => return Err(error),
        };
        Ok(if numbered.is_empty() && published == 0 { Turn::Idle } else { Turn::Worked })
    }

    /// Takes nothing for granted any more.
    fn distrust(&mut self) {
        self.top = None;
        self.compared = false;
    }

    fn is_time_to_look(&self) -> bool {
        let Some(looked) = self.looked else { return true };
        let since = self.log.clock().monotonic().saturating_duration_since(looked);
        let check = self.log.tuning().check;
        since >= if self.top.is_none() || !self.compared { PAUSE.min(check) } else { check }
    }

    /// Compares the transport's top with the database, and puts the stream right where it is not ours.
    async fn look(&mut self) -> Result<()> {
        let log = self.log;
        // The top first: the database, read after it, holds at least what anybody has published by then.
        let top = self.wire.top(&self.stream).await?;
        let row = log.stream_row().await?;
        self.end = row.last;
        let stranger = top.stranger
            || match &top.entry {
                Some((at, bytes)) => self.is_strange(*at, bytes, &row).await?,
                None => false,
            };
        self.top = Some(top.at);
        let moved = row.origin != row.origin_now;
        if moved {
            self.tell_origin(&row);
        }
        let foreign = (stranger || top.at > row.last).then_some(top.at);
        if moved || foreign.is_some() {
            self.renew(&row, foreign).await?;
        }
        self.compared = true;
        Ok(())
    }

    /// Raises the incarnation, once whatever the reasons are. `foreign` is the top of a stream that is ahead of the database,
    /// or that somebody else wrote: positions up to there may have been read with another content, so none is used again,
    /// and the stream is built anew.
    async fn renew(&mut self, row: &StreamRow, foreign: Option<Position>) -> Result<()> {
        let log = self.log;
        // Above the incarnation found there: it may have been ours before a restore.
        let above = foreign.map_or(0, |top| if top.incarnation < 1 << 62 { top.incarnation } else { 0 });
        self.end = log.raise(Some(row.last.incarnation), above).await?.last;
        if let Some(top) = foreign {
            tracing::error!(
                service = log.service(), transport.top = %top, database.last = %row.last,
                "the transport holds what this database never told: new incarnation, stream rebuilt"
            );
            // After the raise: in the other order a crash between the two would lose the proof.
            self.wire.delete(&self.stream).await?;
            self.top = Some(Position::default());
        }
        Ok(())
    }

    /// Whether what lies at a place is not what this database has told there.
    async fn is_strange(&self, at: Position, bytes: &[u8], row: &StreamRow) -> Result<bool> {
        let Ok(event) = Event::decode_wire(bytes) else { return Ok(true) };
        if event.at != at || event.service != self.log.service() {
            return Ok(true);
        }
        Ok(match outbox::id_at(self.log.db().reader(), at).await? {
            Some(id) => id != event.id,
            // What is pruned, or of an earlier incarnation, cannot be compared.
            None => at.incarnation == row.last.incarnation && at.position > row.pruned_through,
        })
    }

    /// Gives committed rows their positions.
    async fn number(&self) -> Result<Vec<Event>> {
        let log = self.log;
        let db = log.db();
        let tx = db.begin().await?;
        if !log.rules().second_statement {
            let events = outbox::number_in_one_statement(&tx, log.service(), log.tuning().batch).await?;
            tx.commit().await?;
            return Ok(events);
        }
        // Two statements: the second sees what a rival had committed when it gave up the lock.
        let row = StreamRow::find(&tx, log.service(), for_update(db.backend())).await?;
        let mut row = row.ok_or_else(|| Error::StreamNotHere(log.service().to_owned()))?;
        if row.origin != row.origin_now {
            self.tell_origin(&row);
            row.raise(&tx, log.service(), 0).await?;
        }
        let events = outbox::number(&tx, log.service(), &row, log.tuning().batch).await?;
        tx.commit().await?;
        Ok(events)
    }

    fn tell_origin(&self, row: &StreamRow) {
        tracing::error!(
            service = self.log.service(),
            origin.before = row.origin,
            origin.now = row.origin_now,
            "this database is not the one that numbered last: new incarnation"
        );
    }

    /// Appends the next batch behind the transport's top and answers with its size. `numbered` saves a read where it is what
    /// comes next.
    async fn publish(&mut self, numbered: &[Event]) -> Result<usize> {
        let log = self.log;
        let Some(top) = self.top.filter(|top| *top < self.end) else { return Ok(0) };
        let next = |first: &Event| first.at.position == top.position + 1 && first.at.incarnation == top.incarnation;
        let read;
        let missing = if numbered.first().is_some_and(next) {
            numbered
        } else {
            read = self.missing(top).await?;
            &read
        };
        let Some(last) = missing.last() else {
            // Told by a rival, pruned, or raised meanwhile: the next look knows.
            self.end = top;
            return Ok(0);
        };
        let entries: Vec<_> = missing.iter().map(|event| (event.at, event.encode())).collect();
        let refused = self.wire.append(&self.stream, &entries, log.tuning().keep).await?;
        self.top = Some(last.at);
        if !refused.is_empty() {
            self.refused(&entries, &refused).await?;
        }
        Ok(missing.len())
    }

    /// What lies behind the transport's top: from there on without a hole; where there is nothing of this incarnation yet, no
    /// more than the transport would keep.
    async fn missing(&self, top: Position) -> Result<Vec<Event>> {
        let log = self.log;
        let row = log.stream_row().await?;
        let after = if top.incarnation == row.last.incarnation {
            top.position
        } else {
            row.pruned_through.max(row.last.position.saturating_sub(log.tuning().keep))
        };
        let from = Position::new(row.last.incarnation, after);
        outbox::page(log.db().reader(), log.service(), from, log.tuning().batch).await
    }

    /// A place that was refused was taken by a rival relay, which told the same there, or by a stranger.
    async fn refused(&mut self, entries: &[(Position, Vec<u8>)], refused: &[Position]) -> Result<()> {
        self.top = None;
        self.looked = None;
        let row = self.log.stream_row().await?;
        for (at, bytes) in entries.iter().filter(|(at, _)| refused.contains(at)) {
            match self.wire.entry(&self.stream, *at).await? {
                Some(found) if found != *bytes && self.is_strange(*at, &found, &row).await? => {
                    return self.renew(&row, Some(*at)).await;
                }
                _ => {}
            }
        }
        Ok(())
    }
}
