//! What the files that a session changed were at its end.

use serde::Serialize;

use super::count::Count;

/// Some of the files that the session created, changed or deleted, as they were at its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Artifacts {
    /// Each of them once.
    pub files: Vec<Artifact>,
}

/// One file at a session's end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Artifact {
    /// The path's bytes in hexadecimal where they are not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hex: Option<String>,
    /// The path, displayable.
    pub path: String,
    /// What was there.
    #[serde(flatten)]
    pub state: ArtifactState,
}

/// What stood at a path at a session's end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum ArtifactState {
    /// A regular file.
    File {
        /// SHA-256 of its content, in hexadecimal.
        sha256: String,
        /// Its size in bytes.
        size: Count,
    },
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink {
        /// SHA-256 of its target, in hexadecimal.
        sha256: String,
    },
    /// Nothing any more.
    Gone,
    /// Something that was not hashed.
    Unhashed {
        /// Why.
        why: String,
    },
}
