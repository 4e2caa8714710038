//! SOP 4.4: a polite, respectful and professional tone.

use liaison_tests::Firm;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_rude_blames_or_shouts_is_not_sent_without_a_reason() {
    let firm = Firm::start().await;
    let before = firm.sent_as("REPLY").len();
    for text in [
        "Dear Jo, as I already told you, the dates stand as they are.",
        "Dear Jo, you failed to send us the form for the files.",
        "Dear Jo, PLEASE SEND THE FORM to us this week.",
    ] {
        let request = json!({ "client": "clients/acme", "contact": "clients/acme/contacts/jo", "subject": "The form",
            "nature": "MESSAGE_NATURE_REPLY", "text": text });
        assert_eq!(
            firm.refused("staff/carla", "NotificationService/SendMessage", request).await,
            "LANGUAGE_BLOCKED",
            "{text}"
        );
    }
    assert_eq!(firm.sent_as("REPLY").len(), before, "nothing left");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_held_to_the_same_tone() {
    let firm = Firm::start().await;
    let draft = firm.status_update("2027-W12").await;
    let written = firm.write_report(&draft, "We are late, and it is your own fault that we are.").await;
    let refused =
        firm.call("staff/carla", "ReportService/SubmitReport", json!({ "name": written["name"] })).await.unwrap_err();
    assert!(refused.fields[0].1.starts_with("BLAMING (SOP 4.4)"), "{:?}", refused.fields);
}
