use std::{
    collections::BTreeMap,
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use ::evidence::{
    AuditFile, TimelineFile,
    folder::{TIMELINES, audit_path, timeline_path},
};
use contracts::{escalation::v1::TimelineEntry, event::v1::Event};
use prost::{Message, Name};
use serde::de::DeserializeOwned;

use super::{Eml, Evidence, Fault, FolderFault, PlacedCall, Run, SERVICES, Timeline, names, proto_json::List};

/// An evidence folder on disk.
#[derive(Clone, Debug)]
pub struct Folder {
    folder: PathBuf,
}

impl Folder {
    /// Reads all of a folder but its manifest and `index.html`. Verifies no hash: that is
    /// [`crate::judge::verify`]'s.
    ///
    /// # Errors
    /// The first file that is missing, unreadable or not in its form.
    pub fn read(folder: &Path) -> Result<Evidence, FolderFault> {
        Self { folder: folder.to_owned() }.evidence()
    }

    fn evidence(&self) -> Result<Evidence, FolderFault> {
        let run: Run = self.json(names::RUN)?;
        if run.format != Run::FORMAT {
            let what = format!("format {} is not known to this release", run.format);
            return Err(FolderFault::new(names::RUN, Fault::Wrong(what)));
        }
        let mut evidence = Evidence {
            run,
            calendars: self.json(names::CALENDARS)?,
            policies: self.protos(names::POLICIES)?,
            staff: by_name(names::STAFF, self.json(names::STAFF)?, |record: &super::StaffRecord| &record.staff.name)?,
            clients: by_name(names::CLIENTS, self.json(names::CLIENTS)?, |record: &super::ClientRecord| {
                &record.client.name
            })?,
            cases: by_name(names::CASES, self.protos(names::CASES)?, |case: &contracts::escalation::v1::Case| {
                &case.name
            })?,
            timelines: BTreeMap::new(),
            audits: BTreeMap::new(),
            events: BTreeMap::new(),
            notifications: by_name(
                names::NOTIFICATIONS,
                self.protos(names::NOTIFICATIONS)?,
                |one: &contracts::notification::v1::Notification| &one.name,
            )?,
            mails: by_name(names::MAILS, self.protos(names::MAILS)?, |mail: &contracts::notification::v1::Mail| {
                &mail.name
            })?,
            mails_in: Vec::new(),
            mails_out: BTreeMap::new(),
            further_copies: Vec::new(),
            meetings: BTreeMap::new(),
            calls: BTreeMap::new(),
            calls_out: BTreeMap::new(),
            reports: by_name(
                names::REPORTS,
                self.protos(names::REPORTS)?,
                |one: &contracts::reporting::v1::Report| &one.name,
            )?,
            story: self.json(names::STORY)?,
        };
        // A folder from before there were calls has none.
        if self.folder.join(names::CALLS).is_file() {
            let calls = self.protos(names::CALLS)?;
            evidence.calls = by_name(names::CALLS, calls, |call: &contracts::notification::v1::Call| &call.name)?;
        }
        // Likewise of meetings.
        if self.folder.join(names::MEETINGS).is_file() {
            let all = self.protos(names::MEETINGS)?;
            evidence.meetings = by_name(names::MEETINGS, all, |one: &contracts::notification::v1::Meeting| &one.name)?;
        }
        evidence.calendars.sort_by(|a, b| (&a.name, a.from_time, a.revision).cmp(&(&b.name, b.from_time, b.revision)));
        evidence.policies.sort_by_key(|policy| policy.version);
        for case in evidence.cases.keys() {
            let path = timeline_path(case);
            if !self.folder.join(&path).is_file() {
                return Err(FolderFault::new(path, Fault::Missing));
            }
        }
        for path in self.list(TIMELINES, "json")? {
            let timeline = self.timeline(path)?;
            evidence.timelines.insert(timeline.file.case.clone(), timeline);
        }
        for service in SERVICES {
            let path = audit_path(service);
            let audit: AuditFile = self.json(&path)?;
            evidence.audits.insert(service.to_owned(), audit);
            let path = format!("{}/{service}.json", names::EVENTS);
            let events: Vec<Event> = self.protos(&path)?;
            evidence.events.insert(service.to_owned(), events);
        }
        for path in self.list(names::MAILS_IN, "eml")? {
            let raw = self.bytes(&path)?;
            evidence.mails_in.push(Eml::parse(path, &raw));
        }
        for path in self.list(names::MAILS_OUT, "eml")? {
            let raw = self.bytes(&path)?;
            let stem = path.rsplit('/').next().unwrap_or_default().trim_end_matches(".eml");
            let mail = Eml::parse(path.clone(), &raw);
            match stem.split_once('.') {
                None => drop(evidence.mails_out.insert(format!("notifications/{stem}"), mail)),
                Some((id, _)) => evidence.further_copies.push((format!("notifications/{id}"), mail)),
            }
        }
        for path in self.list(names::CALLS_OUT, "json")? {
            let call: PlacedCall = self.json(&path)?;
            let stem = path.rsplit('/').next().unwrap_or_default().trim_end_matches(".json");
            evidence.calls_out.insert(format!("calls/{stem}"), call);
        }
        Ok(evidence)
    }

    fn timeline(&self, path: String) -> Result<Timeline, FolderFault> {
        let file: TimelineFile = self.json(&path)?;
        let mut entries = Vec::new();
        for entry in &file.entries {
            let Some(bytes) = entry.bytes() else { continue };
            let decoded = TimelineEntry::decode(bytes)
                .map_err(|error| FolderFault::new(&path, Fault::Wrong(format!("entry {}: {error}", entry.sequence))))?;
            entries.push(decoded);
        }
        Ok(Timeline { path, file, entries })
    }

    fn bytes(&self, path: &str) -> Result<Vec<u8>, FolderFault> {
        fs::read(self.folder.join(path)).map_err(|error| match error.kind() {
            ErrorKind::NotFound => FolderFault::new(path, Fault::Missing),
            _ => FolderFault::new(path, Fault::Unreadable(error.to_string())),
        })
    }

    fn json<T: DeserializeOwned>(&self, path: &str) -> Result<T, FolderFault> {
        let bytes = self.bytes(path)?;
        serde_json::from_slice(&bytes).map_err(|error| FolderFault::new(path, Fault::Wrong(error.to_string())))
    }

    fn protos<M: Message + Name + Default>(&self, path: &str) -> Result<Vec<M>, FolderFault> {
        self.json::<List<M>>(path).map(|list| list.0)
    }

    /// Files with this ending directly in a folder, sorted; none where the folder is not there.
    fn list(&self, inside: &str, ending: &str) -> Result<Vec<String>, FolderFault> {
        let unreadable = |error: std::io::Error| FolderFault::new(inside, Fault::Unreadable(error.to_string()));
        let mut found = Vec::new();
        let entries = match fs::read_dir(self.folder.join(inside)) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(found),
            entries => entries.map_err(unreadable)?,
        };
        for entry in entries {
            let name = entry.map_err(unreadable)?.file_name();
            let Some(name) = name.to_str() else { continue };
            if name.rsplit_once('.').is_some_and(|(_, end)| end == ending) {
                found.push(format!("{inside}/{name}"));
            }
        }
        found.sort();
        Ok(found)
    }
}

fn by_name<T>(path: &str, list: Vec<T>, name: impl Fn(&T) -> &String) -> Result<BTreeMap<String, T>, FolderFault> {
    let mut found = BTreeMap::new();
    for one in list {
        let key = name(&one).clone();
        if found.contains_key(&key) {
            return Err(FolderFault::new(path, Fault::Wrong(format!("{key} stands twice"))));
        }
        found.insert(key, one);
    }
    Ok(found)
}
