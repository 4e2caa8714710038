//! A producer, a reader, and what lies between them.

pub mod ledger;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    future::Future,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use business_time::{Timestamp, WallClock};
use database::{ConnectionTrait, Database, MigrationSet, Step, exec, query_all, query_one};
use event_log::{
    Bus, EventLog, NewEvent, Position, Reader, RedisTransport, Replayer, Rules, SubscriptionState, Transport, Tuning,
    outbox,
};
use prost_types::Any;
use testkit::{TestDatabase, TestRedis};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use self::ledger::{Act, Ledger, signed};

/// The producing service.
pub const PRODUCER: &str = "escalation";

/// The stream's key in Redis.
pub const KEY: &str = "liaison.escalation.v1";

const TABLES: MigrationSet = MigrationSet {
    owner: "test",
    steps: &[Step {
        name: "0001",
        sql: "
CREATE TABLE thing (id {text} PRIMARY KEY, revision {bigint} NOT NULL);
CREATE TABLE mirror (id {text} PRIMARY KEY, incarnation {bigint} NOT NULL, revision {bigint} NOT NULL);
CREATE TABLE effect (
  seq {serial},
  event_id {text} NOT NULL,
  incarnation {bigint} NOT NULL,
  position {bigint} NOT NULL,
  aggregate {text} NOT NULL,
  revision {bigint} NOT NULL
);
",
    }],
};

/// What a backup holds.
const PRODUCED: &[&str] = &["thing", "outbox", "stream"];
const READ: &[&str] = &["mirror", "effect", "subscription", "dead_letter"];

/// On which transport and database a test runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    InProcessOnSqlite,
    InProcessOnPostgres,
    RedisOnSqlite,
    RedisOnPostgres,
}

impl Profile {
    pub fn on_postgres(self) -> bool {
        matches!(self, Self::InProcessOnPostgres | Self::RedisOnPostgres)
    }

    pub fn on_redis(self) -> bool {
        matches!(self, Self::RedisOnSqlite | Self::RedisOnPostgres)
    }
}

pub struct World {
    pub profile: Profile,
    pub producer: Database,
    pub consumer: Database,
    pub transport: Transport,
    pub log: EventLog,
    pub ledger: Arc<Ledger>,
    pub tuning: Tuning,
    /// Every place at which an event was ever seen, also in a past that a restore has undone.
    seen: Mutex<HashMap<Position, HashSet<String>>>,
    pub redis: Option<TestRedis>,
    /// The producer's database; on PostgreSQL also the reader's.
    pub home: TestDatabase,
    _reader: Option<TestDatabase>,
}

/// Runs one test in a world of its own.
pub fn run<F: Future<Output = ()>>(profile: Profile, test: impl FnOnce(World) -> F) {
    if std::env::var_os("RUST_LOG").is_some() {
        let _ = tracing_subscriber::fmt().with_env_filter(tracing_subscriber::EnvFilter::from_default_env()).try_init();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let world = World::new(profile).await;
        tokio::time::timeout(Duration::from_secs(40), test(world)).await.expect("the test ends in time");
    });
    runtime.shutdown_timeout(Duration::from_secs(1));
}

impl World {
    /// Producer and reader work on this database from now on.
    pub fn move_to(&mut self, database: Database) {
        self.producer = database.clone();
        self.log = EventLog::new(PRODUCER, database.clone(), Arc::new(WallClock), self.transport.clone())
            .with_tuning(self.tuning.clone());
        self.ledger = Arc::new(Ledger::new(Some(database)));
    }

