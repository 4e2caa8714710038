//! The only code that touches the tables of reports. `db` draws them.

use std::collections::BTreeMap;

use command::{Fault, Unit};
use database::{ConnectionTrait, QueryResult, Value, exec, for_update, micros, query_all, query_one};
use keyring::{Keyring, Owner, Place, Purpose};

use super::entity::{Fact, Report, Stage};
use crate::events::publish;

/// A report as it is stored.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The report itself.
    pub report: Report,
    /// Rises with each change, by one for each event.
    pub revision: u64,
    key: (i64, String),
    body: String,
}

/// What a list is narrowed to.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// These clients' alone; none for all.
    pub clients: Option<Vec<String>>,
    /// Only this engagement's; empty for all.
    pub engagement: String,
    /// Only in this state.
    pub state: Option<&'static str>,
    /// Behind this place: create time and id of the last one before.
    pub after: Option<(i64, String)>,
    /// At most this many.
    pub limit: i64,
}

/// The words of a report, in the clear, by part; see `db`. Empty where the client's data was erased.
#[derive(Clone, Debug, Default)]
pub struct Words(BTreeMap<String, String>);

impl Words {
    /// One of them; empty where it is not there.
    pub fn get(&self, part: &str) -> &str {
        self.0.get(part).map_or("", String::as_str)
    }

    /// One of them, read.
    ///
    /// # Errors
    /// Where it is there and does not read.
    pub fn read<T: serde::de::DeserializeOwned>(&self, part: &str) -> Result<Option<T>, Fault> {
        let read = |text: &String| serde_json::from_str(text);
        self.0.get(part).map(read).transpose().map_err(|error| Fault::Stored(format!("a report's words: {error}")))
    }
}

impl Stored {
    /// Its sort key in lists.
    pub fn key(&self) -> String {
        format!("{}/{}", self.key.0, self.key.1)
    }

    /// Changes with each change.
    pub fn etag(&self) -> String {
        self.revision.to_string()
    }
}

/// Inserts a new report; none where its period is taken. An id that was there before changes nothing either.
///
/// # Errors
/// The database's.
pub async fn insert(unit: &Unit<'_>, report: Report, facts: &[Fact]) -> Result<Option<Stored>, Fault> {
    let now = micros(unit.now());
    let sql = "INSERT INTO report (id, client, engagement, type, period, case_name, state, cancelled, body, next_due_time, \
               revision, create_time, update_time) VALUES (?, ?, ?, ?, ?, ?, ?, FALSE, ?, ?, 0, ?, ?) ON CONFLICT DO NOTHING";
    let values: Vec<Value> = vec![
        report.id.clone().into(),
        report.client.clone().into(),
        report.engagement.clone().into(),
        type_name(&report)?.into(),
        report.period.name().into(),
        report.period.case().unwrap_or_default().into(),
        state_of(&report).into(),
        String::new().into(),
        report.next_due_time().map(micros).into(),
        now.into(),
        now.into(),
    ];
    if exec(unit.tx(), sql, values).await? == 0 {
        return Ok(None);
    }
    let key = (now, report.id.clone());
    let mut stored = Stored { report, revision: 0, key, body: String::new() };
    save(unit, &mut stored, facts).await?;
    Ok(Some(stored))
}

