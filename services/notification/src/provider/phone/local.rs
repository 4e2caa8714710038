//! The local outbox of calls: a folder that one can look at instead of a telephone.
//!
//! ```text
//! <folder>/<call>.json    one file for each call that was placed; never changed
//!                         an empty one: a call that was settled as never placed, and now never can be
//! <folder>/.<call>.<random>.new    being written; of no meaning
//! ```
//!
//! Written as the outbox of mails is: whole or not at all, and once. Nobody answers such a call by himself: whoever plays the
//! telephone tells what becomes of it by `CallService/ReportCall`.

use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{CallSettlement, Found, OutgoingCall, PhoneProvider, Placed, Wanted};
use crate::call::entity::Report;

/// A folder of calls that went out.
#[derive(Clone, Debug)]
pub struct LocalPhones {
    folder: PathBuf,
}

/// A call as its file has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhonedCall {
    /// `calls/{call}`.
    pub call: String,
    /// `notifications/{notification}`.
    pub notification: String,
    /// `cases/{case}`.
    pub case: String,
    /// Who is called.
    pub person: String,
    /// The number.
    pub to: String,
    /// What is spoken to whoever answers.
    pub spoken: String,
    /// What is left on a voicemail.
    pub voicemail: String,
    /// What is spoken once the key was pressed.
    pub confirmed: String,
    /// When it was placed: business time, RFC 3339.
    pub place_time: String,
    /// The provider's name.
    pub provider: String,
    /// Whether the copy of who is told was used.
    pub from_copy: bool,
    /// Whether the call before may have reached somebody.
    pub possible_duplicate: bool,
}

const NAME: &str = "local-phones";

impl LocalPhones {
    /// The folder, which is made where it is not there.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn open(folder: impl Into<PathBuf>) -> std::io::Result<Self> {
        let folder = folder.into();
        fs::create_dir_all(&folder)?;
        Ok(Self { folder })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What went out, the earliest first. Reads every file: for a person's eyes, not for a hot path.
    ///
    /// # Errors
    /// Where the folder cannot be read, or a file in it.
    pub fn list(&self) -> std::io::Result<Vec<PhonedCall>> {
        let mut calls = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let hidden = path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
            if hidden || path.extension().is_none_or(|end| end != "json") {
                continue;
            }
            let bytes = fs::read(&path)?;
            if !bytes.is_empty() {
                calls.push(serde_json::from_slice::<PhonedCall>(&bytes)?);
            }
        }
        calls.sort_by(|left, right| (&left.place_time, &left.call).cmp(&(&right.place_time, &right.call)));
        Ok(calls)
    }

    fn path(&self, call: &str) -> PathBuf {
        self.folder.join(format!("{call}.json"))
    }

    fn put(&self, call: &OutgoingCall) -> std::io::Result<Placed> {
        let shown = PhonedCall {
            call: format!("calls/{}", call.call),
            notification: call.notification.clone(),
            case: call.case.clone(),
            person: call.person.clone(),
            to: call.to.clone(),
            spoken: call.spoken.clone(),
            voicemail: call.voicemail.clone(),
            confirmed: call.confirmed.clone(),
            place_time: call.place_time.to_string(),
            provider: NAME.to_owned(),
            from_copy: call.from_copy,
            possible_duplicate: call.possible_duplicate,
        };
        let draft = self.folder.join(format!(".{}.{}.new", call.call, Uuid::new_v4()));
        let mut file = OpenOptions::new().write(true).create_new(true).open(&draft)?;
        file.write_all(&serde_json::to_vec_pretty(&shown)?)?;
        file.sync_all()?;
        let linked = fs::hard_link(&draft, self.path(&call.call));
        let removed = fs::remove_file(&draft);
        let receipt = format!("{}.json", call.call);
        match linked {
            Ok(()) => {
                removed?;
                File::open(&self.folder)?.sync_all()?;
                Ok(Placed::Accepted { receipt })
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                Ok(if fs::metadata(self.path(&call.call))?.len() > 0 {
                    Placed::Accepted { receipt }
                } else {
                    Placed::Refused { reason: "ATTEMPT_GIVEN_UP".to_owned(), number: false }
                })
            }
            Err(error) => Err(error),
        }
    }

    fn settle(&self, call: &str) -> std::io::Result<Found> {
        // The empty file takes the call's place: one who was stopped in the middle and wakes up late finds it taken.
        match OpenOptions::new().write(true).create_new(true).open(self.path(call)) {
            Ok(file) => {
                file.sync_all()?;
                File::open(&self.folder)?.sync_all()?;
                Ok(Found::NotPlaced { never: true })
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(if fs::metadata(self.path(call))?.len() > 0 {
                Found::Placed { receipt: format!("{call}.json"), report: Report::default() }
            } else {
                Found::NotPlaced { never: true }
            }),
            Err(error) => Err(error),
        }
    }
}

#[async_trait]
impl PhoneProvider for LocalPhones {
    fn name(&self) -> &'static str {
        NAME
    }

    fn settlement(&self) -> CallSettlement {
        CallSettlement::Lookup
    }

    async fn place(&self, call: &OutgoingCall) -> Placed {
        let (phones, call) = (self.clone(), call.clone());
        let put = tokio::task::spawn_blocking(move || phones.put(&call)).await;
        match put {
            Ok(Ok(placed)) => placed,
            Ok(Err(error)) => {
                tracing::warn!(%error, "outbox of calls cannot be written");
                Placed::Unknown
            }
            Err(_) => Placed::Unknown,
        }
    }

    async fn look_up(&self, wanted: &Wanted) -> Found {
        let (phones, call) = (self.clone(), wanted.call.clone());
        match tokio::task::spawn_blocking(move || phones.settle(&call)).await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => {
                tracing::warn!(%error, "outbox of calls cannot be read");
                Found::Unknown
            }
            Err(_) => Found::Unknown,
        }
    }
}
