//! Proposals and their confirmation by both sides (SOP 8.4). Nothing closes by itself.

use business_time::Timestamp;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::{Case, Done, Fact, Issue, Stage, What, later};
use crate::case::CaseError;

/// The two sides that confirm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// A contact of the client.
    Client,
    /// A member of staff.
    Firm,
}

/// How far an issue is resolved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// No proposal stands.
    Unresolved {
        /// The last proposal, which the client rejected.
        rejected: Option<Rejected>,
    },
    /// A proposal waits for both sides; the resolution clock is suspended.
    Proposed(Proposal),
    /// Both sides confirmed.
    Closed(Closure),
}

/// A proposal that waits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proposal {
    /// From 1 upwards; each proposal of a case has its own.
    pub revision: u64,
    /// Who proposed it.
    pub proposer: String,
    /// When.
    pub time: Timestamp,
    /// Who confirmed this very revision. Both together are a [`Closure`].
    pub confirmed: Confirmed,
    /// Reminders that were due so far.
    pub reminded: u32,
}

/// Which side confirmed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confirmed {
    /// Neither.
    Nobody,
    /// The client's, not yet the firm's.
    Client(ClientWord),
    /// The firm's, not yet the client's.
    Firm(FirmWord),
}

/// The client's confirmation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientWord {
    /// The contact.
    pub contact: String,
    /// The member of staff who recorded it, where the contact said it by phone.
    pub recorder: Option<String>,
    /// When.
    pub time: Timestamp,
}

/// The firm's confirmation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirmWord {
    /// The member of staff.
    pub person: String,
    /// When.
    pub time: Timestamp,
}

/// A proposal that the client rejected.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rejected {
    /// The proposal's number.
    pub revision: u64,
    /// Who proposed it.
    pub proposer: String,
    /// When it was proposed.
    pub time: Timestamp,
    /// Who had confirmed it by then.
    pub confirmed: Confirmed,
}

/// The end of an issue: two different people, one revision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Closure {
    /// The proposal that both confirmed.
    pub revision: u64,
    /// Who proposed it.
    pub proposer: String,
    /// When it was proposed.
    pub proposed: Timestamp,
    /// For the client.
    pub client: ClientWord,
    /// For the firm.
    pub firm: FirmWord,
    /// When the second of them confirmed.
    pub time: Timestamp,
}

impl Proposal {
    pub(super) fn next_reminder(&self, every: SignedDuration) -> Timestamp {
        every
            .checked_mul(i32::try_from(self.reminded).unwrap_or(i32::MAX).saturating_add(1))
            .map_or(Timestamp::MAX, |after| later(self.time, after))
    }

    pub(super) fn missing_sides(&self) -> &'static [Side] {
        match self.confirmed {
            Confirmed::Nobody => &[Side::Client, Side::Firm],
            Confirmed::Client(_) => &[Side::Firm],
            Confirmed::Firm(_) => &[Side::Client],
        }
    }
}

impl Progress {
    fn last_revision(&self) -> u64 {
        match self {
            Self::Unresolved { rejected } => rejected.as_ref().map_or(0, |rejected| rejected.revision),
            Self::Proposed(proposal) => proposal.revision,
            Self::Closed(closure) => closure.revision,
        }
    }
}

impl Case {
    /// Proposes a resolution. A new one voids the confirmations of the one before it. Suspends the resolution clock.
    ///
    /// # Errors
    /// [`CaseError::NotAnIssue`], [`CaseError::Closed`].
    pub fn propose(&mut self, proposer: &str, text: &str, now: Timestamp) -> Result<Done, CaseError> {
        let mut facts = self.up_to(now);
        let contact = self.last_contact.clone();
        let issue = self.open_issue()?;
        let revision = issue.progress.last_revision() + 1;
        let (proposer, confirmed) = (proposer.to_owned(), Confirmed::Nobody);
        issue.progress = Progress::Proposed(Proposal { revision, proposer, time: now, confirmed, reminded: 0 });
        facts.push(Fact::now(What::ResolutionProposed { revision, text: text.to_owned(), contact }, now));
        Ok(Done::Facts(facts))
    }

