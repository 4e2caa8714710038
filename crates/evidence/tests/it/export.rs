use evidence::{MIGRATIONS, audit};
use prost::Message;
use testkit::{TestDatabase, both_databases};

use crate::{insert, sealer};

both_databases!(&[evidence::MIGRATIONS]; an_export_goes_on_behind_a_block_and_tells_whether_there_is_more);

async fn an_export_goes_on_behind_a_block_and_tells_whether_there_is_more(test: TestDatabase) {
    let db = test.database();
    let sealer = sealer(&db);
    assert_eq!(audit::export(&db, 0, 0).await.unwrap(), (vec![], false));
    for at in 0..7 {
        insert(db.writer(), &[&format!("cases/{at}")]).await;
        sealer.seal_once().await.unwrap();
    }
    insert(db.writer(), &["cases/unsealed"]).await;

    let (all, more) = audit::export(&db, 0, 0).await.unwrap();
    assert_eq!((all.len(), more), (7, false));
    let mut pieced = Vec::new();
    for (page, expected) in [(3, true), (3, true), (3, false)] {
        let (blocks, more) = audit::export(&db, pieced.len() as u64, page).await.unwrap();
        assert_eq!(more, expected);
        pieced.extend(blocks);
    }
    assert_eq!(pieced, all);
    assert_eq!(audit::export(&db, 7, 3).await.unwrap(), (vec![], false));
    assert_eq!(audit::export(&db, u64::MAX, 3).await.unwrap(), (vec![], false));

    // Verified from the wire's form alone.
    let decoded =
        all.iter().map(|block| contracts::evidence::v1::AuditBlock::decode(block.encode_to_vec().as_slice()).unwrap());
    let head = audit::verify_blocks(decoded).unwrap();
    let activity = audit::activity(&db).await.unwrap();
    assert_eq!((head.count, head.hash), (7, activity.head));
}

#[tokio::test]
async fn a_page_stays_under_the_size_of_a_message() {
    let test = TestDatabase::sqlite(&[MIGRATIONS]).await;
    let db = test.database();
    let sealer = sealer(&db);
    let names: Vec<_> = (0..9_000).map(|at| format!("clients/acme/contacts/{at:0>60}")).collect();
    for _ in 0..6 {
        let entry = evidence::AuditEntry { resources: names.clone(), ..crate::entry("") };
        audit::insert(db.writer(), &entry).await.unwrap();
        sealer.seal_once().await.unwrap();
    }
    let mut after = 0;
    let mut seen = 0;
    loop {
        let (blocks, more) = audit::export(&db, after, 200).await.unwrap();
        let size: usize = blocks.iter().map(Message::encoded_len).sum();
        assert!(size < 3 << 20, "{size}");
        after = blocks.last().unwrap().number;
        seen += blocks.len();
        if !more {
            break;
        }
    }
    assert_eq!(seen, 6);
}
