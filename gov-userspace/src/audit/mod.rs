//! What a session did, as its receipts tell it: files, code, connections, refusals, reads, and what is proved.
//!
//! The report only gathers; whether the receipts are to be believed is said by [`crate::verify`], whose result it
//! carries.

mod ends;
mod files;
mod gather;
mod timeline;
pub(crate) mod words;

use serde::Serialize;

use crate::key::Public;
use crate::verify::{Report, Verdict};

pub use ends::{End, Limit, Start};
pub use files::{Change, FileChange, counted};
pub use gather::Gatherer;
pub use timeline::{Moment, Sort, Timeline};

/// A session's report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Audit {
    /// The session's name.
    pub session: String,
    /// On whose authority, where and what.
    pub start: Option<Start>,
    /// How it ended.
    pub end: Option<End>,
    /// What it was limited to, and what it used of that.
    pub limits: Vec<Limit>,
    /// What became of files and directories.
    pub files: Vec<FileChange>,
    /// What was made and removed again, by count.
    pub temporary: u64,
    /// What was executed.
    pub executed: Vec<Executed>,
    /// What was connected or sent to.
    pub connections: Vec<Connection>,
    /// Where it was bound and listened.
    pub listening: Vec<Connection>,
    /// What was done that takes a `kernel:`, `process:` or `capability:` scope.
    pub privileged: Vec<Privileged>,
    /// What was refused.
    pub refusals: Vec<Refusal>,
    /// Where was read, the most first.
    pub reads: Vec<Reads>,
    /// What else happened to the session, in order.
    pub incidents: Vec<String>,
}

/// Executions with the same arguments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Executed {
    /// The file.
    pub path: String,
    /// The arguments.
    pub argv: Vec<String>,
    /// Whether arguments beyond these were cut.
    pub cut: bool,
    /// How often.
    pub count: u64,
}

/// Granted acts that lie beyond files, code and the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Privileged {
    /// What was done.
    pub action: String,
    /// On what.
    pub object: String,
    /// How often it was recorded; of a capability, that it was used.
    pub count: u64,
}

/// Granted connections and messages to one address, or sockets bound to an own one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Connection {
    /// Address and port, or what kind of socket.
    pub address: String,
    /// `tcp`, `udp` or the protocol's number.
    pub protocol: String,
    /// The scope that granted it.
    pub scope: String,
    /// How often.
    pub count: u64,
}

/// Refusals of the same act for the same reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// What was attempted.
    pub action: String,
    /// On what.
    pub object: String,
    /// The rights it takes.
    pub wanted: Vec<String>,
    /// Why it was refused.
    pub reason: String,
    /// What the task was told.
    pub errno: String,
    /// The scope that would have allowed it.
    pub grant: Option<String>,
    /// The names of the tasks that tried, each once.
    pub tasks: Vec<String>,
    /// Whether the refusal took effect.
    pub enforced: bool,
    /// How often.
    pub count: u64,
}

/// Granted reads in one directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reads {
    /// The directory.
    pub directory: String,
    /// How often files in it were opened for reading.
    pub count: u64,
}

/// What the evidence proves, in a line, and how to see it for oneself.
pub fn proof(report: &Report, place: &str, key: Option<Public>) -> String {
    let reproduce = match key {
        Some(key) => format!("reproduce with: gov verify {place} --key {key}"),
        None => format!("reproduce with: gov verify {place} --key KEY"),
    };
    let summary = &report.summary;
    let worst = report.items.iter().find(|item| item.verdict == report.verdict);
    let worst = worst.map_or("nothing was checked", |item| item.detail.as_str());
    let counted = format!("{} receipts, {} missing", grouped(summary.receipts), grouped(summary.missing));
    match (report.verdict, &summary.limits[..]) {
        (Verdict::Holds, []) => {
            format!("holds: {counted}, nothing outside the boundary was touched; {reproduce}")
        }
        (Verdict::Holds, limits) => format!(
            "holds: {counted}; that nothing outside the boundary was touched is not proved, because {}; {reproduce}",
            limits.join(" and ")
        ),
        (verdict, _) => format!("{}: {worst}; {reproduce}", verdict.words()),
    }
}

/// A number with commas between thousands.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len().saturating_mul(2));
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && digits.len().abs_diff(place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{grouped, proof};
    use crate::verify::{Item, Report, Summary, Verdict};

    fn report(verdict: Verdict, limits: Vec<String>) -> Report {
        let item = Item { name: "close", verdict, detail: "the session is not closed".to_owned() };
        let summary = Summary { receipts: 1204, limits, ..Summary::default() };
        Report { verdict, items: vec![item], summary }
    }

    #[test]
    fn thousands_are_grouped() {
        let shown: Vec<String> = [0, 7, 999, 1000, 1_234_567].map(grouped).into();
        assert_eq!(shown, ["0", "7", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn the_proof_line_says_only_what_is_proved() {
        let said = |verdict, limits| proof(&report(verdict, limits), "DIR", None);
        assert_eq!(
            said(Verdict::Holds, vec![]),
            "holds: 1,204 receipts, 0 missing, nothing outside the boundary was touched; \
             reproduce with: gov verify DIR --key KEY"
        );
        let limited = said(Verdict::Holds, vec!["enforcement was partial: x".to_owned()]);
        assert!(limited.contains("is not proved, because enforcement was partial: x"), "{limited}");
        let unknown = said(Verdict::CannotBeKnown, vec![]);
        assert!(unknown.starts_with("cannot be known: the session is not closed;"), "{unknown}");
    }
}
