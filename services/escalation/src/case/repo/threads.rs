//! Which case a mail and a conversation belong to.

use command::{Fault, Unit};
use database::{ConnectionTrait, Value, exec, query_one};

/// Whether a mail belongs to some case, as a word or noted.
///
/// # Errors
/// The database's.
pub async fn is_known_mail<C: ConnectionTrait>(conn: &C, mail: &str) -> Result<bool, Fault> {
    let sql = "SELECT 1 AS one FROM case_mail WHERE mail = ?";
    Ok(query_one(conn, sql, vec![mail.into()]).await?.is_some())
}

/// Whether a mail belongs to some case as a word of the client's side.
///
/// # Errors
/// The database's.
pub async fn is_known_word<C: ConnectionTrait>(conn: &C, mail: &str) -> Result<bool, Fault> {
    let sql = "SELECT 1 AS one FROM case_mail WHERE mail = ? AND word = 1";
    Ok(query_one(conn, sql, vec![mail.into()]).await?.is_some())
}

/// Notes that a mail is a word on a case, also where it was only noted before: whose it is may come out later, when somebody
/// attributes it from triage.
///
/// # Errors
/// The database's.
pub async fn is_word_on(unit: &Unit<'_>, mail: &str, case: &str) -> Result<(), Fault> {
    let sql = "INSERT INTO case_mail (mail, case_id, word) VALUES (?, ?, 1) \
               ON CONFLICT (mail) DO UPDATE SET case_id = excluded.case_id, word = 1";
    exec(unit.tx(), sql, vec![mail.into(), case.into()]).await?;
    Ok(())
}

/// Notes that a mail lies on a case without being anybody's word.
///
/// # Errors
/// The database's.
pub async fn is_noted_on(unit: &Unit<'_>, mail: &str, case: &str) -> Result<(), Fault> {
    let sql = "INSERT INTO case_mail (mail, case_id, word) VALUES (?, ?, 0) ON CONFLICT (mail) DO NOTHING";
    exec(unit.tx(), sql, vec![mail.into(), case.into()]).await?;
    Ok(())
}

/// Takes the lock on a client's conversation and gives the newest case of it, where there is one.
///
/// # Errors
/// The database's.
pub async fn lock_thread(unit: &Unit<'_>, client: &str, thread: &str) -> Result<Option<String>, Fault> {
    let key: Vec<Value> = vec![client.into(), thread.into()];
    let insert = "INSERT INTO case_thread (client, thread) VALUES (?, ?) ON CONFLICT (client, thread) DO NOTHING";
    exec(unit.tx(), insert, key.clone()).await?;
    let lock = database::for_update(unit.tx().get_database_backend());
    let sql = format!("SELECT case_id FROM case_thread WHERE client = ? AND thread = ?{lock}");
    let row = query_one(unit.tx(), &sql, key).await?;
    Ok(row.map(|row| row.try_get::<Option<String>>("", "case_id")).transpose()?.flatten())
}

/// The newest case of a client's conversation.
///
/// # Errors
/// The database's.
pub async fn find_by_thread<C: ConnectionTrait>(conn: &C, client: &str, thread: &str) -> Result<Option<String>, Fault> {
    let sql = "SELECT case_id FROM case_thread WHERE client = ? AND thread = ?";
    let row = query_one(conn, sql, vec![client.into(), thread.into()]).await?;
    Ok(row.map(|row| row.try_get::<Option<String>>("", "case_id")).transpose()?.flatten())
}

/// Makes a case the newest of its conversation.
///
/// # Errors
/// The database's.
pub async fn set_thread(unit: &Unit<'_>, client: &str, thread: &str, case: &str) -> Result<(), Fault> {
    let sql = "UPDATE case_thread SET case_id = ? WHERE client = ? AND thread = ?";
    exec(unit.tx(), sql, vec![case.into(), client.into(), thread.into()]).await?;
    Ok(())
}
