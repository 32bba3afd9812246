//! `gov delegation` and `gov keys` as a user meets them: what they print, and the status they exit with.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// A user with a home and a host of its own.
struct User {
    folder: tempfile::TempDir,
}

impl User {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn gov(&self, arguments: &[&str]) -> Output {
        self.gov_with(arguments, b"")
    }

    fn gov_with(&self, arguments: &[&str], input: &[u8]) -> Output {
        let mut child = Command::new(env!("CARGO_BIN_EXE_gov"))
            .args(arguments)
            .env("HOME", self.folder.path())
            .env("GOV_TRUST", self.path("trust.d"))
            .env("GOV_STATE", self.path("state"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        child.wait_with_output().unwrap()
    }

    /// What it prints, when it succeeds.
    fn out(&self, arguments: &[&str]) -> String {
        let output = self.gov(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

fn vector(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/aps").join(name).display().to_string()
}

#[test]
fn a_delegation_is_made_shown_and_verified() {
    let user = User::new();
    let file = user.path("task.json");
    user.out(&[
        "delegation",
        "new",
        "-s",
        "file:write:/project",
        "-p",
        "python",
        "--spend-limit",
        "1usd",
        "-o",
        &file,
    ]);
    let shown = user.out(&["delegation", "show", &file]);
    assert!(shown.contains("write (and read) /project") && shown.contains("profile base"), "{shown}");
    let json: serde_json::Value =
        serde_json::from_str(&user.out(&["delegation", "show", "--json", &file])).unwrap();
    assert_eq!(json["scopes"], serde_json::json!(["file:write:/project", "profile:python"]));
    assert!(user.out(&["delegation", "verify", &file]).contains(" holds: signed by did:key:z6Mk"));
    let key = user.out(&["keys", "export"]);
    assert_eq!(key.trim_end().len(), 64);
    assert!(user.out(&["keys", "list"]).contains(key.trim_end()));
    assert!(json["issuer"] == user.out(&["keys", "export", "--did"]).trim_end());
    let again = user.gov(&["delegation", "new", "-s", "file:read:/a", "-o", &file]);
    assert_eq!(again.status.code(), Some(125), "a file that is there is not written over");
}

#[test]
fn a_delegation_is_signed_by_the_key_that_it_names_and_no_other() {
    let (user, other) = (User::new(), User::new());
    let key = user.out(&["keys", "new"]);
    let body = other.out(&["delegation", "new", "-s", "file:read:/a", "--unsigned", key.trim_end()]);
    let signed = user.gov_with(&["delegation", "sign", "-"], body.as_bytes());
    assert!(signed.status.success());
    let verified = other.gov_with(&["delegation", "verify", "-"], &signed.stdout);
    assert!(verified.status.success());
    let stolen = other.gov_with(&["delegation", "sign", "-"], body.as_bytes());
    assert_eq!(stolen.status.code(), Some(1));
}

#[test]
fn what_others_signed_is_verified() {
    let user = User::new();
    let (root, child) = (vector("independent-root.json"), vector("independent-child.json"));
    let text = user.out(&["delegation", "verify", &root, &child]);
    assert!(text.contains("its root key is bf3edcd7"), "{text}");
    assert_eq!(user.gov(&["delegation", "verify", &child]).status.code(), Some(1));
    assert_eq!(user.gov(&["delegation", "verify", &child, &root]).status.code(), Some(1));
    let untrusted = user.gov(&["delegation", "verify", &root, "--user", "0"]);
    assert_eq!(untrusted.status.code(), Some(1));
    let error = String::from_utf8(untrusted.stderr).unwrap();
    assert!(error.contains("sudo gov keys trust bf3edcd7"), "{error}");
    let late = user.gov(&["delegation", "verify", &root, "--at", "2126-01-01T00:00:00.000Z"]);
    assert_eq!(late.status.code(), Some(1));
}

#[test]
fn bad_input_is_one_line_with_its_remedy_and_its_status() {
    let user = User::new();
    let deep = format!("file:read:{}", "/a".repeat(14));
    let long = format!("file:read:/{}", "a".repeat(256));
    let cases: [(Vec<&str>, i32, &str); 14] = [
        (new(&[]), 2, "name what is granted"),
        (new(&["-s", "file:touch:/a"]), 2, "unknown scope"),
        (new(&["-s", "file:read:a"]), 2, "relative"),
        (new(&["-s", "file:read:/a/../b"]), 2, "`.` or `..`"),
        (new(&["-s", "file:read:/a\nb"]), 2, "newline"),
        (new(&["-s", "file:read:/a\\x00"]), 2, "NUL"),
        (new(&["-s", &long]), 2, "256 bytes long"),
        (new(&["-s", &deep]), 2, "grant a directory above it"),
        (new(&["-s", "file:read:/a", "--spend-limit", "150"]), 2, "write `150usd`"),
        (new(&["-s", "file:read:/a", "--spend-limit", "0.001usd"]), 2, "whole cents"),
        (new(&["-s", "file:read:/a", "--expires", "2"]), 2, "as in `90s`"),
        (vec!["delegation", "show", "/nonexistent"], 3, "No such file"),
        (vec!["delegation", "verify", "/dev/null"], 1, "no strict JSON"),
        (vec!["keys", "export", "--log"], 3, "there is none yet"),
    ];
    for (arguments, status, part) in cases {
        let output = user.gov(&arguments);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {error}");
        assert!(error.contains(part), "{arguments:?}: {error}");
        assert_eq!(error.lines().count(), 1, "{error}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

/// `gov delegation new` with these terms, unsigned.
fn new<'a>(terms: &[&'a str]) -> Vec<&'a str> {
    [&["delegation", "new", "--unsigned", KEY], terms].concat()
}

const KEY: &str = "bf3edcd78c1ae289bc3dbf1c39d1c1d0871c5692dfef7dd66d4ecfd2d48c3565";
