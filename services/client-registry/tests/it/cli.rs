//! The service's own binary.

use std::{fs, process::Output};

use access::token::{TRIAL_AUDIENCE, TRIAL_ISSUER};
use tempfile::TempDir;
use testkit::TestDatabase;

fn run(folder: &TempDir, database: &str, arguments: &[&str]) -> Output {
    let path = |file: &str| folder.path().join(file).display().to_string();
    std::process::Command::new(env!("CARGO_BIN_EXE_client-registry"))
        .args(arguments)
        .env("CLIENT_REGISTRY__DATABASE_URL", database)
        .env("CLIENT_REGISTRY__KEK_FILE", path("kek"))
        .env("CLIENT_REGISTRY__REDIS_URL", "redis://127.0.0.1:6379")
        .env("CLIENT_REGISTRY__TOKEN_ISSUERS", path("issuers.json"))
        .output()
        .unwrap()
}

fn sqlite(folder: &TempDir) -> String {
    format!("sqlite://{}/registry.db", folder.path().display())
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn it_is_ready_once_it_was_migrated_and_makes_the_first_person_once() {
    let folder = tempfile::tempdir().unwrap();
    let database = testkit::run(TestDatabase::postgres(&[]));
    let run = |arguments: &[&str]| run(&folder, database.url(), arguments);
    let issuers = serde_json::json!([{
        "issuer": TRIAL_ISSUER, "audience": TRIAL_AUDIENCE, "algorithms": ["EdDSA"],
        "jwks": folder.path().join("jwks.json"),
    }]);
    testkit::tokens().issuer().publish(&folder.path().join("jwks.json")).unwrap();
    fs::write(folder.path().join("issuers.json"), issuers.to_string()).unwrap();

    assert!(run(&["migrate"]).status.success());
    let again = run(&["migrate"]);
    assert!(again.status.success() && told(&again).contains("0 steps ran"), "{}", told(&again));
    let ready = run(&["check"]);
    assert!(ready.status.success(), "{}", told(&ready));
    let wrong = run(&["init", "--name", "   ", "--email", "notmail"]);
    assert!(!wrong.status.success(), "{}", told(&wrong));
    assert!(told(&wrong).contains("staff.display_name must hold a letter"), "{}", told(&wrong));
    assert!(told(&wrong).contains("staff.email must be an e-mail address"), "{}", told(&wrong));
    let init = ["init", "--name", "Root", "--email", "root@firm.example"];
    let first = run(&init);
    assert!(first.status.success() && told(&first).contains("staff/admin"), "{}", told(&first));
    let second = run(&init);
    assert!(!second.status.success() && told(&second).contains("NOT_EMPTY"), "{}", told(&second));
    fs::remove_file(folder.path().join("issuers.json")).unwrap();
    let nobodys = run(&["check"]);
    assert!(!nobodys.status.success() && told(&nobodys).contains("token_issuers"), "{}", told(&nobodys));
}

#[test]
fn by_itself_it_does_not_serve_from_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    assert!(run(&folder, &sqlite(&folder), &["migrate"]).status.success());
    for verb in ["serve", "check"] {
        let served = run(&folder, &sqlite(&folder), &[verb]);
        assert!(!served.status.success() && told(&served).contains("SQLite"), "{}", told(&served));
    }
}

#[test]
fn a_misspelt_setting_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("registry.toml");
    std::fs::write(&file, "listne = \"127.0.0.1:1\"\n").unwrap();
    let output = run(&folder, &sqlite(&folder), &["--config", &file.display().to_string(), "check"]);
    assert!(!output.status.success() && told(&output).contains("listne"), "{}", told(&output));
}
