//! What notification is told when it starts. `example.env` shows every key.

use std::path::{Path, PathBuf};

use access::{Issuer, token::keys::IssuerSettings};
use runtime::telemetry::TelemetrySettings;
use secrecy::SecretString;
use serde::Deserialize;

/// The prefix of its environment variables: `database_url` is `NOTIFICATION__DATABASE_URL`.
pub const PREFIX: &str = "NOTIFICATION";

/// Notification's settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `postgres://…`; in the suite in one process also `sqlite://<file>`.
    pub database_url: SecretString,
    /// The file with this service's key-encryption key: 32 bytes in base64, mode 600. `migrate` makes it where there is
    /// none.
    pub kek_file: PathBuf,
    /// The folder of the local outbox, where mails that go out are put. It must be on a file system with hard links, and the
    /// same one for every replica.
    pub outbox: PathBuf,
    /// Where gRPC is served, as `address:port`.
    #[serde(default = "listen")]
    pub listen: String,
    /// Where client-registry is, for example `http://client-registry:7401`. Needed by the service as a process of its own.
    #[serde(default)]
    pub registry_url: Option<String>,
    /// Where escalation is. Needed by the service as a process of its own.
    #[serde(default)]
    pub escalation_url: Option<String>,
    /// The file with this service's own token for calls to others; read again when it changes. Needed by the service as a
    /// process of its own.
    #[serde(default)]
    pub token_file: Option<PathBuf>,
    /// The Redis through which events travel. Needed by the service as a process of its own.
    #[serde(default)]
    pub redis_url: Option<SecretString>,
    /// A JSON file that lists whose tokens count: `[{"issuer", "audience", "algorithms", "jwks", "speaks_for"}]`. Needed
    /// by the service as a process of its own.
    #[serde(default)]
    pub token_issuers: Option<PathBuf>,
    /// A file with the ids of tokens that no longer count, one a line.
    #[serde(default)]
    pub revoked_tokens: Option<PathBuf>,
    /// Logs and traces.
    #[serde(default)]
    pub telemetry: TelemetrySettings,
}

fn listen() -> String {
    "127.0.0.1:7403".to_owned()
}

/// A list of issuers that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IssuersError {
    /// The file.
    #[error("token_issuers: {0}")]
    File(#[from] std::io::Error),
    /// What stands in it.
    #[error("token_issuers: {0}")]
    Form(#[from] serde_json::Error),
}

impl Config {
    /// For a process that serves, listens and traces by itself, such as the suite.
    pub fn embedded(
        database_url: impl Into<SecretString>,
        kek_file: impl Into<PathBuf>,
        outbox: impl Into<PathBuf>,
    ) -> Self {
        Self {
            database_url: database_url.into(),
            kek_file: kek_file.into(),
            outbox: outbox.into(),
            listen: listen(),
            registry_url: None,
            escalation_url: None,
            token_file: None,
            redis_url: None,
            token_issuers: None,
            revoked_tokens: None,
            telemetry: TelemetrySettings::default(),
        }
    }
}

/// Reads the list of issuers.
///
/// # Errors
/// Where the file cannot be read or is no such list.
pub fn issuers(file: &Path) -> Result<Vec<Issuer>, IssuersError> {
    let settings: Vec<IssuerSettings> = serde_json::from_slice(&std::fs::read(file)?)?;
    Ok(settings.into_iter().map(Issuer::from).collect())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::collections::BTreeSet;

    use secrecy::ExposeSecret;

    use super::*;

    fn example() -> Vec<(String, String)> {
        include_str!("../example.env")
            .lines()
            .map(|line| line.strip_prefix("# optional: ").unwrap_or(line))
            .filter(|line| line.starts_with(PREFIX))
            .map(|line| line.split_once('=').unwrap())
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    }

    #[test]
    fn the_example_is_a_configuration() {
        let config: Config = runtime::config::load_from(PREFIX, None, example()).unwrap();
        assert!(config.database_url.expose_secret().starts_with("postgres://"));
        assert!(config.registry_url.is_some() && config.escalation_url.is_some() && config.token_file.is_some());
        assert!(config.redis_url.is_some() && config.token_issuers.is_some() && config.revoked_tokens.is_some());
    }

    #[test]
    fn the_example_names_every_field_and_no_other() {
        // The names of a struct's fields, as its Debug shows them; secrets are redacted there.
        let config: Config = runtime::config::load_from(PREFIX, None, example()).unwrap();
        let shown = format!("{config:#?}");
        let mut fields = BTreeSet::new();
        let mut inside = "";
        for line in shown.lines().skip(1) {
            let depth = line.len() - line.trim_start().len();
            let Some((field, _)) = line.trim().split_once(": ") else { continue };
            match depth {
                4 if field == "telemetry" => inside = "TELEMETRY__",
                4 => {
                    inside = "";
                    fields.insert(format!("{PREFIX}__{}", field.to_uppercase()));
                }
                8 if !inside.is_empty() => {
                    fields.insert(format!("{PREFIX}__{inside}{}", field.to_uppercase()));
                }
                _ => {}
            }
        }
        assert_eq!(example().into_iter().map(|(key, _)| key).collect::<BTreeSet<_>>(), fields);
    }

    #[test]
    fn secrets_do_not_show() {
        let config = Config::embedded("postgres://notification:hunter2@db/notification", "kek", "outbox");
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
