//! The suite is killed with SIGKILL in the middle of a burst of mails and replies, again and again.

use std::{
    collections::BTreeSet,
    fs,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use liaison::call::CallError;
use liaison_tests::{Door, Running, delivery, mail_to_firm, program, run, set_up};
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{TestDatabase, TestRedis, eventually, eventually_some};
use tokio::task::LocalSet;

const MAILS: usize = 40;

/// What was under way at a kill is taken up again when its claim has ended: a minute for work, fifty seconds for a mail that
/// may have left.
const PATIENCE: Duration = Duration::from_secs(240);

/// How many people write. One person is acknowledged five times an hour, no more.
const WRITERS: usize = 8;

/// A suite that is killed and comes back at another address.
struct Mortal {
    program: PathBuf,
    settings: Vec<(&'static str, String)>,
    running: Option<Running>,
    front: Arc<Front>,
    /// The last field: it goes when nothing runs in it any more.
    home: TempDir,
}

/// What the callers know of it.
struct Front {
    door: Mutex<Door>,
    delivered: AtomicUsize,
    replied: AtomicUsize,
    outbox: PathBuf,
}

impl Mortal {
    async fn start(stores: Vec<(&'static str, String)>) -> Self {
        let home = tempfile::tempdir().unwrap();
        let data = home.path().join("data");
        let mut settings = vec![
            ("LIAISON__DATA", data.display().to_string()),
            ("LIAISON__LISTEN", "127.0.0.1:0".to_owned()),
            ("LIAISON__OUTBOX_LISTEN", String::new()),
        ];
        settings.extend(stores);
        let program = program("liaison");
        let who = ["init", "--id", "grace", "--name", "Grace Okafor", "--email", "grace@firm.example"];
        run(&program, &who, &settings, home.path());
        let running = Running::start(&program, &[], &settings, home.path());
        let door = Door::of_suite(&running.address_after("Liaison listens on").await, &data);
        set_up(&door).await;
        for writer in 0..WRITERS {
            let contact = json!({ "displayName": format!("Writer {writer}"), "email": address(writer) });
            let request = json!({ "parent": "clients/acme", "contactId": format!("w{writer}"), "contact": contact });
            door.ok("staff/anna", "ContactService/CreateContact", request).await;
        }
        let front = Front {
            door: Mutex::new(door),
            delivered: AtomicUsize::new(0),
            replied: AtomicUsize::new(0),
            outbox: data.join("outbox"),
        };
        Self { program, settings, running: Some(running), front: Arc::new(front), home }
    }

    async fn kill_and_restart(&mut self) {
        drop(self.running.take());
        let folder = self.home.path();
        // What it printed before it was killed would be taken for its new address.
        fs::remove_file(folder.join("liaison.out")).unwrap();
        let running = Running::start(&self.program, &[], &self.settings, folder);
        let address = running.address_after("Liaison listens on").await;
        *self.front.door.lock().unwrap() = Door::of_suite(&address, &folder.join("data"));
        self.running = Some(running);
    }
}

impl Front {
    /// Calls until there is an answer, whoever dies meanwhile.
    async fn call(&self, who: &str, rpc: &str, request: &Value) -> Value {
        eventually_some(PATIENCE, async || {
            let door = self.door.lock().unwrap().clone();
            match door.call(who, rpc, request).await {
                Ok(answer) => Some(answer),
                // No refusal of the suite's is without a reason: the connection broke.
                Err(CallError::Connection(_)) => None,
                Err(CallError::Refused(refused)) if refused.reason.is_empty() || refused.code == "UNAVAILABLE" => None,
                Err(error) => panic!("{who} {rpc}: {error}"),
            }
        })
        .await
    }

    /// A mail is delivered as the firm's mail server does it, and answered by Anna.
    async fn exchange(&self, number: usize) {
        let from = address(number % WRITERS);
        let raw = mail_to_firm(&from, &format!("m{number}"), &format!("Question {number}"), "When?");
        let request = delivery(&raw, &from);
        let mail = self.call("services/intake", "InboundService/DeliverMail", &request).await["mail"]["name"].clone();
        self.delivered.fetch_add(1, Ordering::SeqCst);
        let case = eventually_some(PATIENCE, async || {
            let found = self.call("staff/anna", "CaseService/ListCases", &json!({ "mail": mail })).await;
            found["cases"].get(0).map(|case| case["name"].clone())
        })
        .await;
        let reply = json!({
            "client": "clients/acme", "case": case, "nature": "MESSAGE_NATURE_REPLY",
            "text": format!("Answer {number}."), "requestId": format!("answer-{number}"),
        });
        self.call("staff/anna", "NotificationService/SendMessage", &reply).await;
        self.replied.fetch_add(1, Ordering::SeqCst);
    }

    async fn list(&self, rpc: &str, field: &str) -> Vec<Value> {
        let answer = self.call("staff/grace", rpc, &json!({ "pageSize": 200 })).await;
        assert!(answer.get("nextPageToken").is_none(), "more than a page of {field}");
        answer[field].as_array().cloned().unwrap_or_default()
    }

    /// The mails that left.
    fn outbox(&self) -> Vec<String> {
        let Ok(files) = fs::read_dir(&self.outbox) else { return Vec::new() };
        let paths = files.map(|file| file.unwrap().path());
        let mails = paths.filter(|path| path.extension().is_some_and(|kind| kind == "eml"));
        // An empty one is an attempt that was settled as never made.
        mails.map(|path| fs::read_to_string(path).unwrap()).filter(|raw| !raw.is_empty()).collect()
    }
}

fn address(writer: usize) -> String {
    format!("writer-{writer}@acme.example")
}

async fn nothing_is_lost_and_nothing_doubled(stores: Vec<(&'static str, String)>) {
    LocalSet::new().run_until(burst(stores)).await;
}

/// When the process is to be killed.
type Moment = Box<dyn Fn(&Front) -> bool>;

async fn burst(stores: Vec<(&'static str, String)>) {
    let mut suite = Mortal::start(stores).await;
    let front = suite.front.clone();
    let exchanges: Vec<_> = (0..MAILS)
        .map(|number| {
            let front = front.clone();
            tokio::task::spawn_local(async move { front.exchange(number).await })
        })
        .collect();

    // While mails are taken in, while acknowledgements leave, while replies are queued.
    let delivered = |least| move |front: &Front| front.delivered.load(Ordering::SeqCst) >= least;
    let left = |least| move |front: &Front| front.outbox().len() >= least;
    let replied = |least| move |front: &Front| front.replied.load(Ordering::SeqCst) >= least;
    let moments: [Moment; 6] = [
        Box::new(delivered(4)),
        Box::new(delivered(15)),
        Box::new(left(2)),
        Box::new(left(8)),
        Box::new(replied(2)),
        Box::new(replied(6)),
    ];
    for moment in moments {
        eventually(PATIENCE, async || moment(&front)).await;
        suite.kill_and_restart().await;
    }
    for exchange in exchanges {
        exchange.await.unwrap();
    }
    eventually(PATIENCE, async || {
        let notifications = front.list("NotificationService/ListNotifications", "notifications").await;
        let cases = front.list("CaseService/ListCases", "cases").await;
        notifications.iter().all(|one| one["state"] != "NOTIFICATION_STATE_QUEUED")
            && cases.iter().all(|case| case["state"] == "CASE_STATE_ANSWERED")
    })
    .await;

    let mails = front.list("InboundService/ListMails", "mails").await;
    let subjects: BTreeSet<_> = mails.iter().map(|mail| mail["subject"].as_str().unwrap()).collect();
    assert_eq!((mails.len(), subjects.len()), (MAILS, MAILS), "every mail once");
    let cases = front.list("CaseService/ListCases", "cases").await;
    let opened: BTreeSet<_> = cases.iter().map(|case| case["mail"].as_str().unwrap()).collect();
    let taken: BTreeSet<_> = mails.iter().map(|mail| mail["name"].as_str().unwrap()).collect();
    assert_eq!(cases.len(), MAILS, "every mail is one inquiry");
    assert_eq!(opened, taken, "every mail is one inquiry");

    let notifications = front.list("NotificationService/ListNotifications", "notifications").await;
    for kind in ["REPLY", "AUTO_ACKNOWLEDGEMENT"] {
        let wanted = format!("NOTIFICATION_KIND_{kind}");
        let of_kind: Vec<_> = notifications.iter().filter(|one| one["kind"] == wanted.as_str()).collect();
        assert_eq!(of_kind.len(), MAILS, "one {kind} for each");
        assert!(of_kind.iter().all(|one| one["state"] == "NOTIFICATION_STATE_HANDED_OVER"), "{of_kind:#?}");
        let line = format!("X-Liaison-Kind: {kind}\r\n");
        let sent = front.outbox().into_iter().filter(|raw| raw.contains(&line)).count();
        assert_eq!(sent, MAILS, "each {kind} left once");
    }
    let outbox = front.outbox();
    for number in 0..MAILS {
        let answer = format!("Answer {number}.");
        assert_eq!(outbox.iter().filter(|raw| raw.contains(&answer)).count(), 1, "{answer}");
    }
    for service in ["client-registry", "escalation", "notification"] {
        let verdict = front.call("staff/grace", "AuditService/Verify", &json!({ "service": service })).await;
        assert_eq!(verdict["consistent"], true, "{service}: {verdict}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_again_and_again_the_suite_loses_no_mail_and_sends_no_reply_twice() {
    nothing_is_lost_and_nothing_doubled(Vec::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_again_and_again_on_postgresql_and_redis_as_well() {
    let (registry, escalation, notification, redis) = tokio::join!(
        TestDatabase::postgres(&[]),
        TestDatabase::postgres(&[]),
        TestDatabase::postgres(&[]),
        TestRedis::start()
    );
    nothing_is_lost_and_nothing_doubled(vec![
        ("LIAISON__DATABASE__CLIENT_REGISTRY", registry.url().to_owned()),
        ("LIAISON__DATABASE__ESCALATION", escalation.url().to_owned()),
        ("LIAISON__DATABASE__NOTIFICATION", notification.url().to_owned()),
        ("LIAISON__REDIS", redis.url()),
    ])
    .await;
}
