//! `escalation serve | migrate | check`.

use std::process::ExitCode;

use clap::Parser;
use service::process::{self, ConfigFile, Verb};

use crate::App;

/// Inquiries and issues, their clocks and their end.
#[derive(Debug, Parser)]
#[command(name = "escalation", version)]
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
