use std::time::Duration;

use contracts::client_registry::v1::{
    Absence, CreateAbsenceRequest, CreateStaffRequest, FirmRole, GetStaffRequest, ListAbsencesRequest,
    ListStaffRequest, Staff, StaffKind, TransferAccountRequest, UpdateStaffRequest,
};
use testkit::{TestDatabase, both_databases};
use tonic::Code;
use tonic_types::StatusExt;

use crate::support::{House, ROOT, employee, fields, refusal, refusal_of, refused, until, wire};

both_databases!(client_registry::MIGRATIONS;
    a_person_is_kept_and_read_with_an_audit_row,
    a_contractor_needs_an_end_of_access,
    an_address_outside_the_official_domain_is_refused_once_a_policy_names_one,
    a_deputy_is_somebody_else_who_is_there_and_active,
    leaving_is_no_update_and_not_taken_back,
    the_last_one_in_management_keeps_the_role,
    a_stale_etag_a_taken_id_and_a_reused_request_id_are_refused,
    people_are_listed_in_pages_and_the_read_is_audited,
    only_management_and_auditors_read_people_and_only_management_changes_them,
    absences_are_listed_in_the_order_of_their_start,
    an_absence_ends_after_it_starts_and_is_of_somebody_there,
    wrong_fields_are_all_told_at_once,
    a_name_holds_a_letter_or_a_digit_and_is_one_line,
    nobody_is_made_whose_access_has_ended,
    an_auditor_holds_no_other_role,
    nobody_becomes_an_auditor_whose_clients_or_engagements_there_are,
    an_auditor_is_made_nobodys_deputy,
);

fn create(id: &str, staff: Staff) -> CreateStaffRequest {
    CreateStaffRequest { staff_id: id.into(), staff: Some(staff), ..Default::default() }
}

fn update(staff: Staff) -> UpdateStaffRequest {
    UpdateStaffRequest { staff: Some(staff), ..Default::default() }
}

fn get(id: &str) -> GetStaffRequest {
    GetStaffRequest { name: format!("staff/{id}") }
}

async fn now(house: &House, id: &str) -> Staff {
    house.people(ROOT).get_staff(get(id)).await.unwrap().into_inner().staff.unwrap()
}

async fn a_person_is_kept_and_read_with_an_audit_row(db: TestDatabase) {
    let house = House::open(db).await;
    let wanted = Staff {
        department: "Audit".into(),
        roles: vec![FirmRole::Management.into(), FirmRole::Intake.into()],
        deputy: ROOT.into(),
        ..employee("anna")
    };
    let anna = house.staff_like("anna", wanted.clone()).await;
    assert_eq!((anna.name.as_str(), anna.revision, anna.inactive), ("staff/anna", 1, false));
    assert_eq!((&anna.email, &anna.roles, &anna.deputy), (&wanted.email, &wanted.roles, &wanted.deputy));
    assert_eq!(now(&house, "anna").await, anna);
    assert_eq!(house.audit("StaffService/GetStaff").await[0].resources, ["staff/anna"]);
    let moved = Staff { department: "Tax".into(), roles: vec![], deputy: String::new(), ..anna };
    let moved = house.people(ROOT).update_staff(update(moved)).await.unwrap().into_inner().staff.unwrap();
    assert_eq!((moved.department.as_str(), moved.revision, moved.deputy.as_str()), ("Tax", 2, ""));
    assert_eq!(refusal(house.people(ROOT).get_staff(get("none")).await), refused(Code::NotFound, "NOT_FOUND"));
    let missing = Staff { name: "staff/none".into(), ..employee("none") };
    assert_eq!(refusal(house.people(ROOT).update_staff(update(missing)).await), refused(Code::NotFound, "NOT_FOUND"));
}

