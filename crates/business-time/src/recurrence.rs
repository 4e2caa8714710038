//! What recurs by agreement (SOP 4.1): every week, every second week, every month, at a time of day.
//!
//! 1. An occurrence belongs to a date: the one agreed, whether the calendar is open on it or not. Of a day that a month
//!    does not have it is that month's last.
//! 2. It is due on that date, or, where that is no business day, on the next one.
//! 3. At the agreed time of day, moved into that day's hours as [`crate::due`] moves it.
//!
//! So each date has exactly one occurrence, later dates are never due earlier, and over a long holiday two may be due at the
//! same time.

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use serde::{Deserialize, Serialize};

use crate::calendar::{Calendar, Weekday};
use crate::local_time::LocalTime;

/// How often, and on which dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Frequency {
    /// On this day of each week.
    Weekly(Weekday),
    /// On this date and on every second week's same day, before it too.
    Biweekly(Date),
    /// On this day of each month, 1 to 31; on the last where there is none. Another number counts as the nearest.
    Monthly(i8),
}

/// One occurrence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// The date that was agreed; it names the occurrence, whatever becomes of the calendar.
    pub date: Date,
    /// When it is due.
    pub time: Timestamp,
    /// The same as the calendar's clocks show it.
    pub local: LocalTime,
}

impl Frequency {
    /// The first date after `date`; none past the end of representable time.
    pub fn next_date(self, date: Date) -> Option<Date> {
        match self {
            Self::Weekly(day) => date.nth_weekday(1, on_the_wall(day)).ok(),
            Self::Biweekly(first) => {
                let next = date.nth_weekday(1, first.weekday()).ok()?;
                let apart = next.since((jiff::Unit::Day, first)).ok()?.get_days();
                if apart.rem_euclid(14) == 0 { Some(next) } else { next.nth_weekday(1, first.weekday()).ok() }
            }
            Self::Monthly(day) => {
                let this = day_of_month(date, day)?;
                if this > date {
                    return Some(this);
                }
                let first_of_next = date.last_of_month().tomorrow().ok()?;
                day_of_month(first_of_next, day)
            }
        }
    }
}

impl Calendar {
    /// The first occurrence of a date after `date`, at this time of day; none past the end of representable time.
    pub fn next_occurrence(&self, frequency: Frequency, time_of_day: Time, date: Date) -> Option<Occurrence> {
        self.occurrence(frequency.next_date(date)?, time_of_day)
    }

    /// The occurrences of dates from `first` on that are due after `now`, in order. One whose date has passed is among them
    /// where a holiday put it off by no more than two months.
    pub fn occurrences_ahead(
        &self,
        frequency: Frequency,
        time_of_day: Time,
        first: Date,
        now: Timestamp,
    ) -> impl Iterator<Item = Occurrence> {
        let today = self.zone().wall(now).date();
        let back = today.checked_sub(PUT_OFF_AT_MOST).unwrap_or(Date::MIN);
        let before = first.yesterday().unwrap_or(Date::MIN).max(back);
        std::iter::successors(frequency.next_date(before), move |date| frequency.next_date(*date))
            .map_while(move |date| self.occurrence(date, time_of_day))
            .filter(move |occurrence| occurrence.time > now)
    }

    /// The occurrence of this very date. `None` where no business day follows it in representable time.
    pub fn occurrence(&self, date: Date, time_of_day: Time) -> Option<Occurrence> {
        let mut day = date;
        while !self.is_business_day(day) {
            day = day.tomorrow().ok()?;
        }
        let wall = self.moved_into_hours(day.to_datetime(time_of_day))?;
        let time = self.zone().resolve(wall);
        Some(Occurrence { date, time, local: LocalTime::at(time, self.zone().clone()) })
    }
}

/// So far back a date is looked for whose occurrence is still ahead.
const PUT_OFF_AT_MOST: jiff::SignedDuration = jiff::SignedDuration::from_hours(62 * 24);

fn on_the_wall(day: Weekday) -> jiff::civil::Weekday {
    use jiff::civil::Weekday as Wall;
    match day {
        Weekday::Monday => Wall::Monday,
        Weekday::Tuesday => Wall::Tuesday,
        Weekday::Wednesday => Wall::Wednesday,
        Weekday::Thursday => Wall::Thursday,
        Weekday::Friday => Wall::Friday,
        Weekday::Saturday => Wall::Saturday,
        Weekday::Sunday => Wall::Sunday,
    }
}

