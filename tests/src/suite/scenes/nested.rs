//! Sessions within sessions: each narrows the one around it, by the verifier of chains and by the kernel, and none
//! reaches beyond its own.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;

use super::Scene;
use super::daemon::whole;
use super::nested_runs::{around_it, files, name, play, within};
use super::sessions::{govern, wait_for, which};
use crate::house::{House, cgroups};
use crate::receipts::{self, Receipt};
use crate::suite::try_row::Surroundings;

pub(super) const SCENES: &[Scene] = &[
    Scene { name: "a nested session does what both delegations grant, and both logs verify", play: granted },
    Scene { name: "a nested session is refused what only the one around it may", play: narrowed },
    Scene { name: "a nested delegation that widens is refused by the verifier", play: widened },
    Scene { name: "a session that may not delegate on gets no nested one", play: no_depth },
    Scene { name: "a nested session neither sees nor ends others", play: no_steering },
    Scene { name: "sessions nest as deep as the kernel judges, and no deeper", play: deepest },
    Scene { name: "a session that is ended ends those nested in it, and their logs first", play: ended },
    Scene {
        name: "what a killed daemon governed in nested sessions goes on, and ends from the outside in",
        play: killed,
    },
];

fn verifies(house: &House, log: &Path) -> Result<()> {
    let done = house.gov(&["verify", &log.display().to_string()])?;
    ensure!(done.status == 0, "gov verify of {} ended with {}: {}", name(log), done.status, done.out);
    Ok(())
}

fn granted(house: &mut House, around: &Surroundings) -> Result<()> {
    let (folder, a, b) = files(around, "nested-granted")?;
    let act = around.act.display().to_string();
    let (all, one) = (format!("file:read:{folder}"), format!("file:read:{a}"));
    let shells =
        ["--scope", "shell:arbitrary", "--scope", "code:execute:/usr/bin", "--scope", "code:execute:/bin"];
    // A shell in the outer session reads `b` once the session nested in it is over, which has a folder of its own.
    let tell = format!("{act} read {a} && : > \"$TMPDIR/mark\" && test -z \"$GOV_AGENT\"");
    let mut inner = within(around, &[&shells[..], &["--scope", &one]].concat(), &["/bin/sh", "-c", &tell])?;
    let script = format!("\"$@\" && {act} read {b}");
    inner.splice(0..0, ["/bin/sh", "-c", &script, "sh"].map(str::to_owned));
    let options = [&shells[..], &["--scope", &all, "--max-depth", "1"]].concat();
    let left = play(house, &mut around_it(house, around, &options, &inner)?)?;
    ensure!(left.done.out == "ok\nok\n", "it said `{}`: {}", left.done.out, left.done.err);
    let [outer, nested] = left.logs.as_slice() else {
        anyhow::bail!("there are {} sessions", left.logs.len());
    };
    let (without, with) = (receipts::read(outer)?, receipts::read(nested)?);
    let start = |all: &[Receipt]| all.first().cloned().context("a log has a first line");
    ensure!(start(&with)?.text("parent") == name(outer), "the nested session names another around it");
    ensure!(start(&without)?.text("parent").is_empty(), "the outer session names one around it");
    let socket = "network:unix:/run/gov/gov.sock";
    ensure!(start(&without)?.has("scopes", socket), "the outer session's way to the daemon is not told");
    ensure!(!start(&with)?.has("scopes", socket), "the nested session has a way to the daemon");
    for (log, all) in [(outer, &without), (nested, &with)] {
        let marked = all.iter().any(|it| it.says("file.create", "…/mark", "granted"));
        ensure!(marked, "{} does not tell of the nested session's file", name(log));
        verifies(house, log)?;
    }
    let temporary = around.folder.join("state/tmp").join(name(outer));
    ensure!(!temporary.exists(), "`{}` stays", temporary.display());
    Ok(())
}

fn narrowed(house: &mut House, around: &Surroundings) -> Result<()> {
    let (folder, a, b) = files(around, "nested-narrowed")?;
    let act = around.act.display().to_string();
    let (all, one) = (format!("file:read:{folder}"), format!("file:read:{a}"));
    let options = ["--scope", all.as_str(), "--max-depth", "1"];
    let control = within(around, &["--scope", &all], &[&act, "read", &b])?;
    let control = play(house, &mut around_it(house, around, &options, &control)?)?;
    ensure!(control.done.out.trim() == "ok", "granted by both: {}{}", control.done.out, control.done.err);

    let inner = within(around, &["--scope", &one], &[&act, "read", &b])?;
    let left = play(house, &mut around_it(house, around, &options, &inner)?)?;
    ensure!(left.done.out.trim() == "EACCES", "it ended with {}{}", left.done.out, left.done.err);
    let [outer, nested] = left.logs.as_slice() else {
        anyhow::bail!("there are {} sessions", left.logs.len());
    };
    let (outer, nested) = (receipts::read(outer)?, receipts::read(nested)?);
    let number =
        nested.first().and_then(|start| start.decimal("number")).context("a session has a number")?;
    let refusal = |all: &[Receipt]| all.iter().find(|it| it.says("file.read", &b, "out-of-scope")).cloned();
    let told = refusal(&outer).context("the outer log does not tell of the refusal")?;
    ensure!(told.decimal("decider") == Some(number), "the outer log names another decider");
    let own = refusal(&nested).context("the nested log does not tell of the refusal")?;
    ensure!(own.decimal("decider").is_none(), "the nested log names another decider");
    Ok(())
}

