//! `absence`.

use sea_orm::entity::prelude::*;

/// A row; see `db/migrations`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "absence")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub staff: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub start_time: i64,
    pub end_time: i64,
}

/// None: what belongs together is read by its key.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
