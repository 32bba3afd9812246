//! Log folders that somebody changed while no daemon ran, one a lie: each is refused at once and left as it is.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::tests::{add, by, covered, key, lines, new_log, scratch};
use super::{
    CHECKPOINT, CHECKPOINTS, DELEGATION, JournalError, LOG, Log, NewLog, Recovery, SESSION, TORN, origin,
};
use crate::key::Secret;
use crate::receipt::SessionFacts;

/// Three lines under two checkpoints, and two that no checkpoint covers.
fn made(dir: &Path, key: Arc<Secret>) {
    let name = dir.file_name().unwrap().to_str().unwrap();
    let facts = SessionFacts { session: name.to_owned(), ..new_log(b"{}").facts };
    let new = NewLog { origin: origin("host", name), facts, ..new_log(b"{}") };
    let mut log = Log::create(dir, new, key).unwrap();
    for lines in [1, 2] {
        add(&mut log, lines);
        log.commit().unwrap();
    }
    add(&mut log, 2);
    log.hand_over().unwrap();
}

fn recover(dir: &Path) -> Result<Recovery, JournalError> {
    Log::recover(dir, by(key()), |_line| (), |_found| Ok(Vec::new()))
}

/// Everything below a folder: what it is, and what it holds.
fn all_below(folder: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let metadata = path.symlink_metadata().unwrap();
        let content = if metadata.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
        if metadata.is_dir() {
            found.extend(all_below(&path));
        }
        found.insert(path, (metadata.permissions().mode(), content));
    }
    found
}

fn edit(path: &Path, change: impl FnOnce(String) -> String) {
    fs::write(path, change(fs::read_to_string(path).unwrap())).unwrap();
}

fn pipe(path: &Path) {
    fs::remove_file(path).unwrap();
    mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o640), 0).unwrap();
}

