use std::time::Duration;

use serde_json::json;
use testkit::eventually_some;

use crate::support::{Served, mail_from_jo};

/// Less than a claim lives: the one process on its data ends at once what a killed one had claimed.
const SOON: Duration = Duration::from_secs(40);

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_before_a_kill_is_there_after_it() {
    let mut served = Served::start().await;
    served.register_a_client();
    let case = served.open_case("ISSUE", "The export fails");
    served.kill_and_restart().await;
    let after = served.case(&case["name"]);
    assert_eq!((&after["subject"], &after["state"]), (&json!("The export fails"), &json!("CASE_STATE_UNRESOLVED")));

    // A mail is handed over, and the suite killed before anybody can have looked at it.
    let mail = served.call("services/intake", "InboundService/DeliverMail", &mail_from_jo("m1", "The timetable"));
    served.kill_and_restart().await;
    let request = json!({ "mail": mail["mail"]["name"] });
    let inquiry = eventually_some(SOON, async || {
        let found = served.call("staff/anna", "CaseService/ListCases", &request);
        let case = found["cases"].get(0)?.clone();
        case["clocks"][0].get("dueTime").is_some().then_some(case)
    })
    .await;
    assert_eq!(inquiry["kind"], "CASE_KIND_INQUIRY", "{inquiry}");
    assert_eq!(inquiry["clocks"][0]["state"], "CLOCK_STATE_RUNNING", "{inquiry}");

    // The mail server was not sure and hands it over again: it is the same mail.
    let again = served.call("services/intake", "InboundService/DeliverMail", &mail_from_jo("m1", "The timetable"));
    assert_eq!((&again["duplicate"], &again["mail"]["name"]), (&json!(true), &mail["mail"]["name"]));
}
