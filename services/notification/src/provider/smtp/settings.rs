//! What the SMTP provider is told, and whether it holds together.

use std::path::PathBuf;

use serde::Deserialize;

/// Where mail is handed over. Nothing here lets it leave without TLS.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct SmtpSettings {
    /// The relay's name, as its certificate has it. Where it is not told, there is no SMTP.
    pub host: Option<String>,
    /// Its port: 465 for implicit TLS, 587 for STARTTLS where it is not told.
    pub port: Option<u16>,
    /// How TLS begins.
    pub tls: Tls,
    /// PEM certificates that the relay's must rest on, in place of the system's.
    pub ca_file: Option<PathBuf>,
    /// Who logs in; nobody where it is not told.
    pub user: Option<String>,
    /// The file with that user's password; read again for each new connection.
    pub password_file: Option<PathBuf>,
    /// The envelope's sender, where failure notices come back; it must lead to this service's intake. With `{token}` in it
    /// each mail has one of its own, which finds the mail whatever the notice says.
    pub bounce_address: Option<String>,
    /// Who signs (RFC 6376).
    pub dkim: Dkim,
    /// The selector under which the public key lies in DNS. To rotate, publish the new key and change both.
    pub dkim_selector: Option<String>,
    /// The private key as PEM: RSA of 2048 bits or more, or Ed25519.
    pub dkim_key_file: Option<PathBuf>,
}

/// How TLS begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tls {
    /// With the connection (RFC 8314).
    #[default]
    Implicit,
    /// By a command (RFC 3207); a relay that does not offer it gets nothing.
    Starttls,
}

/// Who signs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dkim {
    /// This service.
    #[default]
    Own,
    /// The relay: whoever sets this states that it does.
    Relay,
}

/// A setting that does not hold together with the others.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {why}")]
pub struct BadSetting {
    /// Its key, for example `smtp.dkim_selector`.
    pub key: &'static str,
    /// What is wrong.
    pub why: String,
}

impl BadSetting {
    /// The setting `key` is wrong for this reason.
    pub fn new(key: &'static str, why: impl Into<String>) -> Self {
        Self { key, why: why.into() }
    }
}

impl SmtpSettings {
    /// The relay's port.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(match self.tls {
            Tls::Implicit => 465,
            Tls::Starttls => 587,
        })
    }

    /// Whether any of it is told.
    pub fn is_told(&self) -> bool {
        let Self { host, port, tls, ca_file, user, password_file, bounce_address, dkim, dkim_selector, dkim_key_file } =
            self;
        host.is_some()
            || port.is_some()
            || *tls != Tls::default()
            || ca_file.is_some()
            || user.is_some()
            || password_file.is_some()
            || bounce_address.is_some()
            || *dkim != Dkim::default()
            || dkim_selector.is_some()
            || dkim_key_file.is_some()
    }

    /// Whether it holds together.
    ///
    /// # Errors
    /// The first key that is wrong.
    pub fn check(&self) -> Result<(), BadSetting> {
        let Some(host) = self.host.as_deref().filter(|host| !host.is_empty()) else {
            return Err(BadSetting::new("smtp.host", "is needed where anything else of smtp is told"));
        };
        if host.contains(|sign: char| sign.is_whitespace() || sign.is_control()) {
            return Err(BadSetting::new("smtp.host", "is no host"));
        }
        match (&self.user, &self.password_file) {
            (Some(_), None) => return Err(BadSetting::new("smtp.password_file", "is needed where smtp.user is told")),
            (None, Some(_)) => return Err(BadSetting::new("smtp.user", "is needed where smtp.password_file is told")),
            _ => {}
        }
        let Some(bounce) = &self.bounce_address else {
            let why = "is needed: failure notices come back to it, and unread they would leave a lost reply counted";
            return Err(BadSetting::new("smtp.bounce_address", why));
        };
        let plain = bounce.replacen("{token}", "t", 1);
        let well_formed = plain.split_once('@').is_some_and(|(local, domain)| {
            // Of the 64 characters that a local part may have, the token takes 49.
            let room = if plain == *bounce { 64 } else { 16 };
            !local.is_empty() && local.len() <= room && !domain.is_empty() && !domain.contains('@')
        });
        let visible = plain.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>' | b'{' | b'}'));
        if !well_formed || !visible {
            return Err(BadSetting::new("smtp.bounce_address", "is no address"));
        }
        match (self.dkim, &self.dkim_selector, &self.dkim_key_file) {
            (Dkim::Own, None, _) => {
                let why = "is needed: mail leaves signed (SOP 6); or state by smtp.dkim = relay that the relay signs";
                Err(BadSetting::new("smtp.dkim_selector", why))
            }
            (Dkim::Own, Some(_), None) => Err(BadSetting::new("smtp.dkim_key_file", "is needed beside the selector")),
            (Dkim::Relay, Some(_), _) => Err(BadSetting::new("smtp.dkim_selector", "is not used: the relay signs")),
            (Dkim::Relay, _, Some(_)) => Err(BadSetting::new("smtp.dkim_key_file", "is not used: the relay signs")),
            (Dkim::Own, Some(selector), Some(_)) => {
                let label = |part: &str| {
                    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                };
                if selector.split('.').all(label) {
                    Ok(())
                } else {
                    Err(BadSetting::new("smtp.dkim_selector", "is no DNS label"))
                }
            }
            (Dkim::Relay, None, None) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn whole() -> SmtpSettings {
        SmtpSettings {
            host: Some("relay.firm.example".into()),
            bounce_address: Some("bounces+{token}@firm.example".into()),
            dkim_selector: Some("2026a".into()),
            dkim_key_file: Some("/etc/dkim.pem".into()),
            ..SmtpSettings::default()
        }
    }

    #[test]
    fn a_whole_one_holds_and_ports_follow_tls() {
        assert_eq!(whole().check(), Ok(()));
        assert_eq!(whole().port(), 465);
        assert_eq!(SmtpSettings { tls: Tls::Starttls, ..whole() }.port(), 587);
        let relay = SmtpSettings { dkim: Dkim::Relay, dkim_selector: None, dkim_key_file: None, ..whole() };
        assert_eq!(relay.check(), Ok(()));
    }

    #[test]
    fn a_wrong_mixture_names_its_key() {
        for (wrong, key) in [
            (SmtpSettings { host: None, ..whole() }, "smtp.host"),
            (SmtpSettings { user: Some("u".into()), ..whole() }, "smtp.password_file"),
            (SmtpSettings { password_file: Some("p".into()), ..whole() }, "smtp.user"),
            (SmtpSettings { bounce_address: None, ..whole() }, "smtp.bounce_address"),
            (SmtpSettings { bounce_address: Some("nobody".into()), ..whole() }, "smtp.bounce_address"),
            (SmtpSettings { bounce_address: Some("a b@c.example".into()), ..whole() }, "smtp.bounce_address"),
            (SmtpSettings { dkim_selector: None, ..whole() }, "smtp.dkim_selector"),
            (SmtpSettings { dkim_selector: Some("a b".into()), ..whole() }, "smtp.dkim_selector"),
            (SmtpSettings { dkim_key_file: None, ..whole() }, "smtp.dkim_key_file"),
            (SmtpSettings { dkim: Dkim::Relay, ..whole() }, "smtp.dkim_selector"),
        ] {
            assert_eq!(wrong.check().unwrap_err().key, key);
        }
    }

    #[test]
    fn nothing_told_is_no_smtp() {
        assert!(!SmtpSettings::default().is_told());
        assert!(whole().is_told());
    }
}
