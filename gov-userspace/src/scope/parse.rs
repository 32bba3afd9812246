//! Reads a scope as people write it.

use thiserror::Error;

use super::limit::{Limit, LimitFault};
use super::net::{self, Host, NetFault, Ports};
use super::path::{CleanPath, PathFault};
use super::{CAPABILITIES, FileRight, KERNEL_ACTS, PROCESS_ACTS, Scope};

/// How many letters of a refused scope an error repeats.
const SHOWN: usize = 120;

/// A text that is no scope.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("scope `{scope}`: {fault}")]
pub struct ScopeError {
    /// What was written, shortened and made printable.
    pub scope: String,
    /// What is wrong with it, and what to write.
    pub fault: Fault,
}

/// What is wrong with a scope.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// No such resource or action.
    #[error(
        "unknown scope: write file:read:PATH, file:write:PATH, code:execute:PATH, network:external, network:connect:HOST[:PORT], network:loopback[:PORT], network:listen[:ADDR][:PORT], network:unix:PATH, shell:arbitrary, process:ACT, capability:CAP_X, kernel:ACT, limit:BUDGET:N, limit:breaker:REFUSALS:WINDOW:COOLDOWN or profile:NAME"
    )]
    Unknown,
    /// A target is missing.
    #[error("it names no target: write `{0}`")]
    NoTarget(&'static str),
    /// A target where none belongs.
    #[error("it takes no target: write `{0}`")]
    Target(&'static str),
    /// Not one of a closed list.
    #[error("unknown name after `{0}:`: write one of {list}", list = .1.join(", "))]
    NotOneOf(&'static str, &'static [&'static str]),
    /// Not a profile's name.
    #[error("no name of a profile: write lower-case letters, digits and `-`, at most 64")]
    ProfileName,
    /// Text where only text may be.
    #[error("it is no valid UTF-8, which only a path may hold: retype it")]
    NotText,
    /// Control characters where only a path may hold them.
    #[error("it holds a control character: retype it without")]
    Control,
    /// The path.
    #[error(transparent)]
    Path(#[from] PathFault),
    /// The host or port.
    #[error(transparent)]
    Net(#[from] NetFault),
    /// The limit.
    #[error(transparent)]
    Limit(#[from] LimitFault),
}

impl Scope {
    /// Reads one scope. Only paths may hold bytes that are no UTF-8.
    ///
    /// # Errors
    /// [`ScopeError`] with the scope, what is wrong with it and what to write.
    pub fn parse(text: &[u8]) -> Result<Self, ScopeError> {
        scope(text).map_err(|fault| ScopeError { scope: shown(text), fault })
    }
}

impl std::str::FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        Self::parse(text.as_bytes())
    }
}

fn scope(text: &[u8]) -> Result<Scope, Fault> {
    let (resource, rest) = split(text);
    let Some(rest) = rest else { return Err(Fault::Unknown) };
    // These take the whole rest as their name.
    match resource {
        b"process" => return listed("process", rest, &PROCESS_ACTS).map(Scope::Process),
        b"capability" => return listed("capability", rest, &CAPABILITIES).map(Scope::Capability),
        b"kernel" => return listed("kernel", rest, &KERNEL_ACTS).map(Scope::Kernel),
        b"limit" => return Ok(Scope::Limit(Limit::parse(utf8(Some(rest))?.unwrap_or_default())?)),
        b"profile" => return profile_name(rest).map(Scope::Profile),
        _ => {}
    }
    let (action, target) = split(rest);
    match (resource, action) {
        (b"file", b"read") => file(FileRight::Read, target, "file:read:PATH"),
        (b"file", b"write") => file(FileRight::Write, target, "file:write:PATH"),
        (b"code", b"execute") => file(FileRight::Execute, target, "code:execute:PATH"),
        (b"network", b"unix") => path(target, "network:unix:PATH").map(Scope::Unix),
        (b"network", b"external") => alone(target, Scope::External, "network:external"),
        (b"shell", b"arbitrary") => alone(target, Scope::Shell, "shell:arbitrary"),
        (b"network", b"connect") => connect(needed(target, "network:connect:HOST[:PORT]")?),
        (b"network", b"loopback") => Ok(Scope::Loopback(utf8(target)?.map(port).transpose()?)),
        (b"network", b"listen") => utf8(target)?.map_or(Ok(Scope::Listen(None, None)), listen),
        _ => Err(Fault::Unknown),
    }
}

fn split(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    match text.iter().position(|byte| *byte == b':').and_then(|colon| text.split_at_checked(colon)) {
        Some((before, after)) => (before, after.get(1..)),
        None => (text, None),
    }
}

fn file(right: FileRight, target: Option<&[u8]>, form: &'static str) -> Result<Scope, Fault> {
    Ok(Scope::File(right, path(target, form)?))
}

fn path(target: Option<&[u8]>, form: &'static str) -> Result<CleanPath, Fault> {
    match target {
        None | Some(b"") => Err(Fault::NoTarget(form)),
        Some(text) => Ok(CleanPath::from_text(text)?),
    }
}

fn alone(target: Option<&[u8]>, scope: Scope, form: &'static str) -> Result<Scope, Fault> {
    if target.is_none() { Ok(scope) } else { Err(Fault::Target(form)) }
}

fn utf8(target: Option<&[u8]>) -> Result<Option<&str>, Fault> {
    match target.map(std::str::from_utf8) {
        Some(Ok(text)) if text.chars().any(char::is_control) => Err(Fault::Control),
        Some(Ok(text)) => Ok(Some(text)),
        Some(Err(_)) => Err(Fault::NotText),
        None => Ok(None),
    }
}

fn needed<'a>(target: Option<&'a [u8]>, form: &'static str) -> Result<&'a str, Fault> {
    utf8(target)?.filter(|text| !text.is_empty()).ok_or(Fault::NoTarget(form))
}

/// `HOST[:PORTS]`, IPv6 in brackets.
fn connect(target: &str) -> Result<Scope, Fault> {
    let (host, ports) = host_and_port(target)?;
    let ports = ports.map_or(Ok(Ports::ALL), Ports::parse)?;
    Ok(Scope::Connect(Host::parse(host)?, ports))
}

/// `PORT`, `ADDR` or `ADDR:PORT`.
fn listen(target: &str) -> Result<Scope, Fault> {
    if let Ok(port) = port(target) {
        return Ok(Scope::Listen(None, Some(port)));
    }
    let (address, given_port) = host_and_port(target)?;
    Ok(Scope::Listen(Some(net::own_address(address)?), given_port.map(port).transpose()?))
}

fn host_and_port(target: &str) -> Result<(&str, Option<&str>), Fault> {
    if let Some(bracketed) = target.strip_prefix('[') {
        return match bracketed.split_once(']') {
            Some((host, "")) if host.contains(':') => Ok((host, None)),
            Some((host, rest)) if host.contains(':') && rest.starts_with(':') => Ok((host, rest.get(1..))),
            _ => Err(NetFault::Host(target.to_owned()).into()),
        };
    }
    match target.split_once(':') {
        Some((_, rest)) if rest.contains(':') => Err(NetFault::Brackets(target.to_owned()).into()),
        Some((host, port)) => Ok((host, Some(port))),
        None => Ok((target, None)),
    }
}

pub(super) fn port(text: &str) -> Result<u16, NetFault> {
    match Ports::parse(text)? {
        Ports { first, last } if first == last && !text.contains('-') => Ok(first),
        _ => Err(NetFault::Ports(text.to_owned())),
    }
}

pub(super) fn listed<const N: usize>(
    resource: &'static str,
    name: &[u8],
    list: &'static [&'static str; N],
) -> Result<&'static str, Fault> {
    let found = list.iter().find(|known| known.as_bytes() == name);
    found.copied().ok_or(Fault::NotOneOf(resource, list))
}

/// A profile is looked up as a file of its name, so the name can be no path.
pub(super) fn profile_name(name: &[u8]) -> Result<String, Fault> {
    let letter = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    match std::str::from_utf8(name) {
        Ok(text) if (1..=64).contains(&name.len()) && name.iter().all(letter) && !text.starts_with('-') => {
            Ok(text.to_owned())
        }
        _ => Err(Fault::ProfileName),
    }
}

fn shown(text: &[u8]) -> String {
    let mut shown = String::new();
    for letter in String::from_utf8_lossy(text).chars() {
        if shown.len() >= SHOWN {
            shown.push_str("...");
            break;
        }
        if letter.is_control() { shown.extend(letter.escape_default()) } else { shown.push(letter) }
    }
    shown
}
