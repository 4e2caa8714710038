//! A meeting: a call, a video conference, or one in person (SOP 6). Pure.
//!
//! ```text
//! Planned ──held──▶ Held ──closed, with what is demanded──▶ Closed
//!    └──cancelled──▶ Cancelled
//! ```
//!
//! Only what is closed counts, as a contact or as an answer.

use business_time::Timestamp;
use serde::{Deserialize, Serialize};

use super::{MeetingError, link};

/// A meeting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meeting {
    /// The last segment of `meetings/{meeting}`.
    pub id: String,
    /// `clients/{client}`.
    pub client: String,
    /// Empty where none was named.
    pub engagement: String,
    /// Empty where none was spoken of.
    pub case: String,
    /// How they meet.
    pub form: Form,
    /// The firm's word for it; empty where it has none.
    pub kind: String,
    /// `staff/{staff}`, who speaks for the firm.
    pub host: String,
    /// The people of the client.
    pub contacts: Vec<String>,
    /// When it begins or began.
    pub start_time: Timestamp,
    /// Whether what the host said answers the case's question.
    pub answers: bool,
    /// Where it stands.
    pub stage: Stage,
    /// What is personal.
    pub words: Words,
    /// The policy that was looked at last.
    pub policy_version: u64,
    /// Rises with each change.
    pub revision: u64,
}

/// How they meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// On the phone.
    Phone,
    /// By video.
    Video,
    /// In one room.
    InPerson,
}

/// Where a meeting stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// It is to take place.
    Planned,
    /// It took place, and something may be missing.
    Held {
        /// When it was over.
        end_time: Timestamp,
    },
    /// What the procedure demands of it is there.
    Closed {
        /// When it was over.
        end_time: Timestamp,
        /// When that was recorded.
        close_time: Timestamp,
    },
    /// It does not take place.
    Cancelled,
}

/// What is personal about it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words {
    /// What it is about.
    pub subject: String,
    /// Of a video conference.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub video_link: String,
    /// What was spoken of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minutes: Option<Minutes>,
    /// Where its recording lies, or why there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording: Option<Recording>,
    /// Why it was cancelled.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cancel_reason: String,
}

/// What was spoken of, in writing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Minutes {
    /// The words.
    pub text: String,
    /// `staff/{staff}`.
    pub author: String,
    /// When they were written.
    pub time: Timestamp,
}

/// What is known of a call's recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recording {
    /// Where it lies, or why there is none.
    pub told: Told,
    /// `staff/{staff}`, who said so.
    pub recorder: String,
    /// When.
    pub time: Timestamp,
}

/// Where a recording lies, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// There is one, with consent.
    Recorded {
        /// As the firm's recording system names it.
        reference: String,
        /// Who consented for the client.
        contact: String,
        /// How.
        consent: String,
    },
    /// There is none.
    NotRecorded {
        /// Why.
        reason: String,
    },
}

/// What the policy in force says of meetings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// The version that says so.
    pub policy_version: u64,
    /// Hosts of allowed video providers.
    pub video_providers: Vec<String>,
    /// The kinds of call that must be recorded.
    pub recorded_kinds: Vec<String>,
}

/// How a meeting begins.
#[derive(Clone, Debug)]
pub struct Opening {
    pub id: String,
    pub client: String,
    pub engagement: String,
    pub case: String,
    pub form: Form,
    pub kind: String,
    pub host: String,
    pub contacts: Vec<String>,
    pub start_time: Timestamp,
    /// Where it is over already.
    pub end_time: Option<Timestamp>,
    pub answers: bool,
    pub subject: String,
    pub video_link: String,
}

impl Meeting {
    /// A meeting that is planned, or one that was held already.
    ///
    /// # Errors
    /// What is wrong about it.
    pub fn open(opening: Opening, rules: &Rules, now: Timestamp) -> Result<Self, MeetingError> {
        let below = format!("{}/", opening.client);
        if !opening.engagement.is_empty() && !opening.engagement.starts_with(&below) {
            return Err(MeetingError::OfAnotherClient("meeting.engagement"));
        }
        if opening.contacts.iter().any(|contact| !contact.starts_with(&below)) {
            return Err(MeetingError::OfAnotherClient("meeting.contacts"));
        }
        if opening.answers && opening.case.is_empty() {
            return Err(MeetingError::CaseMissing);
        }
        let is_call = opening.form != Form::InPerson;
        if is_call && opening.kind.is_empty() && !rules.recorded_kinds.is_empty() {
            return Err(MeetingError::KindMissing);
        }
        match (opening.form, opening.video_link.is_empty()) {
            (Form::Video, true) => return Err(MeetingError::LinkMissing),
            (Form::Video, false) if !link::is_allowed(&opening.video_link, &rules.video_providers) => {
                return Err(MeetingError::VideoProviderNotAllowed);
            }
            (Form::Phone | Form::InPerson, false) => return Err(MeetingError::LinkNotExpected),
            _ => {}
        }
        let stage = match opening.end_time {
            Some(end_time) => Self::held(opening.start_time, end_time, now)?,
            None if opening.start_time < now => return Err(MeetingError::InPast),
            None => Stage::Planned,
        };
        Ok(Self {
            id: opening.id,
            client: opening.client,
            engagement: opening.engagement,
            case: opening.case,
            form: opening.form,
            kind: opening.kind,
            host: opening.host,
            contacts: opening.contacts,
            start_time: opening.start_time,
            answers: opening.answers,
            stage,
            words: Words { subject: opening.subject, video_link: opening.video_link, ..Words::default() },
            policy_version: rules.policy_version,
            revision: 1,
        })
    }

