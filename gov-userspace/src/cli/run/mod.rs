//! `gov run -- COMMAND`: runs a command under a signed delegation, and exits with the command's own status.
//!
//! There is no way from here to an ungoverned command: the child executes it only after the daemon has answered
//! that it enforces.

mod agent;
mod chain;
mod child;
mod summary;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::bar::Bar;
use super::daemon::{Socket, out_of_turn, reply};
use super::{Exit, Failure};
use crate::control::message::{End, Ended, Reply, Request, SessionView, Stage, Start, Started, Wait};
use agent::Agent;
use child::Waiting;

/// How long to wait for the log's close once the command has ended and nothing else of the session runs.
const CLOSE_MS: u32 = 2_000;

/// How often to ask how far the hashing of what it left behind is.
const BEAT_MS: u32 = 250;

/// How long to wait for the next daemon if this one is gone: the session goes on without.
const NEXT_DAEMON: Duration = Duration::from_secs(60);

/// Arguments of `gov run`.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    #[command(flatten)]
    authority: chain::Authority,
    /// The session's name begins with this; by default with the command's name.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Record each read one by one.
    #[arg(long)]
    record_reads: bool,
    /// End the session when `gov run` ends, whatever still runs in it.
    #[arg(long)]
    end_with_run: bool,
    /// Print no summary.
    #[arg(long, short)]
    quiet: bool,
    /// Print the summary as one line of JSON on standard error.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    socket: Socket,
    /// The command and its arguments.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// Starts the session, runs the command in it, and tells how it went.
pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let Some(name) = args.command.first() else {
        return Err(Failure::new(Exit::Usage, "`gov run`", "no command is named"));
    };
    let program = child::find(name)?;
    let chain::Chain { delegations, agent } = args.authority.chain()?;
    let mut daemon = args.socket.connect()?;
    let waiting = Waiting::spawn(&program, &args.command)?;
    let start = Request::Start(start(args, &program, delegations));
    let started = match reply(daemon.ask_with_pidfd(start, waiting.process().pidfd())) {
        Ok(Reply::Started(started)) => started,
        refused => {
            waiting.abandon();
            return Err(refused.err().unwrap_or_else(out_of_turn));
        }
    };
    let environment = match environment(&started, agent) {
        Ok(environment) => environment,
        Err(failure) => {
            waiting.abandon();
            return Err(failure);
        }
    };
    // A connection that is held tells the daemon how long this process lives.
    let held = args.end_with_run.then_some(daemon);
    let exit = waiting.run(&environment)?;
    drop(held);
    let Some(view) = settle(args, &started)? else {
        anstream::eprintln!("gov: session {0} is closed; what happened: `gov audit {0}`", started.session);
        return Ok(exit);
    };
    if !args.quiet {
        summary::print(&view, args.json);
    }
    Ok(match view.ended {
        Some(Ended::Completed) | None => exit,
        Some(_ended_by_gov) => Exit::SessionEnded,
    })
}

/// What the command finds in its environment, and the file there of a session that may delegate on.
fn environment(started: &Started, agent: Option<Agent>) -> Result<Vec<(&'static str, String)>, Failure> {
    let mut environment =
        vec![("TMPDIR", started.temporary_folder.clone()), (agent::SESSION, started.session.clone())];
    if let Some(agent) = agent {
        environment.push((agent::VARIABLE, agent.leave(Path::new(&started.temporary_folder))?));
    }
    Ok(environment)
}

fn start(args: &Args, program: &Path, delegations: Vec<String>) -> Start {
    let folder = std::env::current_dir().unwrap_or_else(|_gone| PathBuf::from("(removed)"));
    let base = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Start {
        delegations,
        command: args.command.iter().map(|argument| argument.to_string_lossy().into_owned()).collect(),
        folder: folder.to_string_lossy().into_owned(),
        name: args.name.clone().unwrap_or(base),
        record_reads: args.record_reads,
        end_with_connection: args.end_with_run,
    }
}

/// The session after the command's end: closed, or still running what the command left behind. `None` if it was closed
/// by a daemon that is gone, of which the next one knows nothing.
fn settle(args: &Args, started: &Started) -> Result<Option<SessionView>, Failure> {
    let wait = |milliseconds| {
        let wait = Wait { session: started.session.clone(), milliseconds };
        match args.socket.ask_patiently(&Request::Wait(wait), NEXT_DAEMON) {
            Ok(Reply::Session(view)) => Ok(Some(view)),
            Ok(_other) => Err(out_of_turn()),
            Err(failure) if failure.exit == Exit::Usage => Ok(None),
            Err(failure) => Err(failure),
        }
    };
    let mut view = wait(CLOSE_MS)?;
    if args.end_with_run && view.as_ref().is_some_and(|view| view.state == Stage::Running) {
        // The daemon that knew of the connection may be gone.
        let end = End { session: started.session.clone(), now: false };
        args.socket.ask(Request::End(end))?;
    }
    let goes_on = |view: &SessionView| {
        view.state == Stage::Ending || (view.state == Stage::Running && view.processes == 0)
    };
    let mut bar = Bar::new(0);
    while let Some(hashing) = view.as_ref().filter(|view| goes_on(view)).map(|view| view.hashing) {
        let files = hashing.filter(|hashing| hashing.of_bytes > 0);
        if let Some(hashing) = files {
            bar.set(hashing.bytes, hashing.of_bytes);
        }
        view = wait(if files.is_some() { BEAT_MS } else { CLOSE_MS })?;
    }
    Ok(view)
}
