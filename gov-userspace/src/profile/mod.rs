//! Profiles: named lists of scopes, as plain TOML files that one can read and copy.
//!
//! A profile's scopes may start a path with a variable; they are read when the profile is, and a scope that cannot
//! be read is an error even if nobody uses it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use thiserror::Error;

use crate::scope::{CleanPath, Scope, ScopeError};

/// The profiles that gov brings along.
const SHIPPED: [(&str, &str); 8] = [
    ("base", include_str!("../../../dist/profiles/base.toml")),
    ("coreutils", include_str!("../../../dist/profiles/coreutils.toml")),
    ("git", include_str!("../../../dist/profiles/git.toml")),
    ("go", include_str!("../../../dist/profiles/go.toml")),
    ("gpt-engineer", include_str!("../../../dist/profiles/gpt-engineer.toml")),
    ("node", include_str!("../../../dist/profiles/node.toml")),
    ("python", include_str!("../../../dist/profiles/python.toml")),
    ("rust", include_str!("../../../dist/profiles/rust.toml")),
];

/// A profile as its file writes it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Its name, that of the file without `.toml`.
    pub name: String,
    /// One sentence for people.
    pub description: String,
    /// Profiles whose scopes belong to it.
    #[serde(default)]
    pub include: Vec<String>,
    /// Its own scopes; a path may start with `${SESSION_TMP}` or `${HOME}`.
    pub scopes: Vec<String>,
}

/// What the variables in profiles stand for.
#[derive(Clone, Debug)]
pub struct Variables {
    /// `${SESSION_TMP}`: the session's own temporary folder.
    pub session_tmp: CleanPath,
    /// `${HOME}`: the home folder of the session's user.
    pub home: CleanPath,
}

/// Why a profile cannot be used, with what to do.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ProfileError {
    /// No such profile.
    #[error("there is no profile `{name}`: write one of {known}, or put one into /etc/gov/profiles", known = .known.join(", "))]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// The file is not in the form.
    #[error("profile `{name}` cannot be read: {why}: write `name`, `description`, `include` and `scopes`")]
    Form {
        /// The profile.
        name: String,
        /// What is wrong, with the place.
        why: String,
    },
    /// The file is not to be believed.
    #[error("profile `{name}` is refused: {why}")]
    File {
        /// The profile.
        name: String,
        /// Why.
        why: String,
    },
    /// The file calls itself otherwise.
    #[error("profile `{name}` calls itself `{inside}`: give file and profile the same name")]
    Name {
        /// The name of the file.
        name: String,
        /// The name in it.
        inside: String,
    },
    /// One of its scopes.
    #[error("profile `{name}`: {error}")]
    Scope {
        /// The profile.
        name: String,
        /// What is wrong with the scope.
        error: ScopeError,
    },
    /// A scope that names a profile.
    #[error("profile `{name}` grants `{scope}`: name it under `include` instead")]
    Nested {
        /// The profile.
        name: String,
        /// The scope.
        scope: Scope,
    },
    /// A limit, which is none of what a profile grants.
    #[error("profile `{name}` has `{scope}`, and a limit stands in a delegation: name it there")]
    Limit {
        /// The profile.
        name: String,
        /// The limit.
        scope: Scope,
    },
    /// It includes itself.
    #[error("profile `{0}` includes itself: remove it from `include`, there or in what it includes")]
    Cycle(String),
}

impl Profile {
    /// Reads the profile of this name from its file's text.
    ///
    /// # Errors
    /// [`ProfileError`] for whatever cannot be used later.
    pub fn parse(name: &str, text: &str) -> Result<Self, ProfileError> {
        let profile: Self = toml::from_str(text).map_err(|error| {
            let why = error.to_string().lines().map(str::trim).collect::<Vec<_>>().join(" ");
            ProfileError::Form { name: name.to_owned(), why }
        })?;
        if profile.name != name {
            return Err(ProfileError::Name { name: name.to_owned(), inside: profile.name });
        }
        // Any clean path in the variables' place shows whether the scopes can be read.
        let place = CleanPath::new(b"/x")
            .map_err(|fault| ProfileError::Form { name: name.to_owned(), why: fault.to_string() })?;
        profile.scopes(&Variables { session_tmp: place.clone(), home: place })?;
        Ok(profile)
    }

    /// Its own scopes, variables replaced.
    fn scopes(&self, variables: &Variables) -> Result<Vec<Scope>, ProfileError> {
        self.scopes.iter().map(|text| self.scope(text, variables)).collect()
    }

