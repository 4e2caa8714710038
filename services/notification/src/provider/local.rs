//! The local outbox: a folder that one can look at instead of a mail server.
//!
//! ```text
//! <folder>/<notification>-<attempt>.eml    one file for each attempt that was handed over; never changed
//!                                          an empty one: an attempt that was settled as never made, and now never can be
//! <folder>/.<notification>-<attempt>.<random>.new    being written; of no meaning
//! ```
//!
//! A mail is written and synced under a name of its own and then linked to its place, which fails where something is there
//! already. So it appears whole or not at all, and once, whoever hands it over again.

use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
};

use async_trait::async_trait;
use business_time::Timestamp;
use mail_parser::{Address, HeaderValue, MessageParser};
use uuid::Uuid;

use super::{HandOver, Lookup, MailProvider, Outgoing, Settlement};

/// A folder of mails that went out.
#[derive(Clone, Debug)]
pub struct LocalOutbox {
    folder: PathBuf,
}

/// A mail in the outbox, for a page that lists them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxMail {
    /// Its name for [`LocalOutbox::read`]: the file's, without `.eml`.
    pub id: String,
    /// `notifications/{notification}`.
    pub notification: String,
    /// As in the `From` field.
    pub from: String,
    /// As in the `To` field.
    pub to: String,
    /// Its subject.
    pub subject: String,
    /// Its `Date`: business time.
    pub date: Option<Timestamp>,
    /// The notification's kind, for example `REPLY`.
    pub kind: String,
    /// The case it is about; empty where it is about none.
    pub case: String,
}

impl LocalOutbox {
    /// The outbox in this folder, which is made where it is not there.
    ///
    /// # Errors
    /// Where the folder cannot be made.
    pub fn open(folder: impl Into<PathBuf>) -> std::io::Result<Self> {
        let folder = folder.into();
        fs::create_dir_all(&folder)?;
        Ok(Self { folder })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What went out, the latest `Date` first. Reads every mail's header: for a person's eyes, not for a hot path.
    ///
    /// # Errors
    /// Where the folder cannot be read.
    pub fn list(&self) -> std::io::Result<Vec<OutboxMail>> {
        let mut mails = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let name = entry?.file_name();
            let Some(id) = name.to_str().and_then(|name| name.strip_suffix(".eml")) else { continue };
            if let Some(bytes) = self.read(id)? {
                mails.push(describe(id, &bytes));
            }
        }
        mails.sort_by(|left, right| right.date.cmp(&left.date).then_with(|| right.id.cmp(&left.id)));
        Ok(mails)
    }

