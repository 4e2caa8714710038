/// For whom a text is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// How hard it may be to read.
    pub reading_level: ReadingLevel,
    /// Terms and abbreviations that this client knows: no jargon to them. They excuse no rudeness.
    pub glossary: Vec<String>,
    /// What the firm bans beside the lists that come with this crate.
    pub jargon: Vec<JargonTerm>,
}

/// How used a reader is to such texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReadingLevel {
    /// Anybody.
    #[default]
    General,
    /// Somebody who reads business letters each day.
    Professional,
    /// Somebody of the same trade.
    Expert,
}

/// A term that the firm does not want to write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JargonTerm {
    /// The word or phrase; case and hyphens do not matter.
    pub term: String,
    /// What to write instead.
    pub suggestion: String,
}

/// What a reading level stands for.
pub(crate) struct Limits {
    /// The Flesch-Kincaid grade above which a text is told as hard to read.
    pub grade: f64,
    /// Words above which a sentence is told as long.
    pub sentence: usize,
}

impl ReadingLevel {
    pub(crate) fn limits(self) -> Limits {
        match self {
            Self::General => Limits { grade: 11.0, sentence: 30 },
            Self::Professional => Limits { grade: 14.0, sentence: 36 },
            Self::Expert => Limits { grade: 17.0, sentence: 42 },
        }
    }
}
