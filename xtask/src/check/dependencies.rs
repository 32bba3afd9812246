//! A dependency stands once, in the workspace's table, with the reason why it is there.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use toml::Table;

/// The lines of the manifests that break the rule.
pub fn findings(root: &Path) -> Result<Vec<String>> {
    let text = fs::read_to_string(root.join("Cargo.toml"))?;
    let workspace: Table = text.parse()?;
    let members = workspace["workspace"]["members"].as_array().context("`members` is not a list")?;

    let mut findings = without_reason(&text);
    for member in members {
        let name = member.as_str().context("a member is not a string")?;
        let manifest: Table = fs::read_to_string(root.join(name).join("Cargo.toml"))?.parse()?;
        findings.extend(of_its_own(name, &manifest));
    }
    Ok(findings)
}

/// Lines of the workspace's table without a comment; members of the workspace need none.
fn without_reason(text: &str) -> Vec<String> {
    let table = text.lines().skip_while(|line| *line != "[workspace.dependencies]").skip(1);
    let table = table.take_while(|line| !line.starts_with('['));
    table
        .filter(|line| line.contains('=') && !line.starts_with('#') && !line.contains("path ="))
        .filter(|line| line.split_once(" # ").is_none_or(|(_, reason)| reason.trim().is_empty()))
        .map(|line| format!("Cargo.toml: `{line}` has no reason: write `# …` behind it"))
        .collect()
}

/// Dependencies of a member that do not come from the workspace's table.
fn of_its_own(member: &str, manifest: &Table) -> Vec<String> {
    let tables = ["dependencies", "dev-dependencies", "build-dependencies"];
    let entries = tables.iter().filter_map(|table| manifest.get(*table)?.as_table()).flatten();
    entries
        .filter(|(_, value)| value.get("workspace").and_then(|value| value.as_bool()) != Some(true))
        .map(|(name, _)| {
            format!("{member}/Cargo.toml: `{name}` must come from the workspace: `{name}.workspace = true`")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{of_its_own, without_reason};

    #[test]
    fn a_dependency_without_a_reason_is_found() {
        let text = "[workspace.dependencies]\nown = { path = \"own\" }\na = \"1\" # parses\nb = \"2\"\n[profile]\nc = 1\n";
        assert_eq!(without_reason(text).len(), 1);
        assert!(without_reason(text)[0].contains("`b = \"2\"`"));
    }

    #[test]
    fn a_dependency_with_a_version_of_its_own_is_found() -> anyhow::Result<()> {
        let manifest = "[dependencies]\na.workspace = true\n[dev-dependencies]\nb = \"2\"\n".parse()?;
        let findings = of_its_own("m", &manifest);
        assert!(findings.len() == 1 && findings[0].contains("`b`"), "{findings:?}");
        Ok(())
    }
}
