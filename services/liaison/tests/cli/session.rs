use std::{fs, os::unix::fs::PermissionsExt, process::Stdio};

use serde_json::{Value, json};
use testkit::eventually;

use crate::support::{PATIENCE, Served, liaison};

#[tokio::test(flavor = "multi_thread")]
async fn a_client_is_registered_and_a_case_opened_watched_escalated_and_confirmed() {
    let served = Served::start().await;
    let services = served.liaison(&["call"]).ok();
    for name in
        ["liaison.client_registry.v1.ClientService", "liaison.escalation.v1.CaseService", "grpc.health.v1.Health"]
    {
        assert!(services.lines().any(|line| line == name), "{services}");
    }
    let who = served.call("staff/admin", "AccessService/WhoAmI", &json!({}));
    assert_eq!((&who["grants"]["principal"], &who["grants"]["active"]), (&json!("staff/admin"), &json!(true)));
    served.register_a_client();

    // Watch: a stream's messages are lines. Whether it is open shows by what it brings.
    let lines = served.folder().join("watched");
    let mut watch = served
        .command(&["call", "CaseService/WatchCases", "{}", "--as", "staff/anna"])
        .stdout(fs::File::create(&lines).unwrap())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let watched = || -> Vec<Value> {
        let text = fs::read_to_string(&lines).unwrap();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    eventually(PATIENCE, async || {
        served.open_case("INQUIRY", "Is anybody watching?");
        !watched().is_empty()
    })
    .await;

    let case = served.open_case("ISSUE", "The export fails");
    let name = &case["name"];
    let escalated = served.call(
        "staff/anna",
        "CaseService/EscalateCase",
        &json!({ "name": name, "reason": "The board meets tomorrow." }),
    );
    assert_eq!(escalated["case"]["stepsTaken"], 1, "{escalated}");
    let proposal = json!({ "name": name, "text": "The export is repaired." });
    served.call("staff/anna", "CaseService/ProposeResolution", &proposal);
    let confirmation = json!({ "name": name, "proposalRevision": 1 });
    served.call("clients/acme/contacts/jo", "CaseService/ConfirmResolution", &confirmation);
    let closed = served.call("staff/anna", "CaseService/ConfirmResolution", &confirmation);
    assert_eq!(closed["case"]["state"], "CASE_STATE_CLOSED", "{closed}");

    let of_case = || -> Vec<String> {
        let messages = watched().into_iter().filter(|message| message["case"] == *name);
        messages.map(|message| message["event"].as_str().unwrap().to_owned()).collect()
    };
    eventually(PATIENCE, async || of_case().last().is_some_and(|event| event == "CaseClosed")).await;
    let happened = of_case();
    let at = |event: &str| {
        happened.iter().position(|one| one == event).unwrap_or_else(|| panic!("no {event}: {happened:?}"))
    };
    assert!(at("CaseOpened") < at("CaseEscalated") && at("CaseEscalated") < at("ResolutionProposed"), "{happened:?}");
    assert!(at("ResolutionProposed") < at("ResolutionConfirmed"), "{happened:?}");
    watch.kill().unwrap();
    watch.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_token_is_that_persons_for_any_client() {
    let served = Served::start().await;
    let token = served.liaison(&["token", "--as", "staff/admin"]).ok();
    let who = served.liaison(&["call", "AccessService/WhoAmI", "--token", token.trim()]).ok();
    assert!(who.contains("\"staff/admin\""), "{who}");
    let by_environment = served.command(&["call", "AccessService/WhoAmI"]).env("LIAISON_TOKEN", token.trim()).output();
    assert!(by_environment.unwrap().status.success());
    let told = served.liaison(&["token", "--as", "somebody"]).told();
    assert!(told.contains("somebody: a principal is staff/{staff}"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_told_with_its_reason_and_fields() {
    let served = Served::start().await;
    let week = json!([{ "day": "DAY_OF_WEEK_MONDAY", "open": "09:00", "close": "17:00" }]);
    let calendar = json!({ "calendar": { "timeZone": "Europe/Londinium", "week": week } });
    let told = served.refused("staff/admin", "CalendarService/CreateCalendar", &calendar);
    assert!(told.contains("INVALID_ARGUMENT UNKNOWN_TIME_ZONE: "), "{told}");
    assert!(told.contains("\n  calendar.time_zone: "), "{told}");

    // All wrong fields in one answer.
    let staff =
        json!({ "staffId": "-", "staff": { "displayName": "", "email": "nobody", "kind": "STAFF_KIND_EMPLOYEE" } });
    let told = served.refused("staff/admin", "StaffService/CreateStaff", &staff);
    for field in ["staff_id", "staff.display_name", "staff.email"] {
        assert!(told.contains(&format!("\n  {field}: ")), "{told}");
    }

    let told = served.refused("staff/admin", "CaseService/GetCase", &json!({ "name": "cases/nothing" }));
    assert!(told.contains("NOT_FOUND"), "{told}");
    let told = served.refused("staff/stranger", "ClientService/ListClients", &json!({}));
    assert!(told.contains("PERMISSION_DENIED UNKNOWN_PERSON"), "{told}");
    let told = served.liaison(&["call", "ClientService/ListClients"]).told();
    assert!(told.contains("UNAUTHENTICATED NO_TOKEN"), "{told}");
    let told = served.liaison(&["call", "ClientService/ListClients", "--token", "forged"]).told();
    assert!(told.contains("UNAUTHENTICATED BAD_TOKEN"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_the_server_is_told_before_it_is_sent() {
    let served = Served::start().await;
    let told = served.refused("staff/admin", "CaseService/GetCase", &json!({ "nmae": "cases/x" }));
    assert!(told.contains("does not fit liaison.escalation.v1.CaseService.GetCase") && told.contains("nmae"), "{told}");
    let told = served.refused("staff/admin", "CaseService/Nothing", &json!({}));
    assert!(told.contains("has no method `Nothing`") && told.contains("GetCase"), "{told}");
    let told = served.refused("staff/admin", "NoService/GetCase", &json!({}));
    assert!(told.contains("no service `NoService`") && told.contains("liaison.escalation.v1.CaseService"), "{told}");
    let told = served.liaison(&["call", "CaseService/GetCase", "{", "--as", "staff/admin"]).told();
    assert!(told.contains("does not fit"), "{told}");
}

#[test]
fn without_a_suite_or_an_issuer_the_next_step_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let told = liaison(folder.path(), &["token", "--as", "staff/admin"]).told();
    assert!(told.contains("`liaison init` switches it on"), "{told}");
    // Nobody listens on the port of discard.
    let told = liaison(folder.path(), &["call", "--to", "127.0.0.1:9"]).told();
    assert!(told.contains("liaison: "), "{told}");
    let told = liaison(folder.path(), &["--config", "none.toml", "token", "--as", "staff/admin"]).told();
    assert!(told.contains("none.toml"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_person_is_made_once_and_the_data_is_one_process_s() {
    let mut served = Served::start().await;
    let again = ["init", "--id", "mallory", "--name", "Mallory", "--email", "mallory@firm.example"];
    for second in [&again[..], &[]] {
        let told = served.liaison(second).told();
        assert!(told.contains("is in use; stop the liaison that serves it first"), "{told}");
    }
    served.kill();
    let told = served.liaison(&again).told();
    assert!(told.starts_with("liaison: init: "), "{told}");
}

#[test]
fn the_data_folder_is_its_owners_alone() {
    let home = tempfile::tempdir().unwrap();
    let init = |data: &str| {
        liaison(home.path(), &["--data", data, "init", "--name", "Grace Okafor", "--email", "grace@firm.example"]).ok();
        fs::metadata(home.path().join(data)).unwrap().permissions().mode() & 0o777
    };
    let make = |data: &str| {
        fs::create_dir(home.path().join(data)).unwrap();
        fs::set_permissions(home.path().join(data), PermissionsExt::from_mode(0o755)).unwrap();
    };
    assert_eq!(init("new/data"), 0o700);
    make("empty");
    assert_eq!(init("empty"), 0o700);

    // One that an earlier version made is closed when it is used again.
    fs::set_permissions(home.path().join("empty"), PermissionsExt::from_mode(0o755)).unwrap();
    let again = ["--data", "empty", "init", "--name", "Grace Okafor", "--email", "grace@firm.example"];
    assert!(liaison(home.path(), &again).told().contains("init"));
    assert_eq!(fs::metadata(home.path().join("empty")).unwrap().permissions().mode() & 0o777, 0o700);

    // One that holds other people's things too is theirs to close.
    make("shared");
    fs::write(home.path().join("shared/letter.txt"), "dear").unwrap();
    assert_eq!(init("shared"), 0o755);
}
