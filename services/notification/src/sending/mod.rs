//! Sending, in three steps (DESIGN, how things move):
//!
//! 1. The registry is asked for a permit: who may be told, from whom, under which address.
//! 2. The claim and the permit are committed, with the mail's words and Message-ID. From then on it cannot be taken back.
//! 3. The mail is handed over before the permit's 30 s are over, counted on this process's own monotonic clock from before
//!    the registry was asked; then the outcome is written by compare-and-set.
//!
//! What it counts from is when the provider had taken it, not when it was claimed: that may be the permit's 30 s later.
//!
//! A claim outlives permit and hand-over. One that has ended without an outcome is an unknown outcome: the provider is
//! asked whether it has the mail, and where it has not, that attempt can never be made any more, and a new one begins with a
//! new permit. So a process that is killed at any point neither loses a mail nor sends a second one.
//!
//! Alerts of critical incidents (SOP 8.2) go through a sender of their own, with a provider of its own, so that nothing else
//! delays them; the registry is waited for 2 s, and then the encrypted copy answers. What became of each attempt is told, and a
//! mail whose fate nobody can tell is sent again at once, marked as a possible duplicate.
//!
//! - [`templates`]: words. [`letter`]: bytes. `permit`: step 1. `content`: what a text is made from. `ending`: what became
//!   of it.

mod content;
mod ending;
pub mod letter;
pub(crate) mod permit;
pub mod templates;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use business_time::{SystemClock, Timestamp};
use command::{Commands, Fault};
use runtime::Client;
use timers::work::{Job, Outcome, Performer};
use tonic::Status;

use self::{
    content::Content,
    ending::End,
    letter::{Letter, LetterError, Party},
    permit::{Answer, PERMIT, Permit, Trouble},
};
use crate::{
    grpc::convert,
    mail::Mails,
    notification::{
        alert::Step,
        entity::Notification,
        repo::{self, Attempt, Words},
    },
    provider::{HandOver, Lookup, MailProvider, Outgoing, Settlement},
    thread,
    work::Wakes,
};

/// How long a hand-over may take.
const HAND_OVER: Duration = Duration::from_secs(10);
/// How long a claim lasts by the system's clock: past the permit and the hand-over.
const CLAIM: Duration = Duration::from_secs(50);
/// Refused this often by the provider, a mail is given up; of an alert, the round.
const TRIES: u32 = 10;
/// How soon an attempt of unknown outcome is looked at again.
const UNKNOWN: Duration = Duration::from_secs(5);
/// An attempt's outcome where nobody can tell.
const OUTCOME_UNKNOWN: &str = "OUTCOME_UNKNOWN";

/// Whom sending asks.
#[derive(Clone)]
pub struct Peers {
    /// For permits.
    pub client_registry: Client,
    /// For a proposal's words.
    pub escalation: Client,
    /// For what a report says.
    pub reporting: Client,
}

/// Sends what is queued, one work row for each notification.
pub struct Sender {
    kind: &'static str,
    commands: Commands,
    mails: Mails,
    peers: Peers,
    provider: Arc<dyn MailProvider>,
    system: Arc<dyn SystemClock>,
    wakes: Wakes,
}

