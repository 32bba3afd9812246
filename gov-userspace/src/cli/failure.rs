//! Exit statuses, and the one line that says what failed, why, and what to do about it.

use std::fmt;
use std::process::ExitCode;

/// How a command ended. The numbers are a promise (docs/exit-codes.md); 121 to 125 leave room for the governed
/// command's own statuses, and 126, 127 and 128+N mean what they mean in a shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: done; what was checked holds.
    Success,
    /// 1: it was checked and it does not hold.
    DoesNotHold,
    /// 2: the command line, or a value in it, cannot be used.
    Usage,
    /// 3: it cannot be known here (no rights to look, or the evidence does not reach that far).
    Unknown,
    /// 121: no daemon answers.
    NoDaemon,
    /// 122: the authority is refused: the delegation, its signature, its key or the trust in it.
    AuthorityRefused,
    /// 123: this host cannot enforce.
    CannotEnforce,
    /// 124: gov ended the session: expired, cut off or revoked.
    SessionEnded,
    /// 125: any other failure of gov itself.
    Failed,
    /// 126: the command exists and cannot be executed.
    NotExecutable,
    /// 127: the command is not found.
    NotFound,
    /// The governed command's own status.
    Command(u8),
}

impl Exit {
    /// The number that the process exits with.
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::DoesNotHold => 1,
            Self::Usage => 2,
            Self::Unknown => 3,
            Self::NoDaemon => 121,
            Self::AuthorityRefused => 122,
            Self::CannotEnforce => 123,
            Self::SessionEnded => 124,
            Self::Failed => 125,
            Self::NotExecutable => 126,
            Self::NotFound => 127,
            Self::Command(status) => status,
        }
    }

    /// The failure with this number, as the control protocol carries it; any number that names none is
    /// [`Exit::Failed`].
    pub fn from_code(code: u8) -> Self {
        match code {
            2 => Self::Usage,
            3 => Self::Unknown,
            121 => Self::NoDaemon,
            122 => Self::AuthorityRefused,
            123 => Self::CannotEnforce,
            124 => Self::SessionEnded,
            126 => Self::NotExecutable,
            127 => Self::NotFound,
            _ => Self::Failed,
        }
    }
}

/// Why a command did not do its job: one line, `what: why; remedy`.
#[derive(Debug)]
pub struct Failure {
    /// The status to exit with.
    pub exit: Exit,
    what: String,
    why: String,
    remedy: Option<String>,
}

impl Failure {
    /// A failure of `what` (input in backticks) because of `why`. An error's sources are joined by colons.
    pub fn new(exit: Exit, what: impl Into<String>, why: impl fmt::Display) -> Self {
        Self { exit, what: what.into(), why: one_line(&why.to_string()), remedy: None }
    }

    /// As [`Failure::new`], with the whole chain of causes.
    pub fn because(exit: Exit, what: impl Into<String>, error: &dyn std::error::Error) -> Self {
        let mut why = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            if !why.contains(&text) {
                why.push_str(": ");
                why.push_str(&text);
            }
            source = cause.source();
        }
        Self::new(exit, what, why)
    }

    /// Adds what the user can do about it.
    #[must_use]
    pub fn remedy(mut self, remedy: impl fmt::Display) -> Self {
        self.remedy = Some(one_line(&remedy.to_string()));
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.why)?;
        match &self.remedy {
            Some(remedy) => write!(f, "; {remedy}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Failure {}

/// Prints a failure as `program: what: why; remedy` and returns the status to exit with.
pub(super) fn finish(program: &str, outcome: Result<Exit, Failure>) -> ExitCode {
    let exit = match outcome {
        Ok(exit) => exit,
        Err(failure) => {
            anstream::eprintln!("{program}: {failure}");
            failure.exit
        }
    };
    ExitCode::from(exit.code())
}

/// Prints what clap has to say (help and version are no failures) and returns the status to exit with.
pub(super) fn usage(error: &clap::Error) -> ExitCode {
    let exit = if error.use_stderr() { Exit::Usage } else { Exit::Success };
    match error.print() {
        Ok(()) => ExitCode::from(exit.code()),
        Err(_closed) => ExitCode::from(Exit::Failed.code()),
    }
}

/// The text with its line breaks and other control characters made visible, so that input quoted in a message
/// can neither break the line nor reach the terminal as an escape sequence.
fn one_line(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

#[cfg(test)]
mod tests {
    use super::{Exit, Failure};

    #[test]
    fn a_failure_is_one_line_with_cause_and_remedy() {
        let failure = Failure::new(Exit::Usage, "`--scope`", "a\nb\u{1b}[2J").remedy("write it otherwise");
        assert_eq!(failure.to_string(), "`--scope`: a\\nb\\u{1b}[2J; write it otherwise");
    }

    #[test]
    fn every_failure_survives_the_way_over_the_socket() {
        for exit in [
            Exit::Usage,
            Exit::Unknown,
            Exit::NoDaemon,
            Exit::AuthorityRefused,
            Exit::CannotEnforce,
            Exit::SessionEnded,
            Exit::Failed,
            Exit::NotExecutable,
            Exit::NotFound,
        ] {
            assert_eq!(Exit::from_code(exit.code()), exit);
        }
    }
}
