//! `gov receipts`: lists a session's receipts, and hands one on with its proof.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anstyle::{AnsiColor, Style};

use super::out::{json_line, said};
use super::shown::{command, shown};
use super::{Exit, Failure, evidence, prove};
use crate::canonical::{self, Value};
use crate::lines::{Line, Lines};

/// Arguments of `gov receipts`.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// A session of this host, or a log's folder.
    target: PathBuf,
    /// Print the lines as they stand in the log, as JSON.
    #[arg(long, conflicts_with = "proof")]
    json: bool,
    /// Only the refusals.
    #[arg(long, conflicts_with = "show")]
    refused: bool,
    /// Only the receipt with this number, counted from 0.
    #[arg(long, value_name = "N")]
    show: Option<u64>,
    /// Print that receipt, the proof that it is in the log, and the log's signed head as one JSON object, which
    /// `gov verify` checks alone.
    #[arg(long, requires = "show")]
    proof: bool,
    /// Print the proof that the log only grew since this older checkpoint of it, a file with its note. `gov verify`
    /// checks it without the log, and so does a witness: it is the body of C2SP's `add-checkpoint`.
    #[arg(long, value_name = "OLD", conflicts_with_all = ["show", "refused", "json"])]
    since: Option<PathBuf>,
}

/// Prints what is asked for.
pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let folder = evidence::folder(&args.target)?;
    match (&args.since, args.show) {
        (Some(since), _) => {
            let proof = prove::growth(&folder, since)?;
            said(write!(anstream::stdout(), "{proof}"))?;
        }
        (None, Some(index)) if args.proof => {
            let proof = prove::receipt(&folder, index)?;
            said(json_line(anstream::stdout().lock(), &proof))?;
        }
        _list => list(&folder, args)?,
    }
    Ok(Exit::Success)
}

fn list(folder: &Path, args: &Args) -> Result<(), Failure> {
    let mut lines = Lines::new(evidence::log(folder)?);
    let (mut index, mut found) = (0_u64, false);
    loop {
        let line = match lines.read().map_err(|error| evidence::unreadable(folder, &error))? {
            Line::Whole(line) => line,
            Line::End => break,
            Line::Torn(_) | Line::TooLong => {
                return Err(Failure::new(Exit::DoesNotHold, format!("line {index}"), "it has no end")
                    .remedy("`gov verify` says what of the log holds"));
            }
        };
        let receipt = canonical::parse(line);
        let refused = receipt
            .as_ref()
            .is_ok_and(|receipt| receipt.field("verdict").and_then(Value::text) == Some("deny"));
        if args.show.is_none_or(|show| show == index) && (refused || !args.refused) {
            found = true;
            let mut out = anstream::stdout().lock();
            said(match &receipt {
                Ok(receipt) if !args.json && args.show.is_none() => {
                    write_row(&mut out, index, receipt, refused)
                }
                _whole if args.json => out.write_all(line).and_then(|()| writeln!(out)),
                _whole => writeln!(out, "{}", shown(&String::from_utf8_lossy(line))),
            })?;
        }
        index = index.saturating_add(1);
    }
    match args.show {
        Some(show) if !found => Err(prove::no_such(show, index)),
        _shown => Ok(()),
    }
}

/// One line: number, time, what, on what, and why not.
fn write_row(out: &mut dyn Write, index: u64, receipt: &Value<'_>, refused: bool) -> io::Result<()> {
    let text = |name: &str| receipt.field(name).and_then(Value::text).unwrap_or_default();
    let wall = text("wall");
    let time = wall.get(11..23).unwrap_or(wall);
    let what = if text("action").is_empty() { text("kind") } else { text("action") };
    let object = object(receipt);
    let style = if refused { AnsiColor::Red.on_default() } else { Style::new() };
    let why = if refused { format!("  {} {}", text("reason"), text("errno")) } else { String::new() };
    writeln!(out, "{index:>7}  {time}  {style}{what:<22}{style:#}  {}{style}{why}{style:#}", shown(&object))
}

fn object(receipt: &Value<'_>) -> String {
    let field = |outer: &str, inner: &str| receipt.field(outer).and_then(|value| value.field(inner));
    if let Some(argv) = receipt.field("argv") {
        let argv: Vec<String> =
            argv.elements().iter().filter_map(|one| one.text().map(str::to_owned)).collect();
        return command(&argv);
    }
    let far = field("address", "ip").and_then(Value::text).map(|ip| {
        let port = field("address", "port").and_then(Value::number).unwrap_or_default();
        if ip.contains(':') { format!("[{ip}]:{port}") } else { format!("{ip}:{port}") }
    });
    let path = field("object", "path").and_then(Value::text).unwrap_or_default();
    match (far, field("to", "path").and_then(Value::text)) {
        (Some(far), _) => far,
        (None, Some(to)) if path.is_empty() => to.to_owned(),
        (None, Some(to)) => format!("{path} -> {to}"),
        (None, None) if path.is_empty() => {
            receipt.field("about").and_then(Value::text).unwrap_or_default().to_owned()
        }
        (None, None) => path.to_owned(),
    }
}
