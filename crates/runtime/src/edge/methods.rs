//! The methods that a server can have, by path.

use std::{collections::HashMap, sync::LazyLock};

use prost_reflect::MethodDescriptor;

static METHODS: LazyLock<HashMap<String, MethodDescriptor>> = LazyLock::new(|| {
    let services = contracts::pool().services();
    let methods = services.flat_map(|service| service.methods().collect::<Vec<_>>());
    methods.map(|method| (format!("/{}/{}", method.parent_service().full_name(), method.name()), method)).collect()
});

/// The method of this path, where one of our contracts has it.
pub(crate) fn find(path: &str) -> Option<&'static MethodDescriptor> {
    METHODS.get(path)
}

/// Every method of our own packages, by path.
pub(crate) fn ours() -> impl Iterator<Item = (&'static str, &'static MethodDescriptor)> {
    METHODS.iter().map(|(path, method)| (path.as_str(), method)).filter(|(path, _)| path.starts_with("/liaison."))
}

/// Whether the answer is one message. What is in no contract of ours, such as reflection, counts as a stream, which may
/// be ended at any time.
pub(crate) fn answers_once(path: &str) -> bool {
    path == "/grpc.health.v1.Health/Check" || find(path).is_some_and(|method| !method.is_server_streaming())
}
