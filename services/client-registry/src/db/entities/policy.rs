//! `policy`.

use sea_orm::entity::prelude::*;

/// A row; see `db/migrations`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "policy")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub version: i64,
    pub publish_time: i64,
    pub firm_calendar: String,
    pub official_domain: String,
    pub service_address: String,
    pub authserv_id: String,
    pub first_response_business_days: i64,
    pub escalation_steps: String,
    pub confirmation_reminder: i64,
    pub auto_acknowledge: bool,
    pub update_cadence: i64,
    pub report_within: i64,
    pub meetings: String,
    pub jargon: String,
}

/// None: what belongs together is read by its key.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
