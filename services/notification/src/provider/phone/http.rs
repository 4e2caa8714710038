//! A request to a provider over a connection of its own, so that one which stalls keeps no other waiting. `https` with the
//! machine's own roots; `http` for a proxy on the same machine, and for tests.

use std::{io, sync::Arc};

use bytes::Bytes;
use http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

/// More than any answer of theirs.
const LARGEST: usize = 4 * 1024 * 1024;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The request was not sent: the provider cannot have it.
    #[error("not sent: {0}")]
    NotSent(#[source] Trouble),
    /// It was sent, or a part of it: the provider may have it.
    #[error("no answer: {0}")]
    NoAnswer(#[source] Trouble),
}

/// What went wrong.
type Trouble = Box<dyn std::error::Error + Send + Sync>;

/// Sends requests. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Http {
    tls: Arc<ClientConfig>,
}

impl Http {
    /// With the machine's roots.
    ///
    /// # Errors
    /// Where the library has no safe default, which it has.
    pub fn new() -> Result<Self, rustls::Error> {
        let mut roots = RootCertStore::empty();
        let found = rustls_native_certs::load_native_certs();
        let (_, ignored) = roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            tracing::warn!(ignored, "this machine trusts nobody: no https request can be made");
        }
        let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { tls: Arc::new(tls) })
    }

    /// Status and body of the answer.
    ///
    /// # Errors
    /// [`HttpError`], which tells whether the request may have arrived.
    pub async fn send(&self, request: Request<String>) -> Result<(StatusCode, Bytes), HttpError> {
        let uri = request.uri().clone();
        let host = uri.host().unwrap_or_default().to_owned();
        let secure = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let not_sent = |error: io::Error| HttpError::NotSent(error.into());
        let socket = TcpStream::connect((host.trim_matches(['[', ']']), port)).await.map_err(not_sent)?;
        socket.set_nodelay(true).map_err(not_sent)?;
        if !secure {
            return exchange(socket, request, &uri).await;
        }
        let name = ServerName::try_from(host).map_err(|error| HttpError::NotSent(error.into()))?;
        let socket = TlsConnector::from(self.tls.clone()).connect(name, socket).await.map_err(not_sent)?;
        exchange(socket, request, &uri).await
    }
}

async fn exchange<S>(socket: S, request: Request<String>, uri: &Uri) -> Result<(StatusCode, Bytes), HttpError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut parts, body) = request.into_parts();
    let authority = uri.authority().map(ToString::to_string).unwrap_or_default();
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    parts.uri = path.parse().map_err(|error: http::uri::InvalidUri| HttpError::NotSent(error.into()))?;
    let authority = authority.parse().map_err(|error: header::InvalidHeaderValue| HttpError::NotSent(error.into()))?;
    parts.headers.insert(header::HOST, authority);
    let shaken = http1::handshake(TokioIo::new(socket)).await;
    let (mut sender, connection) = shaken.map_err(|error| HttpError::NotSent(error.into()))?;
    let connection = tokio::spawn(connection);
    let answer = async {
        let answer = sender.send_request(Request::from_parts(parts, Full::new(Bytes::from(body)))).await?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), LARGEST).collect().await?;
        Ok::<_, Trouble>((status, body.to_bytes()))
    };
    let answered = answer.await.map_err(HttpError::NoAnswer);
    connection.abort();
    answered
}
