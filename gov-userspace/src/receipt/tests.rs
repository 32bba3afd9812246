//! Receipts are canonical, say what the event says, and name the scope that would have allowed a refusal.

use gov_common::abi::State;
use gov_common::doors::Door;
use gov_common::event::Action;
use gov_common::limits::Budget;
use gov_common::rights::Rights;
use gov_common::verdict::Reason;
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::{Counters, Encoder, Receipt, SessionFacts, remedy};
use crate::event::{Address, Event, Extra, Object, Task};
use crate::scope::Scope;

fn encoder() -> Encoder {
    Encoder::new(SessionFacts {
        session: "s-1".to_owned(),
        delegation_id: "sha256:00".to_owned(),
        scopes: [
            "file:write:/project",
            "file:read:/usr",
            "kernel:bpf",
            "capability:CAP_NET_RAW",
            "limit:execs:500",
            "limit:execs:700",
        ]
        .map(str::to_owned)
        .to_vec(),
    })
}

fn line(encoder: &mut Encoder, receipt: Receipt<'_>, index: u64) -> Vec<u8> {
    let mut out = Vec::new();
    encoder.write(receipt, index, &mut out).unwrap();
    out
}

fn event(action: Action, reason: Reason, wanted: Rights, path: &[u8]) -> Event {
    Event {
        session: 7,
        sequence: 3,
        time_ns: 1_000_000_001,
        produced: 0,
        decider: 7,
        task: Task { pid: 10, tid: 11, parent: 1, start_ns: 5, uid: 1000, gid: 1000, comm: b"sh".to_vec() },
        action,
        reason,
        wanted,
        object: Some(Object {
            path: path.to_vec(),
            device: 8 << 20 | 1,
            inode: 42,
            cut: false,
            unlinked: false,
        }),
        address: None,
        detail: 0,
        target: 0,
        scope: None,
        extra: Extra::None,
        extra_cut: false,
        enforced: true,
    }
}

#[test]
fn a_refusal_reads_as_the_documentation_shows_it() {
    let mut encoder = encoder();
    encoder.set_offset(crate::clock::Offset::from_nanoseconds(1_700_000_000_000_000_000));
    let event = event(Action::Create, Reason::OutOfScope, Rights::WRITE, b"/etc/cron.d/x");
    let expected = concat!(
        r#"{"action":"file.create","boot":"1000000001","class":"write","delegation":"sha256:00","#,
        r#""errno":"EACCES","grant":"file:write:/etc/cron.d/x","index":12,"kind":"decision","#,
        r#""object":{"device":"8:1","inode":42,"path":"/etc/cron.d/x"},"reason":"out-of-scope","#,
        r#""sequence":3,"session":"s-1","#,
        r#""task":{"comm":"sh","gid":1000,"parent":1,"pid":10,"start":"5","tid":11,"uid":1000},"#,
        r#""v":3,"verdict":"deny","wall":"2023-11-14T22:13:21.000000001Z","wanted":["write"]}"#,
    );
    assert_eq!(String::from_utf8(line(&mut encoder, Receipt::Event(&event), 12)).unwrap(), expected);
}

#[test]
fn a_path_that_is_not_text_is_shown_and_kept_in_hexadecimal() {
    let event = event(Action::Write, Reason::Granted, Rights::WRITE, b"/project/\xff\n");
    let line = line(&mut encoder(), Receipt::Event(&event), 0);
    let value: serde_json::Value = serde_json::from_slice(&line).unwrap();
    assert_eq!(value["object"]["path"], "/project/\u{fffd}\n");
    assert_eq!(value["object"]["hex"], hex::encode(b"/project/\xff\n"));
}

#[test]
fn a_scope_that_the_policy_does_not_have_is_shown_as_its_number() {
    let mut event = event(Action::Write, Reason::Granted, Rights::WRITE, b"/project/a");
    let mut shown = |scope| {
        event.scope = scope;
        let line = line(&mut encoder(), Receipt::Event(&event), 0);
        serde_json::from_slice::<serde_json::Value>(&line).unwrap()["scope"].clone()
    };
    assert_eq!(shown(Some(0)), "file:write:/project");
    assert_eq!(shown(Some(9)), "#9");
    assert_eq!(shown(None), serde_json::Value::Null);
}

