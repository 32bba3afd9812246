//! Signed notes and checkpoints as C2SP specifies them: `signed-note` (Ed25519) and `tlog-checkpoint`.
//!
//! ```text
//! gov/build-7/s-4f1c9a2e
//! 1204
//! CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
//!
//! — gov/build-7/s-4f1c9a2e Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
//! ```
//!
//! The note's text needs no domain of its own before it: it begins with an origin and holds no NUL, which every
//! other domain that this project's keys sign for ends with.

use base64ct::{Base64, Encoding};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::key::{KeyError, Public, SIGNATURE_LENGTH, Secret};
use crate::merkle::Hash;

/// The longest note that is read, in bytes.
pub const MAX_NOTE: usize = 16 << 10;
/// The longest origin, in bytes.
pub const MAX_ORIGIN: usize = 255;
/// Most signatures that a note may carry.
const MAX_SIGNATURES: usize = 16;
/// The signature type of Ed25519 in a key id and a verifier key.
const ED25519: u8 = 1;

/// Why a text is no note, checkpoint, origin or verifier key, or why its signature does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NoteError {
    /// No origin that can also be a key's name.
    #[error("origin `{0}` is not usable: take 1 to 255 visible ASCII characters without `+`")]
    Origin(String),
    /// Not the form of a signed note.
    #[error("not a signed note: {0}")]
    Form(&'static str),
    /// Not the text of a checkpoint.
    #[error("not a checkpoint: {0}")]
    Checkpoint(&'static str),
    /// Not a verifier key.
    #[error("`{0}` is no verifier key: expected `NAME+HASH+BASE64`")]
    VerifierKey(String),
    /// A verifier key whose key is none.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Nobody who is trusted signed it.
    #[error("no trusted key signed it: it names key {found} of `{name}`")]
    Untrusted {
        /// The name on the first signature.
        name: String,
        /// Its key id.
        found: String,
    },
    /// A trusted key's signature is wrong.
    #[error("the signature of key {0} is wrong: the note was changed after it was signed")]
    Signature(String),
}

/// What a log's signed head says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log: the first line.
    pub origin: String,
    /// Lines in the log.
    pub size: u64,
    /// The Merkle tree's root over them.
    pub root: Hash,
}

impl Checkpoint {
    /// The signed note of this checkpoint, by a key whose name is the origin.
    pub fn sign(&self, key: &Secret) -> String {
        let text = format!("{}\n{}\n{}\n", self.origin, self.size, Base64::encode_string(&self.root));
        sign(&text, &self.origin, &[key])
    }

    /// What a note states, whoever signed it: for whoever makes a proof, never for whoever checks one.
    pub fn stated(note: &str) -> Option<Self> {
        Note::parse(note.as_bytes()).and_then(|note| parse_text(note.text)).ok()
    }

    /// The checkpoint of a note that one of `trusted` signed, and by which of them.
    ///
    /// # Errors
    /// [`NoteError`] if it is not exactly a note with a checkpoint, if no trusted key signed it, or if a trusted
    /// key's signature does not hold.
    pub fn verify(note: &[u8], trusted: &[Public]) -> Result<(Self, Public), NoteError> {
        let note = Note::parse(note)?;
        let checkpoint = parse_text(note.text)?;
        let mut signer = None;
        for key in trusted {
            if note.is_signed_by(&checkpoint.origin, *key)? {
                signer = signer.or(Some(*key));
            }
        }
        match (signer, note.signatures.first()) {
            (Some(key), _) => Ok((checkpoint, key)),
            (None, Some(first)) => {
                Err(NoteError::Untrusted { name: first.name.to_owned(), found: hex::encode(first.key_id) })
            }
            (None, None) => Err(NoteError::Form("no signature")),
        }
    }
}

/// The note of a text whose last line ends, signed by each of the keys under the same name.
pub(crate) fn sign(text: &str, name: &str, keys: &[&Secret]) -> String {
    let lines = keys.iter().map(|key| {
        let signed = [&key_id(name, key.public())[..], &key.sign(b"", text.as_bytes())].concat();
        format!("\u{2014} {name} {}\n", Base64::encode_string(&signed))
    });
    format!("{text}\n{}", lines.collect::<String>())
}

/// A signed note, as far as its form goes.
pub(crate) struct Note<'a> {
    /// What is signed, its last newline included.
    pub(crate) text: &'a str,
    signatures: Vec<Signature<'a>>,
}

struct Signature<'a> {
    name: &'a str,
    key_id: [u8; 4],
    bytes: Vec<u8>,
}

