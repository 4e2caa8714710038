//! Mail that comes in: taken once, looked at, attributed, laid in triage or filed (SOP 4.2).
//!
//! - [`parse`]: bytes to [`parse::ParsedMail`]; pure, bounded. [`trace`]: what the firm's own mail server wrote on top.
//! - [`entity`]: what a mail is ([`entity::verdict`]) and its life.
//! - [`words`], `repo`: what is personal is sealed; the tables.
//! - [`identify`]: the work row that asks the registry whose word it is.
//! - [`clock`]: the time that a mail may lie in triage.
//!
//! No mail of the client's side stops a clock of the firm; a copy of what a colleague wrote to them does, as their reply.

pub mod clock;
pub mod entity;
mod error;
pub mod fields;
pub mod identify;
pub mod parse;
mod repo;
pub mod trace;
pub mod words;

use std::time::Duration;

use business_time::Timestamp;
use command::{Fault, Unit, derived_id, new_id};
use keyring::Owner;

pub use error::MailError;
pub use repo::{Filter, StoredMail, find, list, set_case};

use self::{
    entity::{Answered, Copied, Findings, Mail, State, TriageReason, Verdict, Writer, client_of, verdict},
    parse::{Kind as Written, ParsedMail},
    repo::NewMail,
    trace::SenderCheck,
    words::{Words, has_own_words},
};
use crate::{
    delivery_report::{self, Notice},
    events::publish,
    notification::{
        self, NewNotification, Notifications,
        entity::{Audience, Facts, Kind, Notification, Target},
    },
    procedure::{self, Policy},
    thread, work,
};

/// How far the mail server's clock may be ahead of this one: such a mail counts as received now. Refused, it would be a
/// client's mail that bounces for a second's difference.
const CLOCK_SKEW: Duration = Duration::from_secs(5 * 60);

/// The use cases of mail that comes in.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mails {
    notifications: Notifications,
}

/// What the firm's mail server hands over.
pub struct Delivery {
    /// Read.
    pub parsed: ParsedMail,
    /// As it came.
    pub raw: Vec<u8>,
    /// When the call says that it was received.
    pub receive_time: Option<Timestamp>,
    /// When it was received at the latest, where neither the call nor its header says more.
    pub received_by: Option<Timestamp>,
    /// For whom, by its envelope.
    pub envelope_to: Vec<String>,
}

impl Mails {
    /// Takes a mail and asks for its sender to be looked up; gives it, and whether it was here before.
    ///
    /// # Errors
    /// [`MailError::ReceivedInFuture`].
    pub async fn take(&self, unit: &Unit<'_>, delivery: &Delivery) -> Result<(Mail, bool), Fault> {
        let parsed = &delivery.parsed;
        let latest = unit.now().checked_add(CLOCK_SKEW).unwrap_or(Timestamp::MAX);
        if delivery.receive_time.is_some_and(|time| time > latest) {
            return Err(MailError::ReceivedInFuture.into());
        }
        let policy = procedure::policy(unit.tx()).await?;
        let told = delivery.receive_time.or_else(|| {
            let server = policy.as_ref().map(|policy| policy.authserv_id.as_str())?;
            parsed.trace.received_by(server)
        });
        let told = told.or(delivery.received_by);
        let known = told.map(|time| time.min(unit.now()));
        let mail = Mail {
            id: new_id(),
            revision: 1,
            kind: parsed.kind,
            no_automatic_answer: parsed.no_automatic_answer,
            check: None,
            receive_time: known.unwrap_or(unit.now()),
            receive_time_known: known.is_some(),
            record_time: unit.now(),
            client: String::new(),
            contact: String::new(),
            thread: String::new(),
            case: String::new(),
            author: String::new(),
            recipients: Vec::new(),
            state: State::Received,
            triage: None,
        };
        let mut identity = parsed.identity();
        if parsed.is_nameless() {
            // Better two of one than one of two: only the very same bytes are the same mail.
            identity.push_str(&String::from_utf8_lossy(&delivery.raw));
        }
        let identity = unit.keyring().blind_index("mail", &identity);
        let new = NewMail {
            mail: &mail,
            identity: identity.clone(),
            message_index: thread::index(unit.keyring(), &parsed.message_id),
            words: &Words::of(parsed, &delivery.envelope_to),
            text: &parsed.text,
            raw: &delivery.raw,
        };
        if repo::insert(unit.tx(), unit.keyring(), new).await? {
            unit.touched(&mail.name());
            work::ask(unit.tx(), work::IDENTIFY, &mail.name(), "received", unit.now()).await?;
            return Ok((mail, false));
        }
        let first = repo::find_by_identity(unit.tx(), &identity).await?;
        let first = first.ok_or_else(|| Fault::Stored("a mail that is here cannot be found".into()))?;
        unit.touched(&first.mail.name());
        Ok((first.mail, true))
    }

