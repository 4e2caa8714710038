//! Copies of what staff send to clients from programs of their own (SOP 4.2).

use contracts::notification::v1::{InquiryReceived, Mail, MailState, MailTriaged, NotificationKind, SentCopyReceived};
use testkit::{TestDatabase, both_databases};

use crate::support::*;

both_databases!(sets();
    a_copy_on_the_clients_conversation_is_a_reply_of_theirs,
    a_copy_that_nobody_vouches_for_is_no_reply,
    a_copy_of_somebody_who_has_nothing_to_do_with_the_client_is_no_reply,
    a_copy_that_says_nothing_is_no_reply,
    a_machines_copy_is_no_reply,
    what_left_from_here_is_not_counted_again_when_a_copy_comes_back,
    a_copy_on_no_conversation_begins_one,
    a_copy_to_another_client_joins_no_conversation,
);

const TO_CARLA: &str = "Cc: Carla Client <carla@client.example>\r\nIn-Reply-To: <1@client.example>\r\n";

async fn asked(house: &House) -> Mail {
    let mail = house.take(&of_carla("1@client.example", "", "Where is my pump?")).await;
    house.open_case("cases/1", &mail).await;
    mail
}

async fn a_copy_on_the_clients_conversation_is_a_reply_of_theirs(db: TestDatabase) {
    let house = House::new(db).await;
    let first = asked(&house).await;
    house.at("2026-06-01T10:00:00Z").await;
    let copy = house.take(&letter("Anna <anna@firm.example>", "2@firm.example", TO_CARLA, "On its way.")).await;
    assert_eq!((copy.state(), copy.client.as_str(), copy.author.as_str()), (MailState::SentCopy, ACME, ANNA));
    assert_eq!((copy.recipients, &copy.thread, copy.case.as_str()), (vec![CARLA.into()], &first.thread, "cases/1"));
    let told = house.told::<SentCopyReceived>().await;
    assert_eq!((told.len(), told[0].author.as_str(), told[0].case.as_str()), (1, ANNA, "cases/1"));
    assert_eq!(time(told[0].receive_time), at("2026-06-01T10:00:00Z"));
    // What Carla answers to it is found again.
    let answer = of_carla("3@client.example", "In-Reply-To: <2@firm.example>\r\n", "Thank you");
    assert_eq!(house.take(&answer).await.thread, first.thread);
    assert!(house.notifications(NotificationKind::Triage).await.is_empty());
}

async fn a_copy_that_nobody_vouches_for_is_no_reply(db: TestDatabase) {
    let house = House::new(db).await;
    asked(&house).await;
    let unsigned = house.take(&unchecked("anna@firm.example", "2@firm.example", TO_CARLA, "Solved.")).await;
    assert_eq!(
        (unsigned.state(), unsigned.triage.unwrap().reason.as_str()),
        (MailState::InTriage, "UNVERIFIED_SENDER")
    );
    let failed = format!("Authentication-Results: mx.firm.example; dmarc=fail\r\n{TO_CARLA}");
    let forged = house.take(&unchecked("anna@firm.example", "3@firm.example", &failed, "Solved.")).await;
    assert_eq!((forged.state(), forged.triage.unwrap().reason.as_str()), (MailState::InTriage, "FORGED_SENDER"));
    assert!(house.told::<SentCopyReceived>().await.is_empty());
}

async fn a_copy_of_somebody_who_has_nothing_to_do_with_the_client_is_no_reply(db: TestDatabase) {
    let house = House::new(db).await;
    asked(&house).await;
    let copy = house.take(&letter("olga@firm.example", "2@firm.example", TO_CARLA, "Solved.")).await;
    assert_eq!((copy.state(), copy.triage.unwrap().reason.as_str()), (MailState::InTriage, "STAFF_SENDER"));
    assert_eq!(house.told::<MailTriaged>().await.len(), 1);
    assert!(house.told::<SentCopyReceived>().await.is_empty());
}

async fn a_copy_that_says_nothing_is_no_reply(db: TestDatabase) {
    let house = House::new(db).await;
    asked(&house).await;
    let text = "On Monday, Carla wrote:\r\n> Where is my pump?\r\n";
    let copy = house.take(&letter("anna@firm.example", "2@firm.example", TO_CARLA, text)).await;
    assert_eq!((copy.state(), copy.client.as_str()), (MailState::Filed, ACME));
    assert!(house.told::<SentCopyReceived>().await.is_empty());
}

async fn a_machines_copy_is_no_reply(db: TestDatabase) {
    let house = House::new(db).await;
    asked(&house).await;
    let away = format!("Auto-Submitted: auto-replied\r\n{TO_CARLA}");
    let copy = house.take(&letter("anna@firm.example", "2@firm.example", &away, "I am away.")).await;
    assert_eq!(copy.state(), MailState::InTriage);
    assert!(house.told::<SentCopyReceived>().await.is_empty());
}

async fn what_left_from_here_is_not_counted_again_when_a_copy_comes_back(db: TestDatabase) {
    let house = House::new(db).await;
    asked(&house).await;
    let sent = house.reply("cases/1", "We look into it.").await.unwrap();
    house.quiet().await;
    let id = house.notification(&sent.name).await.message_id;
    let copy = house.take(&letter("anna@firm.example", &id, TO_CARLA, "We look into it.")).await;
    assert_eq!(copy.state(), MailState::Filed);
    assert!(house.told::<SentCopyReceived>().await.is_empty());
}

async fn a_copy_on_no_conversation_begins_one(db: TestDatabase) {
    let house = House::new(db).await;
    let fields = "Cc: Carla Client <carla@client.example>, third@party.example\r\n";
    let copy = house.take(&letter("anna@firm.example", "2@firm.example", fields, "By the way.")).await;
    assert_eq!((copy.state(), copy.client.as_str(), copy.case.as_str()), (MailState::SentCopy, ACME, ""));
    let answer = of_carla("3@client.example", "In-Reply-To: <2@firm.example>\r\n", "What way?");
    assert_eq!(house.take(&answer).await.thread, copy.thread);
    assert_eq!(house.told::<InquiryReceived>().await.len(), 1);
}

async fn a_copy_to_another_client_joins_no_conversation(db: TestDatabase) {
    let house = House::new(db).await;
    asked(&house).await;
    let to_sam = "Cc: sam@other.example\r\nIn-Reply-To: <1@client.example>\r\n";
    for fields in [to_sam, "Cc: sam@other.example, carla@client.example\r\n"] {
        let copy = house
            .take(&letter("anna@firm.example", &format!("{}@firm.example", fields.len()), fields, "Look at this."))
            .await;
        assert_ne!(copy.state(), MailState::SentCopy, "{fields}");
    }
    assert!(house.told::<SentCopyReceived>().await.is_empty());
}
