//! The engine's core: owns the kernel and the sessions, takes the ring's records, answers the peers' questions.
//!
//! Everything here runs on one thread and takes as long as it takes: while it is behind, the ring fills, and the
//! kernel refuses what it cannot record.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use gov_common::event::Action;
use tokio::sync::{mpsc, watch};

use super::close::{self, Released};
use super::gauges::Gauges;
use super::ground::Ground;
use super::looking;
use crate::clock::{self, Offset};
use crate::control::message::{Ended, SessionView};
use crate::event;
use crate::receipt::Artifact;
use crate::session::Session;
use crate::session::artifacts;
use crate::session::enforcer::Enforcer;
use crate::session::recorder::{Finish, RecordError, Recorder};

/// Closed sessions that are remembered for `gov ps --all` and for those who wait.
const REMEMBERED: usize = 1024;
/// How long the last events of a session in which nobody is left may be on their way.
const LAST_EVENTS: Duration = Duration::from_secs(2);

/// Where helpers tell the engine what they saw.
#[derive(Clone, Debug)]
pub(super) struct Notices {
    /// A session in which nobody is left.
    pub(super) emptied: mpsc::Sender<String>,
    /// What stands at the paths that a session changed.
    pub(super) looked: mpsc::Sender<(String, Vec<Artifact>)>,
}

/// What the engine owns.
pub(super) struct Core<E: Enforcer> {
    pub(super) enforcer: E,
    pub(super) ground: Ground,
    pub(super) sessions: BTreeMap<String, Session<E::Slot>>,
    /// Names by the kernel's numbers.
    numbers: HashMap<u64, String>,
    /// Sessions in which nobody is left, whose files are being hashed.
    pub(super) released: BTreeMap<String, Released<E::Slot>>,
    pub(super) closed: VecDeque<SessionView>,
    /// Logs of closed sessions that wait for the disk.
    pub(super) unfinished: Vec<(String, Box<Recorder>)>,
    closings: watch::Sender<u64>,
    notices: Notices,
    last_number: u64,
    /// When a session has to be looked at at the latest, nanoseconds of the boot clock.
    pub(super) due_ns: Option<u64>,
    /// When all that keeps sessions governed was last seen to be as it was left, nanoseconds of the boot clock.
    pub(super) intact_ns: u64,
    pub(super) stopping: bool,
    /// Where somebody asks for metrics.
    pub(super) gauges: Option<Gauges>,
}

impl<E: Enforcer> Core<E> {
    pub(super) fn new(enforcer: E, ground: Ground, closings: watch::Sender<u64>, notices: Notices) -> Self {
        Self {
            enforcer,
            ground,
            sessions: BTreeMap::new(),
            numbers: HashMap::new(),
            released: BTreeMap::new(),
            closed: VecDeque::new(),
            unfinished: Vec::new(),
            closings,
            notices,
            last_number: 0,
            due_ns: None,
            intact_ns: clock::boot_ns(),
            stopping: false,
            gauges: None,
        }
    }

    /// Takes one record of the ring, where it stands at `position`.
    pub(super) fn record(&mut self, bytes: &[u8], position: u64, now: Instant) {
        let event = match event::parse(bytes) {
            Ok(event) => event,
            Err(error) => {
                // The kernel numbered it, so the session's sequence will show that it is missing.
                tracing::error!("a record of the ring cannot be read: {error}");
                return;
            }
        };
        let session = self.numbers.get(&event.session).and_then(|name| self.sessions.get_mut(name));
        let Some(session) = session else {
            tracing::debug!(session = event.session, "an event of no live session");
            return;
        };
        if let Some(gauges) = &self.gauges {
            gauges.metrics.note(&event);
        }
        let suffers = matches!(event.action, Action::Budget | Action::Break);
        let taken = session.recorder.take(event, position, now);
        if taken.is_ok() && !suffers {
            return;
        }
        let name = session.name.clone();
        if let Err(error) = taken {
            self.log_failed(&name, &error);
        }
        self.look_at(&name);
    }

    /// Takes a session that has begun, and watches for its end.
    pub(super) fn adopt(&mut self, session: Session<E::Slot>) {
        if let Err(error) =
            super::watch::start(session.name.clone(), &session.cgroup, self.notices.emptied.clone())
        {
            tracing::warn!(session = session.name, "the session's end will be noticed late: {error}");
        }
        tracing::info!(session = session.name, uid = session.uid, "session begins");
        self.due_ns = self.due_ns.into_iter().chain(session.due_ns()).min();
        self.numbers.insert(session.number, session.name.clone());
        self.sessions.insert(session.name.clone(), session);
    }

    /// Hands all that was recorded to the system: from where on the ring must be kept, if an event waits for another.
    pub(super) fn hand_over(&mut self) -> Option<u64> {
        self.each_log(Recorder::hand_over);
        let mut kept = None;
        for (name, session) in &mut self.sessions {
            if let Some(bytes) = session.recorder.acknowledge()
                && let Err(error) = self.enforcer.note_taken(session.slot, bytes)
            {
                // Its share of the ring stays smaller than it is, so more is refused and nothing is lost.
                tracing::error!(session = name, "cannot give back the session's share of the ring: {error}");
            }
            kept = kept.into_iter().chain(session.recorder.first_waiting()).min();
        }
        kept
    }

    /// Shows the wall clock as it stands in what is recorded from now on.
    pub(super) fn follow_clock(&mut self, now: Offset) {
        self.each_log(|recorder| recorder.follow_clock(now));
    }

    /// Makes the checkpoints that are due.
    pub(super) fn commit(&mut self, now: Instant) {
        self.each_log(|recorder| recorder.commit_if_due(now));
    }