impl<'a> Note<'a> {
    pub(crate) fn parse(note: &'a [u8]) -> Result<Self, NoteError> {
        if note.len() > MAX_NOTE {
            return Err(NoteError::Form("longer than 16384 bytes"));
        }
        let note = std::str::from_utf8(note).map_err(|_error| NoteError::Form("not UTF-8"))?;
        if note.bytes().any(|byte| byte < 0x20 && byte != b'\n') {
            return Err(NoteError::Form("a control character"));
        }
        let blank = note.rfind("\n\n").ok_or(NoteError::Form("no blank line before the signatures"))?;
        let (text, lines) = note.split_at(blank.saturating_add(1));
        let lines = lines.strip_prefix('\n').and_then(|lines| lines.strip_suffix('\n'));
        let lines = lines.ok_or(NoteError::Form("no newline at the end"))?;
        let signatures: Vec<_> = lines.split('\n').map(Signature::parse).collect::<Result<_, _>>()?;
        if signatures.len() > MAX_SIGNATURES {
            return Err(NoteError::Form("more than 16 signatures"));
        }
        Ok(Self { text, signatures })
    }

    /// Whether a key signed it under this name. Another name makes another key of it.
    ///
    /// # Errors
    /// [`NoteError::Signature`] if a signature that names the key is wrong.
    pub(crate) fn is_signed_by(&self, name: &str, key: Public) -> Result<bool, NoteError> {
        let id = key_id(name, key);
        let mut signed = false;
        for signature in self.signatures.iter().filter(|it| it.name == name && it.key_id == id) {
            // What is no signature of Ed25519 is of a kind that is not known here, and ignored.
            let Ok(bytes) = <&[u8; SIGNATURE_LENGTH]>::try_from(&signature.bytes[..]) else { continue };
            if !key.verify(b"", self.text.as_bytes(), bytes) {
                return Err(NoteError::Signature(hex::encode(id)));
            }
            signed = true;
        }
        Ok(signed)
    }

    /// How many signatures it carries.
    pub(crate) fn signatures(&self) -> usize {
        self.signatures.len()
    }
}

impl<'a> Signature<'a> {
    fn parse(line: &'a str) -> Result<Self, NoteError> {
        let wrong = NoteError::Form("a signature line is not `— NAME BASE64`");
        let (name, encoded) =
            line.strip_prefix("\u{2014} ").and_then(|rest| rest.split_once(' ')).ok_or(wrong.clone())?;
        let decoded = Base64::decode_vec(encoded).map_err(|_error| wrong.clone())?;
        let (key_id, bytes) = decoded.split_first_chunk().ok_or(wrong.clone())?;
        if name.is_empty() || name.contains(char::is_whitespace) || name.contains('+') || bytes.is_empty() {
            return Err(wrong);
        }
        Ok(Self { name, key_id: *key_id, bytes: bytes.to_vec() })
    }
}

fn parse_text(text: &str) -> Result<Checkpoint, NoteError> {
    let lines: Vec<&str> = text.strip_suffix('\n').unwrap_or(text).split('\n').collect();
    let [origin, size, root] = lines[..] else {
        return Err(NoteError::Checkpoint("expected three lines: origin, size, root"));
    };
    let number: u64 = size.parse().map_err(|_error| NoteError::Checkpoint("the size is no number"))?;
    if number.to_string() != size {
        return Err(NoteError::Checkpoint("the size is not written plainly"));
    }
    let mut bytes = [0; 32];
    match Base64::decode(root, &mut bytes) {
        Ok(decoded) if decoded.len() == 32 => {}
        _ => return Err(NoteError::Checkpoint("the root is not the base64 of 32 bytes")),
    }
    Ok(Checkpoint { origin: parse_origin(origin)?.to_owned(), size: number, root: bytes })
}

/// An origin that can also be a key's name in a note.
///
/// # Errors
/// [`NoteError::Origin`] unless it is 1 to 255 visible ASCII characters without `+`.
pub fn parse_origin(origin: &str) -> Result<&str, NoteError> {
    let plain = origin.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'+');
    if plain && !origin.is_empty() && origin.len() <= MAX_ORIGIN {
        Ok(origin)
    } else {
        Err(NoteError::Origin(origin.to_owned()))
    }
}

/// The first four bytes of SHA-256 over name, newline, signature type and key.
pub fn key_id(name: &str, key: Public) -> [u8; 4] {
    let hash: Hash = Sha256::new()
        .chain_update(name)
        .chain_update([b'\n', ED25519])
        .chain_update(key.to_bytes())
        .finalize()
        .into();
    let [a, b, c, d, ..] = hash;
    [a, b, c, d]
}

/// The verifier key that tools for signed notes take: `NAME+HASH+BASE64`.
pub fn verifier_key(name: &str, key: Public) -> String {
    let encoded = [&[ED25519][..], &key.to_bytes()].concat();
    format!("{name}+{}+{}", hex::encode(key_id(name, key)), Base64::encode_string(&encoded))
}

