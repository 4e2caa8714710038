//! Whether what was read continues what was handled. Pure; every decision of the reader is made here.

use uuid::Uuid;

use crate::{Event, Position, Replay, transport::Entry};

/// The event handled last, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Last {
    /// Nothing was handled yet.
    None,
    /// This one.
    Event(Uuid),
    /// Not known, after a snapshot behind pruned events: the next event's predecessor is taken as it is.
    Unknown,
}

/// Where a reader stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stand {
    pub at: Position,
    pub last: Last,
}

impl Stand {
    /// Nothing was ever handled, so any incarnation will do.
    pub fn is_fresh(&self) -> bool {
        self.at.position == 0
    }

    /// Behind `event`.
    pub fn behind(event: &Event) -> Self {
        Self { at: event.at, last: Last::Event(event.id) }
    }

    fn is_next(&self, at: Position) -> bool {
        at.incarnation == self.at.incarnation && at.position == self.at.position + 1
    }

    fn is_predecessor_of(&self, event: &Event) -> bool {
        match self.last {
            Last::Unknown => true,
            Last::None => event.predecessor.is_none(),
            Last::Event(id) => event.predecessor == Some(id),
        }
    }
}

/// What the transport's entries amount to.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Chain {
    /// Those that continue, without a hole.
    pub events: Vec<Event>,
    /// Something else followed, so the producer has to be asked.
    pub broken: bool,
}

/// Takes entries as long as each is the next. `every`: look at each one, not only at the first (a test's control).
pub(crate) fn continue_from(stand: Stand, service: &str, entries: Vec<Entry>, every: bool) -> Chain {
    let mut chain = Chain::default();
    let mut stand = stand;
    for (at, bytes) in entries {
        if at <= stand.at {
            continue;
        }
        let event = match Event::decode_wire(&bytes) {
            Ok(event) if event.at == at && event.service == service => event,
            _ => return Chain { broken: true, ..chain },
        };
        let looked_at = every || chain.events.is_empty();
        if looked_at && !(stand.is_next(at) && stand.is_predecessor_of(&event)) {
            return Chain { broken: true, ..chain };
        }
        stand = Stand::behind(&event);
        chain.events.push(event);
    }
    chain
}

/// What a producer's answer means to a reader.
#[derive(Debug, PartialEq)]
pub(crate) enum Verdict {
    /// These come next.
    Take(Vec<Event>),
    /// There is nothing that the reader has not handled.
    Caught,
    /// A reader that has handled nothing joins this incarnation at its beginning.
    Join(Position),
    /// What the reader misses is not to be had one by one.
    Snapshot(Why),
    /// The answer contradicts itself; ask again.
    Nonsense(&'static str),
}

/// Why a reader takes a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// The events behind its position are gone.
    Pruned,
    /// The stream is in another incarnation.
    Incarnation,
    /// The producer's past is not the reader's: somebody was restored and nothing else has noticed.
    Fork,
}

impl Why {
    pub fn text(self) -> &'static str {
        match self {
            Self::Pruned => "events behind the position are pruned",
            Self::Incarnation => "new incarnation",
            Self::Fork => "forked history",
        }
    }
}

/// Judges the answer to a replay that was asked from `stand`.
pub(crate) fn judge(stand: Stand, service: &str, replay: Replay) -> Verdict {
    if replay.incarnation != stand.at.incarnation {
        return match (stand.is_fresh(), replay.pruned_through) {
            (true, 0) => Verdict::Join(Position::new(replay.incarnation, 0)),
            (true, _) => Verdict::Snapshot(Why::Pruned),
            // A lower incarnation than the reader's is a producer behind it.
            (false, _) if replay.incarnation < stand.at.incarnation => Verdict::Snapshot(Why::Fork),
            (false, _) => Verdict::Snapshot(Why::Incarnation),
        };
    }
    if stand.at.position > replay.last_position {
        return Verdict::Snapshot(Why::Fork);
    }
    if replay.pruned_through > stand.at.position {
        return Verdict::Snapshot(Why::Pruned);
    }
    let mut next = stand;
    for event in &replay.events {
        if event.service != service || !next.is_next(event.at) {
            return Verdict::Nonsense("replay has a hole");
        }
        if !next.is_predecessor_of(event) {
            // Inside one answer the chain is the producer's own.
            return if next == stand {
                Verdict::Snapshot(Why::Fork)
            } else {
                Verdict::Nonsense("replay is not a chain")
            };
        }
        next = Stand::behind(event);
    }
    if !replay.events.is_empty() {
        return Verdict::Take(replay.events);
    }
    if stand.at.position < replay.last_position { Verdict::Nonsense("replay ends too early") } else { Verdict::Caught }
}
