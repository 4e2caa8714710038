//! One trace runs through the log.

use std::sync::{Arc, Mutex};

use opentelemetry::trace::{SpanId, TraceId, TracerProvider};
use opentelemetry_sdk::{
    error::OTelSdkResult,
    trace::{SdkTracerProvider, SpanData, SpanExporter},
};
use tracing::Instrument;
use tracing_subscriber::layer::SubscriberExt;

use crate::support::{Profile, World, event};

#[derive(Clone, Debug, Default)]
struct Collected(Arc<Mutex<Vec<SpanData>>>);

impl SpanExporter for Collected {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.lock().unwrap().extend(batch);
        Ok(())
    }
}

#[test]
fn an_events_span_is_a_child_of_what_caused_it_and_the_batch_links_to_it() {
    let collected = Collected::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(collected.clone()).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    // For this thread, on which everything below runs.
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let cause = runtime.block_on(async {
        let world = World::new(Profile::InProcessOnSqlite).await;
        let mut told = event("a", 1);
        let call = tracing::info_span!("call");
        told.traceparent = async { event_log::traceparent() }.instrument(call).await;
        let cause = told.traceparent.clone();
        let tx = world.producer.begin().await.unwrap();
        event_log::outbox::insert(&tx, told).await.unwrap();
        event_log::outbox::insert(&tx, event("b", 1)).await.unwrap();
        tx.commit().await.unwrap();
        let (relay, reader) = (world.relay(), world.reader());
        world.settle().await;
        relay.stop().await;
        reader.stop().await;
        cause
    });
    let parts: Vec<_> = cause.split('-').collect();
    let (trace, parent) = (TraceId::from_hex(parts[1]).unwrap(), SpanId::from_hex(parts[2]).unwrap());
    let spans = collected.0.lock().unwrap();
    let events: Vec<_> = spans.iter().filter(|span| span.name == "event").collect();
    assert_eq!(events.len(), 2);
    let caused = events.iter().find(|span| span.span_context.trace_id() == trace).unwrap();
    assert_eq!(caused.parent_span_id, parent);
    let untraced = events.iter().find(|span| span.span_context.trace_id() != trace).unwrap();
    assert_eq!(untraced.parent_span_id, SpanId::INVALID);
    let batches = spans.iter().filter(|span| span.name == "events.batch");
    let linked: Vec<_> = batches.flat_map(|batch| batch.links.iter().map(|link| link.span_context.span_id())).collect();
    assert_eq!(linked, events.iter().map(|span| span.span_context.span_id()).collect::<Vec<_>>());
}
