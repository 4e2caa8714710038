//! The PostgreSQL that all test processes share.
//!
//! `LIAISON_TEST_POSTGRES` names one that somebody else runs (`tests/run` does), as the address of a database from which
//! databases can be made. Otherwise there is one of our own, below the temporary folder:
//!
//! ```text
//! liaison-testkit-<uid>/
//!   users     each test process holds a shared lock on it for its life; the kernel lets go for one that was killed
//!   start     held while somebody looks whether the cluster runs, and starts it
//!   pg/data   the cluster; made anew at each start, which takes a second and leaves nothing of old tests
//!   pg/log
//! ```
//!
//! Whoever starts it also starts a watchdog, a shell that waits for the exclusive lock on `users`. When it is free and
//! still free ten seconds later, the watchdog stops the cluster while it holds the lock, so that a test process that
//! starts meanwhile waits and then starts it anew. The data is disposable: no fsync.

use std::{
    fs::{self, File, OpenOptions},
    net::{TcpListener, TcpStream},
    os::unix::{
        fs::{PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use database::{Database, MigrationSet, exec, query_all, query_one};

const MISSING: &str = "PostgreSQL is needed for this test and was not found: run tests/run, which installs it, or name a \
                       server in LIAISON_TEST_POSTGRES (postgres://user@host:port/database)";

/// The address of a database of the cluster from which others can be made.
pub(crate) fn cluster() -> &'static str {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    &CLUSTER.get_or_init(Cluster::find_or_start).url
}

struct Cluster {
    url: String,
    /// Its shared lock is this process's claim on the cluster.
    _users: Option<File>,
}

impl Cluster {
    fn find_or_start() -> Self {
        if let Ok(url) = std::env::var("LIAISON_TEST_POSTGRES") {
            return Self { url, _users: None };
        }
        let binaries = binaries();
        let uid = output(Command::new("id").arg("-u"));
        let home = std::env::temp_dir().join(format!("liaison-testkit-{uid}"));
        fs::create_dir_all(&home).unwrap();
        let users = lock_file(&home.join("users"));
        users.lock_shared().unwrap();
        let start = lock_file(&home.join("start"));
        start.lock().unwrap();
        let port = match running(&home) {
            Some(port) => port,
            None => start_cluster(&home, &binaries, uid == "0"),
        };
        Self { url: format!("postgres://postgres@127.0.0.1:{port}/postgres"), _users: Some(users) }
    }
}

fn lock_file(path: &Path) -> File {
    OpenOptions::new().create(true).truncate(false).write(true).open(path).unwrap()
}

fn output(command: &mut Command) -> String {
    String::from_utf8(command.output().unwrap().stdout).unwrap().trim().to_owned()
}

/// Debian keeps them out of the path, one folder for each version.
fn binaries() -> PathBuf {
    let from_path =
        std::env::var_os("PATH").into_iter().flat_map(|path| std::env::split_paths(&path).collect::<Vec<_>>());
    let mut debian: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .collect();
    debian.sort_by_key(|path| {
        path.components().rev().nth(1).and_then(|name| name.as_os_str().to_str()?.parse().ok()).unwrap_or(0)
    });
    debian.reverse();
    debian
        .into_iter()
        .chain(from_path)
        .find(|folder| folder.join("initdb").exists() && folder.join("pg_ctl").exists())
        .unwrap_or_else(|| panic!("{MISSING}"))
}

/// The port of the cluster where it runs. Its own file says so, and is believed only while the process it names lives.
fn running(home: &Path) -> Option<u16> {
    let file = fs::read_to_string(home.join("pg/data/postmaster.pid")).ok()?;
    let port = file.lines().nth(3)?.trim().parse().ok()?;
    let alive = !Path::new("/proc/self").exists() || Path::new("/proc").join(file.lines().next()?.trim()).exists();
    (alive && TcpStream::connect(("127.0.0.1", port)).is_ok()).then_some(port)
}

/// PostgreSQL refuses to run as root.
fn as_owner(binary: PathBuf, root: bool) -> Command {
    let mut command = if root {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(binary);
        command
    } else {
        Command::new(binary)
    };
    command.stdin(Stdio::null());
    command
}

fn start_cluster(home: &Path, binaries: &Path, root: bool) -> u16 {
    let pg = home.join("pg");
    let data = pg.join("data");
    fs::create_dir_all(&pg).unwrap();
    fs::set_permissions(&pg, fs::Permissions::from_mode(0o700)).unwrap();
    if root {
        let id =
            |flag| output(Command::new("id").args([flag, "postgres"])).parse().unwrap_or_else(|_| panic!("{MISSING}"));
        chown(&pg, Some(id("-u")), Some(id("-g"))).unwrap();
    }
    for _ in 0..3 {
        if data.exists() {
            fs::remove_dir_all(&data).unwrap();
        }
        // Its collation is not "C", so that what relies on byte order without saying so is found.
        let mut initdb = as_owner(binaries.join("initdb"), root);
        initdb.arg("-D").arg(&data).args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "-N"]);
        initdb.args(["--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US"]);
        let made = initdb.current_dir("/").output().unwrap();
        assert!(made.status.success(), "initdb failed: {}", String::from_utf8_lossy(&made.stderr));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let options = format!(
            "-c port={port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={} -c fsync=off \
             -c full_page_writes=off -c synchronous_commit=off -c autovacuum=off -c max_connections=500",
            pg.display()
        );
        let mut start = as_owner(binaries.join("pg_ctl"), root);
        start.arg("-D").arg(&data).arg("-l").arg(pg.join("log")).args(["-w", "-o", &options, "start"]);
        // The server keeps what it inherits; a pipe would never close.
        start.current_dir("/").stdout(Stdio::null()).stderr(Stdio::null());
        if start.status().unwrap().success() {
            watch(home, binaries, &data, root);
            return port;
        }
        // The port may have been taken meanwhile.
    }
    panic!("PostgreSQL does not start; see {}", pg.join("log").display());
}

