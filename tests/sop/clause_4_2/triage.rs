use liaison_tests::{Firm, JO, at, clock};
use serde_json::{Value, json};

const STRANGER: &str = "r.quill@elsewhere.example";

/// A mail of Wednesday at ten from nobody known.
async fn stranger(firm: &Firm) -> Value {
    firm.until("2027-03-24T10:00[Europe/London]").await;
    firm.mail(STRANGER, "Access to the trial system", "It is Sam, from home. Is my access ready?").await
}

async fn reason_of(firm: &Firm, mail: &Value) -> String {
    let mail = firm.mail_now(mail).await;
    assert_eq!(mail["state"], "MAIL_STATE_IN_TRIAGE", "{mail}");
    mail["triage"]["reason"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_of_an_unknown_sender_lies_in_triage_with_an_owner_and_a_clock() {
    let firm = Firm::start().await;
    let mail = stranger(&firm).await;
    let mail = firm.mail_now(&mail).await;
    assert_eq!(mail["state"], "MAIL_STATE_IN_TRIAGE");
    let triage = &mail["triage"];
    assert_eq!(triage["reason"], "UNKNOWN_SENDER");
    assert_eq!(triage["owners"], json!(["staff/ivan"]));
    assert_eq!(triage["dueTime"], at("2027-03-25T10:00[Europe/London]"), "one business day in the firm's calendar");
    let told = firm.sent_as("TRIAGE");
    assert_eq!(told.len(), 1);
    assert!(told[0].contains("ivan.horak@northgate.example") && !told[0].contains(STRANGER), "{}", told[0]);
    let cases = firm.ok("staff/grace", "CaseService/ListCases", json!({})).await;
    assert_eq!(cases, json!({}), "it is no inquiry yet");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_is_named_for_intake_management_owns_what_lies_in_triage() {
    let firm = Firm::start().await;
    firm.change("Staff", "staff/ivan", |ivan| ivan["roles"] = json!([])).await;
    let mail = stranger(&firm).await;
    assert_eq!(firm.mail_now(&mail).await["triage"]["owners"], json!(["staff/grace"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_lies_in_triage_too_long_is_told_to_intake_and_management() {
    let firm = Firm::start().await;
    let mail = stranger(&firm).await;
    firm.until("2027-03-25T09:59[Europe/London]").await;
    assert_eq!(firm.mail_now(&mail).await["triage"].get("overdue"), None);
    firm.until("2027-03-25T10:00[Europe/London]").await;
    assert_eq!(firm.mail_now(&mail).await["triage"]["overdue"], true);
    let mut told = firm.told(&Value::Null, "TRIAGE_OVERDUE").await;
    told.sort();
    assert_eq!(told, ["staff/grace", "staff/ivan"]);

    let dismissal = json!({ "name": mail["name"], "reason": "An advertisement." });
    firm.ok("staff/ivan", "InboundService/DismissMail", dismissal.clone()).await;
    assert_eq!(firm.mail_now(&mail).await["triage"]["overdue"], true, "late for good");
    assert_eq!(firm.refused("staff/ivan", "InboundService/DismissMail", dismissal).await, "NOT_IN_TRIAGE");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_is_seen_to_in_time_is_never_told_as_overdue() {
    let firm = Firm::start().await;
    let mail = stranger(&firm).await;
    let dismissal = json!({ "name": mail["name"], "reason": "An advertisement." });
    let mail = firm.ok("staff/ivan", "InboundService/DismissMail", dismissal).await["mail"].clone();
    assert_eq!((&mail["state"], &mail["triage"]["endedBy"]), (&json!("MAIL_STATE_DISMISSED"), &json!("staff/ivan")));
    firm.until("2027-03-31T10:00[Europe/London]").await;
    assert_eq!(firm.sent_as("TRIAGE_OVERDUE"), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_leaves_triage_as_a_clients_word_counts_from_when_it_was_received() {
    let firm = Firm::start().await;
    let (soon, late) = (stranger(&firm).await, firm.mail(STRANGER, "Another matter", "Is the letter sent?").await);
    let attribution = |mail: &Value, contact: &str| json!({ "name": mail["name"], "contact": format!("clients/acme/contacts/{contact}") });
    let nobody = firm.refused("staff/ivan", "InboundService/AttributeMail", attribution(&soon, "nobody")).await;
    assert_eq!(nobody, "NOT_FOUND");
    firm.until("2027-03-24T16:00[Europe/London]").await;
    firm.ok("staff/ivan", "InboundService/AttributeMail", attribution(&soon, "sam")).await;
    let case = firm.case_of(&soon).await;
    assert_eq!((&case["client"], &case["opener"]), (&json!("clients/acme"), &json!("clients/acme/contacts/sam")));
    assert_eq!(clock(&case, "FIRST_RESPONSE")["startTime"], at("2027-03-24T10:00[Europe/London]"));
    assert_eq!(clock(&case, "FIRST_RESPONSE")["dueTime"], at("2027-03-25T10:00[Europe/London]"));

    firm.until("2027-03-25T12:00[Europe/London]").await;
    firm.ok("staff/ivan", "InboundService/AttributeMail", attribution(&late, "sam")).await;
    let case = firm.case_of(&late).await;
    assert_eq!(case["kind"], "CASE_KIND_ISSUE", "its day was over in triage");
    assert_eq!(clock(&case, "FIRST_RESPONSE")["dueTime"], at("2027-03-25T10:00[Europe/London]"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_from_that_the_firms_mail_server_does_not_vouch_for_speaks_for_nobody() {
    let firm = Firm::start().await;
    let number = std::cell::Cell::new(0);
    let claimed = async |results: &str| {
        number.set(number.get() + 1);
        let raw = format!(
            "{results}From: Jo Marsh <{JO}>\nTo: <service@northgate.example>\nSubject: New bank details\n\
             Message-ID: <x{}@mailer.example>\n\nPlease pay there from now on.\n",
            number.get()
        );
        let mail = firm.raw_mail(&raw, "bounce@mailer.example").await.unwrap()["mail"].clone();
        reason_of(&firm, &mail).await
    };
    let ours = "Authentication-Results: mx.northgate.example;";
    let pass = "Authentication-Results: mx.northgate.example; dmarc=pass header.from=acme.example\n";
    let failed = format!("{ours} spf=fail; dkim=none; dmarc=fail header.from=acme.example\n");
    assert_eq!(claimed(&failed).await, "FORGED_SENDER");
    assert_eq!(claimed(&format!("{failed}{pass}")).await, "FORGED_SENDER", "the sender may write a second one");
    assert_eq!(claimed("").await, "UNVERIFIED_SENDER");
    let strangers = "Authentication-Results: mx.mailer.example; dmarc=pass header.from=acme.example\n";
    assert_eq!(claimed(strangers).await, "UNVERIFIED_SENDER");
    let another = format!("{ours} dmarc=pass header.from=mailer.example\n");
    assert_eq!(claimed(&another).await, "UNVERIFIED_SENDER", "it vouches for another domain");
    let twice = format!("{pass}From: <r.quill@elsewhere.example>\n");
    assert_eq!(claimed(&twice).await, "AMBIGUOUS_SENDER");

    let cases = firm.ok("staff/grace", "CaseService/ListCases", json!({})).await;
    assert_eq!(cases, json!({}), "none of them opened anything");
    assert_eq!(firm.sent_as("AUTO_ACKNOWLEDGEMENT"), Vec::<String>::new(), "and nobody was answered");
}
