//! Mail whose writer nobody knows (SOP 4.2): owned, timed, and ended by a person.

use contracts::notification::v1::{
    AttributeMailRequest, DismissMailRequest, GetMailRequest, InquiryReceived, ListMailsRequest, Mail, MailKind,
    MailNoted, MailState, MailTriaged, NotificationKind, NotificationState, TriageEnded, TriageOverdue,
};
use testkit::{TestDatabase, both_databases};
use tonic::{Code, Status};

use crate::support::*;

both_databases!(sets();
    intake_is_told_and_has_one_business_day,
    management_is_told_where_there_is_no_intake,
    each_doubt_has_its_reason,
    what_is_overdue_is_told_once_to_management_and_intake,
    an_attributed_mail_counts_from_its_receipt,
    an_attributed_mail_of_a_machine_opens_nothing,
    a_dismissed_mail_is_nobodys_word,
    a_mail_leaves_triage_once,
    only_an_active_contact_can_be_named,
    the_time_begins_when_the_calendar_comes_and_moves_with_it,
    what_is_late_when_the_calendar_changes_is_late_for_good,
    the_clock_of_a_mail_that_cannot_be_told_as_overdue_is_never_given_up,
    what_left_triage_before_anybody_was_told_is_told_to_nobody,
    who_does_not_see_to_triage_does_not_see_it,
    lists_show_whose_mails_the_caller_may_read,
    every_read_of_words_is_audited,
);

const STRANGER: &str = "Xavier <xavier@nowhere.example>";

async fn stranger(house: &House, id: &str) -> Mail {
    house.take(&letter(STRANGER, &format!("{id}@nowhere.example"), "", "I want a pump.")).await
}

async fn attribute(house: &House, person: &str, mail: &str, contact: &str) -> Result<Mail, Status> {
    let request = AttributeMailRequest { name: mail.into(), contact: contact.into(), ..Default::default() };
    let answer = house.inbound(person).attribute_mail(request).await?;
    Ok(answer.into_inner().mail.unwrap())
}

async fn dismiss(house: &House, person: &str, mail: &str) -> Result<Mail, Status> {
    let request = DismissMailRequest { name: mail.into(), reason: "An advertisement".into(), ..Default::default() };
    let answer = house.inbound(person).dismiss_mail(request).await?;
    Ok(answer.into_inner().mail.unwrap())
}

async fn intake_is_told_and_has_one_business_day(db: TestDatabase) {
    let house = House::new(db).await;
    let mail = stranger(&house, "1").await;
    let triage = mail.triage.clone().unwrap();
    assert_eq!((mail.state(), triage.reason.as_str()), (MailState::InTriage, "UNKNOWN_SENDER"));
    assert_eq!(time(triage.due_time), at(TUESDAY));
    assert_eq!((triage.owners, triage.overdue), (vec![INES.to_owned()], false));
    assert_eq!(house.told::<MailTriaged>().await[0].reason, "UNKNOWN_SENDER");

    let told = house.only(NotificationKind::Triage).await;
    assert_eq!(
        (told.state(), told.recipients, told.audience.as_str()),
        (NotificationState::HandedOver, vec![INES.to_owned()], "INTAKE")
    );
    assert_eq!(told.mail, mail.name);
    let sent = house.provider.outbox.list().unwrap().remove(0);
    assert_eq!(sent.to, "Ines Firm <ines@firm.example>");
    let bytes = String::from_utf8(house.provider.outbox.read(&sent.id).unwrap().unwrap()).unwrap();
    assert!(bytes.contains(&mail.name) && !bytes.contains("xavier") && !bytes.contains("pump"), "a pointer, no words");
}

async fn management_is_told_where_there_is_no_intake(db: TestDatabase) {
    let house = House::new(db).await;
    house.registry.state().intake.clear();
    assert_eq!(stranger(&house, "1").await.triage.unwrap().owners, [BOSS]);
}

