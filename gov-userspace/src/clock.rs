//! Time: the kernel's boot clock, which events carry, and the wall clock that people read.

use jiff::Timestamp;
use rustix::time::{ClockId, Timespec, clock_gettime};

/// Nanoseconds between two offsets that tell that the wall clock was set.
const STEP: u64 = 100_000_000;
/// Looks at both clocks, at most, for one offset; nanoseconds within which one is close enough.
const LOOKS: u32 = 5;
const CLOSE_ENOUGH: i64 = 1_000_000;

/// How far the wall clock was ahead of the boot clock at one moment.
///
/// Events carry only the boot clock, which never jumps. A receipt shows both; the wall time is the boot time plus
/// this offset, sampled when the events were read, so a step of the wall clock shows at the next sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offset(i64);

impl Offset {
    /// The offset now. Between looks at the two clocks another task may run, so the closest of a few counts.
    pub fn sample() -> Self {
        let look = || {
            let before = nanoseconds(clock_gettime(ClockId::Boottime));
            let wall = nanoseconds(clock_gettime(ClockId::Realtime));
            let apart = nanoseconds(clock_gettime(ClockId::Boottime)).saturating_sub(before);
            (apart, wall.saturating_sub(before))
        };
        let mut closest = look();
        for _ in 1..LOOKS {
            if closest.0 < CLOSE_ENOUGH {
                break;
            }
            closest = closest.min(look());
        }
        Self(closest.1)
    }

    /// How far the wall clock was ahead when it showed `wall` and the boot clock stood at `boot_ns`.
    pub fn between(boot_ns: u64, wall: Timestamp) -> Self {
        let wall = i64::try_from(wall.as_nanosecond()).unwrap_or(i64::MAX);
        Self(wall.saturating_sub(i64::try_from(boot_ns).unwrap_or(i64::MAX)))
    }

    /// Whether the wall clock was set between the two. Both clocks are slewed alike: nothing else moves them apart.
    pub fn is_step_from(self, before: Self) -> bool {
        self.0.abs_diff(before.0) >= STEP
    }

    /// An offset of so many nanoseconds, for tests and for reading old logs.
    pub const fn from_nanoseconds(nanoseconds: i64) -> Self {
        Self(nanoseconds)
    }

    /// The wall clock's time, in nanoseconds since 1970, when the boot clock stood at `boot_ns`.
    pub fn wall_ns(self, boot_ns: u64) -> i64 {
        i64::try_from(boot_ns).unwrap_or(i64::MAX).saturating_add(self.0)
    }

    /// The boot clock's time when the wall clock shows `wall`; 0 for a time before the boot.
    pub fn boot_ns(self, wall: Timestamp) -> u64 {
        let wall = i64::try_from(wall.as_nanosecond()).unwrap_or(i64::MAX);
        u64::try_from(wall.saturating_sub(self.0)).unwrap_or(0)
    }
}

/// The boot clock (`CLOCK_BOOTTIME`) now, in nanoseconds.
pub fn boot_ns() -> u64 {
    u64::try_from(nanoseconds(clock_gettime(ClockId::Boottime))).unwrap_or(0)
}

/// The wall clock's time as RFC 3339 in UTC with nine digits of a second, as receipts write it.
pub fn rfc3339(wall_ns: i64) -> String {
    let time = Timestamp::from_nanosecond(i128::from(wall_ns)).unwrap_or(Timestamp::UNIX_EPOCH);
    format!("{time:.9}")
}

fn nanoseconds(time: Timespec) -> i64 {
    time.tv_sec.saturating_mul(1_000_000_000).saturating_add(time.tv_nsec)
}

#[cfg(test)]
mod tests {
    use super::{Offset, boot_ns, rfc3339};
    use jiff::Timestamp;

    #[test]
    fn wall_time_has_nine_digits_and_ends_in_z() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000000000Z");
        assert_eq!(rfc3339(1_700_000_000_000_000_001), "2023-11-14T22:13:20.000000001Z");
    }

    #[test]
    fn boot_and_wall_time_convert_both_ways() {
        let offset = Offset::from_nanoseconds(1_700_000_000_000_000_000);
        let wall = Timestamp::from_nanosecond(i128::from(offset.wall_ns(42))).unwrap();
        assert_eq!(offset.boot_ns(wall), 42);
        assert_eq!(offset.boot_ns(Timestamp::UNIX_EPOCH), 0);
    }

    #[test]
    fn a_step_is_told_from_what_lies_between_two_looks() {
        let now = Offset::sample();
        assert!(!Offset::sample().is_step_from(now));
        let Offset(nanoseconds) = now;
        for step in [-31_536_000_000_000_000, -200_000_000, 200_000_000, 31_536_000_000_000_000] {
            assert!(
                Offset(nanoseconds + step).is_step_from(now) && now.is_step_from(Offset(nanoseconds + step))
            );
        }
        assert!(Offset(i64::MIN).is_step_from(Offset(i64::MAX)));
        let wall = Timestamp::from_nanosecond(i128::from(now.wall_ns(7))).unwrap();
        assert_eq!(Offset::between(7, wall), now);
    }

    #[test]
    fn the_sampled_offset_leads_from_the_boot_clock_to_the_wall_clock() {
        let wall = Offset::sample().wall_ns(boot_ns());
        let now = i64::try_from(Timestamp::now().as_nanosecond()).unwrap();
        assert!((now - wall).abs() < 60_000_000_000, "{now} and {wall} are a minute apart");
    }
}
