//! The language check of a text that is meant for a client (SOP 4.3, SOP 4.4), and what overrides it. Pure.

use business_time::Timestamp;
use plain_language::{JargonTerm, Language, ReadingLevel, Severity};
use refusal::{Kind, Refusal};
use serde::{Deserialize, Serialize};

/// For whom a text is checked, as the registry tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// What `plain-language` checks by.
    pub profile: plain_language::Profile,
    /// The policy whose jargon is in it; 0 for none.
    pub policy_version: u64,
}

/// What was found; kept with the submission.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Whether it was checked.
    pub language: Checked,
    /// In the order of the text.
    pub findings: Vec<Finding>,
    /// How many more there were.
    pub left_off: usize,
    /// `GENERAL`, `PROFESSIONAL` or `EXPERT`.
    pub reading_level: String,
    /// The client's glossary.
    pub glossary: Vec<String>,
    /// The policy whose jargon counted.
    pub policy_version: u64,
    /// The version of lists and rules.
    pub checker_version: u32,
}

/// Whether a text was checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Checked {
    /// It was.
    English,
    /// It was not: it is in another language.
    #[default]
    NotChecked,
    /// There are no words in it.
    NoWords,
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// For example `JARGON`.
    pub rule: String,
    /// Whether it blocks.
    pub blocks: bool,
    /// In code points.
    pub start: usize,
    /// The first one behind it.
    pub end: usize,
    /// The very words.
    pub words: String,
    /// What to do.
    pub suggestion: String,
    /// `4.3` or `4.4`.
    pub clause: String,
}

/// Why something that blocks is written all the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// Which rule.
    pub rule: String,
    /// Which words.
    pub words: String,
    /// Why.
    pub reason: String,
    /// Who says so.
    pub person: String,
    /// When.
    pub time: Timestamp,
}

/// As contracts name a reading level.
pub fn level_name(level: ReadingLevel) -> &'static str {
    match level {
        ReadingLevel::General => "GENERAL",
        ReadingLevel::Professional => "PROFESSIONAL",
        ReadingLevel::Expert => "EXPERT",
    }
}

/// A term that the firm bans.
pub fn jargon(term: String, suggestion: String) -> JargonTerm {
    JargonTerm { term, suggestion }
}

/// Checks a text.
pub fn check(text: &str, profile: &Profile) -> Check {
    let report = plain_language::check_all(text, &profile.profile);
    let language = match report.language {
        Language::English => Checked::English,
        Language::Other(_) | Language::Undetermined => Checked::NotChecked,
        Language::None => Checked::NoWords,
    };
    let findings = report.findings.into_iter().map(|finding| Finding {
        rule: finding.rule.as_str().to_owned(),
        blocks: finding.severity == Severity::Block,
        start: finding.start,
        end: finding.end,
        words: finding.words,
        suggestion: finding.suggestion,
        clause: finding.rule.clause().as_str().to_owned(),
    });
    Check {
        language,
        findings: findings.collect(),
        left_off: report.left_off,
        reading_level: level_name(profile.profile.reading_level).to_owned(),
        glossary: profile.profile.glossary.clone(),
        policy_version: profile.policy_version,
        checker_version: plain_language::VERSION,
    }
}

impl Override {
    /// Whether it is about this finding.
    fn covers(&self, finding: &Finding) -> bool {
        // Of a text that is hard to read as a whole no words are to be repeated.
        finding.rule == self.rule && (finding.rule == "HARD_TO_READ" || same(&finding.words, &self.words))
    }
}

/// Whether everything that blocks has its reason.
///
/// # Errors
/// `LANGUAGE_BLOCKED` with the place of each finding that has none, without its words; `OVERRIDE_WITHOUT_FINDING`.
pub fn settle(check: &Check, overrides: &[Override]) -> Result<(), Refusal> {
    if check.language == Checked::NoWords {
        return Err(Refusal::new(Kind::State, "TEXT_MISSING", "the text has no words, and nothing to tell the client"));
    }
    let blocks: Vec<_> = check.findings.iter().filter(|finding| finding.blocks).collect();
    let open: Vec<_> = blocks.iter().filter(|finding| !overrides.iter().any(|one| one.covers(finding))).collect();
    if !open.is_empty() || (check.left_off > 0 && blocks.len() == check.findings.len()) {
        let message = "the text holds what is not written to a client; change it, or say of each finding why it stays";
        let refusal = Refusal::new(Kind::State, "LANGUAGE_BLOCKED", message)
            .with("findings", (open.len() + check.left_off).to_string());
        return Err(open.iter().fold(refusal, |refusal, finding| {
            let place = format!("text[{}:{}]", finding.start, finding.end);
            let told = format!("{} (SOP {}): {}", finding.rule, finding.clause, finding.suggestion);
            refusal.and_field(place, told)
        }));
    }
    let idle = overrides.iter().position(|one| !blocks.iter().any(|finding| one.covers(finding)));
    match idle {
        Some(index) => {
            let field = format!("overrides[{index}]");
            Err(Refusal::field("OVERRIDE_WITHOUT_FINDING", field, "fits nothing in the text that blocks"))
        }
        None => Ok(()),
    }
}

fn same(left: &str, right: &str) -> bool {
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    plain(left) == plain(right)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn over(rule: &str, words: &str) -> Override {
        Override {
            rule: rule.into(),
            words: words.into(),
            reason: "the client calls it so".into(),
            person: "staff/anna".into(),
            time: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn each_block_needs_a_reason_and_its_place_is_told_without_its_words() {
        let check = check("We will leverage the plan, and you failed to answer.", &Profile::default());
        let refusal = settle(&check, &[]).unwrap_err();
        assert_eq!((refusal.reason, refusal.kind), ("LANGUAGE_BLOCKED", Kind::State));
        let places: Vec<_> = refusal.fields.iter().map(|field| field.field.as_str()).collect();
        assert_eq!(places, ["text[8:16]", "text[31:44]"]);
        assert!(refusal.fields.iter().all(|field| !field.description.contains("leverage")));
        let one = [over("JARGON", "LEVERAGE")];
        assert_eq!(settle(&check, &one).unwrap_err().fields.len(), 1);
        assert_eq!(settle(&check, &[over("JARGON", "leverage"), over("BLAMING", "you failed  to")]), Ok(()));
    }

    #[test]
    fn a_reason_for_what_is_not_there_is_told() {
        let check = check("We will send the plan to you.", &Profile::default());
        assert_eq!(settle(&check, &[over("JARGON", "leverage")]).unwrap_err().reason, "OVERRIDE_WITHOUT_FINDING");
    }

    #[test]
    fn a_text_without_words_is_no_report() {
        let check = check("-- 12 --", &Profile::default());
        assert_eq!((check.language, settle(&check, &[]).unwrap_err().reason), (Checked::NoWords, "TEXT_MISSING"));
    }

    #[test]
    fn another_language_blocks_nothing_and_is_told_as_not_checked() {
        let check =
            check("Wir senden Ihnen den Bericht am Donnerstag, wie wir es vereinbart haben.", &Profile::default());
        assert_eq!((check.language, settle(&check, &[])), (Checked::NotChecked, Ok(())));
    }
}
