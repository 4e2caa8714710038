use std::time::Duration;

use contracts::client_registry::v1::{
    Audience, AuthorizeSendRequest, Contact, EscalationTarget, FirmRole, SendPermit, Staff, StaffKind,
    UpdateContactRequest, audience::Kind,
};
use database::query_one;
use testkit::{TestDatabase, both_databases};
use tonic::Code;

use crate::support::{House, ROOT, at, employee, fields, policy, refusal, refused, send, wire};

both_databases!(client_registry::MIGRATIONS;
    a_contact_of_the_client_is_written_to_and_the_permit_lives_30_seconds,
    what_a_person_wrote_goes_out_from_their_official_address,
    without_a_policy_nothing_is_sent,
    a_contact_of_another_client_is_not_written_to,
    a_contact_who_left_or_is_not_there_is_not_written_to,
    one_who_left_or_whose_access_ended_sends_nothing,
    one_without_an_official_address_sends_nothing,
    a_member_of_staff_is_told_and_their_deputy_while_they_are_absent,
    a_member_of_staff_who_left_is_not_told,
    the_account_manager_is_told_and_a_deputys_deputy_where_both_are_absent,
    where_the_account_manager_is_absent_without_a_deputy_management_is_told_in_their_stead,
    the_team_lead_of_the_engagement_is_told_else_of_the_first_else_the_account_manager,
    an_absent_team_leads_deputy_is_told,
    everybody_in_management_is_told_once,
    mails_of_unknown_senders_go_to_intake_and_to_management_where_there_is_none,
    each_attempt_gets_a_permit_of_its_own_and_its_audit_row_names_whose_address_left,
    only_notification_is_given_permits,
    exactly_one_audience_is_asked_for,
);

fn contact(name: &str) -> Kind {
    Kind::Contact(name.into())
}

pub fn target(target: EscalationTarget) -> Kind {
    Kind::Target(target.into())
}

pub fn recipients(permit: &SendPermit) -> Vec<(&str, &str)> {
    permit.recipients.iter().map(|party| (party.person.as_str(), party.stands_in_for.as_str())).collect()
}

/// `clients/acme` with the account manager `anna` and the contact `jo`, and a policy.
pub async fn firm(db: TestDatabase) -> House {
    let house = House::open(db).await;
    house.policy().await;
    house.staff("anna").await;
    house.client("acme", "anna").await;
    house.contact("acme", "jo").await;
    house
}

async fn a_contact_of_the_client_is_written_to_and_the_permit_lives_30_seconds(db: TestDatabase) {
    let house = firm(db).await;
    let permit = house.authorize(send("clients/acme", contact("clients/acme/contacts/jo"))).await.unwrap();
    assert_eq!(recipients(&permit), [("clients/acme/contacts/jo", "")]);
    assert_eq!(permit.recipients[0].email, "jo@acme.example");
    assert_eq!(permit.recipients[0].display_name, "Jo Client");
    assert_eq!((permit.policy_version, permit.client_display_name.as_str()), (1, "Acme Ltd"));
    let sender = permit.sender.unwrap();
    assert_eq!((sender.person.as_str(), sender.email.as_str()), ("", "service@firm.example"));
    let expiry = at("2030-01-01T00:00:30Z");
    assert_eq!(permit.expire_time, Some(wire(expiry)), "by the system clock, not the business clock");

    let sql = "SELECT notification, client, policy_version, issue_time, expire_time FROM permit WHERE id = ?";
    let db = house.db.database();
    let row = query_one(db.reader(), sql, vec![permit.permit.into()]).await.unwrap().unwrap();
    assert_eq!(row.try_get::<String>("", "notification").unwrap(), "notifications/n1");
    assert_eq!(row.try_get::<String>("", "client").unwrap(), "acme");
    assert_eq!(row.try_get::<i64>("", "policy_version").unwrap(), 1);
    assert_eq!(row.try_get::<i64>("", "issue_time").unwrap(), database::micros(house.system.now()));
    assert_eq!(row.try_get::<i64>("", "expire_time").unwrap(), database::micros(expiry));
}

