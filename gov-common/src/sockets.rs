//! The kernel's numbers of socket families, types and protocols (include/linux/socket.h, include/uapi/linux/in.h).

/// No family: the end of an association, or an address whose family the socket knows.
pub const AF_UNSPEC: i32 = 0;
/// Local sockets.
pub const AF_UNIX: i32 = 1;
/// IPv4.
pub const AF_INET: i32 = 2;
/// IPv6.
pub const AF_INET6: i32 = 10;
/// The kernel's own tables.
pub const AF_NETLINK: i32 = 16;

/// Streams.
pub const SOCK_STREAM: i32 = 1;
/// Datagrams.
pub const SOCK_DGRAM: i32 = 2;

/// TCP.
pub const IPPROTO_TCP: i32 = 6;
/// UDP.
pub const IPPROTO_UDP: i32 = 17;

/// Netlink about the network's set-up.
pub const NETLINK_ROUTE: i32 = 0;

/// Whether a control message of a datagram writes a route into it: `IP_RETOPTS`, `IPV6_RTHDR` and its older form.
#[inline(always)]
pub const fn message_routes_by_itself(level: i32, kind: i32) -> bool {
    const IP_RETOPTS: i32 = 7;
    match level {
        IP => kind == IP_RETOPTS,
        IPV6 => matches!(kind, IPV6_2292RTHDR | IPV6_RTHDR),
        _ => false,
    }
}

const IP: i32 = 0;
const IPV6: i32 = 41;
const IPV6_2292RTHDR: i32 = 5;
const IPV6_RTHDR: i32 = 57;

/// Whether a socket option writes a route into the packets, so that they go elsewhere first than the address says:
/// `IP_OPTIONS`, `IPV6_RTHDR`, the older forms of the latter, and flow labels, which can hold one.
#[inline(always)]
pub const fn routes_by_itself(level: i32, option: i32) -> bool {
    const IP_OPTIONS: i32 = 4;
    const IPV6_2292PKTOPTIONS: i32 = 6;
    const IPV6_FLOWLABEL_MGR: i32 = 32;
    match level {
        IP => option == IP_OPTIONS,
        IPV6 => matches!(option, IPV6_2292RTHDR | IPV6_2292PKTOPTIONS | IPV6_FLOWLABEL_MGR | IPV6_RTHDR),
        _ => false,
    }
}
