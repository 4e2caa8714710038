//! One LMTP conversation (RFC 2033; RFC 5321 for the grammar), as a machine that is fed lines. Pure: no sockets, no clock.

use super::Recipients;
use crate::mail::parse::LARGEST;

/// Recipients of one mail at most.
const RECIPIENTS: usize = 100;
/// Commands that made no sense, after which the conversation ends.
const NONSENSE: u32 = 10;
const ADDRESS_BYTES: usize = 320;

/// What the other side is told, and what follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Say this and go on.
    Say(String),
    /// Say this and read a message.
    Message(String),
    /// Say this and end.
    End(String),
}

/// The envelope of a mail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// Empty: the null sender.
    pub from: String,
    /// At least one.
    pub to: Vec<String>,
}

/// Where a conversation stands.
#[derive(Debug)]
pub struct Session {
    host: String,
    recipients: Recipients,
    greeted: bool,
    from: Option<String>,
    to: Vec<String>,
    nonsense: u32,
}

impl Session {
    /// One that has not begun, of a server of this name.
    pub fn new(host: &str, recipients: Recipients) -> Self {
        Self { host: host.to_owned(), recipients, greeted: false, from: None, to: Vec::new(), nonsense: 0 }
    }

    /// What it begins with.
    pub fn greeting(&self) -> String {
        format!("220 {} LMTP", self.host)
    }

    /// A command, without its line end.
    pub fn command(&mut self, line: &str) -> Next {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match verb.to_ascii_uppercase().as_str() {
            "LHLO" if rest.trim().is_empty() => self.nonsense("501 5.5.4 LHLO needs a name"),
            "LHLO" => {
                self.greeted = true;
                self.reset();
                let host = &self.host;
                Next::Say(format!(
                    "250-{host}\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-ENHANCEDSTATUSCODES\r\n\
                     250 SIZE {LARGEST}"
                ))
            }
            // RFC 2033, 4.1: so that nobody takes it for SMTP.
            "HELO" | "EHLO" => self.nonsense("500 5.5.1 this is LMTP: LHLO"),
            "MAIL" if !self.greeted => self.nonsense("503 5.5.1 LHLO first"),
            "MAIL" if self.from.is_some() => self.nonsense("503 5.5.1 one mail at a time"),
            "MAIL" => self.mail(rest),
            "RCPT" if self.from.is_none() => self.nonsense("503 5.5.1 MAIL first"),
            "RCPT" => self.recipient(rest),
            "DATA" if self.from.is_none() => self.nonsense("503 5.5.1 MAIL first"),
            // RFC 2033, 4.2: without a recipient that was taken there is nothing to say about a message.
            "DATA" if self.to.is_empty() => Next::Say("503 5.5.1 no valid recipients".to_owned()),
            "DATA" => Next::Message("354 go ahead".to_owned()),
            "RSET" => {
                self.reset();
                Next::Say("250 2.0.0 forgotten".to_owned())
            }
            "NOOP" => Next::Say("250 2.0.0 nothing done".to_owned()),
            "VRFY" => Next::Say("252 2.5.0 try it".to_owned()),
            "QUIT" => Next::End(format!("221 2.0.0 {} closes", self.host)),
            _ => self.nonsense("500 5.5.2 no such command"),
        }
    }

    /// A line that is too long to be a command.
    pub fn overlong(&mut self) -> Next {
        self.nonsense("500 5.5.2 the line is too long")
    }

    /// The envelope of the message that was read; the next begins anew.
    pub fn envelope(&mut self) -> Envelope {
        Envelope { from: self.from.take().unwrap_or_default(), to: std::mem::take(&mut self.to) }
    }

    fn mail(&mut self, rest: &str) -> Next {
        let Some((from, parameters)) = path(rest, "FROM:") else {
            return self.nonsense("501 5.5.4 MAIL FROM:<address>");
        };
        for parameter in parameters.split_whitespace() {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            match name.to_ascii_uppercase().as_str() {
                "SIZE" if value.parse::<usize>().is_ok_and(|size| size > LARGEST) => {
                    return Next::Say("552 5.3.4 the mail is larger than 25 MiB".to_owned());
                }
                "SIZE" | "BODY" | "SMTPUTF8" => {}
                _ => return Next::Say("555 5.5.4 no such parameter".to_owned()),
            }
        }
        self.from = Some(from);
        Next::Say("250 2.1.0 from whom is known".to_owned())
    }

