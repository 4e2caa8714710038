//! Dated examples, each worked by hand, with the rule that it turns on and where that rule is written.

use business_time::{Calendar, WeekHours, Weekday};

use crate::support::{DAILY, MONDAY_TO_FRIDAY, SUNDAY_TO_THURSDAY, calendar, time, week};

struct Example {
    calendar: &'static str,
    received: &'static str,
    days: u32,
    due: &'static str,
    why: &'static str,
    source: &'static str,
}

const fn example(
    calendar: &'static str,
    received: &'static str,
    days: u32,
    due: &'static str,
    why: &'static str,
    source: &'static str,
) -> Example {
    Example { calendar, received, days, due, why, source }
}

fn calendar_named(name: &str) -> Calendar {
    let mostly = |usual: &str, friday: &str| -> Vec<WeekHours> {
        [week(&MONDAY_TO_FRIDAY[..4], usual), week(&[Weekday::Friday], friday)].concat()
    };
    match name {
        "london" => calendar("Europe/London", week(MONDAY_TO_FRIDAY, "09:00-17:30"), &["GB-ENG"]),
        "london, always open" => calendar("Europe/London", week(DAILY, "00:00-24:00"), &[]),
        "new york" => calendar("America/New_York", week(MONDAY_TO_FRIDAY, "09:00-17:00"), &["US"]),
        "new york, lunch on fridays" => {
            calendar("America/New_York", mostly("09:00-17:00", "09:00-12:00 13:00-17:00"), &["US"])
        }
        "berlin" => calendar("Europe/Berlin", week(MONDAY_TO_FRIDAY, "09:00-17:00"), &["DE-BE"]),
        "dubai" => calendar("Asia/Dubai", mostly("07:30-15:30", "07:30-12:00"), &["AE"]),
        "kolkata" => calendar("Asia/Kolkata", week(MONDAY_TO_FRIDAY, "10:00-18:30"), &["IN"]),
        "kathmandu" => {
            let hours = [week(SUNDAY_TO_THURSDAY, "10:00-17:00"), week(&[Weekday::Friday], "10:00-15:00")].concat();
            calendar("Asia/Kathmandu", hours, &["NP"])
        }
        "tokyo" => calendar("Asia/Tokyo", week(MONDAY_TO_FRIDAY, "09:00-18:00"), &["JP"]),
        "tel aviv" => calendar("Asia/Jerusalem", week(SUNDAY_TO_THURSDAY, "08:00-17:00"), &["IL"]),
        "cairo, always open" => calendar("Africa/Cairo", week(DAILY, "00:00-24:00"), &[]),
        "apia" => calendar("Pacific/Apia", week(MONDAY_TO_FRIDAY, "09:00-16:00"), &[]),
        "lord howe, always open" => calendar("Australia/Lord_Howe", week(DAILY, "00:00-24:00"), &[]),
        _ => panic!("no calendar {name}"),
    }
}

