//! A report: its life from draft to delivery (SOP 5). Pure: no I/O, and no clock but the time it is handed.
//!
//! ```text
//! Draft ──submit──▶ Submitted ──approve──▶ Approved ──every mail handed over──▶ Delivered
//!   ▲  ▲               │ │                    │ a mail failed or was not allowed
//!   │  └─reject, edit──┘ │                    ▼
//!   └─────────edit───────┼───────────── DeliveryFailed
//!                        └──cancel (also of a draft and of a failed one)──▶ Cancelled
//! ```
//!
//! Words (texts, questions, reasons) are not kept here: whoever stores the facts encrypts them. An approval is of one version of
//! the text, since whatever makes a new version leaves `Submitted`. That a report is overdue is recorded once and never removed.
//!
//! A new kind of fact: a variant of [`Fact`], its public event (`events/publish.rs`) where others are to know.

mod form;
mod period;
#[cfg(test)]
mod tests;

use business_time::Timestamp;
use serde::{Deserialize, Serialize};

pub use form::Form;
pub use period::{Issue, Period, PeriodError};

use super::error::ReportError;
use crate::matrix::{Distribution, Format, ReportType};

/// Versions of a text at most.
pub const MOST_VERSIONS: usize = 100;

/// Contributions that are asked for at most.
pub const MOST_CONTRIBUTIONS: usize = 20;

/// A report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The last segment of `reports/{report}`.
    pub id: String,
    /// `clients/{client}`; never changes.
    pub client: String,
    /// `clients/{client}/engagements/{engagement}`; never changes.
    pub engagement: String,
    /// What it is.
    pub kind: ReportType,
    /// What it looks like.
    pub format: Format,
    /// How it reaches the client.
    pub distribution: Distribution,
    /// What it reports on.
    pub period: Period,
    /// When it is to be with the client.
    pub due_time: Timestamp,
    /// The same by the clocks of the client's calendar; empty where it was given as a time alone.
    pub due_local: String,
    /// `schedules/{schedule}`; empty where no schedule opened it.
    pub schedule: String,
    /// `clients/{client}/contacts/{contact}`, at least one.
    pub recipients: Vec<String>,
    /// When it was opened.
    pub create_time: Timestamp,
    /// Every version of its text, the oldest first.
    pub versions: Vec<Version>,
    /// What people were asked for.
    pub contributions: Vec<Contribution>,
    /// Submissions that were decided, the oldest first.
    pub decided: Vec<Decided>,
    /// The mails of approvals that did not reach everybody; what became of them says nothing of the next approval.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub past_mails: Vec<String>,
    /// When it became known that it was late.
    pub overdue_time: Option<Timestamp>,
    /// Where it stands.
    pub stage: Stage,
}

/// Where a report stands. What is not a variant here cannot be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// It is being written.
    Draft,
    /// It waits for an approval.
    Submitted(Submission),
    /// It is on its way.
    Approved(Approval),
    /// Everybody got it.
    Delivered(Approval),
    /// Somebody did not get it.
    DeliveryFailed(Approval),
    /// Taken back.
    Cancelled,
}

/// A version of the text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// From 1 upwards.
    pub number: u64,
    /// `staff/{staff}` or `services/reporting`.
    pub author: String,
    /// When it was written.
    pub time: Timestamp,
}

/// What somebody of the team was asked to add.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contribution {
    /// Its id within the report.
    pub id: String,
    /// Who was asked.
    pub staff: String,
    /// Who asked.
    pub requester: String,
    /// When.
    pub request_time: Timestamp,
    /// When it was given.
    pub give_time: Option<Timestamp>,
}

/// A version that was submitted for approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    /// From 1 upwards.
    pub number: u64,
    /// Which version.
    pub version: u64,
    /// Who submitted it.
    pub submitter: String,
    /// When.
    pub time: Timestamp,
}

/// A submission with what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// What was submitted.
    pub submission: Submission,
    /// What became of it.
    pub outcome: Outcome,
    /// Whose doing that was.
    pub decider: String,
    /// When.
    pub time: Timestamp,
}

/// What became of a submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Outcome {
    /// It is sent.
    Approved,
    /// It was not good enough.
    Rejected,
    /// The text was changed before anybody decided.
    Revised,
    /// The report was cancelled.
    Cancelled,
}

/// An approved version and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Which version.
    pub version: u64,
    /// Who approved it.
    pub approver: String,
    /// When.
    pub time: Timestamp,
    /// One for each recipient.
    pub deliveries: Vec<Delivery>,
}

