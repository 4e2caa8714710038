//! A folder's content with its lookups. Nothing here concludes anything.

use std::collections::BTreeMap;

use ::evidence::{AuditFile, TimelineFile};
use business_time::Timestamp;
use contracts::{
    client_registry::v1::{
        AssignmentChanged, Client, ClientRegistered, ClientUpdated, Contact, Engagement, Policy, Staff,
    },
    escalation::v1::{Case, TimelineEntry},
    event::v1::Event,
    notification::v1::{Call, Mail, Meeting, Notification},
    reporting::v1::Report,
};
use prost::{Message, Name};

use super::{Assignments, CalendarInForce, ClientRecord, Eml, PlacedCall, Run, StaffRecord, Step};

/// A folder's content.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// `run.json`.
    pub run: Run,
    /// By name, then by the time from which they stood.
    pub calendars: Vec<CalendarInForce>,
    /// By version.
    pub policies: Vec<Policy>,
    /// By name.
    pub staff: BTreeMap<String, StaffRecord>,
    /// By name.
    pub clients: BTreeMap<String, ClientRecord>,
    /// By name.
    pub cases: BTreeMap<String, Case>,
    /// By the case's name.
    pub timelines: BTreeMap<String, Timeline>,
    /// By service.
    pub audits: BTreeMap<String, AuditFile>,
    /// By service, in order.
    pub events: BTreeMap<String, Vec<Event>>,
    /// By name.
    pub notifications: BTreeMap<String, Notification>,
    /// By name.
    pub mails: BTreeMap<String, Mail>,
    /// What was delivered, in the order of the files' names.
    pub mails_in: Vec<Eml>,
    /// What left, by the notification's name as the file's name gives it.
    pub mails_out: BTreeMap<String, Eml>,
    /// What left once more, with the notification's name.
    pub further_copies: Vec<(String, Eml)>,
    /// By name.
    pub meetings: BTreeMap<String, Meeting>,
    /// By name.
    pub calls: BTreeMap<String, Call>,
    /// What was placed, by the call's name as the file's name gives it.
    pub calls_out: BTreeMap<String, PlacedCall>,
    /// By name.
    pub reports: BTreeMap<String, Report>,
    /// In order.
    pub story: Vec<Step>,
}

/// A case's timeline.
#[derive(Clone, Debug)]
pub struct Timeline {
    /// The file, relative to the folder.
    pub path: String,
    /// With its hashes.
    pub file: TimelineFile,
    /// What its entries say, in order; an entry whose text was destroyed is left out.
    pub entries: Vec<TimelineEntry>,
}

/// An event of a known type.
#[derive(Clone, Debug)]
pub struct Happened<M> {
    /// When.
    pub time: Timestamp,
    /// The envelope's id.
    pub id: String,
    /// Its place in the stream.
    pub position: u64,
    /// What.
    pub what: M,
}

impl Evidence {
    /// The events of type `M` in a service's stream, in order; what does not decode is left out.
    pub fn happened<M: Message + Name + Default>(&self, service: &str) -> Vec<Happened<M>> {
        let events = self.events.get(service).map(Vec::as_slice).unwrap_or_default();
        let name = M::full_name();
        events
            .iter()
            .filter_map(|event| {
                let payload = event.payload.as_ref()?;
                if payload.type_url.rsplit('/').next() != Some(name.as_str()) {
                    return None;
                }
                let what = M::decode(payload.value.as_slice()).ok()?;
                let time = instant(event.time.as_ref())?;
                Some(Happened { time, id: event.id.clone(), position: event.position, what })
            })
            .collect()
    }

    /// A member of staff.
    pub fn find_staff(&self, name: &str) -> Option<&Staff> {
        self.staff.get(name).map(|record| &record.staff)
    }

    /// A client.
    pub fn find_client(&self, name: &str) -> Option<&Client> {
        self.clients.get(name).map(|record| &record.client)
    }

    /// A contact, by full name.
    pub fn find_contact(&self, name: &str) -> Option<&Contact> {
        let (client, _) = name.split_once("/contacts/")?;
        self.clients.get(client)?.contacts.iter().find(|contact| contact.name == name)
    }

    /// An engagement, by full name.
    pub fn find_engagement(&self, name: &str) -> Option<&Engagement> {
        let (client, _) = name.split_once("/engagements/")?;
        self.clients.get(client)?.engagements.iter().find(|engagement| engagement.name == name)
    }

    /// What a person is called.
    pub fn display_name<'a>(&'a self, person: &'a str) -> &'a str {
        let name = if let Some(staff) = self.find_staff(person) {
            staff.display_name.as_str()
        } else if let Some(contact) = self.find_contact(person) {
            contact.display_name.as_str()
        } else {
            self.find_client(person).map_or("", |client| client.display_name.as_str())
        };
        if name.is_empty() { person } else { name }
    }

    /// A policy by its version.
    pub fn find_policy(&self, version: u64) -> Option<&Policy> {
        self.policies.iter().find(|policy| policy.version == version)
    }

