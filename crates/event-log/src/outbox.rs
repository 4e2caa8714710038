//! The tables of the log, in the database of the service that they belong to.
//!
//! ```text
//! outbox      what this service tells; inserted by its commands, numbered by its relay
//!   seq             order of insertion; within an aggregate also order of commit, because a command inserts
//!                   only after it has locked its aggregate's row, and because the sequence hands out numbers one by one
//!   id              random or derived; unique
//!   aggregate, revision, type_url, time, traceparent, payload
//!   incarnation, position, predecessor    empty until the relay numbers the row
//!
//! stream      one row: this service's stream as far as it is numbered
//!   incarnation, last_position, last_event_id
//!   pruned_through  positions up to and including this one are gone, or lie before this incarnation
//!   origin          the database that numbered last: PostgreSQL's system identifier, timeline and database
//!   relay_holder, relay_until             the relay's lease
//!
//! subscription   one row per (subscription, stream) that this service reads
//!   incarnation, position                 the event handled last; 0 is before the first
//!   last_event_id                         its id; '' before the first, NULL unknown (after a snapshot)
//!   dead_letters, snapshots, forks        counts
//!   stalled                               why it stands still, where it does
//!   reader_holder, reader_until           the reader's lease
//!
//! dead_letter    events that this subscription could not handle, and later ones of their aggregates
//!   seq, subscription, stream, event_id, incarnation, position, aggregate, event (encoded), reason, dead_time
//!   redrive                               above 0 where it is to be handled again
//! ```
//!
//! Positions go on rising over incarnations: a new one begins behind the last position of the one before, with
//! `pruned_through` there, so that whoever was in the old one, or is new, takes a snapshot. Only this crate numbers.

use database::{
    ConnectionTrait, DatabaseTransaction, DbBackend, MigrationSet, QueryResult, Step, exec, query_all, query_one,
};
use prost_types::Any;
use sea_orm::Value;
use uuid::Uuid;

use crate::{Error, Event, NewEvent, Position, Result, event::parse_id};

/// The log's tables; every service that tells or reads events runs them.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    owner: "event-log",
    steps: &[
        Step {
            name: "0001_event_log",
            sql: "
CREATE TABLE outbox (
  seq {serial},
  id {text} NOT NULL UNIQUE,
  aggregate {text} NOT NULL,
  revision {bigint} NOT NULL,
  type_url {text} NOT NULL,
  time {bigint} NOT NULL,
  traceparent {text} NOT NULL,
  payload {bytes} NOT NULL,
  incarnation {bigint},
  position {bigint},
  predecessor {text}
);
CREATE INDEX outbox_unnumbered ON outbox (seq) WHERE position IS NULL;
CREATE UNIQUE INDEX outbox_position ON outbox (incarnation, position) WHERE position IS NOT NULL;
CREATE TABLE stream (
  service {text} PRIMARY KEY,
  incarnation {bigint} NOT NULL,
  last_position {bigint} NOT NULL,
  last_event_id {text} NOT NULL,
  pruned_through {bigint} NOT NULL,
  origin {text} NOT NULL,
  relay_holder {text},
  relay_until {bigint} NOT NULL
);
CREATE TABLE subscription (
  subscription {text} NOT NULL,
  stream {text} NOT NULL,
  incarnation {bigint} NOT NULL,
  position {bigint} NOT NULL,
  last_event_id {text},
  dead_letters {bigint} NOT NULL,
  snapshots {bigint} NOT NULL,
  forks {bigint} NOT NULL,
  stalled {text},
  reader_holder {text},
  reader_until {bigint} NOT NULL,
  PRIMARY KEY (subscription, stream)
);
CREATE TABLE dead_letter (
  seq {serial},
  subscription {text} NOT NULL,
  stream {text} NOT NULL,
  event_id {text} NOT NULL,
  incarnation {bigint} NOT NULL,
  position {bigint} NOT NULL,
  aggregate {text} NOT NULL,
  event {bytes} NOT NULL,
  reason {text} NOT NULL,
  dead_time {bigint} NOT NULL,
  UNIQUE (subscription, stream, event_id)
);
CREATE INDEX dead_letter_aggregate ON dead_letter (subscription, stream, aggregate);
",
        },
        Step {
            name: "0002_redrive",
            sql: "
ALTER TABLE dead_letter ADD COLUMN redrive {bigint} NOT NULL DEFAULT 0;
CREATE INDEX dead_letter_redrive ON dead_letter (subscription, stream, seq) WHERE redrive > 0;
",
        },
    ],
};

