use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use access::{DecisionError, Decisions, Grants, HeldRole, Principal, Role, TokenSource, TrialIssuer, Verifier};
use async_trait::async_trait;
use business_time::{SystemClock, WallClock};

/// Tokens by the machine's clock.
pub fn tokens() -> Tokens {
    Tokens::by(Arc::new(WallClock))
}

/// Mints tokens in anybody's name, with a key of its own.
#[derive(Clone, Debug)]
pub struct Tokens {
    issuer: Arc<TrialIssuer>,
    verifier: Arc<Verifier>,
}

impl Tokens {
    /// Tokens that count by this clock.
    pub fn by(clock: Arc<dyn SystemClock>) -> Self {
        let issuer = Arc::new(TrialIssuer::passing(clock.clone()).unwrap());
        let verifier = Arc::new(Verifier::try_new([issuer.as_issuer()], clock).unwrap());
        Self { issuer, verifier }
    }

    /// A token for an hour, in the name of `principal`, for example `staff/anna`.
    pub fn of(&self, principal: &str) -> String {
        self.living(principal, Duration::from_secs(3600))
    }

    /// A token that lives this long.
    pub fn living(&self, principal: &str, ttl: Duration) -> String {
        self.issuer.mint(&Principal::parse(principal).unwrap(), ttl).unwrap()
    }

    /// What a service or a person calls with: `runtime::client::connect(url, tokens.source("staff/anna"))`.
    pub fn source(&self, principal: &str) -> TokenSource {
        TokenSource::trial(self.issuer.clone(), Principal::parse(principal).unwrap())
    }

    /// The issuer.
    pub fn issuer(&self) -> &Arc<TrialIssuer> {
        &self.issuer
    }

    /// What takes these tokens and no others.
    pub fn verifier(&self) -> Arc<Verifier> {
        self.verifier.clone()
    }
}

/// Decides who may what as a test says; nobody is known at first. Cheap to clone; clones share what they know.
#[derive(Clone, Debug, Default)]
pub struct Roster {
    people: Arc<Mutex<HashMap<String, Vec<HeldRole>>>>,
    asked: Arc<AtomicU32>,
}

impl Roster {
    /// Nobody yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives a role for the whole firm, for example `roster.firm("staff/zoe", Role::Management)`.
    pub fn firm(&self, principal: &str, role: Role) -> &Self {
        self.give(principal, HeldRole { role, client: None })
    }

    /// Gives a role for one client, for example `roster.client("staff/anna", Role::AccountManager, "clients/acme")`.
    pub fn client(&self, principal: &str, role: Role, client: &str) -> &Self {
        self.give(principal, HeldRole { role, client: Some(client.to_owned()) })
    }

    fn give(&self, principal: &str, held: HeldRole) -> &Self {
        Principal::parse(principal).unwrap();
        self.people.lock().unwrap().entry(principal.to_owned()).or_default().push(held);
        self
    }

    /// Takes every role away; the person stays known.
    pub fn strip(&self, principal: &str) -> &Self {
        self.people.lock().unwrap().insert(principal.to_owned(), Vec::new());
        self
    }

    /// The person is not known any more.
    pub fn remove(&self, principal: &str) -> &Self {
        self.people.lock().unwrap().remove(principal);
        self
    }

    /// How often it was asked.
    pub fn asked(&self) -> u32 {
        self.asked.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Decisions for Roster {
    async fn grants(&self, principal: &Principal) -> Result<Arc<Grants>, DecisionError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let people = self.people.lock().unwrap();
        let roles = people.get(principal.name()).ok_or(DecisionError::Unknown)?;
        Ok(Arc::new(Grants::of_roles(roles.iter().cloned())))
    }
}
