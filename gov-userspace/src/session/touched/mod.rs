//! The paths that a session's granted acts changed, and what the receipts say of each. It comes out the same whether it
//! is made from the events as they come or from the log that they became.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use gov_common::abi::Kind;
use gov_common::event::Action;
use gov_common::verdict::Reason;

use crate::event::{Event, Extra};
use crate::host::standing::Node;
use crate::receipt::{Change, Count};

/// Paths that are kept; of those beyond it is said how often they were touched.
const MAX_PATHS: usize = 100_000;
/// Bytes that they take together.
const MAX_BYTES: usize = 32 << 20;
/// Receipts that are named of one path: the first ones, and the last.
const MAX_RECEIPTS: usize = 32;

/// The paths that a session's granted acts changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    paths: BTreeMap<Vec<u8>, Touch>,
    bytes: usize,
    beyond: u64,
    /// Mounts were changed, so that any path may name another file since.
    mounted: bool,
}

/// A granted act, as far as it says what became of paths.
#[derive(Clone, Copy, Debug)]
pub(super) struct Act<'a> {
    pub(super) action: Action,
    /// The number of its receipt.
    pub(super) index: u64,
    /// The user who acted.
    pub(super) uid: u32,
    /// Nanoseconds of the boot clock.
    pub(super) time_ns: u64,
    /// The path acted on, and what stood there; `None` where the path is not whole or no name any more.
    pub(super) object: Option<(&'a [u8], Option<Node>)>,
    /// The new path of a rename or link, if it is whole.
    pub(super) to: Option<&'a [u8]>,
}

/// What the receipts say of one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touch {
    receipts: Vec<u64>,
    count: u64,
    change: Change,
    /// The last file that was named here while it stood here.
    named: Option<Node>,
    /// Since then one of another number may have been made here.
    renewed: bool,
    brought: Brought,
    /// Its name was taken away, or exchanged for that of another one.
    left: bool,
    /// When a file was named or brought here the last time, nanoseconds of the boot clock.
    time_ns: u64,
    /// The user who acted here last.
    uid: u32,
}

/// The file that was given this name: a rename or link may fail though it was granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Brought {
    None,
    One(Node),
    /// Several, or one that has no number.
    Several,
}

impl Touched {
    /// Notes what an event changed whose receipt has the number `index`.
    pub fn note(&mut self, event: &Event, index: u64) {
        if event.reason != Reason::Granted {
            return;
        }
        let object = event.object.as_ref().filter(|object| !object.cut && !object.unlinked);
        self.take(&Act {
            action: event.action,
            index,
            uid: event.task.uid,
            time_ns: event.time_ns,
            object: object.map(|object| (&object.path[..], node(object.device, object.inode))),
            to: match &event.extra {
                Extra::Path(path) if !event.extra_cut => Some(path),
                _other => None,
            },
        });
    }

    /// Notes what a granted act changed.
    pub(super) fn take(&mut self, act: &Act<'_>) {
        self.mounted |= act.action == Action::Mount;
        if act.action.kind() != Kind::Write {
            return;
        }
        let found = act.object.and_then(|(_path, node)| node);
        if let Some((path, _node)) = act.object {
            let change = match act.action {
                Action::Create | Action::CreateDirectory | Action::CreateSymlink => Change::Created,
                Action::ChangeMode
                | Action::ChangeOwner
                | Action::ChangeTimes
                | Action::ChangeAttributes
                | Action::Link => Change::Metadata,
                _content => Change::Changed,
            };
            if let Some(touch) = self.touch(path, change, act) {
                match act.action {
                    Action::Rename => touch.left = true,
                    Action::Create
                    | Action::CreateDirectory
                    | Action::CreateSymlink
                    | Action::Unlink
                    | Action::RemoveDirectory => touch.renewed = true,
                    _stays => {
                        (touch.named, touch.renewed, touch.time_ns) = (found, false, act.time_ns);
                    }
                }
            }
        }
        if let (Action::Rename | Action::Link, Some(path)) = (act.action, act.to)
            && let Some(touch) = self.touch(path, Change::Created, act)
        {
            touch.brought = match (touch.brought, found) {
                (Brought::None, Some(node)) => Brought::One(node),
                (Brought::One(before), Some(node)) if before == node => Brought::One(node),
                _several => Brought::Several,
            };
            touch.time_ns = act.time_ns;
        }
    }

