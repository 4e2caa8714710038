//! Calling (SOP 8.2): one look at an alert by phone, which does what is next and asks for the next look.
//!
//! ```text
//! a call is claimed, its outcome not known    wait for the claim's end, then ask the provider
//! a call is placed                            wait for its report; past its deadline ask the provider, else unknown
//! nobody was tried whose turn it is           permit, claim, place
//! everybody was tried                         the round is over; the next begins after a fixed wait
//! somebody was reached                        nothing
//! ```
//!
//! As with mail, the claim is committed before the call is placed, with the alert's row locked, so that one alert has one call
//! at a time, and a process that is killed at any point leaves a call that is settled by looking. Unlike mail, what cannot be
//! settled does not wait: the next number is called at once, and marked as a possible duplicate.

mod speech;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use business_time::{SystemClock, Timestamp};
use command::{Commands, Fault, Unit, new_id};
use keyring::Owner;
use runtime::Client;
use timers::work::{Job, Outcome, Performer};
use tonic::Status;

use crate::{
    call::{
        self, Calls, Script, StoredCall,
        entity::{Call, Reason, State},
        ladder::{self, Rung, Tried},
    },
    events::publish,
    notification::{
        Notifications,
        alert::{Channel, PROVIDER_WAIT, ROUND_WAIT, Side, Step},
        alerts::{NOBODY_REACHED, Progress},
        entity::{Notification, State as AlertState},
        repo,
    },
    provider::phone::{CallSettlement, Found, OutgoingCall, PhoneProvider, Placed, Wanted},
    sending::permit::{self, Answer, PERMIT, Permit, Trouble},
    work::{self, Wakes},
};

/// How long a provider may take to take a call.
const PLACING: Duration = Duration::from_secs(10);
/// How long it may take to tell of one.
const LOOKING_UP: Duration = Duration::from_secs(5);
/// How long a claim lasts by the system's clock: past placing. Shorter than a permit's 30 s, since nobody else can be called
/// while it is not known whether this one is.
const CLAIM: Duration = Duration::from_secs(15);
/// How soon a call under somebody's claim is looked at again.
const UNDER_WAY: Duration = Duration::from_secs(2);

/// Calls, one work row for each look at an alert.
pub struct Caller {
    commands: Commands,
    client_registry: Client,
    provider: Arc<dyn PhoneProvider>,
    system: Arc<dyn SystemClock>,
    wakes: Wakes,
}

/// Why a look ends with nothing done.
#[derive(Debug, thiserror::Error)]
enum NotNow {
    #[error("{0}")]
    Fault(#[from] Fault),
    #[error("peer: {} {}", .0.code(), .0.message())]
    Peer(#[from] Status),
    #[error("a call is being placed")]
    UnderWay,
    #[error("the permit was over before the call could be placed")]
    PermitOver,
    #[error("what is spoken cannot be made: {0}")]
    Text(String),
}

impl From<Trouble> for NotNow {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Fault(fault) => Self::Fault(fault),
            Trouble::Peer(status) => Self::Peer(status),
        }
    }
}

/// What a claim came to.
enum Claimed {
    Yes(Box<Call>),
    /// Somebody else was faster, or somebody was reached meanwhile.
    No,
}

impl Caller {
    /// Calls through this provider.
    pub fn new(
        commands: Commands,
        client_registry: Client,
        provider: Arc<dyn PhoneProvider>,
        system: Arc<dyn SystemClock>,
        wakes: Wakes,
    ) -> Self {
        Self { commands, client_registry, provider, system, wakes }
    }

