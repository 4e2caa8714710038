//! What makes no calendar, each with its field.

use business_time::{Calendar, CalendarError, CalendarSpec, Closure, Opening, WeekHours, Weekday};

use crate::support::{MONDAY_TO_FRIDAY, spec, week};

fn sound() -> CalendarSpec {
    spec("Europe/London", week(MONDAY_TO_FRIDAY, "09:00-17:30"), &["GB-ENG"])
}

fn hours(day: Weekday, open: &str, close: &str) -> WeekHours {
    WeekHours { day, open: open.to_owned(), close: close.to_owned() }
}

fn closure(date: &str) -> Closure {
    Closure { date: date.to_owned(), label: String::new() }
}

fn opening(date: &str, open: &str, close: &str) -> Opening {
    Opening { date: date.to_owned(), open: open.to_owned(), close: close.to_owned(), label: String::new() }
}

/// `change` makes a sound calendar wrong in one way.
fn refused(change: impl FnOnce(&mut CalendarSpec)) -> CalendarError {
    let mut spec = sound();
    change(&mut spec);
    let error = Calendar::try_new(spec.clone()).unwrap_err();
    assert_eq!(Calendar::check(&spec), std::slice::from_ref(&error), "and nothing else is wrong");
    error
}

#[test]
fn a_zone_that_does_not_exist_is_refused() {
    for zone in ["Europe/Atlantis", "", "europe/london", "GMT+25"] {
        assert_eq!(
            refused(|spec| spec.time_zone = zone.to_owned()),
            CalendarError::UnknownTimeZone { field: "time_zone".into(), value: zone.into() }
        );
    }
}

#[test]
fn a_week_without_a_working_day_is_refused() {
    assert_eq!(refused(|spec| spec.week.clear()), CalendarError::NoWorkingDay { field: "week".into() });
}

#[test]
fn exceptional_openings_alone_are_no_working_day() {
    let error = refused(|spec| {
        spec.week.clear();
        spec.openings.push(opening("2026-12-26", "09:00", "12:00"));
    });
    assert_eq!(error.reason(), "NO_WORKING_DAY");
}

#[test]
fn what_is_no_time_of_day_is_refused() {
    for text in ["", "9:00", "09.00", "09:60", "25:00", "24:01", "24:00", "09:00:00", "ab:cd", "+9:00", "０9:00"] {
        assert_eq!(
            refused(|spec| spec.week[2].open = text.to_owned()),
            CalendarError::MalformedTime { field: "week[2].open".into(), value: text.into() }
        );
    }
    assert_eq!(refused(|spec| spec.week[1].close = "24:01".into()).field(), "week[1].close");
    assert_eq!(refused(|spec| spec.openings.push(opening("2026-12-26", "nine", "12:00"))).field(), "openings[0].open");
}

#[test]
fn a_close_at_or_before_the_opening_is_refused() {
    for close in ["09:00", "08:59", "00:00"] {
        assert_eq!(
            refused(|spec| spec.week[2].close = close.to_owned()),
            CalendarError::CloseNotAfterOpen {
                field: "week[2].close".into(),
                open: "09:00".into(),
                close: close.into()
            }
        );
    }
    assert_eq!(
        refused(|spec| spec.openings.push(opening("2026-12-26", "22:00", "06:00"))).field(),
        "openings[0].close"
    );
}

#[test]
fn overlapping_hours_are_refused_and_touching_hours_are_not() {
    assert_eq!(
        refused(|spec| spec.week.push(hours(Weekday::Wednesday, "17:29", "18:00"))),
        CalendarError::OverlappingHours { field: "week[5]".into(), other: "week[2]".into() }
    );
    assert_eq!(refused(|spec| spec.week.push(hours(Weekday::Wednesday, "08:00", "18:00"))).field(), "week[5]");
    assert_eq!(
        refused(|spec| {
            spec.openings = vec![opening("2026-12-26", "09:00", "12:00"), opening("2026-12-26", "11:00", "13:00")];
        }),
        CalendarError::OverlappingHours { field: "openings[1]".into(), other: "openings[0]".into() }
    );
    let mut spec = sound();
    spec.week.push(hours(Weekday::Wednesday, "17:30", "18:00"));
    spec.openings = vec![opening("2026-12-26", "09:00", "12:00"), opening("2026-12-27", "09:00", "12:00")];
    assert!(Calendar::try_new(spec).is_ok());
}

#[test]
fn an_unknown_region_is_refused() {
    for code in ["XX", "", "GB-eng", "US-"] {
        assert_eq!(
            refused(|spec| spec.holidays.push(code.to_owned())),
            CalendarError::UnknownRegion { field: "holidays[1]".into(), value: code.into() }
        );
    }
}

#[test]
fn what_is_no_date_is_refused() {
    for text in ["", "2026-02-29", "26-12-24", "2026-12-24T10:00", "20261224", "24.12.2026", "-000001-01-01"] {
        assert_eq!(
            refused(|spec| spec.closures.push(closure(text))),
            CalendarError::MalformedDate { field: "closures[0].date".into(), value: text.into() }
        );
        assert_eq!(
            refused(|spec| spec.openings.push(opening(text, "09:00", "10:00"))),
            CalendarError::MalformedDate { field: "openings[0].date".into(), value: text.into() }
        );
    }
}

#[test]
fn a_date_that_is_closed_and_open_is_refused() {
    let error = refused(|spec| {
        spec.closures = vec![closure("2026-12-23"), closure("2026-12-24")];
        spec.openings.push(opening("2026-12-24", "09:00", "12:00"));
    });
    let (field, date, closure) = ("openings[0].date".into(), "2026-12-24".into(), "closures[1]".into());
    assert_eq!(error, CalendarError::ClosedAndOpen { field, date, closure });
}

#[test]
fn all_that_is_wrong_is_told_at_once_in_the_order_of_the_fields() {
    let spec = CalendarSpec {
        time_zone: "Nowhere".into(),
        week: vec![hours(Weekday::Monday, "x", "y"), hours(Weekday::Tuesday, "10:00", "09:00")],
        holidays: vec!["XX".into()],
        closures: vec![closure("z")],
        openings: vec![opening("z", "10:00", "09:00")],
        ..sound()
    };
    let fields: Vec<_> = Calendar::check(&spec).iter().map(|error| error.field().to_owned()).collect();
    assert_eq!(
        fields,
        [
            "time_zone",
            "week[0].open",
            "week[0].close",
            "week[1].close",
            "holidays[0]",
            "closures[0].date",
            "openings[0].date",
            "openings[0].close"
        ]
    );
    assert_eq!(Calendar::try_new(spec).unwrap_err().field(), "time_zone");
}

#[test]
fn an_error_reads_as_a_sentence_with_its_field() {
    let error = refused(|spec| spec.week[2].close = "08:00".to_owned());
    assert_eq!(error.to_string(), "week[2].close: 08:00 is not after the opening at 09:00");
}

#[test]
fn json_of_an_unsound_calendar_is_refused() {
    let json = serde_json::to_string(&CalendarSpec { time_zone: "Nowhere".into(), ..sound() }).unwrap();
    let error = serde_json::from_str::<Calendar>(&json).unwrap_err();
    assert!(error.to_string().starts_with("time_zone: there is no time zone \"Nowhere\""), "{error}");
    let json = r#"{"id":"a","revision":1,"time_zone":"UTC","week":[],"hours":[]}"#;
    assert!(serde_json::from_str::<CalendarSpec>(json).unwrap_err().to_string().contains("unknown field `hours`"));
}
