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
use runtime::client::Client;
use serde_json::{Value, json};

pub use record::{Outcome, StepRecord};
pub use settle::{Stuck, settle};
pub use stage::Stage;

use crate::{
    call::{CallError, Refused},
    export::{self, History},
    folder, references,
    scenario::{Action, Expect, Place, Scenario, Step},
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
        place: Place,
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
    /// The same of people of the firm, those who were there before the first step included.
    pub staff: Vec<(Timestamp, Value)>,
    /// The same of contacts.
    pub contacts: Vec<(Timestamp, Value)>,
    /// Who stood for which client, from when.
    pub assignments: History,
}

/// A stream that somebody has open, and who, where and since which step.
struct Open {
    watch: watch::Watch,
    number: usize,
    step: Step,
}

/// Plays one scenario.
pub struct Player<'a> {
    stage: Stage<'a>,
    saved: BTreeMap<String, Value>,
    watches: BTreeMap<String, Open>,
    /// How far the registry's events were read for who stands for whom.
    read: export::Place,
    /// The last mail's file, and what was sent with it.
    delivered: Option<(String, Value)>,
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
        Ok(Self {
            stage,
            saved: BTreeMap::new(),
            watches: BTreeMap::new(),
            read: export::Place::default(),
            delivered: None,
            played: Played::default(),
            progress,
        })
    }

    /// Plays every step, then lets the suite do what is due until the scenario's end.
    ///
    /// # Errors
    /// As [`PlayError`] says.
    pub async fn play(mut self, scenario: &Scenario) -> Result<Played, PlayError> {
        let from_the_beginning = Place { file: "scenario.toml".to_owned(), line: 1 };
        let wrong = |what: String| PlayError::Step { place: from_the_beginning.clone(), what };
        let manager = self.stage.suite().caller(&format!("staff/{}", scenario.manager.id)).map_err(wrong)?;
        let there = export::staff_now(&manager).await.map_err(|error| wrong(error.to_string()))?;
        self.played.staff.extend(there.into_iter().map(|person| (self.stage.now(), person)));
        for step in &scenario.steps {
            self.advance(&manager, step.at, &step.place).await?;
            self.play_step(step).await?;
            self.stage.settle().await?;
            self.note_assignments(&manager, &step.place).await?;
        }
        let last = scenario.steps.last().map_or(&from_the_beginning, |step| &step.place);
        self.advance(&manager, scenario.ends, last).await?;
        // What is still watched is evidence too.
        while let Some(name) = self.watches.keys().next().cloned() {
            let Some(open) = self.watches.get(&name) else { break };
            let end = Step {
                at: scenario.ends,
                who: open.step.who.clone(),
                action: Action::Unwatch { watch: name },
                save: None,
                expect: Expect::default(),
                note: "The story ends, and with it this watch.".to_owned(),
                place: open.step.place.clone(),
            };
            self.play_step(&end).await?;
        }
        Ok(self.played)
    }

    async fn play_step(&mut self, step: &Step) -> Result<(), PlayError> {
        let number = self.played.steps.len() + 1;
        let opened = match &step.action {
            Action::Unwatch { watch } => self.watches.get(watch).map(|open| (open.number, open.step.clone())),
            _ => None,
        };
        let outcome = self.step(number, step).await?;
        let mut record = StepRecord::new(number, step, self.request_of(step), self.mail_of(step), outcome);
        record.who = self.fill(&step.who);
        record.expect = folder::Expectation {
            answer: step.expect.answer.iter().map(|(path, value)| (path.clone(), self.filled(value))).collect(),
            ..record.expect
        };
        if let Some((number, opening)) = opened
            && let Action::Watch { method, .. } = &opening.action
        {
            record.rpc = record::rpc(method);
            record.who = self.fill(&opening.who);
            record.request["step"] = number.into();
        }
        (self.progress)(&record);
        self.played.steps.push(record);
        Ok(())
    }

    /// As [`Stage::advance`], noting on the way who stands for which client.
    async fn advance(&mut self, manager: &Client, until: Timestamp, place: &Place) -> Result<(), PlayError> {
        loop {
            let more = self.stage.hop(until).await?;
            if more {
                self.stage.settle().await?;
            }
            self.note_assignments(manager, place).await?;
            if !more {
                return Ok(());
            }
        }
    }

    /// Keeps who stands for which client, where the registry says that it changed: by a step, or by itself.
    async fn note_assignments(&mut self, manager: &Client, place: &Place) -> Result<(), PlayError> {
        export::note_assignments(self.stage.suite(), manager, &mut self.read, &mut self.played.assignments)
            .await
            .map_err(|error| PlayError::Step { place: place.clone(), what: error.to_string() })
    }

    async fn step(&mut self, number: usize, step: &Step) -> Result<Outcome, PlayError> {
        let outcome = match &step.action {
            Action::Call { method, request } => self.call(step, method, request).await?,
            Action::Mail { file, raw, envelope_from, held_seconds } => {
                self.mail(step, file, raw, envelope_from.as_deref(), *held_seconds).await?
            }
            Action::Watch { method, request } => self.watch(number, step, method, request).await?,
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
        let kept = match method.parent_service().name() {
            "CalendarService" => Some(("calendar", &mut self.played.calendars)),
            "StaffService" => Some(("staff", &mut self.played.staff)),
            "ContactService" => Some(("contact", &mut self.played.contacts)),
            _ => None,
        };
        let reads = method.name().starts_with("Get") || method.name().starts_with("List");
        if let Some((field, kept)) = kept.filter(|_| !reads)
            && let Some(resource) = outcome.answer().and_then(|answer| answer.get(field))
        {
            // A repeated request gets its first answer, which says nothing of now.
            if !kept.iter().any(|(_, known)| known == resource) {
                kept.push((self.stage.now(), resource.clone()));
            }
        }
        Ok(outcome)
    }

    /// Hands a mail over. What the step does not say of the envelope, the mail's own `Return-Path` does, as a mail server
    /// wrote it there; where there is none, nothing is told.
    async fn mail(
        &mut self,
        step: &Step,
        file: &str,
        raw: &str,
        envelope_from: Option<&str>,
        held_seconds: i64,
    ) -> Result<Outcome, PlayError> {
        self.delivered = None;
        let raw = match references::fill(raw, &self.saved, str::to_owned) {
            Ok(raw) => raw.replace("\r\n", "\n").replace('\n', "\r\n"),
            Err(what) => return Ok(Outcome::broken(what)),
        };
        let received = step.at.checked_sub(SignedDuration::from_secs(held_seconds)).unwrap_or(step.at);
        let name = file.rsplit('/').next().unwrap_or(file).to_owned();
        let name = format!("{:02}-{name}", self.played.mails.len() + 1);
        let mut fields = json!({ "receiveTime": received.to_string() });
        let return_path = folder::Eml::parse(file, raw.as_bytes()).header("return-path").map(folder::address_of);
        if let Some(sender) = envelope_from.map(str::to_owned).or(return_path) {
            fields["envelopeFrom"] = sender.into();
        }
        let answer = self.stage.deliver_with(&step.who, &raw, fields.clone()).await;
        self.delivered = Some((format!("{}/{name}", folder::names::MAILS_IN), fields));
        self.played.mails.push((name, raw));
        self.outcome(step, answer)
    }

    async fn watch(
        &mut self,
        number: usize,
        step: &Step,
        method: &MethodDescriptor,
        request: &str,
    ) -> Result<Outcome, PlayError> {
        let Some(text) = self.json_of(request) else {
            return Ok(Outcome::broken(format!("a reference in the request leads to nothing: {request}")));
        };
        match self.stage.watch(&self.fill(&step.who), method, &text).await {
            Ok(stream) => {
                let name = step.save.clone().unwrap_or_default();
                self.watches.insert(name, Open { watch: watch::Watch::open(stream), number, step: step.clone() });
                Ok(Outcome::Answer(json!({})))
            }
            Err(error) => self.outcome(step, Err(error)),
        }
    }

    async fn unwatch(&mut self, step: &Step, name: &str) -> Result<Outcome, PlayError> {
        let Some(open) = self.watches.remove(name) else {
            return Ok(Outcome::broken(format!("`{name}` is not open")));
        };
        match open.watch.close().await {
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
        self.delivered.as_ref().map(|(file, _)| file.clone())
    }

    /// A value with its references filled in, where it is text.
    fn filled(&self, value: &Value) -> Value {
        value.as_str().map_or_else(|| value.clone(), |text| Value::from(self.fill(text)))
    }

    /// What a step asked for, for the record.
    fn request_of(&self, step: &Step) -> Value {
        match &step.action {
            Action::Call { request, .. } | Action::Watch { request, .. } => self
                .json_of(request)
                .and_then(|text| serde_json::from_str(&text).ok())
                .unwrap_or_else(|| Value::from(request.as_str())),
            Action::Mail { .. } => self.delivered.as_ref().map_or_else(|| json!({}), |(_, fields)| fields.clone()),
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
