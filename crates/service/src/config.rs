//! What a service is told when it starts; its `example.env` shows every key.
//!
//! A service's settings are [`Settings`], which all have, and those of its own, side by side: both are read from the same
//! keys, so `database_url` and `outbox` of notification are `NOTIFICATION__DATABASE_URL` and `NOTIFICATION__OUTBOX`.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use access::{Issuer, token::keys::IssuerSettings};
use runtime::{config::ConfigError, telemetry::TelemetrySettings};
use secrecy::SecretString;
use serde::{Deserialize, de::DeserializeOwned};

/// The settings that every service has.
#[derive(Clone, Debug, Deserialize)]
pub struct Settings {
    /// `postgres://…`; in the suite in one process also `sqlite://<file>`.
    pub database_url: SecretString,
    /// The file with this service's key-encryption key: 32 bytes in base64, mode 600. `migrate` makes it where there is
    /// none.
    pub kek_file: PathBuf,
    /// Where gRPC is served, as `address:port`; [`Process::LISTEN`](crate::Process::LISTEN) where it is not told.
    #[serde(default)]
    pub listen: Option<String>,
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

/// The settings of one service: those that all have, and its own.
#[derive(Clone, Debug)]
pub struct Config<Own = Nothing> {
    /// Those that all have.
    pub base: Settings,
    /// Its own.
    pub own: Own,
}

/// A service without settings of its own.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct Nothing {}

impl<Own> Config<Own> {
    /// For a process that serves, listens and traces by itself, such as the suite.
    pub fn embedded(database_url: impl Into<SecretString>, kek_file: impl Into<PathBuf>, own: Own) -> Self {
        let base = Settings {
            database_url: database_url.into(),
            kek_file: kek_file.into(),
            listen: None,
            redis_url: None,
            token_issuers: None,
            revoked_tokens: None,
            telemetry: TelemetrySettings::default(),
        };
        Self { base, own }
    }
}

impl<Own: DeserializeOwned + fmt::Debug> Config<Own> {
    /// Reads them from the file, where one is named, and from the environment variables that begin with `<prefix>__`.
    ///
    /// # Errors
    /// As [`runtime::config::load`].
    pub fn load(prefix: &str, file: Option<&Path>) -> Result<Self, ConfigError> {
        runtime::config::load_two(prefix, file, runtime::config::environment()).map(Self::of)
    }

    /// As [`Config::load`], with these variables in place of the process's own.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_from(prefix: &str, variables: impl IntoIterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        runtime::config::load_two(prefix, None, variables).map(Self::of)
    }

    fn of((base, own): (Settings, Own)) -> Self {
        Self { base, own }
    }
}

/// A setting that a process cannot do without.
#[derive(Debug, thiserror::Error)]
#[error("{0} is needed by a service of its own")]
pub struct Missing(&'static str);

/// The setting `key`, which the suite in one process does without and a process of its own does not.
///
/// # Errors
/// Where it is not set.
pub fn needed<'a, T>(key: &'static str, value: &'a Option<T>) -> Result<&'a T, Missing> {
    value.as_ref().ok_or(Missing(key))
}

/// A list of issuers that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IssuersError {
    /// The file.
    #[error("token_issuers: {0}: {1}")]
    File(PathBuf, std::io::Error),
    /// What stands in it.
    #[error("token_issuers: {0}: {1}")]
    Form(PathBuf, serde_json::Error),
}

/// Reads the list of issuers.
///
/// # Errors
/// Where the file cannot be read or is no such list.
pub fn issuers(file: &Path) -> Result<Vec<Issuer>, IssuersError> {
    let text = std::fs::read(file).map_err(|error| IssuersError::File(file.into(), error))?;
    let settings: Vec<IssuerSettings> =
        serde_json::from_slice(&text).map_err(|error| IssuersError::Form(file.into(), error))?;
    Ok(settings.into_iter().map(Issuer::from).collect())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Own {
        outbox: PathBuf,
    }

    fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let needed = [("X__DATABASE_URL", "postgres://x:hunter2@db/x"), ("X__KEK_FILE", "kek"), ("X__OUTBOX", "out")];
        needed.iter().chain(pairs).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn common_and_own_settings_stand_side_by_side() {
        let variables = variables(&[("X__LISTEN", "127.0.0.1:1"), ("X__TELEMETRY__FORMAT", "json")]);
        let config = Config::<Own>::load_from("X", variables).unwrap();
        assert_eq!(config.base.listen.as_deref(), Some("127.0.0.1:1"));
        assert_eq!(config.own.outbox, Path::new("out"));
    }

    #[test]
    fn a_key_that_neither_reads_is_told_however_deep() {
        let variables = variables(&[("X__LISTNE", "x"), ("X__TELEMETRY__FLITER", "x")]);
        let error = Config::<Own>::load_from("X", variables).unwrap_err();
        assert_eq!(error.to_string(), "configuration: unknown keys: listne, telemetry.fliter");
    }

    #[test]
    fn a_setting_that_is_needed_is_named() {
        let error = Config::<Own>::load_from("X", variables(&[]).split_off(1)).unwrap_err();
        assert!(error.to_string().contains("database_url"), "{error}");
        assert!(error.to_string().contains("X__DATABASE_URL"), "{error}");
        assert_eq!(
            needed::<u8>("redis_url", &None).unwrap_err().to_string(),
            "redis_url is needed by a service of its own"
        );
    }

    #[test]
    fn a_list_of_issuers_that_is_not_there_or_none_is_told_with_its_file() {
        for file in ["/nowhere/issuers.json", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")] {
            let error = issuers(file.as_ref()).map(drop).unwrap_err().to_string();
            assert!(error.starts_with(&format!("token_issuers: {file}: ")), "{error}");
        }
    }

    #[test]
    fn secrets_do_not_show() {
        let config = Config::<Own>::load_from("X", variables(&[])).unwrap();
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