#[test]
fn the_remedy_is_the_smallest_scope_that_would_have_allowed_it() {
    let refused = |action, reason, wanted, path: &[u8]| remedy(&event(action, reason, wanted, path), &[]);
    let file = |action, wanted, path: &[u8]| refused(action, Reason::OutOfScope, wanted, path);
    assert_eq!(file(Action::Read, Rights::READ, b"/root/x").unwrap(), "file:read:/root/x");
    assert_eq!(file(Action::Create, Rights::WRITE, b"/etc/cron.d/x").unwrap(), "file:write:/etc/cron.d/x");
    assert_eq!(file(Action::Write, Rights::WRITE.closure(), b"/e").unwrap(), "file:write:/e");
    assert_eq!(
        refused(Action::Execute, Reason::ShellNotGranted, Rights::EXECUTE, b"/usr/bin/dash").unwrap(),
        "code:execute:/usr/bin/dash"
    );
    for reason in [Reason::Granted, Reason::Expired, Reason::TooDeep, Reason::CgroupEscape] {
        assert_eq!(refused(Action::Create, reason, Rights::WRITE, b"/x"), None, "{reason:?}");
    }
    for path in [&b"/a\nb"[..], b"relative", b"/memfd:x (deleted)\0"] {
        assert_eq!(file(Action::Read, Rights::READ, path), None);
    }
    let mut cut = event(Action::Read, Reason::OutOfScope, Rights::READ, b"/long");
    cut.object.as_mut().unwrap().cut = true;
    assert_eq!(remedy(&cut, &[]), None);
}

#[test]
fn the_remedy_of_a_connection_names_address_and_port() {
    let mut event = event(Action::Connect, Reason::OutOfScope, Rights::NONE, b"");
    event.object = None;
    for (ip, scope) in
        [("1.2.3.4", "network:connect:1.2.3.4:443"), ("2001:db8::1", "network:connect:[2001:db8::1]:443")]
    {
        event.address = Some(Address { family: 2, ip: Some(ip.parse().unwrap()), port: 443, protocol: 6 });
        assert_eq!(remedy(&event, &[]).unwrap(), scope);
        assert!(Scope::parse(scope.as_bytes()).is_ok());
    }
}

#[test]
fn the_remedy_of_a_socket_s_own_address_is_to_listen_there() {
    let mut event = event(Action::Bind, Reason::OutOfScope, Rights::NONE, b"");
    event.object = None;
    for (ip, port, scope) in [
        ("127.0.0.1", 80, "network:listen:127.0.0.1:80"),
        ("::1", 80, "network:listen:[::1]:80"),
        ("127.0.0.1", 0, "network:listen:127.0.0.1"),
        ("0.0.0.0", 80, "network:listen:80"),
        ("::", 0, "network:listen"),
    ] {
        event.address = Some(Address { family: 2, ip: Some(ip.parse().unwrap()), port, protocol: 6 });
        assert_eq!(remedy(&event, &[]).unwrap(), scope);
        assert!(Scope::parse(scope.as_bytes()).is_ok());
    }
    event.address = Some(Address { family: 1, ip: None, port: 0, protocol: 0 });
    assert_eq!(remedy(&event, &[]), None);
}

#[test]
fn the_remedy_of_a_door_a_capability_and_a_local_socket_is_its_scope() {
    let mut refused = event(Action::Ground, Reason::Ground, Rights::NONE, b"");
    refused.object = None;
    let with = |action, reason, detail| remedy(&Event { action, reason, detail, ..refused.clone() }, &[]);
    assert_eq!(with(Action::Ground, Reason::Ground, Door::Bpf as u32).unwrap(), "kernel:bpf");
    assert_eq!(with(Action::Signal, Reason::Ground, Door::Signal as u32).unwrap(), "process:signal");
    assert_eq!(with(Action::Ground, Reason::Ground, Door::Never as u32), None);
    assert_eq!(with(Action::Ground, Reason::Ground, 99), None);
    assert_eq!(with(Action::Ground, Reason::Expired, Door::Bpf as u32), None);
    assert_eq!(with(Action::Capability, Reason::OutOfScope, 13).unwrap(), "capability:CAP_NET_RAW");
    assert_eq!(with(Action::Capability, Reason::OutOfScope, 41), None);
    let unix = event(Action::ConnectUnix, Reason::OutOfScope, Rights::CONNECT, b"/run/docker.sock");
    assert_eq!(remedy(&unix, &[]).unwrap(), "network:unix:/run/docker.sock");
    let received = |wanted| remedy(&event(Action::Receive, Reason::OutOfScope, wanted, b"/etc/x"), &[]);
    assert_eq!(received(Rights::READ).unwrap(), "file:read:/etc/x");
    assert_eq!(received(Rights::WRITE.with(Rights::READ)).unwrap(), "file:write:/etc/x");
    assert_eq!(with(Action::GainPrivilege, Reason::PrivilegeGain, 0), None);
}

