//! The walk up and the descent down, against a model that keeps whole paths and compares them component by component.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "a model of small trees; a bug in it panics, and the test fails"
)]

use std::collections::HashMap;

use gov_common::policy::{CHUNK, MAX_DEPTH, MORE, NO_SCOPE, NODE_OWN, Node, OWN};
use gov_common::verdict::Reason;
use gov_common::walk::{Entry, Memory, Mount, TEXT, Text, Walk, climb, descend};
use proptest::prelude::{Just, Strategy, any, prop, prop_assert, prop_assert_eq, proptest};

/// Kernel memory: an address is an index, plus a base that tells the kinds apart.
#[derive(Default)]
struct Model {
    entries: Vec<(u64, Vec<u8>)>,
    mounts: Vec<Mount>,
    edges: HashMap<(u32, u32, Vec<u8>), Node>,
}

const ENTRY: u64 = 0x1000;
const MOUNT: u64 = 0x1_0000_0000;

impl Memory for Model {
    fn entry(&self, address: u64) -> Option<Entry> {
        let (parent, name) = self.entries.get(address.checked_sub(ENTRY)? as usize)?;
        Some(Entry { parent: *parent, name: address, length: name.len() as u32 })
    }

    fn mount(&self, address: u64) -> Option<Mount> {
        self.mounts.get(address.checked_sub(MOUNT)? as usize).copied()
    }

    fn name(&self, address: u64, length: usize, text: &mut Text, at: usize) -> bool {
        let name = &self.entries[(address - ENTRY) as usize].1;
        text[at..at + length].copy_from_slice(&name[..length]);
        true
    }

    fn edge(&self, parent: u32, more: u32, text: &Text, at: usize, length: usize) -> Option<Node> {
        self.edges.get(&(parent, more, text[at..at + length].to_vec())).copied()
    }
}

impl Model {
    fn grow(&mut self, parent: Option<u64>, name: &[u8]) -> u64 {
        let own = ENTRY + self.entries.len() as u64;
        self.entries.push((parent.unwrap_or(own), name.to_vec()));
        own
    }

    fn mount_at(&mut self, parent: Option<(u64, u64)>, root: u64) -> u64 {
        let own = MOUNT + self.mounts.len() as u64;
        let (parent, mountpoint) = parent.unwrap_or((own, root));
        self.mounts.push(Mount { parent, mountpoint, root });
        own
    }

    /// Puts a grant's edges in, a node for each chunk; nodes in the middle of a name grant nothing.
    fn grant(&mut self, path: &[Vec<u8>], rights: u8) {
        let mut here = ROOT;
        for (depth, name) in path.iter().enumerate() {
            let chunks: Vec<&[u8]> = name.chunks(CHUNK).collect();
            for (index, chunk) in chunks.iter().enumerate() {
                let more = index + 1 < chunks.len();
                let id = self.edges.len() as u32 + 1;
                let fresh = Node { id, rights: if more { 7 } else { here.rights }, ..ROOT };
                let place = self.edges.entry((here.id, u32::from(more), chunk.to_vec())).or_insert(fresh);
                if !more && depth + 1 == path.len() {
                    place.rights |= rights;
                }
                here = Node { rights: if more { here.rights } else { place.rights }, ..*place };
            }
        }
    }

    /// Makes the step to a granted place the session's own; not one that takes several edges.
    fn own(&mut self, root: &mut Node, place: &[Vec<u8>]) -> Option<()> {
        let (name, above) = place.split_last().filter(|(name, _)| name.len() <= CHUNK)?;
        let mut parent = root;
        for name in above {
            let mut id = parent.id;
            let chunks: Vec<&[u8]> = name.chunks(CHUNK).collect();
            let (last, first) = chunks.split_last()?;
            for chunk in first {
                id = self.edges.get(&(id, MORE, chunk.to_vec()))?.id;
            }
            parent = self.edges.get_mut(&(id, 0, last.to_vec()))?;
        }
        parent.flags |= NODE_OWN;
        let shared = (parent.id, 0, name.clone());
        let node = self.edges.remove(&shared)?;
        self.edges.insert((OURS, OWN, name.clone()), node);
        Some(())
    }
}

