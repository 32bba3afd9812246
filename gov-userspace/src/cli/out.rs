//! Standard output, as people and programs read it.

use std::io::{self, Write};

use serde::Serialize;

use super::{Exit, Failure};

/// Writes to standard output.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    written(io::stdout().write_all(text.as_bytes()))
}

/// What became of writing there, for what is long: whoever stops reading early has seen enough.
pub(super) fn said(outcome: io::Result<()>) -> Result<(), Failure> {
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        outcome => written(outcome),
    }
}

/// What became of writing there.
pub(super) fn written(outcome: io::Result<()>) -> Result<(), Failure> {
    outcome.map_err(|error| Failure::because(Exit::Failed, "standard output", &error))
}

/// The JSON of `what`, in lines.
pub(super) fn json(what: &str, value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(value)
        .map(|text| text + "\n")
        .map_err(|error| Failure::because(Exit::Failed, what, &error))
}

/// Writes the JSON of a value in one line.
pub(super) fn json_line(mut out: impl Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut out, value)?;
    writeln!(out)
}
