//! The service's own tables.
//!
//! ```text
//! mail            one row for each mail; `identity` (a keyed hash) makes the same mail delivered twice one row
//!   client, contact   empty while nobody knows whose word it is
//!   key_owner         whose erasable key opens sender, subject, message_id, trail, dismissal, and its content
//!   trail             to whom it went, what it answers and what servers wrote on top of it, as JSON
//!   message_index     blind index of its Message-ID
//!   author, recipients    of a copy of what a colleague wrote to the client: who, and to which contacts
//!   no_automatic_answer   it asks machines for no answer, and gets no acknowledgement
//!   next_due_time     when its time in triage is over; the timer's column (NULL: no clock runs)
//! mail_content    text and bytes as received, apart from what lists read
//! thread          a conversation with one client; `case_name` is the latest case about it
//! thread_message  blind indexes of the Message-IDs of mails in and out; one may lie on threads of several clients
//! case_link       what is known here of a case: its client, conversation and opener
//! notification    one message to one audience; subject and body sealed, `facts` are ids, enums and times as JSON
//!   side, round, round_over, next_round_time   of an alert of a critical incident (0: it is none)
//!   report            the report that it is about
//!   override_reason, language_blocks   why a text went out although the language check blocks it, sealed, and by which rules
//! send_attempt    one claim to send: committed before the hand-over, its outcome written after; empty: not known yet
//!   end_time, evidence    of an alert's: when it was known, and the mail in which somebody answered
//! call            one call to one number of one person, claimed as an attempt is; `number` counts a notification's attempts
//!   phone, script     sealed: the number, and what is spoken as JSON; `phone_index` is the number's blind index
//!   claim_end_time    system time: until then whoever claimed it may still place it
//!   state, reason     `call::entity::State`; `deadline` is when nobody waits any longer for its end to be reported
//! incident_party  the copy of who is told of critical incidents: one row for each client (its contacts, under its erasable
//!                 key) and the row `firm` (management and the service address, under the key of staff data)
//! meeting         a call, a video conference or one in person; `stage` is where it stands as JSON, `state` its number for
//!                 lists; what is personal as JSON, sealed, in `words`
//! sent_to         to which addresses (blind indexes) a notification went, whose they were, and what became of each: empty,
//!                 `refused <reason>`, `returned <status>` or `delayed <status>`
//! suppression     addresses (blind indexes) of a client that take no mail; `lift_time` NULL while that holds
//! policy, calendar   copies of the registry's, encoded as its contract has them
//! ```

pub mod entities;

use database::{MigrationSet, Step};

/// This service's tables alone.
pub const OWN: MigrationSet = MigrationSet {
    owner: "notification",
    steps: &[
        Step { name: "0001_notification", sql: include_str!("migrations/0001_notification.sql") },
        Step { name: "0002_mail_in", sql: include_str!("migrations/0002_mail_in.sql") },
        Step { name: "0003_alerts", sql: include_str!("migrations/0003_alerts.sql") },
        Step { name: "0005_mail_that_comes_back", sql: include_str!("migrations/0005_mail_that_comes_back.sql") },
        Step { name: "0006_sent_copies", sql: include_str!("migrations/0006_sent_copies.sql") },
        Step { name: "0010_reports", sql: include_str!("migrations/0010_reports.sql") },
        Step { name: "0030_meeting", sql: include_str!("migrations/0030_meeting.sql") },
    ],
};

/// All that its database holds.
pub const MIGRATIONS: &[MigrationSet] = &[
    OWN,
    event_log::MIGRATIONS,
    timers::work::MIGRATIONS,
    evidence::MIGRATIONS,
    keyring::MIGRATIONS,
    command::MIGRATIONS,
];

/// The sort key of a newest-first list, as a page token carries it.
pub(crate) fn key_of(time: business_time::Timestamp, id: &str) -> String {
    format!("{}/{id}", database::micros(time))
}

/// What [`key_of`] wrote.
pub(crate) fn key(text: &str) -> Option<(i64, &str)> {
    let (time, id) = text.split_once('/')?;
    Some((time.parse().ok()?, id))
}

/// Names in one column.
pub(crate) fn names(names: &[String]) -> String {
    names.join(" ")
}

/// What [`names`] wrote; no name has a space in it.
pub(crate) fn read_names(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// A count as the databases store it.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A count as it was stored.
pub(crate) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

/// Enums in the tables have the numbers that the contract gives them, from 1 upwards in order.
pub(crate) fn number<T: PartialEq>(all: &[T], one: &T) -> i64 {
    all.iter().position(|known| known == one).and_then(|at| i64::try_from(at + 1).ok()).unwrap_or_default()
}

/// What [`number`] wrote.
pub(crate) fn of_number<T: Copy>(all: &[T], number: i64) -> Option<T> {
    all.get(usize::try_from(number.checked_sub(1)?).ok()?).copied()
}