/// The key of a verifier key, whatever its name.
///
/// # Errors
/// [`NoteError::VerifierKey`] if it is none of Ed25519 or its hash is not that of name and key,
/// [`NoteError::Key`] if its key is unusable.
pub fn parse_verifier_key(text: &str) -> Result<Public, NoteError> {
    let wrong = || NoteError::VerifierKey(text.to_owned());
    let (name, rest) = text.split_once('+').ok_or_else(wrong)?;
    let (_hash, encoded) = rest.split_once('+').ok_or_else(wrong)?;
    let decoded = Base64::decode_vec(encoded).map_err(|_error| wrong())?;
    let bytes = decoded.strip_prefix(&[ED25519]).and_then(|key| key.try_into().ok()).ok_or_else(wrong)?;
    let key = Public::from_bytes(bytes)?;
    if verifier_key(name, key) == text { Ok(key) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::{Checkpoint, NoteError, parse_verifier_key, verifier_key};
    use crate::key::{Public, Secret};

    fn checkpoint() -> Checkpoint {
        Checkpoint { origin: "gov/host/s-1".to_owned(), size: 1204, root: [7; 32] }
    }

    #[test]
    fn the_verifier_key_of_the_go_sum_database_is_read_and_written() {
        let text = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
        let key = parse_verifier_key(text).unwrap();
        assert_eq!(verifier_key("sum.golang.org", key), text);
    }

    #[test]
    fn the_key_id_is_that_of_the_specification() {
        let key =
            parse_verifier_key("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW").unwrap();
        let note = "If you think cryptography is the answer to your problem,\n\
                    then you don't know what your problem is.\n\n\
                    \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
        // The published example of signed notes: its signature holds, and as a checkpoint it is refused.
        let parsed = super::Note::parse(note.as_bytes()).unwrap();
        let signature = parsed.signatures.first().unwrap();
        assert_eq!(signature.key_id, super::key_id("PeterNeumann", key));
        assert!(key.verify(b"", parsed.text.as_bytes(), signature.bytes[..].try_into().unwrap()));
        assert!(matches!(Checkpoint::verify(note.as_bytes(), &[key]), Err(NoteError::Checkpoint(_))));
    }

    #[test]
    fn a_signed_checkpoint_verifies_with_its_key_only() {
        let (key, other) = (Secret::generate().unwrap(), Secret::generate().unwrap().public());
        let note = checkpoint().sign(&key);
        let trusted = [other, key.public()];
        assert_eq!(Checkpoint::verify(note.as_bytes(), &trusted), Ok((checkpoint(), key.public())));
        assert!(matches!(Checkpoint::verify(note.as_bytes(), &[other]), Err(NoteError::Untrusted { .. })));
        assert!(matches!(Checkpoint::verify(note.as_bytes(), &[]), Err(NoteError::Untrusted { .. })));
    }

    #[test]
    fn no_changed_byte_of_a_note_goes_unnoticed() {
        let key = Secret::generate().unwrap();
        let note = checkpoint().sign(&key).into_bytes();
        for place in 0..note.len() {
            for bit in [0, 5] {
                let mut changed = note.clone();
                changed[place] ^= 1 << bit;
                assert!(Checkpoint::verify(&changed, &[key.public()]).is_err(), "bit {bit} of byte {place}");
            }
            assert!(Checkpoint::verify(&note[..place], &[key.public()]).is_err(), "the first {place} bytes");
        }
    }

    #[test]
    fn signatures_of_strangers_are_ignored_and_wrong_ones_of_friends_are_not() {
        let (key, stranger) = (Secret::generate().unwrap(), Secret::generate().unwrap());
        let note = checkpoint().sign(&key);
        let line = |text: &str| text.split_once("\n\n").unwrap().1.to_owned();
        let both = format!("{note}{}", line(&checkpoint().sign(&stranger)));
        assert_eq!(Checkpoint::verify(both.as_bytes(), &[key.public()]), Ok((checkpoint(), key.public())));
        let other = Checkpoint { size: 1205, ..checkpoint() }.sign(&key);
        let wrong = format!("{note}{}", line(&other));
        assert!(matches!(
            Checkpoint::verify(wrong.as_bytes(), &[key.public()]),
            Err(NoteError::Signature(_))
        ));
    }

    #[test]
    fn a_verifier_key_has_one_spelling() {
        let key: Public = Secret::generate().unwrap().public();
        let text = verifier_key("gov/host/s-1", key);
        assert_eq!(parse_verifier_key(&text), Ok(key));
        for wrong in [&text[1..], &text[..text.len() - 1], "", "a+b", "a+b+c"] {
            assert!(matches!(parse_verifier_key(wrong), Err(NoteError::VerifierKey(_))), "`{wrong}`");
        }
    }
}
