//! The handler under test: it keeps a mirror of the producer's aggregates, and a ledger of what it did.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use async_trait::async_trait;
use database::{Database, DatabaseTransaction, DbErr, exec, query_all};
use event_log::{Event, Handler, HandlerError, Position};
use tokio::sync::{Notify, Semaphore};

use super::PRODUCER;

/// What the handler does with an event.
pub enum Act {
    Do,
    Retry,
    Permanent(&'static str),
    Panic,
    Fail(DbErr),
    /// Does it, and then waits for a permit before it answers.
    DoAndHold,
    /// Waits for a permit before it does it.
    HoldAndDo,
}

type Script = Box<dyn Fn(&Event, u64) -> Act + Send + Sync>;

pub struct Ledger {
    producer: Option<Database>,
    script: Mutex<Script>,
    /// How often `handle` was called.
    pub calls: AtomicU64,
    /// How often the database broke a deadlock by failing one of our statements.
    pub deadlocks: AtomicU64,
    /// Told whenever a held event is at its hold.
    pub held: Notify,
    /// Lets held events go.
    pub go: Semaphore,
    /// Whether a snapshot waits for a permit, in the middle of its transaction.
    pub slow: AtomicBool,
    /// The positions at which snapshots were asked for.
    pub snapshots: Mutex<Vec<Position>>,
}

impl Ledger {
    /// With `producer`, whose rows a snapshot reads, as list RPCs would tell them; without, it has no snapshot.
    pub fn new(producer: Option<Database>) -> Self {
        Self {
            producer,
            script: Mutex::new(Box::new(|_, _| Act::Do)),
            calls: AtomicU64::new(0),
            deadlocks: AtomicU64::new(0),
            held: Notify::new(),
            go: Semaphore::new(0),
            slow: AtomicBool::new(false),
            snapshots: Mutex::default(),
        }
    }

    /// From now on it does what `script` says, which gets the event and how many calls there were before.
    pub fn play(&self, script: impl Fn(&Event, u64) -> Act + Send + Sync + 'static) {
        *self.script.lock().unwrap() = Box::new(script);
    }

    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    pub fn snapshots(&self) -> Vec<Position> {
        self.snapshots.lock().unwrap().clone()
    }

    async fn hold(&self) {
        self.held.notify_one();
        self.go.acquire().await.unwrap().forget();
    }
}

#[async_trait]
impl Handler for Ledger {
    fn subscription(&self) -> &'static str {
        "ledger"
    }

    fn stream(&self) -> &'static str {
        PRODUCER
    }

    async fn handle(&self, tx: &DatabaseTransaction, event: &Event) -> Result<(), HandlerError> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        let act = (self.script.lock().unwrap())(event, call);
        match act {
            Act::Retry => return Err(HandlerError::Retry),
            Act::Permanent(reason) => return Err(HandlerError::Permanent(reason.into())),
            Act::Panic => panic!("as the script says"),
            Act::Fail(error) => return Err(error.into()),
            Act::HoldAndDo => self.hold().await,
            Act::Do | Act::DoAndHold => {}
        }
        let sql = "INSERT INTO effect (event_id, incarnation, position, aggregate, revision) VALUES (?, ?, ?, ?, ?)";
        let values = vec![
            event.id.to_string().into(),
            signed(event.at.incarnation).into(),
            signed(event.at.position).into(),
            event.aggregate.clone().into(),
            signed(event.revision).into(),
        ];
        exec(tx, sql, values).await?;
        let mirrored = mirror(tx, &event.aggregate, event.at.incarnation, event.revision).await;
        if mirrored.as_ref().is_err_and(|error| error.to_string().contains("deadlock")) {
            self.deadlocks.fetch_add(1, Ordering::SeqCst);
        }
        mirrored?;
        if matches!(act, Act::DoAndHold) {
            self.hold().await;
        }
        Ok(())
    }

    async fn snapshot(&self, db: &Database, position: Position) -> Result<(), HandlerError> {
        let Some(producer) = &self.producer else { return Err(HandlerError::Permanent("no snapshot".into())) };
        self.snapshots.lock().unwrap().push(position);
        let rows = query_all(producer.reader(), "SELECT id, revision FROM thing ORDER BY id", vec![]).await?;
        let tx = db.begin().await?;
        for row in rows {
            let (id, revision): (String, i64) = (row.try_get("", "id")?, row.try_get("", "revision")?);
            mirror(&tx, &id, position.incarnation, revision.unsigned_abs()).await?;
        }
        if self.slow.load(Ordering::SeqCst) {
            self.hold().await;
        }
        tx.commit().await?;
        Ok(())
    }
}

/// Only a higher (incarnation, revision) is applied.
async fn mirror(tx: &DatabaseTransaction, aggregate: &str, incarnation: u64, revision: u64) -> Result<(), DbErr> {
    let sql = "INSERT INTO mirror (id, incarnation, revision) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE \
               SET incarnation = excluded.incarnation, revision = excluded.revision \
               WHERE mirror.incarnation < excluded.incarnation \
                  OR (mirror.incarnation = excluded.incarnation AND mirror.revision < excluded.revision)";
    exec(tx, sql, vec![aggregate.into(), signed(incarnation).into(), signed(revision).into()]).await?;
    Ok(())
}

pub fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap()
}
