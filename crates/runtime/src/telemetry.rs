//! Logs, traces, and the W3C `traceparent` that ties a trace together across calls and events.
//!
//! There is always a tracer, so that every call has a trace id and `traceparent` is valid even where nobody collects
//! traces; spans are exported, in batches, only where an OTLP endpoint is set. In a process that never called [`init`]
//! (a unit test) there is no trace: [`traceparent`] is empty then, and an empty one is ignored where it is read.

use std::time::Duration;

use opentelemetry::{
    Context, KeyValue,
    trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, TracerProvider},
};
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use serde::Deserialize;
use tracing::{Span, level_filters::LevelFilter};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, layer::SubscriberExt, util::SubscriberInitExt};

/// How logs look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line, for collectors.
    Json,
}

/// The `telemetry` table of a service's configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct TelemetrySettings {
    /// `text` or `json`.
    pub format: LogFormat,
    /// Which logs are written, for example `info` or `info,escalation=debug`.
    pub filter: String,
    /// Where spans go over OTLP/gRPC, for example `http://collector:4317`. `OTEL_EXPORTER_OTLP_ENDPOINT` where not set;
    /// nowhere where that is not set either.
    pub otlp_endpoint: Option<String>,
}

impl Default for TelemetrySettings {
    fn default() -> Self {
        Self { format: LogFormat::default(), filter: "info".into(), otlp_endpoint: None }
    }
}

/// Why telemetry cannot start.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is not one.
    #[error("telemetry.filter: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// The endpoint is not one.
    #[error("the OTLP endpoint: {0}")]
    Endpoint(#[from] opentelemetry_otlp::ExporterBuildError),
    /// It was started in this process before.
    #[error("telemetry was started twice")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// Flushes what was not exported yet when it is dropped, or, better, by [`Telemetry::shutdown`].
#[derive(Debug)]
#[must_use = "spans that were not exported yet are lost without it"]
pub struct Telemetry {
    provider: Option<SdkTracerProvider>,
}

/// How long the last spans may take to leave.
const FLUSH: Duration = Duration::from_secs(5);

/// Starts logs and traces for this process. Call it inside the tokio runtime, which carries the export.
///
/// # Errors
/// Where the filter or the endpoint is none, or it was started before.
pub fn init(service: &'static str, settings: &TelemetrySettings) -> Result<Telemetry, TelemetryError> {
    let endpoint = settings
        .otlp_endpoint
        .clone()
        .or_else(|| std::env::var("OTEL_EXPORTER_OTLP_ENDPOINT").ok())
        .filter(|url| !url.is_empty());
    let provider = tracer(service, endpoint.as_deref())?;
    let logs: Box<dyn Layer<Registry> + Send + Sync> = match settings.format {
        LogFormat::Text => tracing_subscriber::fmt::layer().with_writer(std::io::stderr).boxed(),
        LogFormat::Json => tracing_subscriber::fmt::layer().with_writer(std::io::stderr).json().boxed(),
    };
    tracing_subscriber::registry()
        .with(logs.with_filter(EnvFilter::try_new(&settings.filter)?))
        .with(layer(&provider))
        .try_init()?;
    Ok(Telemetry { provider: Some(provider) })
}

/// The layer that makes spans of a provider. It has a filter of its own: quiet logs do not cut traces short.
pub fn layer<S>(provider: &SdkTracerProvider) -> impl Layer<S> + Send + Sync + use<S>
where
    S: tracing::Subscriber + for<'span> tracing_subscriber::registry::LookupSpan<'span> + Send + Sync,
{
    tracing_opentelemetry::layer().with_tracer(provider.tracer("liaison")).with_filter(LevelFilter::INFO)
}

/// A tracer that exports to `endpoint`, or to nobody.
///
/// # Errors
/// Where the endpoint is none.
pub fn tracer(service: &'static str, endpoint: Option<&str>) -> Result<SdkTracerProvider, TelemetryError> {
    let resource = Resource::builder()
        .with_service_name(service)
        .with_attribute(KeyValue::new("service.namespace", "liaison"))
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    let mut builder = SdkTracerProvider::builder().with_resource(resource);
    if let Some(endpoint) = endpoint {
        let exporter = SpanExporter::builder().with_tonic().with_endpoint(endpoint).with_timeout(FLUSH).build()?;
        builder = builder.with_batch_exporter(exporter);
    }
    Ok(builder.build())
}

impl Telemetry {
    /// Exports what is left and ends. Takes at most five seconds.
    pub async fn shutdown(mut self) {
        if let Some(provider) = self.provider.take() {
            // The export needs this runtime, so the waiting is done elsewhere.
            let _ = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(FLUSH)).await;
        }
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(provider) = self.provider.take() {
            let _ = provider.shutdown_with_timeout(FLUSH);
        }
    }
}

/// The `traceparent` of the current span (W3C Trace Context), for a call's metadata or an event's row; empty where there
/// is no trace.
pub fn traceparent() -> String {
    traceparent_of(&Span::current())
}

/// The `traceparent` of a span; empty where it has none.
pub fn traceparent_of(span: &Span) -> String {
    let context = span.context();
    let span = context.span();
    let span = span.span_context();
    if !span.is_valid() {
        return String::new();
    }
    format!("00-{}-{}-{:02x}", span.trace_id(), span.span_id(), span.trace_flags().to_u8())
}

/// Makes a span a child of what a `traceparent` names. An empty or malformed one changes nothing. Call it before the span
/// is entered.
pub fn set_parent_from(span: &Span, traceparent: &str) {
    if let Some(parent) = parse(traceparent) {
        // Refused only by a span that already began, which then stays the root it is.
        let _ = span.set_parent(Context::new().with_remote_span_context(parent));
    }
}

/// Links a span to what a `traceparent` names, as a batch is linked to its events.
pub fn link_to(span: &Span, traceparent: &str) {
    if let Some(linked) = parse(traceparent) {
        span.add_link(linked);
    }
}

fn parse(traceparent: &str) -> Option<SpanContext> {
    let mut parts = traceparent.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hex = |text: &str, length| {
        text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    // A later version may say more behind; version 00 may not.
    let more = parts.next().is_some();
    if !hex(version, 2) || version == "ff" || (version == "00" && more) {
        return None;
    }
    if !hex(trace, 32) || !hex(span, 16) || !hex(flags, 2) {
        return None;
    }
    let context = SpanContext::new(
        TraceId::from_hex(trace).ok()?,
        SpanId::from_hex(span).ok()?,
        TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED,
        true,
        TraceState::default(),
    );
    context.is_valid().then_some(context)
}
