//! What a log says of its session, read back line by line, so that another daemon can go on with it.

use std::collections::BTreeSet;

use gov_common::abi::{Kind, ReadKey};
use gov_common::event::Action;

use super::artifacts::Touched;
use crate::canonical::Value;
use crate::receipt::{Artifact, Reads, Repeated};

/// What was found in a log.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// How it began; `None` if the start receipt was not written.
    pub begun: Option<Begun>,
    /// The number after that of the last kernel event.
    pub next_sequence: u64,
    /// Events that were declared lost.
    pub lost: u64,
    /// The paths that the session changed.
    pub touched: Touched,
    /// What was written of the end.
    pub told: Told,
}

/// How a session began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// The kernel's boot id.
    pub boot_id: String,
    /// What was started.
    pub command: Vec<String>,
    /// The delegation's id.
    pub delegation_id: String,
    /// When the delegation's time is over, RFC 3339.
    pub expires: String,
    /// The session's number in the kernel.
    pub number: u64,
    /// The session that it lies in.
    pub parent: Option<String>,
    /// SHA-256 of the compiled policy.
    pub policy: [u8; 32],
    /// Whose it is.
    pub uid: u32,
    /// When it began, RFC 3339.
    pub wall: String,
}

/// What stands in a log of its end already, though not all of it.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// Directories by device and inode number.
    reads: BTreeSet<(String, u64)>,
    /// Refusals by the last one that has a receipt of its own, and by what they have in common.
    repeated: BTreeSet<(u64, String)>,
    /// Paths, and their bytes in hexadecimal where they are not text.
    artifacts: BTreeSet<(String, Option<String>)>,
}

impl Found {
    /// Takes the next line.
    pub fn read(&mut self, line: &Value<'_>) {
        if let Some(sequence) = number(line, "sequence") {
            self.next_sequence = self.next_sequence.max(sequence.saturating_add(1));
        }
        match line.field("kind").and_then(Value::text) {
            Some("start") => self.begun = begun(line),
            Some("decision") => self.decision(line),
            Some("loss") => {
                if let (Some(first), Some(count)) = (number(line, "first"), number(line, "count")) {
                    self.next_sequence = self.next_sequence.max(first.saturating_add(count));
                    self.lost = self.lost.saturating_add(count);
                }
            }
            Some("reads") => {
                if let (Some(device), Some(inode)) = (text(line, "device"), number(line, "inode")) {
                    self.told.reads.insert((device, inode));
                }
            }
            Some("repeated") => {
                if let (Some(last), Some(alike)) = (number(line, "last"), text(line, "alike")) {
                    self.told.repeated.insert((last, alike));
                }
            }
            Some("artifacts") => {
                for file in line.field("files").map_or(&[][..], Value::elements) {
                    if let Some(path) = text(file, "path") {
                        self.told.artifacts.insert((path, text(file, "hex")));
                    }
                }
            }
            _other => {}
        }
    }

    /// Notes what a granted act changed, as [`Touched::note`] does of its event.
    fn decision(&mut self, line: &Value<'_>) {
        let is = |name: &str, wanted: &str| line.field(name).and_then(Value::text) == Some(wanted);
        if !is("verdict", "allow") || !is("class", Kind::Write.name()) {
            return;
        }
        if let Some(object) = line.field("object")
            && object.field("cut").is_none()
            && object.field("unlinked").is_none()
            && let Some(path) = path(object)
        {
            self.touched.insert(&path);
        }
        if (is("action", Action::Rename.name()) || is("action", Action::Link.name()))
            && let Some(path) = line.field("to").and_then(path)
        {
            self.touched.insert(&path);
        }
    }
}

impl Told {
    /// Whether the reads in a directory are told.
    pub(super) fn has_reads(&self, key: &ReadKey) -> bool {
        let Reads { device, inode, .. } = Reads::new(key, 0);
        self.reads.contains(&(device, inode.0))
    }

    /// Whether it is told how often a refusal repeated.
    pub(super) fn has_repeated(&self, repeated: &Repeated) -> bool {
        self.repeated.contains(&(repeated.last.0, repeated.alike.to_owned()))
    }

    /// Whether it is told what stood at a path.
    pub(super) fn has_artifact(&self, artifact: &Artifact) -> bool {
        self.artifacts.contains(&(artifact.path.clone(), artifact.hex.clone()))
    }
}

