//! A person's message to a client.

use command::{Fault, Unit, new_id};
use database::ConnectionTrait;
use refusal::{Kind as Refused, Refusal};

use super::{
    NewNotification, Notifications,
    entity::{Audience, Kind, Notification},
    repo::Words,
};
use crate::{
    mail,
    thread::{self, CaseLink, Thread},
};

/// What somebody wants to send.
#[derive(Clone, Debug)]
pub struct Message {
    /// Whom it is for, `clients/{client}`.
    pub client: String,
    /// What it is about; empty for no case.
    pub case: String,
    /// A contact of the client; empty for whoever wrote last on the case's conversation, or, for an update on a critical
    /// incident, for everybody who is told of those.
    pub contact: String,
    /// [`Kind::Reply`], [`Kind::Acknowledgement`] or [`Kind::IncidentUpdate`].
    pub kind: Kind,
    /// Empty for the conversation's.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// Why it is sent although the language check blocks it.
    pub override_reason: String,
    /// By which rules it does.
    pub language_blocks: Vec<String>,
}

/// The answer where a case was not heard of here yet.
pub fn case_not_here_yet(case: &str) -> Refusal {
    let sentence = "this case was opened a moment ago and is not known here yet; repeat the call";
    Refusal::new(Refused::Unavailable, "CASE_NOT_HERE_YET", sentence).with("case", case)
}

impl Notifications {
    /// Queues a person's message; the author is the caller.
    ///
    /// # Errors
    /// `RECIPIENT_NOT_OF_CLIENT`, `CONTACT_MISSING`, `CASE_MISSING` and `SUBJECT_MISSING` for fields; `NOT_FOUND` where the case is another
    /// client's, `CASE_NOT_HERE_YET` where it was not heard of.
    pub async fn send_message(&self, unit: &Unit<'_>, message: Message) -> Result<Notification, Fault> {
        let Message { client, case, contact, kind, subject, text, override_reason, language_blocks } = message;
        if !contact.is_empty() && mail::entity::client_of(&contact) != client {
            return Err(Refusal::field("RECIPIENT_NOT_OF_CLIENT", "contact", "is not a contact of this client").into());
        }
        let link = match case.as_str() {
            "" => None,
            case => Some(known_case(unit, case, &client).await?),
        };
        let thread = match &link {
            Some(link) if !link.thread.is_empty() => thread::lock(unit.tx(), &link.thread).await?,
            _ => None,
        };
        if kind == Kind::IncidentUpdate && link.is_none() {
            return Err(Refusal::field("CASE_MISSING", "case", "is needed: an update is on a critical incident").into());
        }
        let audience = match (contact.as_str(), &thread, &link) {
            ("", ..) if kind == Kind::IncidentUpdate => Audience::IncidentContacts,
            ("", Some(thread), _) if !thread.last_contact.is_empty() => Audience::Contact(thread.last_contact.clone()),
            ("", _, Some(link)) if mail::entity::client_of(&link.opener) == client => {
                Audience::Contact(link.opener.clone())
            }
            ("", ..) => {
                let why = "is needed: nobody of the client has written on this conversation";
                return Err(Refusal::field("CONTACT_MISSING", "contact", why).into());
            }
            _ => Audience::Contact(contact),
        };
        let subject = subject_of(unit, subject, thread.as_ref()).await?;
        let thread = match thread {
            Some(thread) => thread,
            None => {
                let thread = thread::begin(unit, &client, &case, &subject).await?;
                if link.is_some() {
                    thread::give_thread(unit.tx(), &case, &client, &thread.id).await?;
                }
                thread
            }
        };
        let new = NewNotification {
            id: new_id(),
            client,
            engagement: link.map(|link| link.engagement).unwrap_or_default(),
            case,
            thread: thread.id,
            author: unit.actor().to_owned(),
            words: Some(Words { subject, text, override_reason }),
            language_blocks,
            ..NewNotification::generated(kind, audience)
        };
        let queued = self.queue(unit, new).await?;
        queued.ok_or_else(|| Fault::Stored("a new notification was there before".into()))
    }
}

async fn known_case(unit: &Unit<'_>, case: &str, client: &str) -> Result<CaseLink, Fault> {
    // Against a first message at the same time, which would give the case a second conversation.
    let lock = database::for_update(unit.tx().get_database_backend());
    match thread::find_case(unit.tx(), case, lock).await? {
        Some(link) if link.client == client => Ok(link),
        Some(_) => Err(Refusal::not_found(case).into()),
        None => Err(case_not_here_yet(case).into()),
    }
}

async fn subject_of(unit: &Unit<'_>, given: String, thread: Option<&Thread>) -> Result<String, Fault> {
    if !given.trim().is_empty() {
        return Ok(given.trim().to_owned());
    }
    let Some(thread) = thread else {
        let why = "is needed: there is no conversation yet whose subject it could take";
        return Err(Refusal::field("SUBJECT_MISSING", "subject", why).into());
    };
    let subject = thread::subject(unit.tx(), unit.keyring(), thread).await?;
    Ok(answer_to(&subject))
}

/// `Re: ` before a subject, once.
pub fn answer_to(subject: &str) -> String {
    let subject = subject.trim();
    if subject.get(..3).is_some_and(|begin| begin.eq_ignore_ascii_case("re:")) {
        return subject.to_owned();
    }
    if subject.is_empty() { "Re: your message".to_owned() } else { format!("Re: {subject}") }
}

#[cfg(test)]
mod tests {
    use super::answer_to;

    #[test]
    fn an_answer_says_re_once() {
        assert_eq!(answer_to("Invoice 7"), "Re: Invoice 7");
        assert_eq!(answer_to("RE: Invoice 7"), "RE: Invoice 7");
        assert_eq!(answer_to(""), "Re: your message");
        assert_eq!(answer_to("né"), "Re: né");
    }
}
