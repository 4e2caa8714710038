//! The services as processes of their own, each on its own PostgreSQL database, with one Redis, tokens checked against a
//! JWKS file, on the real clock.

use std::{fs, process::Command, sync::Arc, time::Duration};

use access::{
    Principal, TrialIssuer,
    token::{TRIAL_AUDIENCE, TRIAL_ISSUER},
};
use business_time::WallClock;
use liaison::call::CallError;
use liaison_tests::{Door, Running, delivery, free_port, mail_to_firm, program, run, set_up};
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{TestDatabase, TestRedis, eventually, eventually_some};

const PATIENCE: Duration = Duration::from_secs(30);

/// Four processes and what they stand on.
struct Apart {
    registry: Door,
    escalation: Door,
    notification: Door,
    _running: Vec<Running>,
    _databases: Vec<TestDatabase>,
    _redis: TestRedis,
    folder: TempDir,
}

impl Apart {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path();
        let redis = TestRedis::start().await;
        let issuer = Arc::new(TrialIssuer::passing(Arc::new(WallClock)).unwrap());
        issuer.publish(&home.join("jwks.json")).unwrap();
        let issuers = json!([{
            "issuer": TRIAL_ISSUER, "audience": TRIAL_AUDIENCE, "algorithms": ["EdDSA"],
            "jwks": home.join("jwks.json"),
        }]);
        fs::write(home.join("issuers.json"), issuers.to_string()).unwrap();
        let ports = [free_port(), free_port(), free_port(), free_port()];
        let [registry, escalation, notification, reporting] = ports.map(|port| format!("http://127.0.0.1:{port}"));
        let links: [&[(&str, &str)]; 4] = [
            &[],
            &[("CLIENT_REGISTRY_URL", &registry), ("NOTIFICATION_URL", &notification)],
            &[("CLIENT_REGISTRY_URL", &registry), ("ESCALATION_URL", &escalation), ("REPORTING_URL", &reporting)],
            &[("CLIENT_REGISTRY_URL", &registry), ("ESCALATION_URL", &escalation), ("NOTIFICATION_URL", &notification)],
        ];

