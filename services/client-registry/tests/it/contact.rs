use contracts::client_registry::v1::{
    Contact, CreateContactRequest, CreateStaffRequest, GetContactRequest, IdentifySenderRequest,
    IdentifySenderResponse, ListContactsRequest, ListStaffRequest, Staff, StaffKind, UpdateContactRequest,
    UpdateStaffRequest,
};
use testkit::{TestDatabase, both_databases};
use tonic::Code;

use crate::support::{AuditRow, House, ROOT, contact, employee, fields, refusal, refusal_of, refused, wire};

both_databases!(client_registry::MIGRATIONS;
    a_contact_is_kept_and_read_with_an_audit_row,
    an_address_is_one_active_persons_however_it_is_written,
    an_address_of_the_firm_is_no_contacts_once_a_policy_names_its_domain,
    one_whose_address_a_later_policy_makes_the_firms_stays_until_it_is_changed,
    an_address_is_free_again_once_its_person_has_left,
    a_sender_is_known_by_the_address_in_any_case,
    a_contractor_whose_access_ended_is_no_sender_the_firm_knows,
    only_services_that_receive_messages_identify_senders,
    a_contact_of_another_client_is_not_there,
    a_stale_etag_a_taken_id_and_a_reused_request_id_are_refused,
    contacts_are_listed_in_pages_with_one_audit_row_that_names_them_all,
    what_is_no_address_or_no_phone_number_is_refused_by_field,
    a_name_holds_a_letter_or_a_digit_and_is_one_line,
);

fn create(client: &str, id: &str, contact: Contact) -> CreateContactRequest {
    CreateContactRequest {
        parent: format!("clients/{client}"),
        contact_id: id.into(),
        contact: Some(contact),
        ..Default::default()
    }
}

fn update(contact: Contact) -> UpdateContactRequest {
    UpdateContactRequest { contact: Some(contact), ..Default::default() }
}

async fn who_is(house: &House, email: &str) -> IdentifySenderResponse {
    let request = IdentifySenderRequest { email: email.into() };
    house.contacts("services/notification").identify_sender(request).await.unwrap().into_inner()
}

async fn a_contact_is_kept_and_read_with_an_audit_row(db: TestDatabase) {
    let house = House::open(db).await;
    house.client("acme", "root").await;
    let jo = house.contact("acme", "jo").await;
    assert_eq!((jo.name.as_str(), jo.email.as_str()), ("clients/acme/contacts/jo", "jo@acme.example"));
    assert_eq!((jo.phone.as_str(), jo.confirms, jo.inactive), ("+442079460000", true, false));
    let get = GetContactRequest { name: jo.name.clone() };
    assert_eq!(house.contacts(ROOT).get_contact(get).await.unwrap().into_inner().contact.unwrap(), jo);
    assert_eq!(house.audit("ContactService/GetContact").await[0].resources, ["clients/acme/contacts/jo"]);
    let wanted = Contact { phone: String::new(), confirms: false, display_name: "Jo C.".into(), ..jo };
    let changed = house.contacts(ROOT).update_contact(update(wanted)).await.unwrap().into_inner().contact.unwrap();
    assert_eq!((changed.phone.as_str(), changed.confirms, changed.revision), ("", false, 2));
    assert_eq!(refusal(house.contacts(ROOT).update_contact(update(contact("x@y.example"))).await).1, "BAD_NAME");
    let missing = GetContactRequest { name: "clients/acme/contacts/none".into() };
    assert_eq!(refusal(house.contacts(ROOT).get_contact(missing).await), refused(Code::NotFound, "NOT_FOUND"));
}

