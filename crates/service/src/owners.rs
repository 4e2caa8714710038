use async_trait::async_trait;
use contracts::event::v1::event_log_service_client::EventLogServiceClient;
use event_log::{Error, Replay, Replayer, Result};
use runtime::Client;

/// The owners of the streams that a service reads; each is asked for its own.
pub struct Owners(Vec<(&'static str, Client)>);

impl Owners {
    /// Each service's name and the channel to it.
    pub fn new(owners: impl IntoIterator<Item = (&'static str, Client)>) -> Self {
        Self(owners.into_iter().collect())
    }
}

#[async_trait]
impl Replayer for Owners {
    async fn replay(&self, service: &str, incarnation: u64, after: u64, page: u32) -> Result<Replay> {
        let owner = self.0.iter().find(|(name, _)| *name == service).map(|(_, client)| client.clone());
        let owner = owner.ok_or_else(|| Error::StreamNotHere(service.to_owned()))?;
        EventLogServiceClient::new(owner).replay(service, incarnation, after, page).await
    }
}
