//! Which of a permit's addresses take mail, and how each is found again when something comes back.

use contracts::notification::v1::NotificationKind;

use super::{NotNow, Sender, ending::NotTaken, permit::Permit};
use crate::{
    delivery_report::SentTo,
    grpc::convert,
    notification::entity::{Kind, Notification},
    provider::RefusedRecipient,
    suppression,
};

/// Why a mail is blocked whose addresses all take none.
pub const SUPPRESSED: &str = "RECIPIENT_SUPPRESSED";

/// A critical alert goes to every address that there is: better one that comes back than one not tried (SOP 8.2).
fn heeds_suppressions(kind: Kind) -> bool {
    convert::notification_kind(kind) != NotificationKind::CriticalAlert
}

impl Sender {
    /// The permit without those whose address takes no mail, and where it then goes.
    pub(super) async fn taking_mail(
        &self,
        notification: &Notification,
        mut permit: Permit,
    ) -> Result<(Permit, Vec<SentTo>), NotNow> {
        let keyring = self.commands.keyring();
        let index = |address: &str| suppression::address_index(keyring, address);
        let indexes: Vec<_> = permit.recipients.iter().map(|person| index(&person.party.email)).collect();
        if notification.audience.is_client() && heeds_suppressions(notification.kind) {
            let reader = self.commands.db().reader();
            let suppressed = suppression::in_force(reader, &notification.client, &indexes).await?;
            permit.recipients.retain(|person| !suppressed.contains(&index(&person.party.email)));
        }
        let sent_to = permit.recipients.iter().map(|person| SentTo {
            address_index: index(&person.party.email),
            person: person.name.clone(),
            outcome: String::new(),
        });
        let sent_to = sent_to.collect();
        Ok((permit, sent_to))
    }

    /// Who it is for whom the provider does not take a mail.
    pub(super) fn not_taken(&self, refused: RefusedRecipient, sent_to: &[SentTo]) -> Option<NotTaken> {
        let index = suppression::address_index(self.commands.keyring(), &refused.address);
        let to = sent_to.iter().find(|to| to.address_index == index)?.clone();
        let status = if refused.permanent { refused.status } else { String::new() };
        Some(NotTaken { to, reason: refused.reason, status })
    }
}
