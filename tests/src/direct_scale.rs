//! Many sessions at once, against the kernel object alone: equal policies stand once, every session is judged by its
//! own, and nothing is left when all have gone.

use std::collections::BTreeSet;
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use gov::event::parse;
use gov::kernel::{BindSpec, Slot};
use gov::policy::Compiled;

use crate::direct::{Bench, policy, policy_in};
use crate::direct_scenes::Scene;

/// Every scene.
pub const SCENES: &[Scene] = &[
    Scene {
        name: "500 sessions with equal policies take up one policy, and each is judged until it goes",
        play: five_hundred,
    },
    Scene {
        name: "sessions with folders of their own share 1,000 rules, and none has another's folder",
        play: own_folders,
    },
];

const SESSIONS: u64 = 500;

/// A bound cgroup.
struct Bound {
    cgroup: PathBuf,
    slot: Slot,
}

fn five_hundred(bench: &mut Bench) -> Result<()> {
    let place = bench.folder.join("scale");
    for folder in ["in", "out"] {
        fs::create_dir_all(place.join(folder))?;
        fs::write(place.join(folder).join("a"), "as it was")?;
    }
    let (inside, outside) = (place.join("in"), place.join("out"));
    let common = policy(&format!("file:read:{} network:loopback", inside.display()))?;
    let other = policy(&format!("file:read:{} network:loopback", outside.display()))?;
    ensure!(standing(bench)? == [0; 4], "something stands in the kernel already: {:?}", standing(bench)?);

    let top = bench.cgroups.join("gov-scale");
    let mut bound = Vec::new();
    for number in 1..=SESSIONS {
        bound.push(bind(bench, top.join(number.to_string()), number, &common)?);
    }
    let (edges, nets) = (common.edges.len() as u64, common.nets.len() as u64);
    // And a step of each to its own folder, which is the same one here.
    let all = [SESSIONS, edges + SESSIONS, nets, 0];
    ensure!(nets > 0 && standing(bench)? == all, "bound: {:?}", standing(bench)?);

    let chosen = bound.swap_remove(random(bound.len()));
    let changed = bound.swap_remove(random(bound.len()));
    judged(&chosen, &inside, &outside)?;
    bench.kernel.replace_policy(changed.slot, &other)?;
    let both = [SESSIONS, all[1] + other.edges.len() as u64, nets + other.nets.len() as u64];
    ensure!(standing(bench)?[..3] == both, "with another policy: {:?}", standing(bench)?);
    judged(&changed, &outside, &inside)?;
    judged(&chosen, &inside, &outside)?;

    while !bound.is_empty() {
        let next = bound.swap_remove(random(bound.len()));
        unbind(bench, &next)?;
    }
    judged(&chosen, &inside, &outside)?;
    judged(&changed, &outside, &inside)?;
    unbind(bench, &changed)?;
    ensure!(standing(bench)?[..3] == [1, edges + 1, nets], "one is left: {:?}", standing(bench)?);
    judged(&chosen, &inside, &outside)?;
    unbind(bench, &chosen)?;
    ensure!(standing(bench)? == [0; 4], "something is left: {:?}", standing(bench)?);
    fs::remove_dir(&top)?;

    let mut heard = BTreeSet::new();
    while let Some(record) = bench.ring.next() {
        heard.insert(parse(&record)?.session);
    }
    ensure!(heard.len() == 2, "sessions {heard:?} were heard of, and two have acted");
    Ok(())
}

