//! Rules that rest on another row, each raced by two connections. PostgreSQL alone: SQLite's one writer hides races.
//!
//! The brake is a lock on the audit, into which every command writes last: the first call has done all its work and
//! waits there, uncommitted, while the second one begins. So the order is the test's and not the machine's.

use std::time::Duration;

use contracts::client_registry::v1::{
    AuthorizeSendRequest, Confirmers, Contact, CreateAbsenceRequest, CreateClientRequest, CreateContactRequest,
    CreateEngagementRequest, CreateStaffRequest, DeactivateStaffRequest, GetEngagementRequest, IncidentPartiesChanged,
    ListPoliciesRequest, PublishPolicyRequest, Staff, TransferAccountRequest, UpdateContactRequest,
    UpdateEngagementRequest, UpdateStaffRequest, audience, authorize_send_response::Outcome,
};
use database::query_one;
use testkit::{TestDatabase, eventually};
use tonic::{Code, Status};

use crate::support::{House, ROOT, client, contact, employee, engagement, policy, refusal, refused, send, until};

fn race(test: impl AsyncFnOnce(House)) {
    testkit::run(async {
        let db = TestDatabase::postgres(client_registry::MIGRATIONS).await;
        test(House::open(db).await).await;
    });
}

/// Runs `first` up to its commit, then `second` until it waits too, then lets both go on.
async fn one_after_the_other<A, B>(
    house: &House,
    first: impl Future<Output = Result<A, Status>>,
    second: impl Future<Output = Result<B, Status>>,
) -> (Result<A, Status>, Result<B, Status>) {
    let other = house.db.another().await;
    let brake = other.begin().await.unwrap();
    database::exec(&brake, "LOCK TABLE audit_row IN SHARE MODE", vec![]).await.unwrap();
    let waiting = async |count: i64| {
        let sql = "SELECT COUNT(*) AS n FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid \
                   WHERE NOT l.granted AND a.datname = current_database()";
        let row = query_one(other.reader(), sql, vec![]).await.unwrap().unwrap();
        row.try_get::<i64>("", "n").unwrap() >= count
    };
    let release = async {
        eventually(Duration::from_secs(30), async || waiting(2).await).await;
        brake.commit().await.unwrap();
    };
    let second = async {
        eventually(Duration::from_secs(30), async || waiting(1).await).await;
        second.await
    };
    let (first, second, ()) = tokio::join!(first, second, release);
    (first, second)
}

async fn leave(house: &House, id: &str) -> Result<Vec<String>, Status> {
    let request = DeactivateStaffRequest { name: format!("staff/{id}"), ..Default::default() };
    Ok(house.people(ROOT).deactivate_staff(request).await?.into_inner().transferred_clients)
}

async fn register(house: &House, manager: &str) -> Result<(), Status> {
    let request = CreateClientRequest { client_id: "acme".into(), client: Some(client(manager)), ..Default::default() };
    house.clients(ROOT).create_client(request).await.map(drop)
}

async fn transfer(house: &House, to: &str) -> Result<(), Status> {
    let request = TransferAccountRequest {
        name: "clients/acme".into(),
        account_manager: format!("staff/{to}"),
        ..Default::default()
    };
    house.clients(ROOT).transfer_account(request).await.map(drop)
}

async fn manager(house: &House) -> String {
    house.client_now("clients/acme").await.account_manager
}

fn inactive<T: std::fmt::Debug>(answer: Result<T, Status>) {
    assert_eq!(refusal(answer), refused(Code::FailedPrecondition, "STAFF_INACTIVE"));
}

