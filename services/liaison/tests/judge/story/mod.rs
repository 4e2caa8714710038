//! Two weeks over Easter at a small firm: kept in every clause, with people who are late.

mod acme;
mod globex;
mod incident;
mod reports;
mod spoken;
mod triage;

use std::path::{Path, PathBuf};

use ::evidence::audit_file::FileOutcome::{Done, Read, Refused};
use contracts::{
    client_registry::v1::{
        Absence, Client, ClientRegistered, Contact, Engagement, EscalationStep, EscalationTarget, FirmRole, Meetings,
        Policy, Staff, StaffKind,
    },
    escalation::v1::{
        Case, CaseAcknowledged, CaseBecameIssue, CaseClosed, CaseEscalated, CaseKind, CaseOpened, CaseOrigin,
        CaseReopened, CaseResponded, CaseState, ClockBreached, ClockKind, Confirmation, ConfirmationDue, Proposal,
        ResolutionConfirmed, ResolutionProposed, ResolutionRejected, Side, TimelineKind,
    },
    notification::v1::{
        InquiryReceived, MailKind, MailNoted, MailState, MailTriaged, NotificationKind, SenderCheck, Triage,
        TriageOverdue,
    },
};
use liaison::folder::{Assignments, ClientRecord, EngagementTeam, Outcome, StaffRecord};
use serde_json::json;

use crate::world::{Letter, Sent, World, answer, at, refused, ts};

const ACME: &str = "clients/acme";
const GLOBEX: &str = "clients/globex";
const JO: &str = "clients/acme/contacts/jo";
const KIM: &str = "clients/acme/contacts/kim";
const LEE: &str = "clients/globex/contacts/lee";
const LONDON: &str = "calendars/london";
const INVOICE: &str = "cases/invoice";
const PAYROLL: &str = "cases/payroll";
const FILING: &str = "cases/filing";
const PORTAL: &str = "cases/portal";
const OUTAGE: &str = "cases/outage";

const CASES: &str = "liaison.escalation.v1.CaseService";
const SEND: &str = "liaison.notification.v1.NotificationService/SendMessage";
const TRIAGE: &str = "liaison.notification.v1.InboundService/DismissMail";
const NOBODY: Option<&str> = None;

/// Writes the folder and its head, and gives the head's path.
pub fn write(folder: &Path) -> PathBuf {
    let mut world = World::new("2026-03-25T08:00:00Z", "2026-04-09T18:00:00Z");
    firm(&mut world);
    acme::invoice(&mut world);
    acme::payroll(&mut world);
    globex::filing(&mut world);
    globex::portal(&mut world);
    globex::watch(&mut world);
    triage::triage(&mut world);
    spoken::spoken(&mut world);
    incident::outage(&mut world);
    reports::status_update(&mut world);
    world.write(folder)
}

fn person(world: &mut World, id: &str, name: &str, roles: &[FirmRole], deputy: &str) {
    let staff = Staff {
        name: format!("staff/{id}"),
        display_name: name.to_owned(),
        email: format!("{id}@harbour.example"),
        department: "Accounts".to_owned(),
        kind: StaffKind::Employee.into(),
        roles: roles.iter().map(|role| i32::from(*role)).collect(),
        deputy: deputy.to_owned(),
        revision: 1,
        ..Staff::default()
    };
    world.staff.push(StaffRecord { staff, absences: Vec::new(), versions: Vec::new() });
}

