//! Where Twilio's callbacks arrive: signed forms, over HTTP behind a proxy that ends TLS.
//!
//! ```text
//! POST /calls/{call}/status    how the call stands                      -> 204
//! POST /calls/{call}/answer    it was answered: what is to be spoken    -> TwiML
//! POST /calls/{call}/key       keys were pressed                        -> TwiML
//! ```
//!
//! What is not signed is answered 403 and changes nothing. What comes again gets the same answer.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use command::{Commands, Fault};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    call::{
        Calls, Script,
        entity::{AnsweredBy, KEY, Report, Status},
    },
    config::TwilioAccount,
    provider::phone::{is_signed, twilio},
    work::Wakes,
};

/// More than any form of theirs.
const LARGEST: usize = 64 * 1024;
/// How long a key is waited for, in seconds, each of two times.
const PATIENCE: u32 = 15;

/// Bound, not listening yet.
#[derive(Debug)]
pub struct Callbacks {
    listener: TcpListener,
    address: SocketAddr,
    account: TwilioAccount,
}

#[derive(Clone)]
struct Tools {
    account: Arc<TwilioAccount>,
    commands: Commands,
    wakes: Wakes,
}

type Form = Vec<(String, String)>;

impl Callbacks {
    /// Binds.
    ///
    /// # Errors
    /// Where the address cannot be had.
    pub async fn bind(account: TwilioAccount) -> std::io::Result<Self> {
        let listener = TcpListener::bind(&account.callback_listen).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address, account })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown`.
    pub async fn serve(self, commands: Commands, wakes: Wakes, shutdown: CancellationToken) {
        let tools = Tools { account: Arc::new(self.account), commands, wakes };
        let routes = Router::new()
            .route("/calls/{call}/{what}", post(called_back))
            .layer(DefaultBodyLimit::max(LARGEST))
            .with_state(tools);
        let served = axum::serve(self.listener, routes).with_graceful_shutdown(shutdown.cancelled_owned()).await;
        if let Err(error) = served {
            tracing::error!(%error, "callbacks of calls are no longer listened for");
        }
    }
}

async fn called_back(
    State(tools): State<Tools>,
    Path((call, what)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let form: Form = form_urlencoded::parse(&body).into_owned().collect();
    let url = format!("{}/calls/{call}/{what}", tools.account.callback_url);
    let signature = headers.get("x-twilio-signature").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !is_signed(&tools.account.auth_token, &url, &form, signature) {
        // Anybody may post here: a row of the audit for each would be theirs to fill it with.
        tracing::warn!("a callback without its provider's signature was refused");
        return StatusCode::FORBIDDEN.into_response();
    }
    let answer = match what.as_str() {
        "status" => tools.status(&call, &form).await,
        "answer" => tools.answer(&call, &form).await,
        "key" => tools.key(&call, &form).await,
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    match answer {
        Ok(response) => response,
        Err(Fault::Refused(_)) => StatusCode::NOT_FOUND.into_response(),
        Err(fault) => {
            // They come again.
            tracing::error!(call, error = %fault, "a callback was not taken");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

impl Tools {
    async fn status(&self, call: &str, form: &Form) -> Result<Response, Fault> {
        let report = Report {
            sequence: field(form, "SequenceNumber").parse().unwrap_or_default(),
            status: twilio::status(field(form, "CallStatus")),
            answered_by: twilio::answered_by(field(form, "AnsweredBy")),
            digits: String::new(),
        };
        self.report(call, report).await?;
        Ok(StatusCode::NO_CONTENT.into_response())
    }

    async fn answer(&self, call: &str, form: &Form) -> Result<Response, Fault> {
        let by = twilio::answered_by(field(form, "AnsweredBy"));
        let report = Report { status: Some(Status::Answered), answered_by: by, ..Report::default() };
        let script = self.report(call, report).await?;
        Ok(match by {
            Some(AnsweredBy::Machine) => twiml(&say(&script.voicemail)),
            Some(AnsweredBy::Human) | None => twiml(&self.ask(call, &script)),
        })
    }

    async fn key(&self, call: &str, form: &Form) -> Result<Response, Fault> {
        let digits = field(form, "Digits");
        let script = self.report(call, Report { digits: digits.to_owned(), ..Report::default() }).await?;
        Ok(if digits.contains(KEY) { twiml(&say(&script.confirmed)) } else { twiml(&self.ask(call, &script)) })
    }

    /// Says it twice and waits for a key each time.
    fn ask(&self, call: &str, script: &Script) -> String {
        let action = escape(&format!("{}/calls/{call}/key", self.account.callback_url));
        let gather = format!(
            "<Gather input=\"dtmf\" numDigits=\"1\" timeout=\"{PATIENCE}\" method=\"POST\" action=\"{action}\">{}</Gather>",
            say(&script.spoken)
        );
        format!("{gather}{gather}")
    }

    /// Takes the report; gives what is spoken.
    async fn report(&self, call: &str, report: Report) -> Result<Script, Fault> {
        let (commands, id) = (self.commands.clone(), call.to_owned());
        let reported = self.commands.db().transaction(move |tx| {
            let (commands, id, report) = (commands.clone(), id.clone(), report.clone());
            Box::pin(async move {
                let unit = commands.unit(tx, "services/telephony", "telephony/callback");
                let stored = Calls.report(&unit, &id, &report).await?;
                let script = stored.script(tx, unit.keyring()).await?;
                unit.touched(&stored.call.name());
                unit.finish().await?;
                Ok::<_, Fault>(script)
            })
        });
        let script = reported.await?;
        self.commands.committed();
        self.wakes.wake();
        Ok(script)
    }
}

fn field<'a>(form: &'a Form, name: &str) -> &'a str {
    form.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str())
}

fn say(text: &str) -> String {
    format!("<Say language=\"en-GB\">{}</Say>", escape(text))
}

fn twiml(verbs: &str) -> Response {
    let document = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response>{verbs}</Response>");
    ([(header::CONTENT_TYPE, "text/xml; charset=utf-8")], document).into_response()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
