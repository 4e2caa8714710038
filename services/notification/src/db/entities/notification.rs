//! The table `notification`; its columns are told in [`crate::db`].

use sea_orm::entity::prelude::*;

/// A notification.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "notification")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub kind: i64,
    pub state: i64,
    pub client: String,
    pub engagement: String,
    pub case_name: String,
    pub mail: String,
    pub thread: String,
    pub author: String,
    pub audience: String,
    pub facts: String,
    pub key_owner: String,
    pub subject: Option<Vec<u8>>,
    pub body: Option<Vec<u8>>,
    pub message_id: String,
    pub queue_time: i64,
    pub hand_over_time: Option<i64>,
    pub reason: String,
    pub tries: i64,
    pub recipients: String,
    pub stand_ins_for: String,
    pub possible_duplicate: bool,
    pub returned: String,
    pub return_time: Option<i64>,
    pub revision: i64,
    pub channel: i64,
    pub side: i64,
    pub round: i64,
    pub round_over: bool,
    pub next_round_time: Option<i64>,
    pub report: String,
    pub override_reason: Option<Vec<u8>>,
    pub language_blocks: String,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
