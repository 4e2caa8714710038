//! The house's dependency rule, from the manifests and the source.
//!
//! `contracts` uses nothing of ours. The other crates use no service. A service never uses another service's crate;
//! `services/liaison` alone composes them. Inside a service: `main -> cli -> app -> {grpc, events} -> aggregate ->
//! {entity, repo} -> db`; an entity imports neither transport nor storage, and `grpc/` and `events/` never touch `db/`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every member below `folder` and the packages of ours that it depends on, tests apart.
fn members(folder: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(root().join(folder)).unwrap() {
        let manifest = entry.unwrap().path().join("Cargo.toml");
        let Ok(text) = fs::read_to_string(&manifest) else { continue };
        let parsed: toml::Table = text.parse().unwrap();
        let name = parsed["package"]["name"].as_str().unwrap().to_owned();
        let mut uses = BTreeSet::new();
        for table in ["dependencies", "build-dependencies"] {
            uses.extend(
                parsed
                    .get(table)
                    .and_then(|table| table.as_table())
                    .into_iter()
                    .flatten()
                    .map(|(name, _)| name.clone()),
            );
        }
        found.insert(name, uses);
    }
    found
}

fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
    found
}

/// Code without its comments, so that prose may name what code may not.
fn code(text: &str) -> String {
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

#[test]
fn contracts_use_nothing_of_ours() {
    let (crates, services) = (members("crates"), members("services"));
    let ours: BTreeSet<_> = crates.keys().chain(services.keys()).cloned().collect();
    assert_eq!(crates["contracts"].intersection(&ours).count(), 0);
}

#[test]
fn no_crate_uses_a_service() {
    let services: BTreeSet<_> = members("services").into_keys().collect();
    for (name, uses) in members("crates") {
        let found: Vec<_> = uses.intersection(&services).collect();
        assert!(found.is_empty(), "crates/{name} uses {found:?}");
    }
}

#[test]
fn a_service_uses_no_other_service_but_liaison_which_uses_all() {
    let services = members("services");
    let names: BTreeSet<_> = services.keys().cloned().collect();
    for (name, uses) in &services {
        let found: BTreeSet<_> = uses.intersection(&names).cloned().collect();
        if name == "liaison" {
            let all: BTreeSet<_> = names.iter().filter(|other| *other != "liaison").cloned().collect();
            assert_eq!(found, all, "liaison composes every service");
        } else {
            assert!(found.is_empty(), "services/{name} uses {found:?}");
        }
    }
}

#[test]
fn test_helpers_are_used_by_tests_alone() {
    for folder in ["crates", "services"] {
        for (name, uses) in members(folder) {
            assert!(!uses.contains("testkit"), "{folder}/{name} depends on testkit outside its tests");
        }
    }
}

#[test]
fn an_entity_knows_neither_transport_nor_storage() {
    let mut looked = 0;
    for (path, text) in sources(&root().join("services")) {
        if path.file_name().is_some_and(|name| name == "entity.rs")
            || path.parent().is_some_and(|folder| folder.ends_with("entity"))
        {
            looked += 1;
            let code = code(&text);
            for forbidden in ["tonic::", "sea_orm::", "redis::", "prost::", "database::", "Utc::now", "Timestamp::now"]
            {
                assert!(!code.contains(forbidden), "{} uses {forbidden}", path.display());
            }
        }
    }
    assert!(looked >= 3, "only {looked} entities were found");
}

#[test]
fn the_edges_of_a_service_never_touch_its_tables() {
    let mut looked = 0;
    for (path, text) in sources(&root().join("services")) {
        let edge = path.components().any(|part| part.as_os_str() == "grpc" || part.as_os_str() == "events");
        if !edge || path.components().any(|part| part.as_os_str() == "tests") {
            continue;
        }
        looked += 1;
        let code = code(&text);
        for forbidden in ["crate::db::entities", "db::entities", "query_all(", "query_one(", "sea_orm::Entity"] {
            assert!(!code.contains(forbidden), "{} uses {forbidden}", path.display());
        }
    }
    assert!(looked >= 10, "only {looked} files were found");
}

#[test]
fn main_is_a_doorway() {
    for (name, _) in members("services") {
        let text = fs::read_to_string(root().join("services").join(&name).join("src/main.rs")).unwrap();
        assert!(text.lines().count() < 10, "services/{name}/src/main.rs has more than a door");
    }
}

#[test]
fn nobody_reads_the_wall_clock_but_the_clock() {
    // Business time is handed in; the one place that asks the machine is crates/business-time.
    for folder in ["crates", "services"] {
        for (path, text) in sources(&root().join(folder)) {
            let text_path = path.display().to_string();
            if text_path.contains("crates/business-time")
                || text_path.contains("/tests/")
                || text_path.contains("crates/testkit")
            {
                continue;
            }
            let code = code(&text);
            let before_tests = code.split("#[cfg(test)]").next().unwrap();
            assert!(!before_tests.contains("Timestamp::now("), "{text_path} reads the wall clock");
        }
    }
}
