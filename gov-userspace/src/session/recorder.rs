//! Records one session: puts its events in order, writes each as a receipt, and makes checkpoints in time.

mod end;

use std::time::{Duration, Instant};

use gov_common::abi::State;
use gov_common::verdict::Reason;

use super::found::{Found, Told};
use super::order::{Gap, Order, OrderError};
pub use super::rhythm::Rhythm;
use super::touched::Touched;
use crate::clock::Offset;
use crate::event::Event;
use crate::journal::{JournalError, Log};
use crate::receipt::{Clock, Count, Cut, Fact, Loss, Receipt};

pub use end::{End, Finish};

/// A checkpoint that takes longer is told of.
const SLOW: Duration = Duration::from_secs(1);

/// One session's events on their way into its log.
pub struct Recorder {
    log: Log,
    order: Order<Taken>,
    /// Bytes of the ring that the events in the log had taken up, and how many of them the kernel was told of.
    produced: u64,
    acknowledged: u64,
    /// Events before this number are in the log already, as an earlier daemon wrote them.
    known: u64,
    touched: Touched,
    /// What an earlier daemon has written of the log's end.
    told: Told,
    /// How far the wall clock was ahead of the boot clock, as the log tells it.
    clock: Offset,
    rhythm: Rhythm,
    urgent: bool,
    /// When the last checkpoint was begun.
    committed: Instant,
    /// When the last one was begun that is on the disk.
    landed: Instant,
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

impl Recorder {
    /// Records into a log whose first receipt is its start; that receipt is committed before this returns.
    pub fn begin(log: Log, start: Fact, rhythm: Rhythm, now: Instant) -> Result<Self, RecordError> {
        let mut recorder = Self {
            log,
            order: Order::default(),
            produced: 0,
            acknowledged: 0,
            known: 0,
            touched: Touched::default(),
            told: Told::default(),
            clock: Offset::sample(),
            rhythm,
            urgent: false,
            committed: now,
            landed: now,
        };
        recorder.append(Receipt::Fact(&start))?;
        recorder.log.commit()?;
        Ok(recorder)
    }

    /// Goes on with the log of a daemon that is gone, from what stands in it.
    pub fn resume(log: Log, found: Found, rhythm: Rhythm, now: Instant) -> Self {
        Self {
            log,
            order: Order::resume(found.next_sequence, found.lost),
            produced: 0,
            acknowledged: 0,
            known: found.next_sequence,
            touched: found.touched,
            told: found.told,
            clock: Offset::sample(),
            rhythm,
            urgent: false,
            committed: now,
            landed: now,
        }
    }

    /// Takes an event as it came from the ring, where it stood at `position`.
    pub fn take(&mut self, event: Event, position: u64, now: Instant) -> Result<(), RecordError> {
        if event.sequence < self.known {
            // It stayed in the ring after it was written down.
            self.produced = event.produced;
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

    /// How many bytes of the ring are taken and written down, if the kernel was not told yet.
    pub fn acknowledge(&mut self) -> Option<u64> {
        let before = std::mem::replace(&mut self.acknowledged, self.produced);
        (before != self.produced).then_some(self.produced)
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

    /// Begins a checkpoint over what is written, when it is time and none is on its way to the disk. How the one before
    /// ended is found out first.
    pub fn commit_if_due(&mut self, now: Instant) -> Result<(), RecordError> {
        if let Some(landed) = self.log.landed() {
            let took = landed.inspect_err(|_error| self.urgent = true)?;
            self.landed = self.committed;
            if took >= SLOW {
                let log = self.log.dir().display();
                tracing::warn!("the disk is slow: a checkpoint of `{log}` took {:.1} s", took.as_secs_f64());
            }
        }
        let late = now.saturating_duration_since(self.committed) >= self.rhythm.interval;
        let uncovered = self.log.uncovered();
        let due = self.urgent || late || uncovered >= u64::from(self.rhythm.receipts);
        if uncovered == 0 || !due || self.log.is_committing() {
            return Ok(());
        }
        self.committed = now;
        self.log.begin_commit()?;
        self.urgent = false;
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

    /// Waits for what is on its way to the disk, and makes the next checkpoint if it is due.
    #[cfg(test)]
    pub(crate) fn settle(&mut self, now: Instant) -> Result<(), RecordError> {
        while self.log.is_committing() {
            self.commit_if_due(now)?;
        }
        Ok(())
    }

    /// Receipts in the log.
    pub fn receipts(&self) -> u64 {
        self.log.size()
    }

    /// Receipts that no checkpoint covers yet, and for how long at most the oldest of them has waited.
    pub fn unsigned(&self, now: Instant) -> (u32, Duration) {
        let unsigned = u32::try_from(self.log.uncovered()).unwrap_or(u32::MAX);
        let waited = now.saturating_duration_since(self.landed);
        (unsigned, if unsigned == 0 { Duration::ZERO } else { waited })
    }

    /// The paths that the session changed, which a log tells of only at its end.
    pub fn take_touched(&mut self) -> Touched {
        std::mem::take(&mut self.touched)
    }

    /// Writes every event whose turn it is. All of them go into the log, whatever becomes of one write.
    fn write_ready(&mut self, now: Instant) -> Result<(), RecordError> {
        let mut outcome = Ok(());
        while let Some(Taken { event, .. }) = self.order.pop(now) {
            self.urgent |= event.reason != Reason::Granted;
            self.touched.note(&event, self.log.size());
            self.produced = event.produced;
            outcome = outcome.and(self.append(Receipt::Event(&event)));
        }
        outcome
    }

    fn append_loss(&mut self, gap: Gap) -> Result<(), RecordError> {
        self.urgent = true;
        self.append(Receipt::Fact(&Fact::Loss(Loss { count: Count(gap.count()), first: Count(gap.first) })))
    }

    fn append(&mut self, receipt: Receipt<'_>) -> Result<(), RecordError> {
        self.log.append(receipt)?;
        Ok(())
    }
}
