//! `gov __exec`, hidden: the process that `gov run` starts, and that becomes the governed command.
//!
//! It waits on its standard input, a socket to `gov run`, until the daemon has put it into its session; the word
//! to go comes with the standard input that the command is to have. Then it executes the command, and from that
//! execve on the kernel enforces. If `gov run` gives up, the socket closes and nothing is executed.

use std::ffi::OsString;
use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags};

use super::{Exit, Failure};

/// Arguments of `gov __exec`.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
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
    close_inherited().map_err(|error| failed("inherited descriptors", &error))?;
    let Some(word) = wait_for_word().map_err(|error| failed("the socket to `gov run`", &error))? else {
        return Ok(Exit::Failed);
    };
    rustix::stdio::dup2_stdin(&word.input).map_err(|error| failed("standard input", &error.into()))?;
    drop(word.input);
    rustix::thread::set_no_new_privs(true).map_err(|error| failed("no_new_privs", &error.into()))?;
    let (name, arguments) = match args.arguments.split_first() {
        Some(split) => split,
        None => return Err(Failure::new(Exit::Usage, "`gov __exec`", "no arguments")),
    };
    let error = Command::new(&args.program).arg0(name).args(arguments).envs(word.environment).exec();
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

/// Closes every descriptor beyond the standard three: an open descriptor is a right that no delegation gave.
fn close_inherited() -> std::io::Result<()> {
    let mut inherited: Vec<RawFd> = Vec::new();
    for entry in std::fs::read_dir("/proc/self/fd")? {
        inherited.extend(entry?.file_name().to_str().and_then(|name| name.parse::<RawFd>().ok()));
    }
    for descriptor in inherited.into_iter().filter(|descriptor| *descriptor > 2) {
        if std::fs::symlink_metadata(format!("/proc/self/fd/{descriptor}")).is_ok() {
            // SAFETY: the descriptor is open, as its entry in /proc shows, and no value of this process owns it:
            // this runs first in a process of one thread, and the folder that listed it is closed.
            drop(unsafe { OwnedFd::from_raw_fd(descriptor) });
        }
    }
    Ok(())
}

/// What `gov run` says when the daemon governs this process.
struct Word {
    /// The standard input of the command.
    input: OwnedFd,
    /// Variables to add to its environment.
    environment: Vec<(String, String)>,
}

/// Waits for the word; `None` when `gov run` closed the socket without one.
fn wait_for_word() -> std::io::Result<Option<Word>> {
    let mut text = vec![0_u8; MAX_WORD];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = rustix::io::retry_on_intr(|| {
        let mut parts = [IoSliceMut::new(&mut text)];
        rustix::net::recvmsg(rustix::stdio::stdin(), &mut parts, &mut control, RecvFlags::CMSG_CLOEXEC)
    })?;
    text.truncate(received.bytes);
    let input = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
        _other => None,
    });
    match (text.strip_suffix(GO), input) {
        (Some(variables), Some(input)) => {
            Ok(Some(Word { input, environment: parse_environment(variables)? }))
        }
        _no_word => Ok(None),
    }
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
