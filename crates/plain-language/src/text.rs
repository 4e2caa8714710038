//! A text as the rules look at it.
//!
//! Words carry byte ranges of the original, so that nothing has to be mapped back. Two words are `joined` where nothing but space
//! or a hyphen lies between them: a phrase is found only over joined words, never over a full stop, a link or a paragraph's end.

use std::{borrow::Cow, collections::HashSet, ops::Range, sync::LazyLock};

use unicode_segmentation::UnicodeSegmentation;

/// A stretch of a paragraph that sentences are looked for in, in bytes. It keeps what UAX-29's look ahead may cost in bounds;
/// no sentence that people can read is longer.
const STRETCH: usize = 1024;

/// A line that is shorter than this although the next word would have fitted was ended by its writer.
const LINE: usize = 60;

static ABBREVIATIONS: LazyLock<HashSet<&str>> =
    LazyLock::new(|| crate::phrases::words(include_str!("../lists/abbreviations.txt")));

/// A word.
#[derive(Clone, Debug)]
pub(crate) struct Word {
    /// Where it stands, in bytes.
    pub range: Range<usize>,
    /// In lower case, with straight apostrophes.
    pub folded: String,
    /// Whether only space or a hyphen lies between it and the word before.
    pub joined: bool,
    /// Of which sentence it is.
    pub sentence: usize,
}

/// What is looked at.
pub(crate) struct Text<'t> {
    original: &'t str,
    pub words: Vec<Word>,
    /// Their byte ranges.
    pub sentences: Vec<Range<usize>>,
    /// Runs of exclamation and question marks with at least two exclamation marks in them.
    pub marks: Vec<Range<usize>>,
}

impl<'t> Text<'t> {
    pub fn of(original: &'t str) -> Self {
        let mut text = Self { original, words: Vec::new(), sentences: Vec::new(), marks: Vec::new() };
        let masked = masked(original);
        for paragraph in paragraphs(&masked) {
            text.read(&masked, paragraph);
        }
        text
    }

    pub fn original(&self) -> &'t str {
        self.original
    }

    /// A word as it is written.
    pub fn written(&self, word: &Word) -> &'t str {
        self.original.get(word.range.clone()).unwrap_or_default()
    }

    /// The words of one sentence after another.
    pub fn by_sentence(&self) -> impl Iterator<Item = &[Word]> {
        self.words.chunk_by(|left, right| left.sentence == right.sentence)
    }

    fn read(&mut self, masked: &str, Paragraph { range: paragraph, goes_on }: Paragraph) {
        let mut broken = !goes_on;
        for stretch in stretches(masked, paragraph) {
            for sentence in sentences(masked, stretch) {
                let number = self.sentences.len();
                let before = self.words.len();
                self.read_words(masked, sentence.clone(), number, &mut broken);
                if self.words.len() > before {
                    self.sentences.push(sentence);
                }
            }
        }
    }

    /// Reads words; `broken` says whether something other than space stood since the last one.
    fn read_words(&mut self, masked: &str, sentence: Range<usize>, number: usize, broken: &mut bool) {
        let Some(part) = masked.get(sentence.clone()) else { return };
        let mut chars = part.char_indices().peekable();
        while let Some((at, first)) = chars.next() {
            let start = sentence.start + at;
            if first == '!' || first == '?' {
                let (mut end, mut exclaimed) = (start + first.len_utf8(), usize::from(first == '!'));
                while let Some((_, next)) = chars.next_if(|(_, next)| matches!(next, '!' | '?')) {
                    end += next.len_utf8();
                    exclaimed += usize::from(next == '!');
                }
                if exclaimed >= 2 {
                    self.marks.push(start..end);
                }
                *broken = true;
                continue;
            }
            if !first.is_alphanumeric() {
                *broken |= !(first.is_whitespace() || matches!(first, '-' | '\u{2010}' | '\u{2011}'));
                continue;
            }
            let mut end = start + first.len_utf8();
            while let Some((at, next)) = chars.peek().copied() {
                let inner = is_apostrophe(next)
                    && part
                        .get(at + next.len_utf8()..)
                        .and_then(|rest| rest.chars().next())
                        .is_some_and(char::is_alphabetic);
                if !(next.is_alphanumeric() || inner || is_mark(next)) {
                    break;
                }
                end = sentence.start + at + next.len_utf8();
                chars.next();
            }
            let folded = fold(masked.get(start..end).unwrap_or_default());
            self.words.push(Word { range: start..end, folded, joined: !*broken, sentence: number });
            *broken = false;
        }
    }
}

/// Lower case, with straight apostrophes.
pub(crate) fn fold(word: &str) -> String {
    word.chars().map(|one| if is_apostrophe(one) { '\'' } else { one }).flat_map(char::to_lowercase).collect()
}

fn is_apostrophe(one: char) -> bool {
    matches!(one, '\'' | '\u{2019}' | '\u{02BC}')
}

/// Combining marks, which belong to the letter before them.
fn is_mark(one: char) -> bool {
    matches!(one, '\u{0300}'..='\u{036F}' | '\u{1AB0}'..='\u{1AFF}' | '\u{1DC0}'..='\u{1DFF}' | '\u{20D0}'..='\u{20FF}' | '\u{FE20}'..='\u{FE2F}')
}

