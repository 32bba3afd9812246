//! Parses one record of the kernel's ring into an owned event; anything unknown or of a wrong length is an error.

use std::net::{IpAddr, Ipv6Addr};

use gov_common::abi::ABI_VERSION;
use gov_common::event::{
    Action, EVENT_EXTRA_CUT, EVENT_NOT_ENFORCED, EVENT_OBJECT_CUT, EVENT_OBJECT_UNLINKED, Header, MAX_EXTRA,
    MAX_OBJECT,
};
use gov_common::policy::NO_SCOPE;
use gov_common::rights::Rights;
use gov_common::verdict::Reason;
use thiserror::Error;
use zerocopy::FromBytes;

/// One decision, or one fact about a session, as the kernel recorded it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The number of the session that it belongs to.
    pub session: u64,
    /// Its place in the session, from 0.
    pub sequence: u64,
    /// Bytes of the ring that the session's records have taken up, this one with them.
    pub produced: u64,
    /// `CLOCK_BOOTTIME` in nanoseconds.
    pub time_ns: u64,
    /// The number of the session that refused; the session's own when it was granted.
    pub decider: u64,
    /// Who acted.
    pub task: Task,
    /// What was attempted.
    pub action: Action,
    /// Why it came out as it did.
    pub reason: Reason,
    /// The rights wanted on the object.
    pub wanted: Rights,
    /// The file acted on, if there is one.
    pub object: Option<Object>,
    /// The address connected or sent to, or the own one bound, if there is one.
    pub address: Option<Address>,
    /// What the act is about where no object is; see [`Action`].
    pub detail: u32,
    /// Thread-group id of the process acted on, or another number as [`Action`] says; 0 where there is none.
    pub target: u32,
    /// The index of the scope that granted it.
    pub scope: Option<u16>,
    /// What comes with some actions.
    pub extra: Extra,
    /// Whether `extra` was cut at its limit.
    pub extra_cut: bool,
    /// Whether a refusal took effect; `false` in a session that only records.
    pub enforced: bool,
}

/// The thread that acted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Thread-group id in the initial PID namespace.
    pub pid: u32,
    /// Thread id there.
    pub tid: u32,
    /// Thread-group id of the parent.
    pub parent: u32,
    /// Start of the thread group, `CLOCK_BOOTTIME` nanoseconds: with `pid`, it names the process for ever.
    pub start_ns: u64,
    /// Real user id in the initial user namespace.
    pub uid: u32,
    /// Real group id in the initial user namespace.
    pub gid: u32,
    /// The thread's name, which it may set to any bytes.
    pub comm: Vec<u8>,
}

/// A file as the kernel resolved it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its path: bytes, not text.
    pub path: Vec<u8>,
    /// Its device (`major << 20 | minor`), 0 where it has none.
    pub device: u32,
    /// Its inode number, 0 where it has none.
    pub inode: u64,
    /// The path could not be resolved to its end.
    pub cut: bool,
    /// An anonymous or deleted file; the path is the kernel's name for it.
    pub unlinked: bool,
}

/// The far end of a connection or message, the own end of a socket that is bound, or the kind of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// The address family (`AF_INET` 2, `AF_INET6` 10, ...).
    pub family: u16,
    /// The address; only the internet families have one. IPv4-mapped addresses stand as IPv4.
    pub ip: Option<IpAddr>,
    /// The port.
    pub port: u16,
    /// The IP protocol's number (6 TCP, 17 UDP), 0 where there is none.
    pub protocol: u8,
}

/// The second part of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Extra {
    /// Nothing.
    None,
    /// The new path of a rename or link, or a symbolic link's target as written.
    Path(Vec<u8>),
    /// An execution's arguments.
    Arguments(Vec<Vec<u8>>),
}

/// Why a record is no event of this version.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EventError {
    /// Shorter than a header.
    #[error(
        "a ring record of {0} bytes is shorter than an event's header: kernel object and daemon do not match"
    )]
    Short(usize),
    /// Another ABI.
    #[error(
        "a ring record has ABI {0}, this daemon reads {ABI_VERSION}: restart govd so that both are of one build"
    )]
    Abi(u32),
    /// The lengths in the header disagree with the record.
    #[error(
        "an event's header says {stated} bytes, the record has {found}: kernel object and daemon do not match"
    )]
    Length {
        /// As the header adds up.
        stated: usize,
        /// As the ring gave it.
        found: usize,
    },
    /// A number that means nothing.
    #[error(
        "an event's {field} is `{number}`, which this daemon does not know: restart govd with the kernel object's build"
    )]
    Unknown {
        /// Which field.
        field: &'static str,
        /// Its value.
        number: u64,
    },
}