/// Tells an event, in the command's transaction and after it has locked its aggregate's row: this lock is what makes
/// later in the aggregate mean later in the stream. The relay is woken after the commit ([`EventLog::wake`]).
///
/// An event of the same id, aggregate and type that was told before is not told again.
///
/// # Errors
/// [`Error::IdTaken`] where an event of another aggregate or type has this id; [`Error::Database`].
///
/// [`EventLog::wake`]: crate::EventLog::wake
pub async fn insert(tx: &DatabaseTransaction, event: NewEvent) -> Result<()> {
    let id = event.id.to_string();
    let inserted = exec(
        tx,
        "INSERT INTO outbox (id, aggregate, revision, type_url, time, traceparent, payload) \
         VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
        vec![
            id.clone().into(),
            event.aggregate.clone().into(),
            signed(event.revision).into(),
            event.payload.type_url.clone().into(),
            database::micros(event.time).into(),
            event.traceparent.into(),
            event.payload.value.into(),
        ],
    )
    .await?;
    if inserted == 1 {
        return Ok(());
    }
    let same = "SELECT 1 AS one FROM outbox WHERE id = ? AND aggregate = ? AND type_url = ?";
    let values: Vec<Value> = vec![id.into(), event.aggregate.into(), event.payload.type_url.into()];
    match query_one(tx, same, values).await? {
        Some(_) => Ok(()),
        None => Err(Error::IdTaken(event.id)),
    }
}

/// The stream's row.
#[derive(Clone, Debug)]
pub(crate) struct StreamRow {
    pub last: Position,
    pub last_event_id: String,
    pub pruned_through: u64,
    pub origin: String,
    /// The origin that the database has now.
    pub origin_now: String,
}

impl StreamRow {
    /// Makes the row where there is none.
    pub async fn create<C: ConnectionTrait>(conn: &C, service: &str) -> Result<()> {
        let sql = format!(
            "INSERT INTO stream (service, incarnation, last_position, last_event_id, pruned_through, origin, relay_until) \
             SELECT ?, 1, 0, '', 0, {}, 0 WHERE NOT EXISTS (SELECT 1 FROM stream WHERE service = ?) \
             ON CONFLICT (service) DO NOTHING",
            origin(conn.get_database_backend())
        );
        exec(conn, &sql, vec![service.into(), service.into()]).await?;
        Ok(())
    }

    /// Reads the row, with `lock` such as `FOR UPDATE` or without.
    pub async fn find<C: ConnectionTrait>(conn: &C, service: &str, lock: &str) -> Result<Option<Self>> {
        let sql = format!(
            "SELECT incarnation, last_position, last_event_id, pruned_through, origin, {} AS origin_now \
             FROM stream WHERE service = ?{lock}",
            origin(conn.get_database_backend())
        );
        let Some(row) = query_one(conn, &sql, vec![service.into()]).await? else { return Ok(None) };
        Ok(Some(Self {
            last: Position::new(get(&row, "incarnation")?, get(&row, "last_position")?),
            last_event_id: row.try_get("", "last_event_id")?,
            pruned_through: get(&row, "pruned_through")?,
            origin: row.try_get("", "origin")?,
            origin_now: row.try_get("", "origin_now")?,
        }))
    }

