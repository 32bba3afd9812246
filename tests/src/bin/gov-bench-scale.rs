//! What one session's open costs when it is alone and beside 9,999 others, and what a session and a rule take up.
//!
//! `gov-bench-scale` runs as root and loads the hooks itself; `gov-bench-scale in CGROUP` is the measured task. The
//! other sessions are bound to cgroup ids that no cgroup has: nobody runs in them, so what is measured is the tables'
//! size and not that others use the machine. It fails when the open costs more than 20 per cent more than alone.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use gov::kernel::{BindSpec, Kernel, LoadOptions, Slot, Usage};
use gov::policy::{Compiled, Found, Grants, HostFacts, compile};
use gov::scope::{CleanPath, FileRight, Scope};
use gov_common::abi::MAX_SESSIONS;
use tests::house::cgroups;
use tests::opens::{self, Figure, GROUND};

/// Components of the opened path.
const DEPTH: usize = 8;
const RULES: u32 = 1000;
const SESSIONS: u64 = 10_000;
/// How much more than alone the open may cost beside the others.
const LIMIT: f64 = 1.2;
/// The depth of every session's cgroup, as under a daemon.
const LEVEL: u32 = 1;
/// Ids from here on are of no cgroup: the kernel counts its own up from 1.
const NOBODYS: u64 = 1 << 48;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => compare(),
        ["in", cgroup] => measured(Path::new(cgroup)),
        _ => bail!("usage: gov-bench-scale [in CGROUP]"),
    }
}

fn compare() -> Result<()> {
    opens::make(DEPTH)?;
    let cgroup = cgroups()?.join("gov-bench-scale");
    fs::create_dir_all(&cgroup)?;
    let (mut kernel, mut ring) = Kernel::load(&LoadOptions::default())?;
    kernel.self_test(&mut ring, &cgroups()?, 0)?;

    let mut shared = policy(0)?;
    let own = bind(&mut kernel, fs::metadata(&cgroup)?.ino(), &shared)?;
    println!("{:<46}{:>10}{:>8}", format!("open + close at depth {DEPTH}, {RULES} rules a session"), "", "");
    let alone = when_quiet(&cgroup)?;
    row("1 session", alone, alone);

    let before = Memory::now(&kernel)?;
    let begin = Instant::now();
    let mut others = Vec::new();
    for number in 1..SESSIONS {
        in_own(&mut shared, number)?;
        others.push(bind(&mut kernel, NOBODYS + number, &shared)?);
    }
    let bound = nanoseconds(begin, others.len());
    let after = Memory::now(&kernel)?;
    let stands = after.maps.edges.elements;
    let once = shared.edges.len() as u64 + SESSIONS;
    ensure!(stands == once, "equal policies do not stand once: {stands} edges, and {once} should");
    let equal = figure(&cgroup)?;
    row(&format!("{SESSIONS} sessions with equal policies"), equal, alone);
    let begin = Instant::now();
    let count = others.len();
    release(&mut kernel, &mut others)?;
    let unbound = nanoseconds(begin, count);
    let of_sessions = Growth::between(&before, &after, count);

    let before = Memory::now(&kernel)?;
    let placed = fill(&mut kernel, &mut others)?;
    let after = Memory::now(&kernel)?;
    let full = (shared.edges.len() + 1) * (1 + others.len());
    let stands = after.maps.edges.elements;
    ensure!(stands == full as u64, "{stands} edges stand and {full} should");
    let different = figure(&cgroup)?;
    row(&format!("{} sessions with different policies", others.len() + 1), different, alone);
    let rules = others.len() * RULES as usize;
    let of_rules = Growth::between(&before, &after, rules);
    release(&mut kernel, &mut others)?;
    row("1 session again", figure(&cgroup)?, alone);
    kernel.unbind(own)?;
    fs::remove_dir(&cgroup)?;

    println!("\n{:<46}{:>10.0}", format!("binding with a policy of {RULES} rules that is there"), bound);
    println!("{:<46}{:>10.0}", "binding with a new one", placed);
    println!("{:<46}{:>10.0}   and a grace period of the kernel", "unbinding", unbound);
    println!("nanoseconds of the guest's clock (instructions under -icount), medians or means\n");
    let aside = (after.maps.sessions.bytes + after.maps.states.bytes) / u64::from(MAX_SESSIONS);
    println!("memory, in bytes          in the maps    slab   this process");
    println!("set aside for a session {aside:>13}");
    println!("a session, policy shared {of_sessions}");
    println!("a rule                   {of_rules}   ({rules} rules, {stands} edges)");
    for (what, figure) in [("equal", equal), ("different", different)] {
        let ratio = figure.median / alone.median;
        ensure!(
            ratio <= LIMIT,
            "beside sessions with {what} policies an open costs {ratio:.2} times as much"
        );
    }
    Ok(())
}

/// Binds sessions with policies of their own until the kernel has no room for one more: nanoseconds of a binding.
fn fill(kernel: &mut Kernel, others: &mut Vec<Slot>) -> Result<f64> {
    let mut bound = 0.0;
    for number in 1..SESSIONS {
        let policy = policy(number)?;
        let begin = Instant::now();
        match bind(kernel, NOBODYS + number, &policy) {
            Ok(slot) => others.push(slot),
            Err(error) if number > 1 => {
                eprintln!("no room for policy {number}: {error:#}");
                return Ok(bound / others.len() as f64);
            }
            Err(error) => return Err(error),
        }
        bound += nanoseconds(begin, 1);
    }
    bail!("the kernel's tables are larger than this benchmark knows: raise SESSIONS")
}

