//! The evidence: a log verifies as it was written and in no other form.

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};

use super::Scene;
use super::sessions::{folder, govern};
use crate::house::House;
use crate::receipts;
use crate::suite::try_row::Surroundings;

pub(super) const SCENES: &[Scene] =
    &[Scene { name: "a log verifies as it was written, and damaged in no way", play: damaged }];

/// The public key of RFC 8032's first test: nobody's that signs logs here.
const STRANGER: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

/// One way to damage a log's folder.
struct Damage {
    name: &'static str,
    on: fn(&Path) -> Result<()>,
}

const DAMAGES: &[Damage] = &[
    Damage { name: "a byte is edited", on: |log| edit(log, |text| text.replacen("allow", "allot", 1)) },
    Damage {
        name: "a refusal becomes a grant",
        on: |log| edit(log, |text| text.replacen("deny", "allow", 1)),
    },
    Damage { name: "a line is dropped", on: |log| lines(log, |lines| drop(lines.remove(1))) },
    Damage { name: "two lines are exchanged", on: |log| lines(log, |lines| lines.swap(1, 2)) },
    Damage { name: "a line stands twice", on: |log| lines(log, |lines| lines.insert(1, lines[1].clone())) },
    Damage { name: "the last line is gone", on: |log| lines(log, |lines| drop(lines.pop())) },
    Damage { name: "the last line is torn", on: |log| edit(log, |text| text[..text.len() - 10].to_owned()) },
    Damage { name: "the log is empty", on: |log| edit(log, |_| String::new()) },
];

fn edit(log: &Path, change: impl Fn(&str) -> String) -> Result<()> {
    let file = log.join("log.jsonl");
    let before = fs::read_to_string(&file)?;
    let after = change(&before);
    ensure!(after != before, "the damage changes nothing");
    Ok(fs::write(file, after)?)
}

fn lines(log: &Path, change: impl Fn(&mut Vec<String>)) -> Result<()> {
    edit(log, |text| {
        let mut lines = text.lines().map(|line| format!("{line}\n")).collect();
        change(&mut lines);
        lines.concat()
    })
}

fn damaged(house: &mut House, around: &Surroundings) -> Result<()> {
    let folder = folder(around, "evidence")?;
    let file = folder.join("a").display().to_string();
    let scope = format!("file:read:{}", folder.join("elsewhere").display());
    let governed =
        house.govern_command(&mut govern(house, around, &[&scope], &["read", &file]), super::LIMIT)?;
    ensure!(governed.done.out.trim() == "EACCES", "the read ended with `{}`", governed.done.out.trim());

    let copy = folder.join("copy");
    let verify = |house: &House| house.gov(&["verify", &copy.display().to_string()]);
    receipts::copy(&governed.log, &copy)?;
    let done = verify(house)?;
    ensure!(done.status == 0, "gov verify ended with {}: {}{}", done.status, done.out, done.err);
    for damage in DAMAGES {
        receipts::copy(&governed.log, &copy)?;
        (damage.on)(&copy)?;
        let done = verify(house)?;
        ensure!(
            done.status == 1,
            "gov verify ended with {} although {}: {}",
            done.status,
            damage.name,
            done.out
        );
    }
    receipts::copy(&governed.log, &copy)?;
    let done = house.gov(&["verify", &copy.display().to_string(), "--key", STRANGER])?;
    ensure!(done.status == 1, "gov verify ended with {} although another key is trusted", done.status);
    Ok(())
}
