//! The table `permit`.

use command::Fault;
use database::{DatabaseTransaction, micros};
use sea_orm::{ActiveModelTrait, IntoActiveModel};

use super::entity::Permit;
use crate::{db::entities::permit, revision};

pub(super) async fn insert(tx: &DatabaseTransaction, new: &Permit) -> Result<(), Fault> {
    let row = permit::Model {
        id: new.id.clone(),
        notification: new.notification.clone(),
        client: new.client.clone(),
        policy_version: revision::stored(new.policy_version),
        issue_time: micros(new.issue_time),
        expire_time: micros(new.expire_time),
    };
    row.into_active_model().reset_all().insert(tx).await?;
    Ok(())
}
