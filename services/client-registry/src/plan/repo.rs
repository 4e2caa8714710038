//! The table `plan`; what is agreed is sealed under the client's erasable key, since milestones have names.

use command::Fault;
use database::{ConnectionTrait, DatabaseTransaction, instant, micros};
use keyring::{Keyring, Owner, Place, Purpose};
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel, QuerySelect, sea_query::OnConflict};

use super::entity::{Agreed, Plan};
use crate::{db::entities::plan, revision, store::unreadable};

/// Inserts a plan; false where the engagement has one.
pub(super) async fn insert(tx: &DatabaseTransaction, keyring: &Keyring, new: &Plan) -> Result<bool, Fault> {
    let key = [plan::Column::Client, plan::Column::Engagement];
    let row = to_row(tx, keyring, new).await?.into_active_model();
    let insert = plan::Entity::insert(row).on_conflict(OnConflict::columns(key).do_nothing().to_owned());
    Ok(insert.exec_without_returning(tx).await? == 1)
}

pub(super) async fn update(tx: &DatabaseTransaction, keyring: &Keyring, changed: &Plan) -> Result<(), Fault> {
    to_row(tx, keyring, changed).await?.into_active_model().reset_all().update(tx).await?;
    Ok(())
}

pub(super) async fn find<C: ConnectionTrait>(
    conn: &C,
    keyring: &Keyring,
    client: &str,
    engagement: &str,
) -> Result<Option<Plan>, Fault> {
    let row = plan::Entity::find_by_id((client.to_owned(), engagement.to_owned())).one(conn).await?;
    opened(conn, keyring, row).await
}

pub(super) async fn find_locked(
    tx: &DatabaseTransaction,
    keyring: &Keyring,
    client: &str,
    engagement: &str,
) -> Result<Option<Plan>, Fault> {
    let query = plan::Entity::find_by_id((client.to_owned(), engagement.to_owned())).lock_exclusive();
    opened(tx, keyring, query.one(tx).await?).await
}

async fn to_row(tx: &DatabaseTransaction, keyring: &Keyring, of: &Plan) -> Result<plan::Model, Fault> {
    let agreed = serde_json::to_string(&of.agreed).map_err(|error| unreadable("plan", error))?;
    let (owner, key) = (Owner::client(&of.client), row_key(&of.client, &of.engagement));
    Ok(plan::Model {
        client: of.client.clone(),
        engagement: of.engagement.clone(),
        revision: revision::stored(of.revision),
        agreed: keyring.seal(tx, &owner, Purpose::Erasable, place(&key), &agreed).await?,
        create_time: micros(of.create_time),
        update_time: micros(of.update_time),
    })
}

async fn opened<C: ConnectionTrait>(
    conn: &C,
    keyring: &Keyring,
    row: Option<plan::Model>,
) -> Result<Option<Plan>, Fault> {
    let Some(row) = row else { return Ok(None) };
    let (owner, key) = (Owner::client(&row.client), row_key(&row.client, &row.engagement));
    let agreed = keyring.open(conn, &owner, Purpose::Erasable, place(&key), &row.agreed).await?;
    let agreed: Agreed = serde_json::from_str(&agreed).map_err(|error| unreadable("plan", error))?;
    Ok(Some(Plan {
        client: row.client,
        engagement: row.engagement,
        agreed,
        revision: revision::read(row.revision),
        create_time: instant(row.create_time)?,
        update_time: instant(row.update_time)?,
    }))
}

fn row_key(client: &str, engagement: &str) -> String {
    format!("{client}/{engagement}")
}

fn place(key: &str) -> Place<'_> {
    Place::new("plan", "agreed", key)
}
