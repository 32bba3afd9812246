//! Sessions that flood the kernel with acts, against the kernel object alone: what they take up is bounded, and all of
//! it is accounted for.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::Command;

use anyhow::{Result, ensure};
use gov::event::{Event, parse};
use gov::kernel::{BindSpec, Slot};
use gov_common::abi::State;
use gov_common::repeated::{ANY_OBJECT, FEW, MAX_DISTINCT, Refusal, RefusalKey};

use crate::direct::{Bench, accounts_agree, policy};
use crate::direct_scenes::{Scene, place, with_ring};

pub(crate) const SCENES: &[Scene] = &[
    Scene { name: "the same refusal a thousand times is recorded a few times and counted", play: repeated },
    Scene { name: "refusals of ever other things are recorded up to a bound and counted", play: distinct },
    Scene { name: "a session that floods the ring leaves room for another", play: shared },
];

/// A session whose acts are done by children, one after the other.
struct Stage<'a> {
    bench: &'a mut Bench,
    slot: Slot,
    cgroup: std::path::PathBuf,
}

/// What became of a session.
struct Ended {
    events: Vec<Event>,
    refusals: Vec<(RefusalKey, Refusal)>,
    state: State,
}

impl<'a> Stage<'a> {
    fn new(bench: &'a mut Bench, scopes: &str) -> Result<Self> {
        let cgroup = bench.cgroups.join("gov-flood");
        let slot = bind(bench, &cgroup, 21, scopes)?;
        Ok(Self { bench, slot, cgroup })
    }

    fn act(&self, words: &str) -> Result<String> {
        act_in(&self.cgroup, words)
    }

    fn end(self) -> Result<Ended> {
        let refusals = self.bench.kernel.refusals(self.slot)?;
        let state = self.bench.kernel.unbind(self.slot)?;
        let mut events = Vec::new();
        while let Some(record) = self.bench.ring.next() {
            events.push(parse(&record)?);
        }
        fs::remove_dir(&self.cgroup)?;
        accounts_agree(&events, &state)?;
        let counted: u64 = refusals.iter().map(|(_, refusal)| refusal.counted).sum();
        ensure!(counted == state.counted_refusals, "{counted} counted, {} in all", state.counted_refusals);
        Ok(Ended { events, refusals, state })
    }
}

impl Ended {
    fn recorded(&self, action: &str) -> u64 {
        self.events.iter().filter(|event| event.action.name() == action).count() as u64
    }
}

fn bind(bench: &mut Bench, cgroup: &std::path::Path, number: u64, scopes: &str) -> Result<Slot> {
    fs::create_dir_all(cgroup)?;
    Ok(bench.kernel.bind(&BindSpec {
        cgroup_id: fs::metadata(cgroup)?.ino(),
        cgroup_level: 1,
        session_number: number,
        expires_boot_ns: u64::MAX,
        policy: &policy(scopes)?,
        flags: 0,
    })?)
}

fn act_in(cgroup: &std::path::Path, words: &str) -> Result<String> {
    let mut command = Command::new(std::env::current_exe()?);
    let out = command.arg("--in").arg(cgroup).args(words.split(' ')).output()?;
    Ok(String::from_utf8_lossy(&out.stdout).trim().to_owned())
}

