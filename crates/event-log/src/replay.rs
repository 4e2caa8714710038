//! History: what a producer answers with when a reader asks for a stretch of its stream.

use async_trait::async_trait;
use contracts::event::v1::{
    ReplayEventsRequest, ReplayEventsResponse, event_log_service_client::EventLogServiceClient,
    event_log_service_server::EventLogService,
};
use prost::Message;
use refusal::{Kind, Refusal};
use tonic::{
    Request, Response, Status,
    body::Body,
    client::GrpcService,
    codegen::{Body as HttpBody, Bytes, StdError},
};

use crate::{Error, Event, EventLog, Result};

/// At most this many events in one answer.
pub(crate) const PAGE: u32 = 500;

/// At most about this many bytes of events in one answer, well below the 4 MiB that gRPC takes.
const BYTES: usize = 1 << 20;

/// A stretch of a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Replay {
    /// In order, without a hole; empty where there is nothing more.
    pub events: Vec<Event>,
    /// The stream's incarnation now.
    pub incarnation: u64,
    /// The stream's last position now; 0 when it is empty.
    pub last_position: u64,
    /// Events up to and including this position are gone, or belong to an earlier incarnation; whoever stands before it takes
    /// a snapshot.
    pub pruned_through: u64,
}

/// A way to ask a producer: a gRPC client, or the [`EventLog`] itself where it runs in the same process.
#[async_trait]
pub trait Replayer: Send + Sync {
    /// The events of `service` behind (`incarnation`, `after`), at most `page` of them (0: the producer's default).
    async fn replay(&self, service: &str, incarnation: u64, after: u64, page: u32) -> Result<Replay>;
}

/// Several logs of one process.
#[async_trait]
impl Replayer for Vec<EventLog> {
    async fn replay(&self, service: &str, incarnation: u64, after: u64, page: u32) -> Result<Replay> {
        let log = self.iter().find(|log| log.service() == service);
        log.ok_or_else(|| Error::StreamNotHere(service.to_owned()))?.replay(incarnation, after, page).await
    }
}

/// Asks over gRPC; the channel under the client brings the caller's token.
#[async_trait]
impl<T> Replayer for EventLogServiceClient<T>
where
    T: GrpcService<Body> + Clone + Send + Sync + 'static,
    T::Error: Into<StdError>,
    T::Future: Send,
    T::ResponseBody: HttpBody<Data = Bytes> + Send + 'static,
    <T::ResponseBody as HttpBody>::Error: Into<StdError> + Send,
{
    async fn replay(&self, service: &str, incarnation: u64, after: u64, page: u32) -> Result<Replay> {
        let request = ReplayEventsRequest {
            service: service.to_owned(),
            incarnation,
            after_position: after,
            page_size: i32::try_from(page.min(PAGE)).unwrap_or_default(),
        };
        let answer = self.clone().replay_events(request).await;
        answer.map_err(|status| Error::Replay(format!("{service}: {status}")))?.into_inner().try_into()
    }
}

impl TryFrom<ReplayEventsResponse> for Replay {
    type Error = Error;

    fn try_from(answer: ReplayEventsResponse) -> Result<Self> {
        Ok(Self {
            events: answer.events.into_iter().map(Event::try_from).collect::<Result<_>>()?,
            incarnation: answer.incarnation,
            last_position: answer.last_position,
            pruned_through: answer.pruned_through,
        })
    }
}

impl From<Replay> for ReplayEventsResponse {
    fn from(replay: Replay) -> Self {
        Self {
            events: replay.events.into_iter().map(Into::into).collect(),
            incarnation: replay.incarnation,
            last_position: replay.last_position,
            pruned_through: replay.pruned_through,
        }
    }
}

/// Cuts an answer to what gRPC takes; at least one event stays.
pub(crate) fn cut(events: &mut Vec<Event>) {
    let mut bytes = 0_usize;
    let fits = |event: &Event| {
        bytes = bytes.saturating_add(event.payload.encoded_len()).saturating_add(event.aggregate.len() + 256);
        bytes <= BYTES
    };
    let fitting = events.iter().map(fits).take_while(|fits| *fits).count();
    events.truncate(fitting.max(1));
}

/// The gRPC service over the logs of this process.
pub struct EventLogs {
    logs: Vec<EventLog>,
}

/// EventLogService for the logs that run in this process, told apart by the request's `service`.
pub fn service(logs: Vec<EventLog>) -> EventLogs {
    EventLogs { logs }
}

#[async_trait]
impl EventLogService for EventLogs {
    async fn replay_events(
        &self,
        request: Request<ReplayEventsRequest>,
    ) -> std::result::Result<Response<ReplayEventsResponse>, Status> {
        let request = request.into_inner();
        let Some(log) = self.logs.iter().find(|log| log.service() == request.service) else {
            let refusal = Refusal::new(Kind::NotFound, "STREAM_NOT_HERE", "this process does not run that service");
            return Err(refusal.with("service", request.service).into());
        };
        let page = u32::try_from(request.page_size).unwrap_or_default();
        let replay = log.replay(request.incarnation, request.after_position, page).await;
        replay.map(|replay| Response::new(replay.into())).map_err(|error| {
            tracing::error!(service = log.service(), %error, "replay not answered");
            Refusal::new(Kind::Unavailable, "STORAGE_UNAVAILABLE", "the event log cannot be read now").into()
        })
    }
}
