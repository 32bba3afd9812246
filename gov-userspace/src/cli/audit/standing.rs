//! `gov audit --artifacts`: what stands now at the paths that a session changed, beside what its log says stood there
//! at its end.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use anstyle::{AnsiColor, Style};
use serde::Serialize;
use serde_json::Value;

use super::each;
use crate::audit::grouped;
use crate::canonical;
use crate::cli::bar::Bar;
use crate::cli::out::said;
use crate::cli::shown::shown;
use crate::cli::verify::{exit, style};
use crate::cli::{Exit, Failure};
use crate::receipt::{Artifact, ArtifactState};
use crate::session::artifacts::{Progress, Reader, look};
use crate::session::found::Found;
use crate::verify::{Report, Verdict};

/// Rows that are shown unless all are asked for.
const SHORT: usize = 40;

/// What became of a path since the log told of it, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Since {
    /// Something else stands there, or the same with another content, owner or mode.
    Changed,
    /// It was there, and nothing is now.
    Gone,
    /// Nothing was there, and something is now.
    Appeared,
    /// It cannot be seen here, or was not then.
    Unknown,
    /// The log does not tell of it yet: the session goes on.
    New,
    /// It is as it was.
    Unchanged,
}

impl Since {
    const ALL: [Self; 6] =
        [Self::Changed, Self::Gone, Self::Appeared, Self::Unknown, Self::New, Self::Unchanged];

    fn name(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Gone => "gone",
            Self::Appeared => "appeared",
            Self::Unknown => "unknown",
            Self::New => "new",
            Self::Unchanged => "unchanged",
        }
    }

    fn verdict(self) -> Verdict {
        match self {
            Self::Changed | Self::Gone | Self::Appeared => Verdict::DoesNotHold,
            Self::Unknown | Self::New => Verdict::CannotBeKnown,
            Self::Unchanged => Verdict::Holds,
        }
    }
}

/// One path.
#[derive(Debug, Serialize)]
struct Row {
    since: Since,
    /// The members that differ.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    differs: Vec<&'static str>,
    /// As it stands now.
    now: Artifact,
    /// As the log says it stood at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    then: Option<Value>,
}

#[derive(Serialize)]
struct Whole<'a> {
    session: Option<&'a str>,
    files: &'a [Row],
    verification: &'a Report,
}

/// Looks and prints; the exit status is the worst of the files and of the log.
pub(super) fn run(folder: &Path, report: &Report, json: bool, all: bool) -> Result<Exit, Failure> {
    let (mut found, mut told) = (Found::default(), BTreeMap::new());
    // A line that is no receipt is what the verification says, in its own words.
    each(folder, |line| {
        if let Ok(receipt) = canonical::parse(line) {
            found.read(&receipt);
            if receipt.field("kind").and_then(canonical::Value::text) == Some("artifacts") {
                take(line, &mut told);
            }
        }
    })?;
    let (progress, mut bar) = (Progress::default(), Bar::new(0));
    let now = look(&found.touched, Reader::Caller, &progress, &mut || {
        let view = progress.view();
        if view.of_bytes > 0 {
            bar.set(view.bytes, view.of_bytes);
        }
    });
    drop(bar);
    let mut rows: Vec<Row> = now.into_iter().map(|now| row(now, &mut told)).collect();
    rows.sort_by_key(|row| row.since);
    said(if json { print_json(&rows, report) } else { print(&rows, report, all) })?;
    let worst = rows.iter().map(|row| row.since.verdict()).fold(report.verdict, worse);
    Ok(exit(worst))
}

/// The files of an artifacts receipt by path, and the bytes of those that are no text.
fn take(line: &[u8], told: &mut BTreeMap<(String, Option<String>), Value>) {
    let receipt: Value = serde_json::from_slice(line).unwrap_or_default();
    for file in receipt.get("files").and_then(Value::as_array).into_iter().flatten() {
        let text = |name: &str| file.get(name).and_then(Value::as_str).map(str::to_owned);
        told.insert((text("path").unwrap_or_default(), text("hex")), file.clone());
    }
}

fn row(now: Artifact, told: &mut BTreeMap<(String, Option<String>), Value>) -> Row {
    let then = told.remove(&(now.path.clone(), now.hex.clone()));
    let (since, differs) = match (&then, serde_json::to_value(&now)) {
        (Some(then), Ok(now)) => compare(then, &now),
        (None, _) => (Since::New, Vec::new()),
        (Some(_), Err(_)) => (Since::Unknown, Vec::new()),
    };
    Row { since, differs, now, then }
}

/// What became of a path, by what stood there and what stands there, as receipts say it.
fn compare(then: &Value, now: &Value) -> (Since, Vec<&'static str>) {
    const KNOWN: [&str; 5] = ["sha256", "size", "mode", "uid", "gid"];
    let state = |side: &Value| side.get("state").and_then(Value::as_str).unwrap_or_default().to_owned();
    let both_known = |name: &&str| then.get(name).zip(now.get(name)).is_some_and(|(then, now)| then != now);
    match (state(then).as_str(), state(now).as_str()) {
        ("gone", "gone") => (Since::Unchanged, Vec::new()),
        ("gone", "unhashed") if now.get("mode").is_none() => (Since::Unknown, Vec::new()),
        ("gone", _) => (Since::Appeared, Vec::new()),
        (_, "gone") => (Since::Gone, Vec::new()),
        (before, after) if before == "unhashed" || after == "unhashed" => {
            let differs: Vec<&str> = KNOWN.into_iter().filter(both_known).collect();
            (if differs.is_empty() { Since::Unknown } else { Since::Changed }, differs)
        }
        (before, after) if before != after => (Since::Changed, vec!["state"]),
        _same_kind => {
            let differs: Vec<&str> =
                KNOWN.into_iter().filter(|name| then.get(name) != now.get(name)).collect();
            (if differs.is_empty() { Since::Unchanged } else { Since::Changed }, differs)
        }
    }
}

