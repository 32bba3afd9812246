//! Where bytes can be had past every path: the devices that a file system lies on, and those that show memory or a TPM.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Dev, major, makedev, minor};

const DEVICES: &str = "/dev";
/// How deep device nodes lie, `/dev/mapper/x` and the like.
const DEPTH: u32 = 3;
/// Those that show memory, or that take commands for disks and TPMs, by their names and the beginnings of their names.
const NAMED: [&str; 3] = ["mem", "kmem", "port"];
const BEGINNINGS: [&str; 5] = ["tpm", "sg", "ng", "nvme", "bsg"];

/// The nodes below /dev, and the files, through which what lies in these folders, what was swapped out, the kernel's memory
/// or the TPM can be had.
///
/// # Errors
/// What the system says of a folder, or of /dev.
pub fn ways_past_paths(folders: &[&Path]) -> io::Result<Vec<PathBuf>> {
    let mut disks = Disks::default();
    for folder in folders {
        disks.add(fs::metadata(folder)?.dev());
    }
    let mut ways: Vec<PathBuf> = vec!["/proc/kcore".into(), "/dev/tpm0".into(), "/dev/tpmrm0".into()];
    for swap in swaps(&fs::read_to_string("/proc/swaps").unwrap_or_default()) {
        let Ok(metadata) = fs::metadata(&swap) else { continue };
        if metadata.file_type().is_block_device() {
            disks.add(metadata.rdev());
        } else {
            disks.add(metadata.dev());
            ways.push(swap);
        }
    }
    // What is mounted there holds terminals and shared memory, and as many files as anybody makes.
    let within = fs::metadata(DEVICES)?.dev();
    nodes((Path::new(DEVICES), within), DEPTH, &disks, &mut ways)?;
    ways.sort();
    ways.dedup();
    Ok(ways)
}

/// Disks, and all that each of them lies on.
#[derive(Default)]
struct Disks {
    known: BTreeSet<Dev>,
    /// One of them is none that the kernel lists, as a file system over several has: it may lie on any.
    any: bool,
}

impl Disks {
    fn add(&mut self, device: Dev) {
        if !self.known.insert(device) {
            return;
        }
        let listed = PathBuf::from(format!("/sys/dev/block/{}:{}", major(device), minor(device)));
        let Ok(listed) = listed.canonicalize() else {
            self.any = true;
            return;
        };
        if listed.join("partition").exists() {
            self.add_listed(listed.parent().unwrap_or(&listed));
        }
        if let Ok(file) = fs::read_to_string(listed.join("loop/backing_file"))
            && let Ok(metadata) = fs::metadata(file.trim_end_matches('\n'))
        {
            let is_disk = metadata.file_type().is_block_device();
            self.add(if is_disk { metadata.rdev() } else { metadata.dev() });
        }
        for slave in fs::read_dir(listed.join("slaves")).into_iter().flatten().flatten() {
            self.add_listed(&slave.path());
        }
    }

    fn add_listed(&mut self, folder: &Path) {
        match fs::read_to_string(folder.join("dev")).ok().as_deref().and_then(number) {
            Some(device) => self.add(device),
            None => self.any = true,
        }
    }
}

/// A device's number as /sys writes it.
fn number(text: &str) -> Option<Dev> {
    let (major, minor) = text.trim_end().split_once(':')?;
    Some(makedev(major.parse().ok()?, minor.parse().ok()?))
}

/// What is swapped to, by /proc/swaps: a heading, then a line each that begins with the path.
fn swaps(text: &str) -> Vec<PathBuf> {
    let paths = text.lines().skip(1).filter_map(|line| line.split_whitespace().next());
    // A space in a path stands as an octal escape.
    paths.map(|path| PathBuf::from(path.replace("\\040", " "))).collect()
}

fn nodes(
    (folder, within): (&Path, Dev),
    depth: u32,
    disks: &Disks,
    found: &mut Vec<PathBuf>,
) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // What is gone meanwhile is no way.
        let Ok(metadata) = fs::symlink_metadata(entry.path()) else { continue };
        let (kind, name) = (metadata.file_type(), entry.file_name());
        let name = name.to_string_lossy();
        let is_named = NAMED.contains(&&*name) || BEGINNINGS.iter().any(|begins| name.starts_with(begins));
        let is_way = if kind.is_block_device() {
            disks.any || disks.known.contains(&metadata.rdev())
        } else {
            is_named && (kind.is_char_device() || kind.is_dir())
        };
        if is_way {
            found.push(entry.path());
        } else if kind.is_dir()
            && metadata.dev() == within
            && depth > 1
            && let Err(error) = nodes((&entry.path(), within), depth.saturating_sub(1), disks, found)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(error);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Disks, number, swaps, ways_past_paths};
    use std::path::{Path, PathBuf};

    #[test]
    fn swap_is_known_by_its_path() {
        let text = "Filename\tType\n/dev/sda2  partition 1 0 -2\n/var/my\\040swap file 1 0 -3\n";
        assert_eq!(swaps(text), [PathBuf::from("/dev/sda2"), PathBuf::from("/var/my swap")]);
        assert!(swaps("").is_empty());
    }

    #[test]
    fn a_number_is_written_one_way() {
        assert_eq!(number("259:3\n"), Some(rustix::fs::makedev(259, 3)));
        assert!(number("259").is_none() && number("a:b").is_none());
    }

    #[test]
    fn what_the_kernel_does_not_list_may_lie_on_any_disk() {
        let mut disks = Disks::default();
        disks.add(rustix::fs::makedev(0, 4095));
        assert!(disks.any);
    }

    #[test]
    fn memory_and_the_tpm_are_always_ways() {
        let ways = ways_past_paths(&[Path::new("/")]).unwrap();
        for way in ["/proc/kcore", "/dev/tpm0", "/dev/tpmrm0"] {
            assert!(ways.iter().any(|known| known == Path::new(way)), "{way}");
        }
    }
}
