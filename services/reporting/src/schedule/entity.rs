//! A schedule: which report comes when, and when its draft opens. Pure.

use business_time::{Calendar, Timestamp};
use jiff::{
    SignedDuration,
    civil::{Date, Time, Weekday},
};
use serde::{Deserialize, Serialize};

use super::error::ScheduleError;
use crate::{
    matrix::{Distribution, Format, ReportType},
    report::entity::{Opening, Period},
};

/// A schedule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// The last segment of `schedules/{schedule}`.
    pub id: String,
    /// `clients/{client}`; never changes.
    pub client: String,
    /// The engagement; never changes.
    pub engagement: String,
    /// What comes; never changes.
    pub kind: ReportType,
    /// What can be changed.
    pub terms: Terms,
    /// The client's calendar, by whose clocks and days it comes: name and content.
    pub calendar_name: String,
    /// See `calendar_name`.
    pub calendar: Calendar,
    /// What comes next; none while it is paused.
    pub next: Option<Next>,
}

/// What of a schedule can be changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// What it looks like.
    pub format: Format,
    /// How it reaches the client.
    pub distribution: Distribution,
    /// 1 for Monday to 7 for Sunday.
    pub weekday: i8,
    /// `HH:MM`.
    pub local_time: String,
    /// How long before it is due its draft opens.
    pub lead: SignedDuration,
    /// Who gets it.
    pub recipients: Vec<String>,
    /// Whether nothing comes.
    pub paused: bool,
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Next {
    /// The date that was agreed, whatever becomes of the calendar.
    pub date: Date,
    /// What it is about.
    pub period: Period,
    /// When it is due.
    pub due_time: Timestamp,
    /// The same by the calendar's clocks.
    pub due_local: String,
    /// When its draft opens.
    pub draft_time: Timestamp,
}

impl Schedule {
    /// A new schedule; what comes first is due after `now`.
    ///
    /// # Errors
    /// Where its day or time is none.
    pub fn new(
        id: String,
        engagement: (String, String),
        kind: ReportType,
        terms: Terms,
        calendar: (String, Calendar),
        now: Timestamp,
    ) -> Result<Self, ScheduleError> {
        let (client, engagement) = engagement;
        let (calendar_name, calendar) = calendar;
        let mut schedule = Self { id, client, engagement, kind, terms, calendar_name, calendar, next: None };
        schedule.plan(now)?;
        Ok(schedule)
    }

    /// Its resource name.
    pub fn name(&self) -> String {
        format!("schedules/{}", self.id)
    }

    /// Changes what can be changed; what is due already is not planned again.
    ///
    /// # Errors
    /// As [`Schedule::new`].
    pub fn change(&mut self, terms: Terms, now: Timestamp) -> Result<(), ScheduleError> {
        self.terms = terms;
        self.plan(now)
    }

    /// Goes by another calendar, or by another revision of it, from now on. What comes next keeps its date.
    pub fn goes_by(&mut self, name: &str, calendar: Calendar) {
        name.clone_into(&mut self.calendar_name);
        self.calendar = calendar;
        if let Some(date) = self.next.as_ref().map(|next| next.date) {
            self.next = self.on(date).or(self.next.take());
        }
    }

    /// Gives what is to be opened by now and plans what follows it; none where nothing is. After a downtime it is asked again
    /// until then, so that each period comes once and in order.
    pub fn open_due(&mut self, now: Timestamp, id: String) -> Option<Opening> {
        let due = self.next.clone().filter(|next| next.draft_time <= now)?;
        self.next = self.after(due.date);
        Some(self.opening(id, due.period, due.due_time, due.due_local))
    }

    /// What a report of this period would be, opened by hand. None where this schedule has no such period.
    pub fn for_period(&self, period: &Period) -> Option<(Timestamp, String)> {
        let next = self.on(period.due_date(self.weekday()?)?)?;
        Some((next.due_time, next.due_local))
    }

    fn opening(&self, id: String, period: Period, due_time: Timestamp, due_local: String) -> Opening {
        Opening {
            id,
            client: self.client.clone(),
            engagement: self.engagement.clone(),
            kind: self.kind,
            format: self.terms.format,
            distribution: self.terms.distribution,
            period,
            due_time,
            due_local,
            schedule: self.name(),
            recipients: self.terms.recipients.clone(),
        }
    }

    fn plan(&mut self, now: Timestamp) -> Result<(), ScheduleError> {
        self.weekday().ok_or(ScheduleError::NoDay)?;
        self.time_of_day().ok_or(ScheduleError::NoTime)?;
        self.next = None;
        if self.terms.paused {
            return Ok(());
        }
        // A date before today may be due after now, where holidays lie between.
        let today = self.calendar.zone().wall(now).date();
        let mut date = today.checked_sub(jiff::Span::new().days(14)).unwrap_or(today);
        while let Some(next) = self.after(date) {
            if next.due_time > now {
                self.next = Some(next);
                break;
            }
            date = next.date;
        }
        Ok(())
    }

    fn after(&self, date: Date) -> Option<Next> {
        self.on(date.nth_weekday(1, self.weekday()?).ok()?)
    }

