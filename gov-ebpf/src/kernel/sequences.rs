//! What the kernel counts when names and mounts change.

use super::read;

/// The sequences of `rename_lock` and `mount_lock`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Sequences {
    pub renames: u32,
    pub mounts: u32,
}

impl Sequences {
    /// Whether no name and no mount is being changed at this moment.
    #[inline(always)]
    pub const fn are_still(self) -> bool {
        (self.renames | self.mounts) & 1 == 0
    }
}

/// The sequences of this moment: each is odd while it changes. A lock whose address is not known stands at 0, which is a
/// fault: no walk can be trusted then.
#[inline(always)]
pub fn sequences() -> Option<Sequences> {
    Some(Sequences { renames: read::<u32>(offset!(rename_lock))?, mounts: read::<u32>(offset!(mount_lock))? })
}
