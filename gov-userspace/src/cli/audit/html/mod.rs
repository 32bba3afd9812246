//! Lays a session's report out as one HTML file: no script, no address that is fetched, and nothing of what a session
//! chose to be called reaches the page but as text.

mod lists;
mod proof;
mod session;
mod tree;

use base64ct::{Base64, Encoding};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use crate::audit::{Audit, Moment, grouped};
use crate::cli::shown::shown;
use crate::verify::{Report, Verdict};

const STYLE: &str = include_str!("page.css");

/// Rows of a list that are shown unless all are asked for.
pub(super) const SHORT: usize = 500;

/// All that the page tells.
pub(super) struct Told<'a> {
    pub(super) audit: &'a Audit,
    pub(super) report: &'a Report,
    /// The moments in order, and how many more there were.
    pub(super) timeline: (Vec<Moment>, u64),
    /// The proof line.
    pub(super) proof: &'a str,
    /// The latest signed head of the log.
    pub(super) checkpoint: &'a str,
    /// Every row of long lists.
    pub(super) all: bool,
}

impl Told<'_> {
    /// Most rows of a list.
    const fn most(&self) -> usize {
        if self.all { usize::MAX } else { SHORT }
    }
}

/// The page.
pub(super) fn page(told: &Told<'_>) -> Markup {
    let name = match told.audit.session.as_str() {
        "" => "a log without a session",
        name => name,
    };
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                // Before the style: what the page may do is nothing but look as this very style sheet says.
                meta http-equiv="Content-Security-Policy" content=(policy());
                meta name="referrer" content="no-referrer";
                meta name="robots" content="noindex";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "gov audit: " (shown(name)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#main" { "Skip to the report" }
                header {
                    h1 { (shown(name)) }
                    p class={ "verdict " (class(told.report.verdict)) } { "Evidence: " (told.report.verdict.words()) }
                    p { (session::sentence(told.audit)) }
                    (session::tiles(told))
                    (contents())
                }
                main #main tabindex="-1" {
                    (session::what_it_was(told.audit))
                    (lists::refusals(told))
                    (tree::files(told))
                    (lists::executed(told))
                    (lists::connections(told))
                    (lists::beyond(told))
                    (lists::reads(told))
                    (session::limits_and_end(told))
                    (lists::timeline(told))
                    (proof::section(told))
                }
                footer { p { "Written by gov " (env!("CARGO_PKG_VERSION")) ". This file fetches nothing and runs nothing." } }
            }
        }
    }
}

/// Nothing may be fetched, run, embedded or sent; the style is known by its digest.
fn policy() -> String {
    let digest = Base64::encode_string(&Sha256::digest(STYLE));
    format!("default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'")
}

/// The parts of the page by their ids, as the contents and the parts themselves name them.
const PARTS: [(&str, &str); 9] = [
    ("session", "Session"),
    ("refused", "Refused"),
    ("files", "Files changed"),
    ("executed", "Code executed"),
    ("network", "Network"),
    ("reads", "Files read"),
    ("limits", "Limits and end"),
    ("timeline", "Timeline"),
    ("proof", "Proof"),
];

fn contents() -> Markup {
    html! {
        nav aria-label="Contents" {
            ul { @for (id, name) in PARTS { li { a href={ "#" (id) } { (name) } } } }
        }
    }
}

/// One part of the page, with what its heading counts.
fn part(id: &str, name: &str, count: &str, content: &Markup) -> Markup {
    html! {
        section aria-labelledby={ "h-" (id) } #(id) {
            h2 id={ "h-" (id) } { (name) @if !count.is_empty() { small { (count) } } }
            (content)
        }
    }
}

/// A table that a keyboard can scroll.
fn table(name: &str, heads: &[&str], rows: &Markup) -> Markup {
    html! {
        div.wide tabindex="0" role="group" aria-label=(name) {
            table {
                thead { tr { @for head in heads { th scope="col" class=[(*head == "times").then_some("number")] { (head) } } } }
                tbody { (rows) }
            }
        }
    }
}

/// What a list leaves out.
fn rest(length: usize, most: usize) -> Markup {
    let more = u64::try_from(length.saturating_sub(most)).unwrap_or(u64::MAX);
    html! { @if more > 0 { p.quiet { "and " (grouped(more)) " more; gov audit --all --html shows them" } } }
}

/// Text from the evidence.
fn code(text: &str) -> Markup {
    html! { code { (shown(text)) } }
}

const fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Holds => "good",
        Verdict::CannotBeKnown => "warn",
        Verdict::DoesNotHold => "bad",
    }
}

fn sum(counts: impl Iterator<Item = u64>) -> u64 {
    counts.fold(0, u64::saturating_add)
}

fn times(count: u64) -> String {
    match count {
        0 => "none".to_owned(),
        1 => "once".to_owned(),
        more => format!("{} times", grouped(more)),
    }
}
