//! First-response periods with their due times, recomputed.

use business_time::{Calendar, Timestamp};
use contracts::escalation::v1::{ClockKind, TimelineKind};

use super::{
    case_view::{At, CaseView},
    span::{SLACK, earlier, later, with_slack},
};
use crate::folder::{CalendarInForce, Evidence};

/// From a client's word to the firm's answer, or to the client's next word after one.
pub(super) struct Period<'a> {
    /// OPENED or REOPENED.
    pub start: At<'a>,
    /// From when it counts: the receipt of the client's first word, also of one that was read later than the next.
    pub counted_from: Timestamp,
    /// CLOCK_SET, then each CLOCK_RECOMPUTED, with the time from which it counted then.
    pub settings: Vec<(At<'a>, Timestamp)>,
    /// Each CLOCK_RECOMPUTED after the breach, which only annotates it.
    pub annotations: Vec<At<'a>>,
    /// The first RESPONDED that left after the client's word and did not come back.
    pub response: Option<At<'a>>,
    /// Every such RESPONDED.
    pub answers: Vec<At<'a>>,
    /// CLOCK_BREACHED of this clock.
    pub breaches: Vec<At<'a>>,
    /// When it was over whether answered or not: the client's next word after an answer, the closing, or the run's end.
    pub until: Timestamp,
    /// When it was due, by the calendar in force when the clock was last set; `None` where there is no such calendar.
    pub due: Option<Timestamp>,
    /// From when Liaison could know the due time.
    pub known: Timestamp,
}

impl Period<'_> {
    /// Whether an answer came in time; an answer at the due time is in time.
    pub(super) fn in_time(&self) -> bool {
        matches!((&self.response, self.due), (Some(response), Some(due)) if response.occurred <= due)
    }

    /// Whether it was late, by the end of the run: the due time passed and the answer had not come by then.
    pub(super) fn late(&self) -> bool {
        self.due.is_some_and(|due| due < self.until) && !self.in_time()
    }

    /// The window in which a breach must be recorded.
    pub(super) fn breach_window(&self) -> Option<(Timestamp, Timestamp)> {
        self.due.map(|due| (due, with_slack(due.max(self.known))))
    }
}

/// Splits a case's timeline into its first-response periods.
pub(super) fn periods<'a>(view: &CaseView<'a>) -> Vec<Period<'a>> {
    let mut periods: Vec<Period<'a>> = Vec::new();
    let sets_first = |at: &At<'_>| at.entry.clock() == ClockKind::FirstResponse;
    let issue_from_the_start = view.opened_as_issue();
    // When a reply came back, by the place of its period.
    let mut returned: Vec<(usize, Timestamp)> = Vec::new();
    for at in &view.entries {
        match at.kind {
            TimelineKind::Opened | TimelineKind::Reopened => {
                if let Some(last) = periods.last_mut() {
                    last.until = last.until.min(at.recorded);
                }
                let until = view.closed().unwrap_or(view.evidence.run.end_time);
                periods.push(Period {
                    start: *at,
                    counted_from: at.occurred,
                    settings: Vec::new(),
                    annotations: Vec::new(),
                    response: None,
                    answers: Vec::new(),
                    breaches: Vec::new(),
                    until,
                    due: None,
                    known: at.recorded,
                });
            }
            TimelineKind::ClockSet | TimelineKind::ClockRecomputed if sets_first(at) => match periods.last_mut() {
                Some(last) if last.breaches.is_empty() => last.settings.push((*at, last.counted_from)),
                Some(last) => last.annotations.push(*at),
                None => {}
            },
            TimelineKind::ClientWrote => {
                // An earlier word that was read later: the clock counts from it while it runs.
                if let Some(last) = periods.last_mut()
                    && last.response.is_none()
                    && last.breaches.is_empty()
                {
                    last.counted_from = last.counted_from.min(at.occurred);
                }
            }
            TimelineKind::Responded => {
                if let Some(last) = periods.last_mut()
                    && at.occurred >= last.counted_from
                {
                    last.response.get_or_insert(*at);
                    last.answers.push(*at);
                }
            }
            TimelineKind::ReplyReturned => comes_back(&mut periods, at, &mut returned),
            TimelineKind::ClockBreached if sets_first(at) => {
                if let Some(last) = periods.last_mut() {
                    last.breaches.push(*at);
                }
            }
            _ => {}
        }
    }
    let over = view.closed().unwrap_or(view.evidence.run.end_time);
    let last = periods.len().saturating_sub(1);
    for (place, time) in &returned {
        if let Some(period) = periods.get_mut(*place) {
            period.known = period.known.max(*time);
            period.until = if *place == last { over } else { period.until };
        }
    }
    if issue_from_the_start && periods.first().is_some_and(|first| first.settings.is_empty()) {
        periods.remove(0);
    }
    for period in &mut periods {
        let (last_set, from) = match period.settings.last() {
            Some((at, from)) => (at.recorded, *from),
            None => (period.start.recorded, period.counted_from),
        };
        // What came back is known when it came back.
        period.known = if period.known > period.start.recorded { period.known.max(last_set) } else { last_set };
        period.due = due_at(view, from, last_set).map(|(_, due)| due);
    }
    periods
}

