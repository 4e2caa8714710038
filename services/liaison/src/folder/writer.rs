use std::{
    fs,
    path::{Path, PathBuf},
};

use ::evidence::{
    AuditFile, Manifest, SignedHead, SigningKey, TimelineFile,
    chain::{Salt, content_hash},
    folder::{audit_path, timeline_path},
    hash::Hash,
    timeline_file::{Plaintext, TimelineEntry as FileEntry},
};
use business_time::Timestamp;
use contracts::{
    client_registry::v1::Policy,
    escalation::v1::{Case, ExportTimelineResponse, TimelineEntry},
    event::v1::Event,
    notification::v1::{Call, Mail, Meeting, Notification},
    reporting::v1::Report,
};
use prost::{Message, Name};
use serde::Serialize;

use super::{
    CalendarInForce, ClientRecord, Fault, FolderFault, PlacedCall, Run, StaffRecord, Step, id_of, names, proto_json,
    proto_json::List,
};

/// Writes an evidence folder, file by file; the manifest comes last and nothing after it.
#[derive(Debug)]
pub struct FolderWriter {
    folder: PathBuf,
}

impl FolderWriter {
    /// A new folder; its parents are made too.
    ///
    /// # Errors
    /// Where it holds something already, or cannot be made.
    pub fn create(folder: impl Into<PathBuf>) -> Result<Self, FolderFault> {
        let folder = folder.into();
        fs::create_dir_all(&folder).map_err(|error| unwritable("", &error))?;
        let mut inside = fs::read_dir(&folder).map_err(|error| unwritable("", &error))?;
        if inside.next().is_some() {
            return Err(FolderFault::new("", Fault::NotEmpty));
        }
        Ok(Self { folder })
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// Writes bytes as they are; `path` is relative, with `/`.
    ///
    /// # Errors
    /// The file system's.
    pub fn write_bytes(&self, path: &str, bytes: &[u8]) -> Result<(), FolderFault> {
        let file = self.folder.join(path);
        let made = file.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&file, bytes));
        made.map_err(|error| unwritable(path, &error))
    }

    /// Writes JSON, indented, with a newline at the end.
    ///
    /// # Errors
    /// Where the value has no JSON form, or the file system refuses.
    pub fn write_json<T: Serialize + ?Sized>(&self, path: &str, value: &T) -> Result<(), FolderFault> {
        let mut text = serde_json::to_vec_pretty(value).map_err(|error| unwritable(path, &error))?;
        text.push(b'\n');
        self.write_bytes(path, &text)
    }

    /// Writes protos as a JSON array.
    ///
    /// # Errors
    /// As [`Self::write_json`].
    pub fn write_protos<M: Message + Name>(&self, path: &str, messages: Vec<M>) -> Result<(), FolderFault> {
        self.write_json(path, &List(messages))
    }

    /// `run.json`.
    ///
    /// # Errors
    /// As [`Self::write_json`].
    pub fn run(&self, run: &Run) -> Result<(), FolderFault> {
        self.write_json(names::RUN, run)
    }

    /// `firm/calendars.json`, sorted by name and time.
    ///
    /// # Errors
    /// As [`Self::write_json`].
    pub fn calendars(&self, mut calendars: Vec<CalendarInForce>) -> Result<(), FolderFault> {
        calendars.sort_by(|a, b| (&a.name, a.from_time, a.revision).cmp(&(&b.name, b.from_time, b.revision)));
        self.write_json(names::CALENDARS, &calendars)
    }

    /// `firm/policies.json`, sorted by version.
    ///
    /// # Errors
    /// As [`Self::write_json`].
    pub fn policies(&self, mut policies: Vec<Policy>) -> Result<(), FolderFault> {
        policies.sort_by_key(|policy| policy.version);
        self.write_protos(names::POLICIES, policies)
    }

    /// `firm/staff.json`, sorted by name.
    ///
    /// # Errors
    /// As [`Self::write_json`].
    pub fn staff(&self, mut staff: Vec<StaffRecord>) -> Result<(), FolderFault> {
        staff.sort_by(|a, b| a.staff.name.cmp(&b.staff.name));
        self.write_json(names::STAFF, &staff)
    }

    /// `firm/clients.json`, sorted by name.
    ///
    /// # Errors
    /// As [`Self::write_json`].
    pub fn clients(&self, mut clients: Vec<ClientRecord>) -> Result<(), FolderFault> {
        for record in &mut clients {
            record.engagements.sort_by(|a, b| a.name.cmp(&b.name));
            record.contacts.sort_by(|a, b| a.name.cmp(&b.name));
            record.contact_versions.sort_by(|a, b| (&a.contact.name, a.from_time).cmp(&(&b.contact.name, b.from_time)));
        }
        clients.sort_by(|a, b| a.client.name.cmp(&b.client.name));
        self.write_json(names::CLIENTS, &clients)
    }

    /// `cases.json`, sorted by name.
    ///
    /// # Errors
    /// As [`Self::write_json`].
    pub fn cases(&self, mut cases: Vec<Case>) -> Result<(), FolderFault> {
        cases.sort_by(|a, b| a.name.cmp(&b.name));
        self.write_protos(names::CASES, cases)
    }

    /// A case's timeline as escalation exported it.
    ///
    /// # Errors
    /// Where it is in no form that escalation exports, or the file system refuses.
    pub fn timeline(&self, exported: &ExportTimelineResponse) -> Result<(), FolderFault> {
        let path = timeline_path(&exported.case);
        let wrong = |why: &str| FolderFault::new(&path, Fault::Unwritable(why.to_owned()));
        let mut file = TimelineFile::new(&exported.case);
        for chained in &exported.entries {
            let salt = Salt::try_new(chained.salt.as_slice()).map_err(|error| wrong(&error.to_string()))?;
            let hash = Hash::from_slice(&chained.hash).ok_or_else(|| wrong("a hash is not 32 bytes long"))?;
            let entry = TimelineEntry::decode(chained.entry.as_slice()).map_err(|error| wrong(&error.to_string()))?;
            let readable = proto_json::to_value(&entry).map_err(|error| wrong(&error.to_string()))?;
            file.push(FileEntry {
                sequence: chained.sequence,
                content: content_hash(&salt, &chained.entry),
                salt: Some(salt),
                plaintext: Some(Plaintext(chained.entry.clone())),
                readable: Some(readable),
                hash,
            });
        }
        self.write_json(&path, &file)
    }

    /// A service's audit.
    ///
    /// # Errors
    /// As [`Self::write_json`].
    pub fn audit(&self, audit: &AuditFile) -> Result<(), FolderFault> {
        self.write_json(&audit_path(&audit.service), audit)
    }

    /// A service's events, in order.
    ///
    /// # Errors
    /// As [`Self::write_json`].
    pub fn events(&self, service: &str, events: Vec<Event>) -> Result<(), FolderFault> {
        self.write_protos(&format!("{}/{service}.json", names::EVENTS), events)
    }

    /// `notifications.json`, sorted by name.
    ///
    /// # Errors
    /// As [`Self::write_json`].
    pub fn notifications(&self, mut notifications: Vec<Notification>) -> Result<(), FolderFault> {
        notifications.sort_by(|a, b| a.name.cmp(&b.name));
        self.write_protos(names::NOTIFICATIONS, notifications)
    }

    /// `meetings.json`, sorted by name.
    ///
    /// # Errors
    /// As [`Self::write_json`].
    pub fn meetings(&self, mut meetings: Vec<Meeting>) -> Result<(), FolderFault> {
        meetings.sort_by(|a, b| a.name.cmp(&b.name));
        self.write_protos(names::MEETINGS, meetings)
    }

    /// `reports.json`, sorted by name.
    ///
    /// # Errors
    /// As [`Self::write_json`].
    pub fn reports(&self, mut reports: Vec<Report>) -> Result<(), FolderFault> {
        reports.sort_by(|a, b| a.name.cmp(&b.name));
        self.write_protos(names::REPORTS, reports)
    }

    /// `calls.json`, sorted by name.
    ///
    /// # Errors
    /// As [`Self::write_json`].
    pub fn calls(&self, mut calls: Vec<Call>) -> Result<(), FolderFault> {
        calls.sort_by(|a, b| a.name.cmp(&b.name));
        self.write_protos(names::CALLS, calls)
    }

    /// A call that was placed.
    ///
    /// # Errors
    /// As [`Self::write_json`].
    pub fn call_out(&self, call: &PlacedCall) -> Result<(), FolderFault> {
        self.write_json(&format!("{}/{}.json", names::CALLS_OUT, id_of(&call.call)), call)
    }

    /// `mails.json`, sorted by name.
    ///
    /// # Errors
    /// As [`Self::write_json`].
    pub fn mails(&self, mut mails: Vec<Mail>) -> Result<(), FolderFault> {
        mails.sort_by(|a, b| a.name.cmp(&b.name));
        self.write_protos(names::MAILS, mails)
    }

    /// A mail that was delivered, the `number`th, and gives its path for [`Step::mail_file`].
    ///
    /// # Errors
    /// The file system's.
    pub fn mail_in(&self, number: usize, name: &str, raw: &[u8]) -> Result<String, FolderFault> {
        let path = format!("{}/{number:02}-{}.eml", names::MAILS_IN, name.trim_end_matches(".eml"));
        self.write_bytes(&path, raw)?;
        Ok(path)
    }

    /// A mail that left for `notifications/{notification}`; every further one for the same is kept beside it.
    ///
    /// # Errors
    /// The file system's.
    pub fn mail_out(&self, notification: &str, raw: &[u8]) -> Result<(), FolderFault> {
        let path = |copy: u32| match copy {
            1 => format!("{}/{}.eml", names::MAILS_OUT, id_of(notification)),
            more => format!("{}/{}.{more}.eml", names::MAILS_OUT, id_of(notification)),
        };
        let free = (1..).find(|copy| !self.folder.join(path(*copy)).exists()).unwrap_or(u32::MAX);
        self.write_bytes(&path(free), raw)
    }

    /// `story.json`.
    ///
    /// # Errors
    /// As [`Self::write_json`].
    pub fn story(&self, steps: &[Step]) -> Result<(), FolderFault> {
        self.write_json(names::STORY, steps)
    }

    /// `index.html`.
    ///
    /// # Errors
    /// The file system's.
    pub fn index(&self, html: &str) -> Result<(), FolderFault> {
        self.write_bytes(names::INDEX, html.as_bytes())
    }

    /// Writes the manifest, without a head.
    ///
    /// # Errors
    /// Where a file cannot be read again or the manifest cannot be written.
    pub fn finish(self) -> Result<Manifest, FolderFault> {
        let manifest = Manifest::of(&self.folder).map_err(|finding| unwritable(&finding.path, &finding.what))?;
        manifest.write(&self.folder).map_err(|error| unwritable(::evidence::manifest::FILE_NAME, &error))?;
        Ok(manifest)
    }

    /// Verifies every chain, writes the manifest, signs the head and writes it beside the folder
    /// ([`super::head_path`]).
    ///
    /// # Errors
    /// Where a timeline or audit does not hold, or the file system refuses.
    pub fn seal(self, made_time: Timestamp, trial: bool, key: &SigningKey) -> Result<SignedHead, FolderFault> {
        let head = ::evidence::folder::seal(&self.folder, made_time, trial, key)
            .map_err(|fault| FolderFault::new("", Fault::Unwritable(fault.to_string())))?;
        let beside = super::head_path(&self.folder);
        head.write(&beside).map_err(|error| unwritable(&beside.display().to_string(), &error))?;
        Ok(head)
    }
}

fn unwritable(path: &str, error: &dyn std::fmt::Display) -> FolderFault {
    FolderFault::new(path, Fault::Unwritable(error.to_string()))
}
