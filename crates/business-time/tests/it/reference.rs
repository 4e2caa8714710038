//! The crate against `generate/reference.py`, which was written from the prose alone.

use std::collections::HashMap;

use business_time::{holidays_version, tzdb_version};

use crate::support::{reference_calendars, time};

static ROWS: &str = include_str!("../data/reference.tsv");

#[test]
fn every_row_of_the_independent_implementation_gives_the_same_due_time() {
    let calendars: HashMap<_, _> =
        reference_calendars().into_iter().map(|calendar| (calendar.id().to_owned(), calendar)).collect();
    let mut compared = HashMap::<&str, usize>::new();
    let mut wrong = Vec::new();
    for row in ROWS.lines().filter(|row| !row.starts_with('#')) {
        let fields: Vec<_> = row.split('\t').collect();
        let [id, received, days, counted_from, due] = fields[..] else { panic!("{row}") };
        let ours = calendars[id].business_days_after(time(received), days.parse().unwrap());
        if (ours.counted_from, ours.time) != (time(counted_from), time(due)) {
            wrong.push(format!("{row}\n    here {} {} {}", ours.counted_from, ours.time, ours.local));
        }
        *compared.entry(id).or_default() += 1;
    }
    assert!(wrong.is_empty(), "{} rows differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(compared.len() >= 12 && compared.values().sum::<usize>() >= 3_000, "{compared:?}");
    assert_eq!(compared.len(), calendars.len(), "every calendar has rows");
}

#[test]
fn the_reference_was_written_with_the_versions_that_this_binary_carries() {
    let line = ROWS.lines().find(|line| line.starts_with("# holidays")).unwrap();
    let holidays = holidays_version().split(',').next().unwrap();
    assert_eq!(line, format!("# {holidays}, tzdata {}", tzdb_version()));
}
