//! What every subcommand that talks to the daemon shares: connecting, and turning a refusal into a failure.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::{Exit, Failure};
use crate::control::ControlError;
use crate::control::client::{Client, DEFAULT_SOCKET};
use crate::control::message::{Refusal, Reply, Request};

/// Where the daemon is.
#[derive(clap::Args, Debug)]
pub(super) struct Socket {
    /// The daemon's control socket.
    #[arg(long = "socket", value_name = "PATH", env = "GOV_SOCKET", default_value = DEFAULT_SOCKET)]
    path: PathBuf,
}

impl Socket {
    /// Connects.
    pub(super) fn connect(&self) -> Result<Client, Failure> {
        Client::connect(&self.path).map_err(|error| unreachable(&error))
    }

    /// Connects and asks one thing; where no daemon answers, again and again until the patience is over. What is asked
    /// must bear to be asked twice.
    pub(super) fn ask_patiently(&self, request: &Request, patience: Duration) -> Result<Reply, Failure> {
        const PAUSE: Duration = Duration::from_millis(200);
        let since = Instant::now();
        let mut said = false;
        loop {
            match self.ask(request.clone()) {
                Err(failure) if failure.exit == Exit::NoDaemon && since.elapsed() < patience => {
                    if !std::mem::replace(&mut said, true) {
                        anstream::eprintln!(
                            "gov: the daemon is gone; what it governed goes on, and so does the wait"
                        );
                    }
                    std::thread::sleep(PAUSE);
                }
                outcome => return outcome,
            }
        }
    }

    /// Connects, asks one thing and returns its reply.
    pub(super) fn ask(&self, request: Request) -> Result<Reply, Failure> {
        reply(self.connect()?.ask(request))
    }
}

/// A reply that is none of refusals.
pub(super) fn reply(outcome: Result<Reply, ControlError>) -> Result<Reply, Failure> {
    match outcome {
        Ok(Reply::Refused(refusal)) => Err(refused(refusal)),
        Ok(reply) => Ok(reply),
        Err(error) => Err(unreachable(&error)),
    }
}

/// A reply to another question than was asked.
pub(super) fn out_of_turn() -> Failure {
    Failure::new(Exit::Failed, "the daemon", "its reply does not belong to the request")
        .remedy("use `gov` and `govd` of the same version")
}

fn refused(refusal: Refusal) -> Failure {
    let failure = Failure::new(Exit::from_code(refusal.code), refusal.what, refusal.why);
    match refusal.remedy {
        Some(remedy) => failure.remedy(remedy),
        None => failure,
    }
}

fn unreachable(error: &ControlError) -> Failure {
    let failure = |exit| Failure::because(exit, "the daemon", error);
    match error {
        ControlError::NotRunning { .. } => {
            failure(Exit::NoDaemon).remedy("start it: `systemctl start govd`, or as root `govd &`")
        }
        ControlError::NotAllowed { path } => failure(Exit::NoDaemon)
            .remedy(format!(
                "see the mode of `{}` and the folders above it; a session reaches it if it was started with `--max-depth 1`",
                path.display()
            )),
        ControlError::TimedOut | ControlError::Closed => {
            failure(Exit::NoDaemon).remedy("see its log: `journalctl -u govd`")
        }
        ControlError::Version(_) | ControlError::Form(_) => {
            failure(Exit::Failed).remedy("use `gov` and `govd` of the same version")
        }
        ControlError::TooLong => failure(Exit::Usage).remedy("shorten the command line or the delegation"),
        ControlError::Socket(_) => failure(Exit::NoDaemon),
    }
}
