//! What a principal may do now.

use std::collections::{BTreeMap, BTreeSet};

use contracts::client_registry::v1 as wire;

use crate::{Principal, Role, ServiceName};

/// A role, for the whole firm or for one client.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HeldRole {
    /// The role.
    pub role: Role,
    /// The client for whom it is held, as `clients/{client}`; `None` is the whole firm.
    pub client: Option<String>,
}

/// What a principal may do now: permissions `<collection>.<verb>`, for the firm and for single clients.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// Held for the whole firm.
    pub everywhere: BTreeSet<String>,
    /// Held for single clients, by `clients/{client}`.
    pub on: BTreeMap<String, BTreeSet<String>>,
    /// The roles that the permissions come from.
    pub roles: Vec<HeldRole>,
    /// False for one who left or whose access expired; then nothing else is set.
    pub active: bool,
}

/// Whose rows a list may show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Every client's.
    All,
    /// Those of these clients, as `clients/{client}`; an empty set shows nothing.
    Clients(BTreeSet<String>),
}

impl Scope {
    /// Whether a row of this client may be shown.
    pub fn contains(&self, client: &str) -> bool {
        match self {
            Self::All => true,
            Self::Clients(clients) => clients.contains(client),
        }
    }
}

impl Grants {
    /// The grants of an active person who holds these roles.
    pub fn of_roles(roles: impl IntoIterator<Item = HeldRole>) -> Self {
        let mut grants = Self { active: true, ..Self::default() };
        for held in roles {
            let into = match &held.client {
                None => &mut grants.everywhere,
                Some(client) => grants.on.entry(client.clone()).or_default(),
            };
            into.extend(held.role.permissions().iter().map(|permission| (*permission).to_owned()));
            grants.roles.push(held);
        }
        grants
    }

    /// The grants of one of our services; `None` for anybody else and for a service that [`crate::roles`] does not know.
    pub fn of_service(principal: &Principal) -> Option<Self> {
        let name = principal.name().strip_prefix("services/")?;
        let role = Role::Service(ServiceName::parse(name)?);
        Some(Self::of_roles([HeldRole { role, client: None }]))
    }

    /// One who may do nothing any more.
    pub fn inactive() -> Self {
        Self::default()
    }

    /// Whether the permission is held for the whole firm.
    pub fn holds_everywhere(&self, permission: &str) -> bool {
        self.active && self.everywhere.contains(permission)
    }

    /// Whether the permission is held for this client, by itself or for the whole firm.
    pub fn holds_on(&self, permission: &str, client: &str) -> bool {
        self.holds_everywhere(permission)
            || (self.active && self.on.get(client).is_some_and(|held| held.contains(permission)))
    }

    /// Whether the permission is held anywhere.
    pub fn holds_somewhere(&self, permission: &str) -> bool {
        self.holds_everywhere(permission) || (self.active && self.on.values().any(|held| held.contains(permission)))
    }

    /// The clients for whom the permission is held.
    pub fn scope(&self, permission: &str) -> Scope {
        if self.holds_everywhere(permission) {
            return Scope::All;
        }
        let held = self.on.iter().filter(|(_, held)| self.active && held.contains(permission));
        Scope::Clients(held.map(|(client, _)| client.clone()).collect())
    }

    /// As the registry's AccessService tells it.
    pub fn to_wire(&self, principal: &Principal) -> wire::Grants {
        wire::Grants {
            principal: principal.name().to_owned(),
            active: self.active,
            roles: self
                .roles
                .iter()
                .map(|held| wire::HeldRole {
                    role: held.role.as_str().to_owned(),
                    client: held.client.clone().unwrap_or_default(),
                })
                .collect(),
            permissions: self.everywhere.iter().cloned().collect(),
            client_permissions: self
                .on
                .iter()
                .map(|(client, held)| wire::ClientGrants {
                    client: client.clone(),
                    permissions: held.iter().cloned().collect(),
                })
                .collect(),
        }
    }

    /// What the registry's AccessService told. A role that this release does not know is left out: its permissions are
    /// told beside it.
    pub fn from_wire(grants: wire::Grants) -> Self {
        if !grants.active {
            return Self::inactive();
        }
        let mut on: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for held in grants.client_permissions {
            on.entry(held.client).or_default().extend(held.permissions);
        }
        let roles = grants.roles.into_iter().filter_map(|held| {
            let client = Some(held.client).filter(|client| !client.is_empty());
            Role::parse(&held.role).map(|role| HeldRole { role, client })
        });
        Self { everywhere: grants.permissions.into_iter().collect(), on, roles: roles.collect(), active: true }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn manager_of_acme() -> Grants {
        Grants::of_roles([HeldRole { role: Role::AccountManager, client: Some("clients/acme".into()) }])
    }

    #[test]
    fn a_role_for_one_client_reaches_that_client_only() {
        let grants = manager_of_acme();
        assert!(grants.holds_on("clients.read", "clients/acme"));
        assert!(!grants.holds_on("clients.read", "clients/other"));
        assert!(grants.holds_somewhere("clients.read"));
        assert!(!grants.holds_everywhere("clients.read"));
        assert_eq!(grants.scope("clients.read"), Scope::Clients(["clients/acme".to_owned()].into()));
    }

    #[test]
    fn a_role_for_the_firm_reaches_every_client() {
        let grants = Grants::of_roles([HeldRole { role: Role::Management, client: None }]);
        assert!(grants.holds_on("clients.read", "clients/any"));
        assert_eq!(grants.scope("clients.read"), Scope::All);
        assert!(grants.scope("clients.read").contains("clients/any"));
    }

    #[test]
    fn one_who_left_holds_nothing_whatever_is_written_beside() {
        let grants = Grants { active: false, ..manager_of_acme() };
        assert!(!grants.holds_on("clients.read", "clients/acme"));
        assert!(!grants.holds_somewhere("clients.read"));
        assert_eq!(grants.scope("clients.read"), Scope::Clients(BTreeSet::new()));
    }

    #[test]
    fn grants_survive_the_wire() {
        let anna = Principal::parse("staff/anna").unwrap();
        let grants = Grants::of_roles([
            HeldRole { role: Role::AccountManager, client: Some("clients/acme".into()) },
            HeldRole { role: Role::Auditor, client: None },
        ]);
        assert_eq!(Grants::from_wire(grants.to_wire(&anna)), grants);
        assert_eq!(Grants::from_wire(Grants::inactive().to_wire(&anna)), Grants::inactive());
    }
}
