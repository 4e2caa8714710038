//! What the service is told when it starts. `example.env` shows every key.

use std::path::{Path, PathBuf};

use access::{Issuer, token::keys::IssuerSettings};
use runtime::telemetry::TelemetrySettings;
use secrecy::SecretString;
use serde::Deserialize;

/// The prefix of its environment variables: `database_url` is `ESCALATION__DATABASE_URL`.
pub const PREFIX: &str = "ESCALATION";

/// The settings of escalation.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `postgres://…`; in the suite in one process also `sqlite://<file>`.
    pub database_url: SecretString,
    /// The file with this service's key-encryption key: 32 bytes in base64, mode 600. `migrate` makes it where there is
    /// none.
    pub kek_file: PathBuf,
    /// Where gRPC is served, as `address:port`.
    #[serde(default = "listen")]
    pub listen: String,
    /// The Redis through which events travel. Needed by the service as a process of its own.
    #[serde(default)]
    pub redis_url: Option<SecretString>,
    /// Where client-registry answers, as `http://host:port`. Needed by the service as a process of its own.
    #[serde(default)]
    pub client_registry_url: Option<String>,
    /// Where notification answers: it is asked for what did not arrive. Needed by the service as a process of its own.
    #[serde(default)]
    pub notification_url: Option<String>,
    /// The file with this service's own token, which it calls others with; read again as it is renewed. Needed by the service
    /// as a process of its own.
    #[serde(default)]
    pub token_file: Option<PathBuf>,
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
    "127.0.0.1:7402".to_owned()
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
    pub fn embedded(database_url: impl Into<SecretString>, kek_file: impl Into<PathBuf>) -> Self {
        Self {
            database_url: database_url.into(),
            kek_file: kek_file.into(),
            listen: listen(),
            redis_url: None,
            client_registry_url: None,
            notification_url: None,
            token_file: None,
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
        assert!(config.redis_url.is_some() && config.token_issuers.is_some() && config.revoked_tokens.is_some());
        assert!(config.client_registry_url.is_some() && config.notification_url.is_some());
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
    fn a_misspelt_key_is_told() {
        let mut variables = example();
        variables.push(("ESCALATION__LISTNE".into(), "x".into()));
        let error = runtime::config::load_from::<Config>(PREFIX, None, variables).unwrap_err();
        assert!(error.to_string().to_lowercase().contains("listne"), "{error}");
    }

    #[test]
    fn secrets_do_not_show() {
        let config = Config::embedded("postgres://escalation:hunter2@db/escalation", "kek");
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