/// Writes a changed report and tells what happened. The caller holds the row's lock.
///
/// # Errors
/// The database's.
pub async fn save(unit: &Unit<'_>, stored: &mut Stored, facts: &[Fact]) -> Result<(), Fault> {
    let report = &stored.report;
    let name = report.name();
    unit.touched(&name);
    let body = serde_json::to_string(report).map_err(|error| Fault::Stored(format!("a report: {error}")))?;
    let events: Vec<_> = facts.iter().filter_map(|fact| publish::event_of(report, fact)).collect();
    let told = u64::try_from(events.len()).unwrap_or(u64::MAX);
    let first = stored.revision + 1;
    stored.revision += told.max(u64::from(body != stored.body));
    let sql = "UPDATE report SET state = ?, cancelled = ?, body = ?, next_due_time = ?, attempts = 0, revision = ?, \
               update_time = ? WHERE id = ?";
    let values: Vec<Value> = vec![
        state_of(report).into(),
        (report.stage == Stage::Cancelled).into(),
        body.clone().into(),
        report.next_due_time().map(micros).into(),
        signed(stored.revision).into(),
        micros(unit.now()).into(),
        report.id.clone().into(),
    ];
    exec(unit.tx(), sql, values).await?;
    stored.body = body;
    for (revision, event) in (first..).zip(events) {
        event.publish(unit, &name, revision).await?;
    }
    Ok(())
}

/// Finds a report; with `lock` its row stays ours until the transaction ends.
///
/// # Errors
/// The database's.
pub async fn find<C: ConnectionTrait>(conn: &C, id: &str, lock: bool) -> Result<Option<Stored>, Fault> {
    let lock = if lock { for_update(conn.get_database_backend()) } else { "" };
    let sql = format!("SELECT id, body, revision, create_time FROM report WHERE id = ?{lock}");
    query_one(conn, &sql, vec![id.into()]).await?.map(|row| read(&row)).transpose()
}

/// The report of a period that is not cancelled.
///
/// # Errors
/// The database's.
pub async fn find_by_period<C: ConnectionTrait>(
    conn: &C,
    engagement: &str,
    kind: &str,
    period: &str,
) -> Result<Option<Stored>, Fault> {
    let sql = "SELECT id, body, revision, create_time FROM report WHERE engagement = ? AND type = ? AND period = ? \
               AND NOT cancelled";
    let values = vec![engagement.into(), kind.into(), period.into()];
    query_one(conn, sql, values).await?.map(|row| read(&row)).transpose()
}

/// The periods of an incident's reports that are not cancelled, whichever engagement they stand on.
///
/// # Errors
/// The database's.
pub async fn list_periods_of_case<C: ConnectionTrait>(conn: &C, case: &str) -> Result<Vec<String>, Fault> {
    let sql = "SELECT period FROM report WHERE type = 'INCIDENT_REPORT' AND case_name = ? AND NOT cancelled";
    let rows = query_all(conn, sql, vec![case.into()]).await?;
    Ok(rows.iter().map(|row| row.try_get("", "period")).collect::<Result<_, _>>()?)
}

/// Rows of a list, the newest first.
///
/// # Errors
/// The database's.
pub async fn list<C: ConnectionTrait>(conn: &C, filter: &Filter) -> Result<Vec<Stored>, Fault> {
    let mut terms = vec!["1 = 1".to_owned()];
    let mut values: Vec<Value> = Vec::new();
    if let Some(clients) = &filter.clients {
        if clients.is_empty() {
            return Ok(Vec::new());
        }
        terms.push(format!("client IN ({})", vec!["?"; clients.len()].join(", ")));
        values.extend(clients.iter().map(|client| client.as_str().into()));
    }
    if !filter.engagement.is_empty() {
        terms.push("engagement = ?".into());
        values.push(filter.engagement.as_str().into());
    }
    if let Some(state) = filter.state {
        terms.push("state = ?".into());
        values.push(state.into());
    }
    if let Some((time, id)) = &filter.after {
        terms.push("(create_time < ? OR (create_time = ? AND id < ?))".into());
        values.extend([(*time).into(), (*time).into(), id.as_str().into()]);
    }
    values.push(filter.limit.into());
    let sql = format!(
        "SELECT id, body, revision, create_time FROM report WHERE {} ORDER BY create_time DESC, id DESC LIMIT ?",
        terms.join(" AND ")
    );
    query_all(conn, &sql, values).await?.iter().map(read).collect()
}