    /// A mail's bytes; none where there is no such mail.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn read(&self, id: &str) -> std::io::Result<Option<Vec<u8>>> {
        // An id from outside names no other folder's file.
        if !is_plain(id) {
            return Ok(None);
        }
        match fs::read(self.path(id)) {
            Ok(bytes) => Ok((!bytes.is_empty()).then_some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn path(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.eml"))
    }

    fn put(&self, id: &str, bytes: &[u8]) -> std::io::Result<HandOver> {
        let draft = self.folder.join(format!(".{id}.{}.new", Uuid::new_v4()));
        let mut file = OpenOptions::new().write(true).create_new(true).open(&draft)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        let linked = fs::hard_link(&draft, self.path(id));
        let removed = fs::remove_file(&draft);
        match linked {
            Ok(()) => {
                removed?;
                File::open(&self.folder)?.sync_all()?;
                Ok(HandOver::accepted(format!("{id}.eml")))
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(match self.read(id)? {
                Some(_) => HandOver::accepted(format!("{id}.eml")),
                None => HandOver::refused("ATTEMPT_GIVEN_UP", false),
            }),
            Err(error) => Err(error),
        }
    }

    fn settle(&self, id: &str) -> std::io::Result<Lookup> {
        // The empty file takes the attempt's place: one who was stopped in the middle and wakes up late finds it taken.
        match OpenOptions::new().write(true).create_new(true).open(self.path(id)) {
            Ok(file) => {
                file.sync_all()?;
                File::open(&self.folder)?.sync_all()?;
                Ok(Lookup::NotHandedOver)
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(match self.read(id)? {
                Some(_) => {
                    let written = fs::metadata(self.path(id))?.modified()?;
                    Lookup::HandedOver { receipt: format!("{id}.eml"), time: Timestamp::try_from(written).ok() }
                }
                None => Lookup::NotHandedOver,
            }),
            Err(error) => Err(error),
        }
    }
}

fn name(notification: &str, attempt: u32) -> String {
    format!("{notification}-{attempt}")
}

fn is_plain(id: &str) -> bool {
    !id.is_empty() && id.len() <= 200 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn describe(id: &str, bytes: &[u8]) -> OutboxMail {
    let parsed = MessageParser::default().parse_headers(bytes);
    let text = |name: &'static str| {
        let value = parsed.as_ref().and_then(|mail| mail.header(name)).and_then(HeaderValue::as_text);
        value.unwrap_or_default().trim().to_owned()
    };
    let people = |address: Option<&Address<'_>>| {
        let people = address.into_iter().flat_map(Address::iter).map(|one| {
            let email = one.address.as_deref().unwrap_or_default();
            one.name.as_deref().map_or(email.to_owned(), |name| format!("{name} <{email}>"))
        });
        people.collect::<Vec<_>>().join(", ")
    };
    let date = parsed.as_ref().and_then(|mail| mail.date()).map(mail_parser::DateTime::to_timestamp);
    OutboxMail {
        id: id.to_owned(),
        notification: text("X-Liaison-Notification"),
        from: people(parsed.as_ref().and_then(|mail| mail.from())),
        to: people(parsed.as_ref().and_then(|mail| mail.to())),
        subject: text("Subject"),
        date: date.and_then(|second| Timestamp::from_second(second).ok()),
        kind: text("X-Liaison-Kind"),
        case: text("X-Liaison-Case"),
    }
}

#[async_trait]
impl MailProvider for LocalOutbox {
    fn name(&self) -> &'static str {
        "local-outbox"
    }

    fn settlement(&self) -> Settlement {
        Settlement::Lookup
    }

    async fn hand_over(&self, mail: &Outgoing) -> HandOver {
        let (outbox, id) = (self.clone(), name(&mail.notification, mail.attempt));
        if !is_plain(&id) || mail.message.is_empty() {
            return HandOver::refused("BAD_MAIL", true);
        }
        let bytes = mail.message.clone();
        // Asked on a thread of its own, since a disk may stall; dropped in the middle it goes on, and is found by lookup.
        let put = tokio::task::spawn_blocking(move || outbox.put(&id, &bytes)).await;
        match put {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => {
                tracing::error!(%error, "the outbox could not be written");
                HandOver::Unknown
            }
            Err(_) => HandOver::Unknown,
        }
    }

    async fn look_up(&self, notification: &str, attempt: u32) -> Lookup {
        let (outbox, id) = (self.clone(), name(notification, attempt));
        match tokio::task::spawn_blocking(move || outbox.settle(&id)).await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => {
                tracing::error!(%error, "the outbox could not be looked at");
                Lookup::Unknown
            }
            Err(_) => Lookup::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn outbox() -> (tempfile::TempDir, LocalOutbox) {
        let folder = tempfile::tempdir().unwrap();
        let outbox = LocalOutbox::open(folder.path()).unwrap();
        (folder, outbox)
    }

    fn mail(text: &str) -> Outgoing {
        Outgoing {
            notification: "n".into(),
            attempt: 1,
            recipients: vec!["jo@client.example".into()],
            sender: "anna@firm.example".into(),
            token: "t".into(),
            message: format!("From: Anna <anna@firm.example>\r\nSubject: {text}\r\n\r\nHello\r\n").into_bytes(),
        }
    }

    #[tokio::test]
    async fn a_hand_over_twice_is_one_mail() {
        let (_folder, outbox) = outbox();
        let first = outbox.hand_over(&mail("one")).await;
        assert_eq!(first, HandOver::accepted("n-1.eml"));
        assert_eq!(outbox.hand_over(&mail("two")).await, first);
        let listed = outbox.list().unwrap();
        assert_eq!(listed.len(), 1);
        assert_eq!((listed[0].subject.as_str(), listed[0].from.as_str()), ("one", "Anna <anna@firm.example>"));
        assert_eq!(fs::read_dir(outbox.folder()).unwrap().count(), 1, "no draft is left");
    }

    #[tokio::test]
    async fn a_lookup_tells_what_is_there() {
        let (_folder, outbox) = outbox();
        outbox.hand_over(&mail("one")).await;
        let found = outbox.look_up("n", 1).await;
        let Lookup::HandedOver { receipt, time: Some(time) } = found else { panic!("{found:?}") };
        assert_eq!(receipt, "n-1.eml");
        let written = fs::metadata(outbox.path("n-1")).unwrap().modified().unwrap();
        assert_eq!(time, Timestamp::try_from(written).unwrap(), "when it was written");
    }

    #[tokio::test]
    async fn an_attempt_settled_as_never_made_can_never_be_made() {
        let (_folder, outbox) = outbox();
        assert_eq!(outbox.look_up("n", 1).await, Lookup::NotHandedOver);
        let late = outbox.hand_over(&mail("late")).await;
        assert_eq!(late, HandOver::refused("ATTEMPT_GIVEN_UP", false));
        assert_eq!(outbox.look_up("n", 1).await, Lookup::NotHandedOver);
        assert!(outbox.list().unwrap().is_empty());
    }

    #[test]
    fn an_id_names_no_other_folders_file() {
        let (_folder, outbox) = outbox();
        for id in ["../secret", "a/b", "", ".hidden", "a.eml"] {
            assert_eq!(outbox.read(id).unwrap(), None, "{id}");
        }
    }
}
