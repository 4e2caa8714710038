//! Which errors are nobody's fault, told by their codes: their texts follow the server's language.

use sea_orm::{DbErr, RuntimeErr, SqlxError};

/// SQLite: busy and locked, with their extended forms.
const SQLITE_BUSY: [&str; 5] = ["5", "6", "261", "262", "517"];

/// Whether the trouble lies with the database as a whole or with a rival transaction, not with what was being done: such
/// a failure is tried again for as long as it takes, and counts against nobody.
pub fn is_transient(error: &DbErr) -> bool {
    if matches!(error, DbErr::ConnectionAcquire(_)) {
        return true;
    }
    let Some(driver) = driver(error) else { return matches!(error, DbErr::Conn(_)) };
    match driver {
        // PostgreSQL: connection, rollback for a rival's sake, resources, operator, system.
        SqlxError::Database(_) => code(driver).is_some_and(|code| {
            SQLITE_BUSY.contains(&code.as_str())
                || code.len() == 5 && ["08", "40", "53", "57P", "58"].iter().any(|class| code.starts_with(class))
        }),
        SqlxError::PoolTimedOut | SqlxError::PoolClosed | SqlxError::WorkerCrashed => true,
        driver => is_broken_pipe(driver),
    }
}

/// Whether another transaction was in the way, so that the same one may succeed when it is tried again: a serialization
/// failure, a deadlock, SQLite's writer.
pub(crate) fn is_conflict(error: &DbErr) -> bool {
    driver(error)
        .and_then(code)
        .is_some_and(|code| SQLITE_BUSY.contains(&code.as_str()) || ["40001", "40P01"].contains(&code.as_str()))
}

/// Whether the connection was dead, or was ended by the server.
pub(crate) fn is_lost_connection(error: &DbErr) -> bool {
    driver(error).is_some_and(|driver| {
        is_broken_pipe(driver) || code(driver).is_some_and(|code| code.starts_with("08") || code.starts_with("57P"))
    })
}

fn is_broken_pipe(driver: &SqlxError) -> bool {
    matches!(driver, SqlxError::Io(_) | SqlxError::Tls(_) | SqlxError::Protocol(_))
}

fn driver(error: &DbErr) -> Option<&SqlxError> {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(driver))
        | DbErr::Exec(RuntimeErr::SqlxError(driver))
        | DbErr::Query(RuntimeErr::SqlxError(driver)) => Some(driver),
        _ => None,
    }
}

fn code(driver: &SqlxError) -> Option<String> {
    match driver {
        SqlxError::Database(error) => error.code().map(Into::into),
        _ => None,
    }
}
