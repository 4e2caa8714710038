//! The provider's own callbacks: signed forms, repeated, forged and out of order.

use std::collections::BTreeMap;

use contracts::notification::v1::{AlertProgressed, AlertSide, CallState};
use notification::{config::TwilioSettings, provider::phone::sign};
use testkit::{TestDatabase, both_databases};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    alerts::{calls, declare},
    support::*,
};

both_databases!(sets();
    a_signed_callback_tells_what_became_of_a_call,
    a_forged_callback_changes_nothing,
    a_voicemail_hears_no_more_than_a_pointer,
);

const TOKEN: &str = "a-token";
const URL: &str = "https://calls.firm.example";

async fn house(db: TestDatabase) -> (House, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, TOKEN).unwrap();
    let twilio = TwilioSettings {
        account_sid: Some("AC1".into()),
        auth_token_file: Some(file),
        from: Some("+442070000000".into()),
        base_url: None,
        callback_url: Some(URL.into()),
        callback_listen: Some("127.0.0.1:0".into()),
    };
    let house = House::called_back(db, twilio).await;
    declare(&house, "cases/1").await;
    (house, folder)
}

fn form(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Posts a form; status and body of the answer.
async fn post(house: &House, path: &str, form: &[(String, String)], signature: &str) -> (u16, String) {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let mut socket = TcpStream::connect(house.app.callback_address().unwrap()).await.unwrap();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: calls.firm.example\r\nX-Twilio-Signature: {signature}\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
}

async fn signed(house: &House, call: &str, what: &str, pairs: &[(&str, &str)]) -> (u16, String) {
    let (path, form) = (format!("/{call}/{what}"), form(pairs));
    let signature = sign(&TOKEN.into(), &format!("{URL}{path}"), &form);
    post(house, &path, &form, &signature).await
}

async fn a_signed_callback_tells_what_became_of_a_call(db: TestDatabase) {
    let (house, _folder) = house(db).await;
    let call = calls(&house, AlertSide::Client).await.remove(0).name;
    let (status, spoken) =
        signed(&house, &call, "answer", &[("AnsweredBy", "human"), ("CallStatus", "in-progress")]).await;
    assert_eq!(status, 200);
    assert!(spoken.contains("<Gather") && spoken.contains("Press 1") && spoken.contains(&format!("{URL}/{call}/key")));
    assert!(!spoken.contains("Acme"), "{spoken}");
    let (_, again) = signed(&house, &call, "key", &[("Digits", "5")]).await;
    assert!(again.contains("<Gather"), "another key confirms nothing");
    for _ in 0..2 {
        let (status, thanks) = signed(&house, &call, "key", &[("Digits", "1")]).await;
        assert_eq!((status, thanks.contains("Thank you")), (200, true));
    }
    let done = [("CallStatus", "completed"), ("SequenceNumber", "3"), ("AnsweredBy", "human")];
    assert_eq!(signed(&house, &call, "status", &done).await.0, 204);
    house.quiet().await;
    assert_eq!(calls(&house, AlertSide::Client).await[0].state(), CallState::Reached);
    let told = house.told::<AlertProgressed>().await;
    assert_eq!(told.iter().filter(|one| one.step() == contracts::notification::v1::AlertStep::Reached).count(), 1);
    assert_eq!(signed(&house, "calls/nobody", "status", &done).await.0, 404);
    assert_eq!(signed(&house, &call, "elsewhere", &done).await.0, 404);
}

async fn a_forged_callback_changes_nothing(db: TestDatabase) {
    let (house, _folder) = house(db).await;
    let before = calls(&house, AlertSide::Client).await.remove(0);
    let (path, pressed) = (format!("/{}/key", before.name), form(&[("Digits", "1")]));
    let url = format!("{URL}{path}");
    let of_another = sign(&"another-token".into(), &url, &pressed);
    let of_another_form = sign(&TOKEN.into(), &url, &form(&[("Digits", "5")]));
    let of_another_call = sign(&TOKEN.into(), &format!("{URL}/calls/other/key"), &pressed);
    for forged in ["", "AAAA", &of_another, &of_another_form, &of_another_call] {
        assert_eq!(post(&house, &path, &pressed, forged).await, (403, String::new()), "{forged}");
    }
    house.quiet().await;
    assert_eq!(calls(&house, AlertSide::Client).await.remove(0), before);
}

async fn a_voicemail_hears_no_more_than_a_pointer(db: TestDatabase) {
    let (house, _folder) = house(db).await;
    let call = calls(&house, AlertSide::Client).await.remove(0).name;
    let (_, spoken) = signed(&house, &call, "answer", &[("AnsweredBy", "machine_end_beep")]).await;
    assert!(spoken.contains("<Say") && !spoken.contains("<Gather") && !spoken.contains("Acme"), "{spoken}");
    // Out of order: its end is told before, and again after.
    for sequence in ["3", "3", "1"] {
        signed(&house, &call, "status", &[("CallStatus", "completed"), ("SequenceNumber", sequence)]).await;
    }
    house.quiet().await;
    let called = calls(&house, AlertSide::Client).await;
    let reasons: BTreeMap<_, _> = called.iter().map(|call| (call.attempt, call.reason.as_str())).collect();
    assert_eq!(reasons, BTreeMap::from([(1, "VOICEMAIL"), (2, "")]));
}
