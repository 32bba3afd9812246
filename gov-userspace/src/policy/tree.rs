//! The tree of path components, and its edges as the kernel walks them.

use std::collections::BTreeMap;

use gov_common::policy::{
    CHUNK, EdgeKey, MORE, NO_SCOPE, NODE_EXECUTE_NAMED, NODE_KEPT, NODE_OWN, NODE_RESERVED, Node, OWN,
};
use gov_common::rights::Rights;

use crate::scope::FileRight;

/// One path, with what is granted exactly there.
#[derive(Default)]
pub(super) struct Branch {
    children: BTreeMap<Vec<u8>, Branch>,
    /// The lowest index of a scope that grants reading, writing, executing here.
    read: Option<u16>,
    write: Option<u16>,
    execute: Option<u16>,
    /// The same for connecting to local sockets.
    connect: Option<u16>,
    /// A `code:execute` names this very file.
    named: bool,
    /// What comes of grants above this path.
    border: Option<Border>,
    /// The object here stays as it is.
    kept: bool,
    /// The child that is the session's own.
    own: Option<Vec<u8>>,
}

/// A tree's nodes, each by the edge that leads to it.
pub(super) struct Numbered {
    pub(super) root: Node,
    pub(super) edges: Vec<(EdgeKey, Node)>,
    /// The edge to what is the session's own; its parent means nothing.
    pub(super) own: Option<(EdgeKey, Node)>,
}

/// What comes, at a path, of grants above it.
#[derive(Clone, Copy)]
pub(super) enum Border {
    /// No more than these rights, which are all that scopes may grant here.
    Kept(Rights),
    /// Nothing: only scopes count that name this path or one below it.
    Apart,
    /// These rights, whatever borders lie above.
    Open(Rights),
}

/// A node, and what it would be without borders.
#[derive(Clone, Copy)]
struct Held {
    node: Node,
    whole: Node,
}

/// What is granted at a path.
pub(super) enum Grant {
    /// A right on files.
    File {
        /// The right.
        right: FileRight,
        /// A `code:execute` names this very file.
        named: bool,
    },
    /// Connecting to local sockets.
    Connect,
}

impl Branch {
    /// Adds a grant; `self` is the root. Indices come in rising order.
    pub(super) fn grant(&mut self, components: Vec<Vec<u8>>, grant: Grant, index: u16) {
        let mut at = self;
        for component in components {
            at = at.children.entry(component).or_default();
        }
        at.named |= matches!(grant, Grant::File { named: true, .. });
        let slot = match grant {
            Grant::File { right: FileRight::Read, .. } => &mut at.read,
            Grant::File { right: FileRight::Write, .. } => &mut at.write,
            Grant::File { right: FileRight::Execute, .. } => &mut at.execute,
            Grant::Connect => &mut at.connect,
        };
        slot.get_or_insert(index);
    }

    /// Draws a border at a place if a grant above reaches across it; whether one does. The place stays where it is.
    pub(super) fn limit(&mut self, place: &[Vec<u8>], border: Border) -> bool {
        if !self.grants_above(place) {
            return false;
        }
        let at = self.keep_above(place);
        at.kept |= matches!(border, Border::Apart);
        at.border = Some(match (at.border, border) {
            (Some(Border::Kept(one)), Border::Kept(other)) => Border::Kept(both(one, other)),
            (Some(kept @ Border::Kept(_)), Border::Apart) => kept,
            _any => border,
        });
        true
    }

    /// Keeps the object at a place as it is, and where it is, if a grant reaches it.
    pub(super) fn keep(&mut self, place: &[Vec<u8>]) {
        if self.grants_above(place) || self.at(place).is_some_and(Self::grants) {
            self.keep_above(place).kept = true;
        }
    }

    /// The branch at a place, everything above which stays as it is.
    fn keep_above(&mut self, place: &[Vec<u8>]) -> &mut Self {
        let mut at = self;
        for component in place {
            at.kept = true;
            at = at.children.entry(component.clone()).or_default();
        }
        at
    }

    /// Whether something is granted at a path above a place.
    fn grants_above(&self, place: &[Vec<u8>]) -> bool {
        let mut at = Some(self);
        for component in place {
            let Some(here) = at else { return false };
            if here.grants() {
                return true;
            }
            at = here.children.get(component);
        }
        false
    }

    /// Makes what is known at a place the session's own. A name that takes several edges stays among the shared ones:
    /// it is found there, and the policy is shared by nobody.
    pub(super) fn set_own(&mut self, place: &[Vec<u8>]) {
        let Some((name, above)) = place.split_last().filter(|(name, _)| name.len() <= CHUNK) else { return };
        let parent = above.iter().try_fold(self, |at, component| at.children.get_mut(component));
        if let Some(parent) = parent.filter(|parent| parent.children.contains_key(name)) {
            parent.own = Some(name.clone());
        }
    }

    fn at(&self, place: &[Vec<u8>]) -> Option<&Self> {
        place.iter().try_fold(self, |at, component| at.children.get(component))
    }

