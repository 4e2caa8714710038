//! A call's life: claimed, placed with the provider, over. Pure.
//!
//! What the provider tells of it comes again, late and out of order. A call ends once; a key press counts whenever it comes.

use std::time::Duration;

use business_time::Timestamp;

use crate::notification::alert::{Side, Step};

/// How long an end is waited for, from when the provider had the call: it rings for [`RING`], and what is spoken, twice, takes
/// less than the rest. Then the provider is asked.
pub const LONGEST: Duration = Duration::from_secs(120);
/// How long it rings: shorter than most voicemails need to answer would lose nobody, longer only delays the next number.
pub const RING: Duration = Duration::from_secs(30);
/// The key that confirms.
pub const KEY: char = '1';

/// One call to one number of one person, without the number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The last segment of `calls/{call}`.
    pub id: String,
    /// The alert's id.
    pub notification: String,
    /// Which attempt of it, from 1 upwards.
    pub number: u32,
    /// In which round.
    pub round: u32,
    /// `clients/{client}`.
    pub client: String,
    /// `cases/{case}`.
    pub case: String,
    /// Whom the alert tells.
    pub side: Side,
    /// Who is called.
    pub person: String,
    /// In whose stead; empty otherwise.
    pub stands_in_for: String,
    /// The provider's name.
    pub provider: String,
    /// The registry's permit; empty where the copy was used.
    pub permit: String,
    /// The policy that applied.
    pub policy_version: u64,
    /// Whether the copy was used, since the registry did not answer.
    pub from_copy: bool,
    /// Whether the call before may have reached somebody, and nobody can tell.
    pub possible_duplicate: bool,
    /// When it was claimed, by the business clock.
    pub claim_time: Timestamp,
    /// From then on, by the system's clock, nobody who claimed it places it any more.
    pub claim_end_time: Timestamp,
    /// Where it stands.
    pub state: State,
    /// Who answered, as far as that was told.
    pub answered_by: Option<AnsweredBy>,
    /// The highest that was heard.
    pub sequence: u32,
    /// The provider's name for it.
    pub receipt: String,
    /// When its end is no longer waited for, by the business clock; none until it is placed.
    pub deadline: Option<Timestamp>,
    /// When the key was pressed.
    pub key_press_time: Option<Timestamp>,
    /// When it ended.
    pub end_time: Option<Timestamp>,
}

/// Where a call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Whether the provider has it is not known yet.
    Claimed,
    /// The provider has it.
    Placed,
    /// Over, and nobody was reached.
    Ended(Reason),
    /// A person pressed the key.
    Reached,
}

/// Why a call reached nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The line was busy.
    Busy,
    /// It rang, and nobody answered.
    NoAnswer,
    /// A voicemail answered.
    Voicemail,
    /// Somebody answered and pressed nothing.
    NoKeyPressed,
    /// The number cannot be called.
    NumberUnusable,
    /// The provider did not take it.
    ProviderRefused,
    /// Nobody can tell.
    OutcomeUnknown,
    /// The provider never had it and never will: the number is called again.
    NotPlaced,
}

/// Who answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnsweredBy {
    /// A person.
    Human,
    /// A voicemail, or a fax.
    Machine,
}

/// What a provider says of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It rings.
    Ringing,
    /// Somebody or something answered.
    Answered,
    /// It was answered and is over.
    Completed,
    /// The line is busy.
    Busy,
    /// Nobody answered.
    NoAnswer,
    /// The number cannot be called.
    Failed,
    /// Taken back.
    Cancelled,
}

/// A provider's report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Rises from report to report; 0 where the provider does not count.
    pub sequence: u32,
    /// None where only a key press is told.
    pub status: Option<Status>,
    /// Who answered, where it is told.
    pub answered_by: Option<AnsweredBy>,
    /// The keys that were pressed.
    pub digits: String,
}

/// What a report changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing that was not known.
    Nothing,
    /// What is kept of the call, not how it ends.
    Noted,
    /// It is over.
    Ended(Reason),
    /// Somebody was reached.
    Reached,
}

impl Reason {
    /// Every one.
    pub const ALL: [Self; 8] = [
        Self::Busy,
        Self::NoAnswer,
        Self::Voicemail,
        Self::NoKeyPressed,
        Self::NumberUnusable,
        Self::ProviderRefused,
        Self::OutcomeUnknown,
        Self::NotPlaced,
    ];

