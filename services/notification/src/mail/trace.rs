//! What the firm's own mail server wrote on top of a mail: when it received it, and whether it vouches for the sender.
//!
//! Everything in a header but what the firm's server put there is the sender's to write. So a time is believed of a
//! `Received` field that says `by <the firm's server>`, the topmost first, and a check (RFC 8601) only of the topmost run
//! of `Authentication-Results` fields, and there only of the first that the firm's server stated.
//!
//! A second field of the firm's name directly below looks the same whether a server wrote one for each method or the sender
//! wrote it: so no pass in it is believed, and a mail whose first field has no DMARC result is one that nobody vouches for.
//! The firm's server must therefore write all its results into one field, on every mail, and remove those that came in under
//! its name (RFC 8601, section 5). Where it writes several, clients' mails lie in triage. Where it writes none and removes
//! none, the sender's own is the first, which nothing here can tell.

use business_time::Timestamp;
use mail_parser::{HeaderValue, MessageParser};
use serde::{Deserialize, Serialize};

use super::fields::Field;

const HOPS: usize = 50;
const CHECKS: usize = 20;
const CHECK_BYTES: usize = 8 * 1024;

/// The fields that servers on the way added.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// The topmost first.
    pub hops: Vec<Hop>,
    /// The topmost run of `Authentication-Results`, the topmost first.
    pub checks: Vec<String>,
}

/// One `Received` field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// The server that received, lower case.
    pub by: String,
    /// When.
    pub time: Timestamp,
}

/// Whether the firm's mail server vouches for the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SenderCheck {
    /// DMARC passed for the domain in `From`.
    Passed,
    /// DMARC failed, or neither SPF nor DKIM held.
    Failed,
    /// Nothing that decides it.
    Missing,
}

