//! Nested sessions against the kernel object alone: the policies are bound by hand, so nothing but the kernel keeps
//! the inner one within the outer one.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::Command;

use anyhow::{Result, ensure};
use gov::event::{Event, parse};
use gov::kernel::BindSpec;
use gov::policy::Compiled;
use gov_common::verdict::Reason;

use crate::direct::{Bench, policy, shown};
use crate::direct_scenes::place;

/// The numbers of the two sessions.
const OUTER: u64 = 11;
const INNER: u64 = 12;

/// An inner policy that grants less refuses what the outer one grants.
pub(crate) fn narrowed(bench: &mut Bench) -> Result<()> {
    let place = place(bench)?;
    let (wide, narrow) = (policy(&format!("file:read:{place}"))?, policy(&format!("file:read:{place}/in"))?);
    let reads = [format!("{place}/in/a"), format!("{place}/out/secret")];
    let (outcomes, events) = nested(bench, &wide, &narrow, &reads)?;
    ensure!(outcomes == ["ok", "EACCES"], "they ended with {outcomes:?}");
    both_know(&events, INNER)
}

/// An inner policy that grants everything, as no verifier of chains would let it be, still refuses what the outer one
/// does.
pub(crate) fn forged(bench: &mut Bench) -> Result<()> {
    let place = place(bench)?;
    let everything = policy("file:read:/ file:write:/ shell:arbitrary code:execute:/")?;
    let narrow = policy(&format!("file:read:{place}/in"))?;
    let reads = [format!("{place}/in/a"), format!("{place}/out/secret")];
    let (control, _) = nested(bench, &everything, &everything, &reads)?;
    ensure!(control == ["ok", "ok"], "granted by both, they ended with {control:?}");
    let (outcomes, events) = nested(bench, &narrow, &everything, &reads)?;
    ensure!(outcomes == ["ok", "EACCES"], "they ended with {outcomes:?}");
    both_know(&events, OUTER)
}

/// Both sessions were told of the refusal, and whose it was.
fn both_know(events: &[Event], decider: u64) -> Result<()> {
    for session in [OUTER, INNER] {
        let told = |event: &Event| {
            event.session == session && event.reason == Reason::OutOfScope && event.decider == decider
        };
        ensure!(events.iter().any(told), "session {session} does not know: {}", shown(events));
    }
    Ok(())
}

/// Reads files in a session of the second policy within one of the first: the outcomes and the events.
fn nested(
    bench: &mut Bench,
    outer_policy: &Compiled,
    inner_policy: &Compiled,
    reads: &[String],
) -> Result<(Vec<String>, Vec<Event>)> {
    let outer = bench.cgroups.join("gov-outer");
    let inner = outer.join("inner");
    fs::create_dir_all(&inner)?;
    let mut slots = Vec::new();
    for (folder, level, number, policy) in
        [(&outer, 1, OUTER, outer_policy), (&inner, 2, INNER, inner_policy)]
    {
        slots.push(bench.kernel.bind(&BindSpec {
            cgroup_id: fs::metadata(folder)?.ino(),
            cgroup_level: level,
            session_number: number,
            expires_boot_ns: u64::MAX,
            policy,
            flags: 0,
        })?);
    }
    let read = |path: &String| -> Result<String> {
        let mut command = Command::new(std::env::current_exe()?);
        let out = command.arg("--in").arg(&inner).args(["read", path]).output()?;
        Ok(String::from_utf8_lossy(&out.stdout).trim().to_owned())
    };
    let outcomes: Result<Vec<String>> = reads.iter().map(read).collect();
    for slot in slots {
        bench.kernel.unbind(slot)?;
    }
    let mut events = Vec::new();
    while let Some(record) = bench.ring.next() {
        events.push(parse(&record)?);
    }
    fs::remove_dir(&inner)?;
    fs::remove_dir(&outer)?;
    Ok((outcomes?, events))
}
