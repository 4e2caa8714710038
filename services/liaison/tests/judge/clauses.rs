//! Every clause kept, and every clause broken alone.

use std::path::Path;

use liaison::{
    folder::Folder,
    judge::{Ruling, Verdict, judge, verify},
};

use crate::{
    bench::Bench,
    mutations::{ALL, Mutation},
    story,
    world::key,
};

fn folder() -> (tempfile::TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("evidence");
    story::write(&folder);
    (dir, folder)
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn the_true_folder_is_kept_in_every_clause_and_counts_peoples_lateness() {
    let (_dir, folder) = folder();
    let table = judge(&Folder::read(&folder).unwrap());
    assert!(table.passed(), "{table}");
    let seen: Vec<_> = table.rows.iter().map(|row| (row.clause, row.population)).collect();
    assert_eq!(
        seen,
        [("2", 10), ("4.2", 6), ("6", 22), ("7", 25), ("8.1", 2), ("8.3", 4), ("8.4", 2), ("9", 3)],
        "{table}"
    );
    let late = |clause: &str| {
        let lateness = table.find(clause).unwrap().lateness;
        (lateness.breaches, lateness.noticed, lateness.followed_up)
    };
    assert_eq!(late("4.2"), (2, 2, 2), "a late reply and an overdue mail in triage");
    assert_eq!(late("8.1"), (2, 2, 2), "two issues unresolved after 24 hours");
}

#[test]
fn each_mutation_breaks_its_clause_and_no_other() {
    let (dir, folder) = folder();
    let mut wrong = Vec::new();
    for (Mutation { clause, name, apply }, number) in ALL.iter().zip(1..) {
        let broken = dir.path().join(format!("broken-{number}"));
        copy(&folder, &broken);
        let bench = Bench::new(&broken);
        if apply(&bench).is_none() {
            wrong.push(format!("{clause}: {name}: nothing to change"));
            continue;
        }
        // Signed again by whoever holds the key: no hash gives it away, only what it says.
        let head = bench.sign(&key());
        let Verdict::Proven { table, trial: true } = verify(&broken, Some(&head)) else {
            panic!("{name}: {:?}", verify(&broken, Some(&head)));
        };
        if table.broken() != [*clause] {
            wrong.push(format!("{clause}: {name}: {table}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn every_clause_of_the_table_has_a_mutation() {
    let (_dir, folder) = folder();
    let table = judge(&Folder::read(&folder).unwrap());
    for row in &table.rows {
        assert!(ALL.iter().any(|mutation| mutation.clause == row.clause), "nothing breaks {}", row.clause);
    }
}

#[test]
fn a_folder_in_which_nothing_happened_exercises_nothing() {
    let (_dir, folder) = folder();
    for list in ["notifications.json", "mails.json", "story.json", "cases.json", "firm/clients.json"] {
        std::fs::write(folder.join(list), "[]").unwrap();
    }
    for inside in ["timelines", "mails-in", "mails-out"] {
        std::fs::remove_dir_all(folder.join(inside)).unwrap();
    }
    let bench = Bench::new(&folder);
    for service in ["client-registry", "escalation", "notification"] {
        bench.audit(service, Vec::clear);
        bench.events(service, Vec::clear);
    }
    let table = judge(&Folder::read(&folder).unwrap());
    assert!(table.rows.iter().all(|row| row.verdict == Ruling::NotExercised), "{table}");
    assert!(!table.passed());
}

#[test]
fn an_unexpected_step_fails_the_run_and_breaks_no_clause() {
    let (_dir, folder) = folder();
    Bench::new(&folder).change::<Vec<liaison::folder::Step>>("story.json", |story| {
        story[0].as_expected = false;
        story[0].expected = "refused with CASE_CLOSED".to_owned();
    });
    let table = judge(&Folder::read(&folder).unwrap());
    assert!(table.broken().is_empty() && !table.passed(), "{table}");
    let text = table.to_string();
    assert!(
        text.starts_with("Steps that did not come out as the scenario expects:\n  story.toml:8 (step 1)"),
        "{text}"
    );
}

#[test]
fn times_from_the_ends_of_time_are_judged_and_not_stumbled_over() {
    let (_dir, folder) = folder();
    let bench = Bench::new(&folder);
    let ends = [-377_705_023_201_i64, 253_402_207_200].map(|seconds| prost_types::Timestamp { seconds, nanos: 0 });
    bench.change::<liaison::folder::Run>("run.json", |run| {
        run.start_time = business_time::Timestamp::MIN;
        run.end_time = business_time::Timestamp::MAX;
    });
    for (case, times) in [("cases/payroll", [None, Some(ends[1])]), ("cases/portal", [Some(ends[0]), Some(ends[1])])] {
        bench.timeline(case, |entries| {
            for (entry, turn) in entries.iter_mut().zip(0..) {
                entry.record_time = times[turn % 2];
                entry.due_time = Some(ends[(turn + 1) % 2]);
            }
        });
    }
    let evidence = Folder::read(&folder).unwrap();
    let table = judge(&evidence);
    assert!(table.broken().contains(&"8.3"), "{table}");
    liaison::page::page(&evidence, &table).unwrap();
}