/// The event in this record.
///
/// # Errors
/// [`EventError`] for every record that is not exactly one event of [`ABI_VERSION`]: nothing is guessed, nothing
/// is skipped.
pub fn parse(record: &[u8]) -> Result<Event, EventError> {
    let (header, tail) =
        Header::read_from_prefix(record).map_err(|_short| EventError::Short(record.len()))?;
    if header.abi != ABI_VERSION {
        return Err(EventError::Abi(header.abi));
    }
    let (object_len, extra_len) = (usize::from(header.object_len), usize::from(header.extra_len));
    let length = |stated| EventError::Length { stated, found: record.len() };
    let stated = size_of::<Header>().saturating_add(object_len).saturating_add(extra_len);
    if stated != record.len() || usize::try_from(header.length) != Ok(stated) {
        return Err(length(stated));
    }
    if object_len > MAX_OBJECT || extra_len > MAX_EXTRA {
        return Err(length(stated));
    }
    let (path, extra) = tail.split_at_checked(object_len).ok_or(length(stated))?;
    assemble(&header, path, extra)
}

fn assemble(header: &Header, path: &[u8], extra: &[u8]) -> Result<Event, EventError> {
    let action = Action::from_number(header.action).ok_or(unknown("action", header.action.into()))?;
    let reason = Reason::from_number(header.reason).ok_or(unknown("reason", header.reason.into()))?;
    let wanted = Rights::from_bits(header.wanted);
    if wanted.bits() != header.wanted {
        return Err(unknown("wanted right", header.wanted.into()));
    }
    let known = EVENT_OBJECT_CUT | EVENT_EXTRA_CUT | EVENT_OBJECT_UNLINKED | EVENT_NOT_ENFORCED;
    if header.flags & !known != 0 {
        return Err(unknown("flag set", header.flags.into()));
    }
    Ok(Event {
        session: header.session,
        sequence: header.sequence,
        produced: header.produced,
        time_ns: header.time_ns,
        decider: header.decider,
        task: Task {
            pid: header.pid,
            tid: header.tid,
            parent: header.parent,
            start_ns: header.start_ns,
            uid: header.uid,
            gid: header.gid,
            comm: header.comm.split(|byte| *byte == 0).next().unwrap_or_default().to_vec(),
        },
        action,
        reason,
        wanted,
        object: object(header, path),
        address: address(action, header),
        detail: header.detail,
        target: header.target,
        scope: (header.scope != NO_SCOPE).then_some(header.scope),
        extra: parse_extra(action, extra),
        extra_cut: header.flags & EVENT_EXTRA_CUT != 0,
        enforced: header.flags & EVENT_NOT_ENFORCED == 0,
    })
}

fn unknown(field: &'static str, number: u64) -> EventError {
    EventError::Unknown { field, number }
}

fn object(header: &Header, path: &[u8]) -> Option<Object> {
    let cut = header.flags & EVENT_OBJECT_CUT != 0;
    let exists = !path.is_empty() || header.inode != 0 || cut;
    exists.then(|| Object {
        path: path.to_vec(),
        device: header.device,
        inode: header.inode,
        cut,
        unlinked: header.flags & EVENT_OBJECT_UNLINKED != 0,
    })
}

fn address(action: Action, header: &Header) -> Option<Address> {
    let own = matches!(action, Action::Bind | Action::Listen);
    let ip = matches!(header.family, AF_INET | AF_INET6)
        .then(|| Ipv6Addr::from(header.address).to_canonical())
        // A socket being created has a family and no address yet; one being bound may be so to every address.
        .filter(|ip| own || header.port != 0 || !ip.is_unspecified());
    (header.family != 0).then_some(Address {
        family: header.family,
        ip,
        port: header.port,
        protocol: header.protocol,
    })
}

fn parse_extra(action: Action, bytes: &[u8]) -> Extra {
    match action {
        Action::Executed => {
            let whole = bytes.strip_suffix(b"\0").unwrap_or(bytes);
            let arguments = whole.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect();
            if bytes.is_empty() { Extra::None } else { Extra::Arguments(arguments) }
        }
        _path if !bytes.is_empty() => Extra::Path(bytes.to_vec()),
        _nothing => Extra::None,
    }
}

