//! The service-wide audit: who did, read or was refused what (SOP 7, SOP 8.3).
//!
//! ```text
//! audit_row(id, recorded_time, actor, action, resources, outcome, reason, number)
//!   inserted by the command in its own transaction; `resources` is a JSON array of names; `number` is empty until sealed
//! audit_block(number, first_row, last_row, previous_hash, hash, sealed_time)
//!   one for each batch that was sealed; written by the sealer alone
//! audit_seal(id = 1, holder, lease_end_time, last_row, last_block, head)
//!   how far sealing has come; its row lock is what lets one sealer work at a time
//!
//! row hash   = SHA-256("liaison audit row 1", number, seconds, nanoseconds, actor, action, count, resources.., outcome,
//!              reason)
//! block hash = SHA-256("liaison audit block 1", number, previous block's hash, count, row hashes..)
//! ```
//!
//! Ids are given when a row is inserted, numbers when it is sealed: a row with a lower id may commit later, and is then
//! numbered later, so that numbers are dense and what was sealed never changes.
//!
//! - `entry`: [`AuditEntry`] and [`insert`].
//! - `sealer`: [`Sealer`].
//! - `blocks`: the hashes, and [`verify_blocks`], which needs no database.
//! - `read`: [`activity`], [`verify`], [`export`].
//! - `endpoint`: [`service`], the gRPC service.

mod blocks;
mod endpoint;
mod entry;
mod read;
mod sealer;

pub(crate) use blocks::compare_heads;
pub use blocks::{AuditBreak, AuditFault, AuditPlace, BlockWalk, verify_blocks};
pub use endpoint::{AuditEndpoint, service};
pub use entry::{AuditEntry, Outcome, insert};
pub use read::{AuditActivity, Verdict, activity, export, export_all, verify};
pub use sealer::Sealer;
