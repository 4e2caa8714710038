//! Fills the evidence folder from a running suite.
//!
//! All of it comes through the front door: the firm, cases, timelines, mails and audit by the management person's token,
//! the event streams as any service replays them. Only what left the house comes from the outbox, which is no database
//! but the place where it went.

use std::{
    collections::BTreeMap,
    path::Path,
    time::{Duration, Instant},
};

use access::{Principal, TokenSource};
use business_time::Timestamp;
use contracts::{
    client_registry::v1::{
        AssignmentChanged, Calendar, Client, ClientRegistered, Contact, Engagement, ListAbsencesRequest,
        ListClientsRequest, ListContactsRequest, ListEngagementsRequest, ListPoliciesRequest, ListStaffRequest, Staff,
        client_service_client::ClientServiceClient, contact_service_client::ContactServiceClient,
        engagement_service_client::EngagementServiceClient, policy_service_client::PolicyServiceClient,
        staff_service_client::StaffServiceClient,
    },
    escalation::v1::{ExportTimelineRequest, ListCasesRequest, case_service_client::CaseServiceClient},
    event::v1::{Event, ReplayEventsRequest, event_log_service_client::EventLogServiceClient},
    evidence::v1::{ExportRequest, VerifyRequest, audit_service_client::AuditServiceClient},
    notification::v1::{
        GetMailRequest, GetMeetingRequest, GetNotificationRequest, ListCallsRequest, ListMailsRequest,
        ListMeetingsRequest, ListNotificationsRequest, call_service_client::CallServiceClient,
        inbound_service_client::InboundServiceClient, meeting_service_client::MeetingServiceClient,
        notification_service_client::NotificationServiceClient,
    },
    reporting::v1::{GetReportRequest, ListReportsRequest, report_service_client::ReportServiceClient},
};
use evidence::{AuditFile, SignedHead, SigningKey};
use prost::{Message, Name};
use runtime::client::Client as Caller;
use serde_json::Value;
use tonic::Status;

use crate::{
    folder::{
        self, Assignments, CalendarInForce, ClientRecord, ContactVersion, Folder, FolderFault, FolderWriter, Refused,
        Run, SERVICES, StaffRecord, StaffVersion, proto_json,
    },
    judge, page,
    player::{Outcome, Played, StepRecord},
    scenario::Scenario,
    suite::Suite,
};

/// How long the sealer may take with the export's own reads.
const SEALED_WITHIN: Duration = Duration::from_secs(10);

/// How long to wait between two looks at it.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Why no folder could be made.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// A service refused or did not answer.
    #[error("{0}: {1}")]
    Service(&'static str, Box<Status>),
    /// The folder could not be written, or what was written does not read back.
    #[error(transparent)]
    Folder(#[from] FolderFault),
    /// Something of the suite's own.
    #[error("{0}")]
    Other(String),
}

/// Collects a page at a time until there is no next one.
macro_rules! every {
    ($what:literal, $client:expr, $method:ident, $request:expr, $field:ident) => {{
        let (mut all, mut request) = (Vec::new(), $request);
        request.page_size = 200;
        loop {
            let answer =
                $client.$method(request.clone()).await.map_err(|status| ExportError::Service($what, status.into()))?;
            let answer = answer.into_inner();
            all.extend(answer.$field);
            request.page_token = answer.next_page_token;
            if request.page_token.is_empty() {
                break all;
            }
        }
    }};
}

/// Who stood for which client, from when.
pub type History = Vec<(String, Assignments)>;

/// How far a stream of events was read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place {
    incarnation: u64,
    position: u64,
}

