//! The decisions: pure functions from what a hook has read to a verdict.

use crate::abi::Session;
use crate::limits::{Budget, UNLIMITED};
use crate::policy::{MAX_PORT_RANGES, NO_SCOPE, NODE_EXECUTE_NAMED, NODE_KEPT, NODE_RESERVED, NetRule, Node};
use crate::rights::Rights;
use crate::sockets::{
    AF_INET, AF_INET6, AF_NETLINK, AF_UNIX, IPPROTO_TCP, IPPROTO_UDP, NETLINK_ROUTE, SOCK_DGRAM, SOCK_STREAM,
};
use crate::verdict::Reason;

/// What one session says to one act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// [`Reason::Granted`], or why not.
    pub reason: Reason,
    /// The scope that grants it, or [`NO_SCOPE`].
    pub scope: u16,
}

impl Verdict {
    /// Refused for a reason.
    #[inline(always)]
    pub const fn refused(reason: Reason) -> Self {
        Self { reason, scope: NO_SCOPE }
    }

    /// Granted by a scope.
    #[inline(always)]
    pub const fn granted(scope: u16) -> Self {
        Self { reason: Reason::Granted, scope }
    }
}

/// Whether the session stands at all at this time (`CLOCK_BOOTTIME` nanoseconds): a session that was cut off, has
/// expired or suffers no more refusals refuses everything. `refusals` and `open_until_ns` are those of its
/// [`crate::abi::State`].
#[inline(always)]
pub fn standing(session: &Session, refusals: u64, open_until_ns: u64, now_ns: u64) -> Reason {
    if session.cut != 0 {
        return cut_reason(session.cut);
    }
    if now_ns >= session.expires_ns {
        return Reason::Expired;
    }
    let most = session.limits.most(Budget::Refusals as usize);
    if most != UNLIMITED && refusals >= most as u64 {
        return Reason::Exhausted;
    }
    if now_ns < open_until_ns {
        return Reason::CircuitOpen;
    }
    Reason::Granted
}

/// Whether a door is open.
#[inline(always)]
pub const fn door(session: &Session, bit: u32) -> Verdict {
    if bit != 0 && session.doors & bit == bit {
        Verdict::granted(NO_SCOPE)
    } else {
        Verdict::refused(Reason::Ground)
    }
}

/// Whether a capability, by its number, is granted.
#[inline(always)]
pub const fn capability(session: &Session, number: u32) -> Verdict {
    if number < 64 && session.capabilities & (1 << number) != 0 {
        Verdict::granted(NO_SCOPE)
    } else {
        Verdict::refused(Reason::OutOfScope)
    }
}

/// The reason that a cut carries. Fail closed: a number that is no reason for cutting is [`Reason::CutOff`].
#[inline(always)]
const fn cut_reason(number: u32) -> Reason {
    const EXPIRED: u32 = Reason::Expired as u32;
    const REVOKED: u32 = Reason::Revoked as u32;
    const EXHAUSTED: u32 = Reason::Exhausted as u32;
    const CIRCUIT_OPEN: u32 = Reason::CircuitOpen as u32;
    match number {
        EXPIRED => Reason::Expired,
        REVOKED => Reason::Revoked,
        EXHAUSTED => Reason::Exhausted,
        CIRCUIT_OPEN => Reason::CircuitOpen,
        _ => Reason::CutOff,
    }
}