/// An event without an object as its receipt says it.
fn told(action: Action, reason: Reason, detail: u32, target: u32) -> serde_json::Value {
    let mut event = event(action, reason, Rights::NONE, b"");
    event.object = None;
    let line = line(&mut encoder(), Receipt::Event(&Event { detail, target, ..event }), 0);
    serde_json::from_slice(&line).unwrap()
}

#[test]
fn a_door_is_named_with_the_scope_that_opened_it_and_the_process_beyond() {
    let granted = told(Action::Ground, Reason::Granted, Door::Bpf as u32, 0);
    assert_eq!((&granted["about"], &granted["scope"]), (&"kernel:bpf".into(), &"kernel:bpf".into()));
    assert!(granted.get("target").is_none());
    let refused = told(Action::Trace, Reason::Ground, Door::Trace as u32, 4711);
    assert_eq!((&refused["about"], &refused["target"]), (&"process:trace".into(), &4711.into()));
    assert_eq!((&refused["grant"], &refused["errno"]), (&"process:trace".into(), &"EACCES".into()));
    assert!(refused.get("scope").is_none());
    // Granted by something that is no scope of this policy: nothing is made up.
    assert!(told(Action::Mount, Reason::Granted, Door::Mount as u32, 0).get("scope").is_none());
    assert!(told(Action::Mount, Reason::Ground, Door::Never as u32, 0).get("about").is_none());
    // Where the detail is no door, it is not taken for one.
    assert!(told(Action::Create, Reason::OutOfScope, Door::Bpf as u32, 7).get("about").is_none());
}

#[test]
fn a_capability_is_named_and_its_refusal_is_what_the_task_saw() {
    let granted = told(Action::Capability, Reason::Granted, 13, 0);
    assert_eq!(granted["about"], "capability:CAP_NET_RAW");
    assert_eq!(granted["scope"], "capability:CAP_NET_RAW");
    for reason in [Reason::OutOfScope, Reason::Expired, Reason::NoRoomToRecord] {
        assert_eq!(told(Action::Capability, reason, 41, 0)["errno"], "EPERM");
    }
    assert_eq!(told(Action::Capability, Reason::OutOfScope, 41, 0)["about"], "capability:41");
}

#[test]
fn a_budget_says_how_much_of_how_much_and_a_break_for_how_long() {
    let budget = told(Action::Budget, Reason::Granted, Budget::Execs as u32, 400);
    assert_eq!((&budget["kind"], &budget["about"]), (&"budget".into(), &"limit:execs".into()));
    assert_eq!((&budget["used"], &budget["most"]), (&400.into(), &500.into()));
    let unknown = told(Action::Budget, Reason::Granted, Budget::Files as u32, 3);
    assert!(unknown.get("most").is_none() && unknown["used"] == 3);
    for member in ["class", "reason", "verdict", "target", "scope"] {
        assert!(budget.get(member).is_none(), "{member}");
    }
    let broken = told(Action::Break, Reason::Granted, 0, 300);
    assert_eq!((&broken["kind"], &broken["seconds"]), (&"break".into(), &300.into()));
    assert!(told(Action::Break, Reason::Granted, 0, 0).get("seconds").is_none());
}

#[test]
fn the_counters_name_what_was_used_of_budgets() {
    let mut state = State::default();
    let written = |state: &State| serde_json::to_value(Counters::from(state)).unwrap();
    assert!(written(&state).get("used").is_none());
    state.used[Budget::Files as usize] = 7;
    state.probes = 2;
    assert_eq!(written(&state)["used"], serde_json::json!({"files": 7}));
    assert_eq!(written(&state)["probes"], 2);
}

#[test]
fn the_remedy_of_a_rename_is_for_the_path_that_no_scope_covers() {
    let mut event = event(Action::Rename, Reason::OutOfScope, Rights::WRITE, b"/project/a");
    event.extra = Extra::Path(b"/etc/b".to_vec());
    let granted = [Scope::parse(b"file:write:/project").unwrap()];
    assert_eq!(remedy(&event, &granted).unwrap(), "file:write:/etc/b");
    assert_eq!(remedy(&event, &[]).unwrap(), "file:write:/project/a");
}

