//! Every clause kept, and every clause broken alone.

use std::path::Path;

use contracts::{
    client_registry::v1::FirmRole,
    notification::v1::{AlertAttempt, Notification, NotificationKind},
};
use liaison::{
    folder::{ClientRecord, ContactVersion, Folder, StaffRecord, StaffVersion},
    judge::{Ruling, Verdict, judge, verify},
};

use crate::{
    bench::Bench,
    mutations::{ALL, Mutation},
    story,
    world::{at, key},
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
        [
            ("2", 10),
            ("4.2", 6),
            ("4.3", 7),
            ("4.4", 7),
            ("5", 1),
            ("6", 30),
            ("6 meetings", 4),
            ("7", 31),
            ("8.1", 3),
            ("8.2", 1),
            ("8.3", 5),
            ("8.4", 3),
            ("9", 3)
        ],
        "{table}"
    );
    let late = |clause: &str| {
        let lateness = table.find(clause).unwrap().lateness;
        (lateness.breaches, lateness.noticed, lateness.followed_up)
    };
    assert_eq!(late("4.2"), (2, 2, 2), "a late reply and an overdue mail in triage");
    assert_eq!(late("8.1"), (2, 2, 2), "two issues unresolved after 24 hours");
    assert_eq!(late("8.2"), (1, 1, 1), "an update that came too late");
}

/// Applies each mutation to a copy of a folder, signed again by whoever holds the key: no hash gives it away, only what it
/// says. Gives those that found something to change, and what was not found out, or broke another clause too.
fn mutate(folder: &Path, into: &Path) -> (Vec<&'static str>, Vec<String>) {
    let (mut applied, mut wrong) = (Vec::new(), Vec::new());
    for (Mutation { clause, name, apply }, number) in ALL.iter().zip(1..) {
        let broken = into.join(format!("broken-{number}"));
        copy(folder, &broken);
        let bench = Bench::new(&broken);
        if apply(&bench).is_none() {
            continue;
        }
        applied.push(*name);
        let head = bench.sign(&key());
        let Verdict::Proven { table, trial: true } = verify(&broken, Some(&head)) else {
            panic!("{name}: {:?}", verify(&broken, Some(&head)));
        };
        if table.broken() != [*clause] {
            wrong.push(format!("{clause}: {name}: {table}"));
        }
    }
    (applied, wrong)
}

#[test]
fn each_mutation_breaks_its_clause_and_no_other() {
    let (dir, folder) = folder();
    let (applied, wrong) = mutate(&folder, dir.path());
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    let missing: Vec<_> = ALL.iter().map(|one| one.name).filter(|name| !applied.contains(name)).collect();
    assert!(missing.is_empty(), "nothing to change for: {missing:?}");
}

/// One play for all of them, since a play takes a while.
#[tokio::test(flavor = "multi_thread")]
async fn each_mutation_breaks_its_clause_alone_in_the_folder_of_the_real_demo_too() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("evidence");
    let (settings, never) = (liaison::settings::Settings::default(), std::future::pending());
    assert!(liaison::demo::run(&settings, None, &folder, false, never).await.unwrap());
    let (applied, wrong) = mutate(&folder, dir.path());
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    let missing: Vec<_> = ALL.iter().map(|one| one.name).filter(|name| !applied.contains(name)).collect();
    assert!(missing.is_empty(), "nothing to change for: {missing:?}");
}

