//! The opens that benchmarks measure. Under QEMU's `-icount shift=0` the guest's clock advances by one nanosecond an
//! instruction, so the figures are instruction counts; on other clocks only their ratios mean something.

use std::fs::{self, File};
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};

/// Where the files lie that are opened, and the folders that the rules name.
pub const GROUND: &str = "/gov-bench";
/// Opens in one sample, and samples of a file.
const OPENS: u32 = 2000;
const SAMPLES: usize = 7;
/// Samples before them that are not counted: they fill caches and let the kernel's freeing of files catch up.
const WARMING: usize = 4;

/// The median of some samples, and the least and the greatest of them.
#[derive(Clone, Copy, Debug)]
pub struct Figure {
    pub low: f64,
    pub median: f64,
    pub high: f64,
}

impl Figure {
    /// Of the samples in a line of numbers.
    pub fn parse(line: &str) -> Result<Self> {
        let mut samples = line.split_whitespace().map(str::parse).collect::<Result<Vec<f64>, _>>()?;
        samples.sort_by(f64::total_cmp);
        let median = *samples.get(samples.len() / 2).context("no sample")?;
        Ok(Self { low: samples[0], median, high: samples[samples.len() - 1] })
    }

    /// How far the samples lie apart, in parts of the median.
    pub fn spread(self) -> f64 {
        (self.high - self.low) / self.median
    }
}

/// `/gov-bench/f/…/file` with `depth` components in all.
pub fn path(depth: usize) -> PathBuf {
    let mut path = PathBuf::from(GROUND);
    while path.components().count() < depth {
        path.push("f");
    }
    path.push("file");
    path
}

/// Makes the file at a depth.
pub fn make(depth: usize) -> Result<()> {
    let file = path(depth);
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(&file, "measured\n").with_context(|| format!("making `{}`", file.display()))
}

/// A line of samples for each file: the nanoseconds of one open and close of it. The files take turns, so that what the
/// machine does beside falls on all of them.
pub fn measure(paths: &[PathBuf]) -> Result<Vec<String>> {
    let mut lines = vec![Vec::with_capacity(SAMPLES); paths.len()];
    for round in 0..WARMING + SAMPLES {
        for (path, line) in paths.iter().zip(&mut lines) {
            let sample = sample(path)?;
            if round >= WARMING {
                line.push(format!("{sample:.1}"));
            }
        }
    }
    Ok(lines.into_iter().map(|line| line.join(" ")).collect())
}

fn sample(path: &Path) -> Result<f64> {
    let begin = Instant::now();
    for _ in 0..OPENS {
        drop(black_box(File::open(path).with_context(|| format!("opening `{}`", path.display()))?));
    }
    Ok(begin.elapsed().as_nanos() as f64 / f64::from(OPENS))
}
