//! The table `contact`.

use command::Fault;
use database::{ConnectionTrait, DatabaseTransaction, instant, micros};
use keyring::{Keyring, Owner, Place, Purpose};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    sea_query::OnConflict,
};

use super::entity::{Contact, Details};
use crate::{db::entities::contact, phones, revision};

/// How firmly a row is held until the commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    No,
    Share,
    Update,
}

/// Inserts a contact; false where the id is taken.
pub(super) async fn insert(tx: &DatabaseTransaction, keyring: &Keyring, new: &Contact) -> Result<bool, Fault> {
    let key = [contact::Column::Client, contact::Column::Id];
    let row = to_row(tx, keyring, new).await?.into_active_model();
    let insert = contact::Entity::insert(row).on_conflict(OnConflict::columns(key).do_nothing().to_owned());
    Ok(insert.exec_without_returning(tx).await? == 1)
}

pub(super) async fn update(tx: &DatabaseTransaction, keyring: &Keyring, changed: &Contact) -> Result<(), Fault> {
    to_row(tx, keyring, changed).await?.into_active_model().reset_all().update(tx).await?;
    Ok(())
}

pub(super) async fn find<C: ConnectionTrait>(
    conn: &C,
    keyring: &Keyring,
    client: &str,
    id: &str,
    hold: Hold,
) -> Result<Option<Contact>, Fault> {
    let query = contact::Entity::find_by_id((client.to_owned(), id.to_owned()));
    let query = match hold {
        Hold::No => query,
        Hold::Share => query.lock_shared(),
        Hold::Update => query.lock_exclusive(),
    };
    match query.one(conn).await? {
        Some(row) => Ok(Some(from_row(conn, keyring, row).await?)),
        None => Ok(None),
    }
}

/// What a decision about a contact rests on.
pub(super) struct Standing {
    pub confirms: bool,
    pub inactive: bool,
}

pub(super) async fn find_standing<C: ConnectionTrait>(
    conn: &C,
    client: &str,
    id: &str,
) -> Result<Option<Standing>, Fault> {
    let row = contact::Entity::find_by_id((client.to_owned(), id.to_owned())).one(conn).await?;
    Ok(row.map(|row| Standing { confirms: row.confirms, inactive: row.inactive }))
}

/// A client's contacts in the order of their ids.
pub(super) async fn list<C: ConnectionTrait>(
    conn: &C,
    keyring: &Keyring,
    client: &str,
    after: Option<&str>,
    limit: u64,
) -> Result<Vec<Contact>, Fault> {
    let mut query = contact::Entity::find()
        .filter(contact::Column::Client.eq(client))
        .order_by_asc(contact::Column::Id)
        .limit(limit);
    if let Some(after) = after {
        query = query.filter(contact::Column::Id.gt(after));
    }
    let rows = query.all(conn).await?;
    let mut contacts = Vec::with_capacity(rows.len());
    for row in rows {
        contacts.push(from_row(conn, keyring, row).await?);
    }
    Ok(contacts)
}

/// A client's active contacts who may confirm, shared in the order of their ids.
pub(super) async fn list_confirming_shared(
    tx: &DatabaseTransaction,
    keyring: &Keyring,
    client: &str,
) -> Result<Vec<Contact>, Fault> {
    let query = contact::Entity::find()
        .filter(contact::Column::Client.eq(client))
        .filter(contact::Column::Confirms.eq(true))
        .filter(contact::Column::Inactive.eq(false))
        .order_by_asc(contact::Column::Id)
        .lock_shared();
    let mut contacts = Vec::new();
    for row in query.all(tx).await? {
        contacts.push(from_row(tx, keyring, row).await?);
    }
    Ok(contacts)
}

/// A client's active contacts, shared in the order of their ids.
pub(super) async fn list_active_shared(
    tx: &DatabaseTransaction,
    keyring: &Keyring,
    client: &str,
) -> Result<Vec<Contact>, Fault> {
    let query = contact::Entity::find()
        .filter(contact::Column::Client.eq(client))
        .filter(contact::Column::Inactive.eq(false))
        .order_by_asc(contact::Column::Id)
        .lock_shared();
    let mut contacts = Vec::new();
    for row in query.all(tx).await? {
        contacts.push(from_row(tx, keyring, row).await?);
    }
    Ok(contacts)
}

async fn to_row(tx: &DatabaseTransaction, keyring: &Keyring, of: &Contact) -> Result<contact::Model, Fault> {
    let key = keyring.key(tx, &Owner::client(&of.client), Purpose::Erasable).await?;
    let row = row_key(&of.client, &of.id);
    let details = &of.details;
    let phone = details.phone.as_ref().map(|phone| key.encrypt(place("phone", &row), phone.as_bytes()));
    Ok(contact::Model {
        client: of.client.clone(),
        id: of.id.clone(),
        revision: revision::stored(of.revision),
        display_name: key.encrypt(place("display_name", &row), details.display_name.as_bytes())?,
        email: key.encrypt(place("email", &row), details.email.as_bytes())?,
        phone: phone.transpose()?,
        confirms: details.confirms,
        inactive: details.inactive,
        create_time: micros(of.create_time),
        update_time: micros(of.update_time),
        other_phones: phones::seal(&key, place("other_phones", &row), &details.other_phones)?,
        told_of_incidents: details.told_of_incidents,
    })
}

async fn from_row<C: ConnectionTrait>(conn: &C, keyring: &Keyring, row: contact::Model) -> Result<Contact, Fault> {
    let (owner, key) = (Owner::client(&row.client), row_key(&row.client, &row.id));
    let open =
        async |column, stored: &[u8]| keyring.open(conn, &owner, Purpose::Erasable, place(column, &key), stored).await;
    let details = Details {
        display_name: open("display_name", &row.display_name).await?,
        email: open("email", &row.email).await?,
        phone: match &row.phone {
            Some(phone) => Some(open("phone", phone).await?),
            None => None,
        },
        other_phones: match &row.other_phones {
            Some(sealed) => phones::read(&open("other_phones", sealed).await?)?,
            None => Vec::new(),
        },
        confirms: row.confirms,
        told_of_incidents: row.told_of_incidents,
        inactive: row.inactive,
    };
    Ok(Contact {
        client: row.client,
        id: row.id,
        details,
        revision: revision::read(row.revision),
        create_time: instant(row.create_time)?,
        update_time: instant(row.update_time)?,
    })
}

fn row_key(client: &str, id: &str) -> String {
    format!("{client}/{id}")
}

fn place<'a>(column: &'static str, row: &'a str) -> Place<'a> {
    Place::new("contact", column, row)
}
