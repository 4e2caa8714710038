use std::fmt;

/// What the judge found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// One for each clause, in the procedure's order.
    pub rows: Vec<Row>,
    /// Steps of the story whose outcome was not the expected one: no clause is broken by them, but the run failed.
    pub unexpected: Vec<Finding>,
    /// What a reader must know beside it.
    pub notes: Vec<String>,
}

/// One clause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// For example `4.2`.
    pub clause: &'static str,
    /// What it demands, in a few words.
    pub title: &'static str,
    /// Whether Liaison did what it must.
    pub verdict: Ruling,
    /// How many subjects were looked at: first-response clocks (each opening, each reopening and each mail in triage has
    /// one), issues, people, mails.
    pub population: u64,
    /// What one of those subjects is called, and what several are.
    pub subjects: (&'static str, &'static str),
    /// What people did late, and what became of it.
    pub lateness: Lateness,
    /// Files that show it, relative to the folder.
    pub evidence: Vec<String>,
}

/// Whether a clause was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// Liaison did what it must, noticing and following up people's lateness included.
    Kept,
    /// It did not, at least here.
    Broken(Vec<Finding>),
    /// There was nothing to look at.
    NotExercised,
}

/// A place and what is wrong there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file, and the entry or name in it.
    pub place: String,
    /// What is wrong.
    pub what: String,
}

/// What people did late.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lateness {
    /// How often somebody was late.
    pub breaches: u64,
    /// How many of those Liaison recorded in time.
    pub noticed: u64,
    /// How many of those it told to whom it must.
    pub followed_up: u64,
}

impl Table {
    /// Whether every clause was exercised and kept and every step came out as expected.
    pub fn passed(&self) -> bool {
        self.unexpected.is_empty() && self.rows.iter().all(|row| row.verdict == Ruling::Kept)
    }

    /// The row of a clause.
    pub fn find(&self, clause: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.clause == clause)
    }

    /// The clauses that are broken.
    pub fn broken(&self) -> Vec<&'static str> {
        self.rows.iter().filter(|row| matches!(row.verdict, Ruling::Broken(_))).map(|row| row.clause).collect()
    }
}

impl Ruling {
    /// In a word or two.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Broken(_) => "BROKEN",
            Self::NotExercised => "not exercised",
        }
    }

    /// What is wrong.
    pub fn findings(&self) -> &[Finding] {
        match self {
            Self::Broken(findings) => findings,
            Self::Kept | Self::NotExercised => &[],
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

impl fmt::Display for Lateness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.breaches {
            0 => f.write_str("-"),
            late => write!(f, "{late} late, {} noticed, {} followed up", self.noticed, self.followed_up),
        }
    }
}

const HEADINGS: [&str; 6] = ["clause", "demands", "verdict", "looked at", "people's breaches", "evidence"];

/// Aligned columns for a terminal; what is wrong stands below.
impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.unexpected.is_empty() {
            writeln!(f, "Steps that did not come out as the scenario expects:")?;
            for finding in &self.unexpected {
                writeln!(f, "  {finding}")?;
            }
            writeln!(f)?;
        }
        let cells: Vec<[String; 6]> = self.rows.iter().map(Row::cells).collect();
        let mut widths = HEADINGS.map(|heading| heading.chars().count());
        for row in &cells {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let line = |f: &mut fmt::Formatter<'_>, row: [&str; 6]| {
            let mut text = String::new();
            for (cell, width) in row.iter().zip(widths) {
                text.push_str(&format!("{cell:<width$}  "));
            }
            writeln!(f, "{}", text.trim_end())
        };
        line(f, HEADINGS)?;
        let rules: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
        let mut rule = [""; 6];
        for (cell, text) in rule.iter_mut().zip(&rules) {
            *cell = text;
        }
        line(f, rule)?;
        for row in &cells {
            line(f, [&row[0], &row[1], &row[2], &row[3], &row[4], &row[5]])?;
        }
        for row in &self.rows {
            let findings = row.verdict.findings();
            if !findings.is_empty() {
                writeln!(f, "\nSOP {} is broken:", row.clause)?;
            }
            for finding in findings {
                writeln!(f, "  {finding}")?;
            }
        }
        for note in &self.notes {
            writeln!(f, "\nNote: {note}.")?;
        }
        Ok(())
    }
}

impl Row {
    /// How many of what were looked at: `1 issue`.
    pub fn looked_at(&self) -> String {
        let (one, many) = self.subjects;
        format!("{} {}", self.population, if self.population == 1 { one } else { many })
    }

    fn cells(&self) -> [String; 6] {
        [
            self.clause.to_owned(),
            self.title.to_owned(),
            self.verdict.as_str().to_owned(),
            self.looked_at(),
            self.lateness.to_string(),
            places(&self.evidence),
        ]
    }
}

/// Files as a terminal has room for: those of one folder are counted.
fn places(files: &[String]) -> String {
    let mut folders: Vec<(&str, Vec<&str>)> = Vec::new();
    for file in files {
        let folder = file.split_once('/').map_or("", |(folder, _)| folder);
        match folders.iter_mut().find(|(known, _)| !folder.is_empty() && *known == folder) {
            Some((_, inside)) => inside.push(file),
            None => folders.push((folder, vec![file])),
        }
    }
    let told = folders.iter().map(|(folder, inside)| match inside.as_slice() {
        [one] => (*one).to_owned(),
        many => format!("{folder}/ ({})", many.len()),
    });
    let told: Vec<_> = told.collect();
    if told.is_empty() { "-".to_owned() } else { told.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(clause: &'static str, verdict: Ruling) -> Row {
        Row {
            clause,
            title: "answers in time",
            verdict,
            population: 3,
            subjects: ("issue", "issues"),
            lateness: Lateness { breaches: 1, noticed: 1, followed_up: 1 },
            evidence: ["cases.json", "timelines/a.json", "timelines/b.json"].map(str::to_owned).to_vec(),
        }
    }

    fn table(verdict: Ruling) -> Table {
        Table { rows: vec![row("4.2", Ruling::Kept), row("8.1", verdict)], unexpected: Vec::new(), notes: Vec::new() }
    }

    #[test]
    fn its_columns_stand_below_each_other() {
        let text = table(Ruling::NotExercised).to_string();
        let lines: Vec<_> = text.lines().collect();
        let at = lines[0].find("verdict");
        assert_eq!(lines[2].find("kept"), at, "{text}");
        assert_eq!(lines[3].find("not exercised"), at, "{text}");
        assert!(lines[2].ends_with("cases.json, timelines/ (2)"), "{text}");
    }

    #[test]
    fn one_of_a_kind_is_told_as_one() {
        assert_eq!(row("8.1", Ruling::Kept).looked_at(), "3 issues");
        assert_eq!(Row { population: 1, ..row("8.1", Ruling::Kept) }.looked_at(), "1 issue");
    }

    #[test]
    fn a_run_passes_only_when_every_clause_was_exercised_and_kept() {
        assert!(table(Ruling::Kept).passed());
        assert!(!table(Ruling::NotExercised).passed());
        let finding = Finding { place: "cases.json".to_owned(), what: "is late".to_owned() };
        let broken = table(Ruling::Broken(vec![finding.clone()]));
        assert!(!broken.passed());
        assert_eq!(broken.broken(), ["8.1"]);
        assert!(broken.to_string().contains("SOP 8.1 is broken:\n  cases.json: is late"), "{broken}");
        assert!(!Table { unexpected: vec![finding], ..table(Ruling::Kept) }.passed());
    }
}
