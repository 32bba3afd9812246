//! Paths in scopes: absolute, clean, of any bytes but NUL and newline.

use std::fmt;

use gov_common::policy::MAX_NAME;
use thiserror::Error;

/// The longest path, `PATH_MAX` without its NUL.
const MAX_PATH: usize = 4095;

/// An absolute path without `.`, `..`, empty components or a slash at its end. It names the file there or, if a
/// directory is or will be there, the whole subtree.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CleanPath(Vec<u8>);

/// Why bytes are no clean path, with what to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PathFault {
    /// It does not start with a slash.
    #[error("the path is relative: write it from `/` on")]
    Relative,
    /// `.` or `..` as a component.
    #[error("the path holds `.` or `..`: write the directory that it leads to")]
    Dots,
    /// Two slashes in a row.
    #[error("the path holds an empty component: write one `/` where there are two")]
    EmptyComponent,
    /// A slash at the end.
    #[error("the path ends with `/`: leave it off, a path names the directory's whole subtree anyway")]
    TrailingSlash,
    /// More bytes than Linux takes.
    #[error("the path is {0} bytes long and Linux takes {MAX_PATH}: name a directory above it")]
    TooLong(usize),
    /// A component of more bytes than Linux takes.
    #[error(
        "a component of the path is {0} bytes long and Linux takes {MAX_NAME}: name the directory above it"
    )]
    LongComponent(usize),
    /// A NUL byte.
    #[error("the path holds a NUL byte, which no file name does: remove it")]
    Nul,
    /// A newline.
    #[error("the path holds a newline, which would break lines of evidence: name the directory above it")]
    Newline,
    /// A backslash that starts no escape.
    #[error("a backslash starts an escape: write `\\\\` for a backslash and `\\xNN` for a byte")]
    Escape,
}

impl CleanPath {
    /// The path of these very bytes.
    ///
    /// # Errors
    /// A [`PathFault`] if they are no clean path.
    pub fn new(bytes: &[u8]) -> Result<Self, PathFault> {
        if bytes.contains(&0) {
            return Err(PathFault::Nul);
        }
        if bytes.contains(&b'\n') {
            return Err(PathFault::Newline);
        }
        if bytes.len() > MAX_PATH {
            return Err(PathFault::TooLong(bytes.len()));
        }
        let Some((b'/', below)) = bytes.split_first() else { return Err(PathFault::Relative) };
        if below.is_empty() {
            return Ok(Self(bytes.to_vec()));
        }
        if below.ends_with(b"/") && !below.ends_with(b"//") && below != b"/" {
            return Err(PathFault::TrailingSlash);
        }
        for component in below.split(|byte| *byte == b'/') {
            match component {
                b"" => return Err(PathFault::EmptyComponent),
                b"." | b".." => return Err(PathFault::Dots),
                long if long.len() > MAX_NAME => return Err(PathFault::LongComponent(long.len())),
                _ => {}
            }
        }
        Ok(Self(bytes.to_vec()))
    }

    /// The path as text writes it: a backslash starts an escape, `\\` or `\xNN`; all other bytes are themselves.
    ///
    /// # Errors
    /// A [`PathFault`] if that is no clean path.
    pub fn from_text(text: &[u8]) -> Result<Self, PathFault> {
        let mut bytes = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some((first, after)) = rest.split_first() {
            rest = after;
            if *first != b'\\' {
                bytes.push(*first);
            } else if let Some(after) = rest.strip_prefix(b"\\") {
                bytes.push(b'\\');
                rest = after;
            } else {
                let Some((digits, after)) =
                    rest.strip_prefix(b"x").and_then(|rest| rest.split_first_chunk::<2>())
                else {
                    return Err(PathFault::Escape);
                };
                let mut byte = [0];
                hex::decode_to_slice(digits, &mut byte).map_err(|_| PathFault::Escape)?;
                bytes.extend(byte);
                rest = after;
            }
        }
        Self::new(&bytes)
    }

    /// The path of these components, below the root in their order.
    ///
    /// # Errors
    /// A [`PathFault`] if that is no clean path.
    pub fn from_components(components: &[Vec<u8>]) -> Result<Self, PathFault> {
        if components.is_empty() {
            return Self::new(b"/");
        }
        if components.iter().any(|component| component.contains(&b'/') || component.is_empty()) {
            return Err(PathFault::EmptyComponent);
        }
        Self::new(&[b"/", components.join(&b'/').as_slice()].concat())
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The components, from the root's child on; none for `/`.
    pub fn components(&self) -> impl Iterator<Item = &[u8]> {
        self.0.split(|byte| *byte == b'/').filter(|component| !component.is_empty())
    }

    /// Whether `other` is this path or lies below it.
    pub fn covers(&self, other: &Self) -> bool {
        let mut below = other.components();
        self.components().all(|component| below.next() == Some(component))
    }
}

/// As [`CleanPath::from_text`] reads it: valid UTF-8 without control characters stands as it is.
impl fmt::Display for CleanPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for letter in chunk.valid().chars() {
                match letter {
                    '\\' => out.write_str("\\\\")?,
                    control if control.is_control() => {
                        for byte in control.encode_utf8(&mut [0; 4]).bytes() {
                            write!(out, "\\x{byte:02x}")?;
                        }
                    }
                    plain => write!(out, "{plain}")?,
                }
            }
            for byte in chunk.invalid() {
                write!(out, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for CleanPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "CleanPath({self})")
    }
}
