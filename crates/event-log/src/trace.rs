use std::collections::HashMap;

use opentelemetry::{Context, propagation::TextMapPropagator, trace::TraceContextExt};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

const TRACEPARENT: &str = "traceparent";

/// The W3C traceparent of the span that is current here; empty when nothing is traced.
pub fn traceparent() -> String {
    let mut carrier = HashMap::new();
    TraceContextPropagator::new().inject_context(&Span::current().context(), &mut carrier);
    carrier.remove(TRACEPARENT).unwrap_or_default()
}

/// Makes `span`, which was not entered yet, a child of the call or event that `traceparent` names. What does not parse
/// leaves it a root.
pub(crate) fn adopt(span: &Span, traceparent: &str) {
    let carrier = HashMap::from([(TRACEPARENT.to_owned(), traceparent.to_owned())]);
    // Not with what is current here, which is the batch: it only links.
    let parent = TraceContextPropagator::new().extract_with_context(&Context::new(), &carrier);
    // Fails where no tracing layer is installed, and then there is nothing to be a child of.
    let _ = span.set_parent(parent);
}

/// Links `from` to `to`.
pub(crate) fn link(from: &Span, to: &Span) {
    from.add_link(to.context().span().span_context().clone());
}
