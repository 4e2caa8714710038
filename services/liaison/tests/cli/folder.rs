use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::support::{Done, liaison};

fn verify(home: &Path, head: bool) -> Done {
    let arguments: &[&str] =
        if head { &["verify", "evidence", "--head", "evidence.head.json"] } else { &["verify", "evidence"] };
    liaison(home, arguments)
}

/// Every file below a folder, relative to it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let (mut found, mut open) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).unwrap().map(|entry| entry.unwrap()) {
            if entry.file_type().unwrap().is_dir() {
                open.push(entry.path());
            } else {
                found.push(entry.path().strip_prefix(folder).unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

/// One play for all of it, since a play takes a while.
#[test]
fn the_demos_folder_proves_itself_with_its_head_and_names_what_was_altered() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let evidence = home.join("evidence");
    let played = liaison(home, &["demo", "--out", "evidence"]).ok();
    let head = fs::read_to_string(home.join("evidence.head.json")).unwrap();
    assert!(played.contains("\"signature\"") && played.contains(head.split('"').nth(3).unwrap()), "{played}");
    assert!(played.contains("liaison verify evidence --head evidence.head.json"), "{played}");
    let row = |clause: &str| {
        played.lines().find(|line| line.starts_with(clause)).unwrap_or_else(|| panic!("{played}")).to_owned()
    };
    for clause in ["2 ", "4.2 ", "6 ", "7 ", "8.1 ", "8.2 ", "8.3 ", "8.4 ", "9 "] {
        assert!(row(clause).contains(" kept "), "{played}");
    }

    let proven = verify(home, true).ok();
    assert!(proven.contains(&row("8.1 ")) && proven.contains("This is what the head signed"), "{proven}");
    let alone = verify(home, false);
    assert_eq!(alone.code, 3, "{}{}", alone.out, alone.err);
    assert!(alone.out.contains("Consistent with itself."), "{}", alone.out);

    // One byte of each kind of file, the first of its kind.
    let files = files(&evidence);
    let mut kinds: Vec<&PathBuf> = Vec::new();
    for file in &files {
        let known = kinds.iter().any(|kind| kind.parent() == file.parent() && file.components().count() > 1);
        if !known {
            kinds.push(file);
        }
    }
    assert!(kinds.len() >= 10, "{kinds:?}");
    for file in kinds {
        let path = evidence.join(file);
        let good = fs::read(&path).unwrap();
        let mut bad = good.clone();
        let middle = bad.len() / 2;
        bad[middle] ^= 1;
        fs::write(&path, bad).unwrap();
        let told = verify(home, true).told();
        assert!(told.contains(&file.display().to_string()), "{} was altered, and told: {told}", file.display());
        fs::write(&path, good).unwrap();
    }
    verify(home, true).ok();

    let first = &files[0];
    fs::rename(evidence.join(first), home.join("gone")).unwrap();
    let told = verify(home, true).told();
    assert!(told.contains(&first.display().to_string()), "{} is gone, and told: {told}", first.display());
    fs::rename(home.join("gone"), evidence.join(first)).unwrap();
    fs::write(evidence.join("timelines/added.json"), "{}").unwrap();
    let told = verify(home, true).told();
    assert!(told.contains("timelines/added.json"), "{told}");
    fs::remove_file(evidence.join("timelines/added.json")).unwrap();

    // A second demo replaces the first one's folder, and no other.
    fs::create_dir(home.join("mine")).unwrap();
    fs::write(home.join("mine/letter.txt"), "dear").unwrap();
    let told = liaison(home, &["demo", "--out", "mine"]).told();
    assert!(told.contains("holds something that is no demo's evidence"), "{told}");
    assert_eq!(fs::read_to_string(home.join("mine/letter.txt")).unwrap(), "dear");

    let told = liaison(home, &["verify", "evidence", "--head", "none.json"]).told();
    assert!(told.contains("none.json"), "{told}");
    let told = liaison(home, &["verify", "mine"]).told();
    assert!(told.contains("liaison: "), "{told}");
}