/// What became of it for one recipient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The contact.
    pub recipient: String,
    /// Not known yet where there is none.
    pub end: Option<End>,
}

/// How a delivery ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// `notifications/{notification}`.
    pub notification: String,
    /// When.
    pub time: Timestamp,
    /// How.
    pub how: How,
}

/// How a delivery ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// The provider took it.
    HandedOver,
    /// It was given up, and why.
    Failed(String),
    /// The procedure did not allow it, and why.
    Blocked(String),
}

/// How a report begins.
#[derive(Clone, Debug)]
pub struct Opening {
    /// The last segment of its name.
    pub id: String,
    /// `clients/{client}`.
    pub client: String,
    /// The engagement.
    pub engagement: String,
    /// What it is.
    pub kind: ReportType,
    /// What it looks like.
    pub format: Format,
    /// How it reaches the client.
    pub distribution: Distribution,
    /// What it reports on.
    pub period: Period,
    /// When it is due.
    pub due_time: Timestamp,
    /// The same by the client's clocks.
    pub due_local: String,
    /// What opened it, where a schedule did.
    pub schedule: String,
    /// Who gets it.
    pub recipients: Vec<String>,
}

/// What happened to a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// Its draft is open.
    Opened,
    /// Its text has a new version.
    Revised,
    /// Somebody was asked to add to it.
    ContributionRequested {
        /// Which.
        contribution: String,
        /// Who.
        staff: String,
    },
    /// They did.
    ContributionGiven {
        /// Which.
        contribution: String,
        /// Who.
        staff: String,
    },
    /// It waits for an approval.
    Submitted(Submission),
    /// It was rejected.
    Returned(Submission),
    /// It is to be sent.
    Approved {
        /// Which version.
        version: u64,
        /// By whom.
        approver: String,
    },
    /// A recipient's mail ended some way.
    DeliveryEnded,
    /// Everybody got it.
    Delivered(Timestamp),
    /// Somebody did not.
    DeliveryFailed {
        /// Why.
        reason: String,
    },
    /// It was not delivered in time.
    Overdue,
    /// It was taken back.
    Cancelled,
}

type Done = Result<Vec<Fact>, ReportError>;

impl Report {
    /// A new report, its draft open.
    pub fn open(opening: Opening, now: Timestamp) -> (Self, Vec<Fact>) {
        let report = Self {
            id: opening.id,
            client: opening.client,
            engagement: opening.engagement,
            kind: opening.kind,
            format: opening.format,
            distribution: opening.distribution,
            period: opening.period,
            due_time: opening.due_time,
            due_local: opening.due_local,
            schedule: opening.schedule,
            recipients: opening.recipients,
            create_time: now,
            versions: Vec::new(),
            contributions: Vec::new(),
            decided: Vec::new(),
            past_mails: Vec::new(),
            overdue_time: None,
            stage: Stage::Draft,
        };
        (report, vec![Fact::Opened])
    }

    /// Its resource name.
    pub fn name(&self) -> String {
        format!("reports/{}", self.id)
    }

    /// The number of its last version; 0 where it has none.
    pub fn version(&self) -> u64 {
        self.versions.last().map_or(0, |version| version.number)
    }

    /// When something will happen by itself: it becomes overdue.
    pub fn next_due_time(&self) -> Option<Timestamp> {
        let over = matches!(self.stage, Stage::Delivered(_) | Stage::Cancelled);
        (!over && self.overdue_time.is_none()).then_some(self.due_time)
    }

    /// Lets happen what is due by now.
    pub fn catch_up(&mut self, now: Timestamp) -> Vec<Fact> {
        match self.next_due_time() {
            Some(due) if due <= now => {
                self.overdue_time = Some(now);
                vec![Fact::Overdue]
            }
            _ => Vec::new(),
        }
    }

    /// Whom it goes to, where nobody was named yet.
    pub fn propose_recipients(&mut self, recipients: Vec<String>) {
        if self.recipients.is_empty() && matches!(self.stage, Stage::Draft) {
            self.recipients = recipients;
        }
    }

    /// The draft from the suite's facts is here. Nothing where somebody has written already: their words stay.
    pub fn draft(&mut self, author: &str, now: Timestamp) -> Vec<Fact> {
        if !self.versions.is_empty() || self.stage != Stage::Draft {
            return Vec::new();
        }
        self.add_version(author, now);
        vec![Fact::Revised]
    }

