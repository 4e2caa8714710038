//! The only code that touches the table `suppression`.

use access::Scope;
use command::{Fault, paging::Page};
use database::{
    ConnectionTrait, DatabaseTransaction, QueryResult, Value, exec, for_update, instant, micros, query_all, query_one,
};
use keyring::{Keyring, Owner, Place, Purpose};

use super::entity::{Lifted, Suppression};

const COLUMNS: &str = "id, client, contact, address_index, notification, reason, create_time, lift_time, lifted_by, \
                       lift_reason, revision";

/// A suppression as it is stored.
#[derive(Clone, Debug)]
pub struct StoredSuppression {
    /// What is not personal.
    pub suppression: Suppression,
    lift_reason: Option<Vec<u8>>,
}

impl StoredSuppression {
    /// Where it stands in a list that begins with the newest.
    pub fn sort_key(&self) -> String {
        crate::db::key_of(self.suppression.create_time, &self.suppression.id)
    }

    /// Why it was lifted; empty while it holds.
    pub async fn lift_reason<C: ConnectionTrait>(&self, conn: &C, keyring: &Keyring) -> Result<String, Fault> {
        let Some(sealed) = &self.lift_reason else { return Ok(String::new()) };
        let owner = Owner::new(self.suppression.client.as_str());
        Ok(keyring.open(conn, &owner, Purpose::Erasable, place(&self.suppression.id), sealed).await?)
    }
}

/// Stores a new one; false where the address is suppressed already, or was by the same mail.
pub async fn insert(tx: &DatabaseTransaction, new: &Suppression) -> Result<bool, Fault> {
    let sql = "INSERT INTO suppression (id, client, contact, address_index, notification, reason, create_time, lifted_by, \
               revision) VALUES (?, ?, ?, ?, ?, ?, ?, '', ?) ON CONFLICT DO NOTHING";
    let values = vec![
        new.id.as_str().into(),
        new.client.as_str().into(),
        new.contact.as_str().into(),
        new.address_index.as_str().into(),
        new.notification.as_str().into(),
        new.reason.as_str().into(),
        micros(new.create_time).into(),
        crate::db::signed(new.revision).into(),
    ];
    Ok(exec(tx, sql, values).await? == 1)
}

/// Those of these indexes that are suppressed.
pub async fn in_force<C: ConnectionTrait>(conn: &C, client: &str, indexes: &[String]) -> Result<Vec<String>, Fault> {
    let marks = vec!["?"; indexes.len()].join(", ");
    let sql = format!(
        "SELECT address_index FROM suppression WHERE client = ? AND lift_time IS NULL AND address_index IN ({marks})"
    );
    let values = std::iter::once(client).chain(indexes.iter().map(String::as_str)).map(Value::from).collect();
    let rows = query_all(conn, &sql, values).await?;
    rows.iter().map(|row| Ok(row.try_get("", "address_index")?)).collect()
}

/// One by its id.
pub async fn find<C: ConnectionTrait>(conn: &C, id: &str) -> Result<Option<StoredSuppression>, Fault> {
    one(conn, id, "").await
}

/// One by its id, its row locked.
pub async fn lock(tx: &DatabaseTransaction, id: &str) -> Result<Option<StoredSuppression>, Fault> {
    one(tx, id, for_update(tx.get_database_backend())).await
}

async fn one<C: ConnectionTrait>(conn: &C, id: &str, lock: &str) -> Result<Option<StoredSuppression>, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM suppression WHERE id = ?{lock}");
    query_one(conn, &sql, vec![id.into()]).await?.as_ref().map(read).transpose()
}

/// Writes that it was lifted, and why.
pub async fn save_lift(
    tx: &DatabaseTransaction,
    keyring: &Keyring,
    lifted: &Suppression,
    reason: &str,
) -> Result<(), Fault> {
    let Some(Lifted { time, by }) = &lifted.lifted else { return Ok(()) };
    let owner = Owner::new(lifted.client.as_str());
    let sealed = keyring.seal(tx, &owner, Purpose::Erasable, place(&lifted.id), reason).await?;
    let sql = "UPDATE suppression SET lift_time = ?, lifted_by = ?, lift_reason = ?, revision = ? WHERE id = ?";
    let values = vec![
        micros(*time).into(),
        by.as_str().into(),
        sealed.into(),
        crate::db::signed(lifted.revision).into(),
        lifted.id.as_str().into(),
    ];
    exec(tx, sql, values).await?;
    Ok(())
}

/// The newest first, of these clients.
pub async fn list<C: ConnectionTrait>(
    conn: &C,
    scope: &Scope,
    client: &str,
    lifted_too: bool,
    page: &Page,
) -> Result<Vec<StoredSuppression>, Fault> {
    let (mut conditions, mut values) = (vec!["client <> ''".to_owned()], Vec::<Value>::new());
    if let Scope::Clients(clients) = scope {
        if clients.is_empty() {
            return Ok(Vec::new());
        }
        conditions.push(format!("client IN ({})", vec!["?"; clients.len()].join(", ")));
        values.extend(clients.iter().map(|client| Value::from(client.as_str())));
    }
    if !client.is_empty() {
        conditions.push("client = ?".to_owned());
        values.push(client.into());
    }
    if !lifted_too {
        conditions.push("lift_time IS NULL".to_owned());
    }
    if let Some((time, id)) = page.after.as_deref().and_then(crate::db::key) {
        conditions.push("(create_time < ? OR (create_time = ? AND id < ?))".to_owned());
        values.extend([time.into(), time.into(), id.into()]);
    }
    let sql = format!(
        "SELECT {COLUMNS} FROM suppression WHERE {} ORDER BY create_time DESC, id DESC LIMIT {}",
        conditions.join(" AND "),
        page.limit()
    );
    query_all(conn, &sql, values).await?.iter().map(read).collect()
}

fn place(id: &str) -> Place<'_> {
    Place::new("suppression", "lift_reason", id)
}

fn read(row: &QueryResult) -> Result<StoredSuppression, Fault> {
    let text = |column: &str| row.try_get::<String>("", column);
    let lift_time: Option<i64> = row.try_get("", "lift_time")?;
    let lifted = match lift_time {
        Some(time) => Some(Lifted { time: instant(time)?, by: text("lifted_by")? }),
        None => None,
    };
    Ok(StoredSuppression {
        suppression: Suppression {
            id: text("id")?,
            client: text("client")?,
            contact: text("contact")?,
            address_index: text("address_index")?,
            notification: text("notification")?,
            reason: text("reason")?,
            create_time: instant(row.try_get("", "create_time")?)?,
            lifted,
            revision: crate::db::unsigned(row.try_get("", "revision")?),
        },
        lift_reason: row.try_get("", "lift_reason")?,
    })
}