/// What a change in the middle of the story leaves in `firm/`.
fn changed_mid_story(bench: &Bench, with_versions: bool) {
    let (start, change) = (at("2026-03-25T08:00:00Z"), at("2026-04-08T08:00:00Z"));
    bench.change::<Vec<StaffRecord>>("firm/staff.json", |staff| {
        for record in staff {
            let before = record.staff.clone();
            match record.staff.name.as_str() {
                // Ed hands the intake over to Hana; Ben's deputy is another; Gil's address changes.
                "staff/ed" => record.staff.roles.clear(),
                "staff/hana" => record.staff.roles = vec![FirmRole::Intake.into()],
                "staff/ben" => record.staff.deputy = "staff/gil".to_owned(),
                "staff/gil" => record.staff.email = "gilberto@harbour.example".to_owned(),
                _ => continue,
            }
            if with_versions {
                let after = record.staff.clone();
                record.versions = vec![
                    StaffVersion { from_time: start, staff: before },
                    StaffVersion { from_time: change, staff: after },
                ];
            }
        }
    });
    bench.change::<Vec<ClientRecord>>("firm/clients.json", |clients| {
        for record in clients {
            for contact in &mut record.contacts {
                let before = contact.clone();
                match contact.name.as_str() {
                    "clients/acme/contacts/jo" => contact.email = "jo@tiles.example".to_owned(),
                    "clients/acme/contacts/kim" => contact.confirms = false,
                    _ => continue,
                }
                if with_versions {
                    let versions = [(start, before), (change, contact.clone())];
                    let versions = versions.map(|(from_time, contact)| ContactVersion { from_time, contact });
                    record.contact_versions.extend(versions);
                }
            }
        }
    });
}

#[test]
fn what_was_done_before_a_change_is_judged_by_what_stood_then() {
    let (_dir, folder) = folder();
    changed_mid_story(&Bench::new(&folder), true);
    let table = judge(&Folder::read(&folder).unwrap());
    assert!(table.passed(), "{table}");
}

#[test]
fn by_the_end_alone_the_same_would_be_called_broken() {
    let (_dir, folder) = folder();
    changed_mid_story(&Bench::new(&folder), false);
    let table = judge(&Folder::read(&folder).unwrap());
    assert_eq!(table.broken(), ["4.2", "6", "7", "8.1", "8.4"], "{table}");
}

#[test]
fn a_person_who_stands_otherwise_at_the_end_than_the_last_change_left_them_breaks_clause_2() {
    let (_dir, folder) = folder();
    let bench = Bench::new(&folder);
    changed_mid_story(&bench, true);
    bench.change::<Vec<StaffRecord>>("firm/staff.json", |staff| {
        staff
            .iter_mut()
            .filter(|record| record.staff.name == "staff/gil")
            .for_each(|record| record.staff.deputy.clear());
    });
    assert_eq!(judge(&Folder::read(&folder).unwrap()).broken(), ["2"]);
}

#[test]
fn a_role_for_the_whole_firm_passes_to_no_deputy() {
    let (_dir, folder) = folder();
    let bench = Bench::new(&folder);
    bench.change::<Vec<StaffRecord>>("firm/staff.json", |staff| {
        let ed = staff.iter_mut().find(|record| record.staff.name == "staff/ed").unwrap();
        ed.staff.deputy = "staff/anna".to_owned();
        ed.absences.push(contracts::client_registry::v1::Absence {
            name: "staff/ed/absences/april".to_owned(),
            start_time: Some(crate::world::ts("2026-04-01T00:00:00Z")),
            end_time: Some(crate::world::ts("2026-04-02T00:00:00Z")),
        });
    });
    let told = |evidence: &liaison::folder::Evidence| {
        let triage = contracts::notification::v1::NotificationKind::Triage;
        crate::bench::notification(evidence, triage, |one| one.mail == "mails/stranger").unwrap()
    };
    for (who, broken) in [("staff/anna", &["4.2"][..]), ("staff/dora", &[])] {
        bench.send_to(&told(&bench.evidence()), &[who], &[]);
        bench.protos::<contracts::notification::v1::Mail>("mails.json", |mails| {
            let mail = mails.iter_mut().find(|mail| mail.name == "mails/stranger").unwrap();
            mail.triage.as_mut().unwrap().owners = vec![who.to_owned()];
        });
        let table = judge(&Folder::read(&folder).unwrap());
        assert_eq!(table.broken(), broken, "{table}");
    }
}

