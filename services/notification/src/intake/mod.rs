//! How mail comes in beside the RPC: by LMTP (RFC 2033), and from a maildir. Both end in the use case of `DeliverMail`, as
//! `services/intake`: what was taken is committed before anybody is told so, and the same mail twice is one mail.
//!
//! Whoever reaches the listener or may write into the maildir is believed to be the firm's mail server.
//!
//! - [`lmtp`]: the listener. `session`: one conversation, pure of sockets. [`maildir`]: the watched folder.

pub mod lmtp;
pub mod maildir;
mod recipients;
mod session;

use std::sync::Arc;

use business_time::Timestamp;
use command::{Commands, Fault};
use refusal::{Kind, Refusal};
use serde::Deserialize;

pub use recipients::Recipients;

use crate::{
    mail::{Delivery, MailError, Mails, parse::ParsedMail},
    work::Wakes,
};

/// The LMTP listener.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct LmtpSettings {
    /// Where it listens, as `address:port`; nowhere where this is not told.
    pub listen: Option<String>,
    /// For whom it takes mail: addresses, or all of a domain as `@firm.example`, separated by commas.
    pub recipients: String,
}

/// Who hands over what comes by these ways, for the audit.
const PRINCIPAL: &str = "services/intake";

/// Takes mail. Cheap to clone.
#[derive(Clone)]
pub struct Intake {
    commands: Commands,
    mails: Mails,
    wakes: Wakes,
}

/// A mail as it came.
#[derive(Clone, Debug, Default)]
pub struct Incoming {
    /// As received, RFC 5322 bytes.
    pub raw: Vec<u8>,
    /// The envelope's sender; empty for the null sender, none where it is not known.
    pub from: Option<String>,
    /// The envelope's recipients.
    pub to: Vec<String>,
    /// When it was received at the latest.
    pub received_by: Option<Timestamp>,
}

/// Why a mail was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// It never will be; the reason is for programs.
    #[error("it can never be taken: {0}")]
    Never(&'static str),
    /// Not now; whoever has it keeps it.
    #[error("it cannot be taken now")]
    Later,
}

impl Intake {
    /// Over these commands.
    pub fn new(commands: Commands, mails: Mails, wakes: Wakes) -> Self {
        Self { commands, mails, wakes }
    }

    /// Takes a mail; when this returns, it is committed. True where it was here before.
    ///
    /// # Errors
    /// [`NotTaken`]; of the same mail the same, but for [`NotTaken::Later`].
    pub async fn take(&self, incoming: Incoming, action: &'static str) -> Result<bool, NotTaken> {
        let read =
            tokio::task::spawn_blocking(move || (ParsedMail::read(&incoming.raw, incoming.from.as_deref()), incoming));
        let (parsed, incoming) = read.await.map_err(|error| {
            tracing::error!(%error, "a mail could not be read");
            // It would be so again: the mail itself is at fault.
            NotTaken::Never("NOT_A_MAIL")
        })?;
        let parsed = parsed.map_err(|error| NotTaken::Never(Refusal::from(MailError::from(error)).reason))?;
        let delivery = Arc::new(Delivery {
            parsed,
            raw: incoming.raw,
            receive_time: None,
            // The world's clock says nothing where a simulated one runs.
            received_by: incoming.received_by.filter(|_| !self.commands.clock().simulated()),
            envelope_to: incoming.to,
        });
        let (commands, mails) = (self.commands.clone(), self.mails);
        let taken = self.commands.db().transaction(move |tx| {
            let (commands, delivery) = (commands.clone(), delivery.clone());
            Box::pin(async move {
                let unit = commands.unit(tx, PRINCIPAL, action);
                let (_, duplicate) = mails.take(&unit, &delivery).await?;
                unit.finish().await?;
                Ok::<_, Fault>(duplicate)
            })
        });
        let duplicate = taken.await.map_err(|fault| not_taken(&fault))?;
        self.commands.committed();
        self.wakes.wake();
        Ok(duplicate)
    }
}

fn not_taken(fault: &Fault) -> NotTaken {
    match fault {
        Fault::Refused(refusal) if refusal.kind != Kind::Unavailable => NotTaken::Never(refusal.reason),
        fault => {
            tracing::error!(error = %fault, "a mail could not be taken, and is left to whoever has it");
            NotTaken::Later
        }
    }
}
