//! Scopes as the grants of a signed delegation (`aps-hierarchical-v1`).
//!
//! A grant is segments joined by colons. Ours keep to the narrowest grammar in use: a segment is
//! `[A-Za-z0-9][A-Za-z0-9._-]{0,63}`, a grant has at most 16 of them and 255 letters, and a last segment `*`
//! means the prefix and everything below. A path goes one component a segment: `file:write:/project/src` is
//! `file:write:project:src:*`, and `file:read:/` is `file:read:*`.
//!
//! A component, host or port range that is no segment as it stands, or that starts with `x--`, is written behind
//! `x--`, where a letter, digit, `.` or `-` is itself and any other byte is `_` and two lowercase hexadecimal
//! digits: `.env` is `x--.env`, `my file` is `x--my_20file`. Each scope has exactly one such grant;
//! [`decode`] refuses every other spelling, except that `:*` may be left off where a target stands for everything
//! below it (a path names a file or a subtree, a host without ports all of them).

use thiserror::Error;

use super::limit::Limit;
use super::net::{self, Host, Ports};
use super::parse::{listed, port, profile_name};
use super::path::CleanPath;
use super::{CAPABILITIES, FileRight, KERNEL_ACTS, PROCESS_ACTS, Scope};

const ESCAPED: &str = "x--";
const MAX_SEGMENT: usize = 64;
const MAX_SEGMENTS: usize = 16;
const MAX_GRANT: usize = 255;

/// Why a scope does not fit into a grant, or a grant is none of ours.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum GrantError {
    /// Too many components.
    #[error(
        "scope `{0}` has more components than a delegation carries (13 below the root): grant a directory above it"
    )]
    TooDeep(String),
    /// A component that is too long when it is escaped.
    #[error(
        "scope `{0}` has a component that takes more than 64 letters in a delegation: grant a directory above it"
    )]
    LongComponent(String),
    /// All of it is too long.
    #[error("scope `{0}` takes more than the 255 letters that a grant has: grant a directory above it")]
    TooLong(String),
    /// Outside the grammar.
    #[error(
        "grant `{0}` is outside the grammar: write a path one component a segment, as in `file:write:project:src:*`"
    )]
    Grammar(String),
    /// Grants that name no single thing.
    #[error(
        "grant `{0}` is too wide to be enforced as written: name each resource and action, as in `file:read:*`"
    )]
    Everything(String),
    /// No scope that is known.
    #[error("grant `{0}` is no scope that this version knows: leave it out or grant something else")]
    Unknown(String),
    /// Another spelling of a scope.
    #[error("grant `{0}` is not how its scope is spelled: write `{1}`")]
    Spelling(String, String),
}

/// The one grant of this scope.
///
/// # Errors
/// [`GrantError`] with the way out if the scope does not fit.
pub fn encode(scope: &Scope) -> Result<String, GrantError> {
    let (mut segments, open) = segments(scope);
    if segments.iter().any(|segment| segment.len() > MAX_SEGMENT) {
        return Err(GrantError::LongComponent(scope.to_string()));
    }
    if open {
        segments.push("*".to_owned());
    }
    if segments.len() > MAX_SEGMENTS {
        return Err(GrantError::TooDeep(scope.to_string()));
    }
    let grant = segments.join(":");
    if grant.len() > MAX_GRANT { Err(GrantError::TooLong(scope.to_string())) } else { Ok(grant) }
}

/// The grants of these scopes as a delegation lists them: sorted, each once, none under another.
///
/// # Errors
/// [`GrantError`] for the first scope that does not fit.
pub fn encode_all(scopes: &[Scope]) -> Result<Vec<String>, GrantError> {
    let mut grants = scopes.iter().map(encode).collect::<Result<Vec<_>, _>>()?;
    grants.sort_unstable();
    grants.dedup();
    let all = grants.clone();
    grants.retain(|grant| !all.iter().any(|other| other != grant && covers(other, grant)));
    Ok(grants)
}

