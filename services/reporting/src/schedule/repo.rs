//! The only code that touches the table of schedules. `db` draws it.

use business_time::Timestamp;
use command::{Fault, Unit};
use database::{ConnectionTrait, QueryResult, Value, exec, for_update, instant, micros, query_all, query_one};

use super::entity::Schedule;
use crate::{matrix::ReportType, report::repo::name_of};

/// A schedule as it is stored.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The schedule itself.
    pub schedule: Schedule,
    /// Rises with each change.
    pub revision: u64,
    /// When it was made.
    pub create_time: Timestamp,
}

impl Stored {
    /// Its sort key in lists.
    pub fn key(&self) -> String {
        format!("{}/{}", micros(self.create_time), self.schedule.id)
    }

    /// Changes with each change.
    pub fn etag(&self) -> String {
        self.revision.to_string()
    }
}

const COLUMNS: &str = "body, revision, create_time";

/// Inserts a new schedule; none where the engagement has one of its type.
///
/// # Errors
/// The database's.
pub async fn insert(unit: &Unit<'_>, schedule: Schedule) -> Result<Option<Stored>, Fault> {
    let now = micros(unit.now());
    let sql = "INSERT INTO schedule (id, client, engagement, type, calendar, body, next_due_time, revision, create_time, \
               update_time) VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?, ?) ON CONFLICT DO NOTHING";
    let values: Vec<Value> = vec![
        schedule.id.clone().into(),
        schedule.client.clone().into(),
        schedule.engagement.clone().into(),
        name_of(schedule.kind)?.into(),
        schedule.calendar_name.clone().into(),
        body(&schedule)?.into(),
        due(&schedule).into(),
        now.into(),
        now.into(),
    ];
    if exec(unit.tx(), sql, values).await? == 0 {
        return Ok(None);
    }
    unit.touched(&schedule.name());
    Ok(Some(Stored { schedule, revision: 1, create_time: unit.now() }))
}

/// Writes a changed schedule. The caller holds the row's lock.
///
/// # Errors
/// The database's.
pub async fn save(unit: &Unit<'_>, stored: &mut Stored) -> Result<(), Fault> {
    let schedule = &stored.schedule;
    unit.touched(&schedule.name());
    stored.revision += 1;
    let sql = "UPDATE schedule SET calendar = ?, body = ?, next_due_time = ?, attempts = 0, revision = ?, update_time = ? \
               WHERE id = ?";
    let values: Vec<Value> = vec![
        schedule.calendar_name.clone().into(),
        body(schedule)?.into(),
        due(schedule).into(),
        i64::try_from(stored.revision).unwrap_or(i64::MAX).into(),
        micros(unit.now()).into(),
        schedule.id.clone().into(),
    ];
    exec(unit.tx(), sql, values).await?;
    Ok(())
}

/// Finds a schedule; with `lock` its row stays ours until the transaction ends.
///
/// # Errors
/// The database's.
pub async fn find<C: ConnectionTrait>(conn: &C, id: &str, lock: bool) -> Result<Option<Stored>, Fault> {
    let lock = if lock { for_update(conn.get_database_backend()) } else { "" };
    let sql = format!("SELECT {COLUMNS} FROM schedule WHERE id = ?{lock}");
    query_one(conn, &sql, vec![id.into()]).await?.map(|row| read(&row)).transpose()
}

/// The schedule of an engagement for a type of report.
///
/// # Errors
/// The database's.
pub async fn find_of<C: ConnectionTrait>(
    conn: &C,
    engagement: &str,
    kind: ReportType,
) -> Result<Option<Stored>, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM schedule WHERE engagement = ? AND type = ?");
    query_one(conn, &sql, vec![engagement.into(), name_of(kind)?.into()]).await?.map(|row| read(&row)).transpose()
}

/// The names of the schedules of a client, on a calendar, or of all.
///
/// # Errors
/// The database's.
pub async fn list_names<C: ConnectionTrait>(conn: &C, column: Column, value: &str) -> Result<Vec<String>, Fault> {
    let all: Vec<Value> = vec![value.into()];
    let (sql, values) = match column {
        Column::All => ("SELECT id FROM schedule ORDER BY id", Vec::new()),
        Column::Client => ("SELECT id FROM schedule WHERE client = ? ORDER BY id", all),
        Column::Calendar => ("SELECT id FROM schedule WHERE calendar = ? ORDER BY id", all),
    };
    let rows = query_all(conn, sql, values).await?;
    let name = |row: &QueryResult| Ok(format!("schedules/{}", row.try_get::<String>("", "id")?));
    rows.iter().map(name).collect()
}

/// What schedules are found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// Whose they are.
    Client,
    /// What they go by.
    Calendar,
    /// None: all of them.
    All,
}

/// Rows of a list, the newest first.
///
/// # Errors
/// The database's.
pub async fn list<C: ConnectionTrait>(
    conn: &C,
    clients: Option<&[String]>,
    after: Option<&(i64, String)>,
    limit: i64,
) -> Result<Vec<Stored>, Fault> {
    let mut terms = vec!["1 = 1".to_owned()];
    let mut values: Vec<Value> = Vec::new();
    if let Some(clients) = clients {
        if clients.is_empty() {
            return Ok(Vec::new());
        }
        terms.push(format!("client IN ({})", vec!["?"; clients.len()].join(", ")));
        values.extend(clients.iter().map(|client| client.as_str().into()));
    }
    if let Some((time, id)) = after {
        terms.push("(create_time < ? OR (create_time = ? AND id < ?))".into());
        values.extend([(*time).into(), (*time).into(), id.as_str().into()]);
    }
    values.push(limit.into());
    let terms = terms.join(" AND ");
    let sql = format!("SELECT {COLUMNS} FROM schedule WHERE {terms} ORDER BY create_time DESC, id DESC LIMIT ?");
    query_all(conn, &sql, values).await?.iter().map(read).collect()
}

fn read(row: &QueryResult) -> Result<Stored, Fault> {
    let body: String = row.try_get("", "body")?;
    let schedule = serde_json::from_str(&body).map_err(|error| Fault::Stored(format!("a schedule: {error}")))?;
    let revision: i64 = row.try_get("", "revision")?;
    let create_time = instant(row.try_get("", "create_time")?)?;
    Ok(Stored { schedule, revision: u64::try_from(revision).unwrap_or_default(), create_time })
}

fn body(schedule: &Schedule) -> Result<String, Fault> {
    serde_json::to_string(schedule).map_err(|error| Fault::Stored(format!("a schedule: {error}")))
}

fn due(schedule: &Schedule) -> Option<i64> {
    schedule.next.as_ref().map(|next| micros(next.draft_time))
}