fn begun(line: &Value<'_>) -> Option<Begun> {
    let mut policy = [0; 32];
    hex::decode_to_slice(line.field("policy")?.text()?, &mut policy).ok()?;
    let command = line.field("command")?.elements().iter();
    Some(Begun {
        boot_id: text(line, "boot_id")?,
        command: command.filter_map(|word| word.text().map(str::to_owned)).collect(),
        delegation_id: text(line, "delegation")?,
        expires: text(line, "expires")?,
        number: number(line, "number")?,
        parent: text(line, "parent"),
        policy,
        uid: u32::try_from(number(line, "uid")?).ok()?,
        wall: text(line, "wall")?,
    })
}

/// The bytes of a path: in hexadecimal where they are not text.
fn path(object: &Value<'_>) -> Option<Vec<u8>> {
    match object.field("hex").and_then(Value::text) {
        Some(bytes) => hex::decode(bytes).ok(),
        None => Some(object.field("path")?.text()?.as_bytes().to_owned()),
    }
}

fn text(line: &Value<'_>, name: &str) -> Option<String> {
    Some(line.field(name)?.text()?.to_owned())
}

fn number(line: &Value<'_>, name: &str) -> Option<u64> {
    line.field(name)?.number()
}

#[cfg(test)]
mod tests {
    use super::{Found, ReadKey};
    use crate::canonical;
    use crate::receipt::{Artifact, ArtifactState, Repeated};
    use gov_common::repeated::{Refusal, RefusalKey};

    fn read(lines: &[&str]) -> Found {
        let mut found = Found::default();
        for line in lines {
            found.read(&canonical::parse(line.as_bytes()).unwrap());
        }
        found
    }

    #[test]
    fn the_next_event_is_the_one_after_the_last_that_came_or_was_lost() {
        let found = read(&[
            r#"{"kind":"executed","sequence":3}"#,
            r#"{"count":4,"first":4,"kind":"loss"}"#,
            r#"{"kind":"recovered"}"#,
        ]);
        assert_eq!((found.next_sequence, found.lost), (8, 4));
        assert_eq!(read(&[]).next_sequence, 0);
    }

    #[test]
    fn only_granted_changes_are_touched() {
        let found = read(&[
            r#"{"action":"file.write","class":"write","kind":"decision","object":{"path":"/a"},"verdict":"allow"}"#,
            r#"{"action":"file.write","class":"write","kind":"decision","object":{"path":"/b"},"verdict":"deny"}"#,
            r#"{"action":"file.read","class":"read","kind":"decision","object":{"path":"/c"},"verdict":"allow"}"#,
            r#"{"action":"file.write","class":"write","kind":"decision","object":{"cut":true,"path":"/d"},"verdict":"allow"}"#,
            r#"{"action":"file.rename","class":"write","kind":"decision","object":{"hex":"2fff","path":"/x"},"to":{"path":"/e"},"verdict":"allow"}"#,
        ]);
        assert_eq!(found.touched.paths(), [b"/a".to_vec(), b"/e".to_vec(), b"/\xff".to_vec()]);
    }

    #[test]
    fn what_is_told_of_the_end_is_not_told_again() {
        let found = read(&[
            r#"{"count":2,"device":"0:5","inode":7,"kind":"reads"}"#,
            r#"{"action":"file.read","alike":"object","class":"read","count":9,"kind":"repeated","last":4,"reason":"out-of-scope"}"#,
            r#"{"files":[{"path":"/a","state":"gone"}],"kind":"artifacts"}"#,
        ]);
        let key = ReadKey { inode: 7, device: 5, slot: 0 };
        assert!(found.told.has_reads(&key) && !found.told.has_reads(&ReadKey { inode: 8, ..key }));
        let key = RefusalKey { wanted: 1, ..RefusalKey::of_any_object(0, 1, 1) };
        let repeated =
            |key, last| Repeated::new(key, &Refusal { counted: 9, last, ..Refusal::default() }).unwrap();
        let any = RefusalKey::of_any_object(0, 1, 1);
        assert!(found.told.has_repeated(&repeated(&key, 4)));
        assert!(!found.told.has_repeated(&repeated(&key, 5)) && !found.told.has_repeated(&repeated(&any, 4)));
        let artifact =
            |path: &str| Artifact { hex: None, path: path.to_owned(), state: ArtifactState::Directory };
        assert!(found.told.has_artifact(&artifact("/a")) && !found.told.has_artifact(&artifact("/b")));
    }
}
