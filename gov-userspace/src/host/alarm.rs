//! Wakes at a time of the boot clock, by which the kernel goes: not by ticks, and not late after a suspend.

use std::os::fd::OwnedFd;

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::{HostError, readiness};

/// Nanoseconds in a second.
const SECOND: u64 = 1_000_000_000;

/// An alarm that is set for one time.
#[derive(Debug)]
pub struct Alarm {
    timer: OwnedFd,
    watched: AsyncFd<OwnedFd>,
    set_for: Option<u64>,
}

impl Alarm {
    /// One that is not set; within tokio's event loop.
    ///
    /// # Errors
    /// The system has no timer left.
    pub fn new() -> Result<Self, HostError> {
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        let timer = timerfd_create(TimerfdClockId::Boottime, flags)
            .map_err(|error| HostError::Call { call: "timerfd_create", source: error.into() })?;
        let watched = readiness::watch(&timer, Interest::READABLE)?;
        Ok(Self { timer, watched, set_for: None })
    }

    /// Sets it for a time in nanoseconds of `CLOCK_BOOTTIME`, instead of whatever it was set for; it rings at once for
    /// one that has passed. Set for the same time again, it rings no second time.
    ///
    /// # Errors
    /// The system does not take the time.
    pub fn set(&mut self, boot_ns: Option<u64>) -> Result<(), HostError> {
        if self.set_for == boot_ns {
            return Ok(());
        }
        let never = Timespec { tv_sec: 0, tv_nsec: 0 };
        let value = boot_ns.map_or(never, at);
        timerfd_settime(
            &self.timer,
            TimerfdTimerFlags::ABSTIME,
            &Itimerspec { it_interval: never, it_value: value },
        )
        .map_err(|error| HostError::Call { call: "timerfd_settime", source: error.into() })?;
        self.set_for = boot_ns;
        Ok(())
    }

    /// Waits until it rings.
    ///
    /// # Errors
    /// The event loop cannot watch it.
    pub async fn rings(&self) -> std::io::Result<()> {
        self.watched.readable().await?.clear_ready();
        Ok(())
    }
}

/// The time as the system takes it. Zero would unset the timer, so the first nanosecond stands for it.
fn at(boot_ns: u64) -> Timespec {
    let boot_ns = boot_ns.max(1);
    let seconds = boot_ns.checked_div(SECOND).unwrap_or(0);
    let rest = boot_ns.checked_rem(SECOND).unwrap_or(0);
    Timespec { tv_sec: i64::try_from(seconds).unwrap_or(i64::MAX), tv_nsec: i64::try_from(rest).unwrap_or(0) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Alarm;
    use crate::clock::boot_ns;

    #[tokio::test]
    async fn it_rings_at_its_time_and_at_once_for_one_that_has_passed() {
        let mut alarm = Alarm::new().unwrap();
        for time in [boot_ns() + 20_000_000, 0, boot_ns()] {
            alarm.set(Some(time)).unwrap();
            tokio::time::timeout(Duration::from_secs(10), alarm.rings()).await.unwrap().unwrap();
            assert!(boot_ns() >= time);
        }
    }

    #[tokio::test]
    async fn unset_it_does_not_ring() {
        let mut alarm = Alarm::new().unwrap();
        alarm.set(Some(boot_ns() + 20_000_000)).unwrap();
        alarm.set(None).unwrap();
        tokio::time::timeout(Duration::from_millis(100), alarm.rings()).await.unwrap_err();
    }
}
