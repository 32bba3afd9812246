//! A session's log as the daemon writes it, with every kind of receipt that an ordinary session has.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use gov::delegation::{self, Request, Unverified};
use gov::event::{Address, Event, Extra, Object, Task};
use gov::journal::{Log, NewLog, origin};
use gov::key::Secret;
use gov::receipt::{
    Artifact, ArtifactState, Artifacts, Change, Clock, Close, Count, Counters, Cut, Ending, EnforcementFacts,
    Fact, HookFacts, HostFacts, Interference, Loss, Others, Owner, PolicyChanged, Reads, Receipt, Recovered,
    Repeated, Resumed, SessionFacts, Start,
};
use gov::scope::Scope;
use gov_common::abi::{Kind, ReadKey, State};
use gov_common::event::Action;
use gov_common::limits::Budget;
use gov_common::repeated::{Refusal, RefusalKey};
use gov_common::rights::Rights;
use gov_common::verdict::Reason;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

/// A root delegation, and one that narrows it, as they came.
fn chain() -> &'static (Vec<String>, Vec<u8>) {
    static CHAIN: OnceLock<(Vec<String>, Vec<u8>)> = OnceLock::new();
    CHAIN.get_or_init(|| {
        let (principal, agent) = (Secret::from_seed([9; 32]), Secret::from_seed([10; 32]));
        let wide = Request {
            scopes: SCOPES.map(|scope| Scope::parse(scope.as_bytes()).unwrap()).to_vec(),
            spend: "150usd".parse().unwrap(),
            lifetime: Duration::from_secs(7200),
            max_depth: 1,
            subject: Some(agent.public()),
        };
        let root = delegation::request(&wide, &principal, Timestamp::now()).unwrap();
        let narrow = Request { lifetime: Duration::from_secs(3600), max_depth: 0, subject: None, ..wide };
        let mut body = delegation::body(&narrow, agent.public(), Timestamp::now()).unwrap();
        body["parent_delegation_id"] = Unverified::parse(&root).unwrap().claims().id.clone().into();
        (vec![String::from_utf8(root).unwrap()], delegation::sign(body, &agent).unwrap())
    })
}

/// The bytes of the delegation that the session runs on.
pub(crate) fn delegation() -> &'static [u8] {
    &chain().1
}

/// What that delegation narrows, as the log's folder has it.
pub(crate) fn ancestors() -> Vec<u8> {
    serde_json::to_vec(&chain().0).unwrap()
}

fn delegation_id() -> String {
    Unverified::parse(delegation()).unwrap().claims().id.clone()
}

const SCOPES: [&str; 7] = [
    "file:write:/project",
    "code:execute:/usr/bin/python3",
    "network:connect:192.0.2.1:443",
    "network:listen:127.0.0.1:8080",
    "capability:CAP_NET_RAW",
    "limit:execs:5",
    "limit:breaker:2:1m:5m",
];

/// A session that is being played, with the counts that the kernel would keep.
pub(crate) struct Session {
    pub(crate) log: Log,
    state: State,
}

pub(crate) fn key() -> Arc<Secret> {
    Arc::new(Secret::from_seed([7; 32]))
}

impl Session {
    /// Writes one in `dir` in which every kind of receipt stands.
    pub(crate) fn of_everything(dir: &Path) {
        let mut session = Self::start(dir);
        session.play();
        session.count_refusals(2);
        session.lose();
        session.count_reads(3);
        for fact in rare_facts() {
            session.fact(fact);
        }
        for event in every_event() {
            session.event(event);
        }
        session.close();
    }

    /// Starts one in `dir`.
    pub(crate) fn start(dir: &Path) -> Self {
        let new = NewLog {
            origin: origin("host", "s-1"),
            facts: SessionFacts {
                session: "s-1".to_owned(),
                delegation_id: delegation_id(),
                scopes: SCOPES.map(str::to_owned).to_vec(),
            },
            delegation: delegation(),
            ancestors: &chain().0,
            keys: "",
            group: None,
        };
        let mut session = Self { log: Log::create(dir, new, key()).unwrap(), state: State::default() };
        session.state.armed_ns = 1;
        session.fact(Fact::Start(Box::new(start())));
        session
    }

