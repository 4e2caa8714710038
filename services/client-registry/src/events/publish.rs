//! From a private change to the public event, in the same transaction. Ids and revisions alone; nothing personal.

use command::{Fault, Unit, wire::proto_time};
use contracts::client_registry::v1::{
    AssignmentChanged, CalendarChanged, ClientRegistered, ClientUpdated, IncidentPartiesChanged, MilestoneReached,
    PlanChanged, PolicyPublished,
};

use crate::{
    client::Client,
    engagement::Engagement,
    name,
    plan::{Milestone, Plan},
};

/// A client is there, with its first account manager.
pub(crate) async fn client_registered(unit: &Unit<'_>, client: &Client) -> Result<(), Fault> {
    let aggregate = name::client(&client.id);
    let event = ClientRegistered {
        client: aggregate.clone(),
        revision: client.revision,
        calendar: name::calendar(&client.calendar),
    };
    unit.publish(&aggregate, client.revision, &event).await.map(drop)
}

/// A client's name or calendar changed.
pub(crate) async fn client_updated(unit: &Unit<'_>, client: &Client) -> Result<(), Fault> {
    let aggregate = name::client(&client.id);
    let event = ClientUpdated {
        client: aggregate.clone(),
        revision: client.revision,
        calendar: name::calendar(&client.calendar),
    };
    unit.publish(&aggregate, client.revision, &event).await.map(drop)
}

/// A client has another account manager.
pub(crate) async fn account_transferred(unit: &Unit<'_>, client: &Client) -> Result<(), Fault> {
    let aggregate = name::client(&client.id);
    let event = AssignmentChanged { client: aggregate.clone(), engagement: String::new(), revision: client.revision };
    unit.publish(&aggregate, client.revision, &event).await.map(drop)
}

/// An engagement has people, or others than before. Its revision is the engagement's own.
pub(crate) async fn engagement_staffed(unit: &Unit<'_>, engagement: &Engagement) -> Result<(), Fault> {
    let aggregate = name::engagement(&engagement.client, &engagement.id);
    let event = AssignmentChanged {
        client: name::client(&engagement.client),
        engagement: aggregate.clone(),
        revision: engagement.revision,
    };
    unit.publish(&aggregate, engagement.revision, &event).await.map(drop)
}

/// What is agreed on an engagement is there, or is another.
pub(crate) async fn plan_changed(unit: &Unit<'_>, plan: &Plan) -> Result<(), Fault> {
    let aggregate = name::plan(&plan.client, &plan.engagement);
    let event = PlanChanged {
        plan: aggregate.clone(),
        client: name::client(&plan.client),
        engagement: name::engagement(&plan.client, &plan.engagement),
        revision: plan.revision,
    };
    unit.publish(&aggregate, plan.revision, &event).await.map(drop)
}

/// A milestone of a plan was reached.
pub(crate) async fn milestone_reached(unit: &Unit<'_>, plan: &Plan, milestone: &Milestone) -> Result<(), Fault> {
    let aggregate = name::plan(&plan.client, &plan.engagement);
    let event = MilestoneReached {
        plan: aggregate.clone(),
        client: name::client(&plan.client),
        engagement: name::engagement(&plan.client, &plan.engagement),
        milestone: milestone.id.clone(),
        reach_time: milestone.reach_time.map(proto_time),
        within_business_days: i32::try_from(milestone.within_business_days).unwrap_or(i32::MAX),
    };
    unit.publish(&aggregate, plan.revision, &event).await.map(drop)
}

/// A calendar is there, or is another.
pub(crate) async fn calendar_changed(unit: &Unit<'_>, id: &str, revision: u64) -> Result<(), Fault> {
    let aggregate = name::calendar(id);
    let event = CalendarChanged { calendar: aggregate.clone(), revision };
    unit.publish(&aggregate, revision, &event).await.map(drop)
}

/// A version of the procedure is in force.
pub(crate) async fn policy_published(unit: &Unit<'_>, version: u64) -> Result<(), Fault> {
    unit.publish(&name::policy(version), version, &PolicyPublished { version }).await.map(drop)
}

/// Who is told of critical incidents may be others now: of one client, or of all. An aggregate of its own, since its revision
/// is the firm's.
pub(crate) async fn incident_parties_changed(
    unit: &Unit<'_>,
    client: Option<&str>,
    revision: u64,
) -> Result<(), Fault> {
    let client = client.map(name::client).unwrap_or_default();
    let aggregate = if client.is_empty() { "incidentParties".to_owned() } else { format!("{client}/incidentParties") };
    unit.publish(&aggregate, revision, &IncidentPartiesChanged { client, revision }).await.map(drop)
}
