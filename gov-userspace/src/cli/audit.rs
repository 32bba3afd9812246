//! `gov audit`: what a session did, what was refused and why, and what of it is proved.

mod follow;
mod handed;
mod html;
mod page;
mod standing;

use std::io::{Write, stdout};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::verify::exit;
use super::{Exit, Failure, evidence, out};
use crate::audit::{Audit, Gatherer, Moment, Timeline, proof};
use crate::journal::{SESSION, SessionFile};
use crate::key::Public;
use crate::lines::{Line, Lines};
use crate::verify::Report;

/// Arguments of `gov audit`.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// A session of this host, or a log's folder.
    target: PathBuf,
    #[command(flatten)]
    reading: evidence::Reading,
    /// Print the report as one HTML file that needs nothing else.
    #[arg(long, conflicts_with = "json")]
    html: bool,
    /// Print the evidence in the form of another tool.
    #[arg(long, value_enum, conflicts_with_all = ["json", "html", "all"])]
    format: Option<handed::Format>,
    /// Print events of `--format ocsf` or `otlp` as they are signed, until the session is closed.
    #[arg(long, requires = "format")]
    follow: bool,
    /// Look at the paths that the session changed as they stand now, hash them, and compare them with what the log says
    /// stood there at its end. The status is 0 if all is as it was, 1 if something is changed, gone or there again (or the
    /// log does not hold), and 3 if something cannot be seen or the session is not closed.
    #[arg(long, conflicts_with_all = ["html", "format"])]
    artifacts: bool,
    /// Show every line of long lists.
    #[arg(long)]
    all: bool,
}

/// The report with what is known of the evidence it is made from.
#[derive(Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    audit: &'a Audit,
    /// The proof line.
    proof: &'a str,
    verification: &'a Report,
}

/// Gathers, verifies and prints; the exit status is the verdict on the evidence.
pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let folder = evidence::folder(&args.target)?;
    if args.follow {
        follow::events(&folder, args.format)?;
    }
    let report = evidence::verify(&folder, &args.reading, args.reading.trusted(Some(&folder))?, None)?;
    if args.follow {
        return Ok(exit(report.verdict));
    }
    if args.artifacts {
        return standing::run(&folder, &report, args.reading.json, args.all);
    }
    if let Some(format) = args.format {
        return handed::run(format, &folder, &report);
    }
    let audit = gather(&folder)?;
    let proof = proof(&report, &folder.display().to_string(), signer(&folder));
    let printed = if args.reading.json {
        let whole = Whole { audit: &audit, proof: &proof, verification: &report };
        stdout().write_all(out::json("the report", &whole)?.as_bytes())
    } else if args.html {
        let page = html::page(&html::Told {
            audit: &audit,
            report: &report,
            timeline: timeline(&folder, args.all)?,
            proof: &proof,
            checkpoint: &String::from_utf8_lossy(&evidence::checkpoint(&folder)?),
            all: args.all,
        });
        writeln!(stdout(), "{}", page.into_string())
    } else {
        page::print(&audit, &report, &proof, args.all)
    };
    out::said(printed)?;
    Ok(exit(report.verdict))
}

fn gather(folder: &Path) -> Result<Audit, Failure> {
    let mut gatherer = Gatherer::default();
    // A line that is no receipt is what the verification says, in its own words.
    each(folder, |line| drop(gatherer.take(line)))?;
    Ok(gatherer.finish())
}

fn timeline(folder: &Path, all: bool) -> Result<(Vec<Moment>, u64), Failure> {
    let mut timeline = Timeline::new(if all { usize::MAX } else { html::SHORT });
    each(folder, |line| drop(timeline.take(line)))?;
    Ok(timeline.finish())
}

/// Hands each whole line of the log on.
fn each(folder: &Path, mut take: impl FnMut(&[u8])) -> Result<(), Failure> {
    let mut lines = Lines::new(evidence::log(folder)?);
    while let Line::Whole(line) = lines.read().map_err(|error| evidence::unreadable(folder, &error))? {
        take(line);
    }
    Ok(())
}

/// The key that the log names, to be written out in full where the line to reproduce is shown.
fn signer(folder: &Path) -> Option<Public> {
    let content = evidence::small(&folder.join(SESSION)).ok().flatten()?;
    let session: SessionFile = serde_json::from_slice(&content).ok()?;
    Public::from_hex(&session.key).ok()
}
