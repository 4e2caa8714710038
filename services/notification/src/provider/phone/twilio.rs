//! Twilio's Calls API, 2010-04-01, and whoever speaks it: form-encoded requests, Basic auth.
//!
//! Our id of a call stands in the URLs that are called back, so that a call whose placing was never answered is known by what
//! comes of it. A look-up asks by the provider's own id where that is known, else lists by number and time.
//!
//! `MachineDetection=DetectMessageEnd`: the URL of what is spoken is asked for with who answered, and of a voicemail only after
//! its greeting, so that the message is recorded whole.

use base64::{Engine, engine::general_purpose::STANDARD};
use business_time::Timestamp;
use http::{Method, Request, StatusCode, header};
use mail_parser::DateTime;
use secrecy::ExposeSecret;
use serde::Deserialize;

use async_trait::async_trait;

use super::{
    AnsweredBy, CallSettlement, Found, OutgoingCall, PhoneProvider, Placed, Report, Status, Wanted,
    http::{Http, HttpError},
};
use crate::{call::entity::RING, config::TwilioAccount};

/// How far the provider's clock may be behind ours.
const SKEW_SECONDS: i64 = 30;

/// Refusals of theirs that are about the number: it is none, cannot be reached, or may not be called.
const OF_NUMBERS: [i64; 8] = [13_223, 13_224, 13_225, 13_226, 21_211, 21_214, 21_215, 21_217];

/// An account with Twilio.
#[derive(Clone, Debug)]
pub struct Twilio {
    account: TwilioAccount,
    http: Http,
}

#[derive(Deserialize)]
struct CallResource {
    sid: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    to: String,
    #[serde(default)]
    answered_by: Option<String>,
    #[serde(default)]
    date_created: Option<String>,
}

#[derive(Deserialize)]
struct CallList {
    calls: Vec<CallResource>,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    code: i64,
}

impl Twilio {
    /// This account.
    ///
    /// # Errors
    /// Where TLS cannot be had.
    pub fn new(account: TwilioAccount) -> Result<Self, rustls::Error> {
        Ok(Self { account, http: Http::new()? })
    }

    fn request(&self, method: Method, path: &str, body: String) -> Result<Request<String>, http::Error> {
        let TwilioAccount { base_url, account_sid, auth_token, .. } = &self.account;
        let login = STANDARD.encode(format!("{account_sid}:{}", auth_token.expose_secret()));
        let request = Request::builder()
            .method(method)
            .uri(format!("{base_url}/2010-04-01/Accounts/{account_sid}/{path}"))
            .header(header::AUTHORIZATION, format!("Basic {login}"))
            .header(header::ACCEPT, "application/json");
        let form = "application/x-www-form-urlencoded";
        let request = if body.is_empty() { request } else { request.header(header::CONTENT_TYPE, form) };
        request.body(body)
    }

    /// What is asked for to place a call.
    fn form(&self, call: &OutgoingCall) -> String {
        let callback = |what: &str| format!("{}/calls/{}/{what}", self.account.callback_url, call.call);
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("To", &call.to)
            .append_pair("From", &self.account.from)
            .append_pair("Url", &callback("answer"))
            .append_pair("Method", "POST")
            .append_pair("StatusCallback", &callback("status"))
            .append_pair("StatusCallbackMethod", "POST");
        for event in ["initiated", "ringing", "answered", "completed"] {
            form.append_pair("StatusCallbackEvent", event);
        }
        form.append_pair("MachineDetection", "DetectMessageEnd").append_pair("Timeout", &RING.as_secs().to_string());
        form.finish()
    }

