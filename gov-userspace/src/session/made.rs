//! Events that tests make up.

use gov_common::event::Action;
use gov_common::rights::Rights;
use gov_common::verdict::Reason;

use crate::event::{Event, Extra, Object, Task};
use crate::host::standing::Node;

/// A granted act on a path, at which `found` stands.
pub(super) fn act(action: Action, path: &[u8], found: Option<Node>) -> Event {
    Event {
        session: 1,
        sequence: 0,
        produced: 0,
        time_ns: 1_000_000_007,
        decider: 1,
        task: Task { pid: 1, tid: 1, parent: 0, start_ns: 1, uid: 0, gid: 0, comm: b"sh".to_vec() },
        action,
        reason: Reason::Granted,
        wanted: Rights::WRITE,
        object: Some(Object {
            path: path.to_vec(),
            device: found.map_or(0, |node| node.device),
            inode: found.map_or(0, |node| node.inode),
            cut: false,
            unlinked: false,
        }),
        address: None,
        detail: 0,
        target: 0,
        scope: None,
        extra: Extra::None,
        extra_cut: false,
        enforced: true,
    }
}
