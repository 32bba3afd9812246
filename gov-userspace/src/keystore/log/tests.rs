//! The daemon's key over its life: files, credentials, rotations, and whatever is left of one that stopped half-way.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use jiff::Timestamp;

use super::{LogKeys, is_kept, log_secret, public};
use crate::key::{Public, Secret};
use crate::keystore::slot::{Form, Slot};
use crate::keystore::{KeystoreError, log_chain};
use crate::rotation::Chain;

fn now() -> Timestamp {
    Timestamp::from_second(1_790_000_000).unwrap()
}

fn open(state: &Path) -> Result<LogKeys, KeystoreError> {
    LogKeys::open(state, None)
}

/// A folder as a service manager makes it, with these credentials.
fn credentials(folder: &Path, all: &[(&str, u8)]) {
    let _absent_at_first = fs::remove_dir_all(folder);
    fs::create_dir(folder).unwrap();
    for (name, seed) in all {
        fs::write(folder.join(name), Secret::from_seed([*seed; 32]).to_hex().as_str()).unwrap();
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o400)).unwrap();
    }
}

fn of(seed: u8) -> Public {
    Secret::from_seed([seed; 32]).public()
}

fn slot(state: &Path) -> Slot {
    Slot::log(state, rustix::process::geteuid().as_raw())
}

#[test]
fn the_log_key_has_its_public_half_beside_it() {
    let state = tempfile::tempdir().unwrap();
    assert!(public(state.path()).unwrap().is_none());
    let key = open(state.path()).unwrap().current().public();
    assert_eq!(public(state.path()).unwrap(), Some(key));
    assert_eq!(log_secret(state.path(), key).unwrap().unwrap().public(), key);
    fs::write(state.path().join("keys/log.pub"), "torn").unwrap();
    assert!(public(state.path()).is_err());
    open(state.path()).unwrap();
    assert_eq!(public(state.path()).unwrap(), Some(key));
}

#[test]
fn a_rotated_key_is_kept_until_it_is_destroyed() {
    let state = tempfile::tempdir().unwrap();
    let mut keys = open(state.path()).unwrap();
    let old = keys.current().public();
    keys.rotate(now()).unwrap();
    let new = keys.current().public();
    assert!(new != old && keys.secret(old).is_some() && is_kept(state.path(), old));
    let again = open(state.path()).unwrap();
    assert_eq!((again.current().public(), again.retired()), (new, vec![old]));
    assert_eq!(public(state.path()).unwrap(), Some(new));
    assert_eq!(log_chain(state.path()).unwrap().after(old).len(), 1);
    assert!(keys.destroy(old).unwrap() && !is_kept(state.path(), old));
    let again = open(state.path()).unwrap();
    assert!(again.secret(old).is_none() && again.knows(old) && again.retired().is_empty());
    assert!(log_secret(state.path(), old).unwrap().is_none());
}

#[test]
fn a_rotation_that_stops_anywhere_leaves_the_old_key_or_the_new_one_with_its_statement() {
    let state = tempfile::tempdir().unwrap();
    let mut keys = open(state.path()).unwrap();
    let (old, folder) = (keys.current().public(), state.path().join("keys"));
    let before = fs::read(folder.join("log.key")).unwrap();
    keys.rotate(now()).unwrap();
    let new = keys.current().public();
    let after = fs::read(folder.join("log.key")).unwrap();
    let chain = fs::read(folder.join("log.chain")).unwrap();
    let kept = folder.join(format!("retired/{old}.key"));
    let lay = |key: &[u8], next: bool, kept_too: bool, named: bool| {
        for path in ["log.key", "next.key", "log.chain"].map(|name| folder.join(name)).iter().chain([&kept]) {
            let _perhaps_absent = fs::remove_file(path);
        }
        let secret = |path: &Path, text: &[u8]| {
            fs::write(path, text).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
        };
        secret(&folder.join("log.key"), key);
        if next {
            secret(&folder.join("next.key"), &after);
        }
        if kept_too && key == before {
            fs::hard_link(folder.join("log.key"), &kept).unwrap();
        } else if kept_too {
            secret(&kept, &before);
        }
        if named {
            fs::write(folder.join("log.chain"), &chain).unwrap();
        }
        fs::write(folder.join("log.pub"), format!("{old}\n")).unwrap();
    };
    for (key, next, kept_too, named) in [
        (&before, true, false, false),
        (&before, true, true, false),
        (&before, true, true, true),
        (&after, false, true, true),
    ] {
        lay(key, next, kept_too, named);
        let keys = open(state.path()).unwrap();
        let expected = if named { (new, vec![old]) } else { (old, Vec::new()) };
        assert_eq!((keys.current().public(), keys.retired()), expected);
        assert_eq!(log_chain(state.path()).unwrap().end(), named.then_some(new));
        assert_eq!(public(state.path()).unwrap(), Some(keys.current().public()));
        assert!(!folder.join("next.key").exists());
        assert_eq!(kept.exists(), named);
        assert_eq!(
            fs::read(folder.join("log.key")).unwrap(),
            if named { after.clone() } else { before.clone() }
        );
    }
}

