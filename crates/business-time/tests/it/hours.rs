//! When a calendar is open, and which of its lists wins.

use business_time::{Calendar, CalendarSpec, Closure, Opening, Weekday};
use jiff::civil::date;

use crate::support::{DAILY, MONDAY_TO_FRIDAY, calendar, spec, time, week};

fn closure(date: &str) -> Closure {
    Closure { date: date.to_owned(), label: "Stocktaking".to_owned() }
}

fn opening(date: &str, open: &str, close: &str) -> Opening {
    Opening { date: date.to_owned(), open: open.to_owned(), close: close.to_owned(), label: "Sale".to_owned() }
}

#[test]
fn the_opening_is_open_and_the_close_is_not() {
    let calendar = calendar("Asia/Kathmandu", week(MONDAY_TO_FRIDAY, "09:00-17:00"), &[]);
    for (at, open) in [
        ("2026-11-24T08:59:59.999999+05:45", false),
        ("2026-11-24T09:00:00+05:45", true),
        ("2026-11-24T16:59:59.999999+05:45", true),
        ("2026-11-24T17:00:00+05:45", false),
    ] {
        assert_eq!(calendar.is_open(time(at)), open, "{at}");
    }
}

#[test]
fn a_lunch_break_is_closed() {
    let calendar = calendar("UTC", week(MONDAY_TO_FRIDAY, "13:00-17:00 09:00-12:00"), &[]);
    assert!(!calendar.is_open(time("2026-11-24T12:00:00Z")));
    assert_eq!(calendar.next_opening(time("2026-11-24T12:10:00Z")), Some(time("2026-11-24T13:00:00Z")));
}

#[test]
fn a_day_that_closes_at_24_00_runs_into_the_next() {
    let calendar = calendar("UTC", week(DAILY, "00:00-24:00"), &[]);
    assert!(calendar.is_open(time("2026-11-24T23:59:59.999999Z")));
    assert!(calendar.is_open(time("2026-11-25T00:00:00Z")));
}

#[test]
fn a_close_at_24_00_is_due_at_midnight() {
    let hours = [week(&[Weekday::Monday], "00:00-24:00"), week(&[Weekday::Tuesday], "12:00-24:00")].concat();
    let calendar = calendar("UTC", hours, &[]);
    let due = calendar.business_days_after(time("2026-11-24T12:30:00Z"), 1);
    assert_eq!(due.local, "2026-11-30T12:30:00[UTC]");
    let hours = [week(&[Weekday::Monday], "12:00-24:00"), week(&[Weekday::Tuesday], "08:00-09:00")].concat();
    let due = self::calendar("UTC", hours, &[]).business_days_after(time("2026-11-23T23:00:00Z"), 1);
    assert_eq!(due.local, "2026-11-24T09:00:00[UTC]");
}

#[test]
fn a_closure_is_closed_and_a_holiday_too_but_an_opening_overrules_the_week_and_holidays() {
    let calendar = Calendar::try_new(CalendarSpec {
        closures: vec![closure("2026-11-25"), closure("2026-11-25")],
        openings: vec![
            opening("2026-12-25", "10:00", "12:00"),
            opening("2026-12-27", "10:00", "12:00"),
            opening("2026-11-27", "06:00", "07:00"),
        ],
        ..spec("Europe/London", week(MONDAY_TO_FRIDAY, "09:00-17:30"), &["GB-ENG"])
    })
    .unwrap();
    for (day, business_day, why) in [
        (date(2026, 11, 24), true, "a Tuesday"),
        (date(2026, 11, 25), false, "closed, twice over"),
        (date(2026, 12, 25), true, "Christmas, but open"),
        (date(2026, 12, 26), false, "a Saturday"),
        (date(2026, 12, 27), true, "a Sunday, but open"),
        (date(2026, 12, 28), false, "a holiday"),
    ] {
        assert_eq!(calendar.is_business_day(day), business_day, "{day}: {why}");
    }
    assert!(calendar.is_open(time("2026-11-27T06:30:00Z")), "its own hours");
    assert!(!calendar.is_open(time("2026-11-27T10:00:00Z")), "instead of the week's");
}

