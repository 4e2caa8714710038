use std::{fs, path::PathBuf};

use runtime::config::{ConfigError, load_from};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
struct Settings {
    listen: String,
    #[serde(default)]
    workers: u16,
    database: DatabaseSettings,
    #[serde(default, deserialize_with = "runtime::config::list")]
    domains: Vec<String>,
    #[serde(default)]
    telemetry: runtime::telemetry::TelemetrySettings,
}

#[derive(Debug, Deserialize)]
struct DatabaseSettings {
    url: String,
    password: SecretString,
}

const FILE: &str = r#"
listen = "127.0.0.1:7400"
domains = ["firm.example"]
[database]
url = "sqlite://data/escalation.db"
password = "swordfish"
"#;

fn load(file: &str, variables: &[(&str, &str)]) -> Result<Settings, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("escalation.toml");
    fs::write(&path, file).unwrap();
    let variables = variables.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    load_from("ESCALATION", Some(&path), variables)
}

fn unknown(outcome: Result<Settings, ConfigError>) -> Vec<String> {
    match outcome {
        Err(ConfigError::Unknown { keys }) => keys,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_environment_wins_over_the_file() {
    let settings = load(
        FILE,
        &[
            ("ESCALATION__DATABASE__URL", "postgres://db/escalation"),
            ("ESCALATION__WORKERS", "4"),
            ("ESCALATION__DOMAINS", "firm.example, firm.test,"),
            ("ESCALATION__TELEMETRY__FORMAT", "json"),
            ("PATH", "/usr/bin"),
            ("ESCALATION_SERVICE_HOST", "10.0.0.1"),
        ],
    )
    .unwrap();
    assert_eq!((settings.listen.as_str(), settings.workers), ("127.0.0.1:7400", 4));
    assert_eq!(settings.database.url, "postgres://db/escalation");
    assert_eq!(settings.domains, ["firm.example", "firm.test"]);
    assert_eq!(settings.telemetry.format, runtime::telemetry::LogFormat::Json);
}

#[test]
fn everything_may_come_from_the_environment() {
    let variables = [
        ("ESCALATION__LISTEN", "127.0.0.1:0"),
        ("ESCALATION__DATABASE__URL", "sqlite://x.db"),
        ("ESCALATION__DATABASE__PASSWORD", "00123"),
    ];
    let variables = variables.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let settings: Settings = load_from("ESCALATION", None, variables).unwrap();
    assert_eq!(settings.database.password.expose_secret(), "00123", "a password of digits stays what it is");
    assert!(settings.domains.is_empty());
}

#[test]
fn unknown_keys_are_errors_wherever_they_stand_and_all_are_told() {
    let file = FILE.replace("[database]", "worker = 3\n[database]\nulr = \"x\"");
    let keys = unknown(load(
        &file,
        &[
            ("ESCALATION__DATABASE__PASWORD", "hunter2"),
            ("ESCALATION__EXTRA__DEEP", "1"),
            ("ESCALATION__TELEMETRY__OTLP", "x"),
        ],
    ));
    assert_eq!(keys, ["database.pasword", "database.ulr", "extra", "telemetry.otlp", "worker"]);
}

#[test]
fn what_is_missing_or_of_the_wrong_kind_is_named() {
    let missing = load(&FILE.replace("listen", "worker"), &[]).unwrap_err().to_string();
    assert_eq!(missing, "configuration: missing listen: set ESCALATION__LISTEN, or listen in the file");
    let missing = load(&FILE.replace("url", "ulr"), &[]).unwrap_err().to_string();
    assert!(missing.contains("missing database.url: set ESCALATION__DATABASE__URL,"), "{missing}");
    let wrong = load(FILE, &[("ESCALATION__WORKERS", "many")]).unwrap_err().to_string();
    assert!(wrong.contains("workers"), "{wrong}");
    assert!(matches!(load("listen = ", &[]), Err(ConfigError::Wrong(_))));
    let nowhere = load_from::<Settings>("ESCALATION", Some("/nowhere.toml".as_ref()), []).unwrap_err();
    assert!(nowhere.to_string().contains("nowhere.toml"), "{nowhere}");
}

#[test]
fn secrets_do_not_show_in_the_effective_configuration() {
    let shown = format!("{:?}", load(FILE, &[]).unwrap());
    assert!(shown.contains("127.0.0.1:7400"));
    assert!(!shown.contains("swordfish"));
    assert!(shown.contains("REDACTED"));
}
