use sea_orm::{DbErr, RuntimeErr, SqlxError};

/// Whether the trouble lies with the database as a whole or with a rival transaction, not with what was being done: such
/// a failure is tried again for as long as it takes, and counts against nobody.
pub fn is_transient(error: &DbErr) -> bool {
    let runtime = match error {
        DbErr::ConnectionAcquire(_) => return true,
        DbErr::Conn(error) | DbErr::Exec(error) | DbErr::Query(error) => error,
        _ => return false,
    };
    let RuntimeErr::SqlxError(runtime) = runtime else { return matches!(error, DbErr::Conn(_)) };
    match &**runtime {
        SqlxError::Database(error) => error.code().is_some_and(|code| match code.as_ref() {
            // SQLite: busy and locked, with their extended forms.
            "5" | "6" | "261" | "262" | "517" => true,
            // PostgreSQL: connection, rollback for a rival's sake, resources, operator, system.
            code => code.len() == 5 && ["08", "40", "53", "57P", "58"].iter().any(|class| code.starts_with(class)),
        }),
        SqlxError::Io(_)
        | SqlxError::Tls(_)
        | SqlxError::Protocol(_)
        | SqlxError::PoolTimedOut
        | SqlxError::PoolClosed
        | SqlxError::WorkerCrashed => true,
        _ => false,
    }
}
