//! A scenario played as `liaison demo` does it, and its folder judged as `liaison verify` does it.

use std::path::{Path, PathBuf};

use evidence::SignedHead;
use liaison::{
    demo, folder,
    judge::{self, Table, Verdict},
    settings::Settings,
};

/// Plays a scenario, the built-in one where none is named; gives the verdict of the command and the table that its folder
/// and head prove.
pub async fn play(settings: &Settings, scenario: Option<&Path>) -> (bool, Table) {
    let out = tempfile::tempdir().unwrap();
    let folder: PathBuf = out.path().join("evidence");
    let passed = demo::run(settings, scenario, &folder, false, std::future::pending()).await.unwrap();
    let head = SignedHead::read(&folder::head_path(&folder)).unwrap();
    match judge::verify(&folder, Some(&head)) {
        Verdict::Proven { table, trial } => {
            assert!(trial, "a simulated clock proves no firm's conduct");
            (passed, table)
        }
        other => panic!("the folder is not what its head signed: {other:?}"),
    }
}

/// What two runs of one story must have in common: clause, verdict and how many were looked at.
pub fn rows(table: &Table) -> Vec<(&'static str, &'static str, u64)> {
    table.rows.iter().map(|row| (row.clause, row.verdict.as_str(), row.population)).collect()
}