/// Numbers of sessions' bindings; nodes have them, too.
const OURS: u32 = 1;
const ANOTHERS: u32 = 2;
const NOBODYS: u32 = 3;

const ROOT: Node = Node {
    id: 0,
    rights: 0,
    flags: 0,
    read_scope: NO_SCOPE,
    write_scope: NO_SCOPE,
    execute_scope: NO_SCOPE,
    connect_scope: NO_SCOPE,
    reserved: 0,
};

/// A name as a file system may hold it: any bytes but NUL and the slash. Many are alike, and many are long.
fn name() -> impl Strategy<Value = Vec<u8>> {
    let byte = || any::<u8>().prop_map(|byte| if byte == 0 || byte == b'/' { b'x' } else { byte });
    let long = prop::sample::select(vec![63_usize, 64, 65, 127, 128, 129, 191, 192, 193, 254, 255]);
    proptest::prop_oneof![
        4 => prop::sample::select(vec![b"src".to_vec(), b"src-evil".to_vec(), b"s".to_vec(), b"..x".to_vec()]),
        2 => prop::collection::vec(byte(), 1..=255),
        2 => (long, Just(b'n')).prop_map(|(length, byte)| vec![byte; length]),
    ]
}

/// A path: components, and before each whether a mount is crossed there.
fn path(longest: usize) -> impl Strategy<Value = Vec<(bool, Vec<u8>)>> {
    prop::collection::vec((prop::bool::weighted(0.15), name()), 0..longest)
}

/// What the model says: the rights of every grant that is a prefix of the path, component by component.
fn naive(grants: &[(Vec<Vec<u8>>, u8)], path: &[Vec<u8>]) -> u8 {
    let above =
        |grant: &Vec<Vec<u8>>| grant.len() <= path.len() && grant.iter().zip(path).all(|(a, b)| a == b);
    grants.iter().filter(|(grant, _)| above(grant)).fold(0, |rights, (_, more)| rights | more)
}

/// Builds the path in a model: the object's entry and mount.
fn build(model: &mut Model, path: &[(bool, Vec<u8>)]) -> (u64, u64) {
    let mut at = model.grow(None, b"/");
    let mut mount = model.mount_at(None, at);
    for (crossed, name) in path {
        if *crossed {
            let root = model.grow(None, b"/");
            mount = model.mount_at(Some((mount, at)), root);
            at = root;
        }
        at = model.grow(Some(at), name);
    }
    (at, mount)
}

