//! Who is told of a critical incident, and how they are reached (SOP 8.2).

use contracts::client_registry::v1::{
    AuthorizeSendRequest, Channel, Contact, CreateContactRequest, CriticalIncidents, EscalationTarget, FirmRole,
    GetIncidentPartiesRequest, GetIncidentPartiesResponse, GetStaffRequest, IncidentPartiesChanged, Party, Policy,
    PublishPolicyRequest, Staff, UpdateContactRequest, UpdateStaffRequest, audience::Kind,
};
use testkit::{TestDatabase, both_databases};
use tonic::Code;

use crate::{
    consent::{firm, target},
    support::{House, ROOT, contact, employee, fields, policy, refusal, refused, send},
};

both_databases!(client_registry::MIGRATIONS;
    numbers_are_kept_in_their_order,
    a_further_number_without_a_first_one_or_a_number_twice_is_refused,
    those_marked_are_told_of_an_incident_else_those_who_confirm_else_everybody,
    on_the_phone_a_contact_without_a_number_is_passed_over,
    of_management_those_are_called_who_are_there_then_deputies_then_the_absent,
    an_account_manager_without_a_number_is_called_in_the_person_of_a_deputy_or_of_management,
    where_nobody_has_a_number_there_is_nobody_to_call,
    the_copy_holds_everybody_and_its_audit_row_names_them,
    the_copy_holds_no_address_of_another_domain,
    only_notification_reads_whom_an_incident_is_told_to,
    whoever_keeps_a_copy_hears_of_each_change_to_it,
    a_policy_says_how_incidents_are_followed_up_and_tells_the_usual_times_where_it_said_nothing,
);

const NUMBER: &str = "+442079460001";

fn call(client: &str, audience: Kind) -> AuthorizeSendRequest {
    AuthorizeSendRequest { channel: Channel::Phone.into(), ..send(client, audience) }
}

fn management() -> Kind {
    target(EscalationTarget::Management)
}

/// Person, the absent one whom they stand in for, and how many numbers they have.
async fn told(house: &House, request: AuthorizeSendRequest) -> Result<Vec<(String, String, usize)>, String> {
    let permit = house.authorize(request).await?;
    let short = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
    let one = |party: &Party| (short(&party.person), short(&party.stands_in_for), party.phones.len());
    Ok(permit.recipients.iter().map(one).collect())
}

fn row(person: &str, stead: &str, phones: usize) -> (String, String, usize) {
    (person.into(), stead.into(), phones)
}

async fn with_phone(house: &House, id: &str, management: bool, deputy: &str) -> Staff {
    let deputy = if deputy.is_empty() { String::new() } else { format!("staff/{deputy}") };
    let roles = management.then(|| FirmRole::Management.into()).into_iter().collect();
    house.staff_like(id, Staff { phones: vec![NUMBER.into()], roles, deputy, ..employee(id) }).await
}

async fn change(house: &House, of: Contact) -> Contact {
    let request = UpdateContactRequest { contact: Some(of), ..Default::default() };
    house.contacts(ROOT).update_contact(request).await.unwrap().into_inner().contact.unwrap()
}

async fn parties(house: &House, client: &str) -> GetIncidentPartiesResponse {
    let request = GetIncidentPartiesRequest { client: client.into() };
    house.consent("services/notification").get_incident_parties(request).await.unwrap().into_inner()
}

fn people(of: &[Party]) -> Vec<&str> {
    of.iter().map(|party| party.person.rsplit('/').next().unwrap()).collect()
}

async fn numbers_are_kept_in_their_order(db: TestDatabase) {
    let house = firm(db).await;
    let jo = house.contact("acme", "kim").await;
    let numbers = ["+442079460009", "+442079460003"].map(str::to_owned).to_vec();
    let kim = change(&house, Contact { other_phones: numbers.clone(), told_of_incidents: true, ..jo }).await;
    assert_eq!((kim.phone.as_str(), &kim.other_phones, kim.told_of_incidents), ("+442079460000", &numbers, true));
    let permit = house.authorize(call("clients/acme", Kind::Contact(kim.name.clone()))).await.unwrap();
    assert_eq!(permit.recipients[0].phones, ["+442079460000", "+442079460009", "+442079460003"]);
    let mail = house.authorize(send("clients/acme", Kind::Contact(kim.name))).await.unwrap();
    assert!(mail.recipients[0].phones.is_empty(), "a mail needs no number");
    house.staff_like("bo", Staff { phones: numbers.clone(), ..employee("bo") }).await;
    let bo = house.people(ROOT).get_staff(GetStaffRequest { name: "staff/bo".into() }).await.unwrap().into_inner();
    assert_eq!(bo.staff.unwrap().phones, numbers);
}

