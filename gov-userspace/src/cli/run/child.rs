//! The governed command as `gov run` sees it: a child that waits for the word to go, is let go once, and then is
//! waited for while signals are passed on to it.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use rustix::net::{AddressFamily, SendFlags, SocketFlags, SocketType};
use rustix::process::Signal;
use tokio::io::Interest;
use tokio::signal::unix::{Signal as Caught, SignalKind, signal};

use super::agent;
use crate::cli::exec::GO;
use crate::cli::{Exit, Failure};
use crate::host::process::Process;
use crate::host::{HostError, readiness};

/// The child before it is let go: it executes nothing until then, and never if this is dropped.
pub(super) struct Waiting {
    child: std::process::Child,
    process: Process,
    socket: OwnedFd,
}

/// The file that a command names, as a shell would find it.
pub(super) fn find(command: &OsStr) -> Result<PathBuf, Failure> {
    if command.as_bytes().contains(&b'/') {
        return executable(Path::new(command)).map(|()| PathBuf::from(command));
    }
    let search = std::env::var_os("PATH").unwrap_or_default();
    let mut refused = None;
    for folder in std::env::split_paths(&search) {
        let candidate = folder.join(command);
        match executable(&candidate) {
            Ok(()) => return Ok(candidate),
            Err(failure) if failure.exit == Exit::NotExecutable => refused = Some(failure),
            Err(_not_here) => {}
        }
    }
    let missing = || {
        Failure::new(Exit::NotFound, format!("`{}`", command.display()), "not found in PATH")
            .remedy("name the file with its path")
    };
    Err(refused.unwrap_or_else(missing))
}

fn executable(path: &Path) -> Result<(), Failure> {
    let what = || format!("`{}`", path.display());
    let metadata = std::fs::metadata(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Failure::new(Exit::NotFound, what(), "there is no such file"),
        _other => Failure::because(Exit::NotExecutable, what(), &error),
    })?;
    if metadata.is_file() && metadata.permissions().mode() & 0o111 != 0 {
        Ok(())
    } else {
        Err(Failure::new(Exit::NotExecutable, what(), "it is not an executable file"))
    }
}

impl Waiting {
    /// Starts the child that will execute `program` with these arguments, its own name first.
    pub(super) fn spawn(program: &Path, arguments: &[OsString]) -> Result<Self, Failure> {
        let (ours, theirs) =
            rustix::net::socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)
                .map_err(|error| failed("a socket for the child", &error.into()))?;
        // Handed down as it is: within a session, a descriptor that comes in a message is judged anew.
        let input = rustix::io::dup(rustix::stdio::stdin())
            .map_err(|error| failed("standard input", &error.into()))?;
        let child = Command::new("/proc/self/exe")
            .arg("__exec")
            .arg("--input")
            .arg(input.as_raw_fd().to_string())
            .arg("--")
            .arg(program)
            .args(arguments)
            .env_remove(agent::VARIABLE)
            .stdin(Stdio::from(theirs))
            .spawn()
            .map_err(|error| failed("the child", &error))?;
        drop(input);
        let process =
            Process::open(child.id()).map_err(|error| Failure::because(Exit::Failed, "the child", &error))?;
        Ok(Self { child, process, socket: ours })
    }

    /// The child, for the daemon.
    pub(super) fn process(&self) -> &Process {
        &self.process
    }

    /// Lets the child execute its command, with these variables added to its environment, and waits for its end,
    /// passing on what asks it to end.
    pub(super) fn run(mut self, environment: &[(&str, String)]) -> Result<Exit, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| failed("the event loop", &error))?;
        runtime.block_on(async {
            // From here on no signal ends this process before its child.
            let signals = Signals::catch().map_err(|error| failed("catching signals", &error))?;
            self.go(environment)?;
            let ended = pass_on(signals, &self.process).await;
            ended.map_err(|error| Failure::because(Exit::Failed, "waiting for the command", &error))
        })?;
        let status = self.child.wait().map_err(|error| failed("waiting", &error))?;
        Ok(Exit::Command(status_code(status)))
    }

    fn go(&self, environment: &[(&str, String)]) -> Result<(), Failure> {
        let variables: Vec<String> =
            environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut word = variables.join("\0").into_bytes();
        word.extend_from_slice(GO);
        let sent = rustix::net::send(&self.socket, &word, SendFlags::NOSIGNAL)
            .map_err(|error| failed("the word to the child", &error.into()))?;
        if sent == word.len() {
            Ok(())
        } else {
            Err(Failure::new(Exit::Failed, "the word to the child", "it was sent in part"))
        }
    }

    /// Gives up: the child ends without executing anything.
    pub(super) fn abandon(mut self) {
        drop(self.socket);
        if self.child.wait().is_err() {
            tracing::debug!("the waiting child was already gone");
        }
    }
}

