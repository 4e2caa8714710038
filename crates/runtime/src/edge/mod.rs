//! What a call meets before its handler, in this order: [`trace`], [`panic`], [`verb`], [`deadline`], [`bound`], the
//! permission layer of the crate `access`, [`validation`].
//!
//! Each is a tower layer over `http::Request<tonic::body::Body>` that answers with a status and never with an error.

pub mod bound;
pub mod deadline;
pub mod panic;
pub mod trace;
pub mod validation;
pub mod verb;

mod methods;

pub(crate) use deadline::stated;
pub(crate) use methods::answers_once;

pub use bound::BoundLayer;
pub use deadline::DeadlineLayer;
pub use panic::PanicLayer;
pub use trace::TraceLayer;
pub use validation::{ValidationError, ValidationLayer};
pub use verb::VerbLayer;

use std::{future::Future, pin::Pin};

use tonic::{Code, Status};

pub(crate) type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A refusal whose code the vocabulary of `refusal` does not have, because no use case may give it.
pub(crate) fn status(code: Code, reason: &'static str, message: &str) -> Status {
    use tonic_types::{ErrorDetails, StatusExt};
    let details = ErrorDetails::with_error_info(reason, refusal::DOMAIN, std::collections::HashMap::new());
    Status::with_error_details(code, message, details)
}

/// Takes the service that was made ready and leaves its successor, as tower's contract asks of a layer whose future
/// outlives the call.
pub(crate) fn ready<S: Clone>(inner: &mut S) -> S {
    let successor = inner.clone();
    std::mem::replace(inner, successor)
}
