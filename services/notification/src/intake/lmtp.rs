//! The listener. What is answered with 250 is committed; where the database is away the answer is 4xx, and the firm's mail
//! server keeps the mail; 5xx is for what can never be taken, so that its sender hears of it.

use std::{
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::sync::CancellationToken;

use super::{
    Incoming, Intake, NotTaken, Recipients,
    session::{Next, Session},
};
use crate::mail::parse::LARGEST;

/// Conversations at once.
const CONVERSATIONS: usize = 50;
/// How long one may say nothing.
const SILENCE: Duration = Duration::from_secs(60);
/// How long a message may take to come.
const MESSAGE: Duration = Duration::from_secs(300);
const LINE_BYTES: usize = 4096;
/// What of a message is read though it is too large to be taken, so that its end is found and the answer heard.
const PATIENCE_BYTES: usize = 4 * LARGEST;
/// How soon it is tried again where the address is taken.
const AGAIN: Duration = Duration::from_secs(1);
const HOST: &str = "liaison";

/// The listener.
#[derive(Clone)]
pub struct Lmtp {
    intake: Intake,
    listen: String,
    recipients: Recipients,
    address: Arc<OnceLock<SocketAddr>>,
}

impl Lmtp {
    /// One that will listen there.
    pub fn new(intake: Intake, listen: String, recipients: Recipients) -> Self {
        Self { intake, listen, recipients, address: Arc::default() }
    }

    /// Where it listens; none while it does not.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address.get().copied()
    }

    /// Listens until `shutdown`. Where the address is taken, as by the process before, it waits for it.
    pub async fn run(self, shutdown: CancellationToken) {
        let listener = loop {
            match TcpListener::bind(&self.listen).await {
                Ok(listener) => break listener,
                Err(error) => {
                    tracing::error!(listen = self.listen, %error, "LMTP cannot be listened for, trying again")
                }
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(AGAIN) => {}
            }
        };
        if let Ok(address) = listener.local_addr() {
            let _ = self.address.set(address);
            tracing::info!(%address, "listening for LMTP");
        }
        let turns = Arc::new(Semaphore::new(CONVERSATIONS));
        loop {
            let accepted = tokio::select! {
                () = shutdown.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            let (stream, turn) = match (accepted, turns.clone().try_acquire_owned()) {
                (Ok((stream, _)), Ok(turn)) => (stream, turn),
                (Ok((mut stream, _)), Err(_)) => {
                    let _ = stream.write_all(b"421 4.3.2 liaison is busy\r\n").await;
                    continue;
                }
                (Err(error), _) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            let (intake, recipients, stop) = (self.intake.clone(), self.recipients.clone(), shutdown.clone());
            tokio::spawn(async move {
                let _turn = turn;
                let conversation = Conversation { stream, buffer: Vec::new(), intake, stop };
                // However it breaks off, what was not answered with 250 the other side still has.
                let _ = conversation.run(Session::new(HOST, recipients)).await;
            });
        }
    }
}

struct Conversation {
    stream: TcpStream,
    buffer: Vec<u8>,
    intake: Intake,
    stop: CancellationToken,
}

/// A line, or why there is none.
enum Line {
    Text(String),
    Overlong,
}

/// A message, or that it was too large.
enum Message {
    Whole(Vec<u8>),
    TooLarge,
}

impl Conversation {
    async fn run(mut self, mut session: Session) -> std::io::Result<()> {
        self.stream.set_nodelay(true)?;
        self.say(&session.greeting()).await?;
        loop {
            let stop = self.stop.clone();
            let line = tokio::select! {
                () = stop.cancelled() => return self.say("421 4.3.2 liaison shuts down").await,
                line = tokio::time::timeout(SILENCE, self.line()) => line,
            };
            let Ok(line) = line else { return self.say("421 4.4.2 nothing was said").await };
            let next = match line? {
                Line::Text(line) => session.command(&line),
                Line::Overlong => session.overlong(),
            };
            match next {
                Next::Say(text) => self.say(&text).await?,
                Next::End(text) => return self.say(&text).await,
                Next::Message(text) => {
                    self.say(&text).await?;
                    let message = tokio::time::timeout(MESSAGE, self.message()).await;
                    let Ok(message) = message else { return self.say("421 4.4.2 the message did not come").await };
                    let envelope = session.envelope();
                    let recipients = envelope.to.len();
                    let answer = match message? {
                        Message::TooLarge => "552 5.3.4 the mail is larger than 25 MiB".to_owned(),
                        Message::Whole(raw) => {
                            let incoming =
                                Incoming { raw, from: Some(envelope.from), to: envelope.to, received_by: None };
                            answer(self.intake.take(incoming, "notification.lmtp").await)
                        }
                    };
                    // One for each recipient (RFC 2033, 4.2): it is one mail here, and they fare alike.
                    self.say(&vec![answer; recipients].join("\r\n")).await?;
                }
            }
        }
    }

    async fn say(&mut self, text: &str) -> std::io::Result<()> {
        self.stream.write_all(format!("{text}\r\n").as_bytes()).await
    }

    async fn fill(&mut self) -> std::io::Result<()> {
        let read = self.stream.read_buf(&mut self.buffer).await?;
        if read == 0 { Err(std::io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }

    async fn line(&mut self) -> std::io::Result<Line> {
        let mut overlong = false;
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                if overlong || line.len() > LINE_BYTES {
                    return Ok(Line::Overlong);
                }
                let text = String::from_utf8_lossy(&line);
                return Ok(Line::Text(text.trim_end_matches(['\r', '\n']).to_owned()));
            }
            if self.buffer.len() > LINE_BYTES {
                overlong = true;
                self.buffer.clear();
            }
            self.fill().await?;
        }
    }

    /// Ends at CRLF, dot, CRLF and at nothing else: what another server takes for an end is words here, so that nobody
    /// smuggles a second mail into one.
    async fn message(&mut self) -> std::io::Result<Message> {
        let (mut message, mut all, mut line_begins) = (Vec::new(), 0_usize, true);
        loop {
            let mut at = 0;
            while let Some(rest) = self.buffer.get(at..)
                && let Some(end) = rest.windows(2).position(|pair| pair == b"\r\n")
            {
                let line = rest.get(..end + 2).unwrap_or_default();
                at += line.len();
                if line_begins && line == b".\r\n" {
                    self.buffer.drain(..at);
                    return Ok(if all > LARGEST { Message::TooLarge } else { Message::Whole(message) });
                }
                all = all.saturating_add(line.len());
                let dotted = line_begins && line.first() == Some(&b'.');
                if all <= LARGEST {
                    message.extend_from_slice(line.get(usize::from(dotted)..).unwrap_or_default());
                }
                line_begins = true;
            }
            self.buffer.drain(..at);
            // A line without end is taken piece by piece, but for a CR that may begin its end.
            if self.buffer.len() > 64 * 1024 {
                let keep = usize::from(self.buffer.last() == Some(&b'\r'));
                let piece: Vec<u8> = self.buffer.drain(..self.buffer.len() - keep).collect();
                all = all.saturating_add(piece.len());
                let dotted = line_begins && piece.first() == Some(&b'.');
                if all <= LARGEST {
                    message.extend_from_slice(piece.get(usize::from(dotted)..).unwrap_or_default());
                }
                line_begins = false;
            }
            if all > LARGEST {
                message.clear();
            }
            if all > PATIENCE_BYTES {
                return Err(std::io::ErrorKind::InvalidData.into());
            }
            self.fill().await?;
        }
    }
}

fn answer(taken: Result<bool, NotTaken>) -> String {
    match taken {
        Ok(false) => "250 2.6.0 taken".to_owned(),
        Ok(true) => "250 2.6.0 taken before".to_owned(),
        Err(NotTaken::Never(reason)) => format!("554 5.6.0 {reason}"),
        Err(NotTaken::Later) => "451 4.3.0 it cannot be taken now".to_owned(),
    }
}
