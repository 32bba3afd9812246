//! Going on with the sessions of a daemon that is gone. Its hooks have judged all the while, and what they decided
//! waits in the ring; so nothing ends but the daemon.
//!
//! A session is gone on with if its cgroup, its place in the kernel and its log belong together. Any other is ended:
//! what it would do nobody could record.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use anyhow::{Context, ensure};
use gov_common::verdict::Reason;
use jiff::Timestamp;

use super::core::Core;
use super::recovery;
use crate::clock;
use crate::control::message::Ended;
use crate::crash;
use crate::host::cgroup::{Cgroup, Hierarchy};
use crate::journal::{Log, Recovery, Resumed};
use crate::kernel::Adopted;
use crate::session::enforcer::Enforcer;
use crate::session::found::{Begun, Found};
use crate::session::recorder::{Recorder, Rhythm};
use crate::session::{Life, Session};

/// What a daemon that is gone left of its sessions.
pub(super) struct Estate<S> {
    /// Those that stand in the kernel.
    pub(super) sessions: Vec<Adopted<S>>,
    /// Their cgroups, by id, and those of sessions that do not stand there.
    pub(super) cgroups: BTreeMap<u64, Cgroup>,
    /// The hooks that were pinned.
    pub(super) pinned: BTreeSet<String>,
}

/// The cgroups that stand in gov's hierarchy, by their ids.
pub(super) fn cgroups(hierarchy: &Hierarchy) -> anyhow::Result<BTreeMap<u64, Cgroup>> {
    let mut found = BTreeMap::new();
    let mut open = hierarchy.list().context("cannot look for sessions of another daemon")?;
    while let Some(cgroup) = open.pop() {
        open.extend(cgroup.list().context("cannot look for sessions of another daemon")?);
        found.insert(cgroup.id()?, cgroup);
    }
    Ok(found)
}

impl<E: Enforcer> Core<E> {
    /// Goes on with every session that can be gone on with, and ends the others; then takes up the logs of those that
    /// nothing but a log is left of.
    pub(super) fn inherit(&mut self, estate: Estate<E::Slot>) -> anyhow::Result<()> {
        let Estate { mut sessions, mut cgroups, pinned } = estate;
        // The outer ones first: those within name them.
        sessions.sort_by_key(|adopted| cgroups.get(&adopted.cgroup_id).map(Cgroup::level));
        for adopted in sessions {
            let cgroup = cgroups.remove(&adopted.cgroup_id);
            match self.inherit_one(&adopted, cgroup.as_ref()) {
                Ok(Some(name)) => self.look_at(&name),
                Ok(None) => self.let_go(&adopted, cgroup.as_ref()),
                Err(error) => {
                    let session = cgroup.as_ref().and_then(Cgroup::name).unwrap_or("?");
                    tracing::error!(session, "a session of a daemon that is gone is ended: {error:#}");
                    self.let_go(&adopted, cgroup.as_ref());
                }
            }
        }
        let mut strays: Vec<Cgroup> = cgroups.into_values().collect();
        strays.sort_by_key(|cgroup| std::cmp::Reverse(cgroup.level()));
        for cgroup in strays.iter().filter(|cgroup| !self.lies_in_session(cgroup)) {
            recovery::end(&self.ground, cgroup)
                .with_context(|| format!("cannot end `{}`", cgroup.path().display()))?;
        }
        crash::point("inherited");
        let goes_on = self.sessions.keys().cloned().collect();
        recovery::recover_logs(&self.ground, &pinned, &goes_on)?;
        self.destroy_unneeded_keys();
        Ok(())
    }

