//! Lays a session's report out for a terminal.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use jiff::Timestamp;

use crate::audit::{Audit, Connection, End, FileChange, Refusal, Start, counted, grouped};
use crate::cli::shown::{command, shown};
use crate::cli::verify::style;
use crate::verify::Report;

/// Lines of a list that are shown unless all are asked for.
const SHORT: usize = 12;
const HEAD: Style = Style::new().bold();
const QUIET: Style = Style::new().dimmed();
const FLAGGED: Style = AnsiColor::Yellow.on_default();
const REFUSED: Style = AnsiColor::Red.on_default();

struct Page<W> {
    out: W,
    all: bool,
}

/// Prints the report.
pub(super) fn print(audit: &Audit, report: &Report, proof: &str, all: bool) -> io::Result<()> {
    let mut page = Page { out: anstream::stdout().lock(), all };
    page.head(audit)?;
    page.files(audit)?;
    page.executed(audit)?;
    page.connections("Connections", &audit.connections)?;
    if !audit.listening.is_empty() {
        page.connections("Listening", &audit.listening)?;
    }
    page.privileged(audit)?;
    page.refusals(audit)?;
    page.reads(audit)?;
    page.incidents(audit)?;
    let limit = audit.start.as_ref().map_or("none known", |start| start.spend_limit.as_str());
    page.section("Spend", "")?;
    writeln!(page.out, "  metered: nothing; limit {}", shown(limit))?;
    let verdict = style(report.verdict).bold();
    let (first, rest) = proof.split_once(':').unwrap_or((proof, ""));
    writeln!(page.out, "\n{HEAD}proof{HEAD:#}  {verdict}{first}{verdict:#}:{}", shown(rest))
}

impl<W: Write> Page<W> {
    fn head(&mut self, audit: &Audit) -> io::Result<()> {
        writeln!(self.out, "{HEAD}{}{HEAD:#}", shown(&audit.session))?;
        let Some(start) = &audit.start else {
            return writeln!(self.out, "  the log has no start receipt");
        };
        self.field(
            "command",
            &if start.command.is_empty() { "-".to_owned() } else { command(&start.command) },
        )?;
        self.field("delegation", &start.delegation)?;
        self.field("held by", &start.delegated_to)?;
        self.field("host", &start.host)?;
        self.field("enforced", &enforced(start))?;
        self.field("ran", &ran(start, audit.end.as_ref()))
    }

    fn field(&mut self, name: &str, value: &str) -> io::Result<()> {
        writeln!(self.out, "  {QUIET}{name:<10}{QUIET:#}  {}", shown(value))
    }

    fn section(&mut self, name: &str, count: &str) -> io::Result<()> {
        writeln!(self.out, "\n{HEAD}{name}{HEAD:#}{}{count}", if count.is_empty() { "" } else { "  " })
    }

    fn files(&mut self, audit: &Audit) -> io::Result<()> {
        let counts = counted(&audit.files);
        let temporary = match audit.temporary {
            0 => String::new(),
            some => format!(", {} made and removed again", grouped(some)),
        };
        self.section("Files", &format!("{counts}{temporary}"))?;
        let width = width(audit.files.iter().take(self.limit()).map(|file| file.path.as_str()));
        self.list(&audit.files, |out, file| file_row(out, file, width))
    }

    fn executed(&mut self, audit: &Audit) -> io::Result<()> {
        self.section("Code executed", &total(audit.executed.iter().map(|one| one.count)))?;
        self.list(&audit.executed, |out, one| {
            let rest = if one.cut { " ..." } else { "" };
            let line = clip(&command(&one.argv), 100);
            writeln!(out, "  {line}{rest}{QUIET}  {}{}{QUIET:#}", shown(&one.path), times(one.count))
        })
    }

    fn connections(&mut self, name: &str, all: &[Connection]) -> io::Result<()> {
        self.section(name, &total(all.iter().map(|one| one.count)))?;
        self.list(all, |out, one| {
            let (protocol, address) = (shown(&one.protocol), shown(&one.address));
            writeln!(
                out,
                "  {protocol:<4} {address}{QUIET}  {}{}{QUIET:#}",
                shown(&one.scope),
                times(one.count)
            )
        })
    }

    fn privileged(&mut self, audit: &Audit) -> io::Result<()> {
        if audit.privileged.is_empty() {
            return Ok(());
        }
        self.section("Beyond files and networks", &total(audit.privileged.iter().map(|one| one.count)))?;
        self.list(&audit.privileged, |out, one| {
            writeln!(out, "  {:<22}  {}{}", shown(&one.action), shown(&one.object), times(one.count))
        })
    }

    fn refusals(&mut self, audit: &Audit) -> io::Result<()> {
        self.section("Refused", &total(audit.refusals.iter().map(|one| one.count)))?;
        // Refusals are what the reader came for: all of them, unless there are very many.
        let limit = if self.all { usize::MAX } else { SHORT.saturating_mul(4) };
        for refusal in audit.refusals.iter().take(limit) {
            self.refusal(refusal)?;
        }
        self.rest(audit.refusals.len(), limit)
    }

