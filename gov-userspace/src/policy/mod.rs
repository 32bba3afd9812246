//! Compiles scopes into what the kernel walks: a tree of path components and a table of prefixes.
//!
//! Objects are judged by the path that they have after every symbolic link, so a scope's path is resolved the
//! same way when it is compiled ([`HostFacts`] says how it stands). A scope that cannot be enforced is an error.

mod nets;
mod place;
mod tree;

use std::net::IpAddr;

use gov_common::decide::is_shell;
use gov_common::limits::Limits;
use gov_common::policy::{EdgeKey, NO_SCOPE, NetRule, Node};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::profile::Expanded;
use crate::scope::{CleanPath, FileRight, Host, Ports, Prefix, Scope};

/// What starts the bytes that [`Compiled::digest`] is taken over.
const DIGEST_DOMAIN: &[u8] = b"gov-policy-v1\0";

/// A policy, ready to be loaded. Node ids are relative: the root is 0, the others count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compiled {
    /// Node 0, with the rights of a grant of `/`.
    pub root: Node,
    /// Every other node, parents before children. A component longer than one edge holds passes through nodes
    /// that have the rights of the directory that it stands in.
    pub edges: Vec<(EdgeKey, Node)>,
    /// The network, longer prefixes carrying the rules of those that cover them.
    pub nets: Vec<NetEntry>,
    /// Where it may listen, in the form of `nets`.
    pub listens: Vec<NetEntry>,
    /// Bits of the [`gov_common::doors::Door`]s that are granted.
    pub doors: u32,
    /// The granted capabilities by the kernel's numbers, a bit each.
    pub capabilities: u64,
    /// How much it may do.
    pub limits: Limits,
    /// Whether `shell:arbitrary` is granted.
    pub shells: bool,
    /// What the scope indices in nodes and port ranges mean: each scope's text.
    pub scopes: Vec<String>,
    /// SHA-256 over `gov-policy-v1`, a NUL and then, numbers little-endian: the count of edges (u32) and the root
    /// node (id u32, rights u8, flags u8, read, write and execute scope u16 each); each edge's parent (u32), more
    /// (u32), 64 name bytes and node; the count of prefixes (u32); each prefix's bits (u8), 16 address bytes,
    /// count of ranges (u32) and each range's first, last and scope (u16 each); shells (u8); the count of scopes
    /// (u32) and each one's length in bytes (u32) and text.
    pub digest: [u8; 32],
}

/// What is granted to the addresses of a prefix that no longer prefix holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetEntry {
    /// How many leading bits of `address` count, 0 to 128.
    pub prefix_bits: u8,
    /// The address in network order, IPv4 as IPv4-mapped IPv6.
    pub address: [u8; 16],
    /// The granted ports; none where the prefix is refused.
    pub rule: NetRule,
}

/// The scopes to compile.
#[derive(Clone, Copy, Debug)]
pub struct Grants<'a> {
    scopes: &'a [Scope],
    /// How many of them, from the first on, no profile holds.
    own: usize,
}

/// Scopes of which no profile holds any.
impl<'a> From<&'a [Scope]> for Grants<'a> {
    fn from(scopes: &'a [Scope]) -> Self {
        Self { scopes, own: scopes.len() }
    }
}

/// Scopes of which no profile holds any.
impl<'a> From<&'a Vec<Scope>> for Grants<'a> {
    fn from(scopes: &'a Vec<Scope>) -> Self {
        Self::from(scopes.as_slice())
    }
}

impl<'a> From<&'a Expanded> for Grants<'a> {
    fn from(expanded: &'a Expanded) -> Self {
        Self { scopes: &expanded.scopes, own: expanded.own }
    }
}

/// What compiling asks of the host.
pub trait HostFacts {
    /// What stands at this path itself; a symbolic link there is not followed.
    ///
    /// # Errors
    /// Why it cannot be known.
    fn look(&self, path: &CleanPath) -> std::io::Result<Found>;

    /// The addresses that are the host's own, loopback or not.
    fn addresses(&self) -> Vec<IpAddr>;
}

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing, or nothing can: it would lie below a file.
    Nothing,
    /// A directory.
    Directory {
        /// Root owns it and nobody else may write to it.
        only_root: bool,
    },
    /// A regular file.
    File,
    /// A symbolic link.
    Link {
        /// What it holds.
        target: Vec<u8>,
        /// Root owns it.
        by_root: bool,
    },
    /// A device, socket or pipe.
    Other,
}

/// Why scopes cannot be compiled, with what to do.
#[derive(Debug, Error)]
pub enum PolicyError {
    /// A kind of scope whose enforcement is not built.
    #[error("scope `{0}` is not enforceable yet by this version: leave it out")]
    NotEnforceable(Scope),
    /// A profile that was not replaced by what it holds.
    #[error("profile `{0}` was not expanded: expand profiles before compiling")]
    Profile(String),
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
    #[error("more than {max} ranges of ports are granted for `{prefix}`: merge some into one range", max = gov_common::policy::MAX_PORT_RANGES)]
    TooManyPorts {
        /// The prefix.
        prefix: Prefix,
    },
}

