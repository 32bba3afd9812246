//! The daemon without a kernel: a test double enforces nothing, counts what it is told, and lends its cgroups.

mod authority;
mod cutoff;
mod faults;
mod keys;
mod leftovers;
mod life;
mod nesting;
mod refusals;

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, Instant};

use gov_common::abi::{ABI_VERSION, ReadKey, State};
use gov_common::event::{Action, Header};
use gov_common::repeated::{Refusal, RefusalKey};
use gov_common::verdict::Reason;
use tempfile::TempDir;
use tokio::sync::{mpsc, oneshot};
use zerocopy::IntoBytes;

use super::authority::Authority;
use super::core::{Core, Notices};
use super::engine::{Command, Inbox, Peer, Question, channel};
use super::ground::Ground;
use super::{records, temporary};
use crate::control::message::{Reply, Start};
use crate::delegation::{Request, Unverified, request};
use crate::kernel::{BindSpec, Interference, Standing};
use crate::key::Secret;
use crate::money::Money;
use crate::policy::compile;
use crate::receipt::Artifact;
use crate::session::enforcer::Enforcer;
use crate::session::recorder::{Recorder, Rhythm};
use crate::session::{Life, Session};
use crate::trust::Enrolment;

/// The number of the session that the tests play.
const NUMBER: u64 = 77;

/// The files of a cgroup that the daemon writes into.
const CGROUP_FILES: [&str; 3] = ["cgroup.procs", "cgroup.freeze", "cgroup.kill"];

/// An enforcer that only keeps accounts.
#[derive(Debug, Default)]
struct Double {
    states: BTreeMap<u32, State>,
    /// How sessions stand that do not simply stand.
    standings: BTreeMap<u32, Standing>,
    /// What is found to be changed the next time.
    interferences: Vec<Interference<u32>>,
    cut: Vec<(u32, Reason)>,
    unbound: Vec<u32>,
    refusals: Vec<(RefusalKey, Refusal)>,
    /// Bytes of the ring that are acknowledged.
    taken: BTreeMap<u32, u64>,
}

#[derive(Debug, thiserror::Error)]
#[error("there is no such slot")]
struct NoSlot;

impl Enforcer for Double {
    type Slot = u32;
    type Error = NoSlot;

    fn bind(&mut self, _spec: &BindSpec<'_>) -> Result<u32, NoSlot> {
        let slot = self.states.len() as u32;
        self.states.insert(slot, State::default());
        Ok(slot)
    }

    fn cut(&mut self, slot: u32, reason: Reason) -> Result<(), NoSlot> {
        self.cut.push((slot, reason));
        Ok(())
    }

    fn standing(&self, slot: u32) -> Result<Standing, NoSlot> {
        let stands = Standing { reason: Reason::Granted, open_until_ns: 0 };
        Ok(self.standings.get(&slot).copied().unwrap_or(stands))
    }

    fn mend(&mut self) -> Vec<Interference<u32>> {
        std::mem::take(&mut self.interferences)
    }

    fn counters(&self, slot: u32) -> Result<State, NoSlot> {
        self.states.get(&slot).copied().ok_or(NoSlot)
    }

    fn read_counts(&self, slot: u32) -> Result<Vec<(ReadKey, u64)>, NoSlot> {
        Ok(vec![(ReadKey { inode: 5, device: 1, slot }, 3)])
    }

    fn refusals(&self, slot: u32) -> Result<Vec<(RefusalKey, Refusal)>, NoSlot> {
        Ok(self.refusals.iter().filter(|(key, _)| key.slot == slot).copied().collect())
    }

    fn note_taken(&mut self, slot: u32, bytes: u64) -> Result<(), NoSlot> {
        self.taken.insert(slot, bytes);
        Ok(())
    }

    fn unbind(&mut self, slot: u32) -> Result<State, NoSlot> {
        self.unbound.push(slot);
        self.states.remove(&slot).ok_or(NoSlot)
    }
}

/// A daemon's core in a folder of its own.
struct House {
    folder: TempDir,
    core: Core<Double>,
    _inbox: mpsc::Receiver<Command>,
    _emptied: mpsc::Receiver<String>,
    looked: mpsc::Receiver<(String, Vec<Artifact>)>,
}

