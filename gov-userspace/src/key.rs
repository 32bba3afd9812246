//! Keys: Ed25519 secrets and public keys, in lowercase hexadecimal and as `did:key`.

use std::fmt;

use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use thiserror::Error;

/// Bytes of a secret and of a public key.
pub const KEY_LENGTH: usize = 32;
/// Bytes of a signature.
pub const SIGNATURE_LENGTH: usize = 64;
/// What stands before an Ed25519 key in a `did:key` (multicodec 0xed, as a varint).
const MULTICODEC: [u8; 2] = [0xed, 0x01];

/// Why a text or bytes are no key.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// Not 64 lowercase hexadecimal digits.
    #[error("key `{0}` is no Ed25519 key: expected 64 lowercase hexadecimal digits")]
    Hex(String),
    /// Not a `did:key` of an Ed25519 key.
    #[error("`{0}` is no did:key of an Ed25519 key: expected `did:key:z6Mk...`")]
    Did(String),
    /// No point of the curve, or one of the few weak ones that accept many signatures.
    #[error("key `{0}` is no usable Ed25519 key: it is no point of the curve or a weak one; make another")]
    Point(String),
    /// The secret's text is not what it should be; the text is not repeated.
    #[error(
        "the secret is not 64 lowercase hexadecimal digits: restore the key file or remove it to make a new one"
    )]
    Secret,
    /// The kernel gave no random bytes.
    #[error("no random bytes for a new key: {0}")]
    Random(String),
}

/// A secret key. Its memory is zeroed when it is dropped, and it is never printed.
pub struct Secret(SigningKey);

impl Secret {
    /// A new key from the kernel's generator.
    ///
    /// # Errors
    /// [`KeyError::Random`] if the kernel gives no random bytes.
    pub fn generate() -> Result<Self, KeyError> {
        let mut seed = [0; KEY_LENGTH];
        getrandom::fill(&mut seed).map_err(|error| KeyError::Random(error.to_string()))?;
        Ok(Self::from_seed(seed))
    }

    /// The key of this seed.
    pub fn from_seed(mut seed: [u8; KEY_LENGTH]) -> Self {
        let key = Self(SigningKey::from_bytes(&seed));
        zeroize::Zeroize::zeroize(&mut seed);
        key
    }

    /// The key whose seed is written so.
    ///
    /// # Errors
    /// [`KeyError::Secret`] unless it is 64 lowercase hexadecimal digits.
    pub fn from_hex(text: &str) -> Result<Self, KeyError> {
        lowercase_hex(text).map(Self::from_seed).ok_or(KeyError::Secret)
    }

    /// The seed, to be written to a key file and nowhere else.
    pub fn to_hex(&self) -> zeroize::Zeroizing<String> {
        zeroize::Zeroizing::new(hex::encode(self.0.as_bytes()))
    }

    /// The public half.
    pub fn public(&self) -> Public {
        Public(self.0.verifying_key().to_bytes())
    }

    /// The signature over `domain` followed by `message`. The domain says what kind of thing is signed and ends
    /// with a byte that no other domain has there, so that a signature of one kind is never one of another.
    pub fn sign(&self, domain: &[u8], message: &[u8]) -> [u8; SIGNATURE_LENGTH] {
        self.0.sign(&[domain, message].concat()).to_bytes()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Secret(of {})", self.public())
    }
}

/// A public key, known to be a point of the curve and no weak one; displayed as lowercase hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Public([u8; KEY_LENGTH]);

impl Public {
    /// The key with these bytes.
    ///
    /// # Errors
    /// [`KeyError::Point`] if they are no point of the curve, or a weak one.
    pub fn from_bytes(bytes: &[u8; KEY_LENGTH]) -> Result<Self, KeyError> {
        match VerifyingKey::from_bytes(bytes) {
            Ok(key) if !key.is_weak() => Ok(Self(*bytes)),
            _ => Err(KeyError::Point(hex::encode(bytes))),
        }
    }

    /// The key written so.
    ///
    /// # Errors
    /// [`KeyError::Hex`] unless it is 64 lowercase hexadecimal digits, [`KeyError::Point`] if they are no key.
    pub fn from_hex(text: &str) -> Result<Self, KeyError> {
        Self::from_bytes(&lowercase_hex(text).ok_or_else(|| KeyError::Hex(text.to_owned()))?)
    }

