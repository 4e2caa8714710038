//! SOP 4.3: clear, concise, free of jargon, and tailored to the client's level of understanding.

use liaison_tests::Firm;
use serde_json::{Value, json};

const JARGON: &str = "Dear Jo,\n\nwe will leverage the new import for the files this week.\n\nCarla";

fn to_sam(text: &str, reason: &str) -> Value {
    json!({ "client": "clients/acme", "contact": "clients/acme/contacts/sam", "nature": "MESSAGE_NATURE_REPLY",
        "subject": "The files", "text": text, "languageOverrideReason": reason })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_with_jargon_is_not_submitted_until_it_is_mended_or_somebody_says_why() {
    let firm = Firm::start().await;
    let draft = firm.status_update("2027-W12").await;
    let written = firm.write_report(&draft, JARGON).await;
    let submit = json!({ "name": written["name"] });
    let refused = firm.call("staff/carla", "ReportService/SubmitReport", submit).await.unwrap_err();
    assert_eq!(refused.reason, "LANGUAGE_BLOCKED");
    assert_eq!(refused.fields, [("text[18:26]".to_owned(), "JARGON (SOP 4.3): use".to_owned())]);
    let overridden = json!({ "name": written["name"], "overrides": [{ "rule": "JARGON", "words": "leverage",
        "reason": "Jo says so herself." }] });
    let submitted = firm.ok("staff/carla", "ReportService/SubmitReport", overridden).await["report"].clone();
    let kept = &submitted["submissions"][0]["overrides"][0];
    assert_eq!((&kept["person"], &kept["reason"]), (&json!("staff/carla"), &json!("Jo says so herself.")));
    let mended = firm.write_report(&submitted, "Dear Jo,\n\nwe will use the new import this week.\n\nCarla").await;
    assert_eq!(firm.approve_report(&mended).await["state"], "REPORT_STATE_DELIVERED");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_message_to_a_client_is_held_to_the_same_words_and_a_reason_is_recorded_with_it() {
    let firm = Firm::start().await;
    assert_eq!(
        firm.refused("staff/carla", "NotificationService/SendMessage", to_sam(JARGON, "")).await,
        "LANGUAGE_BLOCKED"
    );
    let sent =
        firm.ok("staff/carla", "NotificationService/SendMessage", to_sam(JARGON, "Sam asked for the word.")).await;
    let sent = firm.notification(&sent["notification"]["name"]).await;
    assert_eq!(sent["languageOverrideReason"], "Sam asked for the word.");
    assert_eq!(sent["languageBlocks"], json!(["JARGON"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_understands_is_no_jargon_to_it() {
    let firm = Firm::start().await;
    let mut acme =
        firm.ok("staff/anna", "ClientService/GetClient", json!({ "name": "clients/acme" })).await["client"].clone();
    acme["glossary"] = json!(["leverage"]);
    acme["readingLevel"] = json!("READING_LEVEL_PROFESSIONAL");
    firm.ok("staff/anna", "ClientService/UpdateClient", json!({ "client": acme })).await;
    firm.ok("staff/carla", "NotificationService/SendMessage", to_sam(JARGON, "")).await;
    let draft = firm.status_update("2027-W12").await;
    let written = firm.write_report(&draft, JARGON).await;
    let submitted = firm.ok("staff/carla", "ReportService/SubmitReport", json!({ "name": written["name"] })).await;
    assert_eq!(submitted["report"]["submissions"][0]["check"]["readingLevel"], "PROFESSIONAL");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_language_is_told_as_not_checked_and_never_as_passed() {
    let firm = Firm::start().await;
    let text = "Wir haben die Formulare am Dienstag an Sie gesendet, wie es vereinbart war.";
    let request = json!({ "client": "clients/acme", "text": text });
    let answer = firm.ok("staff/carla", "ReportService/CheckText", request).await;
    assert_eq!(answer["check"]["language"], "CHECKED_LANGUAGE_NOT_CHECKED");
}
