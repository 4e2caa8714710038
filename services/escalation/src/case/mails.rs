//! What other services' events do to cases. What happened there once happens here once, however often and by whichever event
//! it is told: a mail is known by its name, a delivery by its notification's.

use business_time::Timestamp;
use command::{Fault, Unit};
use contracts::notification::v1::MailNoted;

use super::{
    Cases, Stored,
    entity::{Alert, AlertStep, Case, Done, Handed, Kind, Mailed, Opening, Origin, Word},
    id_of, repo,
};

impl Cases {
    /// A person of the client's side wrote: the conversation's case takes it, or a new inquiry opens. Two at once on one
    /// conversation make one case, since the conversation's row is locked first. The id of a new case is derived from its
    /// mail, whichever way it was told.
    ///
    /// # Errors
    /// The database's.
    pub async fn client_wrote(
        &self,
        unit: &Unit<'_>,
        client: &str,
        thread: &str,
        named: &str,
        word: Word,
    ) -> Result<(), Fault> {
        // A conversation that has no number is one of its own.
        let alone = word.mail.clone();
        let thread = if thread.is_empty() { alone.as_str() } else { thread };
        let newest = repo::lock_thread(unit, client, thread).await?;
        if repo::is_known_word(unit.tx(), &word.mail).await? {
            return Ok(());
        }
        let known = match newest {
            Some(id) => self.find(unit.tx(), &id, true).await?,
            None => self.named(unit, client, named).await?,
        };
        match known.filter(|stored| !stored.case.is_closed()) {
            Some(stored) => {
                let calendar = self.calendar(unit, &stored.case).await?;
                repo::is_word_on(unit, &word.mail, &stored.case.id).await?;
                let id = stored.case.id.clone();
                let cause = word.mail.clone();
                self.apply(unit, stored, Some(&cause), |case, now| case.client_wrote(&word, calendar.as_deref(), now))
                    .await?;
                repo::set_thread(unit, client, thread, &id).await
            }
            None => {
                let opening = Opening {
                    id: command::derived_id(&word.mail, "case"),
                    client: client.to_owned(),
                    engagement: None,
                    origin: Origin::Mail { mail: word.mail.clone(), thread: thread.to_owned() },
                    opener: word.contact,
                    kind: Kind::Inquiry,
                    subject: String::new(),
                    open_time: word.received,
                };
                let stored = self.open_as(unit, opening, Some(&word.mail)).await?;
                repo::set_thread(unit, client, thread, &stored.case.id).await
            }
        }
    }

    /// Something came on a conversation that is nobody's word.
    ///
    /// # Errors
    /// The database's.
    pub async fn mail_noted(&self, unit: &Unit<'_>, noted: &MailNoted, received: Timestamp) -> Result<(), Fault> {
        let stored = match repo::find_by_thread(unit.tx(), &noted.client, &noted.thread).await? {
            Some(id) => self.find(unit.tx(), &id, true).await?,
            None => self.named(unit, &noted.client, &noted.case).await?,
        };
        let Some(stored) = stored else { return Ok(()) };
        if repo::is_known_mail(unit.tx(), &noted.mail).await? {
            return Ok(());
        }
        repo::is_noted_on(unit, &noted.mail, &stored.case.id).await?;
        self.once(unit, &noted.mail, stored, |case, _| case.note_mail(&noted.mail, noted.third_party, received)).await
    }

    /// A notification about a case was handed over.
    ///
    /// # Errors
    /// The database's.
    pub async fn handed_over(&self, unit: &Unit<'_>, name: &str, handed: Handed) -> Result<(), Fault> {
        let Some(stored) = self.about(unit, name).await? else { return Ok(()) };
        let calendar = self.calendar(unit, &stored.case).await?;
        let cause = format!("{} HANDED_OVER", handed.mailed.notification);
        self.once(unit, &cause, stored, |case, now| case.handed_over(handed, calendar.as_deref(), now)).await
    }

