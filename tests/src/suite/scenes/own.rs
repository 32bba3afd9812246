//! gov's own: no scope reaches the daemon and its files, and who is not governed does not stop enforcement unseen.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;

use super::daemon::waiting;
use super::sessions::{folder, govern, wait_for};
use super::{LIMIT, Scene};
use crate::house::House;
use crate::receipts::{self, Receipt};
use crate::run::run;
use crate::suite::try_row::Surroundings;

pub(super) const SCENES: &[Scene] = &[
    Scene { name: "the widest scopes of root do not reach the daemon and its files", play: out_of_reach },
    Scene { name: "a scope that names the daemon's files is refused", play: named },
    Scene { name: "pins that are removed are put back, and the logs say so", play: unpinned },
    Scene {
        name: "a session that is taken out of the kernel is put back, and its log says so",
        play: unbound,
    },
    Scene {
        name: "pins that are removed while no daemon looks are told of by the next one",
        play: unpinned_unseen,
    },
];

const PINS: &str = "/sys/fs/bpf/gov";
/// What would let root do to the daemon's processes and files whatever root may.
pub(super) const WIDE: [&str; 8] = [
    "file:read:/",
    "file:write:/",
    "code:execute:/",
    "network:unix:/",
    "capability:CAP_DAC_OVERRIDE",
    "capability:CAP_KILL",
    "capability:CAP_SYS_PTRACE",
    "capability:CAP_SYS_NICE",
];

/// Each act succeeds ungoverned; where that would do harm, its like on a file of the same folder does.
fn out_of_reach(house: &mut House, around: &Surroundings) -> Result<()> {
    let state = around.folder.join("state");
    let state = state.display();
    let probe = format!("{state}/probe");
    fs::write(&probe, "")?;
    fs::create_dir_all("/etc/gov/trust.d")?;
    fs::write("/etc/gov/trust.d/probe", "")?;
    let key = format!("{state}/keys/log.key");
    let daemon = house.pid().to_string();
    let folder = around.folder.display().to_string();
    let socket = "/run/gov/gov.sock";
    let acts: &[(&[&str], bool)] = &[
        (&["read", &key], true),
        (&["append", &key], true),
        (&["append", &probe], true),
        (&["list", &format!("{state}/logs")], true),
        (&["append", "/etc/gov/trust.d/probe"], true),
        (&["create", "/etc/gov/govd.toml"], false),
        (&["create", "/etc/systemd/system/govd.service"], false),
        (&["chmod", &format!("{state}/logs")], false),
        (&["connect-unix", socket], true),
        (&["unlink", socket], false),
        (&["read", "/root/.config/gov/key"], true),
        (&["rename", &folder, "/srv/elsewhere"], false),
        (&["rename", "/srv", "/elsewhere"], false),
        (&["exchange", &folder, "/tmp"], false),
        (&["rename", "/etc/gov", "/etc/elsewhere"], false),
        (&["rmdir", PINS], false),
        (&["signal", &daemon], true),
        (&["trace", &daemon], true),
        (&["read-memory", &daemon], true),
        (&["renice", &daemon], true),
        (&["limit", &daemon], true),
    ];
    for (act, harmless) in acts {
        if *harmless {
            let control = run(Command::new(&around.act).args(*act), LIMIT)?;
            ensure!(control.out.trim() == "ok", "ungoverned `{act:?}` ended with `{}`", control.out.trim());
        }
        let (out, receipts) = try_wide(house, around, act)?;
        ensure!(matches!(out.as_str(), "EACCES" | "EPERM"), "`{act:?}` ended with `{out}`");
        let told = receipts.iter().any(|it| it.is_refusal() && it.text("reason") == "ground");
        ensure!(told, "no receipt says that `{act:?}` was refused");
    }
    // The scopes are as wide as they say: what lies beside is within reach.
    let beside = format!("{folder}/beside");
    fs::create_dir_all(&beside)?;
    let (out, _) = try_wide(house, around, &["rename", &beside, "/srv/beside"])?;
    ensure!(out == "ok", "a folder beside the daemon's was not renamed: {out}");
    fs::remove_dir("/srv/beside")?;
    fs::remove_file("/etc/gov/trust.d/probe")?;
    Ok(fs::remove_file(&probe)?)
}

/// What an act came to under the widest scopes.
fn try_wide(house: &House, around: &Surroundings, act: &[&str]) -> Result<(String, Vec<Receipt>)> {
    try_under(house, around, WIDE.iter(), act)
}

/// What an act came to under these scopes.
pub(super) fn try_under<'a>(
    house: &House,
    around: &Surroundings,
    scopes: impl Iterator<Item = &'a &'a str>,
    act: &[&str],
) -> Result<(String, Vec<Receipt>)> {
    let scopes: Vec<&str> = scopes.copied().collect();
    let governed = house.govern_command(&mut govern(house, around, &scopes, act), LIMIT)?;
    Ok((governed.done.out.trim().to_owned(), governed.receipts))
}

fn named(house: &mut House, around: &Surroundings) -> Result<()> {
    let state = around.folder.join("state").display().to_string();
    for scope in [format!("file:read:{state}"), "network:unix:/run/gov/gov.sock".to_owned()] {
        let before = house.sessions()?;
        let words = ["run", "--profile", "base", "--expires", "1h", "--max-depth", "0", "--scope", &scope];
        let done = run(house.command("gov").args(words).args(["--", "true"]), LIMIT)?;
        ensure!(done.status == 2, "with `{scope}` gov run ended with {}: {}", done.status, done.err);
        ensure!(done.err.contains("gov keeps to itself"), "it does not say why: {}", done.err);
        ensure!(house.sessions()? == before, "a session was made all the same");
    }
    Ok(())
}

