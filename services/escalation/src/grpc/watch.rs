//! WatchCases: this service's own events by their positions, narrowed to the caller's clients. Event, revision and time are of
//! the event; kind and state are the case's at the moment of the answer, which may have gone further.
//!
//! One look at the log serves all watchers ([`Hub`]); each then reads what it has not told yet. Whose clients the caller may
//! see is asked again while the stream lasts, so that one whose access ended learns nothing more after 30 seconds.

use std::{pin::Pin, sync::Arc, time::Duration};

use access::{Caller, DecisionError, Decisions, Scope};
use command::wire::proto_time;
use contracts::escalation::v1::{CaseClosed, WatchCasesRequest, WatchCasesResponse};
use event_log::{Event, EventLog, Position};
use futures_util::Stream;
use prost::Message;
use refusal::{Kind, Refusal};
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::convert;
use crate::case::Cases;

/// How often the log is looked at while somebody watches.
const LOOK: Duration = Duration::from_millis(50);

/// Events read at once.
const PAGE: u32 = 200;

/// A stream of answers.
pub type Answers = Pin<Box<dyn Stream<Item = Result<WatchCasesResponse, Status>> + Send>>;

/// Tells all watchers how far the log is. Cheap to clone.
#[derive(Clone)]
pub struct Hub {
    log: EventLog,
    end: Arc<watch::Sender<Position>>,
}

impl Hub {
    /// Over this service's log; [`Hub::run`] feeds it.
    pub fn new(log: EventLog) -> Self {
        Self { log, end: Arc::new(watch::Sender::new(Position::default())) }
    }

    /// Looks at the log until `shutdown`, while somebody watches.
    pub async fn run(self, shutdown: CancellationToken) {
        while !shutdown.is_cancelled() {
            if self.end.receiver_count() > 0 {
                match self.log.activity().await {
                    Ok(at) => {
                        let end = Position::new(at.incarnation, at.last_position);
                        self.end.send_if_modified(|known| std::mem::replace(known, end) != end);
                    }
                    Err(error) => tracing::warn!(%error, "watchers wait for the log"),
                }
            }
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }
}

/// What watching needs. Cheap to clone.
#[derive(Clone)]
pub struct Watch {
    hub: Hub,
    cases: Cases,
    decisions: Arc<dyn Decisions>,
    stopping: CancellationToken,
    recheck: Duration,
}

impl Watch {
    /// Watching that ends with `stopping`; the caller's scope is asked again each `recheck`, which is 20 s in a service and
    /// never more than 30 s less the time that an answer takes.
    pub fn new(
        hub: Hub,
        cases: Cases,
        decisions: Arc<dyn Decisions>,
        stopping: CancellationToken,
        recheck: Duration,
    ) -> Self {
        Self { hub, cases, decisions, stopping, recheck }
    }

    /// Begins to watch.
    ///
    /// # Errors
    /// INVALID_ARGUMENT, BAD_RESUME_TOKEN; FAILED_PRECONDITION, RESUME_TOKEN_TOO_OLD where what follows it is gone.
    pub async fn begin(&self, caller: Caller, request: WatchCasesRequest) -> Result<Answers, Refusal> {
        let told = self.hub.end.subscribe();
        let log = self.hub.log.activity().await.map_err(|error| runtime::internal(error, "watching"))?;
        let end = Position::new(log.incarnation, log.last_position);
        let at = if request.resume_token.is_empty() { end } else { resume(&request.resume_token)? };
        if at.incarnation != end.incarnation || at > end {
            return Err(too_old());
        }
        let scope = caller.scope("cases.read");
        let watcher = Watcher {
            watch: self.clone(),
            caller,
            client: request.client,
            scope,
            at,
            told,
            asked: Instant::now(),
            pending: Vec::new(),
        };
        Ok(Box::pin(futures_util::stream::unfold(Some(watcher), |watcher| async move {
            let mut watcher = watcher?;
            match watcher.next().await {
                Ok(Some(answer)) => Some((Ok(answer), Some(watcher))),
                Ok(None) => None,
                Err(refusal) => Some((Err(refusal.into()), None)),
            }
        })))
    }
}

struct Watcher {
    watch: Watch,
    caller: Caller,
    client: String,
    scope: Scope,
    at: Position,
    told: watch::Receiver<Position>,
    asked: Instant,
    /// What is read and not told yet, the next one last.
    pending: Vec<WatchCasesResponse>,
}

impl Watcher {
    /// The next answer; none at shutdown.
    async fn next(&mut self) -> Result<Option<WatchCasesResponse>, Refusal> {
        loop {
            if self.watch.stopping.is_cancelled() {
                return Ok(None);
            }
            if self.asked.elapsed() >= self.watch.recheck {
                self.ask_again().await?;
            }
            if let Some(answer) = self.pending.pop() {
                // Read under an older scope perhaps.
                if self.shows(&answer.client) {
                    return Ok(Some(answer));
                }
                continue;
            }
            if self.read().await? {
                continue;
            }
            let (stopping, asked, recheck) = (&self.watch.stopping, self.asked, self.watch.recheck);
            tokio::select! {
                () = stopping.cancelled() => return Ok(None),
                () = tokio::time::sleep_until(asked + recheck) => {}
                changed = self.told.changed() => if changed.is_err() { return Ok(None) },
            }
        }
    }