    /// Somebody writes a new version, for other recipients where some are named. What was submitted, or did not reach everybody, is a draft again.
    ///
    /// # Errors
    /// Where it is approved, delivered or cancelled, or has too many versions.
    pub fn revise(&mut self, author: &str, recipients: &[String], now: Timestamp) -> Done {
        if self.versions.len() >= MOST_VERSIONS {
            return Err(ReportError::TooManyVersions);
        }
        match &self.stage {
            Stage::Draft => {}
            Stage::DeliveryFailed(approval) => {
                let ends = approval.deliveries.iter().filter_map(|one| one.end.as_ref());
                self.past_mails.extend(ends.map(|end| end.notification.clone()));
            }
            Stage::Submitted(submission) => {
                let decided = submission.clone().decide(Outcome::Revised, author, now);
                self.decided.push(decided);
            }
            Stage::Approved(_) | Stage::Delivered(_) | Stage::Cancelled => return Err(self.over()),
        }
        self.stage = Stage::Draft;
        if !recipients.is_empty() {
            self.recipients = recipients.to_vec();
        }
        self.add_version(author, now);
        Ok(vec![Fact::Revised])
    }

    /// Asks somebody of the team to add to the draft.
    ///
    /// # Errors
    /// Where it is no draft, or too many were asked.
    pub fn request_contribution(&mut self, id: &str, staff: &str, requester: &str, now: Timestamp) -> Done {
        self.is_draft()?;
        if self.contributions.len() >= MOST_CONTRIBUTIONS {
            return Err(ReportError::TooManyContributions);
        }
        self.contributions.push(Contribution {
            id: id.to_owned(),
            staff: staff.to_owned(),
            requester: requester.to_owned(),
            request_time: now,
            give_time: None,
        });
        Ok(vec![Fact::ContributionRequested { contribution: id.to_owned(), staff: staff.to_owned() }])
    }

    /// The one who was asked adds to the draft.
    ///
    /// # Errors
    /// Where it is no draft or not drafted yet, where it was given already, and where somebody else was asked.
    pub fn give_contribution(&mut self, id: &str, person: &str, now: Timestamp) -> Done {
        let found = self.contributions.iter_mut().find(|contribution| contribution.id == id);
        let contribution = found.ok_or(ReportError::NoContribution)?;
        if contribution.staff != person {
            return Err(ReportError::NotAsked);
        }
        if contribution.give_time.is_some() {
            return Err(ReportError::AlreadyGiven);
        }
        if self.stage != Stage::Draft {
            return Err(self.no_draft());
        }
        if self.versions.is_empty() {
            return Err(ReportError::NotDraftedYet);
        }
        if self.versions.len() >= MOST_VERSIONS {
            return Err(ReportError::TooManyVersions);
        }
        contribution.give_time = Some(now);
        self.add_version(person, now);
        Ok(vec![Fact::Revised, Fact::ContributionGiven { contribution: id.to_owned(), staff: person.to_owned() }])
    }

    /// Submits the last version for approval.
    ///
    /// # Errors
    /// Where it is no draft, or not drafted yet, or is for nobody.
    pub fn submit(&mut self, submitter: &str, now: Timestamp) -> Done {
        self.is_draft()?;
        if self.versions.is_empty() {
            return Err(ReportError::NotDraftedYet);
        }
        if self.recipients.is_empty() {
            return Err(ReportError::NoRecipients);
        }
        let submission = Submission {
            number: self.submissions() + 1,
            version: self.version(),
            submitter: submitter.to_owned(),
            time: now,
        };
        self.stage = Stage::Submitted(submission.clone());
        Ok(vec![Fact::Submitted(submission)])
    }

    /// Approves the version that was submitted, and no other.
    ///
    /// # Errors
    /// Where none is submitted, or another one.
    pub fn approve(&mut self, version: u64, approver: &str, now: Timestamp) -> Done {
        let submission = self.submitted(version)?;
        self.decided.push(submission.decide(Outcome::Approved, approver, now));
        let deliveries = self.recipients.iter().map(|one| Delivery { recipient: one.clone(), end: None }).collect();
        self.stage = Stage::Approved(Approval { version, approver: approver.to_owned(), time: now, deliveries });
        Ok(vec![Fact::Approved { version, approver: approver.to_owned() }])
    }

    /// Makes it a draft again.
    ///
    /// # Errors
    /// As [`Report::approve`].
    pub fn reject(&mut self, version: u64, person: &str, now: Timestamp) -> Done {
        let submission = self.submitted(version)?;
        self.decided.push(submission.clone().decide(Outcome::Rejected, person, now));
        self.stage = Stage::Draft;
        Ok(vec![Fact::Returned(submission)])
    }

