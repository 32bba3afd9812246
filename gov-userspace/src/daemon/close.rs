//! Closes a session in which nobody is left: the kernel's final account, the end of its log, and nothing left over.
//!
//! It takes two steps, because what the session left behind may be much to hash, and the ring does not wait. The kernel
//! keeps its account until the log has it, so that another daemon can go on from any point.

use std::sync::Arc;

use gov_common::abi::{ReadKey, State};
use gov_common::repeated::{Refusal, RefusalKey};

use super::records;
use super::{ground::Ground, temporary};
use crate::clock::{self, Offset};
use crate::control::message::{SessionView, Stage};
use crate::crash;
use crate::receipt::{Artifact, Close};
use crate::session::Session;
use crate::session::artifacts::{Progress, Reader};
use crate::session::enforcer::Enforcer;
use crate::session::recorder::{End, Finish, Recorder};
use crate::session::touched::Touched;

/// A session in which nobody is left, whose log has no end yet.
pub(super) struct Released<S> {
    session: Session<S>,
    account: State,
    reads: Vec<(ReadKey, u64)>,
    refusals: Vec<(RefusalKey, Refusal)>,
    close: Close,
    progress: Arc<Progress>,
    /// When nobody was left and its temporary folder was removed, nanoseconds of the wall clock.
    gone_ns: i64,
}

/// What is left of a closed session.
pub(super) struct Closed {
    /// How it ended.
    pub(super) view: SessionView,
    /// Its log, when the disk did not take the end.
    pub(super) unfinished: Option<Box<Recorder>>,
}

/// Takes the kernel's account and removes its folder. A step that fails is said, and does not keep the others from being
/// taken.
pub(super) fn release<E: Enforcer>(
    enforcer: &E,
    ground: &Ground,
    session: Session<E::Slot>,
) -> Released<E::Slot> {
    let name = &session.name;
    let reads = enforcer.read_counts(session.slot).unwrap_or_else(|error| {
        complain(name, "the counts of reads are lost", &error);
        Vec::new()
    });
    let refusals = enforcer.refusals(session.slot).unwrap_or_else(|error| {
        complain(name, "the counts of refusals are lost", &error);
        Vec::new()
    });
    let account = enforcer.counters(session.slot).unwrap_or_else(|error| {
        // The close receipt will not agree with the receipts, and a verifier will say so.
        complain(name, "the kernel's final account is lost", &error);
        State::default()
    });
    if let Err(error) = temporary::remove(&ground.folders.temporary, &session.temporary) {
        complain(name, "the session's temporary folder stays", &error);
    }
    // Not before: a file that lay there under a second name is changed by that, too.
    let gone_ns = Offset::sample().wall_ns(clock::boot_ns());
    crash::point("released");
    let close = records::ending(ground, &session, &account);
    Released { session, account, reads, refusals, close, progress: Arc::default(), gone_ns }
}

impl<S> Released<S> {
    /// The paths that the session changed.
    pub(super) fn take_touched(&mut self) -> Touched {
        self.session.recorder.take_touched()
    }

    /// For whom what it left behind is looked at, and where to say how far that is.
    pub(super) fn look(&self) -> (Reader, Arc<Progress>) {
        let reader = Reader::Session { uid: self.session.uid, gone_ns: self.gone_ns };
        (reader, Arc::clone(&self.progress))
    }

    /// The session that it lay in, if it lay in one.
    pub(super) fn parent(&self) -> Option<&str> {
        self.session.parent.as_deref()
    }

    /// As `gov ps` shows it: nobody is left in it, and its log has no end yet.
    pub(super) fn view(&self) -> SessionView {
        let mut view = self.session.view(&self.account);
        view.state = Stage::Ending;
        view.ended = Some(self.session.reason_of_end());
        view.processes = 0;
        view.hashing = Some(self.progress.view());
        view
    }

    /// Writes the end of its log, takes it out of the kernel and removes its cgroup.
    pub(super) fn complete<E>(mut self, enforcer: &mut E, artifacts: Vec<Artifact>) -> Closed
    where
        E: Enforcer<Slot = S>,
        S: Copy,
    {
        let name = self.session.name.clone();
        let (reads, refusals, close) = (&self.reads, &self.refusals, self.close.clone());
        let end = End { account: &self.account, reads, refusals, artifacts, close };
        if let Err(error) = self.session.recorder.write_end(end) {
            complain(&name, "the end of the log cannot be written", &error);
        }
        crash::point("end-written");
        let mut view = self.view();
        view.state = Stage::Closed;
        view.hashing = None;
        let (slot, cgroup) = (self.session.slot, self.session.cgroup);
        let unfinished = match self.session.recorder.finish() {
            Finish::Done => None,
            Finish::Waits(error, recorder) => {
                complain(&name, "the end of the log waits for the disk", &error);
                Some(recorder)
            }
            Finish::Failed(error) => {
                complain(&name, "the log is not closed; its last checkpoint stands", &error);
                None
            }
        };
        crash::point("closed");
        if let Err(error) = enforcer.unbind(slot) {
            complain(&name, "the session stays in the kernel", &error);
        }
        crash::point("unbound");
        if let Err(error) = cgroup.remove() {
            complain(&name, "the session's cgroup stays", &error);
        }
        Closed { view, unfinished }
    }
}

fn complain(session: &str, what: &str, error: &dyn std::error::Error) {
    tracing::error!(session, "{what}: {error}");
}
