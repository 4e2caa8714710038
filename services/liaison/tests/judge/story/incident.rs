//! A critical incident in the evening: the client is reached by mail and at a second number, management by neither number;
//! one update in time, one late.

use contracts::{
    client_registry::v1::Channel,
    escalation::v1::{Critical, CriticalDeclared, Obligation, ObligationState},
    notification::v1::{AlertAttempt, AlertProgressed, AlertSide, AlertStep, Call, CallState, NotificationState},
};
use liaison::folder::PlacedCall;

use super::*;

const DORA: &str = "staff/dora";
const DECLARED: &str = "2026-04-07T21:00:00Z";
const REPORT: &str = "2026-04-08T21:00:00Z";

/// One step of an alert: on the timeline, and as notification told it.
#[derive(Clone, Copy)]
struct Told<'a> {
    notification: &'a str,
    side: AlertSide,
    channel: Channel,
    person: &'a str,
}

fn progressed(world: &mut World, of: Told<'_>, step: AlertStep, attempt: i32, reason: &str, when: &str) {
    let kind = match step {
        AlertStep::Attempted => TimelineKind::AlertAttempted,
        AlertStep::NotReached => TimelineKind::AlertNotReached,
        AlertStep::HandedOver => TimelineKind::AlertHandedOver,
        AlertStep::Reached => TimelineKind::AlertReached,
        _ => TimelineKind::AlertFailed,
    };
    world.entry(OUTAGE, kind, when, "services/notification", |entry| {
        entry.people = Some(of.person.to_owned()).filter(|person| !person.is_empty()).into_iter().collect();
        entry.references = vec![of.notification.to_owned()];
        entry.alert_side = of.side.into();
        entry.channel = of.channel.into();
        entry.attempt = attempt;
        entry.reason = reason.to_owned();
    });
    let event = AlertProgressed {
        notification: of.notification.to_owned(),
        client: ACME.to_owned(),
        case: OUTAGE.to_owned(),
        side: of.side.into(),
        channel: of.channel.into(),
        step: step.into(),
        person: of.person.to_owned(),
        attempt,
        reason: reason.to_owned(),
        time: Some(ts(when)),
        from_copy: false,
    };
    world.event("notification", of.notification, when, &event);
}

/// A mail to one side; gives its notification.
fn mailed(world: &mut World, side: AlertSide, audience: &str, to: &str) -> String {
    let name = world.send(&Sent {
        kind: NotificationKind::CriticalAlert,
        case: OUTAGE,
        client: ACME,
        author: "",
        audience,
        recipients: &[to],
        stand_ins_for: &[],
        subject: "Critical incident",
        text: "Something critical happened.",
        when: DECLARED,
    });
    let one = world.notifications.last_mut().unwrap();
    (one.channel, one.side) = (Channel::Email.into(), side.into());
    one.attempts_made = vec![attempt(to, 1, AlertStep::HandedOver, "", DECLARED, DECLARED, "")];
    let told = Told { notification: &name, side, channel: Channel::Email, person: to };
    progressed(world, told, AlertStep::Attempted, 1, "", DECLARED);
    progressed(world, told, AlertStep::HandedOver, 1, "", DECLARED);
    name
}

fn attempt(
    to: &str,
    number: i32,
    step: AlertStep,
    reason: &str,
    begin: &str,
    end: &str,
    evidence: &str,
) -> AlertAttempt {
    AlertAttempt {
        people: vec![to.to_owned()],
        attempt: number,
        step: step.into(),
        reason: reason.to_owned(),
        begin_time: Some(ts(begin)),
        end_time: Some(ts(end)),
        evidence: evidence.to_owned(),
        ..AlertAttempt::default()
    }
}

/// An alert by phone; gives its notification.
fn phoned(world: &mut World, id: &str, side: AlertSide, audience: &str, state: NotificationState) -> String {
    let name = format!("notifications/{id}");
    world.notifications.push(contracts::notification::v1::Notification {
        name: name.clone(),
        kind: NotificationKind::CriticalAlert.into(),
        state: state.into(),
        client: ACME.to_owned(),
        case: OUTAGE.to_owned(),
        audience: audience.to_owned(),
        queue_time: Some(ts(DECLARED)),
        channel: Channel::Phone.into(),
        side: side.into(),
        revision: 2,
        ..Default::default()
    });
    name
}