#[test]
fn of_two_changes_to_whom_an_incident_is_told_each_has_a_revision_of_its_own() {
    race(async |house| {
        house.client("acme", "root").await;
        let before = house.events::<IncidentPartiesChanged>().await.len();
        let contact = |id: &'static str| {
            let request = CreateContactRequest {
                parent: "clients/acme".into(),
                contact_id: id.into(),
                contact: Some(contact(&format!("{id}@acme.example"))),
                ..Default::default()
            };
            let mut api = house.contacts(ROOT);
            async move { api.create_contact(request).await.map(drop) }
        };
        let (jo, kim) = one_after_the_other(&house, contact("jo"), contact("kim")).await;
        jo.unwrap();
        kim.unwrap();
        let told = house.events::<IncidentPartiesChanged>().await;
        let revisions: Vec<_> = told[before - 1..].iter().map(|event| event.revision).collect();
        assert_eq!(revisions, [revisions[0], revisions[0] + 1, revisions[0] + 2]);
    });
}

#[test]
fn a_client_registered_while_its_account_manager_leaves_goes_to_the_deputy() {
    race(async |house| {
        house.staff("bo").await;
        house.staff_with_deputy("anna", "bo").await;
        let (made, left) = one_after_the_other(&house, register(&house, "anna"), leave(&house, "anna")).await;
        made.unwrap();
        assert_eq!(left.unwrap(), ["clients/acme"]);
        assert_eq!(manager(&house).await, "staff/bo");
    });
}

#[test]
fn a_client_is_not_registered_with_one_who_is_just_leaving() {
    race(async |house| {
        house.staff("anna").await;
        let (left, made) = one_after_the_other(&house, leave(&house, "anna"), register(&house, "anna")).await;
        left.unwrap();
        inactive(made);
    });
}

#[test]
fn a_client_transferred_to_one_who_then_leaves_goes_on_to_the_deputy() {
    race(async |house| {
        house.staff("bo").await;
        house.staff_with_deputy("anna", "bo").await;
        house.client("acme", "root").await;
        let (moved, left) = one_after_the_other(&house, transfer(&house, "anna"), leave(&house, "anna")).await;
        moved.unwrap();
        assert_eq!(left.unwrap(), ["clients/acme"]);
        assert_eq!(manager(&house).await, "staff/bo");
    });
}

#[test]
fn a_client_is_not_transferred_to_one_who_is_just_leaving() {
    race(async |house| {
        house.staff("anna").await;
        house.client("acme", "root").await;
        let (left, moved) = one_after_the_other(&house, leave(&house, "anna"), transfer(&house, "anna")).await;
        left.unwrap();
        inactive(moved);
        assert_eq!(manager(&house).await, ROOT);
    });
}

#[test]
fn a_client_transferred_away_from_one_who_leaves_ends_with_one_account_manager() {
    race(async |house| {
        house.staff("anna").await;
        house.staff("bo").await;
        house.client("acme", "anna").await;
        let (left, moved) = one_after_the_other(&house, leave(&house, "anna"), transfer(&house, "bo")).await;
        assert_eq!(left.unwrap(), ["clients/acme"]);
        moved.unwrap();
        assert_eq!(house.client_now("clients/acme").await.revision, 3, "both changes, one after the other");
        assert_eq!(manager(&house).await, "staff/bo");
    });
}

#[test]
fn a_client_that_was_just_transferred_away_does_not_go_to_the_deputy_of_one_who_leaves() {
    race(async |house| {
        house.staff("anna").await;
        house.staff("bo").await;
        house.client("acme", "anna").await;
        let (moved, left) = one_after_the_other(&house, transfer(&house, "bo"), leave(&house, "anna")).await;
        moved.unwrap();
        assert!(left.unwrap().is_empty());
        assert_eq!(manager(&house).await, "staff/bo");
    });
}

#[test]
fn an_engagement_is_not_given_to_one_who_is_just_leaving() {
    race(async |house| {
        house.staff("anna").await;
        house.client("acme", "root").await;
        let request = CreateEngagementRequest {
            parent: "clients/acme".into(),
            engagement_id: "audit".into(),
            engagement: Some(engagement("root", &["anna"])),
            ..Default::default()
        };
        let mut engagements = house.engagements(ROOT);
        let begin = engagements.create_engagement(request);
        let (left, begun) = one_after_the_other(&house, leave(&house, "anna"), begin).await;
        left.unwrap();
        inactive(begun);
    });
}