    /// Whether nothing was changed.
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty() && self.beyond == 0
    }

    /// The paths, in order.
    pub(super) fn paths(&self) -> impl ExactSizeIterator<Item = (&[u8], &Touch)> {
        self.paths.iter().map(|(path, touch)| (&path[..], touch))
    }

    /// How often paths were touched that are not kept.
    pub(super) fn beyond(&self) -> u64 {
        self.beyond
    }

    /// The file that should stand at a path, if the one that was found there is certainly none that the session left.
    /// `None` is not the reverse: a receipt says that an act began, and acts of several threads may end in another
    /// order.
    pub(super) fn foreign(&self, path: &[u8], touch: &Touch, found: Node) -> Option<Node> {
        let named = touch.named.filter(|_node| !touch.renewed && !touch.left)?;
        let brought = match touch.brought {
            Brought::None => named,
            Brought::One(node) => node,
            Brought::Several => return None,
        };
        let certain = !self.mounted && self.beyond == 0 && !self.folder_moved(path);
        (found != named && found != brought && certain).then_some(named)
    }

    /// Whether a folder on the way was given another name, or a folder its name.
    fn folder_moved(&self, path: &[u8]) -> bool {
        let folders = Path::new(OsStr::from_bytes(path)).ancestors().skip(1);
        folders
            .filter_map(|folder| self.paths.get(folder.as_os_str().as_bytes()))
            .any(|touch| touch.left || touch.brought != Brought::None)
    }

    fn touch(&mut self, path: &[u8], change: Change, act: &Act<'_>) -> Option<&mut Touch> {
        if !self.paths.contains_key(path) {
            let bytes = self.bytes.saturating_add(path.len());
            if self.paths.len() >= MAX_PATHS || bytes > MAX_BYTES {
                self.beyond = self.beyond.saturating_add(1);
                return None;
            }
            self.bytes = bytes;
            self.paths.insert(path.to_owned(), Touch::new(change));
        }
        let touch = self.paths.get_mut(path)?;
        touch.uid = act.uid;
        touch.add(change, act.index);
        Some(touch)
    }
}

impl Touch {
    fn new(change: Change) -> Self {
        Self {
            receipts: Vec::new(),
            count: 0,
            change,
            named: None,
            renewed: false,
            brought: Brought::None,
            left: false,
            time_ns: 0,
            uid: 0,
        }
    }

    fn add(&mut self, change: Change, index: u64) {
        if self.receipts.last() == Some(&index) {
            return;
        }
        self.count = self.count.saturating_add(1);
        if self.change == Change::Metadata && change != Change::Metadata {
            self.change = Change::Changed;
        }
        match self.receipts.last_mut() {
            Some(last) if self.count > count(MAX_RECEIPTS) => *last = index,
            _room => self.receipts.push(index),
        }
    }

    /// What the session did here.
    pub(super) fn change(&self) -> Change {
        self.change
    }

    /// The numbers of the receipts: the first ones and the last.
    pub(super) fn receipts(&self) -> Vec<Count> {
        self.receipts.iter().copied().map(Count).collect()
    }

    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The user who acted here last.
    pub(super) fn uid(&self) -> u32 {
        self.uid
    }

    /// Whether the receipts name this file here, and when they did so the last time, by the boot clock.
    pub(super) fn names(&self, found: Node) -> Option<u64> {
        let brought = self.brought == Brought::One(found);
        (brought || self.named == Some(found)).then_some(self.time_ns)
    }
}

/// A file that has a number.
pub(super) fn node(device: u32, inode: u64) -> Option<Node> {
    (inode != 0).then_some(Node { device, inode })
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