fn client(world: &mut World, id: &str, name: &str, calendar: &str, manager: &str, team: (&str, &str), people: &[&str]) {
    let client = Client {
        name: format!("clients/{id}"),
        display_name: name.to_owned(),
        calendar: calendar.to_owned(),
        account_manager: manager.to_owned(),
        revision: 1,
        create_time: Some(ts("2026-03-25T08:10:00Z")),
        ..Client::default()
    };
    let engagement = Engagement {
        name: format!("clients/{id}/engagements/books"),
        display_name: "Books".to_owned(),
        team_lead: team.0.to_owned(),
        team_members: vec![team.1.to_owned()],
        revision: 1,
        ..Engagement::default()
    };
    let contacts = people.iter().map(|person| Contact {
        name: format!("clients/{id}/contacts/{person}"),
        display_name: format!("{} of {name}", person.to_uppercase()),
        email: format!("{person}@{id}.example"),
        confirms: *person != "jo",
        revision: 1,
        ..Contact::default()
    });
    world.event(
        "client-registry",
        &client.name.clone(),
        "2026-03-25T08:10:00Z",
        &ClientRegistered { client: client.name.clone(), revision: 1, calendar: calendar.to_owned() },
    );
    let name = client.name.clone();
    world.clients.push(ClientRecord {
        client,
        engagements: vec![engagement],
        contacts: contacts.collect(),
        contact_versions: Vec::new(),
        assignments: vec![Assignments {
            from_time: at("2026-03-25T08:10:00Z"),
            account_manager: manager.to_owned(),
            engagements: vec![EngagementTeam {
                engagement: format!("clients/{id}/engagements/books"),
                team_lead: team.0.to_owned(),
                team_members: vec![team.1.to_owned()],
            }],
        }],
    });
    let create = "liaison.client_registry.v1.ClientService/CreateClient";
    world.audit("client-registry", "2026-03-25T08:10:00Z", "staff/dora", create, &[&name], (Done, ""));
}

fn firm(world: &mut World) {
    world.calendar("london", "Europe/London", ("09:00", "17:30"), "GB-ENG");
    world.calendar("new-york", "America/New_York", ("09:00", "17:00"), "US");
    world.policies.push(Policy {
        name: "policies/1".to_owned(),
        version: 1,
        publish_time: Some(ts("2026-03-25T08:05:00Z")),
        firm_calendar: LONDON.to_owned(),
        official_domain: "harbour.example".to_owned(),
        service_address: "service@harbour.example".to_owned(),
        authserv_id: "mx.harbour.example".to_owned(),
        first_response_business_days: 1,
        meetings: Some(Meetings { video_providers: vec!["zoom.us".into()], recorded_kinds: vec!["advice".into()] }),
        escalation_steps: [(24, EscalationTarget::TeamLead), (48, EscalationTarget::Management)]
            .into_iter()
            .map(|(hours, target)| EscalationStep {
                after: Some(prost_types::Duration { seconds: hours * 3600, nanos: 0 }),
                target: target.into(),
            })
            .collect(),
        confirmation_reminder: Some(prost_types::Duration { seconds: 86_400, nanos: 0 }),
        auto_acknowledge: true,
        ..Policy::default()
    });
    person(world, "anna", "Anna Lane", &[], "staff/cleo");
    person(world, "ben", "Ben Ortiz", &[], "staff/cleo");
    person(world, "cleo", "Cleo Marsh", &[], "staff/anna");
    person(world, "dora", "Dora Quist", &[FirmRole::Management], "");
    person(world, "ed", "Ed Novak", &[FirmRole::Intake], "staff/dora");
    person(world, "frank", "Frank Iyer", &[], "");
    person(world, "gil", "Gil Amado", &[], "staff/hana");
    person(world, "hana", "Hana Sato", &[], "staff/gil");
    for record in &mut world.staff {
        match record.staff.name.as_str() {
            "staff/frank" => {
                record.staff.kind = StaffKind::Contractor.into();
                record.staff.access_expire_time = Some(ts("2026-06-30T22:00:00Z"));
            }
            "staff/dora" => record.staff.phones = vec!["+442079460001".to_owned(), "+442079460002".to_owned()],
            "staff/ben" => record.absences.push(Absence {
                name: "staff/ben/absences/easter".to_owned(),
                start_time: Some(ts("2026-03-30T00:00:00Z")),
                end_time: Some(ts("2026-04-12T00:00:00Z")),
            }),
            _ => {}
        }
    }
    client(world, "acme", "Acme Tiles", LONDON, "staff/anna", ("staff/ben", "staff/cleo"), &["jo", "kim"]);
    client(world, "globex", "Globex Labs", "calendars/new-york", "staff/gil", ("staff/hana", "staff/frank"), &["lee"]);
    let kim = world.clients[0].contacts.iter_mut().find(|contact| contact.name == KIM).unwrap();
    kim.phone = "+442079460021".to_owned();
    kim.other_phones = vec!["+447700900021".to_owned()];
    kim.told_of_incidents = true;
    client(world, "quarry", "Quarry Row", LONDON, "staff/cleo", ("staff/cleo", "staff/anna"), &["max"]);
}