/// The worse of two verdicts.
fn worse(one: Verdict, other: Verdict) -> Verdict {
    match (one, other) {
        (Verdict::DoesNotHold, _) | (_, Verdict::DoesNotHold) => Verdict::DoesNotHold,
        (Verdict::CannotBeKnown, _) | (_, Verdict::CannotBeKnown) => Verdict::CannotBeKnown,
        (Verdict::Holds, Verdict::Holds) => Verdict::Holds,
    }
}

fn print_json(rows: &[Row], report: &Report) -> std::io::Result<()> {
    let whole = Whole { session: report.summary.session.as_deref(), files: rows, verification: report };
    let mut out = std::io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, &whole)?;
    writeln!(out)
}

fn print(rows: &[Row], report: &Report, all: bool) -> std::io::Result<()> {
    const QUIET: Style = Style::new().dimmed();
    let mut out = anstream::stdout().lock();
    let count = |since| rows.iter().filter(|row| row.since == since).count();
    let counts: Vec<String> = Since::ALL
        .into_iter()
        .filter(|since| count(*since) > 0)
        .map(|since| format!("{} {}", count(since), since.name()))
        .collect();
    let session = report.summary.session.as_deref().unwrap_or("no session");
    let counts = if counts.is_empty() { "no files".to_owned() } else { counts.join(", ") };
    writeln!(out, "{}  {counts}\n", shown(session))?;
    let most = if all { usize::MAX } else { SHORT };
    for row in rows.iter().take(most) {
        let colour = match row.since.verdict() {
            Verdict::Holds => Style::new(),
            Verdict::CannotBeKnown => AnsiColor::Yellow.on_default(),
            Verdict::DoesNotHold => AnsiColor::Red.on_default(),
        };
        let path = row.now.hex.as_ref().map_or_else(|| shown(&row.now.path), |hex| format!("0x{hex}"));
        let differs = if row.differs.is_empty() { String::new() } else { row.differs.join(", ") + ": " };
        writeln!(
            out,
            "  {colour}{:<9}{colour:#}  {path}  {QUIET}{differs}{}; {}{QUIET:#}",
            row.since.name(),
            stands(&row.now.state),
            receipts(&row.now),
        )?;
    }
    if rows.len() > most {
        writeln!(out, "  {QUIET}and {} more (--all shows them){QUIET:#}", rows.len().saturating_sub(most))?;
    }
    let verdict = style(report.verdict).bold();
    writeln!(out, "\nthe log {verdict}{}{verdict:#}", report.verdict.words())
}

fn stands(state: &ArtifactState) -> String {
    match state {
        ArtifactState::File { owner, sha256, size } => {
            format!("{} B, mode {:04o}, sha256 {sha256}", grouped(size.0), owner.mode)
        }
        ArtifactState::Directory { owner } => format!("directory, mode {:04o}", owner.mode),
        ArtifactState::Symlink { sha256 } => format!("link, target sha256 {sha256}"),
        ArtifactState::Gone => "nothing".to_owned(),
        ArtifactState::Unhashed { why, .. } => format!("not hashed: {}", shown(why)),
    }
}

fn receipts(now: &Artifact) -> String {
    let last = now.receipts.last().map_or(String::new(), |last| format!(", the last {}", last.0));
    match now.touched.0 {
        1 => format!("1 receipt{last}"),
        count => format!("{} receipts{last}", grouped(count)),
    }
}

#[cfg(test)]
mod tests {
    use super::{Since, compare};
    use serde_json::{Value, json};

    fn since(then: Value, now: Value) -> (Since, Vec<&'static str>) {
        compare(&then, &now)
    }

    #[test]
    fn what_became_of_a_path_is_what_can_be_seen_of_it() {
        let file = json!({"state":"file","sha256":"a","size":1,"mode":"0644","uid":1,"gid":1});
        let with = |name: &str, value: Value| {
            let mut file = file.clone();
            file[name] = value;
            file
        };
        let gone = json!({"state":"gone"});
        let link = json!({"state":"symlink","sha256":"a"});
        let hidden = json!({"state":"unhashed","why":"permission denied"});
        let large = json!({"state":"unhashed","why":"large","size":1,"mode":"0644","uid":1,"gid":1});
        assert_eq!(since(file.clone(), file.clone()), (Since::Unchanged, vec![]));
        assert_eq!(since(file.clone(), with("sha256", json!("b"))), (Since::Changed, vec!["sha256"]));
        assert_eq!(since(file.clone(), with("mode", json!("0600"))), (Since::Changed, vec!["mode"]));
        assert_eq!(since(file.clone(), link), (Since::Changed, vec!["state"]));
        assert_eq!(since(file.clone(), gone.clone()), (Since::Gone, vec![]));
        assert_eq!(since(gone.clone(), file.clone()), (Since::Appeared, vec![]));
        assert_eq!(since(gone.clone(), gone.clone()), (Since::Unchanged, vec![]));
        for (then, now) in [(&gone, &hidden), (&file, &hidden), (&hidden, &file), (&large, &file)] {
            assert_eq!(since(then.clone(), now.clone()), (Since::Unknown, vec![]), "{then} {now}");
        }
        assert_eq!(since(large, with("size", json!(2))), (Since::Changed, vec!["size"]));
    }
}
