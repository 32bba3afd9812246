//! Compiles scopes into what the kernel walks: a tree of path components and a table of prefixes.
//!
//! Objects are judged by the path that they have after every symbolic link, so a scope's path is resolved the
//! same way when it is compiled ([`HostFacts`] says how it stands). A scope that cannot be enforced is an error.

mod digest;
mod error;
mod limits;
mod nets;
mod place;
mod reserved;
mod tree;

use std::net::IpAddr;

use gov_common::decide::is_shell;
use gov_common::limits::Limits;
use gov_common::policy::{CHUNK, EdgeKey, NO_SCOPE, NetRule, Node};
use gov_common::rights::Rights;

use crate::profile::Expanded;
use crate::scope::{CleanPath, FileRight, Host, Ports, Scope, capability_bit, door};

pub use error::PolicyError;
pub use reserved::Reserved;

/// A policy, ready to be loaded. Node ids are relative: the root is 0, the others count from 1.
/// The default grants nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compiled {
    /// Node 0, with the rights of a grant of `/`.
    pub root: Node,
    /// Every other node, parents before children. A component longer than one edge holds passes through nodes
    /// that have the rights of the directory that it stands in.
    pub edges: Vec<(EdgeKey, Node)>,
    /// The step to the session's own folder, from the node with `NODE_OWN`. Sessions that differ in nothing else share
    /// what stands in the other fields.
    pub own: Option<Own>,
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
    /// SHA-256 over what sessions may share, numbers little-endian: the count of edges (u32), each edge's parent (u32),
    /// more (u32), 64 name bytes and node (id u32, rights u8, flags u8, read, write, execute and connect scope u16
    /// each); the count of prefixes (u32), each prefix's bits (u8), 16 address bytes, count of ranges (u32) and each
    /// range's first, last and scope (u16 each); the same of the prefixes to listen on.
    pub shared: [u8; 32],
    /// SHA-256 over `gov-policy-v3`, a NUL and then, numbers little-endian: `shared`; the root node; the count of own
    /// steps (u32, 0 or 1), and its 64 name bytes and node; doors (u32); capabilities (u64); the most of each budget in
    /// the order of its number, and the breaker's refusals, window and cooldown (u32 each); shells (u8); the count of
    /// scopes (u32) and each one's length in bytes (u32) and text.
    pub digest: [u8; 32],
}

/// The step to what is one session's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Own {
    /// Its component, zero-padded.
    pub name: [u8; CHUNK],
    /// Where it leads.
    pub node: Node,
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
    /// What none of them grants.
    reserved: Option<&'a Reserved>,
    /// The session's own folder.
    folder: Option<&'a CleanPath>,
}

impl<'a> Grants<'a> {
    /// The same, but for what is reserved.
    #[must_use]
    pub const fn but(self, reserved: &'a Reserved) -> Self {
        Self { reserved: Some(reserved), ..self }
    }

    /// The same for a session with a folder of its own, without links in its path: what is compiled is the same for
    /// every such folder beside it, but for the step that leads to it.
    #[must_use]
    pub const fn in_own(self, folder: &'a CleanPath) -> Self {
        Self { folder: Some(folder), ..self }
    }
}

