//! One receipt as it is handed to someone: the line, the proof that it is in the log, and the log's signed head.

use serde::{Deserialize, Serialize};

use super::{Item, Report, Signers, Summary};
use crate::canonical::{self, Value};
use crate::key::lowercase_hex;
use crate::merkle::{self, Hash};
use crate::note::{Checkpoint, NoteError};

/// The version of this form.
const VERSION: u32 = 1;

/// A receipt that verifies alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptProof {
    /// The version of this form.
    pub gov_receipt_proof: u32,
    /// The signed head of the log.
    pub checkpoint: String,
    /// Which line it is, from 0.
    pub index: u64,
    /// The line, byte for byte.
    pub line: String,
    /// The hashes beside its way to the root, from the leaf upwards, in hexadecimal.
    pub proof: Vec<String>,
}

impl ReceiptProof {
    /// From its parts.
    pub fn new(line: String, index: u64, proof: &[Hash], checkpoint: String) -> Self {
        let proof = proof.iter().map(hex::encode).collect();
        Self { gov_receipt_proof: VERSION, checkpoint, index, line, proof }
    }
}

/// Checks one receipt against the keys that are trusted to sign logs.
pub fn receipt(receipt: &ReceiptProof, trusted: impl Into<Signers>) -> Report {
    let signers = trusted.into();
    let trusted = signers.keys();
    let line = canonical::parse(receipt.line.as_bytes());
    let mut items = vec![form(receipt, line.as_ref().ok())];
    let session = line.ok().and_then(|line| line.field("session")?.text().map(str::to_owned));
    let note = Checkpoint::verify(receipt.checkpoint.as_bytes(), trusted);
    items.extend(signers.item(note.as_ref().ok().map(|(_, key)| *key), None));
    items.extend(match note {
        Ok((checkpoint, key)) => [
            Item::holds("signature", format!("the log's head is signed by {}", signers.words(key))),
            inclusion(receipt, &checkpoint, session.as_deref()),
        ],
        Err(error) => {
            let why = Item::unknown("tree", "without a trusted head there is nothing to be included in");
            match error {
                NoteError::Untrusted { .. } if trusted.is_empty() => [
                    Item::unknown(
                        "signature",
                        "no key is given to check it with: give the host's key with --key",
                    ),
                    why,
                ],
                wrong => [Item::fails("signature", wrong.to_string()), why],
            }
        }
    });
    let summary = Summary { session, receipts: 1, ..Summary::default() };
    Report::new(items, summary)
}

fn form(receipt: &ReceiptProof, line: Option<&Value<'_>>) -> Item {
    const NAME: &str = "form";
    let index = line.and_then(|line| line.field("index")?.number());
    if receipt.gov_receipt_proof != VERSION {
        return Item::fails(
            NAME,
            format!("its form is not version {VERSION}: verify it with the gov that wrote it"),
        );
    }
    match index {
        Some(index) if index == receipt.index => {
            Item::holds(NAME, format!("a canonical receipt, number {index}"))
        }
        Some(index) => Item::fails(NAME, format!("the receipt is number {index}, not {}", receipt.index)),
        None => Item::fails(NAME, "the line is no canonical receipt"),
    }
}

fn inclusion(receipt: &ReceiptProof, checkpoint: &Checkpoint, session: Option<&str>) -> Item {
    const NAME: &str = "tree";
    if checkpoint.origin.rsplit('/').next() != session {
        return Item::fails(NAME, format!("the head is of `{}`, the receipt is not", checkpoint.origin));
    }
    let proof: Option<Vec<Hash>> = receipt.proof.iter().map(|hash| lowercase_hex(hash)).collect();
    let leaf = merkle::leaf(receipt.line.as_bytes());
    let holds = proof.is_some_and(|proof| {
        merkle::included(leaf, receipt.index, checkpoint.size, &proof, &checkpoint.root)
    });
    if holds {
        Item::holds(NAME, format!("it is line {} of the {} that were signed", receipt.index, checkpoint.size))
    } else {
        Item::fails(NAME, "it is not in the log that was signed")
    }
}