/// A call to one number, from its beginning to its end.
fn called(world: &mut World, of: Told<'_>, number: &str, attempts: i32, times: (&str, &str), end: (AlertStep, &str)) {
    let call = format!("calls/{}-{attempts}", of.notification.trim_start_matches("notifications/"));
    let reached = end.0 == AlertStep::Reached;
    world.calls.push(Call {
        name: call.clone(),
        notification: of.notification.to_owned(),
        client: ACME.to_owned(),
        case: OUTAGE.to_owned(),
        side: of.side.into(),
        person: of.person.to_owned(),
        attempt: attempts,
        state: if reached { CallState::Reached } else { CallState::Ended }.into(),
        reason: end.1.to_owned(),
        begin_time: Some(ts(times.0)),
        key_press_time: reached.then(|| ts(times.1)),
        end_time: Some(ts(times.1)),
        provider: "local-phones".to_owned(),
        round: 1,
        ..Call::default()
    });
    world.calls_out.push(PlacedCall {
        call: call.clone(),
        notification: of.notification.to_owned(),
        case: OUTAGE.to_owned(),
        person: of.person.to_owned(),
        to: number.to_owned(),
        spoken: "This is an urgent message.".to_owned(),
        place_time: at(times.0),
        from_copy: false,
    });
    let one = world.notifications.iter_mut().find(|one| one.name == of.notification).unwrap();
    one.attempts_made.push(attempt(of.person, attempts, end.0, end.1, times.0, times.1, &call));
    progressed(world, of, AlertStep::Attempted, attempts, "", times.0);
    progressed(world, of, end.0, attempts, end.1, times.1);
}

fn update(world: &mut World, when: &str, next: &str) {
    let name = world.send(&Sent {
        kind: NotificationKind::IncidentUpdate,
        case: OUTAGE,
        client: ACME,
        author: "staff/anna",
        audience: "INCIDENT_CONTACTS",
        recipients: &[KIM],
        stand_ins_for: &[],
        subject: "Update",
        text: "The books are read-only until we have found it.",
        when,
    });
    world.audit("notification", when, "staff/anna", SEND, &[&name, OUTAGE], (Done, ""));
    let request = json!({ "client": ACME, "case": OUTAGE, "nature": "MESSAGE_NATURE_INCIDENT_UPDATE" });
    world.step(when, "staff/anna", SEND, request, answer());
    world.entry(OUTAGE, TimelineKind::ClientUpdated, when, "staff/anna", |entry| {
        entry.people = vec![KIM.to_owned()];
        entry.references = vec![name];
        entry.clock = ClockKind::ClientUpdate.into();
        entry.due_time = Some(ts(next));
    });
}

pub(super) fn outage(world: &mut World) {
    opened(world);
    let (client, management) = (AlertSide::Client, AlertSide::Management);
    let client_mail = mailed(world, client, "INCIDENT_CONTACTS", KIM);
    let firm_mail = mailed(world, management, "MANAGEMENT", DORA);
    let client_call = phoned(world, "call-client", client, "INCIDENT_CONTACTS", NotificationState::Reached);
    let firm_call = phoned(world, "call-firm", management, "MANAGEMENT", NotificationState::Failed);

    let to_kim = Told { notification: &client_call, side: client, channel: Channel::Phone, person: KIM };
    let first = (DECLARED, "2026-04-07T21:00:25Z");
    called(world, to_kim, "+442079460021", 1, first, (AlertStep::NotReached, "NO_ANSWER"));
    let second = (first.1, "2026-04-07T21:00:40Z");
    called(world, to_kim, "+447700900021", 2, second, (AlertStep::Reached, ""));

    let to_dora = Told { notification: &firm_call, side: management, channel: Channel::Phone, person: DORA };
    let first = (DECLARED, "2026-04-07T21:00:05Z");
    called(world, to_dora, "+442079460001", 1, first, (AlertStep::NotReached, "BUSY"));
    let second = (first.1, "2026-04-07T21:00:35Z");
    called(world, to_dora, "+442079460002", 2, second, (AlertStep::NotReached, "NO_ANSWER"));
    let nobody = Told { person: "", ..to_dora };
    progressed(world, nobody, AlertStep::Failed, 0, "NOBODY_REACHED", second.1);
    told(world, NotificationKind::AlertFailed, OUTAGE, "MANAGEMENT", &[DORA], &[], second.1);
    told(world, NotificationKind::AlertFailed, OUTAGE, "ACCOUNT_MANAGER", &["staff/anna"], &[], second.1);

    // Kim answers the mail.
    let message_id = world.notifications.iter().find(|one| one.name == client_mail).unwrap().message_id.clone();
    let extra = format!("In-Reply-To: <{message_id}>\r\n");
    let letter = Letter {
        file: "20-outage",
        from: "Kim <kim@acme.example>",
        subject: "Re: Critical incident",
        text: "I have it.",
        received: "2026-04-07T21:20:00Z",
        dmarc: "pass",
        extra: &extra,
    };
    let mail = inquiry(world, &letter, KIM, OUTAGE);
    world.entry(OUTAGE, TimelineKind::ClientWrote, letter.received, KIM, |entry| entry.references = vec![mail.clone()]);
    let answered = Told { notification: &client_mail, side: client, channel: Channel::Email, person: KIM };
    progressed(world, answered, AlertStep::Reached, 1, "", letter.received);
    let one = world.notifications.iter_mut().find(|one| one.name == client_mail).unwrap();
    one.state = NotificationState::Reached.into();
    one.attempts_made = vec![attempt(KIM, 1, AlertStep::Reached, "", DECLARED, letter.received, &mail)];

    update(world, "2026-04-07T21:50:00Z", "2026-04-07T22:50:00Z");
    let late = "2026-04-07T22:50:00Z";
    breached(world, OUTAGE, ACME, ClockKind::ClientUpdate, late);
    told(world, NotificationKind::ClockBreach, OUTAGE, "ACCOUNT_MANAGER", &["staff/anna"], &[], late);
    update(world, "2026-04-07T23:00:00Z", "2026-04-08T00:00:00Z");
    proposed(world, OUTAGE, ACME, "staff/cleo", KIM, 1, "2026-04-07T23:05:00Z");
    confirmed(world, OUTAGE, 1, KIM, NOBODY, "2026-04-07T23:10:00Z");
    confirmed(world, OUTAGE, 1, "staff/anna", NOBODY, "2026-04-07T23:15:00Z");
    closed(
        world,
        OUTAGE,
        ACME,
        "staff/anna",
        "2026-04-07T23:15:00Z",
        Proposal {
            revision: 1,
            text: "We correct the run and send a new slip.".to_owned(),
            proposer: "staff/cleo".to_owned(),
            propose_time: Some(ts("2026-04-07T23:05:00Z")),
            confirmations: vec![
                confirmation(Side::Client, KIM, None, "2026-04-07T23:10:00Z"),
                confirmation(Side::Firm, "staff/anna", None, "2026-04-07T23:15:00Z"),
            ],
            rejected: false,
        },
    );
    let case = world.cases.iter_mut().find(|case| case.name == OUTAGE).unwrap();
    case.kind = CaseKind::Incident.into();
    let owed =
        |side: AlertSide, channel: Channel, state: ObligationState, notification: &str, person: &str| Obligation {
            side: side.into(),
            channel: channel.into(),
            state: state.into(),
            notification: notification.to_owned(),
            first_attempt_time: Some(ts(DECLARED)),
            person: person.to_owned(),
            ..Obligation::default()
        };
    case.critical = Some(Critical {
        declare_time: Some(ts(DECLARED)),
        declarer: "staff/anna".to_owned(),
        report_due_time: Some(ts(REPORT)),
        obligations: vec![
            owed(client, Channel::Email, ObligationState::Reached, &client_mail, KIM),
            owed(client, Channel::Phone, ObligationState::Reached, &client_call, KIM),
            owed(management, Channel::Email, ObligationState::HandedOver, &firm_mail, DORA),
            owed(management, Channel::Phone, ObligationState::Failed, &firm_call, DORA),
        ],
    });
}