#[test]
fn who_has_no_official_address_is_passed_over_for_who_has() {
    let (_dir, folder) = folder();
    let bench = Bench::new(&folder);
    bench.change::<Vec<StaffRecord>>("firm/staff.json", |staff| {
        let ed = staff.iter_mut().find(|record| record.staff.name == "staff/ed").unwrap();
        ed.staff.email = "ed@private.example".to_owned();
    });
    let told = |evidence: &liaison::folder::Evidence| {
        let triage = contracts::notification::v1::NotificationKind::Triage;
        crate::bench::notification(evidence, triage, |one| one.mail == "mails/stranger").unwrap()
    };
    for (who, right) in [("staff/ed", false), ("staff/dora", true)] {
        bench.send_to(&told(&bench.evidence()), &[who], &[]);
        bench.protos::<contracts::notification::v1::Mail>("mails.json", |mails| {
            let mail = mails.iter_mut().find(|mail| mail.name == "mails/stranger").unwrap();
            mail.triage.as_mut().unwrap().owners = vec![who.to_owned()];
        });
        let table = judge(&Folder::read(&folder).unwrap());
        assert_eq!(!table.to_string().contains("mails/stranger: intake was not rightly told"), right, "{who}: {table}");
    }
}

#[test]
fn an_auditor_stands_in_for_nobody() {
    let (_dir, folder) = folder();
    let bench = Bench::new(&folder);
    bench.change::<Vec<StaffRecord>>("firm/staff.json", |staff| {
        let deputy = staff.iter().find(|record| record.staff.name == "staff/ben").unwrap().staff.deputy.clone();
        let deputy = staff.iter_mut().find(|record| record.staff.name == deputy).unwrap();
        deputy.staff.roles = vec![FirmRole::Auditor.into()];
    });
    let table = judge(&Folder::read(&folder).unwrap());
    assert!(table.broken().contains(&"8.1"), "the absent lead's deputy was told, who does not stand in: {table}");
}

#[test]
fn nobody_confirms_for_the_client_from_an_address_of_the_firms() {
    let (_dir, folder) = folder();
    let bench = Bench::new(&folder);
    bench.change::<Vec<ClientRecord>>("firm/clients.json", |clients| {
        for contact in clients.iter_mut().flat_map(|record| &mut record.contacts) {
            contact.email = contact.email.split('@').next().unwrap().to_owned() + "@harbour.example";
        }
    });
    let table = judge(&Folder::read(&folder).unwrap());
    assert!(table.broken().contains(&"8.4"), "{table}");
}

#[test]
fn without_a_permit_the_notice_that_an_alert_failed_leaves_by_the_copy_alone_and_says_so() {
    let (_dir, folder) = folder();
    let bench = Bench::new(&folder);
    let to_management = |one: &Notification| one.audience == "MANAGEMENT";
    let notice = crate::bench::notification(&bench.evidence(), NotificationKind::AlertFailed, to_management).unwrap();
    bench.audit("client-registry", |rows| rows.retain(|row| !row.resources.contains(&notice.name)));
    assert_eq!(judge(&Folder::read(&folder).unwrap()).broken(), ["6"], "nobody permitted it");
    bench.protos::<Notification>("notifications.json", |all| {
        let notice = all.iter_mut().find(|one| one.name == notice.name).unwrap();
        notice.attempts_made = vec![AlertAttempt { attempt: 1, from_copy: true, ..AlertAttempt::default() }];
    });
    assert!(judge(&Folder::read(&folder).unwrap()).broken().is_empty());
}

#[test]
fn a_further_copy_that_says_so_and_has_its_permit_is_no_second_mail() {
    let (_dir, folder) = folder();
    let bench = Bench::new(&folder);
    let raw = std::fs::read_to_string(folder.join("mails-out/n01.eml")).unwrap();
    let marked = crate::bench::set_header(&raw, "X-Liaison-Possible-Duplicate", "true");
    std::fs::write(folder.join("mails-out/n01.2.eml"), marked).unwrap();
    assert_eq!(judge(&Folder::read(&folder).unwrap()).broken(), ["6"], "two copies with one permit");
    bench.audit("client-registry", |rows| {
        let permit = rows.iter().find(|row| row.resources.contains(&"notifications/n01".to_owned())).unwrap().clone();
        rows.push(permit);
    });
    let table = judge(&Folder::read(&folder).unwrap());
    assert!(table.broken().is_empty(), "{table}");
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
    for list in [
        "notifications.json",
        "mails.json",
        "meetings.json",
        "story.json",
        "cases.json",
        "reports.json",
        "firm/clients.json",
    ] {
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
        // Whatever the player said of it: what came is not what was expected.
        story[0].expect.refused = Some("CASE_CLOSED".to_owned());
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
