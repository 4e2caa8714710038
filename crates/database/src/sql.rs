//! Statements with `?` for both databases, times as microseconds, and the locking clauses.

use jiff::Timestamp;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Statement, Value};

/// Microseconds since the epoch, the form in which times are stored.
pub fn micros(time: Timestamp) -> i64 {
    time.as_microsecond()
}

/// The time that [`micros`] stored.
///
/// # Errors
/// Where the number lies outside the range of a timestamp, which a stored one never does.
pub fn instant(micros: i64) -> Result<Timestamp, DbErr> {
    Timestamp::from_microsecond(micros).map_err(|error| DbErr::Type(format!("stored time: {error}")))
}

/// `FOR UPDATE` where rows are locked one by one; nothing on SQLite, whose transactions hold the whole file.
pub fn for_update(backend: DbBackend) -> &'static str {
    if backend == DbBackend::Postgres { " FOR UPDATE" } else { "" }
}

/// `FOR SHARE`: what a cross-row rule rests on stays as it was read until the commit.
pub fn for_share(backend: DbBackend) -> &'static str {
    if backend == DbBackend::Postgres { " FOR SHARE" } else { "" }
}

/// `FOR UPDATE SKIP LOCKED`, by which several claimers take different rows.
pub fn skip_locked(backend: DbBackend) -> &'static str {
    if backend == DbBackend::Postgres { " FOR UPDATE SKIP LOCKED" } else { "" }
}

/// Runs a statement written with `?` and tells how many rows it touched.
///
/// # Errors
/// The database's.
pub async fn exec<C: ConnectionTrait>(conn: &C, sql: &str, values: Vec<Value>) -> Result<u64, DbErr> {
    Ok(conn.execute_raw(statement(conn.get_database_backend(), sql, values)).await?.rows_affected())
}

/// The first row of a query written with `?`.
///
/// # Errors
/// The database's.
pub async fn query_one<C: ConnectionTrait>(
    conn: &C,
    sql: &str,
    values: Vec<Value>,
) -> Result<Option<QueryResult>, DbErr> {
    conn.query_one_raw(statement(conn.get_database_backend(), sql, values)).await
}

/// Every row of a query written with `?`.
///
/// # Errors
/// The database's.
pub async fn query_all<C: ConnectionTrait>(conn: &C, sql: &str, values: Vec<Value>) -> Result<Vec<QueryResult>, DbErr> {
    conn.query_all_raw(statement(conn.get_database_backend(), sql, values)).await
}

/// The statement for one of the two: `?` stays on SQLite and becomes `$1`, `$2`, … on PostgreSQL. A `?` inside quotes is
/// left alone.
pub fn statement(backend: DbBackend, sql: &str, values: Vec<Value>) -> Statement {
    let sql = if backend == DbBackend::Postgres { numbered(sql) } else { sql.to_owned() };
    Statement::from_sql_and_values(backend, sql, values)
}

fn numbered(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len() + 16);
    let (mut next, mut quoted) = (1, false);
    for letter in sql.chars() {
        match letter {
            '\'' => {
                quoted = !quoted;
                out.push(letter);
            }
            '?' if !quoted => {
                out.push('$');
                out.push_str(&next.to_string());
                next += 1;
            }
            _ => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn question_marks_are_numbered_for_postgresql_but_not_inside_quotes() {
        assert_eq!(numbered("a = ? AND b = '?' AND c = ?"), "a = $1 AND b = '?' AND c = $2");
    }
}
