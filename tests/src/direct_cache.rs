//! Reads that are granted without a walk, against the kernel object alone: that there are such, and each way in which
//! what was granted once is granted no longer.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use gov::event::{Event, parse};
use gov::kernel::{BindSpec, Slot};
use gov_common::abi::SESSION_RECORD_READS;
use gov_common::verdict::Reason;
use rustix::mount::{MountFlags, UnmountFlags, mount, mount_bind, mount_move, unmount};

use crate::direct::{Bench, accounts_agree, policy, shown};
use crate::direct_scenes::{Scene, place};

/// Every scene.
pub const SCENES: &[Scene] = &[
    Scene { name: "a remembered read is granted and counted like another", play: remembered },
    Scene { name: "a remembered read ends when a folder above is renamed", play: folder_renamed },
    Scene { name: "a remembered read ends when the file is renamed", play: file_renamed },
    Scene { name: "a remembered read ends when the mount below is moved", play: mount_moved },
    Scene { name: "a remembered read is not one through another mount", play: mounted_elsewhere },
    Scene { name: "a remembered read is not one of another link", play: linked },
    Scene { name: "a remembered read is not one of the next file of its name", play: made_anew },
    Scene { name: "a remembered read is no right to write, truncate or execute", play: other_rights },
    Scene { name: "a remembered read ends with its policy", play: policy_replaced },
    Scene { name: "a remembered read ends when the session is cut off", play: cut },
    Scene { name: "a remembered read ends when the session expires", play: expired },
    Scene { name: "a remembered read is not the next session's in its place", play: slot_reused },
    Scene { name: "a remembered read is not another session's", play: other_session },
    Scene { name: "a session that records reads remembers none", play: recorded },
];

/// A bound session and the folder that its scopes name.
struct Stage<'a> {
    bench: &'a mut Bench,
    cgroup: PathBuf,
    slot: Slot,
    place: String,
}

impl<'a> Stage<'a> {
    /// Binds a session with these scopes, in which `@` is the folder.
    fn new(bench: &'a mut Bench, scopes: &str, flags: u32, expires_boot_ns: u64) -> Result<Self> {
        let place = place(bench)?;
        let cgroup = bench.cgroups.join("gov-cache");
        fs::create_dir_all(&cgroup)?;
        let policy = policy(&scopes.replace('@', &place))?;
        let spec = BindSpec {
            cgroup_id: fs::metadata(&cgroup)?.ino(),
            cgroup_level: 1,
            session_number: 21,
            expires_boot_ns,
            policy: &policy,
            flags,
        };
        let slot = bench.kernel.bind(&spec)?;
        Ok(Self { bench, cgroup, slot, place })
    }

    /// A session that may read `@/in`.
    fn reading(bench: &'a mut Bench) -> Result<Self> {
        Self::new(bench, "file:read:@/in", 0, u64::MAX)
    }

    /// Has a task of the session do an act on `@`: its outcome.
    fn act(&self, act: &str) -> Result<String> {
        act_in(&self.cgroup, &act.replace('@', &self.place))
    }

    /// Demands an outcome.
    fn must(&self, act: &str, outcome: &str) -> Result<()> {
        let came = self.act(act)?;
        ensure!(came == outcome, "`{act}` must end with `{outcome}` and ended with `{came}`");
        Ok(())
    }

    /// How many reads were granted without a walk while a file was read once.
    fn remembered_by(&self, read: &str) -> Result<u64> {
        let before = self.bench.kernel.remembered_reads(self.slot)?;
        self.must(read, "ok")?;
        Ok(self.bench.kernel.remembered_reads(self.slot)? - before)
    }

    /// Reads a file until that takes no walk. A rename by some other process of the machine may come in between.
    fn remember(&self, read: &str) -> Result<()> {
        for _ in 0..20 {
            if self.remembered_by(read)? > 0 {
                return Ok(());
            }
        }
        anyhow::bail!("`{read}` takes a walk each time")
    }

    /// Lets the session go and compares its accounts: the events that it left.
    fn end(self) -> Result<Vec<Event>> {
        let counts = self.bench.kernel.read_counts(self.slot)?;
        let state = self.bench.kernel.unbind(self.slot)?;
        let mut events = Vec::new();
        while let Some(record) = self.bench.ring.next() {
            events.push(parse(&record)?);
        }
        fs::remove_dir(&self.cgroup)?;
        accounts_agree(&events, &state)?;
        let counted: u64 = counts.iter().map(|(_, count)| count).sum();
        ensure!(
            counted == state.counted_reads,
            "{counted} reads are in folders and {} in all",
            state.counted_reads
        );
        Ok(events)
    }
}

