//! A checkpoint's way to the disk: the lines are synced, then it is signed, noted among all, and made the latest.
//!
//! A disk may take seconds for that, and whoever records must not wait for it: a checkpoint can go its way on a thread of
//! its own. There is one on its way at a time in a log, so they come in their order.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::thread::Builder;
use std::time::{Duration, Instant};

use super::JournalError;
use super::appended::Appended;
use super::folder::{self, CHECKPOINT, CHECKPOINTS, LOG};
use crate::crash;
use crate::key::Secret;
use crate::note::Checkpoint;

/// Publishes a log's checkpoints.
pub(super) struct Publisher {
    pub(super) dir: PathBuf,
    pub(super) key: Arc<Secret>,
    /// All checkpoints.
    pub(super) history: Appended,
    /// Lines that the last of them covers, which stands there before it becomes the latest.
    pub(super) noted: u64,
}

/// How a checkpoint's way ended.
pub(super) struct Landing {
    /// Lines that it covers.
    pub(super) size: u64,
    /// How long it took.
    pub(super) took: Duration,
    pub(super) outcome: Result<(), JournalError>,
}

/// A log's publisher, which is here or on its way.
pub(super) struct Publishing {
    dir: PathBuf,
    here: Option<Box<Publisher>>,
    under_way: Option<Receiver<(Box<Publisher>, Landing)>>,
}

impl Publisher {
    fn publish(&mut self, lines: &File, checkpoint: &Checkpoint) -> Landing {
        let begun = Instant::now();
        let outcome = self.try_to_publish(lines, checkpoint);
        Landing { size: checkpoint.size, took: begun.elapsed(), outcome }
    }

    fn try_to_publish(&mut self, lines: &File, checkpoint: &Checkpoint) -> Result<(), JournalError> {
        self.synced(lines.sync_data(), LOG)?;
        crash::point("synced");
        let note = checkpoint.sign(&self.key);
        if self.noted != checkpoint.size {
            self.history.append(&folder::history_line(&note)?)?;
            if self.noted == 0 {
                // From here on a log without a checkpoint is one that somebody changed.
                self.synced(self.history.file().sync_data(), CHECKPOINTS)?;
            }
            self.noted = checkpoint.size;
        }
        crash::point("noted");
        folder::replace(&self.dir, CHECKPOINT, note.as_bytes())?;
        crash::point("checkpointed");
        Ok(())
    }

    fn synced(&self, outcome: io::Result<()>, name: &str) -> Result<(), JournalError> {
        outcome.map_err(|source| JournalError::Unsynced { path: self.dir.join(name), source })
    }
}

impl Publishing {
    pub(super) fn new(publisher: Publisher) -> Self {
        Self { dir: publisher.dir.clone(), here: Some(Box::new(publisher)), under_way: None }
    }

    /// Publishes here, and waits for it. Whatever was under way has landed before.
    pub(super) fn publish(&mut self, lines: &File, checkpoint: &Checkpoint) -> Landing {
        match &mut self.here {
            Some(publisher) => publisher.publish(lines, checkpoint),
            None => self.lost(),
        }
    }

    /// Publishes on a thread of its own; where there is none to be had, here, and then it has landed.
    pub(super) fn send_off(&mut self, lines: &Arc<File>, checkpoint: Checkpoint) -> Option<Landing> {
        // The publisher follows its thread: one that cannot be started must not take it along.
        let (give, given) = sync_channel::<Box<Publisher>>(1);
        let (land, under_way) = sync_channel(1);
        let (file, head) = (Arc::clone(lines), checkpoint.clone());
        let run = move || {
            let Ok(mut publisher) = given.recv() else { return };
            let landing = publisher.publish(&file, &head);
            if land.send((publisher, landing)).is_err() {
                tracing::debug!("a checkpoint landed after its log was let go");
            }
        };
        if let Err(error) = Builder::new().name("checkpoint".to_owned()).spawn(run) {
            tracing::warn!("no thread for a checkpoint, everything waits for it: {error}");
            return Some(self.publish(lines, &checkpoint));
        }
        let sent = self.here.take().is_some_and(|publisher| give.send(publisher).is_ok());
        if !sent {
            return Some(self.lost());
        }
        self.under_way = Some(under_way);
        None
    }

    /// Whether a checkpoint is on its way.
    pub(super) fn is_under_way(&self) -> bool {
        self.under_way.is_some()
    }

    /// The checkpoint that was under way, if it has landed.
    pub(super) fn landed(&mut self) -> Option<Landing> {
        match self.under_way.as_ref()?.try_recv() {
            Err(TryRecvError::Empty) => None,
            landed => Some(self.take_back(landed.ok())),
        }
    }

    /// Waits for the checkpoint that is under way.
    pub(super) fn land(&mut self) -> Option<Landing> {
        let landed = self.under_way.as_ref()?.recv();
        Some(self.take_back(landed.ok()))
    }

    fn take_back(&mut self, landed: Option<(Box<Publisher>, Landing)>) -> Landing {
        self.under_way = None;
        match landed {
            Some((publisher, landing)) => {
                self.here = Some(publisher);
                landing
            }
            None => self.lost(),
        }
    }

    /// Its thread is gone, and with it the knowledge of what is on the disk.
    fn lost(&self) -> Landing {
        let outcome = Err(JournalError::NotDurable(self.dir.clone()));
        Landing { size: 0, took: Duration::ZERO, outcome }
    }

    /// The file of all checkpoints, for tests of disks that fail.
    #[cfg(test)]
    pub(super) fn history(&mut self) -> &mut Appended {
        &mut self.here.as_mut().unwrap().history
    }
}
