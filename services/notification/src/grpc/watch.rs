//! `WatchDeliveries`: this service's own events about notifications, from a place in its stream on.
//!
//! The resume token is that place. Nothing is kept for a watcher: who comes back with a token gets what was told since. Who
//! may watch is decided anew at least every 30 seconds.

use std::{
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use access::{Caller, DecisionError, Decisions, Principal, Scope};
use business_time::SystemClock;
use command::wire::proto_time;
use contracts::notification::v1::{
    AlertProgressed, AlertStep, DeliveryBlocked, DeliveryFailed, DeliveryReturned, DeliverySucceeded,
    NotificationCancelled, NotificationKind, NotificationQueued, NotificationState, WatchDeliveriesRequest,
    WatchDeliveriesResponse,
};
use event_log::{Event, EventLog, Position};
use refusal::{Kind, Refusal};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::Status;

/// What a call answers with.
pub type Stream = Pin<Box<dyn tokio_stream::Stream<Item = Result<WatchDeliveriesResponse, Status>> + Send>>;

/// What a watcher needs.
#[derive(Clone)]
pub struct Tools {
    pub log: EventLog,
    pub decisions: Arc<dyn Decisions>,
    pub system: Arc<dyn SystemClock>,
}

const PERMISSION: &str = "notifications.read";
/// Well below the 30 s that a decision may live.
const RECHECK: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(100);
const PAGE: u32 = 200;

/// Begins to watch, from the token on, or from now.
pub async fn begin(
    tools: Tools,
    caller: &Caller,
    request: WatchDeliveriesRequest,
    shutdown: CancellationToken,
) -> Result<Stream, Status> {
    let from = if request.resume_token.is_empty() {
        let activity =
            tools.log.activity().await.map_err(|error| runtime::internal(error, "deliveries not watched"))?;
        Position::new(activity.incarnation, activity.last_position)
    } else {
        request.resume_token.parse().map_err(|_| {
            Refusal::field("BAD_RESUME_TOKEN", "resume_token", "is not a token of this stream; begin without one")
        })?
    };
    let (sender, receiver) = mpsc::channel(16);
    let watcher = Watcher {
        // What the call came with may be some seconds old: asked anew before anything is told.
        checked: None,
        tools,
        principal: caller.principal().clone(),
        scope: caller.scope(PERMISSION),
        client: request.client,
        at: from,
        sender,
    };
    tokio::spawn(watcher.run(shutdown));
    Ok(Box::pin(ReceiverStream::new(receiver)))
}

struct Watcher {
    tools: Tools,
    principal: Principal,
    scope: Scope,
    checked: Option<Instant>,
    client: String,
    at: Position,
    sender: mpsc::Sender<Result<WatchDeliveriesResponse, Status>>,
}

/// Nobody listens any more, or it is over.
struct Ended;

impl Watcher {
    async fn run(mut self, shutdown: CancellationToken) {
        let sender = self.sender.clone();
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = sender.closed() => {}
            Ended = self.watch() => {}
        }
    }

    async fn watch(&mut self) -> Ended {
        loop {
            match self.turn().await {
                Ok(true) => {}
                Ok(false) => tokio::time::sleep(LOOK).await,
                Err(status) => {
                    let _ = self.sender.send(Err(status)).await;
                    return Ended;
                }
            }
        }
    }

    /// Tells what is new; false where nothing was.
    async fn turn(&mut self) -> Result<bool, Status> {
        self.check().await?;
        let replayed = self.tools.log.replay(self.at.incarnation, self.at.position, PAGE).await;
        let replay = replayed.map_err(|error| runtime::internal(error, "deliveries not watched"))?;
        let new = !replay.events.is_empty();
        for event in replay.events {
            self.at = event.at;
            if let Some(told) = self.tell(&event)?
                && self.sender.send(Ok(told)).await.is_err()
            {
                return Ok(false);
            }
        }
        Ok(new)
    }

    async fn check(&mut self) -> Result<(), Status> {
        let now = self.tools.system.monotonic();
        if self.checked.is_some_and(|checked| now.saturating_duration_since(checked) < RECHECK) {
            return Ok(());
        }
        match self.tools.decisions.fresh(&self.principal).await {
            Ok(grants) if grants.holds_somewhere(PERMISSION) => {
                self.scope = grants.scope(PERMISSION);
                self.checked = Some(now);
                Ok(())
            }
            Ok(_) | Err(DecisionError::Unknown) => {
                let sentence = "you do not hold the permission for this stream any more";
                Err(Refusal::new(Kind::Denied, "NO_PERMISSION", sentence).with("permission", PERMISSION).into())
            }
            Err(DecisionError::Unavailable) => {
                let sentence = "nobody answers whether you may still watch; come back with your resume token";
                Err(Refusal::new(Kind::Unavailable, "DECISION_UNAVAILABLE", sentence).into())
            }
        }
    }

    fn tell(&self, event: &Event) -> Result<Option<WatchDeliveriesResponse>, Status> {
        let told = change(event).map_err(|error| runtime::internal(error, "deliveries not watched"))?;
        Ok(told.filter(|told| {
            let seen =
                if told.client.is_empty() { self.scope == Scope::All } else { self.scope.contains(&told.client) };
            seen && (self.client.is_empty() || self.client == told.client)
        }))
    }
}

/// What an event says of a notification; none where it is about something else.
fn change(event: &Event) -> event_log::Result<Option<WatchDeliveriesResponse>> {
    let answer = |notification, client, case, kind, state: NotificationState, reason| WatchDeliveriesResponse {
        resume_token: event.at.to_string(),
        notification,
        client,
        case,
        kind,
        state: state.into(),
        reason,
        time: Some(proto_time(event.time)),
    };
    let none = String::new;
    Ok(if let Some(it) = event.decode::<NotificationQueued>()? {
        Some(answer(it.notification, it.client, it.case, it.kind, NotificationState::Queued, none()))
    } else if let Some(it) = event.decode::<DeliverySucceeded>()? {
        Some(answer(it.notification, it.client, it.case, it.kind, NotificationState::HandedOver, none()))
    } else if let Some(it) = event.decode::<DeliveryBlocked>()? {
        Some(answer(it.notification, it.client, it.case, it.kind, NotificationState::Blocked, it.reason))
    } else if let Some(it) = event.decode::<DeliveryFailed>()? {
        Some(answer(it.notification, it.client, it.case, it.kind, NotificationState::Failed, it.reason))
    } else if let Some(it) = event.decode::<DeliveryReturned>()? {
        // What came back of some alone was handed over to the others all the same.
        let state = if it.everybody { NotificationState::Returned } else { NotificationState::HandedOver };
        Some(answer(it.notification, it.client, it.case, it.kind, state, it.reason))
    } else if let Some(it) = event.decode::<NotificationCancelled>()? {
        Some(answer(it.notification, it.client, it.case, it.kind, NotificationState::Cancelled, none()))
    } else if let Some(it) = event.decode::<AlertProgressed>()?.filter(|it| it.step() == AlertStep::Reached) {
        // How else an alert stands after a step, the events above tell.
        let kind = NotificationKind::CriticalAlert.into();
        Some(answer(it.notification, it.client, it.case, kind, NotificationState::Reached, none()))
    } else {
        None
    })
}
