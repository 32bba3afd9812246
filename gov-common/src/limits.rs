//! Limits: how much a session may do of what it may do at all.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// What is counted against a limit. The numbers are part of the ABI: they index [`Limits::most`] and
/// [`crate::abi::State::used`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Budget {
    /// Executions that were begun; a script and its interpreter are one.
    Execs = 0,
    /// Processes started; threads are not counted.
    Forks = 1,
    /// Connections, and datagrams sent to an address, the network's and local ones'.
    Connections = 2,
    /// Names created: files, directories, links, pipes and sockets.
    Files = 3,
    /// Refusals: with the last one the session is over.
    Refusals = 4,
}

/// How many kinds of budget there are.
pub const BUDGETS: usize = 5;
/// The limit of what is not limited.
pub const UNLIMITED: u32 = u32::MAX;

impl Budget {
    /// Every budget, in the order of its number.
    pub const ALL: [Self; BUDGETS] =
        [Self::Execs, Self::Forks, Self::Connections, Self::Files, Self::Refusals];

    /// The name in scopes, as in `limit:execs:500`, and in receipts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Execs => "execs",
            Self::Forks => "forks",
            Self::Connections => "connections",
            Self::Files => "files",
            Self::Refusals => "refusals",
        }
    }
}

/// A session's limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Limits {
    /// The most of each [`Budget`]; [`UNLIMITED`] where there is no limit.
    pub most: [u32; BUDGETS],
    /// Refusals in one window that are suffered; one more opens the circuit. [`UNLIMITED`]: there is no breaker.
    pub breaker_refusals: u32,
    /// The window's length in seconds.
    pub breaker_window_s: u32,
    /// For how many seconds an open circuit refuses everything; 0 for good.
    pub breaker_cooldown_s: u32,
}

impl Limits {
    /// No limit at all.
    pub const NONE: Self =
        Self { most: [UNLIMITED; BUDGETS], breaker_refusals: UNLIMITED, breaker_window_s: 0, breaker_cooldown_s: 0 };
}

impl Default for Limits {
    fn default() -> Self {
        Self::NONE
    }
}

/// What one more use of a budget comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charge {
    /// There is room.
    Within,
    /// There is room, and this use brings it to four fifths, or to its end: that is told.
    Tells,
    /// There was none: the use is refused.
    Over,
}

/// What the use after `used` others comes to, of a budget of `most`.
#[inline(always)]
pub const fn charge(used: u64, most: u32) -> Charge {
    let most = most as u64;
    if used >= most {
        return Charge::Over;
    }
    // Four fifths, rounded up: a budget of one tells once.
    let warns = (most * 4).div_ceil(5);
    let now = used + 1;
    if now == warns || now == most { Charge::Tells } else { Charge::Within }
}

#[cfg(test)]
mod tests {
    use super::{BUDGETS, Budget, Charge, charge};

    #[test]
    fn budgets_are_numbered_in_order() {
        assert_eq!(Budget::ALL.len(), BUDGETS);
        for (number, budget) in Budget::ALL.into_iter().enumerate() {
            assert_eq!(budget as usize, number);
        }
    }

    #[test]
    fn a_budget_tells_at_four_fifths_and_at_its_end_and_then_refuses() {
        let told = |most: u32| (0..u64::from(most)).filter(move |used| charge(*used, most) == Charge::Tells);
        assert_eq!(told(10).collect::<Vec<_>>(), [7, 9]);
        assert_eq!(told(1).collect::<Vec<_>>(), [0]);
        assert_eq!(told(3).collect::<Vec<_>>(), [2]);
        for most in [0, 1, 3, 10] {
            assert_eq!(charge(u64::from(most), most), Charge::Over);
            assert_eq!(charge(u64::MAX, most), Charge::Over);
        }
    }
}