    pub async fn new(profile: Profile) -> Self {
        let sets = [event_log::MIGRATIONS, TABLES];
        let redis = if profile.on_redis() { Some(TestRedis::start().await) } else { None };
        // On PostgreSQL producer and reader share a database, which costs less to make; they share no table.
        let (home, reader) = if profile.on_postgres() {
            (TestDatabase::postgres(&sets).await, None)
        } else {
            (TestDatabase::sqlite(&sets).await, Some(TestDatabase::sqlite(&sets).await))
        };
        let producer = home.database();
        let consumer = reader.as_ref().map_or_else(|| home.database(), TestDatabase::database);
        if let Some(reader) = &reader {
            for db in [&home, reader] {
                // Durability against a power cut is not what is tested here.
                exec(db.database().writer(), "PRAGMA synchronous = OFF", vec![]).await.unwrap();
            }
        }
        let transport = match &redis {
            Some(server) => Transport::Redis(RedisTransport::try_new(&server.url()).unwrap()),
            None => Transport::InProcess(Bus::new()),
        };
        let tuning = Tuning {
            lease: Duration::from_millis(400),
            check: Duration::from_millis(50),
            batch: 7,
            quiet: Duration::from_millis(150),
            tries: 3,
            backoff: Duration::from_millis(5),
            backoff_most: Duration::from_millis(40),
            ..Tuning::default()
        };
        let log = EventLog::new(PRODUCER, producer.clone(), Arc::new(WallClock), transport.clone())
            .with_tuning(tuning.clone());
        let ledger = Arc::new(Ledger::new(Some(producer.clone())));
        let seen = Mutex::default();
        Self { profile, producer, consumer, transport, log, ledger, tuning, seen, redis, home, _reader: reader }
    }

    /// Something happens to a thing: its row is locked, its revision rises, and it is told.
    pub async fn tell(&self, thing: &str) -> Uuid {
        let id = self.tell_on(&self.producer, thing).await;
        self.log.wake();
        id
    }

    pub async fn tell_many(&self, things: &[&str], rounds: usize) {
        for _ in 0..rounds {
            for thing in things {
                self.tell(thing).await;
            }
        }
    }

    pub async fn tell_on(&self, db: &Database, thing: &str) -> Uuid {
        let create = "INSERT INTO thing (id, revision) VALUES (?, 0) ON CONFLICT (id) DO NOTHING";
        exec(db.writer(), create, vec![thing.into()]).await.unwrap();
        let tx = db.begin().await.unwrap();
        let lock = database::for_update(tx.get_database_backend());
        let sql = format!("SELECT revision FROM thing WHERE id = ?{lock}");
        let row = query_one(&tx, &sql, vec![thing.into()]).await.unwrap().unwrap();
        let revision = row.try_get::<i64>("", "revision").unwrap() + 1;
        exec(&tx, "UPDATE thing SET revision = ? WHERE id = ?", vec![revision.into(), thing.into()]).await.unwrap();
        let event = event(thing, revision.unsigned_abs());
        let id = event.id;
        outbox::insert(&tx, event).await.unwrap();
        tx.commit().await.unwrap();
        id
    }

    pub fn relay(&self) -> Running {
        self.relay_of(self.log.clone())
    }

    pub fn relay_of(&self, log: EventLog) -> Running {
        Running::spawn(move |shutdown| async move { log.run_relay(shutdown).await })
    }

    pub fn reader(&self) -> Running {
        self.reader_with(Rules::default(), self.ledger.clone())
    }

    pub fn reader_with(&self, rules: Rules, ledger: Arc<Ledger>) -> Running {
        self.reader_of(rules, ledger, Arc::new(self.log.clone().with_rules(rules)))
    }

    pub fn reader_asking(&self, replayer: Arc<dyn Replayer>) -> Running {
        self.reader_of(Rules::default(), self.ledger.clone(), replayer)
    }

    pub fn reader_of(&self, rules: Rules, ledger: Arc<Ledger>, replayer: Arc<dyn Replayer>) -> Running {
        let reader = Reader::new(self.consumer.clone(), Arc::new(WallClock), self.transport.clone(), replayer, ledger)
            .with_tuning(self.tuning.clone())
            .with_rules(rules);
        Running::spawn(move |shutdown| reader.run(shutdown))
    }