    /// The policy in force at a time: the latest published by then; before the first, the first.
    pub fn policy_at(&self, time: Timestamp) -> Option<&Policy> {
        let published = |policy: &&Policy| instant(policy.publish_time.as_ref()).is_none_or(|at| at <= time);
        self.policies.iter().rfind(published).or_else(|| self.policies.first())
    }

    /// The revision of a calendar in force at a time; before the first, the first.
    pub fn calendar_at(&self, name: &str, time: Timestamp) -> Option<&CalendarInForce> {
        let mut revisions = self.calendars.iter().filter(|calendar| calendar.name == name);
        let first = revisions.clone().next();
        revisions.rfind(|calendar| calendar.from_time <= time).or(first)
    }

    /// Which calendar a client had at a time, as the registry's events tell; where they tell nothing, the one at the end.
    pub fn client_calendar_at(&self, client: &str, time: Timestamp) -> Option<String> {
        let registered = self.happened::<ClientRegistered>("client-registry").into_iter();
        let updated = self.happened::<ClientUpdated>("client-registry").into_iter();
        let told = registered
            .map(|event| (event.position, event.time, event.what.client, event.what.calendar))
            .chain(updated.map(|event| (event.position, event.time, event.what.client, event.what.calendar)))
            .filter(|(_, at, of, _)| of == client && *at <= time);
        match told.max_by_key(|(position, ..)| *position) {
            Some((.., calendar)) => Some(calendar),
            None => self.find_client(client).map(|client| client.calendar.clone()),
        }
    }

    /// A person of the firm as they stood at a time; before what is known first, as they stood first.
    pub fn staff_at(&self, name: &str, time: Timestamp) -> Option<&Staff> {
        let record = self.staff.get(name)?;
        let known = record.versions.iter().rfind(|version| version.from_time <= time).or(record.versions.first());
        Some(known.map_or(&record.staff, |version| &version.staff))
    }

    /// A contact as they stood at a time; before what is known first, as they stood first.
    pub fn contact_at(&self, name: &str, time: Timestamp) -> Option<&Contact> {
        let (client, _) = name.split_once("/contacts/")?;
        let versions = self.clients.get(client)?.contact_versions.iter().filter(|version| version.contact.name == name);
        let known = versions.clone().rfind(|version| version.from_time <= time).or(versions.clone().next());
        known.map(|version| &version.contact).or_else(|| self.find_contact(name))
    }

    /// Who stood for a client at a time.
    pub fn assignments_at(&self, client: &str, time: Timestamp) -> Option<Assignments> {
        let record = self.clients.get(client)?;
        let known = record.assignments.iter().rfind(|known| known.from_time <= time).or(record.assignments.first());
        Some(known.cloned().unwrap_or_else(|| Assignments::of(&record.client, &record.engagements, Timestamp::MIN)))
    }

    /// The engagement that a client had first, as the registry's events tell; else the first by name.
    pub fn first_engagement(&self, client: &str) -> Option<String> {
        let changed = self.happened::<AssignmentChanged>("client-registry").into_iter().map(|event| event.what);
        let mut staffed = changed.filter(|what| what.client == client && !what.engagement.is_empty());
        let first = staffed.next().map(|what| what.engagement);
        first.or_else(|| Some(self.clients.get(client)?.engagements.first()?.name.clone()))
    }

    /// The client whom a resource belongs to, where it belongs to one.
    pub fn client_of(&self, resource: &str) -> Option<String> {
        let mut parts = resource.split('/');
        let client = match (parts.next()?, parts.next()?) {
            ("clients", id) => format!("clients/{id}"),
            ("cases", _) => self.cases.get(resource)?.client.clone(),
            ("mails", _) => self.mails.get(resource)?.client.clone(),
            ("meetings", _) => self.meetings.get(resource)?.client.clone(),
            ("reports", _) => self.reports.get(resource)?.client.clone(),
            ("calls", _) => self.calls.get(resource)?.client.clone(),
            ("notifications", _) => self.notifications.get(resource)?.client.clone(),
            _ => return None,
        };
        (!client.is_empty()).then_some(client)
    }

    /// Notifications about a case, in the order in which they were queued.
    pub fn notifications_of(&self, case: &str) -> Vec<&Notification> {
        let mut found: Vec<_> = self.notifications.values().filter(|one| one.case == case).collect();
        found.sort_by_key(|one| (instant(one.queue_time.as_ref()), one.name.clone()));
        found
    }
}

/// A proto's time, where it is one.
pub fn instant(time: Option<&prost_types::Timestamp>) -> Option<Timestamp> {
    time.and_then(|time| Timestamp::new(time.seconds, time.nanos).ok())
}

/// The last segment of a resource's name.
pub fn id_of(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// Whether a principal is a person, of the firm or of a client.
pub fn is_person(principal: &str) -> bool {
    is_staff(principal) || (principal.starts_with("clients/") && principal.contains("/contacts/"))
}

/// Whether a principal is a person of the firm.
pub fn is_staff(principal: &str) -> bool {
    principal.starts_with("staff/")
}