impl Trace {
    /// Reads the trace fields, in the order in which they stand.
    pub fn read(fields: &[Field<'_>]) -> Self {
        let received = fields.iter().filter(|field| field.is("received"));
        let first = fields.iter().position(|field| field.is(RESULTS)).unwrap_or(fields.len());
        let run = fields.iter().skip(first).take_while(|field| field.is(RESULTS));
        Self {
            hops: received.take(HOPS).filter_map(hop).collect(),
            // The run ends at one that is too long: passed over, it would make the sender's own the first.
            checks: run.take(CHECKS).map(Field::text).take_while(|text| text.len() <= CHECK_BYTES).collect(),
        }
    }

    /// When this server received the mail, by its topmost `Received` field.
    pub fn received_by(&self, server: &str) -> Option<Timestamp> {
        self.hops.iter().find(|hop| hop.by.eq_ignore_ascii_case(server)).map(|hop| hop.time)
    }

    /// What this server says of a sender in `domain` (lower case).
    pub fn check(&self, server: &str, domain: &str) -> SenderCheck {
        let mut ours = self.checks.iter().filter_map(|text| Statement::read(text, server));
        let Some(first) = ours.next() else { return SenderCheck::Missing };
        let fails = |statement: &Statement| statement.of("dmarc").any(|result| result.verdict == "fail");
        // A failure counts wherever it stands: nobody forges one against himself.
        if fails(&first) || ours.any(|below| fails(&below)) {
            return SenderCheck::Failed;
        }
        if let Some(dmarc) = first.of("dmarc").next()
            && dmarc.verdict == "pass"
        {
            let aligned = !domain.is_empty() && dmarc.property("header.from").eq_ignore_ascii_case(domain);
            return if aligned { SenderCheck::Passed } else { SenderCheck::Missing };
        }
        let failed = |method| {
            let some =
                first.of(method).any(|result| matches!(result.verdict.as_str(), "fail" | "softfail" | "hardfail"));
            some && !first.of(method).any(|result| result.verdict == "pass")
        };
        if failed("spf") && failed("dkim") { SenderCheck::Failed } else { SenderCheck::Missing }
    }
}

const RESULTS: &str = "authentication-results";

fn hop(field: &Field<'_>) -> Option<Hop> {
    let text = field.text();
    let line = format!("Received: {}\r\n\r\n", text.get(..text.len().min(4096))?);
    let message = MessageParser::default().parse_headers(line.as_bytes())?;
    let received = message.header("Received").and_then(HeaderValue::as_received)?;
    let by = match received.by()? {
        mail_parser::Host::Name(name) => name.trim_end_matches('.').to_ascii_lowercase(),
        mail_parser::Host::IpAddr(address) => address.to_string(),
    };
    let date = received.date().filter(mail_parser::DateTime::is_valid)?;
    Some(Hop { by, time: Timestamp::from_second(date.to_timestamp()).ok()? })
}

/// One method's result.
#[derive(Debug)]
struct MethodResult {
    method: String,
    verdict: String,
    properties: Vec<(String, String)>,
}

impl MethodResult {
    fn property(&self, name: &str) -> &str {
        self.properties.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

/// What one server says in one field.
struct Statement(Vec<MethodResult>);

impl Statement {
    /// None where another server says it, or the field does not read as one.
    fn read(text: &str, server: &str) -> Option<Self> {
        let mut clauses = clauses(text);
        let id = clauses.next()?;
        let named = id.first().is_some_and(|word| word.trim_end_matches('.').eq_ignore_ascii_case(server));
        // Behind the server's name at most a version number may stand.
        let version = id.get(1).is_none_or(|word| word.bytes().all(|byte| byte.is_ascii_digit()));
        if !named || !version || id.len() > 2 || server.is_empty() {
            return None;
        }
        Some(Self(clauses.filter_map(|words| result(&words)).collect()))
    }

    /// The results of one method.
    fn of(&self, method: &'static str) -> impl Iterator<Item = &MethodResult> {
        self.0.iter().filter(move |result| result.method == method)
    }
}

fn result(words: &[String]) -> Option<MethodResult> {
    let mut pairs = words.iter().map(|word| word.split_once('=').unwrap_or((word, "")));
    let (method, verdict) = pairs.next()?;
    let method = method.split('/').next().unwrap_or_default().to_ascii_lowercase();
    let properties = pairs.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    Some(MethodResult { method, verdict: verdict.to_ascii_lowercase(), properties })
}

/// The clauses between semicolons, each cut into words; comments are dropped, quotes removed, spaces around `=` closed.
fn clauses(text: &str) -> impl Iterator<Item = Vec<String>> {
    let (mut clauses, mut words, mut word) = (Vec::new(), Vec::new(), String::new());
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for sign in text.chars() {
        if escaped {
            escaped = false;
            if depth == 0 {
                word.push(sign);
            }
            continue;
        }
        match sign {
            '\\' if quoted || depth > 0 => escaped = true,
            '"' if depth == 0 => quoted = !quoted,
            _ if quoted => word.push(sign),
            '(' => depth += 1,
            ')' if depth > 0 => depth -= 1,
            _ if depth > 0 => {}
            ';' => {
                words.push(std::mem::take(&mut word));
                clauses.push(std::mem::take(&mut words));
            }
            _ if sign.is_whitespace() => words.push(std::mem::take(&mut word)),
            _ => word.push(sign),
        }
    }
    words.push(word);
    clauses.push(words);
    clauses.into_iter().map(joined)
}

/// `dmarc`, `=`, `pass` is one word.
fn joined(words: Vec<String>) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for word in words.into_iter().filter(|word| !word.is_empty()) {
        let glue = word.starts_with('=') || out.last().is_some_and(|last| last.ends_with('='));
        match out.last_mut().filter(|_| glue) {
            Some(last) => last.push_str(&word),
            None => out.push(word),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::fields::fields;

    fn trace(head: &str) -> Trace {
        fields(head.as_bytes(), 1000).map(|fields| Trace::read(&fields)).unwrap_or_default()
    }

    fn check(head: &str) -> SenderCheck {
        trace(head).check("mx.firm.example", "client.example")
    }

    #[test]
    fn dmarc_passed_for_the_senders_domain_vouches() {
        assert_eq!(
            check(
                "Authentication-Results: mx.firm.example 1; spf=pass smtp.mailfrom=x@client.example;\r\n\tdkim=pass (2048-bit key; secure) header.d=client.example; dmarc = pass (p=reject) header.from=CLIENT.example\r\n"
            ),
            SenderCheck::Passed
        );
    }

    #[test]
    fn dmarc_passed_for_another_domain_vouches_for_nothing() {
        let head = "Authentication-Results: mx.firm.example; dmarc=pass header.from=evil.example\r\n";
        assert_eq!(check(head), SenderCheck::Missing);
        assert_eq!(check("Authentication-Results: mx.firm.example; dmarc=pass\r\n"), SenderCheck::Missing);
    }

    #[test]
    fn dmarc_failed_or_neither_spf_nor_dkim_is_a_forged_sender() {
        assert_eq!(check("Authentication-Results: mx.firm.example; dmarc=fail\r\n"), SenderCheck::Failed);
        assert_eq!(check("Authentication-Results: mx.firm.example; spf=softfail; dkim=fail\r\n"), SenderCheck::Failed);
        assert_eq!(check("Authentication-Results: mx.firm.example; spf=fail\r\n"), SenderCheck::Missing);
        assert_eq!(
            check("Authentication-Results: mx.firm.example; spf=fail; dkim=fail; dkim=pass\r\n"),
            SenderCheck::Missing
        );
        assert_eq!(check("Authentication-Results: mx.firm.example; none\r\n"), SenderCheck::Missing);
    }

    #[test]
    fn another_servers_word_is_nobodys() {
        assert_eq!(
            check("Authentication-Results: mx.evil.example; dmarc=pass header.from=client.example\r\n"),
            SenderCheck::Missing
        );
        assert_eq!(
            check("Authentication-Results: mx.firm.example.evil; dmarc=pass header.from=client.example\r\n"),
            SenderCheck::Missing
        );
        assert_eq!(
            check("Authentication-Results: x (\r\n mx.firm.example); dmarc=pass header.from=client.example\r\n"),
            SenderCheck::Missing
        );
        assert_eq!(
            check("Authentication-Results: (mx.firm.example); dmarc=pass header.from=client.example\r\n"),
            SenderCheck::Missing
        );
    }

    #[test]
    fn only_the_topmost_run_is_trusted() {
        let head = "Received: by mx.firm.example; Mon, 2 Mar 2026 09:00:00 +0000\r\n\
                    Authentication-Results: mx.firm.example; spf=pass\r\n\
                    Authentication-Results: mx.firm.example; dkim=none\r\n\
                    Received: from evil.example by mx.firm.example; Mon, 2 Mar 2026 08:00:00 +0000\r\n\
                    Authentication-Results: mx.firm.example; dmarc=pass header.from=client.example\r\n";
        assert_eq!(check(head), SenderCheck::Missing);
    }

    #[test]
    fn in_one_run_the_topmost_statement_counts_and_a_failure_anywhere() {
        let pass = "Authentication-Results: mx.firm.example; dmarc=pass header.from=client.example\r\n";
        let fail = "Authentication-Results: mx.firm.example; dmarc=fail header.from=client.example\r\n";
        let none = "Authentication-Results: mx.firm.example; dmarc=none header.from=client.example\r\n";
        assert_eq!(check(&format!("{fail}{pass}")), SenderCheck::Failed);
        assert_eq!(check(&format!("{pass}{fail}")), SenderCheck::Failed);
        assert_eq!(check(&format!("{none}{pass}")), SenderCheck::Missing);
    }

    #[test]
    fn a_pass_below_the_firms_first_statement_vouches_for_nothing() {
        let pass = "Authentication-Results: mx.firm.example; dmarc=pass header.from=client.example\r\n";
        for first in ["spf=pass smtp.mailfrom=x@evil.example", "none", "dmarc=none header.from=client.example"] {
            let head = format!("Authentication-Results: mx.firm.example; {first}\r\n{pass}");
            assert_eq!(check(&head), SenderCheck::Missing, "{first}");
        }
        // What the sender makes the firm's server write can be as long as the sender likes.
        let long = format!("Authentication-Results: mx.firm.example; x=\"{}\"\r\n", "y".repeat(CHECK_BYTES));
        assert_eq!(check(&format!("{long}{pass}")), SenderCheck::Missing);
    }

    #[test]
    fn below_another_servers_statement_the_firms_first_one_counts() {
        let inner = "Authentication-Results: store.firm.example; none\r\n";
        let pass = "Authentication-Results: mx.firm.example; dmarc=pass header.from=client.example\r\n";
        assert_eq!(check(&format!("{inner}{pass}")), SenderCheck::Passed);
    }

    #[test]
    fn a_quoted_pass_is_a_word_and_no_result() {
        assert_eq!(
            check("Authentication-Results: mx.firm.example; x=\"; dmarc=pass header.from=client.example\"\r\n"),
            SenderCheck::Missing
        );
    }

    #[test]
    fn the_time_is_that_of_the_firms_own_topmost_received_field() {
        let trace = trace(
            "Received: from a by relay.firm.example with LMTP; Mon, 2 Mar 2026 09:00:03 +0000\r\n\
             Received: from b (b.example [192.0.2.1])\r\n by MX.firm.example (Postfix) with ESMTPS id 4X; Mon, 2 Mar 2026 10:00:02 +0100\r\n\
             Received: from c by mx.firm.example; Mon, 2 Mar 2020 08:00:00 +0000\r\n",
        );
        let time = trace.received_by("mx.firm.example").map(|time| time.to_string());
        assert_eq!(time.as_deref(), Some("2026-03-02T09:00:02Z"));
        assert_eq!(trace.received_by("mx.other.example"), None);
    }
}
