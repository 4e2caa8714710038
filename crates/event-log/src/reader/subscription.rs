use database::{ConnectionTrait, Database, DatabaseTransaction, exec, query_all, query_one};
use sea_orm::Value;

use super::chain::{Last, Stand, Why};
use crate::{
    Event, Position, Result,
    event::parse_id,
    outbox::{get, signed},
};

/// Where a subscription of this service stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionState {
    /// Its name.
    pub subscription: String,
    /// The producing service.
    pub stream: String,
    /// The incarnation that `position` belongs to; 0 where nothing was read yet.
    pub incarnation: u64,
    /// The event handled last.
    pub position: u64,
    /// Events that could not be handled and wait for a person, later ones of their aggregates among them.
    pub dead_letters: u64,
    /// How often it took a snapshot.
    pub snapshots: u64,
    /// How often the producer's past was not its own.
    pub forks: u64,
    /// Why it stands still, where it does.
    pub stalled: Option<String>,
}

/// Every subscription in a service's database.
///
/// # Errors
/// [`crate::Error::Database`].
pub async fn subscriptions(db: &Database) -> Result<Vec<SubscriptionState>> {
    let sql = "SELECT subscription, stream, incarnation, position, dead_letters, snapshots, forks, stalled \
               FROM subscription ORDER BY subscription, stream";
    let rows = query_all(db.reader(), sql, vec![]).await?;
    rows.iter()
        .map(|row| {
            Ok(SubscriptionState {
                subscription: row.try_get("", "subscription")?,
                stream: row.try_get("", "stream")?,
                incarnation: get(row, "incarnation")?,
                position: get(row, "position")?,
                dead_letters: get(row, "dead_letters")?,
                snapshots: get(row, "snapshots")?,
                forks: get(row, "forks")?,
                stalled: row.try_get("", "stalled")?,
            })
        })
        .collect()
}

/// The row of one (subscription, stream).
#[derive(Clone, Copy)]
pub(crate) struct Row {
    pub subscription: &'static str,
    pub stream: &'static str,
}

impl Row {
    fn key(self) -> Vec<Value> {
        vec![self.subscription.into(), self.stream.into()]
    }

    /// Makes the row where there is none. Looks first: an insert would wait for whoever is just moving the position.
    pub async fn create(self, db: &Database) -> Result<()> {
        let known = "SELECT 1 AS one FROM subscription WHERE subscription = ? AND stream = ?";
        if query_one(db.reader(), known, self.key()).await?.is_some() {
            return Ok(());
        }
        let sql = "INSERT INTO subscription \
                   (subscription, stream, incarnation, position, last_event_id, dead_letters, snapshots, forks, reader_until) \
                   VALUES (?, ?, 0, 0, '', 0, 0, 0, 0) ON CONFLICT (subscription, stream) DO NOTHING";
        exec(db.writer(), sql, self.key()).await?;
        Ok(())
    }

    pub async fn stand(self, db: &Database) -> Result<Stand> {
        let sql = "SELECT incarnation, position, last_event_id FROM subscription WHERE subscription = ? AND stream = ?";
        let row = query_one(db.reader(), sql, self.key()).await?;
        let row = row.ok_or_else(|| crate::Error::Malformed(format!("no subscription {}", self.subscription)))?;
        let last: Option<String> = row.try_get("", "last_event_id")?;
        Ok(Stand {
            at: Position::new(get(&row, "incarnation")?, get(&row, "position")?),
            last: match last.as_deref() {
                None => Last::Unknown,
                Some("") => Last::None,
                Some(id) => Last::Event(parse_id(id)?),
            },
        })
    }

    /// The guard: the position moves from where the reader read it, or not at all. Answers with the number of dead letters,
    /// or none where somebody else has moved it. Takes the row's lock, which a rival waits for.
    pub async fn advance<C: ConnectionTrait>(self, conn: &C, from: Stand, to: Stand) -> Result<Option<u64>> {
        let sql = "UPDATE subscription SET incarnation = ?, position = ?, last_event_id = ?, stalled = NULL \
                   WHERE subscription = ? AND stream = ? AND incarnation = ? AND position = ? RETURNING dead_letters";
        let last = match to.last {
            Last::Unknown => None,
            Last::None => Some(String::new()),
            Last::Event(id) => Some(id.to_string()),
        };
        let place = |at: Position| [Value::from(signed(at.incarnation)), Value::from(signed(at.position))];
        let values = [&place(to.at)[..], &[last.into()], &self.key(), &place(from.at)].concat();
        query_one(conn, sql, values).await?.map(|row| get(&row, "dead_letters")).transpose()
    }

