//! Whoever tampers without the key is found, and the first file or entry is named.

use std::{fs, path::PathBuf};

use ::evidence::{SignedHead, SigningKey, TimelineFile};
use liaison::judge::{Verdict, verify};

use crate::{bench::Bench, story, world::key};

struct Case {
    _dir: tempfile::TempDir,
    folder: PathBuf,
    head: SignedHead,
}

fn case() -> Case {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("evidence");
    let head = SignedHead::read(&story::write(&folder)).unwrap();
    Case { _dir: dir, folder, head }
}

/// What is said, and what was done: to a folder, to a timeline, to a folder whose hashes are all recomputed.
type Way = (&'static str, fn(&Case));
type TimelineWay = (&'static str, fn(&mut TimelineFile));
type RecomputedWay = (&'static str, fn(&Bench));

impl Case {
    fn bench(&self) -> Bench {
        Bench::new(&self.folder)
    }

    /// What a verifier with the head says.
    fn said(&self) -> String {
        match verify(&self.folder, Some(&self.head)) {
            Verdict::Fault(what) => what,
            other => panic!("not found: {other:?}"),
        }
    }

    /// Recomputes manifest and every hash, with a key of one's own.
    fn recompute(&self) -> SignedHead {
        self.bench().sign(&SigningKey::from_seed(&[66; 32]).unwrap())
    }

    fn timeline(&self, change: impl FnOnce(&mut TimelineFile)) {
        let path = self.folder.join("timelines/payroll.json");
        let mut file = TimelineFile::read(&path).unwrap();
        change(&mut file);
        file.write(&path).unwrap();
        // The manifest is put right, so that only the chain can tell.
        ::evidence::Manifest::of(&self.folder).unwrap().write(&self.folder).unwrap();
    }
}

#[test]
fn an_untouched_folder_is_proven_with_its_head_and_without_one_consistent_with_itself() {
    let case = case();
    let Verdict::Proven { trial, table } = verify(&case.folder, Some(&case.head)) else { panic!("not proven") };
    assert!(trial && table.passed(), "{table}");
    let Verdict::ConsistentWithItself { table } = verify(&case.folder, None) else { panic!("not consistent") };
    assert!(table.passed(), "{table}");
}

#[test]
fn an_altered_added_exchanged_cut_off_or_deleted_file_is_named() {
    let ways: [Way; 5] = [
        ("mails-out/n01.eml: was altered", |case| {
            case.bench().text("mails-out/n01.eml", |text| text.replace("arrived", "Arrived"));
        }),
        ("mails-in/10-late.eml: was added", |case| fs::write(case.folder.join("mails-in/10-late.eml"), "x").unwrap()),
        ("mails-in/01-invoice.eml: was exchanged: it holds what belongs in mails-in/06-payroll.eml", |case| {
            let [one, two] = ["mails-in/01-invoice.eml", "mails-in/06-payroll.eml"].map(|path| case.folder.join(path));
            let (first, second) = (fs::read(&one).unwrap(), fs::read(&two).unwrap());
            fs::write(one, second).unwrap();
            fs::write(two, first).unwrap();
        }),
        ("mails.json: was cut off", |case| case.bench().text("mails.json", |text| text[..text.len() / 2].to_owned())),
        ("timelines/payroll.json: was deleted", |case| {
            fs::remove_file(case.folder.join("timelines/payroll.json")).unwrap();
        }),
    ];
    for (expected, tamper) in ways {
        let case = case();
        tamper(&case);
        assert!(case.said().starts_with(expected), "{}", case.said());
        assert_eq!(verify(&case.folder, None), Verdict::Fault(case.said()), "it is not even consistent with itself");
    }
}

#[test]
fn an_altered_reordered_deleted_or_inserted_entry_is_named_even_without_a_head() {
    let ways: [TimelineWay; 5] = [
        ("timelines/payroll.json: entry 4: its text is not the one that was written", |file| {
            let text = file.entries[3].plaintext.as_mut().unwrap();
            text.0[0] ^= 1;
        }),
        ("timelines/payroll.json: entry 3: entry 4 lies in its place", |file| file.entries.swap(2, 3)),
        ("timelines/payroll.json: entry 6: entry 7 lies in its place", |file| drop(file.entries.remove(5))),
        ("timelines/payroll.json: entry 3: entry 2 lies in its place", |file| {
            let again = file.entries[1].clone();
            file.entries.insert(2, again);
        }),
        ("was cut off", |file| drop(file.entries.pop())),
    ];
    for (expected, tamper) in ways {
        let case = case();
        case.timeline(tamper);
        let Verdict::Fault(said) = verify(&case.folder, None) else { panic!("not found: {expected}") };
        assert!(said.contains(expected), "{said}");
        assert!(case.said().contains("manifest.json: was altered"), "{}", case.said());
    }
}

#[test]
fn whoever_recomputes_every_hash_is_found_by_the_head_alone() {
    let ways: [RecomputedWay; 4] = [
        ("manifest.json: was altered", |bench| {
            bench.timeline("cases/payroll", |entries| entries[3].text = "answered in time".to_owned());
        }),
        ("audit/escalation.json: row 1: ", |bench| bench.audit("escalation", |rows| drop(rows.remove(1)))),
        ("audit/notification.json: row", |bench| {
            bench.audit("notification", |rows| rows[0].actor = "staff/hana".to_owned())
        }),
        ("manifest.json: was altered", |bench| bench.text("mails-out/n02.eml", |text| text.replace("draft", "error"))),
    ];
    for (expected, tamper) in ways {
        let case = case();
        tamper(&case.bench());
        case.recompute();
        let Verdict::ConsistentWithItself { .. } = verify(&case.folder, None) else {
            panic!("a whole recomputation is consistent with itself: {:?}", verify(&case.folder, None));
        };
        let said = case.said();
        let (path, _) = expected.split_once(": ").unwrap();
        assert!(said.starts_with(path), "{said}");
    }
}

#[test]
fn a_head_that_was_altered_or_signed_by_another_is_not_believed() {
    let case = case();
    let mut altered = case.head.clone();
    altered.timelines += 1;
    let Verdict::Fault(said) = verify(&case.folder, Some(&altered)) else { panic!("believed") };
    assert!(said.starts_with("head: the signature does not fit"), "{said}");

    let theirs = case.recompute();
    assert_ne!(
        theirs.public_key, case.head.public_key,
        "the key reaches the verifier with the head, outside the folder"
    );
    assert!(theirs.verify_by(&key().public_key()).is_err());
}
