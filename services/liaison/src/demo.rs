//! `liaison demo`: a scenario, played and proven.

use std::{
    fs,
    path::{Path, PathBuf},
};

use business_time::{ManualClock, Zone};
use evidence::{SignedHead, SigningKey};
use include_dir::{Dir, include_dir};

use crate::{
    export, folder,
    judge::Table,
    player::{Outcome, Played, Player, StepRecord},
    scenario::{self, Scenario},
    settings::Settings,
    suite::{Suite, SuiteClock},
};

static BUILT_IN: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/scenarios/first-path");

/// Why a demo ended early.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The scenario is wrong.
    #[error("scenario {0}")]
    Scenario(#[from] scenario::ScenarioFault),
    /// The suite.
    #[error(transparent)]
    Suite(#[from] crate::suite::SuiteError),
    /// The play.
    #[error(transparent)]
    Play(#[from] crate::player::PlayError),
    /// The evidence.
    #[error(transparent)]
    Export(#[from] export::ExportError),
    /// The key.
    #[error(transparent)]
    Key(#[from] evidence::head::KeyError),
    /// The file system, or a folder that is not ours to replace.
    #[error("{0}: {1}")]
    Folder(PathBuf, String),
    /// The call client.
    #[error(transparent)]
    Call(#[from] crate::call::CallError),
    /// Whoever waits for it wants it no longer.
    #[error("interrupted before its end, so there is no evidence")]
    Interrupted,
}

/// Plays a scenario and leaves its evidence at `out`; true when every step went as expected and every clause was kept.
/// Where `stop` comes before the last step, it stops the suite and removes its databases, keys and mails.
///
/// # Errors
/// As [`DemoError`] says; a wrong scenario, and databases that are not empty, are told before anything is written.
pub async fn run(
    settings: &Settings,
    chosen: Option<&Path>,
    out: &Path,
    colour: bool,
    stop: impl Future<Output = ()>,
) -> Result<bool, DemoError> {
    let unpacked = tempfile::tempdir().map_err(|error| DemoError::Folder(std::env::temp_dir(), error.to_string()))?;
    let folder = match chosen {
        Some(folder) => folder,
        None => {
            let wrong = |error: std::io::Error| DemoError::Folder(unpacked.path().into(), error.to_string());
            BUILT_IN.extract(unpacked.path()).map_err(wrong)?;
            unpacked.path()
        }
    };
    let scenario = scenario::read(folder)?;
    let work = tempfile::tempdir().map_err(|error| DemoError::Folder(std::env::temp_dir(), error.to_string()))?;
    let settings = Settings {
        data: work.path().to_owned(),
        listen: "127.0.0.1:0".into(),
        outbox_listen: String::new(),
        // A play sends nothing and takes nothing but its own.
        smtp: notification::provider::SmtpSettings::default(),
        lmtp: notification::intake::LmtpSettings::default(),
        maildir: None,
        ..settings.clone()
    };
    Suite::unused(&settings).await?;
    make_room(out)?;
    let telemetry = runtime::telemetry::init("liaison", &settings.telemetry).ok();

    println!("{}\n{}\n", scenario.title, scenario.summary.trim());
    println!("Times are the firm's, in {}.\n", scenario.zone.name());
    let clock = ManualClock::new(scenario.starts);
    let manager = &scenario.manager;
    let simulated = || SuiteClock::Simulated(clock.clone());
    Suite::init(&settings, &manager.id, &manager.display_name, &manager.email, simulated()).await?;
    let suite = Suite::start(&settings, simulated()).await?;
    let played = tokio::select! {
        played = play(&suite, &clock, &scenario, colour) => played,
        () = stop => Err(DemoError::Interrupted),
    };
    let done = match played {
        Ok(played) => prove(&suite, &settings, &scenario, &played, out).await.map(|proof| (played, proof)),
        Err(error) => Err(error),
    };
    // However it went: while it runs, it makes files in the folder that is about to be removed.
    suite.stop().await;
    if let Some(telemetry) = telemetry {
        telemetry.shutdown().await;
    }
    let (played, (table, head)) = done?;
    let unexpected = played.steps.iter().filter(|step| !step.outcome.as_expected()).count();

    println!("\n{table}");
    if unexpected > 0 {
        println!("{unexpected} steps ended otherwise than expected; see above.");
    }
    println!("Evidence:    {}", out.join("index.html").display());
    println!("Signed head: {}", folder::head_path(out).display());
    println!("{}", serde_json::to_string_pretty(&head).unwrap_or_default());
    println!("Verify:      liaison verify {} --head {}", out.display(), folder::head_path(out).display());
    Ok(unexpected == 0 && table.passed())
}

async fn play(suite: &Suite, clock: &ManualClock, scenario: &Scenario, colour: bool) -> Result<Played, DemoError> {
    let mut progress = |record: &StepRecord| tell(record, &scenario.zone, colour);
    Ok(Player::try_new(suite, clock.clone(), &mut progress)?.play(scenario).await?)
}

async fn prove(
    suite: &Suite,
    settings: &Settings,
    scenario: &Scenario,
    played: &Played,
    out: &Path,
) -> Result<(Table, SignedHead), DemoError> {
    let key = SigningKey::read_or_generate(&settings.keys().join("evidence-trial.pem"))?;
    Ok(export::export(suite, scenario, played, out, &key).await?)
}

/// Removes what an earlier demo left; anything else is not ours to remove.
fn make_room(out: &Path) -> Result<(), DemoError> {
    let wrong = |error: std::io::Error| DemoError::Folder(out.into(), error.to_string());
    let Ok(mut inside) = fs::read_dir(out) else { return Ok(()) };
    if inside.next().is_none() {
        return Ok(());
    }
    if !out.join(folder::names::RUN).is_file() || !out.join("manifest.json").is_file() {
        return Err(DemoError::Folder(out.into(), "holds something that is no demo's evidence; name another".into()));
    }
    fs::remove_dir_all(out).map_err(wrong)
}

fn tell(record: &StepRecord, zone: &Zone, colour: bool) {
    let (mark, paint) = if record.outcome.as_expected() { ("ok", "32") } else { ("!!", "31") };
    let mark = if colour { format!("\x1b[{paint}m{mark}\x1b[0m") } else { mark.to_owned() };
    let at = zone.wall(record.at).strftime("%a %d %b %H:%M");
    let what = record.what.rsplit('.').next().unwrap_or(&record.what);
    let who = if record.who.is_empty() { "-" } else { &record.who };
    let refused = match &record.outcome {
        Outcome::Refused(refused) => format!("  refused as expected: {}", refused.reason),
        _ => String::new(),
    };
    println!("{mark} {at}  {who:<28} {what}{refused}");
    if !record.note.is_empty() {
        println!("                      {}", record.note);
    }
    if let Outcome::Unexpected { what, .. } = &record.outcome {
        println!("                      {}: {what}", record.place);
    }
}
