//! SOP 2: the procedure applies to all employees, departments and contractors involved. So everybody who acted is known,
//! is of a kind, and was active; a contractor's access has an end.

use std::collections::BTreeMap;

use ::evidence::audit_file::FileOutcome;
use business_time::Timestamp;
use contracts::{client_registry::v1::StaffKind, escalation::v1::TimelineKind};

use super::{Row, case_view::CaseView, docket::Docket, people};
use crate::folder::{Evidence, instant, is_person, is_staff, names};

pub(super) fn row(evidence: &Evidence) -> Row {
    let mut docket = Docket::default();
    staff_kinds(evidence, &mut docket);
    for (person, acts) in acts(evidence) {
        docket.look();
        for act in acts {
            if let Err(what) = was_entitled(evidence, &person, act.time) {
                docket.broken(act.place, format!("{person} acted, but {what}"));
                // One finding for each person is enough to look at.
                break;
            }
        }
    }
    docket.cite(names::STAFF);
    docket.cite(names::CLIENTS);
    docket.into_row("2", "everybody involved is known and active", "people")
}

fn staff_kinds(evidence: &Evidence, docket: &mut Docket) {
    for record in evidence.staff.values() {
        let staff = &record.staff;
        let place = format!("{} {}", names::STAFF, staff.name);
        match staff.kind() {
            StaffKind::Employee => {}
            StaffKind::Contractor if instant(staff.access_expire_time.as_ref()).is_none() => {
                docket.broken(place, "is a contractor whose access does not end");
            }
            StaffKind::Contractor => {}
            StaffKind::Unspecified => docket.broken(place, "is neither employee nor contractor"),
        }
    }
}

struct Act {
    time: Timestamp,
    place: String,
}

/// What each person did, in order: in the audits (but for what was refused), on timelines, and by what they wrote.
fn acts(evidence: &Evidence) -> BTreeMap<String, Vec<Act>> {
    let mut acts: BTreeMap<String, Vec<Act>> = BTreeMap::new();
    let mut note = |person: &str, time: Timestamp, place: String| {
        if is_person(person) {
            acts.entry(person.to_owned()).or_default().push(Act { time, place });
        }
    };
    for (service, audit) in &evidence.audits {
        for row in audit.rows().filter(|row| row.outcome != FileOutcome::Refused) {
            note(&row.actor, row.time, format!("audit/{service}.json row {}", row.number));
        }
    }
    for view in CaseView::all(evidence) {
        for at in &view.entries {
            note(&at.entry.actor, at.recorded, view.place(at));
            if at.kind == TimelineKind::ResolutionConfirmed {
                for person in &at.entry.people {
                    note(person, at.recorded, view.place(at));
                }
            }
        }
    }
    for notification in evidence.notifications.values() {
        if let Some(time) = instant(notification.queue_time.as_ref()) {
            note(&notification.author, time, format!("{} {}", names::NOTIFICATIONS, notification.name));
        }
    }
    for acts in acts.values_mut() {
        acts.sort_by(|a, b| (a.time, &a.place).cmp(&(b.time, &b.place)));
    }
    acts
}

fn was_entitled(evidence: &Evidence, person: &str, time: Timestamp) -> Result<(), String> {
    if is_staff(person) {
        let staff = evidence.find_staff(person).ok_or("the firm knows nobody of that name")?;
        return match people::left(evidence, staff) {
            Some(left) if left == Timestamp::MIN => Err("is inactive, and nothing says since when".to_owned()),
            Some(left) if left < time => Err(format!("had no access any more since {left}")),
            _ => Ok(()),
        };
    }
    let contact = evidence.find_contact(person).ok_or("no client has such a contact")?;
    if !contact.inactive {
        return Ok(());
    }
    let rows = evidence.audits.values().flat_map(|audit| audit.rows());
    let updates = rows.filter(|row| row.action.ends_with("ContactService/UpdateContact"));
    match updates.filter(|row| row.resources.iter().any(|name| name == person)).map(|row| row.time).last() {
        Some(left) if time <= left => Ok(()),
        _ => Err("had left the client".to_owned()),
    }
}
