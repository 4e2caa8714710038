//! Migrations: each crate and service brings its own set; one table remembers what ran.
//!
//! ```text
//! schema_step(owner, name, applied_time)      one row for each step that ran; key (owner, name)
//! schema_mark(name, value)                    `trial`: this database was made for a simulated clock, for good
//! ```
//!
//! Steps of a set run in order and are never edited once released. Placeholders in a step's SQL: `{serial}` an
//! increasing primary key, `{bigint}`, `{bytes}`, `{bool}`, and `{text}`, which compares byte by byte on both databases.
//! Statements are separated by a line that ends with `;`.

use jiff::Timestamp;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, Value};

use crate::{
    Database,
    sql::{exec, micros, query_all, query_one},
};

/// The migrations of one crate or service.
#[derive(Clone, Copy, Debug)]
pub struct MigrationSet {
    /// Whose tables these are, for example `event-log`.
    pub owner: &'static str,
    /// In the order in which they run.
    pub steps: &'static [Step],
}

/// One step.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// Unique within the set, for example `0001_outbox`.
    pub name: &'static str,
    /// The statements, with placeholders.
    pub sql: &'static str,
}

/// What a migration did: the steps it ran, as `owner/name`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Migrated(pub Vec<String>);

impl Database {
    /// Runs what has not run yet, in one transaction and under a lock, so that two migrators at once do no harm.
    ///
    /// # Errors
    /// The database's; then nothing was changed.
    pub async fn migrate(&self, sets: &[MigrationSet], now: Timestamp) -> Result<Migrated, DbErr> {
        let sets = sets.to_vec();
        self.transaction(move |tx| {
            let sets = sets.clone();
            Box::pin(async move {
                let backend = tx.get_database_backend();
                if backend == DbBackend::Postgres {
                    exec(tx, "SELECT pg_advisory_xact_lock(7305411)", vec![]).await?;
                }
                for statement in statements(backend, BOOK) {
                    tx.execute_unprepared(&statement).await?;
                }
                let mut ran = Vec::new();
                for set in &sets {
                    for step in set.steps {
                        let key = vec![Value::from(set.owner), Value::from(step.name)];
                        let known = "SELECT 1 AS one FROM schema_step WHERE owner = ? AND name = ?";
                        if query_one(tx, known, key.clone()).await?.is_some() {
                            continue;
                        }
                        for statement in statements(backend, step.sql) {
                            tx.execute_unprepared(&statement).await?;
                        }
                        let note = "INSERT INTO schema_step (owner, name, applied_time) VALUES (?, ?, ?)";
                        exec(tx, note, [key, vec![micros(now).into()]].concat()).await?;
                        ran.push(format!("{}/{}", set.owner, step.name));
                    }
                }
                Ok(Migrated(ran))
            })
        })
        .await
    }

    /// The steps that have not run yet, as `owner/name`; every one of them on an empty database.
    ///
    /// # Errors
    /// The database's.
    pub async fn pending(&self, sets: &[MigrationSet]) -> Result<Vec<String>, DbErr> {
        let all = || sets.iter().flat_map(|set| set.steps.iter().map(|step| format!("{}/{}", set.owner, step.name)));
        if !self.has_book().await? {
            return Ok(all().collect());
        }
        let rows = query_all(self.reader(), "SELECT owner, name FROM schema_step", vec![]).await?;
        let mut ran = std::collections::HashSet::new();
        for row in rows {
            ran.insert(format!("{}/{}", row.try_get::<String>("", "owner")?, row.try_get::<String>("", "name")?));
        }
        Ok(all().filter(|step| !ran.contains(step)).collect())
    }

    /// Marks a database as made for trials, for good: only such a one accepts a simulated business clock, and it refuses
    /// real providers and the production evidence key.
    ///
    /// # Errors
    /// The database's, and where commands already ran on it by the real clock is the caller's to check.
    pub async fn mark_trial(&self) -> Result<(), DbErr> {
        let sql = "INSERT INTO schema_mark (name, value) VALUES ('trial', 'yes') ON CONFLICT (name) DO NOTHING";
        exec(self.writer(), sql, vec![]).await.map(drop)
    }

    /// Whether this database bears the mark of a trial.
    ///
    /// # Errors
    /// The database's.
    pub async fn is_trial(&self) -> Result<bool, DbErr> {
        let sql = "SELECT value FROM schema_mark WHERE name = 'trial'";
        Ok(self.has_book().await? && query_one(self.reader(), sql, vec![]).await?.is_some())
    }

    async fn has_book(&self) -> Result<bool, DbErr> {
        let sql = match self.backend() {
            DbBackend::Postgres => {
                "SELECT 1 AS one FROM pg_tables WHERE tablename = 'schema_step' AND schemaname = ANY(current_schemas(false))"
            }
            _ => "SELECT 1 AS one FROM sqlite_master WHERE type = 'table' AND name = 'schema_step'",
        };
        Ok(query_one(self.reader(), sql, vec![]).await?.is_some())
    }
}

const BOOK: &str = "
CREATE TABLE IF NOT EXISTS schema_step (
  owner {text} NOT NULL,
  name {text} NOT NULL,
  applied_time {bigint} NOT NULL,
  PRIMARY KEY (owner, name)
);
CREATE TABLE IF NOT EXISTS schema_mark (
  name {text} PRIMARY KEY,
  value {text} NOT NULL
);
";

fn statements(backend: DbBackend, sql: &str) -> Vec<String> {
    let types = match backend {
        DbBackend::Postgres => [
            ("{serial}", "BIGINT GENERATED BY DEFAULT AS IDENTITY (CACHE 1) PRIMARY KEY"),
            ("{bigint}", "BIGINT"),
            ("{bytes}", "BYTEA"),
            ("{bool}", "BOOLEAN"),
            ("{text}", "TEXT COLLATE \"C\""),
        ],
        _ => [
            ("{serial}", "INTEGER PRIMARY KEY AUTOINCREMENT"),
            ("{bigint}", "BIGINT"),
            ("{bytes}", "BLOB"),
            ("{bool}", "BOOLEAN"),
            ("{text}", "TEXT"),
        ],
    };
    let text = types.iter().fold(sql.to_owned(), |text, (mark, kind)| text.replace(mark, kind));
    text.split(";\n").map(str::trim).filter(|statement| !statement.is_empty()).map(str::to_owned).collect()
}
