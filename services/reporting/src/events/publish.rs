//! The private change -> the public event. Ids, times and enums alone; whoever needs words asks.

use command::{Fault, Unit, wire::proto_time};
use contracts::reporting::v1::{
    ContributionGiven, ContributionRequested, ReportApproved, ReportCancelled, ReportDelivered, ReportDeliveryFailed,
    ReportDue, ReportOverdue, ReportReturned, ReportSubmitted,
};

use crate::{
    grpc::convert,
    report::entity::{Fact, Report},
};

/// An event that others may read.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each holds the contract's event of its name, which is documented there")]
pub enum PublicEvent {
    Due(ReportDue),
    ContributionRequested(ContributionRequested),
    ContributionGiven(ContributionGiven),
    Submitted(ReportSubmitted),
    Returned(ReportReturned),
    Approved(ReportApproved),
    Delivered(ReportDelivered),
    DeliveryFailed(ReportDeliveryFailed),
    Overdue(ReportOverdue),
    Cancelled(ReportCancelled),
}

impl PublicEvent {
    /// Tells it in the transaction of what it tells of.
    ///
    /// # Errors
    /// The database's.
    pub async fn publish(&self, unit: &Unit<'_>, aggregate: &str, revision: u64) -> Result<(), Fault> {
        match self {
            Self::Due(event) => unit.publish(aggregate, revision, event).await,
            Self::ContributionRequested(event) => unit.publish(aggregate, revision, event).await,
            Self::ContributionGiven(event) => unit.publish(aggregate, revision, event).await,
            Self::Submitted(event) => unit.publish(aggregate, revision, event).await,
            Self::Returned(event) => unit.publish(aggregate, revision, event).await,
            Self::Approved(event) => unit.publish(aggregate, revision, event).await,
            Self::Delivered(event) => unit.publish(aggregate, revision, event).await,
            Self::DeliveryFailed(event) => unit.publish(aggregate, revision, event).await,
            Self::Overdue(event) => unit.publish(aggregate, revision, event).await,
            Self::Cancelled(event) => unit.publish(aggregate, revision, event).await,
        }
        .map(drop)
    }
}

/// What others are told of a fact; none where it concerns nobody else.
pub fn event_of(of: &Report, fact: &Fact) -> Option<PublicEvent> {
    let (report, client, engagement) = (of.name(), of.client.clone(), of.engagement.clone());
    let (kind, period) = (convert::kind_to_wire(of.kind).into(), of.period.name());
    let due_time = Some(proto_time(of.due_time));
    Some(match fact {
        Fact::Opened => PublicEvent::Due(ReportDue { report, client, engagement, r#type: kind, period, due_time }),
        Fact::ContributionRequested { contribution, staff } => {
            PublicEvent::ContributionRequested(ContributionRequested {
                report,
                client,
                engagement,
                contribution: contribution.clone(),
                staff: staff.clone(),
                r#type: kind,
                period,
                due_time,
            })
        }
        Fact::ContributionGiven { contribution, staff } => PublicEvent::ContributionGiven(ContributionGiven {
            report,
            client,
            contribution: contribution.clone(),
            staff: staff.clone(),
        }),
        Fact::Submitted(submission) => PublicEvent::Submitted(ReportSubmitted {
            report,
            client,
            engagement,
            r#type: kind,
            period,
            due_time,
            text_version: submission.version,
            submitter: submission.submitter.clone(),
        }),
        Fact::Returned(submission) => PublicEvent::Returned(ReportReturned {
            report,
            client,
            engagement,
            r#type: kind,
            period,
            due_time,
            text_version: submission.version,
            submitter: submission.submitter.clone(),
        }),
        Fact::Approved { version, approver } => PublicEvent::Approved(ReportApproved {
            report,
            client,
            engagement,
            r#type: kind,
            period,
            due_time,
            text_version: *version,
            approver: approver.clone(),
            recipients: of.recipients.clone(),
        }),
        Fact::Delivered(time) => PublicEvent::Delivered(ReportDelivered {
            report,
            client,
            engagement,
            r#type: kind,
            period,
            deliver_time: Some(proto_time(*time)),
        }),
        Fact::DeliveryFailed { reason } => PublicEvent::DeliveryFailed(ReportDeliveryFailed {
            report,
            client,
            engagement,
            r#type: kind,
            period,
            due_time,
            reason: reason.clone(),
        }),
        Fact::Overdue => {
            PublicEvent::Overdue(ReportOverdue { report, client, engagement, r#type: kind, period, due_time })
        }
        Fact::Cancelled => PublicEvent::Cancelled(ReportCancelled { report, client }),
        Fact::Revised | Fact::DeliveryEnded => return None,
    })
}