async fn each_doubt_has_its_reason(db: TestDatabase) {
    let house = House::new(db).await;
    let failed = "Authentication-Results: mx.firm.example; dmarc=fail header.from=client.example\r\n";
    let foreign = "Authentication-Results: mx.evil.example; dmarc=pass header.from=client.example\r\n";
    let carla = "carla@client.example";
    for (id, mail, reason) in [
        ("1", unchecked(carla, "1@x", failed, "x"), "FORGED_SENDER"),
        ("2", unchecked(carla, "2@x", "", "x"), "UNVERIFIED_SENDER"),
        ("3", unchecked(carla, "3@x", foreign, "x"), "UNVERIFIED_SENDER"),
        ("4", unchecked("carla@client.example, colin@client.example", "4@x", "", "x"), "AMBIGUOUS_SENDER"),
        ("5", letter(STRANGER, "5@x", "", "x"), "UNKNOWN_SENDER"),
    ] {
        let mail = house.take(&mail).await;
        assert_eq!((mail.state(), mail.triage.unwrap().reason.as_str()), (MailState::InTriage, reason), "{id}");
    }
    assert!(house.told::<InquiryReceived>().await.is_empty());
}

async fn what_is_overdue_is_told_once_to_management_and_intake(db: TestDatabase) {
    let house = House::new(db).await;
    let mail = stranger(&house, "1").await;
    house.at("2026-06-02T09:14:59Z").await;
    assert!(house.told::<TriageOverdue>().await.is_empty());
    house.at(TUESDAY).await;
    let told = house.told::<TriageOverdue>().await;
    assert_eq!((told.len(), time(told[0].due_time)), (1, at(TUESDAY)));
    assert!(house.mail(&mail.name).await.triage.unwrap().overdue);
    let mut people: Vec<_> =
        house.notifications(NotificationKind::TriageOverdue).await.into_iter().flat_map(|one| one.recipients).collect();
    people.sort();
    assert_eq!(people, [BOSS, INES]);

    house.at("2026-06-05T09:00:00Z").await;
    house.change_calendar(london(2)).await;
    assert_eq!(house.told::<TriageOverdue>().await.len(), 1);
    attribute(&house, INES, &mail.name, CARLA).await.unwrap();
    assert!(house.mail(&mail.name).await.triage.unwrap().overdue, "for good");
}

async fn an_attributed_mail_counts_from_its_receipt(db: TestDatabase) {
    let house = House::new(db).await;
    let mail = stranger(&house, "1").await;
    house.at("2026-06-01T15:00:00Z").await;
    let answer = attribute(&house, INES, &mail.name, CARLA).await.unwrap();
    assert_eq!(answer.state(), MailState::Attributed);
    let mail = house.mail(&mail.name).await;
    assert_eq!((mail.client.as_str(), mail.contact.as_str(), mail.text.as_str()), (ACME, CARLA, "I want a pump."));
    let triage = mail.triage.unwrap();
    assert_eq!((time(triage.end_time), triage.ended_by.as_str()), (at("2026-06-01T15:00:00Z"), INES));
    let told = house.told::<InquiryReceived>().await;
    assert_eq!((time(told[0].receive_time), told[0].contact.as_str()), (at(MONDAY), CARLA));
    assert_eq!(house.told::<TriageEnded>().await[0].state(), MailState::Attributed);
    let id = mail.name.trim_start_matches("mails/").to_owned();
    let sealed = "SELECT COUNT(*) AS n FROM mail WHERE id = ? AND key_owner = 'clients/acme'";
    assert_eq!(house.count(sealed, vec![id.into()]).await, 1);
    house.at("2026-06-05T09:00:00Z").await;
    assert!(house.told::<TriageOverdue>().await.is_empty(), "its clock has ended");
}

