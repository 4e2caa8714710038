//! A service's stream in Redis.
//!
//! ```text
//! liaison.<service>.v1          stream
//!   <incarnation>-<position>      the entry's explicit id; Redis refuses one that is not above its top
//!     event                         the encoded liaison.event.v1.Event; the only field
//! ```
//!
//! Written and trimmed (`MAXLEN ~`) by that service's relay alone; read by anybody with XREAD. No groups, so nothing here
//! has to be recreated when it is lost: where a reader stands is written in its own database. The top is XINFO's
//! `last-generated-id`, which outlives trimmed entries; a key that does not exist has the top `0-0`.

use std::{collections::HashMap, sync::Arc, time::Duration};

use ::redis::{
    AsyncConnectionConfig, Client, ErrorKind, RedisError, RedisResult, ServerErrorKind, Value,
    aio::{ConnectionManager, ConnectionManagerConfig, MultiplexedConnection},
    cmd, from_redis_value, pipe,
};
use async_trait::async_trait;
use tokio::sync::OnceCell;

use super::{Entry, Feed, Top, Wire};
use crate::{Position, Result};

const FIELD: &str = "event";

/// How long a command other than a blocking read may take.
const ANSWER: Duration = Duration::from_secs(5);

/// Redis streams as the transport. Cheap to clone; connects when first used and again whenever it has to.
#[derive(Clone)]
pub struct RedisTransport {
    client: Client,
    manager: Arc<OnceCell<ConnectionManager>>,
}

impl RedisTransport {
    /// For a Redis at `redis://host:port/db`; nothing is connected yet.
    ///
    /// # Errors
    /// Where the address is none.
    pub fn try_new(url: &str) -> Result<Self> {
        Ok(Self { client: Client::open(url)?, manager: Arc::default() })
    }

    /// One connection for all writes, which reconnects by itself.
    async fn writer(&self) -> Result<ConnectionManager> {
        let connect = || async {
            let config = ConnectionManagerConfig::new()
                .set_number_of_retries(1)
                .set_response_timeout(Some(ANSWER))
                .set_connection_timeout(Some(ANSWER));
            ConnectionManager::new_with_config(self.client.clone(), config).await
        };
        Ok(self.manager.get_or_try_init(connect).await?.clone())
    }
}

#[async_trait]
impl Wire for RedisTransport {
    async fn top(&self, stream: &str) -> Result<Top> {
        let mut writer = self.writer().await?;
        let info: RedisResult<HashMap<String, Value>> =
            cmd("XINFO").arg("STREAM").arg(stream).query_async(&mut writer).await;
        match info {
            Ok(mut info) => {
                let mut take = |name: &str| info.remove(name).unwrap_or(Value::Nil);
                let at: String = from_redis_value(take("last-generated-id")).map_err(RedisError::from)?;
                let last: Option<Raw> = from_redis_value(take("last-entry")).map_err(RedisError::from)?;
                Ok(Top { at: at.parse()?, entry: last.map(entry).transpose()?, stranger: false })
            }
            Err(error) if error.code() == Some("WRONGTYPE") => Ok(Top { stranger: true, ..Top::default() }),
            Err(error) if is_absent(&error) => Ok(Top::default()),
            Err(error) => Err(error.into()),
        }
    }

    async fn append(&self, stream: &str, entries: &[Entry], keep: u64) -> Result<Vec<Position>> {
        let mut writer = self.writer().await?;
        let mut pipeline = pipe();
        for (at, bytes) in entries {
            let id = at.to_string();
            pipeline.cmd("XADD").arg(stream).arg("MAXLEN").arg("~").arg(keep).arg(id).arg(FIELD).arg(bytes.as_slice());
        }
        // Each answer by itself, else one refusal hides the rest.
        let answers: Vec<RedisResult<String>> = pipeline.ignore_errors().query_async(&mut writer).await?;
        let mut refused = Vec::new();
        for ((at, _), answer) in entries.iter().zip(answers) {
            match answer {
                Ok(_) => {}
                Err(error) if is_refusal(&error) => refused.push(*at),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(refused)
    }

    async fn entry(&self, stream: &str, at: Position) -> Result<Option<Vec<u8>>> {
        let mut writer = self.writer().await?;
        let id = at.to_string();
        let found: Vec<Raw> = cmd("XRANGE").arg(stream).arg(&id).arg(&id).query_async(&mut writer).await?;
        found.into_iter().next().map(|found| Ok(entry(found)?.1)).transpose()
    }

    async fn delete(&self, stream: &str) -> Result<()> {
        let mut writer = self.writer().await?;
        let _: i64 = cmd("DEL").arg(stream).query_async(&mut writer).await?;
        Ok(())
    }

    fn feed(&self, stream: &str) -> Box<dyn Feed> {
        Box::new(RedisFeed { stream: stream.to_owned(), client: self.client.clone(), connection: None })
    }
}

/// A blocking read occupies its connection, so each reader has its own.
struct RedisFeed {
    stream: String,
    client: Client,
    connection: Option<MultiplexedConnection>,
}

#[async_trait]
impl Feed for RedisFeed {
    async fn read(&mut self, after: Position, count: u32, wait: Duration) -> Result<Vec<Entry>> {
        // Taken out for the time of the call: a call that is dropped leaves its connection blocked, and takes it along.
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                // The bound on an answer lies above the longest wait, or it would cut every quiet read short.
                let config = AsyncConnectionConfig::new()
                    .set_connection_timeout(Some(ANSWER))
                    .set_response_timeout(Some(ANSWER + Duration::from_secs(60)));
                self.client.get_multiplexed_async_connection_with_config(&config).await?
            }
        };
        let mut read = cmd("XREAD");
        read.arg("COUNT").arg(count);
        // BLOCK 0 would be for ever.
        let wait = u64::try_from(wait.min(Duration::from_secs(60)).as_millis()).unwrap_or(0);
        if wait > 0 {
            read.arg("BLOCK").arg(wait);
        }
        read.arg("STREAMS").arg(&self.stream).arg(after.to_string());
        let reply: Option<Vec<(String, Vec<Raw>)>> = read.query_async(&mut connection).await?;
        self.connection = Some(connection);
        reply.into_iter().flatten().flat_map(|(_, found)| found).map(entry).collect()
    }
}

/// An entry as Redis tells it: its id, then names and values in turn. A stranger's names need not be text.
type Raw = (String, Vec<Vec<u8>>);

/// An entry without the field was written by a stranger; it has no bytes, which no event reads as.
fn entry((id, fields): Raw) -> Result<Entry> {
    let mut fields = fields.into_iter();
    while let (Some(name), Some(value)) = (fields.next(), fields.next()) {
        if name == FIELD.as_bytes() {
            return Ok((id.parse()?, value));
        }
    }
    Ok((id.parse()?, Vec::new()))
}

/// Redis tells an id that is not above its top by a plain `ERR`.
fn is_refusal(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::ResponseError)
        && error.detail().is_some_and(|text| text.contains("equal or smaller"))
}

fn is_absent(error: &RedisError) -> bool {
    error.detail().is_some_and(|text| text.contains("no such key"))
}