    fn scope(&self, text: &str, variables: &Variables) -> Result<Scope, ProfileError> {
        let name = self.name.clone();
        let Some(replaced) = variables.replace(text) else {
            let why = format!("`{text}` holds `${{` elsewhere than in a variable that starts its path");
            return Err(ProfileError::Form { name, why });
        };
        match replaced.parse() {
            Ok(scope @ Scope::Profile(_)) => Err(ProfileError::Nested { name, scope }),
            // Who leaves the profile out of a narrower delegation would leave out the limit.
            Ok(scope @ Scope::Limit(_)) => Err(ProfileError::Limit { name, scope }),
            Ok(scope) => Ok(scope),
            Err(error) => Err(ProfileError::Scope { name, error }),
        }
    }
}

impl Variables {
    /// The scope's text with its variable replaced; `None` if it holds one that is unknown or out of place.
    fn replace(&self, text: &str) -> Option<String> {
        let Some((before, after)) = text.split_once("${") else { return Some(text.to_owned()) };
        let (variable, rest) = after.split_once('}')?;
        let path = match variable {
            "SESSION_TMP" => &self.session_tmp,
            "HOME" => &self.home,
            _ => return None,
        };
        let in_place =
            before.ends_with(':') && (rest.is_empty() || rest.starts_with('/')) && !rest.contains("${");
        // What lies below `/` brings its own slash.
        let path = if rest.is_empty() {
            path.to_string()
        } else {
            path.to_string().trim_end_matches('/').to_owned()
        };
        in_place.then(|| format!("{before}{path}{rest}"))
    }
}

/// Scopes with no profile among them: what a delegation grants by itself, and then what its profiles hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expanded {
    /// The scopes, each once.
    pub scopes: Vec<Scope>,
    /// How many of them, from the first on, the delegation grants by itself.
    pub own: usize,
}

/// Profiles by name; one that cannot be used stands there with the reason.
#[derive(Clone, Debug, Default)]
pub struct Library(BTreeMap<String, Result<Profile, ProfileError>>);

impl Library {
    /// The profiles that gov brings along.
    pub fn shipped() -> Self {
        let mut library = Self::default();
        for (name, text) in SHIPPED {
            library.put(name, Profile::parse(name, text));
        }
        library
    }

    /// Puts a profile, or the reason why it cannot be used, in the place of one of the same name.
    pub fn put(&mut self, name: &str, profile: Result<Profile, ProfileError>) {
        self.0.insert(name.to_owned(), profile);
    }

    /// The profile of this name.
    ///
    /// # Errors
    /// [`ProfileError`] if there is none, or it cannot be used.
    pub fn profile(&self, name: &str) -> Result<&Profile, ProfileError> {
        match self.0.get(name) {
            Some(found) => found.as_ref().map_err(Clone::clone),
            None => {
                let known = self.0.keys().cloned().collect();
                Err(ProfileError::Unknown { name: name.to_owned(), known })
            }
        }
    }

    /// Every profile, in the order of its name.
    pub fn profiles(&self) -> impl Iterator<Item = (&str, Result<&Profile, &ProfileError>)> {
        self.0.iter().map(|(name, found)| (name.as_str(), found.as_ref()))
    }

    /// A profile and all that it includes, each once, itself first.
    ///
    /// # Errors
    /// [`ProfileError`] if one of them is missing, cannot be used or includes itself.
    pub fn with_included(&self, name: &str) -> Result<Vec<&Profile>, ProfileError> {
        let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
        self.collect(name, &mut Vec::new(), &mut seen, &mut found)?;
        Ok(found)
    }

    fn collect<'a>(
        &'a self,
        name: &str,
        above: &mut Vec<&'a str>,
        seen: &mut BTreeSet<&'a str>,
        found: &mut Vec<&'a Profile>,
    ) -> Result<(), ProfileError> {
        let profile = self.profile(name)?;
        if above.contains(&profile.name.as_str()) {
            return Err(ProfileError::Cycle(name.to_owned()));
        }
        if !seen.insert(&profile.name) {
            return Ok(());
        }
        found.push(profile);
        above.push(&profile.name);
        for included in &profile.include {
            self.collect(included, above, seen, found)?;
        }
        above.pop();
        Ok(())
    }

    /// Scopes with each profile replaced by what it holds.
    ///
    /// # Errors
    /// [`ProfileError`] if a profile cannot be used.
    pub fn expand(&self, scopes: &[Scope], variables: &Variables) -> Result<Expanded, ProfileError> {
        let mut expanded: Vec<Scope> = Vec::new();
        let mut seen = BTreeSet::new();
        for scope in scopes {
            if !matches!(scope, Scope::Profile(_)) && seen.insert(scope.clone()) {
                expanded.push(scope.clone());
            }
        }
        let own = expanded.len();
        for scope in scopes {
            let Scope::Profile(name) = scope else { continue };
            for profile in self.with_included(name)? {
                let scopes = profile.scopes(variables)?;
                expanded.extend(scopes.into_iter().filter(|scope| seen.insert(scope.clone())));
            }
        }
        Ok(Expanded { scopes: expanded, own })
    }
}

#[cfg(test)]
mod tests;
