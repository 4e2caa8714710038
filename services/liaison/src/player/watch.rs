use prost_reflect::DynamicMessage;
use serde_json::Value;
use tokio::{sync::mpsc, task::JoinHandle};
use tonic::Streaming;

use crate::call::{self, CallError};

/// A stream that somebody has open.
pub(super) struct Watch {
    stop: mpsc::Sender<()>,
    reader: JoinHandle<Result<Vec<Value>, CallError>>,
}

impl Watch {
    /// Begins to read.
    pub(super) fn open(mut stream: Streaming<DynamicMessage>) -> Self {
        let (stop, mut stopped) = mpsc::channel(1);
        let reader = tokio::spawn(async move {
            let mut messages = Vec::new();
            loop {
                tokio::select! {
                    biased;
                    message = stream.message() => match message.map_err(call::refused)? {
                        Some(message) => messages.push(call::json(&message)?),
                        None => return Ok(messages),
                    },
                    _ = stopped.recv() => return Ok(messages),
                }
            }
        });
        Self { stop, reader }
    }

    /// Ends it and gives what came.
    pub(super) async fn close(self) -> Result<Vec<Value>, CallError> {
        // A reader that has ended by itself has nobody left to be told.
        let _ = self.stop.send(()).await;
        self.reader.await.map_err(|error| CallError::Connection(error.to_string()))?
    }
}
