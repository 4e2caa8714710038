use std::time::{Duration, Instant};

use runtime::{Bound, Edge, ServerError, Services};
use tokio::task::{JoinError, JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::Service;

/// How long calls and work that have begun may take to end, together, within a pod's usual grace of 30 s. Work that takes
/// longer is left under its claim, as a killed process leaves it.
const LONGEST: Duration = Duration::from_secs(24);

/// How long the relays and the sealers may take after that, to tell and seal what was committed last.
const LAST: Duration = Duration::from_secs(4);

/// How serving ended other than by being told to.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The server.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// A clock, a reader, a relay: what should have run for as long as the process. Nobody else would do its work, so the
    /// process ends, and whoever runs it starts it anew.
    #[error("a part of the process has ended: {0}")]
    Part(String),
}

/// What works beside the calls, of one service or of several in one process.
pub struct Running {
    work: JoinSet<()>,
    base: JoinSet<()>,
    shutdown: CancellationToken,
    base_shutdown: CancellationToken,
}

impl Running {
    /// Starts it; it works until `shutdown`.
    pub fn start<'a>(services: impl IntoIterator<Item = &'a dyn Service>, shutdown: &CancellationToken) -> Self {
        let base_shutdown = CancellationToken::new();
        let (mut work, mut base) = (JoinSet::new(), JoinSet::new());
        for service in services {
            service.work(&mut work, shutdown);
            service.base().work(&mut base, &base_shutdown);
        }
        Self { work, base, shutdown: shutdown.clone(), base_shutdown }
    }

    /// Serves until shutdown, or until a part ends that should not. Then everything ends in an order in which nothing is left
    /// behind: calls and streams, the work that has begun, and last the relays and the sealers, which tell and seal what
    /// those have committed.
    ///
    /// # Errors
    /// Where it ended without being told to.
    pub async fn serve(mut self, bound: Bound, services: Services, edge: Edge) -> Result<(), ServeError> {
        let shutdown = self.shutdown.clone();
        let told = shutdown.clone();
        let began = tokio::spawn(async move {
            told.cancelled().await;
            Instant::now()
        });
        let mut serving = std::pin::pin!(bound.serve(services, edge, shutdown.clone()));
        let broken = tokio::select! {
            served = &mut serving => {
                shutdown.cancel();
                self.end(began).await;
                return Ok(served?);
            }
            ended = self.ended() => ended,
        };
        tracing::error!(how = broken, "a part of the process has ended before it was told to");
        shutdown.cancel();
        let served = serving.await;
        self.end(began).await;
        served?;
        Err(ServeError::Part(broken))
    }

    /// Answers when a part has ended before shutdown, and how.
    async fn ended(&mut self) -> String {
        let ended = tokio::select! {
            Some(ended) = self.work.join_next() => ended,
            Some(ended) = self.base.join_next() => ended,
        };
        if self.shutdown.is_cancelled() {
            std::future::pending::<()>().await;
        }
        ended.map_or_else(|error| told(&error), |()| "it returned".to_owned())
    }

    async fn end(mut self, began: JoinHandle<Instant>) {
        let passed = began.await.map(|began| began.elapsed()).unwrap_or_default();
        let work = async { while self.work.join_next().await.is_some() {} };
        if tokio::time::timeout(LONGEST.saturating_sub(passed), work).await.is_err() {
            tracing::warn!("work was still under way when the time for it was over");
        }
        self.base_shutdown.cancel();
        let base = async { while self.base.join_next().await.is_some() {} };
        if tokio::time::timeout(LAST, base).await.is_err() {
            tracing::warn!("events or audit rows are left for the next start to tell and to seal");
        }
    }
}

fn told(error: &JoinError) -> String {
    if error.is_panic() { "it panicked".to_owned() } else { "it was stopped".to_owned() }
}
