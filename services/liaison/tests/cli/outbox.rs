use serde_json::json;
use testkit::eventually_some;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{PATIENCE, Served};

/// What a browser gets: the status line and headers, then the page.
async fn get(outbox: &str, path: &str) -> (String, String) {
    get_as(outbox, outbox.trim_start_matches("http://").trim_end_matches('/'), path).await
}

/// The same, where the browser believes to be at `host`.
async fn get_as(outbox: &str, host: &str, path: &str) -> (String, String) {
    let address = outbox.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mails_that_left_can_be_looked_at_in_a_browser() {
    let served = Served::start().await;
    served.register_a_client();
    let (head, page) = get(&served.outbox, "/").await;
    assert!(head.starts_with("HTTP/1.1 200") && page.contains("No mail has left yet"), "{head}\n{page}");

    let message = json!({
        "client": "clients/acme", "contact": "clients/acme/contacts/jo", "nature": "MESSAGE_NATURE_REPLY",
        "subject": "Trial <run>", "text": "Dear Jo,\n\nit is on 12 April & takes half a day.",
    });
    served.call("staff/anna", "NotificationService/SendMessage", &message);
    let list = eventually_some(PATIENCE, async || {
        let (_, page) = get(&served.outbox, "/").await;
        page.contains("1 mail has left.").then_some(page)
    })
    .await;
    assert!(list.contains("Trial &lt;run&gt;") && list.contains("jo@acme.example"), "{list}");
    assert!(list.contains("<th>From</th>") && list.contains("anna@firm.example"), "{list}");

    let link = list.split("href=\"").nth(1).unwrap().split('"').next().unwrap();
    let (head, mail) = get(&served.outbox, link).await;
    assert!(head.starts_with("HTTP/1.1 200") && mail.contains("12 April &amp; takes"), "{head}\n{mail}");
    let (head, html) = get(&served.outbox, &format!("{link}/html")).await;
    assert!(head.to_lowercase().contains("content-security-policy: default-src 'none'"), "{head}");
    assert!(html.contains("12 April"), "{html}");

    for nothing in ["/mails/nothing", "/mails/..%2f..%2fdb%2fescalation.sqlite", "/data"] {
        let (head, _) = get(&served.outbox, nothing).await;
        assert!(head.starts_with("HTTP/1.1 404"), "{nothing}: {head}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_outbox_answers_no_name_that_was_made_to_lead_to_it() {
    let served = Served::start().await;
    for strange in ["evil.example", "127.0.0.1.evil.example:7421"] {
        let (head, page) = get_as(&served.outbox, strange, "/").await;
        assert!(head.starts_with("HTTP/1.1 421") && !page.contains("Outbox"), "{strange}: {head}\n{page}");
    }
    for known in ["localhost", "[::1]:7421"] {
        let (head, _) = get_as(&served.outbox, known, "/").await;
        assert!(head.starts_with("HTTP/1.1 200"), "{known}: {head}");
    }
}
