use liaison_tests::{Firm, at, clock};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_generated_acknowledgement_does_not_stop_the_clock() {
    let firm = Firm::start().await;
    firm.until("2027-03-24T10:00[Europe/London]").await;
    let case = firm.inquiry().await;
    assert_eq!(firm.told(&case, "AUTO_ACKNOWLEDGEMENT").await, ["clients/acme/contacts/jo"]);
    assert_eq!(firm.timeline(&case).await, ["OPENED", "CLOCK_SET", "ACKNOWLEDGEMENT_SENT"]);
    assert_eq!(firm.case(&case).await["state"], "CASE_STATE_AWAITING_RESPONSE");
    firm.until("2027-03-25T10:00[Europe/London]").await;
    assert_eq!(clock(&firm.case(&case).await, "FIRST_RESPONSE")["breached"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bare_acknowledgement_does_not_stop_the_clock() {
    let firm = Firm::start().await;
    firm.until("2027-03-24T10:00[Europe/London]").await;
    let case = firm.inquiry().await;
    let sent = firm.bare_acknowledgement("staff/anna", &case).await;
    assert_eq!(sent["state"], "NOTIFICATION_STATE_HANDED_OVER");
    let entries = firm.entries(&case).await;
    let last = entries.last().unwrap();
    assert_eq!((&last["kind"], &last["actor"]), (&json!("TIMELINE_KIND_ACKNOWLEDGEMENT_SENT"), &json!("staff/anna")));
    assert_eq!(clock(&firm.case(&case).await, "FIRST_RESPONSE")["state"], "CLOCK_STATE_RUNNING");
    firm.until("2027-03-25T10:00[Europe/London]").await;
    assert_eq!(firm.case(&case).await["kind"], "CASE_KIND_ISSUE");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_by_a_person_of_the_firm_stops_the_clock_when_it_is_handed_over() {
    let firm = Firm::start().await;
    firm.until("2027-03-24T10:00[Europe/London]").await;
    let case = firm.inquiry().await;
    firm.until("2027-03-24T16:00[Europe/London]").await;
    // Not only the account manager: anybody of the client's team.
    let reply = firm.reply("staff/carla", &case).await;
    assert_eq!(reply["handOverTime"], at("2027-03-24T16:00[Europe/London]"));
    let answered = firm.case(&case).await;
    assert_eq!(answered["state"], "CASE_STATE_ANSWERED");
    let response = clock(&answered, "FIRST_RESPONSE");
    assert_eq!((&response["state"], &response["endTime"]), (&json!("CLOCK_STATE_ENDED"), &reply["handOverTime"]));
    let entries = firm.entries(&case).await;
    let responded = entries.iter().find(|entry| entry["kind"] == "TIMELINE_KIND_RESPONDED").unwrap();
    assert_eq!(
        (&responded["actor"], &responded["people"]),
        (&json!("staff/carla"), &json!(["clients/acme/contacts/jo"]))
    );
    assert_eq!(responded["references"], json!([reply["name"]]));

    firm.until("2027-04-09T10:00[Europe/London]").await;
    let later = firm.case(&case).await;
    assert_eq!((&later["kind"], &later["revision"]), (&answered["kind"], &answered["revision"]), "nothing follows");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_to_another_clients_contact_is_refused_and_stops_nothing() {
    let firm = Firm::start().await;
    let case = firm.inquiry().await;
    let (kim, sam) = ("clients/bluewater/contacts/kim", "clients/acme/contacts/sam");
    let message = |client: &str, contact: &str| {
        json!({ "client": client, "case": case, "contact": contact, "nature": "MESSAGE_NATURE_REPLY",
            "text": "The dates stand." })
    };
    for (who, client, contact, reason) in [
        ("staff/anna", "clients/acme", kim, "RECIPIENT_NOT_OF_CLIENT"),
        ("staff/anna", "clients/bluewater", kim, "NO_PERMISSION"),
        ("staff/frank", "clients/bluewater", kim, "NOT_FOUND"),
        ("staff/grace", "clients/bluewater", kim, "NOT_FOUND"),
        ("clients/acme/contacts/jo", "clients/acme", sam, "NO_PERMISSION"),
    ] {
        let refused = firm.refused(who, "NotificationService/SendMessage", message(client, contact)).await;
        assert_eq!(refused, reason, "{who} writes to {contact} about {client}");
    }
    assert_eq!(clock(&firm.case(&case).await, "FIRST_RESPONSE")["state"], "CLOCK_STATE_RUNNING");
    assert_eq!(firm.sent_as("REPLY"), Vec::<String>::new());

    // A colleague at the same client is the client.
    firm.ok("staff/anna", "NotificationService/SendMessage", message("clients/acme", sam)).await;
    assert_eq!(firm.case(&case).await["state"], "CASE_STATE_ANSWERED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_answers_the_inquiry_that_it_is_about_and_no_other() {
    let firm = Firm::start().await;
    let (first, second) = (firm.inquiry().await, firm.inquiry().await);
    assert_ne!(first, second);
    firm.reply("staff/anna", &second).await;
    assert_eq!(firm.case(&second).await["state"], "CASE_STATE_ANSWERED");
    assert_eq!(firm.case(&first).await["state"], "CASE_STATE_AWAITING_RESPONSE");

    let about_nothing = json!({
        "client": "clients/acme", "contact": "clients/acme/contacts/jo", "nature": "MESSAGE_NATURE_REPLY",
        "subject": "Good news", "text": "All is well.",
    });
    firm.ok("staff/anna", "NotificationService/SendMessage", about_nothing).await;
    assert_eq!(firm.case(&first).await["state"], "CASE_STATE_AWAITING_RESPONSE");
}
