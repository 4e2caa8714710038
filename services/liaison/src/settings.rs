//! What the suite is told: where its data lies, where it listens, and what it runs on.
//!
//! From `liaison.toml` (or the file that `--config` names) and from the environment, `LIAISON__LISTEN` and so on; what is
//! not told has a default that needs nothing installed.

use std::path::{Path, PathBuf};

use access::token::keys::IssuerSettings;
use runtime::telemetry::TelemetrySettings;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

/// The suite's settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The folder for SQLite databases, keys and the mail outbox.
    pub data: PathBuf,
    /// Where gRPC is served; loopback unless told.
    pub listen: String,
    /// Where the mail outbox is shown to a browser; empty for nowhere.
    pub outbox_listen: String,
    /// The firm's relay; where none is told, mail goes to the outbox.
    pub smtp: notification::provider::SmtpSettings,
    /// Where the firm's mail server hands over what it gets, by LMTP; nowhere unless told.
    pub lmtp: notification::intake::LmtpSettings,
    /// A maildir that is watched for mail that came; none unless told.
    pub maildir: Option<PathBuf>,
    /// One database per service; a SQLite file below `data` where none is named.
    pub database: Databases,
    /// `redis://…` for the event log; in process where none is named.
    pub redis: Option<SecretString>,
    /// Whose tokens count, besides the trial issuer that `liaison init` switches on.
    pub issuers: Vec<IssuerSettings>,
    /// Logs and traces.
    pub telemetry: TelemetrySettings,
}

/// `postgres://…` or `sqlite://<file>` per service.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Databases {
    /// client-registry's.
    pub client_registry: Option<SecretString>,
    /// escalation's.
    pub escalation: Option<SecretString>,
    /// notification's.
    pub notification: Option<SecretString>,
    /// reporting's.
    pub reporting: Option<SecretString>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            data: "data".into(),
            listen: "127.0.0.1:7420".into(),
            outbox_listen: "127.0.0.1:7421".into(),
            smtp: notification::provider::SmtpSettings::default(),
            lmtp: notification::intake::LmtpSettings::default(),
            maildir: None,
            database: Databases::default(),
            redis: None,
            issuers: Vec::new(),
            telemetry: TelemetrySettings { filter: "warn,liaison=info".into(), ..TelemetrySettings::default() },
        }
    }
}

impl Settings {
    /// Reads them; `file` must exist where it is named.
    ///
    /// # Errors
    /// Where a file cannot be read, or says something that is no setting.
    pub fn load(file: Option<&Path>) -> Result<Self, runtime::config::ConfigError> {
        let usual = Path::new("liaison.toml");
        let file = file.or_else(|| usual.exists().then_some(usual));
        runtime::config::load("LIAISON", file)
    }

    /// The database of a service.
    pub fn database_url(&self, service: &str) -> SecretString {
        let named = match service {
            "client-registry" => &self.database.client_registry,
            "escalation" => &self.database.escalation,
            "reporting" => &self.database.reporting,
            _ => &self.database.notification,
        };
        named.clone().unwrap_or_else(|| {
            let file = self.data.join("db").join(format!("{service}.sqlite"));
            SecretString::from(format!("sqlite://{}", file.display()))
        })
    }

    /// Keys lie here, readable by their owner alone.
    pub fn keys(&self) -> PathBuf {
        self.data.join("keys")
    }

    /// The key-encryption key of a service.
    pub fn kek(&self, service: &str) -> PathBuf {
        self.keys().join(format!("{service}.kek"))
    }

    /// Mails that leave lie here.
    pub fn outbox(&self) -> PathBuf {
        self.data.join("outbox")
    }

    /// How mail leaves and comes.
    pub fn mail(&self) -> notification::config::Own {
        let outbox = (!self.smtp.is_told()).then(|| self.outbox());
        notification::config::Own {
            outbox,
            smtp: self.smtp.clone(),
            lmtp: self.lmtp.clone(),
            maildir: self.maildir.clone(),
            ..notification::config::Own::default()
        }
    }

    /// The event log's transport.
    ///
    /// # Errors
    /// Where the address is none of Redis's.
    pub fn transport(&self) -> Result<event_log::Transport, event_log::Error> {
        match &self.redis {
            Some(url) => Ok(event_log::Transport::Redis(event_log::RedisTransport::try_new(url.expose_secret())?)),
            None => Ok(event_log::Transport::InProcess(event_log::Bus::new())),
        }
    }
}
