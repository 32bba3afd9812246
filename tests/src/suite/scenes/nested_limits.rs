//! What a session has is shared by all within it: nesting multiplies nothing.

use std::fs;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};

use super::Scene;
use super::nested_runs::{around_it, files, within};
use super::sessions::{wait_for, which};
use crate::house::House;
use crate::suite::try_row::Surroundings;

pub(super) const SCENES: &[Scene] =
    &[Scene { name: "sessions within one are counted together, however deep they lie", play: many }];

/// Options that let a session run scripts of `/bin/sh`.
const SHELLS: [&str; 6] =
    ["--scope", "shell:arbitrary", "--scope", "code:execute:/usr/bin", "--scope", "code:execute:/bin"];

/// One session within the outer one, and in that as many as may be: there is no room for one that lies beside it.
fn many(house: &mut House, around: &Surroundings) -> Result<()> {
    let (folder, a, _) = files(around, "nested-many")?;
    let (act, one) = (around.act.display().to_string(), format!("file:read:{a}"));
    let [full, over] = ["full", "over"].map(|name| format!("{folder}/{name}"));
    let last = within(around, &["--scope", &one], &[])?.join(" ");
    let deep = format!("for turn in $(seq 63); do {last} {act} after {over} read {a} & done; wait");
    let gov = format!("code:execute:{}", which("gov")?.display());
    let options = [&SHELLS[..], &["--scope", &one, "--scope", &gov, "--max-depth", "1"]].concat();
    let inner = within(around, &options, &["/bin/sh", "-c"])?.join(" ");
    // The one too many first tells how it ended, then lets all the others end.
    let script = format!(
        "{inner} '{deep}' & {act} after {full} stat /; {last} {act} read {a}; echo $?; : > {over}; wait"
    );
    let words = ["/bin/sh", "-c", &script].map(str::to_owned);
    let write = format!("file:write:{over}");
    let options = [&SHELLS[..], &["--scope", &one, "--scope", &write, "--max-depth", "2"]].concat();
    let before = house.sessions()?.len();
    let mut command = around_it(house, around, &options, &words)?;
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let are_open = || wait_for(|| Ok((house.sessions()?.len() == before + 65).then_some(())));
    let open = are_open().or_else(|_slow| are_open());
    fs::write(&full, "")?;
    let done = child.wait_with_output()?;
    open.context("they were not all started")?;
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    ensure!(out.starts_with("ok\n1") && err.contains("64 sessions are open in `"), "it said {out}{err}");
    ensure!(out.matches("ok\n").count() == 64, "the others ended with {out}{err}");
    ensure!(house.sessions()?.len() == before + 65, "one too many was made");
    Ok(())
}
