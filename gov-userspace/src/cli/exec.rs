//! `gov __exec`, hidden: the process that `gov run` starts, and that becomes the governed command.
//!
//! It waits on its standard input, a socket to `gov run`, until the daemon has put it into its session. Then it
//! executes the command, with the standard input that it was handed beside the socket, and from that execve on the
//! kernel enforces. If `gov run` gives up, the socket closes and nothing is executed. It may lie in a session itself
//! already, so it opens nothing.

use std::ffi::OsString;
use std::os::fd::{BorrowedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use super::{Exit, Failure};

/// Arguments of `gov __exec`.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// The descriptor that becomes the command's standard input.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(RawFd).range(3..))]
    input: RawFd,
    /// The program's file.
    program: PathBuf,
    /// Its arguments, its own name first.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    arguments: Vec<OsString>,
}

/// The last bytes of the word to go.
pub(super) const GO: &[u8] = b"\0go\n";
/// The longest word to go: a few environment variables that name paths.
const MAX_WORD: usize = 16 << 10;

/// Waits for the word, then executes; returns only when there is nothing to execute or it failed.
pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    close_at_exec().map_err(|error| failed("inherited descriptors", &error))?;
    let Some(environment) = wait_for_word().map_err(|error| failed("the socket to `gov run`", &error))?
    else {
        return Ok(Exit::Failed);
    };
    take_input(args.input).map_err(|error| failed("standard input", &error))?;
    rustix::thread::set_no_new_privs(true).map_err(|error| failed("no_new_privs", &error.into()))?;
    let (name, arguments) = match args.arguments.split_first() {
        Some(split) => split,
        None => return Err(Failure::new(Exit::Usage, "`gov __exec`", "no arguments")),
    };
    let error = Command::new(&args.program).arg0(name).args(arguments).envs(environment).exec();
    Err(not_executed(&args.program, &error))
}

fn not_executed(program: &std::path::Path, error: &std::io::Error) -> Failure {
    let what = format!("`{}`", program.display());
    match error.kind() {
        std::io::ErrorKind::NotFound => {
            Failure::because(Exit::NotFound, what, error).remedy("see that its interpreter exists")
        }
        std::io::ErrorKind::PermissionDenied => {
            Failure::because(Exit::NotExecutable, what, error).remedy(format!(
                "grant `--scope code:execute:{}` and what it needs, or a profile that does",
                program.display()
            ))
        }
        _other => Failure::because(Exit::NotExecutable, what, error),
    }
}

fn failed(what: &str, error: &std::io::Error) -> Failure {
    Failure::because(Exit::Failed, what, error)
}

/// Lets no descriptor beyond the standard three outlive the execution: an open descriptor is a right that no
/// delegation gave.
fn close_at_exec() -> std::io::Result<()> {
    let (first, last, flags) = (3_u32, u32::MAX, libc::CLOSE_RANGE_CLOEXEC);
    // SAFETY: the system call takes three numbers; with this flag it closes nothing that is in use here.
    let answer = unsafe { libc::syscall(libc::SYS_close_range, first, last, flags) };
    if answer == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
}

/// Makes a descriptor that was handed down the standard input.
fn take_input(number: RawFd) -> std::io::Result<()> {
    // SAFETY: the descriptor was handed down for this, and nothing here closes it; if it is none, the call says so.
    let input = unsafe { BorrowedFd::borrow_raw(number) };
    Ok(rustix::stdio::dup2_stdin(input)?)
}

/// Waits for the word: variables to add to the command's environment. `None` when `gov run` closed the socket
/// without one.
fn wait_for_word() -> std::io::Result<Option<Vec<(String, String)>>> {
    let mut text = vec![0_u8; MAX_WORD];
    let length = rustix::io::retry_on_intr(|| rustix::io::read(rustix::stdio::stdin(), &mut text))?;
    text.truncate(length);
    text.strip_suffix(GO).map(parse_environment).transpose()
}

/// `NAME=value` entries with a NUL between them.
fn parse_environment(text: &[u8]) -> std::io::Result<Vec<(String, String)>> {
    let malformed = || std::io::Error::new(std::io::ErrorKind::InvalidData, "not `NAME=value`");
    text.split(|byte| *byte == 0)
        .map(|entry| {
            let (name, value) = std::str::from_utf8(entry).ok()?.split_once('=')?;
            Some((name.to_owned(), value.to_owned()))
        })
        .map(|entry| entry.ok_or_else(malformed))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::parse_environment;

    #[test]
    fn variables_are_separated_by_nul_and_may_hold_an_equals_sign() {
        let parsed = parse_environment(b"TMPDIR=/t\0A=b=c").unwrap();
        assert_eq!(parsed, [("TMPDIR".to_owned(), "/t".to_owned()), ("A".to_owned(), "b=c".to_owned())]);
        assert!(parse_environment(b"TMPDIR").is_err());
    }
}
