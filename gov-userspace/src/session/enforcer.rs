//! What a session asks of the kernel, so that everything above it can be tested without one.

use std::fmt::Debug;

use gov_common::abi::{ReadKey, State};
use gov_common::repeated::{Refusal, RefusalKey};
use gov_common::verdict::Reason;

use crate::kernel::{BindSpec, Interference, Kernel, KernelError, Slot, Standing};

/// The kernel's side of sessions.
pub trait Enforcer {
    /// Where a session stands in the kernel.
    type Slot: Copy + Debug + PartialEq;
    /// Why something was not done.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Begins to govern a cgroup.
    fn bind(&mut self, spec: &BindSpec<'_>) -> Result<Self::Slot, Self::Error>;
    /// Refuses the session everything from now on.
    fn cut(&mut self, slot: Self::Slot, reason: Reason) -> Result<(), Self::Error>;
    /// Whether everything is refused to the session at this moment, and why.
    fn standing(&self, slot: Self::Slot) -> Result<Standing, Self::Error>;
    /// Looks whether all that keeps sessions governed is as it was left, and puts back what is not.
    fn mend(&mut self) -> Vec<Interference<Self::Slot>>;
    /// The kernel's own account.
    fn counters(&self, slot: Self::Slot) -> Result<State, Self::Error>;
    /// The reads that were counted by directory.
    fn read_counts(&self, slot: Self::Slot) -> Result<Vec<(ReadKey, u64)>, Self::Error>;
    /// The refusals that are not recorded one by one.
    fn refusals(&self, slot: Self::Slot) -> Result<Vec<(RefusalKey, Refusal)>, Self::Error>;
    /// Says that the session's records up to these many bytes are written down.
    fn note_taken(&mut self, slot: Self::Slot, bytes: u64) -> Result<(), Self::Error>;
    /// Stops governing the cgroup, which must be empty; returns the final account.
    fn unbind(&mut self, slot: Self::Slot) -> Result<State, Self::Error>;
}

impl Enforcer for Kernel {
    type Slot = Slot;
    type Error = KernelError;

    fn bind(&mut self, spec: &BindSpec<'_>) -> Result<Slot, KernelError> {
        Kernel::bind(self, spec)
    }

    fn cut(&mut self, slot: Slot, reason: Reason) -> Result<(), KernelError> {
        Kernel::cut(self, slot, reason)
    }

    fn standing(&self, slot: Slot) -> Result<Standing, KernelError> {
        Kernel::standing(self, slot)
    }

    fn mend(&mut self) -> Vec<Interference> {
        Kernel::mend(self)
    }

    fn counters(&self, slot: Slot) -> Result<State, KernelError> {
        Kernel::counters(self, slot)
    }

    fn read_counts(&self, slot: Slot) -> Result<Vec<(ReadKey, u64)>, KernelError> {
        Kernel::read_counts(self, slot)
    }

    fn refusals(&self, slot: Slot) -> Result<Vec<(RefusalKey, Refusal)>, KernelError> {
        Kernel::refusals(self, slot)
    }

    fn note_taken(&mut self, slot: Slot, bytes: u64) -> Result<(), KernelError> {
        Kernel::note_taken(self, slot, bytes)
    }

    fn unbind(&mut self, slot: Slot) -> Result<State, KernelError> {
        Kernel::unbind(self, slot)
    }
}
