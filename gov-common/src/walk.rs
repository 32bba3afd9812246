//! The walk: from an object up to the root of its mount namespace, then down the policy's tree.
//!
//! Up, [`climb`] follows `d_parent` and hops from a mount's root to its mountpoint, and writes the names that it
//! passes into [`Walk`] from the end of the buffer backwards, so that the finished text is the object's path.
//! Down, [`descend`] takes one edge of the policy's tree for each component. Neither ever looks at a string that
//! the caller of a system call wrote.
//!
//! Both are generic over [`Memory`], which is the kernel's memory and maps in the hooks and a model in the tests.

use crate::hidden::Hidden;
use crate::policy::{CHUNK, MAX_DEPTH, MAX_NAME, MORE, NODE_OWN, Node, OWN};
use crate::verdict::Reason;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Bytes of path that a walk holds; a longer path is [`Reason::TooDeep`].
pub const TEXT: usize = 4096;
/// Room behind the text so that a copy of one whole name is in bounds wherever it starts.
const SLACK: usize = MAX_NAME + 1;
/// Entries of the component table: a power of two at or above `MAX_DEPTH`, so that an index is bounded by a mask.
const TABLE: usize = 128;
/// Edges that the longest name takes.
const MAX_CHUNKS: usize = MAX_NAME.div_ceil(CHUNK);

/// What [`climb`] asks of a directory entry: one read each.
#[derive(Clone, Copy, Debug, Default)]
pub struct Entry {
    /// Address of the parent entry; its own at the root of a file system.
    pub parent: u64,
    /// Address of the name's bytes.
    pub name: u64,
    /// Length of the name in bytes.
    pub length: u32,
}

/// What [`climb`] asks of a mount.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mount {
    /// Address of the mount that this one stands on; its own at the root of the namespace.
    pub parent: u64,
    /// Address of the directory entry that it covers.
    pub mountpoint: u64,
    /// Address of the entry that is the root of the mount.
    pub root: u64,
}

/// What the walk reads: the kernel's memory and the policy's edges.
pub trait Memory {
    /// The directory entry at an address, `None` on a fault.
    fn entry(&self, address: u64) -> Option<Entry>;
    /// The mount at an address, `None` on a fault.
    fn mount(&self, address: u64) -> Option<Mount>;
    /// Copies `length` bytes (1 to 255) from `address` to `text[at..]`; false on a fault. `at` is below [`TEXT`].
    fn name(&self, address: u64, length: usize, text: &mut Text, at: usize) -> bool;
    /// The node that the edge of `length` bytes (1 to [`CHUNK`]) of `text[at..]` leads to; `parent` and `more` as in
    /// [`crate::policy::EdgeKey`].
    fn edge(&self, parent: u32, more: u32, text: &Text, at: usize, length: usize) -> Option<Node>;
}

/// The buffer that a path is written into from its end.
pub type Text = [u8; TEXT + SLACK];

/// A walk's state and result. Lives in map memory; [`climb`] sets all of it before anything reads it.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Walk {
    entry: Hidden<u64>,
    mount: Hidden<u64>,
    root: Hidden<u64>,
    /// Where the path begins in `text`.
    start: Hidden<u32>,
    /// Components and mounts passed.
    steps: Hidden<u32>,
    here: Hidden<Node>,
    /// The end of `here`'s path is the end of the object's path.
    exact: Hidden<u32>,
    /// The number that the session's own step stands under.
    own: Hidden<u32>,
    /// For each step up: where its component stands in `text`; 0 for a mount hop.
    component: [Component; TABLE],
    text: Text,
}

/// One component: where it stands in the text and how long it is.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Component {
    at: u16,
    length: u16,
}

impl Walk {
    /// A walk that has gone nowhere.
    pub const NEW: Self = zerocopy::transmute!([0u8; size_of::<Self>()]);

    /// Forgets where it has been.
    #[inline(always)]
    pub fn reset(&mut self) {
        self.start.set(TEXT as u32);
        self.steps.set(0);
    }

    /// Stands at the root of a policy's tree, as the session whose binding has the number `own`.
    #[inline(always)]
    pub fn enter(&mut self, root: Node, own: u32) {
        self.here.set(root);
        self.own.set(own);
        self.exact.set(0);
    }

    /// Goes nowhere: the path of an object that no tree holds is a slash and its own name, if it has one.
    #[expect(
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        reason = "a name is at most MAX_NAME bytes long, less than TEXT"
    )]
    #[inline(always)]
    pub fn stay<M: Memory>(&mut self, memory: &M, entry: u64) {
        self.reset();
        let Some(this) = memory.entry(entry) else { return };
        if this.length == 0 || this.length > MAX_NAME as u32 {
            return;
        }
        let length = this.length & MAX_NAME as u32;
        let slash = TEXT as u32 - length - 1;
        self.text[slash as usize] = b'/';
        if memory.name(this.name, length as usize, &mut self.text, slash as usize + 1) {
            self.start.set(slash);
        }
    }

    /// Where the path begins in [`Walk::text`]; it ends at [`TEXT`]. The path of `/` itself is empty.
    #[inline(always)]
    pub fn start(&self) -> usize {
        self.start.get() as usize
    }

    /// The buffer that the path stands in.
    #[inline(always)]
    pub const fn text(&self) -> &Text {
        &self.text
    }

    /// Where the last component begins and how long it is; 0 long for `/` and where the object is a mount's root.
    #[inline(always)]
    pub fn last(&self) -> (usize, usize) {
        if self.steps.get() == 0 {
            return (0, 0);
        }
        let last = self.component[0];
        (last.at as usize, last.length as usize)
    }

    /// The deepest node that the last [`descend`] reached, and whether it is the object's own.
    #[inline(always)]
    pub fn reached(&self) -> (Node, bool) {
        (self.here.get(), self.exact.get() != 0)
    }
}

