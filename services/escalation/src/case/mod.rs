//! Cases: the use cases, each in the transaction that a command, an event's reader or the clocks opened.
//!
//! - [`entity`]: [`entity::Case`], what may happen to it; pure.
//! - [`repo`]: its tables.
//! - [`timeline`]: how what happened is written down.
//! - [`clocks`]: what happens by itself.
//! - `read`: what is asked of them and changes nothing.
//! - [`mails`]: what other services' events do.

pub mod clocks;
pub mod entity;
mod error;
mod mails;
mod read;
pub mod repo;
pub mod timeline;

use std::sync::{Arc, OnceLock};

use access::{Caller, PrincipalKind};
use business_time::Timestamp;
use command::{Commands, Fault, Unit, paging::Page};
use database::ConnectionTrait;
use refusal::{Kind, Refusal};

pub use error::CaseError;
pub use repo::{Stored, Unsettled, Words};

use self::entity::{Case, ClockKind, Done, Kind as CaseKind, Opening, Origin, WorkingCalendar};
use crate::terms::{
    ClientTerms, Terms,
    fetch::{self, enqueue},
    store_client,
};

/// Steps that a preview tells at most.
const PREVIEWED: usize = 20;

/// The use cases. Cheap to clone.
#[derive(Clone)]
pub struct Cases {
    inner: Arc<Inner>,
}

struct Inner {
    commands: Commands,
    terms: Terms,
    wakers: OnceLock<Vec<timers::Waker>>,
}

/// What somebody asks to be opened.
#[derive(Clone, Debug)]
pub struct Draft {
    /// `clients/{client}`.
    pub client: String,
    /// Empty for none.
    pub engagement: String,
    /// What it is.
    pub kind: CaseKind,
    /// What it is about.
    pub subject: String,
}

/// What the registry told of a client that was not known here.
#[derive(Clone, Debug)]
pub struct Introduced {
    /// `calendars/{calendar}`.
    pub calendar: String,
    /// The client's revision.
    pub revision: u64,
}

/// What a list is asked for.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Empty for all of the caller's.
    pub client: String,
    /// Only in this state.
    pub state: Option<&'static str>,
    /// Empty, or the mail that it opened from or belongs to.
    pub mail: String,
    /// Which page.
    pub page: Page,
}

impl Cases {
    /// Over one service's database.
    pub fn new(commands: Commands) -> Self {
        Self { inner: Arc::new(Inner { commands, terms: Terms::default(), wakers: OnceLock::new() }) }
    }

    /// Whom [`Cases::committed`] wakes: the clocks and the workers. Once, by whoever runs them.
    pub fn wake_with(&self, wakers: Vec<timers::Waker>) {
        // A second set is a mistake of the composition that costs at most a second's delay.
        let _ = self.inner.wakers.set(wakers);
    }

    /// To be called after a commit: what became due is looked at now, and not within a second.
    pub fn committed(&self) {
        self.inner.commands.committed();
        for waker in self.inner.wakers.get().into_iter().flatten() {
            waker.wake();
        }
    }

    pub(crate) fn commands(&self) -> &Commands {
        &self.inner.commands
    }

    /// Opens a case on somebody's word. Whether client and engagement exist was asked of the registry before.
    ///
    /// # Errors
    /// As [`Cases::may_open`], and the database's.
    pub async fn open(
        &self,
        unit: &Unit<'_>,
        caller: &Caller,
        draft: &Draft,
        introduced: Option<&Introduced>,
    ) -> Result<Stored, Fault> {
        Self::may_open(caller, draft)?;
        if let Some(introduced) = introduced {
            store_client(unit.tx(), &draft.client, &introduced.calendar, introduced.revision).await?;
        }
        let opening = Opening {
            id: command::new_id(),
            client: draft.client.clone(),
            engagement: (!draft.engagement.is_empty()).then(|| draft.engagement.clone()),
            origin: Origin::Api,
            opener: caller.principal().name().to_owned(),
            kind: draft.kind,
            subject: draft.subject.clone(),
            open_time: unit.now(),
        };
        self.open_as(unit, opening, None).await
    }

