//! The firm of the tests: its people, its procedure, and the mails that it gets.

use access::{Role, ServiceName};
use business_time::Timestamp;
use contracts::{
    client_registry::v1::{Calendar, Contact, EscalationStep, Hours, Policy},
    notification::v1::{MessageNature, SendMessageRequest},
};
use testkit::Roster;

use crate::registry::FakeRegistry;

pub const ACME: &str = "clients/acme";
pub const OTHER: &str = "clients/other";
/// Contacts of acme; Colin may not confirm.
pub const CARLA: &str = "clients/acme/contacts/carla";
pub const COLIN: &str = "clients/acme/contacts/colin";
/// A contact of the other client.
pub const SAM: &str = "clients/other/contacts/sam";
/// Acme's account manager.
pub const ANNA: &str = "staff/anna";
/// The other client's account manager.
pub const OLGA: &str = "staff/olga";
pub const BOSS: &str = "staff/boss";
pub const INES: &str = "staff/ines";
/// Behind the boss.
pub const DORA: &str = "staff/dora";
pub const MTA: &str = "services/intake";
pub const TELEPHONY: &str = "services/telephony";

/// When the firm's clock begins: Monday, 10:15 in London, within hours.
pub const MONDAY: &str = "2026-06-01T09:15:00Z";
/// One business day later.
pub const TUESDAY: &str = "2026-06-02T09:15:00Z";

pub fn roster() -> Roster {
    let roster = Roster::new();
    roster
        .client(ANNA, Role::AccountManager, ACME)
        .client(OLGA, Role::AccountManager, OTHER)
        .client(CARLA, Role::ClientContact, ACME)
        .firm(BOSS, Role::Management)
        .firm(INES, Role::Intake)
        .firm(MTA, Role::Service(ServiceName::Intake))
        .firm(TELEPHONY, Role::Service(ServiceName::Telephony));
    roster
}

pub fn people(registry: &FakeRegistry) {
    let mut state = registry.state();
    for (name, shown, email, confirms) in [
        (CARLA, "Carla Client", "carla@client.example", true),
        (COLIN, "Colin Client", "colin@client.example", false),
        (SAM, "Sam Other", "sam@other.example", true),
    ] {
        let contact = Contact {
            name: name.into(),
            display_name: shown.into(),
            email: email.into(),
            confirms,
            ..Contact::default()
        };
        state.contacts.insert(name.into(), contact);
    }
    for (name, shown, email) in [
        (ANNA, "Anna Firm", "anna@firm.example"),
        (OLGA, "Olga Firm", "olga@firm.example"),
        (BOSS, "Boss Firm", "boss@firm.example"),
        (INES, "Ines Firm", "ines@firm.example"),
        (DORA, "Dora Firm", "dora@firm.example"),
    ] {
        state.staff.insert(name.into(), (shown.into(), email.into()));
    }
    state.managers.insert(ACME.into(), ANNA.into());
    state.managers.insert(OTHER.into(), OLGA.into());
    state.management.push(BOSS.into());
    state.intake.push(INES.into());
    state.behind.insert(BOSS.into(), DORA.into());
    for (person, numbers) in [
        (CARLA, &["+442070000001", "+442070000002"][..]),
        (BOSS, &["+442070000011", "+442070000012"]),
        (DORA, &["+442070000021"]),
    ] {
        state.phones.insert(person.into(), numbers.iter().map(|number| (*number).to_owned()).collect());
    }
    state.incident_revision = 1;
}

pub fn policy() -> Policy {
    Policy {
        name: "policies/1".into(),
        version: 1,
        firm_calendar: "calendars/london".into(),
        official_domain: "firm.example".into(),
        service_address: "service@firm.example".into(),
        authserv_id: "mx.firm.example".into(),
        first_response_business_days: 1,
        escalation_steps: vec![EscalationStep::default()],
        auto_acknowledge: false,
        ..Policy::default()
    }
}

