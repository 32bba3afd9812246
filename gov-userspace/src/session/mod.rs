//! A governed session from its start to its close: who it is for, where it stands, what it has recorded.

pub mod artifacts;
pub mod enforcer;
pub mod name;
pub mod order;
pub mod recorder;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use gov_common::abi::State;

use crate::clock;
use crate::control::message::{Ended, SessionView, Stage};
use crate::host::HostError;
use crate::host::cgroup::Cgroup;
use recorder::Recorder;

/// A session that is not closed.
pub struct Session<S> {
    /// Its name.
    pub name: String,
    /// Its number in the kernel.
    pub number: u64,
    /// Whose it is.
    pub uid: u32,
    /// The session that it lies in, if it lies in one.
    pub parent: Option<String>,
    /// What was started.
    pub command: Vec<String>,
    /// The delegation's id.
    pub delegation_id: String,
    /// When it began, nanoseconds of the wall clock.
    pub started_ns: i64,
    /// When its delegation ends, nanoseconds of the wall clock.
    pub expires_ns: i64,
    /// The same on the boot clock, by which the kernel goes.
    pub expires_boot_ns: u64,
    /// SHA-256 of its compiled policy.
    pub policy_digest: [u8; 32],
    /// Its place in the kernel.
    pub slot: S,
    /// Its cgroup.
    pub cgroup: Cgroup,
    /// Its temporary folder.
    pub temporary: PathBuf,
    /// Its log.
    pub recorder: Recorder,
    /// Where it stands.
    pub life: Life,
    /// Since when nobody is left in it.
    pub empty_since: Option<Instant>,
}

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// Its processes run.
    Running,
    /// They were asked to end, and are killed at a time.
    Ending {
        /// Why.
        why: Ended,
        /// When.
        kill_at: Instant,
    },
}

impl<S> Session<S> {
    /// Asks its processes to end, once; they have `grace` to do so. The first reason stands,
    /// but for a log that fails: that does not wait.
    pub fn begin_end(&mut self, why: Ended, grace: Duration, now: Instant) -> Result<(), HostError> {
        if self.is_log_failed() || (self.is_ending() && why != Ended::LogFailed) {
            return Ok(());
        }
        let kill_at = now.checked_add(grace).unwrap_or(now);
        self.life = Life::Ending { why, kill_at };
        self.cgroup.signal(rustix::process::Signal::TERM)
    }

    /// Kills its processes if their time is over. A process that forks faster than it dies does not get away:
    /// the kernel kills the whole cgroup.
    pub fn kill_if_due(&self, now: Instant) -> Result<(), HostError> {
        match self.life {
            Life::Ending { kill_at, .. } if now >= kill_at => self.cgroup.kill(),
            _running => Ok(()),
        }
    }

    /// Whether its processes were asked to end.
    pub fn is_ending(&self) -> bool {
        matches!(self.life, Life::Ending { .. })
    }

    /// Whether it ends because it cannot be recorded.
    pub fn is_log_failed(&self) -> bool {
        matches!(self.life, Life::Ending { why: Ended::LogFailed, .. })
    }

    /// Whether its delegation is over.
    pub fn is_expired(&self) -> bool {
        clock::boot_ns() >= self.expires_boot_ns
    }

    /// Why it ended, once it is empty.
    pub fn reason_of_end(&self) -> Ended {
        match self.life {
            Life::Running => Ended::Completed,
            Life::Ending { why, .. } => why,
        }
    }

    /// As `gov ps` shows it, with the kernel's account.
    pub fn view(&self, state: &State) -> SessionView {
        let (stage, ended) = match self.life {
            Life::Running => (Stage::Running, None),
            Life::Ending { why, .. } => (Stage::Ending, Some(why)),
        };
        let processes = self.cgroup.population().unwrap_or(0);
        SessionView {
            session: self.name.clone(),
            uid: self.uid,
            command: self.command.clone(),
            state: stage,
            ended,
            delegation_id: self.delegation_id.clone(),
            started: clock::rfc3339(self.started_ns),
            expires: clock::rfc3339(self.expires_ns),
            decisions: sum(&state.granted).saturating_add(sum(&state.refused)),
            refused: sum(&state.refused),
            lost: state.lost,
            receipts: self.recorder.receipts(),
            processes: u32::try_from(processes).unwrap_or(u32::MAX),
            parent: self.parent.clone(),
        }
    }
}

fn sum(counters: &[u64; 5]) -> u64 {
    counters.iter().fold(0, |total, count| total.saturating_add(*count))
}
