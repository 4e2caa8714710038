//! `permit`.

use sea_orm::entity::prelude::*;

/// A row; see `db/migrations`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "permit")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub notification: String,
    pub client: String,
    pub policy_version: i64,
    pub issue_time: i64,
    pub expire_time: i64,
}

/// None: what belongs together is read by its key.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
