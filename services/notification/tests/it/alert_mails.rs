//! A critical incident by mail: who answers, what comes back, and the updates that follow (SOP 8.2).

use contracts::{
    client_registry::v1::Channel,
    escalation::v1::{CaseClosed, ClockBreached, ClockKind},
    notification::v1::{
        AlertSide, AlertStep, DeliverySucceeded, MailState, MessageNature, Notification, NotificationKind,
        NotificationState, SendMessageRequest,
    },
};
use testkit::{TestDatabase, both_databases};
use tonic::Code;

use crate::{
    alerts::{alert, declare, step, steps},
    provider::Break,
    support::*,
};

both_databases!(sets();
    a_reply_by_whoever_was_told_reaches_them,
    managements_own_reply_is_no_clients_mail,
    an_automatic_answer_reaches_nobody,
    a_failure_notice_says_that_the_mail_did_not_arrive,
    a_mail_to_several_came_back_once_each_copy_has,
    while_the_relay_is_away_a_round_ends_and_that_is_told,
    a_second_lost_answer_ends_the_round_and_that_is_told,
    a_mail_that_comes_back_after_its_case_was_closed_is_not_sent_again,
    an_address_that_is_none_keeps_nobody_else_from_being_told,
    an_update_goes_to_whoever_is_told_of_incidents,
    an_update_needs_a_case,
    a_late_update_is_told_to_the_account_manager_and_management,
);

async fn a_reply_by_whoever_was_told_reaches_them(db: TestDatabase) {
    let house = House::new(db).await;
    declare(&house, "cases/1").await;
    let mail = alert(&house, AlertSide::Client, Channel::Email).await;
    let answers = format!("In-Reply-To: <{}>\r\n", mail.message_id);
    let colin = letter("colin@client.example", "0@client.example", &answers, "What is this?");
    house.take(&colin).await;
    let still = alert(&house, AlertSide::Client, Channel::Email).await;
    assert_eq!(still.state(), NotificationState::HandedOver, "it did not go to Colin");
    let reply = house.take(&of_carla("1@client.example", &answers, "Got it.")).await;
    let mail = alert(&house, AlertSide::Client, Channel::Email).await;
    assert_eq!(mail.state(), NotificationState::Reached);
    let made = &mail.attempts_made[0];
    assert_eq!((made.step(), made.evidence.as_str()), (AlertStep::Reached, reply.name.as_str()));
    house.take(&of_carla("2@client.example", &answers, "And more.")).await;
    assert_eq!(
        steps(&house, AlertSide::Client, Channel::Email).await.pop().unwrap(),
        step(AlertStep::Reached, CARLA, 1, "")
    );
}

async fn managements_own_reply_is_no_clients_mail(db: TestDatabase) {
    let house = House::new(db).await;
    declare(&house, "cases/1").await;
    let mail = alert(&house, AlertSide::Management, Channel::Email).await;
    let answers = format!("In-Reply-To: <{}>\r\n", mail.message_id);
    let forged = unchecked("boss@firm.example", "0@firm.example", &answers, "Seen.");
    let forged = house.take(&forged).await;
    assert_eq!(forged.state(), MailState::InTriage);
    let seen = house.take(&letter("boss@firm.example", "1@firm.example", &answers, "Seen.")).await;
    assert_eq!(seen.state(), MailState::Filed);
    let mail = alert(&house, AlertSide::Management, Channel::Email).await;
    assert_eq!(mail.state(), NotificationState::Reached);
    assert_eq!(mail.attempts_made[0].evidence, seen.name);
}

async fn an_automatic_answer_reaches_nobody(db: TestDatabase) {
    let house = House::new(db).await;
    declare(&house, "cases/1").await;
    let mail = alert(&house, AlertSide::Client, Channel::Email).await;
    let fields = format!("In-Reply-To: <{}>\r\nAuto-Submitted: auto-replied\r\n", mail.message_id);
    house.take(&of_carla("1@client.example", &fields, "I am away.")).await;
    assert_eq!(alert(&house, AlertSide::Client, Channel::Email).await.state(), NotificationState::HandedOver);
}