    fn on(&self, date: Date) -> Option<Next> {
        let occurrence = self.calendar.occurrence(date, self.time_of_day()?)?;
        let draft_time = occurrence.time.checked_sub(self.terms.lead).unwrap_or(occurrence.time);
        Some(Next {
            date,
            period: Period::week_due_on(date)?,
            due_time: occurrence.time,
            due_local: occurrence.local.to_string(),
            draft_time,
        })
    }

    fn weekday(&self) -> Option<Weekday> {
        Weekday::from_monday_one_offset(self.terms.weekday).ok()
    }

    fn time_of_day(&self) -> Option<Time> {
        let (hour, minute) = self.terms.local_time.split_once(':')?;
        Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use business_time::{CalendarSpec, Closure, WeekHours, Weekday as Day};

    use super::*;

    fn london(closures: &[&str]) -> Calendar {
        let days = [Day::Monday, Day::Tuesday, Day::Wednesday, Day::Thursday, Day::Friday];
        Calendar::try_new(CalendarSpec {
            id: "london".into(),
            revision: 1,
            time_zone: "Europe/London".into(),
            week: days.map(|day| WeekHours { day, open: "09:00".into(), close: "17:30".into() }).to_vec(),
            closures: closures.iter().map(|date| Closure { date: (*date).into(), label: String::new() }).collect(),
            ..CalendarSpec::default()
        })
        .unwrap()
    }

    fn terms() -> Terms {
        Terms {
            format: Format::EmailSummary,
            distribution: Distribution::Email,
            weekday: 5,
            local_time: "16:00".into(),
            lead: SignedDuration::from_hours(48),
            recipients: vec!["clients/acme/contacts/jo".into()],
            paused: false,
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn schedule(terms: Terms, closures: &[&str], now: &str) -> Schedule {
        let engagement = ("clients/acme".into(), "clients/acme/engagements/pumps".into());
        let calendar = ("calendars/london".into(), london(closures));
        Schedule::new("s".into(), engagement, ReportType::StatusUpdate, terms, calendar, at(now)).unwrap()
    }

    /// The period, when the draft opens, and when it is due.
    fn next(schedule: &Schedule) -> (String, String, String) {
        let next = schedule.next.clone().unwrap();
        (next.period.name(), next.draft_time.to_string(), next.due_local)
    }

    fn told(period: &str, draft: &str, due: &str) -> (String, String, String) {
        (period.into(), draft.into(), format!("{due}[Europe/London]"))
    }

    #[test]
    fn the_draft_opens_the_lead_time_before_it_is_due() {
        let schedule = schedule(terms(), &[], "2026-03-09T09:00:00Z");
        assert_eq!(next(&schedule), told("2026-W11", "2026-03-11T16:00:00Z", "2026-03-13T16:00:00"));
    }

    #[test]
    fn on_a_holiday_it_is_due_on_the_next_business_day_and_stays_about_its_week() {
        let schedule = schedule(terms(), &["2026-03-13"], "2026-03-09T09:00:00Z");
        assert_eq!(next(&schedule), told("2026-W11", "2026-03-14T16:00:00Z", "2026-03-16T16:00:00"));
    }

    #[test]
    fn after_a_downtime_each_missed_period_comes_once_and_in_order() {
        let mut schedule = schedule(terms(), &[], "2026-03-09T09:00:00Z");
        let back = at("2026-03-26T09:00:00Z");
        let mut opened = Vec::new();
        while let Some(opening) = schedule.open_due(back, "r".into()) {
            opened.push(opening.period.name());
        }
        assert_eq!(opened, ["2026-W11", "2026-W12", "2026-W13"]);
        // Over the change of the clocks it stays at 16:00.
        assert_eq!(next(&schedule), told("2026-W14", "2026-04-01T15:00:00Z", "2026-04-03T16:00:00"));
    }

    #[test]
    fn while_it_is_paused_nothing_comes_and_nothing_is_caught_up_after() {
        let mut schedule = schedule(Terms { paused: true, ..terms() }, &[], "2026-03-09T09:00:00Z");
        assert_eq!(schedule.open_due(at("2026-05-01T09:00:00Z"), "r".into()).map(|opening| opening.id), None);
        schedule.change(terms(), at("2026-03-30T09:00:00Z")).unwrap();
        assert_eq!(next(&schedule).0, "2026-W14");
    }

    #[test]
    fn another_calendar_moves_what_comes_next_and_not_its_period() {
        let mut schedule = schedule(terms(), &[], "2026-03-09T09:00:00Z");
        schedule.goes_by("calendars/london", london(&["2026-03-13", "2026-03-16"]));
        assert_eq!(next(&schedule), told("2026-W11", "2026-03-15T16:00:00Z", "2026-03-17T16:00:00"));
    }

    #[test]
    fn a_period_opened_by_hand_is_due_as_the_schedule_would_have_it() {
        let schedule = schedule(terms(), &[], "2026-03-09T09:00:00Z");
        let period = Period::of(ReportType::StatusUpdate, "2026-W20").unwrap();
        assert_eq!(schedule.for_period(&period).unwrap().1, "2026-05-15T16:00:00[Europe/London]");
    }
}
