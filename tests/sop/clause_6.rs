//! SOP 6, as far as mail goes: from the firm's own domain only, to people who may be written to, and with an answer to why
//! something was not sent.

use liaison_tests::{Firm, JO, at, clock};
use serde_json::json;

/// The `From` line of a mail.
fn from(raw: &str) -> &str {
    raw.lines().find(|line| line.starts_with("From: ")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_goes_out_from_the_official_domain_only_and_says_whether_a_machine_wrote_it() {
    let firm = Firm::start().await;
    firm.until("2027-03-24T10:00[Europe/London]").await;
    let (answered, late) = (firm.inquiry().await, firm.inquiry().await);
    firm.reply("staff/carla", &answered).await;
    firm.bare_acknowledgement("staff/anna", &late).await;
    firm.mail("r.quill@elsewhere.example", "Hello", "It is me.").await;
    firm.until("2027-03-27T10:00[Europe/London]").await;
    firm.propose("staff/anna", &late).await;
    firm.until("2027-03-28T12:00[Europe/London]").await;
    for kind in [
        "AUTO_ACKNOWLEDGEMENT",
        "REPLY",
        "ACKNOWLEDGEMENT",
        "CLOCK_BREACH",
        "ESCALATION",
        "TRIAGE",
        "CONFIRMATION_REQUEST",
        "CONFIRMATION_REMINDER",
    ] {
        let mails = firm.sent_as(kind);
        assert!(!mails.is_empty(), "nothing of kind {kind} left");
        for mail in mails {
            let written = ["REPLY", "ACKNOWLEDGEMENT"].contains(&kind);
            let line = from(&mail).to_owned();
            assert!(line.trim_end_matches('>').ends_with("@northgate.example"), "{line}");
            assert_eq!(line.contains("service@northgate.example"), !written, "{kind} is {line}");
            assert_eq!(mail.contains("Auto-Submitted: auto-generated"), !written, "{kind}");
        }
    }
    assert!(from(&firm.sent_as("REPLY")[0]).contains("carla.mendes@northgate.example"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_staff_address_elsewhere_is_refused() {
    let firm = Firm::start().await;
    for address in ["mallory@webmail.example", "mallory@mail.northgate.example", "mallory@northgate.example.org"] {
        let mallory = json!({ "displayName": "Mallory Quick", "email": address, "kind": "STAFF_KIND_EMPLOYEE" });
        let request = json!({ "staffId": "mallory", "staff": mallory });
        let refused = firm.call("staff/grace", "StaffService/CreateStaff", request).await.unwrap_err();
        assert_eq!((refused.code.as_str(), refused.reason.as_str()), ("INVALID_ARGUMENT", "ADDRESS_NOT_OFFICIAL"));
        assert_eq!(refused.fields[0].0, "staff.email");

        let mut anna =
            firm.ok("staff/grace", "StaffService/GetStaff", json!({ "name": "staff/anna" })).await["staff"].clone();
        anna["email"] = json!(address);
        let refused = firm.refused("staff/grace", "StaffService/UpdateStaff", json!({ "staff": anna })).await;
        assert_eq!(refused, "ADDRESS_NOT_OFFICIAL", "nor does one move there");
    }
    let mut policy =
        firm.ok("staff/grace", "PolicyService/GetPolicy", json!({ "name": "policies/current" })).await["policy"]
            .clone();
    policy["serviceAddress"] = json!("service@webmail.example");
    let refused = firm.refused("staff/grace", "PolicyService/PublishPolicy", json!({ "policy": policy })).await;
    assert_eq!(refused, "ADDRESS_NOT_OFFICIAL", "nor does the firm's own");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_no_longer_official_sends_nothing_and_stops_no_clock() {
    let firm = Firm::start().await;
    let case = firm.inquiry().await;
    let mut policy =
        firm.ok("staff/grace", "PolicyService/GetPolicy", json!({ "name": "policies/current" })).await["policy"]
            .clone();
    policy["officialDomain"] = json!("northgate-advisory.example");
    policy["serviceAddress"] = json!("service@northgate-advisory.example");
    firm.ok("staff/grace", "PolicyService/PublishPolicy", json!({ "policy": policy })).await;

    let reply = firm.reply("staff/anna", &case).await;
    assert_eq!(
        (&reply["state"], &reply["reason"]),
        (&json!("NOTIFICATION_STATE_BLOCKED"), &json!("SENDER_NOT_OFFICIAL"))
    );
    assert_eq!(firm.sent_as("REPLY"), Vec::<String>::new());
    assert_eq!(clock(&firm.case(&case).await, "FIRST_RESPONSE")["state"], "CLOCK_STATE_RUNNING");
    let entries = firm.entries(&case).await;
    let last = entries.last().unwrap();
    assert_eq!((&last["kind"], &last["reason"]), (&json!("TIMELINE_KIND_NOT_TOLD"), &json!("SENDER_NOT_OFFICIAL")));

    let new = json!("anna.petrova@northgate-advisory.example");
    firm.change("Staff", "staff/anna", |anna| anna["email"] = new).await;
    firm.reply("staff/anna", &case).await;
    assert_eq!(firm.case(&case).await["state"], "CASE_STATE_ANSWERED");
    assert!(from(&firm.sent_as("REPLY")[0]).contains("anna.petrova@northgate-advisory.example"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_who_has_left_is_neither_written_to_nor_heard() {
    let firm = Firm::start().await;
    let case = firm.inquiry().await;
    firm.change("Contact", "clients/acme/contacts/jo", |jo| jo["inactive"] = json!(true)).await;
    let reply = firm.reply("staff/anna", &case).await;
    assert_eq!(
        (&reply["state"], &reply["reason"]),
        (&json!("NOTIFICATION_STATE_BLOCKED"), &json!("RECIPIENT_INACTIVE"))
    );
    assert_eq!(clock(&firm.case(&case).await, "FIRST_RESPONSE")["state"], "CLOCK_STATE_RUNNING");
    assert_eq!(firm.sent_as("REPLY"), Vec::<String>::new());

    let mail = firm.mail(JO, "From my new job", "Hello").await;
    assert_eq!(firm.mail_now(&mail).await["triage"]["reason"], "UNKNOWN_SENDER");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_goes_on_with_the_clients_conversation_and_what_has_left_is_not_taken_back() {
    let firm = Firm::start().await;
    let asked = firm.mail(JO, "The timetable", "When?").await;
    let case = firm.case_of(&asked).await["name"].clone();
    let id = firm.mail_now(&asked).await["messageId"].as_str().unwrap().to_owned();
    let request = json!({
        "client": "clients/acme", "case": case, "nature": "MESSAGE_NATURE_REPLY", "text": "On the twelfth.",
    });
    let answer = firm.ok("staff/anna", "NotificationService/SendMessage", request).await;
    let mail = firm.sent_as("REPLY").remove(0);
    assert!(mail.contains(&format!("In-Reply-To: <{id}>")), "{mail}");
    assert!(mail.contains("Subject: Re: The timetable"), "{mail}");
    let cancel = json!({ "name": answer["notification"]["name"] });
    assert_eq!(firm.refused("staff/anna", "NotificationService/CancelNotification", cancel).await, "NOT_QUEUED");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_one_persons_since_it_decides_whose_word_a_mail_holds() {
    let firm = Firm::start().await;
    // Of the firm's own addresses none is a client's: whoever writes from there could confirm for both parties (SOP 8.4).
    for (address, expected) in
        [("Jo.Marsh@ACME.example", "ADDRESS_TAKEN"), ("ivan.horak@northgate.example", "FIRM_ADDRESS")]
    {
        let contact = json!({ "displayName": "Somebody Else", "email": address });
        let request = json!({ "parent": "clients/hikari", "contact": contact });
        let reason = firm.refused("staff/frank", "ContactService/CreateContact", request).await;
        assert_eq!(reason, expected, "{address}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_breaks_rules_is_refused_with_all_fields_at_once_and_nothing_is_queued() {
    let firm = Firm::start().await;
    firm.until("2027-03-24T10:00[Europe/London]").await;
    let case = firm.inquiry().await;
    let request = json!({
        "client": "acme", "case": "cases/", "contact": "jo", "subject": "Hello\r\nBcc: all@elsewhere.example", "text": "",
        "requestId": "not an id",
    });
    let refused = firm.call("staff/anna", "NotificationService/SendMessage", request).await.unwrap_err();
    assert_eq!(refused.code, "INVALID_ARGUMENT");
    let mut fields: Vec<_> = refused.fields.iter().map(|(field, _)| field.as_str()).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["case", "client", "contact", "nature", "request_id", "subject", "text"]);
    assert_eq!(firm.notifications(&case, "REPLY").await.len(), 0);
    assert_eq!(clock(&firm.case(&case).await, "FIRST_RESPONSE")["dueTime"], at("2027-03-25T10:00[Europe/London]"));
}
