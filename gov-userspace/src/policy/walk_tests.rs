//! The compiled tree, walked by the very code that the hooks compile in.

use super::tests::World;
use super::{Compiled, compile};
use crate::scope::tests::{any_file_right, any_path};
use crate::scope::{CleanPath, FileRight, Scope};
use gov_common::policy::{CHUNK, EdgeKey, MAX_DEPTH, Node, OWN};
use gov_common::rights::Rights;
use gov_common::verdict::Reason;
use gov_common::walk::{Entry, Memory, Mount, Text, Walk, climb, descend};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::HashMap;

/// One path in a kernel's memory, and a policy in its maps. The entry of component n is at address n, the root at
/// 0, and the one mount at [`MOUNT`].
struct Model {
    components: Vec<Vec<u8>>,
    edges: HashMap<EdgeKey, Node>,
}

const MOUNT: u64 = 1 << 32;

impl Memory for Model {
    fn entry(&self, address: u64) -> Option<Entry> {
        let parent = address.checked_sub(1)?;
        let name = self.components.get(usize::try_from(parent).unwrap())?;
        Some(Entry { parent, name: address, length: u32::try_from(name.len()).unwrap() })
    }

    fn mount(&self, address: u64) -> Option<Mount> {
        (address == MOUNT).then_some(Mount { parent: MOUNT, mountpoint: 0, root: 0 })
    }

    fn name(&self, address: u64, length: usize, text: &mut Text, at: usize) -> bool {
        let name = &self.components[usize::try_from(address).unwrap() - 1];
        text[at..at + length].copy_from_slice(&name[..length]);
        true
    }

    fn edge(&self, parent: u32, more: u32, text: &Text, at: usize, length: usize) -> Option<Node> {
        let mut name = [0; CHUNK];
        name[..length].copy_from_slice(&text[at..at + length]);
        self.edges.get(&EdgeKey { parent, more, name }).copied()
    }
}

/// The number of the binding of whoever walks.
pub(super) const OURS: u32 = 1;

/// What the kernel finds for a path: the rights there, and whether the node is the path's own.
fn found(compiled: &Compiled, path: &CleanPath) -> Result<(Rights, bool), Reason> {
    let own = compiled.own.map(|own| (EdgeKey { parent: OURS, more: OWN, name: own.name }, own.node));
    reached(compiled.root, compiled.edges.iter().copied().chain(own).collect(), path)
        .map(|(node, exact)| (Rights::from_bits(node.rights), exact))
}

/// The node that the kernel reaches on a path in what stands in its map, and whether it is the path's own.
pub(super) fn reached(
    root: Node,
    edges: HashMap<EdgeKey, Node>,
    path: &CleanPath,
) -> Result<(Node, bool), Reason> {
    let components: Vec<Vec<u8>> = path.components().map(<[u8]>::to_vec).collect();
    let entry = u64::try_from(components.len()).unwrap();
    let model = Model { components, edges };
    let mut walk = Box::new(Walk::NEW);
    match climb(&model, &mut walk, entry, MOUNT) {
        Reason::Granted => {
            descend(&model, &mut walk, root, OURS);
            Ok(walk.reached())
        }
        reason => Err(reason),
    }
}

#[test]
fn a_path_as_deep_as_can_be_granted_is_found() {
    let path = CleanPath::new("/a".repeat(MAX_DEPTH - 1).as_bytes()).unwrap();
    let compiled = compile(&[Scope::File(FileRight::Write, path.clone())][..], &World::default()).unwrap();
    assert_eq!(found(&compiled, &path), Ok((Rights::WRITE.closure(), true)));
}

proptest! {
    #[test]
    fn the_kernel_finds_what_the_longest_grants_say(
        grants in vec((any_file_right(), any_path()), 0..16),
        others in vec(any_path(), 0..16),
        below in any_path(),
    ) {
        let scopes: Vec<Scope> = grants.iter().map(|(right, path)| Scope::File(*right, path.clone())).collect();
        let compiled = compile(&scopes, &World::default()).unwrap();
        let deeper = grants.iter().map(|(_, path)| {
            let components = path.components().chain(below.components()).map(<[u8]>::to_vec);
            CleanPath::from_components(&components.collect::<Vec<_>>()).unwrap()
        });
        let granted = grants.iter().map(|(_, path)| path.clone());
        for path in granted.chain(deeper).chain(others) {
            let (rights, exact) = found(&compiled, &path).unwrap();
            let has = |right: FileRight| grants.iter().any(|(held, at)| held.implies(right) && at.covers(&path));
            for (right, bit) in [(FileRight::Read, Rights::READ), (FileRight::Write, Rights::WRITE), (FileRight::Execute, Rights::EXECUTE)] {
                prop_assert_eq!(rights.covers(bit), has(right), "{}", &path);
            }
            let known = path.components().next().is_none() || grants.iter().any(|(_, at)| path.covers(at));
            prop_assert_eq!(exact, known, "{}", &path);
        }
    }
}
