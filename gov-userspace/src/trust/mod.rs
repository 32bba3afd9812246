//! Trust: which keys may start delegations on this host, for whom, and how far.
//!
//! Each root key is pinned by a file of its own in /etc/gov/trust.d. A delegation counts here only if the key at
//! the start of its chain is pinned, for the user who uses it, and everything that it grants lies within what the
//! file lets that key grant. A file that is not to be believed pins nothing.

mod file;
mod succession;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use thiserror::Error;

use crate::accounts::{Accounts, AccountsError};
use crate::delegation::{Reversibility, Spend, Verified, written};
use crate::guarded::{self, GuardError};
use crate::key::Public;
use crate::money::Money;
use crate::scope::{Scope, permits};

pub use file::{Enrolment, FileFault};
pub use succession::succeed;

/// Where trust files are.
pub const FOLDER: &str = "/etc/gov/trust.d";

/// A pinned key, and how far it is trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustRoot {
    /// The file's name without `.toml`.
    pub name: String,
    /// The key.
    pub key: Public,
    /// Who may use its delegations.
    pub users: Users,
    /// What it may grant.
    pub scopes: Scopes,
    /// What its delegations may spend each; none means any amount.
    pub max_spend: Option<Money>,
    /// Ids of delegations that count no more, nor do those that narrow them.
    pub revoked: BTreeSet<String>,
    /// The key that follows it, if one does.
    pub rotated: Option<Rotated>,
}

/// What follows a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// The key that stands in its place.
    pub to: Public,
    /// From when on its own delegations count no more.
    pub at: Timestamp,
}

/// Who may use a key's delegations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Users {
    /// Every local user.
    Everyone,
    /// These user ids.
    These(BTreeSet<u32>),
}

/// What a key may grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scopes {
    /// Anything.
    Everything,
    /// What these scopes cover.
    Within(Vec<Scope>),
}

/// Every pinned key of the host.
#[derive(Debug, Default)]
pub struct TrustRoots {
    /// The keys, by their files' names.
    pub roots: Vec<TrustRoot>,
    /// Files that pin nothing, and why.
    pub refused: Vec<TrustError>,
}

/// A delegation that may be used, by the user whom it was authorized for.
#[derive(Clone, Debug)]
pub struct Authorized {
    verified: Verified,
    /// The name of the trust file that it rests on.
    pub root: String,
    /// Who may use it.
    pub uid: u32,
}

impl Authorized {
    /// The delegation.
    pub fn verified(&self) -> &Verified {
        &self.verified
    }
}

/// Why a trust file is refused, or a delegation does not count here; with what to do.
#[derive(Debug, Error)]
pub enum TrustError {
    /// Its place, owner or mode.
    #[error(transparent)]
    Guard(#[from] GuardError),
    /// The accounts.
    #[error(transparent)]
    Accounts(#[from] AccountsError),
    /// Its form.
    #[error("trust file `{path}`: {why}", path = .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: FileFault,
    },
    /// No file pins the key.
    #[error(
        "the delegation's root key {key} is not trusted on this host: `sudo gov keys trust {key} --user {user}`{refused}"
    )]
    Untrusted {
        /// The key.
        key: Public,
        /// The user, by name if it has one.
        user: String,
        /// The files that were refused, if any.
        refused: String,
    },
    /// The key is pinned for others.
    #[error("key `{root}` is not trusted for user {user}: add the user to `users` in its file in {FOLDER}")]
    User {
        /// The name of the file.
        root: String,
        /// The user, by name if it has one.
        user: String,
    },
    /// It grants what the key may not.
    #[error(
        "key `{root}` may not grant `{scope}`: leave it out, or add it to `scopes` in the key's file in {FOLDER}"
    )]
    Scope {
        /// The name of the file.
        root: String,
        /// The scope.
        scope: Scope,
    },
    /// It spends more than the key may grant.
    #[error(
        "key `{root}` may grant a spend of at most {limit}: delegate less, or raise `max_spend` in the key's file in {FOLDER}"
    )]
    Spend {
        /// The name of the file.
        root: String,
        /// The most that it may grant.
        limit: Money,
    },
    /// It was revoked.
    #[error("the delegation `{0}` was revoked: have a new one signed")]
    Revoked(String),
    /// The key gave way to another before it was issued.
    #[error(
        "key `{root}` was rotated at {at}, and the delegation was issued later: have it signed by key {to}"
    )]
    Rotated {
        /// The name of the file.
        root: String,
        /// From when on the key counts no more.
        at: String,
        /// The key that follows.
        to: Public,
    },
    /// Rotations that put no key in another's place.
    #[error("the chain of keys puts no key in the place of one that is trusted here: {0}")]
    Succession(succession::Fault),
    /// A facet that cannot be held to.
    #[error("the delegation's {0} is not enforceable yet by this version: have it delegated without")]
    Facet(&'static str),
}

