//! What long work looks like: one line when it begins, one with its time when it is done.

use std::time::Instant;

use anyhow::{Context, Result};

/// Does `work` under a name.
pub fn step<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    eprintln!("· {name} …");
    let start = Instant::now();
    let value = work().with_context(|| format!("{name} failed"))?;
    eprintln!("✓ {name} ({:.1} s)", start.elapsed().as_secs_f64());
    Ok(value)
}