#[test]
fn one_brought_onto_a_team_who_then_leaves_is_replaced_by_the_deputy() {
    race(async |house| {
        house.staff("bo").await;
        house.staff_with_deputy("anna", "bo").await;
        house.client("acme", "root").await;
        let mut wanted = house.engagement("acme", "audit", "root", &[]).await;
        wanted.team_members = vec!["staff/anna".into()];
        let request = UpdateEngagementRequest { engagement: Some(wanted), ..Default::default() };
        let mut engagements = house.engagements(ROOT);
        let (joined, left) =
            one_after_the_other(&house, engagements.update_engagement(request), leave(&house, "anna")).await;
        joined.unwrap();
        left.unwrap();
        let request = GetEngagementRequest { name: "clients/acme/engagements/audit".into() };
        let now = house.engagements(ROOT).get_engagement(request).await.unwrap().into_inner().engagement.unwrap();
        assert_eq!(now.team_members, ["staff/bo"]);
    });
}

#[test]
fn where_a_person_and_their_deputy_leave_at_once_neither_keeps_the_client() {
    for deputy_first in [false, true] {
        race(async |house| {
            house.staff("bo").await;
            house.staff_with_deputy("anna", "bo").await;
            house.client("acme", "anna").await;
            let (first, second) = if deputy_first { ("bo", "anna") } else { ("anna", "bo") };
            let (one, other) = one_after_the_other(&house, leave(&house, first), leave(&house, second)).await;
            one.unwrap();
            other.unwrap();
            assert_eq!(manager(&house).await, ROOT, "deputy first: {deputy_first}");
        });
    }
}

#[test]
fn the_last_two_in_management_do_not_both_leave() {
    race(async |house| {
        house.staff_with_role("maria", contracts::client_registry::v1::FirmRole::Management).await;
        house.staff_with_role("anna", contracts::client_registry::v1::FirmRole::Auditor).await;
        let (one, other) = one_after_the_other(&house, leave(&house, "maria"), leave(&house, "root")).await;
        one.unwrap();
        assert_eq!(refusal(other), refused(Code::FailedPrecondition, "NOBODY_TAKES_OVER"));
    });
}

#[test]
fn one_who_is_just_leaving_becomes_nobodys_deputy() {
    race(async |house| {
        house.staff("bo").await;
        let anna = house.staff("anna").await;
        let request =
            UpdateStaffRequest { staff: Some(Staff { deputy: "staff/bo".into(), ..anna }), ..Default::default() };
        let mut people = house.people(ROOT);
        let (left, named) = one_after_the_other(&house, leave(&house, "bo"), people.update_staff(request)).await;
        left.unwrap();
        inactive(named);
    });
}

#[test]
fn one_who_is_just_leaving_is_given_no_absence() {
    race(async |house| {
        house.staff("anna").await;
        let absence = contracts::client_registry::v1::Absence {
            start_time: Some(crate::support::wire(house.clock.now())),
            end_time: Some(crate::support::wire(house.clock.now() + Duration::from_secs(60))),
            ..Default::default()
        };
        let request =
            CreateAbsenceRequest { parent: "staff/anna".into(), absence: Some(absence), ..Default::default() };
        let mut people = house.people(ROOT);
        let (left, absent) = one_after_the_other(&house, leave(&house, "anna"), people.create_absence(request)).await;
        left.unwrap();
        inactive(absent);
    });
}

/// Until whatever is due has been handed over from one whose access has ended.
async fn access_ends(house: &House) -> Result<(), Status> {
    let _work = house.work();
    house.arrive(house.clock.now() + Duration::from_secs(3600));
    eventually(Duration::from_secs(30), async || !house.audit_of("client-registry.access-ends").await.is_empty()).await;
    Ok(())
}

/// `staff/con`, whose access ends in an hour, with `clients/acme`.
async fn contractor(house: &House) -> Staff {
    let con = house.staff_like("con", until(house.clock.now() + Duration::from_secs(3600), "con")).await;
    house.client("acme", "con").await;
    con
}

