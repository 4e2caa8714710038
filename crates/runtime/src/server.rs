//! The gRPC server: binds first and tells its address, then serves behind the edge until it is told to stop.
//!
//! ```text
//! let bound = Server::bind("127.0.0.1:0").await?;
//! let services = Services::new().with(CaseServiceServer::new(cases));
//! bound.serve(services, Edge::new(access), shutdown).await?;
//! ```

use std::{collections::BTreeMap, convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use access::AccessLayer;
use http::{Request, Response};
use tokio::net::{TcpListener, ToSocketAddrs};
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::{body::Body, server::NamedService, service::Routes};
use tonic_health::{ServingStatus, server::HealthReporter};
use tower::{Service, ServiceBuilder};

use crate::edge::{BoundLayer, DeadlineLayer, PanicLayer, TraceLayer, ValidationError, ValidationLayer, VerbLayer};

/// Why a server did not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address.
    #[error("cannot listen on {address}: {cause}")]
    Bind {
        /// Where it should have been.
        address: String,
        /// Why not.
        cause: io::Error,
    },
    /// The contracts.
    #[error(transparent)]
    Validation(#[from] ValidationError),
    /// The descriptor set.
    #[error("reflection: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The transport.
    #[error("the server ended: {0}")]
    Transport(#[from] tonic::transport::Error),
}

/// The gRPC services of a process. Cheap to clone.
#[derive(Clone, Default)]
pub struct Services {
    by_name: BTreeMap<&'static str, Add>,
}

type Add = Arc<dyn Fn(Routes) -> Routes + Send + Sync>;

impl std::fmt::Debug for Services {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

impl Services {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one, in place of another of the same name. A service that takes messages of more than 4 MiB must raise its
    /// own bound too (`max_decoding_message_size`).
    #[must_use]
    pub fn with<S>(mut self, service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
            + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send + 'static,
    {
        self.by_name.insert(S::NAME, Arc::new(move |routes| routes.add_service(service.clone())));
        self
    }

    /// Adds all of another's, as the suite does with its services'; of two of one name the other's stays.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.by_name.extend(other.by_name);
        self
    }

    /// The names of those added, for example `liaison.escalation.v1.CaseService`.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.by_name.keys().copied()
    }
}

/// Bounds of a server.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The largest message taken, in bytes; 32 MiB.
    pub message: usize,
    /// The longest that a call that answers once may take; 60 s.
    pub call: Duration,
    /// How long calls under way may take to end after shutdown began; 20 s, within a pod's usual grace of 30.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { message: 32 * 1024 * 1024, call: Duration::from_secs(60), drain: Duration::from_secs(20) }
    }
}

/// What stands before the services.
#[derive(Clone)]
pub struct Edge {
    access: AccessLayer,
    limits: Limits,
    health: HealthReporter,
}

impl Edge {
    /// The permission layer and the usual limits.
    pub fn new(access: AccessLayer) -> Self {
        Self { access, limits: Limits::default(), health: HealthReporter::new() }
    }

    /// Other limits.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Tells a service's health, by name, while it serves. Every service is SERVING from the start and NOT_SERVING from
    /// shutdown on.
    pub fn health(&self) -> HealthReporter {
        self.health.clone()
    }
}

/// Where a server begins.
#[derive(Clone, Copy, Debug)]
pub struct Server;

impl Server {
    /// Listens; port 0 takes a free one, which [`Bound::local_addr`] tells. Calls are answered once it serves.
    ///
    /// # Errors
    /// Where the address is none, or taken.
    pub async fn bind(address: impl ToSocketAddrs + std::fmt::Debug) -> Result<Bound, ServerError> {
        let text = format!("{address:?}");
        let wrong = |cause| ServerError::Bind { address: text.clone(), cause };
        let listener = TcpListener::bind(address).await.map_err(wrong)?;
        let local = listener.local_addr().map_err(wrong)?;
        Ok(Bound { listener, local })
    }
}

/// A server that listens and does not answer yet.
#[derive(Debug)]
pub struct Bound {
    listener: TcpListener,
    local: SocketAddr,
}

impl Bound {
    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Serves until `shutdown`, then accepts no more, lets calls end (streams are ended) and returns, at the latest
    /// after the drain limit. Health and reflection (v1 and v1alpha) stand beside the services.
    ///
    /// # Errors
    /// Where the contracts cannot be kept, or the transport fails.
    pub async fn serve(self, services: Services, edge: Edge, shutdown: CancellationToken) -> Result<(), ServerError> {
        let Edge { access, limits, health } = edge;
        for name in services.names() {
            health.set_service_status(name, ServingStatus::Serving).await;
        }
        let names: Vec<_> = services.names().collect();
        let routes = with_reflection(&services)?.add_service(tonic_health::pb::health_server::HealthServer::new(
            tonic_health::server::HealthService::from_health_reporter(health.clone()),
        ));

        // In the order in which a call meets them.
        let service = ServiceBuilder::new()
            .layer(TraceLayer)
            .layer(PanicLayer)
            .layer(VerbLayer)
            .layer(DeadlineLayer::new(limits.call, shutdown.clone()))
            .layer(BoundLayer::new(limits.message))
            .layer(access)
            .layer(ValidationLayer::try_new(&names)?)
            .service(routes.prepare());

        let stop = {
            let shutdown = shutdown.clone();
            async move {
                shutdown.cancelled().await;
                for name in names.into_iter().chain([""]) {
                    health.set_service_status(name, ServingStatus::NotServing).await;
                }
            }
        };
        let incoming = TcpListenerStream::new(self.listener);
        let incoming = tokio_stream::StreamExt::map(incoming, |socket| {
            // Small answers would wait for the caller's acknowledgement of the one before.
            socket.inspect(|socket| drop(socket.set_nodelay(true)))
        });
        let serving = tonic::transport::Server::builder()
            .http2_keepalive_interval(Some(Duration::from_secs(30)))
            .serve_with_incoming_shutdown(service, incoming, stop);
        let drained = async {
            shutdown.cancelled().await;
            tokio::time::sleep(limits.drain).await;
        };
        tokio::select! {
            ended = serving => Ok(ended?),
            () = drained => {
                tracing::warn!("calls were still under way when the time to drain was over");
                Ok(())
            }
        }
    }
}

fn with_reflection(services: &Services) -> Result<Routes, ServerError> {
    let builder = || {
        let builder = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(contracts::DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .with_service_name("grpc.health.v1.Health");
        services.names().fold(builder, |builder, name| builder.with_service_name(name))
    };
    let v1 = builder().with_service_name("grpc.reflection.v1.ServerReflection").build_v1()?;
    let v1alpha = builder().with_service_name("grpc.reflection.v1alpha.ServerReflection").build_v1alpha()?;
    let routes = services.by_name.values().fold(Routes::default(), |routes, add| add(routes));
    Ok(routes.add_service(v1).add_service(v1alpha))
}
