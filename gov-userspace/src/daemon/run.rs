//! The daemon's life: what it makes and loads at its start, its two loops, and its stop in order.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::io::Interest;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tokio::time::MissedTickBehavior;

use super::core::{Core, Notices};
use super::enforcement::Words;
use super::engine::{Engine, Inbox, channel};
use super::ground::Ground;
use super::inherit::{self, Estate};
use super::own::HOST;
use super::{lock, notify, recovery, socket};
use crate::config::Config;
use crate::crash;
use crate::host::alarm::Alarm;
use crate::host::cgroup::{Cgroup, Hierarchy};
use crate::host::readiness;
use crate::kernel::{Kernel, KernelError, Left, LoadOptions, Ring, Slot, pins};

/// How often checkpoints that are due are made.
const COMMIT_EVERY: Duration = Duration::from_millis(50);
/// How often kills and gaps are looked at, and all else of which something should have told.
const TICK_EVERY: Duration = Duration::from_millis(250);
/// How often the daemon looks after enforcement.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Records taken from the ring before anything else gets its turn.
const BATCH: usize = 4096;
/// How long after the last session's close those who wait for it are still answered.
const LAST_ANSWERS: Duration = Duration::from_millis(500);
/// How long after the kill of the last session the daemon waits for its end.
const LAST_WAIT: Duration = Duration::from_secs(10);

/// Why the daemon does not run.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The kernel's side cannot be loaded, or does not do what it should.
    #[error(transparent)]
    CannotEnforce(KernelError),
    /// Only root can load programs and make cgroups.
    #[error("only root can load programs and make cgroups")]
    NotRoot,
    /// Something else that it needs is missing or taken.
    #[error(transparent)]
    Start(#[from] anyhow::Error),
}

/// Loads the kernel's side as the daemon would, tries it, and lets it go again.
pub fn check(config: &Config) -> Result<Words, DaemonError> {
    check_root()?;
    let hierarchy = Hierarchy::open().context("cannot open gov's cgroup hierarchy")?;
    let (kernel, _ring) = load(config, &hierarchy)?;
    Ok(Words::of(kernel.enforcement()))
}

/// What becomes of the sessions of a daemon that is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leftovers {
    /// They go on.
    GoOn,
    /// They are ended.
    End,
}

/// Runs until it is asked to stop, and every session is closed.
pub fn serve(config: Config, leftovers: Leftovers) -> Result<(), DaemonError> {
    check_root()?;
    let socket_folder = config.socket.parent().unwrap_or(Path::new("/"));
    for folder in [Path::new(HOST), socket_folder, &config.state] {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
    }
    let _lock = lock::take(&Path::new(HOST).join("govd.lock"))?;
    let mut ground = Ground::lay(config)?;
    let (kernel, ring, estate) = enforce(&ground, leftovers)?;
    ground.note_enforcement(kernel.enforcement());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("no event loop")?;
    runtime.block_on(run(kernel, ring, ground, estate))?;
    pins::clear().map_err(DaemonError::CannotEnforce)?;
    Ok(())
}

/// Enforces: goes on with what a daemon left that is gone, or begins anew.
fn enforce(ground: &Ground, leftovers: Leftovers) -> Result<(Kernel, Ring, Estate<Slot>), DaemonError> {
    let cgroups = inherit::cgroups(&ground.hierarchy)?;
    let pinned = pins::found().map_err(DaemonError::CannotEnforce)?;
    if leftovers == Leftovers::GoOn && !cgroups.is_empty() {
        match Kernel::adopt(|id| cgroups.get(&id).map(Cgroup::level)) {
            Ok(Left::Whole(kernel, ring, sessions)) => {
                return Ok((*kernel, ring, Estate { sessions, cgroups, pinned }));
            }
            Ok(Left::Nothing) => {}
            Err(error @ KernelError::OtherVersion { .. }) => return Err(DaemonError::CannotEnforce(error)),
            Err(error) => tracing::error!("what a daemon left cannot be gone on with, and is ended: {error}"),
        }
    }
    // What is still in force is let go when nobody is left whom it governs.
    recovery::end_leftovers(ground)?;
    pins::clear().map_err(DaemonError::CannotEnforce)?;
    let (mut kernel, ring) = load(&ground.config, &ground.hierarchy)?;
    kernel.pin().map_err(DaemonError::CannotEnforce)?;
    Ok((kernel, ring, Estate { sessions: Vec::new(), cgroups: BTreeMap::new(), pinned }))
}

