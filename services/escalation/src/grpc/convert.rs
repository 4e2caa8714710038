//! Cases as the contract tells them.

use command::{Fault, wire::proto_time};
use contracts::escalation::v1::{
    self as wire, CaseKind, CaseOrigin, CaseState, ClockKind, ClockState, Confirmation, ObligationState, Side,
    TimelineEntry,
};
use prost::Message;

use crate::case::{
    Stored, Words,
    entity::{
        Case, ClientWord, Confirmed, Critical, Due, FirmWord, Inquiry, Kind, Obligation, Origin, Previewed, Progress,
        Resolution, Response, Stage, Told, Updates,
    },
    repo::TimelineRow,
    timeline::{alert_side_of, channel_of, provenance},
};

/// A case with its words.
///
/// # Errors
/// Where a stored time does not read.
pub fn case(stored: &Stored, words: Words) -> Result<wire::Case, Fault> {
    let case = &stored.case;
    let (origin, mail, thread) = match &case.origin {
        Origin::Mail { mail, thread } => (CaseOrigin::Mail, mail.clone(), thread.clone()),
        Origin::Api => (CaseOrigin::Api, String::new(), String::new()),
    };
    let (acknowledged, steps_taken) = match &case.stage {
        Stage::Inquiry(_) => (false, 0),
        Stage::Issue(issue) => (issue.acknowledged, issue.steps_taken),
    };
    Ok(wire::Case {
        name: case.name(),
        client: case.client.clone(),
        engagement: case.engagement.clone().unwrap_or_default(),
        kind: kind(case).into(),
        state: state(case).into(),
        origin: origin.into(),
        mail,
        thread,
        opener: case.opener.clone(),
        policy_version: case.policy.as_ref().map_or(0, |policy| policy.version),
        clocks: clocks(case, &words),
        subject: words.subject,
        proposal: proposal(case, words.proposal),
        acknowledged,
        steps_taken: i32::try_from(steps_taken).unwrap_or(i32::MAX),
        epoch: case.epoch,
        open_time: Some(proto_time(case.open_time)),
        close_time: stored.close_time()?.map(proto_time),
        revision: stored.revision,
        etag: stored.etag(),
        critical: case.critical().map(critical),
    })
}

/// What it is.
pub fn kind(case: &Case) -> CaseKind {
    match case.kind() {
        Kind::Inquiry => CaseKind::Inquiry,
        Kind::Issue => CaseKind::Issue,
        Kind::Incident => CaseKind::Incident,
    }
}

/// Where it stands.
pub fn state(case: &Case) -> CaseState {
    match &case.stage {
        Stage::Inquiry(Inquiry::Awaiting(_)) => CaseState::AwaitingResponse,
        Stage::Inquiry(Inquiry::Answered(_)) => CaseState::Answered,
        Stage::Issue(issue) => match &issue.progress {
            Progress::Unresolved { .. } => CaseState::Unresolved,
            Progress::Proposed(_) => CaseState::ResolutionProposed,
            Progress::Closed(_) => CaseState::Closed,
        },
    }
}

/// The name of a state as it is stored; none where the filter is off.
pub fn stored_state(state: CaseState) -> Option<&'static str> {
    match state {
        CaseState::Unspecified => None,
        CaseState::AwaitingResponse => Some("AWAITING_RESPONSE"),
        CaseState::Answered => Some("ANSWERED"),
        CaseState::Unresolved => Some("UNRESOLVED"),
        CaseState::ResolutionProposed => Some("RESOLUTION_PROPOSED"),
        CaseState::Closed => Some("CLOSED"),
    }
}

fn clocks(case: &Case, words: &Words) -> Vec<wire::Clock> {
    let mut clocks = Vec::new();
    let (response, issue) = match &case.stage {
        Stage::Inquiry(Inquiry::Awaiting(waiting)) => (Some(Response::Waiting(waiting.clone())), None),
        Stage::Inquiry(Inquiry::Answered(ended)) => (Some(Response::Ended(ended.clone())), None),
        Stage::Issue(issue) => (issue.response.clone(), Some(issue)),
    };
    if let Some(response) = response {
        clocks.push(response_clock(&response, &words.response_reason));
    }
    if let Some(issue) = issue {
        clocks.push(resolution_clock(&issue.resolution, &issue.progress, &words.resolution_reason));
        let updates = issue.critical.as_ref().map(|critical| &critical.updates);
        clocks.extend(updates.map(|updates| update_clock(updates, &issue.progress, &words.update_reason)));
    }
    clocks
}

fn response_clock(response: &Response, reason: &str) -> wire::Clock {
    let (state, start, due, end, breached) = match response {
        Response::Waiting(waiting) => (ClockState::Running, waiting.start, waiting.due.as_ref(), None, false),
        Response::Late(late) => (ClockState::Running, late.start, Some(&late.due), None, true),
        Response::Ended(ended) => (ClockState::Ended, ended.start, ended.due.as_ref(), Some(ended.end), ended.late),
    };
    let clock = wire::Clock {
        kind: ClockKind::FirstResponse.into(),
        state: state.into(),
        start_time: Some(proto_time(start)),
        end_time: end.map(proto_time),
        breached,
        lateness_reason: reason.to_owned(),
        ..wire::Clock::default()
    };
    with_due(clock, due)
}

fn resolution_clock(resolution: &Resolution, progress: &Progress, reason: &str) -> wire::Clock {
    let due = Due { time: resolution.due, local: resolution.local.clone(), provenance: None };
    let (state, due, end) = match progress {
        Progress::Unresolved { .. } => (ClockState::Running, Some(&due), None),
        Progress::Proposed(_) => (ClockState::Suspended, None, None),
        Progress::Closed(closure) => (ClockState::Ended, Some(&due), Some(closure.time)),
    };
    let clock = wire::Clock {
        kind: ClockKind::Resolution.into(),
        state: state.into(),
        start_time: Some(proto_time(resolution.start)),
        end_time: end.map(proto_time),
        breached: resolution.breached,
        lateness_reason: reason.to_owned(),
        ..wire::Clock::default()
    };
    with_due(clock, due)
}

