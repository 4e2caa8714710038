//! An evidence folder on disk under somebody's hands: read a file, change it, put it back with every hash recomputed.

use std::{
    fs,
    path::{Path, PathBuf},
};

use ::evidence::{
    AuditFile, SignedHead, SigningKey, TimelineFile,
    audit_file::FileRow,
    chain::{Head, content_hash},
    timeline_file::{Plaintext, TimelineEntry as FileEntry},
};
use contracts::{
    escalation::v1::TimelineEntry,
    event::v1::Event,
    notification::v1::{Notification, NotificationKind},
};
use liaison::folder::{Evidence, Folder, id_of, names, proto_json::List};
use prost::{Message, Name};
use serde::{Serialize, de::DeserializeOwned};

use crate::world::{link, sealed};

pub struct Bench {
    pub folder: PathBuf,
}

impl Bench {
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    pub fn evidence(&self) -> Evidence {
        Folder::read(&self.folder).unwrap()
    }

    /// Manifest and head once more, with this key.
    pub fn sign(&self, key: &SigningKey) -> SignedHead {
        ::evidence::folder::seal(&self.folder, self.evidence().run.end_time, true, key).unwrap()
    }

    pub fn get<T: DeserializeOwned>(&self, path: &str) -> T {
        serde_json::from_slice(&fs::read(self.folder.join(path)).unwrap()).unwrap()
    }

    pub fn put<T: Serialize>(&self, path: &str, value: &T) {
        fs::write(self.folder.join(path), serde_json::to_vec_pretty(value).unwrap()).unwrap();
    }

    /// Changes a JSON file of any form.
    pub fn change<T: DeserializeOwned + Serialize>(&self, path: &str, change: impl FnOnce(&mut T)) {
        let mut value = self.get(path);
        change(&mut value);
        self.put(path, &value);
    }

    /// Changes a list of protos.
    pub fn protos<M: Message + Name + Default>(&self, path: &str, change: impl FnOnce(&mut Vec<M>)) {
        self.change::<List<M>>(path, |list| change(&mut list.0));
    }

    /// Changes the entries of a case's timeline and chains them anew.
    pub fn timeline(&self, case: &str, change: impl FnOnce(&mut Vec<TimelineEntry>)) {
        let path = ::evidence::folder::timeline_path(case);
        let old = TimelineFile::read(&self.folder.join(&path)).unwrap();
        let mut entries: Vec<_> =
            old.entries.iter().map(|entry| TimelineEntry::decode(entry.bytes().unwrap()).unwrap()).collect();
        change(&mut entries);
        let mut head = Head::EMPTY;
        let mut new = TimelineFile::new(case);
        for mut entry in entries {
            entry.sequence = head.count + 1;
            let bytes = entry.encode_to_vec();
            let appended = head.append(case, &bytes).unwrap();
            head = appended.head();
            new.push(FileEntry {
                sequence: appended.sequence,
                content: content_hash(&appended.salt, &bytes),
                salt: Some(appended.salt),
                plaintext: Some(Plaintext(bytes)),
                readable: None,
                hash: appended.hash,
            });
        }
        new.write(&self.folder.join(path)).unwrap();
    }

    /// Changes a service's events and links them anew.
    pub fn events(&self, service: &str, change: impl FnOnce(&mut Vec<Event>)) {
        self.protos(&format!("{}/{service}.json", names::EVENTS), |events| {
            change(events);
            link(events);
        });
    }

    /// Takes the first event of type `M` away that fits.
    pub fn drop_event<M: Message + Name + Default>(&self, service: &str, fits: impl Fn(&M) -> bool) {
        self.change_event(service, fits, |_: &mut M| false);
    }