/// Scopes of which no profile holds any.
impl<'a> From<&'a [Scope]> for Grants<'a> {
    fn from(scopes: &'a [Scope]) -> Self {
        Self { scopes, own: scopes.len(), reserved: None, folder: None }
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
        Self { scopes: &expanded.scopes, own: expanded.own, reserved: None, folder: None }
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

/// Compiles scopes, whose profiles are expanded, for a host.
///
/// # Errors
/// [`PolicyError`] for the first scope that cannot be enforced as it stands.
pub fn compile<'a>(grants: impl Into<Grants<'a>>, facts: &dyn HostFacts) -> Result<Compiled, PolicyError> {
    let grants = grants.into();
    let Grants { scopes, own, .. } = grants;
    let mut tree = tree::Branch::default();
    let mut links = Vec::new();
    let (mut connecting, mut listening) = (Vec::new(), Vec::new());
    let (mut doors, mut capabilities, mut shells) = (0, 0, false);
    for ((scope, index), place_in_list) in scopes.iter().zip(0..NO_SCOPE).zip(0..) {
        let of_profile = place_in_list >= own;
        let not_enforceable = || PolicyError::NotEnforceable(scope.clone());
        match scope {
            Scope::File(right, path) => {
                let place = grants.place(scope, path, bit(*right), of_profile, facts)?;
                let named = *right == FileRight::Execute && !place.is_directory && names_itself(path, &place);
                links.extend(place.links);
                tree.grant(place.components, tree::Grant::File { right: *right, named }, index);
            }
            Scope::Unix(path) => {
                let place = grants.place(scope, path, Rights::CONNECT, of_profile, facts)?;
                links.extend(place.links);
                tree.grant(place.components, tree::Grant::Connect, index);
            }
            Scope::External => connecting.push(nets::external(&facts.addresses(), index)),
            Scope::Loopback(port) => {
                connecting.extend(nets::loopback(port.map_or(Ports::ALL, Ports::one), index));
            }
            Scope::Connect(Host::Prefix(prefix), ports) => {
                connecting.push(nets::connect(*prefix, *ports, index));
            }
            // A packet carries no name, and what one resolves to changes.
            Scope::Connect(Host::Name(_) | Host::Suffix(_), _) => return Err(not_enforceable()),
            Scope::Listen(address, port) => listening.push(nets::listen(*address, *port, index)),
            Scope::Shell => shells = true,
            Scope::Process(_) | Scope::Kernel(_) => {
                doors |= door(scope).ok_or_else(not_enforceable)?.bit();
            }
            Scope::Capability(name) => capabilities |= capability_bit(name).ok_or_else(not_enforceable)?,
            // Together below: it takes all of them to say what holds.
            Scope::Limit(_) => {}
            Scope::Profile(name) => return Err(PolicyError::Profile(name.clone())),
        }
    }
    if scopes.len() > usize::from(NO_SCOPE) {
        return Err(PolicyError::TooManyScopes(scopes.len()));
    }
    // Changed by a session, they would lead the next one elsewhere.
    for link in &links {
        tree.keep(link);
    }
    if let Some(reserved) = grants.reserved {
        reserved.draw(&mut tree);
    }
    if let Some(folder) = grants.folder {
        tree.set_own(&folder.components().map(<[u8]>::to_vec).collect::<Vec<_>>());
    }
    let tree::Numbered { root, edges, own } = tree.number();
    let mut compiled = Compiled {
        root,
        edges,
        own: own.map(|(key, node)| Own { name: key.name, node }),
        nets: nets::merge(&connecting)?,
        listens: nets::merge(&listening)?,
        doors,
        capabilities,
        limits: limits::strictest(scopes)?,
        shells,
        scopes: scopes.iter().map(Scope::to_string).collect(),
        shared: [0; 32],
        digest: [0; 32],
    };
    (compiled.shared, compiled.digest) = digest::digests(&compiled);
    Ok(compiled)
}

impl Grants<'_> {
    /// Where the path of a scope leads that grants a right there.
    fn place(
        &self,
        scope: &Scope,
        path: &CleanPath,
        right: Rights,
        of_profile: bool,
        facts: &dyn HostFacts,
    ) -> Result<place::Place, PolicyError> {
        let place = match place::resolve(scope, path, facts) {
            // Whoever wrote the profile knew nothing of a link that somebody has here. What the link leads to is not
            // granted, and what stands in its own place is.
            Err(PolicyError::Link { .. }) if of_profile => place::unresolved(path),
            outcome => outcome?,
        };
        if self.reserved.is_some_and(|reserved| reserved.refuses(&place.components, right)) {
            let place = CleanPath::from_components(&place.components).unwrap_or_else(|_| path.clone());
            return Err(PolicyError::Reserved { scope: scope.clone(), place });
        }
        Ok(place)
    }
}

/// The right that a scope grants by itself.
const fn bit(right: FileRight) -> Rights {
    match right {
        FileRight::Read => Rights::READ,
        FileRight::Write => Rights::WRITE,
        FileRight::Execute => Rights::EXECUTE,
    }
}

/// Whether a path names the file that it leads to: `/bin/sh` names the shell there, whatever that is called, but
/// `/bin/ls` does not name a shell that is all the tools in one.
fn names_itself(path: &CleanPath, place: &place::Place) -> bool {
    let leads_to_shell = place.components.last().is_some_and(|last| is_shell(last));
    !leads_to_shell || path.components().last().is_some_and(is_shell)
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
#[cfg(test)]
mod reserved_tests;
#[cfg(test)]
mod own_tests;