fn update_clock(updates: &Updates, progress: &Progress, reason: &str) -> wire::Clock {
    let (state, end) = match progress {
        Progress::Unresolved { .. } | Progress::Proposed(_) => (ClockState::Running, None),
        Progress::Closed(closure) => (ClockState::Ended, Some(closure.time)),
    };
    let clock = wire::Clock {
        kind: ClockKind::ClientUpdate.into(),
        state: state.into(),
        start_time: Some(proto_time(updates.since)),
        end_time: end.map(proto_time),
        breached: updates.missed > 0,
        lateness_reason: reason.to_owned(),
        ..wire::Clock::default()
    };
    with_due(clock, Some(&updates.due))
}

fn critical(of: &Critical) -> wire::Critical {
    wire::Critical {
        declare_time: Some(proto_time(of.declared)),
        declarer: of.declarer.clone(),
        report_due_time: Some(proto_time(of.report_due)),
        obligations: of.obligations.iter().map(obligation).collect(),
    }
}

fn obligation(of: &Obligation) -> wire::Obligation {
    let state = match of.state {
        Told::Pending => ObligationState::Pending,
        Told::HandedOver => ObligationState::HandedOver,
        Told::Reached => ObligationState::Reached,
        Told::Failed => ObligationState::Failed,
    };
    wire::Obligation {
        side: alert_side_of(of.side),
        channel: channel_of(of.channel),
        state: state.into(),
        notification: of.notification.clone().unwrap_or_default(),
        first_attempt_time: of.first_attempt.map(proto_time),
        end_time: of.end.map(proto_time),
        person: of.person.clone().unwrap_or_default(),
        reason: of.reason.clone(),
        from_copy: of.from_copy,
    }
}

fn with_due(clock: wire::Clock, due: Option<&Due>) -> wire::Clock {
    let Some(due) = due else { return clock };
    wire::Clock {
        due_time: Some(proto_time(due.time)),
        due_local: due.local.clone().unwrap_or_default(),
        provenance: due.provenance.as_ref().map(provenance),
        ..clock
    }
}

fn proposal(case: &Case, text: String) -> Option<wire::Proposal> {
    let Stage::Issue(issue) = &case.stage else { return None };
    let (revision, proposer, time, confirmations, rejected) = match &issue.progress {
        Progress::Unresolved { rejected: None } => return None,
        Progress::Unresolved { rejected: Some(last) } => {
            (last.revision, &last.proposer, last.time, confirmations(&last.confirmed), true)
        }
        Progress::Proposed(now) => (now.revision, &now.proposer, now.time, confirmations(&now.confirmed), false),
        Progress::Closed(end) => {
            let both = vec![client_word(&end.client), firm_word(&end.firm)];
            (end.revision, &end.proposer, end.proposed, both, false)
        }
    };
    Some(wire::Proposal {
        revision,
        text,
        proposer: proposer.clone(),
        propose_time: Some(proto_time(time)),
        confirmations,
        rejected,
    })
}

fn confirmations(confirmed: &Confirmed) -> Vec<Confirmation> {
    match confirmed {
        Confirmed::Nobody => Vec::new(),
        Confirmed::Client(word) => vec![client_word(word)],
        Confirmed::Firm(word) => vec![firm_word(word)],
    }
}

fn client_word(word: &ClientWord) -> Confirmation {
    Confirmation {
        side: Side::Client.into(),
        person: word.contact.clone(),
        recorder: word.recorder.clone().unwrap_or_default(),
        confirm_time: Some(proto_time(word.time)),
    }
}

fn firm_word(word: &FirmWord) -> Confirmation {
    Confirmation {
        side: Side::Firm.into(),
        person: word.person.clone(),
        recorder: String::new(),
        confirm_time: Some(proto_time(word.time)),
    }
}

/// An entry for reading; what was erased keeps its place.
///
/// # Errors
/// Where stored bytes do not read.
pub fn entry(case: &str, row: &TimelineRow) -> Result<TimelineEntry, Fault> {
    let Some(packed) = &row.packed else {
        return Ok(TimelineEntry { case: case.to_owned(), sequence: row.sequence, ..TimelineEntry::default() });
    };
    let (_, plaintext) = unpack(packed)?;
    TimelineEntry::decode(plaintext).map_err(Fault::answer)
}

/// An entry for verification elsewhere: the very bytes that were stored.
///
/// # Errors
/// Where stored bytes do not read.
pub fn chained(row: &TimelineRow) -> Result<wire::ChainedEntry, Fault> {
    let (salt, entry) = match &row.packed {
        Some(packed) => {
            let (salt, plaintext) = unpack(packed)?;
            (salt.as_bytes().to_vec(), plaintext.to_vec())
        }
        None => (Vec::new(), Vec::new()),
    };
    Ok(wire::ChainedEntry { sequence: row.sequence, entry, salt, hash: row.hash.clone() })
}

fn unpack(packed: &[u8]) -> Result<(evidence::Salt, &[u8]), Fault> {
    evidence::chain::unpack(packed).map_err(|error| Fault::Stored(format!("timeline entry: {error}")))
}

/// A step of a preview.
pub fn previewed(step: Previewed) -> wire::PreviewedStep {
    wire::PreviewedStep { time: Some(proto_time(step.time)), what: step.what.to_owned(), target: step.target }
}
