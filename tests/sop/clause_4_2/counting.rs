use base64::{Engine, engine::general_purpose::STANDARD};
use liaison_tests::{Firm, JO, KIM, YUI, at, clock, instant};
use serde_json::{Value, json};

async fn due_of(firm: &Firm, mail: &Value) -> String {
    let case = firm.case_of(mail).await;
    clock(&case, "FIRST_RESPONSE")["dueTime"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_business_day_passes_over_a_holiday_a_weekend_and_a_clock_change() {
    let firm = Firm::start().await;
    firm.until("2027-03-25T16:10[Europe/London]").await;
    let case = firm.inquiry().await;
    let case = firm.case(&case).await;
    let response = clock(&case, "FIRST_RESPONSE");
    // Good Friday, the weekend in which summer time begins, and Easter Monday lie between.
    assert_eq!(response["startTime"], at("2027-03-25T16:10[Europe/London]"));
    assert_eq!(response["dueTime"], "2027-03-30T15:10:00Z");
    assert_eq!(response["dueLocal"], "2027-03-30T16:10:00[Europe/London]");
    assert_eq!(response["state"], "CLOCK_STATE_RUNNING");
    let rests = &response["provenance"];
    assert_eq!((&rests["calendar"], &rests["calendarRevision"]), (&json!("calendars/northgate"), &json!("1")));
    assert_eq!(rests["tzdbVersion"], business_time::tzdb_version());
    assert_eq!(rests["holidaysVersion"], business_time::holidays_version());

    firm.until("2027-03-30T16:09[Europe/London]").await;
    assert_eq!(firm.case(&case["name"]).await["state"], "CASE_STATE_AWAITING_RESPONSE");
    firm.until("2027-03-30T16:10[Europe/London]").await;
    assert_eq!(firm.case(&case["name"]).await["kind"], "CASE_KIND_ISSUE");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_received_outside_hours_counts_as_received_at_the_next_opening() {
    let firm = Firm::start().await;
    for (received, from, due) in [
        // The opening belongs to the hours, the close does not; Good Friday is no holiday in New York.
        ("2027-03-24T17:00[America/New_York]", KIM, "2027-03-26T08:30[America/New_York]"),
        ("2027-03-25T08:30[America/New_York]", KIM, "2027-03-26T08:30[America/New_York]"),
        // In the break at noon.
        ("2027-03-26T12:30[Asia/Tokyo]", YUI, "2027-03-29T13:00[Asia/Tokyo]"),
        ("2027-03-30T08:30[Asia/Tokyo]", YUI, "2027-03-31T09:00[Asia/Tokyo]"),
        // The office closes half an hour earlier on Fridays: due at that day's close.
        ("2027-04-01T17:15[Europe/London]", JO, "2027-04-02T17:00[Europe/London]"),
        ("2027-04-03T11:00[Europe/London]", JO, "2027-04-06T09:00[Europe/London]"),
    ] {
        firm.until(received).await;
        let mail = firm.mail(from, &format!("At {received}"), "When?").await;
        assert_eq!(due_of(&firm, &mail).await, at(due), "received at {received}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clock_counts_from_receipt_not_from_hand_over() {
    let firm = Firm::start().await;
    firm.until("2027-03-25T09:30[Europe/London]").await;
    let received = |time: &str| instant(time);
    let held = firm.mail_received(JO, "Held", "When?", "", received("2027-03-24T10:00[Europe/London]")).await;
    assert_eq!(due_of(&firm, &held).await, at("2027-03-25T10:00[Europe/London]"));

    let long = firm.mail_received(JO, "Held long", "When?", "", received("2027-03-23T10:00[Europe/London]")).await;
    let late = firm.case_of(&long).await;
    assert_eq!(late["kind"], "CASE_KIND_ISSUE", "its day was over before it came here");
    let (response, resolution) = (clock(&late, "FIRST_RESPONSE"), clock(&late, "RESOLUTION"));
    assert_eq!(
        (&response["breached"], &response["dueTime"]),
        (&json!(true), &json!(at("2027-03-24T10:00[Europe/London]")))
    );
    assert_eq!(resolution["startTime"], at("2027-03-24T10:00[Europe/London]"), "an issue since it was late");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_firms_own_mail_server_says_when_it_received_a_mail_and_no_other_does() {
    let firm = Firm::start().await;
    firm.until("2027-03-24T15:00[Europe/London]").await;
    let deliver = |id: &str, trace: &str| {
        let raw = format!(
            "{trace}Authentication-Results: mx.northgate.example; dmarc=pass header.from=acme.example\nFrom: <{JO}>\n\
             To: <service@northgate.example>\nSubject: {id}\nMessage-ID: <{id}@acme.example>\n\nWhen?\n"
        );
        json!({ "raw": STANDARD.encode(raw.replace('\n', "\r\n")), "envelopeFrom": JO })
    };
    let ours = "Received: from mail.acme.example by mx.northgate.example; Wed, 24 Mar 2027 10:00:00 +0000\n";
    let theirs = "Received: from pc.acme.example by mail.acme.example; Wed, 24 Mar 2027 09:10:00 +0000\n";
    let take = async |request| {
        let mail = firm.ok("services/intake", "InboundService/DeliverMail", request).await["mail"].clone();
        due_of(&firm, &mail).await
    };
    assert_eq!(take(deliver("both", &format!("{ours}{theirs}"))).await, at("2027-03-25T10:00[Europe/London]"));
    assert_eq!(take(deliver("theirs", theirs)).await, at("2027-03-25T15:00[Europe/London]"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inquiry_that_a_contact_opens_by_a_call_has_the_same_clock() {
    let firm = Firm::start().await;
    firm.until("2027-03-24T10:00[Europe/London]").await;
    let draft =
        |client: &str| json!({ "case": { "client": client, "kind": "CASE_KIND_INQUIRY", "subject": "The dates" } });
    let who = "clients/acme/contacts/jo";
    let case = firm.ok(who, "CaseService/OpenCase", draft("clients/acme")).await["case"].clone();
    assert_eq!((&case["opener"], &case["origin"]), (&json!(who), &json!("CASE_ORIGIN_API")));
    assert_eq!(clock(&case, "FIRST_RESPONSE")["dueTime"], at("2027-03-25T10:00[Europe/London]"));
    firm.reply("staff/anna", &case["name"]).await;
    assert_eq!(firm.case(&case["name"]).await["state"], "CASE_STATE_ANSWERED");

    let foreign = firm.refused(who, "CaseService/OpenCase", draft("clients/bluewater")).await;
    assert_eq!(foreign, "CLIENT_NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_policy_gives_an_inquiry_more_than_one_business_day() {
    let firm = Firm::start().await;
    let mut policy =
        firm.ok("staff/grace", "PolicyService/GetPolicy", json!({ "name": "policies/current" })).await["policy"]
            .clone();
    policy["firstResponseBusinessDays"] = json!(2);
    let refused =
        firm.call("staff/grace", "PolicyService/PublishPolicy", json!({ "policy": policy })).await.unwrap_err();
    assert_eq!(
        (refused.code.as_str(), refused.fields[0].0.as_str()),
        ("INVALID_ARGUMENT", "policy.first_response_business_days")
    );
}
