//! The command line: `serve` (the default), `init`, `token`, `call`, `demo`, `verify`.

use std::{
    io::{IsTerminal, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use access::{Principal, TrialIssuer};
use business_time::WallClock;
use clap::{Args, Parser, Subcommand};
use evidence::SignedHead;

use crate::{
    call::{self, CallError},
    demo::{self, DemoError},
    judge::{self, Verdict},
    settings::Settings,
    suite::{Suite, SuiteClock},
};

/// The exit code of a demo that a signal ended: what a shell gives for an interrupted program.
const INTERRUPTED: u8 = 130;

/// The exit code of a folder that holds together and proves no more than that.
const CONSISTENT: u8 = 3;

/// Runs a firm's client communication and reporting procedure.
#[derive(Debug, Parser)]
#[command(name = "liaison", version)]
struct Cli {
    /// Settings; `liaison.toml` where it exists.
    #[arg(long, global = true)]
    config: Option<PathBuf>,
    /// The data folder; overrides the setting.
    #[arg(long, global = true)]
    data: Option<PathBuf>,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Serves all of it on one port. What `liaison` does without a verb.
    Serve,
    /// Makes the first management person and switches the trial issuer on.
    Init(Init),
    /// Prints a token of the trial issuer.
    Token(Token),
    /// Calls an RPC of any gRPC server through its reflection; JSON in and out.
    Call(Call),
    /// Plays a scenario on a fast business clock and leaves a folder that proves it.
    Demo(Demo),
    /// Recomputes every row of a folder's table, and finds what was altered.
    Verify(Verify),
}

#[derive(Debug, Args)]
struct Init {
    /// The last part of `staff/{staff}`.
    #[arg(long, default_value = "admin")]
    id: String,
    /// Their name.
    #[arg(long)]
    name: String,
    /// Their address at the firm.
    #[arg(long)]
    email: String,
}

#[derive(Debug, Args)]
struct Token {
    /// `staff/admin`, `clients/acme/contacts/jo` or `services/intake`.
    #[arg(long = "as")]
    person: String,
    /// How long it counts, in seconds.
    #[arg(long, default_value_t = 3600)]
    ttl: u64,
}

#[derive(Debug, Args)]
struct Call {
    /// `CaseService/OpenCase`, or its full name; without it, what the server has is listed.
    method: Option<String>,
    /// The request as proto JSON; `-` reads standard input.
    #[arg(default_value = "{}")]
    request: String,
    /// With a trial token of this person.
    #[arg(long = "as", conflicts_with = "token")]
    person: Option<String>,
    /// With this token.
    #[arg(long, env = "LIAISON_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Another server than the suite of the settings.
    #[arg(long)]
    to: Option<String>,
}

#[derive(Debug, Args)]
struct Demo {
    /// A scenario's folder; the built-in one where none is named.
    #[arg(long)]
    scenario: Option<PathBuf>,
    /// Where the evidence goes; must not hold anything yet, but for an earlier demo's.
    #[arg(long, default_value = "demo-out")]
    out: PathBuf,
}

#[derive(Debug, Args)]
struct Verify {
    /// The evidence folder.
    folder: PathBuf,
    /// The signed head, obtained apart from the folder.
    #[arg(long)]
    head: Option<PathBuf>,
}

/// Runs the command line and gives the exit code: 0 done, 1 failed or not as it should be, 2 a wrong command line, 3
/// consistent with itself but without a head to prove more, 130 a demo that a signal ended.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut settings = match Settings::load(cli.config.as_deref()) {
        Ok(settings) => settings,
        Err(error) => return told(&error),
    };
    if let Some(data) = cli.data {
        settings.data = data;
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return told(&error),
    };
    runtime.block_on(async {
        match cli.verb.unwrap_or(Verb::Serve) {
            Verb::Serve => serve(&settings).await,
            Verb::Init(init) => self::init(&settings, &init).await,
            Verb::Token(token) => self::token(&settings, &token),
            Verb::Call(call) => self::call(&settings, call).await,
            Verb::Demo(demo) => self::demo(&settings, &demo).await,
            Verb::Verify(verify) => self::verify(&verify),
        }
    })
}

async fn serve(settings: &Settings) -> ExitCode {
    let telemetry = match runtime::telemetry::init("liaison", &settings.telemetry) {
        Ok(telemetry) => telemetry,
        Err(error) => return told(&error),
    };
    let shutdown = match runtime::shutdown::on_signals() {
        Ok(shutdown) => shutdown,
        Err(error) => return told(&error),
    };
    runtime::config::log(settings);
    let suite = match Suite::start(settings, SuiteClock::Real).await {
        Ok(suite) => suite,
        Err(error) => return told(&error),
    };
    println!("Liaison listens on {}", suite.address());
    if let Some(outbox) = suite.outbox_address() {
        println!("Mails that left: http://{outbox}/");
    }
    println!("Data lies in {}", settings.data.display());
    if suite.is_untouched() {
        println!(
            "\nNobody is here yet. Stop this (Ctrl-C), make the first person, and start again:\n  \
             liaison init --name 'Grace Okafor' --email grace@firm.example\n  liaison"
        );
    } else {
        println!("\nTry:\n  liaison call\n  liaison call AccessService/WhoAmI --as staff/admin");
    }
    let code = tokio::select! {
        () = shutdown.cancelled() => ExitCode::SUCCESS,
        () = suite.failed() => {
            eprintln!("liaison: a part of the suite has ended; see the log");
            ExitCode::FAILURE
        }
    };
    suite.stop().await;
    telemetry.shutdown().await;
    code
}

