//! `gov ps`: the sessions that the daemon governs; root sees all of them, others their own.

use super::daemon::{Socket, out_of_turn};
use super::{Exit, Failure, out};
use crate::control::message::{Hashing, Reply, Request, SessionView, Stage};

/// Arguments of `gov ps`.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Print JSON: an array of sessions.
    #[arg(long)]
    json: bool,
    /// Closed sessions too, as long as the daemon remembers them.
    #[arg(long, short)]
    all: bool,
    #[command(flatten)]
    socket: Socket,
}

/// Prints one line a session.
pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let Reply::Sessions(mut sessions) = args.socket.ask(Request::List {})? else { return Err(out_of_turn()) };
    sessions.retain(|session| args.all || session.state != Stage::Closed);
    out::print(&if args.json {
        out::json("the sessions", &sessions)?
    } else {
        table(&sessions, jiff::Timestamp::now())
    })?;
    Ok(Exit::Success)
}

/// Columns as wide as their widest cell; the command, last, is as long as it is.
fn table(sessions: &[SessionView], now: jiff::Timestamp) -> String {
    let head =
        ["SESSION", "UID", "STATE", "AGE", "EXPIRES", "DECISIONS", "REFUSED", "COMMAND"].map(str::to_owned);
    let rows: Vec<[String; 8]> =
        std::iter::once(head).chain(sessions.iter().map(|session| row(session, now))).collect();
    let mut widths = [0_usize; 8];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in &rows {
        let cells: Vec<String> =
            row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

fn row(session: &SessionView, now: jiff::Timestamp) -> [String; 8] {
    let state = match (session.state, session.ended) {
        (Stage::Running, _) => "running".to_owned(),
        (Stage::Frozen, _) => "frozen".to_owned(),
        (Stage::Ending, _) => match session.hashing {
            Some(hashing) if hashing.of_bytes > 0 => format!("hashing {}%", percent(&hashing)),
            _no_files => "ending".to_owned(),
        },
        (Stage::Closed, ended) => ended.map_or("closed", |ended| ended.name()).to_owned(),
    };
    let seconds =
        |from: jiff::Timestamp, to: jiff::Timestamp| to.as_second().saturating_sub(from.as_second());
    let started = session.started.parse().ok();
    let expires = session.expires.parse().ok();
    [
        session.session.clone(),
        session.uid.to_string(),
        state,
        started.map_or("?".to_owned(), |started| span(seconds(started, now))),
        expires.map_or("?".to_owned(), |expires| span(seconds(now, expires))),
        session.decisions.to_string(),
        session.refused.to_string(),
        visible(&session.command.join(" ")),
    ]
}

/// How much of the files is hashed, of a hundred.
fn percent(hashing: &Hashing) -> u64 {
    let (bytes, of_bytes) = (u128::from(hashing.bytes), u128::from(hashing.of_bytes));
    let percent = bytes.saturating_mul(100).checked_div(of_bytes).unwrap_or(100);
    u64::try_from(percent).unwrap_or(100).min(100)
}

/// A length of time in its two largest units.
fn span(seconds: i64) -> String {
    let part = |value: i64, by: i64| (value.checked_div(by).unwrap_or(0), value.checked_rem(by).unwrap_or(0));
    let (days, rest) = part(seconds.max(0), 86_400);
    let (hours, rest) = part(rest, 3_600);
    let (minutes, seconds) = part(rest, 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, minutes) => format!("{minutes}m{seconds:02}s"),
        (0, hours, minutes) => format!("{hours}h{minutes:02}m"),
        (days, hours, _) => format!("{days}d{hours:02}h"),
    }
}

/// Control characters made visible: a command line must not steer the terminal.
fn visible(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

#[cfg(test)]
mod tests {
    use super::{span, table};
    use crate::control::message::{Hashing, SessionView, Stage};

    #[test]
    fn a_span_shows_its_two_largest_units() {
        let spans = [-5, 59, 61, 3_700, 90_000].map(span);
        assert_eq!(spans, ["0s", "59s", "1m01s", "1h01m", "1d01h"]);
    }

    #[test]
    fn columns_line_up_and_a_command_cannot_steer_the_terminal() {
        let mut session = SessionView {
            session: "demo-1".to_owned(),
            uid: 1000,
            command: vec!["sh".to_owned(), "\u{1b}[2J".to_owned()],
            state: Stage::Running,
            ended: None,
            delegation_id: "sha256:00".to_owned(),
            started: "2026-01-01T00:00:00Z".to_owned(),
            expires: "2026-01-01T02:00:00Z".to_owned(),
            decisions: 7,
            refused: 1,
            lost: 0,
            receipts: 9,
            processes: 1,
            parent: None,
            hashing: None,
        };
        let now = "2026-01-01T00:01:00Z".parse().unwrap();
        let text = table(std::slice::from_ref(&session), now);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0].find("COMMAND"), lines[1].find("sh \\u{1b}[2J"));
        assert!(lines[1].contains("1m00s") && lines[1].contains("1h59m"));
        session.state = Stage::Ending;
        session.hashing = Some(Hashing { bytes: 2 << 30, of_bytes: 4 << 30, files: 1, of_files: 9 });
        assert!(table(&[session], now).contains("  hashing 50%  "));
    }
}
