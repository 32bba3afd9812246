//! Limits: how much a session may do of what it may do at all.

use crate::verdict::Reason;
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
    pub const NONE: Self = Self {
        most: [UNLIMITED; BUDGETS],
        breaker_refusals: UNLIMITED,
        breaker_window_s: 0,
        breaker_cooldown_s: 0,
    };

    /// The most of the budget with a number. Fail closed: there is nothing of a budget that is none.
    #[inline(always)]
    pub fn most(&self, number: usize) -> u32 {
        self.most.get(number).copied().unwrap_or(0)
    }
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
    /// There is room, and this use brings it to [`warns_at`]: that is told.
    Warns,
    /// There is room, and this use is the last: that is told.
    Spends,
    /// There was none: the use is refused.
    Over,
}

/// What the use after `used` others comes to, of a budget of `most`.
#[inline(always)]
pub const fn charge(used: u64, most: u32) -> Charge {
    let after = used.saturating_add(1);
    if after > most as u64 || used == u64::MAX {
        Charge::Over
    } else if after == most as u64 {
        Charge::Spends
    } else if after == warns_at(most) as u64 {
        Charge::Warns
    } else {
        Charge::Within
    }
}

/// Whether a refusal for the reason with this number counts against refusals that are suffered: one that says only
/// that the session is over, or waits, does not.
#[inline(always)]
pub const fn is_suffered(reason: u32) -> bool {
    const EXPIRED: u32 = Reason::Expired as u32;
    const REVOKED: u32 = Reason::Revoked as u32;
    const CUT_OFF: u32 = Reason::CutOff as u32;
    const CIRCUIT_OPEN: u32 = Reason::CircuitOpen as u32;
    const NO_ROOM: u32 = Reason::NoRoomToRecord as u32;
    !matches!(reason, EXPIRED | REVOKED | CUT_OFF | CIRCUIT_OPEN | NO_ROOM)
}

/// The use of a budget of `most` that is told before the last one: four fifths, rounded up.
#[inline(always)]
pub const fn warns_at(most: u32) -> u32 {
    (most as u64).saturating_mul(4).div_ceil(5) as u32
}

/// The refusals of one window, as one word that can be replaced in one step: when the window began, in units of
/// 2^24 nanoseconds (17 ms) of `CLOCK_BOOTTIME`, and behind that 24 bits of count. 0: none yet.
pub type Window = u64;

const COUNT_BITS: u32 = 24;
const MAX_COUNT: u64 = (1 << COUNT_BITS) - 1;
/// Nanoseconds in a second.
const SECOND: u64 = 1_000_000_000;

/// What one more refusal does to a session with a circuit breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suffered {
    /// The window with it.
    pub window: Window,
    /// Whether it is one too many, and opens the circuit.
    pub opens: bool,
}

/// What a refusal at `now_ns` does.
#[inline(always)]
pub const fn suffer(limits: &Limits, window: Window, now_ns: u64) -> Suffered {
    let now = now_ns >> COUNT_BITS;
    let begun = window >> COUNT_BITS;
    let length = seconds(limits.breaker_window_s) >> COUNT_BITS;
    let over = window == 0 || now.saturating_sub(begun) >= length;
    let before = if over { 0 } else { window & MAX_COUNT };
    if before >= limits.breaker_refusals as u64 || before == MAX_COUNT {
        // What comes after the circuit is closed again begins anew.
        return Suffered { window: 0, opens: true };
    }
    let since = if over { now } else { begun };
    Suffered { window: since << COUNT_BITS | before.saturating_add(1), opens: false }
}

/// Seconds in nanoseconds.
const fn seconds(count: u32) -> u64 {
    (count as u64).saturating_mul(SECOND)
}

/// Until when a circuit that opens at `now_ns` stays open.
#[inline(always)]
pub const fn open_until(limits: &Limits, now_ns: u64) -> u64 {
    match limits.breaker_cooldown_s {
        0 => u64::MAX,
        seconds => now_ns.saturating_add(self::seconds(seconds)),
    }
}

#[cfg(test)]
mod tests {
    use super::{
        BUDGETS, Budget, COUNT_BITS, Charge, Limits, MAX_COUNT, SECOND, Suffered, UNLIMITED, charge,
        open_until, suffer,
    };

    #[test]
    fn budgets_are_numbered_in_order() {
        assert_eq!(Budget::ALL.len(), BUDGETS);
        for (number, budget) in Budget::ALL.into_iter().enumerate() {
            assert_eq!(budget as usize, number);
        }
    }

    #[test]
    fn a_budget_tells_at_four_fifths_and_at_its_end_and_then_refuses() {
        let told = |most: u32| {
            let uses = (0..u64::from(most)).map(move |used| (used + 1, charge(used, most)));
            uses.filter(|(_, charge)| *charge != Charge::Within).collect::<Vec<_>>()
        };
        assert_eq!(told(10), [(8, Charge::Warns), (10, Charge::Spends)]);
        assert_eq!(told(3), [(3, Charge::Spends)]);
        assert_eq!(told(1), [(1, Charge::Spends)]);
        for most in [0, 1, 3, 10] {
            assert_eq!(charge(u64::from(most), most), Charge::Over);
            assert_eq!(charge(u64::MAX, most), Charge::Over);
        }
    }

    #[test]
    fn a_circuit_opens_with_one_refusal_more_than_a_window_suffers() {
        let limits = Limits { breaker_refusals: 3, breaker_window_s: 10, ..Limits::NONE };
        let mut window = 0;
        for _ in 0..3 {
            let suffered = suffer(&limits, window, 5 * SECOND);
            assert!(!suffered.opens);
            window = suffered.window;
        }
        assert_eq!(suffer(&limits, window, 14 * SECOND), Suffered { window: 0, opens: true });
        let renewed = suffer(&limits, window, 16 * SECOND);
        assert!(!renewed.opens);
        assert_eq!(renewed.window & MAX_COUNT, 1);
    }

    #[test]
    fn a_breaker_that_suffers_nothing_opens_at_once_and_none_never_does() {
        let strict = Limits { breaker_refusals: 0, breaker_window_s: 1, ..Limits::NONE };
        assert!(suffer(&strict, 0, SECOND).opens);
        let full = (SECOND >> COUNT_BITS) << COUNT_BITS | MAX_COUNT;
        let most = Limits { breaker_refusals: UNLIMITED - 1, breaker_window_s: 3600, ..Limits::NONE };
        assert!(suffer(&most, full, SECOND).opens, "a count that cannot rise fails closed");
    }

    #[test]
    fn an_open_circuit_closes_after_its_cooldown_or_never() {
        let limits = Limits { breaker_cooldown_s: 60, ..Limits::NONE };
        assert_eq!(open_until(&limits, SECOND), 61 * SECOND);
        assert_eq!(open_until(&Limits::NONE, SECOND), u64::MAX);
    }
}
