//! What reporting is told beside what every service is; `example.env` shows every key.

use std::path::PathBuf;

use serde::Deserialize;

/// The settings of reporting.
pub type Config = service::Config<Own>;

/// Those that it alone has. Each is needed by the service as a process of its own.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Own {
    /// Where client-registry answers, as `http://host:port`.
    pub client_registry_url: Option<String>,
    /// Where escalation answers: it has the facts that a status update is drafted from.
    pub escalation_url: Option<String>,
    /// Where notification answers: it is asked for what did not arrive.
    pub notification_url: Option<String>,
    /// The file with this service's own token, which it calls others with; read again as it is renewed.
    pub token_file: Option<PathBuf>,
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