/// The text with what is not the writer's words overwritten byte by byte, so that every place stays where it was.
fn masked(original: &str) -> String {
    let mut out = String::with_capacity(original.len());
    let mut fenced = false;
    for line in original.split_inclusive('\n') {
        let content = line.trim_end_matches(['\n', '\r']);
        let fence = content.trim_start().starts_with("```");
        if fence || fenced || content.trim_start().starts_with('>') {
            fenced ^= fence;
            blank(&mut out, content);
        } else {
            mask_line(&mut out, content);
        }
        out.push_str(&line[content.len()..]);
    }
    out
}

fn blank(out: &mut String, part: &str) {
    out.extend(std::iter::repeat_n('\0', part.len()));
}

fn mask_line(out: &mut String, line: &str) {
    let (mut rest, mut code) = (line, false);
    // Code between backticks, where they come in pairs.
    let ticks = line.matches('`').count() / 2 * 2;
    for _ in 0..ticks {
        let Some(at) = rest.find('`') else { break };
        if code {
            blank(out, &rest[..at]);
        } else {
            mask_words(out, &rest[..at]);
        }
        out.push('\0');
        rest = &rest[at + 1..];
        code = !code;
    }
    mask_words(out, rest);
}

fn mask_words(out: &mut String, part: &str) {
    for piece in part.split_inclusive(char::is_whitespace) {
        let word = piece.trim_end_matches(char::is_whitespace);
        let bare = word.trim_end_matches(|one: char| one.is_ascii_punctuation() && one != '/');
        if is_address(bare) {
            blank(out, bare);
            out.push_str(&word[bare.len()..]);
        } else {
            out.push_str(word);
        }
        out.push_str(&piece[word.len()..]);
    }
}

/// Links, mail addresses, file names and paths.
fn is_address(word: &str) -> bool {
    let bare = word.trim_start_matches(|one: char| one.is_ascii_punctuation() && one != '/');
    let scheme =
        bare.find("://").is_some_and(|at| at > 0 && bare[..at].bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let mail = bare.split_once('@').is_some_and(|(left, right)| !left.is_empty() && right.contains('.'));
    scheme || mail || bare.starts_with("www.") || bare.starts_with("mailto:") || bare.matches('/').count() >= 2
}

/// Lines that belong together.
struct Paragraph {
    range: Range<usize>,
    /// It begins a sentence, but nothing that would end a phrase stands before it: its writer broke the line.
    goes_on: bool,
}

fn paragraphs(masked: &str) -> Vec<Paragraph> {
    let (mut found, mut open): (Vec<Paragraph>, Option<Paragraph>) = (Vec::new(), None);
    let (mut at, mut last) = (0, "");
    for line in masked.split_inclusive('\n') {
        let range = at..at + line.len();
        at = range.end;
        let content = line.trim_matches(|one: char| one.is_whitespace() || one == '\0');
        if content.is_empty() {
            found.extend(open.take());
            continue;
        }
        match &mut open {
            Some(open) if !is_item(content) && !ended_by_hand(last, content) => open.range.end = range.end,
            _ => {
                let goes_on = open.is_some() && !is_item(content);
                found.extend(open.replace(Paragraph { range, goes_on }));
            }
        }
        last = content;
    }
    found.extend(open);
    found
}

fn is_item(line: &str) -> bool {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let numbered = (1..=3).contains(&digits) && matches!(line.as_bytes().get(digits), Some(b'.' | b')'));
    numbered || ["- ", "* ", "+ ", "\u{2022}", "\u{2013} ", "#"].iter().any(|sign| line.starts_with(sign))
}

fn ended_by_hand(line: &str, next: &str) -> bool {
    let word = next.split_whitespace().next().unwrap_or_default();
    line.len() + 1 + word.len() <= LINE
}

/// A paragraph in pieces that end between words.
fn stretches(masked: &str, paragraph: Range<usize>) -> Vec<Range<usize>> {
    let (mut found, mut start) = (Vec::new(), paragraph.start);
    while paragraph.end - start > STRETCH {
        let limit = floor(masked, start + STRETCH);
        let piece = masked.get(start..limit).unwrap_or_default();
        let end = piece.rfind(char::is_whitespace).map_or(limit, |at| floor(masked, start + at + 1));
        let end = if end > start { end } else { limit };
        found.push(start..end);
        start = end;
    }
    found.push(start..paragraph.end);
    found
}

fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// UAX-29's sentences, joined again where an abbreviation or a lower-case letter says that it goes on.
fn sentences(masked: &str, stretch: Range<usize>) -> Vec<Range<usize>> {
    let part = masked.get(stretch.clone()).unwrap_or_default();
    // A line's end within a paragraph is space; to UAX-29 it would end the sentence.
    let flat =
        if part.contains(['\n', '\r']) { Cow::Owned(part.replace(['\n', '\r'], " ")) } else { Cow::Borrowed(part) };
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut goes_on = false;
    for (at, piece) in flat.split_sentence_bound_indices() {
        let range = stretch.start + at..stretch.start + at + piece.len();
        match found.last_mut() {
            Some(last) if goes_on => last.end = range.end,
            _ => found.push(range),
        }
        goes_on = ends_with_abbreviation(piece);
    }
    found
}

fn ends_with_abbreviation(piece: &str) -> bool {
    let Some(before) = piece.trim_end().strip_suffix('.') else { return false };
    let word = before.rsplit(|one: char| !(one.is_alphanumeric() || one == '.')).next().unwrap_or_default();
    let initial = word.chars().count() == 1 && word.chars().all(char::is_uppercase) && word != "I";
    initial || ABBREVIATIONS.contains(fold(word).as_str())
}
