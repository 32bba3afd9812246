//! The rights that a policy node grants on a file and its subtree.

/// A set of file rights, as bits.
///
/// `WRITE` and `EXECUTE` imply reading, `CONNECT` implies nothing; the implication is applied by
/// [`Rights::closure`] when a policy is compiled, so that a hook tests plain bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Rights(u8);

impl Rights {
    /// No right at all.
    pub const NONE: Self = Self(0);
    /// Reading a file or listing a directory: `file:read`.
    pub const READ: Self = Self(1);
    /// Creating, changing, renaming, deleting: `file:write`.
    pub const WRITE: Self = Self(2);
    /// Executing a file and mapping its code: `code:execute`.
    pub const EXECUTE: Self = Self(4);
    /// Connecting to a local socket that is bound to the file: `network:unix`.
    pub const CONNECT: Self = Self(8);

    /// The bits, as they stand in a [`crate::policy::Node`].
    #[inline(always)]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// The set with these bits; bits that name no right are dropped.
    #[inline(always)]
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits & 15)
    }

    /// Both sets together.
    #[inline(always)]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether every right of `wanted` is in this set.
    #[inline(always)]
    pub const fn covers(self, wanted: Self) -> bool {
        self.0 & wanted.0 == wanted.0
    }

    /// This set with what it implies: writing and executing imply reading.
    #[inline(always)]
    pub const fn closure(self) -> Self {
        if self.0 & (Self::WRITE.0 | Self::EXECUTE.0) != 0 { self.with(Self::READ) } else { self }
    }
}

#[cfg(test)]
mod tests {
    use super::Rights;

    #[test]
    fn writing_and_executing_imply_reading_and_nothing_else() {
        assert!(Rights::WRITE.closure().covers(Rights::READ));
        assert!(Rights::EXECUTE.closure().covers(Rights::READ));
        assert!(!Rights::WRITE.closure().covers(Rights::EXECUTE));
        assert!(!Rights::EXECUTE.closure().covers(Rights::WRITE));
        assert_eq!(Rights::READ.closure(), Rights::READ);
        assert_eq!(Rights::NONE.closure(), Rights::NONE);
        assert_eq!(Rights::CONNECT.closure(), Rights::CONNECT);
    }
}
