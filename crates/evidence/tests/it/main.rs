//! The audit over both databases, and evidence folders as an auditor meets them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod endpoint;
mod export;
mod folder;
mod sealing;
mod tampering;

use std::sync::Arc;

use business_time::{ManualClock, Timestamp};
use database::{ConnectionTrait, Database};
use evidence::{AuditEntry, Outcome, Sealer, audit};

pub fn clock() -> ManualClock {
    ManualClock::new("2026-11-24T08:00:00Z".parse().unwrap())
}

/// A sealer with a clock of its own.
pub fn sealer(db: &Database) -> Sealer {
    Sealer::new(db.clone(), Arc::new(clock()))
}

pub fn entry(resource: &str) -> AuditEntry {
    AuditEntry {
        time: "2026-11-24T07:59:00.000001Z".parse::<Timestamp>().unwrap(),
        actor: "staff/anna".to_owned(),
        action: "liaison.escalation.v1.CaseService/GetCase".to_owned(),
        resources: vec![resource.to_owned()],
        outcome: Outcome::Read,
        reason: String::new(),
    }
}

pub async fn insert<C: ConnectionTrait>(conn: &C, resources: &[&str]) {
    for resource in resources {
        audit::insert(conn, &entry(resource)).await.unwrap();
    }
}

/// The first resource of every sealed row, in order of the rows' numbers.
pub async fn sealed(db: &Database) -> Vec<String> {
    let blocks = audit::export_all(db).await.unwrap();
    let rows: Vec<_> = blocks.into_iter().flat_map(|block| block.rows).collect();
    for (row, number) in rows.iter().zip(1..) {
        assert_eq!(row.number, number, "numbers are dense");
    }
    rows.into_iter().map(|row| row.resources[0].clone()).collect()
}
