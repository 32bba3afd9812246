//! `gov audit --follow`: hands on what a log says as it grows, never more than its signed head covers.

use std::fs::File;
use std::io::{BufReader, Seek, SeekFrom, Write};
use std::path::Path;
use std::thread;
use std::time::Duration;

use super::handed::{Events, Format, no_follower};
use crate::canonical::{self, Value};
use crate::cli::{Exit, Failure, evidence};
use crate::journal::LOG;
use crate::lines::{Line, Lines};
use crate::note::Checkpoint;

/// How often the head is looked at; new ones come as often.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Where in the log the follower stands.
#[derive(Default)]
struct Place {
    lines: u64,
    bytes: u64,
}

/// What comes after some lines.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    More,
    /// The log is closed, or nobody reads on.
    Nothing,
}

/// Prints the events of the log until it is closed.
pub(super) fn events(folder: &Path, format: Option<Format>) -> Result<(), Failure> {
    let following = |note: &str| format.and_then(|format| format.events(note)).ok_or_else(no_follower);
    let (mut place, mut events) = (Place::default(), None);
    // What cannot be followed is refused before anything is waited for.
    following("").map(drop)?;
    loop {
        let note = evidence::checkpoint(folder)?;
        let note = String::from_utf8_lossy(&note);
        let size = Checkpoint::stated(&note).map_or(0, |stated| stated.size);
        if size > place.lines {
            let events = match &mut events {
                Some(events) => events,
                none => none.insert(following(&note)?),
            };
            if advance(folder, &mut place, size, events)? == Next::Nothing {
                return Ok(());
            }
        }
        thread::sleep(LOOK_EVERY);
    }
}

/// Prints the lines up to the head. The file is opened anew: a torn end that was read before may have been moved aside.
fn advance(folder: &Path, place: &mut Place, size: u64, events: &mut Events) -> Result<Next, Failure> {
    let path = folder.join(LOG);
    let unreadable = |error: &std::io::Error| evidence::unreadable(&path, error);
    let mut file = File::open(&path).map_err(|error| unreadable(&error))?;
    file.seek(SeekFrom::Start(place.bytes)).map_err(|error| unreadable(&error))?;
    let mut lines = Lines::new(BufReader::new(file));
    let mut out = std::io::stdout().lock();
    while place.lines < size {
        let Line::Whole(line) = lines.read().map_err(|error| unreadable(&error))? else {
            let why = format!("{size} lines were signed, there are {}", place.lines);
            return Err(Failure::new(Exit::DoesNotHold, "the log", why)
                .remedy("`gov verify` says what of the log holds"));
        };
        let length = u64::try_from(line.len()).unwrap_or(u64::MAX).saturating_add(1);
        *place = Place { lines: place.lines.saturating_add(1), bytes: place.bytes.saturating_add(length) };
        if let Some(event) = events(line) {
            match writeln!(out, "{event}") {
                Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(Next::Nothing),
                Err(error) => return Err(Failure::because(Exit::Failed, "standard output", &error)),
                Ok(()) => {}
            }
        }
        if closes(line) {
            return Ok(Next::Nothing);
        }
    }
    Ok(Next::More)
}

fn closes(line: &[u8]) -> bool {
    canonical::parse(line).is_ok_and(|receipt| receipt.field("kind").and_then(Value::text) == Some("close"))
}