    /// A reply on a case came back.
    ///
    /// # Errors
    /// The database's.
    pub async fn reply_returned(
        &self,
        unit: &Unit<'_>,
        name: &str,
        mailed: Mailed,
        returned: Timestamp,
    ) -> Result<(), Fault> {
        let Some(stored) = self.about(unit, name).await? else { return Ok(()) };
        let calendar = self.calendar(unit, &stored.case).await?;
        let cause = format!("{} RETURNED", mailed.notification);
        let back = |case: &mut Case, now| case.reply_returned(mailed, returned, calendar.as_deref(), now);
        self.once(unit, &cause, stored, back).await
    }

    /// A colleague wrote to the client from a program of their own: a reply on the conversation's case, where there is one.
    ///
    /// # Errors
    /// The database's.
    pub async fn wrote_by_themselves(
        &self,
        unit: &Unit<'_>,
        client: &str,
        thread: &str,
        named: &str,
        handed: Handed,
    ) -> Result<(), Fault> {
        let stored = match repo::find_by_thread(unit.tx(), client, thread).await? {
            Some(id) => self.find(unit.tx(), &id, true).await?,
            None => self.named(unit, client, named).await?,
        };
        let Some(stored) = stored else { return Ok(()) };
        let calendar = self.calendar(unit, &stored.case).await?;
        let cause = format!("{} SENT_COPY", handed.mailed.notification);
        self.once(unit, &cause, stored, |case, now| case.handed_over(handed, calendar.as_deref(), now)).await
    }

    /// A notification about a case failed or was not allowed.
    ///
    /// # Errors
    /// The database's.
    pub async fn not_told(&self, unit: &Unit<'_>, name: &str, mailed: Mailed) -> Result<(), Fault> {
        let Some(stored) = self.about(unit, name).await? else { return Ok(()) };
        let cause = format!("{} NOT_TOLD", mailed.notification);
        self.once(unit, &cause, stored, |case, now| case.not_told(mailed, now)).await
    }

    /// An alert of a critical incident got on. Told once for each attempt and step, however often it comes.
    ///
    /// # Errors
    /// The database's.
    pub async fn alert_progressed(&self, unit: &Unit<'_>, name: &str, alert: Alert) -> Result<(), Fault> {
        let Some(stored) = self.about(unit, name).await? else { return Ok(()) };
        let step = match alert.step {
            AlertStep::Attempted => "ATTEMPTED",
            AlertStep::NotReached => "NOT_REACHED",
            AlertStep::HandedOver => "ALERT_HANDED_OVER",
            AlertStep::Reached => "REACHED",
            AlertStep::Failed => "FAILED",
        };
        let cause = format!("{} {step} {}", alert.notification, alert.attempt);
        self.once(unit, &cause, stored, |case, _| case.alert_progressed(alert)).await
    }

    async fn once(
        &self,
        unit: &Unit<'_>,
        cause: &str,
        stored: Stored,
        transition: impl FnOnce(&mut Case, Timestamp) -> Done,
    ) -> Result<(), Fault> {
        // Under the case's lock, so that of two who handle the same cause the second sees what the first wrote.
        if repo::is_handled(unit.tx(), cause).await? {
            return Ok(());
        }
        self.apply(unit, stored, Some(cause), |case, now| Ok(transition(case, now))).await.map(drop)
    }

    /// The case that an event names, if it is one of this client's.
    async fn named(&self, unit: &Unit<'_>, client: &str, name: &str) -> Result<Option<Stored>, Fault> {
        if name.is_empty() {
            return Ok(None);
        }
        let stored = self.find(unit.tx(), id_of(name), true).await?;
        Ok(stored.filter(|stored| stored.case.client == client))
    }

    /// The case that a notification is about.
    async fn about(&self, unit: &Unit<'_>, name: &str) -> Result<Option<Stored>, Fault> {
        let stored = self.find(unit.tx(), id_of(name), true).await?;
        if stored.is_none() {
            tracing::warn!(case = name, "a notification is about a case that is not here");
        }
        Ok(stored)
    }
}
