//! The table `meeting`; its columns are told in [`crate::db`].

use sea_orm::entity::prelude::*;

/// A meeting with people of a client.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "meeting")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub client: String,
    pub engagement: String,
    pub case_name: String,
    pub form: i64,
    pub kind: String,
    pub host: String,
    pub contacts: String,
    pub start_time: i64,
    pub answers: bool,
    pub state: i64,
    pub stage: String,
    pub words: Vec<u8>,
    pub policy_version: i64,
    pub revision: i64,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
