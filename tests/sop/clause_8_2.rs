//! SOP 8.2: of a critical incident client and management are told at once, by mail and by phone.
//!
//! That the first attempts come within a minute of the system's clock, also under load, while a provider stalls or the
//! registry is down, is measured in `services/notification/tests/it/urgency.rs`.

use liaison_tests::{Firm, JO, at, clock};
use serde_json::{Value, json};

/// Outside all hours: a Saturday night.
const SATURDAY: &str = "2027-03-27T22:00[Europe/London]";
const CONTACT: &str = "clients/acme/contacts/jo";

async fn on_saturday() -> Firm {
    let firm = Firm::start().await;
    firm.until(SATURDAY).await;
    firm
}

/// One side on one channel, in the order in which a case lists them.
const CLIENT_MAIL: usize = 0;
const CLIENT_CALL: usize = 1;
const FIRM_MAIL: usize = 2;
const FIRM_CALL: usize = 3;

async fn obligation(firm: &Firm, case: &Value, which: usize) -> Value {
    firm.case(case).await["critical"]["obligations"][which].clone()
}

async fn states(firm: &Firm, case: &Value) -> Vec<String> {
    let case = firm.case(case).await;
    let owed = case["critical"]["obligations"].as_array().unwrap().clone();
    owed.iter().map(|one| one["state"].as_str().unwrap().replace("OBLIGATION_STATE_", "")).collect()
}

/// The call that rings now, and whom it is for.
async fn ringing(firm: &Firm, case: &Value, which: usize) -> (Value, String, String) {
    let notification = obligation(firm, case, which).await["notification"].clone();
    let answer = firm.ok("staff/grace", "CallService/ListCalls", json!({ "notification": notification })).await;
    let call = answer["calls"][0].clone();
    let placed = firm.suite().calls().unwrap();
    let number = placed.iter().find(|one| call["name"] == one.call.as_str()).unwrap().to.clone();
    (call["name"].clone(), call["person"].as_str().unwrap().to_owned(), number)
}

async fn report(firm: &Firm, call: &Value, what: Value) {
    let mut request = what;
    request["name"] = call.clone();
    firm.ok("services/telephony", "CallService/ReportCall", request).await;
}

async fn ends(firm: &Firm, call: &Value, status: &str) {
    report(firm, call, json!({ "status": format!("CALL_STATUS_{status}") })).await;
}

async fn voicemail(firm: &Firm, call: &Value) {
    report(firm, call, json!({ "status": "CALL_STATUS_COMPLETED", "answeredBy": "ANSWERED_BY_MACHINE" })).await;
}

async fn key_pressed(firm: &Firm, call: &Value) {
    let pressed = json!({ "status": "CALL_STATUS_ANSWERED", "answeredBy": "ANSWERED_BY_HUMAN", "digits": "1" });
    report(firm, call, pressed).await;
}

