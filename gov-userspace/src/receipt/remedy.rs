//! The smallest scope that would have allowed what was refused.

use gov_common::event::Action;
use gov_common::rights::Rights;
use gov_common::verdict::Reason;

use crate::event::{Event, Extra};
use crate::scope::{CleanPath, FileRight, Host, Ports, Prefix, Scope};

/// The scope that would have allowed this event, if it was refused for want of one and one can grant it.
///
/// `granted` are the session's scopes: of the two paths of a rename or link, the one that they do not cover is
/// the one to grant.
pub fn remedy(event: &Event, granted: &[Scope]) -> Option<String> {
    if !matches!(event.reason, Reason::OutOfScope | Reason::ShellNotGranted) {
        return None;
    }
    let scope = match event.action {
        Action::Connect | Action::Send => {
            let far = event.address?;
            Scope::Connect(Host::Prefix(Prefix::host(far.ip?)), Ports::one(far.port))
        }
        Action::Link | Action::Rename => {
            let second = match &event.extra {
                Extra::Path(path) if !event.extra_cut => file(FileRight::Write, path),
                _none => None,
            };
            let both = [file(FileRight::Write, object(event)?), second];
            let missing = |scope: &&Scope| !granted.iter().any(|held| held.covers(scope));
            both.iter().flatten().find(missing).or(both.iter().flatten().next())?.clone()
        }
        _file => file(right(event)?, object(event)?)?,
    };
    Some(scope.to_string())
}

/// The path, if a scope can name it.
fn object(event: &Event) -> Option<&[u8]> {
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