    /// Does what follows from knowing who wrote a mail. Nothing where that was done before.
    ///
    /// # Errors
    /// The database's.
    pub async fn identify(
        &self,
        unit: &Unit<'_>,
        id: &str,
        check: SenderCheck,
        writer: &Writer,
        copied: Option<&Copied>,
        policy: &Policy,
    ) -> Result<(), Fault> {
        let Some(mut stored) = repo::lock(unit.tx(), id).await? else { return Ok(()) };
        if stored.mail.state != State::Received {
            return Ok(());
        }
        let words = stored.words(unit.tx(), unit.keyring()).await?;
        let mail = &mut stored.mail;
        mail.check = Some(check);
        if !mail.receive_time_known
            && let Some(time) = words.trail.trace.received_by(&policy.authserv_id)
        {
            mail.receive_time = time.min(mail.record_time);
            mail.receive_time_known = true;
        }
        let kind = mail.kind;
        // What the firm's mail server calls forged is nobody's notice.
        if check != SenderCheck::Failed
            && let Some(about) = self.came_back(unit, mail.receive_time, &words).await?
        {
            file(unit, stored, conversation_of(unit, &about).await?).await?;
            return self.notice(unit, kind, &words).await;
        }
        if matches!(writer, Writer::Contact(_)) && check == SenderCheck::Passed {
            self.notifications.shown_to_have_arrived(unit, &words.trail.references).await?;
        }
        let answered = thread::answered(unit.tx(), unit.keyring(), &words.trail.references).await?;
        let sent = match kind {
            Written::Personal => Vec::new(),
            Written::Automatic | Written::DeliveryReport => {
                notification::find_sent(unit.tx(), &words.trail.references).await?
            }
        };
        let goes_out = words.trail.recipients.iter().any(|address| !policy.is_own(address));
        let references = &words.trail.references;
        let answers_alert = match writer {
            Writer::Staff(person) => notification::went_to(unit.tx(), references, person).await?,
            Writer::Contact(_) | Writer::Unknown | Writer::Several => false,
        };
        let (mail, time) = (stored.mail.name(), stored.mail.receive_time);
        // What left from here comes here again where the firm's mail server copies everything.
        let ours = !notification::find_sent(unit.tx(), std::slice::from_ref(&words.message_id)).await?.is_empty();
        let found =
            Findings { kind, check, writer, answered: &answered, sent: &sent, goes_out, copied, ours, answers_alert };
        match verdict(&found) {
            Verdict::SentCopy { author, copied, thread } => {
                sent_copy(unit, stored, &words, author, copied, thread).await
            }
            Verdict::Word { contact, thread } => self.word(unit, stored, &words, &contact, thread).await,
            Verdict::Machine { contact, thread } => {
                machine(unit, stored, &words, &contact, thread).await?;
                self.notice(unit, kind, &words).await
            }
            Verdict::Triage { reason, noted_on } => self.triage(unit, stored, reason, noted_on).await,
            Verdict::File { noted_on } => {
                file(unit, stored, noted_on).await?;
                match writer {
                    Writer::Staff(person) if kind == Written::Personal => {
                        self.notifications.answered(unit, references, person, &mail, time).await
                    }
                    _ => self.notice(unit, kind, &words).await,
                }
            }
        }
    }

