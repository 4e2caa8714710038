//! The port to whoever carries calls. A provider takes a call, or says that it does not; what becomes of it is reported later
//! (`CallService/ReportCall`, or the provider's own signed callbacks); and each declares how an attempt of unknown outcome is
//! settled.
//!
//! A new provider is a file here, a choice in `config.rs`, a line in `app.rs`, and one in `tests/it/phones.rs`, where one suite
//! of tests runs over them all.

mod http;
mod local;
mod signature;
pub mod twilio;

use async_trait::async_trait;
use business_time::Timestamp;

pub use local::{LocalPhones, PhonedCall};
pub use signature::{is_signed, sign};
pub use twilio::Twilio;

pub use crate::call::entity::{AnsweredBy, Report, Status};

/// A call on its way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingCall {
    /// Our id of it: one attempt, whoever places it how often.
    pub call: String,
    /// `notifications/{notification}`.
    pub notification: String,
    /// `cases/{case}`; empty where it is about none.
    pub case: String,
    /// Who is called.
    pub person: String,
    /// The number, E.164.
    pub to: String,
    /// What is spoken to whoever answers.
    pub spoken: String,
    /// What is left on a voicemail.
    pub voicemail: String,
    /// What is spoken once the key was pressed.
    pub confirmed: String,
    /// When it was claimed, by the business clock.
    pub place_time: Timestamp,
    /// Whether the copy of who is told was used.
    pub from_copy: bool,
    /// Whether the call before may have reached somebody.
    pub possible_duplicate: bool,
}

/// How placing a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placed {
    /// The provider has it.
    Accepted {
        /// The provider's name for it.
        receipt: String,
    },
    /// The provider does not take it.
    Refused {
        /// `SCREAMING_SNAKE`, for people and programs.
        reason: String,
        /// Whether it is the number that cannot be called.
        number: bool,
    },
    /// The provider may have it or not.
    Unknown,
}

/// How a call of unknown outcome is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallSettlement {
    /// By nothing: nobody can tell.
    None,
    /// By [`PhoneProvider::look_up`].
    Lookup,
    /// By what the provider reports by itself, and no other way.
    Callback,
}

/// What is known of a call that is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Our id.
    pub call: String,
    /// The number.
    pub to: String,
    /// The provider's name for it; empty where that is not known.
    pub receipt: String,
    /// When it was claimed.
    pub since: Timestamp,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The provider has it.
    Placed {
        /// The provider's name for it.
        receipt: String,
        /// What it tells of it now.
        report: Report,
    },
    /// The provider does not have it.
    NotPlaced {
        /// Whether it never will: this attempt cannot be made any more.
        never: bool,
    },
    /// It cannot be told now.
    Unknown,
}

/// Who carries calls.
#[async_trait]
pub trait PhoneProvider: Send + Sync + 'static {
    /// Its name in the record of calls.
    fn name(&self) -> &'static str;

    /// How a call of unknown outcome is settled.
    fn settlement(&self) -> CallSettlement;

    /// Places a call. Called once for each.
    async fn place(&self, call: &OutgoingCall) -> Placed;

    /// Whether the provider has a call, and what it tells of it.
    async fn look_up(&self, wanted: &Wanted) -> Found;
}
