use super::tests::{World, scopes};
use super::{Compiled, NetEntry, PolicyError, compile};
use crate::scope::{Host, Ports, Prefix, Scope};
use proptest::collection::vec;
use proptest::prelude::*;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The scope that grants a connection, as the kernel looks it up.
fn reach(compiled: &Compiled, address: &str, port: u16) -> Option<u16> {
    let address: IpAddr = address.parse().unwrap();
    lookup(&compiled.nets, Prefix::host(address), port)
}

/// The scope that grants listening at an own address.
fn listens(compiled: &Compiled, address: &str, port: u16) -> Option<u16> {
    let address: IpAddr = address.parse().unwrap();
    lookup(&compiled.listens, Prefix::host(address), port)
}

fn lookup(entries: &[NetEntry], address: Prefix, port: u16) -> Option<u16> {
    let bits = |octets: [u8; 16], count: u8| {
        u128::from_be_bytes(octets).checked_shr(128 - u32::from(count)).unwrap_or(0)
    };
    let holds = |entry: &&NetEntry| {
        bits(entry.address, entry.prefix_bits) == bits(address.octets(), entry.prefix_bits)
    };
    let entry = entries.iter().filter(holds).max_by_key(|entry| entry.prefix_bits)?;
    let mut ranges = entry.rule.ports.iter().take(usize::try_from(entry.rule.count).unwrap());
    ranges.find(|range| (range.first..=range.last).contains(&port)).map(|range| range.scope)
}

#[test]
fn external_is_everything_but_the_machine_itself() {
    let world = World {
        addresses: vec!["192.0.2.5".parse().unwrap(), "2001:db8::5".parse().unwrap()],
        ..World::default()
    };
    let compiled = compile(&scopes(&["network:external", "network:connect:127.0.0.1:8099"]), &world).unwrap();
    for address in ["192.0.2.6", "8.8.8.8", "2001:db8::6", "fe80::1", "169.254.169.254"] {
        assert_eq!(reach(&compiled, address, 443), Some(0), "{address}");
    }
    for address in ["127.0.0.1", "127.9.9.9", "::1", "0.0.0.0", "0.1.2.3", "::", "192.0.2.5", "2001:db8::5"] {
        assert_eq!(reach(&compiled, address, 443), None, "{address}");
    }
    assert_eq!(reach(&compiled, "127.0.0.1", 8099), Some(1));
    assert_eq!(reach(&compiled, "127.0.0.2", 8099), None);
}

#[test]
fn a_longer_prefix_carries_what_the_covering_ones_grant() {
    let compiled = compile(
        &scopes(
            &["network:connect:10.0.0.0/8:80", "network:connect:10.1.0.0/16:443", "network:loopback:1-1"]
                [..2],
        ),
        &World::default(),
    )
    .unwrap();
    assert_eq!(reach(&compiled, "10.1.2.3", 443), Some(1));
    assert_eq!(reach(&compiled, "10.1.2.3", 80), Some(0));
    assert_eq!(reach(&compiled, "10.2.2.3", 80), Some(0));
    assert_eq!(reach(&compiled, "10.2.2.3", 443), None);
    assert_eq!(reach(&compiled, "11.0.0.1", 80), None);
}

#[test]
fn a_prefix_of_ipv6_does_not_mean_ipv4() {
    let compiled = compile(&scopes(&["network:connect:[::/0]"]), &World::default()).unwrap();
    assert_eq!(reach(&compiled, "2001:db8::1", 1), Some(0));
    assert_eq!(reach(&compiled, "10.0.0.1", 1), None);
}

#[test]
fn more_ranges_than_a_rule_holds_are_an_error() {
    let texts: Vec<String> = (1..=9).map(|port| format!("network:connect:10.0.0.1:{}", port * 2)).collect();
    let mut texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    assert!(matches!(compile(&scopes(&texts), &World::default()), Err(PolicyError::TooManyPorts { .. })));
    texts.push("network:connect:10.0.0.0/8:1-100");
    let compiled = compile(&scopes(&texts), &World::default()).unwrap();
    assert_eq!(reach(&compiled, "10.0.0.1", 18), Some(9));
}

