//! Reaching other machines. The suite itself listens on 127.0.0.1 and [::1], ports 47001 and 47002.

use crate::suite::row::{Row, free, granted, powerless, refused};

/// A row whose act makes a socket of a kind that cannot be judged: whatever is granted, it is not made.
const fn unjudged(name: &'static str, act: &'static str) -> Row {
    const ALL: &str = "network:external network:loopback network:listen network:unix:/ capability:CAP_NET_RAW capability:CAP_NET_ADMIN";
    refused(name, ALL, "", act, ("network.create-socket", "…")).because("unknown-family")
}

const LOOPBACK: &str = "network:loopback:47001";

#[rustfmt::skip] // a table: one row a line
pub(super) const ROWS: &[Row] = &[
    granted("a granted port is connected to", LOOPBACK, "", "connect 127.0.0.1:47001", ("network.connect", "127.0.0.1:47001")),
    refused("another port is not connected to", LOOPBACK, "", "connect 127.0.0.1:47002", ("network.connect", "127.0.0.1:47002")),
    refused("nothing is connected to without a grant", "", "", "connect 127.0.0.1:47001", ("network.connect", "127.0.0.1:47001")),
    refused("nothing is connected to over IPv6 without a grant", "", "", "connect [::1]:47001", ("network.connect", "[::1]:47001")),
    refused("an IPv4 address written as IPv6 is the same address", "", "", "connect [::ffff:127.0.0.1]:47001", ("network.connect", "127.0.0.1:47001")),
    granted("a granted address written as IPv6 is granted", "network:connect:127.0.0.1:47001", "", "connect [::ffff:127.0.0.1]:47001", ("network.connect", "127.0.0.1:47001")),
    granted("a granted prefix grants its addresses", "network:connect:127.0.0.0/8", "", "connect 127.0.0.1:47002", ("network.connect", "127.0.0.1:47002")),
    refused("external is not this machine", "network:external", "", "connect 127.0.0.1:47001", ("network.connect", "127.0.0.1:47001")),
    refused("the unspecified address is this machine", "network:external", "", "connect 0.0.0.0:47001", ("network.connect", "0.0.0.0:47001")),
    refused("a datagram socket is not connected", LOOPBACK, "", "connect-udp 127.0.0.1:47002", ("network.connect", "127.0.0.1:47002")),
    refused("a datagram is not sent without a connection", LOOPBACK, "", "send-to 127.0.0.1:47002", ("network.send", "127.0.0.1:47002")),
    refused("a datagram is not sent over IPv6", LOOPBACK, "", "send-to [::1]:47002", ("network.send", "[::1]:47002")),
    refused("data is not sent with a connection's first packet", "", "", "fast-open 127.0.0.1:47001", ("network.send", "127.0.0.1:47001")),
    refused("packets take no road that the sender wrote", "network:loopback:47001", "", "source-route", ("network.connect", "…")).because("unknown-family"),
    refused("packets over IPv6 take no road that the sender wrote", "network:loopback", "", "source-route-6", ("network.connect", "…")).because("unknown-family"),
    refused("packets over IPv6 take no road by older options", "network:loopback", "", "source-route-6-older", ("network.connect", "…")).because("unknown-family"),
    refused("packets over IPv6 take no road by a flow label", "network:loopback", "", "flow-label", ("network.connect", "…")).because("unknown-family"),
    refused("the unspecified IPv6 address is this machine", "network:external", "", "connect [::]:47001", ("network.connect", "[::]:47001")),
    refused("a connection that waits for its first data is judged at once", "", "", "connect-fast-open 127.0.0.1:47001", ("network.connect", "127.0.0.1:47001")),
    refused("a message with its address is not sent", LOOPBACK, "", "send-message 127.0.0.1:47002", ("network.send", "127.0.0.1:47002")),
    granted("a message is sent to a granted port", LOOPBACK, "", "send-message 127.0.0.1:47001", ("network.send", "127.0.0.1:47001")),
    refused("one of many messages is not sent", LOOPBACK, "", "send-messages 127.0.0.1:47002", ("network.send", "127.0.0.1:47002")),
    refused("a socket that was connected to a granted port reaches no other", LOOPBACK, "", "send-elsewhere 127.0.0.1:47001 127.0.0.1:47002", ("network.send", "127.0.0.1:47002")),
    refused("a message takes no road that its sender wrote", "network:loopback", "", "send-by-route 127.0.0.1:47002", ("network.send", "…")).because("unknown-family"),
    refused("a message over IPv6 takes no road that its sender wrote", "network:loopback", "", "send-by-route [::1]:47002", ("network.send", "…")).because("unknown-family"),
    refused("names are not asked for outside", "network:loopback", "", "send-to 192.0.2.53:53", ("network.send", "192.0.2.53:53")),
    refused("names are not asked for outside over IPv6", "network:loopback", "", "send-to [2001:db8::53]:53", ("network.send", "[2001:db8::53]:53")),
    granted("external is not this network", "network:external", "", "send-to 192.0.2.53:53", ("network.send", "192.0.2.53:53")),
    refused("io_uring connects nowhere else", LOOPBACK, "", "uring-connect 127.0.0.1:47002", ("network.connect", "127.0.0.1:47002")),
    granted("io_uring connects where that is granted", LOOPBACK, "", "uring-connect 127.0.0.1:47001", ("network.connect", "127.0.0.1:47001")),
    refused("io_uring sends nowhere else", LOOPBACK, "", "uring-send 127.0.0.1:47002", ("network.send", "127.0.0.1:47002")),
    refused("a port is not listened on", "network:loopback", "", "listen 127.0.0.1:47011", ("network.bind", "127.0.0.1:47011")),
    granted("a granted port is listened on", "network:listen:127.0.0.1:47011", "", "listen 127.0.0.1:47011", ("network.listen", "127.0.0.1:47011")),
    refused("a grant to listen on one port is none on another", "network:listen:127.0.0.1:47011", "", "listen 127.0.0.1:47012", ("network.bind", "127.0.0.1:47012")),
    refused("a grant to listen on one address is none on all", "network:listen:127.0.0.1:47011", "", "listen 0.0.0.0:47011", ("network.bind", "0.0.0.0:47011")),
    refused("a port is not listened on over IPv6", "network:listen:127.0.0.1:47011", "", "listen [::1]:47011", ("network.bind", "[::1]:47011")),
    refused("a socket that is bound to nothing does not listen", "network:listen:127.0.0.1", "", "listen-unbound", ("network.listen", "0.0.0.0:0")),
    refused("a port for datagrams is not bound", "network:loopback", "", "bind-udp 127.0.0.1:47013", ("network.bind", "127.0.0.1:47013")),
    granted("a granted port for datagrams is bound", "network:listen:127.0.0.1:47013", "", "bind-udp 127.0.0.1:47013", ("network.bind", "127.0.0.1:47013")),
    free("a port of the kernel's choice is bound", "bind-udp 127.0.0.1:0"),
    powerless("a port below 1024 takes its capability", "network:listen:127.0.0.1:81", "", "listen 127.0.0.1:81", "capability:CAP_NET_BIND_SERVICE").ends("EACCES"),
    powerless("packets are not marked", "network:loopback", "", "mark", "capability:CAP_NET_RAW"),
    refused("the network is not set up by netlink", "capability:CAP_NET_ADMIN", "", "add-address", ("kernel.ground", "…")).because("ground"),
    unjudged("no raw socket is made", "socket 2 3 1"),
    unjudged("no raw socket is made over IPv6", "socket 10 3 58"),
    unjudged("no socket for packets is made", "socket 17 3 0"),
    unjudged("no socket for packets without their headers is made", "socket 17 2 0"),
    unjudged("no socket to the virtual machine's host is made", "socket 40 1 0"),
    unjudged("no SCTP socket is made", "socket 2 1 132"),
    unjudged("no SCTP socket for many associations is made", "socket 2 5 132"),
    unjudged("no MPTCP socket is made", "socket 2 1 262"),
    unjudged("no UDP-Lite socket is made", "socket 2 2 136").before((7, 2)),
    unjudged("no socket to the kernel's ciphers is made", "socket 38 5 0"),
    unjudged("no netlink to the audit is made", "socket 16 3 9"),
    unjudged("no generic netlink is made", "socket 16 3 16"),
    unjudged("no netlink that lists sockets is made", "socket 16 3 4"),
    unjudged("no netlink to devices' events is made", "socket 16 3 15"),
    unjudged("no netlink to the packet filter is made", "socket 16 3 12"),
    unjudged("no socket that passes the network's stack by is made", "socket 44 3 0"),
];