/// Why a notification is not sent in this pass.
#[derive(Debug, thiserror::Error)]
enum NotNow {
    #[error("{0}")]
    Fault(#[from] Fault),
    #[error("peer: {} {}", .0.code(), .0.message())]
    Peer(#[from] Status),
    #[error("an attempt is under way or its outcome is not known")]
    UnderWay,
    #[error("the permit was over before the hand-over could begin")]
    PermitOver,
    #[error("the provider does not take it now: {0}")]
    Refused(String),
    #[error("the mail cannot be made: {0}")]
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

impl Sender {
    /// Sends work of this kind through this provider.
    pub fn new(
        kind: &'static str,
        commands: Commands,
        mails: Mails,
        peers: Peers,
        provider: Arc<dyn MailProvider>,
        system: Arc<dyn SystemClock>,
        wakes: Wakes,
    ) -> Self {
        Self { kind, commands, mails, peers, provider, system, wakes }
    }

    async fn send(&self, job: &Job) -> Result<(), NotNow> {
        let id = job.subject.trim_start_matches("notifications/");
        let db = self.commands.db();
        let Some(mut stored) = repo::find(db.reader(), id).await? else { return Ok(()) };
        if !stored.notification.is_open() {
            return Ok(());
        }
        stored.notification.begin_round(self.commands.now());
        if stored.notification.alert.is_some_and(|alert| alert.round_over) {
            return Ok(());
        }
        if let Some(attempt) = repo::find_open_attempt(db.reader(), id).await?
            && self.settle(job, &attempt).await?
        {
            return Ok(());
        }
        let content = match self.content(&stored).await? {
            Content::Ready(content) => content,
            Content::Moot(reason) => return self.end(job, id, End::Blocked(reason.to_owned())).await,
            Content::TakenBack => return self.end(job, id, End::TakenBack).await,
        };
        let asked = self.system.monotonic();
        let permit = match permit::obtain(&self.peers.client_registry, &self.commands, &stored.notification).await? {
            Answer::Permit(permit) if stored.notification.alert.is_some() => permit.who_can_be_written_to(),
            Answer::Permit(permit) => permit,
            Answer::Refusal(reason) => return self.end(job, id, End::Blocked(reason)).await,
        };
        let words = match &content.rendered {
            Some(rendered) => rendered.clone(),
            None => {
                let context = content.context(&stored.notification, &permit);
                let rendered = templates::render(stored.notification.kind, &context);
                rendered.map_err(|error| NotNow::Text(error.to_string()))?
            }
        };
        let claim_time = self.commands.now();
        let mail = match self.compose(&stored.notification, &content, &permit, &words, claim_time) {
            Ok(mail) => mail,
            Err(LetterError::Address) => {
                let reason = "ADDRESS_UNUSABLE".to_owned();
                return self.end(job, id, End::Failed { reason, attempt: None }).await;
            }
            Err(error) => return Err(NotNow::Text(error.to_string())),
        };
        // What a person wrote is kept as they wrote it; of what is generated, what went out.
        let generated = !stored.notification.kind.is_written();
        let words = generated.then_some(Words { subject: words.subject, text: words.text, ..Words::default() });
        let number = self.claim(id, &permit, words, &mail.1, claim_time).await?;
        // The last look before the mail leaves.
        if self.system.monotonic().saturating_duration_since(asked) >= PERMIT {
            self.end_attempt(id, number, "permit_over").await?;
            return Err(NotNow::PermitOver);
        }
        let outgoing = Outgoing {
            notification: id.to_owned(),
            attempt: number,
            recipients: permit.recipients.iter().map(|person| person.party.email.clone()).collect(),
            sender: permit.sender.party.email.clone(),
            message: mail.0,
        };
        let outcome = tokio::time::timeout(HAND_OVER, self.provider.hand_over(&outgoing)).await;
        let outcome = outcome.unwrap_or(HandOver::Unknown);
        self.conclude(job, id, number, claim_time, outcome).await
    }

    /// Step 2. From its commit on nothing can be taken back.
    async fn claim(
        &self,
        id: &str,
        permit: &Permit,
        words: Option<Words>,
        message_id: &str,
        claim_time: Timestamp,
    ) -> Result<u32, NotNow> {
        let claim_end = self.system.now().checked_add(CLAIM).unwrap_or(Timestamp::MAX);
        let attempt = Attempt {
            notification: id.to_owned(),
            number: 0,
            provider: self.provider.name().to_owned(),
            permit: permit.name.clone(),
            policy_version: permit.policy_version,
            recipients: permit.people(),
            stand_ins_for: permit.stand_ins_for(),
            claim_time,
            claim_end_time: claim_end,
            outcome: String::new(),
            receipt: String::new(),
            end_time: None,
            evidence: String::new(),
            from_copy: permit.from_copy,
            possible_duplicate: false,
        };
        let (commands, message_id) = (self.commands.clone(), message_id.to_owned());
        let number = self.commands.db().transaction(move |tx| {
            let (commands, words, message_id) = (commands.clone(), words.clone(), message_id.clone());
            let mut attempt = attempt.clone();
            Box::pin(async move {
                let unit = commands.unit(tx, "services/notification", "notification.claim");
                let stored = repo::lock(tx, &attempt.notification).await?;
                let Some(mut stored) = stored else { return Ok(None) };
                let before = repo::attempts(tx, &attempt.notification).await?;
                if before.iter().any(|attempt| attempt.outcome.is_empty()) {
                    return Ok(None);
                }
                stored.notification.begin_round(unit.now());
                let Ok(number) = stored.notification.claim() else { return Ok(None) };
                attempt.number = number;
                attempt.possible_duplicate = before.last().is_some_and(|attempt| attempt.outcome == OUTCOME_UNKNOWN);
                stored.notification.message_id.clone_from(&message_id);
                repo::insert_attempt(tx, &attempt).await?;
                ending::tell(&unit, &mut stored.notification, &attempt, Step::Attempted, "").await?;
                repo::save(tx, &stored.notification).await?;
                if let Some(words) = &words {
                    repo::save_words(tx, unit.keyring(), &stored, words).await?;
                }
                // Before it leaves: the answer to it may come at once.
                thread::remember(tx, unit.keyring(), &stored.notification.thread, &message_id).await?;
                unit.touched(&stored.notification.name());
                unit.finish().await?;
                Ok::<_, Fault>(Some(number))
            })
        });
        let number = number.await?;
        self.commands.committed();
        number.ok_or(NotNow::UnderWay)
    }

    /// Step 3's end: what the provider said becomes what is known.
    async fn conclude(
        &self,
        job: &Job,
        id: &str,
        number: u32,
        claim_time: Timestamp,
        outcome: HandOver,
    ) -> Result<(), NotNow> {
        match outcome {
            HandOver::Accepted { receipt } => {
                let time = self.taken(claim_time, None);
                self.end(job, id, End::HandedOver { number, time, receipt }).await
            }
            HandOver::Refused { reason, permanent } => {
                if permanent || number.is_multiple_of(TRIES) {
                    return self.end(job, id, End::Failed { reason, attempt: Some(number) }).await;
                }
                self.end_attempt(id, number, &reason).await?;
                Err(NotNow::Refused(reason))
            }
            HandOver::Unknown => match self.look_up(id, number).await {
                Some((receipt, told)) => {
                    let time = self.taken(claim_time, told);
                    self.end(job, id, End::HandedOver { number, time, receipt }).await
                }
                None => Err(NotNow::UnderWay),
            },
        }
    }

    /// Settles an attempt whose outcome is not known; true where the notification has ended.
    async fn settle(&self, job: &Job, attempt: &Attempt) -> Result<bool, NotNow> {
        if self.system.now() < attempt.claim_end_time {
            return Err(NotNow::UnderWay);
        }
        if attempt.provider != self.provider.name() || self.provider.settlement() == Settlement::None {
            if self.is_for_alerts() {
                // Twice is better than not at all.
                self.end_attempt(&attempt.notification, attempt.number, OUTCOME_UNKNOWN).await?;
                return Ok(false);
            }
            let end = End::Failed { reason: OUTCOME_UNKNOWN.to_owned(), attempt: Some(attempt.number) };
            self.end(job, &attempt.notification, end).await?;
            return Ok(true);
        }
        match self.provider.look_up(&attempt.notification, attempt.number).await {
            Lookup::HandedOver { receipt, time: told } => {
                let time = self.taken(attempt.claim_time, told);
                let end = End::HandedOver { number: attempt.number, time, receipt };
                self.end(job, &attempt.notification, end).await?;
                Ok(true)
            }
            Lookup::NotHandedOver => {
                self.end_attempt(&attempt.notification, attempt.number, "not_handed_over").await?;
                Ok(false)
            }
            Lookup::Unknown => Err(NotNow::UnderWay),
        }
    }

    /// Asks at once after a hand-over that said nothing clear: the claim is still this one's.
    async fn look_up(&self, id: &str, number: u32) -> Option<(String, Option<Timestamp>)> {
        if self.provider.settlement() == Settlement::None {
            return None;
        }
        match self.provider.look_up(id, number).await {
            Lookup::HandedOver { receipt, time } => Some((receipt, time)),
            Lookup::NotHandedOver => {
                if let Err(error) = self.end_attempt(id, number, "not_handed_over").await {
                    tracing::warn!(notification = id, %error, "an attempt's end was not written; it is settled later");
                }
                None
            }
            Lookup::Unknown => None,
        }
    }

    /// When the provider took a mail, by the business clock: as it tells, else now, when it is known.
    fn taken(&self, claim_time: Timestamp, told: Option<Timestamp>) -> Timestamp {
        // The provider's clock is the world's, which a simulated one has left.
        let told = told.filter(|_| !self.commands.clock().simulated());
        taken_at(claim_time, told, self.commands.now())
    }

    /// The mail's bytes and its Message-ID.
    fn compose(
        &self,
        notification: &Notification,
        content: &content::Ready,
        permit: &Permit,
        words: &templates::Rendered,
        date: Timestamp,
    ) -> Result<(Vec<u8>, String), LetterError> {
        let message_id = match notification.message_id.as_str() {
            "" => {
                let domain = permit.sender.party.email.rsplit_once('@').map(|(_, domain)| domain.to_owned());
                format!("{}@{}", notification.id, domain.ok_or(LetterError::Address)?)
            }
            known => known.to_owned(),
        };
        let recipients: Vec<Party> = permit.recipients.iter().map(|person| person.party.clone()).collect();
        let letter = Letter {
            sender: &permit.sender.party,
            recipients: &recipients,
            words,
            date,
            message_id: &message_id,
            in_reply_to: &content.in_reply_to,
            references: &content.references,
            generated: notification.kind.is_generated(),
            notification: &notification.name(),
            kind: convert::kind_name(notification.kind),
            case: &notification.case,
        };
        Ok((letter.compose()?, message_id))
    }
}

/// Never before the claim, since nothing left before it, and never in the future, whatever the provider's clock says.
fn taken_at(claim_time: Timestamp, told: Option<Timestamp>, now: Timestamp) -> Timestamp {
    told.unwrap_or(now).min(now).max(claim_time)
}

#[async_trait]
impl Performer for Sender {
    fn kind(&self) -> &'static str {
        self.kind
    }

    async fn perform(&self, job: &Job) -> Outcome {
        let sent = match self.send(job).await {
            Err(NotNow::Fault(Fault::Keys(keyring::Error::Erased { .. }))) => {
                let id = job.subject.trim_start_matches("notifications/");
                self.end(job, id, End::Blocked("CLIENT_ERASED".to_owned())).await
            }
            sent => sent,
        };
        match sent {
            Ok(()) => Outcome::Done,
            Err(NotNow::UnderWay) => Outcome::Retry { after: Some(UNKNOWN) },
            Err(error) => {
                tracing::warn!(notification = job.subject, %error, "not sent yet, trying again");
                Outcome::Retry { after: None }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_hand_over_counts_from_when_the_provider_had_it() {
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        assert_eq!(taken_at(at(10), None, at(40)), at(40), "it does not tell: when that is known");
        assert_eq!(taken_at(at(10), Some(at(20)), at(40)), at(20));
        assert_eq!(taken_at(at(10), Some(at(5)), at(40)), at(10), "nothing left before the claim");
        assert_eq!(taken_at(at(10), Some(at(50)), at(40)), at(40));
        assert_eq!(taken_at(at(10), None, at(9)), at(10), "the clock was set back");
    }
}