impl House {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ground = Ground::in_folder(folder.path());
        let (_engine, Inbox { commands, closed }) = channel();
        let (emptied, _emptied) = mpsc::channel(16);
        let (looked_sender, looked) = mpsc::channel(16);
        let notices = Notices { emptied, looked: looked_sender };
        let core = Core::new(Double::default(), ground, closed, notices);
        Self { folder, core, _inbox: commands, _emptied, looked }
    }

    /// Pins the tests' user key for the user who runs them.
    fn trust(&self) {
        let accounts = crate::accounts::Accounts::read().unwrap();
        let enrolment = Enrolment {
            key: user_key().public(),
            users: vec!["*".to_owned()],
            scopes: Vec::new(),
            max_spend: None,
        };
        enrolment.write(&self.core.ground.config.trust, me().uid, &accounts).unwrap();
    }

    /// A session in a cgroup of plain files, with one process that is not there.
    fn session(&mut self, name: &str) {
        self.session_in(name, None);
    }

    /// The same, in the session that is named.
    fn session_in(&mut self, name: &str, outer: Option<&str>) {
        let ground = &self.core.ground;
        let text = delegation(&["file:write:/project"], 3_600);
        let verified = Unverified::parse(text.as_bytes()).unwrap().verify(jiff::Timestamp::now()).unwrap();
        let delegation = verified.delegation().clone();
        let policy = compile(&delegation.scopes, &crate::host::paths::ThisHost::read().unwrap()).unwrap();
        let policy_digest = policy.digest;
        let authority = Authority { delegation, bytes: text.clone().into_bytes(), policy };
        let request = start(vec![text]);
        let slot = self.core.enforcer.states.len() as u32;
        let number = NUMBER + u64::from(slot);
        let begun = records::begin(ground, &me(), name, number, &request, &authority, outer);
        let (log, _folder, fact) = begun.unwrap();
        let rhythm = Rhythm { interval: Duration::from_millis(250), receipts: 2_000 };
        let recorder = Recorder::begin(log, fact, rhythm, Instant::now()).unwrap();
        let outer = outer.map(|outer| &self.core.sessions[outer]);
        let cgroup = match outer {
            Some(outer) => outer.cgroup.create(name),
            None => ground.hierarchy.create(name),
        };
        let cgroup = cgroup.unwrap();
        for file in CGROUP_FILES {
            std::fs::write(cgroup.folder().join(file), "").unwrap();
        }
        std::fs::write(cgroup.events_file(), "populated 1\nfrozen 0\n").unwrap();
        let base = &ground.folders.temporary;
        let temporary = outer.map_or(base, |outer| &outer.temporary).join(name);
        let parent = outer.map(|outer| outer.name.clone());
        temporary::create(base, &temporary, me().uid, me().gid).unwrap();
        self.core.enforcer.states.insert(slot, State::default());
        self.core.adopt(Session {
            name: name.to_owned(),
            number,
            uid: me().uid,
            parent,
            command: request.command,
            delegation_id: authority.delegation.id,
            started_ns: 0,
            expires_ns: 0,
            expires_boot_ns: u64::MAX,
            policy_digest,
            slot,
            cgroup,
            temporary,
            recorder,
            life: Life::Running,
            empty_since: None,
        });
    }

    /// An event of the kernel: numbered, counted, and handed over.
    fn event(&mut self, sequence: u64, reason: Reason) {
        let state = self.core.enforcer.states.get_mut(&0).unwrap();
        state.sequence = state.sequence.max(sequence.saturating_add(1));
        let counters = if reason == Reason::Granted { &mut state.granted } else { &mut state.refused };
        counters[1] = counters[1].saturating_add(1);
        self.core.record(&record(sequence, reason), sequence, Instant::now());
    }

    /// The last process leaves: its cgroup is empty, and with the cgroup its files go.
    async fn empty(&mut self, name: &str) {
        let events = self.core.sessions[name].cgroup.events_file();
        std::fs::write(&events, "populated 0\nfrozen 0\n").unwrap();
        assert!(self.core.is_empty(name));
        assert!(self.core.is_complete(name, Instant::now()));
        for file in CGROUP_FILES {
            std::fs::remove_file(events.with_file_name(file)).unwrap();
        }
        std::fs::remove_file(events).unwrap();
        self.core.close(name);
        if self.core.released.contains_key(name) {
            let (name, artifacts) = self.looked.recv().await.unwrap();
            self.core.complete(&name, artifacts);
        }
    }

    /// What was written last into a file of a session's cgroup.
    fn written(&self, name: &str, file: &str) -> String {
        std::fs::read_to_string(self.core.sessions[name].cgroup.folder().join(file)).unwrap()
    }

    /// The kernel says from now on how the session stands.
    fn stands(&mut self, reason: Reason, open_until_ns: u64) {
        self.core.enforcer.standings.insert(0, Standing { reason, open_until_ns });
    }

    fn ask(&mut self, question: Question) -> Reply {
        let (reply, mut answer) = oneshot::channel();
        self.core.answer(Command { question, reply }, Instant::now());
        answer.try_recv().unwrap()
    }

    /// A log's lines.
    fn lines(&self, session: &str) -> Vec<serde_json::Value> {
        let log = self.core.ground.folders.logs.join(session).join(crate::journal::LOG);
        let text = std::fs::read_to_string(log).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Their kinds.
    fn kinds(&self, session: &str) -> Vec<String> {
        self.lines(session).iter().map(|receipt| receipt["kind"].as_str().unwrap().to_owned()).collect()
    }

    /// Everything below the folders in which sessions leave something.
    fn left_over(&self) -> Vec<std::path::PathBuf> {
        let ground = &self.core.ground;
        [ground.folders.logs.clone(), ground.folders.temporary.clone(), self.folder.path().join("cgroup")]
            .iter()
            .flat_map(|folder| std::fs::read_dir(folder).unwrap())
            .map(|entry| entry.unwrap().path())
            .collect()
    }
}

