use std::path::PathBuf;

use business_time::{Timestamp, Zone};
use prost_reflect::MethodDescriptor;

/// A firm and a story, checked.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The folder that it was read from.
    pub folder: PathBuf,
    /// What it is called on the page.
    pub title: String,
    /// One paragraph for whoever looks at the result.
    pub summary: String,
    /// Business time at which the suite starts.
    pub starts: Timestamp,
    /// The zone in which that is written: the firm's, in which the demo tells times.
    pub zone: Zone,
    /// Business time at which it is over; what is due before still happens.
    pub ends: Timestamp,
    /// Who exists at the start.
    pub manager: Manager,
    /// In the order of their times.
    pub steps: Vec<Step>,
}

/// The management person that `init` makes.
#[derive(Clone, Debug)]
pub struct Manager {
    /// The last part of `staff/{staff}`.
    pub id: String,
    /// Their name.
    pub display_name: String,
    /// Their address.
    pub email: String,
}

/// One thing that happens.
#[derive(Clone, Debug)]
pub struct Step {
    /// Business time.
    pub at: Timestamp,
    /// Whose token is used: `staff/anna`, `clients/acme/contacts/jo`, `services/intake`; empty for an awaited event.
    pub who: String,
    /// What it is.
    pub action: Action,
    /// Under which name the answer is kept.
    pub save: Option<String>,
    /// What must come of it.
    pub expect: Expect,
    /// One line for the reader of the page; may be empty.
    pub note: String,
    /// Where it stands.
    pub place: Place,
}

/// Where something stands in a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, relative to the scenario.
    pub file: String,
    /// From 1 upwards.
    pub line: usize,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// What a step does.
#[derive(Clone, Debug)]
pub enum Action {
    /// An RPC that answers once.
    Call {
        /// The method.
        method: MethodDescriptor,
        /// The request as proto JSON, with references.
        request: String,
    },
    /// A mail arrives at the firm's mail server at the step's time, and is handed over after `delay`.
    Mail {
        /// The file below the scenario.
        file: String,
        /// Its text, with references.
        raw: String,
        /// The envelope's sender, empty for the null sender; none where the scenario does not say.
        envelope_from: Option<String>,
        /// How long the mail server held it, in seconds; the clock counts from before.
        held_seconds: i64,
    },
    /// Somebody opens a stream, which stays open until `Unwatch`.
    Watch {
        /// The method.
        method: MethodDescriptor,
        /// The request as proto JSON, with references.
        request: String,
    },
    /// A stream is closed and what came is counted.
    Unwatch {
        /// The `save` of its `Watch`.
        watch: String,
    },
    /// An event must have happened by the step's time.
    Await {
        /// Its full type name, `liaison.escalation.v1.ClockBreached`.
        event: String,
        /// The aggregate, with references; empty for any.
        of: String,
    },
}

/// What must come of a step.
#[derive(Clone, Debug, Default)]
pub struct Expect {
    /// A refusal with this reason; none where an answer is expected.
    pub refused: Option<String>,
    /// A field that the refusal must name.
    pub field: Option<String>,
    /// Fields of the answer by path, and their values as proto JSON writes them; with references.
    pub answer: Vec<(String, serde_json::Value)>,
    /// Fields of the answer that must not be there; an empty list is not there.
    pub absent: Vec<String>,
    /// A field of a stream's messages, and a value that it must have in none.
    pub never: Option<(String, serde_json::Value)>,
    /// How many messages a stream must have brought.
    pub messages: Option<usize>,
    /// How many it must have brought at least.
    pub at_least: Option<usize>,
}
