//! What builds the kernel object: a Rust compiler with core's sources and the linker that emits eBPF.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{apt, cache, process};

/// Debian 12's compiler for its browsers, new enough and with its sources; and what bpf-linker is built from.
const DEBIAN: [&str; 7] =
    ["rustc-web", "rust-web-src", "cargo-web", "llvm-22-dev", "libpolly-22-dev", "libzstd-dev", "zlib1g-dev"];
const LINKER_VERSION: &str = "0.13.0";
const DEBIAN_LLVM: &str = "/usr/lib/llvm-22";

/// The programs that build the kernel object.
pub struct Toolchain {
    pub cargo: PathBuf,
    pub rustc: PathBuf,
    pub linker: PathBuf,
}

/// Finds the toolchain, installing it where that is known how.
pub fn ready() -> Result<Toolchain> {
    let (cargo, rustc) = match debian().map_or_else(nightly, Some) {
        Some(found) => found,
        None => {
            apt::installed(&DEBIAN).context(
                "the kernel object needs a Rust compiler with core's sources; \
                 `rustup toolchain install nightly --component rust-src` gives one too",
            )?;
            debian().context("`/usr/bin/rustc` has no sources of core although its packages are installed")?
        }
    };
    Ok(Toolchain { cargo, rustc, linker: linker()? })
}

/// The compiler of Debian's packages. It is called by its full path, for rustup's may stand first on `PATH`.
fn debian() -> Option<(PathBuf, PathBuf)> {
    let (cargo, rustc) = (PathBuf::from("/usr/bin/cargo"), PathBuf::from("/usr/bin/rustc"));
    (cargo.is_file() && builds_core(&rustc)).then_some((cargo, rustc))
}

/// rustup's nightly.
fn nightly() -> Option<(PathBuf, PathBuf)> {
    let which = |program| {
        let path = process::stdout(Command::new("rustup").args(["which", "--toolchain", "nightly", program]));
        path.ok().map(|path| PathBuf::from(path.trim()))
    };
    let (cargo, rustc) = (which("cargo")?, which("rustc")?);
    builds_core(&rustc).then_some((cargo, rustc))
}

/// Whether a compiler has core's sources and is of edition 2024 at least as new as the workspace asks for.
fn builds_core(rustc: &Path) -> bool {
    let Ok(sysroot) = process::stdout(Command::new(rustc).args(["--print", "sysroot"])) else { return false };
    let Ok(version) = process::stdout(Command::new(rustc).arg("--version")) else { return false };
    let minor = version.split('.').nth(1).and_then(|minor| minor.parse::<u32>().ok());
    minor.is_some_and(|minor| minor >= 95)
        && Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library/core/Cargo.toml").is_file()
}

/// bpf-linker: the one on `PATH` where its version fits, else one built into the cache.
fn linker() -> Result<PathBuf> {
    let on_path = Path::new("bpf-linker");
    let version = process::stdout(Command::new(on_path).arg("--version"));
    if version.is_ok_and(|version| version.trim().ends_with(LINKER_VERSION)) {
        return Ok(on_path.to_owned());
    }
    let folder = cache::once("bpf-linker", LINKER_VERSION, |folder| {
        if !Path::new(DEBIAN_LLVM).is_dir() {
            bail!(
                "on Debian 12: `apt-get install llvm-22-dev`; elsewhere: `cargo install bpf-linker --version {LINKER_VERSION}`"
            );
        }
        process::quiet(
            Command::new(process::cargo())
                .env("LLVM_PREFIX", DEBIAN_LLVM)
                .args(["install", "bpf-linker", "--version", LINKER_VERSION, "--locked"])
                .args(["--no-default-features", "--features", "llvm-22", "--root"])
                .arg(folder),
        )
    })?;
    Ok(folder.join("bin/bpf-linker"))
}