/// Both are told at one moment, so in the order of their names.
async fn told_of_failure(firm: &Firm, case: &Value) -> Vec<String> {
    let mut told = firm.told(case, "ALERT_FAILED").await;
    told.sort();
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn client_and_management_are_told_at_once_by_mail_and_by_phone_at_any_hour() {
    let firm = on_saturday().await;
    let case = firm.incident().await;
    assert_eq!(states(&firm, &case).await, ["HANDED_OVER", "PENDING", "HANDED_OVER", "PENDING"]);
    for which in 0..4 {
        assert_eq!(obligation(&firm, &case, which).await["firstAttemptTime"], at(SATURDAY), "{which}");
    }
    let mails = firm.sent_as("CRITICAL_ALERT");
    assert_eq!(mails.len(), 2);
    for address in [JO, "grace.okafor@northgate.example"] {
        assert!(mails.iter().any(|mail| mail.contains(address)), "{address}");
    }
    let mut called: Vec<_> = firm.suite().calls().unwrap().into_iter().map(|call| (call.person, call.to)).collect();
    called.sort();
    let pair = |person: &str, number: &str| (person.to_owned(), number.to_owned());
    assert_eq!(called, [pair(CONTACT, "+442079460011"), pair("staff/grace", "+442079460101")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_fails_is_followed_by_the_next_and_then_by_the_deputy() {
    let firm = on_saturday().await;
    let case = firm.incident().await;
    for (person, number) in [("staff/grace", "+442079460101"), ("staff/grace", "+442079460102")] {
        let (call, whom, to) = ringing(&firm, &case, FIRM_CALL).await;
        assert_eq!((whom.as_str(), to.as_str()), (person, number));
        ends(&firm, &call, "BUSY").await;
    }
    let (call, whom, to) = ringing(&firm, &case, FIRM_CALL).await;
    assert_eq!((whom.as_str(), to.as_str()), ("staff/dora", "+442079460103"), "Grace's deputy");
    key_pressed(&firm, &call).await;
    let reached = obligation(&firm, &case, FIRM_CALL).await;
    assert_eq!((&reached["state"], &reached["person"]), (&json!("OBLIGATION_STATE_REACHED"), &json!("staff/dora")));
    let timeline = firm.timeline(&case).await;
    assert_eq!(timeline.iter().filter(|kind| *kind == "ALERT_NOT_REACHED").count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_a_voicemail_nor_a_mail_that_was_taken_is_anybody_reached() {
    let firm = on_saturday().await;
    let case = firm.incident().await;
    let (call, ..) = ringing(&firm, &case, CLIENT_CALL).await;
    voicemail(&firm, &call).await;
    assert_eq!(obligation(&firm, &case, CLIENT_CALL).await["state"], "OBLIGATION_STATE_HANDED_OVER");
    let (next, _, number) = ringing(&firm, &case, CLIENT_CALL).await;
    assert_ne!(next, call);
    assert_eq!(number, "+447700900011", "and the next number is called");
    for mail in [CLIENT_MAIL, FIRM_MAIL] {
        assert_eq!(obligation(&firm, &case, mail).await["state"], "OBLIGATION_STATE_HANDED_OVER");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_to_the_mail_reaches_and_a_key_press_reaches() {
    let firm = on_saturday().await;
    let case = firm.incident().await;
    let alert = firm.notification(&obligation(&firm, &case, CLIENT_MAIL).await["notification"]).await;
    firm.mail_in_reply(JO, &alert["messageId"]).await;
    let (call, ..) = ringing(&firm, &case, CLIENT_CALL).await;
    key_pressed(&firm, &call).await;
    assert_eq!(states(&firm, &case).await, ["REACHED", "REACHED", "HANDED_OVER", "PENDING"]);
    assert_eq!(obligation(&firm, &case, CLIENT_MAIL).await["person"], CONTACT);
    assert!(firm.timeline(&case).await.contains(&"CLIENT_WROTE".to_owned()), "it is the client's word as well");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_is_left_to_try_that_is_told_and_a_key_that_is_pressed_late_counts_all_the_same() {
    let firm = on_saturday().await;
    let case = firm.incident().await;
    let mut last = Value::Null;
    for _ in 0..2 {
        let (call, ..) = ringing(&firm, &case, CLIENT_CALL).await;
        ends(&firm, &call, "NO_ANSWER").await;
        last = call;
    }
    let failed = obligation(&firm, &case, CLIENT_CALL).await;
    assert_eq!((&failed["state"], &failed["reason"]), (&json!("OBLIGATION_STATE_FAILED"), &json!("NOBODY_REACHED")));
    assert_eq!(told_of_failure(&firm, &case).await, ["staff/anna", "staff/grace"]);
    key_pressed(&firm, &last).await;
    assert_eq!(obligation(&firm, &case, CLIENT_CALL).await["state"], "OBLIGATION_STATE_REACHED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_side_without_a_number_fails_by_phone_at_once_and_is_told_by_mail() {
    let firm = on_saturday().await;
    let case = firm.incident_of("staff/frank", "clients/hikari").await;
    let failed = obligation(&firm, &case, CLIENT_CALL).await;
    assert_eq!((&failed["state"], &failed["reason"]), (&json!("OBLIGATION_STATE_FAILED"), &json!("NOBODY_TO_TELL")));
    assert_eq!(obligation(&firm, &case, CLIENT_MAIL).await["state"], "OBLIGATION_STATE_HANDED_OVER");
    assert_eq!(told_of_failure(&firm, &case).await, ["staff/frank", "staff/grace"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_critical_is_the_firms_word() {
    let firm = on_saturday().await;
    let draft = json!({ "client": "clients/acme", "kind": "CASE_KIND_INCIDENT", "subject": "The export fails" });
    let refused = firm.refused(CONTACT, "CaseService/OpenCase", json!({ "case": draft })).await;
    assert_eq!(refused, "INCIDENT_NEEDS_THE_FIRM");
    let issue = firm.issue().await;
    let declare = json!({ "name": issue, "reason": "The figures are another client's." });
    assert_eq!(firm.refused(CONTACT, "CaseService/DeclareCritical", declare.clone()).await, "NO_PERMISSION");
    firm.ok("staff/carla", "CaseService/DeclareCritical", declare.clone()).await;
    assert_eq!(firm.refused("staff/anna", "CaseService/DeclareCritical", declare).await, "ALREADY_CRITICAL");
    assert_eq!(firm.sent_as("CRITICAL_ALERT").len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issue_that_becomes_critical_is_unresolved_since_it_was_an_issue() {
    let firm = on_saturday().await;
    let issue = firm.issue().await;
    firm.until("2027-03-28T10:00[Europe/London]").await;
    firm.ok("staff/anna", "CaseService/DeclareCritical", json!({ "name": issue, "reason": "It spreads." })).await;
    let case = firm.case(&issue).await;
    // 24 hours by the wall, though the clocks went forward in the night.
    assert_eq!(clock(&case, "RESOLUTION")["dueTime"], at("2027-03-28T23:00[Europe/London]"));
    firm.until("2027-03-28T23:00[Europe/London]").await;
    assert_eq!(firm.told(&issue, "ESCALATION").await, ["staff/ben"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_is_updated_each_hour_and_a_missed_update_is_noticed_and_told_once() {
    let firm = on_saturday().await;
    let case = firm.incident().await;
    firm.until("2027-03-27T22:40[Europe/London]").await;
    firm.update("staff/anna", &case).await;
    assert_eq!(clock(&firm.case(&case).await, "CLIENT_UPDATE")["dueTime"], at("2027-03-27T23:40[Europe/London]"));
    firm.until("2027-03-27T23:39[Europe/London]").await;
    assert!(firm.told(&case, "CLOCK_BREACH").await.is_empty());
    firm.until("2027-03-28T00:20[Europe/London]").await;
    let late = firm.case(&case).await;
    assert_eq!(clock(&late, "CLIENT_UPDATE")["breached"], true);
    assert_eq!(
        clock(&late, "CLIENT_UPDATE")["dueTime"],
        at("2027-03-28T00:40[Europe/London]"),
        "from the missed one on"
    );
    let told = firm.told(&case, "CLOCK_BREACH").await;
    assert!(told.contains(&"staff/anna".to_owned()), "{told:?}");
    let breaches = firm.timeline(&case).await.iter().filter(|kind| *kind == "CLOCK_BREACHED").count();
    assert_eq!(breaches, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn updates_are_due_until_both_sides_have_confirmed() {
    let firm = on_saturday().await;
    let case = firm.incident().await;
    firm.propose("staff/anna", &case).await;
    firm.until("2027-03-27T23:00[Europe/London]").await;
    let proposed = firm.case(&case).await;
    assert_eq!(clock(&proposed, "CLIENT_UPDATE")["breached"], true, "a proposal is not the end");
    firm.confirm(CONTACT, &case, 1).await;
    let closed = firm.confirm("staff/carla", &case, 1).await;
    assert_eq!(clock(&closed, "CLIENT_UPDATE")["state"], "CLOCK_STATE_ENDED");
    firm.until("2027-03-28T03:00[Europe/London]").await;
    let breaches = firm.timeline(&case).await.iter().filter(|kind| *kind == "CLOCK_BREACHED").count();
    assert_eq!(breaches, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_incidents_report_is_due_by_the_procedure_and_a_preview_tells_what_comes() {
    let firm = on_saturday().await;
    let case = firm.incident().await;
    let critical = firm.case(&case).await["critical"].clone();
    assert_eq!(
        (&critical["declarer"], &critical["reportDueTime"]),
        (&json!("staff/anna"), &json!(at("2027-03-28T23:00[Europe/London]")))
    );
    let steps = firm.ok("staff/anna", "CaseService/PreviewCase", json!({ "name": case })).await["steps"].clone();
    assert_eq!(
        (&steps[0]["what"], &steps[0]["time"]),
        (&json!("CLIENT_UPDATE_DUE"), &json!(at("2027-03-27T23:00[Europe/London]")))
    );
}
