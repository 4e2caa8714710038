//! A folder and an auditor who has nothing else but the head.

use std::{
    fs,
    path::{Path, PathBuf},
};

use evidence::{
    AuditFile, Head, MIGRATIONS, Manifest, SignedHead, SigningKey, TimelineFile, audit,
    folder::{Standing, audit_path, seal, timeline_path, verify},
    timeline_file::{Plaintext, TimelineEntry},
};
use tempfile::TempDir;
use testkit::TestDatabase;

use crate::{insert, sealer};

struct Evidence {
    dir: TempDir,
    head: SignedHead,
}

fn key() -> SigningKey {
    SigningKey::from_seed(&[7; 32]).unwrap()
}

fn timeline(case: &str, texts: &[&str]) -> TimelineFile {
    let (mut file, mut head) = (TimelineFile::new(case), Head::EMPTY);
    for text in texts {
        let new = head.append(case, text.as_bytes()).unwrap();
        head = new.head();
        file.push(TimelineEntry {
            sequence: new.sequence,
            salt: Some(new.salt),
            plaintext: Some(Plaintext(text.as_bytes().to_vec())),
            readable: Some(serde_json::json!({ "text": text })),
            content: new.content,
            hash: new.hash,
        });
    }
    file
}

/// The audit of a service that sealed these resources block by block.
async fn audit_file(service: &str, blocks: &[&[&str]]) -> AuditFile {
    let test = TestDatabase::sqlite(&[MIGRATIONS]).await;
    let db = test.database();
    let sealer = sealer(&db);
    for resources in blocks {
        insert(db.writer(), resources).await;
        sealer.seal_once().await.unwrap();
    }
    AuditFile::try_new(service, audit::export_all(&db).await.unwrap(), 0).unwrap()
}

const ESCALATION: &[&[&str]] = &[&["cases/one", "cases/two"], &["cases/one"]];

async fn evidence() -> Evidence {
    let dir = tempfile::tempdir().unwrap();
    for (case, texts) in [("cases/one", &["opened", "answered", "closed"][..]), ("cases/two", &["opened"])] {
        timeline(case, texts).write(&dir.path().join(timeline_path(case))).unwrap();
    }
    for (service, blocks) in [("escalation", ESCALATION), ("notification", &[&["mails/1"]])] {
        audit_file(service, blocks).await.write(&dir.path().join(audit_path(service))).unwrap();
    }
    fs::create_dir(dir.path().join("mails")).unwrap();
    fs::write(dir.path().join("mails/1.eml"), "From: anna@acme.example\r\n\r\nHow are we doing?\r\n").unwrap();
    fs::write(dir.path().join("index.html"), "<h1>The story</h1>").unwrap();
    let head = seal(dir.path(), "2026-12-01T00:00:00Z".parse().unwrap(), true, &key()).unwrap();
    Evidence { dir, head }
}

impl Evidence {
    fn path(&self, inside: &str) -> PathBuf {
        self.dir.path().join(inside)
    }

    fn with_head(&self) -> Result<Standing, String> {
        standing(self.dir.path(), Some(&self.head))
    }

    fn without_head(&self) -> Result<Standing, String> {
        standing(self.dir.path(), None)
    }

    /// What somebody does who lacks only the signing key: the manifest is made anew after every change.
    fn forge_manifest(&self) {
        Manifest::of(self.dir.path()).unwrap().write(self.dir.path()).unwrap();
    }
}

fn standing(folder: &Path, head: Option<&SignedHead>) -> Result<Standing, String> {
    verify(folder, head).map(|folder| folder.standing).map_err(|fault| fault.to_string())
}

#[tokio::test]
async fn an_untouched_folder_is_proven_by_its_head_and_consistent_without_one() {
    let evidence = evidence().await;
    assert_eq!(evidence.with_head(), Ok(Standing::Proven { trial: true }));
    assert_eq!(evidence.without_head(), Ok(Standing::ConsistentWithItself));
    let read = verify(evidence.dir.path(), Some(&evidence.head)).unwrap();
    assert_eq!(read.timelines["cases/one"].entries[1].bytes(), Some(&b"answered"[..]));
    assert_eq!(read.audits["escalation"].rows().count(), 3);
    assert_eq!(evidence.head.timelines, 2);
    assert_eq!(evidence.head.audits["escalation"], read.audits["escalation"].head);
}

