//! Which policies stand in the kernel, and for how many sessions each: equal ones stand once.
//!
//! What can be shared of a policy is found by its digest and then compared with what stands there. The digest alone would
//! not do: whoever makes a [`Compiled`] by hand may leave it out, as the self-test does, and two policies that are taken
//! for one would give a session what another was granted.

use std::collections::BTreeMap;

use gov_common::policy::{EdgeKey, Node};

use crate::policy::{Compiled, NetEntry};

/// The policies, by their numbers in the kernel.
#[derive(Default)]
pub(super) struct Held {
    by_number: BTreeMap<u32, Entry>,
    by_digest: BTreeMap<[u8; 32], u32>,
}

struct Entry {
    content: Content,
    digest: [u8; 32],
    sessions: u32,
}

/// What of a policy stands in the maps once; the rest of it stands with each session.
#[derive(Default)]
pub(super) struct Content {
    pub(super) edges: Vec<(EdgeKey, Node)>,
    pub(super) nets: Vec<NetEntry>,
    pub(super) listens: Vec<NetEntry>,
    /// The last number that a node has, one that only a session's own step leads to among them: the next policy's
    /// numbers begin behind it.
    pub(super) last: u32,
}

impl Content {
    /// What of a policy stands in the maps once.
    pub(super) fn of(policy: &Compiled) -> Self {
        Self {
            edges: policy.edges.clone(),
            nets: policy.nets.clone(),
            listens: policy.listens.clone(),
            last: last(policy),
        }
    }

    /// Whether it is what of `policy` would stand there.
    fn is_of(&self, policy: &Compiled) -> bool {
        self.edges == policy.edges
            && self.nets == policy.nets
            && self.listens == policy.listens
            && self.last == last(policy)
    }
}

/// The last number of a policy's nodes.
fn last(policy: &Compiled) -> u32 {
    let own = policy.own.iter().map(|own| own.node.id);
    policy.edges.iter().map(|(_, node)| node.id).chain(own).max().unwrap_or(0)
}

impl Held {
    /// Counts one session more for a policy that stands already: its number.
    pub(super) fn share(&mut self, policy: &Compiled) -> Option<u32> {
        let number = *self.by_digest.get(&policy.shared)?;
        let entry = self.by_number.get_mut(&number)?;
        if !entry.content.is_of(policy) {
            return None;
        }
        entry.sessions = entry.sessions.checked_add(1)?;
        Some(number)
    }

    /// Holds a policy that was put in under a number of its own, for one session.
    pub(super) fn add(&mut self, number: u32, digest: [u8; 32], content: Content) {
        self.by_digest.insert(digest, number);
        self.by_number.insert(number, Entry { content, digest, sessions: 1 });
    }

    /// Holds a policy that another daemon has put in. Nobody else shares it: its digest is not known.
    pub(super) fn take_over(&mut self, number: u32, content: Content, sessions: u32) {
        self.by_number.insert(number, Entry { content, digest: [0; 32], sessions });
    }

    /// Counts one session less; when it was the last, what has to be taken out.
    pub(super) fn release(&mut self, number: u32) -> Option<Content> {
        let entry = self.by_number.get_mut(&number)?;
        entry.sessions = entry.sessions.saturating_sub(1);
        if entry.sessions > 0 {
            return None;
        }
        let Entry { content, digest, .. } = self.by_number.remove(&number)?;
        if self.by_digest.get(&digest) == Some(&number) {
            self.by_digest.remove(&digest);
        }
        Some(content)
    }
}

#[cfg(test)]
mod tests {
    use gov_common::policy::CHUNK;

    use super::*;
    use crate::policy::Own;

    fn policy(name: u8, digest: u8) -> Compiled {
        let key = EdgeKey { parent: 0, more: 0, name: [name; CHUNK] };
        Compiled {
            edges: vec![(key, Node { id: 1, ..Node::default() })],
            shared: [digest; 32],
            ..Compiled::default()
        }
    }

    fn add(held: &mut Held, number: u32, policy: &Compiled) {
        held.add(number, policy.shared, Content::of(policy));
    }

    #[test]
    fn a_policy_is_held_until_its_last_session_lets_it_go() {
        let mut held = Held::default();
        assert_eq!(held.share(&policy(b'a', 1)), None);
        add(&mut held, 10, &policy(b'a', 1));
        assert_eq!(held.share(&policy(b'a', 1)), Some(10));
        assert_eq!(held.share(&policy(b'b', 2)), None);
        assert!(held.release(10).is_none());
        assert_eq!(held.share(&policy(b'a', 1)), Some(10));
        assert!(held.release(10).is_none());
        assert_eq!(held.release(10).unwrap().edges, policy(b'a', 1).edges);
        assert!(held.release(10).is_none());
        assert_eq!(held.share(&policy(b'a', 1)), None);
    }

    #[test]
    fn a_step_of_ones_own_leads_to_no_number_of_another_policy() {
        let alone = policy(b'a', 1);
        let in_own = |id| Compiled {
            own: Some(Own { name: [b'o'; CHUNK], node: Node { id, ..Node::default() } }),
            ..alone.clone()
        };
        let mut held = Held::default();
        add(&mut held, 10, &alone);
        assert_eq!(held.share(&in_own(2)), None);
        assert_eq!(held.share(&in_own(1)), Some(10));
        add(&mut held, 20, &in_own(2));
        assert_eq!(held.share(&in_own(2)), Some(20));
        assert_eq!(held.share(&in_own(3)), None);
    }

    #[test]
    fn policies_of_one_digest_that_differ_are_not_one() {
        let mut held = Held::default();
        add(&mut held, 10, &policy(b'a', 0));
        assert_eq!(held.share(&policy(b'b', 0)), None);
        add(&mut held, 20, &policy(b'b', 0));
        assert_eq!(held.share(&policy(b'b', 0)), Some(20));
        assert_eq!(held.release(10).unwrap().edges, policy(b'a', 0).edges);
        assert_eq!(held.share(&policy(b'b', 0)), Some(20));
        for _ in 0..2 {
            assert!(held.release(20).is_none());
        }
        assert_eq!(held.release(20).unwrap().edges, policy(b'b', 0).edges);
    }
}
