//! A mail's bytes, read: who, what, when, on which conversation, by a person or a machine.
//!
//! Pure and bounded. The bytes come from anybody, so each thing that could grow with them has a limit below, nesting
//! first: parts are walked here, and mail-parser sees one header block or one leaf at a time.

use std::borrow::Cow;

use mail_parser::{Address, HeaderName, HeaderValue, Message, MessageParser, MimeHeaders};

use super::{
    fields::{Field, fields, split},
    trace::Trace,
};
use crate::delivery_report::entity::Report;

/// What a mail may weigh.
pub const LARGEST: usize = 25 * 1024 * 1024;

const HEADER_BYTES: usize = 256 * 1024;
const HEADER_FIELDS: usize = 1000;
const ADDRESSES: usize = 20;
const REFERENCES: usize = 100;
const DEPTH: usize = 8;
const PARTS: usize = 200;
/// What is kept of a mail's text, in bytes; the mail itself is kept whole.
const TEXT_BYTES: usize = 512 * 1024;
const HTML_BYTES: usize = 4 * 1024 * 1024;
const LINE_BYTES: usize = 1000;
const MESSAGE_ID_BYTES: usize = 900;

/// Written by whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A person.
    Personal,
    /// A machine (RFC 3834); opens nothing and reopens nothing.
    Automatic,
    /// A report by its form (RFC 6522), as on a mail that was sent (RFC 3464).
    DeliveryReport,
}

/// One address of the `From` field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sender {
    /// Decoded; empty where there is none.
    pub display_name: String,
    /// As it was written, without spaces around it.
    pub email: String,
}

/// A mail as far as this service reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsedMail {
    /// Without angle brackets; empty where there is none.
    pub message_id: String,
    /// What it answers, the nearest first: `In-Reply-To`, then `References` from its end.
    pub references: Vec<String>,
    /// At least one.
    pub senders: Vec<Sender>,
    /// The addresses in `To` and `Cc`.
    pub recipients: Vec<String>,
    /// Decoded, on one line.
    pub subject: String,
    /// The text; from HTML where there is no plain text.
    pub text: String,
    /// Written by whom.
    pub kind: Kind,
    /// What a report says of a mail that was sent.
    pub report: Option<Report>,
    /// Whether it is a report that says of the mail which it is about that it failed (RFC 3464).
    pub failed: bool,
    /// Whether it asks machines for no answer.
    pub no_automatic_answer: bool,
    /// The `Date` field as it stands; part of what makes two deliveries one mail.
    pub date: String,
    /// What the servers on its way wrote on top of it.
    pub trace: Trace,
}

/// Why bytes are not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAMail {
    /// Over [`LARGEST`].
    #[error("the mail is larger than 25 MiB")]
    TooLarge,
    /// No header block, or one beyond all measure.
    #[error("there is no header block that can be read")]
    NoHeader,
    /// Nobody wrote it.
    #[error("there is no From field with an address")]
    NoSender,
}

impl ParsedMail {
    /// Reads a mail. `envelope_from` is the envelope's sender, empty for the null sender; none where it was not told.
    ///
    /// # Errors
    /// Where the bytes are no mail; what is odd otherwise is read as far as it goes.
    pub fn read(raw: &[u8], envelope_from: Option<&str>) -> Result<Self, NotAMail> {
        if raw.len() > LARGEST {
            return Err(NotAMail::TooLarge);
        }
        let (head, body) = split(raw);
        if head.len() > HEADER_BYTES {
            return Err(NotAMail::NoHeader);
        }
        let fields = fields(head, HEADER_FIELDS).ok_or(NotAMail::NoHeader)?;
        let parsed = MessageParser::default().parse_headers(head).ok_or(NotAMail::NoHeader)?;
        let senders = people(&parsed, HeaderName::From);
        if senders.is_empty() {
            return Err(NotAMail::NoSender);
        }
        let report = parsed
            .content_type()
            .is_some_and(|kind| kind.ctype().eq_ignore_ascii_case("multipart") && is(kind.subtype(), "report"));
        let mut walk = Walk { parts: PARTS, original: None, report: None };
        let text = walk.text(head, body, 0);
        let mut references = references(&parsed);
        // A report names the mail that it is about in the copy of its header, not always in References.
        // A notice is about the mail that it returns; what else its header names is that mail's conversation.
        if let Some(original) = walk.original.filter(|_| report) {
            references.retain(|known| *known != original);
            references.insert(0, original);
        }
        let failed = report && walk.report.as_ref().is_some_and(Report::says_failed);
        let recipients = [HeaderName::To, HeaderName::Cc].into_iter().flat_map(|name| people(&parsed, name));
        Ok(Self {
            message_id: parsed.message_id().and_then(message_id).unwrap_or_default(),
            references,
            senders,
            recipients: recipients.map(|person| person.email).collect(),
            subject: one_line(parsed.subject().unwrap_or_default()),
            text: clean(&text, TEXT_BYTES),
            kind: if report { Kind::DeliveryReport } else { kind(&fields, envelope_from) },
            report: walk.report.filter(|_| report),
            failed,
            no_automatic_answer: fields.iter().any(declines_answers),
            date: fields.iter().find(|field| field.is("date")).map(Field::text).unwrap_or_default(),
            trace: Trace::read(&fields),
        })
    }

