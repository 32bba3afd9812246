//! The proof that a log only grew since an older checkpoint, as it is handed to a witness: it is checked without the log.
//!
//! Its form is the body of an `add-checkpoint` request of C2SP's `tlog-witness`, so that any such witness takes it:
//!
//! ```text
//! old 20852014
//! PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
//!
//! gov/build-7/s-4f1c9a2e
//! 20852163
//! CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
//!
//! — gov/build-7/s-4f1c9a2e Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
//! ```

use std::fmt;

use base64ct::{Base64, Encoding};

use super::{Item, Report, Signers, Summary};
use crate::key::Public;
use crate::merkle::{self, Hash};
use crate::note::{Checkpoint, MAX_NOTE, NoteError};

/// Most hashes of a proof; no tree of 2^63 leaves needs more.
const MAX_HASHES: usize = 63;

/// A proof of growth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrowthProof {
    /// Lines that the older checkpoint covers.
    pub old: u64,
    /// The proof of consistency of RFC 6962 from there to the checkpoint.
    pub proof: Vec<Hash>,
    /// The note of the later checkpoint.
    pub checkpoint: String,
}

impl GrowthProof {
    /// Reads one.
    ///
    /// # Errors
    /// [`NoteError::Form`] for what is not exactly of this form. The note is read when it is checked.
    pub fn parse(text: &[u8]) -> Result<Self, NoteError> {
        let (head, note) = text
            .windows(2)
            .position(|pair| pair == b"\n\n")
            .and_then(|end| text.split_at_checked(end.saturating_add(2)))
            .ok_or(NoteError::Form("no blank line before the checkpoint"))?;
        if note.len() > MAX_NOTE {
            return Err(NoteError::Form("longer than 16384 bytes"));
        }
        let not_text = |_error| NoteError::Form("not UTF-8");
        let checkpoint = std::str::from_utf8(note).map_err(not_text)?.to_owned();
        let mut lines = std::str::from_utf8(head).map_err(not_text)?.trim_end_matches('\n').split('\n');
        let wrong = NoteError::Form("the first line is not `old SIZE`");
        let size = lines.next().and_then(|line| line.strip_prefix("old ")).ok_or(wrong.clone())?;
        let old: u64 = size.parse().map_err(|_error| wrong.clone())?;
        if old.to_string() != size {
            return Err(wrong);
        }
        let mut proof = Vec::new();
        for line in lines {
            let hash: Option<Hash> = Base64::decode_vec(line).ok().and_then(|bytes| bytes.try_into().ok());
            let hash = hash.filter(|hash| Base64::encode_string(hash) == line);
            proof.push(hash.ok_or(NoteError::Form("a line of the proof is no hash in base64"))?);
            if proof.len() > MAX_HASHES {
                return Err(NoteError::Form("a proof of more than 63 hashes"));
            }
        }
        Ok(Self { old, proof, checkpoint })
    }
}

