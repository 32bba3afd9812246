//! `gov-fuzz TARGET`: gives a reader hostile input without end, or for some seconds, and stops at the first that makes
//! it panic or hold more memory than the input is worth.
//!
//! It needs no compiler of its own: inputs are changed at random, and one that comes to an end in other words than
//! all before it is changed further. `fuzz/corpus` has such inputs of earlier runs.

mod memory;
mod mutate;
mod seeds;
mod targets;

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Parser;

use mutate::{Dice, mutate};
use targets::Target;

/// Memory that a reader may hold for a byte of its input, and for none: a log's readers have buffers.
const FOR_A_BYTE: usize = 256;
const FOR_NONE: usize = 1 << 20;
/// Inputs that are changed further.
const POOL: usize = 4096;
/// The longest input that is kept in the corpus, and how many a target has there.
const KEPT: usize = 2048;
const KEPT_MOST: usize = 64;

/// Gives readers hostile input.
#[derive(Parser)]
struct Arguments {
    /// What to fuzz; all in turn without it
    target: Option<Target>,
    /// Stop each after so many seconds
    #[arg(long)]
    seconds: Option<u64>,
    /// Begin with this number; the same inputs come from the same one
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The folder with a folder of inputs for each target
    #[arg(long, default_value = "fuzz/corpus")]
    corpus: PathBuf,
    /// Keep short inputs that end in new words there
    #[arg(long)]
    keep: bool,
    /// The folder for an input that fails
    #[arg(long, default_value = "target")]
    failed: PathBuf,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let targets = arguments.target.map_or(Target::ALL.to_vec(), |target| vec![target]);
    for target in targets {
        run(target, &arguments)?;
    }
    Ok(())
}

fn run(target: Target, arguments: &Arguments) -> Result<()> {
    let (begun, mut tried) = (Instant::now(), 0_u64);
    let mut pool = target.seeds(&arguments.corpus)?;
    let mut known = HashSet::new();
    for seed in &pool {
        known.insert(meaning(&attempt(target, seed, &arguments.failed)?));
    }
    let mut dice = Dice::new(arguments.seed);
    let limit = arguments.seconds.map_or(Duration::MAX, Duration::from_secs);
    let mut told = Duration::ZERO;
    while begun.elapsed() < limit {
        let (one, other) = (dice.below(pool.len()), dice.below(pool.len()));
        let input = mutate(&pool[one], &pool[other], &mut dice);
        let new = known.insert(meaning(&attempt(target, &input, &arguments.failed)?));
        tried += 1;
        if new && arguments.keep && input.len() <= KEPT {
            keep(&input, &arguments.corpus.join(target.name()))?;
        }
        if new && pool.len() < POOL {
            pool.push(input);
        }
        if arguments.seconds.is_none() && begun.elapsed() > told + Duration::from_secs(10) {
            told = begun.elapsed();
            eprintln!("{}: {tried} inputs, {} ends", target.name(), known.len());
        }
    }
    let rate = tried / begun.elapsed().as_secs().max(1);
    println!("ok   {}: {tried} inputs, {rate} a second, {} ends", target.name(), known.len());
    Ok(())
}

/// What became of an input; an input that fails is written down.
fn attempt(target: Target, input: &[u8], failed: &Path) -> Result<String> {
    let (end, held) = memory::most(|| catch_unwind(|| target.read(input)));
    let why = match end {
        Err(_panic) => "it panics".to_owned(),
        Ok(_) if held > FOR_NONE + FOR_A_BYTE * input.len() => format!("it holds {held} bytes"),
        Ok(end) => return Ok(end),
    };
    let path = failed.join(format!("fuzz-{}-{:016x}", target.name(), hash(&input)));
    std::fs::write(&path, input)?;
    bail!("{} on {} bytes: {why}; they are in `{}`", target.name(), input.len(), path.display())
}

/// An end without the numbers and the quoted pieces of input in it.
fn meaning(end: &str) -> u64 {
    let plain: String = end.split('`').step_by(2).collect();
    hash(&plain.chars().filter(|letter| !letter.is_ascii_digit()).collect::<String>())
}

fn keep(input: &[u8], folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    if std::fs::read_dir(folder)?.count() < KEPT_MOST {
        std::fs::write(folder.join(format!("{:016x}", hash(&input))), input)?;
    }
    Ok(())
}

fn hash(of: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}
