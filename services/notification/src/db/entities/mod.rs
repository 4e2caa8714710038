//! Rows as sea-orm reads and writes them; one file per table.

pub mod call;
pub mod mail;
pub mod meeting;
pub mod notification;
pub mod send_attempt;
pub mod thread;
