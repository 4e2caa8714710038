//! What escalation tells, and who is told because of it (SOP 8).

use contracts::{
    client_registry::v1::Policy,
    escalation::v1::{
        Case, CaseEscalated, CaseOpened, CaseState, ClockBreached, ClockKind, Confirmation, ConfirmationDue, Proposal,
        ResolutionProposed, Side,
    },
    notification::v1::{InquiryReceived, MailKind, Notification, NotificationKind, NotificationState},
};
use mail_parser::MessageParser;
use testkit::{TestDatabase, both_databases, eventually};

use crate::support::*;

both_databases!(sets();
    a_clients_mail_is_acknowledged_where_the_policy_says_so,
    a_mail_that_asks_for_no_answer_is_an_inquiry_and_not_acknowledged,
    a_late_clock_is_told_to_the_account_manager,
    an_escalation_is_told_to_its_target_or_a_deputy,
    a_proposal_is_sent_to_the_contact_with_its_words,
    an_answer_to_a_request_to_confirm_finds_its_case_and_is_told_to_the_account_manager,
    who_may_confirm_is_asked_where_who_wrote_last_may_not,
    where_nobody_is_named_whoever_may_confirm_is_asked,
    a_proposal_that_no_longer_stands_is_not_sent,
    the_missing_side_is_reminded,
    nobody_to_tell_is_told,
    the_same_event_again_tells_nobody_twice,
    one_who_answers_every_acknowledgement_is_not_acknowledged_for_ever,
    cases_that_were_opened_unheard_are_taken_over,
);

fn words(house: &House, notification: &Notification) -> (String, String, Vec<u8>) {
    let all = house.provider.outbox.list().unwrap();
    let mail = all.into_iter().find(|mail| mail.notification == notification.name).unwrap();
    let bytes = house.provider.outbox.read(&mail.id).unwrap().unwrap();
    let parsed = MessageParser::default().parse(&bytes).unwrap();
    let text = parsed.body_text(0).unwrap().replace("\r\n", "\n");
    (parsed.subject().unwrap().to_owned(), text, bytes.clone())
}

fn proposed(revision: u64) -> Case {
    Case {
        name: "cases/1".into(),
        client: ACME.into(),
        state: CaseState::ResolutionProposed.into(),
        proposal: Some(Proposal { revision, text: "We replace the pump <on Friday>.".into(), ..Proposal::default() }),
        ..Case::default()
    }
}

fn proposal(contact: &str) -> ResolutionProposed {
    ResolutionProposed { case: "cases/1".into(), client: ACME.into(), proposal_revision: 1, contact: contact.into() }
}

async fn a_clients_mail_is_acknowledged_where_the_policy_says_so(db: TestDatabase) {
    let house = House::new(db).await;
    house.registry.state().policy = Some(Policy { auto_acknowledge: true, version: 2, ..policy() });
    house.tell_policy(2).await;
    house.quiet().await;
    let mail = house.take(&of_carla("1@client.example", "", "Where is my secret pump?")).await;
    house.open_case("cases/1", &mail).await;
    let sent = house.only(NotificationKind::AutoAcknowledgement).await;
    assert_eq!(
        (sent.state(), sent.recipients.clone(), sent.author.as_str()),
        (NotificationState::HandedOver, vec![CARLA.to_owned()], "")
    );
    let (subject, text, bytes) = words(&house, &sent);
    assert_eq!(subject, "We have received your message");
    assert!(
        text.contains("Hello Carla Client,") && text.contains("within one business day") && text.contains("cases/1"),
        "{text}"
    );
    let parsed = MessageParser::default().parse(&bytes).unwrap();
    assert_eq!(parsed.in_reply_to().as_text(), Some("1@client.example"));
    assert_eq!(parsed.from().unwrap().first().unwrap().address(), Some("service@firm.example"));
    assert_eq!(parsed.header("Auto-Submitted").unwrap().as_text(), Some("auto-generated"));
    assert!(!String::from_utf8_lossy(&bytes).contains("secret"), "nothing of the client's words goes back");
}

