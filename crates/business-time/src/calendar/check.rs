//! From a [`CalendarSpec`] to a [`Calendar`], or to everything that is wrong in it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use super::{Calendar, CalendarError, CalendarSpec, Hours};
use crate::holidays;
use crate::zone::Zone;

/// At least one error, so that [`Calendar::try_new`] has one to give.
pub(super) struct Errors {
    pub(super) first: CalendarError,
    others: Vec<CalendarError>,
}

impl Errors {
    pub(super) fn into_vec(self) -> Vec<CalendarError> {
        std::iter::once(self.first).chain(self.others).collect()
    }
}

pub(super) fn checked(spec: CalendarSpec) -> Result<Calendar, Errors> {
    let mut wrong = Vec::new();
    let zone = Zone::try_new(&spec.time_zone)
        .map_err(|error| wrong.push(CalendarError::UnknownTimeZone { field: "time_zone".into(), value: error.name }))
        .ok();
    let week = week(&spec, &mut wrong);
    let regions = regions(&spec, &mut wrong);
    let closed_by = closures(&spec, &mut wrong);
    let openings = openings(&spec, &closed_by, &mut wrong);
    let mut wrong = wrong.into_iter();
    match (zone, wrong.next()) {
        (Some(zone), None) => {
            let closures = closed_by.into_keys().collect::<BTreeSet<_>>();
            Ok(Calendar { spec, zone, week, regions, closures, openings })
        }
        (_, first) => Err(Errors {
            // Without a zone there is an error, so the second arm never serves; it spares a panic.
            first: first.unwrap_or(CalendarError::UnknownTimeZone { field: "time_zone".into(), value: spec.time_zone }),
            others: wrong.collect(),
        }),
    }
}

fn week(spec: &CalendarSpec, wrong: &mut Vec<CalendarError>) -> [Vec<Hours>; 7] {
    if spec.week.is_empty() {
        wrong.push(CalendarError::NoWorkingDay { field: "week".into() });
    }
    let mut days = <[DayHours; 7]>::default();
    for (index, entry) in spec.week.iter().enumerate() {
        let field = format!("week[{index}]");
        if let Some(hours) = hours(&field, &entry.open, &entry.close, wrong) {
            days[entry.day as usize].add(hours, field, wrong);
        }
    }
    days.map(DayHours::in_order)
}

fn regions(spec: &CalendarSpec, wrong: &mut Vec<CalendarError>) -> Vec<&'static holidays::Region> {
    let mut regions = Vec::new();
    for (index, code) in spec.holidays.iter().enumerate() {
        match holidays::find_region(code) {
            Some(region) => regions.push(region),
            None => {
                wrong.push(CalendarError::UnknownRegion { field: format!("holidays[{index}]"), value: code.clone() })
            }
        }
    }
    regions
}

/// Each closed date with the first entry that closes it.
fn closures(spec: &CalendarSpec, wrong: &mut Vec<CalendarError>) -> BTreeMap<Date, String> {
    let mut closed_by = BTreeMap::new();
    for (index, closure) in spec.closures.iter().enumerate() {
        if let Some(date) = date(format!("closures[{index}].date"), &closure.date, wrong) {
            closed_by.entry(date).or_insert_with(|| format!("closures[{index}]"));
        }
    }
    closed_by
}

fn openings(
    spec: &CalendarSpec,
    closed_by: &BTreeMap<Date, String>,
    wrong: &mut Vec<CalendarError>,
) -> BTreeMap<Date, Vec<Hours>> {
    let mut days = BTreeMap::<Date, DayHours>::new();
    for (index, opening) in spec.openings.iter().enumerate() {
        let field = format!("openings[{index}]");
        let date = date(format!("{field}.date"), &opening.date, wrong);
        if let Some(date) = date
            && let Some(closure) = closed_by.get(&date)
        {
            wrong.push(CalendarError::ClosedAndOpen {
                field: format!("{field}.date"),
                date: opening.date.clone(),
                closure: closure.clone(),
            });
        }
        let hours = hours(&field, &opening.open, &opening.close, wrong);
        if let (Some(date), Some(hours)) = (date, hours) {
            days.entry(date).or_default().add(hours, field, wrong);
        }
    }
    days.into_iter().map(|(date, hours)| (date, hours.in_order())).collect()
}

/// One day's hours while they are collected, each with the path of the field it came from.
#[derive(Default)]
struct DayHours(Vec<(Hours, String)>);

impl DayHours {
    fn add(&mut self, hours: Hours, field: String, wrong: &mut Vec<CalendarError>) {
        let other = self.0.iter().find(|(other, _)| hours.open < other.close && other.open < hours.close);
        if let Some((_, other)) = other {
            wrong.push(CalendarError::OverlappingHours { field, other: other.clone() });
        } else {
            self.0.push((hours, field));
        }
    }

    fn in_order(self) -> Vec<Hours> {
        let mut hours: Vec<_> = self.0.into_iter().map(|(hours, _)| hours).collect();
        hours.sort_unstable();
        hours
    }
}

fn hours(field: &str, open: &str, close: &str, wrong: &mut Vec<CalendarError>) -> Option<Hours> {
    let mut read = |name: &str, text: &str, last: u16| {
        let minute = minute(text).filter(|minute| *minute <= last);
        if minute.is_none() {
            wrong.push(CalendarError::MalformedTime { field: format!("{field}.{name}"), value: text.to_owned() });
        }
        minute
    };
    let (from, to) = (read("open", open, 1439), read("close", close, 1440));
    let (from, to) = (from?, to?);
    if from >= to {
        wrong.push(CalendarError::CloseNotAfterOpen {
            field: format!("{field}.close"),
            open: open.to_owned(),
            close: close.to_owned(),
        });
        return None;
    }
    Some(Hours { open: from, close: to })
}

/// `HH:MM` as minutes since midnight, `24:00` included.
fn minute(text: &str) -> Option<u16> {
    let [h, hour, b':', m, minute] = text.as_bytes() else { return None };
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| u16::from(byte - b'0'));
    let (hour, minute) = (digit(h)? * 10 + digit(hour)?, digit(m)? * 10 + digit(minute)?);
    (minute < 60 && hour * 60 + minute <= 1440).then_some(hour * 60 + minute)
}

/// `YYYY-MM-DD` and nothing else: the parser alone would also take a time after it.
fn date(field: String, text: &str, wrong: &mut Vec<CalendarError>) -> Option<Date> {
    let date = text.parse::<Date>().ok().filter(|date| date.year() > 0 && date.to_string() == text);
    if date.is_none() {
        wrong.push(CalendarError::MalformedDate { field, value: text.to_owned() });
    }
    date
}
