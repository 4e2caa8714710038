//! SOP 2: the procedure holds for all employees, departments and contractors, each for as long as they belong to the firm.

use liaison_tests::{Firm, JO, at};
use serde_json::{Value, json};

async fn reads_bluewater(firm: &Firm, who: &str) -> Result<Value, String> {
    let answer = firm.call(who, "CaseService/ListCases", json!({ "client": "clients/bluewater" })).await;
    answer.map_err(|refused| refused.reason)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contractor_works_until_the_contract_ends_and_not_after() {
    let firm = Firm::start().await;
    firm.until("2027-03-31T17:59[Europe/London]").await;
    reads_bluewater(&firm, "staff/lena").await.unwrap();
    firm.until("2027-03-31T18:00[Europe/London]").await;
    assert_eq!(reads_bluewater(&firm, "staff/lena").await, Err("UNKNOWN_PERSON".into()));

    let transfer = json!({ "name": "clients/bluewater", "accountManager": "staff/lena" });
    let reason = firm.refused("staff/grace", "ClientService/TransferAccount", transfer).await;
    assert_eq!(reason, "STAFF_INACTIVE", "nor is anything new given to them");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contractor_is_not_taken_on_without_an_end_and_works_on_when_it_is_put_off() {
    let firm = Firm::start().await;
    let nina = json!({
        "displayName": "Nina Rossi", "email": "nina.rossi@northgate.example", "department": "Delivery",
        "kind": "STAFF_KIND_CONTRACTOR",
    });
    let request = json!({ "staffId": "nina", "staff": nina });
    assert_eq!(firm.refused("staff/grace", "StaffService/CreateStaff", request).await, "CONTRACTOR_WITHOUT_END");

    let longer = at("2027-04-30T18:00[Europe/London]");
    firm.change("Staff", "staff/lena", |lena| lena["accessExpireTime"] = json!(longer)).await;
    firm.until("2027-04-02T12:00[Europe/London]").await;
    reads_bluewater(&firm, "staff/lena").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_who_has_left_does_nothing_more_and_is_given_nothing() {
    let firm = Firm::start().await;
    let case = firm.inquiry().await;
    firm.ok("staff/carla", "CaseService/GetCase", json!({ "name": case })).await;
    firm.leave("staff/carla").await;
    firm.until("2027-03-24T08:01[Europe/London]").await;
    for (method, request) in [
        ("CaseService/GetCase", json!({ "name": case })),
        ("CaseService/ListCases", json!({})),
        ("CaseService/RaiseIssue", json!({ "name": case, "reason": "It is more than a question." })),
    ] {
        assert_eq!(firm.refused("staff/carla", method, request).await, "UNKNOWN_PERSON", "{method}");
    }
    let team = json!({
        "parent": "clients/acme", "engagementId": "audit",
        "engagement": { "displayName": "Audit", "teamLead": "staff/ben", "teamMembers": ["staff/carla"] },
    });
    assert_eq!(firm.refused("staff/anna", "EngagementService/CreateEngagement", team).await, "STAFF_INACTIVE");
    let who = firm.ok("staff/carla", "AccessService/WhoAmI", json!({})).await;
    assert_eq!(who["grants"].get("active"), None, "{who}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_who_has_left_is_nobody_whose_mail_the_firm_knows() {
    let firm = Firm::start().await;
    let known = firm.mail("carla.mendes@northgate.example", "Lunch", "At noon?").await;
    let known = firm.mail_now(&known).await;
    assert_eq!(known["triage"]["reason"], "STAFF_SENDER", "a colleague's mail opens nothing by itself: {known}");
    firm.leave("staff/carla").await;
    let unknown = firm.mail("carla.mendes@northgate.example", "My papers", "Where are they?").await;
    let unknown = firm.mail_now(&unknown).await;
    assert_eq!(
        (&unknown["state"], &unknown["triage"]["reason"]),
        (&json!("MAIL_STATE_IN_TRIAGE"), &json!("UNKNOWN_SENDER"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_carry_department_and_kind_and_the_roles_that_follow_from_their_work() {
    let firm = Firm::start().await;
    let lena = firm.ok("staff/grace", "StaffService/GetStaff", json!({ "name": "staff/lena" })).await["staff"].clone();
    assert_eq!(lena["department"], "Delivery");
    assert_eq!(lena["kind"], "STAFF_KIND_CONTRACTOR");
    assert_eq!(lena["accessExpireTime"], at("2027-03-31T18:00[Europe/London]"));
    for (who, role, client) in [
        ("staff/anna", "ACCOUNT_MANAGER", "clients/acme"),
        ("staff/ben", "TEAM_LEAD", "clients/acme"),
        ("staff/carla", "PROJECT_TEAM", "clients/acme"),
        ("clients/acme/contacts/jo", "CLIENT_CONTACT", "clients/acme"),
        ("staff/grace", "MANAGEMENT", ""),
        ("staff/ivan", "INTAKE", ""),
        ("staff/olga", "AUDITOR", ""),
    ] {
        let grants = firm.ok(who, "AccessService/WhoAmI", json!({})).await["grants"].clone();
        assert_eq!(grants["active"], true, "{who}");
        let roles = grants["roles"].as_array().unwrap();
        assert_eq!(roles.len(), 1, "{who}: {roles:?}");
        assert_eq!(roles[0]["role"], role);
        assert_eq!(roles[0].get("client").and_then(Value::as_str).unwrap_or_default(), client, "{who}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auditors_access_may_end_too() {
    let firm = Firm::start().await;
    firm.mail(JO, "A question", "When?").await;
    let end = at("2027-03-26T18:00[Europe/London]");
    firm.change("Staff", "staff/olga", |olga| olga["accessExpireTime"] = json!(end)).await;
    firm.until("2027-03-26T17:59[Europe/London]").await;
    let seen = firm.ok("staff/olga", "CaseService/ListCases", json!({})).await;
    assert_eq!(seen["cases"].as_array().map(Vec::len), Some(1));
    firm.until("2027-03-26T18:00[Europe/London]").await;
    assert_eq!(firm.refused("staff/olga", "CaseService/ListCases", json!({})).await, "UNKNOWN_PERSON");
}