    /// Takes it back.
    ///
    /// # Errors
    /// Where it is approved, delivered or cancelled.
    pub fn cancel(&mut self, person: &str, now: Timestamp) -> Done {
        match &self.stage {
            Stage::Draft | Stage::DeliveryFailed(_) => {}
            Stage::Submitted(submission) => {
                let decided = submission.clone().decide(Outcome::Cancelled, person, now);
                self.decided.push(decided);
            }
            Stage::Approved(_) | Stage::Delivered(_) | Stage::Cancelled => return Err(self.over()),
        }
        self.stage = Stage::Cancelled;
        Ok(vec![Fact::Cancelled])
    }

    /// A recipient's mail ended some way. Told twice, or of another approval, it changes nothing.
    pub fn delivery_ended(&mut self, recipient: &str, end: End) -> Vec<Fact> {
        if self.past_mails.contains(&end.notification) {
            return Vec::new();
        }
        let Stage::Approved(approval) = &mut self.stage else { return Vec::new() };
        let found = approval.deliveries.iter_mut().find(|one| one.recipient == recipient && one.end.is_none());
        let Some(delivery) = found else { return Vec::new() };
        delivery.end = Some(end);
        let ends: Vec<_> = approval.deliveries.iter().filter_map(|one| one.end.as_ref()).collect();
        if ends.len() < approval.deliveries.len() {
            return vec![Fact::DeliveryEnded];
        }
        let reason = ends.iter().find_map(|end| end.how.reason());
        let last = ends.iter().map(|end| end.time).max();
        let (approval, reason) = (approval.clone(), reason.map(str::to_owned));
        if let Some(reason) = reason {
            self.stage = Stage::DeliveryFailed(approval);
            return vec![Fact::DeliveryFailed { reason }];
        }
        self.stage = Stage::Delivered(approval);
        last.map(Fact::Delivered).into_iter().collect()
    }

    /// What was approved last, where something was and still stands.
    pub fn approval(&self) -> Option<&Approval> {
        match &self.stage {
            Stage::Approved(approval) | Stage::Delivered(approval) | Stage::DeliveryFailed(approval) => Some(approval),
            Stage::Draft | Stage::Submitted(_) | Stage::Cancelled => None,
        }
    }

    /// When everybody had it.
    pub fn deliver_time(&self) -> Option<Timestamp> {
        let Stage::Delivered(approval) = &self.stage else { return None };
        approval.deliveries.iter().filter_map(|one| one.end.as_ref()).map(|end| end.time).max()
    }

    /// How often it was submitted, the one that waits included.
    pub fn submissions(&self) -> u64 {
        let waiting = u64::from(matches!(self.stage, Stage::Submitted(_)));
        u64::try_from(self.decided.len()).unwrap_or(u64::MAX).saturating_add(waiting)
    }

    fn submitted(&self, version: u64) -> Result<Submission, ReportError> {
        match &self.stage {
            Stage::Submitted(submission) if submission.version == version => Ok(submission.clone()),
            Stage::Submitted(submission) => Err(ReportError::Revised { current: submission.version }),
            Stage::Draft | Stage::DeliveryFailed(_) => Err(ReportError::NotSubmitted),
            Stage::Approved(_) | Stage::Delivered(_) | Stage::Cancelled => Err(self.over()),
        }
    }

    fn is_draft(&self) -> Result<(), ReportError> {
        if self.stage == Stage::Draft { Ok(()) } else { Err(self.no_draft()) }
    }

    fn no_draft(&self) -> ReportError {
        match &self.stage {
            Stage::Submitted(_) => ReportError::Submitted,
            _ => self.over(),
        }
    }

    fn over(&self) -> ReportError {
        match &self.stage {
            Stage::Delivered(_) => ReportError::Delivered,
            Stage::Cancelled => ReportError::Cancelled,
            Stage::DeliveryFailed(_) => ReportError::DeliveryFailed,
            Stage::Draft | Stage::Submitted(_) | Stage::Approved(_) => ReportError::Approved,
        }
    }

    fn add_version(&mut self, author: &str, now: Timestamp) {
        self.versions.push(Version { number: self.version() + 1, author: author.to_owned(), time: now });
    }
}

impl Submission {
    fn decide(self, outcome: Outcome, decider: &str, time: Timestamp) -> Decided {
        Decided { submission: self, outcome, decider: decider.to_owned(), time }
    }
}

impl How {
    /// Why it did not arrive.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::HandedOver => None,
            Self::Failed(reason) | Self::Blocked(reason) => Some(reason),
        }
    }
}
