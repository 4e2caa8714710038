//! What is spoken: nothing about the client until a key was pressed, and on a voicemail no more than a pointer.

use crate::{
    call::Script,
    notification::entity::Notification,
    sending::{
        permit::Permit,
        templates::{Context, Spoken, speak},
    },
};

/// What is spoken on a call of this alert.
pub fn script(alert: &Notification, permit: &Permit) -> Result<Script, minijinja::Error> {
    let firm = &permit.sender.party;
    // The firm's service address has a name only where somebody gave it one; its domain is what people know it by.
    let domain = firm.email.rsplit_once('@').map_or(firm.email.as_str(), |(_, domain)| domain);
    let context = Context {
        sender: if firm.display_name.is_empty() { domain.to_owned() } else { firm.display_name.clone() },
        client: permit.client_display_name.clone(),
        case: alert.case.clone(),
        to_client: alert.audience.is_client(),
        ..Context::default()
    };
    Ok(Script {
        spoken: speak(Spoken::Open, &context)?,
        voicemail: speak(Spoken::Voicemail, &context)?,
        confirmed: speak(Spoken::Confirmed, &context)?,
    })
}
