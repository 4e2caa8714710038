use std::{future::Future, path::Path, pin::Pin, time::Duration};

use sea_orm::{
    ConnectOptions, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, RuntimeErr, SqliteTransactionMode,
    TransactionOptions, TransactionTrait,
};
use uuid::Uuid;

use crate::trouble::{is_conflict, is_lost_connection};

/// How often a transaction is tried again after a conflict with another one before the conflict is told.
const TRIES: u32 = 8;

/// How many connections to PostgreSQL a service holds at most, unless told.
const CONNECTIONS: u32 = 10;

/// One service's database: PostgreSQL, or SQLite for the suite in one process. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Database {
    writer: DatabaseConnection,
    reader: DatabaseConnection,
}

/// An error of a transaction's body that may stand for a conflict with another transaction.
pub trait Retryable {
    /// The database error underneath, where there is one.
    fn db_error(&self) -> Option<&DbErr>;
}

impl Retryable for DbErr {
    fn db_error(&self) -> Option<&DbErr> {
        Some(self)
    }
}

/// What the body of a transaction gives back.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl Database {
    /// Connects to `postgres://…` or `sqlite://<file>`; a SQLite file is created where there is none.
    ///
    /// # Errors
    /// Where the address is of neither kind, or nothing answers there.
    pub async fn connect(url: &str) -> Result<Self, DbErr> {
        Self::connect_with(url, CONNECTIONS).await
    }

    /// As [`Database::connect`], with a bound on the connections held to PostgreSQL.
    ///
    /// # Errors
    /// As [`Database::connect`].
    pub async fn connect_with(url: &str, connections: u32) -> Result<Self, DbErr> {
        if let Some(file) = url.strip_prefix("sqlite://") {
            let file = file.split('?').next().unwrap_or(file);
            if let Some(folder) = Path::new(file).parent()
                && !folder.as_os_str().is_empty()
            {
                std::fs::create_dir_all(folder)
                    .map_err(|error| DbErr::Conn(RuntimeErr::Internal(format!("data folder: {error}"))))?;
            }
            let writer = sea_orm::Database::connect(sqlite(file, 1)).await?;
            let reader = sea_orm::Database::connect(sqlite(file, 4)).await?;
            return Ok(Self { writer, reader });
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            let mut options = ConnectOptions::new(url);
            // A connection is proven by its use; a ping on each release costs half of a small read.
            options
                .max_connections(connections)
                .test_before_acquire(false)
                .acquire_timeout(Duration::from_secs(10))
                .sqlx_logging(false);
            let pool = sea_orm::Database::connect(options).await?;
            return Ok(Self { writer: pool.clone(), reader: pool });
        }
        Err(DbErr::Conn(RuntimeErr::Internal("a database is postgres://… or sqlite://<file>".into())))
    }

    /// Which of the two this is.
    pub fn backend(&self) -> DbBackend {
        self.writer.get_database_backend()
    }

    /// For reads outside a transaction.
    pub fn reader(&self) -> &DatabaseConnection {
        &self.reader
    }

    /// For single statements outside a transaction that write; on SQLite this is the one writer.
    pub fn writer(&self) -> &DatabaseConnection {
        &self.writer
    }

    /// Runs `body` in one transaction: committed when it answers `Ok`, rolled back otherwise. A deadlock, a serialization
    /// failure or a busy SQLite writer runs it again, from the start, a few times; the body therefore has no effect but
    /// on the transaction it is handed.
    ///
    /// # Errors
    /// The body's own, or the database's.
    pub async fn transaction<T, E, F>(&self, body: F) -> Result<T, E>
    where
        T: Send,
        E: From<DbErr> + Retryable + Send,
        F: for<'t> Fn(&'t DatabaseTransaction) -> BoxFuture<'t, Result<T, E>> + Send + Sync,
    {
        let mut tried = 0;
        loop {
            tried += 1;
            let outcome = self.attempt(&body).await;
            match outcome {
                Err(error) if tried < TRIES && error.db_error().is_some_and(is_conflict) => {
                    tracing::debug!(tried, "transaction conflicted, trying again");
                    // Rivals that were stopped together do not meet again.
                    let jitter = u64::from(Uuid::new_v4().as_bytes()[0] % 16);
                    tokio::time::sleep(Duration::from_millis(u64::from(tried) * 3 + jitter)).await;
                }
                outcome => return outcome,
            }
        }
    }

    async fn attempt<T, E, F>(&self, body: &F) -> Result<T, E>
    where
        T: Send,
        E: From<DbErr> + Retryable + Send,
        F: for<'t> Fn(&'t DatabaseTransaction) -> BoxFuture<'t, Result<T, E>> + Send + Sync,
    {
        let tx = self.begin().await?;
        match body(&tx).await {
            Ok(value) => {
                tx.commit().await?;
                Ok(value)
            }
            Err(error) => {
                // A rollback that fails has lost its connection, which rolls back by itself.
                let _ = tx.rollback().await;
                Err(error)
            }
        }
    }

    /// Opens a transaction for callers that steer it themselves. Where the connection that was taken turns out to be dead
    /// (the server was restarted), nothing has happened yet and the next one is taken.
    ///
    /// # Errors
    /// The database's.
    pub async fn begin(&self) -> Result<DatabaseTransaction, DbErr> {
        let mode = (self.backend() == DbBackend::Sqlite).then_some(SqliteTransactionMode::Immediate);
        let mut tried = 0;
        loop {
            tried += 1;
            let options = TransactionOptions { sqlite_transaction_mode: mode, ..Default::default() };
            let writer = self.writer.clone();
            // In a task of its own: the driver does not undo a BEGIN that its caller gave up waiting for (a deadline, a kill).
            // The connection would go back to the pool within that transaction, and what the next one writes through it
            // would stay unseen, its rows locked.
            let begun = tokio::spawn(async move { writer.begin_with_options(options).await });
            match begun.await.unwrap_or_else(|error| Err(DbErr::Conn(RuntimeErr::Internal(error.to_string())))) {
                Err(error) if tried <= CONNECTIONS && is_lost_connection(&error) => {}
                begun => return begun,
            }
        }
    }

    /// Closes every connection.
    ///
    /// # Errors
    /// The database's.
    pub async fn close(self) -> Result<(), DbErr> {
        self.reader.close().await?;
        self.writer.close().await
    }
}

fn sqlite(file: &str, connections: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(format!("sqlite://{file}?mode=rwc"));
    options
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(30))
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(|options| {
            options
                .pragma("journal_mode", "WAL")
                .pragma("synchronous", "FULL")
                .pragma("foreign_keys", "ON")
                // Destroyed keys do not linger in free pages.
                .pragma("secure_delete", "ON")
                .pragma("busy_timeout", "10000")
        });
    options
}