/// Each action with each reason, and everything that an event may have, in turn.
#[expect(clippy::arithmetic_side_effects, reason = "a test that wraps panics")]
fn every_event() -> Vec<Event> {
    const PATHS: [&[u8]; 5] = [b"/project/a", b"", b"/q\"\\\n\x01\x7f", b"/\xff/\xc3\xa9", b"/etc/cron.d/x"];
    const EXTRAS: [&[&[u8]]; 4] = [&[], &[b"/to"], &[b"/to\xff"], &[b"python3", b"-c", b"\"\x1f", b"\xff"]];
    let mut events = Vec::new();
    for action in Action::ALL {
        for reason in Reason::ALL {
            let turn = events.len();
            let of = |most: usize| turn % most;
            let small = u32::try_from(turn).unwrap();
            let path = PATHS[of(PATHS.len())];
            let mut event = event(action, reason, Rights::from_bits(u8::try_from(of(16)).unwrap()), path);
            event.sequence = [3, u64::MAX, (1 << 53) - 1, 1 << 53][of(4)];
            event.time_ns = 1_000_000_001 + u64::from(small) * 370_000_000;
            event.decider = 7 + u64::from(small % 3);
            event.task.comm = PATHS[of(3)].to_vec();
            (event.detail, event.target) = (small % 50, small % 4 * 1_000_000_007);
            event.scope = [None, Some(0), Some(1), Some(99)][of(4)];
            event.extra_cut = of(2) == 0;
            event.enforced = of(3) != 0;
            event.extra = match EXTRAS[of(4)] {
                [] => Extra::None,
                [path] => Extra::Path(path.to_vec()),
                more => Extra::Arguments(more.iter().map(|one| one.to_vec()).collect()),
            };
            event.object = match of(7) {
                0 => None,
                some => event.object.map(|object| Object {
                    device: [0, u32::MAX, 8 << 20 | 1][some % 3],
                    inode: [0, 42, u64::MAX][some % 3],
                    cut: some == 4,
                    unlinked: some == 5,
                    ..object
                }),
            };
            event.address = (of(5) > 2).then(|| Address {
                family: [1, 2, 10][of(3)],
                ip: [None, Some("192.0.2.1".parse().unwrap()), Some("2001:db8::1".parse().unwrap())][of(3)],
                port: u16::try_from(turn).unwrap(),
                protocol: [0, 6, 17, 132][of(4)],
            });
            events.push(event);
        }
    }
    events
}

#[test]
fn the_bytes_of_receipts_are_those_that_were_always_written() {
    let mut encoder = encoder();
    encoder.set_offset(crate::clock::Offset::from_nanoseconds(1_700_000_000_000_000_000));
    let mut digest = Sha256::new();
    for (index, event) in (0..).zip(&every_event()) {
        digest.update(line(&mut encoder, Receipt::Event(event), index));
    }
    assert_eq!(
        hex::encode(digest.finalize()),
        "2a90c5a1a2944c471c02a4cc446e321a143e10b4367c5ed29d834f425b5ad341"
    );
}

fn any_event() -> impl Strategy<Value = Event> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..40);
    let extra = prop_oneof![
        Just(Extra::None),
        bytes().prop_map(Extra::Path),
        proptest::collection::vec(bytes(), 0..4).prop_map(Extra::Arguments),
    ];
    let numbers = (any::<u64>(), any::<u64>(), 0_u64..1 << 62, any::<u64>(), any::<u32>(), any::<u16>());
    let picks = (0..Action::ALL.len(), 0..Reason::ALL.len(), 0_u8..16, any::<[bool; 6]>());
    (bytes(), bytes(), extra, numbers, picks, any::<std::net::IpAddr>()).prop_map(
        |(path, comm, extra, (session, sequence, time_ns, inode, small, port), pick, ip)| {
            let (action, reason, wanted, [has_object, has_address, cut, unlinked, extra_cut, enforced]) =
                pick;
            let mut event = event(Action::ALL[action], Reason::ALL[reason], Rights::from_bits(wanted), &path);
            event.object = has_object.then_some(Object { path, device: small, inode, cut, unlinked });
            event.address =
                has_address.then_some(Address { family: 10, ip: Some(ip), port, protocol: wanted });
            event.scope = extra_cut.then_some(port % 3);
            event.task.comm = comm;
            (event.detail, event.target) = (u32::from(port % 50), small);
            Event { session, sequence, time_ns, extra, extra_cut, enforced, ..event }
        },
    )
}

proptest! {
    #[test]
    fn every_receipt_is_what_another_implementation_of_rfc_8785_writes(
        events in proptest::collection::vec(any_event(), 1..4), index in 0_u64..1 << 53,
    ) {
        let mut encoder = encoder();
        for event in &events {
            let line = line(&mut encoder, Receipt::Event(event), index);
            let value: serde_json::Value = serde_json::from_slice(&line).unwrap();
            prop_assert_eq!(serde_json_canonicalizer::to_vec(&value).unwrap(), line.clone());
            prop_assert!(crate::canonical::parse(&line).is_ok());
            prop_assert_eq!(value["wall"].as_str().unwrap(), crate::clock::rfc3339(encoder.offset.wall_ns(event.time_ns)));
        }
    }
}