#[test]
fn listening_everywhere_takes_a_grant_of_every_address() {
    let world = World::default();
    let compiled =
        compile(&scopes(&["network:listen:127.0.0.1:8080", "network:listen:[::1]"]), &world).unwrap();
    assert_eq!(listens(&compiled, "127.0.0.1", 8080), Some(0));
    assert_eq!(listens(&compiled, "127.0.0.1", 8081), None);
    assert_eq!(listens(&compiled, "::1", 8081), Some(1));
    for wildcard in ["0.0.0.0", "::", "127.0.0.2", "192.0.2.5"] {
        assert_eq!(listens(&compiled, wildcard, 8080), None, "{wildcard}");
    }
    let compiled = compile(&scopes(&["network:listen:8080", "network:listen:127.0.0.1:80"]), &world).unwrap();
    for address in ["0.0.0.0", "::", "127.0.0.1", "::1", "192.0.2.5", "2001:db8::5"] {
        assert_eq!(listens(&compiled, address, 8080), Some(0), "{address}");
        assert_eq!(listens(&compiled, address, 0), None, "{address}");
    }
    assert_eq!(listens(&compiled, "127.0.0.1", 80), Some(1));
    assert_eq!(listens(&compiled, "0.0.0.0", 80), None);
}

#[test]
fn a_port_of_the_kernel_s_choice_takes_a_grant_of_all() {
    let compiled = compile(&scopes(&["network:listen"]), &World::default()).unwrap();
    for port in [0, 1, 65535] {
        assert_eq!(listens(&compiled, "0.0.0.0", port), Some(0), "{port}");
    }
}

#[test]
fn connecting_is_not_listening() {
    let connecting = ["network:external", "network:loopback", "network:connect:10.0.0.1"];
    let compiled = compile(&scopes(&connecting), &World::default()).unwrap();
    assert!(compiled.listens.is_empty());
    let compiled = compile(&scopes(&["network:listen"]), &World::default()).unwrap();
    assert!(compiled.nets.is_empty());
}

fn any_rule() -> impl Strategy<Value = Scope> {
    let address = prop_oneof![
        (0..4_u32).prop_map(|low| IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 | low))),
        (0..4_u128).prop_map(|low| IpAddr::V6(Ipv6Addr::from_bits(0x2001 << 112 | low))),
        Just(IpAddr::V4(Ipv4Addr::LOCALHOST)),
    ];
    let ports = prop_oneof![
        Just(Ports::ALL),
        (1..4_u16, 1..4_u16).prop_map(|(a, b)| Ports { first: a.min(b), last: a.max(b) })
    ];
    prop_oneof![
        6 => (address, any::<u8>(), ports).prop_map(|(address, bits, ports)| {
            Scope::Connect(Host::Prefix(Prefix::new(address, bits)), ports)
        }),
        1 => Just(Scope::External),
        1 => proptest::option::of(1..4_u16).prop_map(Scope::Loopback),
    ]
}

proptest! {
    #[test]
    fn the_longest_prefix_carries_every_rule_that_holds_there(
        rules in vec(any_rule(), 0..8), low in 0..4_u32, port in 1..5_u16, kind in 0..4
    ) {
        let own: IpAddr = "10.0.0.3".parse().unwrap();
        let world = World { addresses: vec![own], ..World::default() };
        let compiled = compile(&rules, &world).unwrap();
        let address = match kind {
            0 => IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 | low)),
            1 => IpAddr::V6(Ipv6Addr::from_bits(0x2001 << 112 | u128::from(low))),
            2 => IpAddr::V4(Ipv4Addr::from_bits(0x7f00_0000 | low)),
            _ => IpAddr::V6(Ipv6Addr::from_bits(u128::from(low))),
        };
        let ours = address == own || address.is_loopback() || address.is_unspecified();
        let holds = |rule: &Scope| match rule {
            Scope::External => (!ours).then_some(0),
            Scope::Loopback(given) => {
                let bits = if address.is_ipv4() { 104 } else { 128 };
                (address.is_loopback() && given.is_none_or(|given| given == port)).then_some(bits)
            }
            Scope::Connect(Host::Prefix(prefix), ports) => {
                let same_family = Prefix::V4.covers(*prefix) == address.is_ipv4();
                (same_family && prefix.covers(Prefix::host(address)) && ports.covers(Ports::one(port)))
                    .then_some(prefix.bits())
            }
            other => panic!("{other} is no rule of the network"),
        };
        let expected = rules.iter().zip(0..).filter_map(|(rule, index)| holds(rule).map(|bits| (bits, index)))
            .max_by_key(|(bits, index)| (*bits, std::cmp::Reverse(*index)))
            .map(|(_, index): (u8, u16)| index);
        prop_assert_eq!(lookup(&compiled.nets, Prefix::host(address), port), expected);
    }
}
