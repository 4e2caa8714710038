//! One typed configuration, from a TOML file and the environment; the environment wins.
//!
//! A key `database.url` of the service with the prefix `ESCALATION` is `ESCALATION__DATABASE__URL` in the environment.
//! Keys that the type does not have are errors, all of them in one answer, wherever they stand; the type needs nothing
//! for that. Secrets are [`secrecy::SecretString`] and so show as `[REDACTED]` when the effective configuration is
//! logged ([`log`]). A list in the environment is separated by commas: give its field
//! `#[serde(deserialize_with = "runtime::config::list")]`.

use std::{collections::HashMap, fmt, path::Path};

use config::{Config, Environment, File, FileFormat};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read or is no TOML, or a value is of the wrong kind.
    #[error("configuration: {0}")]
    Wrong(#[from] config::ConfigError),
    /// A value that has no default.
    #[error("configuration: missing {key}: set {variable}, or {key} in the file")]
    Missing {
        /// Its path, for example `database.url`.
        key: String,
        /// Its environment variable, `ESCALATION__DATABASE__URL`.
        variable: String,
    },
    /// Keys that nothing reads; a misspelt key would otherwise be a setting that is silently not made.
    #[error("configuration: unknown keys: {}", keys.join(", "))]
    Unknown {
        /// Their paths, for example `database.ulr`, in alphabetical order.
        keys: Vec<String>,
    },
}

/// Loads `T` from the file, where one is named, and from the environment variables that begin with `<prefix>__`.
///
/// # Errors
/// Where the file is not there or no TOML, a value is missing or of the wrong kind, or a key is unknown.
pub fn load<T: DeserializeOwned>(prefix: &str, file: Option<&Path>) -> Result<T, ConfigError> {
    load_from(prefix, file, environment())
}

/// This process's environment variables, those that are text.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
}

/// As [`load`], with these variables in place of the process's own; for tests, such as one that holds `example.env`
/// against the type.
///
/// # Errors
/// As [`load`].
pub fn load_from<T: DeserializeOwned>(
    prefix: &str,
    file: Option<&Path>,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<T, ConfigError> {
    let (loaded, unread) = read(prefix, &merge(prefix, file, variables)?)?;
    told(unread, loaded)
}

/// As [`load_from`], for settings that two types read side by side: a key is unknown where neither reads it.
///
/// # Errors
/// As [`load`].
pub fn load_two<A: DeserializeOwned, B: DeserializeOwned>(
    prefix: &str,
    file: Option<&Path>,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<(A, B), ConfigError> {
    let config = merge(prefix, file, variables)?;
    let ((one, by_one), (other, by_other)) = (read(prefix, &config)?, read(prefix, &config)?);
    // One who reads nothing of a table does not name its keys.
    let within = |key: &String, keys: &[String]| {
        keys.iter()
            .any(|outer| key.strip_prefix(outer.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
    };
    let unread = by_one
        .iter()
        .filter(|key| within(key, &by_other))
        .chain(by_other.iter().filter(|key| within(key, &by_one)))
        .cloned()
        .collect();
    told(unread, (one, other))
}

fn merge(
    prefix: &str,
    file: Option<&Path>,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<Config, ConfigError> {
    let variables: HashMap<String, String> = variables.into_iter().collect();
    // Without `try_parsing`: a password of digits stays the text it is; numbers are read where the type asks for one.
    let environment = Environment::with_prefix(prefix).prefix_separator("__").separator("__").source(Some(variables));
    let mut builder = Config::builder();
    if let Some(file) = file {
        builder = builder.add_source(File::from(file).format(FileFormat::Toml));
    }
    Ok(builder.add_source(environment).build()?)
}

/// What the type reads, and the keys that it does not.
fn read<T: DeserializeOwned>(prefix: &str, config: &Config) -> Result<(T, Vec<String>), ConfigError> {
    let mut unread = Vec::new();
    let loaded = serde_ignored::deserialize(config.clone(), |path| unread.push(path.to_string()));
    let loaded = loaded.map_err(|error| match error {
        config::ConfigError::NotFound(key) => {
            let variable = format!("{prefix}__{}", key.replace('.', "__").to_uppercase());
            ConfigError::Missing { key, variable }
        }
        other => other.into(),
    })?;
    Ok((loaded, unread))
}

fn told<T>(mut keys: Vec<String>, loaded: T) -> Result<T, ConfigError> {
    if keys.is_empty() {
        return Ok(loaded);
    }
    keys.sort();
    keys.dedup();
    Err(ConfigError::Unknown { keys })
}

/// Logs the configuration as it came to be. Its secrets must be [`secrecy::SecretString`]; nothing else is held back.
pub fn log(config: &impl fmt::Debug) {
    tracing::info!(?config, "effective configuration");
}

/// Reads a list from a TOML array or from a text with commas; an empty text is an empty list.
///
/// # Errors
/// Where it is neither.
pub fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Array(Vec<String>),
        Text(String),
    }
    Ok(match Either::deserialize(deserializer)? {
        Either::Array(items) => items,
        Either::Text(text) => {
            text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
        }
    })
}
