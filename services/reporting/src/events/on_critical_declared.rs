//! CriticalDeclared: the incident's report opens as a draft, due when escalation says (SOP 5, SOP 8.2).

use command::{Fault, Unit, derived_id, wire::from_proto_time};
use contracts::escalation::v1::CriticalDeclared;

use crate::{
    matrix::{Distribution, Format, ReportType},
    report::{
        Reports,
        entity::{Issue, Opening, Period},
    },
};

/// Opens it. Whom it goes to is filled in before it is submitted, where nobody is known yet.
///
/// # Errors
/// The database's, and where the event is not whole.
pub async fn handle(reports: &Reports, unit: &Unit<'_>, event: &str, declared: &CriticalDeclared) -> Result<(), Fault> {
    let due_time = declared.report_due_time.as_ref().and_then(from_proto_time);
    let due_time = due_time.ok_or_else(|| Fault::Stored("an incident without its report's due time".into()))?;
    let opening = Opening {
        id: derived_id(event, "report"),
        client: declared.client.clone(),
        engagement: declared.engagement.clone(),
        kind: ReportType::IncidentReport,
        format: Format::Form,
        distribution: Distribution::Email,
        period: Period::Incident { case: declared.case.clone(), issue: Issue::Initial },
        due_time,
        due_local: String::new(),
        schedule: String::new(),
        recipients: Vec::new(),
    };
    reports.open_once(unit, opening).await.map(drop)
}
