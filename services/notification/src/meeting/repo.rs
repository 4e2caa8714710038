//! The only code that touches the table `meeting`. What is personal lies in one column, sealed under the client's erasable key.

use access::Scope;
use command::{Fault, paging::Page};
use database::{ConnectionTrait, DatabaseTransaction, for_update, instant, micros, query_one};
use keyring::{Keyring, Owner, Place, Purpose};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, EntityTrait, ExprTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect,
};

use super::entity::{Form, Meeting, Stage, Words};
use crate::db::entities::meeting as row;

/// Where a meeting stands, as lists are narrowed by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Planned,
    Held,
    Closed,
    Cancelled,
}

const STATES: [State; 4] = [State::Planned, State::Held, State::Closed, State::Cancelled];
const FORMS: [Form; 3] = [Form::Phone, Form::Video, Form::InPerson];

impl From<&Stage> for State {
    fn from(stage: &Stage) -> Self {
        match stage {
            Stage::Planned => Self::Planned,
            Stage::Held { .. } => Self::Held,
            Stage::Closed { .. } => Self::Closed,
            Stage::Cancelled => Self::Cancelled,
        }
    }
}

/// Stores a new meeting.
pub async fn insert(tx: &DatabaseTransaction, keyring: &Keyring, new: &Meeting) -> Result<(), Fault> {
    let model = to_row(tx, keyring, new).await?;
    row::Entity::insert(model.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

/// Writes what changed; its row is locked.
pub async fn save(tx: &DatabaseTransaction, keyring: &Keyring, changed: &Meeting) -> Result<(), Fault> {
    to_row(tx, keyring, changed).await?.into_active_model().reset_all().update(tx).await?;
    Ok(())
}

/// Whose a meeting is; none where there is none.
pub async fn find_client<C: ConnectionTrait>(conn: &C, id: &str) -> Result<Option<String>, Fault> {
    let found = query_one(conn, "SELECT client FROM meeting WHERE id = ?", vec![id.into()]).await?;
    Ok(found.map(|row| row.try_get("", "client")).transpose()?)
}

/// A meeting by its id.
pub async fn find<C: ConnectionTrait>(conn: &C, keyring: &Keyring, id: &str) -> Result<Option<Meeting>, Fault> {
    let Some(row) = row::Entity::find_by_id(id).one(conn).await? else { return Ok(None) };
    let owner = Owner::new(row.client.as_str());
    let words = keyring.open(conn, &owner, Purpose::Erasable, place(&row.id), &row.words).await?;
    let words = serde_json::from_str(&words).map_err(|_| strange("form of words"))?;
    from_row(row, words).map(Some)
}

/// A meeting by its id, its row locked.
pub async fn lock(tx: &DatabaseTransaction, keyring: &Keyring, id: &str) -> Result<Option<Meeting>, Fault> {
    let sql = format!("SELECT id FROM meeting WHERE id = ?{}", for_update(tx.get_database_backend()));
    match query_one(tx, &sql, vec![id.into()]).await? {
        Some(_) => find(tx, keyring, id).await,
        None => Ok(None),
    }
}

/// The latest first, of these clients, without words.
pub async fn list<C: ConnectionTrait>(
    conn: &C,
    scope: &Scope,
    client: &str,
    state: Option<State>,
    page: &Page,
) -> Result<Vec<Meeting>, Fault> {
    let mut query = row::Entity::find();
    if let Scope::Clients(clients) = scope {
        query = query.filter(row::Column::Client.is_in(clients.iter().filter(|name| !name.is_empty())));
    }
    if !client.is_empty() {
        query = query.filter(row::Column::Client.eq(client));
    }
    if let Some(state) = state {
        query = query.filter(row::Column::State.eq(crate::db::number(&STATES, &state)));
    }
    if let Some((time, id)) = page.after.as_deref().and_then(crate::db::key) {
        query = query.filter(
            Condition::any()
                .add(row::Column::StartTime.lt(time))
                .add(row::Column::StartTime.eq(time).and(row::Column::Id.lt(id))),
        );
    }
    let rows = query
        .order_by_desc(row::Column::StartTime)
        .order_by_desc(row::Column::Id)
        .limit(u64::try_from(page.limit()).unwrap_or(1))
        .all(conn)
        .await?;
    rows.into_iter().map(|row| from_row(row, Words::default())).collect()
}

async fn to_row(tx: &DatabaseTransaction, keyring: &Keyring, of: &Meeting) -> Result<row::Model, Fault> {
    let json = |error: serde_json::Error| Fault::Stored(error.to_string());
    let words = serde_json::to_string(&of.words).map_err(json)?;
    let owner = Owner::new(of.client.as_str());
    Ok(row::Model {
        id: of.id.clone(),
        client: of.client.clone(),
        engagement: of.engagement.clone(),
        case_name: of.case.clone(),
        form: crate::db::number(&FORMS, &of.form),
        kind: of.kind.clone(),
        host: of.host.clone(),
        contacts: crate::db::names(&of.contacts),
        start_time: micros(of.start_time),
        answers: of.answers,
        state: crate::db::number(&STATES, &State::from(&of.stage)),
        stage: serde_json::to_string(&of.stage).map_err(json)?,
        words: keyring.seal(tx, &owner, Purpose::Erasable, place(&of.id), &words).await?,
        policy_version: crate::db::signed(of.policy_version),
        revision: crate::db::signed(of.revision),
    })
}

fn from_row(row: row::Model, words: Words) -> Result<Meeting, Fault> {
    Ok(Meeting {
        id: row.id,
        client: row.client,
        engagement: row.engagement,
        case: row.case_name,
        form: crate::db::of_number(&FORMS, row.form).ok_or_else(|| strange("form"))?,
        kind: row.kind,
        host: row.host,
        contacts: crate::db::read_names(&row.contacts),
        start_time: instant(row.start_time)?,
        answers: row.answers,
        stage: serde_json::from_str(&row.stage).map_err(|_| strange("stage"))?,
        words,
        policy_version: crate::db::unsigned(row.policy_version),
        revision: crate::db::unsigned(row.revision),
    })
}

fn strange(what: &str) -> Fault {
    Fault::Stored(format!("a meeting has an unknown {what}"))
}

fn place(id: &str) -> Place<'_> {
    Place::new("meeting", "words", id)
}
