//! The evidence folder: what a run leaves behind, and all that a judge may look at (SOP 8.3).
//!
//! ```text
//! <out>/manifest.json            every other file: length and SHA-256
//! <out>/run.json                 Run: scenario, trial, business times, versions
//! <out>/firm/calendars.json      [CalendarInForce]: every revision of every calendar, and from when it stood
//! <out>/firm/policies.json       [Policy], as proto JSON
//! <out>/firm/staff.json          [StaffRecord]: a person, their absences, and how they stood when
//! <out>/firm/clients.json        [ClientRecord]: a client, its engagements and contacts, how these stood when, and who
//!                                stood for it when
//! <out>/cases.json               [Case] as they stood at the end
//! <out>/timelines/<case>.json    evidence::TimelineFile; its entries decode as liaison.escalation.v1.TimelineEntry
//! <out>/audit/<service>.json     evidence::AuditFile
//! <out>/events/<service>.json    [Event]: every envelope in order
//! <out>/notifications.json       [Notification]        <out>/mails.json   [Mail]
//! <out>/mails-in/<nn>-<name>.eml what was delivered    <out>/mails-out/<notification id>.eml  what left; a further copy
//!                                                      of it as <notification id>.2.eml and so on
//! <out>/meetings.json            [Meeting]
//! <out>/calls.json               [Call], as they ended     <out>/calls/<call id>.json  what was placed: PlacedCall
//! <out>/reports.json             [Report] with every version of their texts
//! <out>/story.json               [Step]: who asked for what, and what came of it
//! <out>/index.html               the story for people
//! <out>.head.json                the signed head, beside the folder
//! ```
//!
//! - `form`: the shapes that are no protos. `proto_json`: protos as canonical JSON inside them.
//! - `writer`: [`FolderWriter`], which an exporter fills. `reader`: [`Folder::read`], which gives an [`Evidence`].
//! - `evidence`: [`Evidence`] and its lookups; nothing there concludes anything.
//! - `eml`: [`Eml`], a mail as its own bytes tell it.
//!
//! Times are RFC 3339 in UTC. A new kind of file is a name below, a method of the writer, a field of [`Evidence`] and a
//! line of the reader.

mod eml;
mod evidence;
mod fault;
mod form;
pub mod proto_json;
mod reader;
mod writer;

pub use eml::{Eml, address_of};
pub use evidence::{Evidence, Happened, Timeline, id_of, instant, is_person, is_staff};
pub use fault::{Fault, FolderFault};
pub use form::{
    Assignments, CalendarInForce, ClientRecord, ContactVersion, EngagementTeam, Expectation, Outcome, PlacedCall,
    Refused, Run, StaffRecord, StaffVersion, Step, UnknownCalendar,
};
pub use reader::Folder;
pub use writer::FolderWriter;

/// The services whose events and audit a folder holds.
pub const SERVICES: [&str; 4] = ["client-registry", "escalation", "notification", "reporting"];

/// Names of files below the folder.
pub mod names {
    /// [`super::Run`].
    pub const RUN: &str = "run.json";
    /// [`super::CalendarInForce`]s.
    pub const CALENDARS: &str = "firm/calendars.json";
    /// Policies.
    pub const POLICIES: &str = "firm/policies.json";
    /// [`super::StaffRecord`]s.
    pub const STAFF: &str = "firm/staff.json";
    /// [`super::ClientRecord`]s.
    pub const CLIENTS: &str = "firm/clients.json";
    /// Cases.
    pub const CASES: &str = "cases.json";
    /// Notifications.
    pub const NOTIFICATIONS: &str = "notifications.json";
    /// Mails that came in.
    pub const MAILS: &str = "mails.json";
    /// Where their raw form lies.
    pub const MAILS_IN: &str = "mails-in";
    /// Where the raw form of what left lies.
    pub const MAILS_OUT: &str = "mails-out";
    /// Calls, video conferences and meetings in person with clients.
    pub const MEETINGS: &str = "meetings.json";
    /// Reports to clients, with their texts, findings, approvals and deliveries.
    pub const REPORTS: &str = "reports.json";
    /// Calls that were made.
    pub const CALLS: &str = "calls.json";
    /// Where what was placed with the telephone provider lies.
    pub const CALLS_OUT: &str = "calls";
    /// Where events lie.
    pub const EVENTS: &str = "events";
    /// [`super::Step`]s.
    pub const STORY: &str = "story.json";
    /// The story for people.
    pub const INDEX: &str = "index.html";
}

/// Where the signed head of a folder lies by default: beside it, as `<folder>.head.json`.
pub fn head_path(folder: &std::path::Path) -> std::path::PathBuf {
    let mut name = folder.file_name().map(std::ffi::OsStr::to_os_string).unwrap_or_default();
    name.push(".head.json");
    folder.with_file_name(name)
}