/// London, Monday to Friday, 9 to 17.
pub fn london(revision: u64) -> Calendar {
    let week = (1..=5).map(|day| Hours { day, open: "09:00".into(), close: "17:00".into() });
    Calendar {
        name: "calendars/london".into(),
        time_zone: "Europe/London".into(),
        week: week.collect(),
        revision,
        ..Calendar::default()
    }
}

pub fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

pub fn wire(time: Timestamp) -> prost_types::Timestamp {
    command::wire::proto_time(time)
}

pub fn time(time: Option<prost_types::Timestamp>) -> Timestamp {
    command::wire::from_proto_time(&time.unwrap()).unwrap()
}

/// A mail whose sender the firm's mail server vouches for. `fields` are further header lines, each with its line end.
pub fn letter(from: &str, id: &str, fields: &str, text: &str) -> String {
    let domain = from.rsplit_once('@').unwrap().1.trim_end_matches('>');
    let check = format!("Authentication-Results: mx.firm.example; dmarc=pass header.from={domain}\r\n");
    unchecked(from, id, &format!("{check}{fields}"), text)
}

/// A mail of which the firm's mail server says nothing, but where `fields` begin with it.
pub fn unchecked(from: &str, id: &str, fields: &str, text: &str) -> String {
    format!(
        "{fields}From: {from}\r\nTo: service@firm.example\r\nMessage-ID: <{id}>\r\n\
         Date: Mon, 1 Jun 2026 09:15:00 +0000\r\nSubject: About the pump\r\n\r\n{text}\r\n"
    )
}

/// A report in the form of RFC 6522 about the mail of this Message-ID, as a server that cannot deliver it sends it.
pub fn report(from: &str, about: &str) -> String {
    format!(
        "From: {from}\r\nMessage-ID: <about-{about}>\r\nDate: Mon, 1 Jun 2026 09:20:00 +0000\r\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n\
         --b\r\n\r\nNo such user.\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <{about}>\r\n\r\n--b--\r\n"
    )
}

/// A failure notice as servers write it (RFC 3464).
pub fn notice(about: &str, address: &str, action: &str, status: &str) -> String {
    format!(
        "From: Mail Delivery System <mailer-daemon@mx.client.example>\r\nTo: bounces@firm.example\r\n\
         Message-ID: <{action}-{status}-{address}-{about}>\r\nDate: Mon, 1 Jun 2026 09:20:00 +0000\r\n\
         Subject: Undelivered Mail Returned to Sender\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n\
         --b\r\n\r\nIt did not go through.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n\
         Reporting-MTA: dns; mx.client.example\r\n\r\nFinal-Recipient: rfc822; {address}\r\nAction: {action}\r\n\
         Status: {status}\r\n\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <{about}>\r\n\r\n--b--\r\n"
    )
}

/// A failure notice (RFC 3464) about the mail of this Message-ID.
pub fn failure_notice(from: &str, about: &str, action: &str) -> String {
    format!(
        "From: {from}\r\nMessage-ID: <{action}-{about}>\r\nDate: Mon, 1 Jun 2026 09:20:00 +0000\r\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n\
         --b\r\n\r\nNo such user.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n\
         Reporting-MTA: dns; mx.client.example\r\n\r\nFinal-Recipient: rfc822; carla@client.example\r\n\
         Action: {action}\r\nStatus: 5.1.1\r\n\
         --b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <{about}>\r\n\r\n--b--\r\n"
    )
}

/// A mail of Carla's.
pub fn of_carla(id: &str, fields: &str, text: &str) -> String {
    letter("Carla Client <carla@client.example>", id, fields, text)
}

/// Anna's reply to acme.
pub fn reply(case: &str, text: &str) -> SendMessageRequest {
    SendMessageRequest {
        client: ACME.into(),
        case: case.into(),
        contact: String::new(),
        nature: MessageNature::Reply.into(),
        subject: String::new(),
        text: text.into(),
        ..SendMessageRequest::default()
    }
}
