use std::time::Duration;

use access::{Decisions, Grants, Principal};
use contracts::client_registry::v1::{
    Contact, CreateContactRequest, FirmRole, GetGrantsRequest, ListClientsRequest, Staff, StaffKind,
    UpdateContactRequest, UpdateStaffRequest, WhoAmIRequest,
};
use testkit::{TestDatabase, both_databases};
use tonic::Code;

use crate::support::{House, ROOT, contact, employee, fields, refusal, refused, wire};

both_databases!(client_registry::MIGRATIONS;
    who_am_i_tells_roles_and_permissions_to_everybody_with_a_token,
    a_firm_role_reaches_every_client,
    assignments_reach_their_client_and_no_other,
    a_contact_acts_for_its_own_client_and_confirms_only_where_it_may,
    the_access_of_a_contractor_or_auditor_ends_by_the_business_clock,
    a_deputy_holds_the_client_roles_of_an_absent_person_and_only_then,
    a_chain_of_deputies_is_followed_to_the_first_who_is_there,
    deputies_who_name_each_other_and_are_both_absent_stand_in_for_nobody,
    a_deputy_gets_no_firm_role,
    a_deputy_who_became_an_auditor_is_passed_over,
    a_contact_whose_address_is_the_firms_confirms_nothing,
    grants_are_told_to_services_alone,
    one_whom_nobody_knows_is_not_active,
);

async fn grants(house: &House, principal: &str) -> Grants {
    let principal = Principal::parse(principal).unwrap();
    Grants::clone(&*house.app.uncached_decisions().grants(&principal).await.unwrap())
}

async fn reads(house: &House, person: &str, client: &str) -> bool {
    grants(house, person).await.holds_on("clients.read", &format!("clients/{client}"))
}

async fn who_am_i_tells_roles_and_permissions_to_everybody_with_a_token(db: TestDatabase) {
    let house = House::open(db).await;
    house.staff("anna").await;
    house.client("acme", "anna").await;
    let me = house.access("staff/anna").who_am_i(WhoAmIRequest {}).await.unwrap().into_inner().grants.unwrap();
    assert_eq!((me.principal.as_str(), me.active), ("staff/anna", true));
    assert_eq!((me.roles[0].role.as_str(), me.roles[0].client.as_str()), ("ACCOUNT_MANAGER", "clients/acme"));
    assert!(me.permissions.is_empty());
    assert_eq!(me.client_permissions[0].client, "clients/acme");
    assert!(me.client_permissions[0].permissions.contains(&"clients.update".to_owned()));
    let root = house.access(ROOT).who_am_i(WhoAmIRequest {}).await.unwrap().into_inner().grants.unwrap();
    assert_eq!(root.roles[0].role, "MANAGEMENT");
    let service = house.access("services/notification").who_am_i(WhoAmIRequest {}).await.unwrap().into_inner();
    assert!(service.grants.unwrap().permissions.contains(&"sends.authorize".to_owned()));
    let stranger = house.access("staff/nobody").who_am_i(WhoAmIRequest {}).await.unwrap().into_inner();
    let stranger = stranger.grants.unwrap();
    assert_eq!((stranger.active, stranger.permissions.len()), (false, 0));
}

async fn a_firm_role_reaches_every_client(db: TestDatabase) {
    let house = House::open(db).await;
    house.staff_with_role("eve", FirmRole::Auditor).await;
    house.staff_with_role("ida", FirmRole::Intake).await;
    house.staff("idle").await;
    assert!(grants(&house, "staff/eve").await.holds_everywhere("clients.read"));
    assert!(!grants(&house, "staff/eve").await.holds_everywhere("clients.update"));
    assert!(grants(&house, "staff/ida").await.holds_everywhere("mails.triage"));
    let idle = grants(&house, "staff/idle").await;
    assert!(idle.active && idle.everywhere.is_empty() && idle.on.is_empty());
}

async fn assignments_reach_their_client_and_no_other(db: TestDatabase) {
    let house = House::open(db).await;
    for id in ["anna", "bo", "cy"] {
        house.staff(id).await;
    }
    house.client("acme", "anna").await;
    house.client("other", "root").await;
    house.engagement("acme", "audit", "bo", &["cy"]).await;
    house.engagement("acme", "tax", "bo", &["cy", "bo"]).await;
    for (person, expected) in [
        ("staff/anna", vec!["ACCOUNT_MANAGER"]),
        ("staff/bo", vec!["PROJECT_TEAM", "TEAM_LEAD"]),
        ("staff/cy", vec!["PROJECT_TEAM"]),
    ] {
        let held = grants(&house, person).await;
        let mut roles: Vec<_> = held.roles.iter().map(|held| held.role.as_str()).collect();
        roles.sort_unstable();
        assert_eq!(roles, expected, "{person}");
        assert!(held.roles.iter().all(|held| held.client.as_deref() == Some("clients/acme")));
        assert!(held.holds_on("cases.read", "clients/acme") && !held.holds_on("cases.read", "clients/other"));
    }
}

