//! The tables of this service.
//!
//! ```text
//! client_case       one row a case; its lock guards the case, its timeline and its clocks
//!   id
//!   client, engagement, origin_mail, thread, opener, last_contact, open_time, close_time
//!   kind, state                      for lists; derived from `stage`
//!   stage                            entity::Stage as JSON; ids, times and numbers alone
//!   critical                         entity::Critical as JSON, alike; NULL where it was never declared critical
//!   subject, proposal_text, response_reason, resolution_reason, update_reason
//!                                    encrypted under the client's erasable key
//!   policy_version                   pinned; 0 until one is known
//!   epoch
//!   clock_client, clock_calendar, clock_revision, clock_data      what its open first-response clock rests on; NULL
//!                                    where that clock has ended or does not exist
//!   next_due_time, attempts, set_aside_reason                     see `timers::claim`; partial index; never set aside
//!   timeline_count, timeline_head    the timeline's head (evidence::chain)
//!   revision, create_time, update_time
//! timeline_entry    append-only: no statement of this service updates or deletes one (SOP 8.3)
//!   case_id, sequence                key
//!   entry                            salt and encoded TimelineEntry, encrypted under the client's erasable key
//!   content, hash                    see evidence::chain; in the clear
//!   cause                            the mail or delivery elsewhere that caused it, so that one told again does nothing
//! case_mail         mail -> case: the one that opened it and those of its conversation; `word` is 1 for a word of the client's
//!                   side and 0 for one that was only noted (a machine's, a third party's)
//! case_thread       (client, thread) -> the newest case of the conversation; its lock orders mails that come at once
//! client_copy       client -> calendar, revision      copies of the registry's, only ever replaced by a higher
//! calendar_copy     name -> revision, spec (JSON)      revision or version
//! policy_copy       version -> policy (JSON)
//! ```

pub(crate) mod entities;

use database::{MigrationSet, Step};

/// This service's own tables.
const OWN: MigrationSet = MigrationSet {
    owner: "escalation",
    steps: &[
        Step { name: "0001_escalation", sql: include_str!("migrations/0001_escalation.sql") },
        Step { name: "0002_critical", sql: include_str!("migrations/0002_critical.sql") },
    ],
};

/// Every table that this service needs, those of the crates among them.
pub const MIGRATIONS: &[MigrationSet] = &[
    event_log::MIGRATIONS,
    timers::work::MIGRATIONS,
    evidence::MIGRATIONS,
    keyring::MIGRATIONS,
    command::MIGRATIONS,
    OWN,
];
