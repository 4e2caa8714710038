//! `index.html` tells the run and nothing that is not in the folder.

use std::fs;

use liaison::{folder::Folder, judge::judge, page::page};

use crate::{bench::Bench, story};

fn folder() -> (tempfile::TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("evidence");
    story::write(&folder);
    (dir, folder)
}

#[test]
fn every_link_leads_to_a_file_of_the_folder_or_a_place_on_the_page() {
    let (_dir, folder) = folder();
    let html = fs::read_to_string(folder.join("index.html")).unwrap();
    let mut links = 0;
    for rest in html.split("href=\"").skip(1) {
        let link = rest.split('"').next().unwrap().replace("&#x2f;", "/");
        match link.strip_prefix('#') {
            Some(place) => assert!(html.contains(&format!("id=\"{place}\"")), "{link}"),
            None => assert!(folder.join(&link).is_file(), "{link}"),
        }
        links += 1;
    }
    assert!(links > 60, "{links}");
}

#[test]
fn nothing_is_loaded_and_nothing_runs() {
    let (_dir, folder) = folder();
    let html = fs::read_to_string(folder.join("index.html")).unwrap();
    for word in ["<script", "http://", "https://", "src=", "@import", "url(", "javascript:", " onclick"] {
        assert!(!html.contains(word), "{word}");
    }
}

#[test]
fn what_a_client_wrote_stays_text() {
    let (_dir, folder) = folder();
    Bench::new(&folder).protos::<contracts::notification::v1::Mail>("mails.json", |mails| {
        for mail in mails {
            mail.subject = "<script>alert(1)</script> & \"more\"".to_owned();
        }
    });
    let evidence = Folder::read(&folder).unwrap();
    let html = page(&evidence, &judge(&evidence)).unwrap();
    assert!(!html.contains("<script") && html.contains("&lt;script&gt;alert(1)&lt;"), "escaped");
}

#[test]
fn times_are_the_clients_and_say_so() {
    let (_dir, folder) = folder();
    let html = fs::read_to_string(folder.join("index.html")).unwrap();
    assert!(
        html.contains("The first-response clock is set: due Mon 30 Mar 2026, 16:00 (UTC+1)"),
        "over the change of clocks"
    );
    assert!(html.contains("Thursday 2 April 2026 <span title=\"America&#x2f;New_York\">(UTC−4)</span>"));
    assert!(html.contains("Cleo Marsh was told in the stead of Ben Ortiz, who is absent (escalation)"));
    assert!(html.contains("Fri 3 Apr 2026: Good Friday"));
    assert!(html.contains("PROPOSAL_REVISED"));
}

#[test]
fn a_broken_clause_stands_on_it_with_its_place() {
    let (_dir, folder) = folder();
    let broken = crate::mutations::ALL.iter().find(|mutation| mutation.clause == "8.1").unwrap();
    (broken.apply)(&Bench::new(&folder)).unwrap();
    let evidence = Folder::read(&folder).unwrap();
    let html = page(&evidence, &judge(&evidence)).unwrap();
    assert!(html.contains("1 clause is broken."));
    assert!(html.contains("SOP 8.1 is broken") && html.contains("<code>timelines&#x2f;payroll.json</code>"), "{html}");
}