async fn a_further_number_without_a_first_one_or_a_number_twice_is_refused(db: TestDatabase) {
    let house = firm(db).await;
    let create = async |phone: &str, others: &[&str]| {
        let wanted = Contact {
            phone: phone.into(),
            other_phones: others.iter().map(|one| (*one).to_owned()).collect(),
            ..contact("kim@acme.example")
        };
        let request = CreateContactRequest {
            parent: "clients/acme".into(),
            contact_id: "kim".into(),
            contact: Some(wanted),
            ..Default::default()
        };
        house.contacts(ROOT).create_contact(request).await
    };
    let missing = create("", &[NUMBER]).await;
    assert_eq!(refusal(missing), refused(Code::InvalidArgument, "PHONE_MISSING"));
    let twice = create(NUMBER, &["+442079460002", NUMBER]).await;
    assert_eq!(fields(twice), ["contact.other_phones[1]"]);
    assert_eq!(fields(create(NUMBER, &["0207"]).await), ["contact.other_phones[0]"]);
    let mut person = employee("bo");
    person.phones = vec![NUMBER.into(), NUMBER.into()];
    let request = contracts::client_registry::v1::CreateStaffRequest { staff: Some(person), ..Default::default() };
    assert_eq!(fields(house.people(ROOT).create_staff(request).await), ["staff.phones"]);
    create(NUMBER, &["+442079460002"]).await.unwrap();
}

async fn those_marked_are_told_of_an_incident_else_those_who_confirm_else_everybody(db: TestDatabase) {
    let house = firm(db).await;
    let asked = |channel: Channel| AuthorizeSendRequest {
        channel: channel.into(),
        ..send("clients/acme", Kind::IncidentContacts(true))
    };
    let kim = house.contact("acme", "kim").await;
    let sam = house.contact("acme", "sam").await;
    let sam = change(&house, Contact { confirms: false, ..sam }).await;
    for (channel, numbers) in [(Channel::Email, 0), (Channel::Phone, 1)] {
        let confirm = [row("jo", "", numbers), row("kim", "", numbers)];
        assert_eq!(told(&house, asked(channel)).await.unwrap(), confirm);
    }
    let sam = change(&house, Contact { told_of_incidents: true, etag: String::new(), ..sam }).await;
    assert_eq!(told(&house, asked(Channel::Phone)).await.unwrap(), [row("sam", "", 1)]);
    change(&house, Contact { told_of_incidents: false, etag: String::new(), ..sam }).await;
    for id in ["jo", "kim"] {
        let name = format!("clients/acme/contacts/{id}");
        let email = format!("{id}@acme.example");
        change(&house, Contact { name, email, confirms: false, etag: String::new(), ..kim.clone() }).await;
    }
    assert_eq!(told(&house, asked(Channel::Email)).await.unwrap().len(), 3, "a client without a mark is told");
    let of_nobody = told(&house, AuthorizeSendRequest { client: String::new(), ..asked(Channel::Email) }).await;
    assert_eq!(of_nobody.unwrap_err(), "NOBODY_TO_TELL");
}

async fn on_the_phone_a_contact_without_a_number_is_passed_over(db: TestDatabase) {
    let house = firm(db).await;
    let kim = house.contact("acme", "kim").await;
    let kim = change(&house, Contact { phone: String::new(), told_of_incidents: true, ..kim }).await;
    let by_mail = told(&house, send("clients/acme", Kind::IncidentContacts(true))).await.unwrap();
    assert_eq!(by_mail, [row("kim", "", 0)]);
    let by_phone = told(&house, call("clients/acme", Kind::IncidentContacts(true))).await.unwrap();
    assert_eq!(by_phone, [row("jo", "", 1)]);
    let alone = told(&house, call("clients/acme", Kind::Contact(kim.name))).await;
    assert_eq!(alone.unwrap_err(), "NOBODY_TO_TELL");
}

