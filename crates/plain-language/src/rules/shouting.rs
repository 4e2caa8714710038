use std::collections::HashSet;

use super::{Places, bytes, is_capitals, is_known};
use crate::{Rule, Severity, finding::Span, text::Text};

/// Runs of words in capitals, and of exclamation marks.
pub(crate) fn shouting(text: &Text<'_>, known: &Places) -> Vec<Span> {
    let glossary: HashSet<usize> = known.iter().flat_map(|(place, ())| place.clone()).collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.words.len() {
        let start = at;
        let (mut shouted, mut long) = (0_usize, 0_usize);
        while let Some(word) = text.words.get(at).filter(|word| at == start || word.joined) {
            let written = text.written(word);
            let short = written.chars().count() == 1 && written.chars().all(char::is_uppercase);
            if !(is_capitals(written) || at > start && short) {
                break;
            }
            if !short && !is_known(word) && !glossary.contains(&at) {
                shouted += 1;
                long += usize::from(written.chars().count() >= 4);
            }
            at += 1;
        }
        if shouted >= 2 && long >= 1 {
            let place = start..at;
            let alone = stands_alone(text, &place);
            let severity = if shouted >= 3 && !alone { Severity::Block } else { Severity::Advice };
            found.push(span(severity, bytes(text, &place), "write it in small letters"));
        }
        at = at.max(start + 1);
    }
    for marks in &text.marks {
        let severity = if marks.len() >= 3 { Severity::Block } else { Severity::Advice };
        found.push(span(severity, marks.clone(), "one mark is enough"));
    }
    found
}

/// Whether a run is a line of its own without a mark at its end: a heading.
fn stands_alone(text: &Text<'_>, place: &std::ops::Range<usize>) -> bool {
    let range = bytes(text, place);
    let before = &text.original()[..range.start];
    let behind = text.original()[range.end..].trim_start_matches([' ', '\t', '\r', ':']);
    let begins = before.trim_end_matches([' ', '\t', '#', '*']).chars().next_back().is_none_or(|one| one == '\n');
    begins && behind.chars().next().is_none_or(|one| one == '\n')
}

fn span(severity: Severity, range: std::ops::Range<usize>, suggestion: &str) -> Span {
    Span { rule: Rule::Shouting, severity, range, suggestion: suggestion.to_owned() }
}
