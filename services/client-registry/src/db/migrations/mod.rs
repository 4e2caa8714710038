//! The registry's tables, drawn:
//!
//! ```text
//! gate(name)           two rows that are only ever locked: `staff` guards who stands in for whom (roles, deputies,
//!                      absences, leaving), `policy` the row of versions. Writers take them FOR UPDATE, whoever rests on
//!                      them FOR SHARE
//! staff, absence       display name and e-mail under the key of `staff`; never deleted, they become inactive
//!   next_due_time, attempts, set_aside_reason
//!                      see `timers::claim`; partial index. Due when access ends: what is theirs then goes to somebody else
//! calendar             the checked spec as JSON; never deleted, so a name once found stays
//! policy               versions from 1, dense; never changed
//!   client.glossary, policy.jargon
//!                      what texts to clients are checked by (SOP 4.3), as JSON; reading_level is the contract's number
//! client, engagement, engagement_member, contact
//!                      what is personal under the client's erasable key
//! plan                 one for an engagement; what is agreed as JSON, sealed: milestones have names
//! address(blind, person)
//!                      one row for each active person of either kind; `blind` is the blind index of the normalised
//!                      address and its key is what keeps two people from one address
//! permit               what AuthorizeSend gave
//! incident_parties     one row, whose revision rises with each IncidentPartiesChanged: whoever keeps a copy knows by it
//!                      whether theirs is old (SOP 8.2)
//! ```
//!
//! Rows are locked in this order, and within a table in the order of their ids: gate, staff, client, engagement, plan,
//! contact, address, incident_parties. The timer alone has a person's row before it takes the gate: where it stands in the
//! way of one who has the gate
//! and wants that row, the database ends one of the two, which is then done again.

use database::{MigrationSet, Step};

const OWN: MigrationSet = MigrationSet {
    owner: "client-registry",
    steps: &[
        Step { name: "0001_registry", sql: include_str!("0001_registry.sql") },
        Step { name: "0002_incidents", sql: include_str!("0002_incidents.sql") },
        Step { name: "0010_plain_language", sql: include_str!("0010_plain_language.sql") },
        Step { name: "0020_plan", sql: include_str!("0020_plan.sql") },
        Step { name: "0021_meetings", sql: include_str!("0021_meetings.sql") },
    ],
};

/// Everything that this service's database needs: its own tables and those of the crates it stands on.
pub const MIGRATIONS: &[MigrationSet] = &[
    event_log::MIGRATIONS,
    timers::work::MIGRATIONS,
    evidence::MIGRATIONS,
    keyring::MIGRATIONS,
    command::MIGRATIONS,
    OWN,
];
