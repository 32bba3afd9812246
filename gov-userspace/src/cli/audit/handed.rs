//! `gov audit --format`: the evidence in the forms of others.

use std::io::{BufWriter, Write};
use std::path::Path;

use super::{each, gather};
use serde_json::Value;

use crate::cli::out::{json_line, said};
use crate::cli::verify::exit;
use crate::cli::{Exit, Failure, evidence};
use crate::export::aps::Receipts;
use crate::export::in_toto;
use crate::export::{ocsf, otlp};
use crate::key::{Public, Secret};
use crate::keystore;
use crate::verify::{Report, Verdict};

/// A form of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// An in-toto statement with SLSA provenance about the files that the session left, in a DSSE envelope signed by
    /// the host's key.
    InToto,
    /// Events of the Open Cybersecurity Schema Framework, one a line; not signed.
    Ocsf,
    /// OpenTelemetry log records in OTLP's JSON, one a line, as a Collector reads them from a file; not signed.
    Otlp,
    /// Receipts of the Agent Passport System, two a decision and one a line, signed by the host's key.
    Aps,
}

/// What makes an event of a line of the log, or none.
pub(super) type Events = Box<dyn FnMut(&[u8]) -> Option<Value>>;

impl Format {
    /// What makes events of the log with this signed head, in the forms that are not signed. A line that is no receipt
    /// is what the verification says, by the exit status.
    pub(super) fn events(self, checkpoint: &str) -> Option<Events> {
        let origin = origin(checkpoint);
        match self {
            Self::Ocsf => {
                let mut events = ocsf::Events::new(origin);
                Some(Box::new(move |line| events.event(line).ok().flatten()))
            }
            Self::Otlp => {
                let mut records = otlp::Records::new(origin);
                Some(Box::new(move |line| records.record(line).ok()))
            }
            Self::InToto | Self::Aps => None,
        }
    }
}

/// What is signed cannot be followed.
pub(super) fn no_follower() -> Failure {
    Failure::new(Exit::Usage, "--follow", "what is signed is signed when the session is closed")
        .remedy("follow with `--format ocsf` or `--format otlp`")
}

/// Prints the evidence in this form.
pub(super) fn run(format: Format, folder: &Path, report: &Report) -> Result<Exit, Failure> {
    let checkpoint = String::from_utf8_lossy(&evidence::checkpoint(folder)?).into_owned();
    match (format, format.events(&checkpoint)) {
        (_, Some(mut events)) => lines(folder, |line| Ok(events(line).into_iter().collect()))?,
        (Format::Aps, None) => receipts(folder, report, &checkpoint)?,
        (_in_toto, None) => statement(folder, report, &checkpoint)?,
    }
    Ok(exit(report.verdict))
}

fn statement(folder: &Path, report: &Report, checkpoint: &str) -> Result<(), Failure> {
    let audit = gather(folder)?;
    let key = signing(report, audit.start.as_ref().map_or("", |start| &start.key))?;
    let envelope = in_toto::statement(&audit, checkpoint, &key)
        .map_err(|error| Failure::because(Exit::Usage, format!("`{}`", folder.display()), &error))?;
    said(json_line(std::io::stdout(), &envelope))
}

fn receipts(folder: &Path, report: &Report, checkpoint: &str) -> Result<(), Failure> {
    let start = gather(folder)?.start.unwrap_or_default();
    let key = signing(report, &start.key)?;
    let failed = |error: &dyn std::error::Error| Failure::because(Exit::Failed, "an APS receipt", error);
    let receipts =
        Receipts::new(&key, origin(checkpoint), &start, &evidence::chain(folder)?, &report.summary.limits)
            .map_err(|error| failed(&error))?;
    lines(folder, |line| match receipts.pair(line) {
        Ok(pair) => Ok(pair.into_iter().flatten().collect()),
        Err(error) => Err(failed(&error)),
    })
}

/// Prints what each line of the log becomes.
fn lines(
    folder: &Path,
    mut become_of: impl FnMut(&[u8]) -> Result<Vec<Value>, Failure>,
) -> Result<(), Failure> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut outcome = Ok(());
    each(folder, |line| {
        if outcome.is_ok() {
            outcome =
                become_of(line).and_then(|all| said(all.iter().try_for_each(|one| writeln!(out, "{one}"))));
        }
    })?;
    outcome.and_then(|()| said(out.flush()))
}

/// The log's name, as its signed head has it.
fn origin(checkpoint: &str) -> &str {
    checkpoint.lines().next().unwrap_or_default()
}

/// The key that signs what is handed on: the one that signed the log, and only if the log holds.
fn signing(report: &Report, signer: &str) -> Result<Secret, Failure> {
    if report.verdict != Verdict::Holds {
        let worst = report.items.iter().find(|item| item.verdict == report.verdict);
        let why = worst.map_or("nothing was checked", |item| item.detail.as_str());
        return Err(Failure::new(exit(report.verdict), "nothing is signed of a log that does not hold", why)
            .remedy("`gov verify` says what of the log holds"));
    }
    let state = evidence::state();
    let wanted = Public::from_hex(signer)
        .map_err(|error| Failure::because(Exit::DoesNotHold, "the log's key", &error))?;
    let key = keystore::log_secret(&state, wanted).map_err(|error| {
        Failure::because(Exit::Failed, "the host's key", &error)
            .remedy("run it as root on the host of the session")
    })?;
    key.ok_or_else(|| {
        let why = "the one that signed this log is not here, or was rotated and destroyed since";
        Failure::new(Exit::Usage, "the host's key", why)
            .remedy("run it as root on the host of the session, before its key is rotated; a credential is only the daemon's")
    })
}
