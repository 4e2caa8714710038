//! An event of a type that this release does not know, as a newer one tells it.

use std::time::Duration;

use database::{Database, exec};
use liaison_tests::Firm;
use serde_json::{Value, json};
use testkit::eventually;

#[tokio::test]
async fn an_event_of_an_unknown_type_waits_is_seen_and_is_handled_again_when_asked_for() {
    let firm = Firm::start().await;
    told_by_a_newer_release(&firm, "mails/unheard-of").await;
    eventually(Duration::from_secs(30), async || letters(&firm).await.len() == 1).await;
    let letter = letters(&firm).await.remove(0);
    assert_eq!(letter["subscription"], "escalation.from-notification");
    assert_eq!((&letter["aggregate"], &letter["type"]), (&json!("mails/unheard-of"), &json!("test.v9.Unheard")));
    assert_eq!(letter["reason"], "unknown type test.v9.Unheard");

    // The rest flows.
    let mail = firm.mail("jo.marsh@acme.example", "The migration", "Does it keep its dates?").await;
    assert_eq!(firm.case_of(&mail).await["kind"], "CASE_KIND_INQUIRY");

    let wrong = json!({ "service": "escalation", "subscription": "escalation.from-nobody" });
    assert_eq!(
        firm.refused("staff/grace", "DeadLetterService/RedriveDeadLetters", wrong).await,
        "SUBSCRIPTION_NOT_FOUND"
    );
    let elsewhere = json!({ "service": "weather", "subscription": "escalation.from-notification" });
    let refused = firm.refused("staff/grace", "DeadLetterService/RedriveDeadLetters", elsewhere).await;
    assert_eq!(refused, "SERVICE_NOT_HERE");

    // Nothing has learned the type meanwhile, so it fails again, and waits for somebody again.
    let asked = json!({ "service": "escalation", "subscription": "escalation.from-notification" });
    let answer = firm.ok("staff/grace", "DeadLetterService/RedriveDeadLetters", asked).await;
    assert_eq!(answer["count"], 1);
    eventually(Duration::from_secs(30), async || {
        let letters = letters(&firm).await;
        letters.len() == 1 && letters[0]["redrivePending"] != true
    })
    .await;
    let row = firm.audited("escalation", |row| row.action.ends_with("DeadLetterService/RedriveDeadLetters")).await;
    assert_eq!(row.actor, "staff/grace");
}

async fn letters(firm: &Firm) -> Vec<Value> {
    let request = json!({ "service": "escalation" });
    let answer = firm.ok("staff/grace", "DeadLetterService/ListDeadLetters", request).await;
    answer["deadLetters"].as_array().cloned().unwrap_or_default()
}

async fn told_by_a_newer_release(firm: &Firm, aggregate: &str) {
    let file = firm.data().join("db/notification.sqlite");
    let db = Database::connect(&format!("sqlite://{}", file.display())).await.unwrap();
    let sql = "INSERT INTO outbox (id, aggregate, revision, type_url, time, traceparent, payload) \
               VALUES (?, ?, 1, 'type.googleapis.com/test.v9.Unheard', ?, '', ?)";
    let time = database::micros("2027-03-24T08:00:00Z".parse().unwrap());
    let id = uuid::Uuid::new_v4().to_string();
    exec(db.writer(), sql, vec![id.into(), aggregate.into(), time.into(), Vec::<u8>::new().into()]).await.unwrap();
}