    pub async fn subscription(&self) -> Option<SubscriptionState> {
        event_log::subscriptions(&self.consumer).await.unwrap().into_iter().next()
    }

    /// Whether everything told has a position, and the reader stands at the last.
    pub async fn is_settled(&self) -> bool {
        let activity = self.log.activity().await.unwrap();
        let Some(state) = self.subscription().await else { return false };
        activity.unrelayed == 0 && (state.incarnation, state.position) == (activity.incarnation, activity.last_position)
    }

    pub async fn settle(&self) {
        if !comes(PATIENCE, || self.is_settled()).await {
            let (activity, state) = (self.log.activity().await, self.subscription().await);
            let top = self.entries().await.last().map(|(at, _)| *at);
            panic!("in vain: the reader has handled everything; {activity:?}, {top:?}, {state:?}");
        }
    }

    pub async fn relayed(&self) {
        until("everything is numbered and published", || async {
            let activity = self.log.activity().await.unwrap();
            let top = self.entries().await.last().map(|(at, _)| *at);
            activity.unrelayed == 0 && top == Some(Position::new(activity.incarnation, activity.last_position))
        })
        .await;
    }

    pub async fn last(&self) -> Position {
        let activity = self.log.activity().await.unwrap();
        Position::new(activity.incarnation, activity.last_position)
    }

    /// Says where the promise of the log is broken, if it is.
    pub async fn contract(&self) -> Result<(), String> {
        self.look_around().await;
        let effects = self.effects().await;
        let mut done = HashMap::<&str, usize>::new();
        let mut revisions = BTreeMap::<&str, (u64, u64)>::new();
        for effect in &effects {
            *done.entry(&effect.id).or_default() += 1;
            let here = (effect.at.incarnation, effect.revision);
            if revisions.insert(&effect.aggregate, here).is_some_and(|before| before >= here) {
                return Err(format!("out of order: {effect:?}"));
            }
        }
        if let Some((id, times)) = done.iter().find(|(_, times)| **times > 1) {
            return Err(format!("{id} has {times} effects"));
        }
        if let Some((at, ids)) = self.seen.lock().unwrap().iter().find(|(_, ids)| ids.len() > 1) {
            return Err(format!("position {at} was used for {ids:?}"));
        }
        let state = self.subscription().await.unwrap();
        if state.snapshots == 0 && state.dead_letters == 0 {
            let told = ids(&self.producer, "SELECT id AS id FROM outbox").await;
            if let Some(id) = told.iter().find(|id| !done.contains_key(id.as_str())) {
                return Err(format!("{id} is lost"));
            }
        }
        let (things, mirror) =
            (self.revisions(&self.producer, "thing").await, self.revisions(&self.consumer, "mirror").await);
        if state.dead_letters == 0 && things != mirror {
            return Err(format!("the mirror shows {mirror:?}, the things are {things:?}"));
        }
        Ok(())
    }

    /// The contract holds, and nobody had to take a snapshot for it.
    pub async fn kept(&self) {
        self.contract().await.unwrap();
        let state = self.subscription().await.unwrap();
        assert_eq!((state.snapshots, state.forks, state.dead_letters, state.stalled), (0, 0, 0, None));
    }

    /// The contract holds, after this many snapshots.
    pub async fn kept_by_snapshots(&self, snapshots: u64) {
        self.contract().await.unwrap();
        let state = self.subscription().await.unwrap();
        assert_eq!((state.snapshots, state.stalled), (snapshots, None));
    }

    async fn revisions(&self, db: &Database, table: &str) -> BTreeMap<String, i64> {
        let rows = query_all(db.reader(), &format!("SELECT id, revision FROM {table}"), vec![]).await.unwrap();
        rows.iter().map(|row| (row.try_get("", "id").unwrap(), row.try_get("", "revision").unwrap())).collect()
    }

