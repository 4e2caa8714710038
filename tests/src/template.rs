//! The firm's set-up, made once and copied for every test: some forty calls, which would cost each test more than the rest
//! of it. A copy is a suite of its own: its own databases, keys and outbox.
//!
//! It lies beside the test's program, under a name that another build or another firm does not have. Two tests that find it
//! missing both make it; the first to give it its name wins.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
    time::SystemTime,
};

use business_time::Timestamp;
use database::Database;
use liaison::scenario;
use tokio::sync::OnceCell;

use crate::firm::{Firm, first_path};

static TEMPLATE: OnceCell<PathBuf> = OnceCell::const_new();

/// Copies the set-up into an empty data folder; gives the business time at which it was made.
pub(crate) async fn copied_into(data: &Path) -> Timestamp {
    let template = TEMPLATE.get_or_init(make).await;
    copy(template, data);
    scenario::read(&first_path()).unwrap().starts
}

async fn make() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    let folder = program.with_extension("firms");
    let place = folder.join(name(&program));
    if !place.exists() {
        fs::create_dir_all(&folder).unwrap();
        forget_earlier(&folder, changed(&program));
        let data = Firm::start_on(|_| {}).await.stop().await;
        let draft = tempfile::tempdir_in(&folder).unwrap().keep();
        keep(data.path(), &draft).await;
        if fs::rename(&draft, &place).is_err() {
            assert!(place.exists(), "the firm's set-up could not be kept at {}", place.display());
            fs::remove_dir_all(&draft).unwrap();
        }
    }
    place
}

fn changed(path: &Path) -> SystemTime {
    fs::metadata(path).unwrap().modified().unwrap()
}

/// What an earlier build made is of no use any more. Somebody else may clear up at the same time.
fn forget_earlier(folder: &Path, built: SystemTime) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        if entry.metadata().and_then(|data| data.modified()).is_ok_and(|made| made < built) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Changes with the program and with the firm's own files.
fn name(program: &Path) -> String {
    let mut hasher = DefaultHasher::new();
    changed(program).hash(&mut hasher);
    for file in ["firm.toml", "scenario.toml"] {
        fs::read(first_path().join(file)).unwrap().hash(&mut hasher);
    }
    format!("{:016x}", hasher.finish())
}

/// Copies a data folder, databases by SQLite itself: the suite's connections close behind it, and a file copied meanwhile
/// might lack what still lay in its log.
async fn keep(data: &Path, to: &Path) {
    let databases = data.join("db");
    fs::create_dir_all(to.join("db")).unwrap();
    for entry in fs::read_dir(&databases).unwrap() {
        let file = entry.unwrap().path();
        if file.extension().is_some_and(|extension| extension == "sqlite") {
            let db = Database::connect(&format!("sqlite://{}", file.display())).await.unwrap();
            let copy = to.join("db").join(file.file_name().unwrap()).display().to_string();
            database::exec(db.writer(), "VACUUM INTO ?", vec![copy.into()]).await.unwrap();
            db.close().await.unwrap();
        }
    }
    for folder in ["keys", "outbox"] {
        let target = to.join(folder);
        fs::create_dir_all(&target).unwrap();
        copy(&data.join(folder), &target);
    }
}

/// Copies a folder with everything in it, permissions too: keys are their owner's alone.
fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir_all(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
