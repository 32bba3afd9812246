//! Races, against the kernel object alone: the ground is changed while governed processes act on it as fast as they
//! can. Each counts its attempts, and fails on one wrong verdict or if the race was none.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use gov::event::{Event, parse};
use gov::kernel::{BindSpec, Slot};
use gov::policy::Compiled;
use gov_common::abi::SESSION_ARM_AT_EXEC;
use gov_common::verdict::Reason;
use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::act::storms::{Count, Page, SECRET};
use crate::direct::{Bench, accounts_agree, policy, shown};
use crate::direct_scenes::Scene;

/// Every race.
pub const RACES: &[Scene] = &[
    Scene { name: "a rename against an open shows no name that never was", play: renames },
    Scene { name: "a policy that is replaced against an open is the old one or the new one", play: swaps },
    Scene { name: "a fork against a binding leaves no process outside", play: forks },
    Scene { name: "an execution against another arms a session once, and for all", play: arming },
    Scene { name: "a cgroup removed against a dying task gives no event to another session", play: dying },
];

const PATIENCE: Duration = Duration::from_secs(60);

/// The secret is moved between `x/p` and `y/q`, so that a walk that saw half of a rename would find it at `x/q`,
/// which is granted. The public file is moved between two places that both are.
fn renames(bench: &mut Bench) -> Result<()> {
    const READS: u64 = 1500;
    let race = Race::new(bench)?;
    let place = race.place.display().to_string();
    for (folder, text) in [("x/p", SECRET), ("x/r", "public"), ("y/s", "public")] {
        let deep = race.place.join(folder).join("1/2/3/4/5/6");
        fs::create_dir_all(&deep)?;
        fs::write(deep.join("a"), text)?;
    }
    fs::create_dir_all(race.place.join("y"))?;
    let scopes = ["x/q", "x/r", "y/s"].map(|folder| format!("file:read:{place}/{folder}"));
    let slot = race.bind(bench, 301, &policy(&scopes.join(" "))?, 0)?;

    let (over, moves) = (AtomicBool::new(false), AtomicU64::new(0));
    let (out, events) = thread::scope(|scope| -> Result<_> {
        let mover = scope.spawn(|| -> Result<()> {
            let path = |name: &str| race.place.join(name);
            while !over.load(Ordering::SeqCst) {
                fs::rename(path("x/p"), path("y/q"))?;
                renameat_with(CWD, path("x/r"), CWD, path("y/s"), RenameFlags::EXCHANGE)?;
                fs::rename(path("y/q"), path("x/p"))?;
                moves.fetch_add(3, Ordering::SeqCst);
            }
            Ok(())
        });
        let paths = ["x/p", "y/q", "x/r", "y/s"].map(|folder| format!("{place}/{folder}/1/2/3/4/5/6/a"));
        let reads = READS.to_string();
        let words = ["race-read", &reads].into_iter().chain(paths.iter().map(String::as_str));
        let done = race.start(words).and_then(|child| collect(bench, child));
        over.store(true, Ordering::SeqCst);
        mover.join().map_err(|_| anyhow::anyhow!("the mover panicked"))??;
        done
    })?;
    let state = bench.kernel.unbind(slot)?;
    let [read, secret, refused, absent] = numbers(&out)?;
    let moves = moves.into_inner();
    println!("{} opens against {moves} renames: {read} read, {refused} refused, {absent} absent", READS * 4);
    ensure!(secret == 0, "the secret was read {secret} times");
    ensure!(moves > 100 && read > 0 && refused > 0, "that was no race");
    let wrong = events.iter().find(|event| {
        let public = path_of(event).is_some_and(|path| path.contains("/x/r/") || path.contains("/y/s/"));
        event.reason != Reason::Granted && event.reason != Reason::RenameRace && public
    });
    ensure!(wrong.is_none(), "what is granted wherever it lies was refused: {wrong:?}");
    accounts_agree(&events, &state)
}

