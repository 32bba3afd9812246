//! The addresses of this host, which `network:external` does not reach.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use super::{HostError, read_text};

/// Every address that the kernel would deliver to this host itself, in this network namespace.
pub fn local() -> Result<Vec<IpAddr>, HostError> {
    let v4 = Path::new("/proc/net/fib_trie");
    let v6 = Path::new("/proc/net/if_inet6");
    let mut addresses: Vec<IpAddr> = parse_v4(&read_text(v4)?).into_iter().map(IpAddr::V4).collect();
    if v6.exists() {
        let parsed = parse_v6(&read_text(v6)?)
            .ok_or_else(|| HostError::Form { path: v6.to_owned(), what: "addresses in hex".to_owned() })?;
        addresses.extend(parsed.into_iter().map(IpAddr::V6));
    }
    addresses.sort();
    addresses.dedup();
    Ok(addresses)
}

/// The leaves of the routing trie whose route is `/32 host LOCAL`.
fn parse_v4(text: &str) -> Vec<Ipv4Addr> {
    let mut leaf: Option<Ipv4Addr> = None;
    let mut addresses = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(address) = line.strip_prefix("|-- ") {
            leaf = address.parse().ok();
        } else if line == "/32 host LOCAL" {
            addresses.extend(leaf);
        }
    }
    addresses
}

/// `32 hex digits, index, prefix length, scope, flags, name` a line.
fn parse_v6(text: &str) -> Option<Vec<Ipv6Addr>> {
    text.lines()
        .map(|line| {
            let digits = line.split_whitespace().next()?;
            let bits = u128::from_str_radix(digits, 16).ok()?;
            (digits.len() == 32).then(|| Ipv6Addr::from_bits(bits))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{parse_v4, parse_v6};

    #[test]
    fn host_routes_are_addresses_and_prefixes_are_not() {
        let text = "Local:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 127.0.0.0\n        /8 host LOCAL\n     |-- 127.0.0.1\n        \
                    /32 host LOCAL\n     |-- 192.0.2.2\n        /32 host LOCAL\n     |-- 192.0.2.255\n        \
                    /32 link BROADCAST\n";
        assert_eq!(
            parse_v4(text),
            ["127.0.0.1".parse::<std::net::Ipv4Addr>().unwrap(), "192.0.2.2".parse().unwrap()]
        );
    }

    #[test]
    fn interface_addresses_are_read_and_another_form_is_not_guessed_at() {
        let text = "00000000000000000000000000000001 01 80 10 80       lo\n";
        assert_eq!(parse_v6(text).unwrap(), [std::net::Ipv6Addr::LOCALHOST]);
        assert_eq!(parse_v6("1 01 80 10 80 lo\n"), None);
    }
}