#[test]
fn a_key_that_is_gone_is_not_replaced_by_another() {
    let state = tempfile::tempdir().unwrap();
    let mut keys = open(state.path()).unwrap();
    fs::rename(state.path().join("keys/log.key"), state.path().join("away")).unwrap();
    let error = open(state.path()).unwrap_err();
    assert!(matches!(error, KeystoreError::Missing { used } if used == keys.current().public()), "{error}");
    fs::rename(state.path().join("away"), state.path().join("keys/log.key")).unwrap();
    keys.rotate(now()).unwrap();
    // The old key in the new one's place is not taken for it.
    let old = state.path().join(format!("keys/retired/{}.key", keys.retired()[0]));
    fs::copy(old, state.path().join("keys/log.key")).unwrap();
    assert!(matches!(open(state.path()), Err(KeystoreError::Differ { .. })));
}

#[test]
fn a_changed_chain_is_not_gone_on_with() {
    let state = tempfile::tempdir().unwrap();
    open(state.path()).unwrap().rotate(now()).unwrap();
    let path = state.path().join("keys/log.chain");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("at 2026", "at 2025", 1)).unwrap();
    assert!(matches!(open(state.path()), Err(KeystoreError::Chain { .. })));
}

#[test]
fn a_credential_is_the_key_and_is_not_copied() {
    let state = tempfile::tempdir().unwrap();
    let given = state.path().join("credentials");
    credentials(&given, &[("log.key", 1)]);
    let mut keys = LogKeys::open(state.path(), Some(&given)).unwrap();
    assert_eq!((keys.current().public(), public(state.path()).unwrap()), (of(1), Some(of(1))));
    let files: Vec<_> =
        fs::read_dir(state.path().join("keys")).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(files, ["log.pub"]);
    assert!(matches!(keys.rotate(now()), Err(KeystoreError::Elsewhere)));
    // Started without it, the daemon makes no other.
    assert!(matches!(open(state.path()), Err(KeystoreError::Missing { .. })));
    credentials(&given, &[("log.key", 2)]);
    assert!(matches!(LogKeys::open(state.path(), Some(&given)), Err(KeystoreError::Differ { .. })));
    credentials(&given, &[("log.key", 2), ("log.key.previous", 3)]);
    assert!(matches!(LogKeys::open(state.path(), Some(&given)), Err(KeystoreError::Differ { .. })));
    credentials(&given, &[("log.key", 2), ("log.key.previous", 1)]);
    let keys = LogKeys::open(state.path(), Some(&given)).unwrap();
    assert_eq!((keys.current().public(), keys.retired()), (of(2), vec![of(1)]));
    assert_eq!(log_chain(state.path()).unwrap().after(of(1)).len(), 1);
    credentials(&given, &[("log.key", 2)]);
    assert!(LogKeys::open(state.path(), Some(&given)).unwrap().retired().is_empty());
}

#[test]
fn a_credential_that_others_can_read_is_refused() {
    let state = tempfile::tempdir().unwrap();
    let given = state.path().join("credentials");
    credentials(&given, &[("log.key", 1)]);
    fs::set_permissions(given.join("log.key"), fs::Permissions::from_mode(0o444)).unwrap();
    assert!(matches!(LogKeys::open(state.path(), Some(&given)), Err(KeystoreError::Guard(_))));
}

#[test]
fn a_credential_and_a_file_that_differ_are_an_error_until_one_follows_the_other() {
    let state = tempfile::tempdir().unwrap();
    let given = state.path().join("credentials");
    let file = open(state.path()).unwrap().current().public();
    credentials(&given, &[("log.key", 1)]);
    let error = LogKeys::open(state.path(), Some(&given)).unwrap_err();
    assert!(matches!(error, KeystoreError::Differ { used, .. } if used == file), "{error}");
    credentials(&given, &[("log.key", 1)]);
    let previous = given.join("log.key.previous");
    fs::copy(state.path().join("keys/log.key"), &previous).unwrap();
    let keys = LogKeys::open(state.path(), Some(&given)).unwrap();
    assert_eq!((keys.current().public(), keys.retired()), (of(1), vec![file]));
    assert!(!state.path().join("keys/log.key").exists() && is_kept(state.path(), file));
}

#[test]
fn what_stands_in_the_slot_is_what_the_chain_names() {
    let state = tempfile::tempdir().unwrap();
    let mut keys = open(state.path()).unwrap();
    for _ in 0..3 {
        keys.rotate(now()).unwrap();
    }
    let chain = keys.chain().clone();
    assert_eq!(chain.end(), Some(keys.current().public()));
    assert_eq!(slot(state.path()).chain().unwrap(), chain);
    assert_eq!(Chain::parse(chain.text().as_bytes(), crate::rotation::Purpose::Log), Ok(chain));
    assert_eq!(slot(state.path()).form(), Some(Form::Plain));
}