/// A reply came back: another one that did arrive answers in its place, or the client waits since their first word, whatever
/// they wrote after it.
fn comes_back<'a>(periods: &mut Vec<Period<'a>>, at: &At<'a>, returned: &mut Vec<(usize, Timestamp)>) {
    let Some(name) = at.notifications().next() else { return };
    let names_it = |answer: &At<'_>| answer.notifications().any(|known| known == name);
    let Some(place) = periods.iter().position(|period| period.answers.iter().any(names_it)) else { return };
    let Some(period) = periods.get_mut(place) else { return };
    period.answers.retain(|answer| !names_it(answer));
    let ended = period.response.as_ref().is_some_and(names_it);
    if ended {
        period.response = period.answers.iter().min_by_key(|answer| answer.occurred).copied();
    }
    if ended && period.response.is_none() {
        periods.truncate(place + 1);
        returned.push((place, at.recorded));
    }
}

/// When a client's word of `start` is due by the calendar in force at `time`, and that calendar.
pub(super) fn due_at<'a>(
    view: &CaseView<'a>,
    start: Timestamp,
    time: Timestamp,
) -> Option<(&'a CalendarInForce, Timestamp)> {
    let name = view.evidence.client_calendar_at(&view.case.client, time)?;
    let in_force = view.evidence.calendar_at(&name, time)?;
    let days = view.policy()?.first_response_business_days;
    due_in(in_force, start, days).map(|due| (in_force, due))
}

/// When something received at `start` is due in a calendar.
pub(super) fn due_in(calendar: &CalendarInForce, start: Timestamp, days: i32) -> Option<Timestamp> {
    let calendar = Calendar::try_new(calendar.spec.clone()).ok()?;
    // Counting takes time in proportion to the days, and no policy has more than 10.
    let days = u32::try_from(days).ok().filter(|days| (1..=366).contains(days))?;
    Some(calendar.business_days_after(start, days).time)
}

/// Calendars that were in force for a client within the slack before a time: a change needs a moment to arrive.
pub(super) fn lately_in_force<'a>(evidence: &'a Evidence, client: &str, time: Timestamp) -> Vec<&'a CalendarInForce> {
    let mut found: Vec<&CalendarInForce> = Vec::new();
    for at in [time, earlier(time, SLACK)] {
        let Some(name) = evidence.client_calendar_at(client, at) else { continue };
        for at in [time, earlier(time, SLACK)] {
            found.extend(evidence.calendar_at(&name, at));
        }
        let within =
            |one: &&CalendarInForce| one.name == name && earlier(time, SLACK) <= one.from_time && one.from_time <= time;
        found.extend(evidence.calendars.iter().filter(within));
    }
    found.dedup_by_key(|one| (one.name.clone(), one.revision));
    found
}

/// The earliest and latest time at which something due at `due` may happen, while a clock that can be suspended runs.
/// `known` is from when Liaison could know of it. A latest time of `MAX` means: not while the suspension lasts.
pub(super) fn window(
    due: Timestamp,
    known: Timestamp,
    suspensions: &[(Timestamp, Timestamp)],
) -> (Timestamp, Timestamp) {
    let held_until = suspensions.iter().find(|(from, until)| *from < due && due < *until).map(|(_, until)| *until);
    let earliest = held_until.unwrap_or(due);
    let mut now = due.max(known);
    let mut left = SLACK;
    for (from, until) in suspensions {
        if *until <= now {
            continue;
        }
        if *from > now {
            let running = from.duration_since(now);
            if running >= left {
                break;
            }
            left -= running;
        }
        now = *until;
    }
    (earliest, later(now, left))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).unwrap()
    }

    #[test]
    fn without_suspension_a_step_has_a_minute() {
        assert_eq!(window(at(100), at(0), &[]), (at(100), at(101)));
        assert_eq!(window(at(100), at(150), &[]), (at(100), at(151)), "known later");
    }

    #[test]
    fn a_step_due_while_suspended_fires_at_once_when_it_is_rejected() {
        assert_eq!(window(at(100), at(0), &[(at(90), at(120))]), (at(120), at(121)));
        assert_eq!(window(at(100), at(0), &[(at(90), Timestamp::MAX)]), (Timestamp::MAX, Timestamp::MAX));
    }

    #[test]
    fn a_suspension_at_the_very_moment_leaves_both_ways_open() {
        assert_eq!(window(at(100), at(0), &[(at(100), at(120))]), (at(100), at(121)));
    }

    #[test]
    fn a_suspension_that_ended_before_changes_nothing() {
        assert_eq!(window(at(100), at(0), &[(at(10), at(20))]), (at(100), at(101)));
        assert_eq!(window(at(100), at(0), &[(at(200), at(220))]), (at(100), at(101)));
    }
}