/// Whether a list is as [`encode_all`] would leave it: sorted, each once, none under another.
pub fn is_canonical(grants: &[String]) -> bool {
    grants.is_sorted_by(|before, after| before < after)
        && !grants.iter().any(|grant| grants.iter().any(|other| other != grant && covers(other, grant)))
}

/// The rule of `aps-hierarchical-v1`: equal, or below a grant that ends with `:*`.
fn covers(wide: &str, narrow: &str) -> bool {
    let Some(prefix) = wide.strip_suffix(":*") else { return wide == narrow || wide == "*" };
    let narrow = narrow.strip_suffix(":*").unwrap_or(narrow);
    narrow.strip_prefix(prefix).is_some_and(|below| below.is_empty() || below.starts_with(':'))
}

/// The scope of this grant.
///
/// # Errors
/// [`GrantError`] if it is outside the grammar, unknown, or another spelling than [`encode`]'s.
pub fn decode(grant: &str) -> Result<Scope, GrantError> {
    let (named, open) = match grant.strip_suffix(":*") {
        Some(named) => (named, true),
        None => (grant, false),
    };
    if grant == "*" {
        return Err(GrantError::Everything(grant.to_owned()));
    }
    let segments: Vec<&str> = named.split(':').collect();
    let grammar = || GrantError::Grammar(grant.to_owned());
    if grant.len() > MAX_GRANT
        || grant.split(':').count() > MAX_SEGMENTS
        || !segments.iter().all(|s| is_segment(s))
    {
        return Err(grammar());
    }
    let scope = match *segments.as_slice() {
        [resource]
            if open
                && matches!(
                    resource,
                    "file" | "code" | "network" | "process" | "capability" | "kernel" | "limit"
                ) =>
        {
            return Err(GrantError::Everything(grant.to_owned()));
        }
        ["file", "read", ref path @ ..] => file(FileRight::Read, path, open),
        ["file", "write", ref path @ ..] => file(FileRight::Write, path, open),
        ["code", "execute", ref path @ ..] => file(FileRight::Execute, path, open),
        ["network", "unix", ref path @ ..] => clean_path(path, open).map(Scope::Unix),
        ["network", "external"] => Some(Scope::External),
        ["network", "loopback"] => Some(Scope::Loopback(None)),
        ["network", "loopback", number] => port(number).ok().map(|port| Scope::Loopback(Some(port))),
        ["network", "connect", host] => connect(host, None),
        ["network", "connect", host, ports] => connect(host, Some(ports)),
        ["network", "listen", ref rest @ ..] => listen(rest),
        ["shell", "arbitrary"] => Some(Scope::Shell),
        ["process", act] => listed("process", act.as_bytes(), &PROCESS_ACTS).ok().map(Scope::Process),
        ["capability", name] => {
            listed("capability", name.as_bytes(), &CAPABILITIES).ok().map(Scope::Capability)
        }
        ["kernel", act] => listed("kernel", act.as_bytes(), &KERNEL_ACTS).ok().map(Scope::Kernel),
        ["limit", ref rest @ ..] => Limit::parse(&rest.join(":")).ok().map(Scope::Limit),
        ["profile", name] => profile_name(name.as_bytes()).ok().map(Scope::Profile),
        _ => None,
    };
    let scope = scope.ok_or_else(|| GrantError::Unknown(grant.to_owned()))?;
    let spelling = encode(&scope)?;
    if spelling == grant || (!open && spelling.strip_suffix(":*") == Some(grant)) {
        Ok(scope)
    } else {
        Err(GrantError::Spelling(grant.to_owned(), spelling))
    }
}

