//! Whether a text is plain (SOP 4.3) and polite (SOP 4.4). Pure: no I/O, no clock, the same answer everywhere, so that whoever
//! reads the evidence later computes the same findings.
//!
//! - [`check`]: the one door. [`Profile`] says for whom the text is; [`Report`] is what was found.
//! - `text`: what is looked at: words, sentences; not quoted lines, code, addresses and links.
//! - `language`: English or not. A text in another language is told as not checked, never as passed.
//! - `phrases`: the lists in `lists/`, found in one pass over the words.
//! - `rules`: jargon and tone, abbreviations, shouting, and how hard a text is to read.
//!
//! A finding is a block only where hardly anybody would defend it: the check is to help people write, and one that cries wolf is
//! soon overridden unread. To add a phrase: its line in `lists/`. To add a rule: a variant of [`Rule`], and a function in
//! `rules`.
//!
//! What it takes grows with the length of the text and no faster, whatever stands in it.

mod finding;
mod language;
mod phrases;
mod profile;
mod rules;
mod text;

pub use finding::{Clause, Finding, Language, Report, Rule, Severity};
pub use profile::{JargonTerm, Profile, ReadingLevel};

/// The version of lists and rules; raised whenever the same text could get another answer.
pub const VERSION: u32 = 1;

/// Findings that a report holds at most; of more, blocks stay first.
pub const MOST: usize = 200;

/// As [`check`], of a text in which every word is the writer's own, as in a report: a mark of quotation or of code takes no
/// word out of the check. In the findings' words such marks are spaces; places are those of the text as it came.
pub fn check_all(text: &str, profile: &Profile) -> Report {
    let unmark = |line: &str| {
        let quoted = |sign: char| sign == '>' || sign.is_whitespace();
        let (marks, rest) = line.split_at(line.len() - line.trim_start_matches(quoted).len());
        format!("{}{}", marks.replace('>', " "), rest.replace('`', " "))
    };
    check(&text.split_inclusive('\n').map(unmark).collect::<String>(), profile)
}

/// Looks at a text that is meant for a client.
pub fn check(text: &str, profile: &Profile) -> Report {
    let text = text::Text::of(text);
    let language = language::of(&text);
    if language != Language::English {
        return Report { language, findings: Vec::new(), left_off: 0 };
    }
    let glossary = phrases::glossary(profile);
    let known = glossary.find(&text);
    let mut spans = rules::phrases(&text, profile, &known);
    spans.extend(rules::abbreviations(&text, &known));
    spans.extend(rules::shouting(&text, &known));
    spans.extend(rules::reading(&text, profile.reading_level));
    Report::of(text.original(), spans)
}
