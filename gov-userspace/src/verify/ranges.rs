//! Ranges of kernel sequence numbers: what is missing, and what was declared lost.

/// Ranges that are held to be compared; a log with more does not hold.
const MAX_RANGES: usize = 1 << 16;

/// Ranges of sequence numbers, ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ranges {
    /// First and one after the last.
    ranges: Vec<(u64, u64)>,
    total: u64,
}

impl Ranges {
    /// Adds a range after those there are.
    pub(super) fn add(&mut self, first: u64, count: u64) -> Result<(), String> {
        let end = first.checked_add(count).ok_or("a range of lost events has no end")?;
        let full = self.ranges.len() >= MAX_RANGES;
        match self.ranges.last_mut() {
            Some((_, last)) if *last > first => return Err("ranges of lost events overlap".to_owned()),
            Some((_, last)) if *last == first => *last = end,
            _apart if full => return Err(format!("more than {MAX_RANGES} ranges of events were lost")),
            _apart => self.ranges.push((first, end)),
        }
        self.total = self.total.saturating_add(count);
        Ok(())
    }

    /// How many numbers are in them.
    pub(super) fn total(&self) -> u64 {
        self.total
    }
}
