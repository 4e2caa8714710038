//! "Within one business day" (SOP 4.2), for any number of days.
//!
//! 1. What is received within hours counts from then; what is received outside them counts as if received at the next
//!    opening. That instant is [`Due::counted_from`].
//! 2. It is due on the N-th business day after the date that the clocks show at that instant, at the time of day that
//!    they show then.
//! 3. Where the clock jumps over that time of day, it moves forward by the length of the jump.
//! 4. Where it then lies outside that day's hours, it moves into them: before the first opening, to that opening; at or
//!    after the last close, to that close; between two hours (a lunch break, its beginning included), to the next
//!    opening. Hours that begin or end inside a jump begin or end where the jump does.
//! 5. Of a time of day shown twice it is the later one.
//!
//! What is received later is due later or at the same time, but for two hours of the year, where rule 2 says otherwise:
//! in an hour shown twice a later mail may show an earlier time of day; and rule 3 sets a time inside the jump behind
//! times just after it.

use jiff::Timestamp;
use jiff::civil::DateTime;

use crate::calendar::{Calendar, OpenSpan};
use crate::local_time::LocalTime;

/// A due time and how it came about. What it rests on is [`Calendar::provenance`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// When it is due.
    pub time: Timestamp,
    /// The same as the calendar's clocks show it, such as `2026-03-30T10:15:00[Europe/London]`: a [`LocalTime`].
    pub local: String,
    /// When counting began: the time of receipt, or the next opening after it.
    pub counted_from: Timestamp,
}

impl Calendar {
    /// When something received at `received` is due `days` business days later, by the rules above. With `days` = 0 it
    /// is due when counting begins. Never fails: what lies past the end of representable time is due at its end. Takes
    /// time in proportion to `days`.
    pub fn business_days_after(&self, received: Timestamp, days: u32) -> Due {
        let counted_from = self.next_opening(received).unwrap_or(Timestamp::MAX);
        let time = if days == 0 {
            counted_from
        } else {
            self.due_on_the_wall(self.zone().wall(counted_from), days)
                .map_or(Timestamp::MAX, |wall| self.zone().resolve(wall))
        };
        Due { time, local: LocalTime::at(time, self.zone().clone()).to_string(), counted_from }
    }

    fn due_on_the_wall(&self, counted_from: DateTime, days: u32) -> Option<DateTime> {
        let mut date = counted_from.date();
        let mut left = days;
        loop {
            date = date.tomorrow().ok()?;
            if !self.is_business_day(date) {
                continue;
            }
            left -= 1;
            if left == 0 {
                return self.moved_into_hours(date.to_datetime(counted_from.time()));
            }
        }
    }

    /// This reading, moved into the hours of its date by rules 3 and 4; none where it is not open on that date.
    pub(crate) fn moved_into_hours(&self, wall: DateTime) -> Option<DateTime> {
        let spans = self.open_spans(wall.date());
        (!spans.is_empty()).then(|| moved_into(&spans, self.zone().forward(wall)))
    }
}

/// `spans` are one day's, in order.
fn moved_into(spans: &[OpenSpan], wall: DateTime) -> DateTime {
    match spans.iter().find(|span| wall < span.close) {
        Some(span) => wall.max(span.open),
        None => spans.last().map_or(wall, |last| last.close),
    }
}