    async fn find(&self, wanted: &Wanted) -> Option<Found> {
        if !wanted.receipt.is_empty() {
            let request = self.request(Method::GET, &format!("Calls/{}.json", wanted.receipt), String::new()).ok()?;
            let (status, body) = self.http.send(request).await.ok()?;
            let call = (status == StatusCode::OK).then(|| serde_json::from_slice::<CallResource>(&body).ok())??;
            return Some(placed(&call));
        }
        let since = wanted.since.as_second().saturating_sub(SKEW_SECONDS);
        // Its list knows days only.
        let day = Timestamp::from_second(since).ok()?.strftime("%Y-%m-%d").to_string();
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("To", wanted.to.as_str()), ("StartTime>", &day), ("PageSize", "100")])
            .finish();
        let request = self.request(Method::GET, &format!("Calls.json?{query}"), String::new()).ok()?;
        let (status, body) = self.http.send(request).await.ok()?;
        let list = (status == StatusCode::OK).then(|| serde_json::from_slice::<CallList>(&body).ok())??;
        let created = |call: &CallResource| {
            call.date_created.as_deref().and_then(DateTime::parse_rfc822).map(|time| time.to_timestamp())
        };
        let mut ours =
            list.calls.iter().filter(|call| call.to == wanted.to && created(call).is_none_or(|second| second >= since));
        match (ours.next(), ours.next()) {
            // It may still be on its way into the list.
            (None, _) => Some(Found::NotPlaced { never: false }),
            (Some(call), None) => Some(placed(call)),
            (Some(_), Some(_)) => None,
        }
    }
}

fn placed(call: &CallResource) -> Found {
    let report = Report {
        sequence: 0,
        status: status(&call.status),
        answered_by: call.answered_by.as_deref().and_then(answered_by),
        digits: String::new(),
    };
    Found::Placed { receipt: call.sid.clone(), report }
}

/// Their word for how a call stands; none where it says nothing yet.
pub fn status(word: &str) -> Option<Status> {
    Some(match word {
        "ringing" => Status::Ringing,
        "in-progress" | "answered" => Status::Answered,
        "completed" => Status::Completed,
        "busy" => Status::Busy,
        "no-answer" => Status::NoAnswer,
        "failed" => Status::Failed,
        "canceled" => Status::Cancelled,
        _ => return None,
    })
}

/// Their word for who answered; none where they cannot tell.
pub fn answered_by(word: &str) -> Option<AnsweredBy> {
    match word {
        "human" => Some(AnsweredBy::Human),
        "fax" => Some(AnsweredBy::Machine),
        machine if machine.starts_with("machine") => Some(AnsweredBy::Machine),
        _ => None,
    }
}

#[async_trait]
impl PhoneProvider for Twilio {
    fn name(&self) -> &'static str {
        "twilio"
    }

    fn settlement(&self) -> CallSettlement {
        CallSettlement::Lookup
    }

    async fn place(&self, call: &OutgoingCall) -> Placed {
        let Ok(request) = self.request(Method::POST, "Calls.json", self.form(call)) else {
            return Placed::Refused { reason: "BAD_SETTINGS".to_owned(), number: false };
        };
        match self.http.send(request).await {
            Ok((status, body)) if status.is_success() => match serde_json::from_slice::<CallResource>(&body) {
                Ok(call) => Placed::Accepted { receipt: call.sid },
                Err(_) => Placed::Unknown,
            },
            Ok((status, body)) if status.is_client_error() => {
                let code = serde_json::from_slice::<Refusal>(&body).map_or(0, |refusal| refusal.code);
                Placed::Refused { reason: format!("TWILIO_{code}"), number: OF_NUMBERS.contains(&code) }
            }
            // A server that failed may have done it before.
            Ok(_) => Placed::Unknown,
            Err(HttpError::NotSent(error)) => {
                tracing::warn!(error, "the provider of calls cannot be reached");
                Placed::Refused { reason: "PROVIDER_UNREACHABLE".to_owned(), number: false }
            }
            Err(HttpError::NoAnswer(error)) => {
                tracing::warn!(error, "the provider of calls did not answer");
                Placed::Unknown
            }
        }
    }

    async fn look_up(&self, wanted: &Wanted) -> Found {
        self.find(wanted).await.unwrap_or(Found::Unknown)
    }
}
