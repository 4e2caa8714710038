//! A generic gRPC client: any method of any server, JSON in and out.
//!
//! Descriptors come from the server's own reflection ([`reflect`]) or from the suite's contracts; messages are dynamic and
//! travel through [`codec`]. What a server refuses is told with its reason and fields ([`Refused`]).

pub mod codec;
pub mod reflect;

use std::{str::FromStr, time::Duration};

use prost_reflect::{DynamicMessage, MethodDescriptor, SerializeOptions};
use serde_json::Value;
use tonic::{
    Request, Status, Streaming,
    client::Grpc,
    codegen::http::uri::PathAndQuery,
    metadata::MetadataValue,
    transport::{Channel, Endpoint},
};
use tonic_types::StatusExt;

use codec::DynamicCodec;

/// How a call can end without an answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The request is not one of this method's.
    #[error("the request does not fit {method}: {what}")]
    Request {
        /// The method.
        method: String,
        /// What does not fit, with the place in the JSON.
        what: String,
    },
    /// The server refused.
    #[error("{0}")]
    Refused(Box<Refused>),
    /// Nothing answers there, or not as a gRPC server does.
    #[error("{0}")]
    Connection(String),
}

/// A refusal, as a person can read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The gRPC code, for example `FAILED_PRECONDITION`.
    pub code: String,
    /// ErrorInfo's reason; empty where the server gave none.
    pub reason: String,
    /// The server's sentence.
    pub message: String,
    /// The fields at fault, each with what is wrong.
    pub fields: Vec<(String, String)>,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.code)?;
        if !self.reason.is_empty() {
            write!(f, " {}", self.reason)?;
        }
        write!(f, ": {}", self.message)?;
        for (field, what) in &self.fields {
            write!(f, "\n  {field}: {what}")?;
        }
        Ok(())
    }
}

impl From<Status> for Refused {
    fn from(status: Status) -> Self {
        let details = status.get_error_details();
        Self {
            code: code_name(status.code()),
            reason: details.error_info().map(|info| info.reason.clone()).unwrap_or_default(),
            message: status.message().to_owned(),
            fields: details
                .bad_request()
                .map(|bad| {
                    bad.field_violations.iter().map(|one| (one.field.clone(), one.description.clone())).collect()
                })
                .unwrap_or_default(),
        }
    }
}

/// The code as gRPC's specification spells it.
fn code_name(code: tonic::Code) -> String {
    let mut name = String::new();
    for letter in format!("{code:?}").chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

/// A channel to `address`, `host:port` or a URL; connected at the first call.
///
/// # Errors
/// Where the address is none.
pub fn channel(address: &str) -> Result<Channel, CallError> {
    let url = if address.contains("://") { address.to_owned() } else { format!("http://{address}") };
    let endpoint = Endpoint::from_shared(url).map_err(|error| CallError::Connection(error.to_string()))?;
    Ok(endpoint.connect_timeout(Duration::from_secs(5)).connect_lazy())
}

/// Reads a request from JSON, strictly: an unknown field is an error.
///
/// # Errors
/// `CallError::Request` with the place in the JSON.
pub fn request(method: &MethodDescriptor, json: &str) -> Result<DynamicMessage, CallError> {
    let json = if json.trim().is_empty() { "{}" } else { json };
    let wrong = |error: serde_json::Error| CallError::Request {
        method: method.full_name().to_owned(),
        what: error.to_string(),
    };
    let mut reader = serde_json::Deserializer::from_str(json);
    let message = DynamicMessage::deserialize(method.input(), &mut reader).map_err(wrong)?;
    reader.end().map_err(wrong)?;
    Ok(message)
}

/// A message as canonical proto JSON. Fields at their defaults are left out.
///
/// # Errors
/// Where a message cannot be JSON, as an `Any` of an unknown type.
pub fn json(message: &DynamicMessage) -> Result<Value, CallError> {
    message
        .serialize_with_options(serde_json::value::Serializer, &SerializeOptions::new())
        .map_err(|error| CallError::Connection(format!("the answer cannot be written as JSON: {error}")))
}

/// Calls a method that answers once.
///
/// # Errors
/// As [`CallError`] says.
pub async fn unary(
    channel: &Channel,
    method: &MethodDescriptor,
    message: DynamicMessage,
    token: Option<&str>,
) -> Result<DynamicMessage, CallError> {
    let mut grpc = ready(channel).await?;
    let answer = grpc
        .unary(with_token(message, token)?, path(method)?, DynamicCodec::new(method.output()))
        .await
        .map_err(refused)?;
    Ok(answer.into_inner())
}

/// Calls a method that answers with a stream.
///
/// # Errors
/// As [`CallError`] says.
pub async fn streaming(
    channel: &Channel,
    method: &MethodDescriptor,
    message: DynamicMessage,
    token: Option<&str>,
) -> Result<Streaming<DynamicMessage>, CallError> {
    let mut grpc = ready(channel).await?;
    let answer = grpc
        .server_streaming(with_token(message, token)?, path(method)?, DynamicCodec::new(method.output()))
        .await
        .map_err(refused)?;
    Ok(answer.into_inner())
}

/// What a status of a call means here.
pub fn refused(status: Status) -> CallError {
    if status.code() == tonic::Code::Unavailable && status.get_details_error_info().is_none() {
        return CallError::Connection(format!("no answer: {}", status.message()));
    }
    CallError::Refused(Box::new(status.into()))
}

async fn ready(channel: &Channel) -> Result<Grpc<Channel>, CallError> {
    let mut grpc = Grpc::new(channel.clone()).max_decoding_message_size(64 << 20).max_encoding_message_size(64 << 20);
    grpc.ready().await.map_err(|error| CallError::Connection(error.to_string()))?;
    Ok(grpc)
}

fn path(method: &MethodDescriptor) -> Result<PathAndQuery, CallError> {
    PathAndQuery::from_str(&format!("/{}/{}", method.parent_service().full_name(), method.name()))
        .map_err(|error| CallError::Connection(error.to_string()))
}

fn with_token(message: DynamicMessage, token: Option<&str>) -> Result<Request<DynamicMessage>, CallError> {
    let mut request = Request::new(message);
    if let Some(token) = token {
        let value = MetadataValue::from_str(&format!("Bearer {token}"))
            .map_err(|_| CallError::Connection("the token holds characters that no token has".into()))?;
        request.metadata_mut().insert("authorization", value);
    }
    Ok(request)
}