/// The offset shows which side of a change of the clock a time is on.
#[rustfmt::skip]
const EXAMPLES: &[Example] = &[
    // The week.
    example("london", "2026-11-25T10:15:00+00:00", 1, "2026-11-26T10:15:00+00:00",
        "Wednesday within hours: the same time on Thursday", "SOP 4.2"),
    example("london", "2026-11-27T16:40:00+00:00", 1, "2026-11-30T16:40:00+00:00",
        "Friday within hours: over the weekend to Monday", "SOP 4.2"),
    example("london", "2026-11-27T17:30:00+00:00", 1, "2026-12-01T09:00:00+00:00",
        "the close is not open: counts from Monday 09:00", "business-time, due: close not included"),
    example("london", "2026-11-28T12:00:00+00:00", 1, "2026-12-01T09:00:00+00:00",
        "Saturday: as if received on Monday at 09:00", "business-time, due: as if at the next opening"),
    example("london", "2026-11-30T09:00:00+00:00", 1, "2026-12-01T09:00:00+00:00",
        "the opening is open", "business-time, due: opening included"),
    example("london", "2026-11-30T06:12:00+00:00", 1, "2026-12-01T09:00:00+00:00",
        "early on Monday: as if received at 09:00 that day", "business-time, due: as if at the next opening"),
    example("dubai", "2026-11-26T15:00:00+04:00", 1, "2026-11-27T12:00:00+04:00",
        "Friday closes at 12:00: moved to that close", "business-time, due: moved into that day's hours"),
    example("new york, lunch on fridays", "2026-11-19T12:30:00-05:00", 1, "2026-11-20T13:00:00-05:00",
        "12:30 is in Friday's lunch break: moved to the opening after it", "business-time, due"),
    example("new york, lunch on fridays", "2026-11-19T12:00:00-05:00", 1, "2026-11-20T13:00:00-05:00",
        "12:00 is the beginning of that break, and closed", "business-time, due: close not included"),
    example("kathmandu", "2026-11-19T16:00:00+05:45", 1, "2026-11-20T15:00:00+05:45",
        "Friday is a short working day there; three quarters of an hour off UTC's hours",
        "tzdb, asia: Zone Asia/Kathmandu 5:45 since 1986"),

    // England.
    example("london", "2026-12-24T15:00:00+00:00", 1, "2026-12-29T15:00:00+00:00",
        "25 Friday Christmas, 26 and 27 weekend, 28 Monday instead of Boxing Day, which is a Saturday",
        "gov.uk/bank-holidays 2026; Banking and Financial Dealings Act 1971, s. 1"),
    example("london", "2026-12-31T12:00:00+00:00", 1, "2027-01-04T12:00:00+00:00",
        "1 January 2027 is a Friday", "gov.uk/bank-holidays 2027, New Year's Day"),
    example("london", "2026-04-02T11:00:00+01:00", 1, "2026-04-07T11:00:00+01:00",
        "Easter is 5 April: Good Friday is the 3rd, Easter Monday the 6th",
        "Good Friday at common law; Easter Monday: 1971 Act, schedule 1"),
    example("london", "2026-04-01T12:00:00+01:00", 5, "2026-04-10T12:00:00+01:00",
        "five business days over Easter: 2, 7, 8, 9, 10 April", "as above"),
    example("london", "2026-05-01T17:00:00+01:00", 1, "2026-05-05T17:00:00+01:00",
        "Monday the 4th is the first Monday in May", "gov.uk/bank-holidays 2026, Early May bank holiday"),
    example("london", "2026-08-28T09:30:00+01:00", 1, "2026-09-01T09:30:00+01:00",
        "the 31st is the last Monday in August", "Banking and Financial Dealings Act 1971, schedule 1"),
    example("london", "2026-03-27T10:00:00+00:00", 1, "2026-03-30T10:00:00+01:00",
        "10:00 stays 10:00 although the weekend had 47 hours", "Summer Time Act 1972 as amended 2002: last Sunday in March"),
    example("london", "2026-10-23T10:00:00+01:00", 1, "2026-10-26T10:00:00+00:00",
        "and although it had 49", "Summer Time Act 1972 as amended 2002: last Sunday in October"),
    example("london, always open", "2026-03-28T01:30:00+00:00", 1, "2026-03-29T02:30:00+01:00",
        "01:30 does not exist on the 29th: forward by the hour that is missing",
        "tzdb, europe: Rule EU 1981 max Mar lastSun 1:00u 1:00"),
    example("london, always open", "2026-10-24T01:30:00+01:00", 1, "2026-10-25T01:30:00+00:00",
        "01:30 comes twice on the 25th: the later one", "tzdb, europe: Rule EU 1996 max Oct lastSun 1:00u 0"),

    // Germany.
    example("berlin", "2027-03-05T11:00:00+01:00", 1, "2027-03-09T11:00:00+01:00",
        "Monday 8 March is a holiday in Berlin", "Gesetz ueber die Sonn- und Feiertage (Berlin), s. 1, as of 2019"),
    example("berlin", "2026-05-13T16:59:00+02:00", 1, "2026-05-15T16:59:00+02:00",
        "Ascension is 39 days after Easter: Thursday 14 May", "Gesetz ueber die Sonn- und Feiertage (Berlin), s. 1"),

    // The United States.
    example("new york", "2026-11-25T14:00:00-05:00", 1, "2026-11-27T14:00:00-05:00",
        "Thanksgiving is the fourth Thursday in November, the 26th", "5 U.S.C. 6103(a)"),
    example("new york", "2026-07-02T11:00:00-04:00", 1, "2026-07-06T11:00:00-04:00",
        "4 July is a Saturday: Friday the 3rd is free instead", "5 U.S.C. 6103(b)(1)"),
    example("new york", "2026-06-18T10:00:00-04:00", 1, "2026-06-22T10:00:00-04:00",
        "Juneteenth is a Friday", "Pub. L. 117-17 (2021)"),
    example("new york", "2026-03-06T16:00:00-05:00", 1, "2026-03-09T16:00:00-04:00",
        "the clock goes forward on the second Sunday in March, the 8th", "15 U.S.C. 260a"),
    example("new york", "2026-10-30T16:00:00-04:00", 1, "2026-11-02T16:00:00-05:00",
        "and back on the first Sunday in November, the 1st", "15 U.S.C. 260a"),
    example("new york", "2026-11-01T01:30:00-04:00", 1, "2026-11-03T09:00:00-05:00",
        "received in an hour that comes twice, closed both times: counts from Monday 09:00", "15 U.S.C. 260a"),

    // Asia.
    example("dubai", "2026-12-01T10:00:00+04:00", 1, "2026-12-04T10:00:00+04:00",
        "2 and 3 December are National Day", "UAE Cabinet, list of public holidays: National Day, 2 and 3 December"),
    example("kolkata", "2026-10-01T13:00:00+05:30", 1, "2026-10-05T13:00:00+05:30",
        "2 October, a Friday, is Gandhi's birthday; half an hour off UTC's hours",
        "one of the three national holidays (Department of Personnel and Training)"),
    example("tokyo", "2026-04-28T17:59:00+09:00", 1, "2026-04-30T17:59:00+09:00",
        "29 April is Showa Day", "Act 178 of 1948 (Japan), art. 2"),
    example("tokyo", "2026-05-01T10:00:00+09:00", 1, "2026-05-07T10:00:00+09:00",
        "3 to 5 May are holidays; the 3rd is a Sunday, so the next free day, the 6th, replaces it",
        "Act 178 of 1948 (Japan), art. 3(2)"),
    example("tokyo", "2026-09-18T12:00:00+09:00", 1, "2026-09-24T12:00:00+09:00",
        "21 (third Monday) and 23 (equinox) are holidays, and so is the day between them",
        "Act 178 of 1948 (Japan), art. 3(3)"),
    example("tel aviv", "2026-03-26T10:00:00+02:00", 1, "2026-03-29T10:00:00+03:00",
        "Thursday to Sunday; the clock goes forward on the Friday before the last Sunday in March",
        "tzdb, asia: Rule Zion 2013 max Mar Fri>=23 2:00 1:00"),
    example("tel aviv", "2026-09-10T09:00:00+03:00", 1, "2026-09-14T09:00:00+03:00",
        "Rosh Hashanah 5787 is 12 and 13 September, Saturday and Sunday",
        "Law and Administration Ordinance 1948 (Israel), s. 18A"),

    // Odd clocks.
    example("cairo, always open", "2026-04-23T00:30:00+02:00", 1, "2026-04-24T01:30:00+03:00",
        "the last Friday in April begins at 01:00", "Law 24 of 2023 (Egypt)"),
    example("lord howe, always open", "2026-10-03T02:10:00+10:30", 1, "2026-10-04T02:40:00+11:00",
        "the clock jumps by half an hour only", "tzdb, australasia: Rule LH 2008 max Oct Sun>=1 2:00 0:30"),
    example("apia", "2011-12-29T10:00:00-10:00", 1, "2012-01-02T10:00:00+14:00",
        "Samoa had no Friday 30 December 2011, so Monday is the next business day",
        "International Date Line Act 2011 (Samoa)"),
];

#[test]
fn every_example_is_due_when_it_was_worked_out_to_be() {
    assert!(EXAMPLES.len() >= 30);
    for example in EXAMPLES {
        let due = calendar_named(example.calendar).business_days_after(time(example.received), example.days);
        assert_eq!(
            due.time,
            time(example.due),
            "{}, received {}: {} ({}); here {}",
            example.calendar,
            example.received,
            example.why,
            example.source,
            due.local
        );
        assert_eq!(due.local.split('[').next(), example.due.get(..19), "the wall time of {}", example.due);
    }
}
