//! What a daemon finds of one that was killed and does not go on with: processes whose hooks are gone, and logs without
//! an end.
//!
//! A session's cgroup is killed and removed with those of the sessions within it, and so is its temporary folder.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;

use super::ground::Ground;
use super::temporary;
use crate::clock::Offset;
use crate::host::cgroup::Cgroup;
use crate::journal::{self, JournalError, LOG, Log, Recovery, Resumed};
use crate::receipt::{Clock, Fact, Interference};

/// How long killed processes may take to end.
const END_WAIT: Duration = Duration::from_secs(10);
/// Bytes that hold the receipt of a recovery with certainty.
const TAIL: u64 = 4096;
/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Ends all that is left of sessions of another daemon.
pub(super) fn end_leftovers(ground: &Ground) -> anyhow::Result<()> {
    for cgroup in ground.hierarchy.list().context("cannot look for sessions of another daemon")? {
        let name = cgroup.name().unwrap_or("?").to_owned();
        tracing::warn!(session = name, "a session of a daemon that is gone is ended");
        end(ground, &cgroup)
            .with_context(|| format!("cannot end the session `{name}` of a daemon that is gone"))?;
    }
    Ok(())
}

/// Kills a session's processes and removes its cgroup and its temporary folder. Where nobody is left, a folder that
/// stays keeps nothing from going on: it is only said.
pub(super) fn end(ground: &Ground, cgroup: &Cgroup) -> anyhow::Result<()> {
    let deadline = Instant::now().checked_add(END_WAIT);
    while cgroup.populated()? {
        cgroup.kill()?;
        if deadline.is_none_or(|deadline| Instant::now() >= deadline) {
            anyhow::bail!("its processes do not end");
        }
        std::thread::sleep(LOOK_EVERY);
    }
    cgroup.remove()?;
    let folder = ground.temporary(cgroup);
    if let Err(error) = temporary::remove(&ground.folders.temporary, &folder) {
        tracing::error!(
            "the temporary folder `{}` of a session that was ended stays: {error}",
            folder.display()
        );
    }
    Ok(())
}

/// Says what was found of a log that is taken up.
pub(super) fn say(what: &str, session: &str, resumed: &Resumed) {
    let Resumed { covered, found, torn, .. } = resumed;
    tracing::warn!(session, covered, found, torn, "{what}");
}

/// Takes up each log that has no end, but for those of sessions that go on, and says so in it, and whether the hooks
/// were still pinned: `pinned` are those that this daemon found. A log that is not as it was signed is left as it is.
pub(super) fn recover_logs(
    ground: &Ground,
    pinned: &BTreeSet<String>,
    goes_on: &BTreeSet<String>,
) -> anyhow::Result<()> {
    let logs = &ground.folders.logs;
    for entry in std::fs::read_dir(logs).with_context(|| format!("cannot read `{}`", logs.display()))? {
        let folder = entry.with_context(|| format!("cannot read `{}`", logs.display()))?.path();
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if goes_on.contains(&name) {
            continue;
        }
        // One log that cannot be taken up keeps neither the others nor the daemon from going on.
        if let Err(error) = recover_log(ground, pinned, &folder, &name) {
            tracing::error!(session = name, "a log cannot be recovered, and is left as it is: {error}");
        }
    }
    Ok(())
}

fn recover_log(
    ground: &Ground,
    pinned: &BTreeSet<String>,
    folder: &Path,
    name: &str,
) -> Result<(), JournalError> {
    if ends_with_recovery(folder)? {
        return Ok(());
    }
    let tell = |found: &Resumed| {
        let pins = unpinned(found, &ground.boot_id, pinned);
        Ok(pins.into_iter().chain(clock_step(found, &ground.boot_id)).collect())
    };
    let Recovery::Resumed(log, resumed) = Log::recover(folder, |key| ground.signer(key), |_line| (), tell)?
    else {
        return Ok(());
    };
    say("a log without an end was recovered", name, &resumed);
    log.close()
}

