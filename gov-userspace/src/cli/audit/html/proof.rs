//! What the evidence proves: each claim and what is known of it, by which key, and what no log can tell.

use maud::{Markup, html};

use super::{Told, class, code, part, table};
use crate::cli::shown::shown;
use crate::verify::Verdict;

/// What holds for every log, however good.
const NEVER: [&str; 3] = [
    "Whether kernel and daemon were what they claim to be: root of that host can load another kernel, or take the key.",
    "Whether an act that was granted succeeded: the kernel let it begin.",
    "What was written into a file, but for the digest of what stood there at the end.",
];

/// The part of the page.
pub(super) fn section(told: &Told<'_>) -> Markup {
    let report = told.report;
    let rows = html! {
        @for item in &report.items {
            tr {
                th scope="row" { (item.name) }
                td class=(class(item.verdict)) { (item.verdict.words()) }
                td { (shown(&item.detail)) }
            }
        }
    };
    let unknown = report.items.iter().filter(|item| item.verdict == Verdict::CannotBeKnown);
    let (said, reproduce) = told.proof.split_once("; reproduce with: ").unwrap_or((told.proof, ""));
    let key = told.audit.start.as_ref().map_or("", |start| start.key.as_str());
    let content = html! {
        p class={ "verdict " (class(report.verdict)) } { (shown(said)) }
        (table("Claims", &["claim", "", "what was found"], &rows))
        h3 { "What cannot be known" }
        ul {
            @for item in unknown { li { (item.name) ": " (shown(&item.detail)) } }
            @for limit in &report.summary.limits { li { "That nothing outside the boundary was touched, because " (shown(limit)) } }
            @for never in NEVER { li { (never) } }
        }
        h3 { "See for yourself" }
        p { "The page proves nothing by itself; the log does. With the log's folder and the host's public key:" }
        pre { (shown(reproduce)) }
        dl.facts { dt { "key that signs the log" } dd { (code(key)) } }
        p { "The log's latest signed head:" }
        pre { @for line in told.checkpoint.lines() { (shown(line)) "\n" } }
    };
    part("proof", "Proof", "", &content)
}
