//! How a process ends: told to, or because a part of it has ended.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use access::{AccessLayer, Rules};
use business_time::WallClock;
use database::MigrationSet;
use event_log::{Bus, EventLog, Transport};
use evidence::audit::{self, AuditEntry, Outcome};
use runtime::{Edge, Server, Services};
use service::{Base, Config, Deps, Nothing, Running, ServeError, Service};
use testkit::{Roster, TestDatabase, tokens};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const TABLES: &[MigrationSet] =
    &[event_log::MIGRATIONS, evidence::MIGRATIONS, keyring::MIGRATIONS, command::MIGRATIONS];

/// What its one part does.
#[derive(Clone, Copy)]
enum Part {
    Panics,
    Returns,
    /// Writes into the audit when it is told to end, as work does that was under way.
    WritesAtTheEnd,
}

struct App {
    base: Base,
    part: Part,
    wrote: Arc<AtomicBool>,
}

impl Service for App {
    fn base(&self) -> &Base {
        &self.base
    }

    fn add_services(&self, services: Services) -> Services {
        services
    }

    fn work(&self, tasks: &mut JoinSet<()>, shutdown: &CancellationToken) {
        let (part, stop, db, wrote) = (self.part, shutdown.clone(), self.database(), self.wrote.clone());
        let time = self.commands().now();
        tasks.spawn(async move {
            match part {
                Part::Panics => panic!("as the test says"),
                Part::Returns => {}
                Part::WritesAtTheEnd => {
                    stop.cancelled().await;
                    let entry = AuditEntry {
                        time,
                        actor: "timer".into(),
                        action: "test".into(),
                        resources: Vec::new(),
                        outcome: Outcome::Done,
                        reason: String::new(),
                    };
                    audit::insert(db.writer(), &entry).await.unwrap();
                    wrote.store(true, Ordering::SeqCst);
                }
            }
        });
    }
}

async fn app(db: &TestDatabase, folder: &tempfile::TempDir, part: Part) -> App {
    let kek = folder.path().join("kek");
    keyring::Kek::from_file_or_generate(&kek).unwrap();
    let config = Config::embedded(db.url().to_owned(), kek, Nothing {});
    let deps = Deps {
        clock: Arc::new(WallClock),
        system: Arc::new(WallClock),
        transport: Transport::InProcess(Bus::new()),
        replayer: Arc::new(Vec::<EventLog>::new()),
        peers: (),
    };
    let base = Base::open("test", TABLES, &config.base, &deps).await.unwrap();
    App { base, part, wrote: Arc::default() }
}

async fn serve(app: &App, shutdown: &CancellationToken) -> Result<(), ServeError> {
    let running = Running::start([app as &dyn Service], shutdown);
    let access = AccessLayer::new(Rules::load().unwrap(), tokens().verifier(), Arc::new(Roster::new()));
    running.serve(Server::bind("127.0.0.1:0").await.unwrap(), Services::new(), Edge::new(access)).await
}

#[test]
fn a_part_that_panics_or_returns_ends_the_process_with_an_error() {
    testkit::run(async {
        for (part, how) in [(Part::Panics, "it panicked"), (Part::Returns, "it returned")] {
            let (db, folder) = (TestDatabase::sqlite(TABLES).await, tempfile::tempdir().unwrap());
            let ended = serve(&app(&db, &folder, part).await, &CancellationToken::new()).await;
            assert!(matches!(&ended, Err(ServeError::Part(told)) if told == how), "{ended:?}");
        }
    });
}

#[test]
fn what_work_writes_last_is_sealed_before_the_process_ends() {
    testkit::run(async {
        let (db, folder) = (TestDatabase::sqlite(TABLES).await, tempfile::tempdir().unwrap());
        let (app, shutdown) = (app(&db, &folder, Part::WritesAtTheEnd).await, CancellationToken::new());
        shutdown.cancel();
        serve(&app, &shutdown).await.unwrap();
        assert!(app.wrote.load(Ordering::SeqCst));
        assert_eq!(audit::activity(&app.database()).await.unwrap().unsealed, 0);
    });
}
