//! Files are short, and nothing in them is left for later or kept from the lints.

use std::fs;
use std::path::Path;

use anyhow::Result;

use super::rust_files;

const LIMIT: usize = 300;
const HOOK_LIMIT: usize = 100;

/// Files that may be longer than the limit, and why.
const LONGER: [(&str, usize, &str); 0] = [];

/// What is not finished reads like this. The words are cut in two so that this file does not find itself.
const UNFINISHED: [&str; 4] =
    [concat!("todo", "!("), concat!("unimpl", "emented!("), concat!("TO", "DO"), concat!("FIX", "ME")];
const SILENCED: [&str; 2] = [concat!("#[all", "ow("), concat!("#![all", "ow(")];

/// The lines and files that break the rules.
pub fn findings(root: &Path) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for folder in
        ["fuzz/src", "gov-common/src", "gov-ebpf/src", "gov-userspace/src", "xtask/src", "tests/src"]
    {
        for path in rust_files(&root.join(folder))? {
            let name = path.strip_prefix(root)?.display().to_string();
            findings.extend(in_file(&name, &fs::read_to_string(&path)?));
        }
    }
    Ok(findings)
}

fn in_file(name: &str, text: &str) -> Vec<String> {
    let mut findings = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        for word in UNFINISHED {
            if line.contains(word) {
                findings.push(format!("{name}:{number}: `{word}` stands for work that is not done"));
            }
        }
        if SILENCED.iter().any(|word| line.trim_start().starts_with(word)) {
            findings.push(format!(
                "{name}:{number}: write `#[expect(LINT, reason = \"…\")]`, which ends when its reason does"
            ));
        }
    }
    let limit = limit(name);
    let length = text.lines().take_while(|line| *line != "#[cfg(test)]").count();
    if length > limit {
        findings.push(format!("{name}: {length} lines without its tests; the limit is {limit}"));
    }
    findings
}

/// The lines that a file may have. Tests are as long as they need to be.
fn limit(name: &str) -> usize {
    let is_test = name.starts_with("tests/") || name.ends_with("/tests.rs") || name.contains("/tests/");
    match LONGER.iter().find(|(path, ..)| *path == name) {
        Some((_, limit, _)) => *limit,
        None if is_test => usize::MAX,
        None if name.contains("/hooks/") => HOOK_LIMIT,
        None => LIMIT,
    }
}

#[cfg(test)]
mod tests {
    use super::{HOOK_LIMIT, LIMIT, SILENCED, UNFINISHED, in_file};

    #[test]
    fn a_file_at_its_limit_passes_and_one_line_more_does_not() {
        for (name, limit) in [("gov-common/src/a.rs", LIMIT), ("gov-ebpf/src/hooks/a.rs", HOOK_LIMIT)] {
            assert!(in_file(name, &"\n".repeat(limit)).is_empty());
            assert_eq!(in_file(name, &"\n".repeat(limit + 1)).len(), 1);
        }
    }

    #[test]
    fn tests_do_not_count() {
        let text = format!("{}#[cfg(test)]\n{}", "\n".repeat(LIMIT), "\n".repeat(LIMIT));
        assert!(in_file("xtask/src/a.rs", &text).is_empty());
        assert!(in_file("gov-common/src/walk/tests.rs", &"\n".repeat(LIMIT + 1)).is_empty());
    }

    #[test]
    fn what_is_unfinished_or_silenced_is_found_with_its_line() {
        for word in UNFINISHED.into_iter().chain(SILENCED) {
            let findings = in_file("xtask/src/a.rs", &format!("\n  {word}x)"));
            assert!(
                findings.len() == 1 && findings[0].starts_with("xtask/src/a.rs:2: "),
                "{word}: {findings:?}"
            );
        }
    }
}
