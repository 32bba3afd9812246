//! `gov verify`: checks a log, or one receipt of it, with nothing but the files and a public key.

use std::io::Write;
use std::path::{Path, PathBuf};

use anstyle::{AnsiColor, Style};

use super::shown::shown;
use super::{Exit, Failure, evidence};
use crate::audit::grouped;
use crate::verify::{ReceiptProof, Report, Verdict, receipt};

/// Arguments of `gov verify`.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// A log's folder, a session of this host, or a file with one receipt and its proof.
    target: PathBuf,
    #[command(flatten)]
    reading: evidence::Reading,
}

/// Checks and prints; the exit status is the verdict.
pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let trusted = args.reading.trusted()?;
    let report = if args.target.is_file() {
        receipt(&read_proof(&args.target)?, &trusted)
    } else {
        evidence::verify(&evidence::folder(&args.target)?, &trusted)?
    };
    let printed = if args.reading.json { print_json(&report) } else { print(&report) };
    printed.map_err(|error| Failure::because(Exit::Failed, "standard output", &error))?;
    Ok(exit(report.verdict))
}

/// The exit status that says this verdict.
pub(super) fn exit(verdict: Verdict) -> Exit {
    match verdict {
        Verdict::Holds => Exit::Success,
        Verdict::CannotBeKnown => Exit::Unknown,
        Verdict::DoesNotHold => Exit::DoesNotHold,
    }
}

/// The colour of a verdict.
pub(super) fn style(verdict: Verdict) -> Style {
    let colour = match verdict {
        Verdict::Holds => AnsiColor::Green,
        Verdict::CannotBeKnown => AnsiColor::Yellow,
        Verdict::DoesNotHold => AnsiColor::Red,
    };
    colour.on_default()
}

fn read_proof(path: &Path) -> Result<ReceiptProof, Failure> {
    let content = evidence::small(path).map_err(|error| evidence::unreadable(path, &error))?;
    serde_json::from_slice(&content.unwrap_or_default()).map_err(|error| {
        Failure::because(
            Exit::DoesNotHold,
            format!("`{}` is no receipt with its proof", path.display()),
            &error,
        )
        .remedy("`gov receipts SESSION --show N --proof` writes one")
    })
}

fn print(report: &Report) -> std::io::Result<()> {
    let mut out = anstream::stdout().lock();
    let session = report.summary.session.as_deref().unwrap_or("no session");
    writeln!(out, "{}  {} receipts\n", shown(session), grouped(report.summary.receipts))?;
    for item in &report.items {
        let style = style(item.verdict);
        let verdict = item.verdict.words();
        writeln!(out, "  {:<10}  {style}{verdict:<15}{style:#}  {}", item.name, shown(&item.detail))?;
    }
    let style = style(report.verdict).bold();
    writeln!(out, "\n{style}{}{style:#}", report.verdict.words())
}

fn print_json(report: &Report) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, report)?;
    writeln!(out)
}
