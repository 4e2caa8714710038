//! What a folder is made of, put together by hand: the judge's own code computes nothing here, and due times are written
//! down as a person would read them off a calendar.

use std::{collections::BTreeMap, path::Path};

use ::evidence::{
    SigningKey,
    audit_file::{AuditFile, FileOutcome, FileRow},
    chain::Head,
};
use business_time::{CalendarSpec, Timestamp, WeekHours, Weekday, holidays_version, tzdb_version};
use contracts::{
    client_registry::v1::Policy,
    escalation::v1::{Case, ChainedEntry, ClockKind, ExportTimelineResponse, Provenance, TimelineEntry, TimelineKind},
    event::v1::Event,
    notification::v1::{
        Call, DeliverySucceeded, Mail, MailKind, MailState, Meeting, Notification, NotificationKind, NotificationState,
        SenderCheck,
    },
    reporting::v1::Report,
};
use liaison::folder::{
    CalendarInForce, ClientRecord, Expectation, FolderWriter, Outcome, PlacedCall, Refused, Run, StaffRecord, Step,
    head_path,
};
use prost::{Message, Name};
use serde_json::{Value, json};

use crate::audit_hash;

pub const DELIVER: &str = "liaison.notification.v1.InboundService/DeliverMail";
pub const AUTHORIZE: &str = "liaison.client_registry.v1.ConsentService/AuthorizeSend";

/// Whoever signs the true folder.
pub fn key() -> SigningKey {
    SigningKey::from_seed(&[7; 32]).unwrap()
}

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// As protobuf has it.
pub fn ts(text: &str) -> prost_types::Timestamp {
    proto(at(text))
}

pub fn proto(time: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: time.as_second(), nanos: time.subsec_nanosecond() }
}

pub struct World {
    pub run: Run,
    pub calendars: Vec<CalendarInForce>,
    pub policies: Vec<Policy>,
    pub staff: Vec<StaffRecord>,
    pub clients: Vec<ClientRecord>,
    pub cases: Vec<Case>,
    pub entries: BTreeMap<String, Vec<TimelineEntry>>,
    pub events: BTreeMap<&'static str, Vec<Event>>,
    pub audits: BTreeMap<&'static str, Vec<FileRow>>,
    pub notifications: Vec<Notification>,
    pub mails: Vec<Mail>,
    pub meetings: Vec<Meeting>,
    pub mails_in: Vec<(String, String)>,
    pub mails_out: Vec<(String, String)>,
    pub calls: Vec<Call>,
    pub calls_out: Vec<PlacedCall>,
    pub reports: Vec<Report>,
    pub story: Vec<Step>,
}

/// A mail that comes in.
pub struct Letter<'a> {
    pub file: &'a str,
    pub from: &'a str,
    pub subject: &'a str,
    pub text: &'a str,
    pub received: &'a str,
    pub dmarc: &'a str,
    pub extra: &'a str,
}

/// A mail that goes out.
pub struct Sent<'a> {
    pub kind: NotificationKind,
    pub case: &'a str,
    pub client: &'a str,
    /// Empty where it is generated.
    pub author: &'a str,
    pub audience: &'a str,
    pub recipients: &'a [&'a str],
    pub stand_ins_for: &'a [&'a str],
    pub subject: &'a str,
    pub text: &'a str,
    pub when: &'a str,
}

impl World {
    pub fn new(start: &str, end: &str) -> Self {
        Self {
            run: Run {
                format: Run::FORMAT,
                scenario: "harbour".to_owned(),
                description: "Two weeks over Easter at a small accounting firm.".to_owned(),
                trial: true,
                start_time: at(start),
                end_time: at(end),
                product_version: "0.1.0".to_owned(),
                tzdb_version: tzdb_version().to_owned(),
                holidays_version: holidays_version().to_owned(),
            },
            calendars: Vec::new(),
            policies: Vec::new(),
            staff: Vec::new(),
            clients: Vec::new(),
            cases: Vec::new(),
            entries: BTreeMap::new(),
            events: BTreeMap::from([
                ("client-registry", vec![]),
                ("escalation", vec![]),
                ("notification", vec![]),
                ("reporting", vec![]),
            ]),
            audits: BTreeMap::from([
                ("client-registry", vec![]),
                ("escalation", vec![]),
                ("notification", vec![]),
                ("reporting", vec![]),
            ]),
            notifications: Vec::new(),
            mails: Vec::new(),
            meetings: Vec::new(),
            mails_in: Vec::new(),
            mails_out: Vec::new(),
            calls: Vec::new(),
            calls_out: Vec::new(),
            reports: Vec::new(),
            story: Vec::new(),
        }
    }