    /// Says whose word a mail in triage is; it counts from when it was received. A machine's is filed as the client's, as
    /// where its address was known: no person's attribution makes it a word.
    ///
    /// # Errors
    /// `NOT_FOUND`; [`MailError::NotInTriage`].
    pub async fn attribute(&self, unit: &Unit<'_>, id: &str, contact: &str) -> Result<StoredMail, Fault> {
        let mut stored = lock(unit, id).await?;
        stored.mail.leave_triage(unit.actor(), unit.now())?;
        let words = stored.words(unit.tx(), unit.keyring()).await?;
        let answered = thread::answered(unit.tx(), unit.keyring(), &words.trail.references).await?;
        let own = answered.into_iter().find(|answered| answered.client == client_of(contact));
        stored.mail.state = State::Attributed;
        publish::triage_ended(unit, &mut stored.mail).await?;
        match stored.mail.kind {
            Written::Personal => self.word(unit, stored, &words, contact, own).await?,
            Written::Automatic | Written::DeliveryReport => machine(unit, stored, &words, contact, own).await?,
        }
        lock(unit, id).await
    }

    /// Takes a mail out of triage as no client's word.
    ///
    /// # Errors
    /// `NOT_FOUND`; [`MailError::NotInTriage`].
    pub async fn dismiss(&self, unit: &Unit<'_>, id: &str, reason: &str) -> Result<StoredMail, Fault> {
        let mut stored = lock(unit, id).await?;
        stored.mail.leave_triage(unit.actor(), unit.now())?;
        stored.mail.state = State::Dismissed;
        repo::save_dismissal(unit.tx(), unit.keyring(), &stored, reason).await?;
        publish::triage_ended(unit, &mut stored.mail).await?;
        repo::save(unit.tx(), &stored.mail, &stored.owner).await?;
        Ok(stored)
    }

    /// Notes once that a mail lay in triage too long, and tells management and intake.
    ///
    /// # Errors
    /// The database's.
    pub async fn overdue(&self, unit: &Unit<'_>, id: &str) -> Result<(), Fault> {
        let Some(mut stored) = repo::lock(unit.tx(), id).await? else { return Ok(()) };
        if stored.mail.note_overdue(unit.now()) {
            return self.late(unit, stored).await;
        }
        repo::save(unit.tx(), &stored.mail, &stored.owner).await
    }

    /// Says that a mail is overdue, which is noted on it.
    async fn late(&self, unit: &Unit<'_>, mut stored: StoredMail) -> Result<(), Fault> {
        publish::triage_overdue(unit, &mut stored.mail).await?;
        repo::save(unit.tx(), &stored.mail, &stored.owner).await?;
        for audience in [Audience::Target(Target::Management), Audience::Intake] {
            self.tell(unit, &stored.mail, Kind::TriageOverdue, audience).await?;
        }
        Ok(())
    }

    /// Notes who was told to see to a mail.
    ///
    /// # Errors
    /// The database's.
    pub async fn told(&self, unit: &Unit<'_>, id: &str, people: &[String]) -> Result<(), Fault> {
        let Some(mut stored) = repo::lock(unit.tx(), id).await? else { return Ok(()) };
        let Some(triage) = stored.mail.triage.as_mut() else { return Ok(()) };
        for person in people.iter().filter(|person| !person.is_empty()) {
            if !triage.owners.contains(person) {
                triage.owners.push(person.clone());
            }
        }
        stored.mail.next_revision();
        repo::save(unit.tx(), &stored.mail, &stored.owner).await
    }

    /// Computes the due times in triage anew, since calendar or policy came or changed. What was late by now stays so, noted
    /// or not: after downtime this may come before the clock itself does.
    ///
    /// # Errors
    /// The database's.
    pub async fn time_anew(&self, unit: &Unit<'_>) -> Result<(), Fault> {
        for mut stored in repo::lock_waiting(unit.tx()).await? {
            if stored.mail.note_overdue(unit.now()) {
                self.late(unit, stored).await?;
                continue;
            }
            let due = procedure::triage_due(unit.tx(), stored.mail.receive_time).await?;
            let Some(triage) = stored.mail.triage.as_mut() else { continue };
            if due.is_some() && triage.due_time != due {
                triage.due_time = due;
                stored.mail.next_revision();
                unit.touched(&stored.mail.name());
                repo::save(unit.tx(), &stored.mail, &stored.owner).await?;
            }
        }
        Ok(())
    }

