//! A mail's life: received, then attributed to a client, laid in triage, or filed. Pure.

use business_time::Timestamp;

use super::{error::MailError, parse::Kind, trace::SenderCheck};

/// A mail that the firm's mail server handed over, without its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// The last segment of `mails/{mail}`.
    pub id: String,
    /// Rises with each event.
    pub revision: u64,
    /// Written by whom.
    pub kind: Kind,
    /// Whether it asks machines for no answer: then none of ours acknowledges it.
    pub no_automatic_answer: bool,
    /// Whether the firm's mail server vouches for its sender; none while that was not looked at.
    pub check: Option<SenderCheck>,
    /// From here its clock counts.
    pub receive_time: Timestamp,
    /// Whether the call or the trace said so; otherwise it is the time of the hand-over.
    pub receive_time_known: bool,
    /// When it was handed over to Liaison.
    pub record_time: Timestamp,
    /// The client it belongs to, `clients/{client}`; empty while nobody knows.
    pub client: String,
    /// Who wrote it; empty while nobody knows, and where it was no contact.
    pub contact: String,
    /// The conversation; empty where there is none.
    pub thread: String,
    /// The case about that conversation; empty where none is known here.
    pub case: String,
    /// Of a copy of what a colleague wrote to the client: who, `staff/{staff}`; empty otherwise.
    pub author: String,
    /// Of such a copy: to which of the client's contacts it went.
    pub recipients: Vec<String>,
    /// Where it stands.
    pub state: State,
    /// Set while and after it lies in triage.
    pub triage: Option<Triage>,
}

/// Where a mail stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Stored; its sender is being looked up.
    Received,
    /// A client's.
    Attributed,
    /// Nobody knows whose word it is.
    InTriage,
    /// No client's word, as somebody said.
    Dismissed,
    /// A report about a mail of the firm's, or from its own people, with nothing left to do.
    Filed,
    /// A copy of what a colleague wrote to the client from a program of their own.
    SentCopy,
}

/// What keeps a mail from being attributed, and who sees to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Triage {
    /// Why it lies here.
    pub reason: TriageReason,
    /// When it must be out; none while the firm's calendar is not here.
    pub due_time: Option<Timestamp>,
    /// True once it was late, for good.
    pub overdue: bool,
    /// Who was told.
    pub owners: Vec<String>,
    /// When it left.
    pub end_time: Option<Timestamp>,
    /// By whom.
    pub ended_by: String,
}

/// Why a mail lies in triage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TriageReason {
    /// The firm knows nobody of this address.
    #[default]
    Unknown,
    /// The firm's mail server says that the sender is forged.
    Forged,
    /// The firm's mail server says nothing.
    Unverified,
    /// Several senders, or somebody of one client on another's conversation.
    Ambiguous,
    /// One of the firm's own people sent it on: whose word it carries, a person must say.
    Staff,
}

impl TriageReason {
    /// On the wire and in the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "UNKNOWN_SENDER",
            Self::Forged => "FORGED_SENDER",
            Self::Unverified => "UNVERIFIED_SENDER",
            Self::Ambiguous => "AMBIGUOUS_SENDER",
            Self::Staff => "STAFF_SENDER",
        }
    }

    /// The reason of this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Unknown, Self::Forged, Self::Unverified, Self::Ambiguous, Self::Staff]
            .into_iter()
            .find(|reason| reason.as_str() == name)
    }
}

/// Who the registry says wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Writer {
    /// A client's contact, `clients/{client}/contacts/{contact}`.
    Contact(String),
    /// A member of staff, `staff/{staff}`.
    Staff(String),
    /// Nobody the firm knows.
    Unknown,
    /// Several people at once.
    Several,
}

/// A conversation that the mail answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The conversation.
    pub thread: String,
    /// Whose it is.
    pub client: String,
    /// The latest case about it; empty where none is known here.
    pub case: String,
}

/// To whom of a client a colleague's mail went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// The one client whose contacts are among its recipients.
    pub client: String,
    /// They.
    pub contacts: Vec<String>,
    /// Whether the colleague has to do with this client.
    pub has_to_do: bool,
}

/// What a verdict rests on.
#[derive(Clone, Copy, Debug)]
pub struct Findings<'a> {
    /// Written by whom, as the mail itself has it.
    pub kind: Kind,
    /// Whether the firm's mail server vouches for the sender.
    pub check: SenderCheck,
    /// Who the registry says that is.
    pub writer: &'a Writer,
    /// The conversations that its references lie on, the nearest first.
    pub answered: &'a [Answered],
    /// The conversations of those mails of the firm's own that it names; an empty name for one that is on none.
    pub sent: &'a [String],
    /// Whether it goes to somebody outside the firm too.
    pub goes_out: bool,
    /// Of a colleague's: to whom of a client it went; none where to nobody's contact, or those of several.
    pub copied: Option<&'a Copied>,
    /// Whether it is one that left from here.
    pub ours: bool,
    /// Whether it answers an alert of a critical incident that went to this colleague (SOP 8.2).
    pub answers_alert: bool,
}

