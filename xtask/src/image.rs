//! A folder as an ext4 image, made without mounting anything.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::process;

const BLOCK: u64 = 4096;
/// Room to write in. The image is sparse, so room costs nothing on the host.
const SPARE_BLOCKS: u64 = (1 << 30) / BLOCK;
const SPARE_INODES: u64 = 1 << 16;

/// Writes the content of `folder` as an ext4 file system with a label to `image`.
pub fn write(folder: &Path, image: &Path, label: &str) -> Result<()> {
    let (blocks, inodes) = measure(folder)?;
    process::quiet(
        Command::new("/sbin/mke2fs")
            .args(["-q", "-F", "-t", "ext4", "-b", "4096", "-m", "0"])
            // Nothing outlives the machine that mounts it, so a journal would only cost time.
            .args(["-O", "^has_journal,^resize_inode", "-E", "lazy_itable_init=1,root_owner=0:0"])
            .args(["-L", label, "-N", &(inodes + SPARE_INODES).to_string(), "-d"])
            .args([folder, image])
            .arg((blocks + blocks / 8 + SPARE_BLOCKS).to_string()),
    )
}

/// The blocks and inodes that a folder's content takes.
fn measure(folder: &Path) -> Result<(u64, u64)> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read `{}`", folder.display()))?;
    let mut total = (1, 1);
    for entry in entries {
        let entry = entry?;
        let metadata = entry.metadata()?;
        let (blocks, inodes) =
            if metadata.is_dir() { measure(&entry.path())? } else { (metadata.size().div_ceil(BLOCK), 1) };
        total = (total.0 + blocks, total.1 + inodes);
    }
    Ok(total)
}
