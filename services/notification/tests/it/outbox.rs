//! The local outbox as a page shows it, and mails to look at.

use contracts::notification::v1::NotificationState;
use testkit::{TestDatabase, both_databases};

use crate::support::*;

both_databases!(sets();
    what_went_out_is_listed_the_latest_first,
    words_of_what_goes_out_are_sealed,
);

async fn what_went_out_is_listed_the_latest_first(db: TestDatabase) {
    let house = House::new(db).await;
    let mail = house.take(&of_carla("1@client.example", "", "Where is my pump?")).await;
    house.open_case("cases/1", &mail).await;
    house.reply("cases/1", "One").await.unwrap();
    house.quiet().await;
    house.at("2026-06-01T10:00:00Z").await;
    house.reply("cases/1", "Two").await.unwrap();
    house.quiet().await;
    let listed = house.app.outbox().unwrap().list().unwrap();
    let dates: Vec<_> = listed.iter().map(|mail| mail.date.unwrap()).collect();
    assert_eq!(dates, [at("2026-06-01T10:00:00Z"), at(MONDAY)]);
    let first = &listed[0];
    assert_eq!(
        (first.from.as_str(), first.to.as_str()),
        ("Anna Firm <anna@firm.example>", "Carla Client <carla@client.example>")
    );
    assert_eq!(
        (first.subject.as_str(), first.kind.as_str(), first.case.as_str()),
        ("Re: About the pump", "REPLY", "cases/1")
    );
    assert!(house.app.outbox().unwrap().read(&first.id).unwrap().is_some());
    assert_eq!(house.app.outbox().unwrap().read("nothing").unwrap(), None);
}

async fn words_of_what_goes_out_are_sealed(db: TestDatabase) {
    let house = House::new(db).await;
    let mail = house.take(&of_carla("1@client.example", "", "Hello")).await;
    house.open_case("cases/1", &mail).await;
    let sent = house.reply("cases/1", "The password is swordfish.").await.unwrap();
    house.quiet().await;
    let sent = house.notification(&sent.name).await;
    assert_eq!(sent.state(), NotificationState::HandedOver);
    assert!(sent.text.contains("swordfish"), "who may read it reads it");
    let stored = house.everything_in("notification", &["subject", "body", "facts", "reason", "recipients"]).await;
    let answers = house.everything_in("request_record", &["answer"]).await;
    let events = house.everything_in("outbox", &["payload"]).await;
    for (what, bytes) in [("notification", stored), ("answers", answers), ("events", events)] {
        for secret in ["swordfish", "About the pump", "carla@"] {
            assert!(!bytes.windows(secret.len()).any(|part| part == secret.as_bytes()), "{secret} in {what}");
        }
    }
}
