use std::ops::Range;

/// What a rule is called, as it stands in contracts and evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// A phrase that says little, or a term that the firm bans.
    Jargon,
    /// A sentence with too many words.
    LongSentence,
    /// A text above the reader's level; the finding is at its hardest sentence.
    HardToRead,
    /// An abbreviation that stands nowhere in full.
    UnexplainedAbbreviation,
    /// An insult, a curse, contempt.
    Rude,
    /// It is the reader's fault.
    Blaming,
    /// Capitals and exclamation marks.
    Shouting,
}

impl Rule {
    /// Every rule.
    pub const ALL: [Self; 7] = [
        Self::Jargon,
        Self::LongSentence,
        Self::HardToRead,
        Self::UnexplainedAbbreviation,
        Self::Rude,
        Self::Blaming,
        Self::Shouting,
    ];

    /// For programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Jargon => "JARGON",
            Self::LongSentence => "LONG_SENTENCE",
            Self::HardToRead => "HARD_TO_READ",
            Self::UnexplainedAbbreviation => "UNEXPLAINED_ABBREVIATION",
            Self::Rude => "RUDE",
            Self::Blaming => "BLAMING",
            Self::Shouting => "SHOUTING",
        }
    }

    /// The rule of a name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.as_str() == name)
    }

    /// The clause of the procedure that it comes from.
    pub fn clause(self) -> Clause {
        match self {
            Self::Jargon | Self::LongSentence | Self::HardToRead | Self::UnexplainedAbbreviation => Clause::Clarity,
            Self::Rude | Self::Blaming | Self::Shouting => Clause::Professionalism,
        }
    }
}

/// A clause of the procedure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clause {
    /// Clear, concise, free of jargon.
    Clarity,
    /// Polite, respectful, professional.
    Professionalism,
}

impl Clause {
    /// Its number.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Clarity => "4.3",
            Self::Professionalism => "4.4",
        }
    }
}

/// What a finding does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The writer may want to change it.
    Advice,
    /// It is not sent, unless somebody says why.
    Block,
}

/// What somebody should look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which rule.
    pub rule: Rule,
    /// Whether it blocks.
    pub severity: Severity,
    /// Where it begins, in Unicode code points from the text's beginning.
    pub start: usize,
    /// Where it ends; the code point there is not part of it.
    pub end: usize,
    /// The very words.
    pub words: String,
    /// What to do.
    pub suggestion: String,
}

/// Whether a text was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Language {
    /// It was.
    English,
    /// It was not: it is in another language, of this ISO 639-3 code.
    Other(&'static str),
    /// It was not: nobody can tell what language it is in.
    Undetermined,
    /// There is no word in it to check.
    None,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Whether the text was checked at all; no findings in another language than English mean nothing.
    pub language: Language,
    /// In the order of the text.
    pub findings: Vec<Finding>,
    /// How many more there were than a report holds.
    pub left_off: usize,
}

/// A finding before its place is counted.
pub(crate) struct Span {
    pub rule: Rule,
    pub severity: Severity,
    /// In bytes.
    pub range: Range<usize>,
    pub suggestion: String,
}

impl Report {
    /// Those that block.
    pub fn blocks(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.severity == Severity::Block)
    }

    /// Whether the text was looked at.
    pub fn is_checked(&self) -> bool {
        self.language == Language::English
    }

    pub(crate) fn of(text: &str, mut spans: Vec<Span>) -> Self {
        let left_off = spans.len().saturating_sub(crate::MOST);
        if left_off > 0 {
            spans.sort_by_key(|span| (std::cmp::Reverse(span.severity), span.range.start));
            spans.truncate(crate::MOST);
        }
        spans.sort_by_key(|span| (span.range.start, span.range.end, span.rule));
        let counts = Counts::of(text, spans.iter().flat_map(|span| [span.range.start, span.range.end]));
        let findings = spans.into_iter().map(|span| Finding {
            rule: span.rule,
            severity: span.severity,
            start: counts.at(span.range.start),
            end: counts.at(span.range.end),
            words: text.get(span.range).unwrap_or_default().to_owned(),
            suggestion: span.suggestion,
        });
        Self { language: Language::English, findings: findings.collect(), left_off }
    }
}

/// Code points before some byte offsets, counted in one pass.
struct Counts(Vec<(usize, usize)>);

impl Counts {
    fn of(text: &str, offsets: impl Iterator<Item = usize>) -> Self {
        let mut offsets: Vec<_> = offsets.collect();
        offsets.sort_unstable();
        offsets.dedup();
        let (mut from, mut count) = (0, 0);
        let counted = offsets.into_iter().map(|offset| {
            count += text.get(from..offset).map_or(0, |part| part.chars().count());
            from = offset;
            (offset, count)
        });
        Self(counted.collect())
    }

    fn at(&self, offset: usize) -> usize {
        self.0.binary_search_by_key(&offset, |(at, _)| *at).map_or(0, |index| self.0[index].1)
    }
}
