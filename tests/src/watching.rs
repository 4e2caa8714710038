use std::time::Duration;

use liaison::{call, player::Stage};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::firm::Firm;

/// How long a message of a stream may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A stream that somebody has open.
pub struct Watching {
    messages: mpsc::UnboundedReceiver<Value>,
}

impl Firm {
    /// Opens a stream, for example `CaseService/WatchCases`.
    pub async fn watch(&self, who: &str, method: &str, request: Value) -> Watching {
        let method = Stage::find_method(method).unwrap();
        let mut stream = self.stage().watch(who, &method, &request.to_string()).await.unwrap();
        let (sender, messages) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok(Some(message)) = stream.message().await {
                if sender.send(call::json(&message).unwrap()).is_err() {
                    break;
                }
            }
        });
        Watching { messages }
    }
}

impl Watching {
    /// What came, up to and with the first message for which `last` holds: a stream keeps the order of what happened.
    pub async fn up_to(&mut self, last: impl Fn(&Value) -> bool) -> Vec<Value> {
        let mut seen = Vec::new();
        loop {
            let message = tokio::time::timeout(PATIENCE, self.messages.recv()).await;
            let message = message.unwrap_or_else(|_| panic!("nothing more came after {seen:#?}"));
            seen.push(message.unwrap_or_else(|| panic!("the stream ended after {seen:#?}")));
            if seen.last().is_some_and(&last) {
                return seen;
            }
        }
    }
}
