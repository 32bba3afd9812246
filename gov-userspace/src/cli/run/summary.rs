//! What `gov run` says when its command is over: a few lines on standard error.

use crate::control::message::{SessionView, Stage};

/// Prints the summary, for people or as one line of JSON.
pub(super) fn print(view: &SessionView, json: bool) {
    if json {
        match serde_json::to_string(view) {
            Ok(line) => anstream::eprintln!("{line}"),
            Err(error) => tracing::debug!("the summary does not serialise: {error}"),
        }
        return;
    }
    for line in lines(view) {
        anstream::eprintln!("gov: {line}");
    }
}

fn lines(view: &SessionView) -> Vec<String> {
    let session = &view.session;
    let mut lines = Vec::new();
    match (view.state, view.ended) {
        (Stage::Closed, Some(ended)) => lines.push(format!("session {session} {}", words(ended))),
        (Stage::Closed, None) => lines.push(format!("session {session} is closed")),
        (Stage::Running | Stage::Frozen | Stage::Ending, _) => {
            let processes = counted(u64::from(view.processes), "process", "processes");
            lines.push(format!("session {session} goes on with {processes}: `gov end {session}` ends it"));
        }
    }
    let decisions = counted(view.decisions, "decision", "decisions");
    let refused = match view.refused {
        0 => "nothing was refused".to_owned(),
        refused => format!("{refused} refused"),
    };
    let mut account = format!("{decisions} of the kernel, {refused}");
    if view.lost > 0 {
        account.push_str(&format!(", {} lost", counted(view.lost, "event", "events")));
    }
    lines.push(account);
    lines.push(format!("what happened: `gov audit {session}`"));
    lines
}

fn words(ended: crate::control::message::Ended) -> &'static str {
    use crate::control::message::Ended;
    match ended {
        Ended::Completed => "is complete",
        Ended::Expired => "was ended: its delegation expired",
        Ended::Revoked => "was ended: its authority was withdrawn",
        Ended::Exhausted => "was ended: the refusals that its delegation suffers are spent",
        Ended::CircuitOpen => "was ended: too much was refused in too short a time",
        Ended::EndedByUser => "was ended by `gov end`",
        Ended::LogFailed => "was cut off: its log could not be written",
        Ended::NotEnforced => "was cut off: its enforcement was taken away",
        Ended::DaemonStopped => "was ended: the daemon stopped",
        Ended::ParentEnded => "was ended with the session that it lay in",
    }
}

fn counted(count: u64, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}

#[cfg(test)]
mod tests {
    use super::lines;
    use crate::control::message::{Ended, SessionView, Stage};

    #[test]
    fn a_refusal_and_a_session_that_goes_on_are_said() {
        let mut view = SessionView {
            session: "demo-1".to_owned(),
            uid: 0,
            command: vec![],
            state: Stage::Running,
            ended: None,
            delegation_id: String::new(),
            started: String::new(),
            expires: String::new(),
            decisions: 12,
            refused: 1,
            lost: 0,
            receipts: 0,
            processes: 1,
            parent: None,
            hashing: None,
        };
        let text = lines(&view);
        assert_eq!(text[0], "session demo-1 goes on with 1 process: `gov end demo-1` ends it");
        assert_eq!(text[1], "12 decisions of the kernel, 1 refused");
        view.state = Stage::Closed;
        view.ended = Some(Ended::Expired);
        assert_eq!(lines(&view)[0], "session demo-1 was ended: its delegation expired");
    }
}
