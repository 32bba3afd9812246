//! The table of prefixes: which ports are granted where.
//!
//! The kernel finds one entry, the longest prefix that holds the address. So each entry carries every rule that
//! holds there, and where a rule leaves out a part of its prefix, that part is an entry without the rule.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use gov_common::policy::{MAX_PORT_RANGES, NetRule, PortRange};

use super::{NetEntry, PolicyError};
use crate::scope::{Ports, Prefix};

/// What one scope grants.
pub(super) struct Rule {
    prefix: Prefix,
    /// Parts of the prefix that it does not grant.
    holes: Vec<Prefix>,
    ports: Ports,
    scope: u16,
}

impl Rule {
    /// Whether it grants its ports to the whole of `prefix`.
    fn holds(&self, prefix: Prefix) -> bool {
        self.prefix.covers(prefix) && !self.holes.iter().any(|hole| hole.covers(prefix))
    }
}

/// `network:external`: everything but loopback, the unspecified addresses, and the host's own.
pub(super) fn external(own: &[IpAddr], scope: u16) -> Rule {
    let mut holes = vec![
        Prefix::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8),
        Prefix::host(IpAddr::V6(Ipv6Addr::LOCALHOST)),
        Prefix::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 8),
        Prefix::host(IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
    ];
    holes.extend(own.iter().map(|address| Prefix::host(address.to_canonical())));
    Rule { prefix: Prefix::EVERYTHING, holes, ports: Ports::ALL, scope }
}

/// `network:loopback`.
pub(super) fn loopback(ports: Ports, scope: u16) -> [Rule; 2] {
    [Prefix::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8), Prefix::host(IpAddr::V6(Ipv6Addr::LOCALHOST))]
        .map(|prefix| connect(prefix, ports, scope))
}

/// `network:connect` to a prefix. One of IPv6 that spans the IPv4-mapped addresses does not mean them.
pub(super) fn connect(prefix: Prefix, ports: Ports, scope: u16) -> Rule {
    let spans_v4 = prefix.covers(Prefix::V4) && prefix != Prefix::V4;
    Rule { prefix, holes: if spans_v4 { vec![Prefix::V4] } else { Vec::new() }, ports, scope }
}

/// `network:listen`. The unspecified address, by which a socket listens on all, is looked up as it is, so that only
/// a rule for every address holds it. Port 0, by which the kernel is to choose one, takes a grant of all.
pub(super) fn listen(address: Option<IpAddr>, port: Option<u16>, scope: u16) -> Rule {
    let prefix = address.map_or(Prefix::EVERYTHING, Prefix::host);
    let ports = port.map_or(Ports { first: 0, last: u16::MAX }, Ports::one);
    Rule { prefix, holes: Vec::new(), ports, scope }
}

/// The entries for these rules.
pub(super) fn merge(rules: &[Rule]) -> Result<Vec<NetEntry>, PolicyError> {
    let prefixes: BTreeSet<Prefix> =
        rules.iter().flat_map(|rule| rule.holes.iter().copied().chain([rule.prefix])).collect();
    prefixes.into_iter().map(|prefix| entry(prefix, rules)).collect()
}

/// The granted ranges of a rule.
pub(super) fn ranges(rule: &NetRule) -> impl Iterator<Item = &PortRange> {
    rule.ports.iter().zip(0..rule.count).map(|(range, _)| range)
}

fn entry(prefix: Prefix, rules: &[Rule]) -> Result<NetEntry, PolicyError> {
    let mut holding: Vec<&Rule> = rules.iter().filter(|rule| rule.holds(prefix)).collect();
    // The first range that holds a port names its scope: the longest prefix, then the first scope.
    holding.sort_by_key(|rule| (std::cmp::Reverse(rule.prefix.bits()), rule.scope));
    let mut granted: Vec<&Rule> = Vec::new();
    for rule in &holding {
        if !granted.iter().any(|before| before.ports.covers(rule.ports)) {
            granted.push(rule);
        }
    }
    if granted.len() > MAX_PORT_RANGES {
        // The same ports in fewer ranges: those inside another one go, and the wider one's scope is named.
        let all = granted.clone();
        granted
            .retain(|rule| !all.iter().any(|wide| wide.ports != rule.ports && wide.ports.covers(rule.ports)));
    }
    if granted.len() > MAX_PORT_RANGES {
        return Err(PolicyError::TooManyPorts { prefix });
    }
    let mut rule = NetRule::default();
    for (slot, granted) in rule.ports.iter_mut().zip(&granted) {
        *slot = PortRange { first: granted.ports.first, last: granted.ports.last, scope: granted.scope };
        rule.count = rule.count.saturating_add(1);
    }
    Ok(NetEntry { prefix_bits: prefix.bits(), address: prefix.octets(), rule })
}