    /// What a failure notice says is done first: the notification that it is about, where it is one of the firm's.
    async fn came_back(
        &self,
        unit: &Unit<'_>,
        receive_time: Timestamp,
        words: &Words,
    ) -> Result<Option<Notification>, Fault> {
        let Some(report) = &words.trail.report else { return Ok(None) };
        let notice = Notice {
            report,
            message_ids: &words.trail.references,
            envelope_to: &words.trail.envelope_to,
            receive_time,
        };
        delivery_report::take(unit, self.notifications, &notice).await
    }

    async fn word(
        &self,
        unit: &Unit<'_>,
        mut stored: StoredMail,
        words: &Words,
        contact: &str,
        answered: Option<Answered>,
    ) -> Result<(), Fault> {
        let client = client_of(contact);
        let (thread, case) = match answered {
            Some(answered) => (answered.thread, answered.case),
            None => (thread::begin(unit, client, "", &words.subject).await?.id, String::new()),
        };
        stored.mail.attribute(contact, &thread, &case);
        repo::change_owner(unit.tx(), unit.keyring(), &mut stored, Owner::new(client)).await?;
        thread::remember(unit.tx(), unit.keyring(), &thread, &words.message_id).await?;
        publish::inquiry_received(unit, &mut stored.mail).await?;
        repo::save(unit.tx(), &stored.mail, &stored.owner).await?;
        let (mail, time) = (stored.mail.name(), stored.mail.receive_time);
        thread::client_wrote(unit.tx(), &thread, contact, &stored.mail.id, time).await?;
        self.notifications.answered(unit, &words.trail.references, contact, &mail, time).await?;
        self.tell_of_answer(unit, &stored.mail, words).await
    }

    /// Of a failure notice, what it says of an alert.
    async fn notice(&self, unit: &Unit<'_>, kind: Written, words: &Words) -> Result<(), Fault> {
        match kind {
            Written::DeliveryReport if words.trail.failed => {
                self.notifications.came_back(unit, &words.trail.references).await
            }
            Written::DeliveryReport | Written::Personal | Written::Automatic => Ok(()),
        }
    }

    /// A client's mail confirms nothing by itself (SOP 8.4), and while a proposal waits its clock stands still: so whoever
    /// is in charge is told that it was answered, and records what the client says.
    async fn tell_of_answer(&self, unit: &Unit<'_>, mail: &Mail, words: &Words) -> Result<(), Fault> {
        let Some(answers) = words.trail.references.first() else { return Ok(()) };
        let asked = notification::find_confirmation_request(unit.tx(), answers, &mail.client).await?;
        let Some(asked) = asked else { return Ok(()) };
        let new = NewNotification {
            id: derived_id(&mail.id, "confirmation-answered"),
            client: asked.client,
            engagement: asked.engagement,
            case: asked.case,
            mail: mail.name(),
            facts: Facts { receive_time: Some(mail.receive_time), ..asked.facts },
            ..NewNotification::generated(Kind::ConfirmationAnswered, Audience::Target(Target::AccountManager))
        };
        self.notifications.queue(unit, new).await.map(drop)
    }

    async fn triage(
        &self,
        unit: &Unit<'_>,
        mut stored: StoredMail,
        reason: TriageReason,
        noted_on: Option<Answered>,
    ) -> Result<(), Fault> {
        let due_time = procedure::triage_due(unit.tx(), stored.mail.receive_time).await?;
        stored.mail.lay_in_triage(reason, due_time);
        publish::mail_triaged(unit, &mut stored.mail).await?;
        if let Some(on) = noted_on {
            publish::mail_noted(unit, &mut stored.mail, &on, true).await?;
        }
        repo::save(unit.tx(), &stored.mail, &stored.owner).await?;
        self.tell(unit, &stored.mail, Kind::Triage, Audience::Intake).await
    }

