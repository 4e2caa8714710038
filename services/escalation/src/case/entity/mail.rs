//! What mails do to a case: the client's words, and what the firm sent.

use business_time::Timestamp;

use super::{By, Case, Done, Fact, Inquiry, Issue, Mailed, Response, Stage, Waiting, What, WorkingCalendar, later};
use crate::case::CaseError;
use jiff::SignedDuration;

/// A mail of the client's side on the case's conversation.
#[derive(Clone, Debug)]
pub struct Word {
    /// `mails/{mail}`.
    pub mail: String,
    /// The contact who wrote it.
    pub contact: String,
    /// When the firm's mail server received it.
    pub received: Timestamp,
}

/// A notification that was handed over.
#[derive(Clone, Debug)]
pub struct Handed {
    /// What it was.
    pub kind: HandedKind,
    /// Who wrote it; empty where it was generated.
    pub author: String,
    /// Who was told, and by which notification.
    pub mailed: Mailed,
    /// When the provider took it.
    pub time: Timestamp,
}

/// What a notification is to a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandedKind {
    /// A person's substantive reply, if it went to the client; an update on a critical incident is one (SOP 8.2).
    Reply,
    /// An acknowledgement, written or generated.
    Acknowledgement,
    /// Anything else.
    Other,
}

impl Case {
    /// The client wrote on this conversation. Opens an answered inquiry again, with a clock that counts from this mail.
    ///
    /// # Errors
    /// [`CaseError::Closed`]: a word on a closed issue is a new inquiry, and the caller's to open.
    pub fn client_wrote(
        &mut self,
        word: &Word,
        calendar: Option<&WorkingCalendar>,
        now: Timestamp,
    ) -> Result<Done, CaseError> {
        if self.is_closed() {
            return Err(CaseError::Closed);
        }
        let mut facts = self.up_to(now);
        self.last_contact = Some(word.contact.clone());
        let policy = self.policy.clone();
        let by = By::Person(word.contact.clone());
        let wrote = |what| Fact { what, occur: word.received, by: by.clone() };
        match &mut self.stage {
            // Received before the reply that ended the inquiry, but read here after it: that reply answered it. One received
            // before all that is known here has a clock of its own, which may have been late.
            Stage::Inquiry(Inquiry::Answered(ended)) if (ended.start..ended.end).contains(&word.received) => {
                facts.push(wrote(What::ClientWrote { mail: word.mail.clone() }));
            }
            Stage::Inquiry(Inquiry::Answered(ended)) => {
                facts.push(wrote(What::Reopened { mail: word.mail.clone() }));
                let answered = Some(Box::new(ended.clone()));
                let mut waiting = Waiting { answered, ..Waiting::from(word.received) };
                facts.extend(waiting.settle(policy.as_deref(), calendar));
                self.stage = Stage::Inquiry(Inquiry::Awaiting(waiting));
            }
            Stage::Inquiry(Inquiry::Awaiting(waiting))
            | Stage::Issue(Issue { response: Some(Response::Waiting(waiting)), .. }) => {
                facts.push(wrote(What::ClientWrote { mail: word.mail.clone() }));
                if word.received >= waiting.start {
                    waiting.also(word.received);
                } else {
                    // Received before the one that opened the case, but read here after it: the clock counts from receipt.
                    let start = std::mem::replace(&mut waiting.start, word.received);
                    waiting.also(start);
                    if let Some((policy, calendar)) = policy.as_deref().zip(calendar)
                        && waiting.due.is_some()
                    {
                        self.epoch += 1;
                        facts.push(Fact::now(waiting.compute(policy, calendar), now));
                    }
                }
            }
            Stage::Issue(_) => facts.push(wrote(What::ClientWrote { mail: word.mail.clone() })),
        }
        Ok(Done::Facts(facts))
    }

    /// A machine of the client's side, or a third party, wrote on this conversation. Counts for nothing.
    pub fn note_mail(&mut self, mail: &str, third_party: bool, received: Timestamp) -> Done {
        let mail = mail.to_owned();
        let what = if third_party { What::ThirdPartyMail { mail } } else { What::AutomaticMail { mail } };
        Done::Facts(vec![Fact { what, occur: received, by: By::Caller }])
    }

