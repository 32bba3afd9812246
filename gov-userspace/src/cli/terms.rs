//! The terms of a new delegation, as every command that makes one takes them.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::out::print;
use super::{Exit, Failure};
use crate::delegation::{self, Request};
use crate::key::{KeyError, Public, Secret};
use crate::money::Money;
use crate::scope::Scope;
use crate::{guarded, keystore, trust};

/// How long a delegation is valid when nobody says.
const LIFETIME: Duration = Duration::from_secs(3_600);

/// What a delegation is to say.
#[derive(clap::Args, Debug)]
pub(super) struct Terms {
    /// Grant this, for example `file:write:/project/src` or `code:execute:/usr/bin/python3`.
    #[arg(long = "scope", short = 's', value_name = "SCOPE")]
    pub(super) scopes: Vec<String>,
    /// Grant what a profile holds; `gov delegation show` tells what that is.
    #[arg(long = "profile", short = 'p', value_name = "NAME")]
    pub(super) profiles: Vec<String>,
    /// Grant spending up to this, with its unit, for example `150usd`; nothing by default.
    #[arg(long, value_name = "AMOUNT")]
    pub(super) spend_limit: Option<String>,
    /// How long the delegation is valid, for example `90s`, `30m`, `2h` or `7d`; `1h` by default, and within a session
    /// as long as that session's.
    #[arg(long, value_name = "TIME")]
    pub(super) expires: Option<String>,
    /// How many more times it may be delegated on. A session with none makes no session within it.
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub(super) max_depth: u8,
}

impl Terms {
    /// The delegation that is asked for, of the issuer to itself or to another.
    pub(super) fn request(&self, subject: Option<Public>) -> Result<Request, Failure> {
        self.lasting(LIFETIME, subject)
    }

    /// The same, valid for so long unless the command line says how long.
    pub(super) fn lasting(&self, lifetime: Duration, subject: Option<Public>) -> Result<Request, Failure> {
        let asked = self.expires.as_deref().map_or(Ok(lifetime), delegation::lifetime);
        Ok(Request {
            scopes: self.scopes()?,
            spend: self.spend()?,
            lifetime: asked.map_err(|error| usage("`--expires`", &error))?,
            max_depth: self.max_depth,
            subject,
        })
    }

    fn scopes(&self) -> Result<Vec<Scope>, Failure> {
        let named = self.profiles.iter().map(|name| format!("profile:{name}"));
        let texts = self.scopes.iter().cloned().chain(named);
        let scopes = texts
            .map(|text| text.parse().map_err(|error| usage("`--scope`", &error)))
            .collect::<Result<Vec<_>, _>>()?;
        if scopes.is_empty() {
            let failure =
                Failure::new(Exit::Usage, "the delegation", "it grants nothing, so nothing could run");
            return Err(failure.remedy("name what is granted with `--scope` and `--profile`"));
        }
        Ok(scopes)
    }

    fn spend(&self) -> Result<Money, Failure> {
        let limit = self.spend_limit.as_deref().map_or(Ok(Money::ZERO), str::parse);
        limit.map_err(|error| usage("`--spend-limit`", &error))
    }
}

/// The key that signs: the user's own.
#[derive(clap::Args, Debug)]
pub(super) struct Signer {
    /// The folder of trusted keys, where root's own key is enrolled when it is made.
    #[arg(long, value_name = "FOLDER", default_value = trust::FOLDER, env = "GOV_TRUST", hide_short_help = true)]
    pub(super) trust: PathBuf,
}

impl Signer {
    /// The user's own key, made on first use.
    pub(super) fn key(&self) -> Result<Secret, Failure> {
        let stored = keystore::user_key(&self.trust)
            .map_err(|error| Failure::because(Exit::AuthorityRefused, "your key", &error))?;
        if stored.created {
            let path = stored.path.display();
            anstream::eprintln!("gov: a key to sign your delegations with was made: `{path}`");
        }
        Ok(stored.secret)
    }
}

/// A key as people write it: hexadecimal or `did:key`.
pub(super) fn public_key(text: &str) -> Result<Public, KeyError> {
    if text.starts_with("did:") { Public::from_did(text) } else { Public::from_hex(text) }
}

/// A failure of the command line or a value in it.
pub(super) fn usage(what: &str, error: &dyn std::error::Error) -> Failure {
    Failure::because(Exit::Usage, what, error)
}

/// The content of a file, or of standard input for `-`; no longer than a record may be.
pub(super) fn input(path: &Path) -> Result<Vec<u8>, Failure> {
    let limit = u64::try_from(crate::json::MAX_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().take(limit).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes))
    };
    match read {
        Ok(_length) => Ok(bytes),
        Err(error) => Err(Failure::because(Exit::Unknown, format!("`{}`", path.display()), &error)
            .remedy("name a file that you can read, or `-` for standard input")),
    }
}

/// Writes to a new file, whole or not at all, or to standard output if none is named.
pub(super) fn output(path: Option<&Path>, text: &str) -> Result<(), Failure> {
    let Some(path) = path else { return print(text) };
    guarded::create(path, text, 0o644).map_err(|error| {
        Failure::because(Exit::Failed, format!("`{}`", path.display()), &error).remedy("name a new file")
    })
}

#[cfg(test)]
mod tests {
    use super::Terms;
    use crate::cli::Exit;
    use crate::scope::Scope;

    fn terms(scopes: &[&str]) -> Terms {
        Terms {
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            profiles: Vec::new(),
            spend_limit: None,
            expires: None,
            max_depth: 0,
        }
    }

    #[test]
    fn a_profile_is_a_scope_too() {
        let terms = Terms { profiles: vec!["python".to_owned()], ..terms(&["file:read:/a"]) };
        let scopes: Vec<String> = terms.request(None).unwrap().scopes.iter().map(Scope::to_string).collect();
        assert_eq!(scopes, ["file:read:/a", "profile:python"]);
    }

    #[test]
    fn terms_that_cannot_be_read_are_usage_errors() {
        let no_unit = Terms { spend_limit: Some("150".to_owned()), ..terms(&["file:read:/a"]) };
        let unclear = Terms { expires: Some("soon".to_owned()), ..terms(&["file:read:/a"]) };
        for terms in [no_unit, unclear, terms(&[]), terms(&["file:read:a"]), terms(&["fly:moon"])] {
            assert_eq!(terms.request(None).unwrap_err().exit, Exit::Usage, "{terms:?}");
        }
    }
}
