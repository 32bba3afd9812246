//! `govd`: the daemon.

fn main() -> std::process::ExitCode {
    gov::cli::govd::main(std::env::args_os())
}
