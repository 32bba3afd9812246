//! Why scopes cannot be compiled.

use gov_common::policy::{MAX_PORT_RANGES, NO_SCOPE};
use thiserror::Error;

use crate::scope::{CleanPath, Limit, Prefix, Scope};

/// Why scopes cannot be compiled, with what to do.
#[derive(Debug, Error)]
pub enum PolicyError {
    /// A host's name, which packets do not carry.
    #[error("scope `{0}` is not enforceable yet by this version: leave it out, or grant addresses")]
    NotEnforceable(Scope),
    /// A profile that was not replaced by what it holds.
    #[error("profile `{0}` was not expanded: expand profiles before compiling")]
    Profile(String),
    /// Two circuit breakers.
    #[error("`{0}` and `{1}` are two circuit breakers, and a session has one: leave one of them out")]
    TwoBreakers(Limit, Limit),
    /// More scopes than indices.
    #[error("{0} scopes are more than a policy holds ({NO_SCOPE}): grant directories instead of files")]
    TooManyScopes(usize),
    /// A path with more components than the kernel walks.
    #[error("scope `{0}` lies deeper than the kernel looks (63 components): grant a directory above it")]
    TooDeep(Scope),
    /// A link that somebody could point elsewhere.
    #[error(
        "scope `{scope}`: `{link}` is a symbolic link that others than root may change: grant what it leads to, `{target}`"
    )]
    Link {
        /// The scope.
        scope: Scope,
        /// The link in its path.
        link: CleanPath,
        /// What the link holds, made printable.
        target: String,
    },
    /// What gov keeps to itself.
    #[error("scope `{scope}` grants what gov keeps to itself at `{place}`: leave it out")]
    Reserved {
        /// The scope.
        scope: Scope,
        /// Where its path leads.
        place: CleanPath,
    },
    /// Links that lead on and on.
    #[error("scope `{0}` leads through more than 40 symbolic links: grant the path that is meant")]
    LinkLoop(Scope),
    /// A link that leads to a path that cannot be.
    #[error("scope `{0}` leads through a symbolic link to nowhere: grant the path that is meant")]
    Dangling(Scope),
    /// `/proc/self` or the like in the path.
    #[error(
        "scope `{scope}` leads through `{link}`, which leads each process elsewhere: grant `/proc`, or the path that is meant"
    )]
    ProcLink {
        /// The scope.
        scope: Scope,
        /// The link in its path.
        link: CleanPath,
    },
    /// The host could not say what stands there.
    #[error("scope `{scope}`: cannot look at `{path}`: {source}")]
    Look {
        /// The scope.
        scope: Scope,
        /// The path looked at.
        path: CleanPath,
        /// Why.
        source: std::io::Error,
    },
    /// More ranges of ports for one prefix than its rule holds.
    #[error("more than {max} ranges of ports are granted for `{prefix}`: merge some into one range", max = MAX_PORT_RANGES)]
    TooManyPorts {
        /// The prefix.
        prefix: Prefix,
    },
}
