//! One trust file: read strictly, and written by enrolment.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Rotated, Scopes, TrustError, TrustRoot, Users};
use crate::accounts::Accounts;
use crate::delegation::{instant, written};
use crate::guarded::{self, OTHERS_WRITE};
use crate::key::{KeyError, Public, lowercase_hex};
use crate::money::{Money, MoneyError};
use crate::scope::{Limit, Scope, ScopeError};

const ALL: &str = "*";
const UNLIMITED: &str = "unlimited";

/// What is wrong with the form of a trust file, with what to write.
#[derive(Debug, Error)]
pub enum FileFault {
    /// No TOML of the form.
    #[error("{0}: write `key`, `users`, `scopes`, `max_spend` and, if any, `revoked`")]
    Form(String),
    /// The key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A scope.
    #[error(transparent)]
    Scope(#[from] ScopeError),
    /// A limit, which is none of what a key may grant.
    #[error("`{0}` is a limit, which stands in a delegation: leave it out")]
    Limit(Limit),
    /// The spend.
    #[error("{0}, or `unlimited`")]
    Spend(#[from] MoneyError),
    /// A user who is not there.
    #[error("there is no local user `{0}`: write a name from /etc/passwd, a number, or `*`")]
    User(String),
    /// Half of a rotation, or a time that is none.
    #[error(
        "`rotated_to` and `rotated_at` stand together: the key that follows, and a time such as `2026-11-22T20:00:00.000Z`"
    )]
    Rotated,
    /// An id that is none.
    #[error("`{0}` is no id of a delegation: write `sha256:` and 64 lowercase hexadecimal digits")]
    Id(String),
    /// Another file pins the same key.
    #[error("`{0}` pins the same key: keep one of the two")]
    Twice(String),
}

/// A trust file as it is written.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    key: String,
    users: Vec<String>,
    scopes: Vec<String>,
    max_spend: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    revoked: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rotated_to: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rotated_at: Option<String>,
}

/// A key to be pinned.
#[derive(Clone, Debug)]
pub struct Enrolment {
    /// The key.
    pub key: Public,
    /// Who may use its delegations: names, numbers, or `*`.
    pub users: Vec<String>,
    /// What it may grant; anything if there is none.
    pub scopes: Vec<Scope>,
    /// What its delegations may spend each; any amount if none.
    pub max_spend: Option<Money>,
}

impl Enrolment {
    /// Writes the key's file into a folder, which is made if it is missing: the file's path.
    ///
    /// # Errors
    /// [`TrustError`] if a user is unknown, the key is pinned already, or the file cannot be written.
    pub fn write(&self, folder: &Path, owner: u32, accounts: &Accounts) -> Result<PathBuf, TrustError> {
        let path = folder.join(format!("{}.toml", self.name()));
        let fault = |why| TrustError::File { path: path.clone(), why };
        users(&self.users, accounts).map_err(fault)?;
        no_limit(&self.scopes).map_err(fault)?;
        let pinned =
            super::TrustRoots::load(folder, owner)?.roots.into_iter().find(|root| root.key == self.key);
        if let Some(root) = pinned {
            return Err(fault(FileFault::Twice(root.name)));
        }
        let scopes = self.scopes.iter().map(Scope::to_string).collect::<Vec<_>>();
        let text = Text {
            key: self.key.to_string(),
            users: self.users.clone(),
            scopes: if scopes.is_empty() { vec![ALL.to_owned()] } else { scopes },
            max_spend: self.max_spend.map_or_else(|| UNLIMITED.to_owned(), |limit| limit.to_string()),
            revoked: Vec::new(),
            rotated_to: None,
            rotated_at: None,
        };
        pin(&path, &text)?;
        Ok(path)
    }

    /// The first user and the key's first digits, so that a listing shows whose it is.
    fn name(&self) -> String {
        name(self.users.first(), self.key)
    }
}

fn name(user: Option<&String>, key: Public) -> String {
    let user = user.map_or("nobody", |user| if user == ALL { "everyone" } else { user });
    let digits: String = key.to_string().chars().take(8).collect();
    format!("{user}-{digits}")
}

fn pin(path: &Path, text: &Text) -> Result<(), TrustError> {
    let fault = |why| TrustError::File { path: path.to_owned(), why };
    let text = toml::to_string(text).map_err(|error| fault(FileFault::Form(error.to_string())))?;
    guarded::make_folder(path.parent().unwrap_or(Path::new("/")), 0o755)?;
    let text = format!("# Pins one key that may start delegations; see gov's docs/delegations.md.\n{text}");
    Ok(guarded::create(path, &text, 0o644)?)
}