/// The kernel's number of IPv4.
pub const AF_INET: u16 = 2;
/// The kernel's number of IPv6.
pub const AF_INET6: u16 = 10;

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "a test that wraps panics")]
mod tests {
    use super::{EventError, Extra, parse};
    use gov_common::abi::ABI_VERSION;
    use gov_common::event::{Action, Header};
    use gov_common::policy::NO_SCOPE;
    use proptest::prelude::*;
    use zerocopy::IntoBytes;

    fn record(mut header: Header, path: &[u8], extra: &[u8]) -> Vec<u8> {
        header.abi = ABI_VERSION;
        header.object_len = path.len().try_into().unwrap();
        header.extra_len = extra.len().try_into().unwrap();
        header.length = (size_of::<Header>() + path.len() + extra.len()).try_into().unwrap();
        [header.as_bytes(), path, extra].concat()
    }

    #[test]
    fn a_record_becomes_the_event_it_says() {
        let header = Header {
            action: Action::Executed as u8,
            scope: NO_SCOPE,
            comm: *b"python3\0\0\0\0\0\0\0\0\0",
            ..Header::default()
        };
        let event = parse(&record(header, b"/usr/bin/python3", b"python3\0-c\0\0")).unwrap();
        assert_eq!(event.action, Action::Executed);
        assert_eq!(event.task.comm, b"python3");
        assert_eq!(event.object.unwrap().path, b"/usr/bin/python3");
        assert_eq!(event.extra, Extra::Arguments(vec![b"python3".to_vec(), b"-c".to_vec(), b"".to_vec()]));
        assert_eq!(event.scope, None);
        assert_eq!(event.address, None);
    }

    #[test]
    fn an_ipv4_mapped_address_stands_as_ipv4() {
        let mut address = [0; 16];
        address[10..].copy_from_slice(&[0xff, 0xff, 192, 0, 2, 1]);
        let header = Header {
            action: Action::Connect as u8,
            family: 10,
            port: 443,
            protocol: 6,
            address,
            ..Header::default()
        };
        let event = parse(&record(header, b"", b"")).unwrap();
        assert_eq!(event.address.unwrap().ip, Some("192.0.2.1".parse().unwrap()));
        assert_eq!(event.object, None);
    }

    #[test]
    fn a_socket_that_is_bound_to_every_address_has_that_one() {
        let header = |action: Action| Header { action: action as u8, family: 2, ..Header::default() };
        let ip = |action| parse(&record(header(action), b"", b"")).unwrap().address.unwrap().ip;
        assert_eq!(ip(Action::CreateSocket), None);
        for action in [Action::Bind, Action::Listen] {
            assert_eq!(ip(action), Some("::".parse().unwrap()), "{action:?}");
        }
    }

    #[test]
    fn a_record_that_is_not_exactly_one_known_event_is_an_error() {
        let good = record(Header::default(), b"/a", b"");
        assert!(parse(&good).is_ok());
        assert_eq!(parse(&good[..100]), Err(EventError::Short(100)));
        for length in size_of::<Header>()..good.len() {
            assert!(matches!(parse(&good[..length]), Err(EventError::Length { .. })));
        }
        assert!(matches!(parse(&[&good[..], b"x"].concat()), Err(EventError::Length { .. })));
        let mut other = good.clone();
        other[0] = 99;
        assert_eq!(parse(&other), Err(EventError::Abi(99)));
        let wrong = [
            Header { action: 200, ..Header::default() },
            Header { reason: 200, ..Header::default() },
            Header { wanted: 16, ..Header::default() },
            Header { flags: 1 << 15, ..Header::default() },
        ];
        for header in wrong {
            assert!(matches!(parse(&record(header, b"/a", b"")), Err(EventError::Unknown { .. })));
        }
    }

    #[test]
    fn every_action_is_described() {
        let text = include_str!("../../docs/receipts.md");
        for action in Action::ALL {
            assert!(text.contains(&format!("`{}`", action.name())), "{action:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _either = parse(&bytes);
        }

        #[test]
        fn no_header_makes_the_parser_panic(
            mut head in proptest::collection::vec(any::<u8>(), size_of::<Header>()),
            action in 0_u8..45,
            reason in 0_u8..20,
            tail in proptest::collection::vec(any::<u8>(), 0..64),
        ) {
            head[..4].copy_from_slice(&ABI_VERSION.to_ne_bytes());
            let mut header: Header = zerocopy::FromBytes::read_from_bytes(&head[..]).unwrap();
            (header.action, header.reason) = (action, reason);
            let _either = parse(&record(header, &tail, &tail));
        }
    }
}
