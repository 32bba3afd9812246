//! `gov end SESSION`: ends a session; root and its owner may.

use super::daemon::{Socket, out_of_turn};
use super::{Exit, Failure};
use crate::control::message::{End, Reply, Request, Stage, Wait};

/// How long the end may take: the longest grace period that a configuration may name, and the closing of the log.
const PATIENCE_MS: u32 = 60_000;

/// Arguments of `gov end`.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// The session, as `gov ps` names it.
    session: String,
    /// Withdraw its authority at once: its processes stand still from here on and are killed, and are not asked first.
    #[arg(long)]
    now: bool,
    /// Do not wait until its log is closed.
    #[arg(long)]
    no_wait: bool,
    #[command(flatten)]
    socket: Socket,
}

/// Asks the daemon to end it, and waits until it is over.
pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let end = End { session: args.session.clone(), now: args.now };
    let Reply::Session(mut view) = args.socket.ask(Request::End(end))? else { return Err(out_of_turn()) };
    if view.state != Stage::Closed && !args.no_wait {
        let wait = Wait { session: args.session.clone(), milliseconds: PATIENCE_MS };
        let Reply::Session(later) = args.socket.ask(Request::Wait(wait))? else { return Err(out_of_turn()) };
        view = later;
    }
    if view.state == Stage::Closed || args.no_wait {
        return Ok(Exit::Success);
    }
    let why = format!("{} processes have not ended yet", view.processes);
    Err(Failure::new(Exit::Failed, format!("`{}`", args.session), why)
        .remedy("look again with `gov ps --all`"))
}
