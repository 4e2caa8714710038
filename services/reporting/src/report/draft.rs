//! The draft of a status update, in short plain sentences from the suite's facts (SOP 5). Pure.

use crate::facts::Facts;

/// The title of a report.
pub fn title(kind: &str, engagement: &str, period: &str) -> String {
    if engagement.trim().is_empty() {
        format!("{kind}, {period}")
    } else {
        format!("{kind}: {}, {period}", engagement.trim())
    }
}

/// The draft's text. `taken` is when the facts were taken, for people.
pub fn status_update(period: &str, facts: &Facts, taken: &str) -> String {
    let mut lines = Vec::new();
    lines.push(match facts.opened {
        0 => "No new question or problem of yours came in.".to_owned(),
        1 => "One new question or problem of yours came in.".to_owned(),
        many => format!("{} new questions and problems of yours came in.", number(many)),
    });
    if facts.answered > 0 {
        let late = match facts.answered_late {
            0 => "in time".to_owned(),
            late if late == facts.answered => "later than we promise".to_owned(),
            late => format!("{} of them later than we promise", number(late).to_lowercase()),
        };
        lines.push(match facts.answered {
            1 => format!("We answered one question, {late}."),
            many => format!("We answered {} questions, {late}.", number(many).to_lowercase()),
        });
    }
    if facts.closed > 0 {
        lines.push(match facts.closed {
            1 => "One problem is solved, as you and we have confirmed.".to_owned(),
            many => format!("{} problems are solved, as you and we have confirmed.", number(many)),
        });
    }
    let mut open = Vec::new();
    match facts.open_questions {
        0 => {}
        1 => open.push("One question waits for our answer.".to_owned()),
        many => open.push(format!("{} questions wait for our answer.", number(many))),
    }
    match facts.open_issues {
        0 => {}
        1 => open.push("We are working on one problem.".to_owned()),
        many => open.push(format!("We are working on {} problems.", number(many).to_lowercase())),
    }
    if facts.waiting_for_you > 0 {
        open.push(match facts.waiting_for_you {
            1 => "For one problem we have proposed a solution. Please tell us whether it is solved for you.".to_owned(),
            many => format!(
                "For {} problems we have proposed a solution. Please tell us whether they are solved for you.",
                number(many).to_lowercase()
            ),
        });
    }
    if open.is_empty() {
        open.push("Nothing of yours is open with us.".to_owned());
    }
    format!(
        "# What happened\n\nThis is about the days from {period}.\n\n{}\n\n# What is open\n\n{}\n\nThese numbers are of \
         {taken}. If you have a question, please answer this mail.",
        lines.iter().map(|line| format!("- {line}")).collect::<Vec<_>>().join("\n"),
        open.iter().map(|line| format!("- {line}")).collect::<Vec<_>>().join("\n"),
    )
}

/// A contribution added to a text, under the name of whoever gave it.
pub fn with_contribution(text: &str, name: &str, contribution: &str) -> String {
    format!("{}\n\n# From {}\n\n{}", text.trim_end(), name.trim(), contribution.trim())
}

fn number(count: u32) -> String {
    const WORDS: [&str; 13] =
        ["No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten", "Eleven", "Twelve"];
    usize::try_from(count)
        .ok()
        .and_then(|at| WORDS.get(at))
        .map_or_else(|| count.to_string(), |word| (*word).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_draft_passes_the_check_that_people_have_to_pass() {
        let counts = [0, 1, 2, 40];
        for opened in counts {
            for open in counts {
                let facts = Facts {
                    opened,
                    answered: open,
                    answered_late: open / 2,
                    closed: opened,
                    open_questions: open,
                    open_issues: opened,
                    waiting_for_you: open,
                };
                let text = status_update("9 to 15 March 2026", &facts, "Friday 13 March 2026, 09:00 (Europe/London)");
                let report = plain_language::check(&text, &plain_language::Profile::default());
                assert!(report.is_checked(), "{text}");
                assert_eq!(report.findings, [], "{text}");
            }
        }
    }

    #[test]
    fn a_draft_says_what_happened_in_words() {
        let facts = Facts { opened: 2, answered: 2, answered_late: 1, open_issues: 1, ..Facts::default() };
        let text = status_update("9 to 15 March 2026", &facts, "Friday");
        assert!(text.contains("- Two new questions and problems of yours came in.\n"), "{text}");
        assert!(text.contains("- We answered two questions, one of them later than we promise."), "{text}");
        assert!(text.contains("- We are working on one problem."), "{text}");
    }
}
