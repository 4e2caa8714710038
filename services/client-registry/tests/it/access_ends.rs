use std::time::Duration;

use business_time::Timestamp;
use contracts::client_registry::v1::{
    AssignmentChanged, Engagement, FirmRole, GetEngagementRequest, GetStaffRequest, IdentifySenderRequest, Staff,
    StaffKind, UpdateEngagementRequest, UpdateStaffRequest,
};
use database::{exec, query_one};
use service::Service;
use testkit::{TestDatabase, both_databases, eventually};
use tonic::{Code, Status};

use crate::{
    deactivate::leave,
    support::{House, ROOT, contact, employee, fields, refusal, refusal_of, refused, until, wire},
};

both_databases!(client_registry::MIGRATIONS;
    when_access_ends_clients_and_engagements_go_to_the_deputy_by_themselves_and_are_told,
    before_the_end_nothing_goes_anywhere,
    when_access_ends_without_a_deputy_management_takes_over,
    where_the_deputys_access_ends_too_it_goes_on_from_there,
    an_address_is_free_once_its_owners_access_has_ended,
    an_end_that_is_put_off_is_the_one_that_counts,
    one_whose_access_is_put_off_after_its_end_works_again_and_with_what_they_are_given,
    what_is_due_counts_as_something_to_do_until_it_is_done,
    where_nobody_takes_over_it_is_tried_until_somebody_does,
    an_end_of_access_that_has_come_is_not_set_while_anything_is_theirs,
    an_end_of_access_that_has_come_is_set_where_nothing_is_theirs,
    nobody_in_management_gets_an_end_where_none_would_be_left_then,
    the_last_one_in_management_without_an_end_neither_leaves_nor_gives_the_role_away,
);

const ENDS: &str = "client-registry.access-ends";
const PATIENCE: Duration = Duration::from_secs(30);

fn end_of(house: &House) -> Timestamp {
    house.clock.now() + Duration::from_secs(3600)
}

async fn manager_of(house: &House, client: &str) -> String {
    house.client_now(&format!("clients/{client}")).await.account_manager
}

async fn engagement(house: &House, name: &str) -> Engagement {
    let request = GetEngagementRequest { name: name.into() };
    house.engagements(ROOT).get_engagement(request).await.unwrap().into_inner().engagement.unwrap()
}

async fn now(house: &House, id: &str) -> Staff {
    let request = GetStaffRequest { name: format!("staff/{id}") };
    house.people(ROOT).get_staff(request).await.unwrap().into_inner().staff.unwrap()
}

async fn update(house: &House, staff: Staff) -> Result<Staff, Status> {
    let request = UpdateStaffRequest { staff: Some(staff), ..Default::default() };
    Ok(house.people(ROOT).update_staff(request).await?.into_inner().staff.unwrap())
}

/// Waits until so many ends of access were dealt with.
async fn ended(house: &House, count: usize) {
    eventually(PATIENCE, async || house.audit_of(ENDS).await.len() >= count).await;
}

