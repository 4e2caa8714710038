//! What must hold for all times, tried on every calendar of the reference and thousands of times each.

use std::ops::Range;

use business_time::{Calendar, CalendarSpec, LocalTime, Timestamp, Weekday};
use jiff::SignedDuration;

use crate::support::{DAILY, MONDAY_TO_FRIDAY, calendar, reference_calendars, spec, time, week};

/// Two years and a bit with all their changes of the clock, in steps that fall on every minute of the hour.
fn times() -> impl Iterator<Item = Timestamp> {
    every(SignedDuration::from_mins(311), time("2025-12-15T00:00:00Z")..time("2028-01-15T00:00:00Z"))
}

fn every(step: SignedDuration, span: Range<Timestamp>) -> impl Iterator<Item = Timestamp> {
    std::iter::successors(Some(span.start), move |time| time.checked_add(step).ok())
        .take_while(move |time| *time < span.end)
}

fn just_before(time: Timestamp) -> Timestamp {
    time.checked_sub(SignedDuration::from_nanos(1)).unwrap()
}

fn wall(calendar: &Calendar, time: Timestamp) -> jiff::civil::DateTime {
    calendar.zone().wall(time)
}

/// Hours by day, away from any change of the clock.
fn daytime_calendars() -> Vec<Calendar> {
    let by_day = ["london", "new-york", "berlin", "dubai", "kolkata", "tokyo", "tel-aviv", "kathmandu", "casablanca"];
    let calendars: Vec<_> = reference_calendars().into_iter().filter(|found| by_day.contains(&found.id())).collect();
    assert_eq!(calendars.len(), by_day.len());
    calendars
}

#[test]
fn counting_begins_at_the_first_open_instant() {
    for calendar in reference_calendars() {
        for received in times() {
            let counted_from = calendar.next_opening(received).unwrap();
            assert!(calendar.is_open(counted_from), "{} {received}", calendar.id());
            assert_eq!(counted_from == received, calendar.is_open(received), "{} {received}", calendar.id());
            if counted_from > received {
                assert!(!calendar.is_open(just_before(counted_from)), "{} {received}", calendar.id());
                for between in every(SignedDuration::from_mins(37), received..counted_from) {
                    assert!(!calendar.is_open(between), "{} {received} {between}", calendar.id());
                }
            }
            assert_eq!(calendar.business_days_after(received, 1).counted_from, counted_from);
        }
    }
}

#[test]
fn a_due_time_is_open_or_a_close() {
    for calendar in reference_calendars() {
        for received in times() {
            let due = calendar.business_days_after(received, 1);
            let at_close = || calendar.is_open(just_before(due.time));
            assert!(calendar.is_open(due.time) || at_close(), "{} {received} {}", calendar.id(), due.local);
        }
    }
}

#[test]
fn a_due_time_lies_on_the_nth_business_day_after_the_day_it_counts_from() {
    for calendar in reference_calendars() {
        for received in times().step_by(5) {
            for days in [1, 2, 7] {
                let due = calendar.business_days_after(received, days);
                let first = wall(&calendar, due.counted_from).date();
                // A close at 24:00 shows the day after.
                let last = if calendar.is_open(due.time) {
                    wall(&calendar, due.time).date()
                } else {
                    wall(&calendar, just_before(due.time)).date()
                };
                let between = first.series(jiff::Span::new().days(1)).skip(1).take_while(|date| *date <= last);
                let counted = between.filter(|date| calendar.is_business_day(*date)).count();
                assert_eq!(counted, days as usize, "{} {received} {}", calendar.id(), due.local);
                assert!(calendar.is_business_day(last));
            }
        }
    }
}

#[test]
fn what_is_received_later_is_due_later_or_at_the_same_time() {
    for calendar in daytime_calendars() {
        for days in [1, 3] {
            let mut last = Timestamp::MIN;
            for received in
                every(SignedDuration::from_mins(41), time("2026-02-01T00:00:00Z")..time("2027-01-31T00:00:00Z"))
            {
                let due = calendar.business_days_after(received, days).time;
                assert!(due >= last && due > received, "{} {received}", calendar.id());
                last = due;
            }
        }
    }
}

