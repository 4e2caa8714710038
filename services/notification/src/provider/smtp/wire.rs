//! Lines and replies of SMTP (RFC 5321, 4.2) over any stream. Bounded: a server that talks without end is not listened to.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

const LINE_BYTES: usize = 2048;
const LINES: usize = 100;

/// What a server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Three digits.
    pub code: u16,
    /// The texts of its lines.
    pub lines: Vec<String>,
}

impl Reply {
    /// 2xx or 3xx.
    pub fn is_positive(&self) -> bool {
        (200..400).contains(&self.code)
    }

    /// 5xx: another try is pointless.
    pub fn is_permanent(&self) -> bool {
        self.code >= 500
    }

    /// For records: the code, and the enhanced one (RFC 3463) where there is one. The server's words stay out, since they
    /// repeat addresses.
    pub fn reason(&self) -> String {
        match self.status() {
            Some(status) => format!("SMTP_{}_{}", self.code, status.replace('.', "_")),
            None => format!("SMTP_{}", self.code),
        }
    }

    /// The enhanced status code, for example `5.1.1`.
    pub fn status(&self) -> Option<&str> {
        let word = self.lines.first()?.split_whitespace().next()?;
        let mut parts = word.split('.');
        let numbers = |part: Option<&str>, most: usize| {
            part.is_some_and(|part| (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit()))
        };
        let status = numbers(parts.next(), 1) && numbers(parts.next(), 3) && numbers(parts.next(), 3);
        (status && parts.next().is_none()).then_some(word)
    }
}

/// Why a conversation cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// The connection.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// What came is no SMTP.
    #[error("{0}")]
    Strange(&'static str),
}

/// A stream, and what was read of it too much.
pub struct Wire<S> {
    stream: S,
    buffer: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    /// Over this stream.
    pub fn new(stream: S) -> Self {
        Self { stream, buffer: Vec::new() }
    }

    /// The bare stream, for TLS.
    ///
    /// # Errors
    /// Where something came that nobody asked for: put there before TLS began, it would be taken for the server's after it.
    pub fn into_stream(self) -> Result<S, Broken> {
        if self.buffer.is_empty() { Ok(self.stream) } else { Err(Broken::Strange("spoke before TLS had begun")) }
    }

    /// Sends a command and reads its reply.
    ///
    /// # Errors
    /// Where the connection broke. A line that would be two is never sent.
    pub async fn command(&mut self, line: &str) -> Result<Reply, Broken> {
        if line.contains(['\r', '\n']) {
            return Err(Broken::Strange("a command has two lines"));
        }
        self.write(format!("{line}\r\n").as_bytes()).await?;
        self.reply().await
    }

    /// Sends bytes.
    ///
    /// # Errors
    /// Where the connection broke.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        self.stream.write_all(bytes).await?;
        Ok(self.stream.flush().await?)
    }

    /// Reads a reply.
    ///
    /// # Errors
    /// Where the connection broke or what came is none.
    pub async fn reply(&mut self) -> Result<Reply, Broken> {
        let mut reply: Option<Reply> = None;
        for _ in 0..LINES {
            let line = self.line().await?;
            let code = line.get(..3).and_then(|code| code.parse().ok()).filter(|code| (200..600).contains(code));
            let code: u16 = code.ok_or(Broken::Strange("no reply"))?;
            let (more, text) = match line.as_bytes().get(3) {
                None => (false, ""),
                Some(b' ') => (false, line.get(4..).unwrap_or_default()),
                Some(b'-') => (true, line.get(4..).unwrap_or_default()),
                Some(_) => return Err(Broken::Strange("no reply")),
            };
            let reply = reply.get_or_insert_with(|| Reply { code, lines: Vec::new() });
            if reply.code != code {
                return Err(Broken::Strange("a reply of two minds"));
            }
            reply.lines.push(text.to_owned());
            if !more {
                return Ok(reply.clone());
            }
        }
        Err(Broken::Strange("a reply without end"))
    }

    async fn line(&mut self) -> Result<String, Broken> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let mut line: Vec<u8> = self.buffer.drain(..=end).collect();
                while matches!(line.last(), Some(b'\r' | b'\n')) {
                    line.pop();
                }
                return Ok(String::from_utf8_lossy(&line).into_owned());
            }
            if self.buffer.len() > LINE_BYTES {
                return Err(Broken::Strange("a line without end"));
            }
            let mut some = [0; 1024];
            let read = self.stream.read(&mut some).await?;
            if read == 0 {
                return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
            }
            self.buffer.extend_from_slice(some.get(..read).unwrap_or_default());
        }
    }
}

/// A mail as it goes over the wire: CRLF ends each line, and a line that begins with a dot gets another (RFC 5321, 4.5.2).
/// Ends with a line end, and without the final dot.
pub fn stuffed(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + message.len() / 50 + 2);
    for line in message.split_inclusive(|byte| *byte == b'\n') {
        if line.first() == Some(&b'.') {
            out.push(b'.');
        }
        out.extend_from_slice(line);
    }
    if !out.ends_with(b"\r\n") {
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// The same mail with CRLF at each line's end, whatever stood there.
pub fn with_crlf(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + 16);
    let mut bytes = message.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\r' => {
                if bytes.peek() == Some(&b'\n') {
                    bytes.next();
                }
                out.extend_from_slice(b"\r\n");
            }
            b'\n' => out.extend_from_slice(b"\r\n"),
            byte => out.push(byte),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    async fn read(bytes: &'static [u8]) -> Result<Reply, Broken> {
        let (client, mut server) = tokio::io::duplex(64 * 1024);
        server.write_all(bytes).await.unwrap();
        drop(server);
        Wire::new(client).reply().await
    }

    #[tokio::test]
    async fn a_reply_of_several_lines_is_one() {
        let reply = read(b"250-mx.example\r\n250-SIZE 10\r\n250 8BITMIME\r\n").await.unwrap();
        assert_eq!((reply.code, reply.lines.len()), (250, 3));
    }

    #[tokio::test]
    async fn what_is_no_reply_breaks_the_conversation() {
        for strange in [&b"HTTP/1.1 400\r\n"[..], b"250-a\r\n550 b\r\n", b"99 x\r\n", b"", b"250\tx\r\n"] {
            assert!(read(strange).await.is_err(), "{}", String::from_utf8_lossy(strange));
        }
    }

    #[test]
    fn a_reason_has_the_enhanced_status_and_no_words() {
        let reply = |code, text: &str| Reply { code, lines: vec![text.to_owned()] };
        assert_eq!(reply(550, "5.1.1 <jo@client.example> unknown").reason(), "SMTP_550_5_1_1");
        assert_eq!(reply(451, "try later jo@client.example").reason(), "SMTP_451");
        assert_eq!(reply(550, "5.1.1.1 x").status(), None);
    }

    #[tokio::test]
    async fn what_came_before_tls_ends_the_conversation() {
        let (client, mut server) = tokio::io::duplex(1024);
        server.write_all(b"220 go ahead\r\n250 injected\r\n").await.unwrap();
        let mut wire = Wire::new(client);
        assert_eq!(wire.reply().await.unwrap().code, 220);
        assert!(wire.into_stream().is_err());
    }

    #[test]
    fn dots_are_doubled_and_line_ends_are_whole() {
        assert_eq!(stuffed(b".a\r\n..b\r\nc"), b"..a\r\n...b\r\nc\r\n");
        assert_eq!(with_crlf(b"a\nb\rc\r\nd"), b"a\r\nb\r\nc\r\nd");
    }
}
