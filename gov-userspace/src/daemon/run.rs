//! The daemon's life: what it makes and loads at its start, its two loops, and its stop in order.

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
use super::gauges::{self, Gauges};
use super::ground::Ground;
use super::guard::Guard;
use super::own::HOST;
use super::{lock, notify, recovery, socket};
use crate::config::Config;
use crate::host::alarm::Alarm;
use crate::host::cgroup::Hierarchy;
use crate::host::readiness;
use crate::kernel::{Kernel, KernelError, LoadOptions, Ring, pins};

/// How often checkpoints that are due are made.
const COMMIT_EVERY: Duration = Duration::from_millis(50);
/// How often kills and gaps are looked at, and all else of which something should have told.
const TICK_EVERY: Duration = Duration::from_millis(250);
/// How often the daemon looks after its guard, and after enforcement.
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

/// Runs until it is asked to stop, and every session is closed.
pub fn serve(config: Config) -> Result<(), DaemonError> {
    check_root()?;
    let socket_folder = config.socket.parent().unwrap_or(Path::new("/"));
    for folder in [Path::new(HOST), socket_folder, &config.state] {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
    }
    let _lock = lock::take(&Path::new(HOST).join("govd.lock"))?;
    let mut ground = Ground::lay(config)?;
    // The hooks of a daemon that was killed are let go when nobody is left whom they govern.
    recovery::end_leftovers(&ground)?;
    let found = pins::found().map_err(DaemonError::CannotEnforce)?;
    pins::clear().map_err(DaemonError::CannotEnforce)?;
    let mut guard = Guard::start()?;
    let (mut kernel, ring) = load(&ground.config, &ground.hierarchy)?;
    kernel.pin().map_err(DaemonError::CannotEnforce)?;
    ground.note_enforcement(kernel.enforcement());
    recovery::recover_logs(&ground, &found)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("no event loop")?;
    runtime.block_on(run(kernel, ring, ground, &mut guard))?;
    pins::clear().map_err(DaemonError::CannotEnforce)?;
    guard.dismiss();
    Ok(())
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
async fn run(kernel: Kernel, ring: Ring, ground: Ground, guard: &mut Guard) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot catch SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot catch SIGINT")?;
    let listener = listen(&ground.config.socket)?;
    let max_connections = ground.config.max_connections;
    let socket_path = ground.config.socket.clone();
    let gauges = gauges::serve(&ring, &ground).await?;
    let (engine, inbox) = channel();
    let (stop, stopped) = oneshot::channel();
    let (done, mut finished) = oneshot::channel();
    std::thread::Builder::new()
        .name("engine".to_owned())
        .spawn(move || {
            if done.send(engine_thread(kernel, ring, ground, gauges, inbox, stopped)).is_err() {
                tracing::error!("the engine outlived its daemon");
            }
        })
        .context("no thread for the engine")?;
    say_hello(&engine).await;
    tokio::spawn(socket::serve(listener, engine, max_connections));
    notify::tell("READY=1");
    let mut look = tokio::time::interval(LOOK_EVERY);
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            outcome = &mut finished => return outcome.context("the engine is gone")?,
            _ = look.tick() => guard.renew(),
        }
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
    gauges: Option<Gauges>,
    inbox: Inbox,
    stopped: oneshot::Receiver<()>,
) -> anyhow::Result<()> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("no event loop")?;
    runtime.block_on(engine_loop(kernel, ring, ground, gauges, inbox, stopped))
}

async fn engine_loop(
    kernel: Kernel,
    mut ring: Ring,
    ground: Ground,
    gauges: Option<Gauges>,
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
    core.gauges = gauges;
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
                while drain(&mut core, &mut ring, BATCH) {
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
            _ = commit.tick() => core.commit(Instant::now()),
            _ = look.tick() => {
                core.look_after();
                core.publish(Instant::now());
            }
            _ = tick.tick() => {
                // A record may have come without a wake-up while the last one was taken.
                drain(&mut core, &mut ring, BATCH);
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
    while drain(core, ring, BATCH) {}
    let now = Instant::now();
    core.sort_innermost_first(&mut empty);
    for name in empty {
        if core.is_complete(&name, now) && !core.holds_open_log(&name) {
            core.close(&name);
        }
    }
}

/// Takes up to `limit` records; true when there may be more.
fn drain(core: &mut Core<Kernel>, ring: &mut Ring, limit: usize) -> bool {
    let now = Instant::now();
    for _ in 0..limit {
        match ring.next() {
            Some(record) => core.record(&record, now),
            None => return false,
        }
    }
    true
}