    /// The same, and waits for the disk.
    #[cfg(test)]
    pub(super) fn commit_and_wait(&mut self, now: Instant) {
        self.each_log(|recorder| recorder.commit_if_due(now).and_then(|()| recorder.settle(now)));
    }

    /// Does something with each log; a session whose log fails is cut off, and the others go on.
    fn each_log(&mut self, mut act: impl FnMut(&mut Recorder) -> Result<(), RecordError>) {
        let mut failed = Vec::new();
        for (name, session) in &mut self.sessions {
            if let Err(error) = act(&mut session.recorder) {
                failed.push((name.clone(), error));
            }
        }
        for (name, error) in failed {
            self.log_failed(&name, &error);
        }
    }

    /// What time brings: what no alarm or event told of, kills, gaps. Returns the sessions in which nobody is left.
    pub(super) fn tick(&mut self, now: Instant) -> Vec<String> {
        for name in self.sessions.keys().cloned().collect::<Vec<_>>() {
            self.look_at(&name);
        }
        let mut failed = Vec::new();
        let mut empty = Vec::new();
        for (name, session) in &mut self.sessions {
            if let Err(error) = session.kill_if_due(now) {
                tracing::error!(session = name, "cannot kill what is left of the session: {error}");
            }
            if session.recorder.is_waiting() {
                match self.enforcer.counters(session.slot) {
                    Ok(account) => {
                        if let Err(error) = session.recorder.declare_lost(&account, now) {
                            failed.push((name.clone(), error));
                        }
                    }
                    Err(error) => {
                        tracing::error!(session = name, "cannot read the kernel's account: {error}")
                    }
                }
            }
            match session.cgroup.populated() {
                Ok(true) => {}
                Ok(false) => empty.push(name.clone()),
                Err(error) => tracing::error!(session = name, "cannot see who is in the session: {error}"),
            }
        }
        self.finish_logs();
        for (name, error) in failed {
            self.log_failed(&name, &error);
        }
        empty
    }

    /// Whether nobody is left in the session.
    pub(super) fn is_empty(&self, name: &str) -> bool {
        self.sessions.get(name).is_some_and(|session| matches!(session.cgroup.populated(), Ok(false)))
    }

    /// Whether all that the session's processes did has been taken from the ring. A record that another CPU is
    /// still writing holds up those behind it, so it may take another look; it does not take for ever.
    pub(super) fn is_complete(&mut self, name: &str, now: Instant) -> bool {
        let Some(session) = self.sessions.get_mut(name) else { return false };
        let since = *session.empty_since.get_or_insert(now);
        match self.enforcer.counters(session.slot) {
            Ok(account) if session.recorder.is_complete(&account) => true,
            Ok(_) | Err(_) => now.saturating_duration_since(since) >= LAST_EVENTS,
        }
    }

    /// Closes a session in which nobody is left and whose last events were taken from the ring. What it left
    /// behind is hashed on a thread of its own; [`Core::complete`] is next.
    pub(super) fn close(&mut self, name: &str) {
        let Some(session) = self.sessions.remove(name) else { return };
        self.numbers.remove(&session.number);
        let mut released = close::release(&self.enforcer, &self.ground, session);
        let (touched, look) = (released.take_touched(), released.look());
        self.released.insert(name.to_owned(), released);
        if touched.is_empty() {
            return self.complete(name, Vec::new());
        }
        let touched = Arc::new(touched);
        let started = looking::start(name, Arc::clone(&touched), look, self.notices.looked.clone());
        if let Err(error) = started {
            tracing::error!(session = name, "no thread to hash the session's files: {error}");
            self.complete(name, artifacts::unlooked(&touched, "the daemon had no thread to look at it"));
        }
    }

    /// Ends the log of a session in which nobody is left, and lets it go.
    pub(super) fn complete(&mut self, name: &str, files: Vec<Artifact>) {
        let Some(released) = self.released.remove(name) else { return };
        let close::Closed { view, unfinished } = released.complete(&mut self.enforcer, files);
        self.unfinished.extend(unfinished.map(|recorder| (view.session.clone(), recorder)));
        tracing::info!(
            session = view.session,
            decisions = view.decisions,
            refused = view.refused,
            "session is closed: {}",
            view.ended.map_or("unknown", Ended::name)
        );
        self.note_closed(&view);
        if self.closed.len() >= REMEMBERED {
            self.closed.pop_front();
        }
        self.closed.push_back(view);
        self.closings.send_modify(|count| *count = count.wrapping_add(1));
        self.destroy_unneeded_keys();
    }

    /// Tries again to finish the logs that wait for the disk.
    fn finish_logs(&mut self) {
        for (name, recorder) in std::mem::take(&mut self.unfinished) {
            match recorder.finish() {
                Finish::Done => {
                    tracing::info!(session = name, "the log is closed now");
                    self.destroy_unneeded_keys();
                }
                Finish::Waits(_error, recorder) => self.unfinished.push((name, recorder)),
                Finish::Failed(error) => tracing::error!(session = name, "the log stays open: {error}"),
            }
        }
    }

    /// Logs of closed sessions that wait for the disk.
    pub(super) fn unfinished_logs(&self) -> usize {
        self.unfinished.len()
    }

    /// Whether a session, or its log, is not closed.
    pub(super) fn has_sessions(&self) -> bool {
        !(self.sessions.is_empty() && self.released.is_empty() && self.unfinished.is_empty())
    }

    /// A number that no session of this boot has had, whichever daemon it had: the boot clock's.
    pub(super) fn next_number(&mut self) -> u64 {
        self.last_number = clock::boot_ns().max(self.last_number.saturating_add(1));
        self.last_number
    }

    /// Whether the daemon takes no more sessions.
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping
    }
}
