//! Addresses, prefixes, names and ports in network scopes.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use thiserror::Error;

/// Bits before an IPv4 address that stands as IPv4-mapped IPv6.
const V4_BITS: u8 = 96;
/// `::ffff:0:0`.
const V4_BASE: u128 = 0xffff_0000_0000;

/// Why a text is no host or port, with what to write.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NetFault {
    /// Neither an address, a prefix nor a name.
    #[error(
        "`{0}` is no address, prefix or name: write for example `192.0.2.7`, `10.0.0.0/8`, `[2001:db8::1]`, `api.example.com` or `*.example.com`"
    )]
    Host(String),
    /// A name with capitals.
    #[error("the name `{0}` holds capitals: write it in lower case")]
    Capitals(String),
    /// IPv6 without brackets.
    #[error("an IPv6 address stands in brackets: write `[{0}]`")]
    Brackets(String),
    /// Bits behind the prefix.
    #[error("the prefix has bits set behind its length: write `{0}`")]
    HostBits(Prefix),
    /// IPv4 spelled as IPv6.
    #[error("`{0}` is IPv4 spelled as IPv6: write the IPv4 address")]
    Mapped(String),
    /// Every address, as an address to listen on.
    #[error(
        "`{0}` stands for every address: leave it out, and write `network:listen` or `network:listen:PORT`"
    )]
    Unspecified(IpAddr),
    /// Not a port or range.
    #[error("`{0}` is no port or range of ports: write a number from 1 to 65535 or two as in `8000-8099`")]
    Ports(String),
}

/// An address and how many of its leading bits count. IPv4 stands as IPv4-mapped IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix {
    address: u128,
    bits: u8,
}

impl Prefix {
    /// The prefix of `address` with that many bits of its own family; bits behind are cleared.
    pub fn new(address: IpAddr, bits: u8) -> Self {
        let (address, bits) = match address {
            IpAddr::V4(v4) => (V4_BASE | u128::from(v4.to_bits()), bits.min(32).saturating_add(V4_BITS)),
            IpAddr::V6(v6) => (v6.to_bits(), bits.min(128)),
        };
        Self { address: address & mask(bits), bits }
    }

    /// The prefix of this address alone.
    pub fn host(address: IpAddr) -> Self {
        Self::new(address, 128)
    }

    /// The bits of a whole address.
    pub const MAX_BITS: u8 = 128;
    /// Every address, of both families.
    pub const EVERYTHING: Self = Self { address: 0, bits: 0 };
    /// Every IPv4 address.
    pub const V4: Self = Self { address: V4_BASE, bits: V4_BITS };

    /// The address in network order, IPv4 as IPv4-mapped IPv6.
    pub fn octets(self) -> [u8; 16] {
        self.address.to_be_bytes()
    }

    /// How many leading bits of [`Prefix::octets`] count.
    pub fn bits(self) -> u8 {
        self.bits
    }

    /// Whether every address of `other` is one of this prefix.
    pub fn covers(self, other: Self) -> bool {
        self.bits <= other.bits && other.address & mask(self.bits) == self.address
    }

    /// Reads an address or prefix, without brackets; `None` if it is neither.
    fn parse(text: &str) -> Result<Option<Self>, NetFault> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let Ok(address) = address.parse::<IpAddr>() else { return Ok(None) };
        let full: u8 = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits.map(number::<u8>) {
            None => full,
            Some(Some(bits)) if bits <= full => bits,
            Some(_) => return Err(NetFault::Host(text.to_owned())),
        };
        let prefix = Self::new(address, bits);
        if address.is_ipv6() && Self::V4.covers(prefix) {
            return Err(NetFault::Mapped(text.to_owned()));
        }
        if prefix.address != Self::host(address).address {
            return Err(NetFault::HostBits(prefix));
        }
        Ok(Some(prefix))
    }
}

/// Reads an own address to listen on; IPv6 without brackets.
pub(super) fn own_address(text: &str) -> Result<IpAddr, NetFault> {
    let address: IpAddr = text.parse().map_err(|_| NetFault::Host(text.to_owned()))?;
    if address != address.to_canonical() {
        return Err(NetFault::Mapped(text.to_owned()));
    }
    // Who listens on all addresses needs a grant of all: one of this address would read as if it were less.
    if address.is_unspecified() { Err(NetFault::Unspecified(address)) } else { Ok(address) }
}

