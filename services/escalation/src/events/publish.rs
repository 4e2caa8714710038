//! The private change -> the public event. Ids, times and enums alone; whoever needs words asks.

use command::{Fault, Unit, wire::proto_time};
use contracts::escalation::v1::{
    CaseAcknowledged, CaseBecameIssue, CaseClosed, CaseEscalated, CaseKind, CaseOpened, CaseOrigin, CaseReopened,
    CaseResponded, ClockBreached, ConfirmationDue, CriticalDeclared, ResolutionConfirmed, ResolutionProposed,
    ResolutionRejected, Side,
};

use crate::case::{
    entity::{self, Case, ClockKind, Fact, Kind, Origin, What},
    timeline::clock_of,
};

/// An event that others may read.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each holds the contract's event of its name, which is documented there")]
pub enum PublicEvent {
    Opened(CaseOpened),
    Responded(CaseResponded),
    Reopened(CaseReopened),
    Breached(ClockBreached),
    BecameIssue(CaseBecameIssue),
    Acknowledged(CaseAcknowledged),
    Escalated(CaseEscalated),
    Proposed(ResolutionProposed),
    Rejected(ResolutionRejected),
    Confirmed(ResolutionConfirmed),
    ConfirmationDue(ConfirmationDue),
    Closed(CaseClosed),
    Critical(CriticalDeclared),
}

impl PublicEvent {
    /// Tells it in the transaction of what it tells of.
    ///
    /// # Errors
    /// The database's.
    pub async fn publish(&self, unit: &Unit<'_>, aggregate: &str, revision: u64) -> Result<(), Fault> {
        match self {
            Self::Opened(event) => unit.publish(aggregate, revision, event).await,
            Self::Responded(event) => unit.publish(aggregate, revision, event).await,
            Self::Reopened(event) => unit.publish(aggregate, revision, event).await,
            Self::Breached(event) => unit.publish(aggregate, revision, event).await,
            Self::BecameIssue(event) => unit.publish(aggregate, revision, event).await,
            Self::Acknowledged(event) => unit.publish(aggregate, revision, event).await,
            Self::Escalated(event) => unit.publish(aggregate, revision, event).await,
            Self::Proposed(event) => unit.publish(aggregate, revision, event).await,
            Self::Rejected(event) => unit.publish(aggregate, revision, event).await,
            Self::Confirmed(event) => unit.publish(aggregate, revision, event).await,
            Self::ConfirmationDue(event) => unit.publish(aggregate, revision, event).await,
            Self::Closed(event) => unit.publish(aggregate, revision, event).await,
            Self::Critical(event) => unit.publish(aggregate, revision, event).await,
        }
        .map(drop)
    }
}

/// What others are told of a fact; none where it concerns nobody else.
pub fn event_of(of: &Case, fact: &Fact) -> Option<PublicEvent> {
    let (case, client) = (of.name(), of.client.clone());
    let engagement = of.engagement.clone().unwrap_or_default();
    Some(match &fact.what {
        What::Opened { kind, .. } => {
            let (origin, mail, thread) = match &of.origin {
                Origin::Mail { mail, thread } => (CaseOrigin::Mail, mail.clone(), thread.clone()),
                Origin::Api => (CaseOrigin::Api, String::new(), String::new()),
            };
            let kind = match kind {
                Kind::Inquiry => CaseKind::Inquiry,
                Kind::Issue => CaseKind::Issue,
                Kind::Incident => CaseKind::Incident,
            };
            PublicEvent::Opened(CaseOpened {
                case,
                client,
                engagement,
                kind: kind.into(),
                origin: origin.into(),
                mail,
                thread,
                opener: of.opener.clone(),
                open_time: Some(proto_time(of.open_time)),
            })
        }
        What::Responded { ends_clock: true, .. } => {
            PublicEvent::Responded(CaseResponded { case, client, respond_time: Some(proto_time(fact.occur)) })
        }
        What::Reopened { .. } | What::ReplyReturned { runs_again: true, .. } => {
            PublicEvent::Reopened(CaseReopened { case, client })
        }
        What::ClockBreached { clock, due } => PublicEvent::Breached(ClockBreached {
            case,
            client,
            engagement,
            clock: clock_of(*clock),
            due_time: Some(proto_time(due.time)),
        }),
        What::UpdateMissed { due, superseded: false, .. } => PublicEvent::Breached(ClockBreached {
            case,
            client,
            engagement,
            clock: clock_of(ClockKind::ClientUpdate),
            due_time: Some(proto_time(due.time)),
        }),
        What::DeclaredCritical { declarer, report_due, .. } => PublicEvent::Critical(CriticalDeclared {
            case,
            client,
            engagement,
            declarer: declarer.clone(),
            declare_time: Some(proto_time(fact.occur)),
            report_due_time: Some(proto_time(*report_due)),
            policy_version: of.policy.as_ref().map_or(0, |policy| policy.version),
        }),
        What::BecameIssue { .. } => PublicEvent::BecameIssue(CaseBecameIssue { case, client }),
        What::Acknowledged => PublicEvent::Acknowledged(CaseAcknowledged { case, client }),
        What::Escalated { step, target, .. } => PublicEvent::Escalated(CaseEscalated {
            case,
            client,
            engagement,
            step: i32::try_from(*step).unwrap_or(i32::MAX),
            target: target.as_str().into(),
        }),
        What::ResolutionProposed { revision, contact, .. } => PublicEvent::Proposed(ResolutionProposed {
            case,
            client,
            proposal_revision: *revision,
            contact: contact.clone().unwrap_or_default(),
        }),
        What::ResolutionRejected { revision, .. } => {
            PublicEvent::Rejected(ResolutionRejected { case, client, proposal_revision: *revision })
        }
        What::ResolutionConfirmed { revision, side, .. } => PublicEvent::Confirmed(ResolutionConfirmed {
            case,
            client,
            proposal_revision: *revision,
            side: side_of(*side),
        }),
        What::ConfirmationReminded { revision, side, contact, missed: false, .. } => {
            PublicEvent::ConfirmationDue(ConfirmationDue {
                case,
                client,
                engagement,
                proposal_revision: *revision,
                side: side_of(*side),
                contact: contact.clone().unwrap_or_default(),
            })
        }
        What::Closed => PublicEvent::Closed(CaseClosed { case, client }),
        What::Responded { .. }
        | What::ConfirmationReminded { .. }
        | What::ClientWrote { .. }
        | What::AutomaticMail { .. }
        | What::ThirdPartyMail { .. }
        | What::ClockSet { .. }
        | What::ClockRecomputed { .. }
        | What::Told(_)
        | What::NotTold(_)
        | What::ReplyReturned { .. }
        | What::AcknowledgementSent(_)
        | What::Alerted(_)
        | What::ClientUpdated { .. }
        | What::UpdateMissed { .. }
        | What::LatenessReason { .. } => return None,
    })
}

fn side_of(side: entity::Side) -> i32 {
    match side {
        entity::Side::Client => Side::Client.into(),
        entity::Side::Firm => Side::Firm.into(),
    }
}
