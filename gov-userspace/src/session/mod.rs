//! A governed session from its start to its close: who it is for, where it stands, what it has recorded.

pub mod artifacts;
pub mod enforcer;
pub mod found;
pub mod name;
pub mod order;
pub mod recorder;
mod rhythm;

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
    /// They stand still while the session's circuit is open.
    Frozen {
        /// Since when, nanoseconds of the boot clock.
        since_ns: u64,
        /// Until when.
        until_ns: u64,
    },
    /// They were asked to end, and are killed at a time.
    Ending {
        /// Why.
        why: Ended,
        /// When.
        kill_at: Instant,
    },
    /// They were killed.
    CutOff {
        /// Why.
        why: Ended,
    },
}

impl<S> Session<S> {
    /// Asks its processes to end; they have `grace` to do so, in which they are governed as before.
    pub fn ask_to_end(&mut self, why: Ended, grace: Duration, now: Instant) -> Result<(), HostError> {
        let kill_at = now.checked_add(grace).unwrap_or(now);
        self.life = Life::Ending { why, kill_at };
        self.cgroup.signal(rustix::process::Signal::TERM)
    }

    /// Lets its processes stand still until a time of the boot clock: not even what they have open moves then.
    pub fn freeze(&mut self, until_ns: u64) -> Result<(), HostError> {
        self.life = Life::Frozen { since_ns: clock::boot_ns(), until_ns };
        self.cgroup.freeze(true)
    }

    /// Lets its processes go on.
    pub fn thaw(&mut self) -> Result<(), HostError> {
        self.cgroup.freeze(false)?;
        self.life = Life::Running;
        Ok(())
    }

    /// Lets its processes stand still for what little is left of their time. The first reason for an end stands, but
    /// for a log that fails.
    pub fn stop(&mut self, why: Ended) -> Result<(), HostError> {
        let why = match self.life {
            Life::Ending { why: first, .. } if why != Ended::LogFailed => first,
            _other => why,
        };
        self.life = Life::CutOff { why };
        self.cgroup.freeze(true)
    }

    /// Kills its processes. A process that forks faster than it dies does not get away: the kernel kills the whole
    /// cgroup, frozen or not.
    pub fn kill(&self) -> Result<(), HostError> {
        self.cgroup.kill()
    }

    /// Kills its processes if their time is over.
    pub fn kill_if_due(&self, now: Instant) -> Result<(), HostError> {
        match self.life {
            Life::Ending { kill_at, .. } if now >= kill_at => self.kill(),
            Life::CutOff { .. } => self.kill(),
            _goes_on => Ok(()),
        }
    }

    /// Whether its processes were asked to end, or killed.
    pub fn is_ending(&self) -> bool {
        matches!(self.life, Life::Ending { .. } | Life::CutOff { .. })
    }

    /// Whether its processes were killed.
    pub fn is_cut_off(&self) -> bool {
        matches!(self.life, Life::CutOff { .. })
    }

    /// Whether it ends because it cannot be recorded.
    pub fn is_log_failed(&self) -> bool {
        matches!(self.life, Life::CutOff { why: Ended::LogFailed })
    }

    /// When it has to be looked at again, nanoseconds of the boot clock; `None` if its processes were killed.
    pub fn due_ns(&self) -> Option<u64> {
        match self.life {
            Life::Running | Life::Ending { .. } => Some(self.expires_boot_ns),
            Life::Frozen { until_ns, .. } => Some(self.expires_boot_ns.min(until_ns)),
            Life::CutOff { .. } => None,
        }
    }

    /// Why it ended, once it is empty.
    pub fn reason_of_end(&self) -> Ended {
        match self.life {
            Life::Running | Life::Frozen { .. } => Ended::Completed,
            Life::Ending { why, .. } | Life::CutOff { why } => why,
        }
    }

    /// As `gov ps` shows it, with the kernel's account.
    pub fn view(&self, state: &State) -> SessionView {
        let (stage, ended) = match self.life {
            Life::Running => (Stage::Running, None),
            Life::Frozen { .. } => (Stage::Frozen, None),
            Life::Ending { why, .. } | Life::CutOff { why } => (Stage::Ending, Some(why)),
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