async fn a_mail_that_asks_for_no_answer_is_an_inquiry_and_not_acknowledged(db: TestDatabase) {
    let house = House::new(db).await;
    house.registry.state().policy = Some(Policy { auto_acknowledge: true, version: 2, ..policy() });
    house.tell_policy(2).await;
    house.quiet().await;
    let fields = ["Precedence: list\r\n", "Precedence: bulk\r\n", "X-Auto-Response-Suppress: All\r\n"];
    for (at, field) in fields.into_iter().enumerate() {
        let mail = house.take(&of_carla(&format!("{at}@client.example"), field, "Where is my pump?")).await;
        assert_eq!((mail.kind(), mail.contact.as_str()), (MailKind::Personal, CARLA), "{field}");
        house.open_case(&format!("cases/{at}"), &mail).await;
    }
    assert_eq!(house.told::<InquiryReceived>().await.len(), fields.len());
    assert!(house.notifications(NotificationKind::AutoAcknowledgement).await.is_empty());
}

async fn a_late_clock_is_told_to_the_account_manager(db: TestDatabase) {
    let house = House::new(db).await;
    let event = ClockBreached {
        case: "cases/1".into(),
        client: ACME.into(),
        clock: ClockKind::FirstResponse.into(),
        due_time: Some(wire(at(TUESDAY))),
        ..Default::default()
    };
    house.tell("cases/1", &event).await;
    let told = house.only(NotificationKind::ClockBreach).await;
    assert_eq!((told.recipients.clone(), told.audience.as_str()), (vec![ANNA.to_owned()], "ACCOUNT_MANAGER"));
    let (subject, text, _) = words(&house, &told);
    assert_eq!(subject, "Late: first response for Acme & Sons");
    assert!(text.contains("Tuesday 2 June 2026, 10:15 (Europe/London)") && text.contains("cases/1"), "{text}");
}

async fn an_escalation_is_told_to_its_target_or_a_deputy(db: TestDatabase) {
    let house = House::new(db).await;
    house.registry.state().deputies.insert(BOSS.into(), INES.into());
    let event = CaseEscalated {
        case: "cases/1".into(),
        client: ACME.into(),
        step: 2,
        target: "MANAGEMENT".into(),
        ..Default::default()
    };
    house.tell("cases/1", &event).await;
    let told = house.only(NotificationKind::Escalation).await;
    assert_eq!((told.recipients.clone(), told.stand_ins_for.clone()), (vec![INES.to_owned()], vec![BOSS.to_owned()]));
    let (_, text, _) = words(&house, &told);
    assert!(text.contains("Step: 2") && text.contains("in place of a colleague"), "{text}");
}

async fn a_proposal_is_sent_to_the_contact_with_its_words(db: TestDatabase) {
    let house = House::new(db).await;
    let mail = house.take(&of_carla("1@client.example", "", "It leaks.")).await;
    house.open_case("cases/1", &mail).await;
    house.escalation.cases().insert("cases/1".into(), proposed(1));
    house.tell("cases/1", &proposal(CARLA)).await;
    let sent = house.only(NotificationKind::ConfirmationRequest).await;
    assert_eq!((sent.state(), sent.recipients.clone()), (NotificationState::HandedOver, vec![CARLA.to_owned()]));
    let (_, text, bytes) = words(&house, &sent);
    assert!(text.contains("We replace the pump <on Friday>."), "{text}");
    let parsed = MessageParser::default().parse(&bytes).unwrap();
    assert!(parsed.body_html(0).unwrap().contains("We replace the pump &lt;on Friday&gt;."));
    assert_eq!(parsed.in_reply_to().as_text(), Some("1@client.example"));
    let id = house.notification(&sent.name).await.message_id;
    let answer = house.take(&of_carla("2@client.example", &format!("In-Reply-To: <{id}>\r\n"), "Yes.")).await;
    assert_eq!((answer.thread, answer.case.as_str()), (mail.thread, "cases/1"));
}

