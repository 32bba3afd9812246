//! Sessions within sessions: which one a process lies in, what may be asked from there, and how an end goes inwards.
//!
//! The kernel judges a task by every session above it, so nothing here can widen anything. What is kept here is that
//! evidence names whose authority a session rests on, and that a governed task steers no session but its own inner ones.

use std::cmp::Reverse;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::answers::{code, refusal, refusal_with};
use super::close::Released;
use super::core::Core;
use super::engine::Peer;
use crate::control::message::{Ended, Refusal, SessionView};
use crate::delegation::Delegation;
use crate::host::cgroup::{Cgroup, is_governed};
use crate::host::process::Process;
use crate::session::Session;
use crate::session::enforcer::Enforcer;

/// Sessions that may be open at once within one that lies in none, however deep: a governed task must not use up those
/// of the host.
const MAX_WITHIN: usize = 64;

/// The session that another begins in.
pub(super) struct Outer {
    pub(super) name: String,
    pub(super) cgroup: Cgroup,
    pub(super) temporary: PathBuf,
    delegation_id: String,
}

impl Outer {
    /// Whether a verified delegation was made from this session's own: it is the next link of that chain.
    pub(super) fn check_link(&self, delegation: &Delegation) -> Result<(), Refusal> {
        if delegation.parent.as_ref() == Some(&self.delegation_id) {
            return Ok(());
        }
        let why = format!("it does not narrow `{}`, which the session around it runs on", self.delegation_id);
        Err(refusal_with(code::AUTHORITY, "the delegation", why, "delegate on what the session has"))
    }
}

impl<E: Enforcer> Core<E> {
    /// The session in which a peer may start one for a process; none where both lie outside of all sessions.
    pub(super) fn outer(&self, peer: &Peer, process: &Process) -> Result<Option<Outer>, Refusal> {
        let what = "the process to govern";
        let cgroup = process.cgroup().map_err(|error| refusal(code::FAILED, what, &error))?;
        let (asks, lies) = (self.innermost(&peer.cgroup)?, self.innermost(&cgroup)?);
        let outer = match (asks, lies) {
            (None, None) => return Ok(None),
            (Some(asks), Some(lies)) if asks.name == lies.name => lies,
            _apart => {
                let why = "it does not lie in the same session as who asks";
                return Err(refusal_with(code::AUTHORITY, what, why, "start it where it is to be governed"));
            }
        };
        if outer.is_ending() {
            let why = format!("`{}`, in which it would lie, is ending", outer.name);
            return Err(refusal_with(code::ENDED, "the session", why, "start it elsewhere"));
        }
        if !outer.cgroup.can_hold_another() {
            let why = "the kernel object judges no more sessions above one task";
            return Err(refusal_with(code::CANNOT_ENFORCE, "the session", why, "start it further outside"));
        }
        self.check_room_within(&outer.name)?;
        Ok(Some(Outer {
            name: outer.name.clone(),
            cgroup: outer.cgroup.clone(),
            temporary: outer.temporary.clone(),
            delegation_id: outer.delegation_id.clone(),
        }))
    }

    /// Whether there is room for one more session within that which lies in none, around the session of a name.
    pub(super) fn check_room_within(&self, name: &str) -> Result<(), Refusal> {
        let mut outermost = name;
        while let Some(above) = self.parent(outermost) {
            outermost = above;
        }
        let within = self.sessions.values().filter(|it| self.lies_within(it.parent.as_deref(), outermost));
        if within.count() < MAX_WITHIN {
            return Ok(());
        }
        let why = format!("{MAX_WITHIN} sessions are open in `{outermost}` already");
        Err(refusal_with(code::FAILED, "the session", why, "let one of them end"))
    }

    /// Whether a peer may know of a session and end it: from outside of all sessions root every one and others their
    /// own, from within a session only those of them that lie in it.
    pub(super) fn may_steer(&self, peer: &Peer, view: &SessionView) -> bool {
        let own = peer.uid == 0 || view.uid == peer.uid;
        match self.innermost(&peer.cgroup) {
            Ok(None) => own,
            Ok(Some(session)) => own && self.lies_within(view.parent.as_deref(), &session.name),
            // Fail closed: a cgroup of gov's that is no session's.
            Err(_stray) => false,
        }
    }

    /// Ends the sessions directly within one, and each of them those within it.
    pub(super) fn end_within(&mut self, name: &str, now: Instant) {
        for inner in self.directly_within(name) {
            self.begin_end(&inner, Ended::ParentEnded, now);
        }
    }

    /// The sessions directly within one.
    pub(super) fn directly_within(&self, name: &str) -> Vec<String> {
        let within = self.sessions.values().filter(|session| session.parent.as_deref() == Some(name));
        within.map(|session| session.name.clone()).collect()
    }

    /// Whether the log of a session directly within this one has no end yet. Logs are closed from the inside out.
    pub(super) fn holds_open_log(&self, name: &str) -> bool {
        let open = self.sessions.values().map(|session| session.parent.as_deref());
        let released = self.released.values().map(Released::parent);
        open.chain(released).any(|parent| parent == Some(name))
    }

    /// Puts sessions before those that they lie in.
    pub(super) fn sort_innermost_first(&self, names: &mut [String]) {
        let level = |name: &String| self.sessions.get(name).map_or(0, |session| session.cgroup.level());
        names.sort_by_key(|name| Reverse(level(name)));
    }

    /// The innermost session that a cgroup lies in; none outside of gov's hierarchy.
    fn innermost(&self, cgroup: &Path) -> Result<Option<&Session<E::Slot>>, Refusal> {
        if !is_governed(cgroup) {
            return Ok(None);
        }
        let named = cgroup.ancestors().filter_map(|above| Some((above, above.file_name()?.to_str()?)));
        let mut sessions =
            named.filter_map(|(above, name)| self.sessions.get(name).filter(|it| it.cgroup.path() == above));
        sessions.next().map(Some).ok_or_else(|| {
            let why = format!("its cgroup `{}` is gov's, and no session's", cgroup.display());
            refusal_with(code::AUTHORITY, "the process that asks", why, "ask from elsewhere")
        })
    }

    /// Whether a session whose parent this is lies in another, however deep.
    fn lies_within<'a>(&'a self, mut parent: Option<&'a str>, name: &str) -> bool {
        while let Some(above) = parent {
            if above == name {
                return true;
            }
            parent = self.parent(above);
        }
        false
    }

    /// The session that the one of a name lies in, or lay in.
    fn parent<'a>(&'a self, name: &str) -> Option<&'a str> {
        match (self.sessions.get(name), self.released.get(name)) {
            (Some(session), _) => session.parent.as_deref(),
            (None, Some(released)) => released.parent(),
            (None, None) => {
                let closed = self.closed.iter().rev().find(|view| view.session == name);
                closed.and_then(|view| view.parent.as_deref())
            }
        }
    }
}
