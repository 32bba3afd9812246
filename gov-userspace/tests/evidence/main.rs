//! Evidence as those see it who have only the files: `gov verify`, `gov audit`, `gov receipts`, the independent
//! verifier in Python, and the published schema, on whole logs and on damaged ones.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test that fails panics"
)]

mod clients;
mod continuity;
mod damage;
mod handed;
mod other;
mod otlp;
mod page;
mod sample;
mod standing;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// A folder for one test, with a whole log in `s-1`.
struct Scratch {
    _folder: tempfile::TempDir,
    log: PathBuf,
}

impl Scratch {
    /// With the log of an ordinary session.
    fn whole() -> Self {
        let scratch = Self::empty();
        sample::write(&scratch.log);
        scratch
    }

    fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("s-1");
        Self { _folder: folder, log }
    }
}

fn key() -> String {
    sample::key().public().to_string()
}

/// Runs `gov` where there is no state of a daemon.
fn gov(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_gov")).args(arguments).env("GOV_STATE", "/nonexistent").output().unwrap()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(output)))
}

/// The status and the failing or unknown items of `gov verify --json`.
fn verify(log: &Path, key: &str) -> (i32, Vec<String>) {
    let output = gov(&["verify", log.to_str().unwrap(), "--key", key, "--json"]);
    let report = json(&output);
    let bad = report["items"].as_array().unwrap().iter().filter(|item| item["verdict"] != "holds");
    (output.status.code().unwrap(), bad.map(|item| item["name"].as_str().unwrap().to_owned()).collect())
}

#[test]
fn a_whole_log_holds_and_the_report_says_what_that_proves() {
    let scratch = Scratch::whole();
    assert_eq!(verify(&scratch.log, &key()), (0, vec![]));
    let log = scratch.log.to_str().unwrap();
    let shown = text(&gov(&["audit", log, "--key", &key()]));
    for part in [
        "2 created, 0 changed, 0 deleted, 1 made and removed again",
        "/project/a",
        "python3 main.py",
        "192.0.2.1:443",
        "--scope file:write:/etc/cron.d/x",
        "--scope network:connect:203.0.113.9:443",
        "tcp  127.0.0.1:8080  network:listen:127.0.0.1:8080",
        "capability:CAP_NET_RAW",
        "used: limit:execs, 4 of 5",
        "too many refusals: everything is refused for 300 s",
        "40 in 1 directories",
        "metered: nothing; limit 150.00 USD",
        "0 missing, nothing outside the boundary was touched; reproduce with: gov verify",
    ] {
        assert!(shown.contains(part), "no `{part}` in:\n{shown}");
    }
    assert!(!shown.contains('\u{1b}'), "what a session chose reaches the terminal:\n{shown}");
}

#[test]
fn the_report_as_json_has_what_the_page_has() {
    let scratch = Scratch::whole();
    let report = json(&gov(&["audit", scratch.log.to_str().unwrap(), "--key", &key(), "--json"]));
    assert_eq!(report["refusals"].as_array().unwrap().len(), 3);
    assert_eq!(report["verification"]["verdict"], "holds");
    assert_eq!(report["files"][0]["path"], "/project/a");
    assert_eq!(report["executed"][0]["argv"], serde_json::json!(["python3", "main.py"]));
}

