//! How hard a text is to read: the Flesch-Kincaid grade, over our own sentences and syllables.

use crate::{
    ReadingLevel, Rule, Severity,
    finding::Span,
    text::{Text, Word},
};

/// Below these a grade says nothing about a text.
const LEAST_WORDS: usize = 40;
const LEAST_SENTENCES: usize = 3;

/// A text this many grades above the limit blocks.
const FAR_ABOVE: f64 = 5.0;

/// Long sentences, and a text that is too hard as a whole.
pub(crate) fn reading(text: &Text<'_>, level: ReadingLevel) -> Vec<Span> {
    let limits = level.limits();
    let mut found = Vec::new();
    let (mut all, mut sentences) = (Count::default(), 0_usize);
    let mut hardest: Option<(f64, &[Word])> = None;
    for sentence in text.by_sentence() {
        let count = Count::of(sentence);
        if sentence.len() > limits.sentence {
            found.push(Span {
                rule: Rule::LongSentence,
                severity: Severity::Advice,
                range: range(sentence),
                suggestion: format!("make two of it: it has {} words, {} are enough", sentence.len(), limits.sentence),
            });
        }
        // Salutations, headings, names: no sentences to read.
        if count.words < 4 {
            continue;
        }
        sentences += 1;
        all.add(&count);
        let grade = count.grade(1);
        if hardest.as_ref().is_none_or(|(most, _)| grade > *most) {
            hardest = Some((grade, sentence));
        }
    }
    let Some((_, hardest)) = hardest else { return found };
    let grade = all.grade(sentences);
    if all.words >= LEAST_WORDS && sentences >= LEAST_SENTENCES && grade > limits.grade {
        let severity = if grade > limits.grade + FAR_ABOVE { Severity::Block } else { Severity::Advice };
        found.push(Span {
            rule: Rule::HardToRead,
            severity,
            range: range(hardest),
            suggestion: format!(
                "shorter sentences and words: the text is at grade {grade:.0}, {:.0} is enough; this is its hardest sentence",
                limits.grade
            ),
        });
    }
    found
}

fn range(sentence: &[Word]) -> std::ops::Range<usize> {
    match (sentence.first(), sentence.last()) {
        (Some(first), Some(last)) => first.range.start..last.range.end,
        _ => 0..0,
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    words: usize,
    syllables: usize,
}

impl Count {
    fn of(sentence: &[Word]) -> Self {
        let mut count = Self::default();
        // Numbers and times are read at a glance.
        for word in sentence.iter().filter(|word| word.folded.chars().all(|one| one.is_alphabetic() || one == '\'')) {
            count.words += 1;
            count.syllables += syllables(&word.folded);
        }
        count
    }

    fn add(&mut self, other: &Self) {
        self.words += other.words;
        self.syllables += other.syllables;
    }

    #[expect(clippy::cast_precision_loss, reason = "no text has 2^52 words")]
    fn grade(&self, sentences: usize) -> f64 {
        if self.words == 0 || sentences == 0 {
            return 0.0;
        }
        let words = self.words as f64;
        0.39 * (words / sentences as f64) + 11.8 * (self.syllables as f64 / words) - 15.59
    }
}

/// Syllables of an English word, by its groups of vowels.
fn syllables(word: &str) -> usize {
    let letters: Vec<char> = word.chars().filter(|one| one.is_alphabetic()).collect();
    let vowel = |at: usize| letters.get(at).is_some_and(|one| matches!(one, 'a' | 'e' | 'i' | 'o' | 'u' | 'y'));
    let (mut count, mut before) = (0_usize, false);
    for at in 0..letters.len() {
        let now = vowel(at);
        // "client", "area", "being", "various": two vowels that are two syllables.
        let split = before
            && now
            && matches!((letters[at - 1], letters[at]), ('i', 'a' | 'o' | 'u') | ('e', 'o') | ('u', 'a'))
            && !(at >= 2
                && matches!((letters[at - 2], letters[at - 1]), ('t' | 's' | 'c' | 'g', 'i') | ('g' | 'q', 'u')));
        count += usize::from(now && (!before || split));
        before = now;
    }
    let len = letters.len();
    let ends = |end: &str| word.ends_with(end);
    if len > 2 && ends("e") && !ends("le") && !vowel(len - 2) {
        count = count.saturating_sub(1);
    }
    if len > 3 && ends("es") && !vowel(len - 3) && !matches!(letters[len - 3], 's' | 'z' | 'x' | 'c' | 'g' | 'h') {
        count = count.saturating_sub(1);
    }
    if len > 3 && ends("ed") && !vowel(len - 3) && !matches!(letters[len - 3], 't' | 'd') {
        count = count.saturating_sub(1);
    }
    if len > 2 && ends("sm") {
        count += 1;
    }
    count.max(1)
}

#[cfg(test)]
mod tests {
    use super::syllables;

    #[test]
    fn syllables_are_counted_as_they_are_spoken() {
        for (word, count) in [
            ("a", 1),
            ("the", 1),
            ("made", 1),
            ("table", 2),
            ("plain", 1),
            ("language", 2),
            ("answered", 2),
            ("started", 2),
            ("report", 2),
            ("reports", 2),
            ("updates", 2),
            ("services", 3),
            ("communication", 5),
            ("weekly", 2),
            ("you", 1),
            ("question", 2),
            ("believe", 2),
            ("rhythm", 1),
        ] {
            assert_eq!(syllables(word), count, "{word}");
        }
    }
}
