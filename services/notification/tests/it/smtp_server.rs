//! A mail relay that does as a test tells it, over real TLS with a certificate made for it.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
};

use notification::provider::smtp::settings::{Dkim, SmtpSettings, Tls};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{ServerConfig, crypto::aws_lc_rs, pki_types::PrivateKeyDer};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

/// What goes wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Script {
    /// Nothing.
    #[default]
    Takes,
    /// Takes it, with this answer to the final dot.
    TakesWith(&'static str),
    /// This answer to `RCPT` of this address.
    RefusesRecipient(&'static str, &'static str),
    /// This answer to `MAIL`.
    RefusesMail(&'static str),
    /// This answer to the final dot.
    RefusesMessage(&'static str),
    /// Has the mail, and goes away without a word.
    DropsAfterMessage,
    /// Has the mail, and never says so.
    StallsAfterMessage,
    /// Never says a word.
    Stalls,
    /// Offers no STARTTLS.
    NoStarttls,
    /// Says more than was asked before TLS begins.
    SpeaksBeforeTls,
    /// Closes the connection after each mail.
    ClosesAfterMail,
}

/// A mail that it took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    pub from: String,
    pub to: Vec<String>,
    pub message: Vec<u8>,
}

#[derive(Default)]
struct State {
    script: Script,
    taken: Vec<Taken>,
    /// What it heard without TLS.
    bare: Vec<String>,
    /// What logged in.
    logins: Vec<String>,
    connections: u32,
}

/// The relay.
#[derive(Clone)]
pub struct SmtpServer {
    state: Arc<Mutex<State>>,
    port: u16,
    tls: Tls,
    folder: Arc<tempfile::TempDir>,
}

impl SmtpServer {
    pub async fn start(tls: Tls) -> Self {
        Self::named(tls, "localhost").await
    }

    /// With a certificate of this name.
    pub async fn named(tls: Tls, name: &str) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
        std::fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self { state: Arc::default(), port: listener.local_addr().unwrap().port(), tls, folder };
        let (acceptor, serving) = (TlsAcceptor::from(Arc::new(config)), server.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (server, acceptor) = (serving.clone(), acceptor.clone());
                tokio::spawn(async move { drop(server.serve(stream, acceptor).await) });
            }
        });
        server
    }

    /// How to reach it.
    pub fn settings(&self) -> SmtpSettings {
        SmtpSettings {
            host: Some("localhost".into()),
            port: Some(self.port),
            tls: self.tls,
            ca_file: Some(self.folder.path().join("ca.pem")),
            bounce_address: Some("bounces+{token}@firm.example".into()),
            dkim: Dkim::Relay,
            ..SmtpSettings::default()
        }
    }

    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let file = self.folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        file
    }

    pub fn script(&self, script: Script) {
        self.state.lock().unwrap().script = script;
    }

    pub fn taken(&self) -> Vec<Taken> {
        self.state.lock().unwrap().taken.clone()
    }

    pub fn bare(&self) -> Vec<String> {
        self.state.lock().unwrap().bare.clone()
    }

    pub fn logins(&self) -> Vec<String> {
        self.state.lock().unwrap().logins.clone()
    }

    pub fn connections(&self) -> u32 {
        self.state.lock().unwrap().connections
    }

    fn told(&self) -> Script {
        self.state.lock().unwrap().script.clone()
    }

    async fn serve(&self, stream: TcpStream, acceptor: TlsAcceptor) -> std::io::Result<()> {
        self.state.lock().unwrap().connections += 1;
        if self.told() == Script::Stalls {
            std::future::pending::<()>().await;
        }
        if self.tls == Tls::Implicit {
            let mut stream = BufReader::new(acceptor.accept(stream).await?);
            stream.write_all(b"220 relay\r\n").await?;
            return self.talk(stream).await;
        }
        let mut stream = BufReader::new(stream);
        stream.write_all(b"220 relay\r\n").await?;
        loop {
            let Some(line) = read_line(&mut stream).await? else { return Ok(()) };
            self.state.lock().unwrap().bare.push(line.clone());
            match line.to_ascii_uppercase().split(' ').next().unwrap_or_default() {
                "EHLO" if self.told() == Script::NoStarttls => {
                    stream.write_all(b"250-relay\r\n250 8BITMIME\r\n").await?
                }
                "EHLO" => stream.write_all(b"250-relay\r\n250 STARTTLS\r\n").await?,
                "STARTTLS" => {
                    if self.told() == Script::SpeaksBeforeTls {
                        stream.write_all(b"220 go\r\n250-evil\r\n250 AUTH PLAIN\r\n").await?;
                        std::future::pending::<()>().await;
                    }
                    stream.write_all(b"220 go\r\n").await?;
                    let stream = BufReader::new(acceptor.accept(stream.into_inner()).await?);
                    return self.talk(stream).await;
                }
                _ => stream.write_all(b"530 5.7.0 TLS first\r\n").await?,
            }
        }
    }

    async fn talk<S: AsyncRead + AsyncWrite + Unpin>(&self, mut stream: BufReader<S>) -> std::io::Result<()> {
        let mut mail = Taken::default();
        loop {
            let Some(line) = read_line(&mut stream).await? else { return Ok(()) };
            let script = self.told();
            let answer = match line.to_ascii_uppercase() {
                it if it.starts_with("EHLO") => {
                    "250-relay\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-DSN\r\n250-AUTH LOGIN PLAIN\r\n250 SIZE 1000000"
                        .to_owned()
                }
                it if it.starts_with("AUTH PLAIN") => {
                    self.state.lock().unwrap().logins.push(line["AUTH PLAIN ".len()..].to_owned());
                    "235 2.7.0 welcome".to_owned()
                }
                it if it.starts_with("MAIL") => match script {
                    Script::RefusesMail(answer) => answer.to_owned(),
                    _ => {
                        mail = Taken { from: between(&line), ..Taken::default() };
                        "250 2.1.0 ok".to_owned()
                    }
                },
                it if it.starts_with("RCPT") => match script {
                    Script::RefusesRecipient(address, answer) if between(&line) == address => answer.to_owned(),
                    _ => {
                        mail.to.push(between(&line));
                        "250 2.1.5 ok".to_owned()
                    }
                },
                it if it == "DATA" => {
                    stream.write_all(b"354 go\r\n").await?;
                    mail.message = read_message(&mut stream).await?;
                    let answer = match script {
                        Script::RefusesMessage(answer) => answer.to_owned(),
                        _ => {
                            let mut state = self.state.lock().unwrap();
                            state.taken.push(std::mem::take(&mut mail));
                            match script {
                                Script::TakesWith(answer) => answer.to_owned(),
                                _ => format!("250 2.0.0 queued as {}", state.taken.len()),
                            }
                        }
                    };
                    match script {
                        Script::DropsAfterMessage => return Ok(()),
                        Script::StallsAfterMessage => std::future::pending::<()>().await,
                        Script::ClosesAfterMail => {
                            stream.write_all(format!("{answer}\r\n").as_bytes()).await?;
                            return Ok(());
                        }
                        _ => {}
                    }
                    answer
                }
                it if it == "QUIT" => {
                    stream.write_all(b"221 bye\r\n").await?;
                    return Ok(());
                }
                _ => "250 ok".to_owned(),
            };
            stream.write_all(format!("{answer}\r\n").as_bytes()).await?;
        }
    }
}

async fn read_line<S: AsyncRead + Unpin>(stream: &mut BufReader<S>) -> std::io::Result<Option<String>> {
    let mut line = String::new();
    let read = stream.read_line(&mut line).await?;
    Ok((read > 0).then(|| line.trim_end().to_owned()))
}

async fn read_message<S: AsyncRead + Unpin>(stream: &mut BufReader<S>) -> std::io::Result<Vec<u8>> {
    let mut message = Vec::new();
    loop {
        let mut line = Vec::new();
        if stream.read_until(b'\n', &mut line).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        match line.as_slice() {
            b".\r\n" => return Ok(message),
            [b'.', rest @ ..] => message.extend_from_slice(rest),
            line => message.extend_from_slice(line),
        }
    }
}

fn between(line: &str) -> String {
    line.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(it, _)| it.to_owned()).unwrap_or_default()
}
