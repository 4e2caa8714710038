//! The table `address`.

use database::{ConnectionTrait, DatabaseTransaction, DbErr, exec, query_one};

/// Gives the address to the person unless somebody has it. Of two who ask at once the second waits for the first one's
/// commit.
pub(super) async fn insert(tx: &DatabaseTransaction, blind: &str, person: &str) -> Result<bool, DbErr> {
    let sql = "INSERT INTO address (blind, person) VALUES (?, ?) ON CONFLICT (blind) DO NOTHING";
    Ok(exec(tx, sql, vec![blind.into(), person.into()]).await? == 1)
}

pub(super) async fn delete(tx: &DatabaseTransaction, person: &str) -> Result<(), DbErr> {
    exec(tx, "DELETE FROM address WHERE person = ?", vec![person.into()]).await.map(drop)
}

pub(super) async fn find<C: ConnectionTrait>(conn: &C, blind: &str) -> Result<Option<String>, DbErr> {
    let row = query_one(conn, "SELECT person FROM address WHERE blind = ?", vec![blind.into()]).await?;
    row.map(|row| row.try_get("", "person")).transpose()
}
