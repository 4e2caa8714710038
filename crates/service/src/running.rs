use std::time::Duration;

use runtime::{Bound, Edge, ServerError, Services};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::Service;

/// How long work that has begun may take to end once calls have ended. What takes longer is left under its claim, as a
/// killed process leaves it.
const LONGEST: Duration = Duration::from_secs(25);

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
        let mut serving = std::pin::pin!(bound.serve(services, edge, shutdown.clone()));
        let broken = tokio::select! {
            served = &mut serving => {
                shutdown.cancel();
                self.end().await;
                return Ok(served?);
            }
            ended = self.ended() => ended,
        };
        tracing::error!(how = broken, "a part of the process has ended before it was told to");
        shutdown.cancel();
        serving.await?;
        self.end().await;
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

    async fn end(mut self) {
        let work = async { while self.work.join_next().await.is_some() {} };
        if tokio::time::timeout(LONGEST, work).await.is_err() {
            tracing::warn!("work was still under way when the time for it was over");
        }
        self.base_shutdown.cancel();
        while self.base.join_next().await.is_some() {}
    }
}

fn told(error: &JoinError) -> String {
    if error.is_panic() { "it panicked".to_owned() } else { "it was stopped".to_owned() }
}
