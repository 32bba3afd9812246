//! What the session was, in a sentence, in numbers and in full; what limited it and what ended it.

use maud::{Markup, html};

use super::{Told, code, part, rest, sum, table};
use crate::audit::{Audit, Limit, grouped};
use crate::cli::audit::page::{enforced, ran};
use crate::cli::shown::{command, shown};

/// What was run, for how long, and how it ended.
pub(super) fn sentence(audit: &Audit) -> Markup {
    let Some(start) = &audit.start else { return html! { "The log has no start receipt." } };
    html! { (code(&command(&start.command))) " ran " (shown(&ran(start, audit.end.as_ref()))) "." }
}

/// The numbers that a reader looks for first.
pub(super) fn tiles(told: &Told<'_>) -> Markup {
    let audit = told.audit;
    let tiles = [
        ("acts refused", sum(audit.refusals.iter().map(|one| one.count))),
        ("files changed", u64::try_from(audit.files.len()).unwrap_or(u64::MAX)),
        ("executions", sum(audit.executed.iter().map(|one| one.count))),
        ("connections", sum(audit.connections.iter().map(|one| one.count))),
        ("receipts", told.report.summary.receipts),
        ("missing", told.report.summary.missing),
    ];
    html! { dl.tiles { @for (name, count) in tiles { div { dt { (name) } dd { (grouped(count)) } } } } }
}

/// Who, where, on whose authority.
pub(super) fn what_it_was(audit: &Audit) -> Markup {
    let Some(start) = &audit.start else {
        return part("session", "Session", "", &html! { p { "The log has no start receipt." } });
    };
    let fact = |name: &str, value: &str| html! { dt { (name) } dd { (shown(value)) } };
    let coded = |name: &str, value: &str| html! { dt { (name) } dd { (code(value)) } };
    let content = html! {
        dl.facts {
            (coded("command", &command(&start.command)))
            (coded("delegation", &start.delegation))
            (coded("its SHA-256", &start.delegation_sha256))
            (coded("held by", &start.delegated_to))
            (fact("valid until", &start.expires))
            @if let Some(parent) = &start.parent { (coded("within session", parent)) }
            (fact("user", &start.uid.to_string()))
            (fact("host", &start.host))
            (fact("enforced", &enforced(start)))
            @if start.mode != "enforce" { (fact("mode", "recorded only: nothing was refused")) }
            (coded("policy", &start.policy))
            (fact("gov", &start.gov))
            dt { "granted" }
            dd { ul.scopes { @for scope in &start.scopes { li { (code(scope)) } } } }
        }
    };
    part("session", "Session", "", &content)
}

/// What was used of each limit, and how the session ended.
pub(super) fn limits_and_end(told: &Told<'_>) -> Markup {
    let audit = told.audit;
    let spend = audit.start.as_ref().map_or("none known", |start| start.spend_limit.as_str());
    let rows = html! {
        @for limit in &audit.limits { tr { th scope="row" { (code(&limit.scope)) } td { (used(limit)) } } }
        tr { th scope="row" { "spend" } td { "metered: nothing; limit " (shown(spend)) } }
    };
    let content = html! {
        (table("Limits", &["limit", "used"], &rows))
        h3 { "What befell it" }
        @if audit.incidents.is_empty() { p { "Nothing." } } @else {
            ul.scopes { @for incident in audit.incidents.iter().take(told.most()) { li { (shown(incident)) } } }
        }
        (rest(audit.incidents.len(), told.most()))
        h3 { "What ended it" }
        p { (ended(audit)) }
    };
    part("limits", "Limits and end", "", &content)
}

fn used(limit: &Limit) -> Markup {
    match (limit.used, limit.most) {
        (Some(used), Some(most)) => html! {
            meter min="0" max=(most.max(1)) value=(used) aria-label={ (used) " of " (most) } {}
            " " (grouped(used)) " of " (grouped(most))
        },
        (None, Some(_)) => html! { span.quiet { "not known: the log has no end" } },
        (_, None) => html! { span.quiet { "counts within a window of time" } },
    }
}

fn ended(audit: &Audit) -> Markup {
    let Some(end) = &audit.end else { return html! { "The log is not closed." } };
    let why = match end.reason.as_str() {
        "exited" => "Its last process exited.",
        "expired" => "The delegation's time was over.",
        "revoked" => "Its authority was withdrawn.",
        "exhausted" => "It had suffered all the refusals that it may.",
        "circuit-open" => "Its circuit breaker opened for good.",
        "cut-off" => "It was cut off.",
        "ended" => "It was asked to end.",
        "recovered" => "The host or the daemon had stopped.",
        other => other,
    };
    html! {
        (shown(why))
        @if let Some(status) = end.status { " The command's exit status was " (status) "." }
        @if let Some(signal) = end.signal { " Signal " (signal) " killed the command." }
        " " time datetime=(end.wall) { (shown(&end.wall)) }
    }
}