/// Has a task in a cgroup do an act.
fn act_in(cgroup: &std::path::Path, act: &str) -> Result<String> {
    let out = Command::new(std::env::current_exe()?)
        .arg("--in")
        .arg(cgroup)
        .args(act.split_whitespace())
        .output()?;
    Ok(String::from_utf8_lossy(&out.stdout).trim().to_owned())
}

fn remembered(bench: &mut Bench) -> Result<()> {
    let stage = Stage::reading(bench)?;
    stage.remember("read @/in/a")?;
    stage.remember("list @/in")?;
    let grown = (0..10).map(|_| stage.remembered_by("read @/in/a")).sum::<Result<u64>>()?;
    ensure!(grown > 0 && grown <= 10, "{grown} of 10 reads took no walk");
    stage.must("read @/out/secret", "EACCES")?;
    let events = stage.end()?;
    let reads = events.iter().filter(|event| event.action.name() == "file.read").count();
    ensure!(reads == 1, "only the refusal is an event: {}", shown(&events));
    Ok(())
}

fn folder_renamed(bench: &mut Bench) -> Result<()> {
    let stage = Stage::reading(bench)?;
    stage.remember("read @/in/a")?;
    fs::rename(format!("{}/in", stage.place), format!("{}/away", stage.place))?;
    stage.must("read @/away/a", "EACCES")?;
    fs::rename(format!("{}/away", stage.place), format!("{}/in", stage.place))?;
    stage.must("read @/in/a", "ok")?;
    stage.end().map(drop)
}

fn file_renamed(bench: &mut Bench) -> Result<()> {
    let stage = Stage::reading(bench)?;
    stage.remember("read @/in/a")?;
    fs::rename(format!("{}/in/a", stage.place), format!("{}/out/a", stage.place))?;
    stage.must("read @/out/a", "EACCES")?;
    stage.end().map(drop)
}

/// The entry and the mount stay what they are; only where the mount stands changes.
fn mount_moved(bench: &mut Bench) -> Result<()> {
    let stage = Stage::reading(bench)?;
    let (from, to) = (format!("{}/in/m", stage.place), format!("{}/out/m", stage.place));
    fs::create_dir(&from)?;
    fs::create_dir(&to)?;
    mount("tmpfs", &from, "tmpfs", MountFlags::empty(), None)?;
    fs::write(format!("{from}/a"), "as it was")?;
    stage.remember("read @/in/m/a")?;
    mount_move(&from, &to)?;
    let outcome = stage.act("read @/out/m/a")?;
    unmount(&to, UnmountFlags::empty())?;
    ensure!(outcome == "EACCES", "it ended with `{outcome}`");
    stage.end().map(drop)
}

/// The entry is the same, reached through a mount elsewhere.
fn mounted_elsewhere(bench: &mut Bench) -> Result<()> {
    let stage = Stage::reading(bench)?;
    let to = format!("{}/out/bind", stage.place);
    fs::create_dir(&to)?;
    mount_bind(format!("{}/in", stage.place), &to)?;
    let tried = stage.remember("read @/in/a").and_then(|()| stage.act("read @/out/bind/a"));
    unmount(&to, UnmountFlags::empty())?;
    let outcome = tried?;
    ensure!(outcome == "EACCES", "it ended with `{outcome}`");
    stage.end().map(drop)
}

fn linked(bench: &mut Bench) -> Result<()> {
    let stage = Stage::reading(bench)?;
    fs::hard_link(format!("{}/in/a", stage.place), format!("{}/out/a", stage.place))?;
    stage.remember("read @/in/a")?;
    stage.must("read @/out/a", "EACCES")?;
    stage.end().map(drop)
}

/// The name's entry in the kernel's cache, and so its address, serves the next file.
fn made_anew(bench: &mut Bench) -> Result<()> {
    let stage = Stage::reading(bench)?;
    let file = format!("{}/in/a", stage.place);
    for _ in 0..5 {
        stage.remember("read @/in/a")?;
        fs::remove_file(&file)?;
        ensure!(!fs::exists(&file)?, "it is gone");
        fs::write(&file, "another")?;
        let grown = stage.remembered_by("read @/in/a")?;
        ensure!(grown == 0, "what was granted for the file before is granted for this one");
    }
    stage.end().map(drop)
}

fn other_rights(bench: &mut Bench) -> Result<()> {
    let stage = Stage::reading(bench)?;
    stage.remember("read @/in/a")?;
    stage.remember("read @/in/true")?;
    for act in ["write @/in/a", "append @/in/a", "open-truncate @/in/a", "exec @/in/true"] {
        stage.must(act, "EACCES")?;
    }
    ensure!(fs::read(format!("{}/in/a", stage.place))? == b"as it was", "it was changed");
    stage.end().map(drop)
}

