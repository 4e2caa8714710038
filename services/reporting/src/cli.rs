//! `reporting serve | migrate | check`.

use std::process::ExitCode;

use clap::Parser;
use service::process::{self, ConfigFile, Verb};

use crate::App;

/// Reports to clients: schedules, drafts, their review and their delivery.
#[derive(Debug, Parser)]
#[command(name = "reporting", version)]
struct Cli {
    #[command(flatten)]
    file: ConfigFile,
    #[command(subcommand)]
    verb: Verb,
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let Cli { file, verb } = Cli::parse();
    process::main::<App, _>(file, |config| verb.run::<App>(config))
}
