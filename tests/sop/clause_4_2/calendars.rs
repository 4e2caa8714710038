use liaison::call::Refused;
use liaison_tests::{Firm, at, clock};
use serde_json::{Value, json};

async fn create(firm: &Firm, calendar: Value) -> Refused {
    let request = json!({ "calendarId": "another", "calendar": calendar });
    let refused = firm.call("staff/grace", "CalendarService/CreateCalendar", request).await.unwrap_err();
    assert_eq!(refused.code, "INVALID_ARGUMENT");
    let there = firm.call("staff/grace", "CalendarService/GetCalendar", json!({ "name": "calendars/another" })).await;
    assert_eq!(there.unwrap_err().reason, "NOT_FOUND", "and nothing was made");
    refused
}

fn fields(refused: &Refused) -> Vec<&str> {
    refused.fields.iter().map(|(field, _)| field.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_calendar_in_a_zone_that_does_not_exist_or_without_a_working_day_is_refused() {
    let firm = Firm::start().await;
    let monday = |open: &str, close: &str| json!({ "day": "DAY_OF_WEEK_MONDAY", "open": open, "close": close });
    let nowhere = create(&firm, json!({ "timeZone": "Europe/Londinium", "week": [monday("09:00", "17:00")] })).await;
    assert_eq!((nowhere.reason.as_str(), fields(&nowhere)), ("UNKNOWN_TIME_ZONE", vec!["calendar.time_zone"]));
    let never = create(&firm, json!({ "timeZone": "Europe/London" })).await;
    assert_eq!((never.reason.as_str(), fields(&never)), ("NO_WORKING_DAY", vec!["calendar.week"]));

    let backwards = json!({
        "timeZone": "Europe/Londinium", "week": [monday("17:00", "09:00")], "holidayRegions": ["XX"],
        "closures": [{ "date": "2027-02-30" }],
    });
    let all = create(&firm, backwards).await;
    let wrong =
        ["calendar.time_zone", "calendar.week[0].close", "calendar.holiday_regions[0]", "calendar.closures[0].date"];
    assert_eq!(fields(&all), wrong, "all of it in one answer");

    let working = firm.ok("staff/grace", "CalendarService/GetCalendar", json!({ "name": "calendars/northgate" })).await;
    let mut idle = working["calendar"].clone();
    idle["week"] = json!([]);
    let refused = firm.refused("staff/grace", "CalendarService/UpdateCalendar", json!({ "calendar": idle })).await;
    assert_eq!(refused, "NO_WORKING_DAY", "nor does one become so");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_the_calendar_moves_a_running_due_time_and_raises_the_epoch() {
    let firm = Firm::start().await;
    firm.until("2027-03-24T10:00[Europe/London]").await;
    let name = firm.inquiry().await;
    let before = firm.case(&name).await;
    firm.close("calendars/northgate", "2027-03-25").await;
    let after = firm.case(&name).await;
    let epoch = |case: &Value| case["epoch"].as_str().unwrap().parse::<u64>().unwrap();
    assert_eq!(epoch(&after), epoch(&before) + 1);
    let response = clock(&after, "FIRST_RESPONSE");
    assert_eq!(response["dueTime"], at("2027-03-30T10:00[Europe/London]"), "Thursday is closed now, then Easter");
    assert_eq!(response["provenance"]["calendarRevision"], "2");
    let entries = firm.entries(&name).await;
    let moved = entries.last().unwrap();
    assert_eq!((&moved["kind"], &moved["dueTime"]), (&json!("TIMELINE_KIND_CLOCK_RECOMPUTED"), &response["dueTime"]));

    firm.until("2027-03-25T12:00[Europe/London]").await;
    assert_eq!(firm.case(&name).await["state"], "CASE_STATE_AWAITING_RESPONSE", "the former due time does nothing");
    firm.until("2027-03-30T10:00[Europe/London]").await;
    assert_eq!(firm.case(&name).await["kind"], "CASE_KIND_ISSUE");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recorded_breach_stays_whatever_the_calendar_says_later() {
    let firm = Firm::start().await;
    firm.until("2027-03-24T10:00[Europe/London]").await;
    let name = firm.inquiry().await;
    firm.until("2027-03-25T10:00[Europe/London]").await;
    let before = firm.case(&name).await;
    assert_eq!(clock(&before, "FIRST_RESPONSE")["breached"], true);
    firm.close("calendars/northgate", "2027-03-25").await;
    let after = firm.case(&name).await;
    assert_eq!((&after["kind"], &after["clocks"]), (&before["kind"], &before["clocks"]));
    let entries = firm.entries(&name).await;
    let note = entries.last().unwrap();
    assert_eq!((&note["kind"], &note["reason"]), (&json!("TIMELINE_KIND_CLOCK_RECOMPUTED"), &json!("BREACH_STANDS")));
    assert_eq!(note["dueTime"], at("2027-03-30T10:00[Europe/London]"), "what it would have been");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_moves_to_another_calendar_takes_its_running_clocks_along() {
    let firm = Firm::start().await;
    firm.until("2027-03-24T10:00[Europe/London]").await;
    let name = firm.inquiry().await;
    firm.change("Client", "clients/acme", |acme| acme["calendar"] = json!("calendars/new-york")).await;
    // Six in the morning there: as if received at half past eight.
    let response = clock(&firm.case(&name).await, "FIRST_RESPONSE").clone();
    assert_eq!(response["dueTime"], at("2027-03-25T08:30[America/New_York]"));
    assert_eq!(response["provenance"]["calendar"], "calendars/new-york");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_the_firms_calendar_moves_what_is_due_in_triage() {
    let firm = Firm::start().await;
    firm.until("2027-03-24T10:00[Europe/London]").await;
    let mail = firm.mail("r.quill@elsewhere.example", "Hello", "It is me.").await;
    firm.close("calendars/northgate", "2027-03-25").await;
    assert_eq!(firm.mail_now(&mail).await["triage"]["dueTime"], at("2027-03-30T10:00[Europe/London]"));
}
