//! A permit to send one thing once, and why there is none. Pure.

use std::time::Duration;

use business_time::Timestamp;

use crate::policy::Target;

/// How long a permit lives, by the system clock.
pub(crate) const LIFE: Duration = Duration::from_secs(30);

/// The record of a permit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Permit {
    pub id: String,
    /// `notifications/{notification}`
    pub notification: String,
    /// The client's id; empty where none is concerned.
    pub client: String,
    pub policy_version: u64,
    pub issue_time: Timestamp,
    pub expire_time: Timestamp,
}

impl Permit {
    /// A permit from now on.
    pub fn issue(id: String, notification: &str, client: Option<&str>, policy_version: u64, now: Timestamp) -> Self {
        Self {
            id,
            notification: notification.to_owned(),
            client: client.unwrap_or_default().to_owned(),
            policy_version,
            issue_time: now,
            expire_time: now.checked_add(LIFE).unwrap_or(now),
        }
    }
}

/// To whom something goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    /// A contact of a client, both by id.
    Contact { client: String, id: String },
    /// A member of staff by id.
    Staff(String),
    /// Whoever holds this for the client now.
    Target(Target),
    /// Whoever takes mails of unknown senders.
    Intake,
    /// Whoever of the client may confirm (SOP 8.4): this contact, by client and own id, where they may; else all who may.
    Confirmers { asked: Option<(String, String)> },
    /// Whoever of the client is told of a critical incident (SOP 8.2).
    IncidentContacts,
}

/// How it goes (SOP 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Channel {
    Email,
    Phone,
}

/// What somebody wants to send, and for whom. Ids, not names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wish {
    /// `notifications/{notification}`
    pub notification: String,
    pub channel: Channel,
    pub client: Option<String>,
    /// The engagement's client and own id.
    pub engagement: Option<(String, String)>,
    pub author: Option<String>,
    pub audience: Audience,
}

/// One who sends or receives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Party {
    /// The resource name; empty for the service address.
    pub person: String,
    pub display_name: String,
    pub email: String,
    /// The resource name of the absent person in whose stead this one is told; empty otherwise.
    pub stands_in_for: String,
    /// In the order in which they are tried; empty where it goes by mail.
    pub phones: Vec<String>,
}

/// Who would be told of a client's critical incident now, and who of them later (SOP 8.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IncidentParties {
    pub client_display_name: String,
    pub contacts: Vec<Party>,
    pub management: Vec<Party>,
    pub sender: Party,
    pub policy_version: u64,
    pub revision: u64,
}

/// A permit with what goes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Granted {
    pub permit: Permit,
    pub sender: Party,
    pub recipients: Vec<Party>,
    pub client_display_name: String,
}

/// Why something may not be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Denial {
    #[error("no policy is published, so no channel is approved")]
    NoPolicy,
    #[error("the client is not there")]
    ClientUnknown,
    #[error("whoever is to get it belongs to another client than the one it concerns")]
    RecipientNotOfClient,
    #[error("whoever is to get it has left or is not there")]
    RecipientInactive,
    #[error("whoever wrote it has left, or their access has ended")]
    SenderInactive,
    #[error("whoever wrote it has no address of the official domain")]
    SenderNotOfficial,
    #[error("nobody who is to get it has an address of the official domain; UpdateStaff gives them one")]
    RecipientNotOfficial,
    #[error(
        "there is nobody to tell: nobody of the firm holds it, no contact of the client may confirm, or on the phone nobody \
         has a number"
    )]
    NobodyToTell,
}

impl Denial {
    /// Stable and for programs.
    pub fn reason(self) -> &'static str {
        match self {
            Self::NoPolicy => "NO_POLICY",
            Self::ClientUnknown => "CLIENT_UNKNOWN",
            Self::RecipientNotOfClient => "RECIPIENT_NOT_OF_CLIENT",
            Self::RecipientInactive => "RECIPIENT_INACTIVE",
            Self::SenderInactive => "SENDER_INACTIVE",
            Self::SenderNotOfficial => "SENDER_NOT_OFFICIAL",
            Self::RecipientNotOfficial => "RECIPIENT_NOT_OFFICIAL",
            Self::NobodyToTell => "NOBODY_TO_TELL",
        }
    }
}

/// Somebody of the firm who is told, and the absent person they stand in for. Ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub id: String,
    pub stands_in_for: Option<String>,
}

/// Each person once: whoever is told in their own right is not told again in somebody's stead.
pub(crate) fn each_once(told: Vec<Told>) -> Vec<Told> {
    let mut once: Vec<Told> = Vec::with_capacity(told.len());
    for one in told {
        match once.iter_mut().find(|known| known.id == one.id) {
            Some(known) if one.stands_in_for.is_none() => known.stands_in_for = None,
            Some(_) => {}
            None => once.push(one),
        }
    }
    once
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(id: &str, stead: Option<&str>) -> Told {
        Told { id: id.into(), stands_in_for: stead.map(str::to_owned) }
    }

    #[test]
    fn a_permit_lives_30_seconds() {
        let permit = Permit::issue("p".into(), "notifications/n", None, 1, Timestamp::UNIX_EPOCH);
        assert_eq!(permit.expire_time.as_second() - permit.issue_time.as_second(), 30);
    }

    #[test]
    fn one_person_is_told_once_and_in_their_own_right_where_they_have_one() {
        let all = vec![told("bo", Some("anna")), told("cy", Some("anna")), told("bo", None), told("cy", Some("di"))];
        assert_eq!(each_once(all), [told("bo", None), told("cy", Some("anna"))]);
    }
}
