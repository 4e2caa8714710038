use std::{path::PathBuf, process::Stdio};

use business_time::WallClock;
use database::{Database, DbBackend, MigrationSet};
use tempfile::TempDir;

use crate::postgres;

/// A database of one test's own, with the tables of some migration sets. It goes when this value goes.
#[derive(Debug)]
pub struct TestDatabase {
    database: Database,
    url: String,
    home: Home,
}

#[derive(Debug)]
enum Home {
    Sqlite { _folder: TempDir },
    Postgres { name: String },
}

/// A database as it was at one moment, see [`TestDatabase::backup`].
#[derive(Debug)]
pub struct Backup {
    folder: TempDir,
    backend: DbBackend,
}

impl TestDatabase {
    /// On SQLite.
    pub async fn sqlite(sets: &[MigrationSet]) -> Self {
        let test = Self::sqlite_in(tempfile::tempdir().unwrap()).await;
        test.database.migrate(sets, WallClock.now()).await.unwrap();
        test
    }

    async fn sqlite_in(folder: TempDir) -> Self {
        let url = format!("sqlite://{}", folder.path().join("test.db").display());
        Self { database: Database::connect(&url).await.unwrap(), url, home: Home::Sqlite { _folder: folder } }
    }

    /// On PostgreSQL.
    ///
    /// # Panics
    /// Where there is no PostgreSQL. Install it (`tests/run` does) or name a server in `LIAISON_TEST_POSTGRES`.
    pub async fn postgres(sets: &[MigrationSet]) -> Self {
        let admin = admin().await;
        let template = postgres::template(&admin, sets).await;
        let name = postgres::create(&admin, &template).await;
        admin.close().await.unwrap();
        Self::postgres_named(name).await
    }

    async fn postgres_named(name: String) -> Self {
        let url = postgres::beside(postgres::cluster(), &name);
        Self { database: Database::connect(&url).await.unwrap(), url, home: Home::Postgres { name } }
    }

    /// On the one or the other.
    pub async fn new(backend: DbBackend, sets: &[MigrationSet]) -> Self {
        if backend == DbBackend::Postgres { Self::postgres(sets).await } else { Self::sqlite(sets).await }
    }

    /// The database.
    pub fn database(&self) -> Database {
        self.database.clone()
    }

    /// Its address, for a process or a pool of its own.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Which of the two it is.
    pub fn backend(&self) -> DbBackend {
        self.database.backend()
    }

    /// A second pool, as another process would have it; for races between two connections.
    pub async fn another(&self) -> Database {
        Database::connect(&self.url).await.unwrap()
    }

    /// What is in it now. Work may go on meanwhile; the copy is of one moment.
    pub async fn backup(&self) -> Backup {
        let folder = tempfile::tempdir().unwrap();
        let file = file_in(&folder);
        match &self.home {
            Home::Sqlite { .. } => {
                let sql = format!("VACUUM INTO '{}'", file.display());
                postgres::execute(&self.database, &sql).await;
            }
            Home::Postgres { .. } => {
                let mut dump = postgres::program("pg_dump");
                dump.arg("--format=custom").arg("--file").arg(&file).arg(&self.url);
                succeed(dump).await;
            }
        }
        Backup { folder, backend: self.backend() }
    }
}

impl Backup {
    /// A new database with what was in the old one at the moment of the backup. On PostgreSQL it is of the same cluster,
    /// so its system identifier and timeline are the same.
    pub async fn restore(&self) -> TestDatabase {
        let file = file_in(&self.folder);
        if self.backend == DbBackend::Postgres {
            let admin = admin().await;
            let name = postgres::create(&admin, "template0").await;
            admin.close().await.unwrap();
            let mut restore = postgres::program("pg_restore");
            restore.arg("--exit-on-error").arg("--dbname").arg(postgres::beside(postgres::cluster(), &name)).arg(&file);
            succeed(restore).await;
            return TestDatabase::postgres_named(name).await;
        }
        let folder = tempfile::tempdir().unwrap();
        std::fs::copy(&file, folder.path().join("test.db")).unwrap();
        TestDatabase::sqlite_in(folder).await
    }
}

fn file_in(folder: &TempDir) -> PathBuf {
    folder.path().join("backup")
}

async fn admin() -> Database {
    // Starting a cluster takes a few seconds of waiting for other programs.
    let url = tokio::task::spawn_blocking(postgres::cluster).await.unwrap();
    Database::connect_with(url, 1).await.unwrap()
}

async fn succeed(command: std::process::Command) {
    let mut command = tokio::process::Command::from(command);
    let done = command.stdin(Stdio::null()).output().await.unwrap();
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let Home::Postgres { name } = &self.home else { return };
        let sql = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        // The test's own runtime may be going down, so this has one of its own. What fails here, the next process sweeps.
        let _ = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map(|runtime| {
                runtime.block_on(async {
                    let admin = Database::connect_with(postgres::cluster(), 1).await?;
                    database::ConnectionTrait::execute_unprepared(admin.writer(), &sql).await
                })
            })
        })
        .join();
    }
}
