//! Reaching other machines. The suite itself listens on 127.0.0.1 and [::1], ports 47001 and 47002.

use crate::suite::row::{Row, granted, refused};

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
];
