//! A mail that did not arrive, or may not have: a person who can see to it is told (SOP 6).

use command::{Fault, Unit, derived_id};

use super::{
    NewNotification, Notifications,
    entity::{Audience, Facts, Kind, Notification, Target},
};
use crate::grpc::convert;

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// A failure notice came.
    Returned,
    /// The provider did not take it, for some of those whom it was for.
    Refused,
    /// Its address takes no mail.
    Suppressed,
    /// Nobody knows whether it arrived.
    Unknown,
    /// It was given up.
    Failed,
}

impl Trouble {
    fn as_str(self) -> &'static str {
        match self {
            Self::Returned => "RETURNED",
            Self::Refused => "REFUSED",
            Self::Suppressed => "RECIPIENT_SUPPRESSED",
            Self::Unknown => "OUTCOME_UNKNOWN",
            Self::Failed => "FAILED",
        }
    }
}

impl Notifications {
    /// Tells the account manager of what was for the client, management of what was for the firm's own people. Of such a
    /// telling itself nobody is told, and once of each trouble.
    ///
    /// # Errors
    /// The database's.
    pub async fn tell_undelivered(
        &self,
        unit: &Unit<'_>,
        notification: &Notification,
        trouble: Trouble,
        reason: &str,
    ) -> Result<(), Fault> {
        let target = match &notification.audience {
            _ if notification.kind == Kind::Undelivered => return Ok(()),
            audience if audience.is_client() && !notification.client.is_empty() => Target::AccountManager,
            Audience::Target(Target::Management) => return Ok(()),
            _ => Target::Management,
        };
        let new = NewNotification {
            id: derived_id(
                &notification.id,
                &format!("undelivered {} {}", trouble.as_str(), notification.returned.len()),
            ),
            client: notification.client.clone(),
            engagement: notification.engagement.clone(),
            case: notification.case.clone(),
            facts: Facts {
                about: notification.name(),
                about_kind: convert::kind_name(notification.kind).to_owned(),
                trouble: trouble.as_str().to_owned(),
                trouble_reason: reason.to_owned(),
                ..Facts::default()
            },
            ..NewNotification::generated(Kind::Undelivered, Audience::Target(target))
        };
        self.queue(unit, new).await.map(drop)
    }
}