    pub fn calendar(&mut self, id: &str, zone: &str, hours: (&str, &str), region: &str) {
        let week = Weekday::ALL[..5].iter().map(|day| WeekHours {
            day: *day,
            open: hours.0.to_owned(),
            close: hours.1.to_owned(),
        });
        self.calendars.push(CalendarInForce {
            name: format!("calendars/{id}"),
            revision: 1,
            from_time: self.run.start_time,
            spec: CalendarSpec {
                id: id.to_owned(),
                revision: 1,
                time_zone: zone.to_owned(),
                week: week.collect(),
                holidays: vec![region.to_owned()],
                closures: Vec::new(),
                openings: Vec::new(),
            },
        });
    }

    /// An entry; `change` fills what belongs to its kind.
    pub fn entry(
        &mut self,
        case: &str,
        kind: TimelineKind,
        when: &str,
        actor: &str,
        change: impl FnOnce(&mut TimelineEntry),
    ) {
        let mut entry = TimelineEntry {
            case: case.to_owned(),
            record_time: Some(ts(when)),
            occur_time: Some(ts(when)),
            actor: actor.to_owned(),
            kind: kind.into(),
            policy_version: 1,
            ..TimelineEntry::default()
        };
        change(&mut entry);
        self.entries.entry(case.to_owned()).or_default().push(entry);
    }

    /// CLOCK_SET with what it rests on; for the resolution clock on nothing.
    pub fn clock(&mut self, case: &str, clock: ClockKind, when: &str, due: &str, calendar: &str) {
        let rests_on = Provenance {
            calendar: calendar.to_owned(),
            calendar_revision: 1,
            tzdb_version: tzdb_version().to_owned(),
            holidays_version: holidays_version().to_owned(),
        };
        self.entry(case, TimelineKind::ClockSet, when, "timer", |entry| {
            entry.clock = clock.into();
            entry.due_time = Some(ts(due));
            entry.provenance = (clock == ClockKind::FirstResponse).then_some(rests_on);
        });
    }

    pub fn event<M: Message + Name>(&mut self, service: &'static str, aggregate: &str, when: &str, event: &M) {
        let stream = self.events.get_mut(service).unwrap();
        stream.push(Event {
            id: format!("{service}-{:04}", stream.len() + 1),
            service: service.to_owned(),
            incarnation: 1,
            aggregate: aggregate.to_owned(),
            revision: stream.len() as u64 + 1,
            time: Some(ts(when)),
            payload: Some(prost_types::Any { type_url: M::type_url(), value: event.encode_to_vec() }),
            ..Event::default()
        });
    }

    pub fn audit(
        &mut self,
        service: &'static str,
        when: &str,
        actor: &str,
        action: &str,
        resources: &[&str],
        (outcome, reason): (FileOutcome, &str),
    ) {
        self.audits.get_mut(service).unwrap().push(FileRow {
            number: 0,
            time: at(when),
            actor: actor.to_owned(),
            action: action.to_owned(),
            resources: resources.iter().map(|name| (*name).to_owned()).collect(),
            outcome,
            reason: reason.to_owned(),
        });
    }

    /// A file is handed over by the firm's mail server, in the moment in which it was received.
    pub fn hand_over(&mut self, file: &str, received: &str) {
        let id = file.split_once('-').map_or(file, |(_, rest)| rest).trim_end_matches("-twice");
        self.audit(
            "notification",
            received,
            "services/intake",
            DELIVER,
            &[&format!("mails/{id}")],
            (FileOutcome::Done, ""),
        );
        let outcome = Outcome::Answer(json!({ "mail": { "name": format!("mails/{id}") } }));
        let step = self.step(received, "services/intake", DELIVER, json!({ "receiveTime": received }), outcome);
        step.mail_file = Some(format!("mails-in/{file}.eml"));
    }

    /// Hands a mail over and gives what was made of it, for the caller to attribute; a second delivery of it makes none.
    pub fn letter(&mut self, letter: &Letter<'_>) -> &mut Mail {
        let id = letter.file.split_once('-').map_or(letter.file, |(_, rest)| rest).to_owned();
        let date =
            jiff::fmt::rfc2822::to_string(&at(letter.received).to_zoned_datetime(jiff::tz::TimeZone::UTC)).unwrap();
        let domain = letter.from.rsplit_once('@').unwrap().1.trim_end_matches('>');
        let raw = format!(
            "Authentication-Results: mx.harbour.example; dmarc={} header.from={domain}\r\n{}From: {}\r\nTo: Harbour & Lane \
             <service@harbour.example>\r\nSubject: {}\r\nDate: {date}\r\nMessage-ID: <{id}@mail.example>\r\n\
             Content-Type: text/plain; charset=utf-8\r\n\r\n{}\r\n",
            letter.dmarc, letter.extra, letter.from, letter.subject, letter.text,
        );
        self.mails_in.push((letter.file.to_owned(), raw));
        self.hand_over(letter.file, letter.received);
        self.mails.push(Mail {
            name: format!("mails/{id}"),
            state: MailState::Attributed.into(),
            kind: MailKind::Personal.into(),
            thread: format!("thread-{id}"),
            receive_time: Some(ts(letter.received)),
            record_time: Some(proto(at(letter.received) + jiff::SignedDuration::from_secs(20))),
            from: letter.from.to_owned(),
            subject: letter.subject.to_owned(),
            text: letter.text.to_owned(),
            message_id: format!("{id}@mail.example"),
            sender_check: SenderCheck::Passed.into(),
            revision: 1,
            ..Mail::default()
        });
        self.mails.last_mut().unwrap()
    }