async fn when_access_ends_clients_and_engagements_go_to_the_deputy_by_themselves_and_are_told(db: TestDatabase) {
    let house = House::open(db).await;
    house.staff("bo").await;
    let end = end_of(&house);
    let contractor = Staff { kind: StaffKind::Contractor.into(), deputy: "staff/bo".into(), ..until(end, "con") };
    let con = house.staff_like("con", contractor).await;
    house.client("acme", "con").await;
    house.client("other", "root").await;
    house.engagement("other", "audit", "con", &["con", "root"]).await;
    house.engagement("other", "tax", "root", &["con"]).await;
    let before = house.events::<AssignmentChanged>().await.len();
    let _work = house.work();
    house.arrive(end);
    ended(&house, 1).await;

    assert_eq!(manager_of(&house, "acme").await, "staff/bo");
    assert_eq!(manager_of(&house, "other").await, ROOT);
    let audit = engagement(&house, "clients/other/engagements/audit").await;
    assert_eq!((audit.team_lead.as_str(), audit.team_members), ("staff/bo", vec!["staff/bo".into(), ROOT.into()]));
    assert_eq!(engagement(&house, "clients/other/engagements/tax").await.team_members, ["staff/bo"]);
    let events = house.events::<AssignmentChanged>().await.split_off(before);
    let told: Vec<_> = events.iter().map(|event| (event.client.as_str(), event.engagement.as_str())).collect();
    assert_eq!(
        told,
        [
            ("clients/acme", ""),
            ("clients/other", "clients/other/engagements/audit"),
            ("clients/other", "clients/other/engagements/tax"),
        ]
    );
    let row = house.audit_of(ENDS).await.remove(0);
    assert_eq!((row.actor.as_str(), row.outcome), ("timer", 1));
    assert!(row.resources.contains(&"staff/con".to_owned()) && row.resources.contains(&"clients/acme".to_owned()));
    assert_eq!(now(&house, "con").await, con, "the person is not changed");
}

async fn before_the_end_nothing_goes_anywhere(db: TestDatabase) {
    let house = House::open(db).await;
    let end = end_of(&house);
    for (id, end) in [("con", end), ("early", end - Duration::from_secs(60))] {
        house.staff_like(id, until(end, id)).await;
        house.client(&format!("of-{id}"), id).await;
    }
    let _work = house.work();
    house.arrive(end - Duration::from_secs(1));
    ended(&house, 1).await;
    assert_eq!(manager_of(&house, "of-early").await, ROOT);
    assert_eq!(manager_of(&house, "of-con").await, "staff/con");
}

async fn when_access_ends_without_a_deputy_management_takes_over(db: TestDatabase) {
    let house = House::open(db).await;
    let end = end_of(&house);
    house.staff_like("con", until(end, "con")).await;
    house.client("acme", "con").await;
    let _work = house.work();
    house.arrive(end);
    ended(&house, 1).await;
    assert_eq!(manager_of(&house, "acme").await, ROOT);
}

async fn where_the_deputys_access_ends_too_it_goes_on_from_there(db: TestDatabase) {
    let house = House::open(db).await;
    let end = end_of(&house);
    let later = end + Duration::from_secs(3600);
    house.staff_like("later", until(later, "later")).await;
    house.staff_like("same", Staff { deputy: "staff/later".into(), ..until(end, "same") }).await;
    house.staff_like("con", Staff { deputy: "staff/same".into(), ..until(end, "con") }).await;
    house.client("acme", "con").await;
    house.client("beta", "same").await;
    let _work = house.work();
    house.arrive(end);
    ended(&house, 2).await;
    assert_eq!(
        (manager_of(&house, "acme").await, manager_of(&house, "beta").await),
        ("staff/later".into(), "staff/later".into())
    );
    house.arrive(later);
    ended(&house, 3).await;
    assert_eq!((manager_of(&house, "acme").await, manager_of(&house, "beta").await), (ROOT.into(), ROOT.into()));
}

async fn an_address_is_free_once_its_owners_access_has_ended(db: TestDatabase) {
    let house = House::open(db).await;
    let end = end_of(&house);
    house.staff_like("con", until(end, "con")).await;
    house.client("acme", "root").await;
    let _work = house.work();
    house.arrive(end);
    ended(&house, 1).await;
    let request = contracts::client_registry::v1::CreateContactRequest {
        parent: "clients/acme".into(),
        contact_id: "con".into(),
        contact: Some(contact("con@firm.example")),
        ..Default::default()
    };
    house.contacts(ROOT).create_contact(request).await.unwrap();
    let noted = Staff { department: "gone to Acme".into(), ..now(&house, "con").await };
    let noted = update(&house, noted).await.unwrap();
    let request = IdentifySenderRequest { email: "con@firm.example".into() };
    let found = house.contacts("services/notification").identify_sender(request).await.unwrap().into_inner();
    assert_eq!(found.contact, "clients/acme/contacts/con");
    let again = Staff { access_expire_time: None, ..noted };
    assert_eq!(refusal(update(&house, again).await), refused(Code::AlreadyExists, "ADDRESS_TAKEN"));
}