async fn of_management_those_are_called_who_are_there_then_deputies_then_the_absent(db: TestDatabase) {
    let house = firm(db).await;
    with_phone(&house, "dan", false, "").await;
    with_phone(&house, "eva", false, "").await;
    with_phone(&house, "maria", true, "dan").await;
    with_phone(&house, "nora", true, "eva").await;
    let all = [row("maria", "", 1), row("dan", "maria", 1), row("nora", "", 1), row("eva", "nora", 1)];
    assert_eq!(told(&house, call("clients/acme", management())).await.unwrap(), all, "root has no number");
    house.away("maria").await;
    let list = [row("nora", "", 1), row("eva", "nora", 1), row("dan", "maria", 1), row("maria", "", 1)];
    assert_eq!(told(&house, call("clients/acme", management())).await.unwrap(), list);
    let by_mail = told(&house, send("clients/acme", management())).await.unwrap();
    assert_eq!(by_mail, [row("nora", "", 0), row("root", "", 0)], "what is written to is management alone");
}

async fn an_account_manager_without_a_number_is_called_in_the_person_of_a_deputy_or_of_management(db: TestDatabase) {
    let house = firm(db).await;
    with_phone(&house, "maria", true, "").await;
    let manager = || call("clients/acme", target(EscalationTarget::AccountManager));
    assert_eq!(told(&house, manager()).await.unwrap(), [row("maria", "anna", 1)]);
    with_phone(&house, "dan", false, "").await;
    let anna = Staff { name: "staff/anna".into(), deputy: "staff/dan".into(), ..employee("anna") };
    let request = UpdateStaffRequest { staff: Some(anna), ..Default::default() };
    house.people(ROOT).update_staff(request).await.unwrap();
    assert_eq!(told(&house, manager()).await.unwrap(), [row("dan", "anna", 1)]);
    assert_eq!(told(&house, call("", Kind::Staff("staff/anna".into()))).await.unwrap(), [row("dan", "anna", 1)]);
}

async fn where_nobody_has_a_number_there_is_nobody_to_call(db: TestDatabase) {
    let house = firm(db).await;
    for audience in [management(), target(EscalationTarget::AccountManager), Kind::Intake(true)] {
        let answer = told(&house, call("clients/acme", audience)).await;
        assert_eq!(answer.unwrap_err(), "NOBODY_TO_TELL");
    }
}

async fn the_copy_holds_everybody_and_its_audit_row_names_them(db: TestDatabase) {
    let house = firm(db).await;
    with_phone(&house, "dan", false, "").await;
    with_phone(&house, "maria", true, "dan").await;
    let kim = house.contact("acme", "kim").await;
    change(&house, Contact { phone: String::new(), told_of_incidents: true, ..kim }).await;
    house.away("maria").await;
    let copy = parties(&house, "clients/acme").await;
    assert_eq!(people(&copy.contacts), ["kim", "jo"], "by mail kim, who has no number; by phone jo");
    assert_eq!(people(&copy.management), ["root", "dan", "maria"], "an absence ends by the clock and tells nothing");
    assert_eq!(copy.management[1].stands_in_for, "staff/maria");
    assert_eq!((copy.client_display_name.as_str(), copy.policy_version), ("Acme Ltd", 1));
    assert_eq!(copy.sender.unwrap().email, "service@firm.example");
    let named = house.audit("ConsentService/GetIncidentParties").await[0].resources.clone();
    let all =
        ["clients/acme", "clients/acme/contacts/kim", "clients/acme/contacts/jo", ROOT, "staff/dan", "staff/maria"];
    assert_eq!(named, all);
    let unknown = GetIncidentPartiesRequest { client: "clients/other".into() };
    let answer = house.consent("services/notification").get_incident_parties(unknown).await;
    assert_eq!(refusal(answer).0, Code::NotFound);
}

async fn the_copy_holds_no_address_of_another_domain(db: TestDatabase) {
    let house = House::open(db).await;
    let maria = Staff { email: "maria@mail.example".into(), ..employee("maria") };
    let roles = vec![FirmRole::Management.into()];
    house.staff_like("maria", Staff { phones: vec![NUMBER.into()], roles: roles.clone(), ..maria.clone() }).await;
    house.staff_like("nora", Staff { email: "nora@mail.example".into(), roles, ..employee("nora") }).await;
    house.client("acme", "root").await;
    let early = GetIncidentPartiesRequest { client: "clients/acme".into() };
    let answer = house.consent("services/notification").get_incident_parties(early).await;
    assert_eq!(refusal(answer), refused(Code::NotFound, "NO_POLICY"));
    house.policy().await;
    let copy = parties(&house, "clients/acme").await;
    assert_eq!(people(&copy.management), ["maria", "root"], "nora is reached in no way");
    assert_eq!((copy.management[0].email.as_str(), copy.management[0].phones.len()), ("", 1));
}

