use access::{Decisions, Principal};
use contracts::client_registry::v1::{EscalationTarget, FirmRole, Staff, UpdateStaffRequest, audience::Kind};
use testkit::{TestDatabase, both_databases};

use crate::{
    consent::{firm, recipients, target},
    support::{House, ROOT, employee, policy, send},
};

both_databases!(client_registry::MIGRATIONS;
    where_all_of_management_are_absent_all_of_them_are_told,
    where_an_account_manager_and_all_of_management_are_absent_they_are_all_told,
    where_intake_and_management_are_absent_a_mail_in_triage_is_told_to_all_of_them,
    one_who_is_absent_and_has_no_deputy_is_told_all_the_same,
    a_deputy_is_told_nothing_that_is_managements_or_intakes,
    whoever_is_told_may_act_on_it,
    one_in_management_with_a_private_address_is_told_nothing_and_the_others_are,
    an_account_manager_with_a_private_address_is_told_nothing_and_management_is_in_their_stead,
    an_absent_one_with_an_official_address_is_told_before_nobody_is,
    where_nobody_has_an_official_address_the_refusal_says_so,
    after_a_change_of_the_domain_whoever_has_followed_it_is_told,
);

fn management() -> Kind {
    target(EscalationTarget::Management)
}

fn intake() -> Kind {
    Kind::Intake(true)
}

fn manager() -> Kind {
    target(EscalationTarget::AccountManager)
}

async fn told(house: &House, client: &str, audience: Kind) -> Vec<(String, String)> {
    let permit = house.authorize(send(client, audience)).await.unwrap();
    recipients(&permit).into_iter().map(|(person, stead)| (person.to_owned(), stead.to_owned())).collect()
}

fn own(people: &[&str]) -> Vec<(String, String)> {
    people.iter().map(|person| ((*person).to_owned(), String::new())).collect()
}

fn in_stead(people: &[&str], absent: &str) -> Vec<(String, String)> {
    people.iter().map(|person| ((*person).to_owned(), absent.to_owned())).collect()
}

async fn where_all_of_management_are_absent_all_of_them_are_told(db: TestDatabase) {
    let house = firm(db).await;
    house.staff_with_role("maria", FirmRole::Management).await;
    house.away("root").await;
    assert_eq!(told(&house, "clients/acme", management()).await, own(&["staff/maria"]));
    house.away("maria").await;
    for client in ["clients/acme", ""] {
        assert_eq!(told(&house, client, management()).await, own(&["staff/maria", ROOT]));
    }
}

async fn where_an_account_manager_and_all_of_management_are_absent_they_are_all_told(db: TestDatabase) {
    let house = firm(db).await;
    house.staff_with_role("maria", FirmRole::Management).await;
    for id in ["root", "maria", "anna"] {
        house.away(id).await;
    }
    let expected = [own(&["staff/anna"]), in_stead(&["staff/maria", ROOT], "staff/anna")].concat();
    for wanted in [EscalationTarget::AccountManager, EscalationTarget::TeamLead] {
        assert_eq!(told(&house, "clients/acme", target(wanted)).await, expected, "{wanted:?}");
    }
    house.client("own", "maria").await;
    let maria = [own(&["staff/maria"]), in_stead(&[ROOT], "staff/maria")].concat();
    assert_eq!(told(&house, "clients/own", manager()).await, maria, "once, and in her own right");
}

async fn where_intake_and_management_are_absent_a_mail_in_triage_is_told_to_all_of_them(db: TestDatabase) {
    let house = firm(db).await;
    house.away("root").await;
    assert_eq!(told(&house, "", intake()).await, own(&[ROOT]), "nobody is named for intake");
    house.staff_with_role("ida", FirmRole::Intake).await;
    house.away("ida").await;
    assert_eq!(told(&house, "", intake()).await, own(&["staff/ida", ROOT]));
}

async fn one_who_is_absent_and_has_no_deputy_is_told_all_the_same(db: TestDatabase) {
    let house = firm(db).await;
    house.away("anna").await;
    assert_eq!(told(&house, "", Kind::Staff("staff/anna".into())).await, own(&["staff/anna"]));
}

async fn a_deputy_is_told_nothing_that_is_managements_or_intakes(db: TestDatabase) {
    let house = firm(db).await;
    for (id, role) in [("maria", FirmRole::Management), ("ida", FirmRole::Intake)] {
        house.staff_like(id, Staff { roles: vec![role.into()], deputy: "staff/anna".into(), ..employee(id) }).await;
        house.away(id).await;
    }
    assert_eq!(told(&house, "clients/acme", management()).await, own(&[ROOT]));
    assert_eq!(told(&house, "", intake()).await, own(&[ROOT]));
    house.away("root").await;
    assert_eq!(told(&house, "clients/acme", management()).await, own(&["staff/maria", ROOT]));
    assert_eq!(told(&house, "", intake()).await, own(&["staff/ida", "staff/maria", ROOT]));
    // One who holds the role is told as one who holds it.
    house.staff_with_role("ivo", FirmRole::Intake).await;
    assert_eq!(told(&house, "", intake()).await, own(&["staff/ivo"]));
}