fn policy_replaced(bench: &mut Bench) -> Result<()> {
    let stage = Stage::reading(bench)?;
    stage.remember("read @/in/a")?;
    let (none, same) = (policy("")?, policy(&format!("file:read:{}/in", stage.place))?);
    stage.bench.kernel.replace_policy(stage.slot, &none)?;
    stage.must("read @/in/a", "EACCES")?;
    stage.bench.kernel.replace_policy(stage.slot, &same)?;
    stage.remember("read @/in/a")?;
    stage.end().map(drop)
}

fn cut(bench: &mut Bench) -> Result<()> {
    let stage = Stage::reading(bench)?;
    stage.remember("read @/in/a")?;
    stage.bench.kernel.cut(stage.slot, Reason::Revoked)?;
    stage.must("read @/in/a", "EKEYREVOKED")?;
    stage.end().map(drop)
}

fn expired(bench: &mut Bench) -> Result<()> {
    let uptime = fs::read_to_string("/proc/uptime")?;
    let now: f64 = uptime.split(' ').next().context("no uptime")?.parse()?;
    let end = ((now + 4.0) * 1e9) as u64;
    let stage = Stage::new(bench, "file:read:@/in", 0, end)?;
    stage.remember("read @/in/a")?;
    stage.must("read-until-refused @/in/a 60", "ok then EKEYEXPIRED")?;
    stage.end().map(drop)
}

/// Cgroup and file are the same ones again, and the session is another.
fn slot_reused(bench: &mut Bench) -> Result<()> {
    let mut stage = Stage::reading(bench)?;
    stage.remember("read @/in/a")?;
    let (slot, place) = (stage.slot, stage.place.clone());
    // The same file, so the folder stays: `Stage::new` would make it anew.
    let none = policy("")?;
    let cgroup_id = fs::metadata(&stage.cgroup)?.ino();
    stage.bench.kernel.unbind(slot)?;
    let spec = BindSpec {
        cgroup_id,
        cgroup_level: 1,
        session_number: 22,
        expires_boot_ns: u64::MAX,
        policy: &none,
        flags: 0,
    };
    while stage.bench.ring.next().is_some() {}
    stage.slot = stage.bench.kernel.bind(&spec)?;
    stage.must(&format!("read {place}/in/a"), "EACCES")?;
    ensure!(stage.bench.kernel.remembered_reads(stage.slot)? == 0, "it begins with the reads of the last");
    stage.end().map(drop)
}

fn other_session(bench: &mut Bench) -> Result<()> {
    let other = bench.cgroups.join("gov-cache-other");
    fs::create_dir_all(&other)?;
    let none = policy("")?;
    let slot = bench.kernel.bind(&BindSpec {
        cgroup_id: fs::metadata(&other)?.ino(),
        cgroup_level: 1,
        session_number: 23,
        expires_boot_ns: u64::MAX,
        policy: &none,
        flags: 0,
    })?;
    let stage = Stage::reading(bench)?;
    stage.remember("read @/in/a")?;
    let outcome = act_in(&other, &format!("read {}/in/a", stage.place))?;
    let state = stage.bench.kernel.unbind(slot)?;
    fs::remove_dir(&other)?;
    ensure!(outcome == "EACCES", "it ended with `{outcome}`");
    ensure!(state.refused.iter().sum::<u64>() == 1, "{state:?}");
    let of_other = |event: &Event| event.session == 23;
    let mut events = Vec::new();
    while let Some(record) = stage.bench.ring.next() {
        events.push(parse(&record)?);
    }
    ensure!(events.iter().any(of_other), "no event of the other: {}", shown(&events));
    stage.bench.kernel.unbind(stage.slot)?;
    fs::remove_dir(&stage.cgroup)?;
    Ok(())
}

fn recorded(bench: &mut Bench) -> Result<()> {
    let stage = Stage::new(bench, "file:read:@/in", SESSION_RECORD_READS, u64::MAX)?;
    for _ in 0..4 {
        stage.must("read @/in/a", "ok")?;
    }
    ensure!(stage.bench.kernel.remembered_reads(stage.slot)? == 0, "a read is not recorded");
    let events = stage.end()?;
    let reads = events.iter().filter(|event| event.action.name() == "file.read").count();
    ensure!(reads >= 4, "{reads} of 4 reads are recorded: {}", shown(&events));
    Ok(())
}
