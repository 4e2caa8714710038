use std::{fmt, str::FromStr};

use business_time::Timestamp;
use contracts::event::v1 as proto;
use prost::{Message, Name};
use prost_types::Any;
use uuid::Uuid;

use crate::{Error, Result, trace};

/// A place in a service's stream. Positions are compared within one incarnation only; as a pair they are ordered as
/// Redis orders the ids `<incarnation>-<position>`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Rises whenever positions may have been lost.
    pub incarnation: u64,
    /// Dense within an incarnation; 0 is before the first.
    pub position: u64,
}

impl Position {
    /// The pair.
    pub fn new(incarnation: u64, position: u64) -> Self {
        Self { incarnation, position }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.incarnation, self.position)
    }
}

impl FromStr for Position {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let pair = text.split_once('-').and_then(|(left, right)| Some((left.parse().ok()?, right.parse().ok()?)));
        let (incarnation, position) = pair.ok_or_else(|| Error::Malformed(format!("stream id {text}")))?;
        Ok(Self { incarnation, position })
    }
}

/// What a command tells. No personal data in it: ids, types, times, enums, revisions.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEvent {
    /// Random, or derived from the event that caused it, so that a cause which is handled again
    /// tells the same event and not a second one.
    pub id: Uuid,
    /// The resource that changed, for example `cases/0192…`.
    pub aggregate: String,
    /// The aggregate's revision after the change; each event of an aggregate has a higher one.
    pub revision: u64,
    /// When it happened, by the business clock.
    pub time: Timestamp,
    /// W3C traceparent of what caused it; empty when untraced.
    pub traceparent: String,
    /// The event itself, of the producer's `events.proto`.
    pub payload: Any,
}

impl NewEvent {
    /// An event with a random id, caused by the span that is current here.
    pub fn new<M: Message + Name>(aggregate: impl Into<String>, revision: u64, time: Timestamp, message: &M) -> Self {
        Self {
            id: Uuid::new_v4(),
            aggregate: aggregate.into(),
            revision,
            time,
            traceparent: trace::traceparent(),
            payload: Any { type_url: M::type_url(), value: message.encode_to_vec() },
        }
    }

    /// The same under an id derived from its cause.
    #[must_use]
    pub fn with_id(self, id: Uuid) -> Self {
        Self { id, ..self }
    }
}

/// One thing that happened, at its place in the producing service's stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Unique for ever.
    pub id: Uuid,
    /// The id of the event before this one in the stream; none at its beginning.
    pub predecessor: Option<Uuid>,
    /// The producing service.
    pub service: String,
    /// Where it stands.
    pub at: Position,
    /// The resource that changed.
    pub aggregate: String,
    /// The aggregate's revision after the change.
    pub revision: u64,
    /// When it happened, by the producer's business clock.
    pub time: Timestamp,
    /// W3C traceparent of what caused it; empty when untraced.
    pub traceparent: String,
    /// The event itself.
    pub payload: Any,
}

impl Event {
    /// The payload's full type name, for example `liaison.escalation.v1.CaseOpened`.
    pub fn type_name(&self) -> &str {
        self.payload.type_url.rsplit('/').next().unwrap_or_default()
    }

    /// Whether the payload is an `M`.
    pub fn is<M: Name>(&self) -> bool {
        self.type_name() == M::full_name()
    }

    /// The payload as `M`; none where it is of another type.
    ///
    /// # Errors
    /// [`Error::Malformed`] where it is of that type and does not decode.
    pub fn decode<M: Message + Name + Default>(&self) -> Result<Option<M>> {
        if !self.is::<M>() {
            return Ok(None);
        }
        let message = M::decode(self.payload.value.as_slice());
        message.map(Some).map_err(|error| Error::Malformed(format!("{}: {error}", self.type_name())))
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        proto::Event::from(self.clone()).encode_to_vec()
    }

    pub(crate) fn decode_wire(bytes: &[u8]) -> Result<Self> {
        let event = proto::Event::decode(bytes).map_err(|error| Error::Malformed(error.to_string()))?;
        event.try_into()
    }
}

impl From<Event> for proto::Event {
    fn from(event: Event) -> Self {
        Self {
            id: event.id.to_string(),
            predecessor: event.predecessor.map(|id| id.to_string()).unwrap_or_default(),
            service: event.service,
            incarnation: event.at.incarnation,
            position: event.at.position,
            aggregate: event.aggregate,
            revision: event.revision,
            time: Some(prost_types::Timestamp {
                seconds: event.time.as_second(),
                nanos: event.time.subsec_nanosecond(),
            }),
            traceparent: event.traceparent,
            payload: Some(event.payload),
        }
    }
}

impl TryFrom<proto::Event> for Event {
    type Error = Error;

    fn try_from(event: proto::Event) -> Result<Self> {
        let time = event.time.ok_or_else(|| Error::Malformed("no time".into()))?;
        Ok(Self {
            id: parse_id(&event.id)?,
            predecessor: if event.predecessor.is_empty() { None } else { Some(parse_id(&event.predecessor)?) },
            service: event.service,
            at: Position::new(event.incarnation, event.position),
            aggregate: event.aggregate,
            revision: event.revision,
            time: Timestamp::new(time.seconds, time.nanos).map_err(|error| Error::Malformed(error.to_string()))?,
            traceparent: event.traceparent,
            payload: event.payload.ok_or_else(|| Error::Malformed("no payload".into()))?,
        })
    }
}

pub(crate) fn parse_id(text: &str) -> Result<Uuid> {
    Uuid::parse_str(text).map_err(|error| Error::Malformed(format!("event id: {error}")))
}
