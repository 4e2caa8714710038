//! Whether a text is English.
//!
//! A detector of trigrams is sure of a paragraph and guesses at a line. So: where it is sure, it decides, unless a third of the
//! words are small English ones. Where it is not, a text counts as English only where it looks so: Latin letters without accents,
//! and an eighth of its words small English ones. A text is of one language here: in a letter of two, the one that makes up more
//! of it decides.

use std::{collections::HashSet, sync::LazyLock};

use whatlang::{Lang, detect};

use crate::{Language, text::Text};

/// Bytes that are looked at; a text's language does not change behind them.
const ENOUGH: usize = 8_192;

static ENGLISH: LazyLock<HashSet<&str>> = LazyLock::new(|| crate::phrases::words(include_str!("../lists/english.txt")));

pub(crate) fn of(text: &Text<'_>) -> Language {
    let (mut sample, mut words, mut english, mut plain, mut letters) = (String::new(), 0_usize, 0, 0, 0);
    for word in &text.words {
        if !word.folded.contains(char::is_alphabetic) {
            continue;
        }
        words += 1;
        english += usize::from(ENGLISH.contains(word.folded.as_str()));
        letters += word.folded.chars().filter(|one| one.is_alphabetic()).count();
        plain += word.folded.chars().filter(char::is_ascii_alphabetic).count();
        if sample.len() < ENOUGH {
            sample.push_str(text.written(word));
            sample.push(' ');
        }
    }
    if words == 0 {
        return Language::None;
    }
    let mostly_english = english * 3 >= words;
    match detect(&sample) {
        Some(found) if found.lang() == Lang::Eng && found.is_reliable() => Language::English,
        Some(found) if found.is_reliable() && !mostly_english => Language::Other(found.lang().code()),
        // One letter in twenty may be foreign: names are.
        _ if english * 8 >= words && plain * 20 >= letters * 19 => Language::English,
        _ => Language::Undetermined,
    }
}
