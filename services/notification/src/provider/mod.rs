//! The port to whoever carries mail; [`phone`] is that to whoever carries calls. A provider takes a finished mail, or says that it does not; and each declares how an
//! attempt of unknown outcome is settled.
//!
//! A new provider is a file here, a choice in `config.rs`, a line in `app.rs`, and one in the contract suite that all of them
//! pass, `tests/it/providers.rs`.

mod local;
pub mod phone;
pub mod smtp;

use async_trait::async_trait;
use business_time::Timestamp;

pub use local::{LocalOutbox, OutboxMail};
pub use smtp::{Smtp, settings::SmtpSettings};

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
    /// Names the notification in what comes back, and cannot be guessed: letters, digits and `-`.
    pub token: String,
    /// RFC 5322 bytes.
    pub message: Vec<u8>,
}

/// Somebody for whom the provider does not take a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedRecipient {
    /// Their address, as in [`Outgoing::recipients`].
    pub address: String,
    /// `SCREAMING_SNAKE`, for people and programs.
    pub reason: String,
    /// The enhanced status (RFC 3463), for example `5.1.1`; empty where none was told.
    pub status: String,
    /// Whether another try is pointless.
    pub permanent: bool,
}

/// How a hand-over ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HandOver {
    /// The provider has it.
    Accepted {
        /// The provider's name for it.
        receipt: String,
        /// Those for whom it did not take it; never all.
        refused: Vec<RefusedRecipient>,
    },
    /// The provider does not take it.
    Refused {
        /// `SCREAMING_SNAKE`, for people and programs.
        reason: String,
        /// Whether another try is pointless.
        permanent: bool,
        /// Those whom it refused by name.
        recipients: Vec<RefusedRecipient>,
    },
    /// The provider cannot be used now, and does not have it. It waits, however long that lasts.
    Unavailable {
        /// `SCREAMING_SNAKE`, for people and programs.
        reason: String,
    },
    /// The provider may have it or not.
    Unknown,
}

impl HandOver {
    /// The provider has it for everybody.
    pub fn accepted(receipt: impl Into<String>) -> Self {
        Self::Accepted { receipt: receipt.into(), refused: Vec::new() }
    }

    /// The provider does not take it, whoever it is for.
    pub fn refused(reason: impl Into<String>, permanent: bool) -> Self {
        Self::Refused { reason: reason.into(), permanent, recipients: Vec::new() }
    }
}

/// How an attempt of unknown outcome is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// By nothing: nobody can tell. Sending waits for a failure notice or an answer, and then follows the kind's rule.
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

    /// Hands a mail over. Called once for each attempt; where it is called again, one that can be looked up is handed over
    /// once all the same.
    async fn hand_over(&self, mail: &Outgoing) -> HandOver;

    /// Whether an attempt was handed over. Where it was not, it never will be.
    async fn look_up(&self, notification: &str, attempt: u32) -> Lookup;

    /// Whether it is left alone for a while, so that nothing is tried.
    fn rests(&self) -> bool {
        false
    }

    /// Whether it could be used now.
    ///
    /// # Errors
    /// Why not, for people.
    async fn check(&self) -> Result<(), String> {
        Ok(())
    }
}