async fn init(settings: &Settings, init: &Init) -> ExitCode {
    match Suite::init(settings, &init.id, &init.name, &init.email, SuiteClock::Real).await {
        Ok(()) => {
            println!("staff/{} is management. The trial issuer is on: `liaison token --as staff/{}`", init.id, init.id);
            ExitCode::SUCCESS
        }
        Err(error) => told(&error),
    }
}

fn token(settings: &Settings, token: &Token) -> ExitCode {
    match trial_token(settings, &token.person, Duration::from_secs(token.ttl)) {
        Ok(token) => {
            println!("{token}");
            ExitCode::SUCCESS
        }
        Err(error) => told(&error),
    }
}

fn trial_token(settings: &Settings, person: &str, ttl: Duration) -> Result<String, String> {
    if !Suite::has_trial_issuer(settings) {
        return Err("the trial issuer is off; `liaison init` switches it on".into());
    }
    let subject = Principal::parse(person).map_err(|error| format!("{person}: {error}"))?;
    let issuer = TrialIssuer::open(&settings.keys(), Arc::new(WallClock)).map_err(|error| error.to_string())?;
    issuer.mint(&subject, ttl).map_err(|error| error.to_string())
}

async fn call(settings: &Settings, call: Call) -> ExitCode {
    match call_and_print(settings, call).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => told(&error),
    }
}

async fn call_and_print(settings: &Settings, args: Call) -> Result<(), CallError> {
    let channel = call::channel(args.to.as_deref().unwrap_or(&settings.listen))?;
    let Some(name) = args.method else {
        for service in call::reflect::services(&channel).await? {
            say(&service)?;
        }
        return Ok(());
    };
    let token = match (args.token, args.person) {
        (Some(token), _) => Some(token),
        (None, Some(person)) => {
            Some(trial_token(settings, &person, Duration::from_secs(300)).map_err(CallError::Connection)?)
        }
        (None, None) => None,
    };
    let request = if args.request == "-" {
        std::io::read_to_string(std::io::stdin()).map_err(|error| CallError::Connection(error.to_string()))?
    } else {
        args.request
    };
    let method = call::reflect::method(&channel, &name).await?;
    let message = call::request(&method, &request)?;
    if method.is_client_streaming() {
        return Err(CallError::Connection(format!(
            "{} takes a stream, which this client does not send",
            method.name()
        )));
    }
    if method.is_server_streaming() {
        let mut stream = call::streaming(&channel, &method, message, token.as_deref()).await?;
        while let Some(message) = stream.message().await.map_err(call::refused)? {
            say(&call::json(&message)?.to_string())?;
        }
        return Ok(());
    }
    let answer = call::json(&call::unary(&channel, &method, message, token.as_deref()).await?)?;
    say(&serde_json::to_string_pretty(&answer).unwrap_or_else(|_| answer.to_string()))
}

/// Prints a line and hands it on at once; a reader that has gone ends the call.
fn say(line: &str) -> Result<(), CallError> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(|error| CallError::Connection(error.to_string()))
}

async fn demo(settings: &Settings, args: &Demo) -> ExitCode {
    let shutdown = match runtime::shutdown::on_signals() {
        Ok(shutdown) => shutdown,
        Err(error) => return told(&error),
    };
    let colour = std::io::stdout().is_terminal();
    match demo::run(settings, args.scenario.as_deref(), &args.out, colour, shutdown.cancelled()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error @ DemoError::Interrupted) => {
            told(&error);
            ExitCode::from(INTERRUPTED)
        }
        Err(error) => told(&error),
    }
}

fn verify(args: &Verify) -> ExitCode {
    let head = match args.head.as_deref().map(SignedHead::read).transpose() {
        Ok(head) => head,
        Err(error) => return told(&format!("{}: {error}", args.head.as_deref().unwrap_or(Path::new("")).display())),
    };
    match judge::verify(&args.folder, head.as_ref()) {
        Verdict::Proven { trial, table } => {
            println!("{table}\nThis is what the head signed, every file and entry of it.");
            if trial {
                println!("The business clock was simulated: it shows the procedure, not a firm's conduct.");
            }
            if table.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Verdict::ConsistentWithItself { table } => {
            println!("{table}\nConsistent with itself. Without a head obtained apart from it, no more can be said.");
            ExitCode::from(CONSISTENT)
        }
        Verdict::Fault(fault) => told(&fault),
    }
}

fn told(error: &impl std::fmt::Display) -> ExitCode {
    eprintln!("liaison: {error}");
    ExitCode::FAILURE
}
