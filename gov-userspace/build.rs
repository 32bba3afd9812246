//! Puts the kernel object where the library can include it: `$OUT_DIR/gov.bpf.o`.
//!
//! The object is the one that `GOV_EBPF_OBJECT` names (`cargo xtask build` sets it), else the one that was built
//! last. Without either the file is empty, so that the library builds and tests without an eBPF toolchain.

use std::path::PathBuf;
use std::{env, fs, io};

const LAST_BUILT: &str = "../target/ebpf/bpfel-unknown-none/ebpf/gov-ebpf";

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-env-changed=GOV_EBPF_OBJECT");
    let object = env::var_os("GOV_EBPF_OBJECT").map_or_else(|| PathBuf::from(LAST_BUILT), PathBuf::from);

    let named = env::var_os("GOV_EBPF_OBJECT").is_some();
    let content = if named || object.exists() {
        println!("cargo::rerun-if-changed={}", object.display());
        fs::read(&object)?
    } else {
        // Not watched: cargo takes a file that is missing for one that has changed, at every build.
        Vec::new()
    };
    let out = env::var_os("OUT_DIR").map(PathBuf::from).ok_or(io::ErrorKind::NotFound)?;
    fs::write(out.join("gov.bpf.o"), content)
}
