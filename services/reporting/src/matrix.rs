//! Which report comes how often, in what form, by what way (SOP 5). One table; pure.

use serde::{Deserialize, Serialize};

/// A kind of report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ReportType {
    /// A brief summary.
    StatusUpdate,
    /// A document.
    ProgressReport,
    /// A form.
    IncidentReport,
}

/// What it looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Format {
    /// A mail, as HTML and text.
    EmailSummary,
    /// A document.
    Pdf,
    /// Slides.
    Pptx,
    /// Required fields.
    Form,
}

/// How it reaches the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Distribution {
    /// By mail.
    Email,
    /// On the portal.
    Portal,
    /// By a call that tells of it.
    Phone,
}

/// How often it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Frequency {
    /// Each week.
    Weekly,
    /// Each month.
    Monthly,
    /// As needed.
    AdHoc,
}

/// A row of the procedure's table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The kind of report.
    pub kind: ReportType,
    /// How often it comes.
    pub frequency: Frequency,
    /// In which forms.
    pub formats: &'static [Format],
    /// By which ways.
    pub distributions: &'static [Distribution],
}

/// The procedure's table.
pub const MATRIX: [Row; 3] = [
    Row {
        kind: ReportType::StatusUpdate,
        frequency: Frequency::Weekly,
        formats: &[Format::EmailSummary],
        distributions: &[Distribution::Email],
    },
    Row {
        kind: ReportType::ProgressReport,
        frequency: Frequency::Monthly,
        formats: &[Format::Pdf, Format::Pptx],
        distributions: &[Distribution::Email, Distribution::Portal],
    },
    Row {
        kind: ReportType::IncidentReport,
        frequency: Frequency::AdHoc,
        formats: &[Format::Form],
        distributions: &[Distribution::Email, Distribution::Phone],
    },
];

/// What of it can be made today.
const BUILT_FORMATS: [Format; 2] = [Format::EmailSummary, Format::Form];
const BUILT_DISTRIBUTIONS: [Distribution; 1] = [Distribution::Email];

/// Why something is refused; `field` names which of the three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outside {
    /// The procedure does not know it.
    Matrix {
        /// `format`, `distribution` or `type`.
        field: &'static str,
    },
    /// The procedure knows it, and this release cannot make it.
    NotBuiltYet {
        /// `format` or `distribution`.
        field: &'static str,
    },
}

impl ReportType {
    /// Its row.
    pub fn row(self) -> &'static Row {
        match self {
            Self::StatusUpdate => &MATRIX[0],
            Self::ProgressReport => &MATRIX[1],
            Self::IncidentReport => &MATRIX[2],
        }
    }
}

/// Whether a kind of report may be made so.
///
/// # Errors
/// What is outside of the table, and what is within and cannot be made yet.
pub fn check(kind: ReportType, format: Format, distribution: Distribution) -> Result<(), Outside> {
    let row = kind.row();
    if !row.formats.contains(&format) {
        return Err(Outside::Matrix { field: "format" });
    }
    if !row.distributions.contains(&distribution) {
        return Err(Outside::Matrix { field: "distribution" });
    }
    if !BUILT_FORMATS.contains(&format) {
        return Err(Outside::NotBuiltYet { field: "format" });
    }
    if !BUILT_DISTRIBUTIONS.contains(&distribution) {
        return Err(Outside::NotBuiltYet { field: "distribution" });
    }
    Ok(())
}

/// As [`check`], for what comes by a schedule.
///
/// # Errors
/// As [`check`]; an ad hoc report has no schedule.
pub fn check_schedule(kind: ReportType, format: Format, distribution: Distribution) -> Result<(), Outside> {
    if kind.row().frequency == Frequency::AdHoc {
        return Err(Outside::Matrix { field: "type" });
    }
    check(kind, format, distribution)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMATS: [Format; 4] = [Format::EmailSummary, Format::Pdf, Format::Pptx, Format::Form];
    const WAYS: [Distribution; 3] = [Distribution::Email, Distribution::Portal, Distribution::Phone];

    #[test]
    fn each_cell_of_the_procedures_table_is_as_it_says_and_no_other_is_let_through() {
        let (mut allowed, mut later) = (Vec::new(), 0);
        for row in MATRIX {
            assert_eq!(row.kind.row().kind, row.kind);
            for format in FORMATS {
                for way in WAYS {
                    match check(row.kind, format, way) {
                        Ok(()) => allowed.push((row.kind, format, way)),
                        Err(Outside::NotBuiltYet { .. }) => later += 1,
                        Err(Outside::Matrix { .. }) => {
                            assert!(!row.formats.contains(&format) || !row.distributions.contains(&way));
                        }
                    }
                }
            }
        }
        assert_eq!(
            allowed,
            [
                (ReportType::StatusUpdate, Format::EmailSummary, Distribution::Email),
                (ReportType::IncidentReport, Format::Form, Distribution::Email),
            ]
        );
        assert_eq!(later, 5, "PDF and PPTX by mail and portal, and the form by phone");
    }

    #[test]
    fn what_comes_as_needed_has_no_schedule() {
        let wrong = check_schedule(ReportType::IncidentReport, Format::Form, Distribution::Email);
        assert_eq!(wrong, Err(Outside::Matrix { field: "type" }));
    }
}
