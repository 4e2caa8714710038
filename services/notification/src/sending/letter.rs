//! A finished mail: headers, plain text and HTML as RFC 5322 bytes. Pure.

use std::time::{Duration, SystemTime};

use business_time::Timestamp;
use lettre::{
    Message,
    message::{Mailbox, MultiPart, header::HeaderName, header::HeaderValue},
};

use super::templates::Rendered;

/// Who a mail is from or to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// What they are called; may be empty.
    pub display_name: String,
    /// Their address.
    pub email: String,
}

/// All that a mail is made of.
#[derive(Clone, Debug)]
pub struct Letter<'a> {
    /// `From`.
    pub sender: &'a Party,
    /// `To`.
    pub recipients: &'a [Party],
    /// Subject, text and HTML.
    pub words: &'a Rendered,
    /// `Date`, by the business clock.
    pub date: Timestamp,
    /// Without brackets.
    pub message_id: &'a str,
    /// The mail that it answers, without brackets; empty for none.
    pub in_reply_to: &'a str,
    /// The conversation before it, the oldest first, without brackets.
    pub references: &'a [String],
    /// Whether a machine wrote it.
    pub generated: bool,
    /// Whether an earlier copy of it may have arrived.
    pub possible_duplicate: bool,
    /// `notifications/{notification}`.
    pub notification: &'a str,
    /// As the contract names it, for example `REPLY`.
    pub kind: &'a str,
    /// `cases/{case}`; empty for none.
    pub case: &'a str,
}

/// Why there is no mail.
#[derive(Debug, thiserror::Error)]
pub enum LetterError {
    /// An address is none.
    #[error("an address cannot be written to")]
    Address,
    /// The library refused.
    #[error("the mail cannot be built: {0}")]
    Build(#[from] lettre::error::Error),
}

/// In a `References` field at most; the oldest stays, as RFC 5322's readers expect.
const REFERENCES: usize = 20;

impl Letter<'_> {
    /// Its bytes.
    ///
    /// # Errors
    /// Where an address is none.
    pub fn compose(&self) -> Result<Vec<u8>, LetterError> {
        let mut builder = Message::builder()
            .from(mailbox(self.sender)?)
            .subject(one_line(&self.words.subject))
            .date(system_time(self.date))
            .message_id(Some(format!("<{}>", one_line(self.message_id))));
        for recipient in self.recipients {
            builder = builder.to(mailbox(recipient)?);
        }
        if !self.in_reply_to.is_empty() {
            builder = builder.in_reply_to(format!("<{}>", one_line(self.in_reply_to)));
        }
        let references = self.thread();
        if !references.is_empty() {
            builder = builder.references(references);
        }
        let headers = [
            ("Auto-Submitted", if self.generated { "auto-generated" } else { "" }),
            ("X-Liaison-Possible-Duplicate", if self.possible_duplicate { "yes" } else { "" }),
            ("X-Liaison-Notification", self.notification),
            ("X-Liaison-Kind", self.kind),
            ("X-Liaison-Case", self.case),
        ];
        for (name, value) in headers {
            if !value.is_empty() {
                builder = builder.raw_header(HeaderValue::new(HeaderName::new_from_ascii_str(name), one_line(value)));
            }
        }
        let parts = MultiPart::alternative_plain_html(self.words.text.clone(), self.words.html.clone());
        Ok(builder.multipart(parts)?.formatted())
    }

    fn thread(&self) -> String {
        let mut ids: Vec<&str> = self.references.iter().map(String::as_str).filter(|id| !id.is_empty()).collect();
        ids.retain(|id| *id != self.in_reply_to);
        if !self.in_reply_to.is_empty() {
            ids.push(self.in_reply_to);
        }
        if ids.len() > REFERENCES {
            ids.drain(1..ids.len() - REFERENCES + 1);
        }
        ids.iter().map(|id| format!("<{}>", one_line(id))).collect::<Vec<_>>().join(" ")
    }
}

fn mailbox(party: &Party) -> Result<Mailbox, LetterError> {
    let name = one_line(&party.display_name);
    let email = party.email.parse().map_err(|_| LetterError::Address)?;
    Ok(Mailbox::new((!name.is_empty()).then_some(name), email))
}

/// Nothing that ends a line gets into a header.
fn one_line(text: &str) -> String {
    let text: String = text.chars().map(|sign| if sign.is_control() { ' ' } else { sign }).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn system_time(time: Timestamp) -> SystemTime {
    let seconds = u64::try_from(time.as_second()).unwrap_or_default();
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).unwrap_or(SystemTime::UNIX_EPOCH)
}

#[cfg(test)]
#[path = "letter_tests.rs"]
mod tests;
