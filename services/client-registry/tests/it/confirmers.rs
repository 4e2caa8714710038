use contracts::client_registry::v1::{
    AuthorizeSendRequest, Confirmers, Contact, Policy, PublishPolicyRequest, UpdateContactRequest, audience::Kind,
};
use testkit::{TestDatabase, both_databases};

use crate::{
    consent::firm,
    support::{House, ROOT, fields, policy, send},
};

both_databases!(client_registry::MIGRATIONS;
    the_contact_who_is_asked_to_confirm_is_told_alone_where_they_may,
    where_the_contact_who_is_asked_may_not_confirm_everybody_who_may_is_told,
    where_the_contact_who_is_asked_has_left_or_is_not_there_everybody_who_may_confirm_is_told,
    where_nobody_is_asked_by_name_everybody_who_may_confirm_is_told,
    nobody_is_asked_to_confirm_at_an_address_that_a_later_policy_made_the_firms,
    where_nobody_may_confirm_there_is_nobody_to_tell,
    a_contact_of_another_client_is_not_asked_to_confirm,
);

/// Asks whom a request to confirm is for; `contact` is empty where nobody is named.
fn confirming(client: &str, contact: &str) -> AuthorizeSendRequest {
    send(client, Kind::Confirmers(Confirmers { contact: contact.into() }))
}

async fn asked(house: &House, contact: &str) -> Result<Vec<String>, String> {
    let permit = house.authorize(confirming("clients/acme", contact)).await?;
    Ok(permit.recipients.into_iter().map(|party| party.person).collect())
}

fn acme(id: &str) -> String {
    format!("clients/acme/contacts/{id}")
}

async fn change(house: &House, contact: Contact) {
    let request = UpdateContactRequest { contact: Some(contact), ..Default::default() };
    house.contacts(ROOT).update_contact(request).await.unwrap();
}

/// Of acme `jo` and `kim` confirm, `sam` does not.
async fn client(db: TestDatabase) -> House {
    let house = firm(db).await;
    house.contact("acme", "kim").await;
    let sam = house.contact("acme", "sam").await;
    change(&house, Contact { confirms: false, ..sam }).await;
    house
}

async fn the_contact_who_is_asked_to_confirm_is_told_alone_where_they_may(db: TestDatabase) {
    let house = client(db).await;
    let permit = house.authorize(confirming("clients/acme", &acme("kim"))).await.unwrap();
    assert_eq!(permit.recipients.len(), 1);
    assert_eq!(
        (permit.recipients[0].person.as_str(), permit.recipients[0].email.as_str()),
        (acme("kim").as_str(), "kim@acme.example")
    );
    assert_eq!(permit.client_display_name, "Acme Ltd");
    let rows = house.audit("ConsentService/AuthorizeSend").await;
    assert_eq!(rows[0].resources, ["notifications/n1".to_owned(), acme("kim")]);
}

async fn where_the_contact_who_is_asked_may_not_confirm_everybody_who_may_is_told(db: TestDatabase) {
    let house = client(db).await;
    assert_eq!(asked(&house, &acme("sam")).await.unwrap(), [acme("jo"), acme("kim")]);
}

async fn where_the_contact_who_is_asked_has_left_or_is_not_there_everybody_who_may_confirm_is_told(db: TestDatabase) {
    let house = client(db).await;
    let lou = house.contact("acme", "lou").await;
    change(&house, Contact { inactive: true, ..lou }).await;
    for gone in ["lou", "nobody"] {
        assert_eq!(asked(&house, &acme(gone)).await.unwrap(), [acme("jo"), acme("kim")], "{gone}");
    }
}

async fn where_nobody_is_asked_by_name_everybody_who_may_confirm_is_told(db: TestDatabase) {
    let house = client(db).await;
    house.client("other", "root").await;
    house.contact("other", "pat").await;
    assert_eq!(asked(&house, "").await.unwrap(), [acme("jo"), acme("kim")]);
}

async fn where_nobody_may_confirm_there_is_nobody_to_tell(db: TestDatabase) {
    let house = firm(db).await;
    house.client("other", "root").await;
    let pat = house.contact("other", "pat").await;
    change(&house, Contact { confirms: false, ..pat }).await;
    for contact in ["", "clients/other/contacts/pat"] {
        let answer = house.authorize(confirming("clients/other", contact)).await;
        assert_eq!(answer.unwrap_err(), "NOBODY_TO_TELL", "{contact}");
    }
    assert_eq!(house.authorize(confirming("", "")).await.unwrap_err(), "NOBODY_TO_TELL", "of no client");
}

async fn a_contact_of_another_client_is_not_asked_to_confirm(db: TestDatabase) {
    let house = client(db).await;
    house.client("other", "root").await;
    house.contact("other", "pat").await;
    for concerned in ["clients/acme", ""] {
        let answer = house.authorize(confirming(concerned, "clients/other/contacts/pat")).await;
        assert_eq!(answer.unwrap_err(), "RECIPIENT_NOT_OF_CLIENT", "{concerned}");
    }
    let wrong = house.consent("services/notification").authorize_send(confirming("clients/acme", "jo")).await;
    assert_eq!(fields(wrong), ["audience.confirmers.contact"]);
}

async fn nobody_is_asked_to_confirm_at_an_address_that_a_later_policy_made_the_firms(db: TestDatabase) {
    let house = client(db).await;
    house.client("other", "root").await;
    house.contact("other", "pat").await;
    for (domain, told) in [("acme.example", Ok(vec!["pat"])), ("other.example", Err("NOBODY_TO_TELL"))] {
        let later = Policy { official_domain: domain.into(), service_address: format!("service@{domain}"), ..policy() };
        let request = PublishPolicyRequest { policy: Some(later), ..Default::default() };
        house.policies(ROOT).publish_policy(request).await.unwrap();
        let answer = house.authorize(confirming("clients/other", "clients/other/contacts/pat")).await;
        let people = answer.map(|permit| permit.recipients.into_iter().map(|party| party.person).collect::<Vec<_>>());
        let told = told.map(|ids| ids.into_iter().map(|id| format!("clients/other/contacts/{id}")).collect::<Vec<_>>());
        assert_eq!(people, told.map_err(str::to_owned), "{domain}");
        assert_eq!(asked(&house, "").await.is_ok(), domain != "acme.example", "{domain}");
    }
}
