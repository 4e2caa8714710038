//! A mail as its own bytes tell it.

use mail_parser::{Address, Message, MessageParser};

/// What a judge reads from a raw mail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Eml {
    /// Relative to the folder.
    pub path: String,
    /// Without angle brackets; empty where there is none.
    pub message_id: String,
    /// Addresses in `From`, in lower case.
    pub from: Vec<String>,
    /// Addresses in `To`, `Cc` and `Bcc`, in lower case.
    pub to: Vec<String>,
    /// The text of `Date` as it is written.
    pub date: String,
    /// The subject, decoded.
    pub subject: String,
    /// The plain text, decoded.
    pub text: String,
    /// Every header in order, the name in lower case, the value unfolded.
    headers: Vec<(String, String)>,
}

impl Eml {
    /// Reads a raw mail; what is no mail gives one without headers.
    pub fn parse(path: impl Into<String>, raw: &[u8]) -> Self {
        let Some(message) = MessageParser::default().parse(raw) else {
            return Self { path: path.into(), ..Self::default() };
        };
        let headers: Vec<_> = message
            .headers_raw()
            .map(|(name, value)| (name.to_ascii_lowercase(), value.split_whitespace().collect::<Vec<_>>().join(" ")))
            .collect();
        let date = headers.iter().find(|(name, _)| name == "date").map(|(_, value)| value.clone()).unwrap_or_default();
        Self {
            path: path.into(),
            message_id: message.message_id().unwrap_or_default().to_owned(),
            from: addresses(message.from()),
            to: [message.to(), message.cc(), message.bcc()].into_iter().flat_map(addresses).collect(),
            date,
            subject: message.subject().unwrap_or_default().to_owned(),
            text: text_of(&message),
            headers,
        }
    }

    /// A header's first value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A header's values in order.
    pub fn headers_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether its headers say that a machine wrote it: RFC 3834, RFC 3464, and what common machines write beside them.
    pub fn says_automatic(&self) -> bool {
        let is =
            |name, test: fn(&str) -> bool| self.header(name).is_some_and(|value| test(&value.to_ascii_lowercase()));
        is("auto-submitted", |value| !value.starts_with("no"))
            || is("precedence", |value| ["bulk", "junk", "list", "auto_reply"].contains(&value))
            || is("return-path", |value| value == "<>")
            || is("content-type", |value| value.starts_with("multipart/report"))
            || ["x-autoreply", "x-autorespond", "x-auto-response-suppress", "list-id"]
                .iter()
                .any(|name| self.header(name).is_some())
    }

    /// Whether it says that a machine wrote it by the one header that is made for it: `Auto-Submitted` (RFC 3834).
    pub fn is_auto_submitted(&self) -> bool {
        self.header("auto-submitted").is_some_and(|value| !value.to_ascii_lowercase().starts_with("no"))
    }

    /// Whether the server of this name says that the sender's domain is the sender's: DMARC passed for it (RFC 8601).
    pub fn is_vouched_for_by(&self, authserv_id: &str) -> bool {
        let [from] = self.from.as_slice() else { return false };
        let domain = from.rsplit_once('@').map_or("", |(_, domain)| domain);
        self.dmarc_by(authserv_id).is_some_and(|(verdict, of)| verdict == "pass" && of == domain)
    }

    /// What a server says of DMARC: the result and the domain that it is about. The server writes on top, so what stands
    /// under its name further below was there before it looked, and anybody may have written it.
    fn dmarc_by(&self, authserv_id: &str) -> Option<(String, String)> {
        let results = self.headers_named("authentication-results").find_map(|value| {
            let value = value.to_ascii_lowercase().replace(" =", "=").replace("= ", "=");
            let (server, results) = value.split_once(';')?;
            server.split_whitespace().next()?.eq_ignore_ascii_case(authserv_id).then(|| results.to_owned())
        })?;
        let result = results.split(';').map(str::trim).find(|one| one.starts_with("dmarc="))?;
        let property = |name: &str| result.split_whitespace().find_map(|word| word.strip_prefix(name));
        Some((property("dmarc=")?.to_owned(), property("header.from=").unwrap_or_default().to_owned()))
    }
}

/// The bare address in `Name <address>`, in lower case.
pub fn address_of(text: &str) -> String {
    let inner = text.rsplit_once('<').map_or(text, |(_, rest)| rest.split_once('>').map_or(rest, |(inner, _)| inner));
    inner.trim().to_lowercase()
}

fn addresses(found: Option<&Address<'_>>) -> Vec<String> {
    let found = found.into_iter().flat_map(|address| address.iter());
    found.filter_map(|one| one.address.as_deref()).map(str::to_lowercase).collect()
}

fn text_of(message: &Message<'_>) -> String {
    message.body_text(0).map(|text| text.into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vouched(results: &[&str]) -> bool {
        let results: String = results.iter().map(|one| format!("Authentication-Results: {one}\r\n")).collect();
        let raw = format!("{results}From: Jo <jo@acme.example>\r\nSubject: x\r\n\r\nText\r\n");
        Eml::parse("mails-in/01.eml", raw.as_bytes()).is_vouched_for_by("mx.firm.example")
    }

    const PASS: &str = "mx.firm.example; dmarc=pass header.from=acme.example";
    const FAIL: &str = "mx.firm.example; dmarc=fail header.from=acme.example";

    #[test]
    fn only_the_topmost_statement_of_the_firms_own_server_counts() {
        assert!(vouched(&[PASS]));
        assert!(vouched(&[PASS, FAIL]), "what stands below was there before the server looked");
        assert!(!vouched(&[FAIL, PASS]));
        assert!(!vouched(&["mx.firm.example; spf=pass smtp.mailfrom=acme.example", PASS]), "it says nothing of DMARC");
    }

    #[test]
    fn what_other_servers_say_counts_for_nothing() {
        assert!(vouched(&["mx.elsewhere.example; dmarc=fail header.from=acme.example", PASS]));
        assert!(!vouched(&["mx.elsewhere.example; dmarc=pass header.from=acme.example"]));
        assert!(!vouched(&["mx.firm.example; dmarc=pass header.from=elsewhere.example"]));
        assert!(!vouched(&[]));
    }
}