    pub(crate) fn fact(&mut self, fact: Fact) {
        self.log.append(Receipt::Fact(&fact)).unwrap();
    }

    /// One event, counted as the kernel counts it.
    pub(crate) fn event(&mut self, event: Event) {
        let event = Event { sequence: self.state.sequence, ..event };
        self.state.sequence += 1;
        if event.action.is_decision() {
            let refused = event.reason != Reason::Granted;
            let counters = if refused { &mut self.state.refused } else { &mut self.state.granted };
            counters[event.action.kind() as usize] += 1;
        }
        self.log.append(Receipt::Event(&event)).unwrap();
    }

    /// A refused decision that the ring had no room for.
    pub(crate) fn lose(&mut self) {
        let first = Count(self.state.sequence);
        self.state.sequence += 1;
        self.state.lost += 1;
        self.state.refused[Kind::Write as usize] += 1;
        self.fact(Fact::Loss(Loss { count: Count(1), first }));
    }

    /// A line that is almost as long as a line may be, and takes two bytes for each when it is quoted.
    pub(crate) fn log_long_line(&mut self) {
        let what = "\"".repeat(300_000);
        self.fact(Fact::Interference(Interference { enforced: None, since: "1".to_owned(), what }));
    }

    /// Reads that are only counted.
    pub(crate) fn count_reads(&mut self, count: u64) {
        self.state.counted_reads += count;
        self.state.granted[Kind::Read as usize] += count;
        let key = ReadKey { inode: 9, device: 8 << 20 | 1, slot: 0 };
        self.fact(Fact::Reads(Reads::new(&key, count)));
    }

    /// Refusals like the connection that [`Session::play`] ends with, and only counted.
    pub(crate) fn count_refusals(&mut self, count: u64) {
        self.count_refusals_and_tell(count, count);
    }

    /// The same, with a receipt that says another number.
    pub(crate) fn count_refusals_and_tell(&mut self, count: u64, told: u64) {
        self.state.counted_refusals += count;
        self.state.refused[Kind::Connect as usize] += count;
        let key = RefusalKey {
            wanted: Rights::NONE.bits(),
            ..RefusalKey::of_any_object(0, Action::Connect as u8, Reason::OutOfScope as u8)
        };
        let refusal = Refusal { recorded: 8, counted: told, last: self.state.sequence - 2 };
        self.fact(Fact::Repeated(Repeated::new(&key, &refusal).unwrap()));
    }

    /// The acts of an ordinary session.
    pub(crate) fn play(&mut self) {
        self.event(act(Action::Armed, Rights::NONE, "/usr/bin/python3"));
        self.event(Event { scope: Some(1), ..act(Action::Execute, Rights::EXECUTE, "/usr/bin/python3") });
        let argv = ["python3", "main.py"].map(|argument| argument.as_bytes().to_vec()).to_vec();
        self.event(Event {
            extra: Extra::Arguments(argv),
            ..act(Action::Executed, Rights::NONE, "/usr/bin/python3")
        });
        self.event(Event { object: at("/usr/lib"), ..act(Action::ReadDirectory, Rights::READ, "") });
        for name in ["a", "b"] {
            let path = format!("/project/{name}");
            self.event(Event { scope: Some(0), ..act(Action::Create, Rights::WRITE, &path) });
            self.event(Event { scope: Some(0), ..act(Action::Write, Rights::WRITE, &path) });
        }
        self.event(Event {
            scope: Some(0),
            extra: Extra::Path(b"/project/c".to_vec()),
            ..act(Action::Rename, Rights::WRITE, "/project/b")
        });
        self.event(connection("192.0.2.1", Reason::Granted, Some(2)));
        for action in [Action::Bind, Action::Listen] {
            let own = Address { family: 2, ip: Some("127.0.0.1".parse().unwrap()), port: 8080, protocol: 6 };
            self.event(Event { address: Some(own), scope: Some(3), ..bare(action) });
        }
        self.event(Event { detail: 13, ..bare(Action::Capability) });
        self.event(Event { detail: Budget::Execs as u32, target: 4, ..bare(Action::Budget) });
        self.state.used[Budget::Execs as usize] += 4;
        self.log.commit().unwrap();
        self.event(refused(Action::Create, Rights::WRITE, "/etc/cron.d/x"));
        self.event(refused(Action::Read, Rights::READ, "/root/.ssh/id_rsa\u{1b}[31m"));
        self.event(connection("203.0.113.9", Reason::OutOfScope, None));
        self.event(Event { target: 300, ..bare(Action::Break) });
        self.log.commit().unwrap();
    }