async fn an_end_that_is_put_off_is_the_one_that_counts(db: TestDatabase) {
    let house = House::open(db).await;
    let end = end_of(&house);
    let later = end + Duration::from_secs(3600);
    let con = house.staff_like("con", until(end, "con")).await;
    house.staff_like("mark", until(end, "mark")).await;
    house.client("acme", "con").await;
    update(&house, Staff { access_expire_time: Some(wire(later)), ..con }).await.unwrap();
    let _work = house.work();
    house.arrive(end);
    ended(&house, 1).await;
    assert_eq!(manager_of(&house, "acme").await, "staff/con");
    house.arrive(later);
    ended(&house, 2).await;
    assert_eq!(manager_of(&house, "acme").await, ROOT);
}

async fn one_whose_access_is_put_off_after_its_end_works_again_and_with_what_they_are_given(db: TestDatabase) {
    let house = House::open(db).await;
    let end = end_of(&house);
    house.staff_like("con", until(end, "con")).await;
    house.client("acme", "con").await;
    let _work = house.work();
    house.arrive(end);
    ended(&house, 1).await;
    let later = end + Duration::from_secs(3600);
    let con = now(&house, "con").await;
    update(&house, Staff { access_expire_time: Some(wire(later)), ..con }).await.unwrap();
    assert_eq!(manager_of(&house, "acme").await, ROOT, "what was handed over stays there");
    house.client("new", "con").await;
    house.arrive(later);
    ended(&house, 2).await;
    assert_eq!(manager_of(&house, "new").await, ROOT);
}

async fn what_is_due_counts_as_something_to_do_until_it_is_done(db: TestDatabase) {
    let house = House::open(db).await;
    let end = end_of(&house);
    house.staff_like("con", until(end, "con")).await;
    assert_eq!(house.app.activity().await.unwrap().next_due, Some(end));
    house.arrive(end);
    assert_eq!(house.app.activity().await.unwrap().due_now, 1);
    let _work = house.work();
    eventually(PATIENCE, async || house.app.activity().await.unwrap().due_now == 0).await;
    assert_eq!(house.app.activity().await.unwrap().next_due, None);
    assert_eq!(house.audit_of(ENDS).await.len(), 1);
}

async fn where_nobody_takes_over_it_is_tried_until_somebody_does(db: TestDatabase) {
    let house = House::open(db).await;
    let end = end_of(&house);
    house.staff_like("con", until(end, "con")).await;
    house.client("acme", "con").await;
    // No call leads there; a row that another release wrote might.
    let db = house.db.database();
    let management = async |held: bool| {
        let sql = "UPDATE staff SET management = ? WHERE id = 'root'";
        exec(db.writer(), sql, vec![held.into()]).await.unwrap();
    };
    management(false).await;
    let _work = house.work();
    house.arrive(end);
    eventually(PATIENCE, async || {
        house.arrive(house.clock.now() + Duration::from_secs(3600));
        let sql = "SELECT attempts FROM staff WHERE id = 'con'";
        let row = query_one(db.reader(), sql, vec![]).await.unwrap().unwrap();
        // More than a clock fails as a rule before it is set aside.
        row.try_get::<i64>("", "attempts").unwrap() > 10
    })
    .await;
    assert!(house.audit_of(ENDS).await.is_empty(), "what was not done is undone, its audit row with it");
    management(true).await;
    house.arrive(house.clock.now() + Duration::from_secs(3600));
    ended(&house, 1).await;
    assert_eq!(manager_of(&house, "acme").await, ROOT);
}

