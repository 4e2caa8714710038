//! SMTP: the firm's relay. TLS is required and there is no setting that sends without it; what leaves is DKIM signed, here
//! or, as the settings then state, by the relay.
//!
//! Nobody can be asked afterwards what became of a mail whose answer was lost ([`Settlement::None`]): what it says before the
//! final dot settles it, and after that a failure notice or a reply, or time (`sending::unknown`).
//!
//! Own client rather than lettre's: one recipient of several that is refused must not keep the mail from the others, and what
//! is said before TLS begins must not be taken for the server's after it; lettre's connection does neither. The socket has
//! TCP_NODELAY.
//!
//! - [`settings`]: what it is told. `tls`, `dkim`: certificates, signatures. `wire`, `session`: the protocol.

mod dkim;
mod session;
pub mod settings;
mod tls;
mod wire;

use std::{
    collections::VecDeque,
    path::PathBuf,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use secrecy::SecretString;
use tokio::sync::Semaphore;

use self::{
    dkim::Signer,
    session::{Fate, Login, NoSession, Parcel, Relay, Session},
    settings::{BadSetting, Dkim, SmtpSettings},
    wire::with_crlf,
};
use super::{HandOver, Lookup, MailProvider, Outgoing, RefusedRecipient, Settlement};

/// How far a mail got before its final byte.
type Begun = Result<Vec<RefusedRecipient>, Fate>;

/// Connections at once.
const CONNECTIONS: usize = 8;
/// How long one waits for another's to be free.
const TURN: Duration = Duration::from_secs(3);
/// How long all before a mail's final byte may take: up to there the relay does not have it.
const BEFORE_END: Duration = Duration::from_millis(7000);
/// How long all of it may take, below the sender's own limit of 10 s, so that what is known here is told.
const IN_ALL: Duration = Duration::from_millis(9500);
/// A connection that was idle for so long is not used again: most relays have closed it by then.
const IDLE: Duration = Duration::from_secs(20);
/// Failures in a row after which the relay is left alone.
const FAILURES: u32 = 5;
/// For how long.
const REST: Duration = Duration::from_secs(15);

/// The firm's relay.
pub struct Smtp {
    relay: Relay,
    user: Option<(String, PathBuf)>,
    bounce_address: String,
    signer: Option<Signer>,
    turns: Semaphore,
    idle: Mutex<VecDeque<(Session, Instant)>>,
    failures: AtomicU32,
    rests_until: Mutex<Option<Instant>>,
}

impl Smtp {
    /// A provider of these settings. Connects to nobody yet.
    ///
    /// # Errors
    /// Where the settings do not hold together, or a file that they name cannot be used.
    pub fn try_new(settings: &SmtpSettings) -> Result<Self, BadSetting> {
        settings.check()?;
        let signer = match (settings.dkim, &settings.dkim_selector, &settings.dkim_key_file) {
            (Dkim::Own, Some(selector), Some(file)) => Some(Signer::from_file(selector, file)?),
            _ => None,
        };
        let bounce_address = settings.bounce_address.clone().unwrap_or_default();
        let hello = bounce_address.rsplit_once('@').map_or("localhost", |(_, domain)| domain).to_owned();
        let relay = Relay {
            host: settings.host.clone().unwrap_or_default(),
            port: settings.port(),
            tls: settings.tls,
            config: tls::client_config(settings.ca_file.as_deref())?,
            hello,
        };
        Ok(Self {
            relay,
            user: settings.user.clone().zip(settings.password_file.clone()),
            bounce_address,
            signer,
            turns: Semaphore::new(CONNECTIONS),
            idle: Mutex::default(),
            failures: AtomicU32::new(0),
            rests_until: Mutex::default(),
        })
    }

    async fn open(&self) -> Result<Session, NoSession> {
        let login = match &self.user {
            None => None,
            Some((user, file)) => {
                let password = tokio::fs::read_to_string(file).await.map_err(wire::Broken::Io)?;
                let password = SecretString::from(password.trim_end_matches(['\r', '\n']).to_owned());
                Some(Login { user: user.clone(), password })
            }
        };
        Session::open(&self.relay, login.as_ref()).await
    }

    /// The mail as it leaves, and under which envelope's sender.
    fn parcel(&self, mail: &Outgoing) -> Option<(String, Vec<u8>)> {
        let message = with_crlf(&mail.message);
        let (_, domain) = mail.sender.rsplit_once('@')?;
        let message = match &self.signer {
            Some(signer) => signer.sign(domain, &message).ok()?,
            None => message,
        };
        Some((self.bounce_address.replace("{token}", &mail.token), message))
    }

    async fn say(&self, mail: &Outgoing, begun: Instant) -> HandOver {
        let can_stand = |address: &String| {
            !address.is_empty() && !address.contains(|sign: char| sign.is_control() || matches!(sign, '<' | '>' | ' '))
        };
        let bad = HandOver::refused("BAD_MAIL", true);
        if mail.message.is_empty() || mail.recipients.is_empty() || !mail.recipients.iter().all(can_stand) {
            return bad;
        }
        let Some((from, message)) = self.parcel(mail) else { return bad };
        let parcel = Parcel { from: &from, to: &mail.recipients, envelope_id: &mail.token, message: &message };
        let begin = tokio::time::timeout_at((begun + BEFORE_END).into(), self.begin(&parcel)).await;
        let (mut session, outcome) = match begin.unwrap_or(Err(NoSession::TimedOut)) {
            Ok(begun) => begun,
            Err(error) => return self.unreachable(&error),
        };
        let fate = match outcome {
            Ok(refused) => tokio::time::timeout_at((begun + IN_ALL).into(), session.finish(refused)).await,
            Err(fate) => Ok(fate),
        };
        match fate.unwrap_or(Fate::Unknown) {
            Fate::Taken { receipt, refused } => {
                self.keep(session);
                HandOver::Accepted { receipt, refused }
            }
            Fate::Refused { reason, permanent, refused, usable } => {
                if usable {
                    self.keep(session);
                }
                HandOver::Refused { reason, permanent, recipients: refused }
            }
            Fate::Lost(error) => self.unreachable(&NoSession::Broken(error)),
            Fate::Unknown => {
                self.failed();
                HandOver::Unknown
            }
        }
    }

    async fn begin(&self, parcel: &Parcel<'_>) -> Result<(Session, Begun), NoSession> {
        if let Some(mut session) = self.kept() {
            let begun = session.begin(parcel).await;
            // Otherwise the relay had closed it while it was idle.
            if !matches!(begun, Err(Fate::Lost(_))) {
                return Ok((session, begun));
            }
        }
        let mut session = self.open().await?;
        let begun = session.begin(parcel).await;
        Ok((session, begun))
    }

    fn kept(&self) -> Option<Session> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((session, since)) = idle.pop_back() {
            if since.elapsed() < IDLE {
                return Some(session);
            }
        }
        None
    }

    fn keep(&self, session: Session) {
        self.failures.store(0, Ordering::Relaxed);
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push_back((session, Instant::now()));
        while idle.len() > CONNECTIONS || idle.front().is_some_and(|(_, since)| since.elapsed() >= IDLE) {
            idle.pop_front();
        }
    }

    /// The relay cannot be used now; after some such failures it is left alone for a while, so that what waits for it takes
    /// nobody's turn.
    fn unreachable(&self, error: &NoSession) -> HandOver {
        tracing::error!(relay = self.relay.host, %error, "the mail relay cannot be used");
        self.failed();
        HandOver::Unavailable { reason: error.reason() }
    }

    fn failed(&self) {
        if self.failures.fetch_add(1, Ordering::Relaxed) + 1 >= FAILURES {
            *self.rests_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + REST);
        }
    }

    fn is_resting(&self) -> bool {
        let until = *self.rests_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| Instant::now() < until)
    }
}

#[async_trait]
impl MailProvider for Smtp {
    fn name(&self) -> &'static str {
        "smtp"
    }

    fn settlement(&self) -> Settlement {
        Settlement::None
    }

    async fn hand_over(&self, mail: &Outgoing) -> HandOver {
        let begun = Instant::now();
        if self.is_resting() {
            return HandOver::Unavailable { reason: "RELAY_RESTS".to_owned() };
        }
        let Ok(Ok(_turn)) = tokio::time::timeout(TURN, self.turns.acquire()).await else {
            return HandOver::Unavailable { reason: "RELAY_BUSY".to_owned() };
        };
        self.say(mail, begun).await
    }

    async fn look_up(&self, _notification: &str, _attempt: u32) -> Lookup {
        Lookup::Unknown
    }

    fn rests(&self) -> bool {
        self.is_resting()
    }

    async fn check(&self) -> Result<(), String> {
        match self.open().await {
            Ok(session) => {
                session.quit().await;
                Ok(())
            }
            Err(error) => Err(format!("{}:{}: {error}", self.relay.host, self.relay.port)),
        }
    }
}
