//! `staff`.

use sea_orm::entity::prelude::*;

/// A row; see `db/migrations`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "staff")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub revision: i64,
    pub display_name: Vec<u8>,
    pub email: Vec<u8>,
    pub department: String,
    pub contractor: bool,
    pub management: bool,
    pub intake: bool,
    pub auditor: bool,
    pub deputy: Option<String>,
    pub access_expire_time: Option<i64>,
    pub inactive: bool,
    pub next_due_time: Option<i64>,
    pub attempts: i64,
    pub set_aside_reason: Option<String>,
    pub create_time: i64,
    pub update_time: i64,
    pub phones: Option<Vec<u8>>,
}

/// None: what belongs together is read by its key.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