    fn email(&self, person: &str) -> String {
        let staff = self.staff.iter().find(|one| one.staff.name == person).map(|one| one.staff.email.clone());
        let contact = || {
            let contacts = self.clients.iter().flat_map(|client| &client.contacts);
            contacts.clone().find(|contact| contact.name == person).map(|contact| contact.email.clone())
        };
        staff.or_else(contact).unwrap()
    }

    /// A mail that leaves: the notification, its file, the event, and the timeline's entry. Gives its name.
    pub fn send(&mut self, sent: &Sent<'_>) -> String {
        let id = format!("n{:02}", self.notifications.len() + 1);
        let name = format!("notifications/{id}");
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let message_id = format!("{id}@harbour.example");
        let from = if sent.author.is_empty() { "service@harbour.example".to_owned() } else { self.email(sent.author) };
        let to: Vec<_> = sent.recipients.iter().map(|person| format!("<{}>", self.email(person))).collect();
        let automatic = if sent.author.is_empty() { "Auto-Submitted: auto-generated\r\n" } else { "" };
        let kind = sent.kind.as_str_name().trim_start_matches("NOTIFICATION_KIND_");
        let case = sent.case.strip_prefix("cases/").unwrap_or_default();
        self.mails_out.push((
            id.clone(),
            format!(
                "From: Harbour & Lane <{from}>\r\nTo: {}\r\nSubject: {}\r\nMessage-ID: <{message_id}>\r\n\
                 X-Liaison-Notification: {id}\r\nX-Liaison-Kind: {kind}\r\nX-Liaison-Case: {case}\r\n{automatic}\
                 Content-Type: text/plain; charset=utf-8\r\n\r\n{}\r\n",
                to.join(", "),
                sent.subject,
                sent.text,
            ),
        ));
        let about_mail = sent.case.starts_with("mails/");
        let case = if about_mail { "" } else { sent.case };
        self.notifications.push(Notification {
            name: name.clone(),
            kind: sent.kind.into(),
            state: NotificationState::HandedOver.into(),
            client: sent.client.to_owned(),
            case: case.to_owned(),
            author: sent.author.to_owned(),
            audience: sent.audience.to_owned(),
            recipients: owned(sent.recipients),
            stand_ins_for: owned(sent.stand_ins_for),
            subject: sent.subject.to_owned(),
            text: sent.text.to_owned(),
            message_id,
            queue_time: Some(ts(sent.when)),
            hand_over_time: Some(ts(sent.when)),
            attempts: 1,
            revision: 2,
            mail: if about_mail { sent.case.to_owned() } else { String::new() },
            ..Notification::default()
        });
        self.event(
            "notification",
            &name,
            sent.when,
            &DeliverySucceeded {
                notification: name.clone(),
                kind: sent.kind.into(),
                client: sent.client.to_owned(),
                case: case.to_owned(),
                author: sent.author.to_owned(),
                recipients: owned(sent.recipients),
                stand_ins_for: owned(sent.stand_ins_for),
                hand_over_time: Some(ts(sent.when)),
                ..DeliverySucceeded::default()
            },
        );
        let permitted = ["notifications/".to_owned() + &id].into_iter().chain(owned(sent.recipients));
        let permitted: Vec<_> = permitted.collect();
        let permitted: Vec<&str> = permitted.iter().map(String::as_str).collect();
        self.audit(
            "client-registry",
            sent.when,
            "services/notification",
            AUTHORIZE,
            &permitted,
            (FileOutcome::Done, ""),
        );
        if !about_mail {
            let kind = match sent.kind {
                NotificationKind::Reply | NotificationKind::IncidentUpdate => TimelineKind::Responded,
                NotificationKind::AutoAcknowledgement | NotificationKind::Acknowledgement => {
                    TimelineKind::AcknowledgementSent
                }
                _ => TimelineKind::Told,
            };
            self.entry(case, kind, sent.when, "services/notification", |entry| {
                entry.people = owned(sent.recipients);
                entry.stand_ins_for = owned(sent.stand_ins_for);
                entry.references = vec![name.clone()];
            });
        }
        name
    }

