//! SOP 4.2: inquiries are answered within one business day.
//!
//! - `mails`: every client's word has its case, and nothing else stands in for one.
//! - `periods`: each first-response clock, its due time, the reply that stopped it or the breach that followed.
//! - `triage`: mails whose sender nobody knows lie under the same clock, with an owner.

mod mails;
mod periods;
mod triage;

use super::{Row, case_view::CaseView, docket::Docket};
use crate::folder::{Evidence, names};

pub(super) fn row(evidence: &Evidence) -> Row {
    let mut docket = Docket::default();
    let views = CaseView::all(evidence);
    mails::look(evidence, &views, &mut docket);
    for view in &views {
        periods::look(view, &mut docket);
    }
    triage::look(evidence, &mut docket);
    for policy in &evidence.policies {
        // The judge holds the clocks against the policy, and here the policy against the clause.
        let days = policy.first_response_business_days;
        if days != 1 {
            let what = format!("gives {days} business days for an answer, the procedure gives one");
            docket.broken(format!("{} {}", names::POLICIES, policy.name), what);
        }
    }
    docket.into_row("4.2", "answers within one business day", ("first-response clock", "first-response clocks"))
}
