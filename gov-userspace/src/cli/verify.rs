//! `gov verify`: checks a log, one receipt of it, or that it only grew, with nothing but the files and a public key.

use std::io::Write;
use std::path::{Path, PathBuf};

use anstyle::{AnsiColor, Style};

use super::shown::shown;
use super::{Exit, Failure, evidence, out};
use crate::audit::grouped;
use crate::verify::{GrowthProof, ReceiptProof, Report, Verdict, growth, receipt};

/// Arguments of `gov verify`.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// A log's folder, a session of this host, or a file with a proof that `gov receipts` wrote.
    target: PathBuf,
    /// An older checkpoint of the log, a file with its note: the log must begin with all that it covered.
    #[arg(long, value_name = "OLD")]
    since: Option<PathBuf>,
    #[command(flatten)]
    reading: evidence::Reading,
}

/// Checks and prints; the exit status is the verdict.
pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let since = args.since.as_deref().map(evidence::note).transpose()?;
    let report = if args.target.is_file() {
        let trusted = args.reading.trusted(None)?;
        match read_proof(&args.target)? {
            Proof::Growth(proof) => growth(&proof, since.as_deref(), trusted),
            Proof::Receipt(_) if since.is_some() => {
                let why = "a receipt does not grow: give a log, or a proof of its growth";
                return Err(Failure::new(Exit::Usage, "--since", why));
            }
            Proof::Receipt(proof) => receipt(&proof, trusted),
        }
    } else {
        let folder = evidence::folder(&args.target)?;
        let trusted = args.reading.trusted(Some(&folder))?;
        evidence::verify(&folder, &args.reading, trusted, since)?
    };
    if args.reading.json {
        out::print(&out::json("the report", &report)?)?;
    } else {
        out::written(print(&report))?;
    }
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

/// What a file may prove.
enum Proof {
    Receipt(ReceiptProof),
    Growth(GrowthProof),
}

fn read_proof(path: &Path) -> Result<Proof, Failure> {
    let content = evidence::proof(path)?;
    let no = |what: &str, error: &dyn std::error::Error| {
        Failure::because(Exit::DoesNotHold, format!("`{}` is no {what}", path.display()), error)
    };
    if content.starts_with(b"old ") {
        return GrowthProof::parse(&content).map(Proof::Growth).map_err(|error| {
            no("proof of growth", &error).remedy("`gov receipts SESSION --since OLD` writes one")
        });
    }
    serde_json::from_slice(&content).map(Proof::Receipt).map_err(|error| {
        no("receipt with its proof", &error).remedy("`gov receipts SESSION --show N --proof` writes one")
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
