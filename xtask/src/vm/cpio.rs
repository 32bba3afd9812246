//! A cpio archive in the `newc` form that the kernel unpacks as its first file system.

use std::io::{Result, Write};

/// Writes one archive.
pub struct Archive<W> {
    to: W,
    entries: u32,
}

const DIRECTORY: u32 = 0o040755;
const PROGRAM: u32 = 0o100755;

impl<W: Write> Archive<W> {
    pub fn new(to: W) -> Self {
        Self { to, entries: 0 }
    }

    pub fn directory(&mut self, path: &str) -> Result<()> {
        self.entry(path, DIRECTORY, &[])
    }

    /// A file that may be executed.
    pub fn file(&mut self, path: &str, content: &[u8]) -> Result<()> {
        self.entry(path, PROGRAM, content)
    }

    pub fn finish(mut self) -> Result<W> {
        self.entry("TRAILER!!!", 0, &[])?;
        self.to.flush()?;
        Ok(self.to)
    }

    fn entry(&mut self, path: &str, mode: u32, content: &[u8]) -> Result<()> {
        self.entries += 1;
        let size = u32::try_from(content.len()).map_err(|_| std::io::ErrorKind::FileTooLarge)?;
        let name = u32::try_from(path.len() + 1).map_err(|_| std::io::ErrorKind::InvalidFilename)?;
        // inode, mode, user, group, links, time, size, device, device number, name's length, checksum
        let fields = [self.entries, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, name, 0];
        let mut header = String::from("070701");
        for field in fields {
            header.push_str(&format!("{field:08x}"));
        }
        self.padded(&[header.as_bytes(), path.as_bytes(), b"\0"].concat())?;
        self.padded(content)
    }

    fn padded(&mut self, bytes: &[u8]) -> Result<()> {
        self.to.write_all(bytes)?;
        self.to.write_all(&[0; 3][..bytes.len().next_multiple_of(4) - bytes.len()])
    }
}

#[cfg(test)]
mod tests {
    use super::Archive;

    #[test]
    fn an_entry_is_a_header_a_name_and_a_content_each_padded_to_four() -> std::io::Result<()> {
        let mut archive = Archive::new(Vec::new());
        archive.file("ab", b"hello")?;
        let bytes = archive.finish()?;
        assert!(bytes.starts_with(b"070701000000010000"));
        // 110 bytes of header, 3 of name, 3 of padding; 5 of content, 3 of padding.
        assert_eq!(&bytes[110..113], b"ab\0");
        assert_eq!(&bytes[116..124], b"hello\0\0\0");
        assert_eq!(&bytes[124..130], b"070701");
        assert_eq!(bytes.len() % 4, 0);
        Ok(())
    }
}
