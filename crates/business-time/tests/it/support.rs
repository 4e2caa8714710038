//! Calendars and times in few words.

use business_time::{Calendar, CalendarSpec, Timestamp, WeekHours, Weekday};

pub const MONDAY_TO_FRIDAY: &[Weekday] =
    &[Weekday::Monday, Weekday::Tuesday, Weekday::Wednesday, Weekday::Thursday, Weekday::Friday];
pub const SUNDAY_TO_THURSDAY: &[Weekday] =
    &[Weekday::Sunday, Weekday::Monday, Weekday::Tuesday, Weekday::Wednesday, Weekday::Thursday];
pub const DAILY: &[Weekday] = &Weekday::ALL;

/// `hours` such as `09:00-12:00 13:00-17:00`, on each of `days`.
pub fn week(days: &[Weekday], hours: &str) -> Vec<WeekHours> {
    let on = |day: Weekday| {
        hours.split(' ').map(move |span| {
            let (open, close) = span.split_once('-').unwrap();
            WeekHours { day, open: open.to_owned(), close: close.to_owned() }
        })
    };
    days.iter().copied().flat_map(on).collect()
}

pub fn spec(time_zone: &str, week: Vec<WeekHours>, holidays: &[&str]) -> CalendarSpec {
    CalendarSpec {
        id: "test".to_owned(),
        revision: 1,
        time_zone: time_zone.to_owned(),
        week,
        holidays: holidays.iter().map(|code| (*code).to_owned()).collect(),
        ..CalendarSpec::default()
    }
}

pub fn calendar(time_zone: &str, week: Vec<WeekHours>, holidays: &[&str]) -> Calendar {
    Calendar::try_new(spec(time_zone, week, holidays)).unwrap()
}

/// A date and time with an offset.
pub fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The calendars that the reference was computed with.
pub fn reference_calendars() -> Vec<Calendar> {
    serde_json::from_str(include_str!("../data/reference-calendars.json")).unwrap()
}
