//! Records one session: puts its events in order, writes each as a receipt, and makes checkpoints in time.

use std::time::{Duration, Instant};

use gov_common::abi::{ReadKey, State};
use gov_common::verdict::Reason;

use super::artifacts::Touched;
use super::found::{Found, Told};
use super::order::{Gap, Order, OrderError};
use crate::clock::Offset;
use crate::config::Config;
use crate::event::Event;
use crate::journal::{JournalError, Log};
use crate::receipt::{Artifact, Artifacts, Clock, Close, Count, Cut, Fact, Loss, Reads, Receipt};

/// Files that one receipt names.
const FILES_A_RECEIPT: usize = 200;

/// A checkpoint that takes longer is said to: whatever the daemon does waits for it.
const SLOW: Duration = Duration::from_secs(1);

/// When checkpoints are made.
#[derive(Clone, Copy, Debug)]
pub struct Rhythm {
    /// After so long.
    pub interval: Duration,
    /// After so many receipts.
    pub receipts: u32,
}

impl Rhythm {
    /// As it is configured.
    pub fn of(config: &Config) -> Self {
        Self {
            interval: Duration::from_millis(u64::from(config.checkpoint_ms)),
            receipts: config.checkpoint_receipts,
        }
    }
}

/// One session's events on their way into its log.
pub struct Recorder {
    log: Log,
    order: Order<Taken>,
    /// Events before this number are in the log already, as an earlier daemon wrote them.
    known: u64,
    touched: Touched,
    /// What an earlier daemon has written of the log's end.
    told: Told,
    /// How far the wall clock was ahead of the boot clock, as the log tells it.
    clock: Offset,
    rhythm: Rhythm,
    pending: u32,
    urgent: bool,
    committed: Instant,
}

/// An event, and where it stands in the ring.
#[derive(Debug)]
struct Taken {
    event: Event,
    position: u64,
}