/// A mail of a client: the mail is attributed, and notification says so.
fn inquiry(world: &mut World, letter: &Letter<'_>, contact: &str, case: &str) -> String {
    let client = contact.split_once("/contacts/").unwrap().0.to_owned();
    let mail = world.letter(letter);
    mail.client = client.clone();
    mail.contact = contact.to_owned();
    mail.case = case.to_owned();
    let (name, thread) = (mail.name.clone(), mail.thread.clone());
    world.event(
        "notification",
        &name,
        letter.received,
        &InquiryReceived {
            mail: name.clone(),
            client,
            contact: contact.to_owned(),
            thread,
            case: String::new(),
            receive_time: Some(ts(letter.received)),
        },
    );
    name
}

fn opened_by_mail(world: &mut World, case: &str, mail: &str, contact: &str, received: &str, due: &str, calendar: &str) {
    let client = contact.split_once("/contacts/").unwrap().0;
    world.cases.push(Case {
        name: case.to_owned(),
        client: client.to_owned(),
        kind: CaseKind::Inquiry.into(),
        state: CaseState::Answered.into(),
        origin: CaseOrigin::Mail.into(),
        mail: mail.to_owned(),
        opener: contact.to_owned(),
        policy_version: 1,
        open_time: Some(ts(received)),
        revision: 1,
        ..Case::default()
    });
    world.entry(case, TimelineKind::Opened, received, contact, |entry| entry.references = vec![mail.to_owned()]);
    world.event(
        "escalation",
        case,
        received,
        &CaseOpened {
            case: case.to_owned(),
            client: client.to_owned(),
            kind: CaseKind::Inquiry.into(),
            origin: CaseOrigin::Mail.into(),
            mail: mail.to_owned(),
            opener: contact.to_owned(),
            open_time: Some(ts(received)),
            ..CaseOpened::default()
        },
    );
    world.clock(case, ClockKind::FirstResponse, received, due, calendar);
    world.send(&Sent {
        kind: NotificationKind::AutoAcknowledgement,
        case,
        client,
        author: "",
        audience: contact,
        recipients: &[contact],
        stand_ins_for: &[],
        subject: "We have your mail",
        text: "Your mail arrived. A person will answer it.",
        when: received,
    });
}

fn reply(world: &mut World, case: &str, author: &str, to: &str, when: &str, text: &str) {
    let client = to.split_once("/contacts/").unwrap().0;
    let name = world.send(&Sent {
        kind: NotificationKind::Reply,
        case,
        client,
        author,
        audience: to,
        recipients: &[to],
        stand_ins_for: &[],
        subject: "Re: your question",
        text,
        when,
    });
    world.audit("notification", when, author, SEND, &[&name, case], (Done, ""));
    world.event(
        "escalation",
        case,
        when,
        &CaseResponded { case: case.to_owned(), client: client.to_owned(), respond_time: Some(ts(when)) },
    );
    let request = json!({ "client": client, "case": case, "nature": "MESSAGE_NATURE_REPLY", "text": text });
    world.step(when, author, SEND, request, answer());
}

fn noted(world: &mut World, letter: &Letter<'_>, case: &str, client: &str, third_party: bool) {
    let mail = world.letter(letter);
    mail.client = client.to_owned();
    mail.case = case.to_owned();
    if !third_party {
        mail.kind = MailKind::Automatic.into();
        mail.contact = JO.to_owned();
    }
    let (name, kind) = (mail.name.clone(), mail.kind);
    world.event(
        "notification",
        &name,
        letter.received,
        &MailNoted {
            mail: name.clone(),
            client: client.to_owned(),
            case: case.to_owned(),
            kind,
            third_party,
            receive_time: Some(ts(letter.received)),
            ..MailNoted::default()
        },
    );
    let kind = if third_party { TimelineKind::ThirdPartyMail } else { TimelineKind::AutomaticMail };
    world.entry(case, kind, letter.received, "services/notification", |entry| entry.references = vec![name]);
}

