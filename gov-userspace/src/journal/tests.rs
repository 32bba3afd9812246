//! A log survives stops at every byte, and says what became of it.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{CHECKPOINT, CHECKPOINTS, JournalError, LOG, Log, NewLog, Recovery, Signer, TORN, origin};
use crate::key::{Public, Secret};
use crate::merkle::{Tree, leaf};
use crate::note::Checkpoint;
use crate::receipt::{Count, Fact, Loss, Receipt, SessionFacts};

/// In memory where there is such a place: these tests sync thousands of times.
pub(super) fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_absent| tempfile::tempdir()).unwrap()
}

pub(super) fn new_log(delegation: &[u8]) -> NewLog<'_> {
    NewLog {
        origin: origin("host", "s-1"),
        facts: SessionFacts {
            session: "s-1".to_owned(),
            delegation_id: "sha256:00".to_owned(),
            scopes: vec!["file:read:/usr".to_owned()],
        },
        delegation,
        ancestors: &[],
        keys: "",
        group: None,
    }
}

fn fact(number: u64) -> Fact {
    Fact::Loss(Loss { count: Count(number), first: Count(0) })
}

pub(super) fn key() -> Arc<Secret> {
    Arc::new(Secret::from_seed([7; 32]))
}

pub(super) fn by(key: Arc<Secret>) -> impl FnOnce(Public) -> Option<Signer> {
    move |wanted| (key.public() == wanted).then_some(Signer::Kept(key))
}

pub(super) fn add(log: &mut Log, lines: u64) {
    for number in 0..lines {
        log.append(Receipt::Fact(&fact(number))).unwrap();
    }
}

pub(super) fn lines(dir: &Path) -> Vec<Vec<u8>> {
    let text = fs::read(dir.join(LOG)).unwrap();
    assert!(text.is_empty() || text.ends_with(b"\n"));
    text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect()
}

/// The size that the latest checkpoint covers, which must be a prefix of the lines there are.
pub(super) fn covered(dir: &Path) -> u64 {
    let note = fs::read(dir.join(CHECKPOINT)).unwrap();
    let (checkpoint, _) = Checkpoint::verify(&note, &[key().public()]).unwrap();
    let mut tree = Tree::default();
    lines(dir).iter().take(checkpoint.size.try_into().unwrap()).for_each(|line| tree.push(leaf(line)));
    assert_eq!((tree.size(), tree.root()), (checkpoint.size, checkpoint.root));
    checkpoint.size
}

#[test]
fn a_commit_covers_every_line_before_it_and_none_after() {
    let scratch = scratch();
    let dir = scratch.path().join("s-1");
    let mut log = Log::create(&dir, new_log(b"{}"), key()).unwrap();
    add(&mut log, 3);
    assert!(!dir.join(CHECKPOINT).exists());
    log.commit().unwrap();
    assert_eq!((covered(&dir), log.uncovered()), (3, 0));
    add(&mut log, 2);
    assert_eq!((lines(&dir).len(), covered(&dir), log.size()), (3, 3, 5));
    log.close().unwrap();
    assert_eq!((lines(&dir).len(), covered(&dir)), (5, 5));
    assert_eq!(fs::read_to_string(dir.join(CHECKPOINTS)).unwrap().lines().count(), 2);
    assert!(!dir.join("reserve").exists());
}

#[test]
fn two_logs_never_share_a_folder() {
    let scratch = scratch();
    let dir = scratch.path().join("s-1");
    let mut log = Log::create(&dir, new_log(b"{}"), key()).unwrap();
    add(&mut log, 1);
    log.commit().unwrap();
    assert!(matches!(Log::create(&dir, new_log(b"{}"), key()), Err(JournalError::Exists(_))));
    assert_eq!(covered(&dir), 1);
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 1);
}

