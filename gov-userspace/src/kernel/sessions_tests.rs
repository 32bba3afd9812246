//! Sessions in real maps that no hook reads, where this user may make some.

use aya::maps::{Array, HashMap, LpmTrie};
use gov_common::abi::{Control, ReadKey, State};
use gov_common::policy::{CHUNK, EdgeKey, NO_SCOPE, NetRule, Node, OWN};
use gov_common::verdict::Reason;

use super::batch::each;
use super::error::KernelError;
use super::grants::Grants;
use super::policies::Policies;
use super::sessions::{BindSpec, SessionMaps, Sessions, Slot};
use super::wire::Wire;
use gov_common::cached::TALLIES;

use crate::policy::{Compiled, NetEntry, Own};

const NO_PREALLOC: u32 = 1;
const EDGES: u32 = 100;

/// Empty maps, or a printed reason why there are none.
fn sessions() -> Option<Sessions> {
    let maps = || -> Result<_, aya::maps::MapError> {
        let maps = SessionMaps {
            control: Array::create(1, 0)?,
            sessions: HashMap::create(64, 0)?,
            states: Array::create(64, 0)?,
            reads: HashMap::create(1 << 14, NO_PREALLOC)?,
            refusals: HashMap::create(1 << 14, NO_PREALLOC)?,
            taken: Array::create(64, 0)?,
        };
        let nets = LpmTrie::create(64, NO_PREALLOC)?;
        let grants = Grants { gates: Array::create(64, 0)?, tallies: Array::create(TALLIES, 0)? };
        Ok(Sessions::new(maps, Policies::new(HashMap::create(EDGES, NO_PREALLOC)?, nets), grants))
    };
    match maps() {
        Ok(sessions) => Some(sessions),
        Err(error) => {
            println!("skipped: bpf is not permitted here: {error}");
            None
        }
    }
}

/// A policy of `edges` folders that begin with `name`, and one network.
fn policy(name: u8, edges: u8) -> Compiled {
    let nothing = Node { read_scope: NO_SCOPE, ..Node::default() };
    let edge = |number: u8| {
        let mut bytes = [0; CHUNK];
        bytes[..2].copy_from_slice(&[name, number]);
        (EdgeKey { parent: 0, more: 0, name: bytes }, Node { id: number.into(), ..nothing })
    };
    Compiled {
        root: nothing,
        edges: (1..=edges).map(edge).collect(),
        nets: vec![NetEntry { prefix_bits: 128, address: [name; 16], rule: NetRule::default() }],
        shared: [name; 32],
        ..Compiled::default()
    }
}

fn bind(sessions: &mut Sessions, cgroup_id: u64, policy: &Compiled) -> Result<Slot, KernelError> {
    let level = u32::try_from(cgroup_id % 8).unwrap();
    let (session_number, expires_boot_ns) = (cgroup_id, u64::MAX);
    sessions.bind(&BindSpec {
        cgroup_id,
        cgroup_level: level,
        session_number,
        expires_boot_ns,
        policy,
        flags: 0,
    })
}

/// How many sessions, edges and networks stand in the maps.
fn standing(sessions: &Sessions) -> (usize, usize, usize) {
    let mut elements = [0; 2];
    each(&sessions.maps.sessions, "count", |_, _| elements[0] += 1).unwrap();
    each(&sessions.policies.edges, "count", |_, _| elements[1] += 1).unwrap();
    (elements[0], elements[1], sessions.policies.nets.keys().count())
}

fn levels(sessions: &Sessions) -> u32 {
    let Wire(Control { levels, .. }) = sessions.maps.control.get(&0, 0).unwrap();
    levels
}