/// Reads who stands for each client of whom the registry has said since `read` that it changed, and adds it to `history`,
/// from the time at which the registry said so: that is when it changed, whoever did it and whenever this is read.
///
/// # Errors
/// Where the registry refuses or does not answer.
pub async fn note_assignments(
    suite: &Suite,
    caller: &Caller,
    read: &mut Place,
    history: &mut History,
) -> Result<(), ExportError> {
    let mut changed: BTreeMap<String, Timestamp> = BTreeMap::new();
    for event in events_after(suite, "client-registry", read).await? {
        let Some(payload) = &event.payload else { continue };
        let client = match payload.type_url.rsplit('/').next() {
            Some(name) if name == AssignmentChanged::full_name() => {
                AssignmentChanged::decode(payload.value.as_slice()).map(|what| what.client)
            }
            Some(name) if name == ClientRegistered::full_name() => {
                ClientRegistered::decode(payload.value.as_slice()).map(|what| what.client)
            }
            _ => continue,
        };
        let client = client.map_err(|error| ExportError::Other(format!("an event: {error}")))?;
        changed.insert(client, folder::instant(event.time.as_ref()).unwrap_or(suite.now()));
    }
    if changed.is_empty() {
        return Ok(());
    }
    for (client, engagements) in clients_with_engagements(caller).await? {
        let Some(time) = changed.get(&client.name) else { continue };
        let found = Assignments::of(&client, &engagements, *time);
        let last = history.iter().rev().find(|(name, _)| *name == client.name).map(|(_, last)| last);
        let same = last
            .is_some_and(|last| last.account_manager == found.account_manager && last.engagements == found.engagements);
        if !same {
            history.push((client.name, found));
        }
    }
    Ok(())
}

async fn clients_with_engagements(caller: &Caller) -> Result<Vec<(Client, Vec<Engagement>)>, ExportError> {
    let mut clients = ClientServiceClient::new(caller.clone());
    let mut engagements = EngagementServiceClient::new(caller.clone());
    let mut all = Vec::new();
    for client in every!("clients", clients, list_clients, ListClientsRequest::default(), clients) {
        let request = ListEngagementsRequest { parent: client.name.clone(), ..Default::default() };
        let theirs = every!("engagements", engagements, list_engagements, request, engagements);
        all.push((client, theirs));
    }
    Ok(all)
}

/// Writes the folder at `out`, judges it, writes its page, and signs its head beside it.
///
/// # Errors
/// As [`ExportError`] says.
pub async fn export(
    suite: &Suite,
    scenario: &Scenario,
    played: &Played,
    out: &Path,
    key: &SigningKey,
) -> Result<(judge::Table, SignedHead), ExportError> {
    let caller = suite.caller(&format!("staff/{}", scenario.manager.id)).map_err(ExportError::Other)?;
    let writer = FolderWriter::create(out)?;
    writer.run(&Run {
        format: Run::FORMAT,
        scenario: scenario.title.clone(),
        description: scenario.summary.clone(),
        trial: true,
        start_time: scenario.starts,
        end_time: suite.now(),
        product_version: env!("CARGO_PKG_VERSION").to_owned(),
        tzdb_version: business_time::tzdb_version().to_owned(),
        holidays_version: business_time::holidays_version().to_owned(),
    })?;
    firm(&writer, &caller, played).await?;
    let cases = cases(&writer, &caller).await?;
    mail(&writer, &caller, suite, played).await?;
    reports(&writer, &caller).await?;
    writer.story(&played.steps.iter().map(step).collect::<Vec<_>>())?;
    tracing::debug!(cases, "cases exported");
    for service in SERVICES {
        writer.events(service, events(suite, service).await?)?;
    }
    for service in SERVICES {
        writer.audit(&audit(&caller, service).await?)?;
    }
    let evidence = Folder::read(out)?;
    let table = judge::judge(&evidence);
    writer.index(&page::page(&evidence, &table).map_err(|error| ExportError::Other(error.to_string()))?)?;
    let head = writer.seal(suite.now(), true, key)?;
    Ok((table, head))
}

