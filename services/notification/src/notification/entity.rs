//! What goes out and what became of it. Pure.

use business_time::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    alert::{Alert, Channel},
    error::NotificationError,
};

/// One message to one audience, without its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// The last segment of `notifications/{notification}`.
    pub id: String,
    /// What it is.
    pub kind: Kind,
    /// Where it stands.
    pub state: State,
    /// Empty where none is concerned.
    pub client: String,
    /// Empty where none is known.
    pub engagement: String,
    /// Empty where none is concerned.
    pub case: String,
    /// The mail it is about, `mails/{mail}`; empty where it is about none.
    pub mail: String,
    /// The conversation it belongs to; empty where it belongs to none.
    pub thread: String,
    /// `staff/{staff}`; empty where it is generated.
    pub author: String,
    /// For whom.
    pub audience: Audience,
    /// How it is carried.
    pub channel: Channel,
    /// Set where it is an alert of a critical incident.
    pub alert: Option<Alert>,
    /// What the text is made from.
    pub facts: Facts,
    /// Without angle brackets; empty until the first attempt, then the same on each.
    pub message_id: String,
    /// When it was queued.
    pub queue_time: Timestamp,
    /// When the provider took it.
    pub hand_over_time: Option<Timestamp>,
    /// Why it was blocked or failed.
    pub reason: String,
    /// Claims so far.
    pub tries: u32,
    /// Who was told.
    pub recipients: Vec<String>,
    /// In whose stead.
    pub stand_ins_for: Vec<String>,
    /// Whether it was sent again though an earlier attempt may have arrived.
    pub possible_duplicate: bool,
    /// Those of `recipients` whose copy came back.
    pub returned: Vec<String>,
    /// When the first of those notices was received.
    pub return_time: Option<Timestamp>,
    /// The report it is about, `reports/{report}`; empty where it is about none.
    pub report: String,
    /// By which rules the language check blocks its text, which was sent all the same; see `Words`.
    pub language_blocks: Vec<String>,
    /// Rises with each event.
    pub revision: u64,
}

/// What a notification is; each has a template of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A person's substantive reply.
    Reply,
    /// A person's word that the question arrived.
    Acknowledgement,
    /// Generated: the mail arrived.
    AutoAcknowledgement,
    /// A first-response or resolution clock was late.
    ClockBreach,
    /// An escalation step.
    Escalation,
    /// A resolution to confirm.
    ConfirmationRequest,
    /// A resolution still to confirm.
    ConfirmationReminder,
    /// A mail lies in triage.
    Triage,
    /// A mail lay in triage too long.
    TriageOverdue,
    /// The client has answered a request to confirm by mail.
    ConfirmationAnswered,
    /// A critical incident, to one side on one channel.
    CriticalAlert,
    /// One side was not reached on one channel.
    AlertFailed,
    /// A person's update on a critical incident.
    IncidentUpdate,
    /// A report, to one of its recipients.
    Report,
    /// A contribution to a report is asked of somebody.
    ContributionRequest,
    /// A report waits for an approval.
    ReportApproval,
    /// A report was not delivered in time.
    ReportOverdue,
    /// A report's draft is open.
    ReportDue,
    /// A report was rejected.
    ReportReturned,
    /// A report did not reach a recipient.
    ReportFailed,
    /// A mail to the client did not arrive, or may not have.
    Undelivered,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 21] = [
        Self::Reply,
        Self::Acknowledgement,
        Self::AutoAcknowledgement,
        Self::ClockBreach,
        Self::Escalation,
        Self::ConfirmationRequest,
        Self::ConfirmationReminder,
        Self::Triage,
        Self::TriageOverdue,
        Self::ConfirmationAnswered,
        Self::CriticalAlert,
        Self::AlertFailed,
        Self::IncidentUpdate,
        Self::Report,
        Self::ContributionRequest,
        Self::ReportApproval,
        Self::ReportOverdue,
        Self::ReportDue,
        Self::ReportReturned,
        Self::ReportFailed,
        Self::Undelivered,
    ];

    /// Whether a person wrote its words.
    pub fn is_written(self) -> bool {
        matches!(self, Self::Reply | Self::Acknowledgement | Self::IncidentUpdate)
    }

    /// Whether no person stands behind its words: a report has an author and an approver, though a machine sends it.
    pub fn is_generated(self) -> bool {
        !self.is_written() && self != Self::Report
    }

    /// Whether its words are about a proposed resolution, which escalation has.
    pub fn needs_proposal(self) -> bool {
        matches!(self, Self::ConfirmationRequest | Self::ConfirmationReminder)
    }

    /// Whether it is sent ahead of everything else, and without the registry where that does not answer (SOP 8.2).
    pub fn is_critical(self) -> bool {
        matches!(self, Self::CriticalAlert | Self::AlertFailed)
    }

    /// Whether it is about a mail in triage.
    pub fn is_about_triage(self) -> bool {
        matches!(self, Self::Triage | Self::TriageOverdue)
    }
}

