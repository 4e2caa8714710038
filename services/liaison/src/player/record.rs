use business_time::Timestamp;
use prost_reflect::MethodDescriptor;
use serde_json::Value;

use super::wrong_field;
use crate::{
    call::Refused,
    folder::Expectation,
    scenario::{Action, Expect, Place, Step},
};

/// `liaison.escalation.v1.CaseService/OpenCase`.
pub(super) fn rpc(method: &MethodDescriptor) -> String {
    format!("{}/{}", method.parent_service().full_name(), method.name())
}

/// What came of a step.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// An answer, as proto JSON.
    Answer(Value),
    /// A refusal.
    Refused(Refused),
    /// The awaited event, as proto JSON.
    Event(Value),
    /// Something else than what was expected.
    Unexpected {
        /// What, for people.
        what: String,
        /// What came instead.
        instead: Option<Box<Outcome>>,
    },
}

impl Outcome {
    /// A refusal.
    pub fn refused(refused: Refused) -> Self {
        Self::Refused(refused)
    }

    /// A step that could not be done.
    pub fn broken(what: String) -> Self {
        Self::Unexpected { what, instead: None }
    }

    /// The answer, where there is one.
    pub fn answer(&self) -> Option<&Value> {
        match self {
            Self::Answer(answer) | Self::Event(answer) => Some(answer),
            Self::Refused(_) | Self::Unexpected { .. } => None,
        }
    }

    /// Whether the step went as expected.
    pub fn as_expected(&self) -> bool {
        !matches!(self, Self::Unexpected { .. })
    }

    /// Held against what was expected.
    #[must_use]
    pub fn judged(self, expect: &Expect, fill: impl Fn(&str) -> String) -> Self {
        let fault = match (&self, &expect.refused) {
            (Self::Unexpected { .. }, _) => return self,
            (Self::Refused(refused), Some(reason)) if refused.reason == *reason => expect
                .field
                .as_ref()
                .filter(|field| !refused.fields.iter().any(|(name, _)| name == *field))
                .map(|field| format!("the refusal does not name `{field}`")),
            (Self::Refused(refused), Some(reason)) => Some(format!("expected {reason}, was refused with {refused}")),
            (Self::Refused(refused), None) => Some(format!("was refused: {refused}")),
            (Self::Answer(_) | Self::Event(_), Some(reason)) => Some(format!("expected {reason}, was answered")),
            (Self::Answer(answer) | Self::Event(answer), None) => {
                let came = answer.get("messages").and_then(Value::as_array).map_or(0, Vec::len);
                let few = expect.at_least.filter(|least| came < *least).map(|n| format!("{came} messages, not {n}"));
                let other = expect.messages.filter(|exact| came != *exact).map(|n| format!("{came} messages, not {n}"));
                few.or(other).or_else(|| wrong_field(expect, answer, fill))
            }
        };
        match fault {
            Some(what) => Self::Unexpected { what, instead: Some(Box::new(self)) },
            None => self,
        }
    }
}

/// A step and what came of it.
#[derive(Clone, Debug)]
pub struct StepRecord {
    /// From 1 upwards.
    pub number: usize,
    /// Where it stands in the scenario.
    pub place: Place,
    /// Business time.
    pub at: Timestamp,
    /// Whose token was used.
    pub who: String,
    /// The RPC, or what else it was.
    pub what: String,
    /// The RPC as `liaison.escalation.v1.CaseService/OpenCase`; empty where it is none.
    pub rpc: String,
    /// What was asked, references filled in.
    pub request: Value,
    /// What was expected, for people.
    pub expected: String,
    /// The same, to be held against the outcome.
    pub expect: Expectation,
    /// What came.
    pub outcome: Outcome,
    /// The scenario's remark on it.
    pub note: String,
    /// The file of the mail that was handed over.
    pub mail_file: Option<String>,
    /// What kind of step it was.
    pub action: Action,
}

impl StepRecord {
    /// The record of a step.
    pub fn new(number: usize, step: &Step, request: Value, mail_file: Option<String>, outcome: Outcome) -> Self {
        let what = match &step.action {
            Action::Call { method, .. } | Action::Watch { method, .. } => rpc(method),
            Action::Mail { .. } => "liaison.notification.v1.InboundService/DeliverMail".to_owned(),
            Action::Unwatch { watch } => format!("end of watch {watch}"),
            Action::Await { event, .. } => format!("event {event}"),
        };
        let calls = matches!(step.action, Action::Call { .. } | Action::Watch { .. } | Action::Mail { .. });
        let expect = Expectation {
            refused: step.expect.refused.clone(),
            field: step.expect.field.clone(),
            answer: step.expect.answer.clone(),
            absent: step.expect.absent.clone(),
            never: step.expect.never.clone(),
            messages: step.expect.messages,
            at_least: step.expect.at_least,
        };
        let expected = match (&step.expect.refused, step.expect.answer.as_slice()) {
            (Some(reason), _) => format!("refused: {reason}"),
            (None, []) => "answer".to_owned(),
            (None, fields) => {
                let fields: Vec<_> = fields.iter().map(|(path, value)| format!("{path} = {value}")).collect();
                format!("answer: {}", fields.join(", "))
            }
        };
        Self {
            number,
            place: step.place.clone(),
            at: step.at,
            who: step.who.clone(),
            rpc: if calls { what.clone() } else { String::new() },
            what,
            request,
            expected,
            expect,
            outcome,
            note: step.note.clone(),
            mail_file,
            action: step.action.clone(),
        }
    }
}
