//! Who stands in for whom at a moment (SOP 9): a chain of deputies, followed until somebody can act, and never around. It
//! passes on what a person is at clients and engagements, and no role for the whole firm. An auditor, who changes nothing, is
//! passed over wherever they stand in it.

use std::collections::BTreeSet;

use business_time::Timestamp;
use command::Fault;
use database::ConnectionTrait;

use super::repo::{self, FirmRole, Holder};

/// Who acts for a person at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The person themselves.
    Here,
    /// This deputy, or a deputy's deputy.
    Deputy(String),
    /// Nobody along the chain can act.
    Nobody,
    /// There is no such person.
    Unknown,
}

/// Who acts for a person at `now`: themselves where they are active and not absent; else the first along the chain of
/// deputies who is and is no auditor.
///
/// # Errors
/// The database's.
pub(crate) async fn stand_in<C: ConnectionTrait>(conn: &C, id: &str, now: Timestamp) -> Result<Standing, Fault> {
    let Some(link) = repo::find_link(conn, id, now).await? else { return Ok(Standing::Unknown) };
    if link.active && !link.absent {
        return Ok(Standing::Here);
    }
    Ok(acting_deputy(conn, id, link.deputy, now).await?.map_or(Standing::Nobody, Standing::Deputy))
}

/// The first along a person's chain of deputies who could act for them at `now`, whether or not they are there themselves.
///
/// # Errors
/// The database's.
pub(crate) async fn deputy<C: ConnectionTrait>(conn: &C, id: &str, now: Timestamp) -> Result<Option<String>, Fault> {
    let first = repo::find_link(conn, id, now).await?.and_then(|link| link.deputy);
    acting_deputy(conn, id, first, now).await
}

async fn acting_deputy<C: ConnectionTrait>(
    conn: &C,
    id: &str,
    first: Option<String>,
    now: Timestamp,
) -> Result<Option<String>, Fault> {
    along(conn, id, first, |link| link.active && !link.absent && !link.roles.auditor, now).await
}

/// The first active deputy along the chain who is no auditor, absent or not: who takes over for good.
pub(super) async fn heir<C: ConnectionTrait>(conn: &C, id: &str, now: Timestamp) -> Result<Option<String>, Fault> {
    let deputy = repo::find_link(conn, id, now).await?.and_then(|link| link.deputy);
    along(conn, id, deputy, |link| link.active && !link.roles.auditor, now).await
}

async fn along<C: ConnectionTrait>(
    conn: &C,
    from: &str,
    first: Option<String>,
    suits: impl Fn(&repo::Link) -> bool,
    now: Timestamp,
) -> Result<Option<String>, Fault> {
    let mut seen = BTreeSet::from([from.to_owned()]);
    let mut next = first;
    while let Some(id) = next {
        if !seen.insert(id.clone()) {
            return Ok(None);
        }
        let Some(link) = repo::find_link(conn, &id, now).await? else { return Ok(None) };
        if suits(&link) {
            return Ok(Some(id));
        }
        next = link.deputy;
    }
    Ok(None)
}

/// The people for whom this one acts at `now`, themselves not among them: the same chains, walked backwards. Nobody while
/// this person cannot act either, since the chain then leads past them. Auditors whom it leads past are among them, and
/// nothing is theirs.
///
/// # Errors
/// The database's.
pub(crate) async fn represented_by<C: ConnectionTrait>(
    conn: &C,
    id: &str,
    now: Timestamp,
) -> Result<BTreeSet<String>, Fault> {
    let mut found = BTreeSet::new();
    match repo::find_link(conn, id, now).await? {
        Some(link) if link.active && !link.absent && !link.roles.auditor => {}
        _ => return Ok(found),
    }
    let mut frontier = vec![id.to_owned()];
    while let Some(deputy) = frontier.pop() {
        for away in repo::list_represented(conn, &deputy, now).await? {
            if away != id && found.insert(away.clone()) {
                frontier.push(away);
            }
        }
    }
    Ok(found)
}

/// Who holds a role for the whole firm and is active, in the order of their ids; absent ones among them. An absence passes
/// no such role on: whoever else may act is one of them.
///
/// # Errors
/// The database's.
pub(crate) async fn holders<C: ConnectionTrait>(
    conn: &C,
    role: FirmRole,
    now: Timestamp,
) -> Result<Vec<Holder>, Fault> {
    repo::list_holders(conn, role, now).await
}
