//! A conversation, and what is known here of a case. Pure.

/// A conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub client: String,
    /// The latest case about it; empty where none is known here.
    pub case: String,
    /// Who of the client wrote last; empty where nobody did.
    pub last_contact: String,
    /// The client's last mail, its id; empty where there is none.
    pub last_mail: String,
    pub(super) subject: Vec<u8>,
}

/// What is known here of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseLink {
    /// Whose it is.
    pub client: String,
    /// Empty where none was named.
    pub engagement: String,
    /// Its conversation; empty where there is none yet.
    pub thread: String,
    /// Who opened it.
    pub opener: String,
}