    pub fn step(&mut self, when: &str, who: &str, rpc: &str, request: Value, outcome: Outcome) -> &mut Step {
        let number = self.story.len() as u32 + 1;
        let (expected, refused) = match &outcome {
            Outcome::Refused(refused) => (format!("refused with {}", refused.reason), Some(refused.reason.clone())),
            _ => ("an answer".to_owned(), None),
        };
        self.story.push(Step {
            number,
            file: "story.toml".to_owned(),
            line: number * 8,
            title: String::new(),
            at: at(when),
            who: who.to_owned(),
            rpc: rpc.to_owned(),
            request,
            expect: Expectation { refused, ..Expectation::default() },
            expected,
            outcome,
            as_expected: true,
            mail_file: None,
        });
        self.story.last_mut().unwrap()
    }

    /// Writes all of it and signs it; gives the head's path.
    pub fn write(mut self, folder: &Path) -> std::path::PathBuf {
        let writer = FolderWriter::create(folder).unwrap();
        writer.run(&self.run).unwrap();
        writer.calendars(self.calendars).unwrap();
        writer.policies(self.policies).unwrap();
        writer.staff(self.staff).unwrap();
        writer.clients(self.clients).unwrap();
        writer.cases(self.cases).unwrap();
        for (case, entries) in &mut self.entries {
            entries.sort_by_key(|entry| entry.record_time.map(|time| (time.seconds, time.nanos)));
            writer.timeline(&chained(case, entries)).unwrap();
        }
        for (service, mut events) in self.events {
            link(&mut events);
            writer.events(service, events).unwrap();
        }
        for (service, mut rows) in self.audits {
            rows.sort_by_key(|row| row.time);
            writer.audit(&sealed(service, rows)).unwrap();
        }
        writer.notifications(self.notifications).unwrap();
        writer.mails(self.mails).unwrap();
        writer.meetings(self.meetings).unwrap();
        writer.reports(self.reports).unwrap();
        for (file, raw) in &self.mails_in {
            writer.write_bytes(&format!("mails-in/{file}.eml"), raw.as_bytes()).unwrap();
        }
        for (id, raw) in &self.mails_out {
            writer.mail_out(id, raw.as_bytes()).unwrap();
        }
        writer.calls(self.calls).unwrap();
        for call in &self.calls_out {
            writer.call_out(call).unwrap();
        }
        writer.story(&self.story).unwrap();
        let evidence = liaison::folder::Folder::read(folder).unwrap();
        writer.index(&liaison::page::page(&evidence, &liaison::judge::judge(&evidence)).unwrap()).unwrap();
        writer.seal(self.run.end_time, true, &key()).unwrap();
        head_path(folder)
    }
}

/// Numbers and chains entries as escalation does.
pub fn chained(case: &str, entries: &[TimelineEntry]) -> ExportTimelineResponse {
    let mut head = Head::EMPTY;
    let mut out = Vec::new();
    for entry in entries {
        let entry = TimelineEntry { sequence: head.count + 1, ..entry.clone() }.encode_to_vec();
        let appended = head.append(case, &entry).unwrap();
        head = appended.head();
        out.push(ChainedEntry {
            sequence: appended.sequence,
            entry,
            salt: appended.salt.as_bytes().to_vec(),
            hash: appended.hash.as_bytes().to_vec(),
        });
    }
    ExportTimelineResponse { case: case.to_owned(), client: String::new(), entries: out }
}

/// Puts events in order of time and links them.
pub fn link(events: &mut [Event]) {
    events.sort_by_key(|event| event.time.map(|time| (time.seconds, time.nanos)));
    let mut predecessor = String::new();
    for (event, position) in events.iter_mut().zip(1..) {
        event.position = position;
        event.predecessor = std::mem::replace(&mut predecessor, event.id.clone());
    }
}

/// Seals rows in blocks of a few.
pub fn sealed(service: &str, mut rows: Vec<FileRow>) -> AuditFile {
    for (row, number) in rows.iter_mut().zip(1..) {
        row.number = number;
    }
    AuditFile::try_new(service, audit_hash::blocks(&rows, 4), 0).unwrap()
}

pub fn refused(code: &str, reason: &str) -> Outcome {
    Outcome::Refused(Refused {
        code: code.to_owned(),
        reason: reason.to_owned(),
        fields: Vec::new(),
        message: String::new(),
    })
}

pub fn answer() -> Outcome {
    Outcome::Answer(json!({}))
}