async fn a_failure_notice_says_that_the_mail_did_not_arrive(db: TestDatabase) {
    let house = House::new(db).await;
    declare(&house, "cases/1").await;
    let mail = alert(&house, AlertSide::Client, Channel::Email).await;
    house.take(&failure_notice("mailer-daemon@client.example", &mail.message_id, "delayed")).await;
    assert_eq!(alert(&house, AlertSide::Client, Channel::Email).await.state(), NotificationState::HandedOver);
    house.take(&failure_notice("mailer-daemon@client.example", &mail.message_id, "failed")).await;
    let back = alert(&house, AlertSide::Client, Channel::Email).await;
    assert_eq!((back.state(), back.reason.as_str()), (NotificationState::Failed, "MAIL_RETURNED"));
    assert_eq!(
        (back.attempts_made[0].step(), back.attempts_made[0].reason.as_str()),
        (AlertStep::NotReached, "MAIL_RETURNED")
    );
    assert_eq!(house.notifications(NotificationKind::AlertFailed).await.len(), 2);
    house.at("2026-06-01T09:20:00Z").await;
    let again = alert(&house, AlertSide::Client, Channel::Email).await;
    assert_eq!((again.state(), again.attempts), (NotificationState::HandedOver, 2), "sent again");
}

async fn a_mail_to_several_came_back_once_each_copy_has(db: TestDatabase) {
    let house = House::new(db).await;
    house.registry.state().contacts.get_mut(COLIN).unwrap().confirms = true;
    declare(&house, "cases/1").await;
    let mail = alert(&house, AlertSide::Client, Channel::Email).await;
    assert_eq!(mail.recipients, [CARLA, COLIN]);
    house.take(&notice(&mail.message_id, "carla@client.example", "failed", "5.2.2")).await;
    let half = alert(&house, AlertSide::Client, Channel::Email).await;
    assert_eq!(half.state(), NotificationState::HandedOver, "Colin may have it");
    house.take(&notice(&mail.message_id, "colin@client.example", "failed", "5.2.2")).await;
    let back = alert(&house, AlertSide::Client, Channel::Email).await;
    assert_eq!((back.state(), back.reason.as_str()), (NotificationState::Failed, "MAIL_RETURNED"));
    assert_eq!(house.notifications(NotificationKind::AlertFailed).await.len(), 2);
    house.at("2026-06-01T09:20:00Z").await;
    let again = alert(&house, AlertSide::Client, Channel::Email).await;
    assert_eq!((again.state(), again.attempts), (NotificationState::HandedOver, 2), "sent again");
    house.take(&notice(&mail.message_id, "carla@client.example", "failed", "5.4.4")).await;
    let second = alert(&house, AlertSide::Client, Channel::Email).await;
    assert_eq!(
        second.state(),
        NotificationState::HandedOver,
        "what the first copies became says nothing of the second"
    );
}

async fn while_the_relay_is_away_a_round_ends_and_that_is_told(db: TestDatabase) {
    let house = House::new(db).await;
    house.alert_provider.away(true);
    declare(&house, "cases/1").await;
    let failed = until_failed(&house).await;
    assert_eq!(failed.reason, "RELAY_AWAY");
    assert!(!house.notifications(NotificationKind::AlertFailed).await.is_empty());
    house.alert_provider.away(false);
    house.at("2026-06-01T10:00:00Z").await;
    let again = alert(&house, AlertSide::Client, Channel::Email).await;
    assert_eq!(again.state(), NotificationState::HandedOver, "the next round tries again");
}

async fn a_second_lost_answer_ends_the_round_and_that_is_told(db: TestDatabase) {
    let house = House::new(db).await;
    house.alert_provider.blind();
    let losing = house.alert_provider.clone();
    house.alert_provider.break_next(Break::Forgets);
    house.alert_provider.during(move || losing.break_next(Break::Forgets));
    declare(&house, "cases/1").await;
    let failed = until_failed(&house).await;
    assert_eq!((failed.reason.as_str(), failed.attempts), ("OUTCOME_UNKNOWN", 2), "twice, and not without end");
    assert!(!house.notifications(NotificationKind::AlertFailed).await.is_empty());
}