fn opened(world: &mut World) {
    world.cases.push(Case {
        name: OUTAGE.to_owned(),
        client: ACME.to_owned(),
        kind: CaseKind::Incident.into(),
        origin: CaseOrigin::Api.into(),
        opener: "staff/anna".to_owned(),
        subject: "The books are open to strangers".to_owned(),
        policy_version: 1,
        open_time: Some(ts(DECLARED)),
        revision: 1,
        ..Case::default()
    });
    world.entry(OUTAGE, TimelineKind::Opened, DECLARED, "staff/anna", |entry| {
        entry.text = "The books are open to strangers".to_owned();
    });
    let opened = CaseOpened {
        case: OUTAGE.to_owned(),
        client: ACME.to_owned(),
        kind: CaseKind::Incident.into(),
        origin: CaseOrigin::Api.into(),
        opener: "staff/anna".to_owned(),
        open_time: Some(ts(DECLARED)),
        ..CaseOpened::default()
    };
    world.event("escalation", OUTAGE, DECLARED, &opened);
    world.clock(OUTAGE, ClockKind::Resolution, DECLARED, REPORT, "");
    world.entry(OUTAGE, TimelineKind::DeclaredCritical, DECLARED, "staff/anna", |entry| {
        entry.due_time = Some(ts(REPORT));
    });
    let declared = CriticalDeclared {
        case: OUTAGE.to_owned(),
        client: ACME.to_owned(),
        declarer: "staff/anna".to_owned(),
        declare_time: Some(ts(DECLARED)),
        report_due_time: Some(ts(REPORT)),
        policy_version: 1,
        ..CriticalDeclared::default()
    };
    world.event("escalation", OUTAGE, DECLARED, &declared);
    world.clock(OUTAGE, ClockKind::ClientUpdate, DECLARED, "2026-04-07T22:00:00Z", "");
    let rpc = format!("{CASES}/OpenCase");
    world.audit("escalation", DECLARED, "staff/anna", &rpc, &[OUTAGE], (Done, ""));
    let subject = "The books are open to strangers";
    let request = json!({ "case": { "client": ACME, "kind": "CASE_KIND_INCIDENT", "subject": subject } });
    world.step(DECLARED, "staff/anna", &rpc, request, answer());
}
