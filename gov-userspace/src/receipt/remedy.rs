//! The smallest scope that would have allowed what was refused.

use gov_common::event::Action;
use gov_common::rights::Rights;
use gov_common::verdict::Reason;

use super::about::{about, door};
use crate::event::{Event, Extra};
use crate::scope::{CleanPath, FileRight, Host, Ports, Prefix, Scope};

/// The scope that would have allowed this event, if it was refused for want of one and one can grant it.
///
/// `granted` are the session's scopes: of the two paths of a rename or link, the one that they do not cover is
/// the one to grant.
pub fn remedy(event: &Event, granted: &[Scope]) -> Option<String> {
    match event.reason {
        Reason::OutOfScope | Reason::ShellNotGranted => {
            missing(event, granted).map(|scope| scope.to_string())
        }
        Reason::Ground => door(event).map(str::to_owned),
        _no_scope_helps => None,
    }
}

fn missing(event: &Event, granted: &[Scope]) -> Option<Scope> {
    match event.action {
        Action::Connect | Action::Send => {
            let far = event.address?;
            Some(Scope::Connect(Host::Prefix(Prefix::host(far.ip?)), Ports::one(far.port)))
        }
        Action::Bind | Action::Listen => {
            let own = event.address?;
            // The unspecified address is every one, and port 0 one that the kernel chooses of all.
            let address = own.ip.filter(|ip| !ip.is_unspecified());
            own.ip.map(|_| Scope::Listen(address, Some(own.port).filter(|port| *port != 0)))
        }
        Action::ConnectUnix => path(event).and_then(|path| CleanPath::new(path).ok()).map(Scope::Unix),
        // A capability without a name here has no scope.
        Action::Capability => about(event)?.parse().ok(),
        Action::Link | Action::Rename => {
            let second = match &event.extra {
                Extra::Path(path) if !event.extra_cut => file(FileRight::Write, path),
                _none => None,
            };
            let both = [file(FileRight::Write, path(event)?), second];
            let missing = |scope: &&Scope| !granted.iter().any(|held| held.covers(scope));
            both.iter().flatten().find(missing).or(both.iter().flatten().next()).cloned()
        }
        _file => file(right(event)?, path(event)?),
    }
}

/// The path, if a scope can name it.
fn path(event: &Event) -> Option<&[u8]> {
    let whole = event.object.as_ref().filter(|object| !object.cut && !object.unlinked);
    whole.map(|object| &object.path[..])
}

fn file(right: FileRight, path: &[u8]) -> Option<Scope> {
    CleanPath::new(path).ok().map(|path| Scope::File(right, path))
}

fn right(event: &Event) -> Option<FileRight> {
    if event.wanted.covers(Rights::EXECUTE) {
        Some(FileRight::Execute)
    } else if event.wanted.covers(Rights::WRITE) {
        Some(FileRight::Write)
    } else {
        event.wanted.covers(Rights::READ).then_some(FileRight::Read)
    }
}
