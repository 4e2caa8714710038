//! Validation: the rules that a contract declares for its fields (protovalidate), kept by one layer for every method.
//!
//! A message that breaks some is answered INVALID_ARGUMENT, reason INVALID_FIELDS, with every field at fault in one
//! BadRequest. The texts say what is wrong and never repeat a value, which may be personal data. What is no message at
//! all is UNDECODABLE. The bytes that were checked are the bytes that the handler decodes. [`validate`] keeps the same rules
//! for a message that came another way.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
    task::{Context, Poll},
};

use bytes::{Buf, Bytes};
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use prost_protovalidate::{Error, Validator, Violation};
use prost_reflect::{
    DynamicMessage, MessageDescriptor, Value,
    prost::{Message, Name},
};
use refusal::{FieldFault, Kind, Refusal};
use tonic::{Code, Status, body::Body};
use tower::{Layer, Service};

use super::{BoxFuture, bound::PREFIX, methods, ready, status};

/// Checks every message before its handler sees it. Cheap to clone.
#[derive(Clone)]
pub struct ValidationLayer {
    rules: Arc<Rules>,
}

struct Rules {
    inputs: HashMap<&'static str, MessageDescriptor>,
}

/// One for the process: it keeps what it compiled of each message, and the services of a suite share many.
static VALIDATOR: LazyLock<Validator> = LazyLock::new(Validator::new);

/// A contract that this layer cannot keep.
#[derive(Debug, thiserror::Error)]
pub enum ValidationError {
    /// A method whose caller sends a stream would pass unchecked.
    #[error("{0} takes a stream of messages, which is not validated: make it take one")]
    ClientStream(&'static str),
    /// A rule that makes no sense.
    #[error("the rules of {method} cannot be used: {fault}")]
    Rules {
        /// Whose input.
        method: &'static str,
        /// What is wrong.
        fault: String,
    },
}

impl ValidationLayer {
    /// A layer with the rules of every method of these services, compiled now rather than at the first call. Services that
    /// are not ours have none.
    ///
    /// # Errors
    /// Where a contract's rules cannot be kept.
    pub fn try_new(services: &[&str]) -> Result<Self, ValidationError> {
        let mut inputs = HashMap::new();
        for (path, method) in methods::ours() {
            if !services.contains(&method.parent_service().full_name()) {
                continue;
            }
            if method.is_client_streaming() {
                return Err(ValidationError::ClientStream(path));
            }
            inputs.insert(path, method.input());
        }
        for (method, input) in &inputs {
            match VALIDATOR.validate(&DynamicMessage::new(input.clone())) {
                Ok(()) | Err(Error::Validation(_)) => {}
                Err(error) => return Err(ValidationError::Rules { method, fault: error.to_string() }),
            }
        }
        Ok(Self { rules: Arc::new(Rules { inputs }) })
    }
}

impl<S> Layer<S> for ValidationLayer {
    type Service = Validation<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Validation { inner, rules: self.rules.clone() }
    }
}

/// A server whose messages are checked.
#[derive(Clone)]
pub struct Validation<S> {
    inner: S,
    rules: Arc<Rules>,
}

impl<S> Service<Request<Body>> for Validation<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = BoxFuture<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let mut inner = ready(&mut self.inner);
        let Some(input) = self.rules.inputs.get(request.uri().path()).cloned() else {
            // Health, reflection, and what is in no contract.
            return Box::pin(async move { inner.call(request).await });
        };
        let rules = self.rules.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let body = match body.collect().await {
                Ok(body) => body.to_bytes(),
                Err(status) => return Ok(status.into_http()),
            };
            if let Err(status) = rules.check(input, &parts.headers, body.clone()) {
                return Ok(status.into_http());
            }
            inner.call(Request::from_parts(parts, Body::new(Full::new(body)))).await
        })
    }
}

impl Rules {
    fn check(&self, input: MessageDescriptor, headers: &HeaderMap, body: Bytes) -> Result<(), Status> {
        let message = message(headers, body)?;
        let decoded = DynamicMessage::decode(input, message).map_err(|_| undecodable())?;
        Ok(judge(&decoded)?)
    }
}

