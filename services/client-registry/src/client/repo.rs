//! The table `client`.

use command::Fault;
use database::{ConnectionTrait, DatabaseTransaction, instant, micros};
use keyring::{Keyring, Owner, Place, Purpose};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    sea_query::OnConflict,
};

use super::entity::{Client, Readers, ReadingLevel};
use crate::{db::entities::client, revision, store::unreadable};

/// A row whose personal column is still closed.
pub(super) type Row = client::Model;

/// Inserts a client; false where the id is taken.
pub(super) async fn insert(tx: &DatabaseTransaction, keyring: &Keyring, new: &Client) -> Result<bool, Fault> {
    let nothing = OnConflict::column(client::Column::Id).do_nothing().to_owned();
    let insert = client::Entity::insert(to_row(tx, keyring, new).await?.into_active_model()).on_conflict(nothing);
    Ok(insert.exec_without_returning(tx).await? == 1)
}

pub(super) async fn update(tx: &DatabaseTransaction, keyring: &Keyring, changed: &Client) -> Result<(), Fault> {
    to_row(tx, keyring, changed).await?.into_active_model().reset_all().update(tx).await?;
    Ok(())
}

pub(super) async fn find<C: ConnectionTrait>(conn: &C, id: &str) -> Result<Option<Row>, Fault> {
    Ok(client::Entity::find_by_id(id.to_owned()).one(conn).await?)
}

pub(super) async fn find_shared(tx: &DatabaseTransaction, id: &str) -> Result<Option<Row>, Fault> {
    Ok(client::Entity::find_by_id(id.to_owned()).lock_shared().one(tx).await?)
}

pub(super) async fn find_locked(tx: &DatabaseTransaction, id: &str) -> Result<Option<Row>, Fault> {
    Ok(client::Entity::find_by_id(id.to_owned()).lock_exclusive().one(tx).await?)
}

/// The clients of an account manager, locked in the order of their ids.
pub(super) async fn list_locked_of(tx: &DatabaseTransaction, account_manager: &str) -> Result<Vec<Row>, Fault> {
    let query = client::Entity::find()
        .filter(client::Column::AccountManager.eq(account_manager))
        .order_by_asc(client::Column::Id)
        .lock_exclusive();
    Ok(query.all(tx).await?)
}

/// Whether there is a client of an account manager.
pub(super) async fn any_of<C: ConnectionTrait>(conn: &C, account_manager: &str) -> Result<bool, Fault> {
    let query = client::Entity::find().filter(client::Column::AccountManager.eq(account_manager));
    Ok(query.order_by_asc(client::Column::Id).one(conn).await?.is_some())
}

pub(super) async fn list<C: ConnectionTrait>(conn: &C, after: Option<&str>, limit: u64) -> Result<Vec<Row>, Fault> {
    let mut query = client::Entity::find().order_by_asc(client::Column::Id).limit(limit);
    if let Some(after) = after {
        query = query.filter(client::Column::Id.gt(after));
    }
    Ok(query.all(conn).await?)
}

pub(super) async fn list_named<C: ConnectionTrait>(conn: &C, ids: Vec<String>) -> Result<Vec<Row>, Fault> {
    let query = client::Entity::find().filter(client::Column::Id.is_in(ids)).order_by_asc(client::Column::Id);
    Ok(query.all(conn).await?)
}

async fn to_row(tx: &DatabaseTransaction, keyring: &Keyring, client: &Client) -> Result<Row, Fault> {
    let owner = Owner::client(&client.id);
    let sealed = keyring.seal(tx, &owner, Purpose::Erasable, place(&client.id), &client.display_name).await?;
    Ok(Row {
        id: client.id.clone(),
        revision: revision::stored(client.revision),
        display_name: sealed,
        calendar: client.calendar.clone(),
        account_manager: client.account_manager.clone(),
        create_time: micros(client.create_time),
        update_time: micros(client.update_time),
        reading_level: level_number(client.readers.level),
        glossary: serde_json::to_string(&client.readers.glossary).map_err(|error| unreadable("client", error))?,
    })
}

/// Opens a row.
pub(super) async fn open<C: ConnectionTrait>(conn: &C, keyring: &Keyring, row: Row) -> Result<Client, Fault> {
    let owner = Owner::client(&row.id);
    let display_name = keyring.open(conn, &owner, Purpose::Erasable, place(&row.id), &row.display_name).await?;
    Ok(Client { display_name, ..closed(row)? })
}

/// A row as far as it is not personal.
pub(super) fn closed(row: Row) -> Result<Client, Fault> {
    Ok(Client {
        display_name: String::new(),
        id: row.id,
        calendar: row.calendar,
        account_manager: row.account_manager,
        readers: Readers {
            level: level_of(row.reading_level),
            glossary: serde_json::from_str(&row.glossary).map_err(|error| unreadable("client", error))?,
        },
        revision: revision::read(row.revision),
        create_time: instant(row.create_time)?,
        update_time: instant(row.update_time)?,
    })
}

fn place(id: &str) -> Place<'_> {
    Place::new("client", "display_name", id)
}

/// As the contract numbers it.
fn level_number(level: ReadingLevel) -> i64 {
    match level {
        ReadingLevel::General => 1,
        ReadingLevel::Professional => 2,
        ReadingLevel::Expert => 3,
    }
}

/// A client from before there were levels is of the general one.
fn level_of(number: i64) -> ReadingLevel {
    match number {
        2 => ReadingLevel::Professional,
        3 => ReadingLevel::Expert,
        _ => ReadingLevel::General,
    }
}
