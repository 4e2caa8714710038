use refusal::{Kind, Refusal};

/// Why something about a meeting is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MeetingError {
    #[error("a video conference needs its link")]
    LinkMissing,
    #[error("only a video conference has a link")]
    LinkNotExpected,
    #[error("the link leads to no provider that the firm's policy allows")]
    VideoProviderNotAllowed,
    #[error("it is over before it begins")]
    EndsBeforeItBegins,
    #[error("it has not taken place yet")]
    InFuture,
    #[error("it began in the past, and does not say when it was over")]
    InPast,
    #[error("it answers a case's question, and names no case")]
    CaseMissing,
    #[error("a call says of what kind it is, since calls of some kinds must be recorded")]
    KindMissing,
    #[error("what it names is of another client")]
    OfAnotherClient(&'static str),
    #[error("it is not planned any more")]
    NotPlanned,
    #[error("it was not held yet, or is closed or cancelled")]
    NotHeld,
    #[error("a meeting in person is not recorded as a call is")]
    NotACall,
    #[error("a recording needs the consent of one who took part for the client, and how it was given")]
    ConsentMissing,
    #[error("whoever consented did not take part")]
    NotAParticipant,
    #[error("there is a recording, or a reason why there is none")]
    RecordingOrReason,
    #[error("a meeting in person is closed with its minutes alone")]
    MinutesMissing,
    #[error("a call of this kind must be recorded, or say why it was not")]
    RecordingMissing,
}

impl From<MeetingError> for Refusal {
    fn from(error: MeetingError) -> Self {
        use MeetingError as E;
        let field = |reason, field| Self::field(reason, field, error.to_string());
        let state = |reason| Self::new(Kind::State, reason, error.to_string());
        match error {
            E::LinkMissing => field("LINK_MISSING", "meeting.video_link"),
            E::LinkNotExpected => field("LINK_NOT_EXPECTED", "meeting.video_link"),
            E::VideoProviderNotAllowed => field("VIDEO_PROVIDER_NOT_ALLOWED", "meeting.video_link"),
            E::EndsBeforeItBegins => field("ENDS_BEFORE_IT_BEGINS", "end_time"),
            E::InFuture => field("IN_FUTURE", "end_time"),
            E::InPast => field("IN_PAST", "meeting.start_time"),
            E::CaseMissing => field("CASE_MISSING", "meeting.case"),
            E::KindMissing => field("KIND_MISSING", "meeting.kind"),
            E::OfAnotherClient(path) => field("OF_ANOTHER_CLIENT", path),
            E::NotPlanned => state("NOT_PLANNED"),
            E::NotHeld => state("NOT_HELD"),
            E::NotACall => field("NOT_A_CALL", "name"),
            E::ConsentMissing => field("CONSENT_MISSING", "consent"),
            E::NotAParticipant => field("NOT_A_PARTICIPANT", "consenting_contact"),
            E::RecordingOrReason => field("RECORDING_OR_REASON", "reference"),
            E::MinutesMissing => state("MINUTES_MISSING"),
            E::RecordingMissing => state("RECORDING_MISSING"),
        }
    }
}

impl From<MeetingError> for command::Fault {
    fn from(error: MeetingError) -> Self {
        Self::Refused(error.into())
    }
}