#[tokio::test]
async fn whatever_is_done_to_a_file_is_named_with_and_without_a_head() {
    type Change = fn(&Evidence);
    let changes: [(Change, &str); 8] = [
        (|it| fs::write(it.path("index.html"), "<h1>The Story</h1>").unwrap(), "index.html: was altered"),
        (
            |it| fs::write(it.path("mails/1.eml"), "From: anna").unwrap(),
            "mails/1.eml: was cut off: 10 of 46 bytes are left",
        ),
        (|it| fs::write(it.path("mails/2.eml"), "").unwrap(), "mails/2.eml: was added"),
        (|it| fs::remove_file(it.path("timelines/two.json")).unwrap(), "timelines/two.json: was deleted"),
        (|it| fs::remove_file(it.path("audit/escalation.json")).unwrap(), "audit/escalation.json: was deleted"),
        (
            |it| {
                let text = fs::read(it.path("timelines/one.json")).unwrap();
                fs::write(it.path("timelines/two.json"), text).unwrap();
            },
            "timelines/two.json: was exchanged: it holds what belongs in timelines/one.json",
        ),
        (|it| fs::remove_file(it.path("manifest.json")).unwrap(), "manifest.json: was deleted"),
        (|it| fs::write(it.path("manifest.json"), "{}").unwrap(), "manifest.json: cannot be read: missing field"),
    ];
    for (change, expected) in changes {
        let evidence = evidence().await;
        change(&evidence);
        for found in [evidence.with_head(), evidence.without_head()] {
            let found = found.unwrap_err();
            assert!(found.starts_with(expected), "{found}");
        }
    }
}

#[tokio::test]
async fn a_timeline_whose_hashes_were_not_recomputed_is_found_without_a_head() {
    type Change = fn(&mut TimelineFile);
    let changes: [(Change, &str); 9] = [
        (|file| file.entries[1].plaintext = Some(Plaintext(b"Answered".to_vec())), "entry 2: its text is not the one"),
        (|file| file.entries[1].plaintext = None, "entry 2: its text is not the one"),
        (|file| file.entries[1].content.0[0] ^= 1, "entry 2: its text is not the one"),
        (|file| file.entries[1].hash.0[0] ^= 1, "entry 2: its hash does not follow"),
        (|file| file.entries.swap(1, 2), "entry 2: entry 3 lies in its place"),
        (|file| drop(file.entries.remove(0)), "entry 1: entry 2 lies in its place"),
        (|file| drop(file.entries.pop()), "entry 3: the timeline was cut off"),
        (|file| file.case = "cases/two".to_owned(), "entry 1: its hash does not follow"),
        (
            |file| {
                let more = file.head.append("cases/one", b"thanked").unwrap();
                let entry = TimelineEntry { sequence: 4, salt: Some(more.salt), ..file.entries[2].clone() };
                file.entries.push(TimelineEntry { content: more.content, hash: more.hash, ..entry });
            },
            "entry 4: its text is not the one",
        ),
    ];
    for (change, expected) in changes {
        let evidence = evidence().await;
        let path = evidence.path("timelines/one.json");
        let mut file = TimelineFile::read(&path).unwrap();
        change(&mut file);
        file.write(&path).unwrap();
        evidence.forge_manifest();
        let found = evidence.without_head().unwrap_err();
        assert!(found.starts_with(&format!("timelines/one.json: {expected}")), "{found}");
        assert_eq!(evidence.with_head(), Err("manifest.json: was altered".to_owned()));
    }
}

#[tokio::test]
async fn an_audit_whose_hashes_were_not_recomputed_is_found_without_a_head() {
    type Change = fn(&mut AuditFile);
    let changes: [(Change, &str); 6] = [
        (|file| file.blocks[0].rows[1].actor.push('x'), "block 1 (rows 1 to 2): a row in it is not as it was sealed"),
        (|file| drop(file.blocks[0].rows.remove(0)), "row 1: number 2 lies in its place"),
        (|file| file.blocks[0].rows.swap(0, 1), "row 1: number 2 lies in its place"),
        (|file| file.blocks.swap(0, 1), "block 1 (rows 1 to 1): number 2 lies in its place"),
        (|file| drop(file.blocks.pop()), "row 3: the audit was cut off: 3 rows were sealed"),
        (|file| file.head.hash.0[0] ^= 1, "row 3: it is not the last row that the head names"),
    ];
    for (change, expected) in changes {
        let evidence = evidence().await;
        let path = evidence.path("audit/escalation.json");
        let mut file = AuditFile::read(&path).unwrap();
        change(&mut file);
        file.write(&path).unwrap();
        evidence.forge_manifest();
        assert_eq!(evidence.without_head(), Err(format!("audit/escalation.json: {expected}")));
        assert!(evidence.with_head().is_err());
    }
}