/// Why a session cannot be recorded.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Its log cannot be written.
    #[error(transparent)]
    Log(#[from] JournalError),
    /// Its events do not follow from each other.
    #[error(transparent)]
    Order(#[from] OrderError),
}

/// What the end of a log tells.
pub struct End<'a> {
    /// The kernel's final account.
    pub account: &'a State,
    /// Reads by directory.
    pub reads: &'a [(ReadKey, u64)],
    /// What stands at the paths that the session changed.
    pub artifacts: &'a [Artifact],
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
    /// Records into a log whose first receipt is its start; that receipt is committed before this returns.
    pub fn begin(log: Log, start: Fact, rhythm: Rhythm, now: Instant) -> Result<Self, RecordError> {
        let mut recorder = Self {
            log,
            order: Order::default(),
            known: 0,
            touched: Touched::default(),
            told: Told::default(),
            clock: Offset::sample(),
            rhythm,
            pending: 0,
            urgent: true,
            committed: now,
        };
        recorder.append(Receipt::Fact(&start))?;
        recorder.commit_if_due(now)?;
        Ok(recorder)
    }

    /// Goes on with the log of a daemon that is gone, from what stands in it.
    pub fn resume(log: Log, found: Found, rhythm: Rhythm, now: Instant) -> Self {
        Self {
            log,
            order: Order::resume(found.next_sequence, found.lost),
            known: found.next_sequence,
            touched: found.touched,
            told: found.told,
            clock: Offset::sample(),
            rhythm,
            pending: 0,
            urgent: false,
            committed: now,
        }
    }

    /// Takes an event as it came from the ring, where it stood at `position`.
    pub fn take(&mut self, event: Event, position: u64, now: Instant) -> Result<(), RecordError> {
        if event.sequence < self.known {
            // It stayed in the ring after it was written down.
            return Ok(());
        }
        self.order.push(event.sequence, Taken { event, position }, now)?;
        self.write_ready(now)
    }

    /// Whether an event waits for one before it.
    pub fn is_waiting(&self) -> bool {
        self.order.waiting().next().is_some()
    }

    /// Where the first event that waits stands in the ring: from there on it must be kept.
    pub fn first_waiting(&self) -> Option<u64> {
        self.order.waiting().map(|taken| taken.position).min()
    }

    /// Hands what was recorded to the system, so that it is there whatever becomes of this process. What survives the
    /// loss of power is the checkpoints' matter.
    pub fn hand_over(&mut self) -> Result<(), RecordError> {
        Ok(self.log.hand_over()?)
    }

    /// Whether no event is on its way any more.
    pub fn is_complete(&self, account: &State) -> bool {
        self.order.is_complete(account.sequence, account.lost)
    }

    /// Declares events lost that the kernel counts as lost.
    pub fn declare_lost(&mut self, account: &State, now: Instant) -> Result<(), RecordError> {
        while let Some(gap) = self.order.declare(account.lost, now) {
            self.append_loss(gap)?;
            self.write_ready(now)?;
        }
        Ok(())
    }

    /// Records that everything is refused from now on.
    pub fn note_cut(&mut self, reason: Reason, detail: &str) -> Result<(), RecordError> {
        self.note(&Fact::Cut(Cut { reason: reason.name(), detail: detail.to_owned() }))
    }

    /// Records a fact; the next checkpoint comes at once.
    pub fn note(&mut self, fact: &Fact) -> Result<(), RecordError> {
        self.urgent = true;
        self.append(Receipt::Fact(fact))
    }

    /// Makes a checkpoint over what is written, when it is time.
    pub fn commit_if_due(&mut self, now: Instant) -> Result<(), RecordError> {
        let late = now.saturating_duration_since(self.committed) >= self.rhythm.interval;
        if self.pending == 0 || !(self.urgent || late || self.pending >= self.rhythm.receipts) {
            return Ok(());
        }
        self.committed = now;
        let begun = Instant::now();
        let outcome = self.log.commit();
        let took = begun.elapsed();
        if took >= SLOW {
            let log = self.log.dir().display();
            tracing::warn!("the disk is slow: a checkpoint of `{log}` took {:.1} s", took.as_secs_f64());
        }
        outcome?;
        (self.pending, self.urgent) = (0, false);
        Ok(())
    }

    /// Shows the wall clock from now on as it was just looked at, and records if it was set since the log told of it.
    pub fn follow_clock(&mut self, now: Offset) -> Result<(), RecordError> {
        self.log.set_offset(now);
        let Some(step) = Clock::step(self.clock, now) else { return Ok(()) };
        self.clock = now;
        self.note(&Fact::Clock(step))
    }

    /// Records that everything is refused because of a fault of the log, in the space that is kept for the end.
    pub fn note_fault(&mut self, detail: &str) -> Result<(), RecordError> {
        let spent = self.log.spend_reserve();
        self.note_cut(Reason::CutOff, detail)?;
        Ok(spent?)
    }

    /// Bytes of receipts that are in this process alone.
    #[cfg(test)]
    pub(crate) fn gathered(&self) -> usize {
        self.log.gathered()
    }

    /// Receipts in the log.
    pub fn receipts(&self) -> u64 {
        self.log.size()
    }

    /// Receipts that no checkpoint covers yet, and for how long at most the oldest of them has waited.
    pub fn unsigned(&self, now: Instant) -> (u32, Duration) {
        let waited = now.saturating_duration_since(self.committed);
        (self.pending, if self.pending == 0 { Duration::ZERO } else { waited })
    }

    /// The paths that the session changed, which a log tells of only at its end.
    pub fn take_touched(&mut self) -> Touched {
        std::mem::take(&mut self.touched)
    }

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
        let untold: Vec<Artifact> =
            end.artifacts.iter().filter(|artifact| !self.told.has_artifact(artifact)).cloned().collect();
        for files in untold.chunks(FILES_A_RECEIPT) {
            let fact = Fact::Artifacts(Artifacts { files: files.to_vec() });
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

    /// Writes every event whose turn it is. All of them go into the log, whatever becomes of one write.
    fn write_ready(&mut self, now: Instant) -> Result<(), RecordError> {
        let mut outcome = Ok(());
        while let Some(Taken { event, .. }) = self.order.pop(now) {
            self.urgent |= event.reason != Reason::Granted;
            self.touched.note(&event);
            outcome = outcome.and(self.append(Receipt::Event(&event)));
        }
        outcome
    }

    fn append_loss(&mut self, gap: Gap) -> Result<(), RecordError> {
        self.urgent = true;
        self.append(Receipt::Fact(&Fact::Loss(Loss { count: Count(gap.count()), first: Count(gap.first) })))
    }

    fn append(&mut self, receipt: Receipt<'_>) -> Result<(), RecordError> {
        self.pending = self.pending.saturating_add(1);
        self.log.append(receipt)?;
        Ok(())
    }
}
