//! Conversations: who joins which.

use contracts::notification::v1::{InquiryReceived, MailNoted, MailState, NotificationKind};
use testkit::{TestDatabase, both_databases};

use crate::support::*;

both_databases!(sets();
    a_clients_next_mail_joins_its_conversation_and_its_case,
    the_answer_to_our_reply_joins_the_conversation,
    a_follow_up_that_overtakes_waits_for_the_mail_that_it_follows,
    a_colleague_put_in_copy_speaks_for_the_client,
    a_third_party_on_a_conversation_is_noted_and_lies_in_triage,
    a_contact_of_another_client_never_joins_a_conversation,
    a_new_case_on_a_conversation_takes_it_over,
);

const FOLLOWS: &str = "In-Reply-To: <1@client.example>\r\nReferences: <1@client.example>\r\n";

async fn a_clients_next_mail_joins_its_conversation_and_its_case(db: TestDatabase) {
    let house = House::new(db).await;
    let first = house.take(&of_carla("1@client.example", "", "Where is my pump?")).await;
    house.open_case("cases/1", &first).await;
    assert_eq!(house.mail(&first.name).await.case, "cases/1");
    let second = house.take(&of_carla("2@client.example", FOLLOWS, "Hello?")).await;
    assert_eq!((&second.thread, second.case.as_str()), (&first.thread, "cases/1"));
    let unrelated = house.take(&of_carla("3@client.example", "", "Something else")).await;
    assert_ne!(unrelated.thread, first.thread);
    let told = house.told::<InquiryReceived>().await;
    let of = |at: usize| (told[at].thread.clone(), told[at].case.clone());
    assert_eq!(of(1), (first.thread, "cases/1".to_owned()));
    assert_eq!(of(2), (unrelated.thread, String::new()));
}

async fn the_answer_to_our_reply_joins_the_conversation(db: TestDatabase) {
    let house = House::new(db).await;
    let first = house.take(&of_carla("1@client.example", "", "Where is my pump?")).await;
    house.open_case("cases/1", &first).await;
    let sent = house.reply("cases/1", "On its way.").await.unwrap();
    house.quiet().await;
    let id = house.notification(&sent.name).await.message_id;
    let answer = house.take(&of_carla("2@client.example", &format!("In-Reply-To: <{id}>\r\n"), "Thanks!")).await;
    assert_eq!(answer.thread, first.thread);
}

async fn a_follow_up_that_overtakes_waits_for_the_mail_that_it_follows(db: TestDatabase) {
    let house = House::new(db).await;
    house.registry.state().down = true;
    let first = house.deliver(&of_carla("1@client.example", "", "Where is my pump?")).await.mail.unwrap().name;
    let second = house.deliver(&of_carla("2@client.example", FOLLOWS, "Hello?")).await.mail.unwrap().name;
    house.quiet().await;
    house.registry.state().down = false;
    // Whichever of the two is looked at first.
    for minute in 16..30 {
        house.at(&format!("2026-06-01T09:{minute}:00Z")).await;
    }
    let (first, second) = (house.mail(&first).await, house.mail(&second).await);
    assert_eq!((first.state(), second.state()), (MailState::Attributed, MailState::Attributed));
    assert_eq!(first.thread, second.thread);
}

async fn a_colleague_put_in_copy_speaks_for_the_client(db: TestDatabase) {
    let house = House::new(db).await;
    let first = house.take(&of_carla("1@client.example", "", "Where is my pump?")).await;
    let mail = house.take(&letter("colin@client.example", "2@client.example", FOLLOWS, "I wonder, too.")).await;
    assert_eq!((mail.state(), mail.contact.as_str(), &mail.thread), (MailState::Attributed, COLIN, &first.thread));
    assert_eq!(house.told::<InquiryReceived>().await[1].contact, COLIN);
}

async fn a_third_party_on_a_conversation_is_noted_and_lies_in_triage(db: TestDatabase) {
    let house = House::new(db).await;
    let first = house.take(&of_carla("1@client.example", "", "Where is my pump?")).await;
    house.open_case("cases/1", &first).await;
    let mail = house.take(&letter("carrier@transport.example", "2@transport.example", FOLLOWS, "I have it.")).await;
    assert_eq!((mail.state(), mail.triage.unwrap().reason.as_str()), (MailState::InTriage, "UNKNOWN_SENDER"));
    assert_eq!((mail.client.as_str(), mail.thread.as_str()), ("", ""), "it is nobody's yet");
    let noted = house.told::<MailNoted>().await;
    assert_eq!(noted.len(), 1);
    assert!(noted[0].third_party);
    assert_eq!((noted[0].client.as_str(), noted[0].case.as_str(), &noted[0].thread), (ACME, "cases/1", &first.thread));
    assert_eq!(house.told::<InquiryReceived>().await.len(), 1);
    assert_eq!(house.notifications(NotificationKind::Triage).await.len(), 1);
}

async fn a_contact_of_another_client_never_joins_a_conversation(db: TestDatabase) {
    let house = House::new(db).await;
    let first = house.take(&of_carla("1@client.example", "", "Where is my pump?")).await;
    let mail = house.take(&letter("sam@other.example", "2@other.example", FOLLOWS, "And mine?")).await;
    assert_eq!((mail.state(), mail.triage.unwrap().reason.as_str()), (MailState::InTriage, "AMBIGUOUS_SENDER"));
    assert!(house.told::<MailNoted>().await[0].third_party);

    // Once a person has said that it is Sam's own word, it is the other client's conversation.
    let request = contracts::notification::v1::AttributeMailRequest {
        name: mail.name.clone(),
        contact: SAM.into(),
        ..Default::default()
    };
    house.inbound(INES).attribute_mail(request).await.unwrap();
    let mail = house.mail(&mail.name).await;
    assert_eq!(mail.client, OTHER);
    assert_ne!(mail.thread, first.thread);
    let next = "In-Reply-To: <2@other.example>\r\nReferences: <1@client.example> <2@other.example>\r\n";
    let next = house.take(&letter("sam@other.example", "3@other.example", next, "Well?")).await;
    assert_eq!((next.state(), &next.thread), (MailState::Attributed, &mail.thread));
}

async fn a_new_case_on_a_conversation_takes_it_over(db: TestDatabase) {
    let house = House::new(db).await;
    let first = house.take(&of_carla("1@client.example", "", "Where is my pump?")).await;
    house.open_case("cases/1", &first).await;
    let second = house.take(&of_carla("2@client.example", FOLLOWS, "It broke again.")).await;
    house.open_case("cases/2", &second).await;
    let third = house.take(&of_carla("3@client.example", FOLLOWS, "Hello?")).await;
    assert_eq!(third.case, "cases/2");
    assert_eq!(house.mail(&first.name).await.case, "cases/1", "what was is not rewritten");
}
