use std::sync::Arc;

use business_time::{ManualClock, WallClock};
use client_registry::{App, Config, Deps, MIGRATIONS};
use contracts::client_registry::v1::{ClientRegistered, GetStaffRequest};
use event_log::{Bus, EventLog, Transport};
use prost::Name;
use refusal::Kind;
use service::{Nothing, Process, Service, StartError, migrate};
use testkit::{TestDatabase, both_databases, eventually};
use tokio_util::sync::CancellationToken;

use crate::support::{House, ROOT, at};

both_databases!(client_registry::MIGRATIONS;
    the_first_person_is_in_management_and_made_once,
    what_create_staff_would_refuse_makes_no_first_person_and_the_field_is_named,
    a_simulated_clock_is_taken_only_over_a_database_made_for_trials,
    what_was_told_is_relayed_and_what_was_audited_is_sealed,
    a_database_without_its_tables_or_under_another_key_is_not_served,
);

async fn the_first_person_is_in_management_and_made_once(db: TestDatabase) {
    let house = House::empty(db).await;
    house.app.init("root", "Root", "root@firm.example").await.unwrap();
    let request = GetStaffRequest { name: ROOT.into() };
    let root = house.people(ROOT).get_staff(request).await.unwrap().into_inner().staff.unwrap();
    assert_eq!((root.display_name.as_str(), root.email.as_str()), ("Root", "root@firm.example"));
    for id in ["root", "second"] {
        let again = house.app.init(id, "Second", "second@firm.example").await;
        assert_eq!(again.unwrap_err().reason, "NOT_EMPTY");
    }
    let sql = "SELECT actor, resources FROM audit_row WHERE action = 'init' ORDER BY id";
    let rows = database::query_all(house.db.database().reader(), sql, vec![]).await.unwrap();
    assert_eq!(rows.len(), 3, "one done, two refused");
    assert_eq!(rows[0].try_get::<String>("", "actor").unwrap(), "init");
    assert!(rows[0].try_get::<String>("", "resources").unwrap().contains(ROOT));
}

async fn what_create_staff_would_refuse_makes_no_first_person_and_the_field_is_named(db: TestDatabase) {
    let house = House::empty(db).await;
    for (id, name, email, field) in [
        ("root", "Root", "notmail", "staff.email"),
        ("root", "Root", "", "staff.email"),
        ("root", "   ", "root@firm.example", "staff.display_name"),
        ("root", "", "root@firm.example", "staff.display_name"),
        ("BAD_id!", "Root", "root@firm.example", "staff_id"),
        ("", "Root", "root@firm.example", "staff_id"),
    ] {
        let refused = house.app.init(id, name, email).await.unwrap_err();
        let fields: Vec<_> = refused.fields.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!((refused.kind, fields), (Kind::Invalid, vec![field]), "{id:?} {name:?} {email:?}");
        assert!(refused.to_string().contains(field), "the command line shows no more than this: {refused}");
    }
    let all = house.app.init("BAD_id!", "\n", "notmail").await.unwrap_err();
    assert_eq!((all.reason, all.fields.len()), ("INVALID_FIELDS", 3));
    house.app.init("root", "Root", "root@firm.example").await.unwrap();
}

fn deps(simulated: bool) -> Deps {
    let clock: Arc<dyn business_time::BusinessClock> =
        if simulated { Arc::new(ManualClock::new(at("2026-03-02T09:00:00Z"))) } else { Arc::new(WallClock) };
    Deps {
        clock,
        system: Arc::new(WallClock),
        transport: Transport::InProcess(Bus::new()),
        replayer: Arc::new(Vec::<EventLog>::new()),
        peers: (),
    }
}

async fn a_simulated_clock_is_taken_only_over_a_database_made_for_trials(db: TestDatabase) {
    let folder = tempfile::tempdir().unwrap();
    let config = Config::embedded(db.url().to_owned(), folder.path().join("kek"), Nothing {});
    let now = at("2026-03-02T09:00:00Z");
    migrate(MIGRATIONS, &config.base, now, false).await.unwrap();
    assert!(matches!(App::build(&config, deps(true)).await, Err(StartError::NotATrial)));
    assert!(
        matches!(migrate(MIGRATIONS, &config.base, now, true).await, Err(StartError::NotATrial)),
        "not made so afterwards"
    );
    App::build(&config, deps(false)).await.unwrap();
    db.database().mark_trial().await.unwrap();
    App::build(&config, deps(true)).await.unwrap();
    migrate(MIGRATIONS, &config.base, now, true).await.unwrap();
}

async fn what_was_told_is_relayed_and_what_was_audited_is_sealed(db: TestDatabase) {
    let house = House::open(db).await;
    house.client("acme", "root").await;
    assert!(house.app.activity().await.unwrap().busy().is_some());
    let stop = CancellationToken::new();
    let mut tasks = house.app.spawn(stop.clone());
    eventually(std::time::Duration::from_secs(20), async || house.app.activity().await.unwrap().busy().is_none()).await;
    let replay = house.app.log().replay(0, 0, 10).await.unwrap();
    let of_client = replay.events.iter().find(|event| event.type_name() == ClientRegistered::full_name());
    let event = of_client.unwrap();
    assert_eq!((event.aggregate.as_str(), event.revision), ("clients/acme", 1));
    stop.cancel();
    while tasks.join_next().await.is_some() {}
}

async fn a_database_without_its_tables_or_under_another_key_is_not_served(db: TestDatabase) {
    let folder = tempfile::tempdir().unwrap();
    let bare = Config::embedded(
        format!("sqlite://{}", folder.path().join("bare.db").display()),
        folder.path().join("kek"),
        Nothing {},
    );
    assert!(matches!(App::build(&bare, deps(false)).await, Err(StartError::Pending(_))));

    let config = |key: &str| Config::embedded(db.url().to_owned(), folder.path().join(key), Nothing {});
    let now = at("2026-03-02T09:00:00Z");
    migrate(MIGRATIONS, &config("kek").base, now, false).await.unwrap();
    let app = App::build(&config("kek"), deps(false)).await.unwrap();
    app.init("root", "Root", "root@firm.example").await.unwrap();
    assert!(matches!(App::build(&config("none"), deps(false)).await, Err(StartError::Kek { .. })));
    migrate(MIGRATIONS, &config("other").base, now, false).await.unwrap();
    assert!(matches!(App::build(&config("other"), deps(false)).await, Err(StartError::Keys(_))));
}
