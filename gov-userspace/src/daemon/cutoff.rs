//! Takes a session's authority away, for good or for a while, from what it has open already too.
//!
//! The kernel's hooks refuse every new decision by themselves. What is open goes on being read and written through no
//! hook of ours: one on each read and write would cost all of the host (docs/figures.md), and would not see memory that
//! is mapped. So the processes stand still at once, and are killed, or go on when a breaker's cooldown is over.

use std::time::{Duration, Instant};

use gov_common::verdict::Reason;

use super::core::Core;
use crate::clock;
use crate::control::message::Ended;
use crate::receipt::{Fact, Resumed};
use crate::session::enforcer::Enforcer;
use crate::session::recorder::{RecordError, Recorder};
use crate::session::{Life, Session};

impl<E: Enforcer> Core<E> {
    /// Looks at each session whose time has come, and finds out when to look again.
    pub(super) fn on_time(&mut self) {
        let now_ns = clock::boot_ns();
        if self.due_ns.is_none_or(|due| now_ns < due) {
            return;
        }
        let is_due = |session: &Session<E::Slot>| session.due_ns().is_some_and(|due| now_ns >= due);
        let due = self.sessions.values().filter(|session| is_due(session));
        for name in due.map(|session| session.name.clone()).collect::<Vec<_>>() {
            self.look_at(&name);
        }
        self.due_ns = self.sessions.values().filter_map(Session::due_ns).min();
    }

    /// Asks the kernel how a session stands, and does what follows for what it has open.
    pub(super) fn look_at(&mut self, name: &str) {
        let Some(session) = self.sessions.get(name).filter(|session| !session.is_cut_off()) else { return };
        let standing = match self.enforcer.standing(session.slot) {
            Ok(standing) => standing,
            Err(error) => {
                tracing::error!(session = name, "cannot see how the session stands: {error}");
                return;
            }
        };
        let life = session.life;
        match standing.reason {
            Reason::Expired => {
                self.cut_off(name, Ended::Expired, Reason::Expired, "the delegation's time is over")
            }
            Reason::Exhausted => self.cut_off(
                name,
                Ended::Exhausted,
                Reason::Exhausted,
                "the refusals that the delegation suffers are spent",
            ),
            Reason::CircuitOpen if standing.open_until_ns == u64::MAX || session.is_ending() => self.cut_off(
                name,
                Ended::CircuitOpen,
                Reason::CircuitOpen,
                "too much was refused in too short a time",
            ),
            Reason::CircuitOpen => self.freeze(name, standing.open_until_ns),
            // Its circuit is closed again.
            Reason::Granted if matches!(life, Life::Frozen { .. }) => self.thaw(name),
            _stands_or_is_cut => {}
        }
    }

    /// Takes everything from a session at once: its processes stand still, the kernel refuses whatever comes of them
    /// yet, the log says why, and they are killed.
    pub(super) fn cut_off(&mut self, name: &str, why: Ended, reason: Reason, detail: &str) {
        self.cut_off_recording(name, why, reason, |recorder| recorder.note_cut(reason, detail));
    }

    /// Asks a session to end; one that is ending or gone stays as it is. While it is asked it is governed as before:
    /// its owner wants it to end, and takes no authority from it. One that stands still cannot be asked.
    pub(super) fn begin_end(&mut self, name: &str, why: Ended, now: Instant) {
        let grace = Duration::from_millis(u64::from(self.ground.config.grace_ms));
        let Some(session) = self.sessions.get_mut(name).filter(|session| !session.is_ending()) else {
            return;
        };
        if matches!(session.life, Life::Frozen { .. }) {
            return self.cut_off(name, why, Reason::CutOff, "it was ended while its circuit was open");
        }
        self.end_within(name, now);
        let Some(session) = self.sessions.get_mut(name) else { return };
        tracing::info!(session = name, "session is ended: {}", why.name());
        if let Err(error) = session.ask_to_end(why, grace, now) {
            tracing::error!(session = name, "cannot ask the session's processes to end: {error}");
        }
    }

    /// Fails closed: what cannot be recorded must not happen.
    pub(super) fn log_failed(&mut self, name: &str, error: &dyn std::error::Error) {
        if self.sessions.get(name).is_none_or(Session::is_log_failed) {
            return;
        }
        tracing::error!(session = name, "the session is cut off, because it cannot be recorded: {error}");
        let detail = error.to_string();
        self.cut_off_recording(name, Ended::LogFailed, Reason::CutOff, |recorder| {
            recorder.note_fault(&detail)
        });
    }

    /// Takes no more sessions and asks every one to end, because the daemon does.
    pub(super) fn stop(&mut self, now: Instant) {
        self.stopping = true;
        for name in self.sessions.keys().cloned().collect::<Vec<_>>() {
            self.begin_end(&name, Ended::DaemonStopped, now);
        }
    }

    fn cut_off_recording(
        &mut self,
        name: &str,
        why: Ended,
        reason: Reason,
        record: impl FnOnce(&mut Recorder) -> Result<(), RecordError>,
    ) {
        let Some(session) = self.sessions.get_mut(name) else { return };
        if let Err(error) = session.stop(why) {
            tracing::error!(session = name, "cannot freeze the session's processes: {error}");
        }
        // They stand still with the one that they lie in.
        for inner in self.directly_within(name) {
            if !self.sessions.get(&inner).is_none_or(Session::is_cut_off) {
                self.cut_off(&inner, Ended::ParentEnded, Reason::CutOff, "the session around it was cut off");
            }
        }
        let Some(session) = self.sessions.get_mut(name) else { return };
        if let Err(error) = self.enforcer.cut(session.slot, reason) {
            tracing::error!(session = name, "cannot cut the session off: {error}");
        }
        if let Err(error) = record(&mut session.recorder) {
            tracing::error!(session = name, "cannot record that the session was cut off: {error}");
        }
        if let Err(error) = session.kill() {
            tracing::error!(session = name, "cannot kill the session's processes: {error}");
        }
        tracing::info!(session = name, "session is cut off: {}", why.name());
    }

    /// Lets a session stand still while its circuit is open. The kernel's own receipt has said so already.
    fn freeze(&mut self, name: &str, until_ns: u64) {
        let Some(session) = self.sessions.get_mut(name) else { return };
        if matches!(session.life, Life::Frozen { until_ns: known, .. } if known >= until_ns) {
            return;
        }
        match session.freeze(until_ns) {
            Ok(()) => tracing::info!(session = name, "session stands still: its circuit is open"),
            Err(error) => {
                // Fail closed: what does not stand still is ended.
                tracing::error!(session = name, "cannot freeze the session's processes: {error}");
                return self.cut_off(
                    name,
                    Ended::CircuitOpen,
                    Reason::CircuitOpen,
                    "its circuit is open, and its processes could not be frozen",
                );
            }
        }
        self.due_ns = self.due_ns.into_iter().chain(session.due_ns()).min();
    }

    /// Lets a session whose circuit has closed go on. What comes of it stands behind the receipt that says so.
    fn thaw(&mut self, name: &str) {
        let Some(session) = self.sessions.get_mut(name) else { return };
        let Life::Frozen { since_ns, .. } = session.life else { return };
        if let Err(error) = session.thaw() {
            tracing::error!(session = name, "cannot thaw the session's processes: {error}");
            return;
        }
        tracing::info!(session = name, "session goes on: its circuit is closed");
        let fact = Fact::Resumed(Resumed { since: since_ns.to_string() });
        if let Err(error) = session.recorder.note(&fact) {
            self.log_failed(name, &error);
        }
    }
}
