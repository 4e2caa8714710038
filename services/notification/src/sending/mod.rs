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
//! new permit. So a process that is killed at any point neither loses a mail nor sends a second one. Of a provider that
//! cannot be asked, `unknown` tells what follows.
//!
//! Alerts of critical incidents (SOP 8.2) go through a sender of their own, with a provider of its own, so that nothing else
//! delays them; the registry is waited for 2 s, and then the encrypted copy answers. What became of each attempt is told, and a
//! mail whose fate nobody can tell is sent again at once, marked as a possible duplicate.
//!
//! - [`templates`]: words. [`letter`]: bytes. `permit`: step 1. `addresses`: which of the permit's take mail. `content`: what
//!   a text is made from. `ending`: what became of it.

mod addresses;
mod content;
mod ending;
pub mod letter;
pub(crate) mod permit;
pub mod templates;
mod unknown;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use business_time::{SystemClock, Timestamp};
use command::{Commands, Fault};
use runtime::Client;
use timers::work::{Job, Outcome, Performer};
use tonic::Status;

use self::{
    content::Content,
    ending::{End, NotTaken},
    letter::{Letter, LetterError, Party},
    permit::{Answer, PERMIT, Permit, Trouble},
};
use crate::{
    delivery_report::{self, SentTo},
    grpc::convert,
    mail::Mails,
    notification::{
        alert::Step,
        entity::Notification,
        repo::{self, Attempt, Words},
    },
    provider::{HandOver, Lookup, MailProvider, Outgoing, RefusedRecipient, Settlement},
    thread,
    work::Wakes,
};

