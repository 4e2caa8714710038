//! The workspace's programs, run as processes of their own.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use testkit::eventually_some;

/// How long a program may take to listen, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs the program beside a shell that waits for its standard input to close: when the test is gone, however it went, so
/// is the program.
const WATCHED: &str = r#""$@" & cat >/dev/null; kill -9 $!; wait"#;

/// The program of the workspace's package `name`, built first where it is older than its sources. Cargo builds the programs
/// of other packages than the one under test only where their own tests are built too.
///
/// # Panics
/// Where it does not build.
pub fn program(name: &str) -> PathBuf {
    let this = std::env::current_exe().unwrap();
    let (profile, target) = (this.ancestors().nth(2).unwrap(), this.ancestors().nth(3).unwrap());
    let built = profile.join(name);
    if is_fresh(&built) {
        return built;
    }
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "-p", name, "--bin", name, "--target-dir"]).arg(target);
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    cargo.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    assert!(cargo.status().unwrap().success(), "{name} does not build");
    built
}

/// Whether a program is newer than every file that it was built from, as the list that cargo leaves beside it says.
fn is_fresh(built: &Path) -> bool {
    let changed = |path: &Path| fs::metadata(path).and_then(|data| data.modified()).ok();
    let Some(made) = changed(built) else { return false };
    let Ok(list) = fs::read_to_string(built.with_extension("d")) else { return false };
    let Some((_, sources)) = list.split_once(": ") else { return false };
    let whole = sources.replace("\\ ", "\0");
    let mut sources = whole.split_whitespace().map(|path| path.replace('\0', " "));
    sources.all(|path| changed(Path::new(&path)).is_some_and(|changed| changed <= made))
}

/// A port of the loopback address that nobody listens on. From below the range that outgoing connections take theirs from.
pub fn free_port() -> u16 {
    let mut number = uuid::Uuid::new_v4().as_u128();
    loop {
        let port = 15_000 + u16::try_from(number % 15_000).unwrap();
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
        number = number / 7 + 1;
    }
}

/// Runs a program to its end, which must be a good one.
pub fn run(program: &Path, arguments: &[&str], variables: &[(&str, String)], folder: &Path) {
    let variables = variables.iter().map(|(key, value)| (*key, value.as_str()));
    let done = Command::new(program).args(arguments).envs(variables).current_dir(folder).output().unwrap();
    assert!(done.status.success(), "{program:?} {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// A running program. It is killed when this value goes.
#[derive(Debug)]
pub struct Running {
    shell: Child,
    out: PathBuf,
    err: PathBuf,
}

impl Running {
    /// Starts it; what it prints goes to `<folder>/<name>.out` and `.err`, behind what stands there.
    pub fn start(program: &Path, arguments: &[&str], variables: &[(&str, String)], folder: &Path) -> Self {
        let name = program.file_name().unwrap().to_string_lossy().into_owned();
        let (out, err) = (folder.join(format!("{name}.out")), folder.join(format!("{name}.err")));
        let open = |path: &Path| File::options().create(true).append(true).open(path).unwrap();
        let shell = Command::new("sh")
            .args(["-c", WATCHED, "watched"])
            .arg(program)
            .args(arguments)
            .envs(variables.iter().map(|(key, value)| (*key, value.as_str())))
            .env("NO_COLOR", "1")
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(open(&out))
            .stderr(open(&err))
            .spawn()
            .unwrap();
        Self { shell, out, err }
    }

    /// What it printed.
    pub fn printed(&self) -> String {
        fs::read_to_string(&self.out).unwrap_or_default()
    }

    /// What it logged.
    pub fn logged(&self) -> Vec<u8> {
        fs::read(&self.err).unwrap_or_default()
    }

    /// The address that follows `words` in what it prints or logs, waited for; the last one.
    pub async fn address_after(&self, words: &str) -> String {
        eventually_some(PATIENCE, async || {
            let text = format!("{}\n{}", String::from_utf8_lossy(&self.logged()), self.printed());
            let (_, rest) = text.rsplit_once(words)?;
            let (line, _) = rest.split_once('\n')?;
            Some(line.trim().to_owned())
        })
        .await
    }

    /// Kills it with SIGKILL, and returns when it is gone.
    pub fn kill(&mut self) {
        drop(self.shell.stdin.take());
        self.shell.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let log = String::from_utf8_lossy(&self.logged()).into_owned();
            let from = log.char_indices().rev().nth(4_000).map_or(0, |(at, _)| at);
            eprintln!("--- end of {}:\n{}", self.err.display(), &log[from..]);
        }
    }
}