async fn an_attributed_mail_of_a_machine_opens_nothing(db: TestDatabase) {
    let house = House::new(db).await;
    let first = house.take(&of_carla("1@client.example", "", "Where is my pump?")).await;
    house.open_case("cases/1", &first).await;
    let away = "Auto-Submitted: auto-replied\r\nIn-Reply-To: <1@client.example>\r\n";
    let by_itself = "Auto-Submitted: auto-replied\r\n";
    for (id, fields, thread) in [("2", away, first.thread.as_str()), ("3", by_itself, "")] {
        let mail = house.take(&letter("carla@home.example", &format!("{id}@home.example"), fields, "I am away.")).await;
        assert_eq!((mail.state(), mail.kind()), (MailState::InTriage, MailKind::Automatic), "{id}");
        let answer = attribute(&house, INES, &mail.name, CARLA).await.unwrap();
        assert_eq!((answer.state(), answer.client.as_str()), (MailState::Attributed, ACME), "{id}");
        assert_eq!((answer.contact.as_str(), answer.thread.as_str()), (CARLA, thread), "{id}");
    }
    assert_eq!(house.told::<TriageEnded>().await.len(), 2);
    assert_eq!(house.told::<InquiryReceived>().await.len(), 1, "neither opens or reopens anything");
    let noted = house.told::<MailNoted>().await;
    let parties: Vec<_> = noted.iter().map(|noted| (noted.case.as_str(), noted.third_party)).collect();
    assert_eq!(parties, [("cases/1", true), ("cases/1", false)], "as long as nobody knew, and since");
}

async fn a_dismissed_mail_is_nobodys_word(db: TestDatabase) {
    let house = House::new(db).await;
    let mail = stranger(&house, "1").await;
    assert_eq!(dismiss(&house, INES, &mail.name).await.unwrap().state(), MailState::Dismissed);
    assert_eq!(house.told::<TriageEnded>().await[0].state(), MailState::Dismissed);
    house.at("2026-06-05T09:00:00Z").await;
    assert!(house.told::<InquiryReceived>().await.is_empty() && house.told::<TriageOverdue>().await.is_empty());
    let reasons = house.everything_in("mail", &["dismissal"]).await;
    assert!(!reasons.is_empty() && !reasons.windows(13).any(|part| part == b"advertisement"));
}

async fn a_mail_leaves_triage_once(db: TestDatabase) {
    let house = House::new(db).await;
    let mail = stranger(&house, "1").await;
    let (left, right) = tokio::join!(attribute(&house, INES, &mail.name, CARLA), dismiss(&house, BOSS, &mail.name));
    let refusals: Vec<_> = [left, right].into_iter().filter(Result::is_err).map(refused).collect();
    assert_eq!(refusals, [(Code::FailedPrecondition, "NOT_IN_TRIAGE".to_owned())]);
    assert_eq!(house.told::<TriageEnded>().await.len(), 1);
    let known = house.take(&of_carla("2@client.example", "", "Hello")).await;
    let answer = dismiss(&house, INES, &known.name).await;
    assert_eq!(refused(answer), (Code::FailedPrecondition, "NOT_IN_TRIAGE".to_owned()));
}

async fn only_an_active_contact_can_be_named(db: TestDatabase) {
    let house = House::new(db).await;
    let mail = stranger(&house, "1").await;
    house.registry.state().contacts.get_mut(COLIN).unwrap().inactive = true;
    for contact in [COLIN, "clients/acme/contacts/nobody"] {
        assert_eq!(refused(attribute(&house, INES, &mail.name, contact).await).0, Code::NotFound, "{contact}");
    }
    assert_eq!(refused(attribute(&house, INES, "mails/nothing", CARLA).await).0, Code::NotFound);
    house.registry.state().down = true;
    let answer = attribute(&house, INES, &mail.name, CARLA).await;
    assert_eq!(refused(answer), (Code::Unavailable, "REGISTRY_UNAVAILABLE".to_owned()));
    assert_eq!(house.mail(&mail.name).await.state(), MailState::InTriage);
}