async fn firm(writer: &FolderWriter, caller: &Caller, played: &Played) -> Result<(), ExportError> {
    let mut calendars = Vec::new();
    for (from, value) in &played.calendars {
        let calendar: Calendar =
            proto_json::from_value(value).map_err(|error| ExportError::Other(format!("a calendar: {error}")))?;
        calendars.push(
            CalendarInForce::of(&calendar, *from)
                .map_err(|error| ExportError::Other(format!("a calendar: {error}")))?,
        );
    }
    writer.calendars(calendars)?;

    let mut policies = PolicyServiceClient::new(caller.clone());
    writer.policies(every!("policies", policies, list_policies, ListPoliciesRequest::default(), policies))?;

    let known: Vec<(Timestamp, Staff)> = versions("a person", &played.staff)?;
    let mut people = StaffServiceClient::new(caller.clone());
    let mut staff = Vec::new();
    for person in every!("staff", people, list_staff, ListStaffRequest::default(), staff) {
        let request = ListAbsencesRequest { parent: person.name.clone(), ..Default::default() };
        let absences = every!("absences", people, list_absences, request, absences);
        let theirs = known.iter().filter(|(_, version)| version.name == person.name);
        let versions =
            theirs.map(|(from, version)| StaffVersion { from_time: *from, staff: version.clone() }).collect();
        staff.push(StaffRecord { staff: person, absences, versions });
    }
    writer.staff(staff)?;

    let known: Vec<(Timestamp, Contact)> = versions("a contact", &played.contacts)?;
    let mut contacts = ContactServiceClient::new(caller.clone());
    let mut clients = Vec::new();
    for (client, engagements) in clients_with_engagements(caller).await? {
        let request = ListContactsRequest { parent: client.name.clone(), ..Default::default() };
        let contacts: Vec<Contact> = every!("contacts", contacts, list_contacts, request, contacts);
        let assignments =
            played.assignments.iter().filter(|(name, _)| *name == client.name).map(|(_, one)| one.clone()).collect();
        let theirs = known.iter().filter(|(_, version)| contacts.iter().any(|contact| contact.name == version.name));
        let contact_versions =
            theirs.map(|(from, version)| ContactVersion { from_time: *from, contact: version.clone() }).collect();
        clients.push(ClientRecord { client, engagements, contacts, contact_versions, assignments });
    }
    Ok(writer.clients(clients)?)
}

/// What the registry answered of its resources, and when.
fn versions<M: Message + Name + Default>(
    what: &str,
    answers: &[(Timestamp, Value)],
) -> Result<Vec<(Timestamp, M)>, ExportError> {
    let read = |(from, value): &(Timestamp, Value)| Ok((*from, proto_json::from_value(value)?));
    let read: Result<_, proto_json::ProtoJsonError> = answers.iter().map(read).collect();
    read.map_err(|error| ExportError::Other(format!("{what}: {error}")))
}

/// The people of the firm as they stand now, as proto JSON.
///
/// # Errors
/// Where the registry refuses or does not answer.
pub async fn staff_now(caller: &Caller) -> Result<Vec<Value>, ExportError> {
    let mut people = StaffServiceClient::new(caller.clone());
    let staff = every!("staff", people, list_staff, ListStaffRequest::default(), staff);
    let written = staff.iter().map(proto_json::to_value).collect::<Result<_, _>>();
    written.map_err(|error| ExportError::Other(format!("a person: {error}")))
}

async fn cases(writer: &FolderWriter, caller: &Caller) -> Result<usize, ExportError> {
    let mut service = CaseServiceClient::new(caller.clone());
    let cases = every!("cases", service, list_cases, ListCasesRequest::default(), cases);
    for case in &cases {
        let request = ExportTimelineRequest { name: case.name.clone() };
        let answer = service.export_timeline(request).await;
        writer.timeline(&answer.map_err(|status| ExportError::Service("timelines", status.into()))?.into_inner())?;
    }
    let count = cases.len();
    writer.cases(cases)?;
    Ok(count)
}

