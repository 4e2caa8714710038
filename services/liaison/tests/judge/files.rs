//! The folder's writer and reader.

use std::fs;

use liaison::folder::{Fault, Folder, FolderWriter, head_path};

use crate::story;

#[test]
fn what_was_written_reads_back() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("evidence");
    assert_eq!(story::write(&folder), head_path(&folder));
    let evidence = Folder::read(&folder).unwrap();
    assert_eq!((evidence.cases.len(), evidence.mails_in.len(), evidence.clients.len()), (5, 10, 3));
    assert_eq!(evidence.timelines["cases/payroll"].entries.len(), 29);
    let text = fs::read_to_string(folder.join("cases.json")).unwrap();
    assert!(text.starts_with("[\n  {\n    \"name\": \"cases/filing\",\n"), "{text}");
    assert!(text.ends_with("]\n"));
    let readable = fs::read_to_string(folder.join("timelines/filing.json")).unwrap();
    assert!(readable.contains("\"kind\": \"TIMELINE_KIND_OPENED\""), "for people");
    assert!(
        fs::read_to_string(folder.join("events/escalation.json")).unwrap().contains("liaison.escalation.v1.CaseOpened")
    );
}

#[test]
fn a_folder_that_holds_something_is_not_written_to() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("mine.txt"), "mine").unwrap();
    assert_eq!(FolderWriter::create(dir.path()).unwrap_err().what, Fault::NotEmpty);
    assert!(FolderWriter::create(dir.path().join("new/evidence")).is_ok());
}

#[test]
fn the_first_file_that_is_missing_or_wrong_is_named() {
    for (path, content, expected) in [
        ("run.json", None, "run.json: is missing"),
        ("cases.json", None, "cases.json: is missing"),
        ("timelines/filing.json", None, "timelines/filing.json: is missing"),
        ("audit/escalation.json", None, "audit/escalation.json: is missing"),
        ("events/notification.json", Some("{}"), "events/notification.json: is not in its form"),
        ("firm/staff.json", Some("[{\"staff\": {\"nme\": 1}}]"), "firm/staff.json: is not in its form"),
        (
            "mails.json",
            Some("[{\"name\": \"mails/a\"}, {\"name\": \"mails/a\"}]"),
            "mails.json: is not in its form: mails/a stands twice",
        ),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("evidence");
        story::write(&folder);
        match content {
            None => fs::remove_file(folder.join(path)).unwrap(),
            Some(content) => fs::write(folder.join(path), content).unwrap(),
        }
        let fault = Folder::read(&folder).unwrap_err().to_string();
        assert!(fault.starts_with(expected), "{fault}");
    }
}