fn told(world: &mut World, kind: NotificationKind, case: &str, audience: &str, to: &[&str], for_: &[&str], when: &str) {
    let client = if case == PORTAL { GLOBEX } else { ACME };
    world.send(&Sent {
        kind,
        case,
        client,
        author: "",
        audience,
        recipients: to,
        stand_ins_for: for_,
        subject: "A case needs you",
        text: "Please look at it.",
        when,
    });
}

fn breached(world: &mut World, case: &str, client: &str, clock: ClockKind, when: &str) {
    world.entry(case, TimelineKind::ClockBreached, when, "timer", |entry| {
        entry.clock = clock.into();
        entry.due_time = Some(ts(when));
    });
    world.event(
        "escalation",
        case,
        when,
        &ClockBreached {
            case: case.to_owned(),
            client: client.to_owned(),
            clock: clock.into(),
            due_time: Some(ts(when)),
            ..ClockBreached::default()
        },
    );
}

fn escalated(world: &mut World, case: &str, client: &str, step: i32, target: &str, actor: &str, when: &str) {
    world.entry(case, TimelineKind::Escalated, when, actor, |entry| {
        entry.step = step;
        entry.target = target.to_owned();
    });
    world.event(
        "escalation",
        case,
        when,
        &CaseEscalated {
            case: case.to_owned(),
            client: client.to_owned(),
            step,
            target: target.to_owned(),
            ..CaseEscalated::default()
        },
    );
}

fn proposed(world: &mut World, case: &str, client: &str, by: &str, to: &str, revision: u64, when: &str) {
    world.entry(case, TimelineKind::ResolutionProposed, when, by, |entry| {
        entry.proposal_revision = revision;
        entry.text = "We correct the run and send a new slip.".to_owned();
    });
    world.event(
        "escalation",
        case,
        when,
        &ResolutionProposed {
            case: case.to_owned(),
            client: client.to_owned(),
            proposal_revision: revision,
            contact: to.to_owned(),
        },
    );
    let rpc = format!("{CASES}/ProposeResolution");
    world.audit("escalation", when, by, &rpc, &[case], (Done, ""));
    world.step(when, by, &rpc, json!({ "name": case, "text": "We correct the run." }), answer());
    told(world, NotificationKind::ConfirmationRequest, case, to, &[to], &[], when);
}

fn confirmed(world: &mut World, case: &str, revision: u64, who: &str, recorder: Option<&str>, when: &str) {
    let client = if case == PORTAL { GLOBEX } else { ACME };
    let actor = recorder.unwrap_or(who);
    world.entry(case, TimelineKind::ResolutionConfirmed, when, actor, |entry| {
        entry.proposal_revision = revision;
        entry.people = vec![who.to_owned()];
    });
    let side = if who.starts_with("staff/") { Side::Firm } else { Side::Client };
    world.event(
        "escalation",
        case,
        when,
        &ResolutionConfirmed {
            case: case.to_owned(),
            client: client.to_owned(),
            proposal_revision: revision,
            side: side.into(),
        },
    );
    let rpc = match recorder {
        None => format!("{CASES}/ConfirmResolution"),
        Some(_) => format!("{CASES}/RecordClientConfirmation"),
    };
    world.audit("escalation", when, actor, &rpc, &[case], (Done, ""));
    world.step(when, actor, &rpc, json!({ "name": case, "proposalRevision": revision }), answer());
}

fn closed(world: &mut World, case: &str, client: &str, actor: &str, when: &str, proposal: Proposal) {
    world.entry(case, TimelineKind::Closed, when, actor, |_| {});
    let event = CaseClosed { case: case.to_owned(), client: client.to_owned() };
    world.event("escalation", case, when, &event);
    let case = world.cases.iter_mut().find(|known| known.name == case).unwrap();
    case.kind = CaseKind::Issue.into();
    case.state = CaseState::Closed.into();
    case.close_time = Some(ts(when));
    case.proposal = Some(proposal);
}

fn confirmation(side: Side, person: &str, recorder: Option<&str>, when: &str) -> Confirmation {
    Confirmation {
        side: side.into(),
        person: person.to_owned(),
        recorder: recorder.unwrap_or_default().to_owned(),
        confirm_time: Some(ts(when)),
    }
}
