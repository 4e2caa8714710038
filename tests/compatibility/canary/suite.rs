//! A suite whose every word can be listened to.

use std::{collections::BTreeSet, fs, path::PathBuf, time::Duration};

use liaison::{
    call::{self, CallError, codec::DynamicCodec},
    player::Stage,
};
use liaison_tests::{Collector, Door, Running, program, run};
use prost_reflect::{DynamicMessage, MethodDescriptor, Value as Field};
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::eventually;
use tokio::task::JoinHandle;
use tonic::{Request, Status, client::Grpc};

use super::{BEACON, CANARY, CANARY_PHONE, is_personal};

const PATIENCE: Duration = Duration::from_secs(60);

/// The trace of the last call, by which is seen that all before it was exported.
const LAST: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

pub struct Suite {
    pub door: Door,
    /// The personal fields into which a canary was put.
    pub set: BTreeSet<String>,
    /// What was asked and answered; made wrong later.
    asked: Vec<(&'static str, MethodDescriptor, DynamicMessage)>,
    refusals: Vec<String>,
    watched: Vec<JoinHandle<()>>,
    streams: PathBuf,
    collector: Collector,
    running: Running,
    data: PathBuf,
    _folder: TempDir,
}

impl Suite {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join(BEACON);
        let collector = Collector::start();
        let settings = [
            ("LIAISON__DATA", data.display().to_string()),
            ("LIAISON__LISTEN", "127.0.0.1:0".to_owned()),
            ("LIAISON__OUTBOX_LISTEN", String::new()),
            ("LIAISON__TELEMETRY__FILTER", "trace".to_owned()),
            ("LIAISON__TELEMETRY__OTLP_ENDPOINT", collector.endpoint()),
            ("OTEL_BSP_SCHEDULE_DELAY", "50".to_owned()),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "100000".to_owned()),
        ];
        let liaison = program("liaison");
        let (name, email) = (format!("Grace {CANARY}"), format!("grace.{CANARY}@firm.example"));
        run(&liaison, &["init", "--id", "grace", "--name", &name, "--email", &email], &settings, folder.path());
        let running = Running::start(&liaison, &[], &settings, folder.path());
        let door = Door::of_suite(&running.address_after("Liaison listens on").await, &data);
        Self {
            door,
            set: BTreeSet::new(),
            asked: Vec::new(),
            refusals: Vec::new(),
            watched: Vec::new(),
            streams: folder.path().join("streams"),
            collector,
            running,
            data,
            _folder: folder,
        }
    }

    /// Calls, keeps note of the canaries in the request, and gives the answer.
    pub async fn ok(&mut self, who: &'static str, rpc: &str, request: Value) -> Value {
        let method = Stage::find_method(rpc).unwrap();
        let message = call::request(&method, &request.to_string()).unwrap();
        note(&message, &mut self.set);
        let answer = self.send(who, &method, message.clone()).await;
        let answer = answer.unwrap_or_else(|status| panic!("{who} {rpc} {request}: {status:?}"));
        self.asked.push((who, method, message));
        call::json(&answer).unwrap()
    }

    /// Calls, where a refusal is expected, and keeps all that it tells.
    pub async fn refused(&mut self, who: &'static str, rpc: &str, request: Value) {
        let method = Stage::find_method(rpc).unwrap();
        let message = call::request(&method, &request.to_string()).unwrap();
        note(&message, &mut self.set);
        match self.send(who, &method, message).await {
            Ok(answer) => panic!("{who} {rpc} {request}: {answer:?}"),
            Err(status) => self.keep(&status),
        }
    }

    fn keep(&mut self, status: &Status) {
        // The details are bytes of protobuf, in which text stands as it is.
        let details = String::from_utf8_lossy(status.details()).into_owned();
        self.refusals.push(format!("{} {} {:?}", status.message(), details, status.metadata()));
    }

    async fn send(
        &self,
        who: &str,
        method: &MethodDescriptor,
        message: DynamicMessage,
    ) -> Result<DynamicMessage, Status> {
        let mut grpc =
            Grpc::new(self.door.channel()).max_decoding_message_size(64 << 20).max_encoding_message_size(64 << 20);
        grpc.ready().await.unwrap();
        let mut request = Request::new(message);
        request.metadata_mut().insert("authorization", format!("Bearer {}", self.door.token(who)).parse().unwrap());
        if method.name() == "WhoAmI" {
            request.metadata_mut().insert("traceparent", format!("00-{LAST}-00f067aa0ba902b7-01").parse().unwrap());
        }
        let path = format!("/{}/{}", method.parent_service().full_name(), method.name()).parse().unwrap();
        Ok(grpc.unary(request, path, DynamicCodec::new(method.output())).await?.into_inner())
    }

    /// Sends each request once more with one canary too long, or mutilated.
    pub async fn provoke(&mut self) {
        let mut tried = 0;
        for (who, method, message) in std::mem::take(&mut self.asked) {
            for wrong in mutilated(&message) {
                tried += 1;
                match self.send(who, &method, wrong).await {
                    Ok(answer) => panic!("{} took what breaks its rules: {answer:?}", method.full_name()),
                    Err(status) => self.keep(&status),
                }
            }
        }
        assert!(tried >= 20, "only {tried} requests were made wrong");
        self.refuse().await;
    }

    /// Listens to a stream.
    pub async fn watch(&mut self, who: &str, rpc: &str) {
        let method = Stage::find_method(rpc).unwrap();
        let message = call::request(&method, "{}").unwrap();
        let mut stream =
            call::streaming(&self.door.channel(), &method, message, Some(&self.door.token(who))).await.unwrap();
        let streams = self.streams.clone();
        self.watched.push(tokio::spawn(async move {
            while let Ok(Some(message)) = stream.message().await {
                let mut kept = fs::read_to_string(&streams).unwrap_or_default();
                kept.push_str(&call::json(&message).unwrap().to_string());
                fs::write(&streams, kept).unwrap();
            }
        }));
    }

    /// Waits until every mail is seen to and every notification has ended, but for calls: nobody picks these up here.
    pub async fn settle(&self) {
        eventually(PATIENCE, async || {
            let list = async |rpc, field: &str| {
                let answer = self.door.ok("staff/grace", rpc, json!({ "pageSize": 200 })).await;
                answer[field].as_array().cloned().unwrap_or_default()
            };
            let mails = list("InboundService/ListMails", "mails").await;
            let notifications = list("NotificationService/ListNotifications", "notifications").await;
            mails.iter().all(|mail| mail["state"] != "MAIL_STATE_RECEIVED")
                && notifications
                    .iter()
                    .all(|one| one["state"] != "NOTIFICATION_STATE_QUEUED" || one["channel"] == "CHANNEL_PHONE")
        })
        .await;
    }

    /// Where a canary must not be.
    pub async fn places(&mut self) -> Vec<(String, Vec<u8>)> {
        self.settle().await;
        self.ok("staff/grace", "AccessService/WhoAmI", json!({})).await;
        let spans = self.collector.until(|spans| {
            let last = |span: &opentelemetry_proto::tonic::trace::v1::Span| {
                span.trace_id.iter().map(|byte| format!("{byte:02x}")).collect::<String>() == LAST
            };
            if spans.iter().any(last) { Ok(spans) } else { Err("the last call's span".to_owned()) }
        });
        let mut places = vec![
            ("spans".to_owned(), format!("{:?}", spans.await).into_bytes()),
            ("watched streams".to_owned(), fs::read(&self.streams).unwrap()),
            ("refusals".to_owned(), self.refusals.join("\n").into_bytes()),
        ];
        for service in ["client-registry", "escalation", "notification", "reporting"] {
            let request = json!({ "service": service });
            let events = self.door.ok("services/client-registry", "EventLogService/ReplayEvents", request).await;
            places.push((format!("events of {service}"), events.to_string().into_bytes()));
        }
        for reader in self.watched.drain(..) {
            reader.abort();
        }
        self.running.kill();
        places.push(("log".to_owned(), self.running.logged()));
        for service in ["client-registry", "escalation", "notification", "reporting"] {
            let mut bytes = Vec::new();
            for ending in ["", "-wal"] {
                let file = self.data.join(format!("db/{service}.sqlite{ending}"));
                bytes.extend(fs::read(file).unwrap_or_default());
            }
            places.push((format!("database of {service}"), bytes));
        }
        places
    }

    /// Calls again until the server is ready for it.
    pub async fn soon(&mut self, who: &'static str, rpc: &str, request: Value) -> Value {
        eventually(PATIENCE, async || match self.door.call(who, rpc, &request).await {
            Ok(_) => true,
            Err(CallError::Refused(refused)) if refused.code == "UNAVAILABLE" => false,
            Err(error) => panic!("{who} {rpc} {request}: {error}"),
        })
        .await;
        self.ok(who, rpc, request).await
    }
}

