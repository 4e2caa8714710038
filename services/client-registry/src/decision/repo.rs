//! Assignments, read across the tables that hold them.

use command::Fault;
use database::{ConnectionTrait, query_all};

/// A role at a client, as a table holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Assignment {
    AccountManager,
    TeamLead,
    TeamMember,
}

/// The ids of the clients at which somebody holds an assignment.
pub(super) async fn list_clients<C: ConnectionTrait>(
    conn: &C,
    assignment: Assignment,
    staff: &str,
) -> Result<Vec<String>, Fault> {
    let sql = match assignment {
        Assignment::AccountManager => "SELECT id AS client FROM client WHERE account_manager = ?",
        Assignment::TeamLead => "SELECT DISTINCT client FROM engagement WHERE team_lead = ?",
        Assignment::TeamMember => "SELECT DISTINCT client FROM engagement_member WHERE staff = ?",
    };
    let rows = query_all(conn, sql, vec![staff.into()]).await?;
    rows.iter().map(|row| Ok(row.try_get("", "client")?)).collect()
}
