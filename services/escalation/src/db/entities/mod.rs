//! The plain rows, as `db` draws them.

pub(crate) mod client_case;
pub(crate) mod timeline_entry;