/// Compiles scopes, whose profiles are expanded, for a host.
///
/// # Errors
/// [`PolicyError`] for the first scope that cannot be enforced as it stands.
pub fn compile<'a>(grants: impl Into<Grants<'a>>, facts: &dyn HostFacts) -> Result<Compiled, PolicyError> {
    let Grants { scopes, own } = grants.into();
    let mut tree = tree::Branch::default();
    let mut rules = Vec::new();
    let mut shells = false;
    for ((scope, index), place_in_list) in scopes.iter().zip(0..NO_SCOPE).zip(0..) {
        match scope {
            Scope::File(right, path) => {
                let place = match place::resolve(scope, path, facts) {
                    // Whoever wrote the profile knew nothing of a link that somebody has here. What the link
                    // leads to is not granted, and what stands in its own place is.
                    Err(PolicyError::Link { .. }) if place_in_list >= own => place::unresolved(path),
                    outcome => outcome?,
                };
                let named = *right == FileRight::Execute && !place.is_directory && names_itself(path, &place);
                tree.grant(place.components, *right, named, index);
            }
            Scope::External => rules.push(nets::external(&facts.addresses(), index)),
            Scope::Loopback(port) => rules.extend(nets::loopback(port.map_or(Ports::ALL, Ports::one), index)),
            Scope::Connect(Host::Prefix(prefix), ports) => rules.push(nets::connect(*prefix, *ports, index)),
            Scope::Shell => shells = true,
            Scope::Connect(Host::Name(_) | Host::Suffix(_), _)
            | Scope::Listen(..)
            | Scope::Unix(_)
            | Scope::Process(_)
            | Scope::Capability(_)
            | Scope::Kernel(_) => return Err(PolicyError::NotEnforceable(scope.clone())),
            Scope::Profile(name) => return Err(PolicyError::Profile(name.clone())),
        }
    }
    if scopes.len() > usize::from(NO_SCOPE) {
        return Err(PolicyError::TooManyScopes(scopes.len()));
    }
    let (root, edges) = tree.number();
    let nets = nets::merge(&rules)?;
    let scopes = scopes.iter().map(Scope::to_string).collect();
    let mut compiled = Compiled {
        root,
        edges,
        nets,
        listens: Vec::new(),
        doors: 0,
        capabilities: 0,
        limits: Limits::NONE,
        shells,
        scopes,
        digest: [0; 32],
    };
    compiled.digest = digest(&compiled);
    Ok(compiled)
}

/// Whether a path names the file that it leads to: `/bin/sh` names the shell there, whatever that is called, but
/// `/bin/ls` does not name a shell that is all the tools in one.
fn names_itself(path: &CleanPath, place: &place::Place) -> bool {
    let leads_to_shell = place.components.last().is_some_and(|last| is_shell(last));
    !leads_to_shell || path.components().last().is_some_and(is_shell)
}

fn digest(compiled: &Compiled) -> [u8; 32] {
    let mut hash = Sha256::new_with_prefix(DIGEST_DOMAIN);
    hash.update(count(compiled.edges.len()));
    hash_node(&mut hash, compiled.root);
    for (key, node) in &compiled.edges {
        hash.update(key.parent.to_le_bytes());
        hash.update(key.more.to_le_bytes());
        hash.update(key.name);
        hash_node(&mut hash, *node);
    }
    hash.update(count(compiled.nets.len()));
    for entry in &compiled.nets {
        hash.update([entry.prefix_bits]);
        hash.update(entry.address);
        hash.update(entry.rule.count.to_le_bytes());
        for range in nets::ranges(&entry.rule) {
            hash.update(range.first.to_le_bytes());
            hash.update(range.last.to_le_bytes());
            hash.update(range.scope.to_le_bytes());
        }
    }
    hash.update([u8::from(compiled.shells)]);
    hash.update(count(compiled.scopes.len()));
    for scope in &compiled.scopes {
        hash.update(count(scope.len()));
        hash.update(scope);
    }
    hash.finalize().into()
}

fn hash_node(hash: &mut Sha256, node: Node) {
    hash.update(node.id.to_le_bytes());
    hash.update([node.rights, node.flags]);
    for scope in [node.read_scope, node.write_scope, node.execute_scope] {
        hash.update(scope.to_le_bytes());
    }
}

/// A count or length; each is far below `u32::MAX`, and one that is not differs in the bytes that follow.
fn count(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes()
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "a test that wraps panics")]
mod tests;
#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "a test that wraps panics")]
mod nets_tests;
#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "a test that wraps panics")]
mod walk_tests;
