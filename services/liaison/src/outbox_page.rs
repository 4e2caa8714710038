//! The mail outbox in a browser: what was handed over, newest first, and each mail as its reader would see it.
//!
//! It is for trials: whoever reaches the port reads the mails, so it listens on loopback. A mail's HTML is shown in a
//! frame without scripts, and nothing is loaded from elsewhere.

use std::fmt::Write;

use axum::{
    Router,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use mail_parser::{Message, MessageParser};
use notification::LocalOutbox;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;\
color:#1d2733;background:#fbfbfa}table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.5rem;\
border-bottom:1px solid #d9dde2;vertical-align:top}a{color:#1c5d99}iframe{width:100%;height:32rem;border:1px solid \
#d9dde2;border-radius:6px;background:#fff}pre{white-space:pre-wrap;background:#f1f3f5;padding:1rem;border-radius:6px}\
@media(prefers-color-scheme:dark){body{color:#e6e9ed;background:#15191e}a{color:#7db7ee}td,th{border-color:#333b44}\
pre{background:#1e242b}}@media(max-width:40rem){th:nth-child(1),td:nth-child(1){display:none}}";

const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self' data:";

/// The pages.
pub fn router(outbox: LocalOutbox) -> Router {
    Router::new()
        .route("/", get(list))
        .route("/mails/{id}", get(mail))
        .route("/mails/{id}/html", get(html))
        .with_state(outbox)
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
            "<tr><td>{}</td><td>{}</td><td><a href=\"/mails/{}\">{}</a></td></tr>",
            escape(&date),
            escape(&mail.to),
            escape(&mail.id),
            escape(&mail.subject)
        );
    }
    let body = if rows.is_empty() {
        "<p>No mail has left yet.</p>".to_owned()
    } else {
        format!("<table><tr><th>Date</th><th>To</th><th>Subject</th></tr>{rows}</table>")
    };
    page("Outbox", &format!("<h1>Outbox</h1><p>{} left.</p>{body}", mails.len()))
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
            "<p><a href=\"/\">Outbox</a></p><h1>{}</h1><table>{headers}</table><h2>As HTML</h2>\
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
