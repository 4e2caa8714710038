//! SOP 8.3: every step and outcome is documented, and nobody can alter it afterwards without being found.

use evidence::{
    TimelineFile,
    chain::{ChainBreak, Link, compare_heads, content_hash, link_hash},
    hash::Hash,
};
use liaison_tests::{Firm, at};
use serde_json::{Value, json};

const JO: &str = "clients/acme/contacts/jo";

/// An inquiry that became late, was rejected once and closed.
async fn whole_story(firm: &Firm) -> Value {
    firm.until("2027-03-24T10:00[Europe/London]").await;
    let case = firm.inquiry().await;
    firm.until("2027-03-25T11:00[Europe/London]").await;
    firm.ok("staff/anna", "CaseService/AcknowledgeCase", json!({ "name": case })).await;
    firm.until("2027-03-26T11:00[Europe/London]").await;
    firm.propose("staff/ben", &case).await;
    firm.reject(JO, &case, 1).await;
    firm.propose("staff/ben", &case).await;
    firm.confirm(JO, &case, 2).await;
    firm.confirm("staff/anna", &case, 2).await;
    case
}

#[tokio::test(flavor = "multi_thread")]
async fn every_step_and_outcome_stands_on_the_timeline_with_time_and_person() {
    let firm = Firm::start().await;
    let case = whole_story(&firm).await;
    let entries = firm.entries(&case).await;
    let told: Vec<_> = entries
        .iter()
        .map(|entry| {
            let kind = entry["kind"].as_str().unwrap().trim_start_matches("TIMELINE_KIND_");
            (kind, entry["actor"].as_str().unwrap())
        })
        .collect();
    assert_eq!(
        told,
        [
            ("OPENED", JO),
            ("CLOCK_SET", "services/notification"),
            ("ACKNOWLEDGEMENT_SENT", "services/notification"),
            ("CLOCK_BREACHED", "timer"),
            ("BECAME_ISSUE", "timer"),
            ("CLOCK_SET", "timer"),
            ("TOLD", "services/notification"),
            ("ACKNOWLEDGED", "staff/anna"),
            ("CLOCK_BREACHED", "timer"),
            ("ESCALATED", "timer"),
            ("TOLD", "services/notification"),
            ("TOLD", "services/notification"),
            ("RESOLUTION_PROPOSED", "staff/ben"),
            ("TOLD", "services/notification"),
            ("RESOLUTION_REJECTED", JO),
            ("RESOLUTION_PROPOSED", "staff/ben"),
            ("TOLD", "services/notification"),
            ("RESOLUTION_CONFIRMED", JO),
            ("RESOLUTION_CONFIRMED", "staff/anna"),
            ("CLOSED", "staff/anna"),
        ]
    );
    for (place, entry) in entries.iter().enumerate() {
        assert_eq!(entry["sequence"], (place + 1).to_string());
        assert_eq!(entry["policyVersion"], "1");
        assert_eq!(entry["case"], case);
    }
    let escalated = entries.iter().find(|entry| entry["kind"] == "TIMELINE_KIND_ESCALATED").unwrap();
    assert_eq!(escalated["recordTime"], at("2027-03-26T10:00[Europe/London]"));
    let rejected = entries.iter().find(|entry| entry["kind"] == "TIMELINE_KIND_RESOLUTION_REJECTED").unwrap();
    assert_eq!(
        (&rejected["text"], &rejected["proposalRevision"]),
        (&json!("Amounts over a million are cut."), &json!("1"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_on_the_timeline_stays_as_it_is_whatever_is_added() {
    let firm = Firm::start().await;
    firm.until("2027-03-24T10:00[Europe/London]").await;
    let case = firm.issue().await;
    let mut before = firm.timeline_file("staff/olga", &case).await;
    for time in
        ["2027-03-24T12:00[Europe/London]", "2027-03-25T10:00[Europe/London]", "2027-03-26T10:00[Europe/London]"]
    {
        firm.until(time).await;
        firm.propose("staff/ben", &case).await;
        firm.reject(JO, &case, firm.case(&case).await["proposal"]["revision"].as_str().unwrap().parse().unwrap()).await;
        let after = firm.timeline_file("staff/olga", &case).await;
        assert!(after.entries.len() > before.entries.len());
        assert_eq!(after.entries[..before.entries.len()], before.entries, "at {time}");
        before = after;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exported_timeline_verifies_offline_and_a_changed_byte_is_found_in_any_entry() {
    let firm = Firm::start().await;
    let case = whole_story(&firm).await;
    let file = firm.timeline_file("staff/anna", &case).await;
    assert_eq!(file.verify().unwrap().count, 20);
    for place in 0..file.entries.len() {
        let found = |file: &TimelineFile| file.verify().unwrap_err();
        let sequence = place as u64 + 1;
        let mut altered = file.clone();
        altered.entries[place].plaintext.as_mut().unwrap().0[0] ^= 1;
        assert_eq!((found(&altered).at, found(&altered).what), (sequence, ChainBreak::Content));
        let mut relinked = file.clone();
        relinked.entries[place].hash = Hash::default();
        assert_eq!(found(&relinked).at, sequence);
        let mut deleted = file.clone();
        deleted.entries.remove(place);
        assert!(deleted.verify().is_err(), "without entry {sequence}");
        if place > 0 {
            let mut reordered = file.clone();
            reordered.entries.swap(place - 1, place);
            assert!(reordered.verify().is_err(), "entry {sequence} before its forerunner");
        }
    }
    let mut cut = file.clone();
    cut.entries.pop();
    assert!(cut.verify().is_err(), "cut off at its end");
    let mut moved = file;
    moved.case = "cases/another".into();
    assert!(moved.verify().is_err(), "an entry belongs to its case");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_kept_elsewhere_finds_what_somebody_altered_who_recomputes_every_hash() {
    let firm = Firm::start().await;
    let case = whole_story(&firm).await;
    let genuine = firm.timeline_file("staff/anna", &case).await;
    let kept = genuine.verify().unwrap();
    let mut forged = genuine.clone();
    forged.entries[7].plaintext.as_mut().unwrap().0[0] ^= 1;
    let mut previous = Hash::default();
    for entry in &mut forged.entries {
        let (salt, plaintext) = (entry.salt.clone().unwrap(), entry.plaintext.clone().unwrap().0);
        entry.content = content_hash(&salt, &plaintext);
        let link = Link { sequence: entry.sequence, previous, salt: &salt, plaintext: &plaintext };
        entry.hash = link_hash(&forged.case, &link);
        previous = entry.hash;
    }
    forged.head.hash = previous;
    let own = forged.verify().unwrap();
    assert!(compare_heads(&own, &kept).is_err(), "consistent with itself, and yet not what was written");
    assert!(compare_heads(&genuine.verify().unwrap(), &kept).is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_services_audit_verifies_here_and_offline_and_a_changed_row_is_found() {
    let firm = Firm::start().await;
    whole_story(&firm).await;
    for service in ["client-registry", "escalation", "notification"] {
        let answer = firm.ok("staff/olga", "AuditService/Verify", json!({ "service": service })).await;
        assert_eq!(answer["consistent"], true, "{service}: {answer}");
        assert_eq!(answer.get("unsealed"), None, "{service}: {answer}");
        let file = firm.audit(service).await;
        let head = file.verify().unwrap();
        let sealed: u64 = answer["sealedThrough"].as_str().unwrap().parse().unwrap();
        assert!(head.count >= sealed && sealed > 0, "{service}");
        let rows: Vec<_> = (0..file.blocks.len())
            .flat_map(|block| (0..file.blocks[block].rows.len()).map(move |row| (block, row)))
            .collect();
        for (block, row) in rows.into_iter().step_by(7) {
            let mut altered = file.clone();
            altered.blocks[block].rows[row].actor = "staff/nobody".into();
            assert!(altered.verify().is_err(), "{service}: block {block}, row {row}");
        }
        let mut cut = file.clone();
        cut.blocks.pop();
        assert!(cut.verify().is_err(), "{service}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeline_is_exported_by_those_who_answer_for_it_and_that_is_on_record() {
    let firm = Firm::start().await;
    let case = firm.issue().await;
    let export = json!({ "name": case });
    for who in ["staff/carla", JO] {
        assert_eq!(firm.refused(who, "CaseService/ExportTimeline", export.clone()).await, "NO_PERMISSION", "{who}");
    }
    for who in ["staff/anna", "staff/ben", "staff/grace", "staff/olga"] {
        firm.timeline_file(who, &case).await.verify().unwrap();
        let row = firm.audited("escalation", |row| row.actor == who && row.action.ends_with("/ExportTimeline")).await;
        assert_eq!(row.resources, [case.as_str().unwrap()]);
    }
}