    /// `From` for people.
    pub fn senders_shown(&self) -> String {
        let shown = self.senders.iter().map(|sender| match sender.display_name.as_str() {
            "" => sender.email.clone(),
            name => format!("{name} <{}>", sender.email),
        });
        shown.collect::<Vec<_>>().join(", ")
    }

    /// Whether it has neither a Message-ID nor a date, so that two mails with the same few words look the same.
    pub fn is_nameless(&self) -> bool {
        self.message_id.is_empty() && self.date.is_empty()
    }

    /// What is the same however often and by whichever way the same mail arrives.
    pub fn identity(&self) -> String {
        let from: Vec<_> = self.senders.iter().map(|sender| sender.email.to_lowercase()).collect();
        [&self.message_id, &from.join(","), &self.date, &self.subject, &self.text].map(String::as_str).join("\u{1f}")
    }
}

fn is(text: Option<&str>, word: &str) -> bool {
    text.is_some_and(|text| text.eq_ignore_ascii_case(word))
}

/// A machine's by what a machine says of itself, and by nothing else: a person's word that is taken for a machine's has no
/// owner and no clock.
fn kind(fields: &[Field<'_>], envelope_from: Option<&str>) -> Kind {
    let machine = fields.iter().any(|field| {
        let value = word(field);
        match field.name() {
            // RFC 3834, section 5.
            "auto-submitted" => !matches!(value.as_str(), "" | "no"),
            // Not in any standard: cPanel's and BoxTrapper's autoresponders; the others' use of it is below.
            "precedence" => matches!(value.as_str(), "auto_reply" | "auto-reply"),
            // Gmail's vacation responder; cPanel's.
            "x-autoreply" | "x-autorespond" => value != "no",
            _ => false,
        }
    });
    // RFC 5321, section 4.5.5; RFC 3834, section 3.3.
    let null_sender = envelope_from.is_some_and(|sender| matches!(sender.trim(), "" | "<>"));
    if machine || null_sender { Kind::Automatic } else { Kind::Personal }
}

/// Whether a field asks machines for no answer (RFC 3834, section 2). People's mail has these fields too, by way of a list,
/// a ticket system or Exchange, so they say nothing of who wrote.
fn declines_answers(field: &Field<'_>) -> bool {
    match field.name() {
        "precedence" => matches!(word(field).as_str(), "bulk" | "list" | "junk"),
        // [MS-OXCMAIL], 2.1.3.2.20. Its other values are about delivery and read reports, of which we send none.
        "x-auto-response-suppress" => {
            let text = field.text().to_ascii_lowercase();
            text.split(',').any(|value| matches!(value.trim(), "all" | "autoreply" | "oof"))
        }
        _ => false,
    }
}

/// The first word of a field, in lower case; parameters and comments stand behind it.
fn word(field: &Field<'_>) -> String {
    let text = field.text().to_ascii_lowercase();
    text.trim().split([';', ' ', '\t', '(']).next().unwrap_or_default().to_owned()
}

/// Every address of every field of this name: a second `From` is as ambiguous as a second address in it.
fn people(message: &Message<'_>, field: HeaderName<'static>) -> Vec<Sender> {
    let values = message.header_values(field).filter_map(HeaderValue::as_address);
    let mut people: Vec<Sender> = Vec::new();
    for address in values.flat_map(Address::iter) {
        let email = one_line(address.address.as_deref().unwrap_or_default());
        let email = email.trim_matches(['<', '>']).trim();
        let plausible = email.len() <= 320 && !email.contains(char::is_whitespace);
        if plausible && email.split_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty()) {
            let display_name = one_line(address.name.as_deref().unwrap_or_default());
            let person = Sender { display_name, email: email.to_owned() };
            if !people.iter().any(|known| known.email.eq_ignore_ascii_case(&person.email)) {
                people.push(person);
            }
        }
        if people.len() == ADDRESSES {
            break;
        }
    }
    people
}

