//! Which cases rest on a calendar, policy or data that is another one now.

use command::Fault;
use database::{ConnectionTrait, QueryResult, Value, query_all};

/// Which cases are to be looked at again, because what their clock rests on is not what is known now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unsettled {
    /// A client's, whose calendar became known or is another one.
    OfClient(String),
    /// Those on a calendar that changed.
    OnCalendar(String),
    /// Those whose clock rests on another zone database or holiday table than this release carries.
    OnOlderData,
    /// Those without a policy.
    WithoutPolicy,
}

/// Their ids in order, behind `after`; `data` names the zone database and holiday table of this release.
///
/// # Errors
/// The database's.
pub async fn unsettled<C: ConnectionTrait>(
    conn: &C,
    which: &Unsettled,
    data: &str,
    after: &str,
    limit: i64,
) -> Result<Vec<String>, Fault> {
    let (term, subject) = match which {
        Unsettled::WithoutPolicy => {
            let sql = "SELECT id FROM client_case WHERE policy_version = 0 AND id > ? ORDER BY id LIMIT ?";
            return ids(query_all(conn, sql, vec![after.into(), limit.into()]).await?);
        }
        Unsettled::OfClient(client) => ("c.clock_client = ? AND ", Some(client)),
        Unsettled::OnCalendar(calendar) => ("k.calendar = ? AND ", Some(calendar)),
        Unsettled::OnOlderData => ("", None),
    };
    let sql = format!(
        "SELECT c.id AS id FROM client_case c JOIN client_copy k ON k.client = c.clock_client \
         JOIN calendar_copy l ON l.name = k.calendar \
         WHERE {term}c.clock_client IS NOT NULL AND (c.clock_calendar IS NULL OR c.clock_calendar <> l.name \
         OR c.clock_revision < l.revision OR c.clock_data <> ?) AND c.id > ? ORDER BY c.id LIMIT ?"
    );
    let mut values: Vec<Value> = subject.map(|subject| subject.as_str().into()).into_iter().collect();
    values.extend([data.into(), after.into(), limit.into()]);
    ids(query_all(conn, &sql, values).await?)
}

/// How a release's zone database and holiday table are named on a row.
pub fn data_key(tzdb_version: &str, holidays_version: &str) -> String {
    format!("{tzdb_version}, {holidays_version}")
}

fn ids(rows: Vec<QueryResult>) -> Result<Vec<String>, Fault> {
    Ok(rows.iter().map(|row| row.try_get("", "id")).collect::<Result<_, _>>()?)
}