impl TrustRoots {
    /// Reads the trust files in a folder, which must belong to `owner`, as must each file. A file that is refused
    /// is listed and pins nothing.
    ///
    /// # Errors
    /// [`TrustError`] if the folder itself is not to be believed, or the accounts cannot be read.
    pub fn load(folder: &Path, owner: u32) -> Result<Self, TrustError> {
        let accounts = Accounts::read()?;
        let mut found = Self::default();
        for (name, path) in guarded::toml_files(folder, owner)? {
            match file::read(&name, &path, owner, &accounts) {
                Ok(root) => found.roots.push(root),
                Err(error) => found.refused.push(error),
            }
        }
        found.refuse_doubles(folder);
        Ok(found)
    }

    /// Two files for one key say two things of it, so neither counts.
    fn refuse_doubles(&mut self, folder: &Path) {
        let all = self.roots.clone();
        self.roots.retain(|root| {
            let twin = all.iter().find(|other| other.key == root.key && other.name != root.name);
            if let Some(twin) = twin {
                let path = folder.join(format!("{}.toml", root.name));
                self.refused.push(TrustError::File { path, why: FileFault::Twice(twin.name.clone()) });
            }
            twin.is_none()
        });
    }
}

/// Whether a delegation counts on this host when a user uses it.
///
/// # Errors
/// [`TrustError`] with the first thing that is not trusted.
pub fn authorize(verified: &Verified, uid: u32, trust: &TrustRoots) -> Result<Authorized, TrustError> {
    let key = verified.root().issuer;
    let Some(root) = trust.roots.iter().find(|root| root.key == key) else {
        let refused = trust.refused.iter().map(|error| format!("; refused: {error}")).collect();
        return Err(TrustError::Untrusted { key, user: user_name(uid), refused });
    };
    let allowed = match &root.users {
        Users::Everyone => true,
        Users::These(uids) => uids.contains(&uid),
    };
    if !allowed {
        return Err(TrustError::User { root: root.name.clone(), user: user_name(uid) });
    }
    if let Some(revoked) = verified.chain().find(|link| root.revoked.contains(&link.id)) {
        return Err(TrustError::Revoked(revoked.id.clone()));
    }
    if let Some(Rotated { to, at }) = root.rotated
        && verified.root().issued_at >= at
    {
        return Err(TrustError::Rotated { root: root.name.clone(), at: written(at), to });
    }
    // Of a chain, every facet lies within the root's; what is used is what must be held to.
    let delegation = verified.delegation();
    if let Scopes::Within(within) = &root.scopes
        && let Some(scope) = delegation.scopes.iter().find(|scope| !permits(within, scope))
    {
        return Err(TrustError::Scope { root: root.name.clone(), scope: scope.clone() });
    }
    if let Some(limit) = root.max_spend {
        match delegation.spend {
            Spend::Bounded { cumulative, .. } if cumulative <= limit => {}
            Spend::Bounded { .. } | Spend::Unbounded => {
                return Err(TrustError::Spend { root: root.name.clone(), limit });
            }
        }
    }
    if !delegation.values.is_empty() {
        return Err(TrustError::Facet("list of required values"));
    }
    if delegation.reversibility != Reversibility::Irreversible {
        return Err(TrustError::Facet("ceiling of reversibility"));
    }
    Ok(Authorized { verified: verified.clone(), root: root.name.clone(), uid })
}

/// A user's name as a command line takes it: the number where there is no name.
pub fn user_name(uid: u32) -> String {
    let accounts = Accounts::read().unwrap_or_default();
    accounts.with_uid(uid).map_or_else(|| uid.to_string(), |account| account.name.clone())
}

#[cfg(test)]
mod tests;
