//! ReportDue, ContributionRequested, ReportSubmitted, ReportReturned, ReportOverdue, ReportDeliveryFailed: the firm's own people are
//! told, each of what they have to see to (SOP 5, SOP 9).

use command::{Fault, Unit, derived_id, wire::from_proto_time};
use contracts::reporting::v1::{
    ContributionRequested, ReportDeliveryFailed, ReportDue, ReportOverdue, ReportReturned, ReportSubmitted, ReportType,
};

use crate::notification::{
    NewNotification, Notifications,
    entity::{Audience, Facts, Kind, Target},
};

/// Something that somebody of the firm is to be told about a report.
#[derive(Clone, Debug)]
pub struct News {
    kind: Kind,
    audience: Audience,
    report: String,
    client: String,
    engagement: String,
    facts: Facts,
}

/// Queues it.
///
/// # Errors
/// The database's.
pub async fn handle(notifications: Notifications, unit: &Unit<'_>, event: &str, news: News) -> Result<(), Fault> {
    let new = NewNotification {
        id: derived_id(event, "report-news"),
        client: news.client,
        engagement: news.engagement,
        report: news.report,
        facts: news.facts,
        ..NewNotification::generated(news.kind, news.audience)
    };
    notifications.queue(unit, new).await.map(drop)
}

/// A type without the enum's prefix, for example `STATUS_UPDATE`.
pub(super) fn type_name(of: ReportType) -> String {
    of.as_str_name().trim_start_matches("REPORT_TYPE_").to_owned()
}

macro_rules! news {
    ($event:ident, $kind:expr, $audience:expr) => {
        impl From<$event> for News {
            fn from(event: $event) -> Self {
                let audience: fn(&$event) -> Audience = $audience;
                Self {
                    kind: $kind,
                    audience: audience(&event),
                    facts: Facts {
                        report_type: type_name(event.r#type()),
                        due_time: event.due_time.as_ref().and_then(from_proto_time),
                        period: event.period,
                        ..Facts::default()
                    },
                    report: event.report,
                    client: event.client,
                    engagement: event.engagement,
                }
            }
        }
    };
}

news!(ReportDue, Kind::ReportDue, |_| Audience::Target(Target::AccountManager));
news!(ContributionRequested, Kind::ContributionRequest, |event| Audience::Staff(event.staff.clone()));
news!(ReportSubmitted, Kind::ReportApproval, |_| Audience::Target(Target::AccountManager));
news!(ReportReturned, Kind::ReportReturned, |event| Audience::Staff(event.submitter.clone()));
news!(ReportOverdue, Kind::ReportOverdue, |_| Audience::Target(Target::AccountManager));

impl From<ReportDeliveryFailed> for News {
    fn from(event: ReportDeliveryFailed) -> Self {
        Self {
            kind: Kind::ReportFailed,
            audience: Audience::Target(Target::AccountManager),
            facts: Facts {
                report_type: type_name(event.r#type()),
                due_time: event.due_time.as_ref().and_then(from_proto_time),
                period: event.period,
                reason: event.reason,
                ..Facts::default()
            },
            report: event.report,
            client: event.client,
            engagement: event.engagement,
        }
    }
}
