//! The catalogue of techniques as a document, generated from the rows that try them.

use std::fmt::Write;

use crate::direct_races::RACES;
use crate::direct_scenes;
use crate::suite::row::Row;
use crate::suite::rows::{TABLES, Table};
use crate::suite::scenes;

/// The kernels that the suite runs on.
const KERNELS: [(&str, (u32, u32)); 3] = [("6.1", (6, 1)), ("6.12", (6, 12)), ("7.2", (7, 2))];

const HEAD: &str = "\
# The catalogue of techniques

What a session could try, and what comes of it. This file is written by `cargo xtask catalogue` from the rows of the
suite (`tests/src/suite/rows`), and `cargo test` fails when the two differ.

Each row is tried by `cargo xtask test --all-kernels`, on each kernel: first without gov, where it must end as
*ungoverned* says, so that a refusal is gov's and not the machine's; then governed by the kernel object alone, without a
daemon, where it must end as *governed* says and be told by an event and by the kernel's own counters. On 6.12 (with
`--every-row` on all of them) it is tried once more in a session of `gov run`, where it must leave the signed receipt, and
change nothing if it was refused. The outcomes stand here as the rows demand them. So this is what was seen wherever the
suite is green, and a kernel that shows anything else fails it. A row cannot be written without its control.

*Scopes* are those beside the profile `base` and the execution of the act's own program; the outcome is `ok`, an
errno, or what a program exits with. `@` is the row's own folder, `%` the root of the cgroup tree, `$` a process
outside every session. A receipt is action, object and reason; `…` is whatever the object is. ● is tried there, – is
not, since that kernel has no such act.
";

const LIMITS: &str = "\
What gov does not keep from a session. Each row shows that it is so: one that goes away fails the suite, and leaves
this list.
";

const RACES_HEAD: &str = "\
Where the ground is changed while governed processes act on it, as fast as both can, on each kernel. Each race counts
its attempts, judges every one of them, and fails on one wrong verdict; it fails too if there was nothing to judge.
";

const SCENES_HEAD: &str = "\
What no single act shows: sessions over time and many at once, authority, the evidence, the daemon's life, faults of
the host.
";

/// The whole document.
pub fn text() -> String {
    let mut text = HEAD.to_owned();
    let rows: usize = TABLES.iter().map(|table| table.rows.len()).sum();
    let kernels = KERNELS.map(|(name, _)| name).join(", ");
    let tried = format!("{rows} rows, on the kernels {kernels}.\n");
    text.extend(["\n", &tried]);
    for table in &TABLES {
        section(&mut text, table);
    }
    list(&mut text, "Races", RACES_HEAD, RACES.iter().map(|race| race.name));
    let scenes = direct_scenes::all().map(|scene| scene.name).chain(scenes::all().map(|scene| scene.name));
    list(&mut text, "Scenes", SCENES_HEAD, scenes);
    text
}

fn section(text: &mut String, table: &Table) {
    text.extend(["\n## ", table.title, "\n\n"]);
    if table.title == "Known limits" {
        text.extend([LIMITS, "\n"]);
    }
    let kernels = KERNELS.map(|(name, _)| name).join(" | ");
    text.extend(["| what holds | act | scopes | ungoverned | governed | receipt | ", &kernels, " |\n"]);
    text.push_str("| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
    for row in table.rows {
        text.push_str(&line(row));
    }
}

fn line(row: &Row) -> String {
    let (action, object, reason) = row.receipt;
    let receipt = match (action, reason) {
        ("", _) => "none".to_owned(),
        (_, "") => format!("`{action}` {}", code(object)),
        _ => format!("`{action}` {} {reason}", code(object)),
    };
    let mut line = format!(
        "| {} | {} | {} | {} | {} | {receipt} |",
        row.name,
        code(row.act),
        scopes(row.scopes),
        row.control,
        row.outcome
    );
    for (_, series) in KERNELS {
        // Writing into text cannot fail.
        let _ = write!(line, " {} |", if row.is_for(series) { '●' } else { '–' });
    }
    line.push('\n');
    line
}

fn scopes(scopes: &str) -> String {
    if scopes.is_empty() {
        return "none".to_owned();
    }
    scopes.split_whitespace().map(code).collect::<Vec<_>>().join(" ")
}

/// Text of a row as Markdown shows it: long names are cut in their middle.
fn code(text: &str) -> String {
    const LONGEST: usize = 120;
    if text.is_empty() {
        return String::new();
    }
    let letters: Vec<char> = text.chars().collect();
    let shown = if letters.len() > LONGEST {
        let (begin, end) = (&letters[..LONGEST / 2], &letters[letters.len() - LONGEST / 4..]);
        format!("{}[…]{}", begin.iter().collect::<String>(), end.iter().collect::<String>())
    } else {
        text.to_owned()
    };
    format!("`{}`", shown.replace('|', "\\|"))
}

fn list(text: &mut String, title: &str, head: &str, names: impl Iterator<Item = &'static str>) {
    text.extend(["\n## ", title, "\n\n", head, "\n"]);
    for name in names {
        text.extend(["* ", name, "\n"]);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::text;
    use crate::suite::rows;

    #[test]
    fn the_document_is_what_the_rows_generate() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/catalogue.md");
        let written = std::fs::read_to_string(path).unwrap();
        assert!(written == text(), "docs/catalogue.md is not what the rows say: run `cargo xtask catalogue`");
    }

    #[test]
    fn every_row_says_something_of_its_own() {
        let names: BTreeSet<&str> = rows::all().map(|row| row.name).collect();
        assert_eq!(names.len(), rows::all().count());
    }

    #[test]
    fn every_refusal_has_a_receipt_and_another_outcome_than_its_control() {
        for row in rows::all().filter(|row| !row.is_granted()) {
            assert!(!row.receipt.0.is_empty(), "{} leaves no receipt", row.name);
            let only_told = row.outcome == row.control && row.outcome == "ok";
            assert!(
                row.outcome != row.control || only_told,
                "{} is refused as it would fail by itself",
                row.name
            );
        }
    }
}
