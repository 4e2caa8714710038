//! The tables of this service.
//!
//! ```text
//! report            one row a report; its lock guards the report, its words and its clock
//!   id
//!   client, engagement, type, period, case_name, state, cancelled    for lists and uniqueness; derived from `body`
//!   body                             entity::Report as JSON; ids, times, numbers and enums alone
//!   next_due_time, attempts, set_aside_reason                        see `timers::claim`; when it is overdue
//!   revision, create_time, update_time
//! report_word       everything that somebody wrote or was found in it, under the client's erasable key: of a report, by part:
//!                     title, cancel, text/<version>, form/<version>, question/<contribution>, contribution/<contribution>,
//!                     check/<submission>, overrides/<submission>, reason/<submission>
//! schedule          one row a schedule, unique for (engagement, type)
//!   body                             entity::Schedule as JSON, the client's calendar with it
//!   next_due_time, attempts, set_aside_reason                        when the next draft opens; NULL while it is paused
//! ```

use database::{MigrationSet, Step};

/// This service's own tables.
const OWN: MigrationSet = MigrationSet {
    owner: "reporting",
    steps: &[
        Step { name: "0001_reporting", sql: include_str!("migrations/0001_reporting.sql") },
        Step { name: "0002_report_of_incident", sql: include_str!("migrations/0002_report_of_incident.sql") },
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