    pub async fn effects(&self) -> Vec<Effect> {
        let sql = "SELECT event_id, incarnation, position, aggregate, revision FROM effect ORDER BY seq";
        let rows = query_all(self.consumer.reader(), sql, vec![]).await.unwrap();
        rows.iter()
            .map(|row| Effect {
                id: row.try_get("", "event_id").unwrap(),
                at: position(row),
                aggregate: row.try_get("", "aggregate").unwrap(),
                revision: row.try_get::<i64>("", "revision").unwrap().unsigned_abs(),
            })
            .collect()
    }

    /// Remembers which event stands where now.
    pub async fn look_around(&self) {
        let mut found = Vec::new();
        let sql = "SELECT id, incarnation, position FROM outbox WHERE position IS NOT NULL";
        for row in query_all(self.producer.reader(), sql, vec![]).await.unwrap() {
            found.push((position(&row), row.try_get::<String>("", "id").unwrap()));
        }
        found.extend(self.effects().await.into_iter().map(|effect| (effect.at, effect.id)));
        let mut seen = self.seen.lock().unwrap();
        for (at, id) in found {
            seen.entry(at).or_default().insert(id);
        }
    }

    pub async fn back_up_producer(&self) {
        back_up(&self.producer, PRODUCED).await;
    }

    /// Puts the backup back as it was, on the same machine: what storage snapshots do.
    pub async fn restore_producer(&self) {
        self.look_around().await;
        restore(&self.producer, PRODUCED).await;
    }

    pub async fn back_up_consumer(&self) {
        back_up(&self.consumer, READ).await;
    }

    pub async fn restore_consumer(&self) {
        restore(&self.consumer, READ).await;
    }

    /// Retention: the events up to a position go.
    pub async fn prune(&self, through: u64) {
        let tx = self.producer.begin().await.unwrap();
        exec(&tx, "DELETE FROM outbox WHERE position <= ?", vec![signed(through).into()]).await.unwrap();
        exec(&tx, "UPDATE stream SET pruned_through = ?", vec![signed(through).into()]).await.unwrap();
        tx.commit().await.unwrap();
    }

    // What befalls a transport.

    fn bus(&self) -> Option<&Arc<Bus>> {
        match &self.transport {
            Transport::InProcess(bus) => Some(bus),
            Transport::Redis(_) => None,
        }
    }

    async fn redis(&self) -> redis::aio::MultiplexedConnection {
        self.redis.as_ref().unwrap().connection().await
    }

    pub async fn command(&self, command: &redis::Cmd) {
        command.query_async::<redis::Value>(&mut self.redis().await).await.unwrap();
    }

    pub async fn flush(&self) {
        match self.bus() {
            Some(bus) => bus.flush(PRODUCER),
            None => self.command(redis::cmd("DEL").arg(KEY)).await,
        }
    }

    pub async fn forget(&self, forgotten: impl Fn(Position) -> bool) {
        match self.bus() {
            Some(bus) => bus.forget(PRODUCER, forgotten),
            None => {
                for (at, _) in self.entries().await.into_iter().filter(|(at, _)| forgotten(*at)) {
                    self.command(redis::cmd("XDEL").arg(KEY).arg(at.to_string())).await;
                }
            }
        }
    }

    pub async fn rewind(&self, top: Position) {
        match self.bus() {
            Some(bus) => bus.rewind(PRODUCER, top),
            None => {
                let entries = self.entries().await;
                let mut again = redis::pipe();
                again.atomic().cmd("DEL").arg(KEY);
                for (at, bytes) in entries.into_iter().filter(|(at, _)| *at <= top) {
                    again.cmd("XADD").arg(KEY).arg(at.to_string()).arg("event").arg(bytes);
                }
                again.query_async::<redis::Value>(&mut self.redis().await).await.unwrap();
            }
        }
    }

    pub async fn write(&self, at: Position, bytes: &[u8]) {
        match self.bus() {
            Some(bus) => bus.write(PRODUCER, at, bytes.to_vec()),
            None => self.command(redis::cmd("XADD").arg(KEY).arg(at.to_string()).arg("event").arg(bytes)).await,
        }
    }