    /// The key of a `did:key`.
    ///
    /// # Errors
    /// [`KeyError::Did`] unless it is exactly what [`Public::did`] writes, [`KeyError::Point`] if it is no key.
    pub fn from_did(did: &str) -> Result<Self, KeyError> {
        let wrong = || KeyError::Did(did.to_owned());
        let encoded = did.strip_prefix("did:key:z").ok_or_else(wrong)?;
        let mut bytes = [0; MULTICODEC.len() + KEY_LENGTH];
        // Longer texts than an Ed25519 key's 47 letters overrun the array and are refused.
        if bs58::decode(encoded).onto(&mut bytes) != Ok(bytes.len()) {
            return Err(wrong());
        }
        let key = bytes.strip_prefix(&MULTICODEC).and_then(|key| key.try_into().ok()).ok_or_else(wrong)?;
        let public = Self::from_bytes(key)?;
        if public.did() == did { Ok(public) } else { Err(wrong()) }
    }

    /// The bytes.
    pub fn to_bytes(self) -> [u8; KEY_LENGTH] {
        self.0
    }

    /// The `did:key` of it: `did:key:z` and the base58btc of 0xed01 and the key.
    pub fn did(self) -> String {
        format!("did:key:{}", self.multibase())
    }

    /// The verification method that names this key in its own `did:key` document.
    pub fn verification_method(self) -> String {
        format!("did:key:{0}#{0}", self.multibase())
    }

    /// Whether `signature` is this key's over `domain` followed by `message`. Strict: no second form of a valid
    /// signature passes.
    pub fn verify(self, domain: &[u8], message: &[u8], signature: &[u8; SIGNATURE_LENGTH]) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(signature);
        let key = VerifyingKey::from_bytes(&self.0);
        key.is_ok_and(|key| key.verify_strict(&[domain, message].concat(), &signature).is_ok())
    }

    fn multibase(self) -> String {
        let mut bytes = MULTICODEC.to_vec();
        bytes.extend(self.0);
        format!("z{}", bs58::encode(bytes).into_string())
    }
}

impl fmt::Display for Public {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Public {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Public({self})")
    }
}

/// The bytes of lowercase hexadecimal digits, if there are exactly as many as `N` bytes take.
pub fn lowercase_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let lower = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (lower && hex::decode_to_slice(text, &mut bytes).is_ok()).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::{KeyError, Public, Secret};
    use sha2::{Digest, Sha256};

    const PRINCIPAL: &str = "bf3edcd78c1ae289bc3dbf1c39d1c1d0871c5692dfef7dd66d4ecfd2d48c3565";
    const PRINCIPAL_DID: &str = "did:key:z6MksKoWdz3Y9GCgJikkwc93iYh7DL9nqwExUnxtphHS47qe";

    #[test]
    fn a_key_is_the_same_in_hexadecimal_and_as_did() {
        let secret = Secret::from_seed(Sha256::digest("aps-interop-vectors-v1:principal").into());
        assert_eq!(secret.public().to_string(), PRINCIPAL);
        assert_eq!(secret.public().did(), PRINCIPAL_DID);
        assert_eq!(Public::from_did(PRINCIPAL_DID), Public::from_hex(PRINCIPAL));
        assert_eq!(secret.public().verification_method(), format!("{PRINCIPAL_DID}#{}", &PRINCIPAL_DID[8..]));
    }

    #[test]
    fn a_key_has_one_spelling() {
        for text in [&PRINCIPAL.to_uppercase(), &PRINCIPAL[2..], &format!("{PRINCIPAL}00"), "", "zz"] {
            assert_eq!(Public::from_hex(text), Err(KeyError::Hex(text.to_owned())));
        }
        for text in
            [PRINCIPAL, &PRINCIPAL_DID[..50], &format!("{PRINCIPAL_DID}1"), "did:key:z", "did:key:z0OIl"]
        {
            assert_eq!(Public::from_did(text), Err(KeyError::Did(text.to_owned())));
        }
        assert_eq!(
            Public::from_did(&PRINCIPAL_DID.replace(":z6", ":z16")),
            Err(KeyError::Did(PRINCIPAL_DID.replace(":z6", ":z16")))
        );
    }

    #[test]
    fn a_weak_key_is_no_key() {
        let identity = format!("01{}", "00".repeat(31));
        assert_eq!(Public::from_hex(&identity), Err(KeyError::Point(identity)));
    }

    #[test]
    fn a_signature_holds_for_its_domain_message_and_key_only() {
        let secret = Secret::generate().unwrap();
        let signature = secret.sign(b"domain\0", b"message");
        assert!(secret.public().verify(b"domain\0", b"message", &signature));
        assert!(!secret.public().verify(b"other\0", b"message", &signature));
        assert!(!secret.public().verify(b"domain\0", b"massage", &signature));
        assert!(!Secret::generate().unwrap().public().verify(b"domain\0", b"message", &signature));
    }

    #[test]
    fn a_secret_is_never_printed() {
        let secret = Secret::generate().unwrap();
        assert!(!format!("{secret:?}").contains(secret.to_hex().as_str()));
        assert_eq!(Secret::from_hex(&secret.to_hex()).unwrap().public(), secret.public());
    }
}
