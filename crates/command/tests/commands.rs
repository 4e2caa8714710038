//! One command, one transaction: what a caller can rely on, on both databases.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use business_time::{ManualClock, Timestamp};
use command::{Call, Commands, Fault};
use contracts::escalation::v1::{AcknowledgeCaseRequest, CaseClosed, GetCaseRequest};
use event_log::{Bus, EventLog, Transport};
use evidence::Sealer;
use keyring::{Kek, Keyring};
use refusal::{Kind, Refusal};
use testkit::{TestDatabase, both_databases};

both_databases!(
    &[command::MIGRATIONS, event_log::MIGRATIONS, evidence::MIGRATIONS, keyring::MIGRATIONS];
    the_same_request_gets_the_first_answer_and_is_done_once,
    another_body_under_the_same_request_id_is_refused_and_changes_nothing,
    the_same_request_id_of_another_person_is_another_request,
    what_is_refused_leaves_nothing,
    a_refused_request_may_be_tried_again_under_its_id,
    two_at_once_under_one_request_id_are_done_once,
    the_same_cause_tells_the_same_event,
    strangers_do_not_fill_the_audit,
    a_stored_answer_cannot_be_read_in_the_database,
    an_answer_is_kept_for_seven_days_and_no_longer,
);

fn commands(db: &TestDatabase) -> Commands {
    commands_by(db, &ManualClock::new("2027-03-25T16:10:00Z".parse::<Timestamp>().unwrap()))
}

fn commands_by(db: &TestDatabase, clock: &ManualClock) -> Commands {
    let clock = Arc::new(clock.clone());
    let keyring = Keyring::new(Kek::generate().unwrap(), db.database().clone(), clock.clone());
    let log = EventLog::new("escalation", db.database().clone(), clock.clone(), Transport::InProcess(Bus::new()));
    let sealer = Sealer::new(db.database().clone(), clock.clone());
    Commands::new(db.database().clone(), clock, keyring, log, sealer)
}

fn call(principal: &str, request_id: &str) -> Call {
    Call { principal: principal.into(), method: "test.Service/Do", request_id: request_id.into() }
}

fn request(name: &str) -> AcknowledgeCaseRequest {
    AcknowledgeCaseRequest { name: name.into(), ..Default::default() }
}

/// A command that publishes an event and answers with how often it ran.
async fn run(
    commands: &Commands,
    call: &Call,
    body: &AcknowledgeCaseRequest,
    ran: &Arc<AtomicU32>,
) -> Result<String, Refusal> {
    let ran = ran.clone();
    let answer: Result<GetCaseRequest, _> = commands
        .execute(call, body, move |unit| {
            let ran = ran.clone();
            Box::pin(async move {
                let times = ran.fetch_add(1, Ordering::SeqCst) + 1;
                unit.publish(
                    "cases/1",
                    u64::from(times),
                    &CaseClosed { case: "cases/1".into(), client: "clients/a".into() },
                )
                .await?;
                Ok(GetCaseRequest { name: format!("answer {times}") })
            })
        })
        .await;
    answer.map(|answer| answer.name)
}

async fn count(db: &TestDatabase, sql: &str) -> i64 {
    let row = database::query_one(db.database().reader(), &format!("SELECT COUNT(*) AS n FROM {sql}"), vec![]).await;
    row.unwrap().unwrap().try_get("", "n").unwrap()
}

async fn the_same_request_gets_the_first_answer_and_is_done_once(db: TestDatabase) {
    let (commands, ran) = (commands(&db), Arc::default());
    let call = call("staff/anna", "once");
    assert_eq!(run(&commands, &call, &request("cases/1"), &ran).await.unwrap(), "answer 1");
    assert_eq!(run(&commands, &call, &request("cases/1"), &ran).await.unwrap(), "answer 1");
    assert_eq!(count(&db, "outbox").await, 1);
    assert_eq!(count(&db, "audit_row").await, 1);
}

async fn another_body_under_the_same_request_id_is_refused_and_changes_nothing(db: TestDatabase) {
    let (commands, ran) = (commands(&db), Arc::default());
    let call = call("staff/anna", "once");
    run(&commands, &call, &request("cases/1"), &ran).await.unwrap();
    let refusal = run(&commands, &call, &request("cases/2"), &ran).await.unwrap_err();
    assert_eq!((refusal.kind, refusal.reason), (Kind::Invalid, "REQUEST_ID_REUSED"));
    assert_eq!(refusal.fields[0].field, "request_id");
    assert_eq!(count(&db, "outbox").await, 1);
}

async fn the_same_request_id_of_another_person_is_another_request(db: TestDatabase) {
    let (commands, ran) = (commands(&db), Arc::default());
    assert_eq!(run(&commands, &call("staff/anna", "x"), &request("cases/1"), &ran).await.unwrap(), "answer 1");
    assert_eq!(run(&commands, &call("staff/ben", "x"), &request("cases/1"), &ran).await.unwrap(), "answer 2");
}

