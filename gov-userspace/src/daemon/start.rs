//! Starts a session: checks who asks and what they may, makes what a session has, and governs the process.
//!
//! Either all of it happens or none: whatever was made is unmade when a later step fails.

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Instant;

use gov_common::abi::{SESSION_ARM_AT_EXEC, SESSION_RECORD_READS, SESSION_SHELLS};
use jiff::Timestamp;

use super::answers::{code, refusal, refusal_with};
use super::authority::{Authority, authorise};
use super::core::Core;
use super::engine::Peer;
use super::{records, temporary};
use crate::clock::{self, Offset};
use crate::control::message::{Refusal, Start, Started};
use crate::control::{MAX_ARGUMENTS, MAX_DELEGATION};
use crate::crash;
use crate::host::cgroup::Cgroup;
use crate::host::process::Process;
use crate::kernel::BindSpec;
use crate::session::enforcer::Enforcer;
use crate::session::recorder::{Recorder, Rhythm};
use crate::session::{Life, Session, name};

/// Starts the session and answers with its name; a refusal leaves nothing behind.
pub(super) fn start<E: Enforcer>(
    core: &mut Core<E>,
    peer: &Peer,
    request: Start,
    pidfd: OwnedFd,
) -> Result<Started, Refusal> {
    check_limits(core, &request)?;
    let process = check_process(peer, pidfd)?;
    let outer = core.outer(peer, &process)?;
    let now = Timestamp::now();
    let name = new_name(core, &request.name)?;
    let base = core.ground.folders.temporary.clone();
    let temporary = outer.as_ref().map_or(&base, |outer| &outer.temporary).join(&name);
    let authority = authorise(&core.ground, peer, &request.delegations, &temporary, now)?;
    if let Some(outer) = &outer {
        outer.check_link(&authority.delegation)?;
    }

    let mut made = Made::default();
    temporary::create(&base, &temporary, peer.uid, peer.gid)
        .map_err(|error| refusal(code::FAILED, "the session's temporary folder", &error))?;
    made.temporary = Some((base, temporary.clone()));
    let cgroup = match &outer {
        Some(outer) => outer.cgroup.create(&name),
        None => core.ground.hierarchy.create(&name),
    };
    let cgroup = cgroup.map_err(|error| refusal(code::FAILED, "the session's cgroup", &error))?;
    let cgroup_id = cgroup.id().map_err(|error| refusal(code::FAILED, "the session's cgroup", &error))?;
    let cgroup_level = cgroup.level();
    made.cgroup = Some(cgroup);

    let number = core.next_number();
    let parent = outer.map(|outer| outer.name);
    let begun = records::begin(&core.ground, peer, &name, number, &request, &authority, parent.as_deref());
    let (log, folder, start) = begun.map_err(|error| {
        refusal_with(code::FAILED, "the session's log", error, "see that the disk has room")
    })?;
    made.log = Some(folder);
    let rhythm = Rhythm::of(&core.ground.config);
    let recorder = Recorder::begin(log, start, rhythm, Instant::now()).map_err(|error| {
        let mut refusal = refusal(code::FAILED, "the session's log", &error);
        refusal.remedy = Some("see that the disk has room".to_owned());
        refusal
    })?;

    crash::point("log-begun");
    let offset = Offset::sample();
    let expires_boot_ns = offset.boot_ns(authority.delegation.not_after);
    let spec = BindSpec {
        cgroup_id,
        cgroup_level,
        session_number: number,
        expires_boot_ns,
        policy: &authority.policy,
        flags: flags(&request, &authority),
    };
    let slot = core
        .enforcer
        .bind(&spec)
        .map_err(|error| refusal(code::CANNOT_ENFORCE, "the session's policy", &error))?;
    crash::point("bound");
    let admitted = match &made.cgroup {
        Some(cgroup) => cgroup.admit(&process),
        None => Err(crate::host::HostError::ProcessGone),
    };
    let cgroup = match (admitted, made.cgroup.take()) {
        (Ok(()), Some(cgroup)) => cgroup,
        (outcome, cgroup) => {
            made.cgroup = cgroup;
            if let Err(error) = core.enforcer.unbind(slot) {
                tracing::error!(session = name, "a session that did not begin stays in the kernel: {error}");
            }
            let error = outcome.err().unwrap_or(crate::host::HostError::ProcessGone);
            return Err(refusal(code::FAILED, "the process to govern", &error));
        }
    };
    crash::point("admitted");
    made.keep();
    let temporary_folder = temporary.to_string_lossy().into_owned();
    let started =
        Started { session: name.clone(), delegation_id: authority.delegation.id.clone(), temporary_folder };
    core.adopt(Session {
        name,
        number,
        uid: peer.uid,
        parent,
        command: request.command,
        delegation_id: authority.delegation.id,
        started_ns: offset.wall_ns(clock::boot_ns()),
        expires_ns: i64::try_from(authority.delegation.not_after.as_nanosecond()).unwrap_or(i64::MAX),
        expires_boot_ns,
        policy_digest: authority.policy.digest,
        slot,
        cgroup,
        temporary,
        recorder,
        life: Life::Running,
        empty_since: None,
    });
    Ok(started)
}