    /// Goes on with one session: its name; `None` if its log has its end.
    fn inherit_one(
        &mut self,
        adopted: &Adopted<E::Slot>,
        cgroup: Option<&Cgroup>,
    ) -> anyhow::Result<Option<String>> {
        let cgroup = cgroup.context("its cgroup is gone")?.clone();
        let name = cgroup.name().context("its cgroup has no name")?.to_owned();
        let folder = self.ground.folders.logs.join(&name);
        let mut found = Found::default();
        let numbered = self.enforcer.counters(adopted.slot)?.sequence;
        let tell = |found: &Resumed| match found.next_sequence.checked_sub(numbered) {
            None | Some(0) => Ok(recovery::clock_step(found, &self.ground.boot_id).into_iter().collect()),
            Some(more) => {
                Err(format!("it has {more} events more than the {numbered} that the kernel numbered"))
            }
        };
        let recovered = Log::recover(&folder, |key| self.ground.signer(key), |line| found.read(line), tell)?;
        let Recovery::Resumed(log, resumed) = recovered else { return Ok(None) };
        let begun = found.begun.take().context("its log has no start")?;
        ensure!(begun.number == adopted.number, "its log is of another session of its name");
        ensure!(resumed.boot_id.as_ref() == Some(&self.ground.boot_id), "its log is of another boot");
        if let Some(outer) = &begun.parent {
            ensure!(self.sessions.contains_key(outer), "the session `{outer}`, in which it lies, is gone");
        }
        let temporary = self.ground.temporary(&cgroup);
        crash::point("log-recovered");
        let rhythm = Rhythm::of(&self.ground.config);
        let life = self.life(adopted, &begun, &cgroup, &resumed)?;
        let recorder = Recorder::resume(*log, found, rhythm, Instant::now());
        let expires: Timestamp =
            begun.expires.parse().context("its log does not say when its time is over")?;
        let started: Timestamp = begun.wall.parse().context("its log does not say when it began")?;
        recovery::say("a session of a daemon that is gone goes on", &name, &resumed);
        self.adopt(Session {
            name: name.clone(),
            number: adopted.number,
            uid: begun.uid,
            parent: begun.parent,
            command: begun.command,
            delegation_id: begun.delegation_id,
            started_ns: nanoseconds(started),
            expires_ns: nanoseconds(expires),
            expires_boot_ns: adopted.expires_boot_ns,
            policy_digest: begun.policy,
            slot: adopted.slot,
            cgroup,
            temporary,
            recorder,
            life,
            empty_since: None,
        });
        Ok(Some(name))
    }

    /// Where a session stands, by what the kernel and its cgroup say.
    fn life(
        &self,
        adopted: &Adopted<E::Slot>,
        begun: &Begun,
        cgroup: &Cgroup,
        resumed: &Resumed,
    ) -> anyhow::Result<Life> {
        if adopted.cut != 0 {
            let reason = u8::try_from(adopted.cut).ok().and_then(Reason::from_number);
            return Ok(Life::CutOff { why: why(reason.unwrap_or(Reason::CutOff), begun) });
        }
        if cgroup.is_frozen()? {
            let until_ns = self.enforcer.standing(adopted.slot)?.open_until_ns;
            // What stood still before its circuit was open again is looked at next, and goes on then.
            return Ok(Life::Frozen { since_ns: resumed.last_ns, until_ns: until_ns.max(clock::boot_ns()) });
        }
        Ok(Life::Running)
    }

    /// Ends what is left of a session that is not gone on with.
    fn let_go(&mut self, adopted: &Adopted<E::Slot>, cgroup: Option<&Cgroup>) {
        let say = |what: &str, error: &dyn std::fmt::Display| {
            tracing::error!(number = adopted.number, "{what}: {error}");
        };
        if let Err(error) = self.enforcer.cut(adopted.slot, Reason::CutOff) {
            say("cannot cut a session off that is not gone on with", &error);
        }
        if let Some(cgroup) = cgroup
            && let Err(error) = recovery::end(&self.ground, cgroup)
        {
            // Fail closed: it stays in the kernel, which refuses it everything.
            return say("cannot end a session that is not gone on with", &format!("{error:#}"));
        }
        if let Err(error) = self.enforcer.unbind(adopted.slot) {
            say("a session that is not gone on with stays in the kernel", &error);
        }
    }

    /// Whether a cgroup is one that a session made for itself.
    fn lies_in_session(&self, cgroup: &Cgroup) -> bool {
        self.sessions.values().any(|session| cgroup.path().starts_with(session.cgroup.path()))
    }
}

/// Why a session was cut off. The kernel keeps the reason, which does not tell every cause from the others.
fn why(reason: Reason, begun: &Begun) -> Ended {
    match reason {
        Reason::Expired => Ended::Expired,
        Reason::Revoked => Ended::Revoked,
        Reason::Exhausted => Ended::Exhausted,
        Reason::CircuitOpen => Ended::CircuitOpen,
        _cut_off if begun.parent.is_some() => Ended::ParentEnded,
        _cut_off => Ended::LogFailed,
    }
}

fn nanoseconds(time: Timestamp) -> i64 {
    i64::try_from(time.as_nanosecond()).unwrap_or(i64::MAX)
}