async fn an_answer_to_a_request_to_confirm_finds_its_case_and_is_told_to_the_account_manager(db: TestDatabase) {
    let house = House::new(db).await;
    // Opened by a call: no mail has begun a conversation.
    let opened = CaseOpened {
        case: "cases/1".into(),
        client: ACME.into(),
        open_time: Some(wire(at(MONDAY))),
        ..Default::default()
    };
    house.tell("cases/1", &opened).await;
    house.escalation.cases().insert("cases/1".into(), proposed(1));
    house.tell("cases/1", &proposal(CARLA)).await;
    let asked = house.only(NotificationKind::ConfirmationRequest).await;
    let id = house.notification(&asked.name).await.message_id;
    let answer = house.take(&of_carla("2@client.example", &format!("In-Reply-To: <{id}>\r\n"), "No, it leaks.")).await;
    assert_eq!(answer.case, "cases/1");
    let told = house.only(NotificationKind::ConfirmationAnswered).await;
    assert_eq!((told.recipients.clone(), told.case.as_str()), (vec![ANNA.to_owned()], "cases/1"));
    let (subject, text, _) = words(&house, &told);
    assert_eq!(subject, "Acme & Sons has answered: is it resolved?");
    assert!(text.contains(&answer.name) && text.contains("confirms nothing"), "{text}");
    house.take(&of_carla("3@client.example", "", "Another question.")).await;
    assert_eq!(house.notifications(NotificationKind::ConfirmationAnswered).await.len(), 1);
}

async fn who_may_confirm_is_asked_where_who_wrote_last_may_not(db: TestDatabase) {
    let house = House::new(db).await;
    house.escalation.cases().insert("cases/1".into(), proposed(1));
    {
        let mut registry = house.registry.state();
        registry.contacts.get_mut(CARLA).unwrap().confirms = false;
        registry.contacts.get_mut(COLIN).unwrap().confirms = true;
    }
    house.tell("cases/1", &proposal(CARLA)).await;
    assert_eq!(house.only(NotificationKind::ConfirmationRequest).await.recipients, [COLIN]);
}

async fn where_nobody_is_named_whoever_may_confirm_is_asked(db: TestDatabase) {
    let house = House::new(db).await;
    house.escalation.cases().insert("cases/1".into(), proposed(1));
    house.tell("cases/1", &proposal("")).await;
    assert_eq!(house.only(NotificationKind::ConfirmationRequest).await.recipients, [CARLA]);
    house.registry.state().contacts.get_mut(CARLA).unwrap().confirms = false;
    house.tell("cases/1", &proposal("")).await;
    let second = house.notifications(NotificationKind::ConfirmationRequest).await;
    let blocked = second.iter().find(|one| one.state() == NotificationState::Blocked).unwrap();
    assert_eq!(blocked.reason, "NOBODY_TO_TELL");
}

async fn a_proposal_that_no_longer_stands_is_not_sent(db: TestDatabase) {
    let house = House::new(db).await;
    let confirmed = |mut case: Case| {
        let confirmation = Confirmation { side: Side::Client.into(), ..Default::default() };
        case.proposal.as_mut().unwrap().confirmations.push(confirmation);
        case
    };
    let rejected = |mut case: Case| {
        case.proposal.as_mut().unwrap().rejected = true;
        case
    };
    for (case, reason) in [
        (proposed(2), "PROPOSAL_REVISED"),
        (rejected(proposed(1)), "PROPOSAL_REJECTED"),
        (confirmed(proposed(1)), "ALREADY_CONFIRMED"),
        (Case { state: CaseState::Closed.into(), ..proposed(1) }, "CASE_CLOSED"),
    ] {
        house.escalation.cases().insert("cases/1".into(), case);
        house.tell("cases/1", &proposal(CARLA)).await;
        let all = house.notifications(NotificationKind::ConfirmationRequest).await;
        assert!(all.iter().any(|one| one.state() == NotificationState::Blocked && one.reason == reason), "{reason}");
    }
    assert!(house.provider.outbox.list().unwrap().is_empty());
}

async fn the_missing_side_is_reminded(db: TestDatabase) {
    let house = House::new(db).await;
    house.escalation.cases().insert("cases/1".into(), proposed(1));
    for side in [Side::Client, Side::Firm] {
        let contact = if side == Side::Client { CARLA.to_owned() } else { String::new() };
        let event = ConfirmationDue {
            case: "cases/1".into(),
            client: ACME.into(),
            proposal_revision: 1,
            side: side.into(),
            contact,
            ..Default::default()
        };
        house.tell("cases/1", &event).await;
    }
    let sent = house.notifications(NotificationKind::ConfirmationReminder).await;
    let of = |person: &str| sent.iter().find(|one| one.recipients == [person]).unwrap();
    let (subject, text, _) = words(&house, of(CARLA));
    assert_eq!(subject, "Reminder: is this resolved for you?");
    assert!(text.contains("We replace the pump"));
    let (subject, text, _) = words(&house, of(ANNA));
    assert_eq!(subject, "Reminder: confirm the resolution for Acme & Sons");
    assert!(!text.contains("pump") && text.contains("cases/1"), "the firm's own people get a pointer: {text}");
}

