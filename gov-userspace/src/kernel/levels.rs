//! At which levels of the cgroup tree sessions are bound, counted, so that nobody has to go through all sessions.

use gov_common::abi::MAX_CGROUP_LEVELS;

/// How many sessions are bound at each level.
#[derive(Default)]
pub(super) struct Levels([u32; MAX_CGROUP_LEVELS as usize]);

impl Levels {
    /// One session more at a level.
    pub(super) fn add(&mut self, level: u32) {
        self.count(level, |count| count.saturating_add(1));
    }

    /// One session less at a level.
    pub(super) fn remove(&mut self, level: u32) {
        self.count(level, |count| count.saturating_sub(1));
    }

    /// Bit n is set while a session is bound at level n.
    pub(super) fn mask(&self) -> u32 {
        (0_u32..)
            .zip(self.0)
            .filter(|(_, count)| *count > 0)
            .fold(0, |mask, (level, _)| mask | 1_u32.checked_shl(level).unwrap_or(0))
    }

    fn count(&mut self, level: u32, change: impl FnOnce(u32) -> u32) {
        if let Some(count) = usize::try_from(level).ok().and_then(|level| self.0.get_mut(level)) {
            *count = change(*count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_looked_at_until_its_last_session_has_gone() {
        let mut levels = Levels::default();
        assert_eq!(levels.mask(), 0);
        for level in [0, 5, 5, 31] {
            levels.add(level);
        }
        assert_eq!(levels.mask(), 1 | 1 << 5 | 1 << 31);
        levels.remove(5);
        levels.remove(31);
        assert_eq!(levels.mask(), 1 | 1 << 5);
        levels.remove(5);
        assert_eq!(levels.mask(), 1);
    }
}
