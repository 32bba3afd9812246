//! The tree of path components, and its edges as the kernel walks them.

use std::collections::BTreeMap;

use gov_common::policy::{CHUNK, EdgeKey, NO_SCOPE, NODE_EXECUTE_NAMED, Node};
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

    /// Numbers the tree from the root down: its root, and every edge with the node that it leads to.
    pub(super) fn number(&self) -> (Node, Vec<(EdgeKey, Node)>) {
        let nothing = Node {
            read_scope: NO_SCOPE,
            write_scope: NO_SCOPE,
            execute_scope: NO_SCOPE,
            connect_scope: NO_SCOPE,
            ..Node::default()
        };
        let root = self.node(0, nothing);
        let mut edges = Vec::new();
        self.number_children(root, &mut edges);
        (root, edges)
    }

    fn number_children(&self, parent: Node, edges: &mut Vec<(EdgeKey, Node)>) {
        let directory = Node { flags: 0, ..parent };
        // Long names that start alike share the nodes of the parts that are alike.
        let mut passed: BTreeMap<(u32, &[u8]), u32> = BTreeMap::new();
        for (component, child) in &self.children {
            let mut from = parent.id;
            let mut rest = component.as_slice();
            while let Some((part, after)) =
                rest.split_first_chunk::<CHUNK>().filter(|(_, after)| !after.is_empty())
            {
                from = *passed.entry((from, part)).or_insert_with(|| {
                    let id = next_id(edges);
                    edges.push((EdgeKey { parent: from, more: 1, name: *part }, Node { id, ..directory }));
                    id
                });
                rest = after;
            }
            let node = child.node(next_id(edges), directory);
            edges.push((EdgeKey { parent: from, more: 0, name: padded(rest) }, node));
            child.number_children(node, edges);
        }
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
            flags: if self.named { NODE_EXECUTE_NAMED } else { 0 },
            read_scope: reading.unwrap_or(above.read_scope),
            write_scope: self.write.unwrap_or(above.write_scope),
            execute_scope: self.execute.unwrap_or(above.execute_scope),
            connect_scope: self.connect.unwrap_or(above.connect_scope),
            reserved: 0,
        }
    }
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
