//! `engagement_member`.

use sea_orm::entity::prelude::*;

/// A row; see `db/migrations`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "engagement_member")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub client: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub engagement: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub staff: String,
}

/// None: what belongs together is read by its key.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