/// Climbs from `entry` on `mount` to the root of the namespace. [`Reason::Granted`] means that the path is whole.
#[expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "every index is masked or below a constant, every difference is checked before it is taken"
)]
#[inline(always)]
pub fn climb<M: Memory>(memory: &M, walk: &mut Walk, entry: u64, mount: u64) -> Reason {
    walk.start.set(TEXT as u32);
    walk.steps.set(0);
    walk.entry.set(entry);
    walk.mount.set(mount);
    // Fail closed: an object whose mount cannot be read has no path.
    let Some(first) = memory.mount(mount) else { return Reason::Unreadable };
    walk.root.set(first.root);
    let mut step = 0;
    while step < MAX_DEPTH {
        let at = walk.entry.get();
        if at == walk.root.get() {
            // At the root of a mount: go on at the entry that the mount covers.
            let Some(this) = memory.mount(walk.mount.get()) else { return Reason::Unreadable };
            if this.parent == walk.mount.get() {
                walk.steps.set(step as u32);
                return Reason::Granted;
            }
            let Some(below) = memory.mount(this.parent) else { return Reason::Unreadable };
            walk.component[step] = Component { at: 0, length: 0 };
            walk.entry.set(this.mountpoint);
            walk.mount.set(this.parent);
            walk.root.set(below.root);
        } else {
            let Some(this) = memory.entry(at) else { return Reason::Unreadable };
            // Fail closed: an entry without a parent that is not its mount's root has no place in the tree (a
            // file handle opened by number, a bind mount whose source moved away), nor has a name of no length.
            if this.parent == at || this.length == 0 || this.length > MAX_NAME as u32 {
                return Reason::Unreadable;
            }
            let length = this.length & MAX_NAME as u32;
            let end = walk.start.get();
            // Fail closed: a path that is longer than the buffer is not cut, it is refused.
            if end > TEXT as u32 || end < length + 1 {
                return Reason::TooDeep;
            }
            let slash = (end - length - 1) & (TEXT as u32 - 1);
            walk.text[slash as usize] = b'/';
            if !memory.name(this.name, length as usize, &mut walk.text, slash as usize + 1) {
                return Reason::Unreadable;
            }
            // The next copy overwrites nothing: it ends where this one starts.
            walk.component[step] = Component { at: slash as u16 + 1, length: length as u16 };
            walk.start.set(slash);
            walk.entry.set(this.parent);
        }
        step += 1;
    }
    Reason::TooDeep
}

/// Descends the policy's tree from `root`, as [`Walk::enter`] says, along the path of a walk that [`climb`] finished;
/// the result is [`Walk::reached`]. A component that has no edge ends the descent: what holds at the deepest node holds
/// below.
#[inline(always)]
pub fn descend<M: Memory>(memory: &M, walk: &mut Walk, root: Node, own: u32) {
    walk.enter(root, own);
    descend_by(|turn| descend_one(memory, walk, turn));
}

/// Takes one component after the other until `one` says that there are no more.
#[expect(clippy::arithmetic_side_effects, reason = "a counter below MAX_DEPTH")]
#[inline(always)]
pub fn descend_by(mut one: impl FnMut(usize) -> bool) {
    let mut turn = 0;
    while turn < MAX_DEPTH && one(turn) {
        turn += 1;
    }
}

/// Takes the component that is `turn` steps below the root; whether the descent goes on.
#[expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "every index is masked, and a step below the table's length has a component"
)]
#[inline(always)]
pub fn descend_one<M: Memory>(memory: &M, walk: &mut Walk, turn: usize) -> bool {
    let steps = walk.steps.get() as usize;
    if steps <= turn {
        walk.exact.set(1);
        return false;
    }
    let component = walk.component[(steps - 1 - turn) & (TABLE - 1)];
    // A component of no length is a mount that was passed: it has no name of its own.
    component.length == 0
        || take_own(memory, walk, component).is_some()
        || take(memory, walk, component).is_some()
}

/// Takes the session's own edge of one component, where there may be one; `None` if it is not the session's own.
#[inline(always)]
fn take_own<M: Memory>(memory: &M, walk: &mut Walk, component: Component) -> Option<()> {
    let length = component.length as usize;
    // A longer name is nobody's own: a part of it must not be taken for all of it.
    if walk.here.get().flags & NODE_OWN == 0 || length > CHUNK {
        return None;
    }
    let at = component.at as usize & (2 * TEXT - 1);
    let to = memory.edge(walk.own.get(), OWN, &walk.text, at, length)?;
    walk.here.set(to);
    Some(())
}

/// Takes the edges of one component; `None` if there are none, and then the walk stays where it is.
#[expect(clippy::arithmetic_side_effects, reason = "offsets stay below TEXT, lengths below 256")]
#[inline(always)]
fn take<M: Memory>(memory: &M, walk: &mut Walk, component: Component) -> Option<()> {
    let mut from = walk.here.get();
    let mut chunk = 0;
    while chunk < MAX_CHUNKS {
        let passed = chunk * CHUNK;
        let left = (component.length as usize & MAX_NAME) - passed;
        let more = left > CHUNK;
        let length = if more { CHUNK } else { left };
        let at = (component.at as usize & (2 * TEXT - 1)) + passed;
        let to = memory.edge(from.id, if more { MORE } else { 0 }, &walk.text, at, length)?;
        if !more {
            walk.here.set(to);
            return Some(());
        }
        from = to;
        chunk += 1;
    }
    None
}