/// The segments of a scope, and whether the grant is open: ends with `:*`.
fn segments(scope: &Scope) -> (Vec<String>, bool) {
    let fixed = |text: String| (text.split(':').map(str::to_owned).collect::<Vec<_>>(), false);
    let with_path = |start: &str, path: &CleanPath| {
        let start = start.split(':').map(str::to_owned);
        (start.chain(path.components().map(escape)).collect(), true)
    };
    match scope {
        Scope::File(right, path) => with_path(right.name(), path),
        Scope::Unix(path) => with_path("network:unix", path),
        Scope::Connect(host, ports) => {
            let mut segments =
                vec!["network".to_owned(), "connect".to_owned(), escape(host.to_string().as_bytes())];
            if *ports != Ports::ALL {
                segments.push(ports.to_string());
            }
            (segments, *ports == Ports::ALL)
        }
        Scope::Listen(address, port) => {
            let mut segments = vec!["network".to_owned(), "listen".to_owned()];
            segments.extend(address.map(|address| escape(address.to_string().as_bytes())));
            segments.extend(port.map(|port| port.to_string()));
            (segments, port.is_none())
        }
        Scope::Loopback(port) => (fixed(scope.to_string()).0, port.is_none()),
        Scope::External
        | Scope::Shell
        | Scope::Process(_)
        | Scope::Capability(_)
        | Scope::Kernel(_)
        | Scope::Limit(_)
        | Scope::Profile(_) => fixed(scope.to_string()),
    }
}

fn file(right: FileRight, path: &[&str], open: bool) -> Option<Scope> {
    clean_path(path, open).map(|path| Scope::File(right, path))
}

/// The root has no segment of its own, so only an open grant can mean it.
fn clean_path(segments: &[&str], open: bool) -> Option<CleanPath> {
    if segments.is_empty() && !open {
        return None;
    }
    let components = segments.iter().map(|segment| unescape(segment)).collect::<Option<Vec<_>>>()?;
    CleanPath::from_components(&components).ok()
}

fn connect(host: &str, ports: Option<&str>) -> Option<Scope> {
    let host = Host::parse(&String::from_utf8(unescape(host)?).ok()?).ok()?;
    let ports = ports.map_or(Ok(Ports::ALL), Ports::parse).ok()?;
    Some(Scope::Connect(host, ports))
}

fn listen(segments: &[&str]) -> Option<Scope> {
    let address = |text: &str| net::own_address(&String::from_utf8(unescape(text)?).ok()?).ok();
    match *segments {
        [] => Some(Scope::Listen(None, None)),
        [single] => match port(single) {
            Ok(port) => Some(Scope::Listen(None, Some(port))),
            Err(_) => Some(Scope::Listen(Some(address(single)?), None)),
        },
        [first, second] => Some(Scope::Listen(Some(address(first)?), Some(port(second).ok()?))),
        _ => None,
    }
}

fn is_segment(text: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    text.len() <= MAX_SEGMENT
        && text.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric())
        && text.bytes().all(letter)
}

/// A component as a segment; longer than one if it does not fit.
fn escape(component: &[u8]) -> String {
    if let Ok(text) = std::str::from_utf8(component)
        && is_segment(text)
        && !text.starts_with(ESCAPED)
    {
        return text.to_owned();
    }
    let mut segment = ESCAPED.to_owned();
    for byte in component {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-') {
            segment.push(char::from(*byte));
        } else {
            segment.push_str(&format!("_{byte:02x}"));
        }
    }
    segment
}

/// The component of a segment; whether it is the one spelling is checked on the whole grant.
fn unescape(segment: &str) -> Option<Vec<u8>> {
    let Some(mut rest) = segment.strip_prefix(ESCAPED).map(str::as_bytes) else {
        return Some(segment.as_bytes().to_vec());
    };
    let mut component = Vec::with_capacity(rest.len());
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first == b'_' {
            let (digits, after) = rest.split_first_chunk::<2>()?;
            let mut byte = [0];
            hex::decode_to_slice(digits, &mut byte).ok()?;
            component.extend(byte);
            rest = after;
        } else {
            component.push(*first);
        }
    }
    Some(component)
}
