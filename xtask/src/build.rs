//! `cargo xtask build`: the kernel object, then `gov` and `govd` with the object inside, linked statically so that
//! they run on any machine.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::progress::step;
use crate::{process, toolchain};

const HOST: &str = "x86_64-unknown-linux-gnu";
/// The variable that tells gov-userspace's build which kernel object to hold.
pub const OBJECT: &str = "GOV_EBPF_OBJECT";

/// What a release is made of.
pub struct Built {
    /// The kernel object.
    pub object: PathBuf,
    /// The programs, by their full paths.
    pub programs: Vec<PathBuf>,
}

/// Builds everything that is not built yet.
pub fn ready() -> Result<Built> {
    let object = object()?;
    let programs = programs("gov-userspace", &["gov", "govd"], &[], &object)?;
    Ok(Built { object, programs })
}

/// Builds programs that run inside a machine to test gov and to show it.
pub fn of_tests(names: &[&str]) -> Result<Vec<PathBuf>> {
    programs("tests", names, &["--features", "crash"], &object()?)
}

/// Builds programs of one package, linked statically.
fn programs(package: &str, names: &[&str], arguments: &[&str], object: &Path) -> Result<Vec<PathBuf>> {
    let root = workspace()?;
    step(&format!("building {package}"), || {
        process::shown(
            cargo(process::cargo().as_ref())
                .current_dir(&root)
                .env("RUSTFLAGS", "-C target-feature=+crt-static")
                .env(OBJECT, object)
                // A target named outright keeps the flags from build scripts and procedural macros.
                .args(["build", "--quiet", "--release", "--target", HOST, "--package", package])
                .args(arguments)
                .args(names.iter().flat_map(|name| ["--bin", name])),
        )
    })?;
    let release = root.join("target").join(HOST).join("release");
    Ok(names.iter().map(|name| release.join(name)).collect())
}

/// Builds the kernel object with its own compiler into its own target folder.
pub fn object() -> Result<PathBuf> {
    let toolchain = toolchain::ready()?;
    let root = workspace()?;
    let target = root.join("target/ebpf");
    let flags = [
        "-Cdebuginfo=2",
        "-Clink-arg=--btf",
        // The first instruction set with atomics that return what they found, and with 32-bit jumps.
        "-Ctarget-cpu=v3",
        "--cfg=bpf_target_arch=\"x86_64\"",
    ];
    step("building the kernel object", || {
        process::shown(
            cargo(&toolchain.cargo)
                .current_dir(&root)
                .env("RUSTC", &toolchain.rustc)
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"))
                .env("CARGO_TARGET_BPFEL_UNKNOWN_NONE_LINKER", &toolchain.linker)
                .args(["build", "--quiet", "--package", "gov-ebpf", "--target", "bpfel-unknown-none"])
                .args(["-Zbuild-std=core", "--profile", "ebpf", "--target-dir"])
                .arg(&target),
        )
    })?;
    Ok(target.join("bpfel-unknown-none/ebpf/gov-ebpf"))
}

/// The workspace's root folder.
pub fn workspace() -> Result<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    root.canonicalize().context("the workspace that this program was built from is gone")
}

/// cargo without what the cargo that started this program left in the environment.
fn cargo(path: &Path) -> Command {
    let mut command = Command::new(path);
    for (name, _) in std::env::vars_os() {
        let inherited = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"];
        if inherited.iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    for name in
        ["CARGO", "RUSTUP_TOOLCHAIN", "RUSTC", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTC_WRAPPER"]
    {
        command.env_remove(name);
    }
    command
}
