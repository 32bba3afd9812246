//! Policies in the kernel's maps: a compiled policy's nodes get numbers of their own, and go in and out whole. Equal
//! policies stand there once, however many sessions have them, but for the step to each session's own folder.

use aya::maps::lpm_trie::Key;
use aya::maps::{HashMap, LpmTrie, MapData, MapError};
use gov_common::policy::{EdgeKey, LISTENING, NetKey, NetRule, Node, OWN};

use super::error::{KernelError, is_absent};
use super::held::{Content, Held};
use super::wire::Wire;
use crate::policy::{Compiled, NetEntry, Own};

/// Bits of the policy's number in a network key's prefix.
pub(super) const NUMBER_BITS: u32 = 32;

/// The maps that hold policies.
pub(super) struct Policies {
    pub(super) edges: HashMap<MapData, Wire<EdgeKey>, Wire<Node>>,
    pub(super) nets: LpmTrie<MapData, Wire<NetKey>, Wire<NetRule>>,
    pub(super) held: Held,
    /// The first number that no node has had. Numbers are never used twice.
    pub(super) next: u32,
}

/// One session's hold on a policy in the maps; it is given back with [`Policies::release`].
#[must_use = "a policy that is not released stays in the kernel"]
pub(super) struct Placed {
    /// The node of `/`; its number is the policy's own in the network table, too.
    pub(super) root: Node,
    /// The step that is the session's alone.
    pub(super) own: Option<Wire<EdgeKey>>,
}

impl Policies {
    /// No policy yet.
    pub(super) fn new(
        edges: HashMap<MapData, Wire<EdgeKey>, Wire<Node>>,
        nets: LpmTrie<MapData, Wire<NetKey>, Wire<NetRule>>,
    ) -> Self {
        Self { edges, nets, held: Held::default(), next: 1 }
    }

    /// Puts a policy in for the binding of a session with this number, unless an equal one stands there, and what of it
    /// is the session's own; on an error what was put in is taken out again.
    pub(super) fn place(&mut self, policy: &Compiled, generation: u32) -> Result<Placed, KernelError> {
        let number = match self.held.share(policy) {
            Some(number) => number,
            None => self.put_in(policy)?,
        };
        let mut placed = Placed { root: Node { id: number, ..policy.root }, own: None };
        if let Some(own) = &policy.own {
            match self.put_own(own, generation, number) {
                Ok(key) => placed.own = Some(key),
                Err(error) => {
                    self.release(placed);
                    return Err(error);
                }
            }
        }
        Ok(placed)
    }

    /// Puts in the step to a session's own folder in the policy with a number.
    fn put_own(&mut self, own: &Own, generation: u32, number: u32) -> Result<Wire<EdgeKey>, KernelError> {
        const NEW: u64 = 1; // BPF_NOEXIST: no other binding has this number
        let key = Wire(EdgeKey { parent: generation, more: OWN, name: own.name });
        let id = own.node.id.checked_add(number).ok_or(KernelError::NoNumbers)?;
        self.edges
            .insert(key, Wire(Node { id, ..own.node }), NEW)
            .map_err(KernelError::map("put the session's own folder into the kernel"))?;
        Ok(key)
    }

    /// Lets a policy go, and takes it out if nobody else has it. The caller has made sure that no hook still holds
    /// the session that led to it.
    pub(super) fn release(&mut self, placed: Placed) {
        if let Some(own) = placed.own {
            say_unless_gone("session's own node", self.edges.remove(&own));
        }
        let number = placed.root.id;
        if let Some(content) = self.held.release(number) {
            self.take_out(&content, number);
        }
    }

    /// Puts a policy in under a number of its own.
    fn put_in(&mut self, policy: &Compiled) -> Result<u32, KernelError> {
        let content = Content::of(policy);
        let number = self.numbers(&content)?;
        if let Err(error) = self.fill(&content, number) {
            self.take_out(&content, number);
            return Err(error);
        }
        self.held.add(number, policy.shared, content);
        Ok(number)
    }

    /// Numbers for a policy's nodes: the one that node 0 gets.
    fn numbers(&mut self, content: &Content) -> Result<u32, KernelError> {
        let base = self.next;
        self.next = base
            .checked_add(content.last)
            .and_then(|sum| sum.checked_add(1))
            .filter(|next| *next < LISTENING)
            .ok_or(KernelError::NoNumbers)?;
        Ok(base)
    }

    /// Puts in every edge and network.
    fn fill(&mut self, content: &Content, base: u32) -> Result<(), KernelError> {
        for (key, node) in &content.edges {
            let id = node.id.checked_add(base).ok_or(KernelError::NoNumbers)?;
            let key = edge(key, base).ok_or(KernelError::NoNumbers)?;
            self.edges
                .insert(key, Wire(Node { id, ..*node }), 0)
                .map_err(KernelError::map("put the policy's paths into the kernel"))?;
        }
        for (key, rule) in prefixes(&content.nets, &content.listens, base) {
            self.nets
                .insert(&key, Wire(rule), 0)
                .map_err(KernelError::map("put the policy's networks into the kernel"))?;
        }
        Ok(())
    }

    /// Takes out what of a policy is there.
    fn take_out(&mut self, content: &Content, base: u32) {
        for key in content.edges.iter().filter_map(|(key, _)| edge(key, base)) {
            say_unless_gone("node", self.edges.remove(&key));
        }
        for (key, _) in prefixes(&content.nets, &content.listens, base) {
            say_unless_gone("network", self.nets.remove(&key));
        }
    }
}

/// An edge's key in the kernel.
fn edge(key: &EdgeKey, base: u32) -> Option<Wire<EdgeKey>> {
    Some(Wire(EdgeKey { parent: key.parent.checked_add(base)?, ..*key }))
}

/// The prefixes that are connected to and listened on, as they stand in the kernel.
fn prefixes<'a>(
    nets: &'a [NetEntry],
    listens: &'a [NetEntry],
    base: u32,
) -> impl Iterator<Item = (Key<Wire<NetKey>>, NetRule)> + use<'a> {
    let listens = listens.iter().map(move |entry| (base | LISTENING, entry));
    nets.iter().map(move |entry| (base, entry)).chain(listens).map(|(policy, entry)| {
        let prefix = u32::from(entry.prefix_bits).saturating_add(NUMBER_BITS);
        (Key::new(prefix, Wire(NetKey { policy, address: entry.address })), entry.rule)
    })
}

/// What cannot be removed of a policy is never found again, because no number is used twice; it only takes up room.
pub(super) fn say_unless_gone(what: &str, removed: Result<(), MapError>) {
    match removed {
        Err(error) if !is_absent(&error) => {
            tracing::error!("a {what} that nobody needs any more stays in the kernel: {error}");
        }
        Ok(()) | Err(_) => {}
    }
}