    /// Raises the incarnation in the transaction that locked the row: nothing of the new one is numbered yet, and what was
    /// before is to be had by snapshot only.
    pub async fn raise(&mut self, tx: &DatabaseTransaction, service: &str, above: u64) -> Result<()> {
        let incarnation = self.last.incarnation.max(above) + 1;
        let sql = "UPDATE stream SET incarnation = ?, pruned_through = last_position, origin = ? WHERE service = ?";
        exec(tx, sql, vec![signed(incarnation).into(), self.origin_now.clone().into(), service.into()]).await?;
        self.last.incarnation = incarnation;
        self.pruned_through = self.last.position;
        self.origin.clone_from(&self.origin_now);
        Ok(())
    }
}

/// What tells one database from its copy: a restored, promoted or cloned one answers otherwise. SQLite has no such mark.
fn origin(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::Postgres => {
            "((SELECT system_identifier::text FROM pg_control_system()) || '/' || \
             substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) || '/' || \
             (SELECT oid::text FROM pg_database WHERE datname = current_database()))"
        }
        _ => "'sqlite'",
    }
}

/// Whether a committed row waits for its position. Ordered and limited, or PostgreSQL scans the table after a backlog.
pub(crate) async fn has_unnumbered<C: ConnectionTrait>(conn: &C) -> Result<bool> {
    let sql = "SELECT seq FROM outbox WHERE position IS NULL ORDER BY seq LIMIT 1";
    Ok(query_one(conn, sql, vec![]).await?.is_some())
}

/// How many committed rows wait for their position.
pub(crate) async fn count_unnumbered<C: ConnectionTrait>(conn: &C) -> Result<u64> {
    let row = query_one(conn, "SELECT COUNT(*) AS n FROM outbox WHERE position IS NULL", vec![]).await?;
    row.map_or(Ok(0), |row| get(&row, "n"))
}

const COLUMNS: &str =
    "id, aggregate, revision, type_url, time, traceparent, payload, incarnation, position, predecessor";

/// Gives the oldest unnumbered rows the positions behind `stream.last`, in the transaction that holds the stream's row,
/// and answers with them in order.
pub(crate) async fn number(
    tx: &DatabaseTransaction,
    service: &str,
    stream: &StreamRow,
    batch: u32,
) -> Result<Vec<Event>> {
    let sql = format!(
        "UPDATE outbox SET incarnation = ?, position = ? + n.place, predecessor = n.predecessor \
         FROM (SELECT seq, ROW_NUMBER() OVER (ORDER BY seq) AS place, \
                      COALESCE(LAG(id) OVER (ORDER BY seq), ?) AS predecessor \
               FROM (SELECT seq, id FROM outbox WHERE position IS NULL ORDER BY seq LIMIT ?) AS waiting) AS n \
         WHERE outbox.seq = n.seq RETURNING {}",
        COLUMNS.split(", ").map(|column| format!("outbox.{column} AS {column}")).collect::<Vec<_>>().join(", ")
    );
    let values = vec![
        signed(stream.last.incarnation).into(),
        signed(stream.last.position).into(),
        stream.last_event_id.clone().into(),
        i64::from(batch).into(),
    ];
    let mut events = events(service, query_all(tx, &sql, values).await?)?;
    // An UPDATE answers in the order in which it came by the rows.
    events.sort_by_key(|event| event.at);
    finish_numbering(tx, service, events.last()).await?;
    Ok(events)
}

/// Moves the stream's end behind what was just numbered.
pub(crate) async fn finish_numbering(tx: &DatabaseTransaction, service: &str, last: Option<&Event>) -> Result<()> {
    if let Some(last) = last {
        let sql = "UPDATE stream SET last_position = ?, last_event_id = ? WHERE service = ?";
        exec(tx, sql, vec![signed(last.at.position).into(), last.id.to_string().into(), service.into()]).await?;
    }
    Ok(())
}

