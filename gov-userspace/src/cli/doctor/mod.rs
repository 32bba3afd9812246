//! `gov doctor`: what this host can enforce, and the exact line that mends each lack.

mod checks;
mod probe;

use std::io::Write;

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use super::daemon::Socket;
use super::{Exit, Failure, out};
use crate::host::facts;
use checks::{Check, State};

/// Arguments of `gov doctor`.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    socket: Socket,
}

/// What was found.
#[derive(Serialize)]
struct Report {
    /// Whether gov can enforce here; absent when it cannot be known.
    capable: Option<bool>,
    /// One sentence for people.
    verdict: String,
    checks: Vec<Check>,
}

/// Looks, prints, and says by the exit status whether the host is capable.
pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let facts = facts::read().map_err(|error| Failure::because(Exit::Failed, "this host", &error))?;
    let root = rustix::process::geteuid().is_root();
    let mut checks = checks::judge(&facts, root);
    checks.push(probe::programs(&args.socket, root));
    let report = conclude(checks);
    let text = if args.json { out::json("the report", &report)? } else { plain(&report) };
    out::written(anstream::stdout().write_all(text.as_bytes()))?;
    Ok(match report.capable {
        Some(true) => Exit::Success,
        Some(false) => Exit::CannotEnforce,
        None => Exit::Unknown,
    })
}

/// Loading the programs is the proof: where that was seen, a fact that could not be read no longer matters.
fn conclude(checks: Vec<Check>) -> Report {
    let proved = checks.iter().any(|check| check.name == probe::NAME && check.state == State::Good);
    let lacking: Vec<&Check> = checks.iter().filter(|check| check.state == State::Lacking).collect();
    let unknown = checks.iter().find(|check| check.state == State::Unknown);
    let (capable, verdict) = match (lacking.first(), unknown) {
        (Some(lack), _) => {
            (Some(false), format!("gov cannot enforce on this host: {}: {}", lack.name, lack.found))
        }
        (None, Some(unknown)) if !proved => (
            None,
            format!("whether gov can enforce on this host cannot be known from here: {}", unknown.found),
        ),
        (None, _) => (Some(true), "gov can enforce on this host".to_owned()),
    };
    Report { capable, verdict, checks }
}

fn plain(report: &Report) -> String {
    let mut text = String::new();
    for check in &report.checks {
        let (colour, word) = match check.state {
            State::Good => (AnsiColor::Green, "good"),
            State::Lacking => (AnsiColor::Red, "lacking"),
            State::Unknown => (AnsiColor::Yellow, "unknown"),
        };
        let style = Style::new().fg_color(Some(colour.into()));
        text.push_str(&format!("{style}{word:<8}{style:#} {:<17} {}\n", check.name, check.found));
        if let Some(remedy) = &check.remedy {
            text.push_str(&format!("{:26} -> {remedy}\n", ""));
        }
    }
    text.push_str(&format!("{}\n", report.verdict));
    text
}

#[cfg(test)]
mod tests {
    use super::checks::Check;
    use super::{conclude, probe};

    #[test]
    fn one_lack_decides_and_loading_outweighs_what_could_not_be_read() {
        let unknown = || Check::unknown("security modules", "not readable", "mount it");
        let loaded = || Check::good(probe::NAME, "loaded");
        let lack = || Check::lacking("cgroup v2", "not mounted", "mount it");
        assert_eq!(conclude(vec![unknown(), loaded()]).capable, Some(true));
        assert_eq!(conclude(vec![unknown()]).capable, None);
        assert_eq!(conclude(vec![lack(), loaded()]).capable, Some(false));
    }
}
