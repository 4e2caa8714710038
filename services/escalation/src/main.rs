//! A doorway.

fn main() -> std::process::ExitCode {
    escalation::cli::main()
}
