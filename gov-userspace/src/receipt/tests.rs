//! Receipts are canonical, say what the event says, and name the scope that would have allowed a refusal.

use gov_common::event::Action;
use gov_common::rights::Rights;
use gov_common::verdict::Reason;
use proptest::prelude::*;

use super::{Encoder, Receipt, SessionFacts, remedy};
use crate::event::{Address, Event, Extra, Object, Task};
use crate::scope::Scope;

fn encoder() -> Encoder {
    Encoder::new(SessionFacts {
        session: "s-1".to_owned(),
        delegation_id: "sha256:00".to_owned(),
        scopes: vec!["file:write:/project".to_owned(), "file:read:/usr".to_owned()],
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
        r#""v":1,"verdict":"deny","wall":"2023-11-14T22:13:21.000000001Z","wanted":["write"]}"#,
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
fn the_remedy_of_a_rename_is_for_the_path_that_no_scope_covers() {
    let mut event = event(Action::Rename, Reason::OutOfScope, Rights::WRITE, b"/project/a");
    event.extra = Extra::Path(b"/etc/b".to_vec());
    let granted = [Scope::parse(b"file:write:/project").unwrap()];
    assert_eq!(remedy(&event, &granted).unwrap(), "file:write:/etc/b");
    assert_eq!(remedy(&event, &[]).unwrap(), "file:write:/project/a");
}

fn any_event() -> impl Strategy<Value = Event> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..40);
    let extra = prop_oneof![
        Just(Extra::None),
        bytes().prop_map(Extra::Path),
        proptest::collection::vec(bytes(), 0..4).prop_map(Extra::Arguments),
    ];
    let numbers = (any::<u64>(), any::<u64>(), 0_u64..1 << 62, any::<u64>(), any::<u32>(), any::<u16>());
    let picks = (0..Action::ALL.len(), 0..Reason::ALL.len(), 0_u8..8, any::<[bool; 6]>());
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