    fn recipient(&mut self, rest: &str) -> Next {
        let Some((to, _)) = path(rest, "TO:") else { return self.nonsense("501 5.5.4 RCPT TO:<address>") };
        if self.to.len() >= RECIPIENTS {
            return Next::Say("452 4.5.3 too many recipients".to_owned());
        }
        if !self.recipients.take(&to) {
            return Next::Say("550 5.1.1 nobody here takes mail for this address".to_owned());
        }
        self.to.push(to);
        Next::Say("250 2.1.5 for whom is known".to_owned())
    }

    fn reset(&mut self) {
        self.from = None;
        self.to.clear();
    }

    fn nonsense(&mut self, say: &str) -> Next {
        self.nonsense += 1;
        if self.nonsense >= NONSENSE {
            return Next::End(format!("421 4.7.0 {} has heard enough", self.host));
        }
        Next::Say(say.to_owned())
    }
}

/// The address between the brackets, and what follows them. A source route is passed over (RFC 5321, appendix C).
fn path<'a>(rest: &'a str, word: &str) -> Option<(String, &'a str)> {
    let rest = rest.trim_start();
    let rest = rest.get(..word.len()).filter(|begin| begin.eq_ignore_ascii_case(word)).and(rest.get(word.len()..))?;
    let (address, parameters) = rest.trim_start().strip_prefix('<')?.split_once('>')?;
    let address = if address.starts_with('@') { address.split_once(':')?.1 } else { address };
    let plain = address.len() <= ADDRESS_BYTES && !address.contains(|sign: char| sign.is_control() || sign == '<');
    plain.then(|| (address.to_owned(), parameters))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn session() -> Session {
        Session::new("in.firm.example", Recipients::read("service@firm.example").unwrap())
    }

    fn code(next: &Next) -> &str {
        let (Next::Say(text) | Next::Message(text) | Next::End(text)) = next;
        &text[..3]
    }

    #[test]
    fn a_mail_goes_its_way() {
        let mut session = session();
        for (line, answer) in [
            ("LHLO mx.firm.example", "250"),
            ("MAIL FROM:<> SIZE=100 BODY=8BITMIME", "250"),
            ("rcpt to:<Service+x@firm.example>", "250"),
            ("RCPT TO:<anna@firm.example>", "550"),
        ] {
            assert_eq!(code(&session.command(line)), answer, "{line}");
        }
        assert!(matches!(session.command("DATA"), Next::Message(_)));
        let envelope = session.envelope();
        assert_eq!(envelope, Envelope { from: String::new(), to: vec!["Service+x@firm.example".into()] });
        assert_eq!(code(&session.command("DATA")), "503", "the next begins anew");
        assert!(matches!(session.command("QUIT"), Next::End(_)));
    }

    #[test]
    fn it_is_not_smtp_and_keeps_the_order() {
        let mut session = session();
        for (line, answer) in [
            ("EHLO mx", "500"),
            ("MAIL FROM:<a@b.example>", "503"),
            ("LHLO mx", "250"),
            ("RCPT TO:<service@firm.example>", "503"),
            ("MAIL FROM:a@b.example", "501"),
            ("MAIL FROM:<a@b.example> SIZE=99999999", "552"),
            ("MAIL FROM:<a@b.example> X=1", "555"),
            ("MAIL FROM:<a@b.example>", "250"),
            ("MAIL FROM:<a@b.example>", "503"),
            ("DATA", "503"),
            ("RSET", "250"),
            ("VRFY x", "252"),
            ("NOOP", "250"),
        ] {
            assert_eq!(code(&session.command(line)), answer, "{line}");
        }
    }

    #[test]
    fn nonsense_without_end_ends_the_conversation() {
        let mut session = session();
        let ended = (0..20).position(|_| matches!(session.command("HELO \u{0}"), Next::End(_)));
        assert_eq!(ended, Some(9));
    }
}
