//! Phrases, found in one pass over the words.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
    sync::LazyLock,
};

use crate::{
    Profile, Rule, Severity,
    text::{Text, fold},
};

/// Words of a phrase at most, so that one pass stays one pass.
const LONGEST: usize = 12;

/// What a phrase means.
#[derive(Clone, Debug)]
pub(crate) struct Meaning {
    pub rule: Rule,
    pub severity: Severity,
    pub suggestion: String,
}

/// Phrases by their first word, the longest first.
pub(crate) struct Phrases<M>(HashMap<String, Vec<(Vec<String>, M)>>);

/// The phrases that come with this crate.
pub(crate) static LISTED: LazyLock<Phrases<Meaning>> = LazyLock::new(|| {
    let mut phrases = Phrases(HashMap::new());
    for line in lines(include_str!("../lists/jargon.txt")) {
        if let [severity, forms, suggestion] = columns(line)[..] {
            phrases.add_forms(forms, &meaning(Rule::Jargon, severity, suggestion));
        }
    }
    for line in lines(include_str!("../lists/tone.txt")) {
        if let [rule, severity, forms, suggestion] = columns(line)[..] {
            let rule = if rule == "blaming" { Rule::Blaming } else { Rule::Rude };
            phrases.add_forms(forms, &meaning(rule, severity, suggestion));
        }
    }
    phrases.sorted()
});

/// Words of a list that has no more to say about each.
pub(crate) fn words(list: &'static str) -> HashSet<&'static str> {
    lines(list).flat_map(str::split_whitespace).collect()
}

/// What the firm bans.
pub(crate) fn banned(profile: &Profile) -> Phrases<Meaning> {
    let mut phrases = Phrases(HashMap::new());
    for term in &profile.jargon {
        phrases.add(&term.term, meaning(Rule::Jargon, "block", &term.suggestion));
    }
    phrases.sorted()
}

/// What the client knows.
pub(crate) fn glossary(profile: &Profile) -> Phrases<()> {
    let mut phrases = Phrases(HashMap::new());
    for term in &profile.glossary {
        phrases.add(term, ());
    }
    phrases.sorted()
}

impl<M: Clone> Phrases<M> {
    /// Where they stand, as ranges of the text's words, in order and without overlap; of two that begin at one word the longer.
    pub fn find(&self, text: &Text<'_>) -> Vec<(Range<usize>, M)> {
        let (mut found, mut at) = (Vec::new(), 0);
        if self.0.is_empty() {
            return found;
        }
        while let Some(word) = text.words.get(at) {
            let hit = self.0.get(&word.folded).into_iter().flatten().find(|(phrase, _)| stands_at(text, at, phrase));
            match hit {
                Some((phrase, meaning)) => {
                    found.push((at..at + phrase.len(), meaning.clone()));
                    at += phrase.len();
                }
                None => at += 1,
            }
        }
        found
    }

    fn add_forms(&mut self, forms: &str, meaning: &M) {
        for form in forms.split(',') {
            self.add(form, meaning.clone());
        }
    }

    fn add(&mut self, phrase: &str, meaning: M) {
        let words: Vec<_> = Text::of(phrase).words.into_iter().map(|word| fold(&word.folded)).collect();
        if let Some(first) = words.first().filter(|_| words.len() <= LONGEST) {
            self.0.entry(first.clone()).or_default().push((words, meaning));
        }
    }

    fn sorted(mut self) -> Self {
        for phrases in self.0.values_mut() {
            phrases.sort_by_key(|(words, _)| std::cmp::Reverse(words.len()));
        }
        self
    }
}

fn stands_at(text: &Text<'_>, at: usize, phrase: &[String]) -> bool {
    let Some(words) = text.words.get(at..at + phrase.len()) else { return false };
    words
        .iter()
        .zip(phrase)
        .enumerate()
        .all(|(place, (word, wanted))| word.folded == *wanted && (place == 0 || word.joined))
}

fn lines(list: &'static str) -> impl Iterator<Item = &'static str> {
    list.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn columns(line: &'static str) -> Vec<&'static str> {
    line.split('|').map(str::trim).collect()
}

fn meaning(rule: Rule, severity: &str, suggestion: &str) -> Meaning {
    let severity = if severity == "block" { Severity::Block } else { Severity::Advice };
    Meaning { rule, severity, suggestion: suggestion.to_owned() }
}