#[test]
fn a_client_is_not_transferred_to_one_whose_access_just_ends() {
    race(async |house| {
        house.staff_like("con", until(house.clock.now() + Duration::from_secs(3600), "con")).await;
        house.client("acme", "root").await;
        let (ended, moved) = one_after_the_other(&house, access_ends(&house), transfer(&house, "con")).await;
        ended.unwrap();
        inactive(moved);
    });
}

#[test]
fn a_client_transferred_away_while_the_access_of_its_account_manager_ends_has_one_account_manager() {
    race(async |house| {
        contractor(&house).await;
        house.staff("bo").await;
        let (ended, moved) = one_after_the_other(&house, access_ends(&house), transfer(&house, "bo")).await;
        ended.unwrap();
        moved.unwrap();
        assert_eq!(house.client_now("clients/acme").await.revision, 3, "both changes, one after the other");
        assert_eq!(manager(&house).await, "staff/bo");
    });
}

#[test]
fn an_access_put_off_while_it_ends_is_given_back_without_what_was_handed_over() {
    race(async |house| {
        let con = contractor(&house).await;
        let later = Some(crate::support::wire(house.clock.now() + Duration::from_secs(7200)));
        let request =
            UpdateStaffRequest { staff: Some(Staff { access_expire_time: later, ..con }), ..Default::default() };
        let mut people = house.people(ROOT);
        let (ended, put_off) = one_after_the_other(&house, access_ends(&house), people.update_staff(request)).await;
        ended.unwrap();
        assert_eq!(put_off.unwrap().into_inner().staff.unwrap().access_expire_time, later);
        assert_eq!(manager(&house).await, ROOT);
    });
}

#[test]
fn nothing_is_given_to_one_whose_access_is_just_set_to_end() {
    race(async |house| {
        let anna = house.staff("anna").await;
        let ending = Staff { access_expire_time: Some(crate::support::wire(house.clock.now())), ..anna };
        let request = UpdateStaffRequest { staff: Some(ending), ..Default::default() };
        let mut people = house.people(ROOT);
        let (ended, made) = one_after_the_other(&house, people.update_staff(request), register(&house, "anna")).await;
        ended.unwrap();
        inactive(made);
    });
}

#[test]
fn an_end_of_access_is_not_set_for_one_who_is_just_given_a_client() {
    race(async |house| {
        let anna = house.staff("anna").await;
        let ending = Staff { access_expire_time: Some(crate::support::wire(house.clock.now())), ..anna };
        let request = UpdateStaffRequest { staff: Some(ending), ..Default::default() };
        let mut people = house.people(ROOT);
        let (made, ended) = one_after_the_other(&house, register(&house, "anna"), people.update_staff(request)).await;
        made.unwrap();
        assert_eq!(refusal(ended), refused(Code::InvalidArgument, "STILL_ASSIGNED"));
    });
}

#[test]
fn a_contact_who_just_ceased_to_confirm_is_not_asked_to() {
    race(async |house| {
        house.policy().await;
        house.client("acme", "root").await;
        let jo = house.contact("acme", "jo").await;
        let request = UpdateContactRequest { contact: Some(Contact { confirms: false, ..jo }), ..Default::default() };
        let mut contacts = house.contacts(ROOT);
        let confirmers = audience::Kind::Confirmers(Confirmers { contact: "clients/acme/contacts/jo".into() });
        let ask = async {
            let request = send("clients/acme", confirmers);
            let answer = house.consent("services/notification").authorize_send(request).await?;
            Ok::<_, Status>(answer.into_inner().outcome.unwrap())
        };
        let (changed, asked) = one_after_the_other(&house, contacts.update_contact(request), ask).await;
        changed.unwrap();
        assert_eq!(denied(asked.unwrap()), "NOBODY_TO_TELL");
    });
}

