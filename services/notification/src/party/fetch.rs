//! The work row that fetches the copy.

use async_trait::async_trait;
use command::{Commands, Fault};
use contracts::client_registry::v1::{
    GetIncidentPartiesRequest, ListClientsRequest, client_service_client::ClientServiceClient,
    consent_service_client::ConsentServiceClient,
};
use runtime::Client;
use timers::work::{Job, Outcome, Performer};
use tonic::Status;

use super::EVERY_CLIENT;
use crate::work::{self, Wakes};

/// Fetches a client's copy, or asks for every client's.
pub struct FetchParties {
    commands: Commands,
    client_registry: Client,
    wakes: Wakes,
}

/// Why it is not fetched now.
#[derive(Debug, thiserror::Error)]
enum NotNow {
    #[error("{0}")]
    Fault(#[from] Fault),
    #[error("registry: {} {}", .0.code(), .0.message())]
    Registry(#[from] Status),
}

impl FetchParties {
    /// From this registry.
    pub fn new(commands: Commands, client_registry: Client, wakes: Wakes) -> Self {
        Self { commands, client_registry, wakes }
    }

    async fn fetch(&self, job: &Job) -> Result<(), NotNow> {
        let request = GetIncidentPartiesRequest { client: job.subject.clone() };
        let answer = ConsentServiceClient::new(self.client_registry.clone()).get_incident_parties(request).await?;
        let (commands, answer, job) = (self.commands.clone(), answer.into_inner(), job.clone());
        let kept = self.commands.db().transaction(move |tx| {
            let (commands, answer, job) = (commands.clone(), answer.clone(), job.clone());
            Box::pin(async move {
                let unit = commands.unit(tx, "services/notification", work::FETCH_PARTIES);
                super::keep(&unit, &job.subject, &answer).await?;
                unit.finish().await?;
                timers::work::complete(tx, &job).await.map_err(work::fault)
            })
        });
        Ok(kept.await?)
    }

    async fn ask_for_each(&self, job: &Job) -> Result<(), NotNow> {
        let mut clients = ClientServiceClient::new(self.client_registry.clone());
        let (mut names, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = ListClientsRequest { page_size: 200, page_token, ..Default::default() };
            let page = clients.list_clients(request).await?.into_inner();
            names.extend(page.clients.into_iter().map(|client| client.name));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        let (now, job) = (self.commands.now(), job.clone());
        let asked = self.commands.db().transaction(move |tx| {
            let (names, job) = (names.clone(), job.clone());
            Box::pin(async move {
                for name in &names {
                    super::ask_for_client(tx, name, &job.id.to_string(), now).await?;
                }
                timers::work::complete(tx, &job).await.map_err(work::fault)
            })
        });
        Ok(asked.await?)
    }
}

#[async_trait]
impl Performer for FetchParties {
    fn kind(&self) -> &'static str {
        work::FETCH_PARTIES
    }

    async fn perform(&self, job: &Job) -> Outcome {
        let done = if job.subject == EVERY_CLIENT { self.ask_for_each(job).await } else { self.fetch(job).await };
        match done {
            Ok(()) => {
                self.commands.committed();
                self.wakes.wake();
                Outcome::Done
            }
            Err(NotNow::Fault(Fault::Keys(keyring::Error::Erased { .. }))) => Outcome::Done,
            Err(error) => {
                tracing::warn!(subject = job.subject, %error, "who is told of incidents is not fetched yet, trying again");
                Outcome::Retry { after: None }
            }
        }
    }
}
