//! A plan: what was agreed about how often the firm is in touch (SOP 4.1). Pure.

use std::{collections::BTreeSet, time::Duration};

use business_time::{Calendar, Frequency, Occurrence, Timestamp, civil};
use serde::{Deserialize, Serialize};

use super::PlanError;

/// The agreed schedule of one engagement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub client: String,
    pub engagement: String,
    pub agreed: Agreed,
    pub revision: u64,
    pub create_time: Timestamp,
    pub update_time: Timestamp,
}

/// What was agreed. Its JSON is what is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Agreed {
    pub contacts: Vec<PlannedContact>,
    pub milestones: Vec<Milestone>,
}

/// A contact that recurs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PlannedContact {
    pub id: String,
    pub frequency: Frequency,
    /// Local wall time in the client's calendar.
    pub time: civil::Time,
    pub ways: Vec<Way>,
    pub start: civil::Date,
    pub end: Option<civil::Date>,
    /// How long before it is due the account manager is told.
    pub remind_before: Duration,
}

/// By what it can be met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Way {
    Email,
    Phone,
    Video,
    InPerson,
    Report,
}

/// Something in the project after which the client is told of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Milestone {
    pub id: String,
    pub display_name: String,
    pub within_business_days: u32,
    pub ways: Vec<Way>,
    pub reach_time: Option<Timestamp>,
}

/// One date of a planned contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PlannedDate {
    pub contact: String,
    pub occurrence: Occurrence,
}

impl Plan {
    /// The first agreement.
    ///
    /// # Errors
    /// What is wrong in it.
    pub fn agree(client: &str, engagement: &str, agreed: Agreed, now: Timestamp) -> Result<Self, PlanError> {
        agreed.check()?;
        let agreed = agreed.with_reached(&[]);
        let (client, engagement) = (client.to_owned(), engagement.to_owned());
        Ok(Self { client, engagement, agreed, revision: 1, create_time: now, update_time: now })
    }

    /// Another agreement. Milestones that were reached stay what they were.
    ///
    /// # Errors
    /// What is wrong in it.
    pub fn replace(&mut self, agreed: Agreed, now: Timestamp) -> Result<(), PlanError> {
        agreed.check()?;
        let agreed = agreed.with_reached(&self.agreed.milestones);
        let reached = self.agreed.milestones.iter().filter(|milestone| milestone.reach_time.is_some());
        if let Some(lost) = reached.into_iter().find(|reached| !agreed.milestones.contains(reached)) {
            return Err(PlanError::MilestoneReached(lost.id.clone()));
        }
        self.agreed = agreed;
        self.changed(now);
        Ok(())
    }

    /// A milestone was reached, now.
    ///
    /// # Errors
    /// There is none of this id, or it was reached before.
    pub fn reach(&mut self, id: &str, now: Timestamp) -> Result<Milestone, PlanError> {
        let milestone = self.agreed.milestones.iter_mut().find(|milestone| milestone.id == id);
        let milestone = milestone.ok_or_else(|| PlanError::MilestoneNotFound(id.to_owned()))?;
        if milestone.reach_time.is_some() {
            return Err(PlanError::MilestoneReached(id.to_owned()));
        }
        milestone.reach_time = Some(now);
        let milestone = milestone.clone();
        self.changed(now);
        Ok(milestone)
    }

    /// What comes due after `now`, in that order, at most `count`.
    pub fn ahead(&self, calendar: &Calendar, now: Timestamp, count: usize) -> Vec<PlannedDate> {
        let mut dates: Vec<_> =
            self.agreed.contacts.iter().flat_map(|contact| contact.ahead(calendar, now).take(count)).collect();
        dates.sort_by(|one, other| {
            let key = |date: &PlannedDate| (date.occurrence.time, date.occurrence.date);
            key(one).cmp(&key(other)).then_with(|| one.contact.cmp(&other.contact))
        });
        dates.truncate(count);
        dates
    }

    fn changed(&mut self, now: Timestamp) {
        self.revision += 1;
        self.update_time = now;
    }
}

impl Agreed {
    fn check(&self) -> Result<(), PlanError> {
        let mut ids = BTreeSet::new();
        for (index, contact) in self.contacts.iter().enumerate() {
            if !ids.insert(&contact.id) {
                return Err(PlanError::DuplicateId(format!("plan.contacts[{index}].id")));
            }
            if contact.end.is_some_and(|end| end < contact.start) {
                return Err(PlanError::BadDate(format!("plan.contacts[{index}].end_date"), "lies before the start"));
            }
        }
        for (index, milestone) in self.milestones.iter().enumerate() {
            if !ids.insert(&milestone.id) {
                return Err(PlanError::DuplicateId(format!("plan.milestones[{index}].id")));
            }
        }
        Ok(())
    }

    /// Reach times are these milestones' own: whoever writes a plan cannot set them.
    fn with_reached(mut self, known: &[Milestone]) -> Self {
        for milestone in &mut self.milestones {
            milestone.reach_time =
                known.iter().find(|known| known.id == milestone.id).and_then(|known| known.reach_time);
        }
        self
    }
}

impl PlannedContact {
    /// Its dates that are due after `now`.
    fn ahead(&self, calendar: &Calendar, now: Timestamp) -> impl Iterator<Item = PlannedDate> {
        calendar
            .occurrences_ahead(self.frequency, self.time, self.start, now)
            .take_while(|occurrence| self.end.is_none_or(|end| occurrence.date <= end))
            .map(|occurrence| PlannedDate { contact: self.id.clone(), occurrence })
    }
}

#[cfg(test)]
mod tests;