#[test]
fn where_all_days_have_the_same_hours_two_days_are_one_and_one_more() {
    for calendar in [
        calendar("Asia/Tokyo", week(MONDAY_TO_FRIDAY, "09:00-12:00 13:00-18:00"), &["JP"]),
        calendar("Europe/London", week(&[Weekday::Tuesday, Weekday::Thursday], "09:00-17:30"), &["GB-ENG"]),
    ] {
        for received in times() {
            let one = calendar.business_days_after(received, 1).time;
            assert_eq!(calendar.business_days_after(one, 1).time, calendar.business_days_after(received, 2).time);
        }
    }
}

#[test]
fn no_days_at_all_is_due_when_counting_begins() {
    for calendar in reference_calendars() {
        for received in times().step_by(50) {
            let due = calendar.business_days_after(received, 0);
            assert_eq!(due.time, due.counted_from);
        }
    }
}

#[test]
fn the_local_text_of_a_due_time_resolves_to_it() {
    for calendar in reference_calendars() {
        for received in times().step_by(3) {
            let due = calendar.business_days_after(received, 1);
            assert_eq!(due.local.parse::<LocalTime>().unwrap().resolve(), due.time, "{}", due.local);
        }
    }
}

#[test]
fn a_calendar_survives_its_spec_and_its_json() {
    for calendar in reference_calendars() {
        assert_eq!(Calendar::try_new(calendar.spec().clone()).unwrap(), calendar);
        let json = serde_json::to_string(&calendar).unwrap();
        assert_eq!(json, serde_json::to_string(calendar.spec()).unwrap());
        assert_eq!(serde_json::from_str::<Calendar>(&json).unwrap(), calendar);
    }
}

#[test]
fn the_names_in_the_json_of_a_calendar_do_not_change() {
    let json = r#"{"id":"firm","revision":7,"time_zone":"Europe/London","week":[{"day":"monday","open":"09:00","close":"17:30"}],"holidays":["GB-ENG"],"closures":[{"date":"2026-12-29","label":"Stocktaking"}],"openings":[{"date":"2026-12-26","open":"10:00","close":"12:00","label":"Sale"}]}"#;
    let calendar: Calendar = serde_json::from_str(json).unwrap();
    assert_eq!(serde_json::to_string(&calendar).unwrap(), json);
    let short =
        r#"{"id":"firm","revision":7,"time_zone":"UTC","week":[{"day":"sunday","open":"00:00","close":"24:00"}]}"#;
    assert_eq!(serde_json::from_str::<CalendarSpec>(short).unwrap().holidays, [""; 0]);
}

#[test]
fn an_always_open_calendar_is_never_closed() {
    for zone in ["America/Santiago", "America/Havana", "Africa/Cairo", "America/Nuuk", "Antarctica/Troll"] {
        let calendar = calendar(zone, week(DAILY, "00:00-24:00"), &[]);
        for time in times() {
            assert_eq!(calendar.next_opening(time), Some(time));
        }
    }
}

#[test]
fn past_the_end_of_time_a_due_time_is_its_end() {
    let calendar = calendar("Pacific/Apia", week(DAILY, "00:00-24:00"), &[]);
    let last = calendar.business_days_after(Timestamp::MAX, 1);
    assert_eq!((last.time, last.counted_from), (Timestamp::MAX, Timestamp::MAX));
    assert_eq!(calendar.business_days_after(time("9999-06-01T00:00:00Z"), u32::MAX).time, Timestamp::MAX);
    assert!(calendar.business_days_after(Timestamp::MIN, 1).time > Timestamp::MIN);
    let mut closed = spec("UTC", week(&[Weekday::Monday], "09:00-10:00"), &[]);
    closed.closures = vec![business_time::Closure { date: "9999-12-27".into(), label: String::new() }];
    assert_eq!(Calendar::try_new(closed).unwrap().next_opening(time("9999-12-25T00:00:00Z")), None);
}

#[test]
fn provenance_names_the_revision_and_both_versions() {
    let provenance = calendar("UTC", week(DAILY, "00:00-24:00"), &[]).provenance();
    assert_eq!(provenance.calendar_revision, 1);
    assert_eq!(provenance.tzdb_version, business_time::tzdb_version());
    assert_eq!(provenance.holidays_version, business_time::holidays_version());
}