/// Whether `wanted` is granted on an object whose deepest node is `node`. `exact` says that the node is the
/// object's own and not one above it; `shell` that executing it is executing a shell; `shells` that the session
/// holds `shell:arbitrary`.
#[inline(always)]
pub const fn file(node: &Node, exact: bool, wanted: Rights, shell: bool, shells: bool) -> Verdict {
    if !Rights::from_bits(node.rights).covers(wanted) {
        let reserved = node.flags & NODE_RESERVED != 0;
        return Verdict::refused(if reserved { Reason::Ground } else { Reason::OutOfScope });
    }
    if exact && node.flags & NODE_KEPT != 0 && wanted.covers(Rights::WRITE) {
        // Renamed, it would take what is reserved below it to a place where it is not.
        return Verdict::refused(Reason::Ground);
    }
    let executes = wanted.covers(Rights::EXECUTE);
    let named = exact && node.flags & NODE_EXECUTE_NAMED != 0;
    if executes && shell && !shells && !named {
        return Verdict::refused(Reason::ShellNotGranted);
    }
    Verdict::granted(if executes {
        node.execute_scope
    } else if wanted.covers(Rights::CONNECT) {
        node.connect_scope
    } else if wanted.covers(Rights::WRITE) {
        node.write_scope
    } else {
        node.read_scope
    })
}

/// What credentials give: the effective user and group, and the capabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Power {
    /// Effective user id.
    pub user: u32,
    /// Effective group id.
    pub group: u32,
    /// Permitted capabilities, a bit each.
    pub capabilities: u64,
}

/// Whether an execution gives its caller power that it does not have: another user's or group's, or capabilities.
/// Root's own capabilities come and go with executions, and `capable` judges their use.
#[inline(always)]
pub const fn gains(before: Power, after: Power) -> bool {
    before.user != after.user
        || before.group != after.group
        || (after.user != 0 && after.capabilities & !before.capabilities != 0)
}

/// Whether a port is granted by the rule of the longest prefix that covers the address.
#[inline(always)]
pub fn net(rule: &NetRule, port: u16) -> Verdict {
    for (index, range) in rule.ports.iter().enumerate() {
        if index < MAX_PORT_RANGES && (index as u32) < rule.count && range.first <= port && port <= range.last
        {
            return Verdict::granted(range.scope);
        }
    }
    Verdict::refused(Reason::OutOfScope)
}

/// Whether a program file's own name is that of a shell.
///
/// The name is the resolved file's, so a symbolic link does not hide a shell; a copy under another name does,
/// and then it is `code:execute` on the copy that decides.
#[inline(always)]
pub fn is_shell(name: &[u8]) -> bool {
    let mut packed = [0; 8];
    for (slot, byte) in packed.iter_mut().zip(name) {
        *slot = *byte;
    }
    is_shell_packed(packed, name.len())
}

/// [`is_shell`] of a name whose first eight bytes, zero-padded, are `packed` and whose length is `length`: the
/// form in which a hook asks.
#[inline(always)]
pub fn is_shell_packed(packed: [u8; 8], length: usize) -> bool {
    const fn word(name: &[u8; 8]) -> u64 {
        u64::from_le_bytes(*name)
    }
    const SHELLS: [u64; 20] = [
        word(b"sh\0\0\0\0\0\0"),
        word(b"bash\0\0\0\0"),
        word(b"dash\0\0\0\0"),
        word(b"rbash\0\0\0"),
        word(b"zsh\0\0\0\0\0"),
        word(b"zsh5\0\0\0\0"),
        word(b"ksh\0\0\0\0\0"),
        word(b"ksh93\0\0\0"),
        word(b"mksh\0\0\0\0"),
        word(b"lksh\0\0\0\0"),
        word(b"fish\0\0\0\0"),
        word(b"csh\0\0\0\0\0"),
        word(b"tcsh\0\0\0\0"),
        word(b"bsd-csh\0"),
        word(b"ash\0\0\0\0\0"),
        word(b"busybox\0"),
        word(b"toybox\0\0"),
        word(b"yash\0\0\0\0"),
        word(b"pwsh\0\0\0\0"),
        word(b"nu\0\0\0\0\0\0"),
    ];
    if length > packed.len() {
        return false;
    }
    let name = u64::from_le_bytes(packed);
    SHELLS.iter().fold(false, |found, shell| found | (*shell == name))
}