    fn refusal(&mut self, one: &Refusal) -> io::Result<()> {
        let tasks: Vec<String> = one.tasks.iter().map(|task| shown(task)).collect();
        writeln!(
            self.out,
            "  {REFUSED}{:<22}{REFUSED:#}  {}{QUIET}  {} ({}) by {}{}{}{QUIET:#}",
            shown(&one.action),
            shown(&one.object),
            one.reason.replace('-', " "),
            shown(&one.errno),
            tasks.join(", "),
            times(one.count),
            if one.enforced { "" } else { ", recorded only" },
        )?;
        match &one.grant {
            Some(scope) => {
                let option = command(&["--scope".to_owned(), scope.clone()]);
                writeln!(self.out, "  {:<22}  allowed by  {option}", "")
            }
            None => Ok(()),
        }
    }

    fn reads(&mut self, audit: &Audit) -> io::Result<()> {
        let sum = audit.reads.iter().fold(0_u64, |sum, one| sum.saturating_add(one.count));
        let count = format!("{} in {} directories", grouped(sum), grouped(count_of(audit.reads.len())));
        self.section("Files read", if sum == 0 { "none" } else { &count })?;
        self.list(&audit.reads, |out, one| {
            writeln!(out, "  {:>8}  {}", grouped(one.count), shown(&one.directory))
        })
    }

    fn incidents(&mut self, audit: &Audit) -> io::Result<()> {
        if audit.incidents.is_empty() {
            return Ok(());
        }
        self.section("Incidents", "")?;
        self.list(&audit.incidents, |out, incident| writeln!(out, "  {}", shown(incident)))
    }

    fn list<T>(&mut self, all: &[T], row: impl Fn(&mut W, &T) -> io::Result<()>) -> io::Result<()> {
        let limit = self.limit();
        for one in all.iter().take(limit) {
            row(&mut self.out, one)?;
        }
        self.rest(all.len(), limit)
    }

    fn rest(&mut self, length: usize, limit: usize) -> io::Result<()> {
        match length.saturating_sub(limit) {
            0 => Ok(()),
            more => writeln!(
                self.out,
                "  {QUIET}and {} more (--all shows them){QUIET:#}",
                grouped(count_of(more))
            ),
        }
    }

    fn limit(&self) -> usize {
        if self.all { usize::MAX } else { SHORT }
    }
}

pub(super) fn enforced(start: &Start) -> String {
    match start.missing.as_slice() {
        [] => format!("{}, by {} programs in the kernel", start.enforcement, start.hooks),
        missing => format!("{}, missing: {}", start.enforcement, missing.join(", ")),
    }
}

pub(super) fn ran(start: &Start, end: Option<&End>) -> String {
    let Some(end) = end else { return format!("from {}, not closed", start.wall) };
    let status = end.status.map_or(String::new(), |status| format!(" with {status}"));
    let lasted = match (start.wall.parse::<Timestamp>(), end.wall.parse::<Timestamp>()) {
        (Ok(from), Ok(to)) => {
            let seconds = to.duration_since(from).as_secs_f64();
            format!(", {seconds:.1} s")
        }
        _unreadable => String::new(),
    };
    format!("{}{lasted}, {}{status}", start.wall, end.reason)
}

fn file_row(out: &mut impl Write, file: &FileChange, width: usize) -> io::Result<()> {
    let path = shown(&file.path);
    let change = file.change.name();
    write!(out, "  {change:<8}  {path}")?;
    let blank = " ".repeat(width.saturating_sub(path.chars().count()));
    let digest = file.sha256.as_deref().and_then(|digest| digest.get(..16)).unwrap_or_default();
    let mode = file.mode.as_deref().map(shown).unwrap_or_default();
    match (file.size, file.state.as_deref()) {
        (_, Some("unhashed")) => {
            let why = file.why.as_deref().unwrap_or_default();
            write!(out, "{blank}  {QUIET}not hashed: {}{QUIET:#}", shown(why))
        }
        (Some(size), _) => {
            write!(out, "{blank}  {:>10} B  {mode:<4}  {QUIET}sha256 {digest}{QUIET:#}", grouped(size))
        }
        (None, Some("symlink")) => {
            write!(out, "{blank}  {:>12}  {:<4}  {QUIET}target sha256 {digest}{QUIET:#}", "link", "")
        }
        (None, Some("directory")) => write!(out, "{blank}  {:>12}  {mode}", "directory"),
        _gone => Ok(()),
    }?;
    if file.changed_by_others.is_empty() {
        return writeln!(out);
    }
    writeln!(out, "  {FLAGGED}{}{FLAGGED:#}", shown(&file.by_others()))
}

/// The width of a column of paths: that of the longest which is not very long.
fn width<'a>(paths: impl Iterator<Item = &'a str>) -> usize {
    paths.map(|path| shown(path).chars().count()).filter(|width| *width <= 60).max().unwrap_or_default()
}

fn total(counts: impl Iterator<Item = u64>) -> String {
    match counts.fold(0_u64, u64::saturating_add) {
        0 => "none".to_owned(),
        1 => "once".to_owned(),
        sum => format!("{} times", grouped(sum)),
    }
}

fn times(count: u64) -> String {
    if count == 1 { String::new() } else { format!(", {} times", grouped(count)) }
}

fn clip(text: &str, length: usize) -> String {
    if text.chars().count() <= length {
        return text.to_owned();
    }
    let mut clipped: String = text.chars().take(length).collect();
    clipped.push_str("...");
    clipped
}

fn count_of(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
