//! Plays a scenario on the suite, through the front door.
//!
//! Every step is a gRPC call with the token of the person who makes it. Between steps the business clock jumps to the next
//! time at which the suite has something to do, and only when nothing is under way ([`settle`]). What each step asked for,
//! and what came of it, is kept as a [`StepRecord`].

mod record;
mod settle;
mod stage;
mod watch;

use std::collections::BTreeMap;

use business_time::{ManualClock, Timestamp};
use jiff::SignedDuration;
use prost_reflect::MethodDescriptor;
use serde_json::{Value, json};

pub use record::{Outcome, StepRecord};
pub use settle::{Stuck, settle};
pub use stage::Stage;

use crate::{
    call::{CallError, Refused},
    export::{self, History},
    folder, references,
    scenario::{Action, Expect, Scenario, Step},
    suite::Suite,
};

/// What stops a play before its end. A step that ends otherwise than expected does not: it is recorded.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    /// The suite did not come to rest.
    #[error(transparent)]
    Stuck(#[from] Stuck),
    /// The suite does not answer.
    #[error("{place}: {what}")]
    Step {
        /// The step.
        place: crate::scenario::Place,
        /// What went wrong.
        what: String,
    },
}

/// Everything that a play leaves.
#[derive(Debug, Default)]
pub struct Played {
    /// The steps in order.
    pub steps: Vec<StepRecord>,
    /// The mails as they were handed over, file name and text.
    pub mails: Vec<(String, String)>,
    /// Every calendar that a step made or changed, as the registry answered it, and when.
    pub calendars: Vec<(Timestamp, Value)>,
    /// Who stood for which client, from when.
    pub assignments: History,
}

/// Plays one scenario.
pub struct Player<'a> {
    stage: Stage<'a>,
    saved: BTreeMap<String, Value>,
    watches: BTreeMap<String, watch::Watch>,
    played: Played,
    progress: &'a mut dyn FnMut(&StepRecord),
}

impl<'a> Player<'a> {
    /// On a running suite whose business clock is `clock`; `progress` is told of each step as it ends.
    ///
    /// # Errors
    /// Where the suite's address is none.
    pub fn try_new(
        suite: &'a Suite,
        clock: ManualClock,
        progress: &'a mut dyn FnMut(&StepRecord),
    ) -> Result<Self, CallError> {
        let stage = Stage::try_new(suite, clock)?;
        let (saved, watches, played) = (BTreeMap::new(), BTreeMap::new(), Played::default());
        Ok(Self { stage, saved, watches, played, progress })
    }

    /// Plays every step, then lets the suite do what is due until the scenario's end.
    ///
    /// # Errors
    /// As [`PlayError`] says.
    pub async fn play(mut self, scenario: &Scenario) -> Result<Played, PlayError> {
        for (index, step) in scenario.steps.iter().enumerate() {
            self.stage.advance(step.at).await?;
            let outcome = self.step(step).await?;
            let record = StepRecord::new(index + 1, step, self.request_of(step), self.mail_of(step), outcome);
            (self.progress)(&record);
            self.played.steps.push(record);
            self.stage.settle().await?;
            self.note_assignments(scenario, step).await?;
        }
        self.stage.advance(scenario.ends).await?;
        Ok(self.played)
    }

    /// Keeps who stands for which client, where a step may have changed it.
    async fn note_assignments(&mut self, scenario: &Scenario, step: &Step) -> Result<(), PlayError> {
        let Action::Call { method, .. } = &step.action else { return Ok(()) };
        let changes = ["ClientService", "EngagementService", "StaffService"].contains(&method.parent_service().name());
        if !changes || method.name().starts_with("Get") || method.name().starts_with("List") {
            return Ok(());
        }
        let wrong = |what: String| PlayError::Step { place: step.place.clone(), what };
        let caller = self.stage.suite().caller(&format!("staff/{}", scenario.manager.id)).map_err(wrong)?;
        export::note_assignments(&caller, self.stage.now(), &mut self.played.assignments)
            .await
            .map_err(|error| wrong(error.to_string()))
    }

    async fn step(&mut self, step: &Step) -> Result<Outcome, PlayError> {
        let outcome = match &step.action {
            Action::Call { method, request } => self.call(step, method, request).await?,
            Action::Mail { file, raw, envelope_from, held_seconds } => {
                self.mail(step, file, raw, envelope_from, *held_seconds).await?
            }
            Action::Watch { method, request } => self.watch(step, method, request).await?,
            Action::Unwatch { watch } => self.unwatch(step, watch).await?,
            Action::Await { event, of } => self.awaited(step, event, of).await?,
        };
        if let (Some(name), Some(answer)) = (&step.save, outcome.answer()) {
            self.saved.insert(name.clone(), answer.clone());
        }
        Ok(outcome.judged(&step.expect, |text| self.fill(text)))
    }

    async fn call(&mut self, step: &Step, method: &MethodDescriptor, request: &str) -> Result<Outcome, PlayError> {
        let Some(text) = self.json_of(request) else {
            return Ok(Outcome::broken(format!("a reference in the request leads to nothing: {request}")));
        };
        let who = self.fill(&step.who);
        let outcome = self.outcome(step, self.stage.call(&who, method, &text).await)?;
        if method.parent_service().name() == "CalendarService"
            && let Some(calendar) = outcome.answer().and_then(|answer| answer.get("calendar"))
        {
            self.played.calendars.push((self.stage.now(), calendar.clone()));
        }
        Ok(outcome)
    }

