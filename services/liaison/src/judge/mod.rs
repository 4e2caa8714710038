//! The judge: an evidence folder in, a table clause by clause out. Pure: it reads the folder and nothing else, has no
//! clock, and takes no conclusion that it can draw itself from what was recorded.
//!
//! | file | clause |
//! |---|---|
//! | `clause_2` | scope: everybody who acted is known, of a kind, and was active |
//! | `clause_4_2` | responsiveness: clocks, replies, breaches, triage |
//! | `clause_4_3` | clarity: no text to a client holds jargon that nobody has answered for |
//! | `clause_4_4` | professionalism: nor rudeness, blame or shouting |
//! | `clause_5` | reports: the matrix, one for each period, approved by the account manager, delivered or told as late |
//! | `clause_6` | channels: mail only from the official domain, only to who it is for |
//! | `clause_6_meetings` | channels: calls, video and meetings with what the procedure demands of each |
//! | `clause_7` | confidentiality: who reached what, and that it was written down |
//! | `clause_8_1` | 24 hours: escalation steps |
//! | `clause_8_2` | critical incidents: who was told at once, and the client's updates |
//! | `clause_8_3` | documentation: chains, and an entry for each event |
//! | `clause_8_4` | both parties: closing, and reminders until then |
//! | `clause_9` | roles: account managers, and who was told |
//!
//! `texts` checks what was written to clients once more, for `clause_4_3` and `clause_4_4`.
//! `table` is what comes out, `verify` what comes before (hashes and signature), `docket` what a clause notes down;
//! `expectation` holds a step of the story against what its scenario expects;
//! `case_view` reads a timeline, `clocks` recomputes due times, `people` tells who held an office when, `span` adds
//! times without end.
//!
//! Another clause is another file with `pub(super) fn row(evidence: &Evidence) -> Row`, a line in [`judge`], and in the
//! tests a mutation that breaks it alone.

mod case_view;
mod clause_2;
mod clause_4_2;
mod clause_4_3;
mod clause_4_4;
mod clause_5;
mod clause_6;
mod clause_6_meetings;
mod clause_7;
mod clause_8_1;
mod clause_8_2;
mod clause_8_3;
mod clause_8_4;
mod clause_9;
mod clocks;
mod docket;
mod expectation;
mod people;
mod span;
mod table;
mod texts;
mod verify;

use business_time::{holidays_version, tzdb_version};

pub use table::{Finding, Lateness, Row, Ruling, Table};
pub use verify::{Verdict, verify};

use crate::folder::Evidence;

/// Business time within which Liaison must have done what was due.
pub(crate) const SLACK_SECONDS: i64 = 60;

/// Judges every clause.
pub fn judge(evidence: &Evidence) -> Table {
    let rows = vec![
        clause_2::row(evidence),
        clause_4_2::row(evidence),
        clause_4_3::row(evidence),
        clause_4_4::row(evidence),
        clause_5::row(evidence),
        clause_6::row(evidence),
        clause_6_meetings::row(evidence),
        clause_7::row(evidence),
        clause_8_1::row(evidence),
        clause_8_2::row(evidence),
        clause_8_3::row(evidence),
        clause_8_4::row(evidence),
        clause_9::row(evidence),
    ];
    Table { rows, unexpected: unexpected(evidence), notes: notes(evidence) }
}

/// Steps of the story that came out otherwise than the scenario expects: by what came, and where the player says so.
fn unexpected(evidence: &Evidence) -> Vec<Finding> {
    let steps = evidence.story.iter().filter_map(|step| {
        let came = expectation::unmet(step).or_else(|| (!step.as_expected).then(|| "something else".to_owned()))?;
        Some(Finding {
            place: format!("{}:{} (step {})", step.file, step.line, step.number),
            what: format!("expected {}, came {came}", step.expected),
        })
    });
    steps.collect()
}

fn notes(evidence: &Evidence) -> Vec<String> {
    let mut notes = Vec::new();
    for (what, theirs, ours) in [
        ("time zone database", evidence.run.tzdb_version.as_str(), tzdb_version()),
        ("holiday table", evidence.run.holidays_version.as_str(), holidays_version()),
    ] {
        if theirs != ours {
            notes.push(format!("the run rests on {what} {theirs}, this judge on {ours}: due times may differ"));
        }
    }
    notes
}