fn widened(house: &mut House, around: &Surroundings) -> Result<()> {
    let (_folder, a, b) = files(around, "nested-widened")?;
    let act = around.act.display().to_string();
    let (one, other) = (format!("file:read:{a}"), format!("file:read:{b}"));
    let write = format!("file:write:{a}");
    let held = ["--scope", one.as_str(), "--scope", "limit:execs:50", "--expires", "30m", "--max-depth", "1"];
    let grants = |scope: &str| format!("grants `{scope}`, which its parent does not");
    let cases: [(&[&str], String); 7] = [
        (&["--scope", &other], grants(&other)),
        (&["--scope", &write], grants(&write)),
        (&["--scope", "shell:arbitrary"], grants("shell:arbitrary")),
        (&["--scope", "limit:execs:51"], "has `limit:execs:51`, which is not as strict".to_owned()),
        (&["--expires", "31m"], "is valid at times when its parent is not".to_owned()),
        (&["--spend-limit", "1usd"], "may spend more than its parent".to_owned()),
        (&["--max-depth", "1"], "may be delegated on as often as its parent".to_owned()),
    ];
    for (options, why) in cases {
        let inner = within(around, options, &[&act, "read", &b])?;
        let left = play(house, &mut around_it(house, around, &held, &inner)?)?;
        ensure!(left.done.status == 122, "{options:?}: {} {}", left.done.status, left.done.err);
        ensure!(left.done.out.is_empty(), "{options:?}: it ran: {}", left.done.out);
        ensure!(left.done.err.contains(&why), "{options:?}: {}", left.done.err);
        ensure!(left.logs.len() == 1, "{options:?}: {} sessions were made", left.logs.len());
    }
    Ok(())
}

fn no_depth(house: &mut House, around: &Surroundings) -> Result<()> {
    let (_folder, a, _) = files(around, "nested-no-depth")?;
    let one = format!("file:read:{a}");
    let inner = within(around, &["--scope", &one], &[&around.act.display().to_string(), "read", &a])?;
    let left = play(house, &mut around_it(house, around, &["--scope", &one], &inner)?)?;
    ensure!(left.done.status == 122, "it ended with {}: {}", left.done.status, left.done.err);
    ensure!(left.done.err.contains("it may not delegate on what it has"), "it said {}", left.done.err);
    ensure!(left.logs.len() == 1, "{} sessions were made", left.logs.len());

    // Whoever does not look at the environment is kept from the daemon by the kernel.
    let ps = [which("gov")?.display().to_string(), "ps".to_owned()];
    let left = play(house, &mut around_it(house, around, &["--scope", &one], &ps)?)?;
    ensure!(left.done.status == 121, "gov ps ended with {}: {}", left.done.status, left.done.err);
    ensure!(left.logs.len() == 1, "{} sessions were made", left.logs.len());
    let all = receipts::read(&left.logs[0])?;
    let refused = |it: &Receipt| it.says("network.connect-unix", "/run/gov/gov.sock", "out-of-scope");
    ensure!(all.iter().any(refused), "no receipt tells of the refused connection");
    Ok(())
}