fn by(author: &str) -> AuthorizeSendRequest {
    AuthorizeSendRequest {
        author: format!("staff/{author}"),
        ..send("clients/acme", contact("clients/acme/contacts/jo"))
    }
}

async fn what_a_person_wrote_goes_out_from_their_official_address(db: TestDatabase) {
    let house = firm(db).await;
    let sender = house.authorize(by("anna")).await.unwrap().sender.unwrap();
    assert_eq!((sender.person.as_str(), sender.email.as_str()), ("staff/anna", "anna@firm.example"));
    assert_eq!(sender.display_name, "Name of anna");
}

async fn without_a_policy_nothing_is_sent(db: TestDatabase) {
    let house = House::open(db).await;
    house.client("acme", "root").await;
    house.contact("acme", "jo").await;
    let answer = house.authorize(send("clients/acme", contact("clients/acme/contacts/jo"))).await;
    assert_eq!(answer.unwrap_err(), "NO_POLICY");
}

async fn a_contact_of_another_client_is_not_written_to(db: TestDatabase) {
    let house = firm(db).await;
    house.client("other", "root").await;
    house.contact("other", "kim").await;
    for client in ["clients/acme", ""] {
        let answer = house.authorize(send(client, contact("clients/other/contacts/kim"))).await;
        assert_eq!(answer.unwrap_err(), "RECIPIENT_NOT_OF_CLIENT", "{client}");
    }
    let engagement = house.engagement("other", "audit", "root", &[]).await.name;
    let request = AuthorizeSendRequest { engagement, ..send("clients/acme", target(EscalationTarget::TeamLead)) };
    assert_eq!(house.authorize(request).await.unwrap_err(), "RECIPIENT_NOT_OF_CLIENT");
    let answer = house.authorize(send("clients/none", contact("clients/none/contacts/jo"))).await;
    assert_eq!(answer.unwrap_err(), "CLIENT_UNKNOWN");
}

async fn a_contact_who_left_or_is_not_there_is_not_written_to(db: TestDatabase) {
    let house = firm(db).await;
    let kim = house.contact("acme", "kim").await;
    let request = UpdateContactRequest { contact: Some(Contact { inactive: true, ..kim }), ..Default::default() };
    house.contacts(ROOT).update_contact(request).await.unwrap();
    for id in ["kim", "nobody"] {
        let answer = house.authorize(send("clients/acme", contact(&format!("clients/acme/contacts/{id}")))).await;
        assert_eq!(answer.unwrap_err(), "RECIPIENT_INACTIVE", "{id}");
    }
}

async fn one_who_left_or_whose_access_ended_sends_nothing(db: TestDatabase) {
    let house = firm(db).await;
    let end = house.clock.now() + Duration::from_secs(60);
    let contractor =
        Staff { kind: StaffKind::Contractor.into(), access_expire_time: Some(wire(end)), ..employee("con") };
    house.staff_like("con", contractor).await;
    house.authorize(by("con")).await.unwrap();
    house.clock.set(end);
    crate::deactivate::leave(&house, "anna").await.unwrap();
    for author in ["con", "anna", "nobody"] {
        assert_eq!(house.authorize(by(author)).await.unwrap_err(), "SENDER_INACTIVE", "{author}");
    }
}

async fn one_without_an_official_address_sends_nothing(db: TestDatabase) {
    let house = House::open(db).await;
    house.staff_like("early", Staff { email: "early@mail.example".into(), ..employee("early") }).await;
    house.client("acme", "root").await;
    house.contact("acme", "jo").await;
    house.policy().await;
    assert_eq!(house.authorize(by("early")).await.unwrap_err(), "SENDER_NOT_OFFICIAL");
}