fn watch(home: &Path, binaries: &Path, data: &Path, root: bool) {
    // The shell leaves the loop behind and ends, so that the loop is nobody's child.
    const SCRIPT: &str = r#"
        users=$1; shift
        while flock -x "$users" true; do
          sleep 10
          flock -n -E 99 -x "$users" "$@"
          test $? -eq 99 || exit
        done &"#;
    let mut watchdog = Command::new("sh");
    watchdog.args(["-c", SCRIPT, "watchdog"]).arg(home.join("users"));
    if root {
        watchdog.args(["runuser", "-u", "postgres", "--"]);
    }
    watchdog.arg(binaries.join("pg_ctl")).arg("-D").arg(data).args(["-m", "immediate", "-w", "stop"]);
    // In a group of its own it outlives the test that started it, also when that is interrupted at a terminal.
    watchdog.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    assert!(watchdog.status().unwrap().success(), "nothing watches over the test database");
}

/// The address of another database of the same cluster.
pub(crate) fn beside(cluster: &str, name: &str) -> String {
    let (server, _) = cluster.rsplit_once('/').unwrap();
    format!("{server}/{name}")
}

/// The name of a database with the tables of these sets, from which copies are made; made where it is not there.
pub(crate) async fn template(admin: &Database, sets: &[MigrationSet]) -> String {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    for set in sets {
        set.owner.hash(&mut hasher);
        set.steps.iter().for_each(|step| (step.name, step.sql).hash(&mut hasher));
    }
    let name = format!("liaison_template_{:016x}", hasher.finish());
    let known = "SELECT 1 AS one FROM pg_database WHERE datname = ?";
    if query_one(admin.reader(), known, vec![name.as_str().into()]).await.unwrap().is_some() {
        return name;
    }
    // One connection, so the lock is this session's until the connection closes. Of many processes one makes the template.
    exec(admin.writer(), "SELECT pg_advisory_lock(7305412)", vec![]).await.unwrap();
    if query_one(admin.reader(), known, vec![name.as_str().into()]).await.unwrap().is_none() {
        let part = format!("{name}_part");
        execute(admin, &format!("DROP DATABASE IF EXISTS {part} WITH (FORCE)")).await;
        execute(admin, &format!("CREATE DATABASE {part}")).await;
        let database = Database::connect_with(&beside(cluster(), &part), 1).await.unwrap();
        database.migrate(sets, business_time::WallClock.now()).await.unwrap();
        database.close().await.unwrap();
        execute(admin, &format!("ALTER DATABASE {part} RENAME TO {name}")).await;
    }
    exec(admin.writer(), "SELECT pg_advisory_unlock(7305412)", vec![]).await.unwrap();
    name
}

/// Copies `template`; a name of its own for each.
pub(crate) async fn create(admin: &Database, template: &str) -> String {
    sweep(admin).await;
    let name = format!("liaison_test_{}_{}", std::process::id(), uuid::Uuid::new_v4().simple());
    execute(admin, &format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
    name
}

/// Drops, once in a process, what killed tests left behind: databases whose process is no more. On somebody else's server
/// processes of other machines may be at work, so there they stay.
async fn sweep(admin: &Database) {
    static SWEPT: OnceLock<()> = OnceLock::new();
    let others = std::env::var_os("LIAISON_TEST_POSTGRES").is_some() || !Path::new("/proc/self").exists();
    if SWEPT.set(()).is_err() || others {
        return;
    }
    let all =
        query_all(admin.reader(), "SELECT datname FROM pg_database WHERE datname LIKE 'liaison_test_%'", vec![]).await;
    for row in all.unwrap() {
        let name: String = row.try_get("", "datname").unwrap();
        let process = name.split('_').nth(2).unwrap_or_default().to_owned();
        if !Path::new("/proc").join(process).exists() {
            // Two sweepers may meet; one of them finds it gone.
            let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
            let _ = database::ConnectionTrait::execute_unprepared(admin.writer(), &drop).await;
        }
    }
}

pub(crate) async fn execute(admin: &Database, sql: &str) {
    database::ConnectionTrait::execute_unprepared(admin.writer(), sql).await.unwrap();
}

/// A client program of PostgreSQL's own, such as `pg_dump`.
pub(crate) fn program(name: &str) -> Command {
    Command::new(binaries().join(name))
}
