//! SOP 9: each client has exactly one account manager, who is told of lateness; management is told by policy.

use business_time::Timestamp;
use contracts::{
    escalation::v1::TimelineKind,
    notification::v1::{NotificationKind, NotificationState},
};

use super::{
    Row,
    case_view::CaseView,
    docket::Docket,
    people::{self, Office, Telling, told},
    span::with_slack,
};
use crate::folder::{ClientRecord, Evidence, Outcome, names};

pub(super) fn row(evidence: &Evidence) -> Row {
    let mut docket = Docket::default();
    for record in evidence.clients.values() {
        docket.look();
        account_managers(evidence, record, &mut docket);
    }
    for view in CaseView::all(evidence) {
        lateness_told(&view, &mut docket);
        management_told(&view, &mut docket);
    }
    docket.cite(names::CLIENTS);
    docket.cite(names::STAFF);
    docket.into_row("9", "account manager and management are told", "clients")
}

fn account_managers(evidence: &Evidence, record: &ClientRecord, docket: &mut Docket) {
    let client = &record.client;
    let place = format!("{} {}", names::CLIENTS, client.name);
    let end = evidence.run.end_time;
    if !people::was_active(evidence, &client.account_manager, end) {
        docket.broken(&place, format!("its account manager {:?} is no active member of staff", client.account_manager));
    }
    if let Some(last) = record.assignments.last()
        && last.account_manager != client.account_manager
    {
        let what = format!("{} stood last, {} stands at the end", last.account_manager, client.account_manager);
        docket.broken(&place, what);
    }
    let mut before = Timestamp::MIN;
    for assignments in &record.assignments {
        let (manager, since) = (&assignments.account_manager, assignments.from_time);
        if since < before {
            docket.broken(&place, "its assignments are out of order");
        }
        before = since;
        if !people::was_active(evidence, manager, since) {
            docket.broken(&place, format!("{manager:?}, its account manager from {since} on, was not active then"));
        }
    }
    // A transfer that the story tells must show.
    for step in &evidence.story {
        let text = |field: &str| step.request.get(field).and_then(serde_json::Value::as_str);
        let transfers = step.rpc.ends_with("ClientService/TransferAccount") && text("name") == Some(&client.name);
        if !transfers || !matches!(step.outcome, Outcome::Answer(_)) {
            continue;
        }
        let to = text("accountManager").or(text("account_manager")).unwrap_or_default();
        let shows = record.assignments.iter().any(|known| known.account_manager == to && known.from_time >= step.at)
            || (record.assignments.is_empty() && client.account_manager == to);
        if !shows {
            docket.broken(
                &place,
                format!("was transferred to {to} by step {}, which its assignments do not show", step.number),
            );
        }
    }
}

/// Whoever stands for the client was told of each clock that was late.
fn lateness_told(view: &CaseView<'_>, docket: &mut Docket) {
    let mut used = Vec::new();
    for at in view.of_kind(TimelineKind::ClockBreached) {
        docket.cite(view.path);
        let telling = Telling {
            kind: NotificationKind::ClockBreach,
            about: &view.case.name,
            office: Office::AccountManager,
            client: &view.case.client,
            engagement: &view.case.engagement,
            since: at.recorded,
        };
        match told(view.evidence, &telling, &used) {
            Ok(notification) => used.extend(notification.map(|one| one.name.as_str())),
            Err(what) => docket.broken(view.place(at), what),
        }
    }
}

/// Each step that is management's was told to management.
fn management_told(view: &CaseView<'_>, docket: &mut Docket) {
    for at in view.of_kind(TimelineKind::Escalated).filter(|at| at.entry.target == "MANAGEMENT") {
        docket.cite(view.path);
        let notifications = view.evidence.notifications_of(&view.case.name);
        let reached = notifications.iter().any(|one| {
            one.kind() == NotificationKind::Escalation
                && one.state() == NotificationState::HandedOver
                && Office::parse(&one.audience) == Some(Office::Management)
        });
        let early = with_slack(at.recorded) > view.evidence.run.end_time;
        if !reached && !early {
            docket.broken(view.place(at), "management was not told of a step that is theirs");
        }
    }
}
