//! What became of each path that a session changed.

use std::collections::BTreeMap;

use serde::Serialize;

use super::words;
use crate::canonical::Value;

/// One path that a session changed, as it was at the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileChange {
    /// The path.
    pub path: String,
    /// What became of it.
    pub change: Change,
    /// `file`, `directory`, `symlink`, `gone` or `unhashed`, as the artifacts receipt says; `None` if it is not
    /// in one.
    pub state: Option<String>,
    /// SHA-256 of the file's content, or of the symbolic link's target.
    pub sha256: Option<String>,
    /// The file's size in bytes.
    pub size: Option<u64>,
    /// Why it was not hashed.
    pub why: Option<String>,
}

/// What became of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// It is there and was not before.
    Created,
    /// It was there before.
    Changed,
    /// It was there before and is gone.
    Deleted,
}

impl Change {
    /// In words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Changed => "changed",
            Self::Deleted => "deleted",
        }
    }
}

/// What is known of a path while the log is read.
#[derive(Clone, Debug, Default)]
struct Path {
    /// Whether the first act on it found it there.
    before: bool,
    /// Whether the last act on it left it there.
    after: bool,
    state: Option<String>,
    sha256: Option<String>,
    size: Option<u64>,
    why: Option<String>,
}

/// All paths of a session.
#[derive(Clone, Debug, Default)]
pub(super) struct Files {
    paths: BTreeMap<String, Path>,
}

impl Files {
    /// Takes a granted act of the class `write`.
    pub(super) fn act(&mut self, action: &str, object: &str, to: Option<&str>) {
        match action {
            "file.create" | "file.create-directory" | "file.create-symlink" => self.set(object, false, true),
            "file.unlink" | "file.remove-directory" => self.set(object, true, false),
            "file.rename" => {
                self.set(object, true, false);
                if let Some(to) = to {
                    self.set(to, false, true);
                }
            }
            "file.link" => {
                if let Some(to) = to {
                    self.set(to, false, true);
                }
            }
            _change => self.set(object, true, true),
        }
    }

    /// Takes one file of an artifacts receipt.
    pub(super) fn artifact(&mut self, file: &Value<'_>) {
        let text = |name: &str| file.field(name).and_then(Value::text).map(str::to_owned);
        let Some(path) = self.paths.get_mut(&words::path(file)) else { return };
        path.state = text("state");
        path.sha256 = text("sha256");
        path.size = file.field("size").and_then(Value::number);
        path.why = text("why");
    }

    fn set(&mut self, path: &str, before: bool, after: bool) {
        let known = self.paths.entry(path.to_owned()).or_insert(Path { before, ..Path::default() });
        known.after = after;
    }

    /// The changes, by kind and path, and how many paths came and went.
    pub(super) fn changes(self) -> (Vec<FileChange>, u64) {
        let (mut changes, mut temporary) = (Vec::new(), 0_u64);
        for (path, known) in self.paths {
            let after = match known.state.as_deref() {
                Some("gone") => false,
                Some("unhashed") | None => known.after,
                Some(_there) => true,
            };
            let change = match (known.before, after) {
                (false, true) => Change::Created,
                (true, true) => Change::Changed,
                (true, false) => Change::Deleted,
                (false, false) => {
                    temporary = temporary.saturating_add(1);
                    continue;
                }
            };
            let Path { state, sha256, size, why, .. } = known;
            changes.push(FileChange { path, change, state, sha256, size, why });
        }
        changes.sort_by(|a, b| (a.change, &a.path).cmp(&(b.change, &b.path)));
        (changes, temporary)
    }
}

#[cfg(test)]
mod tests {
    use super::{Change, Files};

    fn after(acts: &[(&str, &str, Option<&str>)]) -> (Vec<(String, Change)>, u64) {
        let mut files = Files::default();
        acts.iter().for_each(|(action, object, to)| files.act(action, object, *to));
        let (changes, temporary) = files.changes();
        (changes.into_iter().map(|change| (change.path, change.change)).collect(), temporary)
    }

    #[test]
    fn a_file_is_created_changed_deleted_or_came_and_went() {
        let acts = [
            ("file.create", "/new", None),
            ("file.write", "/new", None),
            ("file.write", "/old", None),
            ("file.unlink", "/dead", None),
            ("file.create", "/tmp/a", None),
            ("file.unlink", "/tmp/a", None),
        ];
        let (changes, temporary) = after(&acts);
        assert_eq!(
            changes,
            [
                ("/new".to_owned(), Change::Created),
                ("/old".to_owned(), Change::Changed),
                ("/dead".to_owned(), Change::Deleted),
            ]
        );
        assert_eq!(temporary, 1);
    }

    #[test]
    fn a_file_written_beside_and_renamed_into_place_is_created_there() {
        let acts = [("file.create", "/a.tmp", None), ("file.rename", "/a.tmp", Some("/a"))];
        assert_eq!(after(&acts), (vec![("/a".to_owned(), Change::Created)], 1));
    }

    #[test]
    fn what_the_artifacts_receipt_found_decides_whether_it_is_there() {
        let mut files = Files::default();
        files.act("file.write", "/a", None);
        let found = br#"{"path":"/a","state":"gone"}"#;
        files.artifact(&crate::canonical::parse(found).unwrap());
        assert_eq!(files.changes().0.first().unwrap().change, Change::Deleted);
    }
}
