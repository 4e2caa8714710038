//! The shapes in an evidence folder that are no protos. The names of their fields are part of the evidence.

use business_time::{CalendarSpec, Closure, Timestamp, WeekHours, Weekday};
use contracts::client_registry::v1::{Absence, Calendar, Client, Contact, Engagement, Staff};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::proto_json;

/// What was run: `run.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// Version of this form: 1.
    pub format: u32,
    /// The scenario's name.
    pub scenario: String,
    /// A few sentences about it, for people.
    #[serde(default)]
    pub description: String,
    /// True where the business clock was simulated.
    pub trial: bool,
    /// The business time at which the first step was made.
    pub start_time: Timestamp,
    /// The business time at which the folder was made: nothing later is in it.
    pub end_time: Timestamp,
    /// The version of Liaison.
    pub product_version: String,
    /// [`business_time::tzdb_version`] of the services.
    pub tzdb_version: String,
    /// [`business_time::holidays_version`] of the services.
    pub holidays_version: String,
}

impl Run {
    /// The only version of the form.
    pub const FORMAT: u32 = 3;
}

/// A revision of a calendar and from when it stood; one of `firm/calendars.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalendarInForce {
    /// `calendars/{calendar}`.
    pub name: String,
    /// As in `spec`.
    pub revision: u64,
    /// From when it was in force, until the next revision of the same name.
    pub from_time: Timestamp,
    /// The calendar.
    pub spec: CalendarSpec,
}

/// A calendar's proto with a day of the week that does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a week has seven days")]
pub struct UnknownCalendar;

impl CalendarInForce {
    /// From the registry's calendar.
    ///
    /// # Errors
    /// Where it names a day of the week that does not exist.
    pub fn of(calendar: &Calendar, from_time: Timestamp) -> Result<Self, UnknownCalendar> {
        let week = calendar.week.iter().map(|hours| {
            let day = Weekday::from_iso_number(hours.day).ok_or(UnknownCalendar)?;
            Ok(WeekHours { day, open: hours.open.clone(), close: hours.close.clone() })
        });
        let closures = calendar
            .closures
            .iter()
            .map(|closure| Closure { date: closure.date.clone(), label: closure.label.clone() });
        let spec = CalendarSpec {
            id: super::id_of(&calendar.name).to_owned(),
            revision: calendar.revision,
            time_zone: calendar.time_zone.clone(),
            week: week.collect::<Result<_, _>>()?,
            holidays: calendar.holiday_regions.clone(),
            closures: closures.collect(),
            openings: Vec::new(),
        };
        Ok(Self { name: calendar.name.clone(), revision: calendar.revision, from_time, spec })
    }
}

/// A person of the firm; one of `firm/staff.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StaffRecord {
    /// As they stood at the end.
    #[serde(with = "proto_json::one")]
    pub staff: Staff,
    /// All of their absences.
    #[serde(with = "proto_json::many")]
    pub absences: Vec<Absence>,
    /// How they stood before, the oldest first: one from the beginning or from their creation on, and one for each change.
    /// Empty where nothing changed; then what stands above stood from the beginning.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<StaffVersion>,
}

/// A person of the firm as they stood from a time on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StaffVersion {
    /// Until the next of them.
    pub from_time: Timestamp,
    /// As the registry answered it.
    #[serde(with = "proto_json::one")]
    pub staff: Staff,
}

/// A contact as they stood from a time on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContactVersion {
    /// Until the next of the same contact.
    pub from_time: Timestamp,
    /// As the registry answered it.
    #[serde(with = "proto_json::one")]
    pub contact: Contact,
}

/// A client; one of `firm/clients.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientRecord {
    /// As it stood at the end.
    #[serde(with = "proto_json::one")]
    pub client: Client,
    /// In the order of their names.
    #[serde(with = "proto_json::many")]
    pub engagements: Vec<Engagement>,
    /// In the order of their names.
    #[serde(with = "proto_json::many")]
    pub contacts: Vec<Contact>,
    /// How they stood before, by name and then the oldest first; a contact of whom there is none here never changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contact_versions: Vec<ContactVersion>,
    /// Who stood for the client when, the oldest first: one for each change of account manager, team lead or team
    /// (whoever exports appends one when the registry says `AssignmentChanged`). Empty where it never changed; then what
    /// stands above stood from the beginning.
    #[serde(default)]
    pub assignments: Vec<Assignments>,
}

