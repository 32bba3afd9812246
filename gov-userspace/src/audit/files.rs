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
    /// Its mode, in octal.
    pub mode: Option<String>,
    /// Its owner.
    pub uid: Option<u64>,
    /// Its group.
    pub gid: Option<u64>,
    /// How it is known that others than the session changed what stands there; empty where it is not.
    pub changed_by_others: Vec<String>,
    /// The numbers of the receipts that touched it: of very many the first ones and the last.
    pub receipts: Vec<u64>,
    /// How many receipts touched it.
    pub touched: u64,
}

/// What became of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// It is there and was not before.
    Created,
    /// It was there before.
    Changed,
    /// It was there before, and only its mode, owner, times, attributes or number of names were changed.
    Metadata,
    /// It was there before and is gone.
    Deleted,
}

impl Change {
    /// In words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Changed => "changed",
            Self::Metadata => "metadata",
            Self::Deleted => "deleted",
        }
    }
}

impl FileChange {
    /// How it is known that others changed it, in words; empty where it is not.
    pub fn by_others(&self) -> String {
        let words = self.changed_by_others.iter().map(|how| match how.as_str() {
            "after-end" => "changed after the session's end",
            "while-hashed" => "changed while it was hashed",
            "another-file" => "another file than the session's",
            "another-file-system" => "on another file system than the session's file",
            other => other,
        });
        words.collect::<Vec<_>>().join(", ")
    }
}

/// How many paths what became of, in words.
pub fn counted(files: &[FileChange]) -> String {
    let count = |change| files.iter().filter(|file| file.change == change).count();
    let metadata = match count(Change::Metadata) {
        0 => String::new(),
        some => format!("{some} in metadata only, "),
    };
    let [created, changed, deleted] = [Change::Created, Change::Changed, Change::Deleted].map(count);
    format!("{created} created, {changed} changed, {metadata}{deleted} deleted")
}

/// What is known of a path while the log is read.
#[derive(Clone, Debug, Default)]
struct Path {
    /// Whether the first act on it found it there.
    before: bool,
    /// Whether the last act on it left it there.
    after: bool,
    /// Whether more than its metadata was changed.
    content: bool,
    found: Found,
}

/// What the artifacts receipt says of a path.
#[derive(Clone, Debug, Default)]
struct Found {
    state: Option<String>,
    sha256: Option<String>,
    size: Option<u64>,
    why: Option<String>,
    mode: Option<String>,
    uid: Option<u64>,
    gid: Option<u64>,
    others: Vec<String>,
    receipts: Vec<u64>,
    touched: u64,
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
                self.find(object);
                if let Some(to) = to {
                    self.set(to, false, true);
                }
            }
            "file.change-mode" | "file.change-owner" | "file.change-times" | "file.change-attributes" => {
                self.find(object);
            }
            _change => self.set(object, true, true),
        }
    }

    /// Takes one file of an artifacts receipt. What stands there for many paths is returned: why they are not there.
    pub(super) fn artifact(&mut self, file: &Value<'_>) -> Option<String> {
        let text = |name: &str| file.field(name).and_then(Value::text).map(str::to_owned);
        let number = |name: &str| file.field(name).and_then(Value::number);
        let Some(path) = self.paths.get_mut(&words::path(file)) else {
            return text("why").filter(|_why| file.field("change").is_none());
        };
        let receipts = file.field("receipts").map_or(&[][..], Value::elements);
        path.found = Found {
            state: text("state"),
            sha256: text("sha256"),
            size: number("size"),
            why: text("why"),
            mode: text("mode"),
            uid: number("uid"),
            gid: number("gid"),
            others: words::list(file.field("changed_by_others")),
            receipts: receipts.iter().filter_map(Value::number).collect(),
            touched: number("touched").unwrap_or_default(),
        };
        None
    }

    fn set(&mut self, path: &str, before: bool, after: bool) {
        let known = self.paths.entry(path.to_owned()).or_insert(Path { before, ..Path::default() });
        (known.after, known.content) = (after, true);
    }

    /// Notes that something was there and stays, and that not its content was changed.
    fn find(&mut self, path: &str) {
        let known = self.paths.entry(path.to_owned()).or_insert(Path { before: true, ..Path::default() });
        known.after = true;
    }

    /// The changes, by kind and path, and how many paths came and went.
    pub(super) fn changes(self) -> (Vec<FileChange>, u64) {
        let (mut changes, mut temporary) = (Vec::new(), 0_u64);
        for (path, known) in self.paths {
            let after = match known.found.state.as_deref() {
                Some("gone") => false,
                Some("unhashed") | None => known.after,
                Some(_there) => true,
            };
            let change = match (known.before, after) {
                (false, true) => Change::Created,
                (true, true) if !known.content => Change::Metadata,
                (true, true) => Change::Changed,
                (true, false) => Change::Deleted,
                (false, false) => {
                    temporary = temporary.saturating_add(1);
                    continue;
                }
            };
            let Found { state, sha256, size, why, mode, uid, gid, others, receipts, touched } = known.found;
            let changed_by_others = others;
            changes.push(FileChange {
                path,
                change,
                state,
                sha256,
                size,
                why,
                mode,
                uid,
                gid,
                changed_by_others,
                receipts,
                touched,
            });
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
    fn a_change_of_metadata_alone_is_told_from_one_of_content() {
        let acts = [
            ("file.change-mode", "/mode", None),
            ("file.link", "/mode", Some("/name")),
            ("file.change-times", "/both", None),
            ("file.truncate", "/both", None),
            ("file.create", "/new", None),
            ("file.change-owner", "/new", None),
        ];
        let expected = [
            ("/name", Change::Created),
            ("/new", Change::Created),
            ("/both", Change::Changed),
            ("/mode", Change::Metadata),
        ];
        assert_eq!(after(&acts).0, expected.map(|(path, change)| (path.to_owned(), change)));
    }

    #[test]
    fn what_stands_for_many_paths_is_told() {
        let found = br#"{"path":"...","receipts":[],"state":"unhashed","touched":7,"why":"too many"}"#;
        let said = Files::default().artifact(&crate::canonical::parse(found).unwrap());
        assert_eq!(said.as_deref(), Some("too many"));
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