    /// A contact confirms a revision for the client. With `recorded` a member of staff records what the contact said by
    /// phone, and how that is known.
    ///
    /// # Errors
    /// [`CaseError::ContactOfAnother`], [`CaseError::NotAnIssue`], [`CaseError::Closed`], [`CaseError::NoProposal`],
    /// [`CaseError::ProposalRevised`], [`CaseError::AlreadyConfirmed`], [`CaseError::SideAlreadyConfirmed`],
    /// [`CaseError::RecorderCannotConfirm`].
    pub fn confirm_for_client(
        &mut self,
        contact: &str,
        recorded: Option<(&str, &str)>,
        revision: u64,
        now: Timestamp,
    ) -> Result<Done, CaseError> {
        let facts = self.up_to(now);
        if !self.is_contact(contact) {
            return Err(CaseError::ContactOfAnother);
        }
        let proposal = self.proposal(revision)?;
        let recorder = recorded.map(|(recorder, _)| recorder.to_owned());
        let word = ClientWord { contact: contact.to_owned(), recorder, time: now };
        let closed_by = match &proposal.confirmed {
            Confirmed::Client(known) if known.contact == contact => return Err(CaseError::AlreadyConfirmed),
            Confirmed::Client(_) => return Err(CaseError::SideAlreadyConfirmed),
            Confirmed::Firm(firm) if word.recorder.as_ref() == Some(&firm.person) => {
                return Err(CaseError::RecorderCannotConfirm);
            }
            Confirmed::Firm(firm) => Some(firm.clone()),
            Confirmed::Nobody => None,
        };
        let confirmed = What::ResolutionConfirmed {
            revision,
            side: Side::Client,
            person: contact.to_owned(),
            recorder: word.recorder.clone(),
            text: recorded.map(|(_, evidence)| evidence.to_owned()).unwrap_or_default(),
        };
        match closed_by {
            None => proposal.confirmed = Confirmed::Client(word),
            Some(firm) => self.close(word, firm, now),
        }
        Ok(self.confirmed(facts, confirmed, now))
    }

    /// A member of staff confirms a revision for the firm.
    ///
    /// # Errors
    /// As [`Case::confirm_for_client`], but for the first.
    pub fn confirm_for_firm(&mut self, person: &str, revision: u64, now: Timestamp) -> Result<Done, CaseError> {
        let facts = self.up_to(now);
        let proposal = self.proposal(revision)?;
        let word = FirmWord { person: person.to_owned(), time: now };
        let closed_by = match &proposal.confirmed {
            Confirmed::Firm(known) if known.person == person => return Err(CaseError::AlreadyConfirmed),
            Confirmed::Firm(_) => return Err(CaseError::SideAlreadyConfirmed),
            Confirmed::Client(client) if client.recorder.as_deref() == Some(person) => {
                return Err(CaseError::RecorderCannotConfirm);
            }
            Confirmed::Client(client) => Some(client.clone()),
            Confirmed::Nobody => None,
        };
        let confirmed = What::ResolutionConfirmed {
            revision,
            side: Side::Firm,
            person: person.to_owned(),
            recorder: None,
            text: String::new(),
        };
        match closed_by {
            None => proposal.confirmed = Confirmed::Firm(word),
            Some(client) => self.close(client, word, now),
        }
        Ok(self.confirmed(facts, confirmed, now))
    }

    /// The client says that it is not resolved: the first due times are back, and what of them passed meanwhile happens now,
    /// in order.
    ///
    /// # Errors
    /// [`CaseError::NotAnIssue`], [`CaseError::Closed`], [`CaseError::NoProposal`], [`CaseError::ProposalRevised`].
    pub fn reject(&mut self, revision: u64, reason: &str, now: Timestamp) -> Result<Done, CaseError> {
        let mut facts = self.up_to(now);
        let proposal = self.proposal(revision)?;
        let rejected = Rejected {
            revision,
            proposer: proposal.proposer.clone(),
            time: proposal.time,
            confirmed: proposal.confirmed.clone(),
        };
        self.open_issue()?.progress = Progress::Unresolved { rejected: Some(rejected) };
        facts.push(Fact::now(What::ResolutionRejected { revision, text: reason.to_owned() }, now));
        facts.extend(self.up_to(now));
        Ok(Done::Facts(facts))
    }

    /// The proposal that waits, if it is this revision.
    fn proposal(&mut self, revision: u64) -> Result<&mut Proposal, CaseError> {
        let issue = self.open_issue()?;
        let last = issue.progress.last_revision();
        match &mut issue.progress {
            Progress::Proposed(proposal) if proposal.revision == revision => Ok(proposal),
            Progress::Proposed(_) if revision < last => Err(CaseError::ProposalRevised { current: last }),
            _ => Err(CaseError::NoProposal),
        }
    }

    fn close(&mut self, client: ClientWord, firm: FirmWord, now: Timestamp) {
        let Stage::Issue(issue) = &mut self.stage else { return };
        let Issue { progress: Progress::Proposed(Proposal { revision, proposer, time, .. }), response, .. } = issue
        else {
            return;
        };
        let (revision, proposer, proposed) = (*revision, std::mem::take(proposer), *time);
        // What both sides call resolved needs no further reply.
        *response = response.as_ref().map(|response| response.ended(now));
        issue.progress = Progress::Closed(Closure { revision, proposer, proposed, client, firm, time: now });
    }

    fn confirmed(&self, mut facts: Vec<Fact>, confirmed: What, now: Timestamp) -> Done {
        facts.push(Fact::now(confirmed, now));
        if self.is_closed() {
            facts.push(Fact::now(What::Closed, now));
        }
        Done::Facts(facts)
    }
}
