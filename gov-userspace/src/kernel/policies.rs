//! Policies in the kernel's maps: a compiled policy's nodes get numbers of their own, and go in and out whole.

use aya::maps::lpm_trie::Key;
use aya::maps::{HashMap, LpmTrie, MapData};
use gov_common::policy::{LISTENING, EdgeKey, NetKey, NetRule, Node};

use super::error::KernelError;
use super::wire::Wire;
use crate::policy::Compiled;

/// Bits of the policy's number in a network key's prefix.
const NUMBER_BITS: u32 = 32;

/// The maps that hold policies.
pub(super) struct Policies {
    pub(super) edges: HashMap<MapData, Wire<EdgeKey>, Wire<Node>>,
    pub(super) nets: LpmTrie<MapData, Wire<NetKey>, Wire<NetRule>>,
    /// The first number that no node has had. Numbers are never used twice.
    next: u32,
}

/// One policy as it stands in the maps: what it takes to remove it.
pub(super) struct Placed {
    /// The node of `/`; its number is the policy's own in the network table, too.
    pub(super) root: Node,
    edges: Vec<Wire<EdgeKey>>,
    nets: Vec<(u32, NetKey)>,
}

impl Policies {
    /// No policy yet.
    pub(super) const fn new(
        edges: HashMap<MapData, Wire<EdgeKey>, Wire<Node>>,
        nets: LpmTrie<MapData, Wire<NetKey>, Wire<NetRule>>,
    ) -> Self {
        Self { edges, nets, next: 1 }
    }

    /// Puts a policy in; on an error what was put in is taken out again.
    pub(super) fn place(&mut self, policy: &Compiled) -> Result<Placed, KernelError> {
        let base = self.numbers(policy)?;
        let mut placed = Placed { root: rebased(policy.root, base)?, edges: Vec::new(), nets: Vec::new() };
        match self.fill(policy, base, &mut placed) {
            Ok(()) => Ok(placed),
            Err(error) => {
                self.remove(placed);
                Err(error)
            }
        }
    }

    /// Takes a policy out. The caller has made sure that no session leads to it, and waits for a grace period
    /// before anything else is put in.
    pub(super) fn remove(&mut self, placed: Placed) {
        for key in &placed.edges {
            if let Err(error) = self.edges.remove(key) {
                tracing::error!("a node of a removed policy stays in the kernel: {error}");
            }
        }
        for (prefix, key) in placed.nets {
            if let Err(error) = self.nets.remove(&Key::new(prefix, Wire(key))) {
                tracing::error!("a network of a removed policy stays in the kernel: {error}");
            }
        }
    }

    /// Numbers for a policy's nodes: the one that node 0 gets.
    fn numbers(&mut self, policy: &Compiled) -> Result<u32, KernelError> {
        let last = policy.edges.iter().map(|(_, node)| node.id).max().unwrap_or(0);
        let base = self.next;
        self.next = base
            .checked_add(last)
            .and_then(|sum| sum.checked_add(1))
            .filter(|next| *next < LISTENING)
            .ok_or(KernelError::NoNumbers)?;
        Ok(base)
    }

    /// Puts in every edge and network, noting each so that it can be taken out.
    fn fill(&mut self, policy: &Compiled, base: u32, placed: &mut Placed) -> Result<(), KernelError> {
        for (key, node) in &policy.edges {
            let parent = key.parent.checked_add(base).ok_or(KernelError::NoNumbers)?;
            let key = Wire(EdgeKey { parent, ..*key });
            self.edges
                .insert(key, Wire(rebased(*node, base)?), 0)
                .map_err(KernelError::map("put the policy's paths into the kernel"))?;
            placed.edges.push(key);
        }
        let listens = policy.listens.iter().map(|entry| (base | LISTENING, entry));
        for (policy, entry) in policy.nets.iter().map(|entry| (base, entry)).chain(listens) {
            let prefix = u32::from(entry.prefix_bits).saturating_add(NUMBER_BITS);
            let key = NetKey { policy, address: entry.address };
            self.nets
                .insert(&Key::new(prefix, Wire(key)), Wire(entry.rule), 0)
                .map_err(KernelError::map("put the policy's networks into the kernel"))?;
            placed.nets.push((prefix, key));
        }
        Ok(())
    }
}

/// A node with its number in the kernel.
fn rebased(node: Node, base: u32) -> Result<Node, KernelError> {
    Ok(Node { id: node.id.checked_add(base).ok_or(KernelError::NoNumbers)?, ..node })
}