/// Whether what a socket of this family, type and protocol reaches can be judged later, when it connects or sends.
/// Raw, packet and vsock sockets and the like reach further than any scope can say, and of TCP over several paths the
/// kernel opens the others by itself.
#[inline(always)]
pub const fn can_judge_socket(family: i32, kind: i32, protocol: i32) -> bool {
    match family {
        AF_UNIX => true,
        AF_INET | AF_INET6 => match kind & 0xf {
            SOCK_STREAM => matches!(protocol, 0 | IPPROTO_TCP),
            SOCK_DGRAM => matches!(protocol, 0 | IPPROTO_UDP),
            _ => false,
        },
        AF_NETLINK => protocol == NETLINK_ROUTE,
        _ => false,
    }
}

/// The address that a connection to `address` (in network order, IPv4 as mapped IPv6) reaches: the unspecified
/// address is the machine itself.
#[inline(always)]
pub fn reached_address(address: [u8; 16]) -> [u8; 16] {
    const UNSPECIFIED: u128 = 0;
    const UNSPECIFIED_V4: u128 = 0xffff_0000_0000;
    match u128::from_be_bytes(address) {
        UNSPECIFIED => 1_u128.to_be_bytes(),
        UNSPECIFIED_V4 => 0xffff_7f00_0001_u128.to_be_bytes(),
        _ => address,
    }
}

#[cfg(test)]
mod tests {
    use super::{
        Power, Verdict, can_judge_socket, capability, door, file, gains, is_shell, net, reached_address,
        standing,
    };
    use crate::abi::Session;
    use crate::doors::Door;
    use crate::limits::Budget;
    use crate::policy::{NODE_EXECUTE_NAMED, NetRule, Node, PortRange};
    use crate::rights::Rights;
    use crate::verdict::Reason;

    fn node(rights: Rights) -> Node {
        let rights = rights.closure().bits();
        Node { rights, read_scope: 1, write_scope: 2, execute_scope: 3, ..Node::default() }
    }

    #[test]
    fn a_right_that_the_node_does_not_hold_is_out_of_scope() {
        let refused = Verdict::refused(Reason::OutOfScope);
        assert_eq!(file(&node(Rights::READ), true, Rights::WRITE, false, true), refused);
        assert_eq!(file(&node(Rights::WRITE), true, Rights::EXECUTE, false, true), refused);
        assert_eq!(file(&node(Rights::NONE), true, Rights::READ, false, true), refused);
        assert_eq!(file(&node(Rights::WRITE), false, Rights::READ, false, false), Verdict::granted(1));
        assert_eq!(file(&node(Rights::WRITE), false, Rights::WRITE, false, false), Verdict::granted(2));
        assert_eq!(file(&node(Rights::EXECUTE), false, Rights::EXECUTE, false, false), Verdict::granted(3));
    }

    #[test]
    fn a_shell_needs_its_own_scope_or_to_be_named_exactly() {
        let plain = node(Rights::EXECUTE);
        let named = Node { flags: NODE_EXECUTE_NAMED, ..plain };
        let refused = Verdict::refused(Reason::ShellNotGranted);
        assert_eq!(file(&plain, true, Rights::EXECUTE, true, false), refused);
        assert_eq!(file(&named, false, Rights::EXECUTE, true, false), refused);
        assert_eq!(file(&named, true, Rights::EXECUTE, true, false), Verdict::granted(3));
        assert_eq!(file(&plain, true, Rights::EXECUTE, true, true), Verdict::granted(3));
        assert_eq!(file(&plain, true, Rights::READ, true, false), Verdict::granted(1));
    }

    #[test]
    fn a_session_stands_until_its_last_nanosecond_or_its_cut() {
        let session = Session { expires_ns: 10, ..Session::default() };
        assert_eq!(standing(&session, 0, 0, 9), Reason::Granted);
        assert_eq!(standing(&session, 0, 0, 10), Reason::Expired);
        let cut = |number: u32| standing(&Session { cut: number, ..session }, 0, 0, 10);
        assert_eq!(cut(Reason::Revoked as u32), Reason::Revoked);
        assert_eq!(cut(Reason::Exhausted as u32), Reason::Exhausted);
        assert_eq!(cut(99), Reason::CutOff);
    }