        let (mut running, mut databases) = (Vec::new(), Vec::new());
        let names = ["client-registry", "escalation", "notification", "reporting"];
        for ((name, port), links) in names.into_iter().zip(ports).zip(links) {
            let database = TestDatabase::postgres(&[]).await;
            let prefix = name.to_uppercase().replace('-', "_");
            let path = |file: &str| home.join(file).display().to_string();
            let mut settings = vec![
                ("DATABASE_URL", database.url().to_owned()),
                ("KEK_FILE", path(&format!("{name}.kek"))),
                ("LISTEN", format!("127.0.0.1:{port}")),
                ("REDIS_URL", redis.url()),
                ("TOKEN_ISSUERS", path("issuers.json")),
                ("TELEMETRY__FILTER", "info".to_owned()),
            ];
            settings.extend(links.iter().map(|(key, url)| (*key, (*url).to_owned())));
            if name != "client-registry" {
                let subject = Principal::parse(&format!("services/{name}")).unwrap();
                let token = issuer.mint(&subject, Duration::from_secs(3600)).unwrap();
                fs::write(home.join(format!("{name}.token")), token).unwrap();
                settings.push(("TOKEN_FILE", path(&format!("{name}.token"))));
            }
            if name == "notification" {
                settings.push(("OUTBOX", path("outbox")));
            }
            let settings: Vec<_> =
                settings.into_iter().map(|(key, value)| (format!("{prefix}__{key}"), value)).collect();
            let settings: Vec<_> = settings.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
            let program = program(name);
            run(&program, &["migrate"], &settings, home);
            if name == "client-registry" {
                let who = ["init", "--id", "grace", "--name", "Grace Okafor", "--email", "grace@firm.example"];
                run(&program, &who, &settings, home);
            }
            running.push(Running::start(&program, &["serve"], &settings, home));
            databases.push(database);
        }
        for process in &running {
            process.address_after("listening address=").await;
        }
        let door = |url: &str| Door::new(url, issuer.clone());
        Self {
            registry: door(&registry),
            escalation: door(&escalation),
            notification: door(&notification),
            _running: running,
            _databases: databases,
            _redis: redis,
            folder,
        }
    }

    /// The case that a mail opened, once it is there and its clock is set.
    async fn case_of(&self, mail: &Value) -> Value {
        eventually_some(PATIENCE, async || {
            let request = json!({ "mail": mail["name"] });
            let found = self.escalation.ok("staff/anna", "CaseService/ListCases", request).await;
            let case = found["cases"].get(0)?.clone();
            case["clocks"][0].get("dueTime").is_some().then_some(case)
        })
        .await
    }

    async fn case(&self, name: &Value) -> Value {
        self.escalation.ok("staff/anna", "CaseService/GetCase", json!({ "name": name })).await["case"].clone()
    }

    /// The mails that left, of a kind such as `REPLY`.
    fn sent(&self, kind: &str) -> Vec<String> {
        let line = format!("X-Liaison-Kind: {kind}\r\n");
        let files = fs::read_dir(self.folder.path().join("outbox")).unwrap().map(|file| file.unwrap().path());
        let mails = files.filter(|path| path.extension().is_some_and(|kind| kind == "eml"));
        mails.map(|path| fs::read_to_string(path).unwrap()).filter(|raw| raw.contains(&line)).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_becomes_a_case_with_a_running_clock_and_a_persons_reply_answers_it() {
    let apart = Apart::start().await;
    set_up(&apart.registry).await;

    let raw = mail_to_firm("Jo Marsh <jo@acme.example>", "m1", "The timetable", "Does the migration keep its dates?");
    let request = delivery(&raw, "jo@acme.example");
    let mail = apart.notification.ok("services/intake", "InboundService/DeliverMail", request).await["mail"].clone();
    let case = apart.case_of(&mail).await;
    assert_eq!(
        (&case["client"], &case["kind"], &case["state"], &case["clocks"][0]["state"]),
        (
            &json!("clients/acme"),
            &json!("CASE_KIND_INQUIRY"),
            &json!("CASE_STATE_AWAITING_RESPONSE"),
            &json!("CLOCK_STATE_RUNNING")
        ),
        "{case}"
    );
    // The generated acknowledgement goes out, and answers nothing.
    eventually(PATIENCE, async || apart.sent("AUTO_ACKNOWLEDGEMENT").len() == 1).await;
    assert_eq!(apart.case(&case["name"]).await["state"], "CASE_STATE_AWAITING_RESPONSE");

    let reply = json!({
        "client": "clients/acme", "case": case["name"], "nature": "MESSAGE_NATURE_REPLY", "text": "Dear Jo,\n\nit does.",
    });
    eventually(PATIENCE, async || {
        match apart.notification.call("staff/anna", "NotificationService/SendMessage", &reply).await {
            Ok(_) => true,
            // Notification may not have heard of the case yet, and says so.
            Err(CallError::Refused(refused)) if refused.reason == "CASE_NOT_HERE_YET" => false,
            Err(error) => panic!("{error}"),
        }
    })
    .await;
    eventually(PATIENCE, async || apart.case(&case["name"]).await["state"] == "CASE_STATE_ANSWERED").await;
    let sent = apart.sent("REPLY");
    assert_eq!(sent.len(), 1, "{sent:#?}");
    assert!(sent[0].contains("jo@acme.example") && sent[0].contains("In-Reply-To: <m1@acme.example>"), "{}", sent[0]);
}

#[tokio::test]
async fn a_service_of_its_own_refuses_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    for (name, prefix) in
        [("client-registry", "CLIENT_REGISTRY"), ("escalation", "ESCALATION"), ("notification", "NOTIFICATION")]
    {
        let mut serve = Command::new(program(name));
        serve.arg("serve").current_dir(folder.path()).env("NOTIFICATION__OUTBOX", folder.path().join("outbox"));
        serve.env(format!("{prefix}__DATABASE_URL"), format!("sqlite://{}/x.sqlite", folder.path().display()));
        let done = serve.env(format!("{prefix}__KEK_FILE"), folder.path().join("kek")).output().unwrap();
        let told = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(!done.status.success() && told.contains("SQLite serves the suite in one process only"), "{told}");
    }
}
