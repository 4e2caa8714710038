//! SOP 8.1: an issue unresolved after 24 hours goes to the team lead, then on to management.

use liaison_tests::{Firm, JO, YUI, at, clock};
use serde_json::{Value, json};

const GRID: &str = "clients/bluewater/engagements/grid";

async fn escalated(firm: &Firm, case: &Value) -> Vec<(String, String, String)> {
    let entries = firm.entries(case).await;
    let steps = entries.iter().filter(|entry| entry["kind"] == "TIMELINE_KIND_ESCALATED");
    let text = |entry: &Value, field: &str| entry[field].as_str().unwrap().to_owned();
    steps.map(|entry| (text(entry, "recordTime"), text(entry, "target"), text(entry, "actor"))).collect()
}

fn step(time: &str, target: &str, actor: &str) -> (String, String, String) {
    (at(time), target.to_owned(), actor.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issue_unresolved_after_24_hours_goes_to_the_team_lead_weekends_included() {
    let firm = Firm::start().await;
    // A Saturday; summer time begins in the night, so that 24 hours end at one in the afternoon.
    firm.until("2027-03-27T12:00[Europe/London]").await;
    let case = firm.issue().await;
    assert_eq!(clock(&firm.case(&case).await, "RESOLUTION")["dueTime"], at("2027-03-28T13:00[Europe/London]"));
    firm.until("2027-03-28T12:59[Europe/London]").await;
    assert_eq!(escalated(&firm, &case).await, []);
    firm.until("2027-03-28T13:00[Europe/London]").await;
    assert_eq!(escalated(&firm, &case).await, [step("2027-03-28T13:00[Europe/London]", "TEAM_LEAD", "timer")]);
    assert_eq!(clock(&firm.case(&case).await, "RESOLUTION")["breached"], true);
    assert_eq!(firm.told(&case, "ESCALATION").await, ["staff/ben"]);
    let mail = firm.sent_as("ESCALATION").remove(0);
    assert!(mail.contains("ben.achterberg@northgate.example"), "{mail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledging_does_not_stop_it() {
    let firm = Firm::start().await;
    firm.until("2027-03-24T10:00[Europe/London]").await;
    let case = firm.issue().await;
    let acknowledged =
        firm.ok("staff/anna", "CaseService/AcknowledgeCase", json!({ "name": case })).await["case"].clone();
    assert_eq!(acknowledged["acknowledged"], true);
    assert_eq!(clock(&acknowledged, "RESOLUTION")["state"], "CLOCK_STATE_RUNNING");
    firm.until("2027-03-25T10:00[Europe/London]").await;
    assert_eq!(firm.told(&case, "ESCALATION").await, ["staff/ben"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_inquiry_goes_to_the_team_lead_24_hours_after_it_became_an_issue() {
    let firm = Firm::start().await;
    firm.until("2027-03-24T10:00[Europe/London]").await;
    let case = firm.inquiry().await;
    firm.until("2027-03-26T09:59[Europe/London]").await;
    assert_eq!(escalated(&firm, &case).await, []);
    firm.until("2027-03-26T10:00[Europe/London]").await;
    assert_eq!(escalated(&firm, &case).await, [step("2027-03-26T10:00[Europe/London]", "TEAM_LEAD", "timer")]);
    // No engagement is named by a mail: the client's first one has the lead.
    assert_eq!(firm.told(&case, "ESCALATION").await, ["staff/ben"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_absent_team_leads_deputy_is_told_by_mail_and_management_after_that() {
    let firm = Firm::start().await;
    // Ben is away from the evening of the 30th; Dora stands in.
    firm.until("2027-03-31T10:00[Europe/London]").await;
    let case = firm.issue().await;
    firm.until("2027-04-01T10:00[Europe/London]").await;
    let told = firm.notifications(&case, "ESCALATION").await;
    assert_eq!((&told[0]["recipients"], &told[0]["standInsFor"]), (&json!(["staff/dora"]), &json!(["staff/ben"])));
    let mail = firm.sent_as("ESCALATION").remove(0);
    assert!(mail.contains("dora.lindqvist@northgate.example") && mail.contains("in place of a colleague"), "{mail}");
    let entries = firm.entries(&case).await;
    let told = entries.iter().filter(|entry| entry["kind"] == "TIMELINE_KIND_TOLD");
    let stood_in: Vec<_> = told.filter(|entry| entry["standInsFor"] == json!(["staff/ben"])).collect();
    assert_eq!(stood_in.len(), 1);
    assert_eq!(stood_in[0]["people"], json!(["staff/dora"]));

    firm.until("2027-04-02T10:00[Europe/London]").await;
    assert_eq!(firm.told(&case, "ESCALATION").await, ["staff/dora", "staff/grace"]);
    assert_eq!(firm.case(&case).await["stepsTaken"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_deputy_is_there_either_management_is_told_in_their_stead() {
    let firm = Firm::start().await;
    firm.away("staff/dora", "2027-03-30T00:00[Europe/London]", "2027-04-12T00:00[Europe/London]").await;
    firm.change("Staff", "staff/gina", |gina| gina["deputy"] = json!("")).await;
    firm.away("staff/gina", "2027-03-30T00:00[Europe/London]", "2027-04-12T00:00[Europe/London]").await;
    firm.until("2027-03-31T10:00[Europe/London]").await;
    // One whose deputy is away too, and one who has none.
    let (ben, gina) = (firm.issue().await, firm.issue_of("staff/frank", "clients/bluewater", GRID).await);
    firm.until("2027-04-01T10:00[Europe/London]").await;
    for (case, lead) in [(ben, "staff/ben"), (gina, "staff/gina")] {
        let told = firm.notifications(&case, "ESCALATION").await;
        assert_eq!((&told[0]["recipients"], &told[0]["standInsFor"]), (&json!(["staff/grace"]), &json!([lead])));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_client_has_no_team_lead_the_account_manager_is_told() {
    let firm = Firm::start().await;
    firm.until("2027-03-24T10:00[Europe/London]").await;
    let case = firm.inquiry_from(YUI).await;
    let raise = json!({ "name": case, "reason": "The lenses are missing." });
    firm.ok("staff/frank", "CaseService/RaiseIssue", raise).await;
    firm.until("2027-03-25T10:00[Europe/London]").await;
    assert_eq!(firm.told(&case, "ESCALATION").await, ["staff/frank"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn escalating_works_at_any_time_before_and_that_step_does_not_come_again_at_its_time() {
    let firm = Firm::start().await;
    firm.until("2027-03-24T10:00[Europe/London]").await;
    let case = firm.issue().await;
    let escalate = json!({ "name": case, "reason": "I need Ben to speak with the vendor today." });
    let now = firm.ok("staff/carla", "CaseService/EscalateCase", escalate.clone()).await["case"].clone();
    assert_eq!(now["stepsTaken"], 1);
    assert_eq!(firm.told(&case, "ESCALATION").await, ["staff/ben"]);
    firm.until("2027-03-25T10:00[Europe/London]").await;
    let first = step("2027-03-24T10:00[Europe/London]", "TEAM_LEAD", "staff/carla");
    assert_eq!(escalated(&firm, &case).await, std::slice::from_ref(&first));
    assert_eq!(clock(&firm.case(&case).await, "RESOLUTION")["breached"], true, "late is late");
    firm.until("2027-03-26T10:00[Europe/London]").await;
    let second = step("2027-03-26T10:00[Europe/London]", "MANAGEMENT", "timer");
    assert_eq!(escalated(&firm, &case).await, [first, second]);
    assert_eq!(firm.refused("staff/carla", "CaseService/EscalateCase", escalate).await, "NO_STEP_LEFT");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inquiry_is_not_escalated_and_a_closed_issue_no_more() {
    let firm = Firm::start().await;
    let inquiry = firm.inquiry().await;
    for method in ["CaseService/EscalateCase", "CaseService/AcknowledgeCase"] {
        let request = if method.ends_with("EscalateCase") {
            json!({ "name": inquiry, "reason": "x" })
        } else {
            json!({ "name": inquiry })
        };
        assert_eq!(firm.refused("staff/anna", method, request).await, "NOT_AN_ISSUE");
    }
    let issue = firm.issue().await;
    firm.propose("staff/carla", &issue).await;
    firm.confirm("clients/acme/contacts/jo", &issue, 1).await;
    firm.confirm("staff/anna", &issue, 1).await;
    let reason = firm.refused("staff/anna", "CaseService/EscalateCase", json!({ "name": issue, "reason": "x" })).await;
    assert_eq!(reason, "CASE_CLOSED");
    firm.until("2027-03-29T10:00[Europe/London]").await;
    assert_eq!(escalated(&firm, &issue).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proposed_resolution_suspends_the_clock_and_its_rejection_restores_the_first_due_time() {
    let firm = Firm::start().await;
    firm.until("2027-03-24T10:00[Europe/London]").await;
    let case = firm.issue().await;
    firm.until("2027-03-25T06:00[Europe/London]").await;
    let proposed = firm.propose("staff/ben", &case).await;
    let resolution = clock(&proposed, "RESOLUTION");
    assert_eq!((&resolution["state"], resolution.get("dueTime")), (&json!("CLOCK_STATE_SUSPENDED"), None));
    firm.until("2027-03-25T08:00[Europe/London]").await;
    let rejected = firm.reject("clients/acme/contacts/jo", &case, 1).await;
    let resolution = clock(&rejected, "RESOLUTION");
    assert_eq!(resolution["state"], "CLOCK_STATE_RUNNING");
    assert_eq!(resolution["dueTime"], at("2027-03-25T10:00[Europe/London]"), "the first one, not one put off");
    firm.until("2027-03-25T10:00[Europe/London]").await;
    assert_eq!(escalated(&firm, &case).await, [step("2027-03-25T10:00[Europe/London]", "TEAM_LEAD", "timer")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_whose_time_passed_while_it_was_suspended_come_at_once_and_in_order() {
    let firm = Firm::start().await;
    firm.until("2027-03-24T10:00[Europe/London]").await;
    let case = firm.issue().await;
    firm.until("2027-03-25T06:00[Europe/London]").await;
    firm.propose("staff/ben", &case).await;
    firm.until("2027-03-27T12:00[Europe/London]").await;
    assert_eq!(escalated(&firm, &case).await, [], "nothing while the client is asked");
    assert_eq!(clock(&firm.case(&case).await, "RESOLUTION").get("breached"), None);
    firm.reject("clients/acme/contacts/jo", &case, 1).await;
    let now = "2027-03-27T12:00[Europe/London]";
    assert_eq!(escalated(&firm, &case).await, [step(now, "TEAM_LEAD", "timer"), step(now, "MANAGEMENT", "timer")]);
    assert_eq!(clock(&firm.case(&case).await, "RESOLUTION")["breached"], true);
    let mut told = firm.told(&case, "ESCALATION").await;
    told.sort();
    assert_eq!(told, ["staff/ben", "staff/grace"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_lets_an_issue_lie_longer_than_24_hours_is_refused() {
    let firm = Firm::start().await;
    let current = firm.ok("staff/grace", "PolicyService/GetPolicy", json!({ "name": "policies/current" })).await;
    let with = |steps: Value| {
        let mut policy = current["policy"].clone();
        policy["escalationSteps"] = steps;
        json!({ "policy": policy })
    };
    let to = |target: &str, after: &str| json!({ "after": after, "target": format!("ESCALATION_TARGET_{target}") });
    let step = |after: &str| to("TEAM_LEAD", after);
    let (lead, management) = (step("86400s"), to("MANAGEMENT", "86400s"));
    for (steps, reason, field) in [
        (json!([step("86401s")]), "LATER_THAN_24_HOURS", "policy.escalation_steps[0].after"),
        (json!([step("7200s"), step("3600s")]), "STEPS_NOT_IN_ORDER", "policy.escalation_steps[1].after"),
        (json!([management]), "NO_TEAM_LEAD_STEP", "policy.escalation_steps"),
        (json!([lead]), "NO_MANAGEMENT_STEP", "policy.escalation_steps"),
        (json!([management, lead]), "NO_MANAGEMENT_STEP", "policy.escalation_steps"),
    ] {
        let refused = firm.call("staff/grace", "PolicyService/PublishPolicy", with(steps)).await.unwrap_err();
        assert_eq!((refused.reason.as_str(), refused.fields[0].0.as_str()), (reason, field));
    }
    let none = firm.call("staff/grace", "PolicyService/PublishPolicy", with(json!([]))).await.unwrap_err();
    assert_eq!((none.code.as_str(), none.fields[0].0.as_str()), ("INVALID_ARGUMENT", "policy.escalation_steps"));
    let reason = firm.refused("staff/anna", "PolicyService/PublishPolicy", with(json!([step("3600s")]))).await;
    assert_eq!(reason, "NO_PERMISSION", "and it is management's to change");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_case_keeps_the_policy_that_it_was_opened_under() {
    let firm = Firm::start().await;
    firm.until("2027-03-24T10:00[Europe/London]").await;
    let before = firm.issue().await;
    let mut policy =
        firm.ok("staff/grace", "PolicyService/GetPolicy", json!({ "name": "policies/current" })).await["policy"]
            .clone();
    policy["escalationSteps"][0]["after"] = json!("43200s");
    firm.ok("staff/grace", "PolicyService/PublishPolicy", json!({ "policy": policy })).await;
    let after = firm.issue().await;
    for (case, version) in [(&before, "1"), (&after, "2")] {
        assert_eq!(firm.case(case).await["policyVersion"], version);
    }
    firm.until("2027-03-24T22:00[Europe/London]").await;
    assert_eq!(escalated(&firm, &before).await, []);
    assert_eq!(escalated(&firm, &after).await, [step("2027-03-24T22:00[Europe/London]", "TEAM_LEAD", "timer")]);
    firm.until("2027-03-25T10:00[Europe/London]").await;
    assert_eq!(escalated(&firm, &before).await, [step("2027-03-25T10:00[Europe/London]", "TEAM_LEAD", "timer")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_twice_opens_one_issue_and_another_under_its_id_is_refused() {
    let firm = Firm::start().await;
    let open = |subject: &str| json!({ "case": { "client": "clients/acme", "kind": "CASE_KIND_ISSUE", "subject": subject }, "requestId": "open-1" });
    let first = firm.ok("staff/anna", "CaseService/OpenCase", open("The export fails")).await;
    firm.ok("staff/ben", "CaseService/AcknowledgeCase", json!({ "name": first["case"]["name"] })).await;
    let again = firm.ok("staff/anna", "CaseService/OpenCase", open("The export fails")).await;
    assert_eq!(again, first, "the first answer");
    let reused = firm.call("staff/anna", "CaseService/OpenCase", open("Something else")).await.unwrap_err();
    assert_eq!((reused.reason.as_str(), reused.fields[0].0.as_str()), ("REQUEST_ID_REUSED", "request_id"));
    firm.ok("staff/ben", "CaseService/OpenCase", open("Something else")).await;
    let cases = firm.ok("staff/grace", "CaseService/ListCases", json!({ "client": "clients/acme" })).await;
    assert_eq!(cases["cases"].as_array().map(Vec::len), Some(2), "an id is its caller's own");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_who_writes_on_an_issue_moves_none_of_its_clocks() {
    let firm = Firm::start().await;
    firm.until("2027-03-24T10:00[Europe/London]").await;
    let asked = firm.mail(JO, "The export", "It fails.").await;
    let case = firm.case_of(&asked).await["name"].clone();
    firm.ok("staff/anna", "CaseService/RaiseIssue", json!({ "name": case, "reason": "It fails for all." })).await;
    let before = firm.case(&case).await;
    firm.until("2027-03-24T15:00[Europe/London]").await;
    firm.mail_in_reply(JO, &firm.mail_now(&asked).await["messageId"]).await;
    let after = firm.case(&case).await;
    assert_eq!((&after["clocks"], &after["state"]), (&before["clocks"], &before["state"]));
    assert_eq!(firm.timeline(&case).await.last().unwrap(), "CLIENT_WROTE");
}
