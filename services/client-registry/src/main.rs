//! A doorway.

fn main() -> std::process::ExitCode {
    client_registry::cli::main()
}