async fn a_contact_acts_for_its_own_client_and_confirms_only_where_it_may(db: TestDatabase) {
    let house = House::open(db).await;
    house.client("acme", "root").await;
    let jo = house.contact("acme", "jo").await;
    let held = grants(&house, "clients/acme/contacts/jo").await;
    for permission in ["cases.read", "cases.open", "cases.confirm", "cases.reject"] {
        assert!(held.holds_on(permission, "clients/acme"), "{permission}");
        assert!(!held.holds_on(permission, "clients/other"), "{permission}");
    }
    let change = async |jo: Contact| {
        let request = UpdateContactRequest { contact: Some(jo), ..Default::default() };
        house.contacts(ROOT).update_contact(request).await.unwrap().into_inner().contact.unwrap()
    };
    let jo = change(Contact { confirms: false, ..jo }).await;
    let held = grants(&house, "clients/acme/contacts/jo").await;
    assert!(held.holds_on("cases.open", "clients/acme"));
    assert!(!held.holds_on("cases.confirm", "clients/acme") && !held.holds_on("cases.reject", "clients/acme"));
    change(Contact { inactive: true, confirms: true, ..jo }).await;
    assert_eq!(grants(&house, "clients/acme/contacts/jo").await, Grants::inactive());
}

async fn the_access_of_a_contractor_or_auditor_ends_by_the_business_clock(db: TestDatabase) {
    let house = House::open(db).await;
    let end = house.clock.now() + Duration::from_secs(3600);
    let until = |staff: Staff| Staff { access_expire_time: Some(wire(end)), ..staff };
    house.staff_like("con", until(Staff { kind: StaffKind::Contractor.into(), ..employee("con") })).await;
    house.staff_like("eve", until(Staff { roles: vec![FirmRole::Auditor.into()], ..employee("eve") })).await;
    house.client("acme", "con").await;
    assert!(reads(&house, "staff/con", "acme").await && reads(&house, "staff/eve", "acme").await);
    house.clock.set(end);
    for gone in ["staff/con", "staff/eve"] {
        assert_eq!(grants(&house, gone).await, Grants::inactive());
        let answer = house.clients(gone).list_clients(ListClientsRequest::default()).await;
        assert_eq!(refusal(answer), refused(Code::PermissionDenied, "UNKNOWN_PERSON"));
    }
}

async fn a_deputy_holds_the_client_roles_of_an_absent_person_and_only_then(db: TestDatabase) {
    let house = House::open(db).await;
    house.staff("bo").await;
    house.staff_with_deputy("anna", "bo").await;
    house.client("acme", "anna").await;
    house.client("led", "root").await;
    house.engagement("led", "audit", "anna", &[]).await;
    assert!(!reads(&house, "staff/bo", "acme").await);
    let absence = house.away("anna").await;
    let held = grants(&house, "staff/bo").await;
    assert!(held.holds_on("clients.update", "clients/acme") && held.holds_on("cases.work", "clients/led"));
    assert!(!held.holds_on("clients.update", "clients/led"), "a lead's rights, not an account manager's");
    assert!(reads(&house, "staff/anna", "acme").await, "the absent one loses nothing");
    house.clock.set(command::wire::from_proto_time(&absence.end_time.unwrap()).unwrap());
    assert!(!reads(&house, "staff/bo", "acme").await);
}

async fn a_chain_of_deputies_is_followed_to_the_first_who_is_there(db: TestDatabase) {
    let house = House::open(db).await;
    house.staff("cy").await;
    house.staff_with_deputy("bo", "cy").await;
    house.staff_with_deputy("anna", "bo").await;
    house.client("acme", "anna").await;
    house.away("anna").await;
    assert!(reads(&house, "staff/bo", "acme").await && !reads(&house, "staff/cy", "acme").await);
    house.away("bo").await;
    assert!(!reads(&house, "staff/bo", "acme").await && reads(&house, "staff/cy", "acme").await);
}

