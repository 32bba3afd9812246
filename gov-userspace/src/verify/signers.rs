//! The keys that are trusted to sign logs: those that somebody named, and those that rotations lead to from there.

use super::Item;
use crate::key::Public;
use crate::rotation::{Chain, ChainError, Rotation};

/// The name of the claim that a rotation bears out.
const NAME: &str = "continuity";

/// Keys that may sign logs.
#[derive(Clone, Debug, Default)]
pub struct Signers {
    /// Those that were named, then those that follow them.
    keys: Vec<Public>,
    named: usize,
    chain: Chain,
    fault: Option<ChainError>,
}

impl Signers {
    /// The keys that were named, and a chain if there is one. One with a fault leads nowhere.
    pub fn new(mut keys: Vec<Public>, chain: Option<Result<Chain, ChainError>>) -> Self {
        let (chain, fault) = match chain {
            Some(Ok(chain)) => (chain, None),
            Some(Err(fault)) => (Chain::default(), Some(fault)),
            None => (Chain::default(), None),
        };
        let named = keys.len();
        let next: Vec<Public> = keys.iter().flat_map(|key| chain.after(*key)).map(|link| link.new).collect();
        for key in next {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        Self { keys, named, chain, fault }
    }

    /// The same, but what is said of when a key gave way is this chain's: the host's own, which knows of later rotations
    /// than a log that is older.
    #[must_use]
    pub fn told_by(mut self, chain: Chain) -> Self {
        if self.fault.is_none() {
            self.chain = chain;
        }
        self
    }

    /// All of them.
    pub(super) fn keys(&self) -> &[Public] {
        &self.keys
    }

    /// What one of them is, in words.
    pub(super) fn words(&self, signer: Public) -> String {
        match self.way(signer) {
            Some((named, _way)) => format!("key {signer}, which follows the trusted key {named}"),
            None => format!("the trusted key {signer}"),
        }
    }

    /// What is known of the rotations, if there is anything to say of them: the log's signer, if a trusted key signed,
    /// and when the log says that it began.
    pub(super) fn item(&self, signer: Option<Public>, began: Option<&str>) -> Option<Item> {
        if let Some(fault) = &self.fault {
            return Some(Item::fails(NAME, fault.to_string()));
        }
        let signer = signer?;
        // Only whoever has it can say when it was used; what its own log says is the least that must fit.
        let gave_way = self.chain.after(signer).first();
        let late = gave_way
            .zip(began)
            .filter(|(link, began)| began.parse::<jiff::Timestamp>().is_ok_and(|began| began > link.at));
        if let Some((link, began)) = late {
            let why = format!(
                "key {signer} gave way at {}, and the log says that it began at {began}: a clock was set back, or somebody else has the key",
                link.when()
            );
            return Some(Item::unknown(NAME, why));
        }
        let (named, way) = self.way(signer)?;
        let last = way.last()?.when();
        let what = match way.len() {
            1 => format!("key {named} named {signer} its successor at {last}"),
            more => format!("{more} rotations, the last at {last}, lead from key {named} to {signer}"),
        };
        Some(Item::holds(NAME, what))
    }

    /// The rotations that lead to a key that nobody named, and the named key from which.
    fn way(&self, signer: Public) -> Option<(Public, &[Rotation])> {
        let named = self.keys.get(..self.named).unwrap_or_default();
        if named.contains(&signer) {
            return None;
        }
        named.iter().find_map(|key| {
            let after = self.chain.after(*key);
            let end = after.iter().position(|link| link.new == signer)?;
            Some((*key, after.get(..=end)?))
        })
    }
}

impl From<Vec<Public>> for Signers {
    fn from(keys: Vec<Public>) -> Self {
        Self::new(keys, None)
    }
}

impl From<&[Public]> for Signers {
    fn from(keys: &[Public]) -> Self {
        keys.to_vec().into()
    }
}

impl From<&Vec<Public>> for Signers {
    fn from(keys: &Vec<Public>) -> Self {
        keys.clone().into()
    }
}

impl<const N: usize> From<&[Public; N]> for Signers {
    fn from(keys: &[Public; N]) -> Self {
        keys.to_vec().into()
    }
}