async fn an_end_of_access_that_has_come_is_not_set_while_anything_is_theirs(db: TestDatabase) {
    let house = House::open(db).await;
    for id in ["anna", "lea", "cy"] {
        house.staff(id).await;
    }
    house.client("acme", "anna").await;
    house.client("other", "root").await;
    let mut audit = house.engagement("other", "audit", "lea", &["cy"]).await;
    for id in ["anna", "lea", "cy"] {
        for end in [house.clock.now(), house.clock.now() - Duration::from_secs(86_400)] {
            let ending = Staff { access_expire_time: Some(wire(end)), ..now(&house, id).await };
            let answer = update(&house, ending).await;
            assert_eq!(refusal_of(&answer), refused(Code::InvalidArgument, "STILL_ASSIGNED"), "{id}");
            assert!(answer.as_ref().unwrap_err().message().contains("DeactivateStaff"), "{answer:?}");
            assert_eq!(fields(answer), ["staff.access_expire_time"]);
        }
        assert_eq!(now(&house, id).await.revision, 1, "a refused change changes nothing");
    }
    assert_eq!(manager_of(&house, "acme").await, "staff/anna");
    audit.team_members.clear();
    let request = UpdateEngagementRequest { engagement: Some(audit), ..Default::default() };
    house.engagements(ROOT).update_engagement(request).await.unwrap();
    let ending = Staff { access_expire_time: Some(wire(house.clock.now())), ..now(&house, "cy").await };
    update(&house, ending).await.unwrap();
}

async fn an_end_of_access_that_has_come_is_set_where_nothing_is_theirs(db: TestDatabase) {
    let house = House::open(db).await;
    let eve = house.staff_with_role("eve", FirmRole::Auditor).await;
    let ended = update(&house, Staff { access_expire_time: Some(wire(house.clock.now())), ..eve }).await.unwrap();
    // Nor is it asked again of one who left.
    house.client("acme", "root").await;
    leave(&house, "eve").await.unwrap();
    let noted = Staff { department: "left".into(), inactive: true, etag: String::new(), ..ended };
    update(&house, noted).await.unwrap();
}

async fn nobody_in_management_gets_an_end_where_none_would_be_left_then(db: TestDatabase) {
    let house = House::open(db).await;
    let end = end_of(&house);
    let last = refused(Code::FailedPrecondition, "LAST_IN_MANAGEMENT");
    let ending = |root: Staff| Staff { access_expire_time: Some(wire(end)), ..root };
    assert_eq!(refusal(update(&house, ending(now(&house, "root").await)).await), last);
    // Another one's access ends later; then nobody is left either.
    let maria = Staff { roles: vec![FirmRole::Management.into()], ..until(end + Duration::from_secs(60), "maria") };
    let maria = house.staff_like("maria", maria).await;
    assert_eq!(refusal(update(&house, ending(now(&house, "root").await)).await), last);
    update(&house, Staff { access_expire_time: None, ..maria }).await.unwrap();
    update(&house, ending(now(&house, "root").await)).await.unwrap();
}

async fn the_last_one_in_management_without_an_end_neither_leaves_nor_gives_the_role_away(db: TestDatabase) {
    let house = House::open(db).await;
    let maria = Staff { roles: vec![FirmRole::Management.into()], ..until(end_of(&house), "maria") };
    house.staff_like("maria", maria).await;
    assert_eq!(refusal(leave(&house, "root").await), refused(Code::FailedPrecondition, "NOBODY_TAKES_OVER"));
    let plain = Staff { roles: vec![], ..now(&house, "root").await };
    assert_eq!(refusal(update(&house, plain).await), refused(Code::FailedPrecondition, "LAST_IN_MANAGEMENT"));
    house.staff_like("abe", Staff { roles: vec![FirmRole::Management.into()], ..employee("abe") }).await;
    leave(&house, "root").await.unwrap();
}