/// Where a notification stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Not handed over yet.
    Queued,
    /// The provider took it.
    HandedOver,
    /// The procedure does not allow it.
    Blocked,
    /// Given up.
    Failed,
    /// Taken back.
    Cancelled,
    /// Of an alert: somebody pressed a key or replied.
    Reached,
    /// It was handed over, and every copy came back.
    Returned,
}

/// To whom it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// `clients/{client}/contacts/{contact}`.
    Contact(String),
    /// `staff/{staff}`.
    Staff(String),
    /// Whoever holds the role for the client now.
    Target(Target),
    /// Whoever takes mails of unknown senders.
    Intake,
    /// The client's contacts who may confirm a resolution.
    Confirmer,
    /// The client's contacts who are told of a critical incident.
    IncidentContacts,
}

/// A role that is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The client's account manager.
    AccountManager,
    /// The team lead of the engagement, or of the client's first one.
    TeamLead,
    /// Everybody in management.
    Management,
}

impl Target {
    /// As events and tables name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccountManager => "ACCOUNT_MANAGER",
            Self::TeamLead => "TEAM_LEAD",
            Self::Management => "MANAGEMENT",
        }
    }

    /// The target of this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::AccountManager, Self::TeamLead, Self::Management].into_iter().find(|target| target.as_str() == name)
    }
}

impl Audience {
    /// As the table and the API name it.
    pub fn name(&self) -> String {
        match self {
            Self::Contact(name) | Self::Staff(name) => name.clone(),
            Self::Target(target) => target.as_str().to_owned(),
            Self::Intake => "INTAKE".to_owned(),
            Self::Confirmer => "CONFIRMER".to_owned(),
            Self::IncidentContacts => "INCIDENT_CONTACTS".to_owned(),
        }
    }

    /// The audience of this name.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "INTAKE" => return Some(Self::Intake),
            "CONFIRMER" => return Some(Self::Confirmer),
            "INCIDENT_CONTACTS" => return Some(Self::IncidentContacts),
            _ => {}
        }
        if name.starts_with("staff/") {
            return Some(Self::Staff(name.to_owned()));
        }
        if name.starts_with("clients/") && name.contains("/contacts/") {
            return Some(Self::Contact(name.to_owned()));
        }
        Target::parse(name).map(Self::Target)
    }

    /// Whether it goes to the client's side.
    pub fn is_client(&self) -> bool {
        matches!(self, Self::Contact(_) | Self::Confirmer | Self::IncidentContacts)
    }

    /// This contact, or whoever of the client may confirm where none is named.
    pub fn contact_or_confirmer(contact: &str) -> Self {
        if contact.is_empty() { Self::Confirmer } else { Self::Contact(contact.to_owned()) }
    }
}

