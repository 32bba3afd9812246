//! Others' eyes on a log: the verifier in Python, which shares no code with gov, and the published JSON Schema.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::{Scratch, key, sample};

/// What the verifier and the schema check need.
const PACKAGES: [&str; 2] = ["cryptography", "jsonschema"];

/// A Python with those packages: the system's, or one made for these tests in the target folder. `None`, with the
/// reason on standard error, where neither can be had.
pub(crate) fn python() -> Option<PathBuf> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    FOUND.get_or_init(find).clone()
}

fn find() -> Option<PathBuf> {
    let system = PathBuf::from("python3");
    if has_packages(&system) {
        return Some(system);
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python");
    let own = folder.join("bin/python");
    if has_packages(&own) {
        return Some(own);
    }
    let run = |command: &mut Command| command.output().is_ok_and(|output| output.status.success());
    let made = run(Command::new("python3").args(["-m", "venv"]).arg(&folder))
        && run(Command::new(&own).args(["-m", "pip", "install", "--quiet"]).args(PACKAGES));
    if !made {
        eprintln!(
            "not run in Python: no Python with {} here, and none could be made",
            PACKAGES.join(" and ")
        );
    }
    made.then_some(own)
}

fn has_packages(python: &Path) -> bool {
    let import = format!("import {}", PACKAGES.join(", "));
    Command::new(python).args(["-c", &import]).output().is_ok_and(|output| output.status.success())
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The status and words of the verifier in Python.
pub(crate) fn verify(python: &Path, log: &Path, keys: &[&str]) -> (i32, String) {
    let script = repository().join("clients/python/verify_log.py");
    let output = Command::new(python).arg(script).arg(log).args(keys).output().unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code().unwrap(), said)
}

#[test]
fn python_needs_a_trusted_key_too() {
    let Some(python) = python() else { return };
    let scratch = Scratch::whole();
    assert_eq!(verify(&python, &scratch.log, &[]).0, 3);
    assert_eq!(verify(&python, &scratch.log, &[&"00".repeat(32), &key()]).0, 0);
}

#[test]
fn python_sees_a_declared_loss_as_gov_does() {
    let Some(python) = python() else { return };
    let scratch = Scratch::empty();
    let mut session = sample::Session::start(&scratch.log);
    session.play();
    session.lose();
    session.play();
    session.close();
    let (status, said) = verify(&python, &scratch.log, &[&key()]);
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("1 missing"), "{said}");
}

/// Checks each line of a log against the schema, and that the schema refuses a receipt with one member more, one
/// with one less, and one of an unknown kind.
const CHECK: &str = r#"
import json, sys
import jsonschema
schema = json.load(open(sys.argv[1]))
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
kinds = set()
for line in open(sys.argv[2]):
    receipt = json.loads(line)
    kinds.add(receipt["kind"])
    error = jsonschema.exceptions.best_match(validator.iter_errors(receipt))
    assert error is None, f"{error.json_path}: {error.message}: {line}"
    assert not validator.is_valid({**receipt, "more": 1}), line
    assert not validator.is_valid({**receipt, "kind": "unknown"}), line
    for name in ("v", "session", "index", "boot", "wall", "delegation", "kind"):
        assert not validator.is_valid({key: value for key, value in receipt.items() if key != name}), name
print(" ".join(sorted(kinds)))
"#;

#[test]
fn every_receipt_fits_the_published_schema() {
    let Some(python) = python() else { return };
    let scratch = Scratch::empty();
    sample::Session::of_everything(&scratch.log);
    let output = Command::new(python)
        .args(["-c", CHECK])
        .arg(repository().join("docs/receipt.schema.json"))
        .arg(scratch.log.join(gov::journal::LOG))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(
        String::from_utf8_lossy(&output.stdout).trim(),
        "armed artifacts break budget clock close cut decision directory executed interference loss policy-changed reads recovered repeated resumed start"
    );
}