    async fn mail(
        &mut self,
        step: &Step,
        file: &str,
        raw: &str,
        envelope_from: &str,
        held_seconds: i64,
    ) -> Result<Outcome, PlayError> {
        let raw = match references::fill(raw, &self.saved, str::to_owned) {
            Ok(raw) => raw.replace("\r\n", "\n").replace('\n', "\r\n"),
            Err(what) => return Ok(Outcome::broken(what)),
        };
        let received = step.at.checked_sub(SignedDuration::from_secs(held_seconds)).unwrap_or(step.at);
        let name = file.rsplit('/').next().unwrap_or(file).to_owned();
        let name = format!("{:02}-{name}", self.played.mails.len() + 1);
        let answer = self.stage.deliver(&step.who, &raw, envelope_from, received).await;
        self.played.mails.push((name, raw));
        self.outcome(step, answer)
    }

    async fn watch(&mut self, step: &Step, method: &MethodDescriptor, request: &str) -> Result<Outcome, PlayError> {
        let Some(text) = self.json_of(request) else {
            return Ok(Outcome::broken(format!("a reference in the request leads to nothing: {request}")));
        };
        match self.stage.watch(&self.fill(&step.who), method, &text).await {
            Ok(stream) => {
                let name = step.save.clone().unwrap_or_default();
                self.watches.insert(name, watch::Watch::open(stream));
                Ok(Outcome::Answer(json!({})))
            }
            Err(error) => self.outcome(step, Err(error)),
        }
    }

    async fn unwatch(&mut self, step: &Step, name: &str) -> Result<Outcome, PlayError> {
        let Some(watch) = self.watches.remove(name) else {
            return Ok(Outcome::broken(format!("`{name}` is not open")));
        };
        match watch.close().await {
            Ok(messages) => Ok(Outcome::Answer(json!({ "messages": messages }))),
            Err(error) => self.outcome(step, Err(error)),
        }
    }

    /// The event, from the front door's replay of its producer's stream.
    async fn awaited(&mut self, step: &Step, event: &str, of: &str) -> Result<Outcome, PlayError> {
        let of = self.fill(of);
        let service = event.split('.').nth(1).unwrap_or_default().replace('_', "-");
        let events = export::events_as_json(self.stage.suite(), &service)
            .await
            .map_err(|error| PlayError::Step { place: step.place.clone(), what: error.to_string() })?;
        let found = events.iter().find(|one| {
            let of_type = one["payload"]["@type"].as_str().is_some_and(|name| name.ends_with(event));
            of_type && (of.is_empty() || one["aggregate"] == of.as_str())
        });
        Ok(found.map_or_else(
            || Outcome::broken(format!("no {event} of `{of}` by {}", step.at)),
            |found| Outcome::Event(found.clone()),
        ))
    }

    fn outcome(&self, step: &Step, answer: Result<Value, CallError>) -> Result<Outcome, PlayError> {
        match answer {
            Ok(answer) => Ok(Outcome::Answer(answer)),
            Err(CallError::Refused(refused)) => Ok(Outcome::refused(*refused)),
            Err(CallError::Request { what, .. }) => Ok(Outcome::refused(Refused {
                code: "INVALID_ARGUMENT".into(),
                reason: "UNREADABLE_REQUEST".into(),
                message: what,
                fields: Vec::new(),
            })),
            Err(error) => Err(PlayError::Step { place: step.place.clone(), what: error.to_string() }),
        }
    }

    /// A request's JSON with its references filled in; values are escaped for JSON strings.
    fn json_of(&self, request: &str) -> Option<String> {
        references::fill(request, &self.saved, |text| {
            let quoted = Value::from(text).to_string();
            quoted[1..quoted.len() - 1].to_owned()
        })
        .ok()
    }

    /// Text with its references filled in; as it is where one leads nowhere.
    fn fill(&self, text: &str) -> String {
        references::fill(text, &self.saved, str::to_owned).unwrap_or_else(|_| text.to_owned())
    }

    /// The file in which a mail step's mail is kept.
    fn mail_of(&self, step: &Step) -> Option<String> {
        let Action::Mail { .. } = step.action else { return None };
        self.played.mails.last().map(|(name, _)| format!("{}/{name}", folder::names::MAILS_IN))
    }

    /// What a step asked for, for the record.
    fn request_of(&self, step: &Step) -> Value {
        match &step.action {
            Action::Call { request, .. } | Action::Watch { request, .. } => self
                .json_of(request)
                .and_then(|text| serde_json::from_str(&text).ok())
                .unwrap_or_else(|| Value::from(request.as_str())),
            Action::Mail { .. } => json!({ "mail": self.mail_of(step) }),
            Action::Unwatch { watch } => json!({ "watch": watch }),
            Action::Await { event, of } => json!({ "event": event, "of": self.fill(of) }),
        }
    }
}

/// What an answer has otherwise than expected; the first such thing.
fn wrong_field(expect: &Expect, answer: &Value, fill: impl Fn(&str) -> String) -> Option<String> {
    if let Some(path) = expect.absent.iter().find(|path| references::at(answer, path).is_some()) {
        return Some(format!("`{path}` is there"));
    }
    if let (Some((path, never)), Some(messages)) = (&expect.never, answer["messages"].as_array())
        && messages.iter().any(|message| references::at(message, path) == Some(never))
    {
        return Some(format!("a message has `{path}` = {never}"));
    }
    expect.answer.iter().find_map(|(path, wanted)| {
        let wanted = wanted.as_str().map_or_else(|| wanted.clone(), |text| Value::from(fill(text)));
        let found = references::at(answer, path).cloned().unwrap_or(Value::Null);
        (found != wanted).then(|| format!("`{path}` is {found}, expected {wanted}"))
    })
}
