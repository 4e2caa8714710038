//! The registry has no settings of its own; `example.env` shows those that every service has.

/// The registry's settings.
pub type Config = service::Config<service::Nothing>;

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
        assert_eq!(keys, keys_of(App::PREFIX, &config.base));
    }
}