    /// Whether the caller may open this.
    ///
    /// # Errors
    /// NOT_FOUND, CLIENT_NOT_FOUND for another's client; PERMISSION_DENIED, INCIDENT_NEEDS_THE_FIRM for a contact who calls it
    /// critical; INVALID_ARGUMENT, ENGAGEMENT_OF_ANOTHER_CLIENT.
    pub fn may_open(caller: &Caller, draft: &Draft) -> Result<(), Refusal> {
        caller.require("cases.open", &draft.client).map_err(|_| no_client(&draft.client))?;
        if draft.kind == CaseKind::Incident && caller.principal().kind() != PrincipalKind::Staff {
            let message = "an incident is declared critical by the firm; open an issue, and say what is at stake";
            return Err(Refusal::new(Kind::Denied, "INCIDENT_NEEDS_THE_FIRM", message));
        }
        let of_client =
            draft.engagement.strip_prefix(&draft.client).is_some_and(|rest| rest.starts_with("/engagements/"));
        if !draft.engagement.is_empty() && !of_client {
            let (reason, field) = ("ENGAGEMENT_OF_ANOTHER_CLIENT", "case.engagement");
            return Err(Refusal::field(reason, field, "is not an engagement of case.client"));
        }
        Ok(())
    }

    /// Whether a client is known here.
    ///
    /// # Errors
    /// The database's.
    pub async fn knows_client(&self, client: &str) -> Result<bool, Fault> {
        crate::terms::is_known_client(self.inner.commands.db().reader(), client).await
    }

    async fn open_as(&self, unit: &Unit<'_>, opening: Opening, cause: Option<&str>) -> Result<Stored, Fault> {
        let terms = self.inner.terms.of_client(unit.tx(), &opening.client).await?;
        let (case, facts) = Case::open(opening, terms.policy.clone(), terms.calendar.as_deref());
        let stored = repo::insert(unit, case, &facts, cause).await?;
        self.fetch_missing(unit, &stored.case, &terms).await?;
        Ok(stored)
    }

    /// Asks the registry for what a new case runs by and is not here. The case does not wait for it.
    async fn fetch_missing(&self, unit: &Unit<'_>, case: &Case, terms: &ClientTerms) -> Result<(), Fault> {
        let cause = case.name();
        if terms.calendar.is_none() {
            enqueue(unit, fetch::Kind::Client, &case.client, &cause).await?;
        }
        if terms.policy.is_none() {
            enqueue(unit, fetch::Kind::Policy, "policies/current", &cause).await?;
        }
        Ok(())
    }

    /// Takes note of an issue (SOP 8.1).
    ///
    /// # Errors
    /// As [`Case::acknowledge`]; NOT_FOUND where it is not there or not the caller's to see.
    pub async fn acknowledge(&self, unit: &Unit<'_>, caller: &Caller, name: &str) -> Result<Stored, Fault> {
        self.change(unit, caller, "cases.work", name, |case, now| case.acknowledge(now)).await
    }

    /// Makes an inquiry an issue before it is late.
    ///
    /// # Errors
    /// As [`Case::raise`]; NOT_FOUND.
    pub async fn raise(&self, unit: &Unit<'_>, caller: &Caller, name: &str, reason: &str) -> Result<Stored, Fault> {
        let stored = self.lock(unit, caller, "cases.work", name).await?;
        let calendar = self.calendar(unit, &stored.case).await?;
        self.apply(unit, stored, None, |case, now| case.raise(reason, calendar.as_deref(), now)).await
    }

    /// Declares a case a critical incident (SOP 8.2).
    ///
    /// # Errors
    /// As [`Case::declare_critical`]; NOT_FOUND.
    pub async fn declare_critical(
        &self,
        unit: &Unit<'_>,
        caller: &Caller,
        name: &str,
        reason: &str,
    ) -> Result<Stored, Fault> {
        let stored = self.lock(unit, caller, "cases.declare_critical", name).await?;
        let calendar = self.calendar(unit, &stored.case).await?;
        let who = caller.principal().name();
        let declare = |case: &mut Case, now| case.declare_critical(who, reason, calendar.as_deref(), now);
        self.apply(unit, stored, None, declare).await
    }

