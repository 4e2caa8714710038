use std::{
    fs,
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::Duration,
};

use redis::aio::MultiplexedConnection;
use tempfile::TempDir;
use tokio::time::Instant;

/// Runs the server beside a shell that waits for its standard input to close: when the test process is gone, however it
/// went, so is the server.
const WATCHED: &str = r#"redis-server "$@" >log 2>&1 & cat >/dev/null; kill -9 $!; wait"#;

/// A Redis of one test's own, on a free port of the loopback address. It goes when this value goes.
#[derive(Debug)]
pub struct TestRedis {
    folder: TempDir,
    port: u16,
    running: Option<Child>,
}

/// What a Redis held at one moment, see [`TestRedis::dump`].
#[derive(Clone, Debug)]
pub struct RedisDump(Vec<u8>);

impl TestRedis {
    /// Starts one, empty.
    ///
    /// # Panics
    /// Where there is no `redis-server`; `tests/run` installs it.
    pub async fn start() -> Self {
        let mut redis = Self { folder: tempfile::tempdir().unwrap(), port: 0, running: None };
        // A port that was free may be taken a moment later.
        for _ in 0..3 {
            redis.port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            redis.spawn();
            if redis.ready().await {
                return redis;
            }
            redis.stop();
        }
        let log = fs::read_to_string(redis.folder.path().join("log")).unwrap_or_default();
        panic!("redis-server does not start: run tests/run, which installs it. {log}");
    }

    fn spawn(&mut self) {
        let mut server = Command::new("sh");
        server.args(["-c", WATCHED, "watched", "--bind", "127.0.0.1", "--port", &self.port.to_string()]);
        server.args(["--save", "", "--appendonly", "no", "--dbfilename", "dump.rdb", "--dir"]);
        server.arg(self.folder.path()).current_dir(self.folder.path());
        self.running = Some(server.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap());
    }

    /// Whether it answers, within five seconds.
    async fn ready(&self) -> bool {
        let end = Instant::now() + Duration::from_secs(5);
        while Instant::now() < end {
            if let Ok(mut connection) = self.client().get_multiplexed_async_connection().await
                && redis::cmd("PING").query_async::<String>(&mut connection).await.is_ok()
            {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        false
    }

    /// Its address, `redis://127.0.0.1:<port>/`. It stays the same when the server is stopped and started again.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// A client of it.
    pub fn client(&self) -> redis::Client {
        redis::Client::open(self.url()).unwrap()
    }

    /// A connection to look into it with.
    pub async fn connection(&self) -> MultiplexedConnection {
        self.client().get_multiplexed_async_connection().await.unwrap()
    }

    /// Empties it while it runs.
    pub async fn flush(&self) {
        redis::cmd("FLUSHALL").query_async::<()>(&mut self.connection().await).await.unwrap();
    }

    /// Kills it; nothing is saved, and whoever calls is refused.
    pub fn stop(&mut self) {
        let Some(mut running) = self.running.take() else { return };
        drop(running.stdin.take());
        running.wait().unwrap();
    }

    /// Starts it at the same address, empty, killed first where it runs.
    pub async fn restart_empty(&mut self) {
        self.start_with(None).await;
    }

    /// Kills it and starts it with what it held, as after a clean restart.
    pub async fn restart(&mut self) {
        let dump = self.dump().await;
        self.rewind(&dump).await;
    }

    /// What it holds now.
    pub async fn dump(&self) -> RedisDump {
        redis::cmd("SAVE").query_async::<()>(&mut self.connection().await).await.unwrap();
        RedisDump(fs::read(self.folder.path().join("dump.rdb")).unwrap())
    }

    /// Kills it and starts it with what it held at an earlier moment, as after a failover to a replica that lagged.
    pub async fn rewind(&mut self, to: &RedisDump) {
        self.start_with(Some(to)).await;
    }

    async fn start_with(&mut self, dump: Option<&RedisDump>) {
        self.stop();
        let file = self.folder.path().join("dump.rdb");
        match dump {
            Some(dump) => fs::write(file, &dump.0).unwrap(),
            None => fs::remove_file(file).unwrap_or_default(),
        }
        self.spawn();
        assert!(self.ready().await, "redis-server did not come back");
    }
}

impl Drop for TestRedis {
    fn drop(&mut self) {
        self.stop();
    }
}