/// Pins a key with exactly the users and limits of another.
pub(super) fn pin_like(folder: &Path, root: &TrustRoot, key: Public) -> Result<PathBuf, TrustError> {
    let users: Vec<String> = match &root.users {
        Users::Everyone => vec![ALL.to_owned()],
        Users::These(uids) => uids.iter().map(|uid| super::user_name(*uid)).collect(),
    };
    let path = folder.join(format!("{}.toml", name(users.first(), key)));
    let text = Text {
        key: key.to_string(),
        users,
        // None at all grants nothing, and stays so.
        scopes: match &root.scopes {
            Scopes::Everything => vec![ALL.to_owned()],
            Scopes::Within(scopes) => scopes.iter().map(Scope::to_string).collect(),
        },
        max_spend: root.max_spend.map_or_else(|| UNLIMITED.to_owned(), |limit| limit.to_string()),
        revoked: root.revoked.iter().cloned().collect(),
        rotated_to: None,
        rotated_at: None,
    };
    pin(&path, &text)?;
    Ok(path)
}

/// Writes into a key's file that another follows it. What stands there stays as it is.
pub(super) fn mark(folder: &Path, owner: u32, root: &TrustRoot, rotated: Rotated) -> Result<(), TrustError> {
    let path = folder.join(format!("{}.toml", root.name));
    let fault = |why| TrustError::File { path: path.clone(), why };
    let text = guarded::read(&path, owner, OTHERS_WRITE)?;
    let text = text.ok_or_else(|| fault(FileFault::Form("it was removed meanwhile".to_owned())))?;
    let text = format!(
        "{}\nrotated_to = \"{}\"\nrotated_at = \"{}\"\n",
        text.trim_end_matches('\n'),
        rotated.to,
        written(rotated.at)
    );
    Ok(guarded::replace(&path, &text, 0o644)?)
}

/// Reads one file.
pub(super) fn read(
    name: &str,
    path: &Path,
    owner: u32,
    accounts: &Accounts,
) -> Result<TrustRoot, TrustError> {
    let fault = |why| TrustError::File { path: path.to_owned(), why };
    let text = guarded::read(path, owner, OTHERS_WRITE)?;
    let text = text.ok_or_else(|| fault(FileFault::Form("it was removed while it was read".to_owned())))?;
    parse(name, &text, accounts).map_err(fault)
}

fn parse(name: &str, text: &str, accounts: &Accounts) -> Result<TrustRoot, FileFault> {
    let text: Text = toml::from_str(text).map_err(|error| {
        FileFault::Form(error.to_string().lines().map(str::trim).collect::<Vec<_>>().join(" "))
    })?;
    let named = text.scopes.iter().filter(|scope| *scope != ALL);
    let within = named.map(|scope| scope.parse()).collect::<Result<Vec<Scope>, _>>()?;
    no_limit(&within)?;
    let all = text.scopes.iter().any(|scope| scope == ALL);
    let scopes = if all { Scopes::Everything } else { Scopes::Within(within) };
    let max_spend = if text.max_spend == UNLIMITED { None } else { Some(text.max_spend.parse()?) };
    let is_id = |id: &String| id.strip_prefix("sha256:").and_then(lowercase_hex::<32>).is_some();
    if let Some(wrong) = text.revoked.iter().find(|id| !is_id(id)) {
        return Err(FileFault::Id(wrong.clone()));
    }
    let rotated = match (&text.rotated_to, &text.rotated_at) {
        (None, None) => None,
        (Some(to), Some(at)) => {
            Some(Rotated { to: Public::from_hex(to)?, at: instant(at).ok_or(FileFault::Rotated)? })
        }
        _half => return Err(FileFault::Rotated),
    };
    Ok(TrustRoot {
        rotated,
        name: name.to_owned(),
        key: Public::from_hex(&text.key)?,
        users: users(&text.users, accounts)?,
        scopes,
        max_spend,
        revoked: text.revoked.into_iter().collect(),
    })
}

/// A key is pinned for what it may grant, and a limit grants nothing.
fn no_limit(scopes: &[Scope]) -> Result<(), FileFault> {
    scopes.iter().try_for_each(|scope| match scope {
        Scope::Limit(limit) => Err(FileFault::Limit(*limit)),
        _grant => Ok(()),
    })
}

fn users(texts: &[String], accounts: &Accounts) -> Result<Users, FileFault> {
    if texts.iter().any(|user| user == ALL) {
        return Ok(Users::Everyone);
    }
    let uid = |user: &String| match user.parse::<u32>() {
        Ok(uid) if uid.to_string() == *user => Ok(uid),
        _ => accounts.named(user).map(|account| account.uid).ok_or_else(|| FileFault::User(user.clone())),
    };
    Ok(Users::These(texts.iter().map(uid).collect::<Result<BTreeSet<u32>, _>>()?))
}
