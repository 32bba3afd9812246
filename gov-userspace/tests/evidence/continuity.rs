//! Keys that follow one another: a log verifies with an older key if the rotations lead to the one that signed it, and
//! each lie about them is refused, by gov and by the verifier in Python.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use gov::key::Secret;
use gov::keystore::LogKeys;
use gov::rotation::{Purpose, Rotation};
use jiff::Timestamp;

use super::{Scratch, gov, json, key, other, text};

/// The seed of the key that signs the sample's logs.
const SIGNER: u8 = 7;

fn secret(seed: u8) -> Secret {
    Secret::from_seed([seed; 32])
}

/// Long before the sample's log began, and so many seconds later.
fn link(old: u8, new: u8, seconds: i64) -> Rotation {
    let at = Timestamp::from_second(1_600_000_000_i64.saturating_add(seconds)).unwrap();
    Rotation::sign(Purpose::Log, &secret(old), &secret(new), at)
}

fn lines(links: &[Rotation]) -> String {
    links.iter().map(|link| format!("{}\n", serde_json::json!(link.note()))).collect()
}

/// What gov and Python come to with this trusted key and these rotations: statuses, and what gov says does not hold.
fn judged(log: &Path, trusted: u8, chain: Option<&str>) -> (i32, Option<i32>, Vec<String>) {
    let trusted = secret(trusted).public().to_string();
    let file = log.parent().unwrap().join("rotations");
    let mut words = vec!["verify", log.to_str().unwrap(), "--key", &trusted, "--json"];
    let mut theirs = vec![trusted.as_str()];
    if let Some(chain) = chain {
        fs::write(&file, chain).unwrap();
        words.extend(["--chain", file.to_str().unwrap()]);
        theirs.extend(["--chain", file.to_str().unwrap()]);
    }
    let output = gov(&words);
    let items = json(&output)["items"].as_array().unwrap().clone();
    let bad = items.iter().filter(|item| item["verdict"] != "holds");
    let bad = bad.map(|item| item["name"].as_str().unwrap().to_owned()).collect();
    let python = other::python().map(|python| other::verify(&python, log, &theirs).0);
    (output.status.code().unwrap(), python, bad)
}

fn agreed(outcome: &(i32, Option<i32>, Vec<String>), status: i32, what: &str) {
    assert_eq!(outcome.0, status, "{what}: {:?}", outcome.2);
    assert!(outcome.1.is_none_or(|python| python == status), "{what}: in Python {:?}", outcome.1);
}

#[test]
fn an_older_key_vouches_for_the_one_that_rotations_lead_to() {
    let scratch = Scratch::whole();
    let chain = lines(&[link(5, 6, 0), link(6, SIGNER, 1)]);
    agreed(&judged(&scratch.log, 5, None), 1, "without the rotations");
    for trusted in [5, 6, SIGNER] {
        agreed(&judged(&scratch.log, trusted, Some(&chain)), 0, &format!("from key {trusted}"));
    }
    agreed(&judged(&scratch.log, 9, Some(&chain)), 1, "from a key that is not among them");
    fs::write(scratch.log.join(gov::journal::KEYS), &chain).unwrap();
    agreed(&judged(&scratch.log, 5, None), 0, "with the rotations beside the log");
    let file = scratch.log.join(gov::journal::KEYS);
    let words = ["verify", scratch.log.to_str().unwrap(), "--key", &secret(5).public().to_string()];
    let said = text(&gov(&words));
    assert!(said.contains("continuity") && said.contains("2 rotations, the last at 2020-09-13"), "{said}");
    fs::write(file, chain.replacen("at 2020", "at 2019", 1)).unwrap();
    agreed(&judged(&scratch.log, 5, None), 1, "with changed rotations beside the log");
}

#[test]
fn nobody_vouches_backwards() {
    let scratch = Scratch::whole();
    agreed(&judged(&scratch.log, 8, Some(&lines(&[link(SIGNER, 8, 0)]))), 1, "the key that came after");
}

#[test]
fn a_log_that_began_after_its_key_gave_way_is_not_taken_for_the_hosts() {
    let scratch = Scratch::whole();
    let chain = lines(&[link(5, SIGNER, 0), link(SIGNER, 8, 1)]);
    let outcome = judged(&scratch.log, 5, Some(&chain));
    agreed(&outcome, 3, "a key that gave way");
    assert_eq!(outcome.2, ["continuity"]);
}