async fn authorize(house: &House, author: &str) -> Result<Outcome, Status> {
    let audience = audience::Kind::Contact("clients/acme/contacts/jo".into());
    let request = AuthorizeSendRequest { author: author.into(), ..send("clients/acme", audience) };
    let answer = house.consent("services/notification").authorize_send(request).await?;
    Ok(answer.into_inner().outcome.unwrap())
}

fn denied(outcome: Outcome) -> String {
    match outcome {
        Outcome::Refusal(refusal) => refusal.reason,
        Outcome::Permit(permit) => panic!("permitted: {}", permit.permit),
    }
}

#[test]
fn nothing_is_permitted_in_the_name_of_one_who_is_just_leaving() {
    race(async |house| {
        house.policy().await;
        house.staff("anna").await;
        house.client("acme", "root").await;
        house.contact("acme", "jo").await;
        let (left, asked) = one_after_the_other(&house, leave(&house, "anna"), authorize(&house, "staff/anna")).await;
        left.unwrap();
        assert_eq!(denied(asked.unwrap()), "SENDER_INACTIVE");
    });
}

#[test]
fn nothing_is_permitted_to_a_contact_who_is_just_leaving() {
    race(async |house| {
        house.policy().await;
        house.client("acme", "root").await;
        let jo = house.contact("acme", "jo").await;
        let request = UpdateContactRequest { contact: Some(Contact { inactive: true, ..jo }), ..Default::default() };
        let mut contacts = house.contacts(ROOT);
        let (left, asked) = one_after_the_other(&house, contacts.update_contact(request), authorize(&house, "")).await;
        left.unwrap();
        assert_eq!(denied(asked.unwrap()), "RECIPIENT_INACTIVE");
    });
}

async fn introduce(house: &House, client: &str, email: &str) -> Result<Contact, Status> {
    let request = CreateContactRequest {
        parent: format!("clients/{client}"),
        contact_id: "jo".into(),
        contact: Some(contact(email)),
        ..Default::default()
    };
    Ok(house.contacts(ROOT).create_contact(request).await?.into_inner().contact.unwrap())
}

async fn hire(house: &House, id: &str, email: &str) -> Result<(), Status> {
    let staff = Staff { email: email.into(), ..employee(id) };
    let request = CreateStaffRequest { staff_id: id.into(), staff: Some(staff), ..Default::default() };
    house.people(ROOT).create_staff(request).await.map(drop)
}

fn taken<T: std::fmt::Debug>(answer: Result<T, Status>) {
    assert_eq!(refusal(answer), refused(Code::AlreadyExists, "ADDRESS_TAKEN"));
}

#[test]
fn of_two_contacts_who_take_one_address_at_once_one_gets_it() {
    race(async |house| {
        house.client("acme", "root").await;
        house.client("other", "root").await;
        let (one, other) = one_after_the_other(
            &house,
            introduce(&house, "acme", "jo@shared.example"),
            introduce(&house, "other", "JO@shared.example"),
        )
        .await;
        one.unwrap();
        taken(other);
    });
}

#[test]
fn of_a_contact_and_a_member_of_staff_who_take_one_address_at_once_one_gets_it() {
    race(async |house| {
        house.client("acme", "root").await;
        let (one, other) = one_after_the_other(
            &house,
            introduce(&house, "acme", "jo@shared.example"),
            hire(&house, "jo", "jo@shared.example"),
        )
        .await;
        one.unwrap();
        taken(other);
    });
    race(async |house| {
        let (one, other) = one_after_the_other(
            &house,
            hire(&house, "jo", "jo@shared.example"),
            hire(&house, "joe", "jo@shared.example"),
        )
        .await;
        one.unwrap();
        taken(other);
    });
}

#[test]
fn two_policies_published_at_once_are_two_versions_without_a_hole() {
    race(async |house| {
        let publish = async || {
            let request = PublishPolicyRequest { policy: Some(policy()), ..Default::default() };
            let published = house.policies(ROOT).publish_policy(request).await?;
            Ok::<_, Status>(published.into_inner().policy.unwrap().version)
        };
        let (one, other) = one_after_the_other(&house, publish(), publish()).await;
        assert_eq!((one.unwrap(), other.unwrap()), (1, 2));
        let list = house.policies(ROOT).list_policies(ListPoliciesRequest::default()).await.unwrap().into_inner();
        assert_eq!(list.policies.len(), 2);
    });
}