/// Keeps words of a report, in place of what stood there.
///
/// # Errors
/// The database's, and where the client's key was destroyed.
pub async fn keep(unit: &Unit<'_>, report: &Report, part: &str, text: &str) -> Result<(), Fault> {
    let row = format!("{}/{part}", report.id);
    let (owner, place) = (Owner::new(report.client.as_str()), Place::new("report_word", "sealed", &row));
    let sealed = unit.keyring().seal(unit.tx(), &owner, Purpose::Erasable, place, text).await?;
    let sql = "INSERT INTO report_word (report, part, sealed) VALUES (?, ?, ?) \
               ON CONFLICT (report, part) DO UPDATE SET sealed = excluded.sealed";
    exec(unit.tx(), sql, vec![report.id.as_str().into(), part.into(), sealed.into()]).await?;
    Ok(())
}

/// As [`keep`], for what is read back by [`Words::read`].
///
/// # Errors
/// As [`keep`].
pub async fn keep_json<T: serde::Serialize + Sync>(
    unit: &Unit<'_>,
    report: &Report,
    part: &str,
    what: &T,
) -> Result<(), Fault> {
    let text = serde_json::to_string(what).map_err(|error| Fault::Stored(format!("a report's words: {error}")))?;
    keep(unit, report, part, &text).await
}

/// The words of a report, all of them, or those whose part is named.
///
/// # Errors
/// The database's, and where stored bytes do not open.
pub async fn words<C: ConnectionTrait>(
    conn: &C,
    keyring: &Keyring,
    report: &Report,
    parts: Option<&[&str]>,
) -> Result<Words, Fault> {
    let mut sql = "SELECT part, sealed FROM report_word WHERE report = ?".to_owned();
    let mut values: Vec<Value> = vec![report.id.as_str().into()];
    if let Some(parts) = parts {
        sql.push_str(&format!(" AND part IN ({})", vec!["?"; parts.len()].join(", ")));
        values.extend(parts.iter().map(|part| (*part).into()));
    }
    let owner = Owner::new(report.client.as_str());
    let mut words = BTreeMap::new();
    for row in query_all(conn, &sql, values).await? {
        let (part, sealed): (String, Vec<u8>) = (row.try_get("", "part")?, row.try_get("", "sealed")?);
        let place = format!("{}/{part}", report.id);
        let place = Place::new("report_word", "sealed", &place);
        match keyring.open(conn, &owner, Purpose::Erasable, place, &sealed).await {
            Ok(clear) => drop(words.insert(part, clear)),
            Err(keyring::Error::Erased { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Words(words))
}

fn read(row: &QueryResult) -> Result<Stored, Fault> {
    let body: String = row.try_get("", "body")?;
    let report = serde_json::from_str(&body).map_err(|error| Fault::Stored(format!("a report: {error}")))?;
    let revision: i64 = row.try_get("", "revision")?;
    let key = (row.try_get("", "create_time")?, row.try_get("", "id")?);
    Ok(Stored { report, revision: u64::try_from(revision).unwrap_or_default(), key, body })
}

/// A report's type as it is stored.
///
/// # Errors
/// None in practice.
fn type_name(report: &Report) -> Result<String, Fault> {
    name_of(report.kind)
}

/// The name of a type, as it is stored.
///
/// # Errors
/// None in practice.
pub fn name_of(kind: crate::matrix::ReportType) -> Result<String, Fault> {
    match serde_json::to_value(kind) {
        Ok(serde_json::Value::String(name)) => Ok(name),
        _ => Err(Fault::Stored("a type without a name".into())),
    }
}

/// A report's state as it is stored and listed by.
pub fn state_of(report: &Report) -> &'static str {
    match &report.stage {
        Stage::Draft => "DRAFT",
        Stage::Submitted(_) => "SUBMITTED",
        Stage::Approved(_) => "APPROVED",
        Stage::Delivered(_) => "DELIVERED",
        Stage::DeliveryFailed(_) => "DELIVERY_FAILED",
        Stage::Cancelled => "CANCELLED",
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
