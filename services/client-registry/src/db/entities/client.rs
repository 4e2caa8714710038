//! `client`.

use sea_orm::entity::prelude::*;

/// A row; see `db/migrations`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "client")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub revision: i64,
    pub display_name: Vec<u8>,
    pub calendar: String,
    pub account_manager: String,
    pub create_time: i64,
    pub update_time: i64,
    pub reading_level: i64,
    pub glossary: String,
}

/// None: what belongs together is read by its key.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
