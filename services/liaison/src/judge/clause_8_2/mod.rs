//! SOP 8.2: of a critical incident client and management are told at once, by mail and by phone; each of the four ends as
//! reached, handed over or failed, with what shows it; then the client gets updates until it is closed.
//!
//! Times are the folder's, by the business clock. That the first attempts come within a minute of the system's clock is
//! measured elsewhere, while the suite is under load.
//!
//! - `alerts`: the four obligations. `updates`: the client's updates.

mod alerts;
mod updates;

use business_time::Timestamp;
use contracts::escalation::v1::{CaseKind, CriticalDeclared, TimelineKind};
use jiff::SignedDuration;

use super::{
    Row,
    case_view::{At, CaseView},
    docket::Docket,
    span::later,
};
use crate::folder::{Evidence, instant, names};

/// Where a policy does not say.
const REPORT_WITHIN: SignedDuration = SignedDuration::from_hours(24);

pub(super) fn row(evidence: &Evidence) -> Row {
    let mut docket = Docket::default();
    for view in CaseView::all(evidence) {
        let declared: Vec<_> = view.of_kind(TimelineKind::DeclaredCritical).copied().collect();
        let told: Vec<_> = evidence
            .happened::<CriticalDeclared>("escalation")
            .into_iter()
            .filter(|event| event.what.case == view.case.name)
            .collect();
        let place = format!("{} {}", names::CASES, view.case.name);
        let Some(first) = declared.first() else {
            if view.case.critical.is_some() || view.case.kind() == CaseKind::Incident || !told.is_empty() {
                docket.broken(place, "is a critical incident, and its timeline does not say since when");
            }
            continue;
        };
        docket.look();
        docket.cite(view.path);
        if declared.len() > 1 || told.len() != 1 {
            docket
                .broken(view.place(first), format!("is declared {} times, told {} times", declared.len(), told.len()));
        }
        let Some(critical) = &view.case.critical else {
            docket.broken(place, "was declared critical, and is not");
            continue;
        };
        if instant(critical.declare_time.as_ref()) != Some(first.recorded) {
            docket.broken(&place, format!("says that it was declared at another time than {}", first.recorded));
        }
        report_is_due(
            &view,
            first,
            told.first().and_then(|event| instant(event.what.report_due_time.as_ref())),
            &mut docket,
        );
        alerts::look(&view, first, &mut docket);
        updates::look(&view, first, &mut docket);
    }
    docket.into_row("8.2", "client and management are told at once", ("critical incident", "critical incidents"))
}

/// The report has a due time by the case's policy, and whoever writes it was told.
fn report_is_due(view: &CaseView<'_>, declared: &At<'_>, told: Option<Timestamp>, docket: &mut Docket) {
    let within = view.policy().and_then(|policy| policy.critical_incidents.as_ref()?.report_within);
    let within = within.map_or(REPORT_WITHIN, |span| SignedDuration::new(span.seconds, span.nanos));
    let due = Some(later(declared.recorded, within));
    let case = view.case.critical.as_ref().and_then(|critical| instant(critical.report_due_time.as_ref()));
    if declared.due() != due || case != due || told != due {
        docket.broken(view.place(declared), "its report is due at another time than its policy says");
    }
}
