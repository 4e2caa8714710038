//! For whom mail is taken. Pure.

use crate::provider::smtp::settings::BadSetting;

/// Addresses, and domains of which every address counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recipients {
    addresses: Vec<String>,
    domains: Vec<String>,
}

impl Recipients {
    /// Reads a list such as `service@firm.example, @mail.firm.example`.
    ///
    /// # Errors
    /// Where it is empty, or an entry is neither.
    pub fn read(list: &str) -> Result<Self, BadSetting> {
        let mut read = Self::default();
        for entry in list.split(',').map(|entry| entry.trim().to_lowercase()).filter(|entry| !entry.is_empty()) {
            match entry.split_once('@') {
                Some(("", domain)) if !domain.is_empty() && !domain.contains('@') => read.domains.push(domain.into()),
                Some((local, domain)) if !local.is_empty() && !domain.is_empty() && !domain.contains('@') => {
                    read.addresses.push(entry);
                }
                _ => return Err(BadSetting::new("lmtp.recipients", format!("{entry:?} is no address and no @domain"))),
            }
        }
        if read.addresses.is_empty() && read.domains.is_empty() {
            return Err(BadSetting::new("lmtp.recipients", "is needed where lmtp.listen is told"));
        }
        Ok(read)
    }

    /// Whether mail is taken for an address. What stands behind a `+` is the mailbox's own.
    pub fn take(&self, address: &str) -> bool {
        let address = address.to_lowercase();
        let Some((local, domain)) = address.rsplit_once('@') else { return false };
        let bare = local.split_once('+').map_or(local, |(bare, _)| bare);
        let mailbox = format!("{bare}@{domain}");
        self.domains.iter().any(|known| known == domain)
            || self.addresses.iter().any(|known| *known == address || *known == mailbox)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn an_address_counts_by_itself_or_by_its_domain() {
        let known = Recipients::read("Service@firm.example, @in.firm.example,").unwrap();
        for taken in ["service@FIRM.example", "service+token@firm.example", "anybody@in.firm.example"] {
            assert!(known.take(taken), "{taken}");
        }
        for foreign in
            ["anna@firm.example", "service@firm.example.evil.example", "service", "@", "x@sub.in.firm.example"]
        {
            assert!(!known.take(foreign), "{foreign}");
        }
    }

    #[test]
    fn a_list_of_nobody_is_refused() {
        for bad in ["", " , ", "firm.example", "a@", "a@b@c"] {
            assert_eq!(Recipients::read(bad).unwrap_err().key, "lmtp.recipients", "{bad:?}");
        }
    }
}