async fn only_notification_reads_whom_an_incident_is_told_to(db: TestDatabase) {
    let house = firm(db).await;
    for person in [ROOT, "staff/anna", "clients/acme/contacts/jo", "services/escalation"] {
        let request = GetIncidentPartiesRequest { client: "clients/acme".into() };
        let answer = house.consent(person).get_incident_parties(request).await;
        assert_eq!(refusal(answer).0, Code::PermissionDenied, "{person}");
    }
}

async fn whoever_keeps_a_copy_hears_of_each_change_to_it(db: TestDatabase) {
    let house = firm(db).await;
    let mut heard = 0;
    let mut last = 0;
    let mut news = async || {
        let events = house.events::<IncidentPartiesChanged>().await;
        let new: Vec<_> = events.iter().skip(heard).map(|event| event.client.clone()).collect();
        heard = events.len();
        assert!(events.windows(2).all(|pair| pair[0].revision < pair[1].revision), "each is newer than the one before");
        last = events.last().map_or(last, |event| event.revision);
        assert_eq!(parties(&house, "clients/acme").await.revision, last);
        new
    };
    assert_eq!(news().await, ["", "", "clients/acme", "clients/acme"], "root, the policy, acme, jo");
    let kim = house.contact("acme", "kim").await;
    assert_eq!(news().await, ["clients/acme"]);
    change(&house, Contact { other_phones: vec![NUMBER.into()], ..kim }).await;
    assert_eq!(news().await, ["clients/acme"]);
    with_phone(&house, "dan", false, "").await;
    assert!(news().await.is_empty(), "dan is nobody's deputy");
    let maria = with_phone(&house, "maria", true, "dan").await;
    assert_eq!(news().await, [""]);
    house.away("dan").await;
    assert_eq!(news().await, [""], "a deputy");
    house.away("anna").await;
    assert!(news().await.is_empty());
    let request = UpdateStaffRequest { staff: Some(Staff { roles: vec![], ..maria }), ..Default::default() };
    house.people(ROOT).update_staff(request).await.unwrap();
    assert_eq!(news().await, [""], "who was in management");
    let leave =
        contracts::client_registry::v1::DeactivateStaffRequest { name: "staff/dan".into(), ..Default::default() };
    house.people(ROOT).deactivate_staff(leave).await.unwrap();
    assert_eq!(news().await, [""]);
    house.policy().await;
    assert_eq!(news().await, [""]);
}

async fn a_policy_says_how_incidents_are_followed_up_and_tells_the_usual_times_where_it_said_nothing(db: TestDatabase) {
    let house = House::open(db).await;
    let span = |seconds| Some(prost_types::Duration { seconds, nanos: 0 });
    let publish = async |critical_incidents| {
        let request =
            PublishPolicyRequest { policy: Some(Policy { critical_incidents, ..policy() }), ..Default::default() };
        house.policies(ROOT).publish_policy(request).await
    };
    let of = |cadence, report| Some(CriticalIncidents { update_cadence: cadence, report_within: report });
    for (given, told) in [
        (None, of(span(3600), span(86_400))),
        (of(span(900), None), of(span(900), span(86_400))),
        (of(span(7200), span(3600)), of(span(7200), span(3600))),
    ] {
        let published = publish(given).await.unwrap().into_inner().policy.unwrap();
        assert_eq!(published.critical_incidents, told);
        let request = contracts::client_registry::v1::GetPolicyRequest { name: published.name };
        let read = house.policies(ROOT).get_policy(request).await.unwrap().into_inner().policy.unwrap();
        assert_eq!(read.critical_incidents, told);
    }
    let refused = publish(of(span(60), None)).await;
    assert_eq!(fields(refused), ["policy.critical_incidents.update_cadence"]);
    let refused = publish(of(None, span(60))).await;
    assert_eq!(fields(refused), ["policy.critical_incidents.report_within"]);
}
