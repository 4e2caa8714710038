//! A scenario of another firm's making: `tests/scenarios/nile`, in Cairo, Sunday to Thursday, with clients in Adelaide and
//! São Paulo. Its due times were worked out by hand; its comments say how.

use std::path::Path;

use liaison::settings::Settings;

use crate::play::{play, rows};

#[tokio::test(flavor = "multi_thread")]
async fn another_firms_week_runs_to_a_true_table() {
    let scenario = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/nile");
    let (passed, table) = play(&Settings::default(), Some(&scenario)).await;
    assert!(table.unexpected.is_empty(), "a step came out otherwise than expected:\n{table}");
    assert!(table.broken().is_empty(), "{table}");
    // By hand, from the story: two people of the firm's two and management, three contacts; three mails; 23 mails out (two
    // replies, two first breaches, two second ones, six steps, one request to confirm, one reminder; of the incident two
    // alerts, two notices to management and two to the account manager that a call failed, an update, a request to confirm, and that its report's draft is open); three texts to clients; a report; a meeting;
    // two issues and an incident; four cases; two proposals; three clients.
    let expected = [
        ("2", "kept", 6),
        ("4.2", "kept", 3),
        ("4.3", "kept", 3),
        ("4.4", "kept", 3),
        ("5", "kept", 1),
        ("6", "kept", 23),
        ("6 meetings", "kept", 1),
        ("8.1", "kept", 3),
        ("8.2", "kept", 1),
        ("8.3", "kept", 4),
        ("8.4", "kept", 2),
        ("9", "kept", 3),
    ];
    let (confidentiality, others): (Vec<_>, Vec<_>) = rows(&table).into_iter().partition(|row| row.0 == "7");
    assert_eq!(others, expected, "{table}");
    // How many acts that makes depends on what the export reads too.
    assert!(confidentiality.iter().all(|row| row.1 == "kept" && row.2 > 30), "{table}");

    // Nobody answered Bree before her question was late, though it was an issue by then, nor Caio; and both issues were
    // unresolved after 24 hours. All of it was noticed, and told to whom it must.
    for clause in ["4.2", "8.1"] {
        let late = table.find(clause).unwrap().lateness;
        assert_eq!((late.breaches, late.noticed, late.followed_up), (2, 2, 2), "{table}");
    }
    assert!(passed, "{table}");
}
