//! The rules, each over the words of the whole text. `known` are the places of the client's own terms.

mod abbreviations;
mod reading;
mod shouting;

use std::{collections::HashSet, ops::Range, sync::LazyLock};

pub(crate) use abbreviations::abbreviations;
pub(crate) use reading::reading;
pub(crate) use shouting::shouting;

use crate::{
    Profile, Rule,
    finding::Span,
    phrases::{LISTED, Meaning, banned, words},
    text::{Text, Word},
};

static KNOWN: LazyLock<HashSet<&str>> = LazyLock::new(|| words(include_str!("../../lists/known.txt")));

type Places = [(Range<usize>, ())];

/// Jargon and tone: whatever stands in a list.
pub(crate) fn phrases(text: &Text<'_>, profile: &Profile, known: &Places) -> Vec<Span> {
    let banned = banned(profile).find(text);
    let listed = LISTED.find(text);
    let taken: HashSet<usize> = banned.iter().flat_map(|(place, _)| place.clone()).collect();
    let spans = banned.iter().map(|(place, meaning)| span(text, place, meaning, "a plainer word"));
    let listed = listed.iter().filter(|(place, _)| !place.clone().any(|word| taken.contains(&word)));
    let listed = listed.map(|(place, meaning)| span(text, place, meaning, ""));
    let known: HashSet<usize> = known.iter().flat_map(|(place, ())| place.clone()).collect();
    let mut found = Vec::new();
    for (place, span) in spans.chain(listed) {
        if span.rule != Rule::Jargon || !place.clone().all(|word| known.contains(&word)) {
            found.push(span);
        }
    }
    found
}

fn span(text: &Text<'_>, place: &Range<usize>, meaning: &Meaning, otherwise: &str) -> (Range<usize>, Span) {
    let suggestion = if meaning.suggestion.is_empty() { otherwise } else { &meaning.suggestion };
    let span = Span {
        rule: meaning.rule,
        severity: meaning.severity,
        range: bytes(text, place),
        suggestion: suggestion.to_owned(),
    };
    (place.clone(), span)
}

/// From the first of some words to the last.
fn bytes(text: &Text<'_>, place: &Range<usize>) -> Range<usize> {
    match (text.words.get(place.start), place.end.checked_sub(1).and_then(|last| text.words.get(last))) {
        (Some(first), Some(last)) => first.range.start..last.range.end,
        _ => 0..0,
    }
}

/// Written in capitals alone, with at least two letters.
fn is_capitals(written: &str) -> bool {
    let mut letters = 0;
    for one in written.chars().filter(|one| one.is_alphabetic()) {
        if !one.is_uppercase() {
            return false;
        }
        letters += 1;
    }
    letters >= 2
}

fn is_known(word: &Word) -> bool {
    KNOWN.contains(word.folded.as_str())
}
