//! Public holidays by region, from a committed table (`src/holidays.tsv`, written by `generate/holidays_table.py`).
//!
//! The table ends: outside [`covered_years`] no holiday is known, and a due time computed there counts none. Raise the
//! years when the table is refreshed, once a year.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::OnceLock;

use jiff::civil::Date;

static TEXT: &str = include_str!("holidays.tsv");

/// The holidays of one region.
pub struct Region {
    code: &'static str,
    days: BTreeMap<Date, &'static str>,
}

struct Table {
    version: String,
    years: RangeInclusive<i16>,
    entries: usize,
    regions: BTreeMap<&'static str, Region>,
}

/// The release of the source and the years taken from it, such as `holidays 0.109, 2024-2035`. A due time that rests
/// on the table names it; another text means that another table may give another due time.
pub fn holidays_version() -> &'static str {
    &table().version
}

/// The first and the last year for which the table knows holidays.
pub fn covered_years() -> RangeInclusive<i16> {
    table().years.clone()
}

/// The region of this code (`GB-ENG`, `US`): ISO 3166-1, or ISO 3166-2 where holidays differ inside a country. `None`
/// when the table has no such region.
pub fn find_region(code: &str) -> Option<&'static Region> {
    table().regions.get(code)
}

/// All regions of the table, ordered by code.
pub fn list_regions() -> impl Iterator<Item = &'static Region> {
    table().regions.values()
}

impl Region {
    /// Its code, such as `GB-ENG`.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// The name in English of the holiday on `date`; `None` when there is none. "(estimated)" in it means that the
    /// day follows the moon or a yet unmade announcement.
    pub fn find_holiday(&self, date: Date) -> Option<&'static str> {
        self.days.get(&date).copied()
    }

    /// All its holidays, ordered by date.
    pub fn list_holidays(&self) -> impl Iterator<Item = (Date, &'static str)> {
        self.days.iter().map(|(date, name)| (*date, *name))
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Region({})", self.code)
    }
}

impl PartialEq for Region {
    fn eq(&self, other: &Self) -> bool {
        self.code == other.code
    }
}

impl Eq for Region {}

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| read(TEXT))
}

/// Reads the committed text. It is no outside input; `every_line_of_the_table_was_read` holds that nothing in it was
/// passed over.
fn read(text: &'static str) -> Table {
    let mut table = Table { version: String::new(), years: 0..=0, entries: 0, regions: BTreeMap::new() };
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let mut fields = line.split('\t');
        let (key, second) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
        match key {
            "version" => table.version = format!("holidays {second}"),
            "years" => table.years = number(second)..=number(fields.next().unwrap_or_default()),
            "entries" => table.entries = second.parse().unwrap_or_default(),
            code => {
                let region = table.regions.entry(code).or_insert_with(|| Region { code, days: BTreeMap::new() });
                let year = number(second);
                region.days.extend(fields.filter_map(|field| day(year, field)));
            }
        }
    }
    table.version = format!("{}, {}-{}", table.version, table.years.start(), table.years.end());
    table
}

fn number(text: &str) -> i16 {
    text.parse().unwrap_or_default()
}

/// `12-25=Christmas Day`
fn day(year: i16, field: &'static str) -> Option<(Date, &'static str)> {
    let (date, name) = field.split_once('=')?;
    let (month, day) = date.split_once('-')?;
    Some((Date::new(year, month.parse().ok()?, day.parse().ok()?).ok()?, name))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn every_line_of_the_table_was_read() {
        let read: usize = list_regions().map(|region| region.days.len()).sum();
        assert_eq!(read, table().entries);
        assert!(table().entries > 2_000);
        for region in list_regions() {
            for year in covered_years() {
                assert!(region.days.keys().any(|day| day.year() == year), "{region:?} has no holiday in {year}");
            }
            assert!(region.days.keys().all(|day| covered_years().contains(&day.year())));
            assert!(region.days.values().all(|name| !name.is_empty()));
        }
    }

    #[test]
    fn a_substitute_day_is_a_holiday() {
        let england = find_region("GB-ENG");
        assert_eq!(
            england.and_then(|region| region.find_holiday(date(2026, 12, 28))),
            Some("Boxing Day (observed)"),
            "26 December 2026 is a Saturday"
        );
        assert_eq!(england.and_then(|region| region.find_holiday(date(2026, 12, 24))), None);
    }

    #[test]
    fn the_regions_a_firm_is_promised_are_there() {
        for code in ["GB-ENG", "US", "DE-BE", "AE", "IN", "JP"] {
            assert!(find_region(code).is_some_and(|region| region.code() == code), "{code}");
        }
        assert!(find_region("gb-eng").is_none());
        assert!(find_region("version").is_none());
    }

    #[test]
    fn the_version_names_the_release_and_the_years() {
        let version = holidays_version();
        assert!(version.starts_with("holidays 0.") && version.ends_with(", 2024-2035"), "{version}");
    }
}