    async fn look(&self, job: &Job) -> Result<(), NotNow> {
        let id = job.subject.trim_start_matches("notifications/");
        let reader = self.commands.db().reader();
        let Some(stored) = repo::find(reader, id).await? else { return Ok(()) };
        let mut alert = stored.notification;
        if alert.channel != Channel::Phone {
            return Ok(());
        }
        // One that is under way is settled also where somebody was reached meanwhile.
        let calls = call::of_notification(reader, id).await?;
        if let Some(open) = calls.iter().find(|stored| stored.call.is_open()) {
            return self.settle(job, open).await;
        }
        if !alert.is_open() {
            return Ok(());
        }
        alert.begin_round(self.commands.now());
        let Some(state) = alert.alert else { return Ok(()) };
        if state.round_over {
            return Ok(());
        }
        let asked = self.system.monotonic();
        let permit = match permit::obtain(&self.client_registry, &self.commands, &alert).await? {
            Answer::Permit(permit) => permit,
            Answer::Refusal(reason) => return self.end_round(job, id, state.round, reason, ROUND_WAIT).await,
        };
        let round: Vec<_> = calls.iter().filter(|stored| stored.call.round == state.round).collect();
        let tried = tried(&round);
        let rungs: Vec<Rung> = permit.recipients.iter().map(rung).collect();
        let keyring = self.commands.keyring();
        let Some((rung, phone)) = ladder::next(&rungs, &tried, |phone| call::repo::index(keyring, phone)) else {
            let rang = round.iter().any(|one| matches!(one.call.state, State::Ended(why) if why.may_have_rung()));
            let wait = if rang { ROUND_WAIT } else { PROVIDER_WAIT };
            return self.end_round(job, id, state.round, NOBODY_REACHED.to_owned(), wait).await;
        };
        let script = speech::script(&alert, &permit).map_err(|error| NotNow::Text(error.to_string()))?;
        // What the call before left open may have reached somebody.
        let before = calls.last().map(|stored| stored.call.state);
        let new = NewCall {
            alert: &alert,
            side: state.side,
            round: state.round,
            permit: &permit,
            rung,
            phone,
            script: &script,
            possible_duplicate: before == Some(State::Ended(Reason::OutcomeUnknown)),
        };
        let Claimed::Yes(call) = self.claim(&new).await? else { return Ok(()) };
        // The last look before it leaves.
        if self.system.monotonic().saturating_duration_since(asked) >= PERMIT {
            self.end(None, &call.id, Reason::NotPlaced).await?;
            return Err(NotNow::PermitOver);
        }
        self.place(job, &call, phone, script).await
    }

    /// From its commit on the call counts as an attempt.
    async fn claim(&self, new: &NewCall<'_>) -> Result<Claimed, NotNow> {
        let claim_time = self.commands.now();
        let call = Call {
            id: new_id(),
            notification: new.alert.id.clone(),
            number: 0,
            round: new.round,
            client: new.alert.client.clone(),
            case: new.alert.case.clone(),
            side: new.side,
            person: new.rung.person.clone(),
            stands_in_for: new.rung.stands_in_for.clone(),
            provider: self.provider.name().to_owned(),
            permit: new.permit.name.clone(),
            policy_version: new.permit.policy_version,
            from_copy: new.permit.from_copy,
            possible_duplicate: new.possible_duplicate,
            claim_time,
            claim_end_time: self.system.now().checked_add(CLAIM).unwrap_or(Timestamp::MAX),
            state: State::Claimed,
            answered_by: None,
            sequence: 0,
            receipt: String::new(),
            deadline: None,
            key_press_time: None,
            end_time: None,
        };
        let owner = match new.side {
            Side::Client => Owner::new(new.alert.client.as_str()),
            Side::Management => Owner::staff(),
        };
        let (commands, phone, script) = (self.commands.clone(), new.phone.to_owned(), new.script.clone());
        let seen = new.alert.tries;
        let claimed = self.commands.db().transaction(move |tx| {
            let (commands, owner, phone, script) = (commands.clone(), owner.clone(), phone.clone(), script.clone());
            let mut call = call.clone();
            Box::pin(async move {
                let unit = commands.unit(tx, "services/notification", "notification.claim-call");
                let Some(mut stored) = repo::lock(tx, &call.notification).await? else { return Ok(Claimed::No) };
                let alert = &mut stored.notification;
                alert.begin_round(unit.now());
                let same_round = alert.alert.is_some_and(|state| state.round == call.round && !state.round_over);
                let calls = call::of_notification(tx, &call.notification).await?;
                // Another look may have called and ended since this one read.
                if !same_round || alert.tries != seen || calls.iter().any(|stored| stored.call.is_open()) {
                    return Ok(Claimed::No);
                }
                let Ok(number) = alert.claim() else { return Ok(Claimed::No) };
                call.number = number;
                call::repo::insert(tx, unit.keyring(), &owner, &call, &phone, &script).await?;
                let attempted = Progress {
                    step: Step::Attempted,
                    person: &call.person,
                    attempt: number,
                    reason: "",
                    from_copy: call.from_copy,
                    time: call.claim_time,
                };
                publish::alert(&unit, alert, &attempted).await?;
                repo::save(tx, alert).await?;
                unit.touched(&call.name());
                unit.finish().await?;
                Ok::<_, Fault>(Claimed::Yes(Box::new(call)))
            })
        });
        let claimed = claimed.await?;
        self.commands.committed();
        Ok(claimed)
    }