async fn an_address_is_one_active_persons_however_it_is_written(db: TestDatabase) {
    let house = House::open(db).await;
    house.client("acme", "root").await;
    house.client("other", "root").await;
    house.contact("acme", "jo").await;
    let taken = refused(Code::AlreadyExists, "ADDRESS_TAKEN");
    let same = create("other", "jo", contact("JO@Acme.Example"));
    assert_eq!(refusal(house.contacts(ROOT).create_contact(same).await), taken);
    let firms = create("other", "root", contact("Root@firm.example"));
    assert_eq!(refusal(house.contacts(ROOT).create_contact(firms).await), taken);
    let staff = Staff { email: "jo@acme.example".into(), ..employee("jo") };
    let request = CreateStaffRequest { staff_id: "jo".into(), staff: Some(staff), ..Default::default() };
    assert_eq!(refusal(house.people(ROOT).create_staff(request).await), taken);
    let kim = house.contact("acme", "kim").await;
    let answer = house.contacts(ROOT).update_contact(update(Contact { email: "jo@acme.example".into(), ..kim })).await;
    assert_eq!(refusal(answer), taken);
    assert_eq!(who_is(&house, "jo@acme.example").await.contact, "clients/acme/contacts/jo", "a refusal takes nothing");
    assert_eq!(who_is(&house, "kim@acme.example").await.contact, "clients/acme/contacts/kim");
    let people = house.people(ROOT).list_staff(ListStaffRequest::default()).await.unwrap().into_inner().staff;
    let root = Staff { email: "kim@acme.example".into(), ..people[0].clone() };
    let request = UpdateStaffRequest { staff: Some(root), ..Default::default() };
    assert_eq!(refusal(house.people(ROOT).update_staff(request).await), taken);
}

async fn an_address_is_free_again_once_its_person_has_left(db: TestDatabase) {
    let house = House::open(db).await;
    house.client("acme", "root").await;
    let jo = house.contact("acme", "jo").await;
    let left = Contact { inactive: true, ..jo };
    let left = house.contacts(ROOT).update_contact(update(left)).await.unwrap().into_inner().contact.unwrap();
    assert_eq!(who_is(&house, "jo@acme.example").await, IdentifySenderResponse::default());
    let heir = create("acme", "kim", contact("jo@acme.example"));
    house.contacts(ROOT).create_contact(heir).await.unwrap();
    let back = house.contacts(ROOT).update_contact(update(Contact { inactive: false, ..left.clone() })).await;
    assert_eq!(refusal(back), refused(Code::AlreadyExists, "ADDRESS_TAKEN"));
    let elsewhere = Contact { inactive: false, email: "jo2@acme.example".into(), ..left };
    house.contacts(ROOT).update_contact(update(elsewhere)).await.unwrap();
    assert_eq!(who_is(&house, "jo2@acme.example").await.contact, "clients/acme/contacts/jo");
}

async fn a_sender_is_known_by_the_address_in_any_case(db: TestDatabase) {
    let house = House::open(db).await;
    house.client("acme", "root").await;
    house.contact("acme", "jo").await;
    house.staff("anna").await;
    for spelling in ["jo@acme.example", " JO@ACME.EXAMPLE ", "Jo@Acme.example"] {
        let known = who_is(&house, spelling).await;
        assert_eq!((known.contact.as_str(), known.staff.as_str()), ("clients/acme/contacts/jo", ""), "{spelling}");
    }
    let known = who_is(&house, "Anna@firm.example").await;
    assert_eq!((known.contact.as_str(), known.staff.as_str()), ("", "staff/anna"));
    for stranger in ["nobody@acme.example", "no address", "jo@acme.example.org", "' OR 1=1 --"] {
        assert_eq!(who_is(&house, stranger).await, IdentifySenderResponse::default(), "{stranger}");
    }
    crate::deactivate::leave(&house, "anna").await.unwrap();
    assert_eq!(who_is(&house, "anna@firm.example").await, IdentifySenderResponse::default());
}

async fn a_contractor_whose_access_ended_is_no_sender_the_firm_knows(db: TestDatabase) {
    let house = House::open(db).await;
    let end = house.clock.now() + std::time::Duration::from_secs(60);
    let contractor =
        Staff { kind: StaffKind::Contractor.into(), access_expire_time: Some(wire(end)), ..employee("con") };
    house.staff_like("con", contractor).await;
    assert_eq!(who_is(&house, "con@firm.example").await.staff, "staff/con");
    house.clock.set(end);
    assert_eq!(who_is(&house, "con@firm.example").await.staff, "");
}

