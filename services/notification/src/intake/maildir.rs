//! A maildir that is watched.
//!
//! ```text
//! new/        whole mails, put here by rename (maildir's own rule: never half a file)
//! tmp/        being written by others; of no meaning here
//! cur/        taken: moved here after the commit, as `<name>:2,`
//! rejected/   can never be taken, each with `<name>.reason` beside it; told in the log
//! ```
//!
//! A crash between commit and move brings the same mail again, which is a duplicate and nothing else. What cannot be taken
//! now stays where it is. Envelope and time of receipt come from the header: `Return-Path`, `Delivered-To` or `X-Original-To`,
//! the firm's own `Received`; without that the file's own time counts.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use business_time::Timestamp;
use tokio_util::sync::CancellationToken;

use super::{Incoming, Intake, NotTaken};
use crate::mail::{
    fields::{Field, fields, split},
    parse::LARGEST,
};

/// How often it is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How long nothing is tried after something could not be taken.
const REST: Duration = Duration::from_secs(5);
/// Taken in one look, the oldest names first.
const AT_ONCE: usize = 200;
const HEADER_FIELDS: usize = 1000;

/// A watched maildir.
#[derive(Clone)]
pub struct Maildir {
    intake: Intake,
    folder: PathBuf,
}

impl Maildir {
    /// The maildir in this folder, which is made where it is not there.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn open(intake: Intake, folder: &Path) -> io::Result<Self> {
        for part in ["new", "cur", "tmp", "rejected"] {
            fs::create_dir_all(folder.join(part))?;
        }
        Ok(Self { intake, folder: folder.to_owned() })
    }

    /// Watches until `shutdown`.
    pub async fn run(self, shutdown: CancellationToken) {
        loop {
            let wait = match self.look().await {
                Ok(true) => LOOK,
                Ok(false) => REST,
                Err(error) => {
                    tracing::error!(folder = %self.folder.display(), %error, "the maildir cannot be read, trying again");
                    REST
                }
            };
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Takes what is there; false where something stays that could not be taken now.
    async fn look(&self) -> io::Result<bool> {
        let mut all = true;
        for name in self.waiting().await? {
            let path = self.folder.join("new").join(&name);
            let read = tokio::task::spawn_blocking({
                let path = path.clone();
                move || read(&path)
            });
            let taken = match read.await.unwrap_or_else(|error| Err(io::Error::other(error))) {
                // Another replica was faster.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                // One file keeps no other waiting.
                Err(error) => {
                    tracing::error!(mail = name, %error, "a mail in the maildir cannot be read, trying again");
                    all = false;
                    continue;
                }
                Ok(None) => Err(NotTaken::Never("MAIL_TOO_LARGE")),
                Ok(Some(incoming)) => self.intake.take(incoming, "notification.maildir").await,
            };
            match taken {
                Ok(_) => moved(fs::rename(&path, self.folder.join("cur").join(format!("{name}:2,"))))?,
                Err(NotTaken::Never(reason)) => {
                    tracing::error!(mail = name, reason, "a mail in the maildir can never be taken");
                    let rejected = self.folder.join("rejected");
                    fs::write(rejected.join(format!("{name}.reason")), format!("{reason}\n"))?;
                    moved(fs::rename(&path, rejected.join(&name)))?;
                }
                Err(NotTaken::Later) => return Ok(false),
            }
        }
        Ok(all)
    }

    async fn waiting(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        let mut entries = tokio::fs::read_dir(self.folder.join("new")).await?;
        while let Some(entry) = entries.next_entry().await? {
            // A name that begins with a dot is no mail's (maildir's rule), and a folder is none.
            if let Some(name) = entry.file_name().to_str().filter(|name| !name.starts_with('.'))
                && entry.file_type().await?.is_file()
            {
                names.push(name.to_owned());
            }
        }
        names.sort_unstable();
        names.truncate(AT_ONCE);
        Ok(names)
    }
}

/// A file that is gone was moved by another replica.
fn moved(renamed: io::Result<()>) -> io::Result<()> {
    match renamed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        renamed => renamed,
    }
}

/// None where it is too large.
fn read(path: &Path) -> io::Result<Option<Incoming>> {
    let about = fs::metadata(path)?;
    if usize::try_from(about.len()).map_or(true, |size| size > LARGEST) {
        return Ok(None);
    }
    let raw = fs::read(path)?;
    let received_by = about.modified().ok().and_then(|time| Timestamp::try_from(time).ok());
    let (from, to) = envelope(&raw);
    Ok(Some(Incoming { raw, from, to, received_by }))
}

/// The envelope as the firm's mail server wrote it on top.
fn envelope(raw: &[u8]) -> (Option<String>, Vec<String>) {
    let (head, _) = split(raw);
    let Some(fields) = fields(head, HEADER_FIELDS) else { return (None, Vec::new()) };
    let bare = |field: &Field<'_>| field.text().trim().trim_start_matches('<').trim_end_matches('>').trim().to_owned();
    // Of the topmost block alone: below the first Received stands what others wrote.
    let top = || fields.iter().take_while(|field| !field.is("received"));
    let from = top().find(|field| field.is("return-path")).map(bare);
    let to = top().filter(|field| field.is("delivered-to") || field.is("x-original-to")).map(bare);
    (from, to.filter(|address| address.len() <= 320).take(10).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_envelope_is_what_the_firms_server_wrote_on_top() {
        let raw = b"Return-Path: <>\r\nX-Original-To: bounces+t@firm.example\r\nDelivered-To: bounces@firm.example\r\n\
                    Received: by mx.firm.example; x\r\nDelivered-To: forged@firm.example\r\nFrom: a@b.example\r\n\r\n";
        let (from, to) = envelope(raw);
        assert_eq!(from.as_deref(), Some(""), "the null sender");
        assert_eq!(to, ["bounces+t@firm.example", "bounces@firm.example"]);
        assert_eq!(envelope(b"From: a@b.example\r\n\r\nReturn-Path: <x@y>").0, None);
        let below =
            b"Received: by mx.firm.example; x\r\nReturn-Path: <forged@firm.example>\r\nFrom: a@b.example\r\n\r\n";
        assert_eq!(envelope(below).0, None);
    }
}
