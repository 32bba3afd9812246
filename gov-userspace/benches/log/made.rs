//! Made-up sessions: the records of their kernel, and their logs as the daemon writes them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gov::delegation::{Request, Unverified};
use gov::journal::{Log, NewLog, origin};
use gov::key::Secret;
use gov::receipt::{
    Close, Count, Counters, Ending, EnforcementFacts, Fact, HostFacts, Receipt, SessionFacts, Start,
};
use gov::scope::Scope;
use gov_common::abi::{ABI_VERSION, State};
use gov_common::event::{Action, Header};
use gov_common::policy::NO_SCOPE;
use gov_common::verdict::Reason;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use zerocopy::IntoBytes;

/// Receipts that one checkpoint and one sync are for.
pub(crate) const BATCH: u64 = 4096;

/// What a build does: mostly reads of new directories and writes, some executions, a few refusals.
pub(crate) fn record(number: u64) -> Vec<u8> {
    let (action, path, extra): (Action, String, &[u8]) = match number % 10 {
        0..4 => (Action::Write, format!("/project/target/debug/deps/file-{number}.o"), b""),
        4..7 => (Action::Create, format!("/project/target/debug/build/crate-{number}/output"), b""),
        7 => (Action::Rename, format!("/project/src/.main.rs.{number}"), b"/project/src/main.rs"),
        8 => (Action::Executed, "/usr/bin/python3.11".to_owned(), b"python3\0-m\0compileall\0/project/src\0"),
        _ => (Action::Read, format!("/home/user/.ssh/id_{number}"), b""),
    };
    let refused = action == Action::Read;
    let process = 4242 + (number / 8 % 5000) as u32;
    let header = Header {
        abi: ABI_VERSION,
        length: (size_of::<Header>() + path.len() + extra.len()).try_into().unwrap(),
        session: 7,
        sequence: number,
        time_ns: 1_000_000_000 + number * 20_000,
        produced: 0,
        decider: 7,
        inode: 1_000_000 + number,
        start_ns: 900_000_000,
        pid: process,
        tid: process,
        parent: 4000,
        uid: 1000,
        gid: 1000,
        device: 8 << 20 | 1,
        action: action as u8,
        reason: if refused { Reason::OutOfScope as u8 } else { Reason::Granted as u8 },
        wanted: if refused { 1 } else { 2 },
        scope: if refused || action == Action::Executed { NO_SCOPE } else { 0 },
        object_len: path.len().try_into().unwrap(),
        extra_len: extra.len().try_into().unwrap(),
        comm: *b"cc1\0\0\0\0\0\0\0\0\0\0\0\0\0",
        ..Header::default()
    };
    [header.as_bytes(), path.as_bytes(), extra].concat()
}

/// The delegation's bytes, and its id.
fn delegation() -> (Vec<u8>, String) {
    let request = Request {
        scopes: vec![Scope::parse(b"file:write:/project").unwrap()],
        spend: "1usd".parse().unwrap(),
        lifetime: Duration::from_secs(7200),
        max_depth: 0,
        subject: None,
    };
    let bytes = gov::delegation::request(&request, &Secret::from_seed([9; 32]), Timestamp::now()).unwrap();
    let id = Unverified::parse(&bytes).unwrap().claims().id.clone();
    (bytes, id)
}

/// Writes the log of a session whose kernel recorded this.
pub(crate) fn write(dir: &Path, records: impl Iterator<Item = impl AsRef<[u8]>>, key: &Arc<Secret>) {
    let (delegation, delegation_id) = delegation();
    let session = dir.file_name().unwrap().to_str().unwrap().to_owned();
    let facts = SessionFacts {
        delegation_id,
        scopes: vec!["file:write:/project".to_owned()],
        session: session.clone(),
    };
    let origin = origin("bench", &session);
    let new = NewLog { origin, facts, delegation: &delegation, ancestors: &[], keys: "", group: None };
    let mut log = Log::create(dir, new, Arc::clone(key)).unwrap();
    log.append(Receipt::Fact(&Fact::Start(Box::new(start(key, &delegation))))).unwrap();
    let mut state = State { armed_ns: 1, ..State::default() };
    for record in records {
        let event = gov::event::parse(record.as_ref()).unwrap();
        state.sequence += 1;
        if event.action.is_decision() {
            let refused = event.reason != Reason::Granted;
            let counters = if refused { &mut state.refused } else { &mut state.granted };
            counters[event.action.kind() as usize] += 1;
        }
        let index = log.append(Receipt::Event(&event)).unwrap();
        if index % BATCH == BATCH - 1 {
            log.commit().unwrap();
        }
    }
    log.append(Receipt::Fact(&Fact::Close(Box::new(close(&state))))).unwrap();
    log.close().unwrap();
}

fn enforcement() -> EnforcementFacts {
    EnforcementFacts { attached: "0".to_owned(), hooks: vec![], missing: vec![], status: "full" }
}

fn start(key: &Secret, delegation: &[u8]) -> Start {
    let name = || "bench".to_owned();
    Start {
        boot_id: name(),
        command: vec![],
        delegation_sha256: hex::encode(Sha256::digest(delegation)),
        delegated_to: name(),
        enforcement: enforcement(),
        expires: "2100-01-01T00:00:00Z".to_owned(),
        gov: name(),
        host: HostFacts { kernel: name(), machine: name(), name: name() },
        key: key.public().to_string(),
        mode: "enforce",
        number: Count(7),
        on_full: "refuse",
        parent: None,
        policy: "00".repeat(32),
        reads: "count",
        scopes: vec!["file:write:/project".to_owned()],
        spend_limit: "0.00 USD".to_owned(),
        uid: 1000,
    }
}

fn close(state: &State) -> Close {
    Close {
        armed: state.armed_ns.to_string(),
        boot_id: "bench".to_owned(),
        counters: Counters::from(state),
        ending: Ending { reason: "exited".to_owned(), ..Ending::default() },
        enforcement: enforcement(),
        policy: "00".repeat(32),
    }
}
