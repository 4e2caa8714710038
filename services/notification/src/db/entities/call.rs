//! The table `call`; its columns are told in [`crate::db`].

use sea_orm::entity::prelude::*;

/// A call.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "call")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub notification: String,
    pub number: i64,
    pub round: i64,
    pub client: String,
    pub case_name: String,
    pub side: i64,
    pub person: String,
    pub stands_in_for: String,
    pub provider: String,
    pub permit: String,
    pub policy_version: i64,
    pub from_copy: bool,
    pub possible_duplicate: bool,
    pub key_owner: String,
    pub phone: Vec<u8>,
    pub phone_index: String,
    pub script: Vec<u8>,
    pub claim_time: i64,
    pub claim_end_time: i64,
    pub state: i64,
    pub reason: String,
    pub answered_by: i64,
    pub sequence: i64,
    pub receipt: String,
    pub deadline: Option<i64>,
    pub key_press_time: Option<i64>,
    pub end_time: Option<i64>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
