//! The tables `engagement` and `engagement_member`.

use std::collections::{BTreeMap, BTreeSet};

use command::Fault;
use database::{ConnectionTrait, DatabaseTransaction, exec, for_update, instant, micros, query_all, query_one};
use keyring::{Keyring, Owner, Place, Purpose};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    sea_query::OnConflict,
};

use super::entity::{Details, Engagement};
use crate::{
    db::entities::{engagement, engagement_member},
    revision,
};

/// Inserts an engagement and its members; false where the id is taken.
pub(super) async fn insert(tx: &DatabaseTransaction, keyring: &Keyring, new: &Engagement) -> Result<bool, Fault> {
    let key = [engagement::Column::Client, engagement::Column::Id];
    let row = to_row(tx, keyring, new).await?.into_active_model();
    let insert = engagement::Entity::insert(row).on_conflict(OnConflict::columns(key).do_nothing().to_owned());
    if insert.exec_without_returning(tx).await? == 0 {
        return Ok(false);
    }
    insert_members(tx, new).await?;
    Ok(true)
}

pub(super) async fn update(tx: &DatabaseTransaction, keyring: &Keyring, changed: &Engagement) -> Result<(), Fault> {
    to_row(tx, keyring, changed).await?.into_active_model().reset_all().update(tx).await?;
    let sql = "DELETE FROM engagement_member WHERE client = ? AND engagement = ?";
    exec(tx, sql, vec![changed.client.clone().into(), changed.id.clone().into()]).await?;
    insert_members(tx, changed).await
}

pub(super) async fn find<C: ConnectionTrait>(
    conn: &C,
    keyring: &Keyring,
    client: &str,
    id: &str,
) -> Result<Option<Engagement>, Fault> {
    let row = engagement::Entity::find_by_id((client.to_owned(), id.to_owned())).one(conn).await?;
    first(conn, keyring, client, row).await
}

pub(super) async fn exists<C: ConnectionTrait>(conn: &C, client: &str, id: &str) -> Result<bool, Fault> {
    let sql = "SELECT id FROM engagement WHERE client = ? AND id = ?";
    Ok(query_one(conn, sql, vec![client.into(), id.into()]).await?.is_some())
}

pub(super) async fn find_locked(
    tx: &DatabaseTransaction,
    keyring: &Keyring,
    client: &str,
    id: &str,
) -> Result<Option<Engagement>, Fault> {
    let row = engagement::Entity::find_by_id((client.to_owned(), id.to_owned())).lock_exclusive().one(tx).await?;
    first(tx, keyring, client, row).await
}

/// A client's engagements in the order of their ids.
pub(super) async fn list<C: ConnectionTrait>(
    conn: &C,
    keyring: &Keyring,
    client: &str,
    after: Option<&str>,
    limit: u64,
) -> Result<Vec<Engagement>, Fault> {
    let mut query = engagement::Entity::find()
        .filter(engagement::Column::Client.eq(client))
        .order_by_asc(engagement::Column::Id)
        .limit(limit);
    if let Some(after) = after {
        query = query.filter(engagement::Column::Id.gt(after));
    }
    let rows = query.all(conn).await?;
    opened(conn, keyring, client, rows).await
}

/// The lead of one engagement, or of the client's first one; held until the commit.
pub(super) async fn find_lead(
    tx: &DatabaseTransaction,
    client: &str,
    id: Option<&str>,
) -> Result<Option<String>, Fault> {
    let share = database::for_share(tx.get_database_backend());
    let row = match id {
        Some(id) => {
            let sql = format!("SELECT team_lead FROM engagement WHERE client = ? AND id = ?{share}");
            query_one(tx, &sql, vec![client.into(), id.into()]).await?
        }
        None => {
            let sql =
                format!("SELECT team_lead FROM engagement WHERE client = ? ORDER BY create_time, id LIMIT 1{share}");
            query_one(tx, &sql, vec![client.into()]).await?
        }
    };
    Ok(row.map(|row| row.try_get("", "team_lead")).transpose()?)
}