/// The signals that ask a process to end.
struct Signals {
    interrupt: Caught,
    quit: Caught,
    terminate: Caught,
    hangup: Caught,
}

impl Signals {
    fn catch() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }
}

/// Passes signals on to the process until it ends.
async fn pass_on(mut signals: Signals, process: &Process) -> Result<(), HostError> {
    let ended = readiness::watch(process.pidfd(), Interest::READABLE)?;
    loop {
        let (signal, keyboard) = tokio::select! {
            ready = ended.readable() => {
                return ready.map(drop).map_err(|source| HostError::Call { call: "epoll_wait", source });
            }
            _ = signals.interrupt.recv() => (Signal::INT, true),
            _ = signals.quit.recv() => (Signal::QUIT, true),
            _ = signals.terminate.recv() => (Signal::TERM, false),
            _ = signals.hangup.recv() => (Signal::HUP, false),
        };
        // The terminal sends its signals to the whole foreground group, the command included: once is enough.
        if keyboard && in_foreground() {
            continue;
        }
        if let Err(error) = process.signal(signal) {
            tracing::debug!("a signal found the command already gone: {error}");
        }
    }
}

/// Whether this process is in the foreground group of its terminal.
fn in_foreground() -> bool {
    let Ok(terminal) = std::fs::File::open("/dev/tty") else { return false };
    rustix::termios::tcgetpgrp(&terminal).is_ok_and(|group| group == rustix::process::getpgrp())
}

/// The status as a shell reports it: 128 and the signal's number for a command that a signal ended.
fn status_code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| signal.saturating_add(128)));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or_else(|| Exit::Failed.code())
}

fn failed(what: &str, error: &std::io::Error) -> Failure {
    Failure::because(Exit::Failed, what, error)
}

#[cfg(test)]
mod tests {
    use super::{find, status_code};
    use crate::cli::Exit;
    use std::ffi::OsStr;
    use std::os::unix::process::ExitStatusExt;

    #[test]
    fn a_command_is_found_as_a_shell_finds_it() {
        assert_eq!(find(OsStr::new("/bin/sh")).unwrap(), std::path::Path::new("/bin/sh"));
        assert!(find(OsStr::new("sh")).unwrap().ends_with("sh"));
        assert_eq!(find(OsStr::new("no-such-command")).unwrap_err().exit, Exit::NotFound);
        assert_eq!(find(OsStr::new("/no/such/command")).unwrap_err().exit, Exit::NotFound);
        assert_eq!(find(OsStr::new("/etc/passwd")).unwrap_err().exit, Exit::NotExecutable);
        assert_eq!(find(OsStr::new("/etc")).unwrap_err().exit, Exit::NotExecutable);
    }

    #[test]
    fn a_status_is_reported_as_a_shell_reports_it() {
        assert_eq!(status_code(std::process::ExitStatus::from_raw(3 << 8)), 3);
        assert_eq!(status_code(std::process::ExitStatus::from_raw(9)), 137);
    }
}
