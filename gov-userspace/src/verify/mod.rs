//! Says what a log proves: which of its claims hold, which do not, and which cannot be known from it.
//!
//! It reads a log once, from its first line to its last, on as many threads as it is given and in memory that does not
//! grow with the log. Each thread hashes and checks lines for themselves; what depends on their order is added up by
//! one. It needs no daemon, no rights, no kernel feature and no network: whoever has the files and a public key can do
//! it anywhere.

mod account;
mod chunk;
mod delegation;
mod ends;
mod growth;
mod heads;
mod ordered;
mod ranges;
mod signers;
mod single;

use std::io::{self, Read};

use serde::Serialize;

use self::account::Account;
use self::chunk::Checked;
use self::heads::{Heads, Keys};
use self::ordered::ordered;
use crate::key::Public;
use crate::lines::Chunks;
use crate::merkle::{Span, Tree};

pub use account::Summary;
pub use growth::{GrowthProof, growth};
pub use signers::Signers;
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
    /// The note of an earlier checkpoint that was kept elsewhere.
    pub since: Option<Vec<u8>>,
    /// The delegation's bytes.
    pub delegation: Option<Vec<u8>>,
    /// The delegations that it narrows: a JSON array of their texts, from the root on.
    pub ancestors: Option<Vec<u8>>,
    /// The key that the log itself names, which proves nothing about who signed.
    pub claimed: Option<Public>,
}

/// Bytes of a log that a thread takes at once: they fit into its processor's own cache.
const LINES: usize = 256 << 10;
/// The same of a log's history, which takes a signature to be checked for each of its lines.
const HEADS: usize = 16 << 10;

/// Checks a log against the keys that are trusted to sign logs, on this many threads. `progress` is told how
/// many bytes of the log are done.
///
/// # Errors
/// Those of the readers, and if the system gives no threads; whatever the bytes say is in the report.
pub fn log<L: Read + Send, H: Read + Send>(
    evidence: Evidence<L, H>,
    trusted: impl Into<Signers>,
    threads: usize,
    progress: &mut dyn FnMut(u64),
) -> io::Result<Report> {
    let keys = &Keys::new(trusted.into(), evidence.claimed);
    std::thread::scope(|scope| {
        let read = |chunk: io::Result<_>| chunk.map(|chunk| heads::found(&chunk, keys));
        // Without a key there is nothing to check them with.
        let history = evidence.history.filter(|_| keys.is_some()).map(|history| Chunks::new(history, HEADS));
        let history = history.map(|chunks| ordered(scope, threads, chunks, read)).transpose()?;
        let mut heads = Heads::new(&evidence.checkpoint, evidence.since.as_deref(), history, keys);
        let check = |chunk: io::Result<_>| chunk.map(|chunk| chunk::check(&chunk));
        let mut lines = ordered(scope, threads, Chunks::new(evidence.log, LINES), check)?;
        let (tree, account, form) = add_up(&mut lines, &mut heads, progress)?;

        let mut items = vec![match form {
            None => {
                let count = tree.size();
                Item::holds("form", format!("{count} lines are canonical receipts, numbered without a gap"))
            }
            Some(fault) => Item::fails("form", fault),
        }];
        items.extend(heads.items(&tree, account.session(), account.start()));
        let (bytes, ancestors) = (evidence.delegation.as_deref(), evidence.ancestors.as_deref());
        items.push(delegation::item(bytes, ancestors, &account));
        items.extend(account.items());
        Ok(Report::new(items, account.summary(tree.size())))
    })
}

/// The tree and the account of all lines, and the first fault in their form.
fn add_up(
    lines: &mut dyn Iterator<Item = io::Result<Checked>>,
    heads: &mut Heads<'_>,
    progress: &mut dyn FnMut(u64),
) -> io::Result<(Tree, Account, Option<String>)> {
    let (mut tree, mut account, mut form) = (Tree::default(), Account::default(), None);
    for checked in lines {
        let Checked { span, steps, mut fault, end, bytes } = checked?;
        for (line, step) in steps {
            if let Err(why) = account.take(step)
                && fault.as_ref().is_none_or(|(first, _)| *first > line)
            {
                fault = Some((line, why));
            }
        }
        heads.grown(&tree, &span)?;
        span.grow(&mut tree, u64::MAX);
        progress(bytes);
        let over = end.is_some();
        let fault = fault.map(|(line, why)| format!("line {}: {why}", line.saturating_add(1)));
        form = form.or(fault).or(end);
        if over {
            break;
        }
    }
    heads.grown(&tree, &Span::default())?;
    Ok((tree, account, form))
}
