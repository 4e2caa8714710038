use serde_json::json;
use testkit::eventually_some;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{PATIENCE, Served};

/// What a browser gets: the status line and headers, then the page.
async fn get(outbox: &str, path: &str) -> (String, String) {
    let address = outbox.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
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
        page.contains("1 left").then_some(page)
    })
    .await;
    assert!(list.contains("Trial &lt;run&gt;") && list.contains("jo@acme.example"), "{list}");

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