    /// On the wire and in the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Busy => "BUSY",
            Self::NoAnswer => "NO_ANSWER",
            Self::Voicemail => "VOICEMAIL",
            Self::NoKeyPressed => "NO_KEY_PRESSED",
            Self::NumberUnusable => "NUMBER_UNUSABLE",
            Self::ProviderRefused => "PROVIDER_REFUSED",
            Self::OutcomeUnknown => "OUTCOME_UNKNOWN",
            Self::NotPlaced => "NOT_PLACED",
        }
    }

    /// The reason of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }

    /// Whether a message was left: handed over, and nobody reached.
    pub fn left_message(self) -> bool {
        matches!(self, Self::Voicemail | Self::NoKeyPressed)
    }

    /// Whether the provider had the call, so that a telephone may have rung.
    pub fn may_have_rung(self) -> bool {
        !matches!(self, Self::ProviderRefused | Self::NotPlaced)
    }

    /// What it means for the alert.
    pub fn step(self) -> Step {
        if self.left_message() { Step::HandedOver } else { Step::NotReached }
    }
}

impl Call {
    /// `calls/{call}`.
    pub fn name(&self) -> String {
        format!("calls/{}", self.id)
    }

    /// Whether its end is still waited for.
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Claimed | State::Placed)
    }

    /// The provider has it; what was reported before that was known stays.
    pub fn place(&mut self, receipt: &str, now: Timestamp) {
        receipt.clone_into(&mut self.receipt);
        if self.state == State::Claimed {
            self.state = State::Placed;
            self.deadline = now.checked_add(LONGEST).ok();
        }
    }

    /// It is over and reached nobody; false where that is settled already.
    pub fn end(&mut self, reason: Reason, now: Timestamp) -> bool {
        if !self.is_open() {
            return false;
        }
        self.state = State::Ended(reason);
        self.end_time = Some(now);
        true
    }

    /// Takes what the provider tells.
    pub fn report(&mut self, report: &Report, now: Timestamp) -> Change {
        let before = (self.answered_by, self.sequence);
        let is_old = report.sequence != 0 && report.sequence < self.sequence;
        self.sequence = self.sequence.max(report.sequence);
        if report.answered_by.is_some() && !is_old {
            self.answered_by = report.answered_by;
        }
        if report.digits.contains(KEY) {
            if self.state == State::Reached {
                return Change::Nothing;
            }
            self.state = State::Reached;
            self.key_press_time = Some(now);
            self.end_time.get_or_insert(now);
            return Change::Reached;
        }
        // Where it was given up as unknown, what the provider tells after all is the better knowledge.
        let unsettled = self.is_open() || self.state == State::Ended(Reason::OutcomeUnknown);
        if let Some(reason) = report.status.and_then(|status| self.ended_by(status)).filter(|_| unsettled) {
            self.state = State::Ended(reason);
            self.end_time = Some(now);
            return Change::Ended(reason);
        }
        if (self.answered_by, self.sequence) == before { Change::Nothing } else { Change::Noted }
    }

    /// How a status ends it; none where it goes on.
    fn ended_by(&self, status: Status) -> Option<Reason> {
        match status {
            Status::Ringing | Status::Answered => None,
            Status::Completed if self.answered_by == Some(AnsweredBy::Machine) => Some(Reason::Voicemail),
            Status::Completed => Some(Reason::NoKeyPressed),
            Status::Busy => Some(Reason::Busy),
            Status::NoAnswer | Status::Cancelled => Some(Reason::NoAnswer),
            Status::Failed => Some(Reason::NumberUnusable),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn claimed() -> Call {
        Call {
            id: "c".into(),
            notification: "n".into(),
            number: 1,
            round: 1,
            client: "clients/acme".into(),
            case: "cases/1".into(),
            side: Side::Client,
            person: "clients/acme/contacts/jo".into(),
            stands_in_for: String::new(),
            provider: "local-phones".into(),
            permit: "permits/1".into(),
            policy_version: 1,
            from_copy: false,
            possible_duplicate: false,
            claim_time: at(0),
            claim_end_time: at(30),
            state: State::Claimed,
            answered_by: None,
            sequence: 0,
            receipt: String::new(),
            deadline: None,
            key_press_time: None,
            end_time: None,
        }
    }

    fn told(status: Status) -> Report {
        Report { status: Some(status), ..Report::default() }
    }

    #[test]
    fn each_status_ends_it_in_its_way() {
        for (status, reason) in [
            (Status::Busy, Reason::Busy),
            (Status::NoAnswer, Reason::NoAnswer),
            (Status::Cancelled, Reason::NoAnswer),
            (Status::Failed, Reason::NumberUnusable),
            (Status::Completed, Reason::NoKeyPressed),
        ] {
            let mut call = claimed();
            call.place("r", at(1));
            assert_eq!(call.report(&told(Status::Ringing), at(2)), Change::Nothing);
            assert_eq!(call.report(&told(status), at(3)), Change::Ended(reason), "{status:?}");
            assert_eq!(call.report(&told(status), at(4)), Change::Nothing, "again");
            assert_eq!((call.is_open(), call.end_time), (false, Some(at(3))));
        }
    }

    #[test]
    fn a_voicemail_is_a_message_left_and_nobody_reached() {
        let mut call = claimed();
        call.place("r", at(1));
        let answered = Report { answered_by: Some(AnsweredBy::Machine), ..told(Status::Answered) };
        assert_eq!(call.report(&answered, at(2)), Change::Noted);
        assert_eq!(call.report(&told(Status::Completed), at(3)), Change::Ended(Reason::Voicemail));
        assert_eq!((Reason::Voicemail.step(), Reason::Busy.step()), (Step::HandedOver, Step::NotReached));
    }

    #[test]
    fn a_key_press_counts_whenever_it_comes() {
        let pressed = Report { digits: "1".into(), ..Report::default() };
        for before in [None, Some(Status::Completed), Some(Status::NoAnswer)] {
            let mut call = claimed();
            before.map(|status| call.report(&told(status), at(1)));
            assert_eq!(call.report(&pressed, at(2)), Change::Reached, "{before:?}");
            assert_eq!(call.report(&pressed, at(3)), Change::Nothing);
            assert_eq!(call.report(&told(Status::Completed), at(4)), Change::Nothing);
            assert_eq!((call.state, call.key_press_time), (State::Reached, Some(at(2))));
        }
    }

    #[test]
    fn another_key_confirms_nothing() {
        let mut call = claimed();
        let pressed = Report { digits: "29#".into(), ..Report::default() };
        assert_eq!(call.report(&pressed, at(1)), Change::Nothing);
        assert!(call.is_open());
    }

    #[test]
    fn what_comes_late_does_not_turn_it_back() {
        let mut call = claimed();
        call.place("r", at(1));
        let done = Report { sequence: 3, answered_by: Some(AnsweredBy::Machine), ..told(Status::Completed) };
        assert_eq!(call.report(&done, at(2)), Change::Ended(Reason::Voicemail));
        let late = Report { sequence: 1, answered_by: Some(AnsweredBy::Human), ..told(Status::Answered) };
        assert_eq!(call.report(&late, at(3)), Change::Nothing);
        assert_eq!(call.report(&told(Status::Busy), at(4)), Change::Nothing);
        assert_eq!((call.state, call.answered_by), (State::Ended(Reason::Voicemail), Some(AnsweredBy::Machine)));
    }

    #[test]
    fn a_report_before_the_placing_is_recorded_is_kept() {
        let mut call = claimed();
        assert_eq!(call.report(&told(Status::Busy), at(1)), Change::Ended(Reason::Busy));
        call.place("r", at(2));
        assert_eq!((call.state, call.receipt.as_str()), (State::Ended(Reason::Busy), "r"));
        assert!(!call.end(Reason::OutcomeUnknown, at(3)));
    }

    #[test]
    fn what_was_given_up_as_unknown_is_settled_by_what_the_provider_tells_after_all() {
        let mut call = claimed();
        assert!(call.end(Reason::OutcomeUnknown, at(1)));
        assert_eq!(call.report(&told(Status::Busy), at(2)), Change::Ended(Reason::Busy));
    }

    #[test]
    fn a_reason_is_read_back_from_its_name() {
        for reason in Reason::ALL {
            assert_eq!(Reason::parse(reason.as_str()), Some(reason));
        }
        assert_eq!(Reason::parse(""), None);
    }
}
