//! What notification is told beside what every service is; `example.env` shows every key.

use std::path::PathBuf;

use serde::Deserialize;

/// Notification's settings.
pub type Config = service::Config<Own>;

/// Those that it alone has.
#[derive(Clone, Debug, Deserialize)]
pub struct Own {
    /// The folder of the local outbox, where mails that go out are put. It must be on a file system with hard links, and the
    /// same one for every replica.
    pub outbox: PathBuf,
    /// The folder where calls that go out are put, as `outbox` is for mails; where it is not given, `calls` beside `outbox`.
    #[serde(default)]
    pub calls: Option<PathBuf>,
    /// Where client-registry answers, as `http://host:port`. Needed by the service as a process of its own.
    #[serde(default)]
    pub client_registry_url: Option<String>,
    /// Where escalation answers. Needed by the service as a process of its own.
    #[serde(default)]
    pub escalation_url: Option<String>,
    /// The file with this service's own token, which it calls others with; read again as it is renewed. Needed by the service
    /// as a process of its own.
    #[serde(default)]
    pub token_file: Option<PathBuf>,
}

impl Own {
    /// For the suite in one process, where peers and tokens need no settings.
    pub fn embedded(outbox: impl Into<PathBuf>) -> Self {
        Self { outbox: outbox.into(), calls: None, client_registry_url: None, escalation_url: None, token_file: None }
    }

    /// The folder where calls are put.
    pub fn calls_folder(&self) -> PathBuf {
        self.calls.clone().unwrap_or_else(|| self.outbox.with_file_name("calls"))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::collections::BTreeSet;

    use service::Process;
    use testkit::{example_env, keys_of};

    use super::Config;
    use crate::App;

    #[test]
    fn the_example_names_every_setting_and_no_other() {
        let example = example_env(App::PREFIX, include_str!("../example.env"));
        let config = Config::load_from(App::PREFIX, example.clone()).unwrap();
        let keys: BTreeSet<_> = example.into_iter().map(|(key, _)| key).collect();
        let read = keys_of(App::PREFIX, &config.base).into_iter().chain(keys_of(App::PREFIX, &config.own)).collect();
        assert_eq!(keys, read);
    }
}