async fn the_time_begins_when_the_calendar_comes_and_moves_with_it(db: TestDatabase) {
    let house = House::strange(db).await;
    house.furnish();
    let calendar = house.registry.state().calendars.remove("calendars/london").unwrap();
    house.tell_policy(1).await;
    house.quiet().await;
    let mail = stranger(&house, "1").await;
    assert_eq!(mail.triage.unwrap().due_time, None);

    house.registry.state().calendars.insert(calendar.name.clone(), calendar);
    house.at("2026-06-01T09:30:00Z").await;
    assert_eq!(time(house.mail(&mail.name).await.triage.unwrap().due_time), at(TUESDAY));

    let mut closed = london(2);
    closed.closures.push(contracts::client_registry::v1::Closure { date: "2026-06-02".into(), label: "Fair".into() });
    house.change_calendar(closed).await;
    assert_eq!(time(house.mail(&mail.name).await.triage.unwrap().due_time), at("2026-06-03T09:15:00Z"));
    house.at(TUESDAY).await;
    assert!(house.told::<TriageOverdue>().await.is_empty());
    house.at("2026-06-03T09:15:00Z").await;
    assert_eq!(house.told::<TriageOverdue>().await.len(), 1);
}

async fn what_is_late_when_the_calendar_changes_is_late_for_good(db: TestDatabase) {
    let house = House::new(db).await;
    let mail = stranger(&house, "1").await;
    // As after downtime, when the new calendar comes before the clock itself has come to this mail.
    let unwound = "UPDATE mail SET next_due_time = NULL";
    database::exec(house.db.database().writer(), unwound, vec![]).await.unwrap();
    house.at(TUESDAY).await;
    assert!(house.told::<TriageOverdue>().await.is_empty(), "nobody has come to it");

    let mut closed = london(2);
    closed.closures.push(contracts::client_registry::v1::Closure { date: "2026-06-02".into(), label: "Fair".into() });
    house.change_calendar(closed).await;
    let triage = house.mail(&mail.name).await.triage.unwrap();
    assert_eq!((triage.overdue, time(triage.due_time)), (true, at(TUESDAY)));
    let told = house.told::<TriageOverdue>().await;
    assert_eq!((told.len(), time(told[0].due_time)), (1, at(TUESDAY)));
    assert_eq!(house.notifications(NotificationKind::TriageOverdue).await.len(), 2);
    house.at("2026-06-05T09:00:00Z").await;
    assert_eq!(house.told::<TriageOverdue>().await.len(), 1, "once");
}

async fn the_clock_of_a_mail_that_cannot_be_told_as_overdue_is_never_given_up(db: TestDatabase) {
    let house = House::new(db).await;
    let mail = stranger(&house, "1").await;
    let write = async |sql: &str| {
        let id = mail.name.trim_start_matches("mails/").into();
        database::exec(house.db.database().writer(), sql, vec![id]).await.unwrap();
    };
    write("UPDATE mail SET kind = 99 WHERE id = ?").await;
    for hour in 10..24 {
        house.at(&format!("2026-06-02T{hour}:00:00Z")).await;
    }
    let waiting = "SELECT COUNT(*) AS n FROM mail \
                   WHERE attempts > 10 AND set_aside_reason IS NULL AND next_due_time IS NOT NULL";
    assert_eq!(house.count(waiting, vec![]).await, 1);
    write("UPDATE mail SET kind = 1 WHERE id = ?").await;
    // Five minutes at most, and a quarter for the jitter.
    house.at("2026-06-02T23:06:15Z").await;
    assert_eq!(house.told::<TriageOverdue>().await.len(), 1);
    assert!(house.mail(&mail.name).await.triage.unwrap().overdue);
}

async fn what_left_triage_before_anybody_was_told_is_told_to_nobody(db: TestDatabase) {
    let house = House::new(db).await;
    let registry = house.registry.clone();
    // Down from the first question for leave to send on.
    house.registry.state().on_permit = Some(std::sync::Arc::new(move || registry.state().down = true));
    let mail = stranger(&house, "1").await;
    assert_eq!(house.only(NotificationKind::Triage).await.state(), NotificationState::Queued);
    house.registry.state().on_permit = None;
    house.registry.state().down = false;
    dismiss(&house, INES, &mail.name).await.unwrap();
    house.at("2026-06-01T09:30:00Z").await;
    assert_eq!(house.only(NotificationKind::Triage).await.state(), NotificationState::Cancelled);
    assert!(house.provider.outbox.list().unwrap().is_empty());
}

