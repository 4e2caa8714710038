//! What a caller is told when something is refused: one small vocabulary, mapped to gRPC once.
//!
//! A domain error becomes a [`Refusal`]: a [`Kind`], a reason (`SCREAMING_SNAKE`, stable, for programs), a sentence for
//! people, and the fields at fault where there are any. On the wire it is a status with `google.rpc.ErrorInfo` (domain
//! `liaison`) and, where fields are wrong, `google.rpc.BadRequest`, all fields in one answer. Neither the sentence nor the
//! metadata holds personal data or a driver's text.

use std::collections::HashMap;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

/// The `domain` of every ErrorInfo.
pub const DOMAIN: &str = "liaison";

/// What kind of refusal it is; each is one gRPC code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The request breaks a rule by itself, whatever the state: INVALID_ARGUMENT.
    Invalid,
    /// No valid token: UNAUTHENTICATED.
    Unauthenticated,
    /// A valid token that does not suffice: PERMISSION_DENIED.
    Denied,
    /// Not there, or not for this caller to know of: NOT_FOUND.
    NotFound,
    /// There already: ALREADY_EXISTS.
    Exists,
    /// The state does not allow it: FAILED_PRECONDITION.
    State,
    /// Somebody else was faster; read again and repeat: ABORTED.
    Conflict,
    /// Something it needs does not answer; the same request may succeed later: UNAVAILABLE.
    Unavailable,
    /// Over a limit: RESOURCE_EXHAUSTED.
    Exhausted,
    /// A fault of ours; details are in the log: INTERNAL.
    Internal,
}

impl Kind {
    /// Its gRPC code.
    pub fn code(self) -> Code {
        match self {
            Self::Invalid => Code::InvalidArgument,
            Self::Unauthenticated => Code::Unauthenticated,
            Self::Denied => Code::PermissionDenied,
            Self::NotFound => Code::NotFound,
            Self::Exists => Code::AlreadyExists,
            Self::State => Code::FailedPrecondition,
            Self::Conflict => Code::Aborted,
            Self::Unavailable => Code::Unavailable,
            Self::Exhausted => Code::ResourceExhausted,
            Self::Internal => Code::Internal,
        }
    }
}

/// A field at fault and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldFault {
    /// Its path in the request, for example `calendar.week[2].close`.
    pub field: String,
    /// What is wrong, without its value.
    pub description: String,
}

/// Why a caller did not get what it asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {message}")]
pub struct Refusal {
    /// The kind, and so the code.
    pub kind: Kind,
    /// Stable and for programs, for example `STALE_ETAG`.
    pub reason: &'static str,
    /// One sentence for people, saying what to do where something can be done.
    pub message: String,
    /// Further facts for programs; ids, never personal data.
    pub metadata: Vec<(&'static str, String)>,
    /// The fields at fault.
    pub fields: Vec<FieldFault>,
}

impl Refusal {
    /// A refusal with no more than its reason and sentence.
    pub fn new(kind: Kind, reason: &'static str, message: impl Into<String>) -> Self {
        Self { kind, reason, message: message.into(), metadata: Vec::new(), fields: Vec::new() }
    }

    /// A wrong field: INVALID_ARGUMENT.
    pub fn field(reason: &'static str, field: impl Into<String>, description: impl Into<String>) -> Self {
        let (field, description) = (field.into(), description.into());
        let message = format!("{field}: {description}");
        Self { fields: vec![FieldFault { field, description }], ..Self::new(Kind::Invalid, reason, message) }
    }

    /// A resource that is not there, or not for this caller to know of.
    pub fn not_found(name: impl Into<String>) -> Self {
        let name = name.into();
        Self::new(Kind::NotFound, "NOT_FOUND", format!("{name} is not there, or not yours to see"))
            .with("resource", name)
    }

    /// A fault of ours. Log what happened where it happened; the caller learns only that it was not their fault.
    pub fn internal() -> Self {
        Self::new(Kind::Internal, "INTERNAL", "something failed on our side; it stands in our log")
    }

    /// The storage does not answer. What was asked may be done or not: where the answer to a commit was lost, nobody here
    /// knows.
    pub fn storage_unavailable() -> Self {
        Self::new(
            Kind::Unavailable,
            "STORAGE_UNAVAILABLE",
            "the storage does not answer; repeat the call with the same request_id, which does it once",
        )
    }

    /// Adds a fact for programs.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.metadata.push((key, value.into()));
        self
    }

    /// Adds a field at fault.
    #[must_use]
    pub fn and_field(mut self, field: impl Into<String>, description: impl Into<String>) -> Self {
        self.fields.push(FieldFault { field: field.into(), description: description.into() });
        self
    }
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        let metadata: HashMap<String, String> =
            refusal.metadata.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        let mut details = ErrorDetails::with_error_info(refusal.reason, DOMAIN, metadata);
        if !refusal.fields.is_empty() {
            let faults: Vec<FieldViolation> =
                refusal.fields.into_iter().map(|fault| FieldViolation::new(fault.field, fault.description)).collect();
            details.set_bad_request(faults);
        }
        Status::with_error_details(refusal.kind.code(), refusal.message, details)
    }
}

/// The reason in a status that one of our services gave, where there is one.
pub fn reason(status: &Status) -> Option<String> {
    status.get_details_error_info().map(|info| info.reason)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_refusal_reaches_the_wire_with_its_reason_and_every_field() {
        let status = Status::from(
            Refusal::field("BAD_FIELD", "contact.email", "is not an address").and_field("contact.phone", "is too long"),
        );
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(reason(&status).unwrap(), "BAD_FIELD");
        let fields: Vec<_> =
            status.get_details_bad_request().unwrap().field_violations.into_iter().map(|fault| fault.field).collect();
        assert_eq!(fields, ["contact.email", "contact.phone"]);
    }
}