    async fn tell(&self, unit: &Unit<'_>, mail: &Mail, kind: Kind, audience: Audience) -> Result<(), Fault> {
        let triage = mail.triage.clone().unwrap_or_default();
        let new = NewNotification {
            id: derived_id(&mail.id, &format!("{kind:?} to {}", audience.name())),
            mail: mail.name(),
            facts: Facts {
                due_time: triage.due_time,
                triage_reason: triage.reason.as_str().to_owned(),
                receive_time: Some(mail.receive_time),
                ..Facts::default()
            },
            ..NewNotification::generated(kind, audience)
        };
        self.notifications.queue(unit, new).await.map(drop)
    }
}

async fn machine(
    unit: &Unit<'_>,
    mut stored: StoredMail,
    words: &Words,
    contact: &str,
    answered: Option<Answered>,
) -> Result<(), Fault> {
    let (thread, case) = answered.as_ref().map_or(("", ""), |on| (&on.thread, &on.case));
    stored.mail.attribute(contact, thread, case);
    repo::change_owner(unit.tx(), unit.keyring(), &mut stored, Owner::new(client_of(contact))).await?;
    match &answered {
        Some(on) => {
            thread::remember(unit.tx(), unit.keyring(), &on.thread, &words.message_id).await?;
            publish::mail_noted(unit, &mut stored.mail, on, false).await?;
        }
        None => drop(stored.mail.next_revision()),
    }
    unit.touched(&stored.mail.name());
    repo::save(unit.tx(), &stored.mail, &stored.owner).await
}

/// The conversation on which a notification lies; none for one that is on none.
async fn conversation_of(unit: &Unit<'_>, about: &Notification) -> Result<Option<Answered>, Fault> {
    let found = thread::find(unit.tx(), &about.thread).await?;
    Ok(found.map(|thread| Answered { thread: thread.id, client: thread.client, case: thread.case }))
}

/// What a colleague wrote to the client from a program of their own, and said something in: their reply where it lies on a
/// conversation (SOP 4.2), from when the firm's mail server had it.
async fn sent_copy(
    unit: &Unit<'_>,
    mut stored: StoredMail,
    words: &Words,
    author: String,
    copied: Copied,
    answered: Option<Answered>,
) -> Result<(), Fault> {
    let (thread, case) = match answered {
        Some(answered) => (answered.thread, answered.case),
        // The client's answer to it finds it again.
        None => (thread::begin(unit, &copied.client, "", &words.subject).await?.id, String::new()),
    };
    let says = has_own_words(&stored.text(unit.tx(), unit.keyring()).await?);
    let owner = Owner::new(copied.client.as_str());
    stored.mail.is_a_sent_copy(author, copied, thread, case);
    repo::change_owner(unit.tx(), unit.keyring(), &mut stored, owner).await?;
    thread::remember(unit.tx(), unit.keyring(), &stored.mail.thread, &words.message_id).await?;
    if says {
        publish::sent_copy_received(unit, &mut stored.mail).await?;
    } else {
        stored.mail.state = State::Filed;
        stored.mail.next_revision();
    }
    unit.touched(&stored.mail.name());
    repo::save(unit.tx(), &stored.mail, &stored.owner).await
}

async fn file(unit: &Unit<'_>, mut stored: StoredMail, noted_on: Option<Answered>) -> Result<(), Fault> {
    stored.mail.state = State::Filed;
    match &noted_on {
        // What it tells is about this client: the mail that it is about went to its people.
        Some(on) => {
            stored.mail.client.clone_from(&on.client);
            stored.mail.thread.clone_from(&on.thread);
            stored.mail.case.clone_from(&on.case);
            repo::change_owner(unit.tx(), unit.keyring(), &mut stored, Owner::new(on.client.as_str())).await?;
            publish::mail_noted(unit, &mut stored.mail, on, false).await?;
        }
        None => drop(stored.mail.next_revision()),
    }
    unit.touched(&stored.mail.name());
    repo::save(unit.tx(), &stored.mail, &stored.owner).await
}

async fn lock(unit: &Unit<'_>, id: &str) -> Result<StoredMail, Fault> {
    let found = repo::lock(unit.tx(), id).await?;
    found.ok_or_else(|| refusal::Refusal::not_found(format!("mails/{id}")).into())
}