    /// Moves to where a snapshot was taken, and counts it.
    pub async fn leap(self, db: &Database, from: Stand, to: Stand, why: Why) -> Result<bool> {
        let tx = db.begin().await?;
        if self.advance(&tx, from, to).await?.is_none() {
            tx.rollback().await?;
            return Ok(false);
        }
        let sql = "UPDATE subscription SET snapshots = snapshots + 1, forks = forks + ? \
                   WHERE subscription = ? AND stream = ?";
        let forks = i64::from(why == Why::Fork);
        exec(&tx, sql, [vec![forks.into()], self.key()].concat()).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Tells why the reader stands still, until it moves again.
    pub async fn stall(self, db: &Database, reason: &str) -> Result<()> {
        let sql = "UPDATE subscription SET stalled = ? WHERE subscription = ? AND stream = ?";
        exec(db.writer(), sql, [vec![reason.into()], self.key()].concat()).await?;
        Ok(())
    }

    /// It does not stand still any more, though there is nothing to move for.
    pub async fn go_on(self, db: &Database) -> Result<()> {
        let sql =
            "UPDATE subscription SET stalled = NULL WHERE subscription = ? AND stream = ? AND stalled IS NOT NULL";
        exec(db.writer(), sql, self.key()).await?;
        Ok(())
    }

    /// The aggregates of `events` that have a dead letter here.
    pub async fn blocked(self, tx: &DatabaseTransaction, events: &[Event]) -> Result<Vec<String>> {
        let marks = vec!["?"; events.len()].join(", ");
        let sql = format!(
            "SELECT DISTINCT aggregate FROM dead_letter WHERE subscription = ? AND stream = ? AND aggregate IN ({marks})"
        );
        let aggregates = events.iter().map(|event| Value::from(event.aggregate.clone())).collect();
        let rows = query_all(tx, &sql, [self.key(), aggregates].concat()).await?;
        rows.iter().map(|row| Ok(row.try_get("", "aggregate")?)).collect()
    }

    /// Lays an event aside.
    pub async fn bury(self, tx: &DatabaseTransaction, event: &Event, reason: &str, now: i64) -> Result<()> {
        let sql = "INSERT INTO dead_letter \
                   (subscription, stream, event_id, incarnation, position, aggregate, event, reason, dead_time) \
                   VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (subscription, stream, event_id) DO NOTHING";
        let values = vec![
            event.id.to_string().into(),
            signed(event.at.incarnation).into(),
            signed(event.at.position).into(),
            event.aggregate.clone().into(),
            event.encode().into(),
            reason.into(),
            now.into(),
        ];
        let new = exec(tx, sql, [self.key(), values].concat()).await?;
        let count = "UPDATE subscription SET dead_letters = dead_letters + ? WHERE subscription = ? AND stream = ?";
        exec(tx, count, [vec![signed(new).into()], self.key()].concat()).await?;
        Ok(())
    }

    /// The next dead letter that is to be handled again: the first of the first aggregate that was asked for.
    pub async fn next_redrive(self, db: &Database) -> Result<Option<Event>> {
        let sql = "SELECT event FROM dead_letter WHERE subscription = ? AND stream = ? AND aggregate = \
                   (SELECT aggregate FROM dead_letter WHERE subscription = ? AND stream = ? AND redrive > 0 \
                   ORDER BY seq LIMIT 1) ORDER BY seq LIMIT 1";
        let row = query_one(db.reader(), sql, [self.key(), self.key()].concat()).await?;
        let Some(row) = row else { return Ok(None) };
        let event: Vec<u8> = row.try_get("", "event")?;
        Event::decode_wire(&event).map(Some)
    }

    /// Takes a dead letter back; false where somebody else has. Begins with the subscription's row, as the guard does.
    pub async fn unbury(self, tx: &DatabaseTransaction, event: &Event) -> Result<bool> {
        let count = "UPDATE subscription SET dead_letters = dead_letters - 1 WHERE subscription = ? AND stream = ?";
        exec(tx, count, self.key()).await?;
        let sql = "DELETE FROM dead_letter WHERE subscription = ? AND stream = ? AND event_id = ?";
        Ok(exec(tx, sql, [self.key(), vec![event.id.to_string().into()]].concat()).await? == 1)
    }

    /// A dead letter that failed again waits for a person once more, and with it those of its aggregate.
    pub async fn bury_again(self, db: &Database, event: &Event, reason: &str) -> Result<()> {
        let tx = db.begin().await?;
        let rest = "UPDATE dead_letter SET redrive = 0 WHERE subscription = ? AND stream = ? AND aggregate = ?";
        exec(&tx, rest, [self.key(), vec![event.aggregate.clone().into()]].concat()).await?;
        let why = "UPDATE dead_letter SET reason = ? WHERE subscription = ? AND stream = ? AND event_id = ?";
        let values = [vec![reason.into()], self.key(), vec![event.id.to_string().into()]].concat();
        exec(&tx, why, values).await?;
        tx.commit().await?;
        Ok(())
    }
}
