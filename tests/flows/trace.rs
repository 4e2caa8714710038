//! One trace, as an OTLP collector is sent it: from the call through the event log to another service, and to the
//! hand-over of a mail.

use std::{collections::HashMap, time::Duration};

use contracts::notification::v1::{
    DeliverMailRequest, MessageNature, SendMessageRequest, inbound_service_client::InboundServiceClient,
    notification_service_client::NotificationServiceClient,
};
use liaison_tests::{Collector, Door, Running, attribute, mail_to_firm, program, run, set_up};
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::json;
use testkit::eventually_some;
use tonic::Request;

/// The caller's own trace, and the two spans in which it calls.
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const DELIVERING: &str = "00f067aa0ba902b7";
const SENDING: &str = "00f067aa0ba902b8";

const PATIENCE: Duration = Duration::from_secs(30);

/// The spans of one trace.
struct Trace {
    by_id: HashMap<String, Span>,
    /// The spans that batches link to.
    linked: Vec<String>,
}

impl Trace {
    fn of(spans: Vec<Span>) -> Self {
        let batches = spans.iter().filter(|span| span.name == "events.batch");
        let linked = batches.flat_map(|batch| batch.links.iter().map(|link| hex(&link.span_id))).collect();
        let spans = spans.into_iter().filter(|span| hex(&span.trace_id) == TRACE);
        Self { by_id: spans.map(|span| (hex(&span.span_id), span)).collect(), linked }
    }

    /// What a span's chain of parents is called, from itself to the outermost, which is the caller's.
    fn way(&self, span: &Span) -> Vec<String> {
        let mut way = vec![called(span)];
        let mut parent = hex(&span.parent_span_id);
        while let Some(span) = self.by_id.get(&parent) {
            way.push(called(span));
            parent = hex(&span.parent_span_id);
        }
        way.push(parent);
        way
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A span's name, with what tells it from others of that name.
fn called(span: &Span) -> String {
    match span.name.as_str() {
        "event" => format!("event {}", attribute(span, "event.kind").rsplit('.').next().unwrap_or_default()),
        "work" => format!("work {}", attribute(span, "kind")),
        name => name.rsplit('/').next().unwrap_or(name).to_owned(),
    }
}

fn handled(span: &Span, by: &str, kind: &str) -> bool {
    span.name == "event" && attribute(span, "subscription").contains(by) && called(span) == format!("event {kind}")
}

fn traced<T>(door: &Door, who: &str, span: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let metadata = request.metadata_mut();
    metadata.insert("authorization", format!("Bearer {}", door.token(who)).parse().unwrap());
    metadata.insert("traceparent", format!("00-{TRACE}-{span}-01").parse().unwrap());
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_runs_from_the_mail_to_the_case_and_from_the_reply_to_its_hand_over() {
    let folder = tempfile::tempdir().unwrap();
    let (data, collector) = (folder.path().join("data"), Collector::start());
    let settings = [
        ("LIAISON__DATA", data.display().to_string()),
        ("LIAISON__LISTEN", "127.0.0.1:0".to_owned()),
        ("LIAISON__OUTBOX_LISTEN", String::new()),
        ("LIAISON__TELEMETRY__OTLP_ENDPOINT", collector.endpoint()),
        ("OTEL_BSP_SCHEDULE_DELAY", "50".to_owned()),
    ];
    let liaison = program("liaison");
    let who = ["init", "--id", "grace", "--name", "Grace Okafor", "--email", "grace@firm.example"];
    run(&liaison, &who, &settings, folder.path());
    let suite = Running::start(&liaison, &[], &settings, folder.path());
    let door = Door::of_suite(&suite.address_after("Liaison listens on").await, &data);
    set_up(&door).await;

    let raw = mail_to_firm("Jo Marsh <jo@acme.example>", "m1", "The timetable", "Does the migration keep its dates?");
    let request = DeliverMailRequest {
        raw: raw.replace('\n', "\r\n").into_bytes(),
        envelope_from: Some("jo@acme.example".into()),
        ..Default::default()
    };
    let request = traced(&door, "services/intake", DELIVERING, request);
    let mail =
        InboundServiceClient::new(door.channel()).deliver_mail(request).await.unwrap().into_inner().mail.unwrap();
    let case = eventually_some(PATIENCE, async || {
        let found = door.ok("staff/anna", "CaseService/ListCases", json!({ "mail": mail.name })).await;
        found["cases"][0]["name"].as_str().map(str::to_owned)
    })
    .await;
    let mut notifications = NotificationServiceClient::new(door.channel());
    eventually_some(PATIENCE, async || {
        let message = SendMessageRequest {
            client: "clients/acme".into(),
            case: case.clone(),
            nature: MessageNature::Reply.into(),
            text: "Dear Jo,\n\nit does.".into(),
            ..Default::default()
        };
        // Notification may not have heard of the case yet, and says so.
        notifications.send_message(traced(&door, "staff/anna", SENDING, message)).await.ok()
    })
    .await;

    let callers = [DELIVERING, SENDING];
    collector
        .until(|spans| {
            let trace = Trace::of(spans);
            let ways: Vec<_> = trace.by_id.values().map(|span| trace.way(span)).collect();
            for expected in [
                // From the call through the event log to another service.
                ["event InquiryReceived", "work notification.identify", "DeliverMail", DELIVERING],
                // From the call to the hand-over, and back to the case.
                ["event DeliverySucceeded", "work notification.send", "SendMessage", SENDING],
                // The hand-over's permit is asked for within it.
                ["AuthorizeSend", "work notification.send", "SendMessage", SENDING],
            ] {
                if !ways.iter().any(|way| *way == expected) {
                    return Err(format!("the trace has no {expected:?}, but {ways:#?}"));
                }
            }
            if !trace.by_id.values().any(|span| handled(span, "escalation", "InquiryReceived")) {
                return Err("escalation's handler is not in the trace".to_owned());
            }
            for (id, span) in &trace.by_id {
                let way = trace.way(span);
                if !way.last().is_some_and(|end| callers.contains(&end.as_str())) {
                    return Err(format!("{id} is in the trace and hangs in the air: {way:?}"));
                }
                if span.name == "event" && !trace.linked.contains(id) {
                    return Err(format!("no batch links to {way:?}"));
                }
            }
            Ok(())
        })
        .await;
}