proptest! {
    #[test]
    fn the_walk_finds_the_path_and_the_rights_that_the_model_finds(
        path in path(24),
        others in prop::collection::vec((path(6), 1_u8..8), 0..6),
        own in prop::collection::vec((0_usize..24, 1_u8..8), 0..4),
        ours in prop::option::of((1_usize..24, 1_u8..8)),
    ) {
        let mut model = Model::default();
        let (entry, mount) = build(&mut model, &path);
        let names: Vec<Vec<u8>> = path.iter().map(|(_, name)| name.clone()).collect();
        let mut grants: Vec<(Vec<Vec<u8>>, u8)> =
            others.into_iter().map(|(other, rights)| (other.into_iter().map(|(_, name)| name).collect(), rights)).collect();
        grants.extend(own.into_iter().map(|(length, rights)| (names[..length.min(names.len())].to_vec(), rights)));
        let ours = ours.map(|(length, rights)| (names[..length.min(names.len())].to_vec(), rights));
        grants.extend(ours.clone());
        // Shorter grants first, so that longer ones take over what they grant, as the compiler's do.
        grants.sort_by_key(|(grant, _)| grant.len());
        let at_root = naive(&grants, &[]);
        for (grant, rights) in &grants {
            if !grant.is_empty() {
                model.grant(grant, *rights);
            }
        }
        let mut root = Node { rights: at_root, ..ROOT };
        let ours = ours.map(|(place, _)| place).filter(|place| {
            place.last().is_some_and(|name| name.len() <= CHUNK)
        });
        if let Some(ours) = &ours {
            prop_assert!(model.own(&mut root, ours).is_some());
        }
        for name in &names {
            let all = Node { id: u32::MAX, rights: 7, ..ROOT };
            model.edges.insert((ANOTHERS, OWN, name[..name.len().min(CHUNK)].to_vec()), all);
        }
        let text: Vec<u8> = names.iter().flat_map(|name| [b"/".as_slice(), name].concat()).collect();
        let mut walk = Box::new(Walk::NEW);
        let reason = climb(&model, &mut walk, entry, mount);
        if text.len() > TEXT {
            prop_assert_eq!(reason, Reason::TooDeep);
            return Ok(());
        }
        prop_assert_eq!(reason, Reason::Granted);
        prop_assert_eq!(&walk.text()[walk.start()..TEXT], text.as_slice());
        descend(&model, &mut walk, root, OURS);
        let (node, exact) = walk.reached();
        prop_assert_eq!(node.rights | at_root, naive(&grants, &names));
        let ends_here = names.is_empty() || grants.iter().any(|(grant, _)| grant.starts_with(&names));
        prop_assert_eq!(exact, ends_here);
        let Some((_, above)) = ours.as_ref().and_then(|ours| ours.split_last()) else { return Ok(()) };
        // Whose own it is not stays above.
        descend(&model, &mut walk, root, NOBODYS);
        let (node, exact) = walk.reached();
        prop_assert_eq!((node.rights | at_root, exact), (naive(&grants, above), false));
    }

    #[test]
    fn a_path_of_any_depth_is_whole_or_refused(depth in 0_usize..200) {
        let mut model = Model::default();
        let path = vec![(false, b"d".to_vec()); depth];
        let (entry, mount) = build(&mut model, &path);
        let mut walk = Box::new(Walk::NEW);
        let reason = climb(&model, &mut walk, entry, mount);
        prop_assert_eq!(reason == Reason::Granted, depth < MAX_DEPTH);
        prop_assert!(reason == Reason::Granted || reason == Reason::TooDeep);
    }
}

#[test]
fn a_longer_name_is_not_ones_own_that_begins_like_it() {
    for length in [CHUNK - 1, CHUNK] {
        let name = vec![b'n'; length];
        for (other, wanted) in [(length, true), (length + 1, false), (2 * CHUNK, false), (1, false)] {
            let mut model = Model::default();
            model.grant(std::slice::from_ref(&name), 7);
            let mut root = ROOT;
            assert!(model.own(&mut root, std::slice::from_ref(&name)).is_some());
            let (entry, mount) = build(&mut model, &[(false, vec![b'n'; other])]);
            let mut walk = Box::new(Walk::NEW);
            assert_eq!(climb(&model, &mut walk, entry, mount), Reason::Granted);
            descend(&model, &mut walk, root, OURS);
            assert_eq!(walk.reached().1, wanted, "{other} of {length}");
            assert_eq!(walk.reached().0.rights == 7, wanted, "{other} of {length}");
        }
    }
}

#[test]
fn an_entry_that_no_root_holds_is_unreadable() {
    let mut model = Model::default();
    let (_, mount) = build(&mut model, &[]);
    let stray = model.grow(None, b"stray");
    let below = model.grow(Some(stray), b"file");
    let mut walk = Box::new(Walk::NEW);
    assert_eq!(climb(&model, &mut walk, below, mount), Reason::Unreadable);
    assert_eq!(climb(&model, &mut walk, 1, mount), Reason::Unreadable);
    assert_eq!(climb(&model, &mut walk, below, 1), Reason::Unreadable);
}