fn holds(value: &Field) -> bool {
    let text = match value {
        Field::String(text) => text.clone(),
        Field::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Field::List(inner) => return inner.iter().any(holds),
        _ => return false,
    };
    text.contains(CANARY) || text.contains(CANARY_PHONE)
}

/// The personal fields of a message that hold a canary.
fn note(message: &DynamicMessage, set: &mut BTreeSet<String>) {
    for (field, value) in message.fields() {
        if is_personal(&field) && holds(value) {
            set.insert(field.full_name().to_owned());
        }
        match value {
            Field::Message(inner) => note(inner, set),
            Field::List(inner) => inner.iter().filter_map(Field::as_message).for_each(|inner| note(inner, set)),
            _ => {}
        }
    }
}

/// A message with each of its canaries in turn made far too long; a mail is cut to words that are no mail.
fn mutilated(message: &DynamicMessage) -> Vec<DynamicMessage> {
    let mut all = Vec::new();
    for (field, value) in message.fields() {
        let wrong = match value {
            Field::String(_) if is_personal(&field) && holds(value) => {
                vec![Field::String(CANARY.repeat(4_000))]
            }
            Field::Bytes(_) if is_personal(&field) => vec![Field::Bytes(CANARY.as_bytes().into())],
            Field::Message(inner) => mutilated(inner).into_iter().map(Field::Message).collect(),
            _ => continue,
        };
        for value in wrong {
            let mut message = message.clone();
            message.set_field(&field, value);
            all.push(message);
        }
    }
    all
}