    /// `meetings/{meeting}`.
    pub fn name(&self) -> String {
        format!("meetings/{}", self.id)
    }

    /// When it was over, where it was held.
    pub fn end_time(&self) -> Option<Timestamp> {
        match self.stage {
            Stage::Held { end_time } | Stage::Closed { end_time, .. } => Some(end_time),
            Stage::Planned | Stage::Cancelled => None,
        }
    }

    /// It took place.
    ///
    /// # Errors
    /// It is not planned any more; the times cannot be.
    pub fn hold(&mut self, start: Option<Timestamp>, end: Timestamp, now: Timestamp) -> Result<(), MeetingError> {
        if self.stage != Stage::Planned {
            return Err(MeetingError::NotPlanned);
        }
        let start = start.unwrap_or(self.start_time);
        self.stage = Self::held(start, end, now)?;
        self.start_time = start;
        self.changed();
        Ok(())
    }

    /// What was spoken of.
    ///
    /// # Errors
    /// It was not held, or is closed.
    pub fn write_minutes(&mut self, minutes: Minutes) -> Result<(), MeetingError> {
        self.is_held()?;
        self.words.minutes = Some(minutes);
        self.changed();
        Ok(())
    }

    /// Where its recording lies, or why there is none.
    ///
    /// # Errors
    /// It was not held, or is closed; it is no call; there is no consent of one who took part.
    pub fn record(&mut self, recording: Recording) -> Result<(), MeetingError> {
        self.is_held()?;
        if self.form == Form::InPerson {
            return Err(MeetingError::NotACall);
        }
        if let Told::Recorded { contact, consent, .. } = &recording.told {
            if contact.is_empty() || !has_words(consent) {
                return Err(MeetingError::ConsentMissing);
            }
            if !self.contacts.contains(contact) {
                return Err(MeetingError::NotAParticipant);
            }
        }
        self.words.recording = Some(recording);
        self.changed();
        Ok(())
    }

    /// All that is demanded of it is there: from now on it counts.
    ///
    /// # Errors
    /// What is missing.
    pub fn close(&mut self, rules: &Rules, now: Timestamp) -> Result<(), MeetingError> {
        let end_time = self.is_held()?;
        if self.form == Form::InPerson && self.words.minutes.is_none() {
            return Err(MeetingError::MinutesMissing);
        }
        let is_call = self.form != Form::InPerson;
        // One that was planned before any kind had to be recorded may have none.
        let is_recorded =
            rules.recorded_kinds.contains(&self.kind) || (self.kind.is_empty() && !rules.recorded_kinds.is_empty());
        if is_call && is_recorded && self.words.recording.is_none() {
            return Err(MeetingError::RecordingMissing);
        }
        self.stage = Stage::Closed { end_time, close_time: now };
        self.policy_version = rules.policy_version;
        self.changed();
        Ok(())
    }

    /// It does not take place.
    ///
    /// # Errors
    /// It is not planned any more.
    pub fn cancel(&mut self, reason: String) -> Result<(), MeetingError> {
        if self.stage != Stage::Planned {
            return Err(MeetingError::NotPlanned);
        }
        self.stage = Stage::Cancelled;
        self.words.cancel_reason = reason;
        self.changed();
        Ok(())
    }

    fn held(start: Timestamp, end_time: Timestamp, now: Timestamp) -> Result<Stage, MeetingError> {
        if end_time < start {
            return Err(MeetingError::EndsBeforeItBegins);
        }
        if end_time > now {
            return Err(MeetingError::InFuture);
        }
        Ok(Stage::Held { end_time })
    }

    fn is_held(&self) -> Result<Timestamp, MeetingError> {
        match self.stage {
            Stage::Held { end_time } => Ok(end_time),
            Stage::Planned | Stage::Closed { .. } | Stage::Cancelled => Err(MeetingError::NotHeld),
        }
    }

    fn changed(&mut self) {
        self.revision += 1;
    }
}

/// Whether there is a letter or a digit in it.
pub fn has_words(text: &str) -> bool {
    text.chars().any(char::is_alphanumeric)
}

#[cfg(test)]
mod tests;
