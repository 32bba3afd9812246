//! `gov-act NAME ARGUMENTS…`: does one act and prints its outcome. `gov-act outsider` is what acts reach for.

use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if words == ["outsider"] {
        let Err(error) = tests::act::outsider::stay() else { return ExitCode::SUCCESS };
        eprintln!("gov-act: {error}");
        return ExitCode::FAILURE;
    }
    match tests::act::perform(&words) {
        Some(outcome) => {
            println!("{outcome}");
            ExitCode::SUCCESS
        }
        None => {
            eprintln!("gov-act: no such act: `{}`", words.join(" "));
            ExitCode::from(2)
        }
    }
}
