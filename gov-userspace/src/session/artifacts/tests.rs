use super::{Artifact, Count, Found, Progress, Reader, choose, look};
use crate::host::standing::{Facts, Habit, Mounts};
use crate::receipt::{ArtifactState, Change, Others};
use crate::session::made;
use crate::session::touched::Touched;
use gov_common::event::Action;
use rustix::fs::{CWD, FileType, Mode};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A folder, and what a session did in it.
struct Ground {
    _folder: tempfile::TempDir,
    path: PathBuf,
    touched: Touched,
    next: u64,
}

impl Ground {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap();
        Self { _folder: folder, path, touched: Touched::default(), next: 1 }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// What the session did, as the kernel would tell it: with the number of what stands there now.
    fn act(&mut self, action: Action, path: &Path) {
        let found = Mounts::now().unwrap().look(path).ok().flatten().map(|standing| standing.facts.node);
        let mut event = made::act(action, path.as_os_str().as_bytes(), found);
        event.time_ns = crate::clock::boot_ns();
        event.task.uid = NOBODY;
        self.touched.note(&event, self.next);
        self.next = self.next.saturating_add(1);
    }

    fn wrote(&mut self, name: &str, content: &str) {
        let path = self.at(name);
        fs::write(&path, content).unwrap();
        self.act(Action::Write, &path);
    }

    fn look(&self, reader: Reader) -> Vec<Artifact> {
        look(&self.touched, reader, &Progress::default(), &mut || ())
    }

    fn one(&self, reader: Reader, name: &str) -> Artifact {
        let path = self.at(name).to_string_lossy().into_owned();
        self.look(reader).into_iter().find(|artifact| artifact.path == path).unwrap()
    }
}

/// Somebody who owns nothing here.
const NOBODY: u32 = 65_533;
const STRANGER: Reader = Reader::Session { uid: NOBODY, gone_ns: i64::MAX };

/// Longer than the ticks of the clock that files are dated by.
const TICKS: Duration = Duration::from_millis(50);

const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn sha256(artifact: &Artifact) -> Option<&str> {
    match &artifact.state {
        ArtifactState::File { sha256, .. } => Some(sha256),
        _other => None,
    }
}