#[test]
fn equal_policies_stand_once_until_the_last_session_goes() {
    let Some(mut sessions) = sessions() else { return };
    let (one, other) = (policy(b'a', 10), policy(b'b', 20));
    let slots: Vec<_> = (1..=5).map(|id| bind(&mut sessions, id, &one).unwrap()).collect();
    assert_eq!(standing(&sessions), (5, 10, 1));
    sessions.replace_policy(slots[0], &other).unwrap();
    assert_eq!(standing(&sessions), (5, 30, 2));
    sessions.replace_policy(slots[1], &other).unwrap();
    sessions.replace_policy(slots[1], &other).unwrap();
    assert_eq!(standing(&sessions), (5, 30, 2));
    let roots = |cgroup| sessions.maps.sessions.get(&Wire(cgroup), 0).unwrap().0;
    assert_eq!((roots(1).root, roots(1).net), (roots(2).root, roots(2).net));
    assert_eq!((roots(3).root, roots(3).net), (roots(5).root, roots(5).net));
    assert_ne!(roots(1).net, roots(3).net);
    // No binding of a policy has the number of another: five sessions, then three replaced policies.
    assert_eq!([1, 2, 3, 4, 5].map(|id| roots(id).generation), [6, 8, 3, 4, 5]);
    for slot in &slots[2..] {
        assert_eq!(standing(&sessions).1, 30);
        sessions.unbind(*slot).unwrap();
    }
    assert_eq!(standing(&sessions), (2, 20, 1));
    for slot in &slots[..2] {
        assert_eq!(standing(&sessions).1, 20);
        sessions.unbind(*slot).unwrap();
    }
    assert_eq!((standing(&sessions), levels(&sessions)), ((0, 0, 0), 0));
    assert!(matches!(sessions.unbind(slots[0]), Err(KernelError::Unbound { .. })));
}

#[test]
fn sessions_with_folders_of_their_own_share_the_rest() {
    let Some(mut sessions) = sessions() else { return };
    let shared = policy(b'a', 10);
    let in_own = |name: u8| {
        let node = Node { id: 11, ..shared.root };
        Compiled { own: Some(Own { name: [name; CHUNK], node }), ..shared.clone() }
    };
    let step = |sessions: &Sessions, generation: u32, name: u8| {
        let key = EdgeKey { parent: generation, more: OWN, name: [name; CHUNK] };
        sessions.policies.edges.get(&Wire(key), 0).ok().map(|node| node.0.id)
    };
    let slots: Vec<_> = (1..=3).map(|id| bind(&mut sessions, id.into(), &in_own(id)).unwrap()).collect();
    assert_eq!(standing(&sessions), (3, 13, 1));
    let root = sessions.bound(slots[0]).unwrap().session.root.id;
    for number in 1..=3 {
        assert_eq!(step(&sessions, number.into(), number), Some(root + 11));
        assert_eq!(step(&sessions, number.into(), number % 3 + 1), None);
    }
    // A new binding has a new number, and the step under the old one goes with it.
    sessions.replace_policy(slots[0], &in_own(9)).unwrap();
    assert_eq!((step(&sessions, 4, 9), step(&sessions, 1, 1)), (Some(root + 11), None));
    assert_eq!(standing(&sessions), (3, 13, 1));
    // No node of the next policy has the number that only an own step leads to.
    let other = bind(&mut sessions, 5, &policy(b'b', 1)).unwrap();
    assert_eq!(sessions.bound(other).unwrap().session.root.id, root + 12);
    for (slot, left) in slots.into_iter().zip([12 + 1, 11 + 1, 1]) {
        sessions.unbind(slot).unwrap();
        assert_eq!(standing(&sessions).1, left);
    }
    sessions.unbind(other).unwrap();
    assert_eq!(standing(&sessions), (0, 0, 0));
}

#[test]
fn a_session_whose_own_step_finds_no_room_leaves_nothing() {
    let Some(mut sessions) = sessions() else { return };
    let shared = policy(b'a', 99);
    let in_own = Compiled { own: Some(Own { name: [1; CHUNK], node: shared.root }), ..shared.clone() };
    bind(&mut sessions, 1, &in_own).unwrap();
    assert!(bind(&mut sessions, 2, &in_own).is_err());
    assert_eq!((standing(&sessions), levels(&sessions)), ((1, 100, 1), 1 << 1));
}