/// What a mail turns out to be. At most one of these; what follows from it is the use case's to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A client's own word: an inquiry, or one more on its conversation.
    Word {
        /// Whose.
        contact: String,
        /// The conversation it goes on with; none begins one.
        thread: Option<Answered>,
    },
    /// A machine at the client's: noted on the conversation where there is one, and opens nothing.
    Machine {
        /// Whose.
        contact: String,
        /// The conversation.
        thread: Option<Answered>,
    },
    /// Nobody knows whose word it is; noted as a third party's on the conversation that it came on, where there is one.
    Triage {
        /// Why.
        reason: TriageReason,
        /// The conversation that somebody else's mail came on.
        noted_on: Option<Answered>,
    },
    /// What a colleague wrote to the client from a program of their own.
    SentCopy {
        /// Who.
        author: String,
        /// To whom.
        copied: Copied,
        /// The conversation it goes on with; none begins one.
        thread: Option<Answered>,
    },
    /// Kept, nothing follows; a report is noted on the conversation of the mail it is about.
    File {
        /// That conversation.
        noted_on: Option<Answered>,
    },
}

/// What a mail is.
///
/// A contact's word goes to a conversation of the contact's own client only, so that no client's words come before
/// another's eyes: a contact of another client on a conversation is a third party there. Anybody of the same client who
/// writes on it speaks for the client, also somebody who was merely put in copy.
///
/// Who calls a mail a report has not shown that it is one, so its form alone spares nobody triage. From a machine that the
/// registry does not know, as mail servers are, it counts where it names a mail that the firm really sent.
pub fn verdict(found: &Findings<'_>) -> Verdict {
    let Findings { kind, check, writer, answered, sent, .. } = *found;
    let contact = match (writer, check) {
        (Writer::Several, _) => return triage(TriageReason::Ambiguous, None),
        (Writer::Unknown, _) if kind == Kind::DeliveryReport && !sent.is_empty() => {
            // Of the conversations, that of the mail which it is about: another one it may have read about in copy.
            let noted_on = answered.iter().find(|answered| sent.contains(&answered.thread)).cloned();
            return Verdict::File { noted_on };
        }
        (Writer::Unknown, _) => return triage(TriageReason::Unknown, answered.first()),
        (_, SenderCheck::Failed) => return triage(TriageReason::Forged, None),
        (_, SenderCheck::Missing) => return triage(TriageReason::Unverified, None),
        (Writer::Staff(author), SenderCheck::Passed) => return of_a_colleague(found, author),
        (Writer::Contact(contact), SenderCheck::Passed) => contact.clone(),
    };
    let own = answered.iter().find(|answered| answered.client == client_of(&contact));
    if own.is_none() && !answered.is_empty() {
        return triage(TriageReason::Ambiguous, answered.first());
    }
    let thread = own.cloned();
    if kind == Kind::Personal { Verdict::Word { contact, thread } } else { Verdict::Machine { contact, thread } }
}

/// A colleague's, vouched for. Whose conversation it answers and to whose contacts it goes must agree, so that no client's
/// words come before another's eyes; and a copy counts only of somebody who has to do with the client.
fn of_a_colleague(found: &Findings<'_>, author: &str) -> Verdict {
    if found.ours {
        return Verdict::File { noted_on: None };
    }
    if let Some(copied) = found.copied.filter(|_| found.kind == Kind::Personal) {
        let own = found.answered.iter().find(|answered| answered.client == copied.client);
        if !copied.has_to_do || (own.is_none() && !found.answered.is_empty()) {
            return triage(TriageReason::Staff, None);
        }
        return Verdict::SentCopy { author: author.to_owned(), copied: copied.clone(), thread: own.cloned() };
    }
    if found.is_done_with() { Verdict::File { noted_on: None } } else { triage(TriageReason::Staff, None) }
}

impl Findings<'_> {
    /// Whether a colleague's mail leaves nothing to do: what they wrote to a third party on a client's conversation, their word
    /// that an alert has reached them, or their machine's answer to what the firm told them. What goes to the firm alone is
    /// rather a client's mail that they
    /// send on, on a known conversation too.
    fn is_done_with(&self) -> bool {
        match self.kind {
            Kind::Personal => self.answers_alert || self.goes_out && !self.answered.is_empty(),
            // A rule of their mailbox that sends a client's mail on says that a machine wrote it, too; but what the client
            // answers lies on a conversation, and what the firm tells its own people on none.
            Kind::Automatic | Kind::DeliveryReport => self.sent.iter().any(String::is_empty),
        }
    }
}