/// Who stood for a client from a time on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assignments {
    /// Until the next of them.
    pub from_time: Timestamp,
    /// `staff/{staff}`.
    pub account_manager: String,
    /// In the order of their names.
    pub engagements: Vec<EngagementTeam>,
}

/// Who works on an engagement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EngagementTeam {
    /// `clients/{client}/engagements/{engagement}`.
    pub engagement: String,
    /// `staff/{staff}`.
    pub team_lead: String,
    /// `staff/{staff}` each.
    pub team_members: Vec<String>,
}

impl Assignments {
    /// Who stands for a client now.
    pub fn of(client: &Client, engagements: &[Engagement], from_time: Timestamp) -> Self {
        let engagements = engagements.iter().map(|engagement| EngagementTeam {
            engagement: engagement.name.clone(),
            team_lead: engagement.team_lead.clone(),
            team_members: engagement.team_members.clone(),
        });
        Self { from_time, account_manager: client.account_manager.clone(), engagements: engagements.collect() }
    }
}

/// A step of the story and what came of it; one of `story.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// From 1 upwards.
    pub number: u32,
    /// The scenario's file that says it.
    pub file: String,
    /// The line in it.
    pub line: u32,
    /// What it tells, for people; empty where the scenario says nothing.
    #[serde(default)]
    pub title: String,
    /// By the business clock.
    pub at: Timestamp,
    /// The principal, for example `staff/anna`.
    pub who: String,
    /// `liaison.escalation.v1.CaseService/OpenCase`; of the end of a watch the RPC that it watched; empty for a step that
    /// only waits for an event.
    pub rpc: String,
    /// As proto JSON, with references replaced; of a mail step all fields but the raw bytes, which lie in `mail_file`.
    /// Of the end of a watch `{"watch": name, "step": the number of the step that opened it}`.
    pub request: Value,
    /// What the scenario expects, to be held against `outcome`.
    #[serde(default, skip_serializing_if = "Expectation::is_mere_answer")]
    pub expect: Expectation,
    /// What the scenario expects, in words: `an answer`, `refused with NOT_FOUND`, `the event ClockBreached by …`.
    pub expected: String,
    /// What came.
    pub outcome: Outcome,
    /// Whether that is what was expected.
    pub as_expected: bool,
    /// For a mail that was handed over: its file, for example `mails-in/03-printer.eml`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail_file: Option<String>,
}

/// What a scenario expects of a step, with references replaced.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Expectation {
    /// A refusal with this reason; none where an answer is expected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// A field that the refusal must name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Fields of the answer by path, and their values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub answer: Vec<(String, Value)>,
    /// Fields that must not be there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub absent: Vec<String>,
    /// A field of a stream's messages, and a value that it must have in none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub never: Option<(String, Value)>,
    /// How many messages a stream must have brought.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages: Option<usize>,
    /// How many it must have brought at least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_least: Option<usize>,
}

impl Expectation {
    /// Whether any answer will do.
    pub fn is_mere_answer(&self) -> bool {
        *self == Self::default()
    }
}

/// What came of a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The answer as proto JSON; of a stream an array.
    Answer(Value),
    /// It was refused.
    Refused(Refused),
    /// The event that was waited for, as an envelope's proto JSON.
    Event(Value),
    /// Nothing came in time, or something that is neither; in words.
    Nothing(String),
}

/// A refusal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refused {
    /// The gRPC code's name, for example `FAILED_PRECONDITION`.
    pub code: String,
    /// The reason in ErrorInfo, for example `PROPOSAL_REVISED`; empty where there was none.
    pub reason: String,
    /// The fields at fault.
    #[serde(default)]
    pub fields: Vec<String>,
    /// The sentence for people.
    #[serde(default)]
    pub message: String,
}

/// A call as it was placed with the telephone provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacedCall {
    /// `calls/{call}`.
    pub call: String,
    /// `notifications/{notification}`.
    pub notification: String,
    /// `cases/{case}`.
    pub case: String,
    /// Who is called.
    pub person: String,
    /// The number.
    pub to: String,
    /// What is spoken to whoever answers.
    pub spoken: String,
    /// When it was placed.
    pub place_time: Timestamp,
    /// Whether the copy of who is told was used.
    #[serde(default)]
    pub from_copy: bool,
}