/// Whoever removes the pins of a living daemon stops nothing: it holds the hooks itself.
fn unpinned(house: &mut House, around: &Surroundings) -> Result<()> {
    let folder = folder(around, "unpinned")?;
    let (file, go) = (folder.join("a").display().to_string(), folder.join("go").display().to_string());
    let act = ["after", &go, "read", &file];
    let control = run(Command::new(&around.act).args(["read", &file]), LIMIT)?;
    ensure!(control.out.trim() == "ok", "ungoverned the act ended with `{}`", control.out.trim());
    let (mut child, log) = waiting(house, around, &format!("file:read:{go}"), &act)?;
    let pinned = pins()?;
    ensure!(pinned > 50, "{pinned} hooks are pinned");
    fs::remove_file(format!("{PINS}/file_open"))?;
    let told = |text: &str| -> Result<Option<Receipt>> {
        let all = receipts::read(&log)?;
        Ok(all.into_iter().find(|it| it.text("kind") == "interference" && it.text("what").contains(text)))
    };
    wait_for(|| told("file_open"))?;
    ensure!(pins()? == pinned, "the pin was not put back");
    fs::remove_dir_all(PINS)?;
    wait_for(|| told(&format!("{pinned} hooks")))?;
    ensure!(pins()? == pinned, "the pins were not put back");
    wait_for(|| told("another daemon"))?;
    ensure!(fs::exists(format!("{PINS}/maps/abi"))?, "the maps' pins were not put back");
    fs::write(&go, "")?;
    let out = std::io::read_to_string(child.stdout.take().context("its output is piped")?)?;
    ensure!(out.trim() == "EACCES", "meanwhile the act ended with `{out}`");
    child.wait()?;
    house.wait_until_closed(&log)?;
    let done = house.gov(&["verify", &log.display().to_string()])?;
    ensure!(done.out.contains("interfered with"), "gov verify does not tell of it: {}", done.out);
    let session = log.file_name().context("a log has a name")?.to_string_lossy().into_owned();
    let done = house.gov(&["audit", &session])?;
    ensure!(done.out.contains("interfered with"), "gov audit does not tell of it: {}", done.out);
    Ok(())
}

/// How many hooks are pinned.
fn pins() -> Result<usize> {
    Ok(fs::read_dir(PINS)?.filter(|entry| entry.as_ref().is_ok_and(|pin| !pin.path().is_dir())).count())
}

/// Root can write to the kernel's maps, and takes the session out as the daemon would.
fn unbound(house: &mut House, around: &Surroundings) -> Result<()> {
    let folder = folder(around, "unbound")?;
    let (file, go) = (folder.join("a").display().to_string(), folder.join("go").display().to_string());
    let (mut child, log) =
        waiting(house, around, &format!("file:read:{go}"), &["after", &go, "read", &file])?;
    let done = run(Command::new(&around.act).args(["empty-map", "SESSIONS"]), LIMIT)?;
    ensure!(done.out.trim() == "ok", "the map was not emptied: {}", done.out);
    let told =
        wait_for(|| Ok(receipts::read(&log)?.into_iter().find(|it| it.text("kind") == "interference")))?;
    ensure!(told.is_false("enforced"), "the receipt does not say that acts may have gone unjudged");
    fs::write(&go, "")?;
    let out = std::io::read_to_string(child.stdout.take().context("its output is piped")?)?;
    ensure!(out.trim() == "EACCES", "after it was put back the act ended with `{out}`");
    child.wait()?;
    house.wait_until_closed(&log)?;
    unknown(house, &log)
}

/// The log holds, and says that it cannot be known what happened.
fn unknown(house: &House, log: &Path) -> Result<()> {
    let done = house.gov(&["verify", &log.display().to_string()])?;
    ensure!(done.status == 3, "gov verify ended with {}: {}{}", done.status, done.out, done.err);
    ensure!(done.out.contains("interfered with"), "gov verify does not tell of it: {}", done.out);
    Ok(())
}

/// With the daemon killed, nobody but the pins holds the hooks.
fn unpinned_unseen(house: &mut House, around: &Surroundings) -> Result<()> {
    let folder = folder(around, "unpinned-unseen")?;
    let (file, go) = (folder.join("a").display().to_string(), folder.join("go").display().to_string());
    let (mut child, log) =
        waiting(house, around, &format!("file:read:{go}"), &["after", &go, "until", "ok", "read", &file])?;
    house.end(Signal::KILL)?;
    fs::write(&go, "")?;
    std::thread::sleep(Duration::from_millis(500));
    ensure!(child.try_wait()?.is_none(), "the act ended while the hooks were pinned");
    fs::remove_dir_all(PINS)?;
    let out = std::io::read_to_string(child.stdout.take().context("its output is piped")?)?;
    ensure!(out.trim() == "ok", "without hooks the act ended with `{out}`");
    *house = House::open(&around.folder.join("state"))?;
    child.wait()?;
    let all = receipts::read(&log)?;
    let told =
        all.iter().find(|it| it.text("kind") == "interference").context("no `interference` receipt")?;
    ensure!(told.is_false("enforced"), "the receipt does not say that acts may have gone unjudged");
    unknown(house, &log)
}
