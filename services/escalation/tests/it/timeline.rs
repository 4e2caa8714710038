//! The timeline: append-only, chained, exported as the very bytes that were hashed (SOP 8.3).

use contracts::escalation::v1::{CaseKind, ExportTimelineRequest, ListTimelineEntriesRequest, TimelineEntry};
use evidence::{Hash, Salt, chain};
use prost::Message;
use testkit::TestDatabase;

use crate::support::*;

testkit::both_databases!(SETS;
    an_exported_timeline_verifies_and_decodes_to_what_is_listed,
    a_timeline_is_paged_in_order,
    what_people_wrote_lies_encrypted_in_the_database,
);

/// Opens, proposes, rejects nothing, confirms: a timeline with words on it.
async fn story(world: &World) -> String {
    let case = world.proposed().await.name;
    world.at(TUESDAY).await;
    world.confirm(CARLA, &case, 1).await.unwrap();
    world.confirm(BEN, &case, 1).await.unwrap();
    case
}

async fn an_exported_timeline_verifies_and_decodes_to_what_is_listed(db: TestDatabase) {
    let world = World::new(db).await;
    let case = story(&world).await;
    let export = world.as_(AUDITOR).export_timeline(ExportTimelineRequest { name: case.clone() }).await.unwrap();
    let export = export.into_inner();
    assert_eq!((export.case.as_str(), export.client.as_str()), (case.as_str(), ACME));
    let salts: Vec<_> = export.entries.iter().map(|entry| Salt::try_new(entry.salt.clone()).unwrap()).collect();
    let chained = export.entries.iter().zip(&salts).map(|(entry, salt)| {
        chain::Entry::new(entry.sequence, salt, &entry.entry, Hash::from_slice(&entry.hash).unwrap())
    });
    let head = chain::verify_chain(&case, chained.clone()).unwrap();
    assert_eq!(head.count, 8);
    assert!(chain::verify_chain("cases/another", chained).is_err(), "it belongs to this case alone");
    let decoded: Vec<_> =
        export.entries.iter().map(|entry| TimelineEntry::decode(entry.entry.as_slice()).unwrap()).collect();
    assert_eq!(decoded, world.timeline(&case).await);
    let sql = "SELECT timeline_count, timeline_head FROM client_case";
    let row = &world.rows(sql, vec![]).await[0];
    assert_eq!(row.try_get::<i64>("", "timeline_count").unwrap(), 8);
    assert_eq!(row.try_get::<Vec<u8>>("", "timeline_head").unwrap(), head.hash.as_bytes());
}

async fn a_timeline_is_paged_in_order(db: TestDatabase) {
    let world = World::new(db).await;
    let case = story(&world).await;
    let (mut sequences, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListTimelineEntriesRequest { parent: case.clone(), page_size: 3, page_token };
        let page = world.as_(ANNA).list_timeline_entries(request).await.unwrap().into_inner();
        sequences.extend(page.entries.into_iter().map(|entry| entry.sequence));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(sequences, (1..=8).collect::<Vec<_>>());
}

async fn what_people_wrote_lies_encrypted_in_the_database(db: TestDatabase) {
    let world = World::new(db).await;
    let case = world.open(CARLA, CaseKind::Issue).await;
    world.propose(&case.name, "We replace the pump on Friday.").await;
    let tables = ["client_case", "timeline_entry", "outbox", "audit_row", "work", "request_record"];
    for table in tables {
        for row in world.rows(&format!("SELECT * FROM {table}"), vec![]).await {
            for column in row.column_names() {
                let text: Option<String> = row.try_get("", &column).ok().flatten();
                let bytes: Option<Vec<u8>> = row.try_get("", &column).ok().flatten();
                let bytes = bytes.unwrap_or_else(|| text.unwrap_or_default().into_bytes());
                let shown = String::from_utf8_lossy(&bytes);
                assert!(!shown.contains("pump"), "{table}.{column}");
            }
        }
    }
}
