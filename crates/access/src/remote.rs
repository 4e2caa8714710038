//! Decisions asked of the registry.

use std::sync::Arc;

use async_trait::async_trait;
use contracts::client_registry::v1::{GetGrantsRequest, access_service_client::AccessServiceClient};
use http::{Request, Response};
use tonic::{Code, body::Body, codegen::StdError};
use tower::Service;

use crate::{DecisionError, Decisions, Grants, Principal};

/// Asks the registry's AccessService. Stand [`crate::CachedDecisions`] in front of it.
pub struct RemoteDecisions<C> {
    registry: AccessServiceClient<C>,
}

impl<C> RemoteDecisions<C>
where
    C: Service<Request<Body>, Response = Response<Body>>,
    C::Error: Into<StdError>,
{
    /// Asks over this channel, which brings the asking service's own token.
    pub fn new(channel: C) -> Self {
        Self { registry: AccessServiceClient::new(channel) }
    }
}

#[async_trait]
impl<C> Decisions for RemoteDecisions<C>
where
    C: Service<Request<Body>, Response = Response<Body>> + Clone + Send + Sync + 'static,
    C::Error: Into<StdError>,
    C::Future: Send,
{
    async fn grants(&self, principal: &Principal) -> Result<Arc<Grants>, DecisionError> {
        let request = GetGrantsRequest { principal: principal.name().to_owned() };
        match self.registry.clone().get_grants(request).await {
            Ok(answer) => answer
                .into_inner()
                .grants
                .map(|grants| Arc::new(Grants::from_wire(grants)))
                .ok_or(DecisionError::Unavailable),
            Err(status) if status.code() == Code::NotFound => Err(DecisionError::Unknown),
            Err(status) => {
                tracing::warn!(rpc.code = ?status.code(), "the registry does not tell who may do this");
                Err(DecisionError::Unavailable)
            }
        }
    }
}