fn mask(bits: u8) -> u128 {
    u128::MAX.checked_shl(128_u32.saturating_sub(u32::from(bits))).unwrap_or(0)
}

/// In its own family, the length left off where it is whole; IPv6 without brackets.
impl fmt::Display for Prefix {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if Self::V4.covers(*self) {
            let [.., a, b, c, d] = self.octets();
            write!(out, "{}", Ipv4Addr::new(a, b, c, d))?;
            if self.bits < 128 { write!(out, "/{}", self.bits.saturating_sub(V4_BITS)) } else { Ok(()) }
        } else {
            write!(out, "{}", Ipv6Addr::from_bits(self.address))?;
            if self.bits < 128 { write!(out, "/{}", self.bits) } else { Ok(()) }
        }
    }
}

/// The far end of a connection.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    /// An address or a prefix.
    Prefix(Prefix),
    /// A name.
    Name(String),
    /// Every name that ends with a dot and this: `*.example.com`.
    Suffix(String),
}

impl Host {
    /// Reads a host; IPv6 without brackets.
    pub(super) fn parse(text: &str) -> Result<Self, NetFault> {
        if let Some(prefix) = Prefix::parse(text)? {
            return Ok(Self::Prefix(prefix));
        }
        if let Some(suffix) = text.strip_prefix("*.") {
            return name(suffix).map(Self::Suffix);
        }
        name(text).map(Self::Name)
    }

    /// Whether every address or name of `other` is one of this host's.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Prefix(wide), Self::Prefix(narrow)) => wide.covers(*narrow),
            (Self::Suffix(wide), Self::Suffix(narrow) | Self::Name(narrow)) => {
                narrow.strip_suffix(wide.as_str()).is_some_and(|above| above.ends_with('.'))
                    || matches!(other, Self::Suffix(same) if same == wide)
            }
            _ => self == other,
        }
    }

    pub(super) fn is_ipv6(&self) -> bool {
        matches!(self, Self::Prefix(prefix) if !Prefix::V4.covers(*prefix))
    }
}

impl fmt::Display for Host {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prefix(prefix) => write!(out, "{prefix}"),
            Self::Name(name) => out.write_str(name),
            Self::Suffix(suffix) => write!(out, "*.{suffix}"),
        }
    }
}

/// A name of labels of lower-case letters, digits, `-` and `_`, the last one not a number.
fn name(text: &str) -> Result<String, NetFault> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(NetFault::Capitals(text.to_owned()));
    }
    let letter = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(letter)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last_is_number =
        text.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    if text.len() <= 253 && !last_is_number && text.split('.').all(label) {
        Ok(text.to_owned())
    } else {
        Err(NetFault::Host(text.to_owned()))
    }
}

/// A range of ports, both ends included, at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ports {
    /// The first port.
    pub first: u16,
    /// The last port.
    pub last: u16,
}

impl Ports {
    /// Every port, which a scope without ports means.
    pub const ALL: Self = Self { first: 1, last: u16::MAX };

    /// Just this one.
    pub const fn one(port: u16) -> Self {
        Self { first: port, last: port }
    }

    /// Reads `443` or `8000-8099`.
    pub(super) fn parse(text: &str) -> Result<Self, NetFault> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        match (number(first), number(last)) {
            (Some(first), Some(last)) if 0 < first && first <= last => Ok(Self { first, last }),
            _ => Err(NetFault::Ports(text.to_owned())),
        }
    }

    /// Whether every port of `other` is one of these.
    pub fn covers(self, other: Self) -> bool {
        self.first <= other.first && other.last <= self.last
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.first)?;
        if self.first == self.last { Ok(()) } else { write!(out, "-{}", self.last) }
    }
}

/// A decimal number in its one spelling.
fn number<N: std::str::FromStr + fmt::Display>(text: &str) -> Option<N> {
    text.parse::<N>().ok().filter(|number| number.to_string() == text)
}
