//! The one on whose behalf a call is made.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// What a principal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrincipalKind {
    /// A person of the firm: `staff/{staff}`.
    Staff,
    /// A person of a client: `clients/{client}/contacts/{contact}`.
    Contact,
    /// A service of the suite, or the firm's mail server: `services/{service}`.
    Service,
}

/// A caller by its resource name, as a token's `sub` gives it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Principal {
    kind: PrincipalKind,
    name: String,
}

/// A text that names no principal. It does not repeat the text, which came from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a principal is staff/{{staff}}, clients/{{client}}/contacts/{{contact}} or services/{{service}}")]
pub struct PrincipalError;

impl Principal {
    /// Reads a principal's name.
    ///
    /// # Errors
    /// Where it is not of one of the three forms, or an id in it is not of letters, digits and hyphens (1 to 63, lower
    /// case, no hyphen at either end).
    pub fn parse(name: &str) -> Result<Self, PrincipalError> {
        let mut parts = name.split('/');
        let kind = match (parts.next(), parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some("staff"), Some(id), None, ..) if is_id(id) => PrincipalKind::Staff,
            (Some("services"), Some(id), None, ..) if is_id(id) => PrincipalKind::Service,
            (Some("clients"), Some(client), Some("contacts"), Some(contact), None)
                if is_id(client) && is_id(contact) =>
            {
                PrincipalKind::Contact
            }
            _ => return Err(PrincipalError),
        };
        Ok(Self { kind, name: name.to_owned() })
    }

    /// The principal of one of our own services.
    pub fn service(service: crate::ServiceName) -> Self {
        Self { kind: PrincipalKind::Service, name: format!("services/{}", service.as_str()) }
    }

    /// What it is.
    pub fn kind(&self) -> PrincipalKind {
        self.kind
    }

    /// Its full resource name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The client that a contact belongs to, as `clients/{client}`.
    pub fn client(&self) -> Option<&str> {
        match self.kind {
            PrincipalKind::Contact => self.name.split_once("/contacts/").map(|(client, _)| client),
            PrincipalKind::Staff | PrincipalKind::Service => None,
        }
    }
}

impl FromStr for Principal {
    type Err = PrincipalError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::parse(name)
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// Whether a text may stand as one segment of a resource name.
pub(crate) fn is_id(text: &str) -> bool {
    let bytes = text.as_bytes();
    let ends = |at: Option<&u8>| at.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    bytes.len() <= 63
        && ends(bytes.first())
        && ends(bytes.last())
        && bytes.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-')
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_principal_is_read_from_its_name_and_keeps_it() {
        let anna = Principal::parse("staff/anna").unwrap();
        assert_eq!((anna.kind(), anna.name(), anna.client()), (PrincipalKind::Staff, "staff/anna", None));
        let jo = Principal::parse("clients/acme/contacts/jo").unwrap();
        assert_eq!((jo.kind(), jo.client()), (PrincipalKind::Contact, Some("clients/acme")));
        let service = Principal::parse("services/client-registry").unwrap();
        assert_eq!(service.kind(), PrincipalKind::Service);
        assert!(Principal::parse("staff/0192c3a1-7b1e-7000-8000-000000000000").is_ok());
    }

    #[test]
    fn what_is_no_principal_is_refused() {
        let long = format!("staff/{}", "a".repeat(64));
        for wrong in [
            "",
            "anna",
            "staff",
            "staff/",
            "staff/Anna",
            "staff/an na",
            "staff/anna/",
            "staff/anna/absences/x",
            "/staff/anna",
            "staff/-anna",
            "staff/anna-",
            "staff/änna",
            "staff/anna\n",
            "clients/acme",
            "clients/acme/contacts/",
            "clients//contacts/jo",
            "clients/acme/engagements/jo",
            "clients/acme/contacts/jo/x",
            "services/../staff",
            long.as_str(),
        ] {
            assert_eq!(Principal::parse(wrong), Err(PrincipalError), "{wrong:?}");
        }
    }
}