async fn who_does_not_see_to_triage_does_not_see_it(db: TestDatabase) {
    let house = House::new(db).await;
    let unknown = stranger(&house, "1").await;
    let known = house.take(&of_carla("2@client.example", "", "Hello")).await;
    let read = async |person: &str, name: &str| {
        let request = GetMailRequest { name: name.into() };
        house.inbound(person).get_mail(request).await.map(drop).map_err(|status| status.code())
    };
    assert_eq!(read(ANNA, &unknown.name).await, Err(Code::NotFound));
    assert_eq!(read(INES, &unknown.name).await, Ok(()));
    assert_eq!(read(ANNA, &known.name).await, Ok(()));
    assert_eq!(read(OLGA, &known.name).await, Err(Code::NotFound), "another client's is as if it were not there");
    assert_eq!(read(CARLA, &known.name).await, Err(Code::PermissionDenied));
    for person in [ANNA, CARLA, MTA] {
        assert_eq!(refused(dismiss(&house, person, &unknown.name).await).0, Code::PermissionDenied, "{person}");
    }
    assert_eq!(read(ANNA, "mails/nothing").await, Err(Code::NotFound));
}

async fn lists_show_whose_mails_the_caller_may_read(db: TestDatabase) {
    let house = House::new(db).await;
    let carla = house.take(&of_carla("1@client.example", "", "one")).await.name;
    house.at("2026-06-01T09:16:00Z").await;
    let sam = house.take(&letter("sam@other.example", "2@other.example", "", "two")).await.name;
    house.at("2026-06-01T09:17:00Z").await;
    let unknown = stranger(&house, "3").await.name;
    let names = async |person: &str| {
        let mails = house.mails(person).await;
        assert!(mails.iter().all(|mail| mail.text.is_empty()));
        mails.into_iter().map(|mail| mail.name).collect::<Vec<_>>()
    };
    let all = [unknown, sam, carla];
    assert_eq!(names(BOSS).await, all);
    assert_eq!(names(OLGA).await, all[1..2]);
    assert_eq!(names(ANNA).await, all[2..]);

    let request = ListMailsRequest { state: MailState::InTriage.into(), ..Default::default() };
    let triage = house.inbound(BOSS).list_mails(request.clone()).await.unwrap().into_inner().mails;
    assert_eq!(triage.into_iter().map(|mail| mail.name).collect::<Vec<_>>(), all[..1]);
    assert!(house.inbound(ANNA).list_mails(request).await.unwrap().into_inner().mails.is_empty());
    let request = ListMailsRequest { client: OTHER.into(), ..Default::default() };
    assert!(house.inbound(ANNA).list_mails(request).await.unwrap().into_inner().mails.is_empty());

    let (mut paged, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListMailsRequest { page_size: 1, page_token, ..Default::default() };
        let page = house.inbound(BOSS).list_mails(request).await.unwrap().into_inner();
        paged.extend(page.mails.into_iter().map(|mail| mail.name));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(paged, all);
    let request = ListMailsRequest { page_token: "nonsense".into(), ..Default::default() };
    assert_eq!(refused(house.inbound(BOSS).list_mails(request).await).1, "BAD_PAGE_TOKEN");
}

async fn every_read_of_words_is_audited(db: TestDatabase) {
    let house = House::new(db).await;
    let mail = house.take(&of_carla("1@client.example", "", "Hello")).await;
    let reads = "SELECT COUNT(*) AS n FROM audit_row WHERE actor = ? AND action LIKE ? AND resources LIKE ?";
    let count = async |person: &str, method: &str| {
        let values = vec![person.into(), format!("%/{method}").into(), format!("%{}%", mail.name).into()];
        house.count(reads, values).await
    };
    house.inbound(ANNA).get_mail(GetMailRequest { name: mail.name.clone() }).await.unwrap();
    house.mails(ANNA).await;
    assert_eq!((count(ANNA, "GetMail").await, count(ANNA, "ListMails").await), (1, 1));
    let _ = house.inbound(OLGA).get_mail(GetMailRequest { name: mail.name.clone() }).await;
    assert_eq!(count(OLGA, "GetMail").await, 0, "what is not answered was not read");
}