/// Both policies grant the one file and refuse the other; otherwise they have little in common.
fn swaps(bench: &mut Bench) -> Result<()> {
    const SWAPS: u64 = 24;
    const READS: u64 = 500;
    let race = Race::new(bench)?;
    let place = race.place.display().to_string();
    fs::create_dir(race.place.join("in"))?;
    fs::write(race.place.join("in/a"), "public")?;
    let one = policy(&format!("file:read:{place}/in"))?;
    let other = policy(&format!("file:write:{place}/in/a file:read:{place}/b/c file:read:{place}/secret2"))?;
    let slot = race.bind(bench, 302, &one, 0)?;
    let (granted, refused) = (format!("{place}/in/a"), race.secret());
    let (mut events, mut swaps, mut opens) = (Vec::new(), 0_u64, 0_u64);
    while swaps < SWAPS {
        let mut child = race.start(["race-read", &READS.to_string(), &granted, &refused])?;
        while child.try_wait()?.is_none() {
            bench.kernel.replace_policy(slot, if swaps.is_multiple_of(2) { &other } else { &one })?;
            swaps += 1;
            drain(bench, &mut events)?;
        }
        let (out, mut rest) = collect(bench, child)?;
        events.append(&mut rest);
        opens += READS * 2;
        ensure!(numbers(&out)? == [READS, 0, READS, 0], "read, secret, refused, absent: {out}");
    }
    let state = bench.kernel.unbind(slot)?;
    println!("{opens} opens against {swaps} replaced policies: each as it had to be");
    accounts_agree(&events, &state)
}

/// Processes that fork all the time are bound and let go, again and again.
fn forks(bench: &mut Bench) -> Result<()> {
    const ROUNDS: u64 = 25;
    let race = Race::new(bench)?;
    let policy = policy(&format!("file:write:{}", race.page_path()))?;
    let stormers = (0..3).map(|_| race.start(["race-fork", &race.page_path(), &race.secret()]));
    let stormers = stormers.collect::<Result<Vec<_>>>()?;
    race.wait(bench, Count::Ready, 3, &mut Vec::new())?;
    for round in 0..ROUNDS {
        let mut events = Vec::new();
        race.page.set(Count::Phase, round * 4 + 1);
        let slot = race.bind(bench, 400 + round, &policy, 0)?;
        race.page.set(Count::Phase, round * 4 + 2);
        race.wait(bench, Count::JudgedGoverned, 20 * (round + 1), &mut events)?;
        race.page.set(Count::Phase, round * 4 + 3);
        let state = bench.kernel.unbind(slot)?;
        race.page.set(Count::Phase, round * 4 + 4);
        race.wait(bench, Count::JudgedFree, 20 * (round + 1), &mut events)?;
        accounts_agree(&events, &state)?;
    }
    race.page.set(Count::Over, 1);
    for stormer in stormers {
        collect(bench, stormer)?;
    }
    race.judge(&format!("opens by forking processes against {ROUNDS} bindings"))
}

/// Several processes of a session that waits execute at once, while another one that executes nothing looks on.
fn arming(bench: &mut Bench) -> Result<()> {
    const ROUNDS: u64 = 8;
    const RUNNERS: u64 = 3;
    let race = Race::new(bench)?;
    let program = std::env::current_exe()?.with_file_name("gov-act").display().to_string();
    let policy = policy(&format!("file:write:{} code:execute:{program}", race.page_path()))?;
    let watcher = race.start(["race-watch", &race.page_path(), &race.secret()])?;
    race.wait(bench, Count::Ready, 1, &mut Vec::new())?;
    for round in 0..ROUNDS {
        let runner = || race.start(["race-exec", &race.page_path(), &race.secret(), &program]);
        let runners = (0..RUNNERS).map(|_| runner()).collect::<Result<Vec<_>>>()?;
        let mut events = Vec::new();
        race.wait(bench, Count::Ready, 1 + RUNNERS * (round + 1), &mut events)?;
        let slot = race.bind(bench, 500 + round, &policy, SESSION_ARM_AT_EXEC)?;
        race.page.set(Count::Phase, round * 4 + 1);
        for runner in runners {
            let (out, mut more) = collect(bench, runner)?;
            events.append(&mut more);
            ensure!(out == "ok", "an execution ended with `{out}`: {}", shown(&events));
        }
        race.page.set(Count::Phase, round * 4 + 3);
        let state = bench.kernel.unbind(slot)?;
        drain(bench, &mut events)?;
        race.page.set(Count::Phase, round * 4 + 4);
        let armed = events.iter().filter(|event| event.action.name() == "session.armed").count();
        ensure!(armed == 1, "it was armed {armed} times");
        accounts_agree(&events, &state)?;
    }
    race.page.set(Count::Over, 1);
    collect(bench, watcher)?;
    race.judge(&format!("opens against {} executions in {ROUNDS} sessions", ROUNDS * RUNNERS))
}

