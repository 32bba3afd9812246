//! What rows cannot say, against the kernel object alone: sessions that expire, nest, wait for their first
//! execution, only record, or run into a full ring.

use std::fs;
use std::process::Command;

use anyhow::{Result, ensure};
use gov::event::{Event, Extra};
use gov::kernel::{Kernel, LoadOptions};
use gov_common::abi::{SESSION_ARM_AT_EXEC, SESSION_COUNT_ON_FULL, SESSION_RECORD_ONLY};
use gov_common::event::Action;

use crate::direct::{Bench, governed, policy, shown};
use crate::direct_nested::{forged, narrowed};
use crate::suite::try_row::build;
use crate::{direct_cache, direct_flood, direct_scale};

/// A scene: its name, as a sentence, and what tries it.
pub struct Scene {
    pub name: &'static str,
    pub play: fn(&mut Bench) -> Result<()>,
}

/// Sessions that expire, nest, wait, only record, or run into a full ring.
const SCENES: &[Scene] = &[
    Scene { name: "an expired session is refused with EKEYEXPIRED", play: expired },
    Scene { name: "a session that waits for its first execution is armed by it", play: armed },
    Scene { name: "a session that only records refuses nothing and says what it would have", play: recorded },
    Scene { name: "a nested session only narrows, and both logs say who refused", play: narrowed },
    Scene { name: "a forged wide policy within a narrow one widens nothing", play: forged },
    Scene { name: "a symlink that somebody put where a scope stands is not moved from there", play: kept },
    Scene { name: "a program file gives nobody its owner's rights, nor a capability", play: gained },
    Scene { name: "an own address is told with its protocol", play: bound },
    Scene { name: "what cannot be recorded is refused with EAGAIN, and each loss is counted", play: full },
];

/// Every scene but the races, in the order in which they are played.
pub fn all() -> impl Iterator<Item = &'static Scene> {
    [SCENES, direct_flood::SCENES, direct_cache::SCENES, direct_scale::SCENES].into_iter().flatten()
}

/// A folder with `in/a`, `in/true` and `out/secret`; its path.
pub fn place(bench: &Bench) -> Result<String> {
    let place = bench.folder.join("scene");
    if place.exists() {
        fs::remove_dir_all(&place)?;
    }
    fs::create_dir_all(place.join("in"))?;
    fs::create_dir_all(place.join("out"))?;
    fs::write(place.join("in/a"), "as it was")?;
    fs::write(place.join("out/secret"), "as it was")?;
    fs::copy("/usr/bin/true", place.join("in/true"))?;
    Ok(place.display().to_string())
}

fn has(events: &[Event], action: &str, reason: &str) -> bool {
    events.iter().any(|event| event.action.name() == action && event.reason.name() == reason)
}

fn expired(bench: &mut Bench) -> Result<()> {
    let place = place(bench)?;
    let policy = policy(&format!("file:read:{place}/in"))?;
    let (outcome, events, _) = governed(bench, &policy, 0, 1, &format!("read {place}/in/a"))?;
    ensure!(outcome == "EKEYEXPIRED", "it ended with `{outcome}`");
    ensure!(has(&events, "file.read", "expired"), "{}", shown(&events));
    Ok(())
}

fn armed(bench: &mut Bench) -> Result<()> {
    let place = place(bench)?;
    let policy = policy(&format!("code:execute:{place}/in"))?;
    let read = format!("read {place}/out/secret");
    let (outcome, events, _) = governed(bench, &policy, SESSION_ARM_AT_EXEC, u64::MAX, &read)?;
    ensure!(outcome == "ok" && events.is_empty(), "before it: `{outcome}`, {}", shown(&events));
    let exec = format!("exec {place}/in/true one two");
    let (outcome, events, state) = governed(bench, &policy, SESSION_ARM_AT_EXEC, u64::MAX, &exec)?;
    ensure!(outcome == "ok" && state.armed_ns != 0, "`{outcome}`, {}", shown(&events));
    ensure!(events.first().is_some_and(|event| event.action.name() == "session.armed"), "{}", shown(&events));
    let words = |event: &Event| match &event.extra {
        Extra::Arguments(words) => {
            words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect()
        }
        Extra::None | Extra::Path(_) => Vec::new(),
    };
    let wanted = vec![format!("{place}/in/true"), "one".to_owned(), "two".to_owned()];
    ensure!(events.iter().any(|event| words(event) == wanted), "no arguments in {events:?}");
    Ok(())
}