async fn a_member_of_staff_is_told_and_their_deputy_while_they_are_absent(db: TestDatabase) {
    let house = firm(db).await;
    house.staff_with_deputy("bo", "anna").await;
    let bo = || send("", Kind::Staff("staff/bo".into()));
    let permit = house.authorize(bo()).await.unwrap();
    assert_eq!((recipients(&permit), permit.client_display_name.as_str()), (vec![("staff/bo", "")], ""));
    let absence = house.away("bo").await;
    assert_eq!(recipients(&house.authorize(bo()).await.unwrap()), [("staff/anna", "staff/bo")]);
    house.clock.set(command::wire::from_proto_time(&absence.end_time.unwrap()).unwrap());
    assert_eq!(recipients(&house.authorize(bo()).await.unwrap()), [("staff/bo", "")]);
}

async fn a_member_of_staff_who_left_is_not_told(db: TestDatabase) {
    let house = firm(db).await;
    house.staff_with_deputy("bo", "anna").await;
    crate::deactivate::leave(&house, "bo").await.unwrap();
    for id in ["bo", "nobody"] {
        let answer = house.authorize(send("", Kind::Staff(format!("staff/{id}")))).await;
        assert_eq!(answer.unwrap_err(), "RECIPIENT_INACTIVE", "{id}");
    }
}

async fn the_account_manager_is_told_and_a_deputys_deputy_where_both_are_absent(db: TestDatabase) {
    let house = firm(db).await;
    house.staff("cy").await;
    house.staff_with_deputy("bo", "cy").await;
    house.staff_with_deputy("ada", "bo").await;
    house.client("beta", "ada").await;
    let manager = || send("clients/beta", target(EscalationTarget::AccountManager));
    let permit = house.authorize(manager()).await.unwrap();
    assert_eq!(recipients(&permit), [("staff/ada", "")]);
    assert_eq!(permit.recipients[0].email, "ada@firm.example");
    house.away("ada").await;
    assert_eq!(recipients(&house.authorize(manager()).await.unwrap()), [("staff/bo", "staff/ada")]);
    house.away("bo").await;
    assert_eq!(recipients(&house.authorize(manager()).await.unwrap()), [("staff/cy", "staff/ada")]);
    let nobody = house.authorize(send("", target(EscalationTarget::AccountManager))).await;
    assert_eq!(nobody.unwrap_err(), "NOBODY_TO_TELL", "of no client");
}

async fn where_the_account_manager_is_absent_without_a_deputy_management_is_told_in_their_stead(db: TestDatabase) {
    let house = firm(db).await;
    house.staff_with_role("maria", FirmRole::Management).await;
    house.away("anna").await;
    for wanted in [EscalationTarget::AccountManager, EscalationTarget::TeamLead] {
        let permit = house.authorize(send("clients/acme", target(wanted))).await.unwrap();
        assert_eq!(recipients(&permit), [("staff/maria", "staff/anna"), (ROOT, "staff/anna")]);
    }
}

async fn the_team_lead_of_the_engagement_is_told_else_of_the_first_else_the_account_manager(db: TestDatabase) {
    let house = firm(db).await;
    for id in ["lea", "lou"] {
        house.staff(id).await;
    }
    let lead = |engagement: &str| AuthorizeSendRequest {
        engagement: engagement.into(),
        ..send("clients/acme", target(EscalationTarget::TeamLead))
    };
    assert_eq!(recipients(&house.authorize(lead("")).await.unwrap()), [("staff/anna", "")]);
    house.engagement("acme", "second-by-name", "lea", &[]).await;
    house.clock.advance("1h".parse().unwrap());
    let later = house.engagement("acme", "first-by-name", "lou", &[]).await;
    assert_eq!(recipients(&house.authorize(lead("")).await.unwrap()), [("staff/lea", "")]);
    assert_eq!(recipients(&house.authorize(lead(&later.name)).await.unwrap()), [("staff/lou", "")]);
}