    pub async fn entries(&self) -> Vec<(Position, Vec<u8>)> {
        match self.bus() {
            Some(bus) => bus.entries(PRODUCER),
            None => {
                let mut redis = self.redis().await;
                let found: redis::RedisResult<Vec<(String, Vec<Vec<u8>>)>> =
                    redis::cmd("XRANGE").arg(KEY).arg("-").arg("+").query_async(&mut redis).await;
                let found = found.unwrap_or_default();
                found.into_iter().map(|(id, fields)| (id.parse().unwrap(), fields.last().unwrap().clone())).collect()
            }
        }
    }
}

/// A row of the ledger.
#[derive(Debug)]
pub struct Effect {
    pub id: String,
    pub at: Position,
    pub aggregate: String,
    pub revision: u64,
}

/// A relay or a reader at work.
pub struct Running {
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    pub fn spawn<F: Future<Output = ()> + Send + 'static>(run: impl FnOnce(CancellationToken) -> F) -> Self {
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(run(shutdown.clone()));
        Self { shutdown, task }
    }

    /// As SIGTERM does.
    pub async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.unwrap();
    }

    /// As kill -9 does: whatever it was at.
    pub async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

/// An event without more to it.
pub fn event(thing: &str, revision: u64) -> NewEvent {
    NewEvent {
        id: Uuid::new_v4(),
        aggregate: thing.to_owned(),
        revision,
        time: Timestamp::UNIX_EPOCH,
        traceparent: String::new(),
        payload: Any { type_url: "type.googleapis.com/test.v1.Happened".into(), value: thing.as_bytes().to_vec() },
    }
}

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(15);

/// Waits for what must come.
pub async fn until<F: Future<Output = bool>>(what: &str, condition: impl Fn() -> F) {
    assert!(comes(PATIENCE, condition).await, "in vain: {what}");
}

/// Waits for what may come.
pub async fn comes<F: Future<Output = bool>>(within: Duration, condition: impl Fn() -> F) -> bool {
    let deadline = Instant::now() + within;
    while !condition().await {
        if Instant::now() > deadline {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(4)).await;
    }
    true
}

async fn ids(db: &Database, sql: &str) -> Vec<String> {
    let rows = query_all(db.reader(), sql, vec![]).await.unwrap();
    rows.iter().map(|row| row.try_get("", "id").unwrap()).collect()
}

fn position(row: &database::QueryResult) -> Position {
    let number = |column| row.try_get::<i64>("", column).unwrap().unsigned_abs();
    Position::new(number("incarnation"), number("position"))
}

async fn back_up(db: &Database, tables: &[&str]) {
    for table in tables {
        let sql = format!("CREATE TABLE backup_{table} AS SELECT * FROM {table}");
        exec(db.writer(), &sql, vec![]).await.unwrap();
    }
}

async fn restore(db: &Database, tables: &[&str]) {
    let tx = db.begin().await.unwrap();
    for table in tables {
        exec(&tx, &format!("DELETE FROM {table}"), vec![]).await.unwrap();
        exec(&tx, &format!("INSERT INTO {table} SELECT * FROM backup_{table}"), vec![]).await.unwrap();
    }
    tx.commit().await.unwrap();
}

/// How many of a database's connections wait for a lock in a statement like this one (PostgreSQL).
pub async fn waiting(db: &Database, like: &str) -> i64 {
    let sql = "SELECT COUNT(*) AS n FROM pg_stat_activity WHERE datname = current_database() \
               AND wait_event_type = 'Lock' AND query LIKE ?";
    query_one(db.reader(), sql, vec![like.into()]).await.unwrap().unwrap().try_get("", "n").unwrap()
}

/// As if there were no leases: both at once.
pub const NO_LEASES: Rules = Rules {
    second_statement: true,
    raise_before_numbering: true,
    guard_first: true,
    holes_inside_a_batch: true,
    pruned_through: true,
    leases: false,
};
