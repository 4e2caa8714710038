//! SOP 9: who is what for a client, and what follows from it.

use liaison_tests::{Firm, JO, KIM, at};
use serde_json::{Value, json};

async fn client(firm: &Firm, name: &str) -> Value {
    firm.ok("staff/grace", "ClientService/GetClient", json!({ "name": name })).await["client"].clone()
}

async fn transfer(firm: &Firm, name: &str, to: &str) {
    let request = json!({ "name": name, "accountManager": to });
    firm.ok("staff/grace", "ClientService/TransferAccount", request).await;
    // A decision of who may what lives 30 seconds.
    let soon = firm.suite().now() + std::time::Duration::from_secs(31);
    firm.stage().advance(soon).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_has_exactly_one_account_manager_and_only_a_transfer_replaces_one() {
    let firm = Firm::start().await;
    let mut acme = client(&firm, "clients/acme").await;
    assert_eq!(acme["accountManager"], "staff/anna");
    acme["accountManager"] = json!("staff/frank");
    let update = json!({ "client": acme });
    assert_eq!(firm.refused("staff/grace", "ClientService/UpdateClient", update).await, "USE_TRANSFER_ACCOUNT");
    let nobodys = json!({ "displayName": "Nobody's", "calendar": "calendars/northgate" });
    let refused =
        firm.call("staff/grace", "ClientService/CreateClient", json!({ "client": nobodys })).await.unwrap_err();
    assert_eq!((refused.code.as_str(), refused.fields[0].0.as_str()), ("INVALID_ARGUMENT", "client.account_manager"));
    let unknown = json!({ "name": "clients/acme", "accountManager": "staff/nobody" });
    assert_eq!(firm.refused("staff/grace", "ClientService/TransferAccount", unknown).await, "STAFF_NOT_FOUND");
    let own = json!({ "name": "clients/acme", "accountManager": "staff/frank" });
    assert_eq!(
        firm.refused("staff/anna", "ClientService/TransferAccount", own).await,
        "NO_PERMISSION",
        "management's to do"
    );
    assert_eq!(client(&firm, "clients/acme").await["accountManager"], "staff/anna");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_transfer_the_access_moves_and_so_do_the_things_to_be_told() {
    let firm = Firm::start().await;
    firm.until("2027-03-24T10:00[Europe/London]").await;
    let case = firm.inquiry().await;
    transfer(&firm, "clients/acme", "staff/frank").await;
    assert_eq!(client(&firm, "clients/acme").await["accountManager"], "staff/frank");
    firm.ok("staff/frank", "CaseService/GetCase", json!({ "name": case })).await;
    let reason = firm.refused("staff/anna", "CaseService/GetCase", json!({ "name": case })).await;
    assert_eq!(reason, "NO_PERMISSION", "she has no client now");
    firm.until("2027-03-25T10:00[Europe/London]").await;
    assert_eq!(firm.told(&case, "CLOCK_BREACH").await, ["staff/frank"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn when_an_account_manager_leaves_the_clients_go_to_the_deputy_in_the_same_step() {
    let firm = Firm::start().await;
    firm.until("2027-03-24T10:00[America/New_York]").await;
    let case = firm.inquiry_from(KIM).await;
    let moved = firm.leave("staff/frank").await;
    assert_eq!(moved, json!(["clients/bluewater", "clients/hikari"]));
    for name in ["clients/bluewater", "clients/hikari"] {
        assert_eq!(client(&firm, name).await["accountManager"], "staff/anna");
    }
    assert_eq!(client(&firm, "clients/acme").await["accountManager"], "staff/anna");
    firm.ok("staff/anna", "CaseService/GetCase", json!({ "name": case })).await;
    firm.until("2027-03-25T10:00[America/New_York]").await;
    assert_eq!(firm.told(&case, "CLOCK_BREACH").await, ["staff/anna"]);
    assert_eq!(firm.refused("staff/frank", "CaseService/ListCases", json!({})).await, "UNKNOWN_PERSON");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_there_is_no_deputy_what_was_theirs_goes_to_management() {
    let firm = Firm::start().await;
    transfer(&firm, "clients/hikari", "staff/dora").await;
    let lead = |engagement: &mut Value| engagement["teamLead"] = json!("staff/dora");
    firm.change("Engagement", "clients/acme/engagements/migration", lead).await;
    assert_eq!(firm.leave("staff/dora").await, json!(["clients/hikari"]));
    assert_eq!(client(&firm, "clients/hikari").await["accountManager"], "staff/grace");
    let migration = json!({ "name": "clients/acme/engagements/migration" });
    let engagement = firm.ok("staff/anna", "EngagementService/GetEngagement", migration).await;
    assert_eq!(engagement["engagement"]["teamLead"], "staff/grace");

    let last = firm.refused("staff/grace", "StaffService/DeactivateStaff", json!({ "name": "staff/grace" })).await;
    assert_eq!(last, "NOBODY_TAKES_OVER", "and somebody is always left in management");
    let mut grace =
        firm.ok("staff/grace", "StaffService/GetStaff", json!({ "name": "staff/grace" })).await["staff"].clone();
    grace["roles"] = json!([]);
    let reason = firm.refused("staff/grace", "StaffService/UpdateStaff", json!({ "staff": grace })).await;
    assert_eq!(reason, "LAST_IN_MANAGEMENT");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deputy_acts_for_somebody_while_they_are_away_and_not_before_or_after() {
    let firm = Firm::start().await;
    let case = firm.inquiry().await;
    firm.reply("staff/anna", &case).await;
    let read =
        async || firm.call("staff/dora", "CaseService/GetCase", json!({ "name": case })).await.map_err(|no| no.reason);
    // Ben is away from 18:00 on the 30th to nine on the 12th.
    for (time, may) in [
        ("2027-03-30T17:59[Europe/London]", false),
        ("2027-03-30T18:00[Europe/London]", true),
        ("2027-04-12T08:59[Europe/London]", true),
        ("2027-04-12T09:00[Europe/London]", false),
    ] {
        firm.until(time).await;
        let answer = read().await;
        assert_eq!(answer.is_ok(), may, "at {time}: {answer:?}");
        if !may {
            assert_eq!(answer, Err("NO_PERMISSION".into()));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_project_team_works_on_its_client_and_decides_nothing_for_it() {
    let firm = Firm::start().await;
    let issue = firm.issue().await;
    for (method, request) in [
        ("CaseService/GetCase", json!({ "name": issue })),
        ("CaseService/AcknowledgeCase", json!({ "name": issue })),
        ("CaseService/EscalateCase", json!({ "name": issue, "reason": "I need help." })),
        ("CaseService/ProposeResolution", json!({ "name": issue, "text": "It is repaired." })),
        ("ContactService/ListContacts", json!({ "parent": "clients/acme" })),
    ] {
        firm.ok("staff/carla", method, request).await;
    }
    let acme = client(&firm, "clients/acme").await;
    let contact = json!({ "displayName": "New", "email": "new@acme.example" });
    let engagement = json!({ "displayName": "New", "teamLead": "staff/carla" });
    for (method, request) in [
        ("ClientService/UpdateClient", json!({ "client": acme })),
        ("ContactService/CreateContact", json!({ "parent": "clients/acme", "contact": contact })),
        ("EngagementService/CreateEngagement", json!({ "parent": "clients/acme", "engagement": engagement })),
        ("ClientService/TransferAccount", json!({ "name": "clients/acme", "accountManager": "staff/carla" })),
        ("StaffService/ListStaff", json!({})),
        ("PolicyService/PublishPolicy", json!({ "policy": {} })),
    ] {
        let refused = firm.call("staff/carla", method, request).await.unwrap_err();
        assert!(["NO_PERMISSION", "NOT_FOUND"].contains(&refused.reason.as_str()), "{method}: {refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_joins_or_leaves_a_team_gets_or_loses_the_client() {
    let firm = Firm::start().await;
    let case = firm.inquiry().await;
    firm.ok("staff/carla", "CaseService/GetCase", json!({ "name": case })).await;
    assert_eq!(firm.refused("staff/gina", "CaseService/GetCase", json!({ "name": case })).await, "NOT_FOUND");
    let team = |engagement: &mut Value| engagement["teamMembers"] = json!(["staff/gina"]);
    firm.change("Engagement", "clients/acme/engagements/migration", team).await;
    firm.ok("staff/gina", "CaseService/GetCase", json!({ "name": case })).await;
    firm.until("2027-03-24T08:01[Europe/London]").await;
    assert_eq!(firm.refused("staff/carla", "CaseService/GetCase", json!({ "name": case })).await, "NO_PERMISSION");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_sees_and_does_what_is_the_clients_and_nothing_of_the_firm() {
    let firm = Firm::start().await;
    let case = firm.inquiry().await;
    let who = "clients/acme/contacts/jo";
    firm.ok(who, "CaseService/GetCase", json!({ "name": case })).await;
    let seen = firm.ok(who, "CaseService/ListCases", json!({})).await;
    assert_eq!(seen["cases"].as_array().map(Vec::len), Some(1));
    for (method, request) in [
        ("CaseService/RaiseIssue", json!({ "name": case, "reason": "x" })),
        ("CaseService/ListTimelineEntries", json!({ "parent": case })),
        ("InboundService/ListMails", json!({})),
        ("NotificationService/ListNotifications", json!({})),
        ("ClientService/GetClient", json!({ "name": "clients/acme" })),
        ("StaffService/ListStaff", json!({})),
        ("AuditService/Export", json!({ "service": "escalation" })),
    ] {
        assert_eq!(firm.refused(who, method, request).await, "NO_PERMISSION", "{method}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn management_oversees_every_client() {
    let firm = Firm::start().await;
    let acme = firm.inquiry_from(JO).await;
    firm.until("2027-03-24T08:01[Europe/London]").await;
    let bluewater = firm.inquiry_from(KIM).await;
    let cases = firm.ok("staff/grace", "CaseService/ListCases", json!({})).await;
    let names: Vec<_> = cases["cases"].as_array().unwrap().iter().map(|case| &case["name"]).collect();
    assert_eq!(names, [&bluewater, &acme], "the newest first");
    let raise = json!({ "name": acme, "reason": "I want to see to it." });
    firm.ok("staff/grace", "CaseService/RaiseIssue", raise).await;
    firm.until("2027-03-26T08:01[Europe/London]").await;
    assert_eq!(firm.told(&acme, "ESCALATION").await, ["staff/ben", "staff/grace"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_on_a_stale_reading_is_refused_and_changes_nothing() {
    let firm = Firm::start().await;
    for (what, name) in [
        ("Client", "clients/acme"),
        ("Staff", "staff/anna"),
        ("Calendar", "calendars/northgate"),
        ("Engagement", "clients/acme/engagements/migration"),
    ] {
        let field = what.to_lowercase();
        let (get, update) = (format!("{what}Service/Get{what}"), format!("{what}Service/Update{what}"));
        let read = firm.ok("staff/grace", &get, json!({ "name": name })).await[&field].clone();
        firm.change(what, name, |_| {}).await;
        let before = firm.ok("staff/grace", &get, json!({ "name": name })).await;
        let stale = firm.call("staff/grace", &update, json!({ &field: read })).await.unwrap_err();
        assert_eq!((stale.code.as_str(), stale.reason.as_str()), ("ABORTED", "STALE_ETAG"), "{name}");
        assert_eq!(firm.ok("staff/grace", &get, json!({ "name": name })).await, before, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_absence_that_ends_before_it_begins_is_refused() {
    let firm = Firm::start().await;
    let (from, to) = (at("2027-04-02T09:00[Europe/London]"), at("2027-04-01T09:00[Europe/London]"));
    let request = json!({ "parent": "staff/anna", "absence": { "startTime": from, "endTime": to } });
    let refused = firm.call("staff/grace", "StaffService/CreateAbsence", request).await.unwrap_err();
    assert_eq!((refused.reason.as_str(), refused.fields[0].0.as_str()), ("END_NOT_AFTER_START", "absence.end_time"));
}
