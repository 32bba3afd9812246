//! What a session has is shared by all within it: nesting multiplies nothing.

use std::fs;
use std::process::Stdio;

use anyhow::{Context, Result, bail, ensure};

use super::Scene;
use super::nested_runs::{around_it, files, play, within};
use super::sessions::{wait_for, which};
use crate::house::House;
use crate::receipts;
use crate::suite::try_row::Surroundings;

pub(super) const SCENES: &[Scene] = &[
    Scene { name: "executions in a nested session are those of the session around it too", play: executions },
    Scene { name: "sessions within one are counted together, however deep they lie", play: many },
];

/// Options that let a session run scripts of `/bin/sh`.
const SHELLS: [&str; 6] =
    ["--scope", "shell:arbitrary", "--scope", "code:execute:/usr/bin", "--scope", "code:execute:/bin"];

/// With one execution less than was used the last one is refused, by the outer session: the nested one has the same
/// limit, and has used less of it.
fn executions(house: &mut House, around: &Surroundings) -> Result<()> {
    let (_folder, a, _) = files(around, "nested-executions")?;
    let (act, one) = (around.act.display().to_string(), format!("file:read:{a}"));
    let options = [&SHELLS[..], &["--scope", &one]].concat();
    let script = format!("for turn in 1 2 3; do {act} read {a}; done");
    let inner = within(around, &options, &["/bin/sh", "-c", &script])?;
    let outer = |limit: &str| {
        let options = [&SHELLS[..], &["--scope", &one, "--scope", limit, "--max-depth", "1"]].concat();
        play(house, &mut around_it(house, around, &options, &inner)?)
    };
    let control = outer("limit:execs:50")?;
    ensure!(control.done.out == "ok\nok\nok\n", "with enough: {}{}", control.done.out, control.done.err);
    let [log, _] = control.logs.as_slice() else { bail!("there are {} sessions", control.logs.len()) };
    let closed = receipts::read(log)?.pop().context("a log has a last line")?;
    let used = closed.number("counters.used.execs").context("the executions are counted")?;

    let left = outer(&format!("limit:execs:{}", used.saturating_sub(1)))?;
    ensure!(left.done.out == "ok\nok\n", "with one less: {}{}", left.done.out, left.done.err);
    let [outer, nested] = left.logs.as_slice() else { bail!("there are {} sessions", left.logs.len()) };
    let (outer, nested) = (receipts::read(outer)?, receipts::read(nested)?);
    let number = outer.first().and_then(|start| start.decimal("number")).context("a session has a number")?;
    let refused = nested.iter().find(|it| it.says("code.execute", &act, "exhausted"));
    let refused = refused.context("the nested log does not tell of the refusal")?;
    ensure!(refused.decimal("decider") == Some(number), "the nested log names another decider");
    Ok(())
}

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
