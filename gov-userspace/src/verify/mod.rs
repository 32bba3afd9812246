//! Says what a log proves: which of its claims hold, which do not, and which cannot be known from it.
//!
//! It reads a log once, from its first line to its last, in bounded memory. It needs no daemon, no rights, no
//! kernel feature and no network: whoever has the files and a public key can do it anywhere.

mod account;
mod delegation;
mod heads;
mod ranges;
mod single;

use std::io::{self, BufRead};

use serde::Serialize;

use self::account::Account;
use self::heads::Heads;
use crate::key::Public;
use crate::lines::{Line, Lines, MAX_LINE};
use crate::merkle::{self, Tree};

pub use account::Summary;
pub use single::{ReceiptProof, receipt};

/// What is known of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It was checked and holds.
    Holds,
    /// The evidence does not reach that far.
    CannotBeKnown,
    /// It was checked and does not hold.
    DoesNotHold,
}

impl Verdict {
    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::CannotBeKnown => "cannot be known",
            Self::DoesNotHold => "does not hold",
        }
    }
}

/// One claim, and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Item {
    /// Which claim.
    pub name: &'static str,
    /// What is known of it.
    pub verdict: Verdict,
    /// Why, or what holds.
    pub detail: String,
}

impl Item {
    fn holds(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Holds, detail: detail.into() }
    }

    fn fails(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::DoesNotHold, detail: detail.into() }
    }

    fn unknown(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::CannotBeKnown, detail: detail.into() }
    }
}

/// All claims of a log, and what is known of them together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The worst verdict of all.
    pub verdict: Verdict,
    /// Each claim.
    pub items: Vec<Item>,
    /// What was counted on the way.
    pub summary: Summary,
}

impl Report {
    fn new(items: Vec<Item>, summary: Summary) -> Self {
        let verdict = items.iter().map(|item| item.verdict).max().unwrap_or(Verdict::CannotBeKnown);
        Self { verdict, items, summary }
    }
}

/// What a log consists of.
pub struct Evidence<L, H> {
    /// The receipts.
    pub log: L,
    /// The latest checkpoint's note; empty if there is none.
    pub checkpoint: Vec<u8>,
    /// All checkpoints, a line with one JSON text each.
    pub history: Option<H>,
    /// The delegation's bytes.
    pub delegation: Option<Vec<u8>>,
    /// The delegations that it narrows: a JSON array of their texts, from the root on.
    pub ancestors: Option<Vec<u8>>,
    /// The key that the log itself names, which proves nothing about who signed.
    pub claimed: Option<Public>,
}

/// Checks a log against the public keys that are trusted to sign logs.
///
/// # Errors
/// Those of the readers; whatever the bytes say is in the report.
pub fn log<L: BufRead, H: BufRead>(evidence: Evidence<L, H>, trusted: &[Public]) -> io::Result<Report> {
    let mut heads = Heads::new(&evidence.checkpoint, evidence.history, trusted, evidence.claimed)?;
    let (mut tree, mut account) = (Tree::default(), Account::default());
    let mut lines = Lines::new(evidence.log);
    let mut form = None;
    loop {
        match lines.read()? {
            Line::Whole(line) => {
                if let Err(fault) = account.take(line, tree.size())
                    && form.is_none()
                {
                    form = Some(format!("line {}: {fault}", tree.size().saturating_add(1)));
                }
                tree.push(merkle::leaf(line));
                heads.grown(&tree)?;
            }
            Line::Torn(rest) => {
                form = form.or(Some(format!("the last line is torn after {} bytes", rest.len())));
                break;
            }
            Line::TooLong => {
                form = form.or(Some(format!("a line is longer than {MAX_LINE} bytes")));
                break;
            }
            Line::End => break,
        }
    }
    let mut items = vec![match form {
        None => Item::holds(
            "form",
            format!("{} lines are canonical receipts, numbered without a gap", tree.size()),
        ),
        Some(fault) => Item::fails("form", fault),
    }];
    items.extend(heads.items(&tree, account.session(), account.key()));
    items.push(delegation::item(evidence.delegation.as_deref(), evidence.ancestors.as_deref(), &account));
    items.extend(account.items());
    Ok(Report::new(items, account.summary(tree.size())))
}