async fn reports(writer: &FolderWriter, caller: &Caller) -> Result<(), ExportError> {
    let mut service = ReportServiceClient::new(caller.clone()).max_decoding_message_size(64 << 20);
    let mut reports = Vec::new();
    for listed in every!("reports", service, list_reports, ListReportsRequest::default(), reports) {
        let answer = service.get_report(GetReportRequest { name: listed.name }).await;
        let answer = answer.map_err(|status| ExportError::Service("reports", status.into()))?;
        reports.extend(answer.into_inner().report);
    }
    Ok(writer.reports(reports)?)
}

async fn mail(writer: &FolderWriter, caller: &Caller, suite: &Suite, played: &Played) -> Result<(), ExportError> {
    let refused = |what| move |status: Status| ExportError::Service(what, status.into());
    let mut sending = NotificationServiceClient::new(caller.clone()).max_decoding_message_size(64 << 20);
    let mut notifications = Vec::new();
    for listed in
        every!("notifications", sending, list_notifications, ListNotificationsRequest::default(), notifications)
    {
        let request = GetNotificationRequest { name: listed.name };
        let answer = sending.get_notification(request).await.map_err(refused("notifications"))?.into_inner();
        notifications.extend(answer.notification);
    }
    // The latest comes first there; the first copy of each gets the plain name.
    for (notification, raw) in suite.outbox().map_err(ExportError::Other)?.into_iter().rev() {
        writer.mail_out(&notification, &raw)?;
    }
    writer.notifications(notifications)?;

    let mut telephone = CallServiceClient::new(caller.clone());
    writer.calls(every!("calls", telephone, list_calls, ListCallsRequest::default(), calls))?;
    for call in suite.calls().map_err(ExportError::Other)? {
        writer.call_out(&call)?;
    }

    let mut with_clients = MeetingServiceClient::new(caller.clone());
    let mut meetings = Vec::new();
    for listed in every!("meetings", with_clients, list_meetings, ListMeetingsRequest::default(), meetings) {
        let request = GetMeetingRequest { name: listed.name };
        let answer = with_clients.get_meeting(request).await.map_err(refused("meetings"))?;
        meetings.extend(answer.into_inner().meeting);
    }
    writer.meetings(meetings)?;

    let mut inbound = InboundServiceClient::new(caller.clone()).max_decoding_message_size(64 << 20);
    let mut mails = Vec::new();
    for listed in every!("mails", inbound, list_mails, ListMailsRequest::default(), mails) {
        let answer = inbound.get_mail(GetMailRequest { name: listed.name }).await.map_err(refused("mails"))?;
        mails.extend(answer.into_inner().mail);
    }
    writer.mails(mails)?;
    for (path, raw) in &played.mails {
        writer.write_bytes(&format!("{}/{path}", folder::names::MAILS_IN), raw.as_bytes())?;
    }
    Ok(())
}

/// Every event of a service's stream, in order.
///
/// # Errors
/// Where it refuses or does not answer.
pub async fn events(suite: &Suite, service: &str) -> Result<Vec<Event>, ExportError> {
    events_after(suite, service, &mut Place::default()).await
}

/// The events behind a place, which is moved behind the last of them.
async fn events_after(suite: &Suite, service: &str, read: &mut Place) -> Result<Vec<Event>, ExportError> {
    let reader = if service == "notification" { "services/escalation" } else { "services/notification" };
    let caller = suite.caller(reader).map_err(ExportError::Other)?;
    let mut client = EventLogServiceClient::new(caller).max_decoding_message_size(64 << 20);
    let mut all = Vec::<Event>::new();
    loop {
        let request = ReplayEventsRequest {
            service: service.to_owned(),
            incarnation: read.incarnation,
            after_position: read.position,
            page_size: 500,
        };
        let answer = client.replay_events(request).await;
        let answer = answer.map_err(|status| ExportError::Service("events", status.into()))?.into_inner();
        read.incarnation = answer.incarnation;
        let Some(last) = answer.events.last() else { return Ok(all) };
        read.position = last.position;
        all.extend(answer.events);
    }
}