async fn an_absent_team_leads_deputy_is_told(db: TestDatabase) {
    let house = firm(db).await;
    house.staff_with_deputy("lea", "anna").await;
    house.engagement("acme", "audit", "lea", &[]).await;
    house.away("lea").await;
    let permit = house.authorize(send("clients/acme", target(EscalationTarget::TeamLead))).await.unwrap();
    assert_eq!(recipients(&permit), [("staff/anna", "staff/lea")]);
}

async fn everybody_in_management_is_told_once(db: TestDatabase) {
    let house = firm(db).await;
    house.staff_with_role("maria", FirmRole::Management).await;
    let away = Staff { roles: vec![FirmRole::Management.into()], deputy: ROOT.into(), ..employee("abe") };
    house.staff_like("abe", away).await;
    house.away("abe").await;
    for client in ["clients/acme", ""] {
        let permit = house.authorize(send(client, target(EscalationTarget::Management))).await.unwrap();
        let mut told = recipients(&permit);
        told.sort_unstable();
        assert_eq!(told, [("staff/maria", ""), (ROOT, "")]);
    }
}

async fn mails_of_unknown_senders_go_to_intake_and_to_management_where_there_is_none(db: TestDatabase) {
    let house = firm(db).await;
    let intake = || send("", Kind::Intake(true));
    assert_eq!(recipients(&house.authorize(intake()).await.unwrap()), [(ROOT, "")]);
    house.staff_with_role("ida", FirmRole::Intake).await;
    assert_eq!(recipients(&house.authorize(intake()).await.unwrap()), [("staff/ida", "")]);
    house.staff_with_role("ivo", FirmRole::Intake).await;
    house.away("ida").await;
    assert_eq!(recipients(&house.authorize(intake()).await.unwrap()), [("staff/ivo", "")]);
    house.away("ivo").await;
    assert_eq!(recipients(&house.authorize(intake()).await.unwrap()), [(ROOT, "")]);
}

async fn each_attempt_gets_a_permit_of_its_own_and_its_audit_row_names_whose_address_left(db: TestDatabase) {
    let house = firm(db).await;
    let first = house.authorize(by("anna")).await.unwrap();
    let second = house.authorize(by("anna")).await.unwrap();
    assert_ne!(first.permit, second.permit);
    let rows = house.audit("ConsentService/AuthorizeSend").await;
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0].actor, "services/notification");
    assert_eq!(rows[0].resources, ["notifications/n1", "clients/acme/contacts/jo", "staff/anna"]);
    let next = contracts::client_registry::v1::PublishPolicyRequest { policy: Some(policy()), ..Default::default() };
    house.policies(ROOT).publish_policy(next).await.unwrap();
    assert_eq!(house.authorize(by("anna")).await.unwrap().policy_version, 2);
}

async fn only_notification_is_given_permits(db: TestDatabase) {
    let house = firm(db).await;
    for other in [ROOT, "staff/anna", "services/escalation", "clients/acme/contacts/jo"] {
        let answer = house.consent(other).authorize_send(by("anna")).await;
        assert_eq!(refusal(answer), refused(Code::PermissionDenied, "NO_PERMISSION"), "{other}");
    }
}

async fn exactly_one_audience_is_asked_for(db: TestDatabase) {
    let house = firm(db).await;
    let ask = async |request: AuthorizeSendRequest| {
        fields(house.consent("services/notification").authorize_send(request).await)
    };
    assert_eq!(ask(AuthorizeSendRequest { audience: None, ..by("anna") }).await, ["audience"]);
    let none = AuthorizeSendRequest { audience: Some(Audience { kind: None }), ..by("anna") };
    assert!(ask(none).await[0].starts_with("audience"));
    assert_eq!(ask(send("", Kind::Intake(false))).await, ["audience.intake"]);
    assert_eq!(ask(send("", Kind::Target(0))).await, ["audience.target"]);
    let wrong = AuthorizeSendRequest { channel: 0, notification: "n".into(), ..by("anna") };
    let mut told = ask(wrong).await;
    told.sort();
    assert_eq!(told, ["channel", "notification"]);
}
