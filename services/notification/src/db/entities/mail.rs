//! The table `mail`; its columns are told in [`crate::db`].

use sea_orm::entity::prelude::*;

/// A mail.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mail")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub identity: String,
    pub message_index: String,
    pub state: i64,
    pub kind: i64,
    pub no_automatic_answer: bool,
    pub sender_check: i64,
    pub client: String,
    pub contact: String,
    pub thread: String,
    pub case_name: String,
    pub key_owner: String,
    pub receive_time: i64,
    pub receive_time_known: bool,
    pub record_time: i64,
    pub author: String,
    pub recipients: String,
    pub sender: Vec<u8>,
    pub subject: Vec<u8>,
    pub message_id: Vec<u8>,
    pub trail: Vec<u8>,
    pub triage_reason: String,
    pub triage_due_time: Option<i64>,
    pub overdue: bool,
    pub triage_owners: String,
    pub triage_end_time: Option<i64>,
    pub triage_ended_by: String,
    pub dismissal: Option<Vec<u8>>,
    pub next_due_time: Option<i64>,
    pub attempts: i64,
    pub set_aside_reason: Option<String>,
    pub revision: i64,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