async fn only_services_that_receive_messages_identify_senders(db: TestDatabase) {
    let house = House::open(db).await;
    for who in [ROOT, "services/escalation", "services/intake"] {
        let request = IdentifySenderRequest { email: "root@firm.example".into() };
        let answer = house.contacts(who).identify_sender(request).await;
        assert_eq!(refusal(answer), refused(Code::PermissionDenied, "NO_PERMISSION"), "{who}");
    }
}

async fn a_contact_of_another_client_is_not_there(db: TestDatabase) {
    let house = House::open(db).await;
    house.staff("anna").await;
    house.client("acme", "anna").await;
    house.client("other", "root").await;
    let foreign = house.contact("other", "jo").await;
    let anna = || house.contacts("staff/anna");
    let hidden = refused(Code::NotFound, "NOT_FOUND");
    assert_eq!(refusal(anna().get_contact(GetContactRequest { name: foreign.name.clone() }).await), hidden);
    assert_eq!(refusal(anna().update_contact(update(foreign)).await), hidden);
    let list = ListContactsRequest { parent: "clients/other".into(), ..Default::default() };
    assert_eq!(refusal(anna().list_contacts(list).await), hidden);
    let wanted = create("other", "kim", contact("kim@other.example"));
    assert_eq!(refusal(anna().create_contact(wanted).await), hidden);
    anna().create_contact(create("acme", "kim", contact("kim@acme.example"))).await.unwrap();
    let refused_read =
        AuditRow { actor: "staff/anna".into(), resources: vec![], outcome: 3, reason: "NOT_FOUND".into() };
    let audit = house.audit("ContactService/GetContact").await;
    assert_eq!(audit, [refused_read], "the refusal is audited once, and names nothing that was not read");
}

async fn a_stale_etag_a_taken_id_and_a_reused_request_id_are_refused(db: TestDatabase) {
    let house = House::open(db).await;
    house.client("acme", "root").await;
    let jo = house.contact("acme", "jo").await;
    house.contacts(ROOT).update_contact(update(jo.clone())).await.unwrap();
    assert_eq!(refusal(house.contacts(ROOT).update_contact(update(jo)).await), refused(Code::Aborted, "STALE_ETAG"));
    let taken = create("acme", "jo", contact("jo3@acme.example"));
    let answer = house.contacts(ROOT).create_contact(taken).await;
    assert_eq!(refusal(answer), refused(Code::AlreadyExists, "ALREADY_EXISTS"));
    let once = |email: &str| CreateContactRequest { request_id: "r-1".into(), ..create("acme", "", contact(email)) };
    let first = house.contacts(ROOT).create_contact(once("a@acme.example")).await.unwrap().into_inner();
    assert_eq!(house.contacts(ROOT).create_contact(once("a@acme.example")).await.unwrap().into_inner(), first);
    let answer = house.contacts(ROOT).create_contact(once("b@acme.example")).await;
    assert_eq!(refusal(answer), refused(Code::InvalidArgument, "REQUEST_ID_REUSED"));
}

async fn contacts_are_listed_in_pages_with_one_audit_row_that_names_them_all(db: TestDatabase) {
    let house = House::open(db).await;
    house.client("acme", "root").await;
    for id in ["c", "a", "b"] {
        house.contact("acme", id).await;
    }
    let list = |page_token| ListContactsRequest { parent: "clients/acme".into(), page_size: 2, page_token };
    let first = house.contacts(ROOT).list_contacts(list(String::new())).await.unwrap().into_inner();
    let second = house.contacts(ROOT).list_contacts(list(first.next_page_token)).await.unwrap().into_inner();
    assert_eq!((first.contacts.len(), second.contacts.len(), second.next_page_token.as_str()), (2, 1, ""));
    let rows = house.audit("ContactService/ListContacts").await;
    assert_eq!(rows[0].resources, ["clients/acme/contacts/a", "clients/acme/contacts/b"]);
    assert_eq!(rows[1].resources, ["clients/acme/contacts/c"]);
}

