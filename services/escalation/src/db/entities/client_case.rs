//! See `db` for what the columns are.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "client_case")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub client: String,
    pub engagement: Option<String>,
    pub origin_mail: Option<String>,
    pub thread: Option<String>,
    pub opener: String,
    pub last_contact: Option<String>,
    pub open_time: i64,
    pub close_time: Option<i64>,
    pub kind: String,
    pub state: String,
    pub stage: String,
    pub subject: Option<Vec<u8>>,
    pub proposal_text: Option<Vec<u8>>,
    pub response_reason: Option<Vec<u8>>,
    pub resolution_reason: Option<Vec<u8>>,
    pub policy_version: i64,
    pub epoch: i64,
    pub clock_client: Option<String>,
    pub clock_calendar: Option<String>,
    pub clock_revision: i64,
    pub clock_data: String,
    pub next_due_time: Option<i64>,
    pub attempts: i64,
    pub set_aside_reason: Option<String>,
    pub timeline_count: i64,
    pub timeline_head: Vec<u8>,
    pub revision: i64,
    pub create_time: i64,
    pub update_time: i64,
    pub critical: Option<String>,
    pub update_reason: Option<Vec<u8>>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