async fn whoever_is_told_may_act_on_it(db: TestDatabase) {
    let house = firm(db).await;
    for id in ["bo", "lea"] {
        house.staff_with_deputy(id, "anna").await;
    }
    house.client("beta", "bo").await;
    house.engagement("beta", "audit", "lea", &[]).await;
    for (id, role) in [("maria", FirmRole::Management), ("ida", FirmRole::Intake)] {
        house.staff_like(id, Staff { roles: vec![role.into()], deputy: "staff/anna".into(), ..employee(id) }).await;
    }
    for away in ["", "bo", "lea", "maria", "ida", "anna", "root"] {
        if !away.is_empty() {
            house.away(away).await;
        }
        for (audience, permission) in [
            (management(), "cases.work"),
            (manager(), "cases.work"),
            (target(EscalationTarget::TeamLead), "cases.work"),
            (intake(), "mails.triage"),
        ] {
            for (person, _) in told(&house, "clients/beta", audience.clone()).await {
                let principal = Principal::parse(&person).unwrap();
                let grants = house.app.uncached_decisions().grants(&principal).await.unwrap();
                let may = grants.holds_everywhere(permission) || grants.holds_on(permission, "clients/beta");
                assert!(may, "{person} is told as {audience:?}, and may not {permission}, after {away:?} went");
            }
        }
    }
}

/// A firm without a policy, in which these people have addresses elsewhere.
async fn early(db: TestDatabase, people: &[(&str, Option<FirmRole>)]) -> House {
    let house = House::open(db).await;
    for (id, role) in people {
        let roles = role.iter().map(|role| (*role).into()).collect();
        house.staff_like(id, Staff { email: format!("{id}@mail.example"), roles, ..employee(id) }).await;
    }
    house
}

async fn one_in_management_with_a_private_address_is_told_nothing_and_the_others_are(db: TestDatabase) {
    let house = early(db, &[("maria", Some(FirmRole::Management))]).await;
    house.policy().await;
    assert_eq!(told(&house, "", management()).await, own(&[ROOT]));
    assert_eq!(told(&house, "", intake()).await, own(&[ROOT]));
}

async fn an_account_manager_with_a_private_address_is_told_nothing_and_management_is_in_their_stead(db: TestDatabase) {
    let house = early(db, &[("anna", None)]).await;
    house.client("acme", "anna").await;
    house.policy().await;
    assert_eq!(told(&house, "clients/acme", manager()).await, in_stead(&[ROOT], "staff/anna"));
    let answer = house.authorize(send("", Kind::Staff("staff/anna".into()))).await;
    assert_eq!(answer.unwrap_err(), "RECIPIENT_NOT_OFFICIAL");
}

async fn an_absent_one_with_an_official_address_is_told_before_nobody_is(db: TestDatabase) {
    let house = early(db, &[("maria", Some(FirmRole::Management))]).await;
    house.policy().await;
    house.away("root").await;
    assert_eq!(told(&house, "", management()).await, own(&[ROOT]));
}

async fn where_nobody_has_an_official_address_the_refusal_says_so(db: TestDatabase) {
    let house = firm(db).await;
    elsewhere(&house).await;
    for audience in [management(), manager(), intake()] {
        let answer = house.authorize(send("clients/acme", audience)).await;
        assert_eq!(answer.unwrap_err(), "RECIPIENT_NOT_OFFICIAL");
    }
}

async fn after_a_change_of_the_domain_whoever_has_followed_it_is_told(db: TestDatabase) {
    let house = firm(db).await;
    elsewhere(&house).await;
    let request = contracts::client_registry::v1::GetStaffRequest { name: ROOT.into() };
    let root = house.people(ROOT).get_staff(request).await.unwrap().into_inner().staff.unwrap();
    let moved = Staff { email: "root@advice.example".into(), ..root };
    let request = UpdateStaffRequest { staff: Some(moved), ..Default::default() };
    house.people(ROOT).update_staff(request).await.unwrap();
    assert_eq!(told(&house, "clients/acme", management()).await, own(&[ROOT]));
    assert_eq!(told(&house, "clients/acme", manager()).await, in_stead(&[ROOT], "staff/anna"));
}

/// The firm moves to another domain, and nobody's address has followed.
async fn elsewhere(house: &House) {
    let next = contracts::client_registry::v1::Policy {
        official_domain: "advice.example".into(),
        service_address: "service@advice.example".into(),
        ..policy()
    };
    let request = contracts::client_registry::v1::PublishPolicyRequest { policy: Some(next), ..Default::default() };
    house.policies(ROOT).publish_policy(request).await.unwrap();
}