/// What a generated text is made from: ids, enums and times; nothing personal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// `first_response`, `resolution` or `client_update`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub clock: String,
    /// When something was or is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_time: Option<Timestamp>,
    /// The escalation step, from 1 upwards.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub step: i32,
    /// Whom the step told.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub target: String,
    /// Which proposal is to be confirmed.
    #[serde(default, skip_serializing_if = "is_none")]
    pub proposal_revision: u64,
    /// Why a mail lies in triage.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub triage_reason: String,
    /// When that mail was received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receive_time: Option<Timestamp>,
    /// When a critical incident was declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declare_time: Option<Timestamp>,
    /// Which alert reached nobody: `CLIENT` or `MANAGEMENT`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub side: String,
    /// On which channel: `EMAIL` or `PHONE`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub channel: String,
    /// Why.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The notification that did not arrive, `notifications/{notification}`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// Its kind, as the contract names it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about_kind: String,
    /// What became of it: RETURNED, REFUSED, RECIPIENT_SUPPRESSED, OUTCOME_UNKNOWN or FAILED.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub trouble: String,
    /// The provider's reason or the notice's status.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub trouble_reason: String,
    /// What kind of report it is about, for example `STATUS_UPDATE`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub report_type: String,
    /// What that report is about, for example `2026-W11`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub period: String,
    /// Which version of its text.
    #[serde(default, skip_serializing_if = "is_none")]
    pub text_version: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it so")]
fn is_zero(number: &i32) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it so")]
fn is_none(number: &u64) -> bool {
    *number == 0
}

impl Notification {
    /// `notifications/{notification}`.
    pub fn name(&self) -> String {
        format!("notifications/{}", self.id)
    }

    /// Whether there is anything left to do. An alert that failed is tried on, and calls go on until somebody is reached.
    pub fn is_open(&self) -> bool {
        match (self.state, &self.alert, self.channel) {
            (State::Queued, ..) | (State::Failed, Some(_), _) | (State::HandedOver, Some(_), Channel::Phone) => true,
            (
                State::Failed
                | State::HandedOver
                | State::Blocked
                | State::Cancelled
                | State::Reached
                | State::Returned,
                ..,
            ) => false,
        }
    }

    /// Claims it for an attempt: what is claimed can no longer be taken back. Gives the attempt's number.
    ///
    /// # Errors
    /// [`NotificationError::NotQueued`] where it was cancelled or ended meanwhile.
    pub fn claim(&mut self) -> Result<u32, NotificationError> {
        self.open()?;
        self.tries += 1;
        Ok(self.tries)
    }

    /// The provider took it.
    ///
    /// # Errors
    /// [`NotificationError::NotQueued`] where that is settled already.
    pub fn hand_over(
        &mut self,
        time: Timestamp,
        recipients: Vec<String>,
        stand_ins_for: Vec<String>,
    ) -> Result<(), NotificationError> {
        self.open()?;
        (self.recipients, self.stand_ins_for) = (recipients, stand_ins_for);
        self.hand_over_time = Some(time);
        self.end(State::HandedOver, "");
        Ok(())
    }

    /// The procedure does not allow it.
    ///
    /// # Errors
    /// As [`Notification::hand_over`].
    pub fn block(&mut self, reason: &str) -> Result<(), NotificationError> {
        self.open()?;
        self.end(State::Blocked, reason);
        Ok(())
    }

    /// Given up.
    ///
    /// # Errors
    /// As [`Notification::hand_over`].
    pub fn fail(&mut self, reason: &str) -> Result<(), NotificationError> {
        self.open()?;
        self.end(State::Failed, reason);
        Ok(())
    }

    /// Taken back. `under_way`: an attempt is claimed and its outcome not known.
    ///
    /// # Errors
    /// [`NotificationError::NotQueued`] where it is too late; [`NotificationError::AlertIsOwed`] for what nobody may take back.
    pub fn cancel(&mut self, under_way: bool) -> Result<(), NotificationError> {
        if self.kind.is_critical() {
            return Err(NotificationError::AlertIsOwed);
        }
        self.open()?;
        if under_way {
            return Err(NotificationError::NotQueued);
        }
        self.end(State::Cancelled, "");
        Ok(())
    }

    /// Copies of it came back. True where by now all did, so that it reached nobody; none where these had come back before.
    ///
    /// # Errors
    /// [`NotificationError::NotHandedOver`] where it never left.
    pub fn return_copies(
        &mut self,
        people: &[String],
        status: &str,
        time: Timestamp,
    ) -> Result<Option<bool>, NotificationError> {
        if !matches!(self.state, State::HandedOver | State::Returned) {
            return Err(NotificationError::NotHandedOver);
        }
        let before = self.returned.len();
        for person in people {
            if self.recipients.contains(person) && !self.returned.contains(person) {
                self.returned.push(person.clone());
            }
        }
        if self.returned.len() == before {
            return Ok(None);
        }
        self.return_time.get_or_insert(time);
        let everybody = self.recipients.iter().all(|person| self.returned.contains(person));
        self.end(if everybody { State::Returned } else { self.state }, status);
        Ok(Some(everybody))
    }

