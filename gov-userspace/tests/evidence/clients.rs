//! Others' programs, for tests that hand evidence on to them. Where `GOV_TEST_CLIENTS` is set, as `cargo xtask test`
//! does, they are installed into the target folder; otherwise they are used if they are there.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// From PyPI: DSSE and in-toto by their own projects, and the schema of OCSF.
const PYTHON: [&str; 3] = ["securesystemslib[crypto]", "in-toto-attestation", "pydantic-ocsf==3.0.0"];
/// What shows that they are there.
const IMPORTS: &str =
    "import securesystemslib.dsse, cryptography, in_toto_attestation.v1.statement, ocsf.v1_7_0.events";

/// A Python with these packages; `None`, with a word, where there is none.
pub(crate) fn python() -> Option<&'static Path> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    FOUND.get_or_init(find_python).as_deref()
}

fn find_python() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients");
    let python = folder.join("bin/python");
    let has = || succeeds(Command::new(&python).args(["-c", IMPORTS]));
    let install = || {
        succeeds(Command::new("python3").args(["-m", "venv"]).arg(&folder))
            && succeeds(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(PYTHON))
            && has()
    };
    if has() || (may_install() && install()) {
        return Some(python);
    }
    eprintln!(
        "not seen by others' programs: no {} here (GOV_TEST_CLIENTS=1 installs them)",
        PYTHON.join(", ")
    );
    None
}

fn may_install() -> bool {
    std::env::var_os("GOV_TEST_CLIENTS").is_some()
}

fn succeeds(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}
