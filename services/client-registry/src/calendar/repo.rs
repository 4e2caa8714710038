//! The table `calendar`.

use business_time::CalendarSpec;
use command::Fault;
use database::{ConnectionTrait, DatabaseTransaction, instant, micros};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    sea_query::OnConflict,
};

use super::entity::Calendar;
use crate::{db::entities::calendar, revision, store::unreadable};

/// Inserts a calendar; false where the id is taken.
pub(super) async fn insert(tx: &DatabaseTransaction, new: &Calendar) -> Result<bool, Fault> {
    let nothing = OnConflict::column(calendar::Column::Id).do_nothing().to_owned();
    let insert = calendar::Entity::insert(to_row(new)?.into_active_model()).on_conflict(nothing);
    Ok(insert.exec_without_returning(tx).await? == 1)
}

pub(super) async fn update(tx: &DatabaseTransaction, changed: &Calendar) -> Result<(), Fault> {
    to_row(changed)?.into_active_model().reset_all().update(tx).await?;
    Ok(())
}

pub(super) async fn find<C: ConnectionTrait>(conn: &C, id: &str) -> Result<Option<Calendar>, Fault> {
    calendar::Entity::find_by_id(id.to_owned()).one(conn).await?.map(from_row).transpose()
}

pub(super) async fn find_locked(tx: &DatabaseTransaction, id: &str) -> Result<Option<Calendar>, Fault> {
    calendar::Entity::find_by_id(id.to_owned()).lock_exclusive().one(tx).await?.map(from_row).transpose()
}

pub(super) async fn list<C: ConnectionTrait>(
    conn: &C,
    after: Option<&str>,
    limit: u64,
) -> Result<Vec<Calendar>, Fault> {
    let mut query = calendar::Entity::find().order_by_asc(calendar::Column::Id).limit(limit);
    if let Some(after) = after {
        query = query.filter(calendar::Column::Id.gt(after));
    }
    query.all(conn).await?.into_iter().map(from_row).collect()
}

pub(super) async fn list_named<C: ConnectionTrait>(conn: &C, ids: Vec<String>) -> Result<Vec<Calendar>, Fault> {
    let query = calendar::Entity::find().filter(calendar::Column::Id.is_in(ids)).order_by_asc(calendar::Column::Id);
    query.all(conn).await?.into_iter().map(from_row).collect()
}

fn to_row(calendar: &Calendar) -> Result<calendar::Model, Fault> {
    let spec = serde_json::to_string(&calendar.spec).map_err(|error| unreadable("calendar", error))?;
    Ok(calendar::Model {
        id: calendar.spec.id.clone(),
        revision: revision::stored(calendar.spec.revision),
        spec,
        create_time: micros(calendar.create_time),
        update_time: micros(calendar.update_time),
    })
}

fn from_row(row: calendar::Model) -> Result<Calendar, Fault> {
    let spec: CalendarSpec = serde_json::from_str(&row.spec).map_err(|error| unreadable("calendar", error))?;
    Ok(Calendar { spec, create_time: instant(row.create_time)?, update_time: instant(row.update_time)? })
}
