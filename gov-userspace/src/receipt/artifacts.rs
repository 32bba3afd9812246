//! What the files that a session changed were at its end.

use serde::{Serialize, Serializer};

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
    /// What the session did there; `None` for what stands for many paths.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
    /// How it is known that somebody else has changed what stands there; empty where it is not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changed_by_others: Vec<Others>,
    /// The path's bytes in hexadecimal where they are not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hex: Option<String>,
    /// The path, displayable.
    pub path: String,
    /// The numbers of the receipts that touched it: of very many the first ones and the last.
    pub receipts: Vec<Count>,
    /// What was there.
    #[serde(flatten)]
    pub state: ArtifactState,
    /// How many receipts touched it.
    pub touched: Count,
}

/// What a session did at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// The first thing that it did there was to make what stood there, or to put it there.
    Created,
    /// It found something there and changed, replaced, moved or removed it.
    Changed,
    /// It found something there and changed its mode, owner, times, attributes or number of names, and nothing else.
    Metadata,
}

/// How it is known that somebody else than the session has changed what stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Others {
    /// It was changed when the last process of the session was gone.
    AfterEnd,
    /// It was changed while it was hashed.
    WhileHashed,
    /// It is none of the files that the session's receipts name there.
    AnotherFile,
    /// It lies on another file system than the file that the session's receipts name there.
    AnotherFileSystem,
}

/// Whose it is and who may do what with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Owner {
    /// Its group.
    pub gid: u32,
    /// Its mode's twelve bits, in octal.
    #[serde(serialize_with = "octal")]
    pub mode: u32,
    /// Its owner.
    pub uid: u32,
}

fn octal<S: Serializer>(mode: &u32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{mode:04o}"))
}

/// What stood at a path at a session's end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum ArtifactState {
    /// A regular file.
    File {
        /// Whose it is.
        #[serde(flatten)]
        owner: Owner,
        /// SHA-256 of its content, in hexadecimal.
        sha256: String,
        /// Its size in bytes.
        size: Count,
    },
    /// A directory.
    Directory {
        /// Whose it is.
        #[serde(flatten)]
        owner: Owner,
    },
    /// A symbolic link.
    Symlink {
        /// SHA-256 of its target, in hexadecimal.
        sha256: String,
    },
    /// Nothing any more.
    Gone,
    /// Something that was not hashed.
    Unhashed {
        /// Whose it is, where that is the session's user's to know.
        #[serde(flatten)]
        owner: Option<Owner>,
        /// A file's size in bytes, likewise.
        #[serde(skip_serializing_if = "Option::is_none")]
        size: Option<Count>,
        /// Why.
        why: String,
    },
}

impl Artifact {
    /// As many bytes as it takes in a receipt, or more.
    pub fn bound(&self) -> usize {
        // A byte of text may take six, as a control character does.
        let text = |text: &str| text.len().saturating_mul(6);
        let why = match &self.state {
            ArtifactState::Unhashed { why, .. } => text(why),
            _other => 0,
        };
        let hex = self.hex.as_ref().map_or(0, String::len);
        let receipts = self.receipts.len().saturating_mul(23);
        [text(&self.path), hex, why, receipts].into_iter().fold(600, usize::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use super::{Artifact, ArtifactState, Change, Count, Others, Owner};

    #[test]
    fn no_artifact_takes_more_room_than_it_says() {
        let owner = Owner { gid: u32::MAX, mode: 0o7777, uid: u32::MAX };
        let count = Count(u64::MAX);
        for state in [
            ArtifactState::File { owner, sha256: "0".repeat(64), size: count },
            ArtifactState::Unhashed { owner: Some(owner), size: Some(count), why: "\u{1}".repeat(50) },
        ] {
            let artifact = Artifact {
                change: Some(Change::Metadata),
                changed_by_others: vec![
                    Others::AfterEnd,
                    Others::WhileHashed,
                    Others::AnotherFile,
                    Others::AnotherFileSystem,
                ],
                hex: Some("ff".repeat(100)),
                path: "\u{1}\u{fffd}\"".repeat(100),
                receipts: vec![count; 32],
                state,
                touched: count,
            };
            let written = serde_json_canonicalizer::to_vec(&artifact).unwrap();
            assert!(written.len() <= artifact.bound(), "{} of {}", written.len(), artifact.bound());
        }
    }

    #[test]
    fn a_mode_stands_in_octal() {
        let owner = Owner { gid: 1, mode: 0o644, uid: 2 };
        let state = ArtifactState::Directory { owner };
        let expected = r#"{"gid":1,"mode":"0644","state":"directory","uid":2}"#;
        assert_eq!(String::from_utf8(serde_json_canonicalizer::to_vec(&state).unwrap()).unwrap(), expected);
    }
}