fn triage(reason: TriageReason, noted_on: Option<&Answered>) -> Verdict {
    Verdict::Triage { reason, noted_on: noted_on.cloned() }
}

/// `clients/{client}` of `clients/{client}/contacts/{contact}`.
pub fn client_of(contact: &str) -> &str {
    contact.split_once("/contacts/").map_or("", |(client, _)| client)
}

impl Mail {
    /// `mails/{mail}`.
    pub fn name(&self) -> String {
        format!("mails/{}", self.id)
    }

    /// The revision of the event that is told next.
    pub fn next_revision(&mut self) -> u64 {
        self.revision += 1;
        self.revision
    }

    /// Lays it in triage.
    pub fn lay_in_triage(&mut self, reason: TriageReason, due_time: Option<Timestamp>) {
        self.state = State::InTriage;
        self.triage = Some(Triage { reason, due_time, ..Triage::default() });
    }

    /// Makes it a client's.
    pub fn attribute(&mut self, contact: &str, thread: &str, case: &str) {
        self.state = State::Attributed;
        self.client = client_of(contact).to_owned();
        self.contact = contact.to_owned();
        self.thread = thread.to_owned();
        self.case = case.to_owned();
    }

    /// Makes it a colleague's to the client.
    pub fn is_a_sent_copy(&mut self, author: String, copied: Copied, thread: String, case: String) {
        self.state = State::SentCopy;
        (self.client, self.author, self.recipients) = (copied.client, author, copied.contacts);
        (self.thread, self.case) = (thread, case);
    }

    /// Ends its time in triage.
    ///
    /// # Errors
    /// [`MailError::NotInTriage`] where it does not lie there (any more).
    pub fn leave_triage(&mut self, by: &str, now: Timestamp) -> Result<(), MailError> {
        match (self.state, self.triage.as_mut()) {
            (State::InTriage, Some(triage)) => {
                triage.end_time = Some(now);
                by.clone_into(&mut triage.ended_by);
                Ok(())
            }
            _ => Err(MailError::NotInTriage),
        }
    }

    /// Notes that its time in triage is over; false where that was noted before, or it has left, or the time has moved.
    pub fn note_overdue(&mut self, now: Timestamp) -> bool {
        match (self.state, self.triage.as_mut()) {
            (State::InTriage, Some(triage)) if !triage.overdue && triage.due_time.is_some_and(|due| due <= now) => {
                triage.overdue = true;
                true
            }
            _ => false,
        }
    }

