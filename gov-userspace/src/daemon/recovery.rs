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
use crate::host::cgroup::Cgroup;
use crate::journal::{LOG, Log, Recovery, Resumed};
use crate::receipt::{Fact, Interference};

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
        end(&cgroup).with_context(|| format!("cannot end the session `{name}` of a daemon that is gone"))?;
        let temporary = &ground.folders.temporary;
        super::temporary::remove(temporary, &temporary.join(&name))
            .with_context(|| format!("cannot remove the temporary folder of the session `{name}`"))?;
    }
    Ok(())
}

/// Kills a cgroup's processes and removes it.
pub(super) fn end(cgroup: &Cgroup) -> anyhow::Result<()> {
    let deadline = Instant::now().checked_add(END_WAIT);
    while cgroup.populated()? {
        cgroup.kill()?;
        if deadline.is_none_or(|deadline| Instant::now() >= deadline) {
            anyhow::bail!("its processes do not end");
        }
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(cgroup.remove()?)
}

/// Takes up each log that has no end, but for those of sessions that go on, and says so in it, and whether the hooks were
/// still pinned: `pinned` are those that this daemon found. A log that is not as it was signed is left as it is.
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
        if ends_with_recovery(&folder).with_context(|| format!("cannot read the log `{name}`"))? {
            continue;
        }
        let tell = |found: &Resumed| unpinned(found, &ground.boot_id, pinned);
        match Log::recover(&folder, |key| ground.signer(key), |_line| (), tell) {
            Ok(Recovery::Closed) => {}
            Ok(Recovery::Resumed(log, resumed)) => {
                tracing::warn!(
                    session = name,
                    covered = resumed.covered,
                    found = resumed.found,
                    torn = resumed.torn,
                    "a log without an end was recovered"
                );
                log.close().with_context(|| format!("cannot close the recovered log `{name}`"))?;
            }
            Err(error) => tracing::error!(session = name, "a log cannot be recovered: {error}"),
        }
    }
    Ok(())
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
fn ends_with_recovery(folder: &Path) -> std::io::Result<bool> {
    Ok(last_kind(folder, TAIL)?.is_some_and(|kind| kind == "recovered"))
}

/// What kind of receipt a log's last line is; none where there is no whole one among its last `bytes`.
pub(super) fn last_kind(folder: &Path, bytes: u64) -> std::io::Result<Option<String>> {
    let mut file = match File::open(folder.join(LOG)) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(bytes)))?;
    let mut tail = Vec::new();
    file.take(bytes).read_to_end(&mut tail)?;
    let last = tail.strip_suffix(b"\n").and_then(|lines| lines.rsplit(|byte| *byte == b'\n').next());
    Ok(last.and_then(|line| serde_json::from_slice::<Kind>(line).ok()).map(|receipt| receipt.kind))
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
