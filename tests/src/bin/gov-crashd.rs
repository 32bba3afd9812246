//! The daemon with points at which it dies.

fn main() -> std::process::ExitCode {
    gov::cli::govd::main(std::env::args_os())
}
