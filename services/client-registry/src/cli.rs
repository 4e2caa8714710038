//! `client-registry serve | migrate | check | init`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use service::process::{self, ConfigFile, Outcome};

use crate::{App, Config};

/// Clients, the people who work for them, calendars, policies and permits.
#[derive(Debug, Parser)]
#[command(name = "client-registry", version)]
struct Cli {
    #[command(flatten)]
    file: ConfigFile,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    #[command(flatten)]
    Common(process::Verb),
    /// Makes the first person, who is in management.
    Init {
        /// The last part of `staff/{staff}`.
        #[arg(long, default_value = "admin")]
        id: String,
        /// Their name.
        #[arg(long)]
        name: String,
        /// Their address at the firm.
        #[arg(long)]
        email: String,
    },
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let Cli { file, verb } = Cli::parse();
    process::main::<App, _>(file, async |config| match verb {
        Verb::Common(verb) => verb.run::<App>(config).await,
        Verb::Init { id, name, email } => init(&config, &id, &name, &email).await,
    })
}

async fn init(config: &Config, id: &str, name: &str, email: &str) -> Outcome {
    process::idle::<App>(config).await?.init(id, name, email).await?;
    println!("staff/{id} is in management");
    Ok(())
}