    /// The end of the session.
    pub(crate) fn close(self) {
        let owner = Owner { gid: 1000, mode: 0o644, uid: 1000 };
        let file = |path: &str, state| artifact(path, vec![Count(7)], state);
        let sha256 = hex::encode(Sha256::digest("content"));
        self.close_with(vec![
            file("/project/a", ArtifactState::File { owner, sha256: sha256.clone(), size: Count(7) }),
            file("/project/b", ArtifactState::Gone),
            file("/project/c", ArtifactState::File { owner, sha256, size: Count(1_234_567) }),
        ]);
    }

    /// The same, with what it left behind.
    pub(crate) fn close_with(mut self, files: Vec<Artifact>) {
        self.fact(Fact::Artifacts(Artifacts { files }));
        self.fact(Fact::Cut(Cut { reason: "expired", detail: "the delegation's time is over".to_owned() }));
        let counters = Counters::from(&self.state);
        self.fact(Fact::Close(Box::new(Close {
            armed: self.state.armed_ns.to_string(),
            boot_id: "b".to_owned(),
            counters,
            ending: Ending { reason: "exited".to_owned(), status: Some(0), signal: None },
            enforcement: enforcement(),
            policy: "00".repeat(32),
        })));
        self.log.close().unwrap();
    }
}

/// Writes a whole session's log.
pub(crate) fn write(dir: &Path) {
    let mut session = Session::start(dir);
    session.play();
    session.count_refusals(999);
    session.count_reads(40);
    session.close();
}

fn start() -> Start {
    Start {
        boot_id: "b".to_owned(),
        command: vec!["gpte".to_owned(), "/project".to_owned()],
        delegation_sha256: hex::encode(Sha256::digest(delegation())),
        delegated_to: "did:key:z6Mk".to_owned(),
        enforcement: enforcement(),
        expires: "2026-01-01T00:00:00Z".to_owned(),
        gov: "0.1.0".to_owned(),
        host: HostFacts { kernel: "6.12".to_owned(), machine: "x86_64".to_owned(), name: "host".to_owned() },
        key: key().public().to_string(),
        mode: "enforce",
        number: Count(7),
        on_full: "refuse",
        parent: None,
        policy: "00".repeat(32),
        reads: "count",
        scopes: SCOPES.map(str::to_owned).to_vec(),
        spend_limit: "150.00 USD".to_owned(),
        uid: 1000,
    }
}

fn enforcement() -> EnforcementFacts {
    EnforcementFacts {
        attached: "1".to_owned(),
        hooks: vec![HookFacts { name: "file_open".to_owned(), tag: "00ff".to_owned() }],
        missing: vec![],
        status: "full",
    }
}

pub(crate) fn act(action: Action, wanted: Rights, path: &str) -> Event {
    Event {
        session: 7,
        sequence: 0,
        time_ns: 1_000_000_000,
        produced: 0,
        decider: 7,
        task: Task { pid: 10, tid: 10, parent: 1, start_ns: 5, uid: 1000, gid: 1000, comm: b"sh".to_vec() },
        action,
        reason: Reason::Granted,
        wanted,
        object: at(path),
        address: None,
        detail: 0,
        target: 0,
        scope: None,
        extra: Extra::None,
        extra_cut: false,
        enforced: true,
    }
}

fn at(path: &str) -> Option<Object> {
    Some(Object {
        path: path.as_bytes().to_vec(),
        device: 8 << 20 | 1,
        inode: 9,
        cut: false,
        unlinked: false,
    })
}

/// Without an object.
fn bare(action: Action) -> Event {
    Event { object: None, ..act(action, Rights::NONE, "") }
}

