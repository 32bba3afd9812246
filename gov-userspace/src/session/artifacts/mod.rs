//! What stands at the paths that a session changed: at its end, and whenever somebody asks.
//!
//! First all paths are looked at, then it is decided in their order which files are hashed, then those are: what comes
//! out depends on no thread. Nothing on the way is followed: the kernel recorded resolved paths, and whatever was put
//! in their place since is not what the session changed.

mod examine;
mod parallel;
mod progress;

use std::sync::atomic::Ordering;

use super::touched::{Touch, Touched};
use crate::clock::Offset;
use crate::host::standing::{Facts, Mounts};
use crate::receipt::{Artifact, ArtifactState, Count, Others};
use examine::{Look, unhashed};
use progress::Hands;

pub use progress::Progress;

/// Bytes that are hashed for one session.
const MAX_BYTES: u64 = 4 << 30;

/// For whom it is looked.
#[derive(Clone, Copy, Debug)]
pub enum Reader {
    /// For a session's log, which its user may read: nothing is told of a file that is neither the session's nor its
    /// user's. The looker may read them all.
    Session {
        /// Its user.
        uid: u32,
        /// When nobody was left in it any more, and nothing of it was still to be removed: nanoseconds of the wall
        /// clock.
        gone_ns: i64,
    },
    /// For who looks.
    Caller,
}

/// What stands at each of the paths now, in their order; `beat` is called some times a second while it takes.
pub fn look(touched: &Touched, reader: Reader, progress: &Progress, beat: &mut dyn FnMut()) -> Vec<Artifact> {
    let mounts = Mounts::now().unwrap_or_else(|error| {
        // Of no mount anything is known then, and each path says so.
        tracing::error!("cannot read the mounts: {error}");
        Mounts::default()
    });
    let look = Look { touched, reader, mounts, offset: Offset::sample() };
    let paths: Vec<(&[u8], &Touch)> = touched.paths().collect();
    let hands = Hands::take(reader);
    let found = parallel::each(&paths, hands.0, |(path, touch)| look.survey(path, touch), beat);
    let mut found: Vec<Found> = found.into_iter().map(|found| found.unwrap_or_else(Found::failed)).collect();
    let chosen = choose(&mut found, MAX_BYTES);
    let bytes = chosen.iter().fold(0_u64, |sum, (_place, facts)| sum.saturating_add(facts.size));
    progress.of_bytes.store(bytes, Ordering::Relaxed);
    progress.of_files.store(u64::try_from(chosen.len()).unwrap_or(u64::MAX), Ordering::Relaxed);
    let hash = |(place, facts): &(usize, Facts)| {
        let path = paths.get(*place).map_or(&[][..], |(path, _touch)| path);
        let state = look.hash(path, facts, progress);
        progress.files.fetch_add(1, Ordering::Relaxed);
        state
    };
    let hashed = parallel::each(&chosen, hands.0, hash, beat);
    for ((place, _facts), hashed) in chosen.iter().zip(hashed) {
        if let Some(found) = found.get_mut(*place) {
            found.set(hashed.unwrap_or_else(|| (unhashed("it could not be hashed", None), false)));
        }
    }
    let mut artifacts: Vec<Artifact> =
        paths.iter().zip(found).map(|((path, touch), found)| found.artifact(path, touch)).collect();
    artifacts.extend((touched.beyond() > 0).then(|| beyond(touched)));
    artifacts
}

/// What is said of each of the paths when nobody can look.
pub fn unlooked(touched: &Touched, why: &str) -> Vec<Artifact> {
    let all = touched.paths().map(|(path, touch)| Found::of(unhashed(why, None)).artifact(path, touch));
    all.chain((touched.beyond() > 0).then(|| beyond(touched))).collect()
}

/// What is said instead of paths that were too many.
fn beyond(touched: &Touched) -> Artifact {
    let why = format!(
        "paths beyond the first {} were touched {} times and not looked at",
        touched.paths().len(),
        touched.beyond()
    );
    Artifact {
        change: None,
        changed_by_others: Vec::new(),
        hex: None,
        path: "...".to_owned(),
        receipts: Vec::new(),
        state: ArtifactState::Unhashed { owner: None, size: None, why },
        touched: Count(touched.beyond()),
    }
}

/// What was found at a path, before it is hashed.
struct Found {
    state: ArtifactState,
    others: Vec<Others>,
    /// Of a regular file that may be hashed.
    facts: Option<Facts>,
}

impl Found {
    fn of(state: ArtifactState) -> Self {
        Self { state, others: Vec::new(), facts: None }
    }

    fn failed() -> Self {
        Self::of(unhashed("it could not be looked at", None))
    }

    fn set(&mut self, (state, changed): (ArtifactState, bool)) {
        self.state = state;
        self.others.extend(changed.then_some(Others::WhileHashed));
    }

    fn artifact(self, path: &[u8], touch: &Touch) -> Artifact {
        Artifact {
            change: Some(touch.change()),
            changed_by_others: self.others,
            hex: std::str::from_utf8(path).is_err().then(|| hex::encode(path)),
            path: String::from_utf8_lossy(path).into_owned(),
            receipts: touch.receipts(),
            state: self.state,
            touched: Count(touch.count()),
        }
    }
}

/// Which files are hashed, by their places in the order of the paths; of those that would be too much it is said.
fn choose(found: &mut [Found], mut budget: u64) -> Vec<(usize, Facts)> {
    let most = budget;
    let mut chosen = Vec::new();
    for (place, found) in found.iter_mut().enumerate() {
        let Some(facts) = found.facts.take() else { continue };
        match budget.checked_sub(facts.size) {
            Some(left) => {
                budget = left;
                chosen.push((place, facts));
            }
            None => {
                let why = format!("more than {most} bytes to hash in this session");
                found.state = unhashed(why, Some(&facts));
            }
        }
    }
    chosen
}

#[cfg(test)]
mod tests;