async fn a_contractor_needs_an_end_of_access(db: TestDatabase) {
    let house = House::open(db).await;
    let wrong = Staff { kind: StaffKind::Contractor.into(), ..employee("con") };
    let answer = house.people(ROOT).create_staff(create("con", wrong.clone())).await;
    assert_eq!(refusal_of(&answer), refused(Code::InvalidArgument, "CONTRACTOR_WITHOUT_END"));
    assert_eq!(fields(answer), ["staff.access_expire_time"]);
    let end = wire(house.clock.now() + Duration::from_secs(3600));
    let con = house.staff_like("con", Staff { access_expire_time: Some(end), ..wrong }).await;
    assert_eq!(con.access_expire_time, Some(end));
    let answer = house.people(ROOT).update_staff(update(Staff { access_expire_time: None, ..con })).await;
    assert_eq!(refusal(answer).1, "CONTRACTOR_WITHOUT_END");
}

async fn an_address_outside_the_official_domain_is_refused_once_a_policy_names_one(db: TestDatabase) {
    let house = House::open(db).await;
    let elsewhere = |id: &str| Staff { email: format!("{id}@mail.example"), ..employee(id) };
    house.staff_like("early", elsewhere("early")).await;
    house.policy().await;
    let answer = house.people(ROOT).create_staff(create("late", elsewhere("late"))).await;
    assert_eq!(refusal_of(&answer), refused(Code::InvalidArgument, "ADDRESS_NOT_OFFICIAL"));
    assert_eq!(fields(answer), ["staff.email"]);
    for almost in ["x@sub.firm.example", "x@firm.example.org", "x@xfirm.example"] {
        let answer =
            house.people(ROOT).create_staff(create("x", Staff { email: almost.into(), ..employee("x") })).await;
        assert_eq!(refusal(answer).1, "ADDRESS_NOT_OFFICIAL", "{almost}");
    }
    house.staff_like("upper", Staff { email: "upper@FIRM.example".into(), ..employee("upper") }).await;
    let anna = house.staff("anna").await;
    let answer = house.people(ROOT).update_staff(update(Staff { email: "anna@mail.example".into(), ..anna })).await;
    assert_eq!(refusal(answer).1, "ADDRESS_NOT_OFFICIAL");
}

async fn a_deputy_is_somebody_else_who_is_there_and_active(db: TestDatabase) {
    let house = House::open(db).await;
    house.staff("gone").await;
    crate::deactivate::leave(&house, "gone").await.unwrap();
    let anna = house.staff("anna").await;
    for (deputy, expected) in [
        ("staff/anna", refused(Code::InvalidArgument, "OWN_DEPUTY")),
        ("staff/nobody", refused(Code::NotFound, "STAFF_NOT_FOUND")),
        ("staff/gone", refused(Code::FailedPrecondition, "STAFF_INACTIVE")),
    ] {
        let with = |staff: Staff| Staff { deputy: deputy.into(), ..staff };
        let answer = house.people(ROOT).update_staff(update(with(anna.clone()))).await;
        assert_eq!(refusal(answer), expected, "{deputy}");
        let answer = house.people(ROOT).create_staff(create("anna", with(employee("anna2")))).await;
        assert_eq!(refusal(answer), expected, "{deputy}");
    }
    // Each the other's deputy is what two colleagues agree on.
    house.staff_with_deputy("bo", "anna").await;
    house.people(ROOT).update_staff(update(Staff { deputy: "staff/bo".into(), ..anna })).await.unwrap();
    // A deputy who leaves later does not stand in the way of other changes.
    crate::deactivate::leave(&house, "bo").await.unwrap();
    let anna = now(&house, "anna").await;
    house.people(ROOT).update_staff(update(Staff { department: "Tax".into(), ..anna })).await.unwrap();
}

async fn leaving_is_no_update_and_not_taken_back(db: TestDatabase) {
    let house = House::open(db).await;
    let anna = house.staff("anna").await;
    let answer = house.people(ROOT).update_staff(update(Staff { inactive: true, ..anna })).await;
    assert_eq!(refusal(answer), refused(Code::InvalidArgument, "USE_DEACTIVATE_STAFF"));
    let answer = house.people(ROOT).create_staff(create("x", Staff { inactive: true, ..employee("x") })).await;
    assert_eq!(refusal(answer), refused(Code::InvalidArgument, "USE_DEACTIVATE_STAFF"));
    let left = crate::deactivate::leave(&house, "anna").await.unwrap().staff.unwrap();
    let answer = house.people(ROOT).update_staff(update(Staff { inactive: false, ..left.clone() })).await;
    assert_eq!(refusal(answer), refused(Code::InvalidArgument, "USE_DEACTIVATE_STAFF"));
    let noted = Staff { department: "left in March".into(), ..left };
    house.people(ROOT).update_staff(update(noted)).await.unwrap();
}

