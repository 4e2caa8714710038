//! A doorway.

fn main() -> std::process::ExitCode {
    reporting::cli::main()
}