/// The engagements that a person leads or works on, locked in the order of their ids.
pub(super) async fn list_locked_of(
    tx: &DatabaseTransaction,
    keyring: &Keyring,
    staff: &str,
) -> Result<Vec<Engagement>, Fault> {
    let lock = for_update(tx.get_database_backend());
    let sql = format!(
        "SELECT e.client, e.id FROM engagement e WHERE e.team_lead = ? \
         OR EXISTS (SELECT 1 FROM engagement_member m WHERE m.client = e.client AND m.engagement = e.id AND m.staff = ?) \
         ORDER BY e.client, e.id{lock}"
    );
    let mut found = Vec::new();
    for row in query_all(tx, &sql, vec![staff.into(), staff.into()]).await? {
        let (client, id): (String, String) = (row.try_get("", "client")?, row.try_get("", "id")?);
        // Read after it is locked, members too.
        found.extend(find(tx, keyring, &client, &id).await?);
    }
    Ok(found)
}

/// Whether a person leads or works on an engagement.
pub(super) async fn any_of<C: ConnectionTrait>(conn: &C, staff: &str) -> Result<bool, Fault> {
    let sql = "SELECT client FROM engagement WHERE team_lead = ? UNION ALL \
               SELECT client FROM engagement_member WHERE staff = ? LIMIT 1";
    Ok(query_one(conn, sql, vec![staff.into(), staff.into()]).await?.is_some())
}

async fn insert_members(tx: &DatabaseTransaction, of: &Engagement) -> Result<(), Fault> {
    let rows = of.details.team_members.iter().map(|staff| {
        engagement_member::Model { client: of.client.clone(), engagement: of.id.clone(), staff: staff.clone() }
            .into_active_model()
    });
    let rows: Vec<_> = rows.collect();
    if !rows.is_empty() {
        engagement_member::Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    Ok(())
}

async fn to_row(tx: &DatabaseTransaction, keyring: &Keyring, of: &Engagement) -> Result<engagement::Model, Fault> {
    let (owner, key) = (Owner::client(&of.client), row_key(&of.client, &of.id));
    let sealed = keyring.seal(tx, &owner, Purpose::Erasable, place(&key), &of.details.display_name).await?;
    Ok(engagement::Model {
        client: of.client.clone(),
        id: of.id.clone(),
        revision: revision::stored(of.revision),
        display_name: sealed,
        team_lead: of.details.team_lead.clone(),
        create_time: micros(of.create_time),
        update_time: micros(of.update_time),
    })
}

async fn first<C: ConnectionTrait>(
    conn: &C,
    keyring: &Keyring,
    client: &str,
    row: Option<engagement::Model>,
) -> Result<Option<Engagement>, Fault> {
    Ok(opened(conn, keyring, client, row.into_iter().collect()).await?.pop())
}

/// Rows of one client with their members, opened.
async fn opened<C: ConnectionTrait>(
    conn: &C,
    keyring: &Keyring,
    client: &str,
    rows: Vec<engagement::Model>,
) -> Result<Vec<Engagement>, Fault> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let members = engagement_member::Entity::find()
        .filter(engagement_member::Column::Client.eq(client))
        .filter(engagement_member::Column::Engagement.is_in(rows.iter().map(|row| row.id.clone())))
        .all(conn)
        .await?;
    let mut teams: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for member in members {
        teams.entry(member.engagement).or_default().insert(member.staff);
    }
    let owner = Owner::client(client);
    let mut all = Vec::with_capacity(rows.len());
    for row in rows {
        let key = row_key(&row.client, &row.id);
        let display_name = keyring.open(conn, &owner, Purpose::Erasable, place(&key), &row.display_name).await?;
        let team_members = teams.remove(&row.id).unwrap_or_default();
        all.push(Engagement {
            client: row.client,
            id: row.id,
            details: Details { display_name, team_lead: row.team_lead, team_members },
            revision: revision::read(row.revision),
            create_time: instant(row.create_time)?,
            update_time: instant(row.update_time)?,
        });
    }
    Ok(all)
}

fn row_key(client: &str, id: &str) -> String {
    format!("{client}/{id}")
}

fn place(key: &str) -> Place<'_> {
    Place::new("engagement", "display_name", key)
}