#[test]
fn a_log_cut_at_any_byte_after_its_checkpoint_is_taken_up_again() {
    let scratch = scratch();
    let dir = scratch.path().join("s-1");
    let mut log = Log::create(&dir, new_log(b"{}"), key()).unwrap();
    add(&mut log, 2);
    log.commit().unwrap();
    let safe = fs::metadata(dir.join(LOG)).unwrap().len();
    add(&mut log, 2);
    log.write().unwrap();
    drop(log);
    let whole = fs::read(dir.join(LOG)).unwrap();
    let [checkpoint, history] = [CHECKPOINT, CHECKPOINTS].map(|name| fs::read(dir.join(name)).unwrap());
    for length in usize::try_from(safe).unwrap()..=whole.len() {
        let _absent_at_first = fs::remove_file(dir.join(TORN));
        fs::write(dir.join(LOG), &whole[..length]).unwrap();
        fs::write(dir.join(CHECKPOINT), &checkpoint).unwrap();
        fs::write(dir.join(CHECKPOINTS), &history).unwrap();
        let Recovery::Resumed(log, resumed) =
            Log::recover(&dir, by(key()), |_line| (), |_found| Ok(Vec::new())).unwrap()
        else {
            panic!("closed")
        };
        let kept = whole[..length].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
        assert_eq!(resumed.covered, 2);
        assert_eq!(resumed.torn, (length - kept) as u64);
        assert_eq!(fs::read(dir.join(TORN)).unwrap_or_default(), &whole[kept..length]);
        assert!(fs::read(dir.join(LOG)).unwrap().starts_with(&whole[..kept]));
        assert_eq!((covered(&dir), log.size()), (resumed.found + 1, resumed.found + 1));
        let last = String::from_utf8(lines(&dir).pop().unwrap()).unwrap();
        assert!(last.contains(&format!(r#""found":{},"#, resumed.found)), "{last}");
    }
}

#[test]
fn a_torn_checkpoint_falls_back_to_the_last_whole_one() {
    let scratch = scratch();
    let dir = scratch.path().join("s-1");
    let mut log = Log::create(&dir, new_log(b"{}"), key()).unwrap();
    add(&mut log, 1);
    log.commit().unwrap();
    add(&mut log, 1);
    log.commit().unwrap();
    drop(log);
    fs::write(dir.join(CHECKPOINT), b"").unwrap();
    let history = fs::read(dir.join(CHECKPOINTS)).unwrap();
    fs::write(dir.join(CHECKPOINTS), &history[..history.len() - 9]).unwrap();
    let Recovery::Resumed(_, resumed) =
        Log::recover(&dir, by(key()), |_line| (), |_found| Ok(Vec::new())).unwrap()
    else {
        panic!("closed")
    };
    assert_eq!((resumed.covered, resumed.found), (1, 2));
    assert_eq!(covered(&dir), 3);
    assert_eq!(fs::read_to_string(dir.join(CHECKPOINTS)).unwrap().lines().count(), 2);
}

#[test]
fn a_log_that_is_not_what_was_signed_is_left_as_it_is() {
    let scratch = scratch();
    let dir = scratch.path().join("s-1");
    let mut log = Log::create(&dir, new_log(b"{}"), key()).unwrap();
    add(&mut log, 3);
    log.commit().unwrap();
    drop(log);
    let whole = fs::read(dir.join(LOG)).unwrap();
    let edited = String::from_utf8(whole.clone()).unwrap().replacen(r#""count":1,"#, r#""count":9,"#, 1);
    for damaged in [edited.as_bytes(), &whole[..whole.len() - 1], b""] {
        fs::write(dir.join(LOG), damaged).unwrap();
        assert!(matches!(
            Log::recover(&dir, by(key()), |_line| (), |_found| Ok(Vec::new())),
            Err(JournalError::Changed { .. })
        ));
        assert_eq!(fs::read(dir.join(LOG)).unwrap(), damaged);
    }
    fs::write(dir.join(LOG), &whole).unwrap();
    let other = Arc::new(Secret::from_seed([8; 32]));
    assert!(matches!(
        Log::recover(&dir, by(other), |_line| (), |_found| Ok(Vec::new())),
        Err(JournalError::Changed { .. })
    ));
    assert!(Log::recover(&dir, by(key()), |_line| (), |_found| Ok(Vec::new())).is_ok());
}

#[test]
fn a_log_whose_key_was_destroyed_stays_as_it_is() {
    let scratch = scratch();
    let gone = |_wanted| Some(Signer::Gone);
    let dir = scratch.path().join("s-1");
    let mut log = Log::create(&dir, new_log(b"{}"), key()).unwrap();
    add(&mut log, 2);
    log.commit().unwrap();
    drop(log);
    let whole = fs::read(dir.join(LOG)).unwrap();
    let recovered = Log::recover(&dir, gone, |_line| (), |_found| Ok(Vec::new()));
    assert!(matches!(recovered, Err(JournalError::NoKey { .. })));
    assert_eq!(fs::read(dir.join(LOG)).unwrap(), whole);
    // What it signed is held against its public half all the same.
    fs::write(dir.join(LOG), &whole[1..]).unwrap();
    let recovered = Log::recover(&dir, gone, |_line| (), |_found| Ok(Vec::new()));
    assert!(matches!(recovered, Err(JournalError::Changed { .. })));
}

#[test]
fn a_host_name_that_fits_no_origin_is_made_to_fit() {
    assert_eq!(origin("build-7.example", "s-1"), "gov/build-7.example/s-1");
    assert_eq!(origin("a b+c", "s-1"), "gov/abc/s-1");
    assert_eq!(origin("é", "s-1"), "gov/localhost/s-1");
}

#[test]
fn after_a_sync_that_failed_nothing_is_signed_until_the_log_is_recovered() {
    let scratch = scratch();
    let dir = scratch.path().join("s-1");
    let mut log = Log::create(&dir, new_log(b"{}"), key()).unwrap();
    add(&mut log, 2);
    log.commit().unwrap();
    // It takes whatever is written, and syncs nothing.
    let disk = log.lines.swap(fs::File::options().write(true).open("/dev/null").unwrap());
    add(&mut log, 1);
    assert!(matches!(log.commit(), Err(JournalError::Unsynced { .. })));
    // That the disk is well again does not bring back what it dropped.
    log.lines.swap(disk);
    let error = log.commit().unwrap_err();
    assert!(matches!(error, JournalError::NotDurable(_)) && !error.can_pass(), "{error}");
    add(&mut log, 1);
    assert!(matches!(log.hand_over(), Err(JournalError::NotDurable(_))));
    assert!(log.close().is_err());
    assert_eq!((lines(&dir).len(), covered(&dir)), (2, 2));
    let recovered = Log::recover(&dir, by(key()), |_line| (), |_found| Ok(Vec::new())).unwrap();
    let Recovery::Resumed(log, resumed) = recovered else { panic!("closed") };
    assert_eq!((resumed.covered, resumed.found, log.size()), (2, 2, 3));
}

#[test]
fn a_disk_that_takes_nothing_for_a_while_costs_nothing() {
    let scratch = scratch();
    let dir = scratch.path().join("s-1");
    let mut log = Log::create(&dir, new_log(b"{}"), key()).unwrap();
    add(&mut log, 2);
    log.commit().unwrap();
    add(&mut log, 2);
    let refuses = |path: &str| fs::File::open(dir.join(path)).unwrap();
    let disk = log.lines.swap(refuses(LOG));
    for _turn in 0..2 {
        assert!(log.commit().unwrap_err().can_pass());
    }
    log.lines.swap(disk);
    let disk = log.publishing.history().swap(refuses(CHECKPOINTS));
    assert!(log.commit().unwrap_err().can_pass());
    log.publishing.history().swap(disk);
    let latest = fs::read(dir.join(CHECKPOINT)).unwrap();
    fs::remove_file(dir.join(CHECKPOINT)).unwrap();
    fs::create_dir_all(dir.join(CHECKPOINT).join("in-the-way")).unwrap();
    for _turn in 0..2 {
        assert!(log.commit().unwrap_err().can_pass());
    }
    fs::remove_dir_all(dir.join(CHECKPOINT)).unwrap();
    fs::write(dir.join(CHECKPOINT), latest).unwrap();
    log.close().unwrap();
    assert_eq!((lines(&dir).len(), covered(&dir)), (4, 4));
    assert_eq!(fs::read_to_string(dir.join(CHECKPOINTS)).unwrap().lines().count(), 2);
}

#[test]
fn a_checkpoint_that_is_under_way_covers_what_there_was_and_the_next_one_follows_it() {
    let scratch = scratch();
    let dir = scratch.path().join("s-1");
    let mut log = Log::create(&dir, new_log(b"{}"), key()).unwrap();
    add(&mut log, 2);
    log.commit().unwrap();
    assert!(log.landed().is_none() && !log.is_committing());
    add(&mut log, 1);
    log.begin_commit().unwrap();
    add(&mut log, 1);
    // While one is under way there is no second one.
    log.begin_commit().unwrap();
    let end = Instant::now() + Duration::from_secs(60);
    let landed = std::iter::repeat_with(|| log.landed()).find_map(|landed| {
        assert!(Instant::now() < end, "it does not land");
        landed
    });
    landed.unwrap().unwrap();
    assert_eq!((covered(&dir), log.uncovered()), (3, 1));
    log.begin_commit().unwrap();
    log.close().unwrap();
    assert_eq!((lines(&dir).len(), covered(&dir)), (4, 4));
    assert_eq!(fs::read_to_string(dir.join(CHECKPOINTS)).unwrap().lines().count(), 3);
}

#[test]
fn a_sync_that_fails_under_way_ends_the_signing_too() {
    let scratch = scratch();
    let dir = scratch.path().join("s-1");
    let mut log = Log::create(&dir, new_log(b"{}"), key()).unwrap();
    add(&mut log, 2);
    log.commit().unwrap();
    let disk = log.lines.swap(fs::File::options().write(true).open("/dev/null").unwrap());
    add(&mut log, 1);
    log.begin_commit().unwrap();
    log.lines.swap(disk);
    assert!(matches!(log.commit(), Err(JournalError::Unsynced { .. })));
    assert!(matches!(log.commit(), Err(JournalError::NotDurable(_))));
    assert!(matches!(log.begin_commit(), Err(JournalError::NotDurable(_))));
    assert_eq!((lines(&dir).len(), covered(&dir)), (2, 2));
}

/// A file system with room for little: only root can mount one, so elsewhere this says that it did not run.
#[test]
fn a_full_disk_is_an_error_that_loses_nothing_and_the_reserve_ends_the_session() {
    let scratch = scratch();
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=768k", "tmpfs"])
        .arg(scratch.path())
        .stderr(std::process::Stdio::null())
        .status();
    if !mounted.is_ok_and(|status| status.success()) {
        eprintln!("not run: mounting a small file system takes root");
        return;
    }
    let dir = scratch.path().join("s-1");
    let outcome = std::panic::catch_unwind(|| fill_the_disk(&dir));
    let unmounted = std::process::Command::new("umount").arg(scratch.path()).status().unwrap();
    assert!(unmounted.success());
    outcome.unwrap();
}

fn fill_the_disk(dir: &Path) {
    let mut log = Log::create(dir, new_log(b"{}"), key()).unwrap();
    let error = (0..100_000).find_map(|number| log.append(Receipt::Fact(&fact(number))).err()).unwrap();
    assert!(error.is_full(), "{error}");
    assert!(lines(dir).len() as u64 <= log.size());
    fs::write(dir.join("filler"), vec![0; 1 << 20]).unwrap_err();
    let size = log.size();
    assert!(log.commit().unwrap_err().is_full());
    fs::remove_file(dir.join("filler")).unwrap();
    log.spend_reserve().unwrap();
    log.commit().unwrap();
    assert_eq!((lines(dir).len() as u64, covered(dir)), (size, size));
}