#[test]
fn the_holidays_of_several_regions_add_up() {
    let calendar = calendar("Europe/London", week(MONDAY_TO_FRIDAY, "09:00-17:30"), &["GB-ENG", "US"]);
    assert!(!calendar.is_business_day(date(2026, 11, 26)), "Thanksgiving");
    assert!(!calendar.is_business_day(date(2026, 12, 28)), "instead of Boxing Day");
}

#[test]
fn an_hour_shown_twice_is_open_twice() {
    // 25 October 2026, 02:00 to 03:00, comes twice in Berlin.
    let calendar = calendar("Europe/Berlin", week(DAILY, "02:15-02:45"), &[]);
    for (at, open) in [
        ("2026-10-25T02:20:00+02:00", true),
        ("2026-10-25T02:50:00+02:00", false),
        ("2026-10-25T02:00:00+01:00", false),
        ("2026-10-25T02:20:00+01:00", true),
    ] {
        assert_eq!(calendar.is_open(time(at)), open, "{at}");
    }
    assert_eq!(
        calendar.next_opening(time("2026-10-25T02:50:00+02:00")),
        Some(time("2026-10-25T02:15:00+01:00")),
        "the second time"
    );
}

#[test]
fn an_opening_that_the_clock_goes_back_from_comes_an_hour_later() {
    // At 03:00 on 25 October 2026 the clocks in Berlin show 02:00 instead.
    let calendar = calendar("Europe/Berlin", week(DAILY, "03:00-05:00"), &[]);
    assert_eq!(calendar.next_opening(time("2026-10-25T01:30:00+02:00")), Some(time("2026-10-25T03:00:00+01:00")));
}

#[test]
fn of_hours_the_clock_jumps_over_only_the_rest_is_open() {
    // 29 March 2026, 02:00 to 03:00, does not exist in Berlin.
    let half = calendar("Europe/Berlin", week(DAILY, "02:15-04:00"), &[]);
    assert_eq!(half.next_opening(time("2026-03-29T01:59:00+01:00")), Some(time("2026-03-29T03:00:00+02:00")));
    let none = calendar("Europe/Berlin", week(DAILY, "02:15-02:45"), &[]);
    assert_eq!(none.next_opening(time("2026-03-29T01:59:00+01:00")), Some(time("2026-03-30T02:15:00+02:00")));
    assert!(!none.is_business_day(date(2026, 3, 29)));
}

#[test]
fn a_date_that_the_zone_skipped_is_no_business_day() {
    let calendar = calendar("Pacific/Apia", week(DAILY, "00:00-24:00"), &[]);
    assert!(calendar.is_business_day(date(2011, 12, 29)));
    assert!(!calendar.is_business_day(date(2011, 12, 30)));
    assert!(calendar.is_business_day(date(2011, 12, 31)));
}

#[test]
fn years_outside_the_holiday_table_know_no_holidays() {
    let calendar = calendar("Europe/London", week(MONDAY_TO_FRIDAY, "09:00-17:30"), &["GB-ENG"]);
    assert!(calendar.is_business_day(date(2023, 12, 25)));
    assert!(calendar.is_business_day(date(2036, 12, 25)));
}

#[test]
fn weekdays_have_the_numbers_of_iso_8601() {
    for (number, day) in (1..).zip(Weekday::ALL) {
        assert_eq!((day.iso_number(), Weekday::from_iso_number(number)), (number, Some(day)));
        assert_eq!(serde_json::to_string(&day).unwrap(), format!("\"{day}\""));
    }
    for number in [0, 8, -1, i32::MIN, i32::MAX] {
        assert_eq!(Weekday::from_iso_number(number), None);
    }
}
