//! What each kernel's verifier counts in each program, held against what it counted when it was last looked at.
//!
//! A program that needs many more instructions than before is slower, and nearer to the limit above which a kernel
//! refuses it.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use super::listed;
use crate::build;
use crate::kernels::Series;
use crate::vm::{self, Machine};

/// Instructions that the verifier processed, by program.
type Counts = BTreeMap<String, u64>;

/// Growth in per cent that nobody needs to look at.
const TOLERATED: u64 = 5;

const HEAD: &str = "# Instructions that each kernel's verifier processes in each program.
# `cargo xtask check --verifier` holds the kernel object against this file; with `--bless` it writes it.

";

/// Boots a kernel and compares its verifier's counts with the committed ones, or commits them.
pub fn compare(kernel: Series, bless: bool) -> Result<()> {
    let path = build::workspace()?.join("gov-ebpf/verifier.toml");
    let mut committed = committed(&path)?;
    let counted = count(kernel)?;
    if bless {
        committed.insert(kernel.name().to_owned(), counted);
        return Ok(fs::write(&path, format!("{HEAD}{}", toml::to_string(&committed)?))?);
    }
    let before = committed.get(kernel.name()).with_context(|| {
        format!("`{}` has no counts of {}: run with `--bless`", path.display(), kernel.name())
    })?;
    listed(differences(before, &counted))
}

fn committed(path: &PathBuf) -> Result<BTreeMap<String, Counts>> {
    match fs::read_to_string(path) {
        Ok(text) => toml::from_str(&text).with_context(|| format!("cannot read `{}`", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(BTreeMap::new()),
        Err(error) => Err(error.into()),
    }
}

fn count(kernel: Series) -> Result<Counts> {
    let mut machine = Machine::new(kernel, vec!["govd".to_owned(), "--verifier-counts".to_owned()]);
    machine.programs = build::ready()?.programs;
    let (status, stdout, stderr) = vm::output(&machine)?;
    let stderr = String::from_utf8_lossy(&stderr);
    ensure!(status == 0, "`govd --verifier-counts` ended with {status}: {stderr}");

    let mut counts = Counts::new();
    for line in String::from_utf8(stdout)?.lines() {
        let (count, program) =
            line.trim().split_once(' ').with_context(|| format!("not a count: `{line}`"))?;
        counts.insert(program.to_owned(), count.parse().with_context(|| format!("not a count: `{line}`"))?);
    }
    ensure!(!counts.is_empty(), "`govd --verifier-counts` counted nothing");
    Ok(counts)
}

/// What has to be looked at before the new counts are taken for granted.
fn differences(before: &Counts, now: &Counts) -> Vec<String> {
    let gone = before.keys().filter(|program| !now.contains_key(*program));
    let gone = gone.map(|program| format!("`{program}` is gone"));
    let rest = now.iter().filter_map(|(program, now)| match before.get(program) {
        None => Some(format!("`{program}` is new, with {now} instructions")),
        Some(before) if now * 100 > before * (100 + TOLERATED) => {
            Some(format!("`{program}` grew from {before} to {now} instructions"))
        }
        Some(_) => None,
    });
    gone.chain(rest).collect()
}

#[cfg(test)]
mod tests {
    use super::{Counts, differences};

    fn counts(counts: &[(&str, u64)]) -> Counts {
        counts.iter().map(|(program, count)| ((*program).to_owned(), *count)).collect()
    }

    #[test]
    fn growth_within_five_per_cent_and_shrinking_pass() {
        let before = counts(&[("open", 1000), ("exec", 1000)]);
        assert!(differences(&before, &counts(&[("open", 1050), ("exec", 10)])).is_empty());
    }

    #[test]
    fn a_program_that_grew_or_went_or_came_is_named() {
        let before = counts(&[("open", 1000), ("exec", 1000)]);
        assert_eq!(differences(&before, &counts(&[("open", 1051), ("bind", 1)])).len(), 3);
    }
}