async fn the_last_one_in_management_keeps_the_role(db: TestDatabase) {
    let house = House::open(db).await;
    let root = now(&house, "root").await;
    let answer = house.people(ROOT).update_staff(update(Staff { roles: vec![], ..root.clone() })).await;
    assert_eq!(refusal(answer), refused(Code::FailedPrecondition, "LAST_IN_MANAGEMENT"));
    house.staff_with_role("maria", FirmRole::Management).await;
    house.people(ROOT).update_staff(update(Staff { roles: vec![], ..root })).await.unwrap();
    let answer = house.people(ROOT).get_staff(get("root")).await;
    assert_eq!(refusal(answer), refused(Code::PermissionDenied, "NO_PERMISSION"), "the role is gone at once");
}

async fn a_stale_etag_a_taken_id_and_a_reused_request_id_are_refused(db: TestDatabase) {
    let house = House::open(db).await;
    let anna = house.staff("anna").await;
    house.people(ROOT).update_staff(update(anna.clone())).await.unwrap();
    assert_eq!(refusal(house.people(ROOT).update_staff(update(anna)).await), refused(Code::Aborted, "STALE_ETAG"));
    let answer = house.people(ROOT).create_staff(create("anna", employee("anna2"))).await;
    assert_eq!(refusal(answer), refused(Code::AlreadyExists, "ALREADY_EXISTS"));
    let once = |id: &str| CreateStaffRequest { request_id: "r-1".into(), ..create("", employee(id)) };
    let first = house.people(ROOT).create_staff(once("bo")).await.unwrap().into_inner();
    assert_eq!(house.people(ROOT).create_staff(once("bo")).await.unwrap().into_inner(), first);
    let answer = house.people(ROOT).create_staff(once("cy")).await;
    assert_eq!(refusal(answer), refused(Code::InvalidArgument, "REQUEST_ID_REUSED"));
}

async fn people_are_listed_in_pages_and_the_read_is_audited(db: TestDatabase) {
    let house = House::open(db).await;
    for id in ["zoe", "anna", "mia"] {
        house.staff(id).await;
    }
    let list = |page_token| ListStaffRequest { page_size: 3, page_token };
    let first = house.people(ROOT).list_staff(list(String::new())).await.unwrap().into_inner();
    let names: Vec<_> = first.staff.iter().map(|person| person.name.as_str()).collect();
    assert_eq!(names, ["staff/anna", "staff/mia", "staff/root"]);
    assert_eq!(house.audit("StaffService/ListStaff").await[0].resources, names);
    let second = house.people(ROOT).list_staff(list(first.next_page_token)).await.unwrap().into_inner();
    assert_eq!((second.staff[0].name.as_str(), second.next_page_token.as_str()), ("staff/zoe", ""));
}

async fn only_management_and_auditors_read_people_and_only_management_changes_them(db: TestDatabase) {
    let house = House::open(db).await;
    house.staff("anna").await;
    house.client("acme", "anna").await;
    house.staff_with_role("eve", FirmRole::Auditor).await;
    let denied = refused(Code::PermissionDenied, "NO_PERMISSION");
    assert_eq!(refusal(house.people("staff/anna").get_staff(get("anna")).await), denied);
    house.people("staff/eve").get_staff(get("anna")).await.unwrap();
    let wanted = create("x", employee("x"));
    assert_eq!(refusal(house.people("staff/eve").create_staff(wanted.clone()).await), denied);
    assert_eq!(refusal(house.people("staff/anna").create_staff(wanted).await), denied);
}

fn absence(house: &House, person: &str, from_hours: u64, to_hours: u64) -> CreateAbsenceRequest {
    let hour = |hours: u64| Some(wire(house.clock.now() + Duration::from_secs(hours * 3600)));
    CreateAbsenceRequest {
        parent: format!("staff/{person}"),
        absence_id: format!("from-{from_hours}"),
        absence: Some(Absence { name: String::new(), start_time: hour(from_hours), end_time: hour(to_hours) }),
        ..Default::default()
    }
}