fn recorded(bench: &mut Bench) -> Result<()> {
    let place = place(bench)?;
    let policy = policy("")?;
    let read = format!("read {place}/out/secret");
    let (outcome, events, _) = governed(bench, &policy, SESSION_RECORD_ONLY, u64::MAX, &read)?;
    ensure!(outcome == "ok", "it ended with `{outcome}`");
    ensure!(has(&events, "file.read", "out-of-scope"), "{}", shown(&events));
    ensure!(events.iter().any(|event| !event.enforced), "no event says that it was not enforced");
    Ok(())
}

/// Its scopes are read before there is a link: one that is there already is followed.
fn kept(bench: &mut Bench) -> Result<()> {
    let place = place(bench)?;
    let policy = policy(&format!("file:write:{place} file:write:{place}/scoped"))?;
    for (name, outcome) in [("scoped", "EACCES"), ("other", "ok")] {
        std::os::unix::fs::symlink("/etc", format!("{place}/{name}"))?;
        let act = format!("rename {place}/{name} {place}/moved");
        let (ended, events, _) = governed(bench, &policy, 0, u64::MAX, &act)?;
        ensure!(ended == outcome, "{name}: it ended with `{ended}`: {}", shown(&events));
        ensure!(outcome == "ok" || has(&events, "file.rename", "ground"), "{}", shown(&events));
    }
    Ok(())
}

/// `gov run` gives up such gains for good before anything runs, so that only a session without it can try them.
fn gained(bench: &mut Bench) -> Result<()> {
    let place = bench.folder.join("scene");
    if place.exists() {
        fs::remove_dir_all(&place)?;
    }
    build(&place, "setuid=setuid:/usr/bin/true capable=capable:/usr/bin/true")?;
    let place = place.display().to_string();
    let policy = policy(&format!("code:execute:{place} capability:CAP_SETUID"))?;
    for program in ["setuid", "capable"] {
        let act = format!("as-user 65534 exec {place}/{program}");
        let words: Vec<&str> = act.split(' ').collect();
        let control = Command::new(&bench.act).args(&words).output()?;
        let control = String::from_utf8_lossy(&control.stdout).trim().to_owned();
        let (outcome, events, _) = governed(bench, &policy, 0, u64::MAX, &act)?;
        ensure!(control == "ok" && outcome == "EACCES", "{program}: `{control}`, then `{outcome}`");
        ensure!(has(&events, "code.gain-privilege", "privilege-gain"), "{program}: {}", shown(&events));
        let same = format!("exec {place}/{program}");
        let (outcome, events, _) = governed(bench, &policy, 0, u64::MAX, &same)?;
        ensure!(outcome == "ok", "who has it already gains nothing: `{outcome}`, {}", shown(&events));
    }
    Ok(())
}

fn bound(bench: &mut Bench) -> Result<()> {
    let policy = policy("network:listen:127.0.0.1:47013")?;
    for (act, number) in [("listen", 6), ("bind-udp", 17)] {
        let act = format!("{act} 127.0.0.1:47013");
        let (outcome, events, _) = governed(bench, &policy, 0, u64::MAX, &act)?;
        let bound = events.iter().find(|event| event.action == Action::Bind);
        let protocol = bound.and_then(|event| event.address).map(|own| own.protocol);
        ensure!(
            outcome == "ok" && protocol == Some(number),
            "`{outcome}`, {protocol:?} in {}",
            shown(&events)
        );
    }
    Ok(())
}

fn full(bench: &mut Bench) -> Result<()> {
    let place = place(bench)?;
    let policy = policy(&format!("file:write:{place}/in"))?;
    let mut small = with_ring(bench, 1 << 16)?;
    let flood = format!("flood {place}/in/a 2000");
    let (outcome, _, state) = governed(&mut small, &policy, 0, u64::MAX, &flood)?;
    ensure!(outcome.contains("EAGAIN"), "it ended with `{outcome}`");
    ensure!(state.lost > 0 && state.refused.iter().sum::<u64>() == state.lost, "{state:?}");
    let flags = SESSION_COUNT_ON_FULL;
    let (outcome, events, state) = governed(&mut small, &policy, flags, u64::MAX, &flood)?;
    ensure!(!outcome.contains("EAGAIN"), "counting, it ended with `{outcome}`");
    ensure!(state.lost > 0 && state.sequence == events.len() as u64 + state.lost, "{state:?}");
    Ok(())
}

/// The same with a kernel object of its own, and so small a ring.
pub fn with_ring(bench: &Bench, bytes: u32) -> Result<Bench> {
    let (kernel, ring) = Kernel::load(&LoadOptions { ring_bytes: bytes })?;
    Ok(Bench {
        kernel,
        ring,
        cgroups: bench.cgroups.clone(),
        folder: bench.folder.clone(),
        act: bench.act.clone(),
        stranger: bench.stranger,
    })
}