fn references(message: &Message<'_>) -> Vec<String> {
    let mut nearest_first: Vec<String> = Vec::new();
    for (value, backwards) in [(message.in_reply_to(), false), (message.references(), true)] {
        let mut ids: Vec<_> = match value {
            HeaderValue::Text(id) => vec![id.as_ref()],
            HeaderValue::TextList(ids) => ids.iter().map(Cow::as_ref).collect(),
            _ => Vec::new(),
        };
        if backwards {
            ids.reverse();
        }
        for id in ids.into_iter().filter_map(message_id) {
            if nearest_first.len() < REFERENCES && !nearest_first.contains(&id) {
                nearest_first.push(id);
            }
        }
    }
    nearest_first
}

/// A Message-ID that can stand in a header again: visible ASCII without brackets and spaces. Others name no mail.
fn message_id(text: &str) -> Option<String> {
    let id = text.trim().trim_start_matches('<').trim_end_matches('>');
    let visible = |byte: u8| byte.is_ascii_graphic() && byte != b'<' && byte != b'>';
    (!id.is_empty() && id.len() <= MESSAGE_ID_BYTES && id.bytes().all(visible)).then(|| id.to_owned())
}

/// A walk over a mail's parts, with what is left of its allowance.
struct Walk {
    parts: usize,
    /// The Message-ID of the mail that a report is about.
    original: Option<String>,
    /// What a report says of it.
    report: Option<Report>,
}

impl Walk {
    /// The text of one part.
    fn text(&mut self, head: &[u8], body: &[u8], depth: usize) -> String {
        if self.parts == 0 || head.len() > HEADER_BYTES {
            return String::new();
        }
        self.parts -= 1;
        let block = with_blank_line(head);
        let Some(message) = MessageParser::default().parse_headers(&block) else {
            return leaf(b"\r\n", body).plain;
        };
        let kind = message.content_type();
        let (main, sub) = kind.map_or(("text", Some("plain")), |kind| (kind.ctype(), kind.subtype()));
        if main.eq_ignore_ascii_case("multipart") {
            let boundary = kind.and_then(|kind| kind.attribute("boundary")).unwrap_or_default().to_owned();
            let alternative = is(sub, "alternative");
            return self.multipart(&boundary, alternative, body, depth);
        }
        if main.eq_ignore_ascii_case("message") || (main.eq_ignore_ascii_case("text") && is(sub, "rfc822-headers")) {
            if is(sub, "delivery-status") || is(sub, "global-delivery-status") {
                self.report = self.report.take().or_else(|| Report::read(body));
            } else if self.original.is_none() {
                let (inner, _) = split(body);
                let inner = inner.get(..inner.len().min(HEADER_BYTES)).unwrap_or_default();
                let header = fields(inner, HEADER_FIELDS).and_then(|_| MessageParser::default().parse_headers(inner));
                self.original = header.and_then(|header| header.message_id().and_then(message_id));
            }
            return String::new();
        }
        let attached = message.content_disposition().is_some_and(|how| how.ctype().eq_ignore_ascii_case("attachment"));
        if !main.eq_ignore_ascii_case("text") || attached {
            return String::new();
        }
        if is(sub, "html") {
            let body = body.get(..body.len().min(HTML_BYTES)).unwrap_or_default();
            return leaf(&block, body).from_html;
        }
        leaf(&block, body).plain
    }

