//! Makes the proofs that are handed on: of one receipt, and of the growth of a log.

use std::path::Path;

use super::{Exit, Failure, evidence};
use crate::lines::{Line, Lines};
use crate::merkle::{self, Hash, Prover};
use crate::note::Checkpoint;
use crate::verify::{GrowthProof, ReceiptProof};

/// A receipt's line, the proof that it is in the log, and the head that covers it.
pub(super) fn receipt(folder: &Path, index: u64) -> Result<ReceiptProof, Failure> {
    let (note, head) = head(folder)?;
    let prover = Prover::inclusion(index, head.size).ok_or_else(|| no_such(index, head.size))?;
    let (mut line, mut leaf) = (None, Hash::default());
    let proof = prove(folder, head.size, prover, |place, found, hash| {
        if place == index {
            (line, leaf) = (String::from_utf8(found.to_vec()).ok(), hash);
        }
    })?;
    let line =
        line.ok_or_else(|| Failure::new(Exit::DoesNotHold, format!("receipt {index}"), "it is not text"))?;
    if !merkle::included(leaf, index, head.size, &proof, &head.root) {
        return Err(changed(head.size));
    }
    Ok(ReceiptProof::new(line, index, &proof, note))
}

/// The proof that a log only grew since an older checkpoint.
pub(super) fn growth(folder: &Path, since: &Path) -> Result<GrowthProof, Failure> {
    let (checkpoint, head) = head(folder)?;
    let given = String::from_utf8(evidence::note(since)?).ok();
    let old = given
        .as_deref()
        .and_then(Checkpoint::stated)
        .ok_or_else(|| Failure::new(Exit::Usage, format!("`{}`", since.display()), "no checkpoint's note"))?;
    if old.origin != head.origin {
        let why = format!("it is a checkpoint of `{}`, the log is `{}`", old.origin, head.origin);
        return Err(Failure::new(Exit::Usage, format!("`{}`", since.display()), why));
    }
    let shrunk = || {
        let why = format!("{} lines were signed before, and it does not begin with them", old.size);
        Failure::new(Exit::DoesNotHold, "the log", why).remedy("keep both checkpoints: they prove a change")
    };
    let prover = Prover::consistency(old.size, head.size).ok_or_else(shrunk)?;
    let proof = prove(folder, head.size, prover, |_place, _line, _hash| {})?;
    if !merkle::consistent((old.size, &old.root), (head.size, &head.root), &proof) {
        return Err(shrunk());
    }
    Ok(GrowthProof { old: old.size, proof, checkpoint })
}

/// The log's signed head, and what it states.
fn head(folder: &Path) -> Result<(String, Checkpoint), Failure> {
    let note = String::from_utf8(evidence::checkpoint(folder)?).unwrap_or_default();
    let head = Checkpoint::stated(&note).ok_or_else(|| {
        Failure::new(Exit::Unknown, format!("`{}`", folder.display()), "the log has no checkpoint")
            .remedy("try again when it has one")
    })?;
    Ok((note, head))
}

/// Shows the signed lines to a prover, and to `see` each with its number and hash.
fn prove(
    folder: &Path,
    size: u64,
    mut prover: Prover,
    mut see: impl FnMut(u64, &[u8], Hash),
) -> Result<Vec<Hash>, Failure> {
    let mut lines = Lines::new(evidence::log(folder)?);
    for place in 0..size {
        let Line::Whole(line) = lines.read().map_err(|error| evidence::unreadable(folder, &error))? else {
            let why = format!("{size} lines were signed, there are {place}");
            return Err(Failure::new(Exit::DoesNotHold, "the log", why)
                .remedy("`gov verify` says what of the log holds"));
        };
        let leaf = merkle::leaf(line);
        see(place, line, leaf);
        prover.push(leaf);
    }
    prover.proof().ok_or_else(|| changed(size))
}

fn changed(size: u64) -> Failure {
    let why = format!("its first {size} lines are not those that were signed");
    Failure::new(Exit::DoesNotHold, "the log", why).remedy("`gov verify` says what of the log holds")
}

/// The failure of asking for a receipt that is not there.
pub(super) fn no_such(index: u64, size: u64) -> Failure {
    Failure::new(
        Exit::Usage,
        format!("receipt {index}"),
        format!("the log has {size} signed ones, counted from 0"),
    )
}