fn repeated(bench: &mut Bench) -> Result<()> {
    let place = place(bench)?;
    let control =
        Command::new(&bench.act).args(["times", "3", "read", &format!("{place}/out/secret")]).output()?;
    ensure!(control.stdout.starts_with(b"3 ok"), "ungoverned: {}", String::from_utf8_lossy(&control.stdout));
    let stage = Stage::new(bench, &format!("file:read:{place}/in"))?;
    for (act, outcome) in [
        (format!("times 1000 read {place}/out/secret"), "1000 EACCES"),
        // Another act on the same thing, the same on another, and what is granted: each is told by itself.
        (format!("append {place}/out/secret"), "EACCES"),
        (format!("read {place}/in/true"), "ok"),
        (format!("create {place}/out/new"), "EACCES"),
        (format!("create {place}/out/other"), "EACCES"),
    ] {
        let ended = stage.act(&act)?;
        ensure!(ended == outcome, "{act}: it ended with `{ended}`");
    }
    let ended = stage.end()?;
    ensure!(ended.recorded("file.read") == FEW, "{} refused reads are recorded", ended.recorded("file.read"));
    ensure!(ended.recorded("file.write") == 1, "{} refused writes", ended.recorded("file.write"));
    ensure!(ended.recorded("file.create") == 2, "{} refused creations", ended.recorded("file.create"));
    let counted: Vec<_> = ended.refusals.iter().filter(|(_, refusal)| refusal.counted > 0).collect();
    let [(key, refusal)] = counted.as_slice() else { anyhow::bail!("counted is {counted:?}") };
    ensure!(refusal.counted == 1000 - FEW && refusal.recorded == FEW, "{refusal:?}");
    let inode = fs::metadata(format!("{place}/out/secret"))?.ino();
    ensure!(key.inode[0] == inode && key.wanted != ANY_OBJECT, "{key:?}");
    let last =
        ended.events.iter().rfind(|event| event.action.name() == "file.read").map(|event| event.sequence);
    ensure!(last == Some(refusal.last), "{last:?} instead of {}", refusal.last);
    ensure!(ended.state.refused.iter().sum::<u64>() == 1003, "{:?}", ended.state);
    Ok(())
}

fn distinct(bench: &mut Bench) -> Result<()> {
    const TRIES: u64 = 3000;
    let place = place(bench)?;
    let stage = Stage::new(bench, &format!("file:read:{place}/in"))?;
    let outcome = stage.act(&format!("times {TRIES} create {place}/out/#"))?;
    ensure!(outcome == format!("{TRIES} EACCES"), "it ended with `{outcome}`");
    // Whoever has filled the bound hides nothing else behind it.
    let outcome = stage.act(&format!("read {place}/out/secret"))?;
    ensure!(outcome == "EACCES", "it ended with `{outcome}`");
    let ended = stage.end()?;
    let recorded = ended.recorded("file.create");
    ensure!(recorded == MAX_DISTINCT + FEW, "{recorded} creations are recorded");
    ensure!(ended.recorded("file.read") == 1, "the refused read is not recorded");
    let of_any = ended.refusals.iter().find(|(key, refusal)| key.wanted == ANY_OBJECT && refusal.counted > 0);
    ensure!(of_any.is_some_and(|(_, it)| it.counted == TRIES - recorded), "{of_any:?}");
    Ok(())
}

fn shared(bench: &mut Bench) -> Result<()> {
    const RING: u64 = 1 << 16;
    let place = place(bench)?;
    let mut small = with_ring(bench, RING as u32)?;
    let scopes = format!("file:write:{place}/in");
    let (flooding, other) = (small.cgroups.join("gov-flood"), small.cgroups.join("gov-other"));
    let slot = bind(&mut small, &flooding, 21, &scopes)?;
    let neighbour = bind(&mut small, &other, 22, &scopes)?;
    let flood = format!("flood {place}/in/a 2000");
    let outcome = act_in(&flooding, &flood)?;
    ensure!(outcome == "EAGAIN", "the flood ended with `{outcome}`");
    let first = small.kernel.counters(slot)?;
    let share = RING * 2 / 3;
    ensure!((share - 1000..=share).contains(&first.produced), "it has {} of {RING} bytes", first.produced);
    let outcome = act_in(&other, &format!("append {place}/in/a"))?;
    ensure!(outcome == "ok", "beside a flood, it ended with `{outcome}`");

    // What was taken and written down makes room for as much again.
    let mut last = 0;
    while let Some(record) = small.ring.next() {
        let event = parse(&record)?;
        last = if event.session == 21 { event.produced } else { last };
    }
    ensure!(last == first.produced, "the last record says {last}, the kernel {}", first.produced);
    small.kernel.note_taken(slot, last)?;
    let outcome = act_in(&flooding, &flood)?;
    ensure!(outcome == "EAGAIN", "the second flood ended with `{outcome}`");
    let more = small.kernel.counters(slot)?.produced - last;
    ensure!((share - 1000..=share).contains(&more), "after the daemon took all, it has {more} bytes");
    small.kernel.unbind(slot)?;
    let state = small.kernel.unbind(neighbour)?;
    ensure!(state.lost == 0, "the neighbour lost {}", state.lost);
    fs::remove_dir(&flooding)?;
    fs::remove_dir(&other)?;
    Ok(())
}
