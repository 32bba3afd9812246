//! Others' programs, for tests that hand evidence on to them. Where `GOV_TEST_CLIENTS` is set, as `cargo xtask test`
//! does, they are installed into the target folder; otherwise they are used if they are there.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// From PyPI: DSSE and in-toto by their own projects, the schema of OCSF, APS, and OpenTelemetry's protocol and names.
const PYTHON: [&str; 6] = [
    "securesystemslib[crypto]",
    "in-toto-attestation",
    "pydantic-ocsf==3.0.0",
    "agent-passport-system==4.3.0",
    "opentelemetry-proto==1.45.2",
    "opentelemetry-semantic-conventions==0.66b2",
];
/// What shows that they are there.
const IMPORTS: &str = "import securesystemslib.dsse, cryptography, in_toto_attestation.v1.statement, ocsf.v1_7_0.events, agent_passport, opentelemetry.proto.logs.v1.logs_pb2, opentelemetry.semconv.schemas";

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

/// A folder with APS's package for JavaScript; `None`, with a word, where there is none.
pub(crate) fn npm() -> Option<&'static Path> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    FOUND.get_or_init(find_npm).as_deref()
}

fn find_npm() -> Option<PathBuf> {
    const APS: &str = "agent-passport-system@6.0.1";
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("npm");
    let has = || folder.join("node_modules/agent-passport-system/dist/src/index.js").exists();
    let node = || succeeds(Command::new("node").arg("--version"));
    let install = || {
        std::fs::create_dir_all(&folder).is_ok()
            && succeeds(
                Command::new("npm")
                    .args(["install", "--silent", "--ignore-scripts", "--prefix"])
                    .arg(&folder)
                    .arg(APS),
            )
            && has()
    };
    if node() && (has() || (may_install() && install())) {
        return Some(folder);
    }
    eprintln!("not seen by others' programs: no Node with {APS} here (GOV_TEST_CLIENTS=1 installs it)");
    None
}

fn may_install() -> bool {
    std::env::var_os("GOV_TEST_CLIENTS").is_some()
}

fn succeeds(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}
