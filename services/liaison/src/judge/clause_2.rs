//! SOP 2: the procedure applies to all employees, departments and contractors involved. So everybody who acted is known,
//! is of a kind, and was active; a contractor's access has an end.

use std::collections::BTreeMap;

use ::evidence::audit_file::FileOutcome;
use business_time::Timestamp;
use contracts::{
    client_registry::v1::{Contact, Staff, StaffKind},
    escalation::v1::TimelineKind,
};

use super::{
    Row,
    case_view::CaseView,
    docket::Docket,
    people,
    span::{SLACK, earlier},
};
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
    versions_end_rightly(evidence, &mut docket);
    docket.cite(names::STAFF);
    docket.cite(names::CLIENTS);
    docket.into_row("2", "everybody involved is known and active", ("person", "people"))
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

/// What stands at the end is what the last change left.
fn versions_end_rightly(evidence: &Evidence, docket: &mut Docket) {
    let otherwise = "stands otherwise at the end than its last change left it";
    for record in evidence.staff.values() {
        let bare = |staff: &Staff| Staff { revision: 0, etag: String::new(), ..staff.clone() };
        if record.versions.last().is_some_and(|last| bare(&last.staff) != bare(&record.staff)) {
            docket.broken(format!("{} {}", names::STAFF, record.staff.name), otherwise);
        }
    }
    for contact in evidence.clients.values().flat_map(|record| &record.contacts) {
        let bare = |contact: &Contact| Contact { revision: 0, etag: String::new(), ..contact.clone() };
        let last = evidence.contact_at(&contact.name, Timestamp::MAX);
        if last.is_some_and(|last| bare(last) != bare(contact)) {
            docket.broken(format!("{} {}", names::CLIENTS, contact.name), otherwise);
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
        return match people::left(evidence, staff, time) {
            Some(left) if left == Timestamp::MIN => Err("is inactive, and nothing says since when".to_owned()),
            Some(left) if left < time => Err(format!("had no access any more since {left}")),
            _ => Ok(()),
        };
    }
    evidence.find_contact(person).ok_or("no client has such a contact")?;
    // What was done in the moment of leaving was done before it.
    let there = |time| evidence.contact_at(person, time).is_some_and(|contact| !contact.inactive);
    if there(time) || there(earlier(time, SLACK)) {
        return Ok(());
    }
    let rows = evidence.audits.values().flat_map(|audit| audit.rows());
    let updates = rows.filter(|row| row.action.ends_with("ContactService/UpdateContact"));
    match updates.filter(|row| row.resources.iter().any(|name| name == person)).map(|row| row.time).last() {
        Some(left) if time <= left => Ok(()),
        _ => Err("had left the client".to_owned()),
    }
}