fn day_of_month(month: Date, day: i8) -> Option<Date> {
    let day = day.clamp(1, month.days_in_month());
    Date::new(month.year(), month.month(), day).ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use jiff::civil::{date, time};

    use super::*;
    use crate::calendar::{CalendarSpec, WeekHours};

    fn london() -> Calendar {
        let days = [Weekday::Monday, Weekday::Tuesday, Weekday::Wednesday, Weekday::Thursday, Weekday::Friday];
        let hours = |day| WeekHours { day, open: "09:00".into(), close: "17:30".into() };
        Calendar::try_new(CalendarSpec {
            id: "london".into(),
            revision: 1,
            time_zone: "Europe/London".into(),
            week: days.map(hours).to_vec(),
            holidays: vec!["GB-ENG".into()],
            ..CalendarSpec::default()
        })
        .unwrap()
    }

    fn dates(frequency: Frequency, after: Date, count: usize) -> Vec<Date> {
        std::iter::successors(frequency.next_date(after), |date| frequency.next_date(*date)).take(count).collect()
    }

    fn local(frequency: Frequency, at: Time, after: Date) -> String {
        london().next_occurrence(frequency, at, after).unwrap().local.to_string()
    }

    #[test]
    fn a_weekly_one_comes_on_its_day_and_not_twice_on_the_day_itself() {
        let mondays = dates(Frequency::Weekly(Weekday::Monday), date(2027, 3, 1), 3);
        assert_eq!(mondays, [date(2027, 3, 8), date(2027, 3, 15), date(2027, 3, 22)]);
        assert_eq!(dates(Frequency::Weekly(Weekday::Monday), date(2027, 2, 28), 1), [date(2027, 3, 1)]);
    }

    #[test]
    fn a_biweekly_one_keeps_its_week_over_the_years_and_before_its_first_date() {
        let every_second = Frequency::Biweekly(date(2027, 3, 4));
        assert_eq!(dates(every_second, date(2027, 3, 3), 2), [date(2027, 3, 4), date(2027, 3, 18)]);
        assert_eq!(dates(every_second, date(2027, 3, 4), 1), [date(2027, 3, 18)]);
        assert_eq!(dates(every_second, date(2027, 2, 5), 1), [date(2027, 2, 18)]);
        let year_later = dates(every_second, date(2028, 2, 29), 1)[0];
        assert_eq!(year_later.since((jiff::Unit::Day, date(2027, 3, 4))).unwrap().get_days() % 14, 0);
    }

    #[test]
    fn a_monthly_one_on_the_31st_comes_on_the_last_day_of_shorter_months() {
        let last = dates(Frequency::Monthly(31), date(2027, 12, 31), 4);
        assert_eq!(last, [date(2028, 1, 31), date(2028, 2, 29), date(2028, 3, 31), date(2028, 4, 30)]);
        assert_eq!(dates(Frequency::Monthly(15), date(2027, 3, 14), 2), [date(2027, 3, 15), date(2027, 4, 15)]);
    }

    #[test]
    fn what_falls_on_a_holiday_is_due_on_the_next_business_day_at_the_same_time() {
        // Good Friday 2027 is 26 March; Easter Monday the 29th. The clocks go forward on the 28th.
        let fridays = Frequency::Weekly(Weekday::Friday);
        assert_eq!(local(fridays, time(10, 0, 0, 0), date(2027, 3, 25)), "2027-03-30T10:00:00[Europe/London]");
        let occurrence = london().next_occurrence(fridays, time(10, 0, 0, 0), date(2027, 3, 25)).unwrap();
        assert_eq!(occurrence.date, date(2027, 3, 26), "it keeps the date that was agreed");
        assert_eq!(occurrence.time, "2027-03-30T09:00:00Z".parse().unwrap());
    }

    #[test]
    fn a_time_outside_hours_moves_into_them() {
        let mondays = Frequency::Weekly(Weekday::Monday);
        assert_eq!(local(mondays, time(7, 0, 0, 0), date(2027, 3, 1)), "2027-03-08T09:00:00[Europe/London]");
        assert_eq!(local(mondays, time(20, 0, 0, 0), date(2027, 3, 1)), "2027-03-08T17:30:00[Europe/London]");
    }

    #[test]
    fn each_date_has_one_occurrence_and_later_ones_are_never_due_earlier() {
        let calendar = london();
        for frequency in
            [Frequency::Weekly(Weekday::Sunday), Frequency::Biweekly(date(2026, 1, 2)), Frequency::Monthly(29)]
        {
            let mut last = calendar.next_occurrence(frequency, time(9, 30, 0, 0), date(2026, 1, 1)).unwrap();
            for _ in 0..200 {
                let next = calendar.next_occurrence(frequency, time(9, 30, 0, 0), last.date).unwrap();
                assert!(next.date > last.date && next.time >= last.time, "{last:?} {next:?}");
                assert!(calendar.is_business_day(next.local.wall().date()));
                last = next;
            }
        }
    }

    #[test]
    fn ahead_is_what_is_due_later_also_where_a_holiday_put_it_off() {
        let now = "2027-03-29T12:00:00Z".parse().unwrap();
        let calendar = london();
        let ahead =
            calendar.occurrences_ahead(Frequency::Weekly(Weekday::Friday), time(10, 0, 0, 0), date(2027, 1, 1), now);
        let ahead: Vec<_> = ahead.take(2).map(|occurrence| (occurrence.date, occurrence.local.to_string())).collect();
        let good_friday = (date(2027, 3, 26), "2027-03-30T10:00:00[Europe/London]".to_owned());
        assert_eq!(ahead, [good_friday, (date(2027, 4, 2), "2027-04-02T10:00:00[Europe/London]".to_owned())]);
        let later =
            calendar.occurrences_ahead(Frequency::Monthly(1), time(10, 0, 0, 0), date(2027, 6, 1), now).next().unwrap();
        assert_eq!(later.date, date(2027, 6, 1), "none before the first");
    }

    #[test]
    fn past_the_end_of_time_there_is_none_and_nothing_panics() {
        for frequency in [Frequency::Weekly(Weekday::Friday), Frequency::Biweekly(Date::MIN), Frequency::Monthly(31)] {
            assert_eq!(frequency.next_date(Date::MAX), None);
            assert!(frequency.next_date(Date::MIN).is_some());
        }
        assert!(Frequency::Monthly(0).next_date(date(2027, 1, 1)).is_some());
    }
}
