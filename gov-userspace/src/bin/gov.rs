//! `gov`: for people.

fn main() -> std::process::ExitCode {
    gov::cli::main(std::env::args_os())
}
