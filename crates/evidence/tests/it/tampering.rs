//! Somebody with the database's password, against `audit::verify`.

use database::{Database, exec};
use evidence::audit;
use testkit::{TestDatabase, both_databases};

use crate::{insert, sealer};

both_databases!(&[evidence::MIGRATIONS]; what_was_changed_in_the_database_is_found_and_named);

/// Three blocks: rows 1 to 2, 3 to 5, 6.
async fn fill(db: &Database) {
    let sealer = sealer(db);
    for resources in [&["cases/1", "cases/2"][..], &["cases/3", "cases/4", "cases/5"], &["cases/6"]] {
        insert(db.writer(), resources).await;
        sealer.seal_once().await.unwrap();
    }
    assert!(audit::verify(db).await.unwrap().consistent());
}

async fn found(db: &Database, changes: &[&str]) -> String {
    for sql in changes {
        assert!(exec(db.writer(), sql, vec![]).await.unwrap() > 0, "{sql}");
    }
    let verdict = audit::verify(db).await.unwrap();
    verdict.finding.expect("found").to_string()
}

async fn what_was_changed_in_the_database_is_found_and_named(test: TestDatabase) {
    let db = test.database();
    let attempts: &[(&[&str], &str)] = &[
        (
            &["UPDATE audit_row SET actor = 'staff/bert' WHERE number = 4"],
            "block 2 (rows 3 to 5): a row in it is not as it was sealed",
        ),
        (
            &["UPDATE audit_row SET recorded_time = recorded_time + 1 WHERE number = 1"],
            "block 1 (rows 1 to 2): a row in it is not as it was sealed",
        ),
        (
            &["UPDATE audit_row SET resources = 'cases/7' WHERE number = 6"],
            "block 3 (rows 6 to 6): a row in it is not as it was sealed",
        ),
        (&["UPDATE audit_row SET outcome = 9 WHERE number = 3"], "row 3: malformed: unknown outcome"),
        (&["DELETE FROM audit_row WHERE number = 4"], "row 4: number 5 lies in its place"),
        (&["DELETE FROM audit_row WHERE number = 5"], "block 2 (rows 3 to 4): a row in it is not as it was sealed"),
        (&["UPDATE audit_row SET number = NULL WHERE number = 4"], "row 4: number 5 lies in its place"),
        (
            &[
                "UPDATE audit_row SET number = 40 WHERE number = 4",
                "UPDATE audit_row SET number = 4 WHERE number = 3",
                "UPDATE audit_row SET number = 3 WHERE number = 40",
            ],
            "block 2 (rows 3 to 5): a row in it is not as it was sealed",
        ),
        (
            &["INSERT INTO audit_row (recorded_time, actor, action, resources, outcome, reason, number) \
                 VALUES (1, 'staff/bert', 'x', '[]', 1, '', 7)"],
            "row 7: it was added: 6 rows were sealed",
        ),
        (
            &["UPDATE audit_block SET hash = previous_hash WHERE number = 2"],
            "block 2 (rows 3 to 5): a row in it is not as it was sealed",
        ),
        (
            &["DELETE FROM audit_row WHERE number BETWEEN 3 AND 5", "DELETE FROM audit_block WHERE number = 2"],
            "block 2 (rows 3 to 3): number 3 lies in its place",
        ),
        (
            &["DELETE FROM audit_row WHERE number = 6", "DELETE FROM audit_block WHERE number = 3"],
            "row 6: the audit was cut off: 6 rows were sealed",
        ),
        (
            &["UPDATE audit_seal SET head = (SELECT previous_hash FROM audit_block WHERE number = 2)"],
            "row 6: it is not the last row that the head names",
        ),
    ];
    for (changes, expected) in attempts {
        for table in ["audit_row", "audit_block"] {
            exec(db.writer(), &format!("DELETE FROM {table}"), vec![]).await.unwrap();
        }
        let reset = "UPDATE audit_seal SET holder = '', lease_end_time = 0, last_row = 0, last_block = 0, head = ''";
        exec(db.writer(), reset, vec![]).await.unwrap();
        fill(&db).await;
        assert_eq!(found(&db, changes).await, *expected, "{changes:?}");
    }
}
