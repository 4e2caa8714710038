use std::{
    fs::{self, File},
    path::Path,
    process::{Command, Stdio},
};

use service::Process;
use testkit::{TestDatabase, TestRedis, eventually_some};

use crate::support::{Done, PATIENCE, command, liaison};

/// What the demo tells of a setting that names what is in use; it has made no evidence, and left an earlier one alone.
fn told(setting: &str, value: &str, why: &str) {
    let home = tempfile::tempdir().unwrap();
    let earlier = home.path().join("demo-out");
    fs::create_dir(&earlier).unwrap();
    for file in ["run.json", "manifest.json"] {
        fs::write(earlier.join(file), "{}").unwrap();
    }
    let done = command(home.path()).arg("demo").env(setting, value).output().unwrap();
    let told = Done::from(done).told();
    assert!(told.contains(why) && told.contains(&format!("leave {setting} out")), "{told}");
    assert!(earlier.join("run.json").is_file(), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demo_refuses_databases_that_hold_tables_and_writes_nothing() {
    let sets = [event_log::MIGRATIONS];
    for database in [TestDatabase::sqlite(&sets).await, TestDatabase::postgres(&sets).await] {
        let pending = async || database.database().pending(escalation::App::MIGRATIONS).await.unwrap();
        let before = pending().await;
        let why =
            "holds tables already; the demo needs empty databases of its own, for it marks them for trials for good";
        told("LIAISON__DATABASE__ESCALATION", database.url(), why);
        assert_eq!(before, pending().await);
        assert!(!database.database().is_trial().await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demo_refuses_a_redis_that_holds_streams_of_ours() {
    let redis = TestRedis::start().await;
    let mut add = redis::cmd("XADD");
    add.arg("liaison.escalation.v1").arg("1-1").arg("event").arg("x");
    add.query_async::<String>(&mut redis.connection().await).await.unwrap();
    told("LIAISON__REDIS", &redis.url(), "Redis holds events of escalation already; the demo needs a Redis of its own");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demo_that_a_signal_ends_leaves_no_keys_no_databases_and_no_mails() {
    for signal in ["INT", "TERM"] {
        let home = tempfile::tempdir().unwrap();
        let (left, printed) = (home.path().join("tmp"), home.path().join("printed"));
        fs::create_dir(&left).unwrap();
        let mut demo = command(home.path())
            .arg("demo")
            .env("TMPDIR", &left)
            .stdout(File::create(&printed).unwrap())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        // It is well under way.
        eventually_some(PATIENCE, async || {
            fs::read_to_string(&printed).ok().filter(|told| told.contains("PolicyService/PublishPolicy"))
        })
        .await;
        assert!(!files(&left).is_empty());
        let sent = Command::new("kill").args([&format!("-{signal}"), &demo.id().to_string()]).status().unwrap();
        assert!(sent.success());
        assert_eq!(demo.wait().unwrap().code(), Some(130), "{signal}");
        assert_eq!(files(&left), Vec::<String>::new(), "{signal}");
        assert!(!home.path().join("demo-out").exists(), "{signal}");
    }
}

fn files(folder: &Path) -> Vec<String> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn what_a_play_prints_says_whose_time_it_is_and_why_it_refused() {
    let home = tempfile::tempdir().unwrap();
    // A firm whose first two steps are refusals, and no story.
    let scenario = home.path().join("scenario");
    fs::create_dir(&scenario).unwrap();
    let built_in = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/first-path");
    fs::copy(built_in.join("scenario.toml"), scenario.join("scenario.toml")).unwrap();
    let firm = fs::read_to_string(built_in.join("firm.toml")).unwrap();
    let third = firm.match_indices("[[step]]").nth(2).unwrap().0;
    fs::write(scenario.join("firm.toml"), &firm[..third]).unwrap();
    let late =
        "[[step]]\nat = \"2027-03-30T10:00[Europe/London]\"\nwho = \"staff/grace\"\ncall = \"AccessService/WhoAmI\"\n";
    fs::write(scenario.join("story.toml"), late).unwrap();
    // Most clauses have nothing to look at, so it is no success.
    let done = liaison(home.path(), &["demo", "--scenario", "scenario"]);
    assert_eq!(done.code, 1, "{}{}", done.out, done.err);
    for line in [
        "Times are the firm's, in Europe/London.",
        "CalendarService/CreateCalendar  refused as expected: UNKNOWN_TIME_ZONE",
        "ok Wed 24 Mar 08:00  staff/grace",
        // The clocks went forward between the two.
        "ok Tue 30 Mar 10:00  staff/grace",
    ] {
        assert!(done.out.contains(line), "no {line:?}: {}{}", done.out, done.err);
    }
}
