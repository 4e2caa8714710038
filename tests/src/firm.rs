use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use business_time::{LocalTime, ManualClock, Timestamp};
use liaison::{
    call::{CallError, Refused},
    player::{Player, Stage},
    scenario,
    settings::Settings,
    suite::{Suite, SuiteClock},
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::template;

/// The firm of the built-in scenario (`services/liaison/scenarios/first-path/firm.toml`), set up through the front door
/// on a suite of its own: Northgate in London with its staff, and the clients acme (London), bluewater (New York) and
/// hikari (Tokyo). Nobody has written yet. It is Wednesday, 24 March 2027, 8:00 in London.
pub struct Firm {
    suite: Suite,
    clock: ManualClock,
    data: TempDir,
    mails: AtomicU32,
}

/// A time as `2027-03-25T16:10[Europe/London]`.
pub fn instant(text: &str) -> Timestamp {
    let (wall, zone) = text.split_once('[').unwrap();
    let seconds = if wall.matches(':').count() == 1 { ":00" } else { "" };
    format!("{wall}{seconds}[{zone}").parse::<LocalTime>().unwrap().resolve()
}

pub(crate) fn first_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../services/liaison/scenarios/first-path")
}

fn settings(data: &Path) -> Settings {
    Settings {
        data: data.to_owned(),
        listen: "127.0.0.1:0".into(),
        outbox_listen: String::new(),
        ..Settings::default()
    }
}