fn bind(kernel: &mut Kernel, cgroup_id: u64, policy: &Compiled) -> Result<Slot> {
    let session_number = cgroup_id;
    let (cgroup_level, expires_boot_ns, flags) = (LEVEL, u64::MAX, 0);
    Ok(kernel.bind(&BindSpec { cgroup_id, cgroup_level, session_number, expires_boot_ns, policy, flags })?)
}

fn release(kernel: &mut Kernel, slots: &mut Vec<Slot>) -> Result<()> {
    for slot in slots.drain(..) {
        kernel.unbind(slot)?;
    }
    Ok(())
}

/// Gives a policy's session another folder of its own.
fn in_own(policy: &mut Compiled, number: u64) -> Result<()> {
    let own = policy.own.as_mut().context("the session has a folder of its own")?;
    own.name[..8].copy_from_slice(&number.to_be_bytes());
    Ok(())
}

/// A policy that grants the opened file, as its last rule, the session's own folder, and folders that no other policy
/// grants.
fn policy(number: u64) -> Result<Compiled> {
    let folder = |name: String| CleanPath::new(format!("{GROUND}/{name}").as_bytes());
    let mut scopes = Vec::new();
    let own = CleanPath::new(b"/srv/own/session")?;
    scopes.push(Scope::File(FileRight::Write, own.clone()));
    for rule in 2..RULES {
        scopes.push(Scope::File(FileRight::Read, folder(format!("other-{number}-{rule}"))?));
    }
    scopes.push(Scope::File(FileRight::Read, folder("f".to_owned())?));
    Ok(compile(Grants::from(&scopes).in_own(&own), &Folders)?)
}

/// A machine that has every folder that a rule names.
struct Folders;

impl HostFacts for Folders {
    fn look(&self, _: &CleanPath) -> std::io::Result<Found> {
        Ok(Found::Directory { only_root: true })
    }

    fn addresses(&self) -> Vec<std::net::IpAddr> {
        Vec::new()
    }
}

/// The measured task: enters the session, sees that it is governed, and prints a line of samples.
fn measured(cgroup: &Path) -> Result<()> {
    ensure!(File::open("/etc/passwd").is_ok(), "`/etc/passwd` cannot be opened ungoverned");
    fs::write(cgroup.join("cgroup.procs"), std::process::id().to_string())?;
    ensure!(File::open("/etc/passwd").is_err(), "a file that no rule grants is opened");
    println!("{}", opens::measure(&[opens::path(DEPTH)])?.concat());
    Ok(())
}

/// A figure of a machine that has got over its boot: measured until two in a row hardly differ within themselves.
fn when_quiet(cgroup: &Path) -> Result<Figure> {
    const QUIET: f64 = 0.05;
    let mut quiet_before = false;
    for _ in 0..60 {
        let figure = figure(cgroup)?;
        let quiet = figure.spread() < QUIET;
        if quiet && quiet_before {
            return Ok(figure);
        }
        quiet_before = quiet;
    }
    bail!("the machine does not become quiet")
}

fn figure(cgroup: &Path) -> Result<Figure> {
    let mut task = Command::new(std::env::current_exe()?);
    let output = task.arg("in").arg(cgroup).stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "the measured task ended with {}", output.status);
    Figure::parse(&String::from_utf8(output.stdout)?)
}

fn row(name: &str, figure: Figure, alone: Figure) {
    println!("{name:<46}{:>10.0}{:>8}", figure.median, format!("x{:.3}", figure.median / alone.median));
}

/// Nanoseconds of each of `count` things that took until now.
fn nanoseconds(begin: Instant, count: usize) -> f64 {
    begin.elapsed().as_nanos() as f64 / count as f64
}

/// What is taken up at one moment.
struct Memory {
    maps: Usage,
    /// Bytes of the kernel's slab that cannot be reclaimed: elements stand there, rounded up.
    slab: u64,
    /// Bytes that this process has allocated.
    process: u64,
}

impl Memory {
    fn now(kernel: &Kernel) -> Result<Self> {
        Ok(Self { maps: kernel.usage()?, slab: slab()?, process: allocated() })
    }
}

fn slab() -> Result<u64> {
    let text = fs::read_to_string("/proc/meminfo")?;
    let line = text.lines().find_map(|line| line.strip_prefix("SUnreclaim:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")).context("no `SUnreclaim`")?;
    Ok(kilobytes.parse::<u64>()? * 1024)
}

/// What the allocator has given out; the resident pages would count what it keeps from loading the object, too.
fn allocated() -> u64 {
    // SAFETY: it takes nothing and returns numbers.
    let info = unsafe { libc::mallinfo2() };
    (info.uordblks + info.hblkhd) as u64
}

/// By how much each of many things has made it grow.
struct Growth {
    maps: f64,
    slab: f64,
    process: f64,
}

impl Growth {
    fn between(before: &Memory, after: &Memory, count: usize) -> Self {
        let maps = |memory: &Memory| {
            let Usage { sessions, states, edges, nets, reads } = memory.maps;
            [sessions, states, edges, nets, reads].iter().map(|map| map.bytes).sum()
        };
        let each = |before: u64, after: u64| (after as f64 - before as f64) / count as f64;
        Self {
            maps: each(maps(before), maps(after)),
            slab: each(before.slab, after.slab),
            process: each(before.process, after.process),
        }
    }
}

impl std::fmt::Display for Growth {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:>12.0}{:>8.0}{:>15.0}", self.maps, self.slab, self.process)
    }
}