/// What became of the wall clock while no daemon looked. Of another boot's it cannot be known.
pub(super) fn clock_step(found: &Resumed, boot_id: &str) -> Option<Fact> {
    let before = found.offset.filter(|_| found.boot_id.as_deref() == Some(boot_id))?;
    Clock::step(before, Offset::sample()).map(Fact::Clock)
}

/// What somebody took away while no daemon looked. A restart of the host takes everything away, the session too.
fn unpinned(found: &Resumed, boot_id: &str, pinned: &BTreeSet<String>) -> Option<Fact> {
    let missing = found.hooks.iter().filter(|hook| !pinned.contains(*hook)).count();
    if missing == 0 || found.boot_id.as_deref() != Some(boot_id) {
        return None;
    }
    let hooks = found.hooks.len();
    Some(Fact::Interference(Interference {
        enforced: Some(false),
        since: found.last_ns.to_string(),
        what: format!(
            "the daemon was gone, and when the next one came the pins of {missing} of {hooks} hooks were gone too"
        ),
    }))
}

/// Whether the last thing that a log says is that it was recovered: an earlier daemon left it so.
fn ends_with_recovery(folder: &Path) -> Result<bool, JournalError> {
    Ok(last_kind(folder, TAIL)?.is_some_and(|kind| kind == "recovered"))
}

/// What kind of receipt a log's last line is; none where there is no whole one among its last `bytes`, or they cannot be
/// read.
pub(super) fn last_kind(folder: &Path, bytes: u64) -> Result<Option<String>, JournalError> {
    let Some(file) = journal::open(folder, LOG)? else { return Ok(None) };
    let Ok(tail) = tail(file, bytes) else { return Ok(None) };
    let last = tail.strip_suffix(b"\n").and_then(|lines| lines.rsplit(|byte| *byte == b'\n').next());
    Ok(last.and_then(|line| serde_json::from_slice::<Kind>(line).ok()).map(|receipt| receipt.kind))
}

fn tail(mut file: File, bytes: u64) -> std::io::Result<Vec<u8>> {
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(bytes)))?;
    let mut tail = Vec::new();
    file.take(bytes).read_to_end(&mut tail)?;
    Ok(tail)
}

/// What kind of receipt a line is.
#[derive(serde::Deserialize)]
struct Kind {
    kind: String,
}

#[cfg(test)]
mod tests {
    use super::ends_with_recovery;

    #[test]
    fn only_a_whole_last_line_counts() {
        let folder = tempfile::tempdir().unwrap();
        let ends = |text: &str| {
            std::fs::write(folder.path().join(crate::journal::LOG), text).unwrap();
            ends_with_recovery(folder.path()).unwrap()
        };
        assert!(ends("{\"kind\":\"start\"}\n{\"kind\":\"recovered\"}\n"));
        assert!(!ends("{\"kind\":\"recovered\"}\n{\"kind\":\"close\"}\n"));
        assert!(!ends("{\"kind\":\"start\"}\n{\"kind\":\"recovered\"}"));
        assert!(!ends(""));
    }

    #[test]
    fn a_long_last_line_is_read_whole_where_there_is_room_for_it() {
        let folder = tempfile::tempdir().unwrap();
        // As long as a close receipt is that lists every hook, behind a character that the room begins in.
        let line = format!("{{\"hooks\":\"{}\",\"kind\":\"close\"}}\n", "x".repeat(9_000));
        std::fs::write(folder.path().join(crate::journal::LOG), format!("{}\n{line}", "é".repeat(40_000)))
            .unwrap();
        assert_eq!(super::last_kind(folder.path(), 64 << 10).unwrap().as_deref(), Some("close"));
        assert_eq!(super::last_kind(folder.path(), 65_535).unwrap().as_deref(), Some("close"));
        assert_eq!(super::last_kind(folder.path(), 4_096).unwrap(), None);
    }
}