fn check_limits<E: Enforcer>(core: &Core<E>, request: &Start) -> Result<(), Refusal> {
    let most = core.ground.config.max_sessions;
    if core.is_stopping() {
        return Err(refusal_with(121, "the session", "the daemon is stopping", "start it again"));
    }
    if core.sessions.len() >= usize::try_from(most).unwrap_or(usize::MAX) {
        let why = format!("{most} sessions run already");
        return Err(refusal_with(code::FAILED, "the session", why, "end one, or raise `max-sessions`"));
    }
    if request.delegations.iter().map(String::len).fold(0_usize, usize::saturating_add) > MAX_DELEGATION {
        let why = format!("it is longer than {MAX_DELEGATION} bytes");
        return Err(refusal_with(code::USAGE, "the delegation", why, "grant directories instead of files"));
    }
    if request.command.len() > MAX_ARGUMENTS {
        let why = format!("it has more than {MAX_ARGUMENTS} arguments");
        return Err(refusal_with(code::USAGE, "the command", why, "pass them in a file"));
    }
    Ok(())
}

/// The process must be the peer's own.
fn check_process(peer: &Peer, pidfd: OwnedFd) -> Result<Process, Refusal> {
    let what = "the process to govern";
    let failed = |error: crate::host::HostError| refusal(code::FAILED, what, &error);
    let process = Process::from_pidfd(pidfd).map_err(failed)?;
    let uid = process.uid().map_err(failed)?;
    if peer.uid != 0 && uid != peer.uid {
        let why = format!("it is user {uid}'s, and user {} asks", peer.uid);
        return Err(refusal_with(code::AUTHORITY, what, why, "start it as the same user"));
    }
    Ok(process)
}

/// A name that no session has had whose log is here.
fn new_name<E: Enforcer>(core: &Core<E>, chosen: &str) -> Result<String, Refusal> {
    /// Of 16,777,216 names, so many in a row are taken only if hardly any is free.
    const TRIES: usize = 64;
    let failed = |error: &dyn std::fmt::Display| {
        refusal_with(code::FAILED, "the session's name", error, "begin it with another word: `--name`")
    };
    for _ in 0..TRIES {
        let mut random = [0_u8; 3];
        getrandom::fill(&mut random).map_err(|error| failed(&error))?;
        let name = name::make(chosen, random);
        if !core.ground.folders.logs.join(&name).exists() {
            return Ok(name);
        }
    }
    Err(failed(&"there are too many logs whose names begin so"))
}

fn flags(request: &Start, authority: &Authority) -> u32 {
    let shells = if authority.policy.shells { SESSION_SHELLS } else { 0 };
    let reads = if request.record_reads { SESSION_RECORD_READS } else { 0 };
    SESSION_ARM_AT_EXEC | shells | reads
}

/// What was made for a session that may yet not begin.
#[derive(Default)]
struct Made {
    /// The folder for such folders, and the session's.
    temporary: Option<(PathBuf, PathBuf)>,
    cgroup: Option<Cgroup>,
    log: Option<PathBuf>,
}

impl Made {
    /// The session has begun: all of it stays.
    fn keep(mut self) {
        (self.temporary, self.cgroup, self.log) = (None, None, None);
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        let outcomes = [
            self.log.take().map(|folder| std::fs::remove_dir_all(folder).map_err(|error| error.to_string())),
            self.cgroup.take().map(|cgroup| cgroup.remove().map_err(|error| error.to_string())),
            self.temporary
                .take()
                .map(|(base, folder)| temporary::remove(&base, &folder).map_err(|error| error.to_string())),
        ];
        for error in outcomes.into_iter().flatten().filter_map(Result::err) {
            tracing::error!("what was made for a session that did not begin stays: {error}");
        }
    }
}