fn check_root() -> Result<(), DaemonError> {
    if rustix::process::geteuid().is_root() { Ok(()) } else { Err(DaemonError::NotRoot) }
}

/// Loads the kernel's side and tries it: nothing is said to be enforced that was not seen to be.
fn load(config: &Config, hierarchy: &Hierarchy) -> Result<(Kernel, Ring), DaemonError> {
    let ring_bytes = config.ring_kib.saturating_mul(1024);
    let options = LoadOptions { ring_bytes };
    let (mut kernel, mut ring) = Kernel::load(&options).map_err(DaemonError::CannotEnforce)?;
    kernel.self_test(&mut ring, hierarchy.folder(), hierarchy.level()).map_err(DaemonError::CannotEnforce)?;
    Ok((kernel, ring))
}

/// Serves until the engine has closed its last session after a request to stop.
async fn run(kernel: Kernel, ring: Ring, ground: Ground, estate: Estate<Slot>) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot catch SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot catch SIGINT")?;
    let listener = listen(&ground.config.socket)?;
    let max_connections = ground.config.max_connections;
    let socket_path = ground.config.socket.clone();
    let (engine, inbox) = channel();
    let (stop, stopped) = oneshot::channel();
    let (done, mut finished) = oneshot::channel();
    std::thread::Builder::new()
        .name("engine".to_owned())
        .spawn(move || {
            if done.send(engine_thread(kernel, ring, ground, estate, inbox, stopped)).is_err() {
                tracing::error!("the engine outlived its daemon");
            }
        })
        .context("no thread for the engine")?;
    say_hello(&engine).await;
    tokio::spawn(socket::serve(listener, engine, max_connections));
    notify::tell("READY=1");
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        outcome = &mut finished => return outcome.context("the engine is gone")?,
    }
    tracing::info!("asked to stop");
    notify::tell("STOPPING=1");
    if stop.send(()).is_err() {
        tracing::error!("the engine is gone before its daemon");
    }
    let outcome = finished.await.context("the engine is gone")?;
    if let Err(error) = std::fs::remove_file(&socket_path) {
        tracing::warn!("the socket stays: {error}");
    }
    outcome
}

/// Says in the log that the daemon enforces, once the engine itself answers so.
async fn say_hello(engine: &Engine) {
    if let crate::control::message::Reply::Status(status) = engine.status().await {
        let hooks = status.hooks.iter().filter(|hook| hook.attached).count();
        tracing::info!(
            version = status.daemon,
            kernel = status.kernel,
            hooks,
            enforcement = status.enforcement,
            "enforcing"
        );
    }
}

/// Any user may ask; the delegation decides. A socket file without a listener is left over: the lock says so.
fn listen(path: &Path) -> anyhow::Result<tokio::net::UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot replace the socket `{}`", path.display()));
        }
        _gone => {}
    }
    let listener = tokio::net::UnixListener::bind(path)
        .with_context(|| format!("cannot listen on `{}`", path.display()))?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o666))
        .with_context(|| format!("cannot set the mode of `{}`", path.display()))?;
    Ok(listener)
}

fn engine_thread(
    kernel: Kernel,
    ring: Ring,
    ground: Ground,
    estate: Estate<Slot>,
    inbox: Inbox,
    stopped: oneshot::Receiver<()>,
) -> anyhow::Result<()> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("no event loop")?;
    runtime.block_on(engine_loop(kernel, ring, ground, estate, inbox, stopped))
}

