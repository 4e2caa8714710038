use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::eventually_some;

/// How long something may take, on a machine that is busy.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Runs the program beside a shell that waits for its standard input to close: when the test is gone, however it went, so
/// is the program.
const WATCHED: &str = r#""$@" & cat >/dev/null; kill -9 $!; wait"#;

/// What a command line came to.
#[derive(Debug)]
pub struct Done {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Done {
    /// What it printed, where it went well.
    pub fn ok(self) -> String {
        assert_eq!(self.code, 0, "{}{}", self.out, self.err);
        self.out
    }

    /// What it told on standard error, where it failed.
    pub fn told(self) -> String {
        assert_eq!(self.code, 1, "{}{}", self.out, self.err);
        self.err
    }
}

impl From<Output> for Done {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }
}

/// `liaison <arguments>` in `folder`.
pub fn liaison(folder: &Path, arguments: &[&str]) -> Done {
    command(folder).args(arguments).output().unwrap().into()
}

/// The same, not run yet.
pub fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_liaison"));
    command.current_dir(folder).stdin(Stdio::null()).env("NO_COLOR", "1");
    command
}

/// A suite that serves as a process of its own, on free ports, with its data in a folder of its own.
pub struct Served {
    folder: TempDir,
    shell: Child,
    pub address: String,
    pub outbox: String,
}

impl Served {
    /// `liaison init`, then `liaison`.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let who = ["init", "--name", "Grace Okafor", "--email", "grace@firm.example"];
        let told = liaison(folder.path(), &who).ok();
        assert!(told.contains("staff/admin is management") && told.contains("token --as staff/admin"), "{told}");
        let (shell, address, outbox) = serve(folder.path()).await;
        Self { folder, shell, address, outbox }
    }

    /// Where its data folder lies.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A command line that reaches it.
    pub fn liaison(&self, arguments: &[&str]) -> Done {
        self.command(arguments).output().unwrap().into()
    }

    /// A command line that reaches it, not run yet.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(self.folder());
        command.args(arguments).env("LIAISON__LISTEN", &self.address);
        command
    }

    /// `liaison call`, where an answer is expected.
    pub fn call(&self, who: &str, method: &str, request: &Value) -> Value {
        let answer = self.liaison(&["call", method, &request.to_string(), "--as", who]).ok();
        serde_json::from_str(&answer).unwrap()
    }

    /// `liaison call`, where a refusal is expected.
    pub fn refused(&self, who: &str, method: &str, request: &Value) -> String {
        self.liaison(&["call", method, &request.to_string(), "--as", who]).told()
    }

    /// A case as Anna sees it.
    pub fn case(&self, name: &Value) -> Value {
        self.call("staff/anna", "CaseService/GetCase", &json!({ "name": name }))["case"].clone()
    }

    /// Kills it with SIGKILL and starts it again on the same data.
    pub async fn kill_and_restart(&mut self) {
        self.kill();
        (self.shell, self.address, self.outbox) = serve(self.folder.path()).await;
    }

    /// Kills it with SIGKILL.
    pub fn kill(&mut self) {
        drop(self.shell.stdin.take());
        self.shell.wait().unwrap();
    }

    /// A client with its account manager Anna and its contact Jo, who confirms, in a firm that works around the clock.
    pub fn register_a_client(&self) {
        let days = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"];
        let day = |day| json!({ "day": format!("DAY_OF_WEEK_{day}"), "open": "00:00", "close": "24:00" });
        let week: Vec<_> = days.into_iter().map(day).collect();
        let calendar = json!({ "calendarId": "firm", "calendar": { "timeZone": "Europe/London", "week": week } });
        self.call("staff/admin", "CalendarService/CreateCalendar", &calendar);
        let policy = json!({ "policy": {
            "firmCalendar": "calendars/firm", "officialDomain": "firm.example", "serviceAddress": "service@firm.example",
            "authservId": "mx.firm.example", "firstResponseBusinessDays": 1, "confirmationReminder": "86400s",
            "escalationSteps": [
                { "after": "86400s", "target": "ESCALATION_TARGET_TEAM_LEAD" },
                { "after": "172800s", "target": "ESCALATION_TARGET_MANAGEMENT" }],
        } });
        self.call("staff/admin", "PolicyService/PublishPolicy", &policy);
        let anna =
            json!({ "displayName": "Anna Petrova", "email": "anna@firm.example", "kind": "STAFF_KIND_EMPLOYEE" });
        self.call("staff/admin", "StaffService/CreateStaff", &json!({ "staffId": "anna", "staff": anna }));
        let acme = json!({ "displayName": "Acme", "calendar": "calendars/firm", "accountManager": "staff/anna" });
        self.call("staff/admin", "ClientService/CreateClient", &json!({ "clientId": "acme", "client": acme }));
        let jo = json!({ "displayName": "Jo Marsh", "email": "jo@acme.example", "confirms": true });
        let jo = json!({ "parent": "clients/acme", "contactId": "jo", "contact": jo });
        self.call("staff/anna", "ContactService/CreateContact", &jo);
    }

    /// Anna opens a case; gives it.
    pub fn open_case(&self, kind: &str, subject: &str) -> Value {
        let draft = json!({ "client": "clients/acme", "kind": format!("CASE_KIND_{kind}"), "subject": subject });
        self.call("staff/anna", "CaseService/OpenCase", &json!({ "case": draft }))["case"].clone()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            eprintln!("--- what the suite told:\n{log}");
        }
    }
}

async fn serve(folder: &Path) -> (Child, String, String) {
    let printed = folder.join("printed");
    let open = |path: PathBuf, anew| {
        let mut options = File::options();
        options.create(true).write(true);
        if anew {
            options.truncate(true)
        } else {
            options.append(true)
        };
        options.open(path).unwrap()
    };
    let shell = Command::new("sh")
        .args(["-c", WATCHED, "watched", env!("CARGO_BIN_EXE_liaison")])
        .current_dir(folder)
        .env("LIAISON__LISTEN", "127.0.0.1:0")
        .env("LIAISON__OUTBOX_LISTEN", "127.0.0.1:0")
        .stdin(Stdio::piped())
        .stdout(open(printed.clone(), true))
        .stderr(open(folder.join("log"), false))
        .spawn()
        .unwrap();
    let told = eventually_some(PATIENCE, async || {
        fs::read_to_string(&printed).ok().filter(|told| told.contains("liaison call"))
    })
    .await;
    let after = |words: &str| {
        let line = told.lines().find_map(|line| line.strip_prefix(words)).unwrap_or_else(|| panic!("{told}"));
        line.trim().to_owned()
    };
    let (address, outbox) = (after("Liaison listens on "), after("Mails that left: "));
    (shell, address, outbox)
}

/// A mail from Jo as the firm's mail server hands it over, as a request of DeliverMail.
pub fn mail_from_jo(id: &str, subject: &str) -> Value {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let raw = format!(
        "Authentication-Results: mx.firm.example; dmarc=pass header.from=acme.example\r\n\
         From: Jo Marsh <jo@acme.example>\r\nTo: <service@firm.example>\r\nSubject: {subject}\r\n\
         Date: Mon, 2 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{id}@acme.example>\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\r\nDoes the migration keep its dates?\r\n"
    );
    json!({ "raw": STANDARD.encode(raw), "envelopeFrom": "jo@acme.example" })
}
