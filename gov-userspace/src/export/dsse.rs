//! Signed envelopes as DSSE 1.0 specifies them (`DSSEv1`), with one Ed25519 signature.
//!
//! What is signed begins with `DSSEv1 `, which neither a checkpoint's origin nor any other domain of this project's
//! keys does.

use base64ct::{Base64, Encoding};
use serde::Serialize;

use crate::key::Secret;

/// A signed payload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope {
    payload: String,
    payload_type: String,
    signatures: [Signature; 1],
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Signature {
    keyid: String,
    sig: String,
}

impl Envelope {
    /// The payload, signed by a key that goes by the public half's hexadecimal digits.
    pub fn sign(payload_type: &str, payload: &[u8], key: &Secret) -> Self {
        let domain = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
        let sig = key.sign(domain.as_bytes(), payload);
        Self {
            payload: Base64::encode_string(payload),
            payload_type: payload_type.to_owned(),
            signatures: [Signature { keyid: key.public().to_string(), sig: Base64::encode_string(&sig) }],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Envelope;
    use crate::key::Secret;
    use base64ct::{Base64, Encoding};

    #[test]
    fn what_is_signed_is_the_pre_authentication_encoding_of_the_specification() {
        let key = Secret::from_seed([1; 32]);
        let envelope = Envelope::sign("http://example.com/HelloWorld", b"hello world", &key);
        let signature = Base64::decode_vec(&envelope.signatures[0].sig).unwrap();
        let encoded = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world";
        assert!(key.public().verify(b"", encoded, signature.as_slice().try_into().unwrap()));
    }
}