    /// Takes the next escalation step now (SOP 8.1).
    ///
    /// # Errors
    /// As [`Case::escalate`]; NOT_FOUND.
    pub async fn escalate(&self, unit: &Unit<'_>, caller: &Caller, name: &str, reason: &str) -> Result<Stored, Fault> {
        self.change(unit, caller, "cases.escalate", name, |case, now| case.escalate(reason, now)).await
    }

    /// Proposes a resolution. With an `etag` the case must be as it was read.
    ///
    /// # Errors
    /// As [`Case::propose`]; STALE_ETAG; NOT_FOUND.
    pub async fn propose(
        &self,
        unit: &Unit<'_>,
        caller: &Caller,
        name: &str,
        text: &str,
        etag: &str,
    ) -> Result<Stored, Fault> {
        let stored = self.lock(unit, caller, "cases.work", name).await?;
        if !etag.is_empty() && etag != stored.etag() {
            let message = "the case changed since it was read; read it again and repeat";
            return Err(Refusal::new(Kind::Conflict, "STALE_ETAG", message).with("etag", stored.etag()).into());
        }
        let proposer = caller.principal().name();
        self.apply(unit, stored, None, |case, now| case.propose(proposer, text, now)).await
    }

    /// Confirms for the caller's side: a contact for the client, a member of staff for the firm (SOP 8.4).
    ///
    /// # Errors
    /// As [`Case::confirm_for_client`]; NOT_FOUND; PERMISSION_DENIED, NO_SIDE for a service, which stands for nobody.
    pub async fn confirm(&self, unit: &Unit<'_>, caller: &Caller, name: &str, revision: u64) -> Result<Stored, Fault> {
        let (who, permission) = (caller.principal(), "cases.confirm");
        match who.kind() {
            PrincipalKind::Contact => {
                let confirm = |case: &mut Case, now| case.confirm_for_client(who.name(), None, revision, now);
                self.change(unit, caller, permission, name, confirm).await
            }
            PrincipalKind::Staff => {
                let confirm = |case: &mut Case, now| case.confirm_for_firm(who.name(), revision, now);
                self.change(unit, caller, permission, name, confirm).await
            }
            PrincipalKind::Service => {
                Err(Refusal::new(Kind::Denied, "NO_SIDE", "a resolution is confirmed by people").into())
            }
        }
    }

    /// Records that a contact confirmed by phone. That the contact exists and may confirm was asked of the registry before.
    ///
    /// # Errors
    /// As [`Case::confirm_for_client`]; NOT_FOUND.
    pub async fn record_confirmation(
        &self,
        unit: &Unit<'_>,
        caller: &Caller,
        name: &str,
        revision: u64,
        contact: &str,
        evidence: &str,
    ) -> Result<Stored, Fault> {
        let recorded = Some((caller.principal().name(), evidence));
        let record = |case: &mut Case, now| case.confirm_for_client(contact, recorded, revision, now);
        self.change(unit, caller, "cases.record_confirmation", name, record).await
    }

    /// It is not resolved, says the client, or a person of the team who heard it from them (SOP 8.4).
    ///
    /// # Errors
    /// As [`Case::reject`]; NOT_FOUND.
    pub async fn reject(
        &self,
        unit: &Unit<'_>,
        caller: &Caller,
        name: &str,
        revision: u64,
        reason: &str,
    ) -> Result<Stored, Fault> {
        self.change(unit, caller, "cases.reject", name, |case, now| case.reject(revision, reason, now)).await
    }

    /// Says why a clock was late.
    ///
    /// # Errors
    /// As [`Case::give_lateness_reason`]; NOT_FOUND.
    pub async fn give_lateness_reason(
        &self,
        unit: &Unit<'_>,
        caller: &Caller,
        name: &str,
        clock: ClockKind,
        reason: &str,
    ) -> Result<Stored, Fault> {
        let give = |case: &mut Case, now| case.give_lateness_reason(clock, reason, now);
        self.change(unit, caller, "cases.work", name, give).await
    }

