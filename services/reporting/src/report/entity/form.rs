//! The structured form of an incident report (SOP 5).

use business_time::Timestamp;
use serde::{Deserialize, Serialize};

/// What the form holds. What is empty was not filled in yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Form {
    /// What happened.
    pub summary: String,
    /// What it means for the client.
    pub impact: String,
    /// Since when.
    pub start_time: Option<Timestamp>,
    /// How it stands.
    pub status: String,
    /// What was done.
    pub actions_taken: String,
    /// When the client hears again.
    pub next_update_time: Option<Timestamp>,
    /// Whom the client can ask.
    pub contact: String,
}

impl Form {
    /// The fields that are required and empty; of a final report no next update is.
    pub fn missing(&self, last: bool) -> Vec<&'static str> {
        let blank = |text: &str| !text.chars().any(char::is_alphanumeric);
        let fields = [
            ("summary", blank(&self.summary)),
            ("impact", blank(&self.impact)),
            ("start_time", self.start_time.is_none()),
            ("status", blank(&self.status)),
            ("actions_taken", blank(&self.actions_taken)),
            ("next_update_time", !last && self.next_update_time.is_none()),
            ("contact", blank(&self.contact)),
        ];
        fields.into_iter().filter(|(_, missing)| *missing).map(|(field, _)| field).collect()
    }

    /// As text; `shown` is a time for people.
    pub fn text(&self, shown: impl Fn(Timestamp) -> String) -> String {
        let time = |time: Option<Timestamp>| time.map(&shown).unwrap_or_default();
        let sections = [
            ("What happened", self.summary.trim().to_owned()),
            ("What it means for you", self.impact.trim().to_owned()),
            ("Since when", time(self.start_time)),
            ("How it stands", self.status.trim().to_owned()),
            ("What we did", self.actions_taken.trim().to_owned()),
            ("Next update", time(self.next_update_time)),
            ("Whom you can ask", self.contact.trim().to_owned()),
        ];
        let filled = sections.into_iter().filter(|(_, text)| !text.is_empty());
        filled.map(|(heading, text)| format!("# {heading}\n\n{text}")).collect::<Vec<_>>().join("\n\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_required_but_the_next_update_of_a_final_report() {
        let all = ["summary", "impact", "start_time", "status", "actions_taken", "next_update_time", "contact"];
        assert_eq!(Form::default().missing(false), all);
        let blank = Form { summary: " .\u{200b}".into(), ..Form::default() };
        assert_eq!(blank.missing(true), ["summary", "impact", "start_time", "status", "actions_taken", "contact"]);
    }

    #[test]
    fn as_text_it_has_a_heading_for_each_field_that_is_filled_in() {
        let form = Form { summary: "The line is down.".into(), contact: "Anna".into(), ..Form::default() };
        assert_eq!(form.text(|_| String::new()), "# What happened\n\nThe line is down.\n\n# Whom you can ask\n\nAnna");
    }
}
