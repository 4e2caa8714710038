//! What notification is told beside what every service is; `example.env` shows every key.

use std::path::{Path, PathBuf};

use secrecy::SecretString;
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
    /// Who carries calls instead of that folder; see [`TwilioSettings`].
    #[serde(default)]
    pub twilio: TwilioSettings,
    /// Where client-registry answers, as `http://host:port`. Needed by the service as a process of its own.
    #[serde(default)]
    pub client_registry_url: Option<String>,
    /// Where escalation answers. Needed by the service as a process of its own.
    #[serde(default)]
    pub escalation_url: Option<String>,
    /// Where reporting answers. Needed by the service as a process of its own.
    #[serde(default)]
    pub reporting_url: Option<String>,
    /// The file with this service's own token, which it calls others with; read again as it is renewed. Needed by the service
    /// as a process of its own.
    #[serde(default)]
    pub token_file: Option<PathBuf>,
}

/// An account with Twilio, or with whoever speaks its protocol. Nothing is set where calls stay in the folder; where anything
/// is, `account_sid`, `auth_token_file`, `from` and `callback_url` are needed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct TwilioSettings {
    /// The account, `AC…`.
    pub account_sid: Option<String>,
    /// The file with the account's token: it signs our requests' and their callbacks'.
    pub auth_token_file: Option<PathBuf>,
    /// The number that calls come from, E.164.
    pub from: Option<String>,
    /// Where the API answers; `https://api.twilio.com` where it is not given.
    pub base_url: Option<String>,
    /// Under what URL the callbacks reach `callback_listen` from outside, without a slash at its end. What they are signed over.
    pub callback_url: Option<String>,
    /// Where callbacks are listened for; `127.0.0.1:7413` where it is not given, behind a proxy that ends TLS.
    pub callback_listen: Option<String>,
}

/// The same, whole.
#[derive(Clone, Debug)]
pub struct TwilioAccount {
    /// The account.
    pub account_sid: String,
    /// Its token.
    pub auth_token: SecretString,
    /// The number that calls come from.
    pub from: String,
    /// Where the API answers.
    pub base_url: String,
    /// Under what URL callbacks come.
    pub callback_url: String,
    /// Where they are listened for.
    pub callback_listen: String,
}

/// The settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TwilioError {
    /// One is missing.
    #[error("twilio.{0} is needed where anything of twilio is set")]
    Missing(&'static str),
    /// The token cannot be read.
    #[error("twilio.auth_token_file: {}: {error}", file.display())]
    Token {
        /// The file.
        file: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
}

impl TwilioSettings {
    /// The account; none where nothing is set.
    ///
    /// # Errors
    /// Where only a part of it is set, or the token cannot be read.
    pub fn account(&self) -> Result<Option<TwilioAccount>, TwilioError> {
        let Self { account_sid, auth_token_file, from, base_url, callback_url, callback_listen } = self;
        let texts = [account_sid, from, base_url, callback_url, callback_listen];
        if texts.iter().all(|text| text.is_none()) && auth_token_file.is_none() {
            return Ok(None);
        }
        let needed = |key, text: &Option<String>| text.clone().ok_or(TwilioError::Missing(key));
        let file: &Path = auth_token_file.as_deref().ok_or(TwilioError::Missing("auth_token_file"))?;
        let token =
            std::fs::read_to_string(file).map_err(|error| TwilioError::Token { file: file.to_owned(), error })?;
        let url = |url: &str| url.trim_end_matches('/').to_owned();
        Ok(Some(TwilioAccount {
            account_sid: needed("account_sid", account_sid)?,
            auth_token: token.trim().to_owned().into(),
            from: needed("from", from)?,
            base_url: url(base_url.as_deref().unwrap_or("https://api.twilio.com")),
            callback_url: url(&needed("callback_url", callback_url)?),
            callback_listen: callback_listen.clone().unwrap_or_else(|| "127.0.0.1:7413".to_owned()),
        }))
    }
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

    use super::{Config, Own, TwilioSettings, WayOut};
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
    fn an_account_is_whole_or_none() {
        assert!(TwilioSettings::default().account().unwrap().is_none());
        let part = TwilioSettings { account_sid: Some("AC1".into()), ..TwilioSettings::default() };
        assert!(part.account().unwrap_err().to_string().contains("auth_token_file"));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, "secret\n").unwrap();
        let whole = TwilioSettings {
            auth_token_file: Some(file),
            from: Some("+442070000000".into()),
            callback_url: Some("https://calls.firm.example/".into()),
            ..part
        };
        let account = whole.account().unwrap().unwrap();
        assert_eq!(
            (account.callback_url.as_str(), account.base_url.as_str()),
            ("https://calls.firm.example", "https://api.twilio.com")
        );
        assert!(!format!("{account:?}").contains("secret"));
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
