use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::support::liaison;

/// The built-in scenario, copied to be spoilt.
struct Spoilt {
    home: TempDir,
}

impl Spoilt {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/first-path");
        let to = home.path().join("scenario");
        for folder in ["", "mails"] {
            fs::create_dir_all(to.join(folder)).unwrap();
            for file in fs::read_dir(from.join(folder)).unwrap().map(|file| file.unwrap()) {
                if file.file_type().unwrap().is_file() {
                    fs::copy(file.path(), to.join(folder).join(file.file_name())).unwrap();
                }
            }
        }
        Self { home }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.home.path().join("scenario").join(name)
    }

    /// Replaces the first `good` in a file; gives the line on which `at` stands then, from 1 upwards.
    fn replace(&self, file: &str, good: &str, bad: &str, at: &str) -> usize {
        let text = fs::read_to_string(self.file(file)).unwrap();
        assert!(text.contains(good), "{file} has no {good:?}");
        let text = text.replacen(good, bad, 1);
        fs::write(self.file(file), &text).unwrap();
        let offset = text.find(at).unwrap();
        text[..offset].lines().count() + usize::from(text[..offset].ends_with('\n') || offset == 0)
    }

    /// What the demo tells of it, having written nothing.
    fn told(&self) -> String {
        let told = liaison(self.home.path(), &["demo", "--scenario", "scenario", "--out", "out"]).told();
        let left: Vec<_> = fs::read_dir(self.home.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
        assert_eq!(left, ["scenario"], "something was written: {told}");
        told
    }

    /// The same, where the file, the line and what is wrong are named.
    fn expect(&self, file: &str, line: usize, what: &str) {
        let told = self.told();
        assert!(told.contains(&format!("scenario {file}:{line}: ")), "not {file}:{line}: {told}");
        assert!(told.contains(what), "{told}");
    }
}

#[test]
fn an_rpc_that_is_not_there() {
    let spoilt = Spoilt::new();
    let line =
        spoilt.replace("story.toml", "CaseService/PreviewCase", "CaseService/ForeseeCase", "CaseService/ForeseeCase");
    spoilt.expect("story.toml", line, "CaseService/ForeseeCase");
}

#[test]
fn a_field_that_the_request_does_not_have_is_told_with_its_own_line() {
    let spoilt = Spoilt::new();
    // The third line of its request.
    let line = spoilt.replace("firm.toml", "\"authserv_id\"", "\"authservid\"", "\"authservid\"");
    spoilt.expect("firm.toml", line, "authservid");
}

#[test]
fn a_request_that_is_no_json() {
    let spoilt = Spoilt::new();
    let line =
        spoilt.replace("firm.toml", "\"staff_id\": \"dora\",", "\"staff_id\": \"dora\"", "\"staff_id\": \"dora\"");
    spoilt.expect("firm.toml", line, "expected `,` or `}`");
}

#[test]
fn a_reference_to_what_nobody_saved() {
    let spoilt = Spoilt::new();
    let line =
        spoilt.replace("story.toml", "${timetable.mail.name}", "${timetables.mail.name}", "${timetables.mail.name}");
    spoilt.expect("story.toml", line, "timetables");
}

#[test]
fn a_time_that_runs_backwards() {
    let spoilt = Spoilt::new();
    let (good, bad) = ("at = \"2027-03-30T10:00[Europe/London]\"", "at = \"2027-03-26T10:00[Europe/London]\"");
    let line = spoilt.replace("story.toml", good, bad, bad);
    spoilt.expect("story.toml", line, "before the step above");
}

#[test]
fn a_time_that_is_none() {
    let spoilt = Spoilt::new();
    let (good, bad) = ("at = \"2027-03-30T10:00[Europe/London]\"", "at = \"2027-03-30T10:00[Europe/Londinium]\"");
    let line = spoilt.replace("story.toml", good, bad, bad);
    spoilt.expect("story.toml", line, "is no time");
}

#[test]
fn an_end_before_the_last_step() {
    let spoilt = Spoilt::new();
    let (good, bad) = ("ends = \"2027-04-12T18:00", "ends = \"2027-04-12T09:00");
    let line = spoilt.replace("scenario.toml", good, bad, bad);
    spoilt.expect("scenario.toml", line, "ends before the last step");
}

#[test]
fn a_mail_that_is_not_there() {
    let spoilt = Spoilt::new();
    let line = spoilt.replace("story.toml", "mails/stranger.eml", "mails/nobody.eml", "mails/nobody.eml");
    spoilt.expect("story.toml", line, "mails/nobody.eml");
}

#[test]
fn a_mail_outside_the_scenario() {
    let spoilt = Spoilt::new();
    let line = spoilt.replace("story.toml", "mails/stranger.eml", "../outside.eml", "../outside.eml");
    spoilt.expect("story.toml", line, "below the scenario's folder");
}

#[test]
fn toml_that_is_none() {
    let spoilt = Spoilt::new();
    let line = spoilt.replace("story.toml", "save = \"q4\"", "save = q4\"", "save = q4\"");
    spoilt.expect("story.toml", line, "");
}

#[test]
fn a_key_that_a_step_does_not_have() {
    let spoilt = Spoilt::new();
    let line = spoilt.replace("story.toml", "save = \"q4\"", "safe = \"q4\"", "safe = \"q4\"");
    spoilt.expect("story.toml", line, "safe");
}

#[test]
fn a_step_that_is_two_things() {
    let spoilt = Spoilt::new();
    let (good, bad) =
        ("mail = \"mails/stranger.eml\"", "mail = \"mails/stranger.eml\"\ncall = \"CaseService/GetCase\"");
    spoilt.replace("story.toml", good, bad, bad);
    assert!(spoilt.told().contains("a step is exactly one of"));
}

#[test]
fn a_file_that_is_not_there() {
    let spoilt = Spoilt::new();
    fs::remove_file(spoilt.file("firm.toml")).unwrap();
    spoilt.expect("firm.toml", 1, "cannot be read");
}