    async fn place(&self, job: &Job, call: &Call, phone: &str, script: Script) -> Result<(), NotNow> {
        let outgoing = OutgoingCall {
            call: call.id.clone(),
            notification: format!("notifications/{}", call.notification),
            case: call.case.clone(),
            person: call.person.clone(),
            to: phone.to_owned(),
            spoken: script.spoken,
            voicemail: script.voicemail,
            confirmed: script.confirmed,
            place_time: call.claim_time,
            from_copy: call.from_copy,
            possible_duplicate: call.possible_duplicate,
        };
        let placed = tokio::time::timeout(PLACING, self.provider.place(&outgoing)).await;
        match placed.unwrap_or(Placed::Unknown) {
            Placed::Accepted { receipt } => self.placed(job, &call.id, &receipt).await,
            Placed::Refused { reason, number } => {
                tracing::warn!(call = call.name(), reason, "the provider does not take the call");
                let reason = if number { Reason::NumberUnusable } else { Reason::ProviderRefused };
                self.end(Some(job), &call.id, reason).await
            }
            Placed::Unknown => self.ask_provider(job, call, phone).await,
        }
    }

    /// Settles the call that is open.
    async fn settle(&self, job: &Job, stored: &StoredCall) -> Result<(), NotNow> {
        let call = &stored.call;
        let waits = match (call.state, call.deadline) {
            // Its report, or its deadline's own look, comes.
            (State::Placed, Some(deadline)) if self.commands.now() < deadline => return Ok(()),
            (State::Claimed, _) => self.system.now() < call.claim_end_time,
            _ => false,
        };
        if waits {
            return Err(NotNow::UnderWay);
        }
        let phone = stored.phone(self.commands.db().reader(), self.commands.keyring()).await?;
        self.ask_provider(job, call, &phone).await
    }

    async fn ask_provider(&self, job: &Job, call: &Call, phone: &str) -> Result<(), NotNow> {
        let wanted = Wanted {
            call: call.id.clone(),
            to: phone.to_owned(),
            receipt: call.receipt.clone(),
            since: call.claim_time,
        };
        let can_tell = call.provider == self.provider.name() && self.provider.settlement() == CallSettlement::Lookup;
        let found = match can_tell {
            true => tokio::time::timeout(LOOKING_UP, self.provider.look_up(&wanted)).await.unwrap_or(Found::Unknown),
            false => Found::Unknown,
        };
        match found {
            Found::Placed { receipt, report } if call.state == State::Claimed => {
                self.placed(job, &call.id, &receipt).await?;
                self.reported(&call.id, report).await
            }
            // Past its deadline: what the provider tells now, or nobody can tell.
            Found::Placed { report, .. } => {
                self.reported(&call.id, report).await?;
                self.end(Some(job), &call.id, Reason::OutcomeUnknown).await
            }
            Found::NotPlaced { never: true } => self.end(Some(job), &call.id, Reason::NotPlaced).await,
            Found::NotPlaced { never: false } | Found::Unknown => {
                self.end(Some(job), &call.id, Reason::OutcomeUnknown).await
            }
        }
    }

    async fn placed(&self, job: &Job, id: &str, receipt: &str) -> Result<(), NotNow> {
        let receipt = receipt.to_owned();
        self.write(Some(job), id, move |unit, id| {
            let receipt = receipt.clone();
            Box::pin(async move { Calls.placed(unit, id, &receipt).await.map(drop) })
        })
        .await
    }

