//! The work row that finds out whose word a mail is. While the registry does not answer, the mail waits and is safe.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use access::{DecisionError, Decisions, Principal};
use async_trait::async_trait;
use command::{Commands, Fault};
use contracts::client_registry::v1::{
    GetPolicyRequest, IdentifySenderRequest, contact_service_client::ContactServiceClient,
    policy_service_client::PolicyServiceClient,
};
use runtime::Client;
use timers::work::{Job, Outcome, Performer};
use tonic::{Code, Status};

use super::{
    Mails,
    entity::{Copied, State, Writer, client_of},
    parse::Kind as Written,
    repo,
    trace::SenderCheck,
};
use crate::{
    procedure::{self, Policy},
    thread,
    work::{self, Wakes},
};

/// Looks up senders.
pub struct Identify {
    commands: Commands,
    mails: Mails,
    client_registry: Client,
    decisions: Arc<dyn Decisions>,
    wakes: Wakes,
}

/// Why a mail could not be looked at now.
#[derive(Debug, thiserror::Error)]
enum NotNow {
    #[error("{0}")]
    Fault(#[from] Fault),
    #[error("registry: {} {}", .0.code(), .0.message())]
    Registry(#[from] Status),
    #[error("nobody says what a colleague may")]
    NoDecision,
    #[error("an earlier mail that it answers is looked at first")]
    EarlierFirst,
}

/// What somebody may who writes to a client.
const SENDS: &str = "messages.send";
/// How soon a mail is looked at again that waits for an earlier one.
const EARLIER: Duration = Duration::from_millis(200);

impl Identify {
    /// Asks this registry.
    pub fn new(
        commands: Commands,
        mails: Mails,
        client_registry: Client,
        decisions: Arc<dyn Decisions>,
        wakes: Wakes,
    ) -> Self {
        Self { commands, mails, client_registry, decisions, wakes }
    }

    async fn identify(&self, job: &Job) -> Result<(), NotNow> {
        let id = job.subject.trim_start_matches("mails/");
        let db = self.commands.db();
        let Some(stored) = repo::find(db.reader(), id).await? else { return Ok(()) };
        if stored.mail.state != State::Received {
            return Ok(());
        }
        let policy = self.policy().await?;
        let words = stored.words(db.reader(), self.commands.keyring()).await?;
        let indexes: Vec<_> =
            words.trail.references.iter().map(|id| thread::index(self.commands.keyring(), id)).collect();
        if repo::is_any_unidentified(db.reader(), &indexes, id).await? {
            return Err(NotNow::EarlierFirst);
        }
        let (writer, check) = match words.trail.addresses.as_slice() {
            [address] => {
                let domain = address.rsplit_once('@').map(|(_, domain)| domain.to_ascii_lowercase());
                let check = words.trail.trace.check(&policy.authserv_id, &domain.unwrap_or_default());
                (self.writer(address).await?, check)
            }
            _ => (Writer::Several, SenderCheck::Missing),
        };
        let copied = match &writer {
            Writer::Staff(author) if check == SenderCheck::Passed && stored.mail.kind == Written::Personal => {
                let outside = words.trail.recipients.iter().filter(|address| !policy.is_own(address));
                self.copied(author, outside).await?
            }
            _ => None,
        };
        let (commands, mails) = (self.commands.clone(), self.mails);
        let (id, job) = (id.to_owned(), job.clone());
        db.transaction(move |tx| {
            let (commands, id, job) = (commands.clone(), id.clone(), job.clone());
            let (writer, policy, copied) = (writer.clone(), policy.clone(), copied.clone());
            Box::pin(async move {
                let unit = commands.unit(tx, "services/notification", work::IDENTIFY);
                mails.identify(&unit, &id, check, &writer, copied.as_ref(), &policy).await?;
                unit.finish().await?;
                timers::work::complete(tx, &job).await.map_err(work::fault)
            })
        })
        .await?;
        self.commands.committed();
        self.wakes.wake();
        Ok(())
    }

    /// The policy that is known here, or the registry's.
    async fn policy(&self) -> Result<Policy, NotNow> {
        if let Some(policy) = procedure::policy(self.commands.db().reader()).await? {
            return Ok(policy);
        }
        let mut policies = PolicyServiceClient::new(self.client_registry.clone());
        let answer = policies.get_policy(GetPolicyRequest { name: "policies/current".into() }).await?.into_inner();
        let policy = answer.policy.ok_or_else(|| Status::internal("no policy in the answer"))?;
        let known = Policy::from(&policy);
        let (commands, mails) = (self.commands.clone(), self.mails);
        self.commands
            .db()
            .transaction(move |tx| {
                let (commands, policy) = (commands.clone(), policy.clone());
                Box::pin(async move {
                    let unit = commands.unit(tx, "services/notification", work::FETCH_POLICY);
                    procedure::keep_policy(&unit, &mails, &policy).await?;
                    unit.finish().await
                })
            })
            .await?;
        self.commands.committed();
        self.wakes.wake();
        Ok(known)
    }

    /// To whose contacts a colleague's mail went; none where to none's, or to several clients'.
    async fn copied(&self, author: &str, addresses: impl Iterator<Item = &String>) -> Result<Option<Copied>, NotNow> {
        let mut contacts = Vec::new();
        for address in addresses {
            if let Writer::Contact(contact) = self.writer(address).await? {
                contacts.push(contact);
            }
        }
        let clients: BTreeSet<_> = contacts.iter().map(|contact| client_of(contact).to_owned()).collect();
        let mut clients = clients.into_iter();
        let (Some(client), None) = (clients.next(), clients.next()) else { return Ok(None) };
        let has_to_do = match Principal::parse(author) {
            Err(_) => false,
            Ok(author) => match self.decisions.grants(&author).await {
                Ok(grants) => grants.holds_on(SENDS, &client),
                Err(DecisionError::Unknown) => false,
                Err(DecisionError::Unavailable) => return Err(NotNow::NoDecision),
            },
        };
        Ok(Some(Copied { client, contacts, has_to_do }))
    }

    async fn writer(&self, address: &str) -> Result<Writer, NotNow> {
        let mut contacts = ContactServiceClient::new(self.client_registry.clone());
        match contacts.identify_sender(IdentifySenderRequest { email: address.to_owned() }).await {
            Ok(answer) => {
                let answer = answer.into_inner();
                Ok(match (answer.contact.as_str(), answer.staff.as_str()) {
                    ("", "") => Writer::Unknown,
                    ("", _) => Writer::Staff(answer.staff),
                    (_, "") => Writer::Contact(answer.contact),
                    _ => Writer::Several,
                })
            }
            // An address that the registry does not take for one is nobody's there.
            Err(status) if status.code() == Code::InvalidArgument => Ok(Writer::Unknown),
            Err(status) => Err(status.into()),
        }
    }
}

#[async_trait]
impl Performer for Identify {
    fn kind(&self) -> &'static str {
        work::IDENTIFY
    }

    async fn perform(&self, job: &Job) -> Outcome {
        match self.identify(job).await {
            Ok(()) => Outcome::Done,
            Err(NotNow::EarlierFirst) => Outcome::Retry { after: Some(EARLIER) },
            Err(NotNow::Fault(Fault::Keys(keyring::Error::Erased { .. }))) => {
                Outcome::SetAside { reason: "CLIENT_ERASED".to_owned() }
            }
            Err(error) => {
                tracing::warn!(mail = job.subject, %error, "sender not identified yet, trying again");
                Outcome::Retry { after: None }
            }
        }
    }
}