impl fmt::Display for GrowthProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old)?;
        for hash in &self.proof {
            writeln!(f, "{}", Base64::encode_string(hash))?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

/// Checks that a log only grew since the older checkpoint with this note, against the keys that are trusted to
/// sign logs.
pub fn growth(proof: &GrowthProof, since: Option<&[u8]>, trusted: impl Into<Signers>) -> Report {
    let signers = trusted.into();
    let trusted = signers.keys();
    let latest = Checkpoint::verify(proof.checkpoint.as_bytes(), trusted);
    let signature = match &latest {
        Ok((_, key)) => {
            Item::holds("signature", format!("the later checkpoint is signed by {}", signers.words(*key)))
        }
        Err(NoteError::Untrusted { .. }) if trusted.is_empty() => {
            Item::unknown("signature", "no key is given to check it with: give the host's key with --key")
        }
        Err(error) => Item::fails("signature", error.to_string()),
    };
    let signer = latest.as_ref().ok().map(|(_, key)| *key);
    let origin = latest.as_ref().ok().map(|(latest, _)| latest.origin.clone());
    let growth = match (latest, since) {
        (Err(_), _) => Item::unknown(NAME, "without a trusted checkpoint there is nothing that grew"),
        (Ok(_), None) => Item::unknown(NAME, "no older checkpoint to compare with: give it with --since"),
        (Ok((latest, _)), Some(since)) => grew(proof, &latest, Checkpoint::verify(since, trusted)),
    };
    let session = origin.and_then(|origin| origin.rsplit('/').next().map(str::to_owned));
    let items = [signature].into_iter().chain(signers.item(signer, None)).chain([growth]).collect();
    Report::new(items, Summary { session, ..Summary::default() })
}

/// The name of this claim, here and of a whole log.
pub(super) const NAME: &str = "growth";

fn grew(proof: &GrowthProof, latest: &Checkpoint, old: Result<(Checkpoint, Public), NoteError>) -> Item {
    let old = match old {
        Ok((old, _)) => old,
        Err(error) => return Item::fails(NAME, format!("the older checkpoint: {error}")),
    };
    if old.origin != latest.origin {
        let why = format!("the older checkpoint is of `{}`, the later of `{}`", old.origin, latest.origin);
        return Item::fails(NAME, why);
    }
    if old.size != proof.old {
        let why = format!("the older checkpoint is of {} lines, the proof from {} on", old.size, proof.old);
        return Item::fails(NAME, why);
    }
    if merkle::consistent((old.size, &old.root), (latest.size, &latest.root), &proof.proof) {
        let (old, new) = (old.size, latest.size);
        Item::holds(NAME, format!("the {new} lines begin with the {old} that were signed before"))
    } else {
        Item::fails(
            NAME,
            format!("the log does not begin with the {} lines that were signed before", old.size),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{GrowthProof, growth};
    use crate::key::Secret;
    use crate::merkle::{Prover, Tree, leaf};
    use crate::note::Checkpoint;
    use crate::verify::Verdict;

    const SIZES: (u64, u64) = (5, 13);

    fn checkpoint(size: u64, line: &str) -> Checkpoint {
        let mut tree = Tree::default();
        (0..size).for_each(|number| tree.push(leaf(format!("{line}{number}").as_bytes())));
        Checkpoint { origin: "gov/host/s-1".to_owned(), size, root: tree.root() }
    }

    fn made(key: &Secret) -> GrowthProof {
        let mut prover = Prover::consistency(SIZES.0, SIZES.1).unwrap();
        (0..SIZES.1).for_each(|number| prover.push(leaf(format!("a{number}").as_bytes())));
        let checkpoint = checkpoint(SIZES.1, "a").sign(key);
        GrowthProof { old: SIZES.0, proof: prover.proof().unwrap(), checkpoint }
    }

    #[test]
    fn a_proof_of_growth_holds_for_the_checkpoint_that_it_begins_with_and_for_no_other() {
        let (key, other) = (Secret::from_seed([1; 32]), Secret::from_seed([2; 32]));
        let made = made(&key);
        assert_eq!(GrowthProof::parse(made.to_string().as_bytes()).as_ref(), Ok(&made));
        let verdict = |proof: &GrowthProof, since: Option<&str>| {
            growth(proof, since.map(str::as_bytes), &[key.public()]).verdict
        };
        let old = checkpoint(SIZES.0, "a");
        assert_eq!(verdict(&made, Some(&old.sign(&key))), Verdict::Holds);
        assert_eq!(verdict(&made, None), Verdict::CannotBeKnown);
        assert_eq!(growth(&made, Some(old.sign(&key).as_bytes()), &[]).verdict, Verdict::CannotBeKnown);
        let elsewhere = Checkpoint { origin: "gov/host/s-2".to_owned(), ..old.clone() };
        let forked = checkpoint(SIZES.0, "b");
        for wrong in [
            old.sign(&other),
            elsewhere.sign(&key),
            forked.sign(&key),
            checkpoint(4, "a").sign(&key),
            checkpoint(6, "a").sign(&key),
            String::new(),
        ] {
            assert_eq!(verdict(&made, Some(&wrong)), Verdict::DoesNotHold, "{wrong}");
        }
        let shorter = GrowthProof { proof: made.proof[1..].to_vec(), ..made.clone() };
        let smaller = GrowthProof { old: 4, ..made.clone() };
        let forged = GrowthProof { checkpoint: checkpoint(SIZES.1, "a").sign(&other), ..made };
        for wrong in [shorter, smaller, forged] {
            assert_eq!(verdict(&wrong, Some(&old.sign(&key))), Verdict::DoesNotHold, "{wrong}");
        }
    }

    #[test]
    fn a_proof_has_one_spelling() {
        let text = made(&Secret::from_seed([1; 32])).to_string();
        let hash = text.lines().nth(1).unwrap();
        for wrong in [
            text.replacen("old 5", "old 05", 1),
            text.replacen("old 5", "old +5", 1),
            text.replacen("old 5", "old", 1),
            text.replacen("old 5", " old 5", 1),
            text.replacen("old 5", "old 18446744073709551616", 1),
            text.replacen(hash, &format!(" {hash}"), 1),
            text.replacen(hash, &hash.replace('=', ""), 1),
            text.replacen(hash, &hash[4..], 1),
            text.replacen(hash, &[hash; 64].join("\n"), 1),
            text.replacen('\n', "\r\n", 1),
            text.replacen("\n\n", "\n", 1),
            String::new(),
        ] {
            assert!(GrowthProof::parse(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
