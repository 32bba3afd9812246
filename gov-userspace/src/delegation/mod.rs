//! Delegations: signed authority, in the form `aps:authority-delegation:v1`.
//!
//! The bytes that came are parsed once, strictly ([`Unverified`]); only what verifies becomes [`Verified`]. In a
//! grant, a path means the file or the whole subtree there, also without `:*` at its end; that is wider than the
//! format's own rule, by which such a grant means itself alone.

mod build;
mod record;
mod verify;

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;
use thiserror::Error;

use crate::json::JsonError;
use crate::key::{KeyError, Public, SIGNATURE_LENGTH};
use crate::money::{Money, MoneyError};
use crate::scope::grant::GrantError;
use crate::scope::{Scope, with_inherited};

pub use build::{Request, body, child, lifetime, request, sign};
pub use record::{instant, written};
pub use verify::verify_chain;

/// Links that a chain may have.
pub const MAX_CHAIN: usize = 16;

/// What a delegation says, whether it is true or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delegation {
    /// `sha256:` and 64 digits: the digest of all that is said.
    pub id: String,
    /// The id of the delegation that this one narrows; none for a root.
    pub parent: Option<String>,
    /// Who gives the authority, and signs.
    pub issuer: Public,
    /// Who receives it.
    pub subject: Public,
    /// When it was signed.
    pub issued_at: Timestamp,
    /// What is granted.
    pub scopes: Vec<Scope>,
    /// What may be spent.
    pub spend: Spend,
    /// How many more times it may be delegated on.
    pub depth: u8,
    /// From when on it is valid.
    pub not_before: Timestamp,
    /// From when on it is valid no more.
    pub not_after: Timestamp,
    /// The best reputation that it lets its subject act under, 0 to 100.
    pub reputation: u8,
    /// Identifiers of values that its subject must hold.
    pub values: BTreeSet<String>,
    /// The gravest kind of act that it allows.
    pub reversibility: Reversibility,
}

/// What may be spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spend {
    /// As much as there is.
    Unbounded,
    /// At most this much.
    Bounded {
        /// In one call.
        per_action: Money,
        /// In all.
        cumulative: Money,
    },
}

/// How far acts must be able to be taken back; ordered from the least grave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reversibility {
    /// Only what can be undone.
    Tentative,
    /// What can be made good.
    Compensable,
    /// Anything.
    Irreversible,
}

impl Reversibility {
    /// The name in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tentative => "tentative",
            Self::Compensable => "compensable",
            Self::Irreversible => "irreversible",
        }
    }
}

/// A delegation that was read and of which nothing is known to be true.
#[derive(Clone, Debug)]
pub struct Unverified {
    claims: Delegation,
    signature: [u8; SIGNATURE_LENGTH],
    value: Value,
    bytes: Vec<u8>,
}

/// A delegation whose signature, id, time and ancestors hold. Whether its root may be trusted is another question.
#[derive(Clone, Debug)]
pub struct Verified {
    leaf: Delegation,
    /// From the root on; empty if the leaf is a root.
    ancestors: Vec<Delegation>,
    bytes: Vec<u8>,
}

impl Unverified {
    /// Reads one delegation.
    ///
    /// # Errors
    /// [`DelegationError`] for whatever is not exactly the form.
    pub fn parse(bytes: &[u8]) -> Result<Self, DelegationError> {
        let value = crate::json::parse(bytes)?;
        let (claims, signature) = record::read(&value)?;
        Ok(Self { claims, signature, value, bytes: bytes.to_vec() })
    }

    /// What it says, which may be untrue.
    pub fn claims(&self) -> &Delegation {
        &self.claims
    }
}

impl Verified {
    /// What is delegated. Every facet lies within those of all ancestors.
    pub fn delegation(&self) -> &Delegation {
        &self.leaf
    }

    /// What is granted, and the limits of the ancestors of each kind that the delegation itself does not name.
    pub fn scopes(&self) -> Vec<Scope> {
        let above = self.ancestors.iter().rev().map(|link| link.scopes.as_slice());
        with_inherited(&self.leaf.scopes, above)
    }