fn why(artifact: &Artifact) -> &str {
    match &artifact.state {
        ArtifactState::Unhashed { why, .. } => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_path_is_listed_with_what_stands_there() {
    let mut ground = Ground::new();
    ground.wrote("file", "abc");
    fs::set_permissions(ground.at("file"), fs::Permissions::from_mode(0o4640)).unwrap();
    fs::create_dir(ground.at("folder")).unwrap();
    std::os::unix::fs::symlink("/etc", ground.at("link")).unwrap();
    for (action, name) in
        [(Action::CreateDirectory, "folder"), (Action::CreateSymlink, "link"), (Action::Create, "gone")]
    {
        let path = ground.at(name);
        ground.act(action, &path);
    }
    let odd = ground.path.join(std::ffi::OsString::from_vec(b"\xff".to_vec()));
    ground.act(Action::Unlink, &odd);
    let file = ground.one(Reader::Caller, "file");
    let ArtifactState::File { owner, sha256, size } = file.state else { panic!("{file:?}") };
    assert_eq!((owner.mode, sha256.as_str(), size), (0o4640, ABC, Count(3)));
    assert_eq!(owner.uid, rustix::process::geteuid().as_raw());
    assert_eq!((file.change, file.touched, file.receipts), (Some(Change::Changed), Count(1), vec![Count(1)]));
    assert!(matches!(ground.one(Reader::Caller, "folder").state, ArtifactState::Directory { .. }));
    assert!(matches!(ground.one(Reader::Caller, "link").state, ArtifactState::Symlink { .. }));
    let gone = ground.one(Reader::Caller, "gone");
    assert_eq!((gone.state, gone.change), (ArtifactState::Gone, Some(Change::Created)));
    let all = ground.look(Reader::Caller);
    assert_eq!(all.len(), 5);
    let hex = hex::encode(odd.as_os_str().as_bytes());
    assert!(all.iter().any(|artifact| artifact.hex.as_deref() == Some(hex.as_str())));
}

#[test]
fn nothing_that_would_wait_or_lead_elsewhere_is_opened() {
    let mut ground = Ground::new();
    rustix::fs::mknodat(CWD, ground.at("pipe"), FileType::Fifo, Mode::RWXU, 0).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(ground.at("socket")).unwrap();
    ground.wrote("secret", "abc");
    fs::create_dir(ground.at("folder")).unwrap();
    for name in ["pipe", "socket", "folder/secret"] {
        let path = ground.at(name);
        ground.act(Action::Write, &path);
    }
    // The folder that the session wrote to is exchanged for a link to another one.
    fs::remove_dir(ground.at("folder")).unwrap();
    std::os::unix::fs::symlink(&ground.path, ground.at("folder")).unwrap();
    assert!(why(&ground.one(Reader::Caller, "pipe")).contains("pipe"));
    assert!(why(&ground.one(Reader::Caller, "socket")).contains("socket"));
    assert!(why(&ground.one(Reader::Caller, "folder/secret")).contains("symbolic link"));
    for path in ["/proc/version", "/dev/null", "/proc/self/fd/0", "/sys/kernel/profiling"] {
        ground.act(Action::Write, Path::new(path));
    }
    for artifact in ground.look(Reader::Caller) {
        assert!(!artifact.path.starts_with("/proc") || sha256(&artifact).is_none(), "{artifact:?}");
        assert!(!artifact.path.starts_with("/dev") || sha256(&artifact).is_none(), "{artifact:?}");
    }
}

#[test]
fn the_log_tells_nothing_of_a_file_that_somebody_else_has_there() {
    let mut ground = Ground::new();
    fs::create_dir(ground.at("folder")).unwrap();
    fs::write(ground.at("folder/a"), "abc").unwrap();
    // A file's clock is coarse.
    std::thread::sleep(TICKS);
    ground.wrote("folder/a", "abc");
    assert_eq!(
        sha256(&ground.one(STRANGER, "folder/a")),
        Some(ABC),
        "it was granted to the session to change"
    );
    // The name is given to another file: by a rename, as a hard link, by a rename of the folder; and the file is one
    // that everybody may read.
    fs::create_dir(ground.at("private")).unwrap();
    for how in ["rename", "link", "folder", "link"] {
        fs::write(ground.at("private/a"), "secret").unwrap();
        fs::remove_file(ground.at("folder/a")).unwrap();
        match how {
            "rename" => fs::rename(ground.at("private/a"), ground.at("folder/a")).unwrap(),
            "link" => fs::hard_link(ground.at("private/a"), ground.at("folder/a")).unwrap(),
            _folder => {
                fs::rename(ground.at("folder"), ground.at("aside")).unwrap();
                fs::rename(ground.at("private"), ground.at("folder")).unwrap();
                fs::rename(ground.at("aside"), ground.at("private")).unwrap();
            }
        }
        let artifact = ground.one(STRANGER, "folder/a");
        assert!(why(&artifact).contains("receipts"), "{how}: {artifact:?}");
        let told = serde_json::to_value(&artifact).unwrap();
        let silent = ["size", "mode", "uid", "gid", "sha256"].iter().all(|name| told.get(name).is_none());
        assert!(silent, "{how}: {told}");
    }
    let owner = Reader::Session { uid: rustix::process::geteuid().as_raw(), gone_ns: i64::MAX };
    assert!(sha256(&ground.one(owner, "folder/a")).is_some(), "it is its owner's");
    assert!(sha256(&ground.one(Reader::Caller, "folder/a")).is_some(), "who looks for himself may read it");
}

#[test]
fn a_number_that_a_newer_file_has_again_is_not_the_file_that_was_granted() {
    let mut ground = Ground::new();
    ground.wrote("a", "abc");
    let facts = Mounts::now().unwrap().look(&ground.at("a")).unwrap().unwrap().facts;
    let Some(born_ns) = facts.born_ns else { return eprintln!("not run: no time of birth here") };
    let mut touched = Touched::default();
    let path = ground.at("a");
    let event = |time_ns| {
        let mut event = made::act(Action::Write, path.as_os_str().as_bytes(), Some(facts.node));
        (event.time_ns, event.task.uid) = (time_ns, NOBODY);
        event
    };
    let wall = jiff::Timestamp::from_nanosecond(i128::from(born_ns)).unwrap();
    let born = crate::clock::Offset::sample().boot_ns(wall);
    touched.note(&event(born.saturating_sub(1_000_000_000)), 1);
    assert!(why(&look(&touched, STRANGER, &Progress::default(), &mut || ())[0]).contains("receipts"));
    touched.note(&event(born.saturating_add(1_000_000_000)), 2);
    assert!(sha256(&look(&touched, STRANGER, &Progress::default(), &mut || ())[0]).is_some());
}

#[test]
fn what_others_changed_after_the_end_or_put_there_is_flagged() {
    let mut ground = Ground::new();
    ground.wrote("kept", "abc");
    ground.wrote("changed", "abc");
    ground.wrote("replaced", "abc");
    let facts = Mounts::now().unwrap().look(&ground.path).unwrap().unwrap().facts;
    if facts.habit != Habit::Local {
        return eprintln!("not run: the temporary folder is on no local file system");
    }
    std::thread::sleep(TICKS);
    let now = crate::clock::Offset::sample().wall_ns(crate::clock::boot_ns());
    std::thread::sleep(TICKS);
    let reader = Reader::Session { uid: rustix::process::geteuid().as_raw(), gone_ns: now };
    fs::set_permissions(ground.at("changed"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(ground.at("new"), "abc").unwrap();
    fs::rename(ground.at("new"), ground.at("replaced")).unwrap();
    let others = |name: &str| ground.one(reader, name).changed_by_others;
    assert_eq!(others("kept"), []);
    assert_eq!(others("changed"), [Others::AfterEnd]);
    assert_eq!(others("replaced"), [Others::AfterEnd, Others::AnotherFile]);
}

#[test]
fn which_files_are_hashed_depends_on_their_order_and_size_alone() {
    let ground = Ground::new();
    let mut all = Vec::new();
    for size in [400, 700, 600, 1, 0] {
        fs::write(ground.at("a"), vec![0; size]).unwrap();
        let facts: Facts = Mounts::now().unwrap().look(&ground.at("a")).unwrap().unwrap().facts;
        all.push(Found { facts: Some(facts), ..Found::of(ArtifactState::Gone) });
    }
    let places: Vec<usize> = choose(&mut all, 1_000).iter().map(|(place, _facts)| *place).collect();
    assert_eq!(places, [0, 2, 4]);
    for place in [1, 3] {
        let ArtifactState::Unhashed { size, why, owner } = &all[place].state else { panic!() };
        assert!(why.contains("1000 bytes") && size.is_some() && owner.is_some(), "{why}");
    }
}

#[test]
fn many_files_are_hashed_each_with_its_own_digest() {
    let mut ground = Ground::new();
    for number in 0..300 {
        ground.wrote(&format!("{number:03}"), &number.to_string());
    }
    let progress = Progress::default();
    let all = look(&ground.touched, Reader::Caller, &progress, &mut || ());
    for (number, artifact) in all.iter().enumerate() {
        use sha2::Digest;
        let expected = hex::encode(sha2::Sha256::digest(number.to_string()));
        assert_eq!(sha256(artifact), Some(expected.as_str()), "{}", artifact.path);
    }
    let view = progress.view();
    assert_eq!((view.files, view.of_files), (300, 300));
    assert_eq!((view.bytes, view.of_bytes), (10 + 90 * 2 + 200 * 3, 10 + 90 * 2 + 200 * 3));
}

#[test]
fn a_file_that_is_written_all_the_while_is_not_given_a_digest_of_both() {
    let mut ground = Ground::new();
    ground.wrote("a", "");
    let file = fs::File::options().write(true).open(ground.at("a")).unwrap();
    file.set_len(64 << 20).unwrap();
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            use std::os::unix::fs::FileExt;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                file.write_all_at(b"x", 7).unwrap();
            }
        });
        let artifact = ground.one(Reader::Caller, "a");
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(artifact.changed_by_others, [Others::WhileHashed]);
        assert!(why(&artifact).contains("changed"));
    });
}
