//! What notification is told beside what every service is; `example.env` shows every key.

use std::path::PathBuf;

use serde::Deserialize;

use crate::{
    intake::LmtpSettings,
    provider::{SmtpSettings, smtp::settings::BadSetting},
};

/// Notification's settings.
pub type Config = service::Config<Own>;

/// Those that it alone has.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Own {
    /// The folder of the local outbox, where mails that go out are put in place of being sent. It must be on a file system
    /// with hard links, and the same one for every replica. This or `smtp`, never both.
    #[serde(default)]
    pub outbox: Option<PathBuf>,
    /// The firm's relay, to which mails that go out are handed over.
    #[serde(default)]
    pub smtp: SmtpSettings,
    /// Where the firm's mail server hands over what it gets, by LMTP.
    #[serde(default)]
    pub lmtp: LmtpSettings,
    /// A maildir that is watched for what the firm's mail server put there.
    #[serde(default)]
    pub maildir: Option<PathBuf>,
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

/// How mail leaves.
#[derive(Clone, Copy, Debug)]
pub enum WayOut<'a> {
    /// Into a folder.
    Outbox(&'a PathBuf),
    /// To the firm's relay.
    Smtp(&'a SmtpSettings),
}

impl Own {
    /// How mail leaves.
    ///
    /// # Errors
    /// Where neither way is told, or both, or one that does not hold together.
    pub fn way_out(&self) -> Result<WayOut<'_>, BadSetting> {
        match (&self.outbox, self.smtp.is_told()) {
            (Some(outbox), false) => Ok(WayOut::Outbox(outbox)),
            (None, true) => self.smtp.check().map(|()| WayOut::Smtp(&self.smtp)),
            (Some(_), true) => Err(BadSetting::new("outbox", "is not used beside smtp: mail leaves one way")),
            (None, false) => Err(BadSetting::new("outbox", "is needed, or smtp: mail must leave some way")),
        }
    }

    /// For the suite in one process, where peers and tokens need no settings.
    pub fn embedded(outbox: impl Into<PathBuf>) -> Self {
        Self { outbox: Some(outbox.into()), ..Self::default() }
    }

    /// The folder where calls are put; none where neither it nor `outbox` is told.
    pub fn calls_folder(&self) -> Option<PathBuf> {
        self.calls.clone().or_else(|| self.outbox.as_ref().map(|outbox| outbox.with_file_name("calls")))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::collections::BTreeSet;

    use service::Process;
    use testkit::{example_env, keys_of};

    use super::{Config, Own, WayOut};
    use crate::{
        App,
        provider::{SmtpSettings, smtp::settings::Dkim},
    };

    #[test]
    fn mail_leaves_one_way() {
        let smtp = SmtpSettings {
            host: Some("relay".into()),
            bounce_address: Some("b@firm.example".into()),
            dkim: Dkim::Relay,
            ..SmtpSettings::default()
        };
        let key = |own: &Own| own.way_out().unwrap_err().key;
        assert!(matches!(Own::embedded("out").way_out(), Ok(WayOut::Outbox(_))));
        assert!(matches!(Own { smtp: smtp.clone(), ..Own::default() }.way_out(), Ok(WayOut::Smtp(_))));
        assert_eq!(key(&Own { smtp, ..Own::embedded("out") }), "outbox");
        assert_eq!(key(&Own::default()), "outbox");
        let half = SmtpSettings { user: Some("u".into()), ..SmtpSettings::default() };
        assert_eq!(key(&Own { smtp: half, ..Own::default() }), "smtp.host");
    }

    #[test]
    fn the_example_names_every_setting_and_no_other() {
        let example = example_env(App::PREFIX, include_str!("../example.env"));
        let config = Config::load_from(App::PREFIX, example.clone()).unwrap();
        let keys: BTreeSet<_> = example.into_iter().map(|(key, _)| key).collect();
        let read = keys_of(App::PREFIX, &config.base).into_iter().chain(keys_of(App::PREFIX, &config.own)).collect();
        assert_eq!(keys, read);
    }
}