/// The file itself lies elsewhere, as it was.
fn moved(dir: &Path, name: &str) -> PathBuf {
    let elsewhere = dir.with_file_name(format!("elsewhere-{name}"));
    fs::rename(dir.join(name), &elsewhere).unwrap();
    elsewhere
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A lie, and how it is told.
type Lie = (&'static str, fn(&Path));

const FILES: [&str; 4] = [LOG, CHECKPOINT, CHECKPOINTS, SESSION];

const LIES: &[Lie] = &[
    ("a line is changed", |dir| {
        edit(&dir.join(LOG), |text| text.replacen(r#""count":1,"#, r#""count":9,"#, 1));
    }),
    ("two lines have changed places", |dir| {
        edit(&dir.join(LOG), |text| {
            let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
            lines.swap(0, 1);
            lines.concat()
        });
    }),
    ("signed lines are cut off", |dir| {
        edit(&dir.join(LOG), |text| text.split_inclusive('\n').take(2).collect());
    }),
    ("a signed line is left out", |dir| {
        edit(&dir.join(LOG), |text| text.split_inclusive('\n').skip(1).collect());
    }),
    ("the log is gone", |dir| fs::remove_file(dir.join(LOG)).unwrap()),
    ("the session file is gone", |dir| fs::remove_file(dir.join(SESSION)).unwrap()),
    ("all checkpoints are gone", |dir| {
        fs::remove_file(dir.join(CHECKPOINT)).unwrap();
        fs::write(dir.join(CHECKPOINTS), "").unwrap();
    }),
    ("all checkpoints are no notes", |dir| {
        fs::write(dir.join(CHECKPOINT), "nothing").unwrap();
        fs::write(dir.join(CHECKPOINTS), "\"nothing\"\n").unwrap();
    }),
    ("the checkpoint is another log's", |dir| {
        let other = dir.with_file_name("s-2");
        made(&other, key());
        fs::copy(other.join(CHECKPOINT), dir.join(CHECKPOINT)).unwrap();
    }),
    ("the checkpoint is signed by another key", |dir| {
        let other = dir.parent().unwrap().join("other").join("s-1");
        fs::create_dir(other.parent().unwrap()).unwrap();
        made(&other, Arc::new(Secret::from_seed([8; 32])));
        fs::copy(other.join(CHECKPOINT), dir.join(CHECKPOINT)).unwrap();
    }),
    ("the session file names another session", |dir| {
        edit(&dir.join(SESSION), |text| text.replace("s-1", "s-2"));
    }),
    ("the session file names another delegation", |dir| {
        edit(&dir.join(SESSION), |text| text.replace("sha256:00", "sha256:01"));
    }),
    ("the session file is none", |dir| fs::write(dir.join(SESSION), "{}").unwrap()),
    ("others may write into the folder", |dir| mode(dir, 0o2770)),
    ("others may write the log", |dir| mode(&dir.join(LOG), 0o660)),
    ("the log has a second name", |dir| {
        fs::hard_link(dir.join(LOG), dir.with_file_name("second-name")).unwrap();
    }),
    ("the folder is a link", |dir| {
        let elsewhere = dir.with_file_name("elsewhere");
        fs::rename(dir, &elsewhere).unwrap();
        symlink(elsewhere, dir).unwrap();
    }),
    ("the folder is a file", |dir| {
        fs::rename(dir, dir.with_file_name("elsewhere")).unwrap();
        fs::write(dir, "a file").unwrap();
    }),
    ("what is torn would go elsewhere", |dir| {
        edit(&dir.join(LOG), |text| text + "{\"action\":");
        symlink(dir.with_file_name("elsewhere"), dir.join(TORN)).unwrap();
    }),
];

fn is_refused(what: &str, lie: fn(&Path)) {
    let scratch = scratch();
    let dir = scratch.path().join("s-1");
    made(&dir, key());
    lie(&dir);
    let before = all_below(scratch.path());
    let refused = recover(&dir).err().unwrap_or_else(|| panic!("{what}: it was believed"));
    let gone =
        matches!(&refused, JournalError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound);
    assert!(gone || matches!(refused, JournalError::Changed { .. }), "{what}: {refused}");
    assert_eq!(all_below(scratch.path()), before, "{what}: it is not as it was found");
}

#[test]
fn a_log_that_was_tampered_with_is_refused_and_left_as_it_is() {
    for (what, lie) in LIES {
        is_refused(what, *lie);
    }
}

#[test]
fn nothing_in_a_files_place_leads_the_daemon_elsewhere_or_keeps_it_waiting() {
    for name in FILES {
        // A closure would have to carry the name: each file has its own scratch.
        for what in ["link", "pipe", "folder", "owner"] {
            let scratch = scratch();
            let dir = scratch.path().join("s-1");
            made(&dir, key());
            match what {
                "link" => symlink(moved(&dir, name), dir.join(name)).unwrap(),
                "pipe" => pipe(&dir.join(name)),
                "folder" => {
                    moved(&dir, name);
                    fs::create_dir(dir.join(name)).unwrap();
                }
                // Only root gives files away.
                _owner if !rustix::process::geteuid().is_root() => continue,
                _owner => std::os::unix::fs::chown(dir.join(name), Some(65_534), None).unwrap(),
            }
            let before = all_below(scratch.path());
            let refused = recover(&dir).err().unwrap();
            assert!(matches!(refused, JournalError::Changed { .. }), "{what} for {name}: {refused}");
            assert_eq!(all_below(scratch.path()), before, "{what} for {name}");
        }
    }
}

#[test]
fn a_copy_under_another_name_is_no_second_log() {
    let scratch = scratch();
    let (dir, copy) = (scratch.path().join("s-1"), scratch.path().join("s-2"));
    made(&dir, key());
    fs::create_dir(&copy).unwrap();
    for name in [LOG, CHECKPOINT, CHECKPOINTS, SESSION, DELEGATION] {
        fs::copy(dir.join(name), copy.join(name)).unwrap();
    }
    for rename in [false, true] {
        if rename {
            edit(&copy.join(SESSION), |text| text.replace("s-1", "s-2"));
        }
        let refused = recover(&copy).err().unwrap();
        assert!(matches!(refused, JournalError::Changed { .. }), "{refused}");
    }
    assert!(recover(&dir).is_ok());
}

#[test]
fn what_was_put_behind_the_lines_of_a_log_is_moved_aside() {
    let scratch = scratch();
    let (dir, other) = (scratch.path().join("s-1"), scratch.path().join("s-2"));
    made(&dir, key());
    made(&other, key());
    // The other session's sixth line has the number that comes next here.
    let Recovery::Resumed(log, _) = recover(&other).unwrap() else { panic!("closed") };
    drop(log);
    let forged = lines(&other).pop().unwrap();
    edit(&dir.join(LOG), |text| text + std::str::from_utf8(&forged).unwrap() + "\n");
    let Recovery::Resumed(_, resumed) = recover(&dir).unwrap() else { panic!("closed") };
    assert_eq!((resumed.covered, resumed.found), (3, 5));
    assert_eq!(resumed.torn, forged.len() as u64 + 1);
    assert_eq!(fs::read(dir.join(TORN)).unwrap(), [&forged[..], b"\n"].concat());
    assert_eq!(covered(&dir), 6);
}

#[test]
fn an_older_checkpoint_in_the_latest_ones_place_takes_nothing_from_what_was_signed() {
    let scratch = scratch();
    let dir = scratch.path().join("s-1");
    made(&dir, key());
    let history = fs::read_to_string(dir.join(CHECKPOINTS)).unwrap();
    let older: String = serde_json::from_str(history.lines().next().unwrap()).unwrap();
    fs::write(dir.join(CHECKPOINT), &older).unwrap();
    edit(&dir.join(LOG), |text| text.replacen(r#""count":1,"#, r#""count":9,"#, 1));
    assert!(matches!(recover(&dir), Err(JournalError::Changed { .. })));
    edit(&dir.join(LOG), |text| text.replacen(r#""count":9,"#, r#""count":1,"#, 1));
    let Recovery::Resumed(_, resumed) = recover(&dir).unwrap() else { panic!("closed") };
    assert_eq!((resumed.covered, covered(&dir)), (3, 6));
}

#[test]
fn a_log_that_the_kernel_contradicts_is_left_as_it_is() {
    let scratch = scratch();
    let dir = scratch.path().join("s-1");
    made(&dir, key());
    let before = all_below(scratch.path());
    let told = |_found: &super::Resumed| Err("the kernel says otherwise".to_owned());
    let refused = Log::recover(&dir, by(key()), |_line| (), told).err().unwrap();
    assert!(refused.to_string().contains("the kernel says otherwise"), "{refused}");
    assert_eq!(all_below(scratch.path()), before);
}