async fn deputies_who_name_each_other_and_are_both_absent_stand_in_for_nobody(db: TestDatabase) {
    let house = House::open(db).await;
    let anna = house.staff("anna").await;
    house.staff_with_deputy("bo", "anna").await;
    let mutual = Staff { deputy: "staff/bo".into(), ..anna };
    let request = UpdateStaffRequest { staff: Some(mutual), ..Default::default() };
    house.people(ROOT).update_staff(request).await.unwrap();
    house.client("acme", "anna").await;
    house.away("anna").await;
    assert!(reads(&house, "staff/bo", "acme").await);
    house.away("bo").await;
    assert!(!reads(&house, "staff/bo", "acme").await && reads(&house, "staff/anna", "acme").await);
}

async fn a_deputy_gets_no_firm_role(db: TestDatabase) {
    let house = House::open(db).await;
    house.staff("bo").await;
    let maria = Staff { roles: vec![FirmRole::Management.into()], deputy: "staff/bo".into(), ..employee("maria") };
    house.staff_like("maria", maria).await;
    house.away("maria").await;
    assert!(!grants(&house, "staff/bo").await.holds_everywhere("clients.create"));
}

async fn a_deputy_who_became_an_auditor_is_passed_over(db: TestDatabase) {
    let house = House::open(db).await;
    house.staff("cy").await;
    let bo = house.staff_with_deputy("bo", "cy").await;
    house.staff_with_deputy("anna", "bo").await;
    house.client("acme", "anna").await;
    let auditing = Staff { roles: vec![FirmRole::Auditor.into()], ..bo };
    let request = UpdateStaffRequest { staff: Some(auditing), ..Default::default() };
    house.people(ROOT).update_staff(request).await.unwrap();
    house.away("anna").await;
    assert!(!grants(&house, "staff/bo").await.holds_on("clients.update", "clients/acme"));
    assert!(grants(&house, "staff/cy").await.holds_on("clients.update", "clients/acme"));
    crate::deactivate::leave(&house, "anna").await.unwrap();
    assert_eq!(house.client_now("clients/acme").await.account_manager, "staff/cy", "nor do they take over");
}

async fn a_contact_whose_address_is_the_firms_confirms_nothing(db: TestDatabase) {
    let house = House::open(db).await;
    house.client("acme", "root").await;
    let early = Contact { email: "early@firm.example".into(), ..contact("") };
    let request = CreateContactRequest {
        parent: "clients/acme".into(),
        contact_id: "early".into(),
        contact: Some(early),
        ..Default::default()
    };
    house.contacts(ROOT).create_contact(request).await.unwrap();
    let early = "clients/acme/contacts/early";
    assert!(grants(&house, early).await.holds_on("cases.confirm", "clients/acme"));
    house.policy().await;
    let held = grants(&house, early).await;
    assert!(!held.holds_on("cases.confirm", "clients/acme") && !held.holds_on("cases.reject", "clients/acme"));
    assert!(held.holds_on("cases.open", "clients/acme"), "a later policy does not undo the contact");
}

async fn grants_are_told_to_services_alone(db: TestDatabase) {
    let house = House::open(db).await;
    let ask = |principal: &str| GetGrantsRequest { principal: principal.into() };
    for service in ["services/notification", "services/escalation"] {
        let told = house.access(service).get_grants(ask(ROOT)).await.unwrap().into_inner().grants.unwrap();
        assert_eq!(Grants::from_wire(told), grants(&house, ROOT).await);
    }
    for other in [ROOT, "services/intake"] {
        let answer = house.access(other).get_grants(ask(ROOT)).await;
        assert_eq!(refusal(answer), refused(Code::PermissionDenied, "NO_PERMISSION"), "{other}");
    }
    for wrong in ["", "root", "clients/acme", "staff/../root"] {
        assert_eq!(fields(house.access("services/escalation").get_grants(ask(wrong)).await), ["principal"], "{wrong}");
    }
}

async fn one_whom_nobody_knows_is_not_active(db: TestDatabase) {
    let house = House::open(db).await;
    house.client("acme", "root").await;
    house.client("other", "root").await;
    house.contact("acme", "jo").await;
    for nobody in ["staff/nobody", "clients/other/contacts/jo", "clients/none/contacts/jo", "services/none"] {
        let request = GetGrantsRequest { principal: nobody.into() };
        let told = house.access("services/escalation").get_grants(request).await.unwrap().into_inner().grants.unwrap();
        assert_eq!((told.principal.as_str(), told.active), (nobody, false));
        assert!(told.roles.is_empty() && told.permissions.is_empty() && told.client_permissions.is_empty());
    }
}
