//! The digests of a compiled policy: by one receipts name it, by the other sessions that can share it are found.

use gov_common::policy::Node;
use sha2::{Digest, Sha256};

use super::{Compiled, NetEntry, nets};

/// What starts the bytes that [`Compiled::digest`] is taken over.
const DOMAIN: &[u8] = b"gov-policy-v3\0";

/// Both, as [`Compiled::shared`] and [`Compiled::digest`] describe them.
pub(super) fn digests(compiled: &Compiled) -> ([u8; 32], [u8; 32]) {
    let shared = shared(compiled);
    (shared, digest(compiled, &shared))
}

fn shared(compiled: &Compiled) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(count(compiled.edges.len()));
    for (key, node) in &compiled.edges {
        hash.update(key.parent.to_le_bytes());
        hash.update(key.more.to_le_bytes());
        hash.update(key.name);
        hash_node(&mut hash, *node);
    }
    hash_nets(&mut hash, &compiled.nets);
    hash_nets(&mut hash, &compiled.listens);
    hash.finalize().into()
}

fn digest(compiled: &Compiled, shared: &[u8; 32]) -> [u8; 32] {
    let mut hash = Sha256::new_with_prefix(DOMAIN);
    hash.update(shared);
    hash_node(&mut hash, compiled.root);
    hash.update(count(compiled.own.iter().len()));
    if let Some(own) = &compiled.own {
        hash.update(own.name);
        hash_node(&mut hash, own.node);
    }
    hash.update(compiled.doors.to_le_bytes());
    hash.update(compiled.capabilities.to_le_bytes());
    let limits = compiled.limits;
    let breaker = [limits.breaker_refusals, limits.breaker_window_s, limits.breaker_cooldown_s];
    for number in limits.most.into_iter().chain(breaker) {
        hash.update(number.to_le_bytes());
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
    for scope in [node.read_scope, node.write_scope, node.execute_scope, node.connect_scope] {
        hash.update(scope.to_le_bytes());
    }
}

fn hash_nets(hash: &mut Sha256, entries: &[NetEntry]) {
    hash.update(count(entries.len()));
    for entry in entries {
        hash.update([entry.prefix_bits]);
        hash.update(entry.address);
        hash.update(entry.rule.count.to_le_bytes());
        for range in nets::ranges(&entry.rule) {
            hash.update(range.first.to_le_bytes());
            hash.update(range.last.to_le_bytes());
            hash.update(range.scope.to_le_bytes());
        }
    }
}

/// A count or length; each is far below `u32::MAX`, and one that is not differs in the bytes that follow.
fn count(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes()
}