/// Checks one message of the suite that no client sent and so no layer met, such as what a command line was given.
///
/// # Errors
/// As the layer's: INVALID_FIELDS with every field at fault.
pub fn validate<M: Message + Name>(message: &M) -> Result<(), Refusal> {
    let Some(descriptor) = contracts::pool().get_message_by_name(&M::full_name()) else {
        tracing::error!(message.name = M::full_name(), "message of no contract");
        return Err(Refusal::internal());
    };
    let mut described = DynamicMessage::new(descriptor);
    described.transcode_from(message).map_err(|error| crate::internal(error, "describing a message"))?;
    judge(&described)
}

fn judge(message: &DynamicMessage) -> Result<(), Refusal> {
    match VALIDATOR.validate(message) {
        Ok(()) => Ok(()),
        Err(Error::Validation(broken)) => Err(invalid(broken.violations())),
        Err(error) => Err(crate::internal(error, "validating a message")),
    }
}

/// The bytes of the body's only message.
fn message(headers: &HeaderMap, mut body: Bytes) -> Result<Bytes, Status> {
    if body.len() < PREFIX {
        return Err(undecodable());
    }
    let compressed = body.get_u8() != 0;
    let length = body.get_u32() as usize;
    let encoding = headers.get("grpc-encoding").is_some_and(|encoding| encoding != "identity");
    if compressed || encoding {
        return Err(status(
            Code::Unimplemented,
            "COMPRESSION_UNSUPPORTED",
            "messages are taken uncompressed (grpc-encoding: identity)",
        ));
    }
    if body.len() != length { Err(undecodable()) } else { Ok(body) }
}

fn undecodable() -> Status {
    Refusal::new(Kind::Invalid, "UNDECODABLE", "this is not one message of the method's type").into()
}

fn invalid(violations: &[Violation]) -> Refusal {
    let fields: Vec<FieldFault> = violations
        .iter()
        .map(|violation| FieldFault { field: violation.field_path(), description: describe(violation) })
        .collect();
    let named: Vec<&str> = fields.iter().map(|fault| fault.field.as_str()).filter(|name| !name.is_empty()).collect();
    let sentence = match named[..] {
        [] => "the message breaks a rule; see the details".to_owned(),
        _ => format!("these fields break a rule: {}; see the details", named.join(", ")),
    };
    Refusal { fields, ..Refusal::new(Kind::Invalid, "INVALID_FIELDS", sentence) }
}

/// What is wrong, from the rule alone.
fn describe(violation: &Violation) -> String {
    if !violation.message().is_empty() {
        return violation.message().to_owned();
    }
    if let Some(text) = TEXTS.get(violation.rule_id()) {
        return text.clone();
    }
    match violation.rule_id() {
        "required" => "must be set".into(),
        "string.email" | "string.email_empty" => "must be an e-mail address".into(),
        "string.uuid" | "string.uuid_empty" => "must be a UUID".into(),
        "string.hostname" | "string.hostname_empty" => "must be a host name".into(),
        "string.uri" | "string.uri_empty" => "must be a URI".into(),
        rule => format!("breaks the rule {rule}"),
    }
}

/// The texts of the contracts' own CEL rules by their id; the validator gives those of whole messages without one.
static TEXTS: LazyLock<HashMap<String, String>> = LazyLock::new(|| {
    let mut texts = HashMap::new();
    let pool = contracts::pool();
    let (on_message, on_field) =
        (pool.get_extension_by_name("buf.validate.message"), pool.get_extension_by_name("buf.validate.field"));
    for message in pool.all_messages() {
        let options = message.options();
        if let Some(option) = on_message.as_ref().filter(|option| options.has_extension(option)) {
            collect(&options.get_extension(option), &mut texts);
        }
        for field in message.fields() {
            let options = field.options();
            if let Some(option) = on_field.as_ref().filter(|option| options.has_extension(option)) {
                collect(&options.get_extension(option), &mut texts);
            }
        }
    }
    texts
});

fn collect(rules: &Value, texts: &mut HashMap<String, String>) {
    let Some(cel) = rules.as_message().and_then(|rules| rules.get_field_by_name("cel")) else { return };
    for rule in cel.as_list().unwrap_or_default().iter().filter_map(Value::as_message) {
        let text = |name: &str| rule.get_field_by_name(name).and_then(|text| text.as_str().map(str::to_owned));
        if let (Some(id), Some(message)) = (text("id"), text("message"))
            && !message.is_empty()
        {
            texts.insert(id, message);
        }
    }
}
