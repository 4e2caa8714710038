//! The table `send_attempt`; its columns are told in [`crate::db`].

use sea_orm::entity::prelude::*;

/// An attempt to send.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "send_attempt")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub notification: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i64,
    pub provider: String,
    pub permit: String,
    pub policy_version: i64,
    pub recipients: String,
    pub stand_ins_for: String,
    pub claim_time: i64,
    pub claim_end_time: i64,
    pub outcome: String,
    pub receipt: String,
    pub end_time: Option<i64>,
    pub evidence: String,
    pub from_copy: bool,
    pub possible_duplicate: bool,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
