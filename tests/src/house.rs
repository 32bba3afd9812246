//! A daemon at work in a state folder of its own, and the governed runs that it watches over.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::receipts::{self, Receipt};
use crate::run::{Done, run};

const SOCKET: &str = "/run/gov/gov.sock";
/// Emulated machines are up to thirty times slower than real ones.
const PATIENCE: Duration = Duration::from_secs(300);

/// A running daemon. Dropped, it is asked to end.
pub struct House {
    state: PathBuf,
    daemon: Child,
    /// How often a daemon that was killed was followed by another.
    pub followed: u32,
}

/// A governed run and the evidence that it left.
pub struct Governed {
    /// How `gov run` ended.
    pub done: Done,
    /// The folder of the session's log.
    pub log: PathBuf,
    /// What the log says.
    pub receipts: Vec<Receipt>,
}

impl House {
    /// Starts a daemon and waits until it answers.
    pub fn open(state: &Path) -> Result<Self> {
        Self::open_with(state, &[])
    }

    /// The same, with arguments.
    pub fn open_with(state: &Path, arguments: &[&str]) -> Result<Self> {
        let mut house = Self::start(state, Command::new("govd").args(arguments))?;
        house.wait_until_it_answers()?;
        Ok(house)
    }

    /// Starts a daemon that dies at a point of its own, and waits until it answers or is dead.
    pub fn open_to_die(state: &Path, point: &str) -> Result<Self> {
        let mut house = Self::start(state, Command::new("gov-crashd").env("GOV_CRASH", point))?;
        match house.wait_until_it_answers() {
            Err(error) if !house.is_dead()? => Err(error),
            _answers_or_is_dead => Ok(house),
        }
    }

    fn start(state: &Path, program: &mut Command) -> Result<Self> {
        fs::create_dir_all(state)?;
        let messages = File::options().create(true).append(true).open(state.join("govd.messages"))?;
        let daemon = program
            .env("GOV_STATE", state)
            .stdin(Stdio::null())
            .stdout(messages.try_clone()?)
            .stderr(messages)
            .spawn()
            .context("cannot start govd")?;
        Ok(Self { state: state.to_owned(), daemon, followed: 0 })
    }

    /// Starts another daemon if this one was killed.
    pub fn follow(&mut self) -> Result<()> {
        if self.is_dead()? {
            let followed = self.followed + 1;
            *self = Self::open(&self.state)?;
            self.followed = followed;
        }
        Ok(())
    }

    /// Whether the daemon was killed.
    pub fn is_dead(&mut self) -> Result<bool> {
        Ok(self.daemon.try_wait()?.is_some_and(|status| status.signal() == Some(9)))
    }

    fn wait_until_it_answers(&mut self) -> Result<()> {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if let Some(status) = self.daemon.try_wait()? {
                bail!("govd ended with {status} before it served:\n{}", self.messages());
            }
            if std::os::unix::net::UnixStream::connect(SOCKET).is_ok() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(20));
        }
        bail!("govd did not answer within {} s:\n{}", PATIENCE.as_secs(), self.messages())
    }

    /// What the daemon has said so far.
    pub fn messages(&self) -> String {
        fs::read_to_string(self.state.join("govd.messages")).unwrap_or_else(|error| error.to_string())
    }

    /// The daemon's process id.
    pub fn pid(&self) -> i32 {
        self.daemon.id() as i32
    }

    /// Runs `gov ARGUMENTS…` to its end.
    pub fn gov(&self, arguments: &[&str]) -> Result<Done> {
        run(Command::new("gov").env("GOV_STATE", &self.state).args(arguments), PATIENCE)
    }

    /// A `gov` command to be completed, with the daemon's state folder in its environment.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("GOV_STATE", &self.state);
        command
    }

    /// Runs `gov run ARGUMENTS…` to its end and reads the evidence of the one session that it made.
    pub fn govern(&self, arguments: &[&str]) -> Result<Governed> {
        let mut command = self.command("gov");
        command.arg("run").args(arguments);
        self.govern_command(&mut command, PATIENCE)
    }

    /// As [`House::govern`], for a `gov run` command made by the caller.
    pub fn govern_command(&self, command: &mut Command, limit: Duration) -> Result<Governed> {
        let before = self.sessions()?;
        let done = run(command, limit)?;
        let mut made = &self.sessions()? - &before;
        let (Some(log), None) = (made.pop_first(), made.pop_first()) else {
            bail!("`gov run` (status {}) did not make exactly one session: {}", done.status, done.err);
        };
        self.wait_until_closed(&log)?;
        let receipts = receipts::read(&log)?;
        Ok(Governed { done, log, receipts })
    }

    /// The folders of all logs.
    pub fn sessions(&self) -> Result<BTreeSet<PathBuf>> {
        let logs = self.state.join("logs");
        if !logs.exists() {
            return Ok(BTreeSet::new());
        }
        let all = fs::read_dir(&logs)?.map(|entry| Ok(entry?.path()));
        // A log that is being made has another name until it is whole.
        all.filter(|path| !path.as_ref().is_ok_and(|path| path.extension().is_some_and(|it| it == "new")))
            .collect()
    }

    /// Waits until the log ends with its close receipt, and that is signed.
    pub fn wait_until_closed(&self, log: &Path) -> Result<()> {
        let is_closed = || {
            let all = receipts::read(log).ok()?;
            let checkpoint = fs::read_to_string(log.join("checkpoint")).ok()?;
            let signed: usize = checkpoint.lines().nth(1)?.parse().ok()?;
            (all.last()?.closes() && signed == all.len()).then_some(())
        };
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if is_closed().is_some() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(20));
        }
        bail!("`{}` was not closed within {} s:\n{}", log.display(), PATIENCE.as_secs(), self.messages())
    }

    /// Ends the daemon with a signal and waits until it is gone.
    pub fn end(&mut self, signal: rustix::process::Signal) -> Result<()> {
        if self.daemon.try_wait()?.is_none() {
            rustix::process::kill_process(rustix::process::Pid::from_child(&self.daemon), signal)?;
            self.daemon.wait()?;
        }
        Ok(())
    }
}

/// Where the version 2 cgroup tree is mounted.
pub fn cgroups() -> Result<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo")?;
    let mount = mounts.lines().find(|line| line.contains(" - cgroup2 ")).context("no cgroup2 mount")?;
    Ok(PathBuf::from(mount.split(' ').nth(4).context("a mount has a place")?))
}

impl Drop for House {
    fn drop(&mut self) {
        if let Err(error) = self.end(rustix::process::Signal::TERM) {
            eprintln!("govd could not be ended: {error}");
        }
    }
}