async fn engine_loop(
    kernel: Kernel,
    mut ring: Ring,
    ground: Ground,
    estate: Estate<Slot>,
    inbox: Inbox,
    mut stopped: oneshot::Receiver<()>,
) -> anyhow::Result<()> {
    let Inbox { mut commands, closed } = inbox;
    let capacity = usize::try_from(ground.config.max_sessions).unwrap_or(usize::MAX).clamp(1, 1 << 16);
    let (emptied_sender, mut emptied) = mpsc::channel(capacity);
    let (looked_sender, mut looked) = mpsc::channel(capacity);
    let notices = Notices { emptied: emptied_sender, looked: looked_sender };
    let grace = Duration::from_millis(u64::from(ground.config.grace_ms));
    let mut core = Core::new(kernel, ground, closed, notices);
    core.inherit(estate).context("cannot go on with what a daemon left")?;
    let filled = readiness::watch(ring.fd(), Interest::READABLE).context("cannot watch the ring")?;
    let mut alarm = Alarm::new().context("no alarm for the sessions' ends")?;
    let mut commit = tokio::time::interval(COMMIT_EVERY);
    commit.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut tick = tokio::time::interval(TICK_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut look = tokio::time::interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut give_up, mut last_answer): (Option<Instant>, Option<Instant>) = (None, None);
    loop {
        alarm.set(core.due_ns).context("cannot set the alarm for the sessions' ends")?;
        tokio::select! {
            ready = filled.readable() => {
                // Cleared before the ring is taken: what comes meanwhile wakes this up again.
                let mut ready = ready.context("cannot watch the ring")?;
                ready.clear_ready();
                drop(ready);
                while drain(&mut core, &mut ring) {
                    core.commit(Instant::now());
                    // Whoever floods the ring does not put its end off.
                    core.on_time();
                    tokio::task::yield_now().await;
                }
                core.commit(Instant::now());
            }
            rang = alarm.rings() => {
                rang.context("cannot watch the alarm")?;
                core.on_time();
            }
            Some(command) = commands.recv() => core.answer(command, Instant::now()),
            Some(name) = emptied.recv() => settle(&mut core, &mut ring, vec![name]),
            Some((name, artifacts)) = looked.recv() => core.complete(&name, &artifacts),
            _ = commit.tick() => {
                // Nobody is told of what comes while something waits in the ring.
                if ring.is_behind() {
                    drain(&mut core, &mut ring);
                }
                core.commit(Instant::now());
            }
            _ = look.tick() => core.look_after(),
            _ = tick.tick() => {
                // A record may have come without a wake-up while the last one was taken.
                drain(&mut core, &mut ring);
                let empty = core.tick(Instant::now());
                settle(&mut core, &mut ring, empty);
            }
            Ok(()) = &mut stopped, if give_up.is_none() => {
                let now = Instant::now();
                core.stop(now);
                give_up = now.checked_add(grace).and_then(|end| end.checked_add(LAST_WAIT));
            }
        }
        let now = Instant::now();
        if give_up.is_some() && !core.has_sessions() {
            let end = *last_answer.get_or_insert_with(|| now.checked_add(LAST_ANSWERS).unwrap_or(now));
            if now >= end {
                return Ok(());
            }
        } else if give_up.is_some_and(|time| now >= time) {
            anyhow::bail!("sessions that cannot be ended, or whose logs cannot be closed, are left behind");
        }
    }
}

/// Closes the sessions in which nobody is left, after taking what they wrote last from the ring.
fn settle(core: &mut Core<Kernel>, ring: &mut Ring, empty: Vec<String>) {
    let mut empty: Vec<String> = empty.into_iter().filter(|name| core.is_empty(name)).collect();
    if empty.is_empty() {
        return;
    }
    while drain(core, ring) {}
    let now = Instant::now();
    core.sort_innermost_first(&mut empty);
    for name in empty {
        if core.is_complete(&name, now) && !core.holds_open_log(&name) {
            core.close(&name);
        }
    }
}

/// Takes a batch of records, and gives back their room once they are written; true when there may be more.
fn drain(core: &mut Core<Kernel>, ring: &mut Ring) -> bool {
    let now = Instant::now();
    let mut count = 0;
    while count < BATCH
        && let Some(record) = ring.take()
    {
        core.record(&record, record.position, now);
        count += 1;
    }
    if count == 0 && !ring.is_behind() {
        return false;
    }
    crash::point("taken");
    let kept = core.hand_over();
    crash::point("handed-over");
    // Who waits too long for an earlier event does not keep others from recording: if this daemon dies now, what waited
    // is missing in the log, and the kernel's count there says so.
    let taken = ring.taken();
    let kept = kept.filter(|position| taken.wrapping_sub(*position) <= ring.quarter());
    ring.give_back(kept.unwrap_or(taken));
    // One that came before the room was given back wakes nobody.
    count > 0
}
