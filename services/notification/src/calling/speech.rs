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
    let context = Context {
        sender: permit.sender.party.display_name.clone(),
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