    /// Changes the first event of type `M` that fits; it is taken away where `change` says false.
    pub fn change_event<M: Message + Name + Default>(
        &self,
        service: &str,
        fits: impl Fn(&M) -> bool,
        change: impl FnOnce(&mut M) -> bool,
    ) {
        self.events(service, |events| {
            let decode = |event: &Event| {
                let payload = event.payload.as_ref()?;
                let name = payload.type_url.rsplit('/').next()?;
                (name == M::full_name()).then(|| M::decode(payload.value.as_slice()).ok()).flatten()
            };
            let found = events.iter().position(|event| decode(event).is_some_and(|what| fits(&what)));
            let Some(index) = found else { return };
            let mut what = decode(&events[index]).unwrap();
            if change(&mut what) {
                events[index].payload = Some(prost_types::Any { type_url: M::type_url(), value: what.encode_to_vec() });
            } else {
                events.remove(index);
            }
        });
    }

    /// Changes the rows of a service's audit and seals them anew.
    pub fn audit(&self, service: &str, change: impl FnOnce(&mut Vec<FileRow>)) {
        let path = self.folder.join(::evidence::folder::audit_path(service));
        let mut rows: Vec<_> = AuditFile::read(&path).unwrap().rows().cloned().collect();
        change(&mut rows);
        sealed(service, rows).write(&path).unwrap();
    }

    /// Changes a file's text.
    pub fn text(&self, path: &str, change: impl FnOnce(String) -> String) {
        let file = self.folder.join(path);
        let text = fs::read_to_string(&file).unwrap();
        fs::write(file, change(text)).unwrap();
    }

    /// The raw mail that left for a notification.
    pub fn mail_out(notification: &str) -> String {
        format!("{}/{}.eml", names::MAILS_OUT, id_of(notification))
    }

    /// Sends a notification to others, consistently: in its record, its mail, its event and its timeline entry.
    pub fn send_to(&self, notification: &Notification, recipients: &[&str], stand_ins_for: &[&str]) {
        let evidence = self.evidence();
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let (people, absent) = (owned(recipients), owned(stand_ins_for));
        let emails: Vec<_> = recipients
            .iter()
            .map(|person| match evidence.find_staff(person) {
                Some(staff) => staff.email.clone(),
                None => evidence.find_contact(person).unwrap().email.clone(),
            })
            .collect();
        self.protos::<Notification>(names::NOTIFICATIONS, |all| {
            let one = all.iter_mut().find(|one| one.name == notification.name).unwrap();
            (one.recipients, one.stand_ins_for) = (people.clone(), absent.clone());
        });
        self.text(&Self::mail_out(&notification.name), |text| set_header(&text, "To", &emails.join(", ")));
        self.change_event::<contracts::notification::v1::DeliverySucceeded>(
            "notification",
            |event| event.notification == notification.name,
            |event| {
                (event.recipients, event.stand_ins_for) = (people.clone(), absent.clone());
                true
            },
        );
        self.audit("client-registry", |rows| {
            for row in rows.iter_mut().filter(|row| row.resources.contains(&notification.name)) {
                row.resources.extend(people.iter().cloned());
            }
        });
        if !notification.case.is_empty() {
            self.timeline(&notification.case, |entries| {
                let told = entries.iter_mut().filter(|entry| entry.references.contains(&notification.name));
                for entry in told {
                    (entry.people, entry.stand_ins_for) = (people.clone(), absent.clone());
                }
            });
        }
    }
}

/// The first notification of a kind that fits, by name.
pub fn notification(
    evidence: &Evidence,
    kind: NotificationKind,
    fits: impl Fn(&Notification) -> bool,
) -> Option<Notification> {
    evidence.notifications.values().find(|one| one.kind() == kind && fits(one)).cloned()
}

/// Replaces a header of a raw mail.
pub fn set_header(raw: &str, name: &str, value: &str) -> String {
    let (head, body) = raw.split_once("\r\n\r\n").unwrap();
    let mut lines: Vec<String> = Vec::new();
    let mut inside = false;
    for line in head.split("\r\n") {
        if inside && line.starts_with([' ', '\t']) {
            continue;
        }
        inside = line.to_ascii_lowercase().starts_with(&format!("{}:", name.to_ascii_lowercase()));
        if !inside {
            lines.push(line.to_owned());
        }
    }
    lines.push(format!("{name}: {value}"));
    format!("{}\r\n\r\n{body}", lines.join("\r\n"))
}
