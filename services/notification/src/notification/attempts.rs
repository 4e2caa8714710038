//! The only code that touches the table `send_attempt`.

use business_time::Timestamp;
use command::Fault;
use database::{ConnectionTrait, DatabaseTransaction, instant, micros};
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, Set};

use crate::db::entities::send_attempt as attempt;

/// One claim to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// `notifications/{notification}`'s id.
    pub notification: String,
    /// From 1 upwards.
    pub number: u32,
    /// The provider's name.
    pub provider: String,
    /// The registry's permit.
    pub permit: String,
    /// The policy that it was given under.
    pub policy_version: u64,
    /// Who is told.
    pub recipients: Vec<String>,
    /// In whose stead.
    pub stand_ins_for: Vec<String>,
    /// When it was claimed, by the business clock.
    pub claim_time: Timestamp,
    /// From then on, by the system's clock, nobody who claimed it hands it over any more.
    pub claim_end_time: Timestamp,
    /// Empty: not known.
    pub outcome: String,
    /// The provider's, where it took it.
    pub receipt: String,
    /// Of an alert's attempt: when its outcome was known; where somebody answered, when.
    pub end_time: Option<Timestamp>,
    /// Of an alert's attempt: the mail in which somebody answered.
    pub evidence: String,
    /// Whether the copy was used, since the registry did not answer.
    pub from_copy: bool,
    /// Whether the attempt before may have arrived too.
    pub possible_duplicate: bool,
}

/// Stores a claim.
pub async fn insert_attempt(tx: &DatabaseTransaction, new: &Attempt) -> Result<(), Fault> {
    let model = attempt::Model {
        notification: new.notification.clone(),
        number: i64::from(new.number),
        provider: new.provider.clone(),
        permit: new.permit.clone(),
        policy_version: crate::db::signed(new.policy_version),
        recipients: crate::db::names(&new.recipients),
        stand_ins_for: crate::db::names(&new.stand_ins_for),
        claim_time: micros(new.claim_time),
        claim_end_time: micros(new.claim_end_time),
        outcome: new.outcome.clone(),
        receipt: new.receipt.clone(),
        end_time: new.end_time.map(micros),
        evidence: new.evidence.clone(),
        from_copy: new.from_copy,
        possible_duplicate: new.possible_duplicate,
    };
    attempt::Entity::insert(model.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

/// The attempt whose outcome is not known, where there is one.
pub async fn find_open_attempt<C: ConnectionTrait>(conn: &C, notification: &str) -> Result<Option<Attempt>, Fault> {
    let query = attempt::Entity::find()
        .filter(attempt::Column::Notification.eq(notification))
        .filter(attempt::Column::Outcome.eq(""))
        .order_by_desc(attempt::Column::Number);
    query.one(conn).await?.map(attempt_from_row).transpose()
}

/// Every attempt, in order.
pub async fn attempts<C: ConnectionTrait>(conn: &C, notification: &str) -> Result<Vec<Attempt>, Fault> {
    let query = attempt::Entity::find()
        .filter(attempt::Column::Notification.eq(notification))
        .order_by_asc(attempt::Column::Number);
    query.all(conn).await?.into_iter().map(attempt_from_row).collect()
}

/// Writes what became of an attempt after it was handed over: who answered in which mail, or that it came back.
pub async fn amend_attempt(
    tx: &DatabaseTransaction,
    notification: &str,
    number: u32,
    outcome: &str,
    evidence: &str,
    time: Timestamp,
) -> Result<(), Fault> {
    let change = attempt::ActiveModel {
        outcome: Set(outcome.to_owned()),
        evidence: Set(evidence.to_owned()),
        end_time: Set(Some(micros(time))),
        ..Default::default()
    };
    attempt::Entity::update_many()
        .set(change)
        .filter(attempt::Column::Notification.eq(notification))
        .filter(attempt::Column::Number.eq(i64::from(number)))
        .exec(tx)
        .await?;
    Ok(())
}

/// Writes an attempt's outcome; false where somebody else has.
pub async fn end_attempt(
    tx: &DatabaseTransaction,
    notification: &str,
    number: u32,
    outcome: &str,
    receipt: &str,
    time: Timestamp,
) -> Result<bool, Fault> {
    let change = attempt::ActiveModel {
        outcome: Set(outcome.to_owned()),
        receipt: Set(receipt.to_owned()),
        end_time: Set(Some(micros(time))),
        ..Default::default()
    };
    let ended = attempt::Entity::update_many()
        .set(change)
        .filter(attempt::Column::Notification.eq(notification))
        .filter(attempt::Column::Number.eq(i64::from(number)))
        .filter(attempt::Column::Outcome.eq(""))
        .exec(tx)
        .await?;
    Ok(ended.rows_affected == 1)
}

fn attempt_from_row(row: attempt::Model) -> Result<Attempt, Fault> {
    Ok(Attempt {
        notification: row.notification,
        number: u32::try_from(row.number).unwrap_or_default(),
        provider: row.provider,
        permit: row.permit,
        policy_version: crate::db::unsigned(row.policy_version),
        recipients: crate::db::read_names(&row.recipients),
        stand_ins_for: crate::db::read_names(&row.stand_ins_for),
        claim_time: instant(row.claim_time)?,
        claim_end_time: instant(row.claim_end_time)?,
        outcome: row.outcome,
        receipt: row.receipt,
        end_time: row.end_time.map(instant).transpose()?,
        evidence: row.evidence,
        from_copy: row.from_copy,
        possible_duplicate: row.possible_duplicate,
    })
}