fn refused(action: Action, wanted: Rights, path: &str) -> Event {
    Event { reason: Reason::OutOfScope, ..act(action, wanted, path) }
}

fn connection(ip: &str, reason: Reason, scope: Option<u16>) -> Event {
    let address = Address { family: 2, ip: Some(ip.parse().unwrap()), port: 443, protocol: 6 };
    let event = act(Action::Connect, Rights::NONE, "");
    Event { object: None, address: Some(address), reason, scope, ..event }
}

/// A path at the session's end.
fn artifact(path: &str, receipts: Vec<Count>, state: ArtifactState) -> Artifact {
    let touched = Count(receipts.len() as u64);
    Artifact {
        change: Some(Change::Changed),
        changed_by_others: Vec::new(),
        hex: None,
        path: path.to_owned(),
        receipts,
        state,
        touched,
    }
}

/// Facts that an ordinary session does not have.
pub(crate) fn rare_facts() -> Vec<Fact> {
    let count = Count(u64::MAX);
    let owner = Owner { gid: 0, mode: 0o7777, uid: u32::MAX };
    let link = ArtifactState::Symlink { sha256: "00".repeat(32) };
    let unhashed = |owner, size| ArtifactState::Unhashed { owner, size, why: "too large".to_owned() };
    vec![
        Fact::Interference(Interference {
            enforced: Some(false),
            since: "1000000000".to_owned(),
            what: "the pin of the hook file_open was removed, and put back".to_owned(),
        }),
        Fact::Clock(Clock {
            from: "2024-11-14T22:13:20.000000001Z".to_owned(),
            to: "2023-11-14T22:13:20.000000001Z".to_owned(),
        }),
        Fact::Resumed(Resumed { since: "1000000000".to_owned() }),
        Fact::Recovered(Recovered { covered: Count(1), found: Count(2), torn: count }),
        Fact::PolicyChanged(PolicyChanged {
            policy: "00".repeat(32),
            scopes: SCOPES.map(str::to_owned).to_vec(),
        }),
        Fact::Artifacts(Artifacts {
            files: vec![
                Artifact {
                    changed_by_others: vec![
                        Others::AfterEnd,
                        Others::WhileHashed,
                        Others::AnotherFile,
                        Others::AnotherFileSystem,
                    ],
                    hex: Some("ff".to_owned()),
                    ..artifact("\u{fffd}", vec![count; 32], link)
                },
                artifact("/d", vec![Count(7)], ArtifactState::Directory { owner }),
                artifact("/p", vec![Count(7)], unhashed(Some(owner), None)),
                artifact("/f", vec![Count(7)], unhashed(Some(owner), Some(count))),
                Artifact { change: None, ..artifact("...", vec![], unhashed(None, None)) },
            ],
        }),
    ]
}

/// Each action with each reason, and what may come with them.
pub(crate) fn every_event() -> Vec<Event> {
    let mut events = Vec::new();
    for action in Action::ALL {
        for reason in Reason::ALL {
            let mut event =
                Event { reason, ..act(action, Rights::WRITE.closure().with(Rights::CONNECT), "/a") };
            event.enforced = (reason as u8).is_multiple_of(2);
            event.extra_cut = (action as u8).is_multiple_of(2);
            event.decider = 7 + u64::from(reason as u8 % 3);
            event.task.comm = b"\xff".to_vec();
            (event.detail, event.target) = (u32::from(reason as u8 % 5), u32::from(reason as u8));
            event.extra = match reason as u8 % 3 {
                0 => Extra::Path(b"/to\xff".to_vec()),
                1 => Extra::Arguments(vec![b"a".to_vec(), b"\xff".to_vec()]),
                _ => Extra::None,
            };
            if (reason as u8).is_multiple_of(2) {
                event.address = Some(Address { family: 1, ip: None, port: 0, protocol: 0 });
            } else if let Some(object) = &mut event.object {
                (object.cut, object.unlinked, object.path) = (true, true, b"\xff".to_vec());
                object.inode = u64::MAX;
            }
            events.push(event);
        }
    }
    events
}
