use std::{
    io::{BufRead, BufReader, Read},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use contracts::escalation::v1::WatchCasesRequest;
use runtime::Limits;
use testkit::eventually;
use tokio_stream::StreamExt;
use tonic::Code;

use crate::support::{House, SOON, get, reason};

#[tokio::test]
async fn a_call_under_way_is_finished_and_then_the_server_ends() {
    let house = House::open().await;
    let mut cases = house.cases("staff/zoe");
    let call = tokio::spawn(async move { cases.get_case(get("cases/waits")).await });
    eventually(SOON, async || house.entered() == 1).await;
    house.shutdown.cancel();
    // No new connection from here on.
    eventually(SOON, async || tokio::net::TcpStream::connect(house.address).await.is_err()).await;
    assert!(!house.served.is_finished());
    house.stage.go_on.notify_one();
    assert_eq!(call.await.unwrap().unwrap().into_inner().case.unwrap().name, "cases/waits");
    house.served.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_stream_that_would_last_for_ever_ends_with_a_reason_to_go_elsewhere() {
    for client in ["", "clients/busy"] {
        let house = House::open().await;
        let request = WatchCasesRequest { client: client.into(), ..WatchCasesRequest::default() };
        let mut watched = house.cases("staff/zoe").watch_cases(request).await.unwrap().into_inner();
        assert!(watched.next().await.unwrap().is_ok());
        house.shutdown.cancel();
        let to_its_end = async {
            loop {
                if let Err(end) = watched.next().await.unwrap() {
                    return end;
                }
            }
        };
        let end = tokio::time::timeout(SOON, to_its_end).await.unwrap();
        assert_eq!((end.code(), reason(&end).as_str()), (Code::Unavailable, "SHUTTING_DOWN"));
        tokio::time::timeout(SOON, house.served).await.unwrap().unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_call_that_does_not_end_is_waited_for_no_longer_than_the_drain_limit() {
    let house = House::with(Limits { drain: Duration::from_millis(100), ..Limits::default() }).await;
    let mut cases = house.cases("staff/zoe");
    let _call = tokio::spawn(async move { cases.get_case(get("cases/never")).await });
    eventually(SOON, async || house.entered() == 1).await;
    house.shutdown.cancel();
    tokio::time::timeout(SOON, house.served).await.unwrap().unwrap().unwrap();
}

/// Set for the process that the test sends signals to, which is this test once more.
const WATCHES: &str = "LIAISON_TEST_WATCHES_SIGNALS";

async fn watch_signals() {
    let token = runtime::shutdown::on_signals().unwrap();
    println!("watching");
    token.cancelled().await;
    println!("shutting down");
    std::future::pending::<()>().await;
}

#[test]
fn a_first_signal_shuts_down_and_a_second_ends_at_once() {
    if std::env::var_os(WATCHES).is_some() {
        return testkit::run(watch_signals());
    }
    for (first, second) in [("-TERM", "-TERM"), ("-INT", "-TERM")] {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["shutdown::a_first_signal_shuts_down_and_a_second_ends_at_once", "--exact", "--nocapture"])
            .env(WATCHES, "yes")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap());
        let mut wait_for = |text: &str| {
            let mut line = String::new();
            while !line.contains(text) {
                line.clear();
                assert_ne!(lines.read_line(&mut line).unwrap(), 0, "it ended before {text:?}");
            }
        };
        let id = process.id().to_string();
        let send = |signal: &str| assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
        wait_for("watching");
        send(first);
        wait_for("shutting down");
        let began = Instant::now();
        send(second);
        assert_eq!(process.wait().unwrap().code(), Some(130));
        assert!(began.elapsed() < SOON);
        lines.read_to_string(&mut String::new()).unwrap();
    }
}