async fn what_is_refused_leaves_nothing(db: TestDatabase) {
    let commands = commands(&db);
    let answer: Result<GetCaseRequest, _> = commands
        .execute(&call("staff/anna", "no"), &request("cases/1"), |unit| {
            Box::pin(async move {
                let event = CaseClosed { case: "cases/1".into(), client: "clients/a".into() };
                unit.publish("cases/1", 1, &event).await?;
                Err(Fault::from(Refusal::new(Kind::State, "CASE_CLOSED", "it is closed")))
            })
        })
        .await;
    assert_eq!(answer.unwrap_err().reason, "CASE_CLOSED");
    assert_eq!(count(&db, "outbox").await, 0);
    assert_eq!(count(&db, "request_record").await, 0);
    assert_eq!(count(&db, "audit_row").await, 0);
    commands.audits_refusals()("staff/anna", "test.Service/Do", "CASE_CLOSED").await;
    assert_eq!(count(&db, "audit_row WHERE reason = 'CASE_CLOSED' AND actor = 'staff/anna'").await, 1);
}

async fn the_same_cause_tells_the_same_event(db: TestDatabase) {
    let commands = commands(&db);
    let told = async |cause: &str, revision: u64| {
        let tx = db.database().begin().await.unwrap();
        let unit = commands.unit(&tx, "services/notification", "test").caused_by(cause);
        let event = CaseClosed { case: "cases/1".into(), client: "clients/a".into() };
        let id = unit.publish("cases/1", revision, &event).await.unwrap();
        // As a restore does.
        tx.rollback().await.unwrap();
        id
    };
    let first = told("event-1", 4).await;
    assert_eq!(told("event-1", 4).await, first);
    assert_ne!(told("event-1", 5).await, first, "another effect of that cause");
    assert_ne!(told("event-2", 4).await, first);
}

async fn strangers_do_not_fill_the_audit(db: TestDatabase) {
    let refused = commands(&db).audits_refusals();
    for _ in 0..70 {
        refused(access::layer::UNKNOWN, "test.Service/Do", "NO_TOKEN").await;
        refused("staff/anna", "test.Service/Do", "NO_PERMISSION").await;
    }
    assert_eq!(count(&db, "audit_row WHERE actor = 'unknown'").await, 60);
    assert_eq!(count(&db, "audit_row WHERE actor = 'staff/anna'").await, 70, "whoever is known is told one by one");
}

async fn a_refused_request_may_be_tried_again_under_its_id(db: TestDatabase) {
    let (commands, ran) = (commands(&db), Arc::default());
    let call = call("staff/anna", "again");
    let refused: Result<GetCaseRequest, _> = commands
        .execute(&call, &request("cases/1"), |_| {
            Box::pin(async { Err(Fault::from(Refusal::new(Kind::Unavailable, "LATER", "later"))) })
        })
        .await;
    assert_eq!(refused.unwrap_err().reason, "LATER");
    assert_eq!(run(&commands, &call, &request("cases/1"), &ran).await.unwrap(), "answer 1");
}

async fn two_at_once_under_one_request_id_are_done_once(db: TestDatabase) {
    let (commands, ran) = (commands(&db), Arc::<AtomicU32>::default());
    let (call, body) = (call("staff/anna", "race"), request("cases/1"));
    let all = (0..8).map(|_| {
        let (commands, ran, call, body) = (commands.clone(), ran.clone(), call.clone(), body.clone());
        tokio::spawn(async move { run(&commands, &call, &body, &ran).await.unwrap() })
    });
    let mut answers = Vec::new();
    for one in all.collect::<Vec<_>>() {
        answers.push(one.await.unwrap());
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "one answer for all: {answers:?}");
    assert_eq!(count(&db, "outbox").await, 1);
}

async fn an_answer_is_kept_for_seven_days_and_no_longer(db: TestDatabase) {
    let clock = ManualClock::new("2027-03-25T16:10:00Z".parse::<Timestamp>().unwrap());
    let (commands, ran) = (commands_by(&db, &clock), Arc::default());
    let call = call("staff/anna", "week");
    assert_eq!(run(&commands, &call, &request("cases/1"), &ran).await.unwrap(), "answer 1");
    clock.set("2027-04-01T16:10:00Z".parse().unwrap());
    assert_eq!(run(&commands, &call, &request("cases/1"), &ran).await.unwrap(), "answer 1");
    clock.set("2027-04-01T16:10:01Z".parse().unwrap());
    assert_eq!(run(&commands, &call, &request("cases/1"), &ran).await.unwrap(), "answer 2");
    assert_eq!(count(&db, "request_record").await, 1);
}

async fn a_stored_answer_cannot_be_read_in_the_database(db: TestDatabase) {
    let (commands, ran) = (commands(&db), Arc::default());
    run(&commands, &call("staff/anna", "sealed"), &request("cases/1"), &ran).await.unwrap();
    let row = database::query_one(db.database().reader(), "SELECT answer FROM request_record", vec![]).await;
    let answer: Vec<u8> = row.unwrap().unwrap().try_get("", "answer").unwrap();
    assert!(!answer.windows(6).any(|bytes| bytes == b"answer"));
}