#[test]
fn each_lie_about_the_rotations_is_refused() {
    let scratch = Scratch::whole();
    let whole = [link(5, 6, 0), link(6, SIGNER, 1)];
    let cut = lines(&whole);
    let by_the_thief = {
        // Whoever has only the new key writes the old one's name into a statement.
        let note = link(6, SIGNER, 1)
            .note()
            .replace(&secret(6).public().to_string(), &secret(5).public().to_string());
        format!("{}\n", serde_json::json!(note))
    };
    let one_signature = {
        let note = whole[0].note();
        let note = note.trim_end().rsplit_once('\n').map(|(rest, _)| format!("{rest}\n")).unwrap();
        format!("{}\n{}", serde_json::json!(note), lines(&whole[1..]))
    };
    let user = Rotation::sign(Purpose::User, &secret(5), &secret(SIGNER), whole[0].at);
    for (what, chain) in [
        ("a fork", lines(&[link(5, SIGNER, 0), link(5, 6, 1)])),
        ("a circle", lines(&[link(5, SIGNER, 0), link(SIGNER, 5, 1)])),
        ("a gap", lines(&[link(5, 6, 0), link(4, SIGNER, 1)])),
        ("the wrong order", lines(&[link(6, SIGNER, 1), link(5, 6, 0)])),
        ("times that run back", lines(&[link(5, 6, 1), link(6, SIGNER, 0)])),
        ("a changed time", cut.replacen("at 2020", "at 2021", 1)),
        ("a torn line", cut[..cut.len() - 9].to_owned()),
        ("a statement of the new key alone", by_the_thief),
        ("one signature less", one_signature),
        ("a statement about a user's key", lines(&[user])),
        (
            "a checkpoint",
            format!("{}\n", serde_json::json!(fs::read_to_string(scratch.log.join("checkpoint")).unwrap())),
        ),
        ("nothing that is JSON", "gov-key-rotation/v1\n".to_owned()),
    ] {
        let outcome = judged(&scratch.log, 5, Some(&chain));
        agreed(&outcome, 1, what);
        assert!(outcome.2.contains(&"continuity".to_owned()), "{what}: {:?}", outcome.2);
    }
}

#[test]
fn a_receipt_alone_is_vouched_for_as_its_log_is() {
    let scratch = Scratch::whole();
    let proof = gov(&["receipts", scratch.log.to_str().unwrap(), "--show", "3", "--proof"]);
    let (file, chain) = (scratch.log.join("one.json"), scratch.log.join("rotations"));
    fs::write(&file, &proof.stdout).unwrap();
    fs::write(&chain, lines(&[link(5, SIGNER, 0)])).unwrap();
    let trusted = secret(5).public().to_string();
    let words = ["verify", file.to_str().unwrap(), "--key", &trusted];
    assert_eq!(gov(&words).status.code(), Some(1));
    let output = gov(&[&words[..], &["--chain", chain.to_str().unwrap()]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
}

/// `gov keys …` of a daemon's state folder, and of a home folder of nobody else's.
fn keys(folder: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gov"));
    command.arg("keys").args(words).env("HOME", folder).env("GOV_STATE", folder.join("state"));
    command.env("GOV_TRUST", folder.join("trust.d")).output().unwrap()
}

#[test]
fn keys_and_rotations_are_printed_and_secrets_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut log = LogKeys::open(&folder.join("state"), None).unwrap();
    let old = log.current().public();
    log.rotate(Timestamp::now()).unwrap();
    let new = log.current().public();
    assert_eq!(keys(folder, &["export", "--chain"]).status.code(), Some(3));
    assert!(keys(folder, &["new"]).status.success());
    let first = text(&keys(folder, &["export"])).trim().to_owned();
    assert_eq!(keys(folder, &["export", "--chain"]).status.code(), Some(3));
    let rotated = keys(folder, &["rotate"]);
    assert_eq!(rotated.status.code(), Some(0), "{}", text(&rotated));
    let second = String::from_utf8_lossy(&rotated.stdout).trim().to_owned();
    assert_ne!(first, second);
    let mut said = String::new();
    for words in [
        &["export"][..],
        &["export", "--did"],
        &["export", "--chain"],
        &["export", "--json"],
        &["export", "--log"],
        &["export", "--log", "--did"],
        &["export", "--log", "--chain"],
        &["export", "--log", "--json"],
        &["list"],
        &["list", "--json"],
    ] {
        let output = keys(folder, words);
        assert_eq!(output.status.code(), Some(0), "{words:?}: {}", text(&output));
        said.push_str(&text(&output));
    }
    for secret in [new, old].map(|key| log.secret(key).unwrap()) {
        assert!(!said.contains(secret.to_hex().as_str()));
    }
    let own = fs::read_to_string(folder.join(".config/gov/key")).unwrap();
    assert!(!said.contains(own.trim()));
    for part in
        [&old.to_string(), &new.to_string(), &first, &second, "rotated", "kept for logs that it began"]
    {
        assert!(said.contains(part), "no `{part}` in:\n{said}");
    }
    let files: Vec<_> = fs::read_dir(folder.join(".config/gov/retired")).unwrap().collect();
    assert!(files.is_empty(), "the old key is still there");
    let json = json(&keys(folder, &["export", "--log", "--json"]));
    assert_eq!(json["chain"].as_array().unwrap().len(), 1);
    assert_eq!(key(), secret(SIGNER).public().to_string());
}

#[test]
fn what_root_alone_may_do_says_so() {
    if rustix::process::geteuid().is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for words in [&["rotate", "--log"][..], &["seal", "--log"]] {
        let output = keys(folder.path(), words);
        assert_eq!(output.status.code(), Some(125));
        assert!(text(&output).contains("sudo gov keys"), "{}", text(&output));
    }
}
