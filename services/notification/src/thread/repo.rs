//! The only code that touches the tables `thread`, `thread_message` and `case_link`.

use business_time::Timestamp;
use command::{Fault, Unit, new_id};
use database::{ConnectionTrait, DatabaseTransaction, exec, for_update, micros, query_all, query_one};
use keyring::{Keyring, Owner, Place, Purpose};
use sea_orm::{EntityTrait, IntoActiveModel};

use super::entity::{CaseLink, Thread};
use crate::{db::entities::thread as row, mail::entity::Answered};

/// The blind index of a Message-ID.
pub fn index(keyring: &Keyring, message_id: &str) -> String {
    if message_id.is_empty() { String::new() } else { keyring.blind_index("message-id", message_id) }
}

/// The conversations on which these Message-IDs lie, the nearest first.
pub async fn answered<C: ConnectionTrait>(
    conn: &C,
    keyring: &Keyring,
    references: &[String],
) -> Result<Vec<Answered>, Fault> {
    let indexes: Vec<_> = references.iter().map(|id| index(keyring, id)).collect();
    if indexes.is_empty() {
        return Ok(Vec::new());
    }
    let marks = vec!["?"; indexes.len()].join(", ");
    let sql = format!(
        "SELECT m.message_index, t.id, t.client, t.case_name FROM thread_message m JOIN thread t ON t.id = m.thread \
         WHERE m.message_index IN ({marks}) ORDER BY t.create_time DESC, t.id DESC"
    );
    let rows = query_all(conn, &sql, indexes.iter().map(|index| index.as_str().into()).collect()).await?;
    let mut found: Vec<(usize, Answered)> = Vec::new();
    for row in rows {
        let index: String = row.try_get("", "message_index")?;
        let place = indexes.iter().position(|known| *known == index).unwrap_or(usize::MAX);
        let answered = Answered {
            thread: row.try_get("", "id")?,
            client: row.try_get("", "client")?,
            case: row.try_get("", "case_name")?,
        };
        found.push((place, answered));
    }
    found.sort_by_key(|(place, _)| *place);
    Ok(found.into_iter().map(|(_, answered)| answered).collect())
}

/// Begins a conversation with a client.
pub async fn begin(unit: &Unit<'_>, client: &str, case: &str, subject: &str) -> Result<Thread, Fault> {
    let id = new_id();
    let place = Place::new("thread", "subject", &id);
    let sealed = unit.keyring().seal(unit.tx(), &Owner::new(client), Purpose::Erasable, place, subject).await?;
    let thread = Thread {
        id: id.clone(),
        client: client.to_owned(),
        case: case.to_owned(),
        last_contact: String::new(),
        last_mail: String::new(),
        subject: sealed.clone(),
    };
    let model = row::Model {
        id,
        client: thread.client.clone(),
        case_name: thread.case.clone(),
        last_contact: String::new(),
        last_mail: String::new(),
        subject: sealed,
        create_time: micros(unit.now()),
    };
    row::Entity::insert(model.into_active_model()).exec_without_returning(unit.tx()).await?;
    Ok(thread)
}

/// A conversation by its id.
pub async fn find<C: ConnectionTrait>(conn: &C, id: &str) -> Result<Option<Thread>, Fault> {
    let found = row::Entity::find_by_id(id).one(conn).await?;
    Ok(found.map(|row| Thread {
        id: row.id,
        client: row.client,
        case: row.case_name,
        last_contact: row.last_contact,
        last_mail: row.last_mail,
        subject: row.subject,
    }))
}

/// A conversation by its id, its row locked.
pub async fn lock(tx: &DatabaseTransaction, id: &str) -> Result<Option<Thread>, Fault> {
    let sql = format!("SELECT id FROM thread WHERE id = ?{}", for_update(tx.get_database_backend()));
    match query_one(tx, &sql, vec![id.into()]).await? {
        Some(_) => find(tx, id).await,
        None => Ok(None),
    }
}

/// What the conversation is about.
pub async fn subject<C: ConnectionTrait>(conn: &C, keyring: &Keyring, thread: &Thread) -> Result<String, Fault> {
    let place = Place::new("thread", "subject", &thread.id);
    Ok(keyring.open(conn, &Owner::new(&*thread.client), Purpose::Erasable, place, &thread.subject).await?)
}

