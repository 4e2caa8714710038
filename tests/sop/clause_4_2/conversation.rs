use liaison_tests::{Firm, JO, KIM, SAM, at, clock};
use serde_json::{Value, json};

const PAT: &str = "pat@consultants.example";

/// An inquiry of Wednesday at ten that Anna answered at noon; the case, and her mail's Message-ID.
async fn answered(firm: &Firm) -> (Value, Value) {
    firm.until("2027-03-24T10:00[Europe/London]").await;
    let case = firm.inquiry().await;
    firm.until("2027-03-24T12:00[Europe/London]").await;
    let reply = firm.reply("staff/anna", &case).await;
    assert_eq!(firm.case(&case).await["state"], "CASE_STATE_ANSWERED");
    (case, reply["messageId"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clients_next_word_opens_an_answered_inquiry_again() {
    let firm = Firm::start().await;
    let (case, reply) = answered(&firm).await;
    firm.until("2027-03-24T14:00[Europe/London]").await;
    let mail = firm.mail_in_reply(JO, &reply).await;
    let again = firm.case_of(&mail).await;
    assert_eq!((&again["name"], &again["state"]), (&case, &json!("CASE_STATE_AWAITING_RESPONSE")));
    let response = clock(&again, "FIRST_RESPONSE");
    assert_eq!(response["startTime"], at("2027-03-24T14:00[Europe/London]"), "a clock of its own");
    assert_eq!(response["dueTime"], at("2027-03-25T14:00[Europe/London]"));
    let timeline = firm.timeline(&case).await;
    assert_eq!(timeline[timeline.len() - 2..], ["REOPENED", "CLOCK_SET"]);

    firm.until("2027-03-25T14:00[Europe/London]").await;
    assert_eq!(firm.case(&case).await["kind"], "CASE_KIND_ISSUE", "the earlier reply does not answer the later word");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clients_word_while_it_waits_belongs_to_the_same_inquiry_and_moves_nothing() {
    let firm = Firm::start().await;
    firm.until("2027-03-24T10:00[Europe/London]").await;
    let first = firm.mail(JO, "The timetable", "When?").await;
    let case = firm.case_of(&first).await;
    firm.until("2027-03-24T15:00[Europe/London]").await;
    let first = firm.mail_now(&first).await;
    // A colleague of hers writes on, and is the client as much as she is.
    let second = firm.mail_in_reply(SAM, &first["messageId"]).await;
    let now = firm.case_of(&second).await;
    assert_eq!(now["name"], case["name"]);
    assert_eq!(clock(&now, "FIRST_RESPONSE")["dueTime"], clock(&case, "FIRST_RESPONSE")["dueTime"]);
    assert_eq!(firm.timeline(&case["name"]).await.last().unwrap(), "CLIENT_WROTE");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_out_of_office_opens_nothing() {
    let firm = Firm::start().await;
    let (case, reply) = answered(&firm).await;
    let id = reply.as_str().unwrap();
    let on_it = format!("In-Reply-To: <{id}>\nReferences: <{id}>\nAuto-Submitted: auto-replied\n");
    let machine = firm.mail_with(JO, "Automatic reply", "I am away until Monday.", &on_it).await;
    let machine = firm.mail_now(&machine).await;
    assert_eq!((&machine["kind"], &machine["state"]), (&json!("MAIL_KIND_AUTOMATIC"), &json!("MAIL_STATE_ATTRIBUTED")));
    assert_eq!(firm.case(&case).await["state"], "CASE_STATE_ANSWERED");
    assert_eq!(firm.timeline(&case).await.last().unwrap(), "AUTOMATIC_MAIL");

    // Nor does one that comes by itself, or that only its empty envelope gives away.
    firm.mail_with(JO, "Automatic reply", "I am away.", "Auto-Submitted: auto-replied\n").await;
    let raw = format!(
        "Authentication-Results: mx.northgate.example; dmarc=pass header.from=acme.example\nFrom: <{JO}>\n\
         To: <service@northgate.example>\nSubject: Away\nMessage-ID: <away@acme.example>\n\nAway.\n"
    );
    firm.raw_mail(&raw, "").await.unwrap();
    let cases = firm.ok("staff/grace", "CaseService/ListCases", json!({})).await;
    assert_eq!(cases["cases"].as_array().map(Vec::len), Some(1), "{cases}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_mail_delivered_twice_is_one_inquiry() {
    let firm = Firm::start().await;
    let raw = |way: &str| {
        format!(
            "Received: from {way}.acme.example by mx.northgate.example; Wed, 24 Mar 2027 08:00:00 +0000\n\
             Authentication-Results: mx.northgate.example; dmarc=pass header.from=acme.example\nFrom: <{JO}>\n\
             To: <service@northgate.example>\nSubject: The timetable\nDate: Wed, 24 Mar 2027 07:59:00 +0000\n\
             Message-ID: <once@acme.example>\n\nWhen?\n"
        )
    };
    let first = firm.raw_mail(&raw("mail"), JO).await.unwrap();
    firm.until("2027-03-24T11:00[Europe/London]").await;
    let second = firm.raw_mail(&raw("relay"), JO).await.unwrap();
    assert_eq!((first.get("duplicate"), &second["duplicate"]), (None, &json!(true)));
    assert_eq!(second["mail"]["name"], first["mail"]["name"]);
    let case = firm.case_of(&first["mail"]).await;
    assert_eq!(clock(&case, "FIRST_RESPONSE")["startTime"], at("2027-03-24T08:00[Europe/London]"));
    assert_eq!(firm.timeline(&case["name"]).await, ["OPENED", "CLOCK_SET", "ACKNOWLEDGEMENT_SENT"]);
    assert_eq!(firm.sent_as("AUTO_ACKNOWLEDGEMENT").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_third_party_in_copy_stops_nothing_and_opens_nothing() {
    let firm = Firm::start().await;
    firm.until("2027-03-24T10:00[Europe/London]").await;
    let asked = firm.mail(JO, "The timetable", "When?").await;
    let case = firm.case_of(&asked).await;
    let id = firm.mail_now(&asked).await["messageId"].clone();
    for (address, reason) in [(PAT, "UNKNOWN_SENDER"), (KIM, "AMBIGUOUS_SENDER")] {
        let copied = firm.mail_in_reply(address, &id).await;
        let copied = firm.mail_now(&copied).await;
        assert_eq!(copied["state"], "MAIL_STATE_IN_TRIAGE", "{address}");
        assert_eq!(copied["triage"]["reason"], reason);
        assert_eq!(copied.get("client"), None, "nobody's word on acme's conversation");
        assert_eq!(firm.timeline(&case["name"]).await.last().unwrap(), "THIRD_PARTY_MAIL");
    }
    let now = firm.case(&case["name"]).await;
    assert_eq!(now["state"], "CASE_STATE_AWAITING_RESPONSE");
    assert_eq!(now["clocks"], case["clocks"]);

    firm.reply("staff/anna", &case["name"]).await;
    firm.mail_in_reply(PAT, &id).await;
    assert_eq!(firm.case(&case["name"]).await["state"], "CASE_STATE_ANSWERED");
}