    /// When its timer is due next.
    pub fn next_due_time(&self) -> Option<Timestamp> {
        let open = self.triage.as_ref().filter(|triage| self.state == State::InTriage && !triage.overdue);
        open.and_then(|triage| triage.due_time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thread(client: &str) -> Answered {
        Answered { thread: format!("thread-of-{client}"), client: format!("clients/{client}"), case: "cases/1".into() }
    }

    fn jo() -> Writer {
        Writer::Contact("clients/acme/contacts/jo".into())
    }

    fn staff() -> Writer {
        Writer::Staff("staff/anna".into())
    }

    /// A person's mail that the firm's mail server vouches for.
    fn found<'a>(writer: &'a Writer, answered: &'a [Answered]) -> Findings<'a> {
        let (kind, check) = (Kind::Personal, SenderCheck::Passed);
        Findings {
            kind,
            check,
            writer,
            answered,
            sent: &[],
            goes_out: false,
            copied: None,
            ours: false,
            answers_alert: false,
        }
    }

    fn of(writer: &Writer, answered: &[Answered]) -> Verdict {
        verdict(&found(writer, answered))
    }

    #[test]
    fn a_verified_contact_speaks_for_the_client() {
        let contact = "clients/acme/contacts/jo".to_owned();
        assert_eq!(of(&jo(), &[]), Verdict::Word { contact: contact.clone(), thread: None });
        let thread = thread("acme");
        assert_eq!(of(&jo(), std::slice::from_ref(&thread)), Verdict::Word { contact, thread: Some(thread) });
    }

    #[test]
    fn a_machine_of_the_client_opens_nothing() {
        for kind in [Kind::Automatic, Kind::DeliveryReport] {
            let verdict = verdict(&Findings { kind, ..found(&jo(), &[thread("acme")]) });
            assert!(matches!(verdict, Verdict::Machine { thread: Some(_), .. }), "{kind:?}");
        }
    }

    #[test]
    fn a_contact_whom_the_mail_server_does_not_vouch_for_lies_in_triage() {
        for (check, reason) in
            [(SenderCheck::Failed, TriageReason::Forged), (SenderCheck::Missing, TriageReason::Unverified)]
        {
            for writer in [jo(), staff()] {
                let verdict = verdict(&Findings { check, ..found(&writer, &[thread("acme")]) });
                assert_eq!(verdict, Verdict::Triage { reason, noted_on: None });
            }
        }
    }

    #[test]
    fn an_unknown_sender_on_a_conversation_is_a_third_party_there() {
        let expected = Verdict::Triage { reason: TriageReason::Unknown, noted_on: Some(thread("acme")) };
        assert_eq!(of(&Writer::Unknown, &[thread("acme")]), expected);
    }

    #[test]
    fn a_contact_of_another_client_never_joins_a_conversation() {
        let expected = Verdict::Triage { reason: TriageReason::Ambiguous, noted_on: Some(thread("other")) };
        assert_eq!(of(&jo(), &[thread("other")]), expected);
        let both = of(&jo(), &[thread("other"), thread("acme")]);
        assert!(matches!(both, Verdict::Word { thread: Some(own), .. } if own == thread("acme")));
    }

    #[test]
    fn several_senders_are_nobodys_word() {
        let verdict = of(&Writer::Several, &[thread("acme")]);
        assert_eq!(verdict, Verdict::Triage { reason: TriageReason::Ambiguous, noted_on: None });
    }

    #[test]
    fn a_report_of_an_unknown_machine_is_filed_only_about_a_mail_that_was_sent() {
        let answered = [thread("other"), thread("acme")];
        let report = |sent: &[String]| {
            let found = found(&Writer::Unknown, &answered);
            verdict(&Findings { kind: Kind::DeliveryReport, check: SenderCheck::Missing, sent, ..found })
        };
        let expected = Verdict::Triage { reason: TriageReason::Unknown, noted_on: Some(thread("other")) };
        assert_eq!(report(&[]), expected, "that it knows a mail of the client's makes it no report");
        assert_eq!(report(&["thread-of-acme".into()]), Verdict::File { noted_on: Some(thread("acme")) });
        assert_eq!(report(&[String::new()]), Verdict::File { noted_on: None }, "about a mail to the firm's own people");
    }

    #[test]
    fn a_report_in_the_name_of_somebody_known_is_checked_as_any_mail() {
        let (answered, sent) = ([thread("acme")], ["thread-of-acme".to_owned()]);
        let report = |check, writer: &Writer| {
            let found = found(writer, &answered);
            verdict(&Findings { kind: Kind::DeliveryReport, check, sent: &sent, ..found })
        };
        let forged = Verdict::Triage { reason: TriageReason::Forged, noted_on: None };
        assert_eq!(report(SenderCheck::Failed, &jo()), forged);
        let sam = Writer::Contact("clients/other/contacts/sam".into());
        let foreign = Verdict::Triage { reason: TriageReason::Ambiguous, noted_on: Some(thread("acme")) };
        assert_eq!(report(SenderCheck::Passed, &sam), foreign, "another client's report joins no conversation either");
    }

    #[test]
    fn what_the_firms_own_people_send_on_lies_in_triage_and_a_copy_of_their_reply_is_filed() {
        let (answered, ours) = ([thread("acme")], [String::new()]);
        let of =
            |kind, answered, sent, goes_out| verdict(&Findings { kind, sent, goes_out, ..found(&staff(), answered) });
        let (filed, triage) = (Verdict::File { noted_on: None }, triage(TriageReason::Staff, None));
        assert_eq!(of(Kind::Personal, &answered, &[], true), filed, "a copy of what went to the client");
        assert_eq!(of(Kind::Personal, &answered, &[], false), triage, "a client's mail that was sent on");
        assert_eq!(of(Kind::Personal, &[], &[], true), triage, "on no conversation");
        assert_eq!(of(Kind::Automatic, &[], &ours, false), filed, "away, and told so");
        assert_eq!(of(Kind::Automatic, &[], &[], false), triage, "sent on by a rule of the mailbox");
        let on_it = ["thread-of-acme".to_owned()];
        assert_eq!(of(Kind::Automatic, &answered, &on_it, true), triage, "so was the client's answer");
        let staff = Writer::Staff("staff/boss".into());
        let to_alert = Findings { answers_alert: true, ..found(&staff, &[]) };
        assert_eq!(verdict(&to_alert), filed, "an alert has reached them");
        let forged = Findings { check: SenderCheck::Failed, ..to_alert };
        assert_ne!(verdict(&forged), filed);
    }
}