#[test]
fn hooks_look_at_the_levels_of_bound_sessions_only() {
    let Some(mut sessions) = sessions() else { return };
    let policy = policy(b'a', 1);
    let slots: Vec<_> = [2, 10, 5].map(|id| bind(&mut sessions, id, &policy).unwrap()).into();
    assert_eq!(levels(&sessions), 1 << 2 | 1 << 5);
    sessions.unbind(slots[0]).unwrap();
    assert_eq!(levels(&sessions), 1 << 2 | 1 << 5);
    sessions.unbind(slots[1]).unwrap();
    assert_eq!(levels(&sessions), 1 << 5);
}

#[test]
fn a_cgroup_that_is_bound_stays_governed_when_it_is_bound_again() {
    let Some(mut sessions) = sessions() else { return };
    let first = bind(&mut sessions, 7, &policy(b'a', 3)).unwrap();
    sessions.cut(first, Reason::Revoked).unwrap();
    for policy in [policy(b'a', 3), policy(b'b', 4)] {
        assert!(matches!(bind(&mut sessions, 7, &policy), Err(KernelError::Map { .. })));
        assert_eq!((standing(&sessions), levels(&sessions)), ((1, 3, 1), 1 << 7));
    }
    assert_eq!(sessions.maps.sessions.get(&Wire(7), 0).unwrap().0.cut, Reason::Revoked as u32);
    sessions.unbind(first).unwrap();
    assert_eq!(standing(&sessions), (0, 0, 0));
}

#[test]
fn a_policy_that_finds_no_room_leaves_nothing() {
    let Some(mut sessions) = sessions() else { return };
    let small = bind(&mut sessions, 1, &policy(b'a', 60)).unwrap();
    assert!(bind(&mut sessions, 2, &policy(b'b', 60)).is_err());
    assert!(sessions.replace_policy(small, &policy(b'b', 60)).is_err());
    assert_eq!((standing(&sessions), levels(&sessions)), ((1, 60, 1), 1 << 1));
    bind(&mut sessions, 2, &policy(b'b', 40)).unwrap();
    assert_eq!(standing(&sessions), (2, 100, 2));
}

#[test]
fn a_session_takes_its_own_counts_of_reads_and_no_others_with_it() {
    let Some(mut sessions) = sessions() else { return };
    let policy = policy(b'a', 1);
    let slots: Vec<_> = [1, 2, 3].map(|id| bind(&mut sessions, id, &policy).unwrap()).into();
    // More than one call brings, for slots 0 and 1; slot 2 has read nothing.
    for inode in 0..10_000_u64 {
        let slot = u32::from(inode % 100 == 0);
        let key = ReadKey { inode, device: 1, slot };
        sessions.maps.reads.insert(Wire(key), Wire(inode + 1), 0).unwrap();
    }
    for slot in 0..2 {
        let state = State { counted_reads: 1, ..State::default() };
        sessions.maps.states.set(slot, Wire(state), 0).unwrap();
    }
    let mut counts = sessions.read_counts(slots[1]).unwrap();
    counts.sort_by_key(|(key, _)| key.inode);
    let wanted: Vec<_> = (0..100).map(|n| n * 100).collect();
    assert_eq!(counts.iter().map(|(key, _)| key.inode).collect::<Vec<_>>(), wanted);
    assert!(counts.iter().all(|(key, count)| *count == key.inode + 1 && key.slot == 1));
    assert_eq!(sessions.read_counts(slots[0]).unwrap().len(), 9_900);
    assert_eq!(sessions.read_counts(slots[2]).unwrap(), []);
    assert_eq!(sessions.unbind(slots[1]).unwrap().counted_reads, 1);
    assert_eq!(sessions.read_counts(slots[0]).unwrap().len(), 9_900);
    sessions.unbind(slots[0]).unwrap();
    let mut left = 0;
    each(&sessions.maps.reads, "count", |_, _| left += 1).unwrap();
    assert_eq!(left, 0);
}
