//! An engagement: state and transitions, no I/O.

use std::collections::BTreeSet;

use business_time::Timestamp;

/// A piece of work for a client, with the people who do it (SOP 9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Engagement {
    pub client: String,
    pub id: String,
    pub details: Details,
    pub revision: u64,
    pub create_time: Timestamp,
    pub update_time: Timestamp,
}

/// What CreateEngagement and UpdateEngagement set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Details {
    pub display_name: String,
    pub team_lead: String,
    pub team_members: BTreeSet<String>,
}

/// Whether the people of an engagement are others than before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum People {
    Same,
    Changed,
}

impl Engagement {
    /// A new engagement.
    pub fn begin(client: &str, id: &str, details: Details, now: Timestamp) -> Self {
        Self { client: client.to_owned(), id: id.to_owned(), details, revision: 1, create_time: now, update_time: now }
    }

    /// Whom `details` would bring in who are not on it yet.
    pub fn newcomers(&self, details: &Details) -> Vec<String> {
        let known = self.details.people();
        details.people().into_iter().filter(|person| !known.contains(person)).collect()
    }

    /// Replaces name and people.
    pub fn change(&mut self, details: Details, now: Timestamp) -> People {
        let same = self.details.team_lead == details.team_lead && self.details.team_members == details.team_members;
        self.details = details;
        self.revision += 1;
        self.update_time = now;
        if same { People::Same } else { People::Changed }
    }

    /// `to` takes the place of `from`, as lead, as member or both. False where `from` is neither.
    pub fn hand_over(&mut self, from: &str, to: &str, now: Timestamp) -> bool {
        let led = self.details.team_lead == from;
        let worked = self.details.team_members.remove(from);
        if led {
            to.clone_into(&mut self.details.team_lead);
        }
        if worked {
            self.details.team_members.insert(to.to_owned());
        }
        if led || worked {
            self.revision += 1;
            self.update_time = now;
        }
        led || worked
    }
}

impl Details {
    /// Everybody named, each once, in the order of their ids.
    pub fn people(&self) -> BTreeSet<String> {
        let mut people = self.team_members.clone();
        people.insert(self.team_lead.clone());
        people
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn details(lead: &str, members: &[&str]) -> Details {
        Details {
            display_name: "Audit".into(),
            team_lead: lead.into(),
            team_members: members.iter().map(|id| (*id).to_owned()).collect(),
        }
    }

    fn audit(lead: &str, members: &[&str]) -> Engagement {
        Engagement::begin("acme", "audit", details(lead, members), Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn only_those_are_newcomers_who_were_not_on_it() {
        let engagement = audit("anna", &["bo"]);
        assert_eq!(engagement.newcomers(&details("bo", &["anna", "cy"])), ["cy"]);
    }

    #[test]
    fn another_name_changes_no_people() {
        let mut engagement = audit("anna", &["bo"]);
        let renamed = Details { display_name: "Review".into(), ..details("anna", &["bo"]) };
        assert_eq!(engagement.change(renamed, Timestamp::UNIX_EPOCH), People::Same);
        assert_eq!(engagement.change(details("bo", &[]), Timestamp::UNIX_EPOCH), People::Changed);
        assert_eq!(engagement.revision, 3);
    }

    #[test]
    fn whoever_takes_over_stands_where_the_other_stood_and_only_once() {
        let mut engagement = audit("anna", &["anna", "bo"]);
        assert!(engagement.hand_over("anna", "bo", Timestamp::UNIX_EPOCH));
        assert_eq!(engagement.details, details("bo", &["bo"]));
        assert!(!engagement.hand_over("anna", "cy", Timestamp::UNIX_EPOCH));
        assert_eq!(engagement.revision, 2);
    }
}