    /// As [`Notification::is_open`].
    ///
    /// # Errors
    /// [`NotificationError::NotQueued`] where it is not.
    pub(super) fn open(&self) -> Result<(), NotificationError> {
        if self.is_open() { Ok(()) } else { Err(NotificationError::NotQueued) }
    }

    pub(super) fn end(&mut self, state: State, reason: &str) {
        self.state = state;
        reason.clone_into(&mut self.reason);
        self.revision += 1;
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub fn queued() -> Notification {
        Notification {
            id: "1".into(),
            kind: Kind::Reply,
            state: State::Queued,
            client: "clients/acme".into(),
            engagement: String::new(),
            case: "cases/1".into(),
            mail: String::new(),
            thread: "t".into(),
            author: "staff/anna".into(),
            audience: Audience::Contact("clients/acme/contacts/jo".into()),
            channel: Channel::Email,
            alert: None,
            facts: Facts::default(),
            message_id: String::new(),
            queue_time: Timestamp::UNIX_EPOCH,
            hand_over_time: None,
            reason: String::new(),
            tries: 0,
            recipients: Vec::new(),
            stand_ins_for: Vec::new(),
            possible_duplicate: false,
            returned: Vec::new(),
            return_time: None,
            report: String::new(),
            language_blocks: Vec::new(),
            revision: 1,
        }
    }

    #[test]
    fn it_is_returned_once_every_copy_came_back() {
        let mut notification = queued();
        assert!(notification.return_copies(&["a".into()], "5.1.1", Timestamp::UNIX_EPOCH).is_err(), "it never left");
        assert!(notification.hand_over(Timestamp::UNIX_EPOCH, vec!["a".into(), "b".into()], Vec::new()).is_ok());
        let time = Timestamp::UNIX_EPOCH;
        assert_eq!(notification.return_copies(&["c".into()], "5.1.1", time), Ok(None), "it did not go there");
        assert_eq!(notification.return_copies(&["a".into()], "5.1.1", time), Ok(Some(false)));
        assert_eq!(notification.state, State::HandedOver);
        assert_eq!(notification.return_copies(&["a".into()], "5.1.1", time), Ok(None));
        assert_eq!(notification.return_copies(&["b".into()], "5.2.2", time), Ok(Some(true)));
        assert_eq!((notification.state, notification.reason.as_str()), (State::Returned, "5.2.2"));
    }

    #[test]
    fn what_is_claimed_cannot_be_taken_back() {
        let mut notification = queued();
        assert_eq!(notification.claim(), Ok(1));
        assert_eq!(notification.cancel(true), Err(NotificationError::NotQueued));
        assert_eq!(notification.cancel(false), Ok(()));
        assert_eq!(notification.claim(), Err(NotificationError::NotQueued));
    }

    #[test]
    fn it_ends_once() {
        let mut notification = queued();
        assert!(notification.hand_over(Timestamp::UNIX_EPOCH, vec!["staff/anna".into()], Vec::new()).is_ok());
        let ended = notification.clone();
        assert!(notification.block("X").is_err());
        assert!(notification.fail("X").is_err());
        assert!(notification.cancel(false).is_err());
        assert_eq!(notification, ended);
        assert_eq!(notification.revision, 2);
    }

    #[test]
    fn an_audience_is_read_back_from_its_name() {
        for audience in [
            Audience::Contact("clients/a/contacts/b".into()),
            Audience::Staff("staff/x".into()),
            Audience::Target(Target::Management),
            Audience::Intake,
            Audience::Confirmer,
            Audience::IncidentContacts,
        ] {
            assert_eq!(Audience::parse(&audience.name()), Some(audience));
        }
        assert_eq!(Audience::parse("SOMEBODY"), None);
    }
}
