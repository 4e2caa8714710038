//! What a clause notes down while it looks.

use std::collections::BTreeSet;

use super::{Finding, Lateness, Row, Ruling};

/// Findings that are told of one clause; whoever has read these will look at the folder itself.
const MOST: usize = 500;

#[derive(Default)]
pub(super) struct Docket {
    population: u64,
    pub(super) lateness: Lateness,
    findings: Vec<Finding>,
    evidence: BTreeSet<String>,
}

impl Docket {
    /// One more subject was looked at.
    pub(super) fn look(&mut self) {
        self.population += 1;
    }

    /// How many findings there are so far, to tell whether a subject gave one.
    pub(super) fn count(&self) -> usize {
        self.findings.len()
    }

    /// Something is wrong.
    pub(super) fn broken(&mut self, place: impl Into<String>, what: impl Into<String>) {
        if self.findings.len() >= MOST {
            return;
        }
        let finding = Finding { place: place.into(), what: what.into() };
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }

    /// A file shows it.
    pub(super) fn cite(&mut self, path: impl Into<String>) {
        self.evidence.insert(path.into());
    }

    pub(super) fn into_row(
        self,
        clause: &'static str,
        title: &'static str,
        subjects: (&'static str, &'static str),
    ) -> Row {
        let verdict = if !self.findings.is_empty() {
            Ruling::Broken(self.findings)
        } else if self.population == 0 {
            Ruling::NotExercised
        } else {
            Ruling::Kept
        };
        Row {
            clause,
            title,
            verdict,
            population: self.population,
            subjects,
            lateness: self.lateness,
            evidence: self.evidence.into_iter().collect(),
        }
    }
}