    async fn end(&self, job: Option<&Job>, id: &str, reason: Reason) -> Result<(), NotNow> {
        self.write(job, id, move |unit, id| Box::pin(async move { Calls.end(unit, id, reason).await.map(drop) })).await
    }

    async fn reported(&self, id: &str, report: call::entity::Report) -> Result<(), NotNow> {
        self.write(None, id, move |unit, id| {
            let report = report.clone();
            Box::pin(async move { Calls.report(unit, id, &report).await.map(drop) })
        })
        .await
    }

    /// Everybody was tried, or nobody may be.
    async fn end_round(&self, job: &Job, id: &str, round: u32, reason: String, wait: Duration) -> Result<(), NotNow> {
        self.write(Some(job), id, move |unit, id| {
            let reason = reason.clone();
            Box::pin(async move {
                let Some(mut stored) = repo::lock(unit.tx(), id).await? else { return Ok(()) };
                let alert = &mut stored.notification;
                alert.begin_round(unit.now());
                let same = alert.alert.is_some_and(|state| state.round == round && !state.round_over);
                if !same || !alert.is_open() || alert.state == AlertState::Reached {
                    return Ok(());
                }
                Notifications.end_round(unit, alert, &reason, wait).await
            })
        })
        .await
    }

    /// A change in a transaction of its own, which completes the job where one is given.
    async fn write<F>(&self, job: Option<&Job>, id: &str, body: F) -> Result<(), NotNow>
    where
        F: for<'a> Fn(&'a Unit<'a>, &'a str) -> Done<'a> + Send + Sync + 'static,
    {
        let (commands, id, job, body) = (self.commands.clone(), id.to_owned(), job.cloned(), Arc::new(body));
        let written = self.commands.db().transaction(move |tx| {
            let (commands, id, job, body) = (commands.clone(), id.clone(), job.clone(), body.clone());
            Box::pin(async move {
                let unit = commands.unit(tx, "services/notification", work::ALERT_CALL);
                body(&unit, &id).await?;
                unit.finish().await?;
                match job {
                    Some(job) => timers::work::complete(tx, &job).await.map_err(work::fault),
                    None => Ok(()),
                }
            })
        });
        written.await?;
        self.commands.committed();
        self.wakes.wake();
        Ok(())
    }
}

type Done<'a> = std::pin::Pin<Box<dyn Future<Output = Result<(), Fault>> + Send + 'a>>;

/// What a claim is made of.
struct NewCall<'a> {
    alert: &'a Notification,
    side: Side,
    round: u32,
    permit: &'a Permit,
    rung: &'a Rung,
    phone: &'a str,
    script: &'a Script,
    possible_duplicate: bool,
}

/// What was tried in a round. What the provider never had is tried once more, and no more than that.
fn tried(round: &[&StoredCall]) -> Tried {
    let (mut tried, mut missed) = (Tried::new(), Tried::new());
    for stored in round {
        let one = (stored.call.person.clone(), stored.phone_index.clone());
        if stored.call.state != State::Ended(Reason::NotPlaced) || !missed.insert(one.clone()) {
            tried.insert(one);
        }
    }
    tried
}

fn rung(person: &permit::Person) -> Rung {
    Rung { person: person.name.clone(), stands_in_for: person.stands_in_for.clone(), phones: person.phones.clone() }
}

#[async_trait]
impl Performer for Caller {
    fn kind(&self) -> &'static str {
        work::ALERT_CALL
    }

    async fn perform(&self, job: &Job) -> Outcome {
        match self.look(job).await {
            Ok(()) => Outcome::Done,
            Err(NotNow::UnderWay) => Outcome::Retry { after: Some(UNDER_WAY) },
            Err(NotNow::Fault(Fault::Keys(keyring::Error::Erased { .. }))) => {
                Outcome::SetAside { reason: "CLIENT_ERASED".to_owned() }
            }
            Err(error) => {
                tracing::warn!(alert = job.subject, %error, "not called yet, trying again");
                Outcome::Retry { after: None }
            }
        }
    }
}