async fn nobody_to_tell_is_told(db: TestDatabase) {
    let house = House::new(db).await;
    house.registry.state().management.clear();
    let event = CaseEscalated {
        case: "cases/1".into(),
        client: ACME.into(),
        step: 1,
        target: "MANAGEMENT".into(),
        ..Default::default()
    };
    house.tell("cases/1", &event).await;
    let blocked = house.only(NotificationKind::Escalation).await;
    assert_eq!((blocked.state(), blocked.reason.as_str()), (NotificationState::Blocked, "NOBODY_TO_TELL"));
}

async fn the_same_event_again_tells_nobody_twice(db: TestDatabase) {
    let mut house = House::new(db).await;
    let event = CaseEscalated {
        case: "cases/1".into(),
        client: ACME.into(),
        step: 1,
        target: "MANAGEMENT".into(),
        ..Default::default()
    };
    house.tell("cases/1", &event).await;
    house.kill().await;
    // As after a restore: the position is behind what was done.
    let tx = house.db.database();
    let back = "UPDATE subscription SET position = 0, last_event_id = '' WHERE stream = 'escalation'";
    database::exec(tx.writer(), back, vec![]).await.unwrap();
    house.start_again().await;
    house.quiet().await;
    assert_eq!(house.notifications(NotificationKind::Escalation).await.len(), 1);
    assert_eq!(house.provider.outbox.list().unwrap().len(), 1);
}

async fn one_who_answers_every_acknowledgement_is_not_acknowledged_for_ever(db: TestDatabase) {
    let house = House::new(db).await;
    house.registry.state().policy = Some(Policy { auto_acknowledge: true, version: 2, ..policy() });
    house.tell_policy(2).await;
    house.quiet().await;
    for at in 0..8 {
        let mail = house.take(&of_carla(&format!("{at}@client.example"), "", "I am a machine.")).await;
        house.open_case(&format!("cases/{at}"), &mail).await;
    }
    assert_eq!(house.notifications(NotificationKind::AutoAcknowledgement).await.len(), 5);
    house.at("2026-06-01T10:30:00Z").await;
    let mail = house.take(&of_carla("9@client.example", "", "I am not.")).await;
    house.open_case("cases/9", &mail).await;
    assert_eq!(house.notifications(NotificationKind::AutoAcknowledgement).await.len(), 6);
}

async fn cases_that_were_opened_unheard_are_taken_over(db: TestDatabase) {
    let house = House::new(db).await;
    let mail = house.take(&of_carla("1@client.example", "", "Hello")).await;
    for (case, minute) in [("cases/1", 15), ("cases/2", 16)] {
        let known = Case {
            name: case.into(),
            client: ACME.into(),
            thread: mail.thread.clone(),
            opener: CARLA.into(),
            open_time: Some(wire(at(&format!("2026-06-01T09:{minute}:00Z")))),
            ..Case::default()
        };
        house.escalation.cases().insert(case.into(), known);
    }
    let event = contracts::escalation::v1::CaseReopened { case: "cases/1".into(), client: ACME.into() };
    house.tell("cases/1", &event).await;
    house.escalation_events.forget_the_past().await;
    // Past the time after which a reader that hears nothing asks.
    house.system.advance("10s".parse().unwrap());
    let state = async || event_log::subscriptions(&house.db.database()).await.unwrap();
    eventually(SOON, async || state().await.iter().any(|one| one.stream == "escalation" && one.snapshots == 1)).await;
    house.reply("cases/1", "Hi").await.unwrap();
    let follows = "In-Reply-To: <1@client.example>\r\n";
    assert_eq!(house.take(&of_carla("2@client.example", follows, "Well?")).await.case, "cases/2", "the latest");
}
