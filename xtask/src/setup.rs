//! `cargo xtask setup`: everything that building and testing gov needs, installed or made once, and named where it
//! cannot be.

use std::process::Command;
use std::time::Instant;

use anyhow::{Result, bail};

use crate::kernels::{self, Series};
use crate::{apt, process, rootfs, toolchain, vm};

/// Sets everything up. What one part lacks does not keep the others from being looked at.
pub fn run() -> Result<()> {
    let mut lacking = 0;
    let mut part = |name: &str, ready: &dyn Fn() -> Result<()>| {
        let start = Instant::now();
        match ready() {
            Ok(()) => println!("ok   {name} ({:.1} s)", start.elapsed().as_secs_f64()),
            Err(error) => {
                lacking += 1;
                println!("FAIL {name}: {error:#}");
            }
        }
    };
    part("C linker for the host", &|| apt::programs(&[("cc", "gcc")]).and_then(|()| static_libc()));
    part("compiler and linker of the kernel object", &|| toolchain::ready().map(drop));
    part("virtual machines", &vm::tools);
    for series in Series::ALL {
        part(&format!("kernel {}", series.name()), &|| kernels::ready(series).map(drop));
    }
    part("root file system", &|| rootfs::ready().map(drop));
    if lacking > 0 {
        bail!("{lacking} parts are missing");
    }
    Ok(())
}

/// The C library that `gov` and `govd` are linked with.
fn static_libc() -> Result<()> {
    let found = process::stdout(Command::new("cc").arg("--print-file-name=libc.a"))?;
    // The compiler answers with a path when it has the file, and with the name alone when it does not.
    if found.starts_with('/') { Ok(()) } else { apt::installed(&["libc6-dev"]) }
}