    fn grants(&self) -> bool {
        [self.read, self.write, self.execute, self.connect].iter().any(Option::is_some)
    }

    /// Numbers the tree from the root down. What is shared is the same whatever the name is of the session's own.
    pub(super) fn number(&self) -> Numbered {
        let nothing = only(Node::default(), Rights::NONE);
        let root = self.held(0, Held { node: nothing, whole: nothing });
        let mut edges = Vec::new();
        self.number_children(root, &mut edges);
        let own = edges.iter().position(|(key, _)| key.more == OWN).map(|at| edges.remove(at));
        Numbered { root: root.node, edges, own }
    }

    fn number_children(&self, parent: Held, edges: &mut Vec<(EdgeKey, Node)>) {
        let Held { node: parent, whole } = parent;
        let directory = Node { flags: parent.flags & NODE_RESERVED, ..parent };
        // Long names that start alike share the nodes of the parts that are alike.
        let mut passed: BTreeMap<(u32, &[u8]), u32> = BTreeMap::new();
        // The session's own comes last: its place among the others would tell its name.
        let is_own = |component| self.own.as_ref() == Some(component);
        let (own, others): (Vec<_>, Vec<_>) = self.children.iter().partition(|(name, _)| is_own(*name));
        for (component, child) in others.into_iter().chain(own) {
            let mut from = parent.id;
            let mut rest = component.as_slice();
            while let Some((part, after)) =
                rest.split_first_chunk::<CHUNK>().filter(|(_, after)| !after.is_empty())
            {
                from = *passed.entry((from, part)).or_insert_with(|| {
                    let id = next_id(edges);
                    edges.push((EdgeKey { parent: from, more: MORE, name: *part }, Node { id, ..directory }));
                    id
                });
                rest = after;
            }
            let held = child.held(next_id(edges), Held { node: directory, whole });
            let more = if is_own(component) { OWN } else { 0 };
            edges.push((EdgeKey { parent: from, more, name: padded(rest) }, held.node));
            child.number_children(held, edges);
        }
    }

    /// This branch's node, given what holds above it.
    fn held(&self, id: u32, above: Held) -> Held {
        let whole = self.node(id, above.whole);
        let node = match self.border {
            None => self.node(id, above.node),
            Some(Border::Kept(leaving)) => {
                let left = only(above.node, leaving);
                self.node(id, Node { flags: NODE_RESERVED, ..left })
            }
            Some(Border::Apart) => self.node(id, only(above.node, Rights::NONE)),
            Some(Border::Open(rights)) => only(whole, rights),
        };
        let kept = if self.kept { NODE_KEPT } else { 0 };
        let own = if self.own.is_some() { NODE_OWN } else { 0 };
        Held { node: Node { flags: node.flags | kept | own, ..node }, whole }
    }

    /// This branch's node, given what holds in the directory that it stands in.
    fn node(&self, id: u32, above: Node) -> Node {
        let granted = [
            (self.read, Rights::READ),
            (self.write, Rights::WRITE),
            (self.execute, Rights::EXECUTE),
            (self.connect, Rights::CONNECT),
        ];
        let own = granted
            .into_iter()
            .filter(|(scope, _)| scope.is_some())
            .fold(Rights::NONE, |rights, (_, right)| rights.with(right));
        let reading = [self.read, self.write, self.execute].into_iter().flatten().min();
        Node {
            id,
            rights: Rights::from_bits(above.rights).with(own).closure().bits(),
            flags: above.flags & NODE_RESERVED | if self.named { NODE_EXECUTE_NAMED } else { 0 },
            read_scope: reading.unwrap_or(above.read_scope),
            write_scope: self.write.unwrap_or(above.write_scope),
            execute_scope: self.execute.unwrap_or(above.execute_scope),
            connect_scope: self.connect.unwrap_or(above.connect_scope),
            reserved: 0,
        }
    }
}

/// The node with no more than these rights.
fn only(node: Node, rights: Rights) -> Node {
    let left = both(Rights::from_bits(node.rights), rights);
    let scope = |right, scope| if left.covers(right) { scope } else { NO_SCOPE };
    Node {
        rights: left.bits(),
        read_scope: scope(Rights::READ, node.read_scope),
        write_scope: scope(Rights::WRITE, node.write_scope),
        execute_scope: scope(Rights::EXECUTE, node.execute_scope),
        connect_scope: scope(Rights::CONNECT, node.connect_scope),
        ..node
    }
}

/// The rights that are in both sets.
fn both(one: Rights, other: Rights) -> Rights {
    Rights::from_bits(one.bits() & other.bits())
}

/// Ids count the edges so far, and the root is 0.
fn next_id(edges: &[(EdgeKey, Node)]) -> u32 {
    u32::try_from(edges.len()).unwrap_or(u32::MAX).saturating_add(1)
}

fn padded(chunk: &[u8]) -> [u8; CHUNK] {
    let mut name = [0; CHUNK];
    for (to, from) in name.iter_mut().zip(chunk) {
        *to = *from;
    }
    name
}