    /// The delegation at the start of the chain, whose issuer must be trusted; itself if it is a root.
    pub fn root(&self) -> &Delegation {
        self.ancestors.first().unwrap_or(&self.leaf)
    }

    /// Every delegation of the chain, from the root on.
    pub fn chain(&self) -> impl Iterator<Item = &Delegation> {
        self.ancestors.iter().chain([&self.leaf])
    }

    /// The delegation's bytes, as they came.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Why a delegation is refused, with what to do.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum DelegationError {
    /// The text.
    #[error("the delegation is {0}")]
    Json(#[from] JsonError),
    /// A member that is missing, unknown or of the wrong form.
    #[error("the delegation's `{member}` {fault}: have it written again by its issuer")]
    Schema {
        /// Where, from the top, with points.
        member: String,
        /// What is wrong.
        fault: &'static str,
    },
    /// Another kind of record.
    #[error(
        "the record is `{0}`, not an `aps:authority-delegation:v1` of version `1.0`: have it delegated in that form"
    )]
    Kind(String),
    /// A grant.
    #[error(transparent)]
    Grant(#[from] GrantError),
    /// A key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// An amount.
    #[error(transparent)]
    Money(#[from] MoneyError),
    /// A unit that cannot be metered.
    #[error(
        "the delegation's spend is in `{0}`, which cannot be metered: have it delegated in `iso4217:USD:minor`"
    )]
    Unit(String),
    /// The id is not the digest of the rest.
    #[error("the delegation was changed after it was made: its id should be `{0}`; take the original")]
    Id(String),
    /// The signature does not hold.
    #[error(
        "the delegation's signature is not its issuer's ({0}): take the original, or have the issuer sign it"
    )]
    Signature(Public),
    /// Too early.
    #[error("the delegation is not valid before {0}: wait, or check this machine's clock")]
    NotYetValid(Timestamp),
    /// Too late.
    #[error("the delegation expired at {0}: have a new one signed")]
    Expired(Timestamp),
    /// A child on its own.
    #[error("the delegation narrows `{0}`, which was not given: give the whole chain, from the root on")]
    ParentMissing(String),
    /// No or too many links.
    #[error("a chain has 1 to {MAX_CHAIN} delegations, and this one has {0}: delegate with fewer steps")]
    ChainLength(usize),
    /// A link that does not follow from the one before.
    #[error("the delegation `{id}` {fault}: have it issued again within its parent")]
    Chain {
        /// The child's id.
        id: String,
        /// What does not follow.
        fault: ChainFault,
    },
    /// A lifetime that cannot be read.
    #[error("`{0}` is no lifetime: write a number and its unit, as in `90s`, `30m`, `2h` or `7d`")]
    Lifetime(String),
}

/// What a child does that its parent does not let it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ChainFault {
    /// It is its own ancestor.
    #[error("stands in its chain twice")]
    Repeated,
    /// It names another parent, or none.
    #[error("does not name the one before it as its parent")]
    Parent,
    /// Somebody else issued it.
    #[error("was not issued by its parent's subject")]
    Issuer,
    /// It was signed when the parent was not valid.
    #[error("was issued outside its parent's time")]
    IssuedAt,
    /// A scope.
    #[error("grants `{0}`, which its parent does not")]
    Scope(Scope),
    /// A limit.
    #[error("has `{0}`, which is not as strict as the limit above it")]
    Limit(Scope),
    /// Money.
    #[error("may spend more than its parent")]
    Spend,
    /// Steps.
    #[error("may be delegated on as often as its parent, or its parent may not be at all")]
    Depth,
    /// Time.
    #[error("is valid at times when its parent is not")]
    Time,
    /// Reputation.
    #[error("has a higher reputation ceiling than its parent")]
    Reputation,
    /// Values.
    #[error("leaves out a value that its parent requires")]
    Values,
    /// Reversibility.
    #[error("allows graver acts than its parent")]
    Reversibility,
}

#[cfg(test)]
mod chain_tests;
#[cfg(test)]
mod tests;
