//! What was refused, executed, connected and read, and all of it in order.

use maud::{Markup, html};

use super::{Told, code, part, rest, sum, table, times};
use crate::audit::{Connection, Moment, Refusal, Sort, grouped};
use crate::cli::shown::{command, shown};

/// The refusals, each with the smallest scope that would have allowed it.
pub(super) fn refusals(told: &Told<'_>) -> Markup {
    let all = &told.audit.refusals;
    let rows = html! { @for one in all.iter().take(told.most()) { (refusal(one)) } };
    let content = html! {
        @if all.is_empty() { p { "Nothing." } } @else {
            (table("Refused acts", &["act", "on", "why", "by", "times"], &rows))
        }
        (rest(all.len(), told.most()))
    };
    part("refused", "Refused", &times(sum(all.iter().map(|one| one.count))), &content)
}

fn refusal(one: &Refusal) -> Markup {
    html! {
        tr {
            th scope="row" class="bad" { (shown(&one.action)) }
            td {
                (code(&one.object))
                div.remedy {
                    @match &one.grant {
                        Some(scope) => { "allowed by " (code(&command(&["--scope".to_owned(), scope.clone()]))) }
                        None => { "no scope would have allowed it" }
                    }
                }
            }
            td {
                (one.reason.replace('-', " ")) " " span.quiet { "(" (shown(&one.errno)) ")" }
                @if !one.enforced { br; "recorded only: it went on" }
            }
            td { @for task in &one.tasks { (code(task)) " " } }
            td.number { (grouped(one.count)) }
        }
    }
}

/// The executions.
pub(super) fn executed(told: &Told<'_>) -> Markup {
    let all = &told.audit.executed;
    let rows = html! {
        @for one in all.iter().take(told.most()) {
            tr {
                th scope="row" { (code(&command(&one.argv))) @if one.cut { " …" } }
                td { (code(&one.path)) }
                td.number { (grouped(one.count)) }
            }
        }
    };
    let content = html! {
        @if all.is_empty() { p { "Nothing." } } @else {
            (table("Executed programs", &["command", "file", "times"], &rows))
        }
        (rest(all.len(), told.most()))
    };
    part("executed", "Code executed", &times(sum(all.iter().map(|one| one.count))), &content)
}

/// Connections, and where it listened.
pub(super) fn connections(told: &Told<'_>) -> Markup {
    let audit = told.audit;
    let content = html! {
        @if audit.connections.is_empty() && audit.listening.is_empty() { p { "Nothing." } }
        @if !audit.connections.is_empty() { h3 { "Connected to" } (addresses("Connected to", &audit.connections, told)) }
        @if !audit.listening.is_empty() { h3 { "Listened at" } (addresses("Listened at", &audit.listening, told)) }
    };
    part("network", "Network", &times(sum(audit.connections.iter().map(|one| one.count))), &content)
}

fn addresses(name: &str, all: &[Connection], told: &Told<'_>) -> Markup {
    let rows = html! {
        @for one in all.iter().take(told.most()) {
            tr {
                th scope="row" { (code(&one.address)) }
                td { (shown(&one.protocol)) }
                td { (code(&one.scope)) }
                td.number { (grouped(one.count)) }
            }
        }
    };
    html! { (table(name, &["address", "protocol", "granted by", "times"], &rows)) (rest(all.len(), told.most())) }
}

/// What takes a scope of its own: absent where there was none.
pub(super) fn beyond(told: &Told<'_>) -> Markup {
    let all = &told.audit.privileged;
    if all.is_empty() {
        return html! {};
    }
    let rows = html! {
        @for one in all.iter().take(told.most()) {
            tr { th scope="row" { (shown(&one.action)) } td { (code(&one.object)) } td.number { (grouped(one.count)) } }
        }
    };
    let content = html! { (table("Beyond files and networks", &["act", "on", "times"], &rows)) (rest(all.len(), told.most())) };
    part("beyond", "Beyond files and networks", &times(sum(all.iter().map(|one| one.count))), &content)
}

/// Where was read.
pub(super) fn reads(told: &Told<'_>) -> Markup {
    let all = &told.audit.reads;
    let rows = html! {
        @for one in all.iter().take(told.most()) {
            tr { th scope="row" { (code(&one.directory)) } td.number { (grouped(one.count)) } }
        }
    };
    let content = html! {
        @if all.is_empty() { p { "None." } } @else { (table("Files read", &["directory", "times"], &rows)) }
        (rest(all.len(), told.most()))
    };
    part("reads", "Files read", &times(sum(all.iter().map(|one| one.count))), &content)
}

/// All of it in order.
pub(super) fn timeline(told: &Told<'_>) -> Markup {
    let (moments, omitted) = &told.timeline;
    let rows = html! { @for moment in moments { (row(moment)) } };
    let content = html! {
        p.quiet { "Granted reads are counted above and not told one by one." }
        (table("Timeline", &["time", "what", "on", "times"], &rows))
        @if *omitted > 0 { p.quiet { "and " (grouped(*omitted)) " more; gov audit --all --html shows them" } }
    };
    part("timeline", "Timeline", "", &content)
}

fn row(moment: &Moment) -> Markup {
    let (class, word) = match moment.sort {
        Sort::Life => ("good", ""),
        Sort::Act => ("", ""),
        Sort::Refusal => ("bad", "refused: "),
        Sort::Incident => ("warn", ""),
    };
    let time = moment.wall.get(11..23).unwrap_or(&moment.wall);
    html! {
        tr {
            td.time { time datetime=(moment.wall) { (shown(time)) } }
            th scope="row" class=(class) { (word) (shown(&moment.what)) }
            td { @if moment.argv.is_empty() { (code(&moment.object)) } @else { (code(&command(&moment.argv))) } }
            td.number { @if moment.count > 1 { (grouped(moment.count)) } }
        }
    }
}