fn me() -> Peer {
    let (uid, gid) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
    Peer { uid, gid, cgroup: "/".into() }
}

fn user_key() -> Secret {
    Secret::from_seed([1; 32])
}

fn delegation(scopes: &[&str], seconds: u64) -> String {
    signed(scopes, seconds, &user_key(), jiff::Timestamp::now())
}

fn signed(scopes: &[&str], seconds: u64, key: &Secret, now: jiff::Timestamp) -> String {
    let asked = Request {
        scopes: scopes.iter().map(|scope| scope.parse().unwrap()).collect(),
        spend: "0usd".parse::<Money>().unwrap(),
        lifetime: Duration::from_secs(seconds),
        max_depth: 0,
        subject: None,
    };
    String::from_utf8(request(&asked, key, now).unwrap()).unwrap()
}

fn start(delegations: Vec<String>) -> Start {
    Start {
        delegations,
        command: vec!["sleep".to_owned(), "1".to_owned()],
        folder: "/".to_owned(),
        name: "demo".to_owned(),
        record_reads: false,
        end_with_connection: false,
    }
}

/// A pidfd of the tests' own process.
fn pidfd() -> OwnedFd {
    crate::host::process::Process::open(std::process::id()).unwrap().pidfd().try_clone_to_owned().unwrap()
}

/// A ring record: a file created, or not.
fn record(sequence: u64, reason: Reason) -> Vec<u8> {
    let path = Path::new("/project/file");
    let object = path.to_str().unwrap().as_bytes();
    let header = Header {
        abi: ABI_VERSION,
        length: (size_of::<Header>() as u32).saturating_add(object.len() as u32),
        session: NUMBER,
        sequence,
        produced: 0,
        decider: NUMBER,
        pid: 1,
        tid: 1,
        action: Action::Create as u8,
        reason: reason as u8,
        wanted: gov_common::rights::Rights::WRITE.bits(),
        scope: if reason == Reason::Granted { 0 } else { gov_common::policy::NO_SCOPE },
        object_len: object.len() as u16,
        ..Header::default()
    };
    [header.as_bytes(), object].concat()
}
