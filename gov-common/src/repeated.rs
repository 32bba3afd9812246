//! Refusals that repeat: the first ones of a kind are recorded each by itself, the others are counted.
//!
//! Whoever is refused may try again as often as it likes. So that it can neither drown the log nor fill the ring with
//! that, a session's refusals take up bounded room: [`FEW`] records of the same act on the same object; such records of
//! [`MAX_DISTINCT`] different ones; and [`FEW`] of each action and reason from then on. Everything else is counted where
//! it belongs, and each count becomes a receipt: none goes untold.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Records of refusals of one kind, before the next ones are counted.
pub const FEW: u64 = 8;
/// Different refusals of a session that are told apart.
pub const MAX_DISTINCT: u64 = 1024;
/// Refusals that are told apart on the host at once: the length of map `REFUSALS`.
pub const MAX_REFUSALS: u32 = 1 << 20;
/// In [`RefusalKey::wanted`]: whatever the act was about.
pub const ANY_OBJECT: u8 = u8::MAX;

/// What makes two refusals the same one. Map `REFUSALS`: this to a [`Refusal`].
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    FromBytes,
    IntoBytes,
    Immutable,
    KnownLayout,
)]
#[repr(C)]
pub struct RefusalKey {
    /// Inode numbers of the objects; that of the directory, of one that does not exist.
    pub inode: [u64; 2],
    /// The kernel's hash of the objects' names, salted with the directory that each is in, and their lengths.
    pub name: [u64; 2],
    /// Address of the mount that the first object is reached through, 0 where that is not known.
    pub mount: u64,
    /// Address, as in [`crate::event::Header::address`].
    pub address: [u8; 16],
    /// The session's slot.
    pub slot: u32,
    /// The first object's device.
    pub device: u32,
    /// As in [`crate::event::Header`].
    pub detail: u32,
    /// As in [`crate::event::Header`].
    pub target: u32,
    /// As in [`crate::event::Header`].
    pub port: u16,
    /// As in [`crate::event::Header`].
    pub family: u16,
    /// [`crate::action::Action`] number.
    pub action: u8,
    /// [`crate::verdict::Reason`] number.
    pub reason: u8,
    /// [`crate::rights::Rights`] bits, or [`ANY_OBJECT`].
    pub wanted: u8,
    /// As in [`crate::event::Header`].
    pub protocol: u8,
}

impl RefusalKey {
    /// The key of every refusal of an action for a reason, whatever it was about.
    pub const fn of_any_object(slot: u32, action: u8, reason: u8) -> Self {
        Self {
            inode: [0; 2],
            name: [0; 2],
            mount: 0,
            address: [0; 16],
            slot,
            device: 0,
            detail: 0,
            target: 0,
            port: 0,
            family: 0,
            action,
            reason,
            wanted: ANY_OBJECT,
            protocol: 0,
        }
    }
}

/// What became of the refusals of one [`RefusalKey`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Refusal {
    /// How many were recorded each by itself.
    pub recorded: u64,
    /// How many were counted and not recorded.
    pub counted: u64,
    /// The sequence number of the last one that was recorded.
    pub last: u64,
}

/// Whether one session may put a record into the ring: what it has there, the record with it, is at most twice what is
/// free. A session by itself gets two thirds of the ring, two that flood it two fifths each, and whoever comes next
/// always finds room (dynamic thresholds of shared buffers: Choudhury and Hahne, IEEE/ACM Transactions on Networking
/// 6(2), 1998).
///
/// All in bytes: what the session has `produced` with the record, what the daemon has `taken` of it, what all records
/// in the ring have `used`, and the ring's `size`.
#[inline(always)]
pub const fn has_share(produced: u64, taken: u64, used: u64, size: u64) -> bool {
    produced.saturating_sub(taken) <= size.saturating_sub(used).saturating_mul(2)
}

/// What a record of a length takes up in the ring: its own header, and the alignment to eight bytes.
#[inline(always)]
pub const fn room_of(length: u32) -> u64 {
    (length as u64).saturating_add(8 + 7) & !7
}

const _: () = assert!(size_of::<RefusalKey>() == 80);
const _: () = assert!(size_of::<Refusal>() == 24);

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "a test that wraps panics")]
mod tests {
    use super::*;

    const SIZE: u64 = 3000;

    /// How much each of some sessions gets of a ring that nobody empties, when they fill it in turns.
    fn flood(sessions: usize) -> Vec<u64> {
        let mut produced = vec![0; sessions];
        loop {
            let before = produced.clone();
            for session in 0..sessions {
                let used = produced.iter().sum();
                if has_share(produced[session] + 1, 0, used, SIZE) {
                    produced[session] += 1;
                }
            }
            if produced == before {
                return produced;
            }
        }
    }

    #[test]
    fn whoever_floods_the_ring_leaves_room_for_the_next() {
        assert_eq!(flood(1), [2000]);
        for shares in flood(2) {
            assert!((1199..=1200).contains(&shares), "{shares}");
        }
        for sessions in [3, 10, 100] {
            let shares = flood(sessions);
            let free = SIZE - shares.iter().sum::<u64>();
            assert!(has_share(1, 0, SIZE - free, SIZE), "{sessions} sessions leave {free}");
            assert!(shares.iter().max().unwrap() - shares.iter().min().unwrap() <= 1);
        }
    }

    #[test]
    fn what_was_taken_is_free_again() {
        assert!(!has_share(2001, 0, 2000, SIZE));
        assert!(has_share(2001, 1, 1999, SIZE));
        // More taken than produced: another CPU has not counted its record yet.
        assert!(has_share(0, 8, 0, SIZE));
        assert!(!has_share(u64::MAX, 0, SIZE, SIZE));
        assert!(!has_share(1, 0, SIZE + 1, SIZE));
    }

    #[test]
    fn a_record_takes_its_header_and_whole_words() {
        assert_eq!([1, 8, 9, 144].map(room_of), [16, 16, 24, 152]);
    }
}
