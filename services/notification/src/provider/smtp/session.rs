//! One connection to the relay: opened with TLS or not at all, then mail after mail.

use std::{sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use rustls::{ClientConfig, pki_types::ServerName};
use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{
    settings::Tls,
    wire::{Broken, Reply, Wire, stuffed},
};
use crate::provider::RefusedRecipient;

/// How long a name, a connection, TLS and the login may take together.
const OPEN: Duration = Duration::from_secs(6);

/// Where to, and how.
#[derive(Clone)]
pub struct Relay {
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How TLS begins.
    pub tls: Tls,
    /// Whose certificates count.
    pub config: Arc<ClientConfig>,
    /// As what this service presents itself.
    pub hello: String,
}

/// Who logs in.
pub struct Login {
    /// The user.
    pub user: String,
    /// Their password.
    pub password: SecretString,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum NoSession {
    /// The network, TLS, or what came is no SMTP.
    #[error("{0}")]
    Broken(#[from] Broken),
    /// It took too long.
    #[error("no answer in time")]
    TimedOut,
    /// The relay offers no TLS. Nothing was sent.
    #[error("the relay offers no TLS")]
    NoTls,
    /// The relay has another name than it should.
    #[error("the relay's name is none")]
    Name,
    /// It said no.
    #[error("the relay refuses: {}", .0.reason())]
    Refused(Reply),
    /// It takes no login that is known here.
    #[error("the relay takes neither PLAIN nor LOGIN")]
    NoLogin,
}

impl NoSession {
    /// For the record of the attempt.
    pub fn reason(&self) -> String {
        match self {
            Self::NoTls => "TLS_NOT_OFFERED".to_owned(),
            Self::Refused(reply) => reply.reason(),
            Self::NoLogin => "LOGIN_NOT_OFFERED".to_owned(),
            Self::TimedOut => "RELAY_TIMED_OUT".to_owned(),
            Self::Broken(Broken::Io(error)) if error.kind() == std::io::ErrorKind::InvalidData => {
                // As rustls tells of a certificate that it does not take.
                "TLS_REFUSED".to_owned()
            }
            Self::Broken(_) | Self::Name => "RELAY_UNREACHABLE".to_owned(),
        }
    }
}

/// What the relay can, as it says after TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Extensions {
    eight_bit: bool,
    utf8: bool,
    dsn: bool,
    size: Option<usize>,
    plain: bool,
    login: bool,
}

impl Extensions {
    fn read(reply: &Reply) -> Self {
        let mut can = Self::default();
        for line in reply.lines.iter().skip(1).map(|line| line.to_ascii_uppercase()) {
            let mut words = line.split([' ', '=']);
            match words.next().unwrap_or_default() {
                "8BITMIME" => can.eight_bit = true,
                "SMTPUTF8" => can.utf8 = true,
                "DSN" => can.dsn = true,
                "SIZE" => can.size = words.next().and_then(|size| size.parse().ok()).filter(|size| *size > 0),
                "AUTH" => {
                    for method in words {
                        can.plain |= method == "PLAIN";
                        can.login |= method == "LOGIN";
                    }
                }
                _ => {}
            }
        }
        can
    }
}

/// A mail for the wire.
#[derive(Debug)]
pub struct Parcel<'a> {
    /// The envelope's sender.
    pub from: &'a str,
    /// The envelope's recipients.
    pub to: &'a [String],
    /// Given back in failure notices by relays that do that (RFC 3461).
    pub envelope_id: &'a str,
    /// The mail.
    pub message: &'a [u8],
}

/// How a mail fared.
#[derive(Debug)]
pub enum Fate {
    /// The relay has it for all but these.
    Taken {
        /// What it said.
        receipt: String,
        /// Whom it does not take it for.
        refused: Vec<RefusedRecipient>,
    },
    /// The relay does not have it: it said no.
    Refused {
        /// What it said.
        reason: String,
        /// Another try is pointless.
        permanent: bool,
        /// Whom it does not take it for.
        refused: Vec<RefusedRecipient>,
        /// Whether the connection is good for another mail.
        usable: bool,
    },
    /// The connection broke before the mail's final byte: the relay does not have it.
    Lost(Broken),
    /// The connection broke after it: the relay may have it.
    Unknown,
}

/// An open connection.
pub struct Session {
    wire: Wire<TlsStream<TcpStream>>,
    can: Extensions,
}

impl Session {
    /// Opens one: TLS, greeting, login.
    ///
    /// # Errors
    /// Where there is none; nothing of a mail was said, and nothing at all without TLS but the request for it.
    pub async fn open(relay: &Relay, login: Option<&Login>) -> Result<Self, NoSession> {
        tokio::time::timeout(OPEN, Self::try_open(relay, login)).await.unwrap_or(Err(NoSession::TimedOut))
    }

    async fn try_open(relay: &Relay, login: Option<&Login>) -> Result<Self, NoSession> {
        let stream = TcpStream::connect((relay.host.as_str(), relay.port)).await.map_err(Broken::Io)?;
        // A mail is a few small writes, each of which would wait for the other side's delayed acknowledgement.
        stream.set_nodelay(true).map_err(Broken::Io)?;
        let name = ServerName::try_from(relay.host.clone()).map_err(|_| NoSession::Name)?;
        let connector = TlsConnector::from(relay.config.clone());
        let mut wire = match relay.tls {
            Tls::Implicit => {
                let mut wire = Wire::new(connector.connect(name, stream).await.map_err(Broken::Io)?);
                positive(wire.reply().await?)?;
                wire
            }
            Tls::Starttls => {
                let mut bare = Wire::new(stream);
                positive(bare.reply().await?)?;
                let hello = positive(bare.command(&format!("EHLO {}", relay.hello)).await?)?;
                let offered = hello.lines.iter().skip(1).any(|line| line.trim().eq_ignore_ascii_case("STARTTLS"));
                if !offered || !bare.command("STARTTLS").await?.is_positive() {
                    return Err(NoSession::NoTls);
                }
                Wire::new(connector.connect(name, bare.into_stream()?).await.map_err(Broken::Io)?)
            }
        };
        // What it said before TLS may be anybody's.
        let hello = positive(wire.command(&format!("EHLO {}", relay.hello)).await?)?;
        let mut session = Self { wire, can: Extensions::read(&hello) };
        if let Some(login) = login {
            session.log_in(login).await?;
        }
        Ok(session)
    }

    async fn log_in(&mut self, login: &Login) -> Result<(), NoSession> {
        let (user, password) = (&login.user, login.password.expose_secret());
        if self.can.plain {
            let words = STANDARD.encode(format!("\0{user}\0{password}"));
            positive(self.wire.command(&format!("AUTH PLAIN {words}")).await?)?;
            return Ok(());
        }
        if !self.can.login {
            return Err(NoSession::NoLogin);
        }
        positive(self.wire.command("AUTH LOGIN").await?)?;
        positive(self.wire.command(&STANDARD.encode(user)).await?)?;
        positive(self.wire.command(&STANDARD.encode(password)).await?)?;
        Ok(())
    }

    /// Says everything but a mail's final byte. Dropped here, the relay does not have the mail.
    pub async fn begin(&mut self, parcel: &Parcel<'_>) -> Result<Vec<RefusedRecipient>, Fate> {
        match self.say_envelope(parcel).await {
            Ok(Ok(refused)) => self.say_message(parcel.message, refused).await,
            Ok(Err(fate)) => Err(fate),
            Err(broken) => Err(Fate::Lost(broken)),
        }
    }

    async fn say_envelope(&mut self, parcel: &Parcel<'_>) -> Result<Result<Vec<RefusedRecipient>, Fate>, Broken> {
        let no = |reason: &str| {
            let (reason, refused) = (reason.to_owned(), Vec::new());
            Ok(Err(Fate::Refused { reason, permanent: true, refused, usable: true }))
        };
        if self.can.size.is_some_and(|most| parcel.message.len() > most) {
            return no("MAIL_TOO_LARGE");
        }
        let eight_bit = !parcel.message.is_ascii();
        if eight_bit && !self.can.eight_bit {
            return no("EIGHT_BIT_NOT_OFFERED");
        }
        let utf8 = !parcel.from.is_ascii() || parcel.to.iter().any(|address| !address.is_ascii());
        if utf8 && !self.can.utf8 {
            return no("UTF8_ADDRESS_NOT_OFFERED");
        }
        let mut mail = format!("MAIL FROM:<{}>", parcel.from);
        for (said, parameter) in [(eight_bit, " BODY=8BITMIME"), (utf8, " SMTPUTF8"), (self.can.dsn, " RET=HDRS")] {
            mail.push_str(if said { parameter } else { "" });
        }
        if self.can.dsn {
            mail.push_str(" ENVID=");
            mail.push_str(parcel.envelope_id);
        }
        let answer = self.wire.command(&mail).await?;
        if !answer.is_positive() {
            return Ok(Err(self.refused(&answer, Vec::new()).await));
        }
        let (mut refused, mut first) = (Vec::new(), None);
        let notify = if self.can.dsn { " NOTIFY=FAILURE,DELAY" } else { "" };
        for address in parcel.to {
            let answer = self.wire.command(&format!("RCPT TO:<{address}>{notify}")).await?;
            if !answer.is_positive() {
                refused.push(RefusedRecipient {
                    address: address.clone(),
                    reason: answer.reason(),
                    status: answer.status().unwrap_or_default().to_owned(),
                    permanent: answer.is_permanent(),
                });
                // For all of them it is for good only where it is for each.
                if first.as_ref().is_none_or(Reply::is_permanent) {
                    first = Some(answer);
                }
            }
        }
        match first {
            Some(answer) if refused.len() == parcel.to.len() => Ok(Err(self.refused(&answer, refused).await)),
            _ => Ok(Ok(refused)),
        }
    }

    async fn say_message(
        &mut self,
        message: &[u8],
        refused: Vec<RefusedRecipient>,
    ) -> Result<Vec<RefusedRecipient>, Fate> {
        let begun = async {
            let answer = self.wire.command("DATA").await?;
            if answer.code == 354 {
                self.wire.write(&stuffed(message)).await?;
            }
            Ok::<_, Broken>(answer)
        };
        match begun.await {
            Ok(answer) if answer.code == 354 => Ok(refused),
            Ok(answer) => Err(self.refused(&answer, refused).await),
            Err(broken) => Err(Fate::Lost(broken)),
        }
    }

    /// Says the final byte. From here on the relay may have it, whatever is heard.
    pub async fn finish(&mut self, refused: Vec<RefusedRecipient>) -> Fate {
        match self.wire.command(".").await {
            Ok(answer) if answer.is_positive() => {
                // Kept unsealed, so without the addresses that a relay may repeat.
                let said = answer.lines.join(" ");
                let words: Vec<_> = said.split_whitespace().filter(|word| !word.contains('@')).collect();
                let said: String = words.join(" ").chars().filter(|sign| !sign.is_control()).take(200).collect();
                Fate::Taken { receipt: said, refused }
            }
            Ok(answer) => self.refused(&answer, refused).await,
            Err(_) => Fate::Unknown,
        }
    }

    async fn refused(&mut self, answer: &Reply, refused: Vec<RefusedRecipient>) -> Fate {
        let usable = answer.code != 421 && self.wire.command("RSET").await.is_ok_and(|reply| reply.is_positive());
        Fate::Refused { reason: answer.reason(), permanent: answer.is_permanent(), refused, usable }
    }

    /// Says goodbye.
    pub async fn quit(mut self) {
        let _ = tokio::time::timeout(Duration::from_secs(1), self.wire.command("QUIT")).await;
    }
}

fn positive(reply: Reply) -> Result<Reply, NoSession> {
    if reply.is_positive() { Ok(reply) } else { Err(NoSession::Refused(reply)) }
}