/// Processes die by the signal that empties their cgroup, which is removed and let go, in either order, while the
/// next session begins in one of the same name.
fn dying(bench: &mut Bench) -> Result<()> {
    const ROUNDS: u64 = 24;
    let race = Race::new(bench)?;
    let policy = policy(&format!("file:write:{}", race.page_path()))?;
    let mut events: Vec<Event> = Vec::new();
    let mut accounts = Vec::new();
    let mut old: Option<Slot> = None;
    let mut dead = Vec::new();
    for round in 0..ROUNDS {
        let secret = race.place.join(format!("secret-{round}"));
        fs::write(&secret, SECRET)?;
        let cgroup = race.cgroup();
        fs::create_dir_all(&cgroup)?;
        race.page.set(Count::Phase, round * 4 + 1);
        let words = ["race-die", &race.page_path(), &secret.display().to_string()];
        let dier = race.start(words)?;
        race.wait(bench, Count::Ready, 4 * (round + 1), &mut events)?;
        let slot = race.bind(bench, 600 + round, &policy, 0)?;
        if let Some(old) = old.take() {
            accounts.push(bench.kernel.unbind(old)?);
        }
        race.page.set(Count::Phase, round * 4 + 2);
        race.wait(bench, Count::JudgedGoverned, 20 * (round + 1), &mut events)?;
        fs::write(cgroup.join("cgroup.kill"), "1")?;
        match round % 3 {
            // Let go while its tasks die.
            0 => {
                race.page.set(Count::Phase, round * 4 + 3);
                accounts.push(bench.kernel.unbind(slot)?);
                remove(&cgroup)?;
            }
            // Removed, then let go.
            1 => {
                remove(&cgroup)?;
                accounts.push(bench.kernel.unbind(slot)?);
            }
            // Removed; let go when the next one is bound.
            _last => {
                remove(&cgroup)?;
                old = Some(slot);
            }
        }
        dead.push(dier);
    }
    if let Some(old) = old {
        accounts.push(bench.kernel.unbind(old)?);
    }
    drain(bench, &mut events)?;
    for mut dier in dead {
        dier.wait()?;
    }
    for (round, state) in (0..ROUNDS).zip(accounts) {
        let own: Vec<Event> = events.iter().filter(|event| event.session == 600 + round).cloned().collect();
        let end = format!("/secret-{round}");
        let foreign = own.iter().find(|event| path_of(event).is_some_and(|path| !path.ends_with(&end)));
        ensure!(foreign.is_none(), "session {round} got what another one did: {foreign:?}");
        accounts_agree(&own, &state).with_context(|| format!("round {round}"))?;
    }
    race.judge(&format!("opens by dying processes against {ROUNDS} removed cgroups"))
}

/// Removes a cgroup as soon as its last task has left it.
fn remove(cgroup: &Path) -> Result<()> {
    let end = Instant::now() + PATIENCE;
    while let Err(error) = fs::remove_dir(cgroup) {
        ensure!(error.raw_os_error() == Some(libc::EBUSY), "cannot remove the cgroup: {error}");
        ensure!(Instant::now() < end, "the cgroup's tasks do not die");
    }
    Ok(())
}

/// What every race has: a folder with a secret, a page that its processes share, a cgroup.
struct Race {
    place: PathBuf,
    cgroups: PathBuf,
    page: Page,
}

impl Race {
    fn new(bench: &mut Bench) -> Result<Self> {
        // What was recorded before is not this race's.
        drain(bench, &mut Vec::new())?;
        let place = bench.folder.join("race");
        if place.exists() {
            fs::remove_dir_all(&place)?;
        }
        fs::create_dir_all(&place)?;
        fs::write(place.join("page"), [0; 4096])?;
        fs::write(place.join("secret"), SECRET)?;
        let page = Page::of(&place.join("page").display().to_string())?;
        let race = Self { place, cgroups: bench.cgroups.clone(), page };
        fs::create_dir_all(race.cgroup())?;
        Ok(race)
    }

