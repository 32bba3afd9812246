//! A compiled policy: a tree of path components with the rights that hold at and below each, and a table of
//! network prefixes.
//!
//! The daemon compiles it, the kernel walks it. A path `/project/src` is two edges: root --`project`--> a
//! --`src`--> b. A node holds the rights of every grant at or above it, so the deepest node that a path reaches
//! decides. A component longer than [`CHUNK`] bytes is several edges, so that every name of up to 255 bytes is
//! matched byte for byte and never by a hash or a prefix.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Bytes of a component that one edge holds.
pub const CHUNK: usize = 64;
/// Components of a path that the kernel walks; a deeper object is refused ([`crate::verdict::Reason::TooDeep`]).
pub const MAX_DEPTH: usize = 64;
/// The longest component that Linux allows (`NAME_MAX`).
pub const MAX_NAME: usize = 255;
/// The scope index that says "no scope": nothing granted it.
pub const NO_SCOPE: u16 = u16::MAX;

/// One step down the tree. Map `EDGES`: [`EdgeKey`] to [`Node`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct EdgeKey {
    /// The node that the step starts from; unique over all policies, so a key names its policy too. With [`OWN`] it is
    /// the number of the session's binding, [`crate::abi::Session::generation`], so a key names its session.
    pub parent: u32,
    /// [`MORE`] when the component goes on in a further edge, [`OWN`] when the step is one session's own, else 0.
    pub more: u32,
    /// The component's bytes (or one chunk of them), zero-padded; a component holds no NUL.
    pub name: [u8; CHUNK],
}

/// In [`EdgeKey::more`]: the component goes on in a further edge.
pub const MORE: u32 = 1;
/// In [`EdgeKey::more`]: the step leads from a node with [`NODE_OWN`] to what is one session's own, and no session that
/// shares the rest of the policy has it. Its component is one edge long.
pub const OWN: u32 = 2;

/// What holds at a node and, unless a deeper node says more, below it. Zero-padded, no implicit padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Node {
    /// This node's number, the `parent` of the edges below it.
    pub id: u32,
    /// [`crate::rights::Rights`] bits of all grants at or above this node, closure applied.
    pub rights: u8,
    /// Bits `NODE_*`.
    pub flags: u8,
    /// Index of the scope that grants reading here, or [`NO_SCOPE`].
    pub read_scope: u16,
    /// Index of the scope that grants writing here, or [`NO_SCOPE`].
    pub write_scope: u16,
    /// Index of the scope that grants executing here, or [`NO_SCOPE`].
    pub execute_scope: u16,
    /// Index of the scope that grants connecting to local sockets here, or [`NO_SCOPE`].
    pub connect_scope: u16,
    /// Zero.
    pub reserved: u16,
}

/// A `code:execute` scope names exactly this file: it may be executed even if it is a shell.
pub const NODE_EXECUTE_NAMED: u8 = 1;

/// The object itself stays as it is, whatever holds below it: something that gov keeps to itself is reached through it.
pub const NODE_KEPT: u8 = 2;
/// What is not granted here no scope grants: gov keeps it to itself.
pub const NODE_RESERVED: u8 = 4;
/// One of the steps from here is the session's own, under [`OWN`]; it comes before those that are shared.
pub const NODE_OWN: u8 = 8;

/// The part of a network rule's key that longest-prefix matching runs over.
/// Map `NETS`: an LPM trie of this behind its `u32` prefix length; IPv4 stands as IPv4-mapped IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct NetKey {
    /// The policy's number, with [`LISTENING`] where the prefix is one of own addresses to listen on; the first 32
    /// bits of every prefix.
    pub policy: u32,
    /// The address in network order, IPv4 as `::ffff:a.b.c.d`.
    pub address: [u8; 16],
}

/// In [`NetKey::policy`]: what the prefix grants is listening there, not connecting.
pub const LISTENING: u32 = 1 << 31;

/// Port ranges that one prefix grants.
pub const MAX_PORT_RANGES: usize = 8;

/// What a prefix grants. The compiler merges the rules of every covering prefix into the longer one, because a
/// longest-prefix match finds only one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct NetRule {
    /// Granted ranges of ports, both ends included; only the first `count` mean anything. None: refused.
    pub ports: [PortRange; MAX_PORT_RANGES],
    /// How many of `ports` mean something.
    pub count: u32,
}

/// An inclusive range of ports and the scope that grants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct PortRange {
    /// The first port, host order.
    pub first: u16,
    /// The last port, host order.
    pub last: u16,
    /// Index of the granting scope.
    pub scope: u16,
}

const _: () = assert!(size_of::<EdgeKey>() == 72);
const _: () = assert!(size_of::<Node>() == 16);
const _: () = assert!(size_of::<NetKey>() == 20);
const _: () = assert!(size_of::<NetRule>() == 52);
