//! What an OTLP collector is sent.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::any_value::Value,
    trace::v1::Span,
};
use tokio::{sync::Notify, task::JoinHandle};
use tonic::{
    Request, Response, Status,
    transport::{Server, server::TcpIncoming},
};

/// How long spans may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Takes spans over OTLP/gRPC and keeps them. It goes when this value goes.
#[derive(Debug)]
pub struct Collector {
    address: SocketAddr,
    kept: Arc<Kept>,
    server: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Kept {
    spans: Mutex<Vec<Span>>,
    came: Notify,
}

struct Sink(Arc<Kept>);

#[tonic::async_trait]
impl TraceService for Sink {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let scopes = request.into_inner().resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
        self.0.spans.lock().unwrap().extend(scopes.flat_map(|scope| scope.spans));
        self.0.came.notify_waiters();
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    /// Listens on a free port.
    pub fn start() -> Self {
        let incoming = TcpIncoming::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let address = incoming.local_addr().unwrap();
        let kept = Arc::new(Kept::default());
        let sink = TraceServiceServer::new(Sink(kept.clone()));
        let server = tokio::spawn(async move {
            Server::builder().add_service(sink).serve_with_incoming(incoming).await.unwrap();
        });
        Self { address, kept, server }
    }

    /// Its address, for `telemetry.otlp_endpoint`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What came so far.
    pub fn spans(&self) -> Vec<Span> {
        self.kept.spans.lock().unwrap().clone()
    }

    /// Looks at what came, again whenever more came, until something is found there.
    ///
    /// # Panics
    /// Where it is not found within 30 s, with what `look` missed last.
    pub async fn until<T>(&self, look: impl Fn(Vec<Span>) -> Result<T, String>) -> T {
        let mut missed = String::new();
        let looking = async {
            loop {
                // From before the look, so that nothing comes unseen between the two.
                let came = self.kept.came.notified();
                match look(self.spans()) {
                    Ok(found) => return found,
                    Err(what) => missed = what,
                }
                came.await;
            }
        };
        match tokio::time::timeout(PATIENCE, looking).await {
            Ok(found) => found,
            Err(_) => panic!("after {PATIENCE:?}: {missed}"),
        }
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// A span's attribute that is text; empty where it has none of this name.
pub fn attribute(span: &Span, name: &str) -> String {
    let found = span.attributes.iter().find(|one| one.key == name).and_then(|one| one.value.as_ref());
    match found.and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        _ => String::new(),
    }
}