/// The client's mail, once its round is over; time passes until then, by both clocks, since claims go by the system's.
async fn until_failed(house: &House) -> Notification {
    for minute in 16..40 {
        let mail = alert(house, AlertSide::Client, Channel::Email).await;
        if mail.state() == NotificationState::Failed {
            return mail;
        }
        house.system.advance("1m".parse().unwrap());
        house.at(&format!("2026-06-01T09:{minute}:00Z")).await;
    }
    panic!("it never fails");
}

async fn a_mail_that_comes_back_after_its_case_was_closed_is_not_sent_again(db: TestDatabase) {
    let house = House::new(db).await;
    declare(&house, "cases/1").await;
    let mail = alert(&house, AlertSide::Client, Channel::Email).await;
    house.tell("cases/1", &CaseClosed { case: "cases/1".into(), client: ACME.into() }).await;
    house.take(&failure_notice("mailer-daemon@client.example", &mail.message_id, "failed")).await;
    house.at("2026-06-01T10:00:00Z").await;
    assert_eq!(alert(&house, AlertSide::Client, Channel::Email).await.attempts, 1);
}

async fn an_address_that_is_none_keeps_nobody_else_from_being_told(db: TestDatabase) {
    let house = House::new(db).await;
    {
        let mut state = house.registry.state();
        state.contacts.get_mut(CARLA).unwrap().email = "not an address".into();
        state.contacts.get_mut(COLIN).unwrap().confirms = true;
    }
    declare(&house, "cases/1").await;
    let mail = alert(&house, AlertSide::Client, Channel::Email).await;
    assert_eq!((mail.state(), mail.recipients.clone()), (NotificationState::HandedOver, vec![COLIN.to_owned()]));
}

fn update(case: &str) -> SendMessageRequest {
    SendMessageRequest {
        nature: MessageNature::IncidentUpdate.into(),
        subject: "How it stands".into(),
        ..reply(case, "The pump runs again; we look for the cause.")
    }
}

async fn an_update_goes_to_whoever_is_told_of_incidents(db: TestDatabase) {
    let house = House::new(db).await;
    let mail = house.take(&of_carla("1@client.example", "", "The pump is dead.")).await;
    house.open_case("cases/1", &mail).await;
    declare(&house, "cases/1").await;
    let sent = house.send(ANNA, update("cases/1")).await.unwrap();
    house.quiet().await;
    let sent = house.notification(&sent.name).await;
    assert_eq!((sent.kind(), sent.state()), (NotificationKind::IncidentUpdate, NotificationState::HandedOver));
    assert_eq!((sent.audience.as_str(), sent.recipients.clone()), ("INCIDENT_CONTACTS", vec![CARLA.to_owned()]));
    let told = house.told::<DeliverySucceeded>().await;
    let update = told.iter().find(|one| one.kind() == NotificationKind::IncidentUpdate).unwrap();
    assert_eq!((update.author.as_str(), update.case.as_str()), (ANNA, "cases/1"));
}

async fn an_update_needs_a_case(db: TestDatabase) {
    let house = House::new(db).await;
    let refused = refused(house.send(ANNA, update("")).await);
    assert_eq!(refused, (Code::InvalidArgument, "CASE_MISSING".to_owned()));
    assert!(house.notifications(NotificationKind::IncidentUpdate).await.is_empty());
}

async fn a_late_update_is_told_to_the_account_manager_and_management(db: TestDatabase) {
    let house = House::new(db).await;
    let breached = ClockBreached {
        case: "cases/1".into(),
        client: ACME.into(),
        clock: ClockKind::ClientUpdate.into(),
        due_time: Some(wire(at("2026-06-01T09:00:00Z"))),
        ..Default::default()
    };
    house.tell("cases/1", &breached).await;
    let told = house.notifications(NotificationKind::ClockBreach).await;
    let mut audiences: Vec<_> = told.iter().map(|one| one.audience.as_str()).collect();
    audiences.sort_unstable();
    assert_eq!(audiences, ["ACCOUNT_MANAGER", "MANAGEMENT"]);
    let text = house.notification(&told[0].name).await.text;
    assert!(text.contains("update on a critical incident") && text.contains("10:00 (Europe/London)"), "{text}");
}
