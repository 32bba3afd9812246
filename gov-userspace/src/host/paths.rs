//! What stands at a path and which addresses are the host's own: what compiling a policy asks of the host.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::net::IpAddr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::{HostError, addresses};
use crate::policy::{Found, HostFacts};
use crate::scope::CleanPath;

/// Write permission of group and others.
const OTHERS_WRITE: u32 = 0o022;

/// This host, seen from the root of the daemon's mount namespace.
#[derive(Clone, Debug)]
pub struct ThisHost {
    addresses: Vec<IpAddr>,
}

impl ThisHost {
    /// Reads the host's addresses; paths are looked at when they are asked for.
    pub fn read() -> Result<Self, HostError> {
        Ok(Self { addresses: addresses::local()? })
    }
}

impl HostFacts for ThisHost {
    fn look(&self, path: &CleanPath) -> std::io::Result<Found> {
        let path = Path::new(OsStr::from_bytes(path.as_bytes()));
        let metadata = match std::fs::symlink_metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Ok(Found::Nothing);
            }
            Err(error) => return Err(error),
        };
        let by_root = metadata.uid() == 0;
        let kind = metadata.file_type();
        Ok(if kind.is_symlink() {
            Found::Link { target: std::fs::read_link(path)?.into_os_string().into_vec(), by_root }
        } else if kind.is_dir() {
            Found::Directory { only_root: by_root && metadata.mode() & OTHERS_WRITE == 0 }
        } else if kind.is_file() {
            Found::File
        } else {
            Found::Other
        })
    }

    fn addresses(&self) -> Vec<IpAddr> {
        self.addresses.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::ThisHost;
    use crate::policy::{Found, HostFacts};
    use crate::scope::CleanPath;

    #[test]
    fn each_kind_of_file_is_told_from_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let host = ThisHost::read().unwrap();
        let look = |name: &str| {
            let path = folder.path().join(name);
            host.look(&CleanPath::new(path.to_str().unwrap().as_bytes()).unwrap()).unwrap()
        };
        std::fs::write(folder.path().join("file"), "").unwrap();
        std::fs::create_dir(folder.path().join("directory")).unwrap();
        std::os::unix::fs::symlink("file", folder.path().join("link")).unwrap();
        assert_eq!(look("file"), Found::File);
        assert!(matches!(look("directory"), Found::Directory { .. }));
        assert!(matches!(look("link"), Found::Link { target, .. } if target == b"file"));
        assert_eq!(look("nothing"), Found::Nothing);
        assert_eq!(look("file/below"), Found::Nothing);
        let null = host.look(&CleanPath::new(b"/dev/null").unwrap()).unwrap();
        assert_eq!(null, Found::Other);
    }
}
