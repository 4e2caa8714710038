//! SOP 9: each client has exactly one account manager, who is told of lateness; management is told by policy.

use ::evidence::audit_file::FileOutcome;
use business_time::Timestamp;
use contracts::{
    escalation::v1::TimelineKind,
    notification::v1::{NotificationKind, NotificationState},
};

use super::{
    Row,
    case_view::CaseView,
    docket::Docket,
    people::{self, Office, TOLD_WITHIN, Telling, told},
    span::{SLACK, earlier, later, with_slack},
};
use crate::folder::{ClientRecord, Evidence, Outcome, instant, names};

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
    docket.into_row("9", "account manager and management are told", ("client", "clients"))
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
    for change in record.assignments.windows(2) {
        let [old, new] = change else { continue };
        if old.account_manager != new.account_manager && !is_explained(evidence, &client.name, new.from_time) {
            let what = format!(
                "{} followed {} at {}, which neither a transfer nor a departure explains",
                new.account_manager, old.account_manager, new.from_time
            );
            docket.broken(&place, what);
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

/// Whether the registry's audit has what may replace an account manager, for this client and at this time: a transfer, a
/// deactivation that hands the person's clients over, or the hand-over by a timer when their access ended.
fn is_explained(evidence: &Evidence, client: &str, time: Timestamp) -> bool {
    let mut rows = evidence.audits.get("client-registry").into_iter().flat_map(|audit| audit.rows());
    rows.any(|row| {
        let replaces = ["ClientService/TransferAccount", "StaffService/DeactivateStaff"];
        row.outcome == FileOutcome::Done
            && earlier(time, SLACK) <= row.time
            && row.time <= with_slack(time)
            && row.resources.iter().any(|name| name == client)
            && (row.actor == "timer" || replaces.iter().any(|action| row.action.ends_with(action)))
    })
}

/// Whoever stands for the client was told of each clock that was late.
fn lateness_told(view: &CaseView<'_>, docket: &mut Docket) {
    let mut used = Vec::new();
    for at in view.of_kind(TimelineKind::ClockBreached).filter(|at| !at.told_with_later()) {
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

/// Each step that is management's was told to management, when it was taken and not at some other time. Who that is is
/// 8.1's.
fn management_told(view: &CaseView<'_>, docket: &mut Docket) {
    let mut used = Vec::new();
    for at in view.of_kind(TimelineKind::Escalated).filter(|at| at.entry.target == "MANAGEMENT") {
        docket.cite(view.path);
        let notifications = view.evidence.notifications_of(&view.case.name);
        let in_time = |time: Option<Timestamp>| {
            time.is_some_and(|time| at.recorded <= time && time <= later(at.recorded, TOLD_WITHIN))
        };
        let reached = notifications.iter().find(|one| {
            one.kind() == NotificationKind::Escalation
                && one.state() == NotificationState::HandedOver
                && Office::parse(&one.audience) == Some(Office::Management)
                && in_time(instant(one.queue_time.as_ref()))
                && in_time(instant(one.hand_over_time.as_ref()))
                && !used.contains(&one.name.as_str())
        });
        let early = with_slack(at.recorded) > view.evidence.run.end_time;
        match reached {
            Some(told) => used.push(told.name.as_str()),
            None if early => {}
            None => docket.broken(view.place(at), "management was not told, in time, of a step that is theirs"),
        }
    }
}
