//! A doorway.

fn main() -> std::process::ExitCode {
    notification::cli::main()
}