/// A service's audit, once the rows of the export's own reads are sealed; those that are not within [`SEALED_WITHIN`] are
/// counted, for the judge to see.
async fn audit(caller: &Caller, service: &'static str) -> Result<AuditFile, ExportError> {
    let mut client = AuditServiceClient::new(caller.clone()).max_decoding_message_size(64 << 20);
    let begun = Instant::now();
    while written(&mut client, service).await?.1 > 0 && begun.elapsed() < SEALED_WITHIN {
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    let mut blocks = Vec::new();
    loop {
        let after_block = blocks.last().map_or(0, |block: &contracts::evidence::v1::AuditBlock| block.number);
        let request = ExportRequest { service: service.to_owned(), after_block, page_size: 200 };
        let answer = client.export(request).await;
        let answer = answer.map_err(|status| ExportError::Service("audit", status.into()))?.into_inner();
        let more = answer.more && !answer.blocks.is_empty();
        blocks.extend(answer.blocks);
        if !more {
            break;
        }
    }
    let exported = blocks.iter().map(|block| block.rows.len() as u64).sum();
    let (sealed, unsealed) = written(&mut client, service).await?;
    let missing = (sealed + unsealed).saturating_sub(exported);
    AuditFile::try_new(service, blocks, missing).map_err(|error| ExportError::Other(error.to_string()))
}

/// How many rows of a service's audit are sealed, and how many are not.
async fn written(client: &mut AuditServiceClient<Caller>, service: &str) -> Result<(u64, u64), ExportError> {
    let answer = client.verify(VerifyRequest { service: service.to_owned() }).await;
    let answer = answer.map_err(|status| ExportError::Service("audit", status.into()))?.into_inner();
    Ok((answer.sealed_through, answer.unsealed))
}

fn step(record: &StepRecord) -> folder::Step {
    folder::Step {
        number: u32::try_from(record.number).unwrap_or(u32::MAX),
        file: record.place.file.clone(),
        line: u32::try_from(record.place.line).unwrap_or(u32::MAX),
        title: record.note.clone(),
        at: record.at,
        who: record.who.clone(),
        rpc: record.rpc.clone(),
        request: record.request.clone(),
        expect: record.expect.clone(),
        expected: record.expected.clone(),
        outcome: outcome(&record.outcome),
        as_expected: record.outcome.as_expected(),
        mail_file: record.mail_file.clone(),
    }
}

fn outcome(outcome: &Outcome) -> folder::Outcome {
    match outcome {
        Outcome::Answer(answer) => folder::Outcome::Answer(answer.get("messages").unwrap_or(answer).clone()),
        Outcome::Event(event) => folder::Outcome::Event(event.clone()),
        Outcome::Refused(refused) => folder::Outcome::Refused(Refused {
            code: refused.code.clone(),
            reason: refused.reason.clone(),
            fields: refused.fields.iter().map(|(field, _)| field.clone()).collect(),
            message: refused.message.clone(),
        }),
        Outcome::Unexpected { what, instead } => match instead.as_deref() {
            Some(Outcome::Unexpected { .. }) | None => folder::Outcome::Nothing(what.clone()),
            Some(instead) => self::outcome(instead),
        },
    }
}

/// A caller with the token of `principal`, on a channel to `address`.
///
/// # Errors
/// A sentence, where the name is no principal's or the address none.
pub fn caller(address: &str, issuer: std::sync::Arc<access::TrialIssuer>, principal: &str) -> Result<Caller, String> {
    let subject = Principal::parse(principal).map_err(|error| error.to_string())?;
    runtime::client::connect(&format!("http://{address}"), TokenSource::trial(issuer, subject))
        .map_err(|error| error.to_string())
}

/// Events as proto JSON, for whoever looks for one.
///
/// # Errors
/// Where a stream does not answer, or holds what no contract declares.
pub async fn events_as_json(suite: &Suite, service: &str) -> Result<Vec<Value>, ExportError> {
    let events = events(suite, service).await?;
    events
        .iter()
        .map(|event| proto_json::to_value(event).map_err(|error| ExportError::Other(error.to_string())))
        .collect()
}
