//! The kernel's side of gov: loads the hooks, binds sessions to policies, and reads what the hooks have counted
//! and recorded. The only module that names aya.

mod accounts;
mod adopt;
mod attach;
mod batch;
mod enforcement;
mod error;
mod fill;
mod grace;
mod grants;
mod held;
mod hooks;
mod levels;
mod load;
mod maps;
mod mend;
#[cfg(test)]
mod native;
mod offsets;
mod policies;
pub mod pins;
mod ring;
mod selftest;
mod sessions;
#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "a test that wraps panics")]
mod sessions_tests;
mod slots;
mod usage;
mod wire;

pub use accounts::Standing;
pub use adopt::{Adopted, Left};
pub use enforcement::{Enforcement, EnforcementStatus, HookStatus};
pub use error::KernelError;
pub use fill::RingFill;
pub use load::{Kernel, LoadOptions};
pub use mend::Interference;
pub use ring::{Record, Ring};
pub use sessions::{BindSpec, Slot};
pub use usage::{MapUsage, Usage};

/// How many instructions the verifier walked through for each program of this build on this kernel, by hook.
///
/// # Errors
/// Those of [`Kernel::load`].
pub fn verifier_counts() -> Result<Vec<(String, u64)>, KernelError> {
    let (kernel, _ring) = Kernel::load(&LoadOptions::default())?;
    kernel.verifier_counts()
}
