//! Runs one command with a time limit and keeps what it said.

use std::io::Read;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// What a command that ended has left.
#[derive(Clone, Debug)]
pub struct Done {
    /// Its exit status; 128 + N if signal N ended it.
    pub status: i32,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
}

/// Runs the command to its end and returns what it left; kills it and fails when the limit is over. The command
/// reads what its caller gave it to read, else what this program does.
pub fn run(command: &mut Command, limit: Duration) -> Result<Done> {
    use std::os::unix::process::ExitStatusExt;

    let shown = format!("{command:?}");
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {shown}"))?;
    let out = child.stdout.take().map(collect);
    let err = child.stderr.take().map(collect);
    let end = Instant::now() + limit;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if Instant::now() > end {
            child.kill()?;
            child.wait()?;
            bail!("{shown} did not end within {} s", limit.as_secs());
        }
        thread::sleep(Duration::from_millis(5));
    };
    let text =
        |reader: Option<thread::JoinHandle<String>>| reader.and_then(|it| it.join().ok()).unwrap_or_default();
    let code = status.code().or(status.signal().map(|signal| 128 + signal)).unwrap_or(-1);
    Ok(Done { status: code, out: text(out), err: text(err) })
}

/// Reads a pipe to its end beside the command, so that neither waits for the other.
fn collect(mut pipe: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let complete = pipe.read_to_end(&mut bytes);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        match complete {
            Ok(_) => text,
            Err(error) => format!("{text}\n(cut off: {error})"),
        }
    })
}
