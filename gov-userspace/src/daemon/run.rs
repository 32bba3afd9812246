//! The daemon's life: what it makes at its start, whom it answers, and its stop in order.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::Context;
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use super::begin::{DaemonError, Inherited, Leftovers, enforce, load};
use super::enforcement::Words;
use super::engine::{Engine, channel};
use super::ground::Ground;
use super::own::HOST;
use super::turns::engine_thread;
use super::{gauges, lock, notify, socket};
use crate::config::Config;
use crate::host::cgroup::Hierarchy;
use crate::kernel::pins;

/// Loads the kernel's side as the daemon would, tries it, and lets it go again.
pub fn check(config: &Config) -> Result<Words, DaemonError> {
    check_root()?;
    let hierarchy = Hierarchy::open().context("cannot open gov's cgroup hierarchy")?;
    let (kernel, _ring) = load(config, &hierarchy)?;
    Ok(Words::of(kernel.enforcement()))
}

/// Runs until it is asked to stop, and every session is closed.
pub fn serve(config: Config, leftovers: Leftovers) -> Result<(), DaemonError> {
    check_root()?;
    keep_to_itself()?;
    let socket_folder = config.socket.parent().unwrap_or(Path::new("/"));
    for folder in [Path::new(HOST), socket_folder, &config.state] {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
    }
    let _lock = lock::take(&Path::new(HOST).join("govd.lock"))?;
    lock::check_unserved(&config.socket)?;
    let mut ground = Ground::lay(config)?;
    let inherited = enforce(&ground, leftovers)?;
    ground.note_enforcement(inherited.kernel.enforcement());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("no event loop")?;
    runtime.block_on(run(inherited, ground))?;
    pins::clear().map_err(DaemonError::CannotEnforce)?;
    Ok(())
}

/// No core file shows the daemon's memory, its keys in it; nobody looks into it without CAP_SYS_PTRACE, of its own user
/// neither; and what it starts leaves no core file either.
fn keep_to_itself() -> anyhow::Result<()> {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    setrlimit(Resource::Core, none).context("cannot forbid core files")?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .context("cannot keep others out of the daemon's memory")
}

fn check_root() -> Result<(), DaemonError> {
    if rustix::process::geteuid().is_root() { Ok(()) } else { Err(DaemonError::NotRoot) }
}

/// Serves until the engine has closed its last session after a request to stop.
async fn run(inherited: Inherited, ground: Ground) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot catch SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot catch SIGINT")?;
    let max_connections = ground.config.max_connections;
    let socket_path = ground.config.socket.clone();
    let gauges = gauges::serve(&inherited.ring, &ground).await;
    let (engine, inbox) = channel();
    let (stop, stopped) = oneshot::channel();
    let (done, mut finished) = oneshot::channel();
    std::thread::Builder::new()
        .name("engine".to_owned())
        .spawn(move || {
            if done.send(engine_thread(inherited, ground, gauges, inbox, stopped)).is_err() {
                tracing::error!("the engine outlived its daemon");
            }
        })
        .context("no thread for the engine")?;
    say_hello(&engine).await;
    // Whoever is answered finds every session that goes on.
    let listener = listen(&socket_path)?;
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