async fn what_is_no_address_or_no_phone_number_is_refused_by_field(db: TestDatabase) {
    let house = House::open(db).await;
    house.client("acme", "root").await;
    let wrong = Contact { email: "not an address".into(), phone: "020 7946".into(), ..contact("") };
    let mut told = fields(house.contacts(ROOT).create_contact(create("acme", "jo", wrong)).await);
    told.sort();
    assert_eq!(told, ["contact.email", "contact.phone"]);
    let request = IdentifySenderRequest::default();
    assert_eq!(fields(house.contacts("services/notification").identify_sender(request).await), ["email"]);
}

async fn an_address_of_the_firm_is_no_contacts_once_a_policy_names_its_domain(db: TestDatabase) {
    let house = House::open(db).await;
    house.client("acme", "root").await;
    house.policy().await;
    let jo = house.contact("acme", "jo").await;
    // Also the service address, and that of somebody of the firm, of whom nothing is told.
    for address in ["spare@firm.example", "Spare@FIRM.Example", "service@firm.example", "root@firm.example"] {
        for confirms in [true, false] {
            let of_firm = |contact: Contact| Contact { email: address.into(), confirms, ..contact };
            let wanted = create("acme", "spare", of_firm(contact("x@acme.example")));
            for answer in [
                house.contacts(ROOT).create_contact(wanted).await.map(drop),
                house.contacts(ROOT).update_contact(update(of_firm(jo.clone()))).await.map(drop),
            ] {
                assert_eq!(refusal_of(&answer), refused(Code::InvalidArgument, "FIRM_ADDRESS"), "{address}");
                assert_eq!(fields(answer), ["contact.email"], "{address}");
            }
        }
    }
    house.contacts(ROOT).create_contact(create("acme", "sub", contact("x@firm.example.org"))).await.unwrap();
    assert_eq!(who_is(&house, "jo@acme.example").await.contact, jo.name);
}

async fn one_whose_address_a_later_policy_makes_the_firms_stays_until_it_is_changed(db: TestDatabase) {
    let house = House::open(db).await;
    house.client("acme", "root").await;
    let early = create("acme", "early", contact("early@firm.example"));
    let early = house.contacts(ROOT).create_contact(early).await.unwrap().into_inner().contact.unwrap();
    house.policy().await;
    assert_eq!(who_is(&house, "early@firm.example").await.contact, early.name);
    let renamed = Contact { display_name: "Early Bird".into(), ..early.clone() };
    let answer = house.contacts(ROOT).update_contact(update(renamed)).await;
    assert_eq!(refusal(answer), refused(Code::InvalidArgument, "FIRM_ADDRESS"));
    let gone = Contact { inactive: true, ..early };
    let gone = house.contacts(ROOT).update_contact(update(gone)).await.unwrap().into_inner().contact.unwrap();
    let back = house.contacts(ROOT).update_contact(update(Contact { inactive: false, ..gone })).await;
    assert_eq!(refusal(back), refused(Code::InvalidArgument, "FIRM_ADDRESS"));
}

async fn a_name_holds_a_letter_or_a_digit_and_is_one_line(db: TestDatabase) {
    let house = House::open(db).await;
    house.client("acme", "root").await;
    let jo = house.contact("acme", "jo").await;
    for name in ["   ", "\u{2060}", "Jo\nClient"] {
        let named = |contact: Contact| Contact { display_name: name.into(), ..contact };
        let made = create("acme", "x", named(contact("x@acme.example")));
        assert_eq!(fields(house.contacts(ROOT).create_contact(made).await), ["contact.display_name"], "{name:?}");
        let changed = house.contacts(ROOT).update_contact(update(named(jo.clone()))).await;
        assert_eq!(fields(changed), ["contact.display_name"], "{name:?}");
    }
}
