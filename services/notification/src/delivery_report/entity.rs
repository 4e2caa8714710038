//! What a failure notice says (RFC 3464), and which mail it is about. Pure.

use serde::{Deserialize, Serialize};

use crate::mail::fields::{Field, fields};

const RECIPIENTS: usize = 50;
const FIELDS: usize = 50;
const BYTES: usize = 64 * 1024;

/// A notice's machine-readable part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// What the mail's sender gave the first server to give back (RFC 3461); empty for none.
    pub envelope_id: String,
    /// About whom.
    pub recipients: Vec<Reported>,
}

/// What became of one copy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reported {
    /// The address where it ended, and the one that it was sent to where the notice has that, lower case.
    pub addresses: Vec<String>,
    /// What became of it.
    pub action: Action,
    /// Its status (RFC 3463), for example `5.1.1`; empty where there is none.
    pub status: String,
}

/// What became of a copy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It came back.
    Failed,
    /// Not yet, but it is still tried.
    Delayed,
    /// Delivered, relayed, expanded, or what no standard knows.
    #[default]
    Other,
}

impl Report {
    /// Reads the body of a `message/delivery-status` part; none where it is about nobody.
    pub fn read(body: &[u8]) -> Option<Self> {
        let body = body.get(..body.len().min(BYTES))?;
        let text = String::from_utf8_lossy(body).replace("\r\n", "\n");
        let mut report = Self::default();
        for group in text.split("\n\n").filter(|group| !group.trim().is_empty()).take(RECIPIENTS + 1) {
            let Some(fields) = fields(group.trim_start_matches('\n').as_bytes(), FIELDS) else { continue };
            let value = |name: &str| fields.iter().find(|field| field.is(name)).map(Field::text).unwrap_or_default();
            let addresses: Vec<String> =
                ["final-recipient", "original-recipient"].iter().filter_map(|name| address(&value(name))).collect();
            if addresses.is_empty() {
                if report.envelope_id.is_empty() {
                    report.envelope_id = value("original-envelope-id").chars().take(200).collect();
                }
                continue;
            }
            let action = match value("action").trim().to_ascii_lowercase().as_str() {
                "failed" => Action::Failed,
                "delayed" => Action::Delayed,
                _ => Action::Other,
            };
            report.recipients.push(Reported { addresses, action, status: status(&value("status")) });
        }
        (!report.recipients.is_empty()).then_some(report)
    }
}

impl Report {
    /// Whether it says of somebody that it failed. A mail that is merely late may still arrive.
    pub fn says_failed(&self) -> bool {
        self.recipients.iter().any(|one| one.action == Action::Failed)
    }
}

/// `rfc822; jo@client.example`.
fn address(text: &str) -> Option<String> {
    let (_, address) = text.split_once(';')?;
    let address = address.trim().trim_matches(['<', '>']).to_lowercase();
    (address.contains('@') && address.len() <= 320).then_some(address)
}

/// Digits and dots alone: a notice's words repeat addresses.
fn status(text: &str) -> String {
    let word = text.split_whitespace().next().unwrap_or_default();
    let numbers =
        word.split('.').all(|part| (1..=3).contains(&part.len()) && part.bytes().all(|it| it.is_ascii_digit()));
    if numbers && word.split('.').count() == 3 { word.to_owned() } else { String::new() }
}

/// The name of a mail in what comes back: its notification, and a mark that nobody makes but this service.
pub fn token(id: &str, mark: impl FnOnce(&str) -> String) -> String {
    let mark: String = mark(id).chars().take(MARK).collect();
    format!("{}-{mark}", id.replace('-', ""))
}

const MARK: usize = 16;
const ID: usize = 32;

/// The notification that a token names, where it is one that [`token`] made.
pub fn read_token(token: &str, mark: impl FnOnce(&str) -> String) -> Option<String> {
    let (id, made) = token.split_once('-')?;
    if id.len() != ID || made.len() != MARK || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let part = |from: usize, to: usize| id.get(from..to).unwrap_or_default();
    let id = format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32));
    let mark = mark(&id);
    let same = mark.bytes().zip(made.bytes()).fold(0, |differs, (one, other)| differs | (one ^ other));
    (same == 0 && mark.len() >= MARK).then_some(id)
}

/// The tokens in an envelope's recipient, wherever they stand in its local part.
pub fn tokens_in(address: &str) -> Vec<String> {
    let local = address.trim_matches(['<', '>']).rsplit_once('@').map_or("", |(local, _)| local).to_ascii_lowercase();
    let parts = local.split(|sign: char| !(sign.is_ascii_hexdigit() || sign == '-'));
    parts.filter(|part| part.len() == ID + 1 + MARK).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_notice_is_read_group_by_group() {
        let report = Report::read(
            b"Reporting-MTA: dns; mx.client.example\r\nOriginal-Envelope-Id: abc\r\n\r\n\
              Original-Recipient: rfc822;Jo@client.example\r\nFinal-Recipient: rfc822; jo@inner.client.example\r\n\
              Action: failed\r\nStatus: 5.1.1 (no such user jo@client.example)\r\n\r\n\
              Final-Recipient: rfc822; al@client.example\r\nAction: delayed\r\nStatus: 4.4.1\r\n",
        )
        .unwrap();
        assert_eq!(report.envelope_id, "abc");
        assert_eq!(
            report.recipients,
            [
                Reported {
                    addresses: vec!["jo@inner.client.example".into(), "jo@client.example".into()],
                    action: Action::Failed,
                    status: "5.1.1".into()
                },
                Reported {
                    addresses: vec!["al@client.example".into()],
                    action: Action::Delayed,
                    status: "4.4.1".into()
                },
            ]
        );
    }

    #[test]
    fn what_is_about_nobody_is_no_notice() {
        for strange in [&b""[..], b"\r\n\r\n", b"Reporting-MTA: dns; x\r\n", b"\xff\xfe\x00", b"Final-Recipient: x\r\n"]
        {
            assert_eq!(Report::read(strange), None);
        }
    }

    #[test]
    fn a_token_names_its_notification_and_no_other_is_made_up() {
        let mark = |id: &str| format!("{:0<20}", id.bytes().map(u32::from).sum::<u32>());
        let id = "01234567-89ab-cdef-0123-456789abcdef";
        let made = token(id, mark);
        assert_eq!(made.len(), 49, "with a prefix of 15 letters it fits into a local part");
        assert_eq!(read_token(&made, mark).as_deref(), Some(id));
        let forged = made.replace("0123", "0124");
        assert_eq!(read_token(&forged, mark), None);
        assert_eq!(tokens_in(&format!("<Bounces+{}@firm.example>", made.to_uppercase())), std::slice::from_ref(&made));
        assert_eq!(tokens_in(&format!("{made}@firm.example")), [made]);
        assert!(tokens_in("bounces@firm.example").is_empty());
    }
}