impl Firm {
    /// On SQLite and the event log in process. The firm's set-up is made once and copied; see [`template`].
    pub async fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let start = template::copied_into(data.path()).await;
        let clock = ManualClock::new(start);
        let suite = Suite::start(&settings(data.path()), SuiteClock::Simulated(clock.clone())).await.unwrap();
        Self { suite, clock, data, mails: AtomicU32::new(0) }
    }

    /// With other settings, for example on PostgreSQL and Redis.
    pub async fn start_on(change: impl FnOnce(&mut Settings)) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut settings = settings(data.path());
        change(&mut settings);
        let mut scenario = scenario::read(&first_path()).unwrap();
        scenario.steps.retain(|step| step.place.file == "firm.toml");
        scenario.ends = scenario.starts;
        let clock = ManualClock::new(scenario.starts);
        let manager = &scenario.manager;
        let simulated = || SuiteClock::Simulated(clock.clone());
        Suite::init(&settings, &manager.id, &manager.display_name, &manager.email, simulated()).await.unwrap();
        let suite = Suite::start(&settings, simulated()).await.unwrap();
        let mut unexpected = Vec::new();
        let mut progress = |record: &liaison::player::StepRecord| {
            if !record.outcome.as_expected() {
                unexpected.push(format!("{}: {:?}", record.place, record.outcome));
            }
        };
        Player::try_new(&suite, clock.clone(), &mut progress).unwrap().play(&scenario).await.unwrap();
        assert!(unexpected.is_empty(), "the firm could not be set up: {unexpected:#?}");
        Self { suite, clock, data, mails: AtomicU32::new(0) }
    }

    /// Ends the suite and gives the folder in which it lay.
    pub(crate) async fn stop(self) -> TempDir {
        self.suite.stop().await;
        self.data
    }

    /// The suite.
    pub fn suite(&self) -> &Suite {
        &self.suite
    }

    /// Where its databases, keys and outbox lie.
    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// Calls and time, one level below.
    pub fn stage(&self) -> Stage<'_> {
        Stage::try_new(&self.suite, self.clock.clone()).unwrap()
    }

    /// Calls an RPC by `CaseService/GetCase` with a request as JSON; waits until what follows from it has happened, where it
    /// was no read, from which nothing follows.
    pub async fn call(&self, who: &str, method: &str, request: Value) -> Result<Value, Refused> {
        let method = Stage::find_method(method).unwrap();
        let answer = self.stage().call(who, &method, &request.to_string()).await;
        let reads = ["Get", "List", "Preview", "Check", "Export", "Verify", "Who"];
        if !reads.iter().any(|verb| method.name().starts_with(verb)) {
            self.stage().settle().await.unwrap();
        }
        match answer {
            Ok(answer) => Ok(answer),
            Err(CallError::Refused(refused)) => Err(*refused),
            Err(error) => panic!("{method:?}: {error}"),
        }
    }

    /// As [`Firm::call`], where an answer is expected.
    pub async fn ok(&self, who: &str, method: &str, request: Value) -> Value {
        self.call(who, method, request).await.unwrap_or_else(|refused| panic!("{who} {method}: {refused}"))
    }

    /// As [`Firm::call`], where a refusal is expected; gives its reason.
    pub async fn refused(&self, who: &str, method: &str, request: Value) -> String {
        match self.call(who, method, request).await {
            Ok(answer) => panic!("{who} {method} was answered: {answer}"),
            Err(refused) => refused.reason,
        }
    }

    /// Lets time pass until `time` (`2027-03-25T16:10[Europe/London]`); what is due happens at its own time.
    pub async fn until(&self, time: &str) {
        self.stage().advance(instant(time)).await.unwrap();
    }

    /// A mail from `address` arrives now, vouched for by the firm's mail server; gives its resource.
    pub async fn mail(&self, address: &str, subject: &str, text: &str) -> Value {
        self.mail_with(address, subject, text, "").await
    }

    /// As [`Firm::mail`], with further header fields, each ending in a newline.
    pub async fn mail_with(&self, address: &str, subject: &str, text: &str, headers: &str) -> Value {
        self.mail_received(address, subject, text, headers, self.suite.now()).await
    }

    /// As [`Firm::mail_with`], handed over now and received by the firm's mail server at `received`.
    pub async fn mail_received(
        &self,
        address: &str,
        subject: &str,
        text: &str,
        headers: &str,
        received: Timestamp,
    ) -> Value {
        let number = self.mails.fetch_add(1, Ordering::SeqCst);
        let domain = address.split('@').nth(1).unwrap();
        let raw = format!(
            "Authentication-Results: mx.northgate.example; dmarc=pass header.from={domain}\nFrom: <{address}>\n\
             To: <service@northgate.example>\nSubject: {subject}\nDate: {}\nMessage-ID: <m{number}@{domain}>\n{headers}\
             MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n{text}\n",
            self.clock_text()
        );
        let taken = self.raw_mail_received(&raw, address, received).await;
        taken.unwrap_or_else(|refused| panic!("{refused}"))["mail"].clone()
    }

    /// A mail as it is, received now.
    pub async fn raw_mail(&self, raw: &str, envelope_from: &str) -> Result<Value, Refused> {
        self.raw_mail_received(raw, envelope_from, self.suite.now()).await
    }

    /// A mail as it is, handed over now and received by the firm's mail server at `received`.
    pub async fn raw_mail_received(
        &self,
        raw: &str,
        envelope_from: &str,
        received: Timestamp,
    ) -> Result<Value, Refused> {
        let raw = raw.replace("\r\n", "\n").replace('\n', "\r\n");
        let answer = self.stage().deliver("services/intake", &raw, envelope_from, received).await;
        self.stage().settle().await.unwrap();
        match answer {
            Ok(answer) => Ok(answer),
            Err(CallError::Refused(refused)) => Err(*refused),
            Err(error) => panic!("{error}"),
        }
    }

    /// The case that a mail opened or belongs to, as management sees it.
    pub async fn case_of(&self, mail: &Value) -> Value {
        let answer = self.ok("staff/grace", "CaseService/ListCases", json!({ "mail": mail["name"] })).await;
        assert_eq!(answer["cases"].as_array().map(Vec::len), Some(1), "one case for {mail}: {answer}");
        answer["cases"][0].clone()
    }

    /// A case as it stands now, as management sees it.
    pub async fn case(&self, name: &Value) -> Value {
        self.ok("staff/grace", "CaseService/GetCase", json!({ "name": name })).await["case"].clone()
    }

    /// A case's timeline: kinds without their prefix, in order.
    pub async fn timeline(&self, name: &Value) -> Vec<String> {
        self.entries(name).await.iter().map(kind).collect()
    }

    /// A case's timeline entries, as management sees them.
    pub async fn entries(&self, name: &Value) -> Vec<Value> {
        let request = json!({ "parent": name, "pageSize": 200 });
        let answer = self.ok("staff/grace", "CaseService/ListTimelineEntries", request).await;
        answer["entries"].as_array().cloned().unwrap_or_default()
    }

    /// The mails that left: their recipient's line and the raw text.
    pub fn sent(&self) -> Vec<String> {
        self.suite.outbox().unwrap().into_iter().map(|(_, raw)| String::from_utf8_lossy(&raw).into_owned()).collect()
    }

    fn clock_text(&self) -> String {
        self.suite.now().strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
    }
}

fn kind(entry: &Value) -> String {
    entry["kind"].as_str().unwrap_or_default().trim_start_matches("TIMELINE_KIND_").to_owned()
}
