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

/// The sequences of this moment: each is odd while it changes.
#[inline(always)]
pub fn sequences() -> Option<Sequences> {
    let (names, mounts) = (offset!(rename_lock), offset!(mount_lock));
    if names == 0 || mounts == 0 {
        // Fail closed: without the locks' addresses no walk can be trusted.
        return None;
    }
    Some(Sequences { renames: read::<u32>(names)?, mounts: read::<u32>(mounts)? })
}