/// Puts a mail, in or out, on the conversation.
pub async fn remember(
    tx: &DatabaseTransaction,
    keyring: &Keyring,
    thread: &str,
    message_id: &str,
) -> Result<(), Fault> {
    if thread.is_empty() || message_id.is_empty() {
        return Ok(());
    }
    let sql = "INSERT INTO thread_message (message_index, thread) VALUES (?, ?) ON CONFLICT DO NOTHING";
    exec(tx, sql, vec![index(keyring, message_id).into(), thread.into()]).await?;
    Ok(())
}

/// Notes who of the client wrote last, by the time of receipt.
pub async fn client_wrote(
    tx: &DatabaseTransaction,
    thread: &str,
    contact: &str,
    mail: &str,
    receive_time: Timestamp,
) -> Result<(), Fault> {
    // A mail that lay in triage meanwhile is not the last one.
    let sql = "UPDATE thread SET last_contact = ?, last_mail = ? WHERE id = ? AND NOT EXISTS \
               (SELECT 1 FROM mail WHERE mail.id = thread.last_mail AND mail.receive_time > ?)";
    exec(tx, sql, vec![contact.into(), mail.into(), thread.into(), micros(receive_time).into()]).await?;
    Ok(())
}

/// Remembers a case, its client and its conversation. The latest case about a conversation is that conversation's.
pub async fn link_case(
    tx: &DatabaseTransaction,
    case: &str,
    link: &CaseLink,
    open_time: Timestamp,
) -> Result<(), Fault> {
    remember_case(tx, case, link, open_time, true).await
}

/// As [`link_case`]; `latest`: whether it is the latest about its conversation.
pub async fn remember_case(
    tx: &DatabaseTransaction,
    case: &str,
    link: &CaseLink,
    open_time: Timestamp,
    latest: bool,
) -> Result<(), Fault> {
    let sql = "INSERT INTO case_link (case_name, client, engagement, thread, opener, open_time) \
               VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (case_name) DO NOTHING";
    let values = vec![
        case.into(),
        link.client.as_str().into(),
        link.engagement.as_str().into(),
        link.thread.as_str().into(),
        link.opener.as_str().into(),
        micros(open_time).into(),
    ];
    exec(tx, sql, values).await?;
    if latest && !link.thread.is_empty() { set_case(tx, &link.thread, &link.client, case).await } else { Ok(()) }
}

/// Gives a case that had none its conversation.
pub async fn give_thread(tx: &DatabaseTransaction, case: &str, client: &str, thread: &str) -> Result<(), Fault> {
    exec(tx, "UPDATE case_link SET thread = ? WHERE case_name = ?", vec![thread.into(), case.into()]).await?;
    set_case(tx, thread, client, case).await
}

async fn set_case(tx: &DatabaseTransaction, thread: &str, client: &str, case: &str) -> Result<(), Fault> {
    let sql = "UPDATE thread SET case_name = ? WHERE id = ? AND client = ?";
    exec(tx, sql, vec![case.into(), thread.into(), client.into()]).await?;
    Ok(())
}

/// What is known of a case; none where it was not heard of.
pub async fn find_case<C: ConnectionTrait>(conn: &C, case: &str, lock: &str) -> Result<Option<CaseLink>, Fault> {
    let sql = format!("SELECT client, engagement, thread, opener FROM case_link WHERE case_name = ?{lock}");
    let found = query_one(conn, &sql, vec![case.into()]).await?;
    let link = found.map(|row| -> Result<CaseLink, Fault> {
        Ok(CaseLink {
            client: row.try_get("", "client")?,
            engagement: row.try_get("", "engagement")?,
            thread: row.try_get("", "thread")?,
            opener: row.try_get("", "opener")?,
        })
    });
    link.transpose()
}

/// Whether a case about this conversation was opened later.
pub async fn has_later_case(tx: &DatabaseTransaction, thread: &str, open_time: Timestamp) -> Result<bool, Fault> {
    let sql = "SELECT 1 AS one FROM case_link WHERE thread = ? AND thread <> '' AND open_time > ? LIMIT 1";
    Ok(query_one(tx, sql, vec![thread.into(), micros(open_time).into()]).await?.is_some())
}
