//! What happened: the private change. `case/timeline.rs` writes it down, `events/publish.rs` tells it to others.

use business_time::Timestamp;

use super::{Alert, Due, Kind, Side, Target};

/// One thing that happened to a case.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// What.
    pub what: What,
    /// When it happened, which may be earlier than when it is recorded.
    pub occur: Timestamp,
    /// Who did it.
    pub by: By,
}

impl Fact {
    pub(super) fn now(what: What, now: Timestamp) -> Self {
        Self { what, occur: now, by: By::Caller }
    }
}

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// Whoever the unit of work is done for.
    Caller,
    /// The passing of time, also where a call noticed it first.
    Timer,
    /// Somebody else than the caller: who wrote the mail that a service tells of.
    Person(String),
}

/// What a transition came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Done {
    /// It happened; an empty list is a change that nobody needs to be told of.
    Facts(Vec<Fact>),
    /// It was so already; nothing changed.
    AlreadySo,
}

impl Done {
    pub(super) fn or_already(facts: Vec<Fact>) -> Self {
        if facts.is_empty() { Self::AlreadySo } else { Self::Facts(facts) }
    }

    /// The facts; none where it was so already.
    pub fn facts(self) -> Vec<Fact> {
        match self {
            Self::Facts(facts) => facts,
            Self::AlreadySo => Vec::new(),
        }
    }
}

/// One of the clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockKind {
    /// One business day in the client's calendar (SOP 4.2).
    FirstResponse,
    /// Hours by the wall (SOP 8.1).
    Resolution,
    /// Hours by the wall, again and again while an incident is critical (SOP 8.2).
    ClientUpdate,
}

/// Why an inquiry became an issue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Its first-response time passed.
    Late,
    /// Somebody raised it.
    Raised {
        /// Why.
        text: String,
    },
    /// It was declared critical; [`What::DeclaredCritical`] says why.
    Critical,
}

/// A message about the case that was handed over, or was not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailed {
    /// `notifications/{notification}`.
    pub notification: String,
    /// Who was told.
    pub people: Vec<String>,
    /// Those in whose stead somebody of `people` was told.
    pub stand_ins_for: Vec<String>,
    /// The kind of notification where it was told, the reason where it was not.
    pub reason: String,
}

/// What happened. `text` holds words of people and is encrypted wherever it is kept.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// It was opened.
    Opened {
        /// As what.
        kind: Kind,
        /// Its subject.
        text: String,
        /// The mail that opened it.
        mail: Option<String>,
    },
    /// The client wrote again.
    ClientWrote {
        /// `mails/{mail}`.
        mail: String,
    },
    /// A machine of the client's side wrote.
    AutomaticMail {
        /// `mails/{mail}`.
        mail: String,
    },
    /// Somebody wrote who is neither client nor firm.
    ThirdPartyMail {
        /// `mails/{mail}`.
        mail: String,
    },
    /// A due time was set.
    ClockSet {
        /// Which clock.
        clock: ClockKind,
        /// When it is due.
        due: Due,
    },
    /// A due time was computed anew.
    ClockRecomputed {
        /// Which clock.
        clock: ClockKind,
        /// When it is due now.
        due: Due,
        /// The clock was late before; the breach stands, and this only notes what the due time would be.
        breach_stands: bool,
    },
    /// A person of the firm replied to the client.
    Responded {
        /// Ended the first-response clock.
        ends_clock: bool,
        /// It was in time, but the breach was recorded before this was known here.
        in_time_after_all: bool,
        /// The message.
        mailed: Mailed,
    },
    /// A due time passed.
    ClockBreached {
        /// Which clock.
        clock: ClockKind,
        /// The due time that was missed.
        due: Due,
    },
    /// An inquiry became an issue.
    BecameIssue {
        /// Why.
        cause: Cause,
    },
    /// Somebody of the firm took note.
    Acknowledged,
    /// A step was taken.
    Escalated {
        /// From 1 upwards.
        step: u32,
        /// Whom it tells.
        target: Target,
        /// Its due time; none where somebody took it by hand.
        due: Option<Timestamp>,
        /// Why somebody took it by hand.
        text: String,
    },
    /// A notification about this case was handed over.
    Told(Mailed),
    /// A notification about this case failed or was blocked.
    NotTold(Mailed),
    /// A failure notice came for a reply.
    ReplyReturned {
        /// The message; its reason is the notice's status.
        mailed: Mailed,
        /// The due time that is back, where a clock runs again and has one.
        due: Option<Due>,
        /// The clock that it had ended runs again.
        runs_again: bool,
    },
    /// A message that is no response went to the client.
    AcknowledgementSent(Mailed),
    /// A resolution was proposed.
    ResolutionProposed {
        /// The proposal's number.
        revision: u64,
        /// Its words.
        text: String,
        /// Whom to ask on the client's side, where the case knows.
        contact: Option<String>,
    },
    /// The client said that it is not resolved.
    ResolutionRejected {
        /// The proposal's number.
        revision: u64,
        /// What is still wrong.
        text: String,
    },
    /// One side confirmed.
    ResolutionConfirmed {
        /// The proposal's number.
        revision: u64,
        /// Which side.
        side: Side,
        /// Who confirmed.
        person: String,
        /// Who recorded it, where it was said by phone.
        recorder: Option<String>,
        /// How it is known, where it was recorded.
        text: String,
    },
    /// Both sides confirmed (SOP 8.4).
    Closed,
    /// The client's next word opened an answered inquiry again.
    Reopened {
        /// `mails/{mail}`.
        mail: String,
    },
    /// It was declared a critical incident (SOP 8.2).
    DeclaredCritical {
        /// By whom.
        declarer: String,
        /// When its report is due.
        report_due: Timestamp,
        /// Why; empty where it was opened as one, and its subject says so.
        text: String,
    },
    /// Somebody is being told of it.
    Alerted(Alert),
    /// A person of the firm wrote to the client about it.
    ClientUpdated {
        /// The message.
        mailed: Mailed,
        /// When the next update is due.
        next: Due,
        /// It was in time, but the breach was recorded before this was known here.
        in_time_after_all: bool,
    },
    /// The client got no update in time.
    UpdateMissed {
        /// The due time that was missed; the first of them where several are told together.
        due: Due,
        /// How many periods.
        periods: u32,
        /// A later period is missed as well and told with the time of its own: recorded, but nobody is told of this one.
        superseded: bool,
    },
    /// Somebody said why a clock was late.
    LatenessReason {
        /// Which clock.
        clock: ClockKind,
        /// Why.
        text: String,
    },
    /// A side that has not confirmed yet is reminded.
    ConfirmationReminded {
        /// The proposal's number.
        revision: u64,
        /// Which side.
        side: Side,
        /// When the reminder was due.
        due: Timestamp,
        /// Its time had passed long ago and a later one is due as well: recorded, but not sent.
        missed: bool,
        /// The contact to remind.
        contact: Option<String>,
    },
}