async fn absences_are_listed_in_the_order_of_their_start(db: TestDatabase) {
    let house = House::open(db).await;
    house.staff("anna").await;
    for start in [30, 10, 20] {
        house.people(ROOT).create_absence(absence(&house, "anna", start, start + 5)).await.unwrap();
    }
    let list = |page_token| ListAbsencesRequest { parent: "staff/anna".into(), page_size: 2, page_token };
    let first = house.people(ROOT).list_absences(list(String::new())).await.unwrap().into_inner();
    let second = house.people(ROOT).list_absences(list(first.next_page_token)).await.unwrap().into_inner();
    let names: Vec<_> = first.absences.iter().chain(&second.absences).map(|absence| absence.name.as_str()).collect();
    assert_eq!(names, ["staff/anna/absences/from-10", "staff/anna/absences/from-20", "staff/anna/absences/from-30"]);
    assert_eq!(second.next_page_token, "");
    let answer = house.people(ROOT).create_absence(absence(&house, "anna", 10, 11)).await;
    assert_eq!(refusal(answer), refused(Code::AlreadyExists, "ALREADY_EXISTS"));
    let nobody = ListAbsencesRequest { parent: "staff/nobody".into(), ..Default::default() };
    assert_eq!(refusal(house.people(ROOT).list_absences(nobody).await), refused(Code::NotFound, "NOT_FOUND"));
}

async fn an_absence_ends_after_it_starts_and_is_of_somebody_there(db: TestDatabase) {
    let house = House::open(db).await;
    house.staff("anna").await;
    for (from, to) in [(5, 5), (6, 5)] {
        let answer = house.people(ROOT).create_absence(absence(&house, "anna", from, to)).await;
        assert_eq!(refusal_of(&answer), refused(Code::InvalidArgument, "END_NOT_AFTER_START"));
        assert_eq!(fields(answer), ["absence.end_time"]);
    }
    let answer = house.people(ROOT).create_absence(absence(&house, "nobody", 1, 2)).await;
    assert_eq!(refusal(answer), refused(Code::NotFound, "NOT_FOUND"));
    crate::deactivate::leave(&house, "anna").await.unwrap();
    let answer = house.people(ROOT).create_absence(absence(&house, "anna", 1, 2)).await;
    assert_eq!(refusal(answer), refused(Code::FailedPrecondition, "STAFF_INACTIVE"));
}

async fn wrong_fields_are_all_told_at_once(db: TestDatabase) {
    let house = House::open(db).await;
    let wrong = Staff {
        email: "nowhere".into(),
        roles: vec![FirmRole::Intake.into(), FirmRole::Intake.into()],
        deputy: "bo".into(),
        ..Default::default()
    };
    let mut told = fields(house.people(ROOT).create_staff(create("Anna", wrong)).await);
    told.sort();
    assert_eq!(told, ["staff.deputy", "staff.display_name", "staff.email", "staff.kind", "staff.roles", "staff_id"]);
}

async fn a_name_holds_a_letter_or_a_digit_and_is_one_line(db: TestDatabase) {
    let house = House::open(db).await;
    let anna = house.staff("anna").await;
    for name in
        ["", "   ", "\u{200b}\u{a0}", "\u{3164}", "\u{2800}", "--", "Anna\nBcc: x", "Anna\u{2028}Meyer", "Anna\0"]
    {
        let named = |person: Staff| Staff { display_name: name.into(), ..person };
        let answer = house.people(ROOT).create_staff(create("x", named(employee("x")))).await;
        let told = answer.as_ref().unwrap_err().get_details_bad_request().unwrap().field_violations;
        assert!(told[0].description.contains("must hold a letter or a digit"), "{told:?}");
        assert_eq!(fields(answer), ["staff.display_name"], "{name:?}");
        let answer = house.people(ROOT).update_staff(update(named(anna.clone()))).await;
        assert_eq!(fields(answer), ["staff.display_name"], "{name:?}");
        let placed = Staff { department: name.into(), ..employee("x") };
        if !name.is_empty() {
            let answer = house.people(ROOT).create_staff(create("x", placed)).await;
            assert_eq!(fields(answer), ["staff.department"], "{name:?}");
        }
    }
    for (index, name) in ["X", "7", "Åsa Öberg-O'Neil", "田中 結衣", "علی\u{200c}رضا"].into_iter().enumerate()
    {
        let id = format!("person-{index}");
        house.staff_like(&id, Staff { display_name: name.into(), ..employee(&id) }).await;
    }
}

