//! The service's own binary.

use std::process::Output;

use tempfile::TempDir;

fn run(folder: &TempDir, arguments: &[&str]) -> Output {
    let folder = folder.path().display();
    std::process::Command::new(env!("CARGO_BIN_EXE_client-registry"))
        .args(arguments)
        .env("CLIENT_REGISTRY__DATABASE_URL", format!("sqlite://{folder}/registry.db"))
        .env("CLIENT_REGISTRY__KEK_FILE", format!("{folder}/kek"))
        .output()
        .unwrap()
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn it_is_ready_once_it_was_migrated_and_makes_the_first_person_once() {
    let folder = tempfile::tempdir().unwrap();
    let early = run(&folder, &["check"]);
    assert!(!early.status.success() && told(&early).contains("migrate"), "{}", told(&early));
    assert!(run(&folder, &["migrate"]).status.success());
    let again = run(&folder, &["migrate"]);
    assert!(again.status.success() && told(&again).contains("0 steps ran"), "{}", told(&again));
    let ready = run(&folder, &["check"]);
    assert!(ready.status.success(), "{}", told(&ready));
    let init = ["init", "--name", "Root", "--email", "root@firm.example"];
    let first = run(&folder, &init);
    assert!(first.status.success() && told(&first).contains("staff/admin"), "{}", told(&first));
    let second = run(&folder, &init);
    assert!(!second.status.success() && told(&second).contains("NOT_EMPTY"), "{}", told(&second));
}

#[test]
fn by_itself_it_does_not_serve_from_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    assert!(run(&folder, &["migrate"]).status.success());
    let served = run(&folder, &["serve"]);
    assert!(!served.status.success() && told(&served).contains("SQLite"), "{}", told(&served));
}

#[test]
fn a_misspelt_setting_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("registry.toml");
    std::fs::write(&file, "listne = \"127.0.0.1:1\"\n").unwrap();
    let output = run(&folder, &["--config", &file.display().to_string(), "check"]);
    assert!(!output.status.success() && told(&output).contains("listne"), "{}", told(&output));
}