/// The control to [`number`]: the lock and the choice of rows in one statement, whose snapshot is older than the lock.
pub(crate) async fn number_in_one_statement(tx: &DatabaseTransaction, service: &str, batch: u32) -> Result<Vec<Event>> {
    let lock = if tx.get_database_backend() == DbBackend::Postgres { " FOR UPDATE OF s" } else { "" };
    let sql = format!(
        "SELECT s.incarnation, s.last_position, s.last_event_id, n.seq, n.id FROM stream AS s JOIN \
         (SELECT seq, id FROM outbox WHERE position IS NULL ORDER BY seq LIMIT ?) AS n ON 1 = 1 \
         WHERE s.service = ? ORDER BY n.seq{lock}"
    );
    let rows = query_all(tx, &sql, vec![i64::from(batch).into(), service.into()]).await?;
    let mut numbered = Vec::new();
    let mut predecessor: Option<String> = None;
    for (place, row) in rows.iter().enumerate() {
        let before = match predecessor.take() {
            Some(id) => id,
            None => row.try_get("", "last_event_id")?,
        };
        let last: i64 = row.try_get("", "last_position")?;
        let position = last.saturating_add(i64::try_from(place).unwrap_or(i64::MAX)).saturating_add(1);
        let sql = format!(
            "UPDATE outbox SET incarnation = ?, position = ?, predecessor = ? WHERE seq = ? RETURNING {COLUMNS}"
        );
        let incarnation: i64 = row.try_get("", "incarnation")?;
        let seq: i64 = row.try_get("", "seq")?;
        let values = vec![incarnation.into(), position.into(), before.into(), seq.into()];
        numbered.extend(query_all(tx, &sql, values).await?);
        predecessor = Some(row.try_get("", "id")?);
    }
    let events = events(service, numbered)?;
    finish_numbering(tx, service, events.last()).await?;
    Ok(events)
}

/// Numbered events behind a position of one incarnation, in order.
pub(crate) async fn page<C: ConnectionTrait>(
    conn: &C,
    service: &str,
    after: Position,
    limit: u32,
) -> Result<Vec<Event>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM outbox WHERE position IS NOT NULL AND incarnation = ? AND position > ? \
         ORDER BY position LIMIT ?"
    );
    let values = vec![signed(after.incarnation).into(), signed(after.position).into(), i64::from(limit).into()];
    events(service, query_all(conn, &sql, values).await?)
}

/// The id of the event at a place, where it is still there.
pub(crate) async fn id_at<C: ConnectionTrait>(conn: &C, at: Position) -> Result<Option<Uuid>> {
    let sql = "SELECT id FROM outbox WHERE position IS NOT NULL AND incarnation = ? AND position = ?";
    let row = query_one(conn, sql, vec![signed(at.incarnation).into(), signed(at.position).into()]).await?;
    row.map(|row| parse_id(&row.try_get::<String>("", "id")?)).transpose()
}

fn events(service: &str, rows: Vec<QueryResult>) -> Result<Vec<Event>> {
    rows.iter().map(|row| event(service, row)).collect()
}

fn event(service: &str, row: &QueryResult) -> Result<Event> {
    let predecessor: String = row.try_get::<Option<String>>("", "predecessor")?.unwrap_or_default();
    Ok(Event {
        id: parse_id(&row.try_get::<String>("", "id")?)?,
        predecessor: if predecessor.is_empty() { None } else { Some(parse_id(&predecessor)?) },
        service: service.to_owned(),
        at: Position::new(get(row, "incarnation")?, get(row, "position")?),
        aggregate: row.try_get("", "aggregate")?,
        revision: get(row, "revision")?,
        time: database::instant(row.try_get("", "time")?)?,
        traceparent: row.try_get("", "traceparent")?,
        payload: Any { type_url: row.try_get("", "type_url")?, value: row.try_get("", "payload")? },
    })
}

/// A count as the databases store it. Incarnations, positions and revisions stay far below the sign.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A count as it was stored.
pub(crate) fn get(row: &QueryResult, column: &str) -> Result<u64> {
    let number: i64 = row.try_get("", column)?;
    u64::try_from(number).map_err(|_| Error::Malformed(format!("stored {column} is negative")))
}
