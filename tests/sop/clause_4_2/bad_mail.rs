use liaison_tests::{Firm, JO, instant};
use serde_json::json;

/// Nothing was taken.
async fn nothing_is_here(firm: &Firm) {
    let mails = firm.ok("staff/grace", "InboundService/ListMails", json!({})).await;
    assert_eq!(mails, json!({}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_of_30_megabytes_is_refused_and_one_below_the_bound_is_taken() {
    let firm = Firm::start().await;
    let of_megabytes = |size: usize| {
        let line = "0123456789abcdef".repeat(4) + "\n";
        format!(
            "Authentication-Results: mx.northgate.example; dmarc=pass header.from=acme.example\nFrom: <{JO}>\n\
             To: <service@northgate.example>\nSubject: Big\nMessage-ID: <big@acme.example>\n\n{}",
            line.repeat(size * 1_000_000 / 66)
        )
    };
    let refused = firm.raw_mail(&of_megabytes(30), JO).await.unwrap_err();
    assert_eq!((refused.code.as_str(), refused.reason.as_str()), ("RESOURCE_EXHAUSTED", "MAIL_TOO_LARGE"));
    nothing_is_here(&firm).await;
    let taken = firm.raw_mail(&of_megabytes(20), JO).await.unwrap();
    assert_eq!(firm.case_of(&taken["mail"]).await["state"], "CASE_STATE_AWAITING_RESPONSE");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_mail_is_refused() {
    let firm = Firm::start().await;
    for raw in [
        "\u{7f}ELF\u{2}\u{1}\u{1}",
        "no header here",
        "\n\nonly a body\n",
        "Subject: from nobody\nMessage-ID: <n@acme.example>\n\nHello\n",
        "From: not an address\nSubject: from nobody\n\nHello\n",
    ] {
        let refused = firm.raw_mail(raw, JO).await.unwrap_err();
        assert_eq!((refused.code.as_str(), refused.reason.as_str()), ("INVALID_ARGUMENT", "NOT_A_MAIL"), "{raw:?}");
        assert_eq!(refused.fields.first().map(|(field, _)| field.as_str()), Some("raw"));
    }
    let empty = firm.raw_mail("", JO).await.unwrap_err();
    assert_eq!((empty.code.as_str(), empty.fields[0].0.as_str()), ("INVALID_ARGUMENT", "raw"));
    nothing_is_here(&firm).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_received_in_the_future_is_refused() {
    let firm = Firm::start().await;
    let raw = format!("From: <{JO}>\nSubject: Early\nMessage-ID: <early@acme.example>\n\nHello\n");
    let soon = instant("2027-03-24T08:06[Europe/London]");
    let refused = firm.raw_mail_received(&raw, JO, soon).await.unwrap_err();
    assert_eq!((refused.code.as_str(), refused.reason.as_str()), ("INVALID_ARGUMENT", "RECEIVED_IN_FUTURE"));
    assert_eq!(refused.fields.first().map(|(field, _)| field.as_str()), Some("receive_time"));
    nothing_is_here(&firm).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_but_the_firms_mail_server_hands_mail_over() {
    let firm = Firm::start().await;
    for who in ["staff/grace", "staff/ivan", "services/escalation", "clients/acme/contacts/jo"] {
        let reason = firm.refused(who, "InboundService/DeliverMail", json!({ "raw": "RnJvbTogYQ==" })).await;
        assert_eq!(reason, "NO_PERMISSION", "{who}");
    }
    nothing_is_here(&firm).await;
}