/// A folder of each session, with a file.
fn own_folders(bench: &mut Bench) -> Result<()> {
    const OWNERS: u64 = 40;
    let place = bench.folder.join("own");
    let folder = |name: &str| -> Result<PathBuf> {
        let folder = place.join(name);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("a"), "as it was")?;
        Ok(folder)
    };
    let rules: Vec<String> = (0..1000).map(|rule| format!("file:read:/srv/rule-{rule}")).collect();
    let rules = rules.join(" ");
    ensure!(standing(bench)? == [0; 4], "something stands in the kernel already: {:?}", standing(bench)?);

    let top = bench.cgroups.join("gov-own");
    let mut bound = Vec::new();
    let mut shared = 0;
    for number in 1..=OWNERS {
        let own = folder(&format!("session-{number}"))?;
        let policy = policy_in(&own, &rules)?;
        shared = policy.edges.len() as u64;
        bound.push((bind(bench, top.join(number.to_string()), number, &policy)?, own));
    }
    ensure!(shared > 1000 && standing(bench)?[..2] == [OWNERS, shared + OWNERS], "{:?}", standing(bench)?);
    for ((session, own), (_, anothers)) in bound.iter().zip(bound.iter().cycle().skip(1)) {
        judged(session, own, anothers)?;
    }

    // Another folder in mid-run: the old one is granted no longer.
    let moved = folder("moved")?;
    let (session, own) = bound.swap_remove(random(bound.len()));
    bench.kernel.replace_policy(session.slot, &policy_in(&moved, &rules)?)?;
    judged(&session, &moved, &own)?;
    // And whoever is bound next has nothing of who went.
    let (gone, left) = bound.swap_remove(random(bound.len()));
    unbind(bench, &gone)?;
    let next = bind(bench, gone.cgroup, OWNERS + 1, &policy_in(&own, &rules)?)?;
    judged(&next, &own, &left)?;
    judged(&session, &moved, &own)?;
    ensure!(standing(bench)?[..2] == [OWNERS, shared + OWNERS], "changed: {:?}", standing(bench)?);

    bound.extend([(session, moved), (next, own)]);
    while !bound.is_empty() {
        let (session, own) = bound.swap_remove(random(bound.len()));
        if bound.len() == 1 {
            judged(&session, &own, &bound[0].1)?;
        }
        unbind(bench, &session)?;
    }
    ensure!(standing(bench)? == [0; 4], "something is left: {:?}", standing(bench)?);
    while bench.ring.next().is_some() {}
    Ok(fs::remove_dir(&top)?)
}

/// Sessions, edges, networks and counted directories in the kernel.
fn standing(bench: &Bench) -> Result<[u64; 4]> {
    let usage = bench.kernel.usage()?;
    Ok([usage.sessions, usage.edges, usage.nets, usage.reads].map(|map| map.elements))
}

fn bind(bench: &mut Bench, cgroup: PathBuf, number: u64, policy: &Compiled) -> Result<Bound> {
    fs::create_dir_all(&cgroup)?;
    let slot = bench.kernel.bind(&BindSpec {
        cgroup_id: fs::metadata(&cgroup)?.ino(),
        cgroup_level: 2,
        session_number: number,
        expires_boot_ns: u64::MAX,
        policy,
        flags: 0,
    })?;
    Ok(Bound { cgroup, slot })
}

fn unbind(bench: &mut Bench, bound: &Bound) -> Result<()> {
    bench.kernel.unbind(bound.slot)?;
    fs::remove_dir(&bound.cgroup).with_context(|| format!("removing `{}`", bound.cgroup.display()))
}

/// A task of the session may read in one folder and not in the other.
fn judged(bound: &Bound, granted: &Path, refused: &Path) -> Result<()> {
    for (folder, wanted) in [(granted, "ok"), (refused, "EACCES")] {
        let mut command = Command::new(std::env::current_exe()?);
        let out = command.arg("--in").arg(&bound.cgroup).arg("read").arg(folder.join("a")).output()?;
        let outcome = String::from_utf8_lossy(&out.stdout).trim().to_owned();
        let (cgroup, folder) = (bound.cgroup.display(), folder.display());
        ensure!(outcome == wanted, "`{cgroup}` reads in `{folder}`: `{outcome}` instead of `{wanted}`");
    }
    Ok(())
}

/// A number below `limit`, another one in each run.
fn random(limit: usize) -> usize {
    RandomState::new().hash_one(0) as usize % limit
}
