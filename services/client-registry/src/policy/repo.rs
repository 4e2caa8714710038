//! The table `policy`.

use std::time::Duration;

use command::Fault;
use database::{ConnectionTrait, DatabaseTransaction, instant, micros};
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect};

use super::entity::{Policy, Rules};
use crate::{db::entities::policy, revision, store::unreadable};

pub(super) async fn insert(tx: &DatabaseTransaction, new: &Policy) -> Result<(), Fault> {
    to_row(new)?.into_active_model().reset_all().insert(tx).await?;
    Ok(())
}

pub(super) async fn find<C: ConnectionTrait>(conn: &C, version: u64) -> Result<Option<Policy>, Fault> {
    policy::Entity::find_by_id(revision::stored(version)).one(conn).await?.map(from_row).transpose()
}

pub(super) async fn find_current<C: ConnectionTrait>(conn: &C) -> Result<Option<Policy>, Fault> {
    policy::Entity::find().order_by_desc(policy::Column::Version).one(conn).await?.map(from_row).transpose()
}

/// Versions below `before`, the newest first.
pub(super) async fn list<C: ConnectionTrait>(conn: &C, before: Option<i64>, limit: u64) -> Result<Vec<Policy>, Fault> {
    let mut query = policy::Entity::find().order_by_desc(policy::Column::Version).limit(limit);
    if let Some(before) = before {
        query = query.filter(policy::Column::Version.lt(before));
    }
    query.all(conn).await?.into_iter().map(from_row).collect()
}

fn to_row(of: &Policy) -> Result<policy::Model, Fault> {
    let rules = &of.rules;
    let steps = serde_json::to_string(&rules.escalation_steps).map_err(|error| unreadable("policy", error))?;
    Ok(policy::Model {
        version: revision::stored(of.version),
        publish_time: micros(of.publish_time),
        firm_calendar: rules.firm_calendar.clone(),
        official_domain: rules.official_domain.clone(),
        service_address: rules.service_address.clone(),
        authserv_id: rules.authserv_id.clone(),
        first_response_business_days: i64::from(rules.first_response_business_days),
        escalation_steps: steps,
        confirmation_reminder: stored(rules.confirmation_reminder),
        auto_acknowledge: rules.auto_acknowledge,
        update_cadence: stored(rules.update_cadence),
        report_within: stored(rules.report_within),
        meetings: serde_json::to_string(&rules.meetings).map_err(|error| unreadable("policy", error))?,
        jargon: serde_json::to_string(&rules.jargon).map_err(|error| unreadable("policy", error))?,
    })
}

fn from_row(row: policy::Model) -> Result<Policy, Fault> {
    let days = u32::try_from(row.first_response_business_days).map_err(|error| unreadable("policy", error))?;
    let span =
        |micros: i64| u64::try_from(micros).map(Duration::from_micros).map_err(|error| unreadable("policy", error));
    Ok(Policy {
        version: revision::read(row.version),
        publish_time: instant(row.publish_time)?,
        rules: Rules {
            firm_calendar: row.firm_calendar,
            official_domain: row.official_domain,
            service_address: row.service_address,
            authserv_id: row.authserv_id,
            first_response_business_days: days,
            escalation_steps: serde_json::from_str(&row.escalation_steps)
                .map_err(|error| unreadable("policy", error))?,
            confirmation_reminder: span(row.confirmation_reminder)?,
            auto_acknowledge: row.auto_acknowledge,
            update_cadence: span(row.update_cadence)?,
            report_within: span(row.report_within)?,
            meetings: serde_json::from_str(&row.meetings).map_err(|error| unreadable("policy", error))?,
            jargon: serde_json::from_str(&row.jargon).map_err(|error| unreadable("policy", error))?,
        },
    })
}

fn stored(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}