    #[test]
    fn a_session_stands_while_its_refusals_are_suffered_and_its_circuit_is_closed() {
        let mut session = Session { expires_ns: 10, ..Session::default() };
        assert_eq!(standing(&session, u64::MAX, 9, 9), Reason::Granted);
        assert_eq!(standing(&session, 0, 10, 9), Reason::CircuitOpen);
        session.limits.most[Budget::Refusals as usize] = 3;
        assert_eq!(standing(&session, 2, 0, 9), Reason::Granted);
        assert_eq!(standing(&session, 3, 10, 9), Reason::Exhausted);
    }

    #[test]
    fn a_door_and_a_capability_are_shut_unless_their_own_bit_is_set() {
        let session = Session { doors: Door::Bpf.bit(), capabilities: 1 << 5, ..Session::default() };
        assert_eq!(door(&session, Door::Bpf.bit()).reason, Reason::Granted);
        assert_eq!(door(&session, Door::Mount.bit()).reason, Reason::Ground);
        assert_eq!(door(&session, Door::Never.bit()).reason, Reason::Ground);
        assert_eq!(capability(&session, 5).reason, Reason::Granted);
        for number in [4, 6, 63, 64, u32::MAX] {
            assert_eq!(capability(&session, number).reason, Reason::OutOfScope);
        }
    }

    #[test]
    fn only_executions_that_change_nothing_gain_nothing() {
        let user = Power { user: 1000, group: 1000, capabilities: 0 };
        assert!(!gains(user, user));
        assert!(gains(user, Power { user: 0, ..user }));
        assert!(gains(user, Power { group: 42, ..user }));
        assert!(gains(user, Power { capabilities: 1 << 13, ..user }));
        assert!(!gains(Power { capabilities: 1 << 13, ..user }, user));
        let root = Power::default();
        assert!(!gains(root, Power { capabilities: u64::MAX, ..root }));
        assert!(gains(root, user));
    }

    #[test]
    fn a_port_is_granted_only_inside_a_range_that_counts() {
        let mut rule = NetRule { count: 1, ..NetRule::default() };
        rule.ports[0] = PortRange { first: 80, last: 90, scope: 4 };
        rule.ports[1] = PortRange { first: 0, last: u16::MAX, scope: 5 };
        assert_eq!(net(&rule, 80), Verdict::granted(4));
        assert_eq!(net(&rule, 90), Verdict::granted(4));
        assert_eq!(net(&rule, 79).reason, Reason::OutOfScope);
        assert_eq!(net(&rule, 91).reason, Reason::OutOfScope);
        assert_eq!(net(&NetRule::default(), 0).reason, Reason::OutOfScope);
    }

    #[test]
    fn shells_are_known_by_their_whole_name() {
        for name in ["sh", "bash", "dash", "zsh", "fish", "busybox", "rbash", "ksh93"] {
            assert!(is_shell(name.as_bytes()), "{name}");
        }
        for name in ["", "s", "shx", "bash-static", "python3", "busybox2", "busyboxes"] {
            assert!(!is_shell(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn only_sockets_whose_peer_is_an_address_or_a_path_can_be_judged() {
        assert!(can_judge_socket(1, 1, 0));
        assert!(can_judge_socket(2, 1, 6));
        assert!(can_judge_socket(10, 2 | 0o2000000, 17));
        assert!(!can_judge_socket(2, 3, 255));
        assert!(!can_judge_socket(17, 3, 768));
        assert!(!can_judge_socket(16, 3, 9));
        assert!(!can_judge_socket(40, 1, 0));
    }

    #[test]
    fn the_unspecified_address_is_the_machine_itself() {
        assert_eq!(reached_address([0; 16])[15], 1);
        let mut v4 = [0; 16];
        (v4[10], v4[11]) = (0xff, 0xff);
        assert_eq!(reached_address(v4)[12..], [127, 0, 0, 1]);
        v4[15] = 9;
        assert_eq!(reached_address(v4), v4);
    }
}