#[test]
fn without_a_trusted_key_nothing_is_known_and_with_another_nothing_holds() {
    let scratch = Scratch::whole();
    let log = scratch.log.to_str().unwrap();
    let output = gov(&["verify", log]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    let other = gov::key::Secret::from_seed([8; 32]).public().to_string();
    assert_eq!(verify(&scratch.log, &other).0, 1);
}

#[test]
fn a_key_is_given_as_digits_did_verifier_key_or_file() {
    let scratch = Scratch::whole();
    let file = scratch.log.join("key.pub");
    let verifier_key = std::fs::read_to_string(&file).unwrap();
    for given in [&key(), &sample::key().public().did(), verifier_key.trim(), file.to_str().unwrap()] {
        assert_eq!(verify(&scratch.log, given).0, 0, "{given}");
    }
    let output = gov(&["verify", scratch.log.to_str().unwrap(), "--key", "nonsense"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
}

#[test]
fn an_open_log_is_not_known_to_be_complete() {
    let scratch = Scratch::empty();
    let mut session = sample::Session::start(&scratch.log);
    session.play();
    assert_eq!(verify(&scratch.log, &key()), (3, vec!["counters".to_owned(), "close".to_owned()]));
}

#[test]
fn a_declared_loss_holds_where_the_lost_acts_were_refused() {
    let scratch = Scratch::empty();
    let mut session = sample::Session::start(&scratch.log);
    session.play();
    session.lose();
    session.play();
    session.close();
    assert_eq!(verify(&scratch.log, &key()), (0, vec![]));
    let shown = text(&gov(&["audit", scratch.log.to_str().unwrap(), "--key", &key()]));
    assert!(shown.contains("1 missing"), "{shown}");
}

#[test]
fn one_receipt_verifies_alone_and_no_changed_one_does() {
    let scratch = Scratch::whole();
    let log = scratch.log.to_str().unwrap();
    let file = scratch.log.with_extension("json");
    let check = |proof: &Value, key: &str| {
        std::fs::write(&file, proof.to_string()).unwrap();
        gov(&["verify", file.to_str().unwrap(), "--key", key]).status.code()
    };
    for index in ["0", "9", "12"] {
        let proof = json(&gov(&["receipts", log, "--show", index, "--proof"]));
        assert_eq!(check(&proof, &key()), Some(0));
        let other = gov::key::Secret::from_seed([8; 32]).public().to_string();
        assert_eq!(check(&proof, &other), Some(1));
        let mut edited = proof.clone();
        edited["line"] = proof["line"].as_str().unwrap().replacen("\"v\":", "\"v\":1", 1).into();
        assert_eq!(check(&edited, &key()), Some(1));
        let mut moved = proof.clone();
        moved["index"] = 3.into();
        assert_eq!(check(&moved, &key()), Some(1));
        let mut shorter = proof.clone();
        shorter["proof"].as_array_mut().unwrap().pop();
        assert_eq!(check(&shorter, &key()), Some(1));
    }
    let output = gov(&["receipts", log, "--show", "999", "--proof"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
}

/// The first checkpoint that a log ever had, in a file beside it.
fn first_checkpoint(log: &Path) -> PathBuf {
    let history = std::fs::read_to_string(log.join("checkpoints.jsonl")).unwrap();
    let note: String = serde_json::from_str(history.lines().next().unwrap()).unwrap();
    let file = log.with_extension("old");
    std::fs::write(&file, note).unwrap();
    file
}

#[test]
fn a_log_that_only_grew_since_an_older_checkpoint_says_so_and_a_fork_does_not() {
    let (scratch, fork) = (Scratch::whole(), Scratch::whole());
    let (old, forked) = (first_checkpoint(&scratch.log), first_checkpoint(&fork.log));
    let log = scratch.log.to_str().unwrap();
    let since = |target: &str, old: &Path| {
        let output = gov(&["verify", target, "--since", old.to_str().unwrap(), "--key", &key()]);
        (output.status.code(), text(&output))
    };
    assert_eq!(since(log, &old).0, Some(0), "{}", since(log, &old).1);
    let (status, said) = since(log, &forked);
    assert!(status == Some(1) && said.contains("growth"), "{said}");
    assert_eq!(since(log, &scratch.log.join("log.jsonl")).0, Some(1));
    assert_eq!(since(log, Path::new("/nonexistent")).0, Some(2));
}

#[test]
fn the_growth_of_a_log_is_proved_to_a_witness_who_does_not_have_it() {
    let (scratch, fork) = (Scratch::whole(), Scratch::whole());
    let (old, forked) = (first_checkpoint(&scratch.log), first_checkpoint(&fork.log));
    let old = old.to_str().unwrap();
    let log = scratch.log.to_str().unwrap();
    let output = gov(&["receipts", log, "--since", old]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let proof = String::from_utf8(output.stdout).unwrap();
    assert!(proof.ends_with(&std::fs::read_to_string(scratch.log.join("checkpoint")).unwrap()));
    let file = scratch.log.with_extension("proof");
    let check = |proof: &str, arguments: &[&str]| {
        std::fs::write(&file, proof).unwrap();
        gov(&[&["verify", file.to_str().unwrap()], arguments].concat()).status.code()
    };
    assert_eq!(check(&proof, &["--since", old, "--key", &key()]), Some(0));
    assert_eq!(check(&proof, &["--key", &key()]), Some(3), "nothing to compare with");
    assert_eq!(check(&proof, &["--since", old]), Some(3), "no key");
    assert_eq!(check(&proof, &["--since", forked.to_str().unwrap(), "--key", &key()]), Some(1));
    let hash = proof.lines().nth(1).unwrap();
    let flipped = if hash.starts_with('A') { "B" } else { "A" }.to_owned() + &hash[1..];
    for wrong in [
        proof.replacen(hash, &flipped, 1),
        proof.replacen(&format!("{hash}\n"), "", 1),
        proof.replacen(hash, &format!("{hash}\n{hash}"), 1),
        proof.replacen("old ", "old 1", 1),
        proof[..proof.len() - 1].to_owned(),
        "old \n".to_owned(),
    ] {
        assert_eq!(check(&wrong, &["--since", old, "--key", &key()]), Some(1), "{wrong}");
    }
    // No proof is made of what is not so.
    let output = gov(&["receipts", log, "--since", forked.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
}

#[test]
fn the_longest_receipt_verifies_alone_and_one_of_a_changed_log_is_not_handed_on() {
    let scratch = Scratch::empty();
    let mut session = sample::Session::start(&scratch.log);
    session.log_long_line();
    session.play();
    session.close();
    let log = scratch.log.to_str().unwrap();
    let output = gov(&["receipts", log, "--show", "1", "--proof"]);
    let file = scratch.log.with_extension("json");
    std::fs::write(&file, &output.stdout).unwrap();
    assert!(output.stdout.len() > 1 << 20);
    assert_eq!(gov(&["verify", file.to_str().unwrap(), "--key", &key()]).status.code(), Some(0));
    let lines = std::fs::read_to_string(scratch.log.join("log.jsonl")).unwrap();
    std::fs::write(scratch.log.join("log.jsonl"), lines.replacen("/etc/cron.d/x", "/etc/cron.d/y", 1))
        .unwrap();
    let output = gov(&["receipts", log, "--show", "1", "--proof"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
}

#[test]
fn any_number_of_threads_comes_to_the_same_report() {
    let scratch = Scratch::empty();
    let mut session = sample::Session::start(&scratch.log);
    // Long enough for several threads.
    for _turn in 0..3 {
        session.play();
        session.log_long_line();
    }
    session.close();
    let log = scratch.log.to_str().unwrap();
    let report =
        |threads: &str| json(&gov(&["verify", log, "--key", &key(), "--json", "--threads", threads]));
    let same = || {
        let one = report("1");
        ["2", "3", "8"].iter().for_each(|threads| assert_eq!(report(threads), one, "{threads} threads"));
        one["verdict"].clone()
    };
    assert_eq!(same(), "holds");
    let lines = std::fs::read_to_string(scratch.log.join("log.jsonl")).unwrap();
    let last = lines.rfind("/etc/cron.d/x").unwrap();
    for damaged in [
        lines.replacen("/etc/cron.d/x", "/etc/cron.d/y", 1),
        format!("{}/etc/cron.d/y{}", &lines[..last], &lines[last + 13..]),
        lines.replacen("\"v\":", "\"v\":1", 40),
        lines[..last].to_owned(),
        lines.replacen("\"s-1\"", "\"s-2\"", 30),
    ] {
        std::fs::write(scratch.log.join("log.jsonl"), damaged).unwrap();
        assert_eq!(same(), "does-not-hold");
    }
}

#[test]
fn receipts_are_listed_a_line_each() {
    let scratch = Scratch::whole();
    let log = scratch.log.to_str().unwrap();
    let lines = std::fs::read_to_string(scratch.log.join("log.jsonl")).unwrap();
    assert_eq!(text(&gov(&["receipts", log, "--json"])), lines);
    assert_eq!(text(&gov(&["receipts", log])).lines().count(), lines.lines().count());
    let refused = text(&gov(&["receipts", log, "--refused"]));
    assert_eq!(refused.lines().count(), 3);
    assert!(refused.contains("/etc/cron.d/x") && !refused.contains('\u{1b}'), "{refused}");
}

#[test]
fn a_session_that_is_not_there_is_one_clear_line() {
    let output = gov(&["audit", "nobody"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(text(&output).lines().count(), 1);
    assert!(text(&output).contains("`nobody`"), "{}", text(&output));
}

#[test]
fn refusals_that_the_kernel_did_not_count_are_a_lie_and_so_are_too_few() {
    for (counted, told) in [(5, 6), (6, 5), (0, 1)] {
        let scratch = Scratch::empty();
        let mut session = sample::Session::start(&scratch.log);
        session.play();
        session.count_refusals_and_tell(counted, told);
        session.close();
        let output = gov(&["verify", scratch.log.to_str().unwrap(), "--key", &key()]);
        assert_eq!(output.status.code(), Some(1), "{}", text(&output));
        assert!(text(&output).contains(&format!("counted {counted} refusals")), "{}", text(&output));
    }
}
