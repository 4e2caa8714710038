//! The mail outbox in a browser: what was handed over, newest first, and each mail as its reader would see it.
//!
//! It is for trials: whoever reaches the port reads the mails, so it listens on loopback, and answers under no other name
//! than that ([`Hosts`]). A mail's HTML is shown in a frame without scripts, and nothing is loaded from elsewhere.

use std::{
    fmt::Write,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use axum::{
    Router,
    extract::{Path, Request, State},
    http::{StatusCode, header, uri::Authority},
    middleware::{self, Next},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use mail_parser::{Message, MessageParser};
use notification::LocalOutbox;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;\
color:#1d2733;background:#fbfbfa}table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.5rem;\
border-bottom:1px solid #d9dde2;vertical-align:top}a{color:#1c5d99}iframe{box-sizing:border-box;width:100%;height:32rem;border:1px solid \
#d9dde2;border-radius:6px;background:#fff}pre{white-space:pre-wrap;background:#f1f3f5;padding:1rem;border-radius:6px}\
@media(prefers-color-scheme:dark){body{color:#e6e9ed;background:#15191e}a{color:#7db7ee}td,th{border-color:#333b44}\
pre{background:#1e242b}}.mail th{white-space:nowrap;font-weight:600}.mail td{overflow-wrap:anywhere}\
@media(max-width:40rem){.list,.list tbody,.list tr,.list td{display:block;width:auto}.list thead{display:none}\
.list tr{border-bottom:1px solid #d9dde2;padding:.6rem 0}.list td{border:0;padding:.1rem 0;overflow-wrap:anywhere}\
.list td::before{content:attr(data-label) \" \";font-weight:600}h1{overflow-wrap:anywhere}}";

const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self' data:";

/// Under which names the pages answer. A page from elsewhere whose own name was made to lead here (DNS rebinding) would be
/// of the same origin as the mails, and read them.
#[derive(Clone, Debug)]
pub struct Hosts {
    name: Option<String>,
    address: IpAddr,
}

impl Hosts {
    /// `listen` as the settings say it, and the address that it became.
    pub fn new(listen: &str, address: IpAddr) -> Self {
        let name = listen.parse().ok().map(|listen: Authority| listen.host().to_owned());
        Self { name, address }
    }

    /// Whether a `Host` field names this page; on which port does not matter.
    fn know(&self, host: &str) -> bool {
        let Ok(host) = host.parse::<Authority>() else { return false };
        let host = host.host();
        match host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
            // Without an address of its own it listens on all that the machine has; an address is nobody's name.
            Ok(address) => {
                self.address.is_unspecified()
                    || [self.address, Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()].contains(&address)
            }
            Err(_) => ["localhost"].into_iter().chain(self.name.as_deref()).any(|name| name.eq_ignore_ascii_case(host)),
        }
    }
}

/// The pages.
pub fn router(outbox: LocalOutbox, hosts: Hosts) -> Router {
    Router::new()
        .route("/", get(list))
        .route("/mails/{id}", get(mail))
        .route("/mails/{id}/html", get(html))
        .with_state(outbox)
        .layer(middleware::from_fn_with_state(hosts, known_host))
}

async fn known_host(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    if host.is_some_and(|host| hosts.know(host)) {
        next.run(request).await
    } else {
        (StatusCode::MISDIRECTED_REQUEST, "this page answers as localhost and as the address it listens on")
            .into_response()
    }
}

async fn list(State(outbox): State<LocalOutbox>) -> Response {
    let mails = match outbox.list() {
        Ok(mails) => mails,
        Err(error) => return failed(&error),
    };
    let mut rows = String::new();
    for mail in &mails {
        let date = mail.date.map(|date| date.strftime("%Y-%m-%d %H:%M UTC").to_string()).unwrap_or_default();
        // Writing to a string does not fail.
        let _ = write!(
            rows,
            "<tr><td data-label=\"Date\">{}</td><td data-label=\"From\">{}</td><td data-label=\"To\">{}</td>\
             <td data-label=\"Subject\"><a href=\"/mails/{}\">{}</a></td></tr>",
            escape(&date),
            escape(&mail.from),
            escape(&mail.to),
            escape(&mail.id),
            escape(&mail.subject)
        );
    }
    let body = if rows.is_empty() {
        "<p>No mail has left yet.</p>".to_owned()
    } else {
        format!(
            "<table class=\"list\"><thead><tr><th>Date</th><th>From</th><th>To</th><th>Subject</th></tr></thead>\
             <tbody>{rows}</tbody></table>"
        )
    };
    let left = match mails.len() {
        0 => String::new(),
        1 => "<p>1 mail has left.</p>".to_owned(),
        many => format!("<p>{many} mails have left.</p>"),
    };
    page("Outbox", &format!("<h1>Outbox</h1>{left}{body}"))
}

async fn mail(State(outbox): State<LocalOutbox>, Path(id): Path<String>) -> Response {
    read(&outbox, &id, |message| {
        let headers: String = ["From", "To", "Date", "Subject", "Message-ID", "In-Reply-To", "Auto-Submitted"]
            .iter()
            .filter_map(|name| {
                let value = message.header_raw(*name)?.trim();
                Some(format!("<tr><th>{name}</th><td>{}</td></tr>", escape(value)))
            })
            .collect();
        let subject = message.subject().unwrap_or("(no subject)");
        let body = format!(
            "<p><a href=\"/\">Outbox</a></p><h1>{}</h1><table class=\"mail\">{headers}</table><h2>As HTML</h2>\
             <iframe sandbox src=\"/mails/{}/html\" title=\"the mail as HTML\"></iframe><h2>As text</h2><pre>{}</pre>",
            escape(subject),
            escape(&id),
            escape(&message.body_text(0).unwrap_or_default())
        );
        page(subject, &body)
    })
}

async fn html(State(outbox): State<LocalOutbox>, Path(id): Path<String>) -> Response {
    read(&outbox, &id, |message| guarded(message.body_html(0).unwrap_or_default().into_owned()))
}

fn read(outbox: &LocalOutbox, id: &str, show: impl FnOnce(&Message<'_>) -> Response) -> Response {
    let missing = || (StatusCode::NOT_FOUND, "no such mail").into_response();
    match outbox.read(id) {
        Ok(Some(raw)) => MessageParser::default().parse(raw.as_slice()).map_or_else(missing, |message| show(&message)),
        Ok(None) => missing(),
        Err(error) => failed(&error),
    }
}

fn page(title: &str, body: &str) -> Response {
    guarded(format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width,initial-scale=1\"><title>{}</title><style>{STYLE}</style></head>\
         <body><main>{body}</main></body></html>",
        escape(title)
    ))
}

fn guarded(html: String) -> Response {
    ([(header::CONTENT_SECURITY_POLICY, POLICY), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")], Html(html))
        .into_response()
}

fn failed(error: &std::io::Error) -> Response {
    tracing::error!(error = %error, "the outbox cannot be read");
    (StatusCode::INTERNAL_SERVER_ERROR, "the outbox cannot be read").into_response()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_answers_to_loopback_and_to_where_it_listens_and_to_no_other_name() {
        let hosts = Hosts::new("mails.firm.example:7421", [192, 0, 2, 7].into());
        for known in ["localhost", "LOCALHOST:1", "127.0.0.1:7421", "[::1]", "[::1]:80", "192.0.2.7:7421"] {
            assert!(hosts.know(known), "{known}");
        }
        assert!(hosts.know("mails.firm.example:7421"));
        for strange in ["", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example:7421", "192.0.2.8", "a b"]
        {
            assert!(!hosts.know(strange), "{strange}");
        }
        let everywhere = Hosts::new("0.0.0.0:7421", Ipv4Addr::UNSPECIFIED.into());
        assert!(everywhere.know("192.0.2.8:7421") && !everywhere.know("evil.example"));
        assert!(!Hosts::new("[::]", Ipv6Addr::UNSPECIFIED.into()).know(""));
    }
}