    /// A notification about this case was handed over. A person's reply to the client ends the first-response clock; neither
    /// an acknowledgement nor anything generated does (SOP 4.2).
    pub fn handed_over(&mut self, handed: Handed, calendar: Option<&WorkingCalendar>, now: Timestamp) -> Done {
        let by = if handed.author.is_empty() { By::Caller } else { By::Person(handed.author.clone()) };
        let to_client = handed.mailed.people.iter().any(|person| self.is_contact(person));
        let by_staff = handed.author.starts_with("staff/");
        match handed.kind {
            HandedKind::Reply if to_client && by_staff => self.respond(handed, by, calendar, now),
            HandedKind::Acknowledgement => {
                Done::Facts(vec![Fact { what: What::AcknowledgementSent(handed.mailed), occur: handed.time, by }])
            }
            HandedKind::Reply | HandedKind::Other => {
                Done::Facts(vec![Fact { what: What::Told(handed.mailed), occur: handed.time, by }])
            }
        }
    }

    /// A notification about this case failed or was not allowed.
    pub fn not_told(&mut self, mailed: Mailed, now: Timestamp) -> Done {
        Done::Facts(vec![Fact::now(What::NotTold(mailed), now)])
    }

    fn respond(&mut self, handed: Handed, by: By, calendar: Option<&WorkingCalendar>, now: Timestamp) -> Done {
        let at = handed.time;
        // What was due before the hand-over happened before it, noticed or not; at the due time itself it is in time.
        let before = later(at, SignedDuration::from_micros(-1)).min(now);
        let mut facts = self.catch_up(before, now, usize::MAX);
        let policy = self.policy.clone();
        let responded = |ends_clock, in_time_after_all| Fact {
            what: What::Responded { ends_clock, in_time_after_all, mailed: handed.mailed.clone() },
            occur: at,
            by: by.clone(),
        };
        match &mut self.stage {
            // A reply that left before the client's word does not answer it.
            Stage::Inquiry(Inquiry::Awaiting(waiting)) if at >= waiting.start => {
                facts.push(responded(true, false));
                let unanswered: Vec<_> = waiting.later.iter().copied().filter(|word| *word > at).collect();
                let mut ended = Response::Waiting(waiting.clone()).ended_at(at);
                ended.late = false;
                ended.also(&handed.mailed.notification, at);
                let answered = Some(Box::new(ended.clone()));
                self.stage = Stage::Inquiry(Inquiry::Answered(ended));
                if let Some((first, rest)) = unanswered.split_first() {
                    let mut waiting = Waiting { later: rest.to_vec(), answered, ..Waiting::from(*first) };
                    let reopened = What::Reopened { mail: String::new() };
                    facts.push(Fact { what: reopened, occur: *first, by: By::Caller });
                    facts.extend(waiting.settle(policy.as_deref(), calendar));
                    self.stage = Stage::Inquiry(Inquiry::Awaiting(waiting));
                }
            }
            Stage::Issue(Issue { response: Some(response), .. })
                if !matches!(response, Response::Ended(_)) && at >= response.start() =>
            {
                let in_time = matches!(response, Response::Late(late) if at <= late.due.time);
                facts.push(responded(true, in_time));
                let mut ended = response.ended_at(at);
                ended.also(&handed.mailed.notification, at);
                *response = Response::Ended(ended);
            }
            // One more reply: where the first comes back, this one stands.
            Stage::Inquiry(Inquiry::Answered(ended))
            | Stage::Issue(Issue { response: Some(Response::Ended(ended)), .. })
                if at >= ended.start && !ended.replies.is_empty() =>
            {
                ended.also(&handed.mailed.notification, at);
                facts.push(responded(false, false));
            }
            Stage::Inquiry(_) | Stage::Issue(_) => facts.push(responded(false, false)),
        }
        facts.extend(self.client_updated(&handed.mailed, at, &by));
        Done::Facts(facts)
    }
}
