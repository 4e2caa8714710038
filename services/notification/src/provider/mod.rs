//! The port to whoever carries mail; [`phone`] is that to whoever carries calls. A provider takes a finished mail, or says that it does not; and each declares how an
//! attempt of unknown outcome is settled.
//!
//! A new provider is a file here, a choice in `config.rs`, and a line in `app.rs`.

mod local;
pub mod phone;

use async_trait::async_trait;
use business_time::Timestamp;

pub use local::{LocalOutbox, OutboxMail};

/// A finished mail on its way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The notification's id.
    pub notification: String,
    /// Which attempt this is, from 1 upwards.
    pub attempt: u32,
    /// The addresses it goes to.
    pub recipients: Vec<String>,
    /// The address it comes from.
    pub sender: String,
    /// RFC 5322 bytes.
    pub message: Vec<u8>,
}

/// How a hand-over ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HandOver {
    /// The provider has it.
    Accepted {
        /// The provider's name for it.
        receipt: String,
    },
    /// The provider does not take it.
    Refused {
        /// `SCREAMING_SNAKE`, for people and programs.
        reason: String,
        /// Whether another try is pointless.
        permanent: bool,
    },
    /// The provider may have it or not.
    Unknown,
}

/// How an attempt of unknown outcome is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// By nothing: nobody can tell.
    None,
    /// By [`MailProvider::look_up`].
    Lookup,
}

/// What a lookup found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// The provider has it.
    HandedOver {
        /// The provider's name for it.
        receipt: String,
        /// Since when, by its own clock; none where it does not tell.
        time: Option<Timestamp>,
    },
    /// The provider does not have it and will not take this attempt any more.
    NotHandedOver,
    /// It cannot be told now.
    Unknown,
}

/// Who carries mail.
#[async_trait]
pub trait MailProvider: Send + Sync + 'static {
    /// Its name in the record of attempts.
    fn name(&self) -> &'static str;

    /// How an attempt of unknown outcome is settled.
    fn settlement(&self) -> Settlement;

    /// Hands a mail over. Called once for each attempt; where it is called again, the attempt is handed over once all the
    /// same.
    async fn hand_over(&self, mail: &Outgoing) -> HandOver;

    /// Whether an attempt was handed over. Where it was not, it never will be.
    async fn look_up(&self, notification: &str, attempt: u32) -> Lookup;
}
