//! One module per table that sea-orm reads and writes. Columns are explained where the tables are made.

pub(crate) mod absence;
pub(crate) mod calendar;
pub(crate) mod client;
pub(crate) mod contact;
pub(crate) mod engagement;
pub(crate) mod engagement_member;
pub(crate) mod permit;
pub(crate) mod plan;
pub(crate) mod policy;
pub(crate) mod staff;
