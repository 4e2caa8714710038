use std::collections::HashSet;

use super::{Places, is_capitals, is_known};
use crate::{
    Rule, Severity,
    finding::Span,
    text::{Text, Word},
};

/// Letters and digits of an abbreviation at most; what is longer in capitals is a word that is shouted.
const LONGEST: usize = 6;

/// Abbreviations that stand nowhere in brackets beside their words; each once.
pub(crate) fn abbreviations(text: &Text<'_>, known: &Places) -> Vec<Span> {
    let glossary: HashSet<usize> = known.iter().flat_map(|(place, ())| place.clone()).collect();
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    for (at, word) in text.words.iter().enumerate() {
        let written = text.written(word);
        // "SLAs" is "SLA".
        let single = written.strip_suffix('s').filter(|stem| stem.len() >= 2).unwrap_or(written);
        let abbreviation = is_capitals(single)
            && single.chars().count() <= LONGEST
            && single.chars().filter(char::is_ascii_digit).count() < 3
            && !in_capitals(text, at);
        if !abbreviation || is_known(word) || glossary.contains(&at) || !seen.insert(single.to_lowercase()) {
            continue;
        }
        if is_explained(text, word) {
            continue;
        }
        found.push(Span {
            rule: Rule::UnexplainedAbbreviation,
            severity: Severity::Advice,
            range: word.range.clone(),
            suggestion: "write it in full the first time, with the abbreviation in brackets".to_owned(),
        });
    }
    found
}

/// Whether the word before or behind is in capitals too: then it is shouting or a heading.
fn in_capitals(text: &Text<'_>, at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| text.words.get(before)).filter(|_| text.words[at].joined);
    let behind = text.words.get(at + 1).filter(|next| next.joined);
    [before, behind].into_iter().flatten().any(|word| is_capitals(text.written(word)) && !is_known(word))
}

/// "Service Level Agreement (SLA)", or "SLA (Service Level Agreement)".
fn is_explained(text: &Text<'_>, word: &Word) -> bool {
    let original = text.original();
    let before = original[..word.range.start].trim_end().ends_with('(');
    let behind = original[word.range.end..].trim_start_matches([' ', '\u{a0}']).starts_with('(');
    before || behind
}
