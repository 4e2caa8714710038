//! Descriptors of a server, asked of the server itself (grpc.reflection.v1).

use std::collections::{HashMap, VecDeque};

use prost::Message;
use prost_reflect::{DescriptorPool, MethodDescriptor};
use prost_types::FileDescriptorProto;
use tonic::transport::Channel;
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

use super::{CallError, refused};

/// The services that a server says it has.
///
/// # Errors
/// Where it does not answer, or has no reflection.
pub async fn services(channel: &Channel) -> Result<Vec<String>, CallError> {
    match ask(channel, MessageRequest::ListServices(String::new())).await? {
        MessageResponse::ListServicesResponse(list) => Ok(list.service.into_iter().map(|one| one.name).collect()),
        _ => Err(CallError::Connection("the server answered reflection with something else".into())),
    }
}

/// A method by `package.Service/Method`, or by any ending of the service's name that is the only one of its kind:
/// `CaseService/OpenCase`.
///
/// # Errors
/// Where the server does not have it; the message lists what it has.
pub async fn method(channel: &Channel, name: &str) -> Result<MethodDescriptor, CallError> {
    let (service, method) = name.rsplit_once(['/', '.']).unwrap_or((name, ""));
    let known = services(channel).await?;
    let full = pick(&known, service)?;
    let pool = pool(channel, &full).await?;
    let found =
        pool.get_service_by_name(&full).ok_or_else(|| CallError::Connection(format!("{full} has no descriptor")))?;
    let methods: Vec<_> = found.methods().collect();
    methods.iter().find(|one| one.name() == method).cloned().ok_or_else(|| {
        let names: Vec<_> = methods.iter().map(|one| one.name().to_owned()).collect();
        CallError::Connection(format!("{full} has no method `{method}`; it has: {}", names.join(", ")))
    })
}

/// The one known service whose name is `wanted` or ends with `.wanted`.
fn pick(known: &[String], wanted: &str) -> Result<String, CallError> {
    let ending = format!(".{wanted}");
    let fitting: Vec<_> = known.iter().filter(|one| *one == wanted || one.ends_with(&ending)).collect();
    match fitting.as_slice() {
        [one] => Ok((*one).clone()),
        [] => Err(CallError::Connection(format!("no service `{wanted}` here; there are: {}", known.join(", ")))),
        several => {
            let names: Vec<_> = several.iter().map(|one| one.as_str()).collect();
            Err(CallError::Connection(format!("`{wanted}` is several services: {}", names.join(", "))))
        }
    }
}

async fn pool(channel: &Channel, service: &str) -> Result<DescriptorPool, CallError> {
    let mut files: HashMap<String, FileDescriptorProto> = HashMap::new();
    let mut wanted = VecDeque::from([MessageRequest::FileContainingSymbol(service.to_owned())]);
    while let Some(request) = wanted.pop_front() {
        let MessageResponse::FileDescriptorResponse(answer) = ask(channel, request).await? else {
            return Err(CallError::Connection(format!("the server does not describe {service}")));
        };
        for bytes in answer.file_descriptor_proto {
            let file = FileDescriptorProto::decode(bytes.as_slice())
                .map_err(|error| CallError::Connection(format!("a descriptor does not decode: {error}")))?;
            files.insert(file.name().to_owned(), file);
        }
        let missing =
            files.values().flat_map(|file| file.dependency.iter()).find(|name| !files.contains_key(*name)).cloned();
        wanted.extend(missing.map(MessageRequest::FileByFilename));
    }
    let mut pool = DescriptorPool::new();
    pool.add_file_descriptor_protos(files.into_values())
        .map_err(|error| CallError::Connection(format!("the server's descriptors do not fit together: {error}")))?;
    Ok(pool)
}

async fn ask(channel: &Channel, request: MessageRequest) -> Result<MessageResponse, CallError> {
    let mut client = ServerReflectionClient::new(channel.clone()).max_decoding_message_size(64 << 20);
    let request = ServerReflectionRequest { host: String::new(), message_request: Some(request) };
    let mut answers = client.server_reflection_info(tokio_stream::once(request)).await.map_err(refused)?.into_inner();
    let answer = answers.message().await.map_err(refused)?;
    match answer.and_then(|answer| answer.message_response) {
        Some(MessageResponse::ErrorResponse(error)) => Err(CallError::Connection(error.error_message)),
        Some(answer) => Ok(answer),
        None => Err(CallError::Connection("the server closed reflection without an answer".into())),
    }
}
