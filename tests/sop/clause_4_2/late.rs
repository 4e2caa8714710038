use liaison_tests::{Firm, at, clock};
use serde_json::{Value, json};

/// An inquiry of Wednesday at ten that nobody answered by Thursday at ten.
async fn late(firm: &Firm) -> Value {
    firm.until("2027-03-24T10:00[Europe/London]").await;
    let case = firm.inquiry().await;
    firm.until("2027-03-25T10:00[Europe/London]").await;
    case
}

fn reason(case: &Value, clock: &str) -> Value {
    json!({ "name": case, "clock": format!("CLOCK_KIND_{clock}"), "reason": "I was on the trial run all day." })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_inquiry_becomes_an_issue_by_itself_and_the_account_manager_is_told() {
    let firm = Firm::start().await;
    let name = late(&firm).await;
    let case = firm.case(&name).await;
    assert_eq!((&case["kind"], &case["state"]), (&json!("CASE_KIND_ISSUE"), &json!("CASE_STATE_UNRESOLVED")));
    assert_eq!(clock(&case, "FIRST_RESPONSE")["breached"], true);
    let resolution = clock(&case, "RESOLUTION");
    assert_eq!(resolution["startTime"], at("2027-03-25T10:00[Europe/London]"));
    assert_eq!(resolution["dueTime"], at("2027-03-26T10:00[Europe/London]"));
    assert_eq!(
        firm.timeline(&name).await,
        ["OPENED", "CLOCK_SET", "ACKNOWLEDGEMENT_SENT", "CLOCK_BREACHED", "BECAME_ISSUE", "CLOCK_SET", "TOLD"]
    );
    assert_eq!(firm.told(&name, "CLOCK_BREACH").await, ["staff/anna"]);
    let mails = firm.sent_as("CLOCK_BREACH");
    assert_eq!(mails.len(), 1);
    assert!(mails[0].contains("anna.petrova@northgate.example"), "{}", mails[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn lateness_asks_for_a_reason_and_keeps_it() {
    let firm = Firm::start().await;
    firm.until("2027-03-24T10:00[Europe/London]").await;
    let early = firm.inquiry().await;
    let refused = firm.refused("staff/anna", "CaseService/GiveLatenessReason", reason(&early, "FIRST_RESPONSE")).await;
    assert_eq!(refused, "NOT_LATE");
    firm.until("2027-03-25T10:00[Europe/London]").await;
    let asking = firm.sent_as("CLOCK_BREACH").remove(0);
    assert!(asking.contains("why it was late"), "{asking}");

    let case = firm.ok("staff/anna", "CaseService/GiveLatenessReason", reason(&early, "FIRST_RESPONSE")).await;
    assert_eq!(clock(&case["case"], "FIRST_RESPONSE")["latenessReason"], "I was on the trial run all day.");
    let entries = firm.entries(&early).await;
    let given = entries.last().unwrap();
    assert_eq!(
        (&given["kind"], &given["actor"]),
        (&json!("TIMELINE_KIND_LATENESS_REASON_GIVEN"), &json!("staff/anna"))
    );
    assert_eq!(given["text"], "I was on the trial run all day.");
    let other = firm.refused("staff/anna", "CaseService/GiveLatenessReason", reason(&early, "RESOLUTION")).await;
    assert_eq!(other, "NOT_LATE", "the other clock still has time");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_reply_ends_the_clock_and_the_issue_stays() {
    let firm = Firm::start().await;
    let name = late(&firm).await;
    firm.until("2027-03-25T11:00[Europe/London]").await;
    firm.reply("staff/anna", &name).await;
    let case = firm.case(&name).await;
    assert_eq!((&case["kind"], &case["state"]), (&json!("CASE_KIND_ISSUE"), &json!("CASE_STATE_UNRESOLVED")));
    let response = clock(&case, "FIRST_RESPONSE");
    assert_eq!((&response["state"], &response["breached"]), (&json!("CLOCK_STATE_ENDED"), &json!(true)));
    assert_eq!(response["endTime"], at("2027-03-25T11:00[Europe/London]"));
    assert_eq!(clock(&case, "RESOLUTION")["state"], "CLOCK_STATE_RUNNING");
    assert_eq!(firm.timeline(&name).await.last().unwrap(), "RESPONDED");
}

#[tokio::test(flavor = "multi_thread")]
async fn anybody_of_the_team_may_raise_an_inquiry_to_an_issue_before_it_is_late() {
    let firm = Firm::start().await;
    firm.until("2027-03-24T10:00[Europe/London]").await;
    let name = firm.inquiry().await;
    firm.until("2027-03-24T11:00[Europe/London]").await;
    let raise = json!({ "name": name, "reason": "The whole export is broken." });
    let case = firm.ok("staff/carla", "CaseService/RaiseIssue", raise.clone()).await["case"].clone();
    assert_eq!(case["kind"], "CASE_KIND_ISSUE");
    assert_eq!(clock(&case, "RESOLUTION")["startTime"], at("2027-03-24T11:00[Europe/London]"));
    let response = clock(&case, "FIRST_RESPONSE");
    assert_eq!(response["state"], "CLOCK_STATE_RUNNING", "nobody escapes the question this way");
    assert_eq!(response["dueTime"], at("2027-03-25T10:00[Europe/London]"));
    let entries = firm.entries(&name).await;
    let became = entries.iter().find(|entry| entry["kind"] == "TIMELINE_KIND_BECAME_ISSUE").unwrap();
    assert_eq!((&became["reason"], &became["text"]), (&json!("RAISED"), &json!("The whole export is broken.")));
    assert_eq!(firm.refused("staff/carla", "CaseService/RaiseIssue", raise).await, "ALREADY_AN_ISSUE");

    firm.until("2027-03-25T10:00[Europe/London]").await;
    assert_eq!(clock(&firm.case(&name).await, "FIRST_RESPONSE")["breached"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_is_told_what_would_happen_next_and_when() {
    let firm = Firm::start().await;
    firm.until("2027-03-24T10:00[Europe/London]").await;
    let case = firm.inquiry().await;
    let preview = firm.ok("staff/anna", "CaseService/PreviewCase", json!({ "name": case })).await;
    let steps: Vec<_> = preview["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| {
            let target = step.get("target").and_then(Value::as_str).unwrap_or_default();
            (step["time"].as_str().unwrap().to_owned(), step["what"].as_str().unwrap(), target)
        })
        .collect();
    let (late, day, two_days) = ("2027-03-25T10:00[UTC]", "2027-03-26T10:00[UTC]", "2027-03-27T10:00[UTC]");
    assert_eq!(
        steps,
        [
            (at(late), "CLOCK_BREACHED", "ACCOUNT_MANAGER"),
            (at(late), "BECAME_ISSUE", ""),
            (at(day), "CLOCK_BREACHED", "ACCOUNT_MANAGER"),
            (at(day), "ESCALATED", "TEAM_LEAD"),
            (at(two_days), "ESCALATED", "MANAGEMENT"),
        ]
    );
    assert_eq!(
        firm.timeline(&case).await,
        ["OPENED", "CLOCK_SET", "ACKNOWLEDGEMENT_SENT"],
        "nothing of it has happened"
    );
}