    fn multipart(&mut self, boundary: &str, alternative: bool, body: &[u8], depth: usize) -> String {
        if boundary.is_empty() || boundary.len() > 200 || depth >= DEPTH {
            return String::new();
        }
        let mut all = String::new();
        let mut chosen: Option<(bool, String)> = None;
        for part in parts(boundary.as_bytes(), body, PARTS) {
            let (head, body) = split_part(part);
            let text = self.text(head, body, depth + 1);
            if text.trim().is_empty() {
                continue;
            }
            if alternative {
                // The plain form, whichever order they come in.
                let plain = !is_html(head);
                if chosen.as_ref().is_none_or(|(known, _)| plain && !known) {
                    chosen = Some((plain, text));
                }
            } else if all.len() < TEXT_BYTES {
                if !all.is_empty() {
                    all.push('\n');
                }
                all.push_str(&text);
            }
        }
        chosen.map_or(all, |(_, text)| text)
    }
}

fn is_html(head: &[u8]) -> bool {
    fields(head, HEADER_FIELDS).is_some_and(|fields| {
        let kind = fields.iter().find(|field| field.is("content-type")).map(Field::text).unwrap_or_default();
        kind.trim_start().to_ascii_lowercase().starts_with("text/html")
    })
}

struct Leaf {
    plain: String,
    from_html: String,
}

/// Decodes one part that is no container.
fn leaf(head: &[u8], body: &[u8]) -> Leaf {
    let bytes = [head, body].concat();
    let message = MessageParser::default().parse(&bytes);
    let text = message.as_ref().and_then(|message| message.body_text(0)).map(Cow::into_owned).unwrap_or_default();
    Leaf { from_html: text.clone(), plain: text }
}

fn with_blank_line(head: &[u8]) -> Vec<u8> {
    let mut block = head.to_vec();
    while block.last().is_some_and(|byte| matches!(byte, b'\r' | b'\n')) {
        block.pop();
    }
    block.extend_from_slice(if block.is_empty() { b"\r\n" } else { b"\r\n\r\n" });
    block
}

/// A part's header and body; a part that begins with a blank line has no header.
fn split_part(part: &[u8]) -> (&[u8], &[u8]) {
    if let Some(body) = part.strip_prefix(b"\r\n").or_else(|| part.strip_prefix(b"\n")) {
        return (b"", body);
    }
    split(part)
}

/// The bytes between delimiter lines; at most `most` parts. What stands before the first is a preamble.
fn parts<'a>(boundary: &[u8], body: &'a [u8], most: usize) -> Vec<&'a [u8]> {
    let mut found = Vec::new();
    let mut begin = None;
    let mut at = 0;
    while at < body.len() && found.len() < most {
        let rest = body.get(at..).unwrap_or_default();
        let end = rest.iter().position(|byte| *byte == b'\n').map_or(body.len(), |line| at + line + 1);
        let line = body.get(at..end).unwrap_or_default();
        if let Some(tail) = line.strip_prefix(b"--").and_then(|line| line.strip_prefix(boundary)) {
            let last = tail.starts_with(b"--");
            let mark = if last { tail.get(2..).unwrap_or_default() } else { tail };
            if mark.iter().all(u8::is_ascii_whitespace) {
                if let Some(begin) = begin.replace(end) {
                    found.push(body.get(begin..at).unwrap_or_default());
                }
                if last {
                    begin = None;
                    break;
                }
            }
        }
        at = end;
    }
    // A mail cut off in the middle: what is there is read.
    if let Some(begin) = begin
        && found.len() < most
    {
        found.push(body.get(begin..).unwrap_or_default());
    }
    found
}

fn one_line(text: &str) -> String {
    let text: String = text.chars().take(LINE_BYTES).map(|sign| if sign.is_control() { ' ' } else { sign }).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Without control characters, with plain line ends, at most `most` bytes.
fn clean(text: &str, most: usize) -> String {
    let mut out = String::with_capacity(text.len().min(most));
    for sign in text.chars().filter(|sign| *sign == '\n' || *sign == '\t' || !sign.is_control()) {
        if out.len() + sign.len_utf8() > most {
            break;
        }
        out.push(sign);
    }
    out.trim().to_owned()
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