/// How long a hand-over may take.
const HAND_OVER: Duration = Duration::from_secs(10);
/// How long a claim lasts by the system's clock: past the permit and the hand-over.
const CLAIM: Duration = Duration::from_secs(50);
/// Refused this often by the provider, and queued for [`GIVE_UP`], a mail is given up; of an alert, the round, at once.
const TRIES: u32 = 10;
/// A receiving server that asks to come later (greylisting, a full mailbox) has this long; the sender's client waits.
const GIVE_UP: Duration = Duration::from_secs(4 * 3600);
/// How soon a mail is tried again that was refused for now: doubled with each try, from the one to the other.
const AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(600));
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
    #[error("the provider does not take it now: {reason}")]
    Refused { reason: String, after: Option<Duration> },
    #[error("the provider cannot be used now: {0}")]
    Unavailable(String),
    #[error("nobody knows whether it arrived; something may come back until {until}")]
    MayComeBack { until: Timestamp },
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
        let mut again = stored.notification.possible_duplicate;
        if let Some(attempt) = repo::find_open_attempt(db.reader(), id).await? {
            match self.settle(job, &attempt, &stored.notification).await? {
                Settled::Ended => return Ok(()),
                Settled::NotMade => {}
                Settled::SendAgain => again = true,
            }
        }
        if self.provider.rests() && !self.is_for_alerts() {
            return Err(NotNow::Unavailable("it rests".to_owned()));
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
        let (permit, sent_to) = self.taking_mail(&stored.notification, permit).await?;
        if permit.recipients.is_empty() {
            return self.end(job, id, End::Blocked(addresses::SUPPRESSED.to_owned())).await;
        }
        let words = match &content.rendered {
            Some(rendered) => rendered.clone(),
            None => {
                let context = content.context(&stored.notification, &permit);
                let rendered = templates::render(stored.notification.kind, &context);
                rendered.map_err(|error| NotNow::Text(error.to_string()))?
            }
        };
        let claim_time = self.commands.now();
        let mail = match self.compose(&stored.notification, &content, &permit, &words, claim_time, again) {
            Ok(mail) => mail,
            Err(LetterError::Address) => return self.end(job, id, End::failed("ADDRESS_UNUSABLE", None)).await,
            Err(error) => return Err(NotNow::Text(error.to_string())),
        };
        // What a person wrote is kept as they wrote it; of what is generated, what went out.
        let generated = !stored.notification.kind.is_written();
        let words = generated.then_some(Words { subject: words.subject, text: words.text, ..Words::default() });
        let number = self.claim(id, &permit, &sent_to, words, &mail.1, claim_time, again).await?;
        // The last look before the mail leaves.
        let left = PERMIT.saturating_sub(self.system.monotonic().saturating_duration_since(asked));
        if left.is_zero() {
            self.end_attempt(id, number, "permit_over").await?;
            return Err(NotNow::PermitOver);
        }
        let outgoing = Outgoing {
            notification: id.to_owned(),
            attempt: number,
            recipients: permit.recipients.iter().map(|person| person.party.email.clone()).collect(),
            sender: permit.sender.party.email.clone(),
            token: delivery_report::token(self.commands.keyring(), id),
            message: mail.0,
        };
        // Its final byte does not leave after the permit's end either.
        let outcome = tokio::time::timeout(HAND_OVER.min(left), self.provider.hand_over(&outgoing)).await;
        let outcome = outcome.unwrap_or(HandOver::Unknown);
        self.conclude(job, &stored.notification, number, claim_time, outcome, &sent_to).await
    }

    /// Step 2. From its commit on nothing can be taken back.
    #[expect(clippy::too_many_arguments, reason = "they are what one row of the record holds")]
    async fn claim(
        &self,
        id: &str,
        permit: &Permit,
        sent_to: &[SentTo],
        words: Option<Words>,
        message_id: &str,
        claim_time: Timestamp,
        again: bool,
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
            possible_duplicate: again,
        };
        let (commands, message_id, sent_to) = (self.commands.clone(), message_id.to_owned(), sent_to.to_vec());
        let number = self.commands.db().transaction(move |tx| {
            let (commands, words, message_id) = (commands.clone(), words.clone(), message_id.clone());
            let (mut attempt, sent_to) = (attempt.clone(), sent_to.clone());
            Box::pin(async move {
                let unit = commands.unit(tx, "services/notification", "notification.claim");
                let stored = repo::lock(tx, &attempt.notification).await?;
                let Some(mut stored) = stored else { return Ok(None) };
                let before = repo::attempts(tx, &attempt.notification).await?;
                if before.iter().any(|attempt| attempt.outcome.is_empty()) {
                    return Ok(None);
                }
                stored.notification.begin_round(unit.now());
                // Its case was closed meanwhile.
                if stored.notification.alert.is_some_and(|alert| alert.round_over) {
                    return Ok(None);
                }
                let Ok(number) = stored.notification.claim() else { return Ok(None) };
                attempt.number = number;
                let unknown = before.last().is_some_and(|attempt| attempt.outcome == OUTCOME_UNKNOWN);
                attempt.possible_duplicate |= unknown;
                stored.notification.message_id.clone_from(&message_id);
                stored.notification.possible_duplicate |= again;
                delivery_report::goes_to(tx, &attempt.notification, &sent_to).await?;
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
        notification: &Notification,
        number: u32,
        claim_time: Timestamp,
        outcome: HandOver,
        sent_to: &[SentTo],
    ) -> Result<(), NotNow> {
        let id = notification.id.as_str();
        let not_taken = |refused: Vec<RefusedRecipient>| -> Vec<NotTaken> {
            refused.into_iter().filter_map(|one| self.not_taken(one, sent_to)).collect()
        };
        match outcome {
            HandOver::Accepted { receipt, refused } => {
                let time = self.taken(claim_time, None);
                let not_taken = not_taken(refused);
                self.end(job, id, End::HandedOver { number, time, receipt, not_taken }).await
            }
            HandOver::Refused { reason, permanent, recipients } => {
                let queued = Duration::try_from(self.commands.now().duration_since(notification.queue_time));
                let long = queued.is_ok_and(|queued| queued >= GIVE_UP);
                let often = if self.is_for_alerts() { number.is_multiple_of(TRIES) } else { number >= TRIES && long };
                if permanent || often {
                    let not_taken = not_taken(recipients);
                    return self.end(job, id, End::Failed { reason, attempt: Some(number), not_taken }).await;
                }
                self.end_attempt(id, number, &reason).await?;
                // An alert's next try is the worker's to time, soon.
                let after = if self.is_for_alerts() { None } else { Some(again_after(number)) };
                Err(NotNow::Refused { reason, after })
            }
            // An alert's rounds end whoever is away, so that its failure is told; the next one tries again.
            HandOver::Unavailable { reason } if self.is_for_alerts() && number.is_multiple_of(TRIES) => {
                self.end(job, id, End::failed(&reason, Some(number))).await
            }
            HandOver::Unavailable { reason } => {
                self.end_attempt(id, number, &reason).await?;
                Err(NotNow::Unavailable(reason))
            }
            HandOver::Unknown => match self.look_up(id, number).await {
                Some((receipt, told)) => {
                    let time = self.taken(claim_time, told);
                    self.end(job, id, End::HandedOver { number, time, receipt, not_taken: Vec::new() }).await
                }
                None => Err(NotNow::UnderWay),
            },
        }
    }

    /// Settles an attempt whose outcome is not known.
    async fn settle(&self, job: &Job, attempt: &Attempt, of: &Notification) -> Result<Settled, NotNow> {
        if self.system.now() < attempt.claim_end_time {
            return Err(NotNow::UnderWay);
        }
        if attempt.provider != self.provider.name() || self.provider.settlement() == Settlement::None {
            if self.is_for_alerts() {
                // Whoever loses answers may go on doing so: after the second copy the round is over, and the next one waits.
                if attempt.possible_duplicate {
                    let end = End::failed(OUTCOME_UNKNOWN, Some(attempt.number));
                    self.end(job, &attempt.notification, end).await?;
                    return Ok(Settled::Ended);
                }
                // Twice is better than not at all.
                self.end_attempt(&attempt.notification, attempt.number, OUTCOME_UNKNOWN).await?;
                return Ok(Settled::SendAgain);
            }
            return self.settle_unasked(job, attempt, of).await;
        }
        match self.provider.look_up(&attempt.notification, attempt.number).await {
            Lookup::HandedOver { receipt, time: told } => {
                let time = self.taken(attempt.claim_time, told);
                let end = End::HandedOver { number: attempt.number, time, receipt, not_taken: Vec::new() };
                self.end(job, &attempt.notification, end).await?;
                Ok(Settled::Ended)
            }
            Lookup::NotHandedOver => {
                self.end_attempt(&attempt.notification, attempt.number, "not_handed_over").await?;
                Ok(Settled::NotMade)
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
        again: bool,
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
            possible_duplicate: again,
            notification: &notification.name(),
            kind: convert::kind_name(notification.kind),
            case: &notification.case,
        };
        Ok((letter.compose()?, message_id))
    }
}

/// What became of an attempt of unknown outcome.
enum Settled {
    /// The notification has ended.
    Ended,
    /// It was never made, and never will be.
    NotMade,
    /// Nobody knows, and it is sent again.
    SendAgain,
}

fn again_after(number: u32) -> Duration {
    let (first, most) = AGAIN;
    first.saturating_mul(2_u32.saturating_pow(number.saturating_sub(1).min(20))).min(most)
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
            Err(NotNow::MayComeBack { until }) => {
                let left = Duration::try_from(until.duration_since(self.commands.now())).unwrap_or_default();
                Outcome::Retry { after: Some(left.max(UNKNOWN)) }
            }
            Err(NotNow::Refused { reason, after }) => {
                tracing::warn!(notification = job.subject, reason, "refused for now, trying again");
                Outcome::Retry { after }
            }
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
    fn what_is_refused_for_now_is_tried_ever_less_often() {
        let seconds: Vec<_> = [1, 2, 5, 10, 11, 400].map(|number| again_after(number).as_secs()).to_vec();
        assert_eq!(seconds, [1, 2, 16, 512, 600, 600]);
    }

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