#[tokio::test]
async fn who_recomputes_every_hash_and_lacks_only_the_key_is_found_by_the_head_alone() {
    type Forgery = &'static dyn Fn(&Evidence, AuditFile);
    let shorter = audit_file("escalation", &ESCALATION[..1]).await;
    let other = audit_file("escalation", &[&["cases/one", "cases/two"], &["cases/two"]]).await;
    let longer = audit_file("escalation", &[&["cases/one", "cases/two"], &["cases/one"], &["cases/one"]]).await;
    let forgeries: [(Forgery, &AuditFile, &str); 8] = [
        // A text in a timeline.
        (
            &|it, _| {
                timeline("cases/one", &["opened", "never answered", "closed"])
                    .write(&it.path("timelines/one.json"))
                    .unwrap()
            },
            &other,
            "manifest.json: was altered",
        ),
        // The end of a timeline.
        (
            &|it, _| timeline("cases/one", &["opened", "answered"]).write(&it.path("timelines/one.json")).unwrap(),
            &other,
            "manifest.json: was altered",
        ),
        // A whole timeline.
        (&|it, _| fs::remove_file(it.path("timelines/two.json")).unwrap(), &other, "manifest.json: was altered"),
        // A mail.
        (&|it, _| fs::write(it.path("mails/1.eml"), "another").unwrap(), &other, "manifest.json: was altered"),
        // A row of the audit, its tail, and one more.
        (
            &|it, audit| audit.write(&it.path("audit/escalation.json")).unwrap(),
            &other,
            "audit/escalation.json: row 3: it is not the last row that the head names",
        ),
        (
            &|it, audit| audit.write(&it.path("audit/escalation.json")).unwrap(),
            &shorter,
            "audit/escalation.json: row 3: the audit was cut off: 3 rows were sealed",
        ),
        (
            &|it, audit| audit.write(&it.path("audit/escalation.json")).unwrap(),
            &longer,
            "audit/escalation.json: row 4: it was added: 3 rows were sealed",
        ),
        // A service's whole audit.
        (
            &|it, _| fs::remove_file(it.path("audit/notification.json")).unwrap(),
            &other,
            "audit/notification.json: was deleted",
        ),
    ];
    for (forge, audit, expected) in forgeries {
        let evidence = evidence().await;
        forge(&evidence, audit.clone());
        evidence.forge_manifest();
        assert_eq!(evidence.without_head(), Ok(Standing::ConsistentWithItself), "{expected}");
        assert_eq!(evidence.with_head(), Err(expected.to_owned()));
    }
}

#[tokio::test]
async fn a_forger_who_signs_with_another_key_is_found_by_who_knows_the_right_one() {
    let evidence = evidence().await;
    timeline("cases/one", &["opened", "closed"]).write(&evidence.path("timelines/one.json")).unwrap();
    let forged = seal(evidence.dir.path(), evidence.head.made_time, true, &SigningKey::generate().unwrap()).unwrap();
    assert_eq!(
        standing(evidence.dir.path(), Some(&forged)),
        Ok(Standing::Proven { trial: true }),
        "by the forger's key"
    );
    assert!(forged.verify_by(&key().public_key()).is_err());
    assert!(evidence.with_head().is_err());
    let altered = SignedHead { manifest: forged.manifest, ..evidence.head.clone() };
    let said = standing(evidence.dir.path(), Some(&altered)).unwrap_err();
    assert!(said.contains("signature does not fit"), "{said}");
}

#[tokio::test]
async fn a_file_under_another_name_is_found_though_it_holds() {
    let evidence = evidence().await;
    fs::rename(evidence.path("timelines/two.json"), evidence.path("timelines/three.json")).unwrap();
    evidence.forge_manifest();
    assert_eq!(evidence.without_head(), Err("timelines/three.json: holds cases/two".to_owned()));

    let evidence = self::evidence().await;
    fs::rename(evidence.path("audit/notification.json"), evidence.path("audit/reporting.json")).unwrap();
    evidence.forge_manifest();
    assert_eq!(evidence.without_head(), Err("audit/reporting.json: holds notification".to_owned()));
    assert_eq!(evidence.with_head(), Err("audit/reporting.json: was added".to_owned()));
}

#[tokio::test]
async fn a_folder_that_does_not_hold_is_not_sealed() {
    let evidence = evidence().await;
    let path = evidence.path("timelines/one.json");
    let mut file = TimelineFile::read(&path).unwrap();
    file.entries.remove(1);
    file.write(&path).unwrap();
    let said = seal(evidence.dir.path(), evidence.head.made_time, true, &key()).unwrap_err().to_string();
    assert!(said.starts_with("timelines/one.json: entry 2"), "{said}");
}

#[tokio::test]
async fn a_timeline_still_holds_when_its_texts_were_shredded() {
    let evidence = evidence().await;
    let path = evidence.path("timelines/one.json");
    let mut file = TimelineFile::read(&path).unwrap();
    for entry in &mut file.entries {
        (entry.salt, entry.plaintext, entry.readable) = (None, None, None);
    }
    assert_eq!((file.verify().unwrap(), file.shredded()), (file.head, 3));
    file.write(&path).unwrap();
    let read = TimelineFile::read(&path).unwrap();
    assert_eq!(read, file);
    assert_eq!(read.entries[0].bytes(), None);
}

#[tokio::test]
async fn the_unsealed_tail_is_named_in_the_file() {
    let test = TestDatabase::sqlite(&[MIGRATIONS]).await;
    let db = test.database();
    insert(db.writer(), &["cases/1"]).await;
    sealer(&db).seal_once().await.unwrap();
    insert(db.writer(), &["cases/2", "cases/3"]).await;
    let unsealed = audit::activity(&db).await.unwrap().unsealed;
    let file = AuditFile::try_new("escalation", audit::export_all(&db).await.unwrap(), unsealed).unwrap();
    assert_eq!((file.unsealed, file.verify().unwrap().count), (2, 1));
}