    fn cgroup(&self) -> PathBuf {
        self.cgroups.join("gov-race")
    }

    fn page_path(&self) -> String {
        self.place.join("page").display().to_string()
    }

    fn secret(&self) -> String {
        self.place.join("secret").display().to_string()
    }

    fn bind(&self, bench: &mut Bench, number: u64, policy: &Compiled, flags: u32) -> Result<Slot> {
        Ok(bench.kernel.bind(&BindSpec {
            cgroup_id: fs::metadata(self.cgroup())?.ino(),
            cgroup_level: 1,
            session_number: number,
            expires_boot_ns: u64::MAX,
            policy,
            flags,
        })?)
    }

    /// Starts a process that enters the cgroup and acts.
    fn start<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> Result<Child> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--in").arg(self.cgroup()).args(words);
        Ok(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?)
    }

    /// Waits until a count has come so far, and takes what comes out of the ring meanwhile.
    fn wait(&self, bench: &mut Bench, count: Count, value: u64, events: &mut Vec<Event>) -> Result<()> {
        let end = Instant::now() + PATIENCE;
        while self.page.value(count) < value {
            drain(bench, events)?;
            ensure!(Instant::now() < end, "{count:?} stays at {} of {value}", self.page.value(count));
            thread::sleep(Duration::from_millis(1));
        }
        drain(bench, events)
    }

    /// Says how many attempts were judged, and fails if one was judged wrongly.
    fn judge(&self, what: &str) -> Result<()> {
        let [free, governed, refused, granted] =
            [Count::JudgedFree, Count::JudgedGoverned, Count::WronglyRefused, Count::WronglyGranted]
                .map(|count| self.page.value(count));
        println!("{} {what}: {free} ungoverned, {governed} governed", free + governed);
        ensure!(granted == 0, "{granted} opens of governed processes were granted");
        ensure!(refused == 0, "{refused} opens of ungoverned processes were refused");
        ensure!(governed > 0, "that was no race");
        Ok(())
    }
}

impl Drop for Race {
    /// Ends what a race that failed has left.
    fn drop(&mut self) {
        self.page.set(Count::Over, 1);
        if self.cgroup().exists() {
            let gone = fs::write(self.cgroup().join("cgroup.kill"), "1").map_err(anyhow::Error::from);
            if let Err(error) = gone.and_then(|()| remove(&self.cgroup())) {
                eprintln!("a race leaves its cgroup: {error:#}");
            }
        }
    }
}

/// Waits for a process, taking what comes out of the ring: what it printed, and the events.
fn collect(bench: &mut Bench, mut child: Child) -> Result<(String, Vec<Event>)> {
    let mut events = Vec::new();
    let end = Instant::now() + PATIENCE;
    while child.try_wait()?.is_none() {
        drain(bench, &mut events)?;
        if Instant::now() > end {
            child.kill()?;
            bail!("a process of the race does not end");
        }
        thread::sleep(Duration::from_millis(1));
    }
    drain(bench, &mut events)?;
    let done = child.wait_with_output()?;
    let out = String::from_utf8_lossy(&done.stdout).trim().to_owned();
    ensure!(done.status.success(), "a process of the race failed: {}", String::from_utf8_lossy(&done.stderr));
    Ok((out, events))
}

fn drain(bench: &mut Bench, events: &mut Vec<Event>) -> Result<()> {
    while let Some(record) = bench.ring.next() {
        events.push(parse(&record)?);
    }
    Ok(())
}

/// The four numbers that `race-read` prints.
fn numbers(out: &str) -> Result<[u64; 4]> {
    let numbers = out.split(' ').map(str::parse).collect::<Result<Vec<u64>, _>>();
    let numbers = numbers.with_context(|| format!("it ended with `{out}`"))?;
    numbers.try_into().map_err(|_| anyhow::anyhow!("it ended with `{out}`"))
}

fn path_of(event: &Event) -> Option<String> {
    event.object.as_ref().map(|object| String::from_utf8_lossy(&object.path).into_owned())
}