async fn nobody_is_made_whose_access_has_ended(db: TestDatabase) {
    let house = House::open(db).await;
    for end in [house.clock.now(), house.clock.now() - Duration::from_secs(86_400)] {
        let answer = house.people(ROOT).create_staff(create("late", until(end, "late"))).await;
        assert_eq!(refusal_of(&answer), refused(Code::InvalidArgument, "END_NOT_IN_FUTURE"));
        assert_eq!(fields(answer), ["staff.access_expire_time"]);
    }
    house.staff_like("late", until(house.clock.now() + Duration::from_micros(1), "late")).await;
}

async fn an_auditor_holds_no_other_role(db: TestDatabase) {
    let house = House::open(db).await;
    let eve = house.staff_with_role("eve", FirmRole::Auditor).await;
    for other in [FirmRole::Management, FirmRole::Intake] {
        let both = |person: Staff| Staff { roles: vec![FirmRole::Auditor.into(), other.into()], ..person };
        for answer in [
            house.people(ROOT).create_staff(create("x", both(employee("x")))).await.map(drop),
            house.people(ROOT).update_staff(update(both(eve.clone()))).await.map(drop),
        ] {
            assert_eq!(refusal_of(&answer), refused(Code::InvalidArgument, "CONTRADICTING_ROLES"), "{other:?}");
            assert_eq!(fields(answer), ["staff.roles"]);
        }
    }
    let moved = Staff { roles: vec![FirmRole::Intake.into()], ..eve };
    house.people(ROOT).update_staff(update(moved)).await.unwrap();
}

async fn nobody_becomes_an_auditor_whose_clients_or_engagements_there_are(db: TestDatabase) {
    let house = House::open(db).await;
    for id in ["anna", "lea", "cy"] {
        house.staff(id).await;
    }
    house.client("acme", "anna").await;
    house.client("other", "root").await;
    house.engagement("other", "audit", "lea", &["cy"]).await;
    for id in ["anna", "lea", "cy"] {
        let auditing = Staff { roles: vec![FirmRole::Auditor.into()], ..now(&house, id).await };
        let answer = house.people(ROOT).update_staff(update(auditing)).await;
        assert_eq!(refusal_of(&answer), refused(Code::InvalidArgument, "STILL_ASSIGNED"), "{id}");
        assert!(answer.as_ref().unwrap_err().message().contains("TransferAccount"), "{answer:?}");
        assert_eq!(fields(answer), ["staff.roles"]);
    }
    let transfer =
        TransferAccountRequest { name: "clients/acme".into(), account_manager: ROOT.into(), ..Default::default() };
    house.clients(ROOT).transfer_account(transfer).await.unwrap();
    let auditing = Staff { roles: vec![FirmRole::Auditor.into()], ..now(&house, "anna").await };
    house.people(ROOT).update_staff(update(auditing)).await.unwrap();
}

async fn an_auditor_is_made_nobodys_deputy(db: TestDatabase) {
    let house = House::open(db).await;
    let anna = house.staff("anna").await;
    for auditor in ["abe", "eve"] {
        house.staff_with_role(auditor, FirmRole::Auditor).await;
        let with = |person: Staff| Staff { deputy: format!("staff/{auditor}"), ..person };
        for answer in [
            house.people(ROOT).create_staff(create("x", with(employee("x")))).await.map(drop),
            house.people(ROOT).update_staff(update(with(anna.clone()))).await.map(drop),
        ] {
            assert_eq!(refusal_of(&answer), refused(Code::FailedPrecondition, "AUDITOR_ONLY_READS"), "{auditor}");
            assert_eq!(fields(answer), ["staff.deputy"]);
        }
    }
}
