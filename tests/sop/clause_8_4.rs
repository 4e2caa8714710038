//! SOP 8.4: followed up until both parties have confirmed. Nothing closes by itself.

use http_body_util::{BodyExt, Full};
use liaison::{call, player::Stage};
use liaison_tests::{Firm, JO as JO_ADDRESS, at, clock};
use serde_json::{Value, json};
use tonic::body::Body;
use tower::ServiceExt;

const JO: &str = "clients/acme/contacts/jo";
const SAM: &str = "clients/acme/contacts/sam";
const KIM: &str = "clients/bluewater/contacts/kim";

/// An issue of acme with a proposal by Ben.
async fn proposed(firm: &Firm) -> Value {
    let case = firm.issue().await;
    firm.propose("staff/ben", &case).await;
    case
}

fn recorded(case: &Value, contact: &str) -> Value {
    json!({
        "name": case, "proposalRevision": 1, "contact": contact,
        "evidence": "Called on +44 20 7946 0011 at 9:45; agreed to the repaired export.",
    })
}

const RECORD: &str = "CaseService/RecordClientConfirmation";

#[tokio::test(flavor = "multi_thread")]
async fn an_issue_closes_when_both_sides_have_confirmed_the_same_revision_whoever_comes_first() {
    let firm = Firm::start().await;
    for (first, second) in [(JO, "staff/anna"), ("staff/anna", JO)] {
        let case = proposed(&firm).await;
        let half = firm.confirm(first, &case, 1).await;
        assert_eq!(half["state"], "CASE_STATE_RESOLUTION_PROPOSED", "after {first} alone");
        let whole = firm.confirm(second, &case, 1).await;
        assert_eq!(whole["state"], "CASE_STATE_CLOSED");
        assert_eq!(clock(&whole, "RESOLUTION")["state"], "CLOCK_STATE_ENDED");
        let confirmations = whole["proposal"]["confirmations"].as_array().unwrap();
        let mut sides: Vec<_> =
            confirmations.iter().map(|one| (one["side"].as_str().unwrap(), one["person"].as_str().unwrap())).collect();
        sides.sort_unstable();
        assert_eq!(sides, [("SIDE_CLIENT", JO), ("SIDE_FIRM", "staff/anna")]);
        assert_eq!(firm.confirm_refused("staff/ben", &case, 1).await, "CASE_CLOSED");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_by_mail_confirms_and_rejects_nothing_and_is_not_lost() {
    let firm = Firm::start().await;
    // Opened by a call, so that the request to confirm is the first mail about it.
    let case = proposed(&firm).await;
    let asked = firm.notifications(&case, "CONFIRMATION_REQUEST").await;
    let no = firm.mail_in_reply(JO_ADDRESS, &asked[0]["messageId"]).await;
    assert_eq!(firm.mail_now(&no).await["case"], case, "it finds its case");
    let still = firm.case(&case).await;
    assert_eq!(still["state"], "CASE_STATE_RESOLUTION_PROPOSED");
    assert!(firm.timeline(&case).await.contains(&"CLIENT_WROTE".to_owned()));
    assert_eq!(firm.told(&case, "CONFIRMATION_ANSWERED").await, ["staff/anna"]);
    let rejected = firm.reject("staff/anna", &case, 1).await;
    assert_eq!(rejected["state"], "CASE_STATE_UNRESOLVED", "who read it records it");
    assert_eq!(clock(&rejected, "RESOLUTION")["state"], "CLOCK_STATE_RUNNING");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proposal_without_words_is_none_and_suspends_nothing() {
    let firm = Firm::start().await;
    let case = firm.issue().await;
    for text in ["", "   ", "\u{200b}", "…"] {
        let proposal = json!({ "name": case, "text": text });
        assert_eq!(
            firm.refused("staff/ben", "CaseService/ProposeResolution", proposal).await,
            "INVALID_FIELDS",
            "{text:?}"
        );
    }
    assert_eq!(clock(&firm.case(&case).await, "RESOLUTION")["state"], "CLOCK_STATE_RUNNING");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmation_of_an_older_revision_or_of_none_is_refused() {
    let firm = Firm::start().await;
    let case = firm.issue().await;
    assert_eq!(firm.confirm_refused(JO, &case, 1).await, "NO_PROPOSAL");
    firm.propose("staff/ben", &case).await;
    assert_eq!(firm.confirm_refused(JO, &case, 2).await, "NO_PROPOSAL");
    firm.propose("staff/ben", &case).await;
    for who in [JO, "staff/anna"] {
        assert_eq!(firm.confirm_refused(who, &case, 1).await, "PROPOSAL_REVISED", "{who}");
    }
    firm.confirm(JO, &case, 2).await;
    let inquiry = firm.inquiry().await;
    assert_eq!(firm.confirm_refused("staff/anna", &inquiry, 1).await, "NOT_AN_ISSUE");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_different_people_of_two_sides_confirm() {
    let firm = Firm::start().await;
    let case = proposed(&firm).await;
    firm.confirm(JO, &case, 1).await;
    assert_eq!(firm.confirm_refused(JO, &case, 1).await, "ALREADY_CONFIRMED");
    let recorded_again = firm.refused("staff/anna", RECORD, recorded(&case, JO)).await;
    assert_eq!(recorded_again, "ALREADY_CONFIRMED", "nor by way of a recorder");
    let other = proposed(&firm).await;
    firm.confirm("staff/anna", &other, 1).await;
    assert_eq!(firm.confirm_refused("staff/anna", &other, 1).await, "ALREADY_CONFIRMED");
    assert_eq!(firm.confirm_refused("staff/grace", &other, 1).await, "SIDE_ALREADY_CONFIRMED");
    for case in [case, other] {
        assert_eq!(firm.case(&case).await["state"], "CASE_STATE_RESOLUTION_PROPOSED");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_of_another_client_confirms_nothing_and_is_confirmed_for_by_nobody() {
    let firm = Firm::start().await;
    let case = proposed(&firm).await;
    let before = firm.case(&case).await;
    assert_eq!(firm.confirm_refused(KIM, &case, 1).await, "NOT_FOUND");
    let reject = json!({ "name": case, "proposalRevision": 1, "reason": "x" });
    assert_eq!(firm.refused(KIM, "CaseService/RejectResolution", reject).await, "NOT_FOUND");
    for who in ["staff/anna", "staff/grace"] {
        assert_eq!(firm.refused(who, RECORD, recorded(&case, KIM)).await, "CONTACT_OF_ANOTHER_CLIENT", "{who}");
    }
    assert_eq!(firm.case(&case).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_who_may_not_confirm_for_the_client_does_not() {
    let firm = Firm::start().await;
    let case = proposed(&firm).await;
    firm.ok(SAM, "CaseService/GetCase", json!({ "name": case })).await;
    assert_eq!(firm.confirm_refused(SAM, &case, 1).await, "NO_PERMISSION");
    let reject = json!({ "name": case, "proposalRevision": 1, "reason": "x" });
    assert_eq!(firm.refused(SAM, "CaseService/RejectResolution", reject).await, "NO_PERMISSION");
    assert_eq!(firm.refused("staff/anna", RECORD, recorded(&case, SAM)).await, "CONTACT_CANNOT_CONFIRM");
    firm.change("Contact", SAM, |sam| sam["confirms"] = json!(true)).await;
    firm.confirm(SAM, &case, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_records_the_clients_word_cannot_be_the_firms_confirmer() {
    let firm = Firm::start().await;
    let case = proposed(&firm).await;
    assert_eq!(
        firm.refused("staff/carla", RECORD, recorded(&case, JO)).await,
        "NO_PERMISSION",
        "those who lead record"
    );
    let half = firm.ok("staff/anna", RECORD, recorded(&case, JO)).await["case"].clone();
    let word = &half["proposal"]["confirmations"][0];
    assert_eq!((&word["person"], &word["recorder"]), (&json!(JO), &json!("staff/anna")));
    let entries = firm.entries(&case).await;
    let entry = entries.iter().rfind(|entry| entry["kind"] == "TIMELINE_KIND_RESOLUTION_CONFIRMED").unwrap();
    assert_eq!((&entry["actor"], &entry["reason"]), (&json!("staff/anna"), &json!("RECORDED_BY_STAFF")));
    assert!(entry["text"].as_str().unwrap().starts_with("Called on"), "with its evidence");
    assert_eq!(firm.confirm_refused("staff/anna", &case, 1).await, "RECORDER_CANNOT_CONFIRM");
    assert_eq!(firm.confirm("staff/ben", &case, 1).await["state"], "CASE_STATE_CLOSED");

    let other = proposed(&firm).await;
    firm.confirm("staff/anna", &other, 1).await;
    let reason = firm.refused("staff/anna", RECORD, recorded(&other, JO)).await;
    assert_eq!(reason, "RECORDER_CANNOT_CONFIRM", "nor the other way round");
    let thin = json!({ "name": other, "proposalRevision": 1, "contact": JO, "evidence": "ok" });
    let refused = firm.call("staff/ben", RECORD, thin).await.unwrap_err();
    assert_eq!((refused.code.as_str(), refused.fields[0].0.as_str()), ("INVALID_ARGUMENT", "evidence"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_proposal_voids_the_confirmations_of_the_one_before() {
    let firm = Firm::start().await;
    let case = proposed(&firm).await;
    firm.confirm(JO, &case, 1).await;
    let revised = firm.propose("staff/ben", &case).await;
    assert_eq!((&revised["proposal"]["revision"], revised["proposal"].get("confirmations")), (&json!("2"), None));
    let half = firm.confirm("staff/anna", &case, 2).await;
    assert_eq!(half["state"], "CASE_STATE_RESOLUTION_PROPOSED", "the client's word was about another proposal");
    assert_eq!(firm.confirm(JO, &case, 2).await["state"], "CASE_STATE_CLOSED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejection_takes_the_proposal_back_and_what_was_confirmed_with_it() {
    let firm = Firm::start().await;
    let case = proposed(&firm).await;
    firm.confirm("staff/anna", &case, 1).await;
    let rejected = firm.reject(JO, &case, 1).await;
    assert_eq!(
        (&rejected["state"], &rejected["proposal"]["rejected"]),
        (&json!("CASE_STATE_UNRESOLVED"), &json!(true))
    );
    assert_eq!(firm.confirm_refused(JO, &case, 1).await, "NO_PROPOSAL");
    firm.propose("staff/ben", &case).await;
    firm.confirm(JO, &case, 2).await;
    assert_eq!(firm.case(&case).await["state"], "CASE_STATE_RESOLUTION_PROPOSED", "the firm confirms afresh too");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_closes_by_itself_over_thirty_days_and_both_sides_are_reminded_until_they_confirm() {
    let firm = Firm::start().await;
    firm.until("2027-03-24T10:00[Europe/London]").await;
    let case = proposed(&firm).await;
    assert_eq!(firm.told(&case, "CONFIRMATION_REQUEST").await, [JO]);
    let request = firm.sent_as("CONFIRMATION_REQUEST").remove(0);
    assert!(request.contains(JO_ADDRESS) && request.contains("The export is repaired"), "{request}");
    let reminded = async |who: &str| {
        let told = firm.told(&case, "CONFIRMATION_REMINDER").await;
        told.iter().filter(|person| *person == who).count()
    };
    firm.until("2027-03-25T10:00[Europe/London]").await;
    assert_eq!((reminded(JO).await, reminded("staff/anna").await), (1, 1));

    // Summer time has begun meanwhile: thirty days of 24 hours end at eleven.
    firm.until("2027-04-23T11:00[Europe/London]").await;
    assert_eq!(firm.case(&case).await["state"], "CASE_STATE_RESOLUTION_PROPOSED");
    assert_eq!((reminded(JO).await, reminded("staff/anna").await), (30, 30));

    firm.confirm(JO, &case, 1).await;
    firm.until("2027-04-25T11:00[Europe/London]").await;
    assert_eq!((reminded(JO).await, reminded("staff/anna").await), (30, 32), "only the side that is missing");
    firm.confirm("staff/anna", &case, 1).await;
    firm.until("2027-05-05T11:00[Europe/London]").await;
    assert_eq!((reminded(JO).await, reminded("staff/anna").await), (30, 32), "nobody after the end");
}

#[tokio::test(flavor = "multi_thread")]
async fn opening_a_link_confirms_nothing() {
    let firm = Firm::start().await;
    let case = proposed(&firm).await;
    let before = firm.case(&case).await;
    let mail = firm.sent_as("CONFIRMATION_REQUEST").remove(0);
    assert!(!mail.contains("http://") && !mail.contains("https://"), "there is no link to open: {mail}");

    // What a browser would do, even with the contact's token and the very bytes of a confirmation.
    let method = Stage::find_method("CaseService/ConfirmResolution").unwrap();
    let request = json!({ "name": case, "proposalRevision": 1 });
    let message = call::request(&method, &request.to_string()).unwrap();
    let bytes = prost_reflect::prost::Message::encode_to_vec(&message);
    let frame = [&[0], &u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], &bytes].concat();
    let channel = call::channel(&firm.suite().address().to_string()).unwrap();
    for verb in ["GET", "HEAD"] {
        let request = http::Request::builder()
            .method(verb)
            .uri(format!("/{}/{}", method.parent_service().full_name(), method.name()))
            .header("authorization", format!("Bearer {}", firm.suite().token(JO).unwrap()))
            .header("content-type", "application/grpc")
            .body(Body::new(Full::new(frame.clone().into()).map_err(|never| match never {})))
            .unwrap();
        let answer = channel.clone().oneshot(request).await;
        let code = answer.ok().and_then(|answer| answer.headers().get("grpc-status").cloned());
        assert_ne!(code.as_ref().map(|code| code.as_bytes()), Some(&b"0"[..]), "{verb}");
        firm.stage().settle().await.unwrap();
        assert_eq!(firm.case(&case).await, before, "after {verb}");
    }
    for method in ["CaseService/GetCase", "CaseService/PreviewCase"] {
        firm.ok(JO, method, json!({ "name": case })).await;
    }
    assert_eq!(firm.case(&case).await, before, "nor does reading it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proposal_on_a_case_that_changed_since_it_was_read_is_refused() {
    let firm = Firm::start().await;
    let case = firm.issue().await;
    let read = firm.ok("staff/ben", "CaseService/GetCase", json!({ "name": case })).await["case"]["etag"].clone();
    firm.ok("staff/anna", "CaseService/AcknowledgeCase", json!({ "name": case })).await;
    let propose = |etag: &Value| json!({ "name": case, "text": "It is repaired.", "etag": etag });
    let stale = firm.call("staff/ben", "CaseService/ProposeResolution", propose(&read)).await.unwrap_err();
    assert_eq!((stale.code.as_str(), stale.reason.as_str()), ("ABORTED", "STALE_ETAG"));
    assert_eq!(firm.case(&case).await.get("proposal"), None);
    let now = firm.case(&case).await["etag"].clone();
    firm.ok("staff/ben", "CaseService/ProposeResolution", propose(&now)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clients_word_after_the_end_is_a_new_inquiry() {
    let firm = Firm::start().await;
    firm.until("2027-03-24T10:00[Europe/London]").await;
    let asked = firm.mail(JO_ADDRESS, "The export", "It fails.").await;
    let case = firm.case_of(&asked).await["name"].clone();
    firm.ok("staff/anna", "CaseService/RaiseIssue", json!({ "name": case, "reason": "It fails for all." })).await;
    firm.propose("staff/ben", &case).await;
    firm.confirm(JO, &case, 1).await;
    firm.confirm("staff/anna", &case, 1).await;
    firm.until("2027-03-24T15:00[Europe/London]").await;
    let again = firm.mail_in_reply(JO_ADDRESS, &firm.mail_now(&asked).await["messageId"]).await;
    let new = firm.case_of(&again).await;
    assert_ne!(new["name"], case);
    assert_eq!((&new["kind"], &new["state"]), (&json!("CASE_KIND_INQUIRY"), &json!("CASE_STATE_AWAITING_RESPONSE")));
    assert_eq!(clock(&new, "FIRST_RESPONSE")["dueTime"], at("2027-03-25T15:00[Europe/London]"));
    assert_eq!(firm.case(&case).await["state"], "CASE_STATE_CLOSED");
}
