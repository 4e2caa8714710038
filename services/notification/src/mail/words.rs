//! A mail's words and everything else in it that is personal: sealed in their columns, each under the key of the mail's
//! owner: the client's erasable key, or that of unknown senders while nobody knows whose they are.

use command::Fault;
use database::ConnectionTrait;
use keyring::{Keyring, Owner, Place, Purpose};
use serde::{Deserialize, Serialize};

use super::{parse::ParsedMail, trace::Trace};
use crate::delivery_report::entity::Report;

/// What a mail says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// `From` for people.
    pub sender: String,
    /// Its subject.
    pub subject: String,
    /// Its Message-ID, without brackets.
    pub message_id: String,
    /// What it answers and how it came.
    pub trail: Trail,
}

/// What is needed to find out whose word it is, and to answer it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trail {
    /// The addresses in `From`.
    pub addresses: Vec<String>,
    /// Those in `To` and `Cc`.
    #[serde(default)]
    pub recipients: Vec<String>,
    /// Message-IDs, the nearest first.
    pub references: Vec<String>,
    /// Whether it is a report that says of the mail which it is about that it failed (RFC 3464, `Action: failed`).
    #[serde(default)]
    pub failed: bool,
    /// What servers wrote on top.
    pub trace: Trace,
    /// The envelope's recipients for whom it came, where they were told.
    #[serde(default)]
    pub envelope_to: Vec<String>,
    /// What a report says of a mail that was sent.
    #[serde(default)]
    pub report: Option<Report>,
}

impl Words {
    /// Those of a mail.
    pub fn of(mail: &ParsedMail, envelope_to: &[String]) -> Self {
        Self {
            sender: mail.senders_shown(),
            subject: mail.subject.clone(),
            message_id: mail.message_id.clone(),
            trail: Trail {
                addresses: mail.senders.iter().map(|sender| sender.email.clone()).collect(),
                recipients: mail.recipients.clone(),
                references: mail.references.clone(),
                failed: mail.failed,
                trace: mail.trace.clone(),
                envelope_to: envelope_to.to_vec(),
                report: mail.report.clone(),
            },
        }
    }
}

/// The sealed columns of one row of `mail`.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// `mail.sender`
    pub sender: Vec<u8>,
    /// `mail.subject`
    pub subject: Vec<u8>,
    /// `mail.message_id`
    pub message_id: Vec<u8>,
    /// `mail.trail`
    pub trail: Vec<u8>,
}

/// The sealed columns of one row of `mail_content`.
#[derive(Clone, Debug)]
pub struct SealedContent {
    /// `mail_content.text`
    pub text: Vec<u8>,
    /// `mail_content.raw`
    pub raw: Vec<u8>,
}

/// A column of a mail's row.
pub fn place<'a>(column: &'a str, mail: &'a str) -> Place<'a> {
    Place::new("mail", column, mail)
}

/// A column of a mail's content.
pub fn content_place<'a>(column: &'a str, mail: &'a str) -> Place<'a> {
    Place::new("mail_content", column, mail)
}

/// Seals the words of mail `id` for `owner`.
pub async fn seal<C: ConnectionTrait>(
    tx: &C,
    keyring: &Keyring,
    owner: &Owner,
    id: &str,
    words: &Words,
) -> Result<Sealed, Fault> {
    let key = keyring.key(tx, owner, Purpose::Erasable).await?;
    let trail = serde_json::to_vec(&words.trail).map_err(|error| Fault::Stored(error.to_string()))?;
    Ok(Sealed {
        sender: keyring.encrypt_text(&key, place("sender", id), &words.sender)?,
        subject: keyring.encrypt_text(&key, place("subject", id), &words.subject)?,
        message_id: keyring.encrypt_text(&key, place("message_id", id), &words.message_id)?,
        trail: keyring.encrypt(&key, place("trail", id), &trail)?,
    })
}

/// Opens what [`seal`] sealed.
pub async fn open<C: ConnectionTrait>(
    conn: &C,
    keyring: &Keyring,
    owner: &Owner,
    id: &str,
    sealed: &Sealed,
) -> Result<Words, Fault> {
    let key = keyring.existing_key(conn, owner, Purpose::Erasable).await?;
    let trail = keyring.decrypt(&key, place("trail", id), &sealed.trail)?;
    Ok(Words {
        sender: keyring.decrypt_text(&key, place("sender", id), &sealed.sender)?,
        subject: keyring.decrypt_text(&key, place("subject", id), &sealed.subject)?,
        message_id: keyring.decrypt_text(&key, place("message_id", id), &sealed.message_id)?,
        trail: serde_json::from_slice(&trail).map_err(|error| Fault::Stored(error.to_string()))?,
    })
}

/// Whether somebody says something in this text, besides what they quote.
pub fn has_own_words(text: &str) -> bool {
    let quoted_below = |line: &str| {
        let line = line.trim().to_ascii_lowercase();
        (line.starts_with("-----") && line.contains("message")) || line.starts_with("________________________________")
    };
    let own = text.lines().take_while(|line| !quoted_below(line)).filter(|line| !line.trim_start().starts_with('>'));
    // `On …, … wrote:` and its like in other languages introduce what is quoted.
    own.filter(|line| !line.trim_end().ends_with(':')).any(|line| line.chars().any(char::is_alphanumeric))
}

#[cfg(test)]
mod tests {
    use super::has_own_words;

    #[test]
    fn a_quotation_alone_says_nothing() {
        for silent in [
            "",
            " \n--\n",
            "> Where is my pump?",
            "On Monday, Carla wrote:\n> Where is my pump?",
            "-----Original Message-----\nFrom: Carla\nWhere is my pump?",
            "________________________________\nFrom: Carla",
        ] {
            assert!(!has_own_words(silent), "{silent}");
        }
        for spoken in ["Tomorrow.", "Am Montag schrieb Carla:\n> Wo?\nMorgen.", "7", "好"] {
            assert!(has_own_words(spoken), "{spoken}");
        }
    }
}
