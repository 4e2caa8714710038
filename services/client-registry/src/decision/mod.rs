//! Who may do what, at this moment (SOP 7, SOP 9). The registry decides for the whole suite.
//!
//! | who | holds |
//! |---|---|
//! | a member of staff | firm roles everywhere; account manager, team lead and project team on their clients |
//! | a deputy | besides, the client roles of whoever they stand in for, while that lasts |
//! | a contact | its own client; confirming and rejecting only where it `confirms`, and from no address of the firm |
//! | a service | what [`access::roles`] says |
//!
//! Whoever left, or whose access expired by the business clock, holds nothing. No absence passes a firm role on, so `permit`
//! tells no deputy what such a role is for.

mod repo;

use std::{collections::BTreeSet, sync::Arc};

use access::{DecisionError, Grants, HeldRole, Principal, PrincipalKind, Role};
use business_time::{BusinessClock, Timestamp};
use command::Fault;
use repo::Assignment;

use crate::{contact, name, staff, store::Store};

/// What only a contact holds who may confirm (SOP 8.4).
const CONFIRMING: [&str; 2] = ["cases.confirm", "cases.reject"];

/// Decides from the registry's own tables. Cheap to clone; nothing is kept, so stand [`access::CachedDecisions`] in
/// front of it where calls come often.
#[derive(Clone)]
pub struct RegistryDecisions {
    store: Store,
    clock: Arc<dyn BusinessClock>,
}

impl RegistryDecisions {
    pub(crate) fn new(store: Store, clock: Arc<dyn BusinessClock>) -> Self {
        Self { store, clock }
    }

    /// What a principal may now; `None` for one who is not known.
    ///
    /// # Errors
    /// The database's.
    pub(crate) async fn decide(&self, principal: &Principal) -> Result<Option<Grants>, Fault> {
        match principal.kind() {
            PrincipalKind::Service => Ok(Grants::of_service(principal)),
            PrincipalKind::Staff => self.of_staff(principal.name(), self.clock.now()).await,
            PrincipalKind::Contact => self.of_contact(principal.name()).await,
        }
    }

    async fn of_staff(&self, name: &str, now: Timestamp) -> Result<Option<Grants>, Fault> {
        let conn = self.store.reader();
        let id = name::id_in("staff", name, "principal")?;
        let Some(person) = staff::standing(conn, id, now).await? else { return Ok(None) };
        if !person.active {
            return Ok(Some(Grants::inactive()));
        }
        let firm = [
            (person.roles.management, Role::Management),
            (person.roles.intake, Role::Intake),
            (person.roles.auditor, Role::Auditor),
        ];
        let firm = firm.into_iter().filter(|(held, _)| *held).map(|(_, role)| HeldRole { role, client: None });
        let mut roles: BTreeSet<HeldRole> = firm.collect();
        let mut acts_for = staff::represented_by(conn, id, now).await?;
        acts_for.insert(id.to_owned());
        for person in &acts_for {
            for (assignment, role) in [
                (Assignment::AccountManager, Role::AccountManager),
                (Assignment::TeamLead, Role::TeamLead),
                (Assignment::TeamMember, Role::ProjectTeam),
            ] {
                let clients = repo::list_clients(conn, assignment, person).await?;
                roles.extend(clients.iter().map(|client| HeldRole { role, client: Some(name::client(client)) }));
            }
        }
        Ok(Some(Grants::of_roles(roles)))
    }

    async fn of_contact(&self, name: &str) -> Result<Option<Grants>, Fault> {
        let (client, id) = name::ids_in("contacts", name, "principal")?;
        let Some(standing) = contact::standing(&self.store, client, id).await? else { return Ok(None) };
        if !standing.active {
            return Ok(Some(Grants::inactive()));
        }
        let client = name::client(client);
        let mut grants = Grants::of_roles([HeldRole { role: Role::ClientContact, client: Some(client.clone()) }]);
        if let Some(held) = grants.on.get_mut(&client).filter(|_| !standing.confirms) {
            held.retain(|permission| !CONFIRMING.contains(&permission.as_str()));
        }
        Ok(Some(grants))
    }
}

#[async_trait::async_trait]
impl access::Decisions for RegistryDecisions {
    async fn grants(&self, principal: &Principal) -> Result<Arc<Grants>, DecisionError> {
        match self.decide(principal).await {
            Ok(Some(grants)) => Ok(Arc::new(grants)),
            Ok(None) => Err(DecisionError::Unknown),
            Err(fault) => {
                tracing::error!(error = %fault, "decision failed");
                Err(DecisionError::Unavailable)
            }
        }
    }
}
