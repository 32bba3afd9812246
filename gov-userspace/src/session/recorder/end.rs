//! The end of a session's log: what is told last, and the last checkpoint.

use std::time::Instant;

use gov_common::abi::{ReadKey, State};
use gov_common::repeated::{Refusal, RefusalKey};

use super::{RecordError, Recorder};
use crate::journal::JournalError;
use crate::receipt::{Artifact, Artifacts, Close, Fact, Reads, Receipt, Repeated};
use crate::session::portions::portions;

/// What the end of a log tells.
pub struct End<'a> {
    /// The kernel's final account.
    pub account: &'a State,
    /// Reads by directory.
    pub reads: &'a [(ReadKey, u64)],
    /// Refusals that are not recorded one by one.
    pub refusals: &'a [(RefusalKey, Refusal)],
    /// What stands at the paths that the session changed.
    pub artifacts: Vec<Artifact>,
    /// The last receipt.
    pub close: Close,
}

/// How the end of a log went.
pub enum Finish {
    /// It is durable and closed.
    Done,
    /// The disk does not take it now: nothing is lost, and it can be tried again.
    Waits(RecordError, Box<Recorder>),
    /// It cannot be closed; its last checkpoint stands.
    Failed(RecordError),
}

impl Recorder {
    /// Writes the end of the log: what is still missing, what was read, what was left behind, and the close. No
    /// event may be on its way any more. A disk that takes nothing loses nothing of it: [`Recorder::finish`] is next.
    pub fn write_end(&mut self, end: End<'_>) -> Result<(), RecordError> {
        let now = Instant::now();
        self.kept(|recorder| recorder.write_ready(now))?;
        while let Some(gap) = self.order.declare_final(end.account.sequence, now) {
            self.kept(|recorder| recorder.append_loss(gap))?;
            self.kept(|recorder| recorder.write_ready(now))?;
        }
        for (key, count) in end.reads {
            if self.told.has_reads(key) {
                continue;
            }
            self.kept(|recorder| recorder.append(Receipt::Fact(&Fact::Reads(Reads::new(key, *count)))))?;
        }
        for repeated in end.refusals.iter().filter_map(|(key, refusal)| Repeated::new(key, refusal)) {
            if !self.told.has_repeated(&repeated) {
                let fact = Fact::Repeated(repeated);
                self.kept(|recorder| recorder.append(Receipt::Fact(&fact)))?;
            }
        }
        let mut untold = end.artifacts;
        untold.retain(|artifact| !self.told.has_artifact(artifact));
        for files in portions(untold) {
            let fact = Fact::Artifacts(Artifacts { files });
            self.kept(|recorder| recorder.append(Receipt::Fact(&fact)))?;
        }
        let fact = Fact::Close(Box::new(end.close));
        self.kept(|recorder| recorder.append(Receipt::Fact(&fact)))
    }

    /// Makes the whole log durable under its last checkpoint.
    pub fn finish(mut self) -> Finish {
        let mut committed = self.log.commit();
        if committed.as_ref().is_err_and(JournalError::is_full) {
            committed = self.log.spend_reserve().and_then(|()| self.log.commit());
        }
        match committed {
            Ok(()) => self.log.close().map_or_else(|error| Finish::Failed(error.into()), |()| Finish::Done),
            Err(error) if error.can_pass() => Finish::Waits(error.into(), Box::new(self)),
            Err(error) => Finish::Failed(error.into()),
        }
    }

    /// Does one step until it has no more to do; a disk that takes nothing does not stop it, for the log keeps what it
    /// could not write.
    fn kept(&mut self, step: impl Fn(&mut Self) -> Result<(), RecordError>) -> Result<(), RecordError> {
        match step(self) {
            Err(RecordError::Log(error)) if error.can_pass() => Ok(()),
            outcome => outcome,
        }
    }
}