fn no_steering(house: &mut House, around: &Surroundings) -> Result<()> {
    let (_folder, a, _) = files(around, "nested-no-steering")?;
    let one = format!("file:read:{a}");
    let before = house.sessions()?;
    let mut other = govern(house, around, &[&one], &["read-until-refused", &a, "600"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let log = wait_for(|| Ok((&house.sessions()? - &before).pop_first()))?;
    let gov = which("gov")?.display().to_string();
    let shells =
        ["--scope", "shell:arbitrary", "--scope", "code:execute:/bin", "--scope", "code:execute:/usr/bin"];
    let script = format!("{gov} ps --all --json; {gov} end {}; {gov} end \"$GOV_SESSION\"", name(&log));
    let words = ["/bin/sh", "-c", &script].map(str::to_owned);
    let options = [&shells[..], &["--max-depth", "1"]].concat();
    let left = play(house, &mut around_it(house, around, &options, &words)?)?;
    ensure!(left.done.out.trim() == "[]", "it sees {}{}", left.done.out, left.done.err);
    let refused = left.done.err.matches("there is no such session of yours").count();
    ensure!(refused == 2 && left.done.status == 2, "it ended with {}: {}", left.done.status, left.done.err);
    ensure!(other.try_wait()?.is_none(), "the other session was ended");
    house.gov(&["end", &name(&log)])?;
    wait_for(|| Ok(other.try_wait()?))?;
    house.wait_until_closed(&log)
}

fn deepest(house: &mut House, around: &Surroundings) -> Result<()> {
    let (_folder, a, _) = files(around, "nested-deepest")?;
    let (act, one) = (around.act.display().to_string(), format!("file:read:{a}"));
    let gov = format!("code:execute:{}", which("gov")?.display());
    let mut words = vec![act, "read".to_owned(), a];
    for depth in ["0", "1", "2"] {
        let inner: Vec<&str> = words.iter().map(String::as_str).collect();
        words = within(around, &["--scope", &gov, "--scope", &one, "--max-depth", depth], &inner)?;
    }
    let left = play(house, &mut around_it(house, around, &["--scope", &one, "--max-depth", "3"], &words)?)?;
    ensure!(left.done.out.trim() == "ok", "four deep: {}{}", left.done.out, left.done.err);
    ensure!(left.logs.len() == 4, "{} sessions were made", left.logs.len());

    let inner: Vec<&str> = words.iter().map(String::as_str).collect();
    // The delegations alone would let all five.
    let words = within(around, &["--scope", &gov, "--scope", &one, "--max-depth", "3"], &inner)?;
    let left = play(house, &mut around_it(house, around, &["--scope", &one, "--max-depth", "4"], &words)?)?;
    ensure!(left.done.status == 123, "five deep: {} {}", left.done.status, left.done.err);
    ensure!(left.done.err.contains("the kernel object judges no more sessions"), "{}", left.done.err);
    ensure!(left.logs.len() == 4, "{} sessions were made", left.logs.len());
    Ok(())
}

/// A nested session that runs until it is ended: `gov run`, and both logs, the outer first.
fn running(
    house: &House,
    around: &Surroundings,
    place: &str,
) -> Result<(std::process::Child, PathBuf, PathBuf)> {
    let (_folder, a, _) = files(around, place)?;
    let one = format!("file:read:{a}");
    let act = around.act.display().to_string();
    let inner =
        within(around, &["--scope", &one, "--name", "inner"], &[&act, "read-until-refused", &a, "600"])?;
    let options = ["--scope", one.as_str(), "--max-depth", "1", "--name", "outer"];
    let before = house.sessions()?;
    let child =
        around_it(house, around, &options, &inner)?.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let mut logs: Vec<PathBuf> = wait_for(|| {
        let made = &house.sessions()? - &before;
        Ok((made.len() == 2).then(|| made.into_iter().collect()))
    })?;
    logs.sort_by_key(|log| !name(log).starts_with("outer"));
    let [outer, nested] = <[PathBuf; 2]>::try_from(logs).map_err(|_| anyhow::anyhow!("two logs"))?;
    let is_acting = |it: &Receipt| it.text("kind") == "executed";
    wait_for(|| Ok(receipts::read(&nested)?.iter().any(is_acting).then_some(())))?;
    Ok((child, outer, nested))
}

fn ended(house: &mut House, around: &Surroundings) -> Result<()> {
    let (mut child, outer, nested) = running(house, around, "nested-ended")?;
    let done = house.gov(&["end", &name(&outer)])?;
    ensure!(done.status == 0, "gov end ended with {}: {}", done.status, done.err);
    let closed = receipts::read(&nested)?.last().is_some_and(Receipt::closes);
    ensure!(closed, "the nested log has no end though the outer one has");
    let status = wait_for(|| Ok(child.try_wait()?))?;
    ensure!(status.code() == Some(124), "gov run ended with {status}");
    for log in [&outer, &nested] {
        house.wait_until_closed(log)?;
        verifies(house, log)?;
    }
    let shown = house.gov(&["ps", "--all", "--json"])?.out;
    ensure!(shown.contains("\"parent-ended\""), "gov ps does not say why the nested session ended: {shown}");
    Ok(())
}

fn killed(house: &mut House, around: &Surroundings) -> Result<()> {
    let (mut child, outer, nested) = running(house, around, "nested-killed")?;
    house.end(Signal::KILL)?;
    *house = House::open(&around.folder.join("state"))?;
    ensure!(child.try_wait()?.is_none(), "the nested session ended with its daemon");
    let done = house.gov(&["end", &name(&outer)])?;
    ensure!(done.status == 0, "gov end ended with {}: {}", done.status, done.err);
    wait_for(|| Ok(child.try_wait()?))?;
    let cgroup = cgroups()?.join("gov").join(name(&outer));
    ensure!(!cgroup.exists(), "`{}` stays", cgroup.display());
    let temporary = around.folder.join("state/tmp").join(name(&outer));
    ensure!(!temporary.exists(), "`{}` stays", temporary.display());
    for log in [&outer, &nested] {
        house.wait_until_closed(log)?;
        whole(house, log)?;
    }
    Ok(())
}