    /// Computes running clocks anew whose calendar or policy is another one now, each case in a transaction of its own, so
    /// that one which fails holds up no other.
    ///
    /// # Errors
    /// The last failure, after all others were done.
    pub async fn settle(&self, which: &Unsettled) -> Result<(), Fault> {
        let data = repo::data_key(business_time::tzdb_version(), business_time::holidays_version());
        let (mut after, mut trouble) = (String::new(), None);
        loop {
            let db = self.inner.commands.db();
            let ids = repo::unsettled(db.reader(), which, &data, &after, 100).await?;
            let Some(last) = ids.last() else { break };
            after.clone_from(last);
            for id in ids {
                let this = self.clone();
                let settled = db
                    .transaction(move |tx| {
                        let (this, id) = (this.clone(), id.clone());
                        Box::pin(async move {
                            let unit = this.inner.commands.unit(tx, "services/client-registry", "escalation.settle");
                            this.settle_one(&unit, &id).await?;
                            unit.finish().await
                        })
                    })
                    .await;
                if let Err(fault) = settled {
                    tracing::error!(error = %fault, "a clock was not computed anew");
                    trouble = Some(fault);
                }
            }
            self.committed();
        }
        trouble.map_or(Ok(()), Err)
    }

    async fn settle_one(&self, unit: &Unit<'_>, id: &str) -> Result<(), Fault> {
        let Some(mut stored) = self.find(unit.tx(), id, true).await? else { return Ok(()) };
        let terms = self.inner.terms.of_client(unit.tx(), &stored.case.client).await?;
        match stored.case.settle(terms.policy.as_ref(), terms.calendar.as_deref(), unit.now()) {
            Done::Facts(facts) => repo::save(unit, &mut stored, &facts, None).await,
            Done::AlreadySo => Ok(()),
        }
    }

    async fn find<C: ConnectionTrait>(&self, conn: &C, id: &str, lock: bool) -> Result<Option<Stored>, Fault> {
        let Some(row) = repo::find_row(conn, id, lock).await? else { return Ok(None) };
        let policy = self.inner.terms.policy(conn, row.policy_version()).await?;
        row.read(policy).map(Some)
    }

    async fn calendar(&self, unit: &Unit<'_>, case: &Case) -> Result<Option<Arc<WorkingCalendar>>, Fault> {
        Ok(self.inner.terms.of_client(unit.tx(), &case.client).await?.calendar)
    }

    /// Locks a case that the caller may see, and may do this to.
    async fn lock(&self, unit: &Unit<'_>, caller: &Caller, permission: &str, name: &str) -> Result<Stored, Fault> {
        let stored = self.find(unit.tx(), id_of(name), true).await?;
        let stored = stored.ok_or_else(|| Refusal::not_found(name))?;
        reach(caller, permission, &stored.case)?;
        Ok(stored)
    }

    async fn change(
        &self,
        unit: &Unit<'_>,
        caller: &Caller,
        permission: &str,
        name: &str,
        transition: impl FnOnce(&mut Case, Timestamp) -> Result<Done, CaseError>,
    ) -> Result<Stored, Fault> {
        let stored = self.lock(unit, caller, permission, name).await?;
        self.apply(unit, stored, None, transition).await
    }

    async fn apply(
        &self,
        unit: &Unit<'_>,
        mut stored: Stored,
        cause: Option<&str>,
        transition: impl FnOnce(&mut Case, Timestamp) -> Result<Done, CaseError>,
    ) -> Result<Stored, Fault> {
        match transition(&mut stored.case, unit.now())? {
            Done::Facts(facts) => repo::save(unit, &mut stored, &facts, cause).await?,
            Done::AlreadySo => unit.touched(&stored.case.name()),
        }
        Ok(stored)
    }
}

/// A case of a client whom the caller has nothing to do with is as if it were not there.
fn reach(caller: &Caller, permission: &str, case: &Case) -> Result<(), Refusal> {
    caller.require(permission, &case.client).map_err(|denied| {
        if caller.scope("cases.read").contains(&case.client) { denied } else { Refusal::not_found(case.name()) }
    })
}

/// A client that is not there, or not for this caller to know of.
pub fn no_client(client: &str) -> Refusal {
    let message = format!("{client} is not there, or not yours to see");
    Refusal::new(Kind::NotFound, "CLIENT_NOT_FOUND", message).with("resource", client)
}

fn id_of(name: &str) -> &str {
    name.strip_prefix("cases/").unwrap_or(name)
}