    fn shows(&self, client: &str) -> bool {
        (self.client.is_empty() || self.client == client) && self.scope.contains(client)
    }

    async fn ask_again(&mut self) -> Result<(), Refusal> {
        let asked = Instant::now();
        let ended = || Refusal::new(Kind::Denied, "NO_PERMISSION", "you may no longer watch cases");
        match self.watch.decisions.fresh(self.caller.principal()).await {
            Ok(grants) if grants.holds_somewhere("cases.read") => {
                self.scope = grants.scope("cases.read");
                self.asked = asked;
                Ok(())
            }
            Ok(_) | Err(DecisionError::Unknown) => Err(ended()),
            Err(DecisionError::Unavailable) => {
                let message = "nobody answers who may watch; resume with the last token";
                Err(Refusal::new(Kind::Unavailable, "ACCESS_UNAVAILABLE", message))
            }
        }
    }

    /// Reads what follows; false where nothing does.
    async fn read(&mut self) -> Result<bool, Refusal> {
        let log = &self.watch.hub.log;
        let fault = |error| runtime::internal(error, "watching");
        let page = log.replay(self.at.incarnation, self.at.position, PAGE).await.map_err(fault)?;
        if page.incarnation != self.at.incarnation || page.pruned_through > self.at.position {
            return Err(too_old());
        }
        let Some(last) = page.events.last() else { return Ok(false) };
        let end = last.at;
        for event in page.events.iter().rev() {
            if let Some(answer) = self.answer(event).await? {
                self.pending.push(answer);
            }
        }
        self.at = end;
        Ok(true)
    }

    async fn answer(&self, event: &Event) -> Result<Option<WatchCasesResponse>, Refusal> {
        // Every event of this service names its case and client in fields 1 and 2, which is all that CaseClosed has.
        let Ok(of) = CaseClosed::decode(event.payload.value.as_slice()) else { return Ok(None) };
        if !self.shows(&of.client) {
            return Ok(None);
        }
        let found = self.watch.cases.for_watchers(&of.case).await;
        let Some(stored) = found.map_err(|fault| fault.into_refusal("watching"))? else { return Ok(None) };
        Ok(Some(WatchCasesResponse {
            resume_token: event.at.to_string(),
            case: of.case,
            client: of.client,
            kind: convert::kind(&stored.case).into(),
            state: convert::state(&stored.case).into(),
            revision: event.revision,
            event: event.type_name().rsplit('.').next().unwrap_or_default().to_owned(),
            time: Some(proto_time(event.time)),
        }))
    }
}

fn resume(token: &str) -> Result<Position, Refusal> {
    let bad = |_| Refusal::field("BAD_RESUME_TOKEN", "resume_token", "is no token of this stream; begin without one");
    token.parse().map_err(bad)
}

fn too_old() -> Refusal {
    let message = "what follows this token is no longer here; list the cases and watch anew";
    Refusal::new(Kind::State, "RESUME_TOKEN_TOO_OLD", message)
}