#[test]
fn one_hired_while_the_first_policy_is_published_is_held_against_it() {
    race(async |house| {
        let request = PublishPolicyRequest { policy: Some(policy()), ..Default::default() };
        let mut policies = house.policies(ROOT);
        let (published, hired) =
            one_after_the_other(&house, policies.publish_policy(request), hire(&house, "jo", "jo@mail.example")).await;
        published.unwrap();
        assert_eq!(refusal(hired), refused(Code::InvalidArgument, "ADDRESS_NOT_OFFICIAL"));
    });
}

#[test]
fn of_two_who_make_the_first_person_at_once_one_does() {
    testkit::run(async {
        let db = TestDatabase::postgres(client_registry::MIGRATIONS).await;
        let house = House::empty(db).await;
        let init =
            async |id: &str| house.app.init(id, "First", &format!("{id}@firm.example")).await.map_err(Status::from);
        let (one, other) = one_after_the_other(&house, init("one"), init("other")).await;
        one.unwrap();
        assert_eq!(refusal(other), refused(Code::FailedPrecondition, "NOT_EMPTY"));
    });
}

#[test]
fn the_same_request_id_sent_twice_at_once_registers_one_client() {
    race(async |house| {
        let request =
            CreateClientRequest { client: Some(client("root")), request_id: "r-1".into(), ..Default::default() };
        let (mut here, mut there) = (house.clients(ROOT), house.clients(ROOT));
        let (one, other) =
            one_after_the_other(&house, here.create_client(request.clone()), there.create_client(request)).await;
        assert_eq!(one.unwrap().into_inner(), other.unwrap().into_inner());
    });
}

async fn make_auditor(house: &House, anna: Staff) -> Result<(), Status> {
    let auditor = contracts::client_registry::v1::FirmRole::Auditor;
    let auditing = Staff { roles: vec![auditor.into()], ..anna };
    let request = UpdateStaffRequest { staff: Some(auditing), ..Default::default() };
    house.people(ROOT).update_staff(request).await.map(drop)
}

#[test]
fn one_who_is_just_becoming_an_auditor_is_given_no_client() {
    race(async |house| {
        let anna = house.staff("anna").await;
        let (audits, made) = one_after_the_other(&house, make_auditor(&house, anna), register(&house, "anna")).await;
        audits.unwrap();
        assert_eq!(refusal(made), refused(Code::FailedPrecondition, "AUDITOR_ONLY_READS"));
    });
}

#[test]
fn one_who_is_just_given_a_client_becomes_no_auditor() {
    race(async |house| {
        let anna = house.staff("anna").await;
        let (made, audits) = one_after_the_other(&house, register(&house, "anna"), make_auditor(&house, anna)).await;
        made.unwrap();
        assert_eq!(refusal(audits), refused(Code::InvalidArgument, "STILL_ASSIGNED"));
    });
}

#[test]
fn a_contact_introduced_while_a_policy_is_published_is_held_against_it() {
    race(async |house| {
        house.client("acme", "root").await;
        let publish = async {
            let request = PublishPolicyRequest { policy: Some(policy()), ..Default::default() };
            house.policies(ROOT).publish_policy(request).await
        };
        let introduce = async {
            let request = CreateContactRequest {
                parent: "clients/acme".into(),
                contact_id: "jo".into(),
                contact: Some(contact("jo@firm.example")),
                ..Default::default()
            };
            house.contacts(ROOT).create_contact(request).await
        };
        let (published, made) = one_after_the_other(&house, publish, introduce).await;
        published.unwrap();
        assert_eq!(refusal(made), refused(Code::InvalidArgument, "FIRM_ADDRESS"));
    });
}
