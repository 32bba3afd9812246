use super::{MAX_RECEIPTS, Node, Touch, Touched};
use crate::canonical;
use crate::event::{Event, Extra, Object};
use crate::receipt::{Change, Encoder, Receipt, SessionFacts};
use crate::session::found::Found;
use crate::session::made;
use gov_common::event::Action;
use gov_common::verdict::Reason;

const DEVICE: u32 = 8 << 20 | 1;

fn act(action: Action, path: &str, inode: u64) -> Event {
    made::act(action, path.as_bytes(), Some(Node { device: DEVICE, inode }))
}

fn to(action: Action, path: &str, inode: u64, to: &str) -> Event {
    Event { extra: Extra::Path(to.into()), ..act(action, path, inode) }
}

fn touched(events: &[Event]) -> Touched {
    let mut touched = Touched::default();
    (10..).zip(events).for_each(|(index, event)| touched.note(event, index));
    touched
}

fn at<'a>(touched: &'a Touched, path: &str) -> &'a Touch {
    &touched.paths[path.as_bytes()]
}

fn is_foreign(touched: &Touched, path: &str, inode: u64) -> bool {
    touched.foreign(path.as_bytes(), at(touched, path), Node { device: DEVICE, inode }).is_some()
}

/// Acts of every kind, granted and refused, whole and not.
fn many() -> Vec<Event> {
    let mut events = vec![];
    for action in Action::ALL {
        for reason in [Reason::Granted, Reason::OutOfScope] {
            for (number, path) in ["/a", "/b/c", "/\u{1}"].into_iter().enumerate() {
                let mut event = to(action, path, number as u64, "/to");
                event.reason = reason;
                event.task.uid = number as u32;
                events.push(event.clone());
                event.extra_cut = true;
                events.push(event.clone());
                event.extra = Extra::Path(b"/\xff".to_vec());
                event.extra_cut = false;
                events.push(event.clone());
                for (cut, unlinked) in [(true, false), (false, true)] {
                    let path = b"/cut\xff".to_vec();
                    event.object = Some(Object { path, device: 0, inode: u64::MAX, cut, unlinked });
                    events.push(event.clone());
                }
                event.object = Some(Object {
                    path: b"/\xfe".to_vec(),
                    device: 4095 << 20,
                    inode: u64::MAX,
                    cut: false,
                    unlinked: false,
                });
                events.push(event);
            }
        }
    }
    events
}

#[test]
fn the_log_tells_the_same_as_the_events() {
    let facts = SessionFacts { session: "s".to_owned(), delegation_id: "d".to_owned(), scopes: Vec::new() };
    let mut encoder = Encoder::new(facts);
    let (mut touched, mut found) = (Touched::default(), Found::default());
    for (index, event) in (0..).zip(many()) {
        touched.note(&event, index);
        let mut line = Vec::new();
        encoder.write(Receipt::Event(&event), index, &mut line).unwrap();
        found.read(&canonical::parse(&line).unwrap());
    }
    assert!(touched.paths.len() >= 5 && touched.mounted);
    assert_eq!(found.touched, touched);
}

#[test]
fn what_the_session_did_at_a_path_is_what_it_did_first_and_most() {
    let touched = touched(&[
        act(Action::Create, "/new", 0),
        act(Action::Write, "/new", 5),
        act(Action::Write, "/old", 6),
        act(Action::ChangeMode, "/mode", 7),
        act(Action::ChangeTimes, "/mode", 7),
        act(Action::ChangeOwner, "/both", 8),
        act(Action::Truncate, "/both", 8),
        to(Action::Rename, "/new", 5, "/moved"),
        to(Action::Link, "/mode", 7, "/second"),
        act(Action::Unlink, "/dead", 9),
        act(Action::Read, "/read", 9),
    ]);
    let changes: Vec<(&str, Change, Vec<u64>)> = touched
        .paths
        .iter()
        .map(|(path, touch)| (std::str::from_utf8(path).unwrap(), touch.change, touch.receipts.clone()))
        .collect();
    assert_eq!(
        changes,
        [
            ("/both", Change::Changed, vec![15, 16]),
            ("/dead", Change::Changed, vec![19]),
            ("/mode", Change::Metadata, vec![13, 14, 18]),
            ("/moved", Change::Created, vec![17]),
            ("/new", Change::Created, vec![10, 11, 17]),
            ("/old", Change::Changed, vec![12]),
            ("/second", Change::Created, vec![18]),
        ]
    );
}

#[test]
fn of_many_receipts_the_first_ones_and_the_last_are_named_and_all_are_counted() {
    for count in [MAX_RECEIPTS, MAX_RECEIPTS + 1, 100] {
        let touched = touched(&vec![act(Action::Write, "/a", 5); count]);
        let touch = at(&touched, "/a");
        assert_eq!(touch.count(), count as u64);
        assert_eq!(touch.receipts.len(), MAX_RECEIPTS);
        assert_eq!(touch.receipts.last(), Some(&(9 + count as u64)));
        assert_eq!(touch.receipts[..31], (10..41).collect::<Vec<u64>>());
    }
    let twice = touched(&[to(Action::Rename, "/a", 5, "/a")]);
    assert_eq!((at(&twice, "/a").count(), &at(&twice, "/a").receipts[..]), (1, &[10][..]));
}

#[test]
fn a_file_is_foreign_only_if_no_receipt_may_have_put_it_there() {
    let write = act(Action::Write, "/d/a", 5);
    assert!(is_foreign(&touched(std::slice::from_ref(&write)), "/d/a", 6));
    let brings = to(Action::Rename, "/d/t", 7, "/d/a");
    for (events, own) in [
        (vec![write.clone()], vec![5]),
        // Whether a rename that was granted took place is not known.
        (vec![write.clone(), brings.clone()], vec![5, 7]),
        (vec![brings.clone(), write.clone()], vec![5, 7]),
    ] {
        let touched = touched(&events);
        for inode in 1..10 {
            assert_eq!(is_foreign(&touched, "/d/a", inode), !own.contains(&inode), "{events:?} {inode}");
        }
    }
    for more in [
        vec![act(Action::Unlink, "/d/a", 5)],
        vec![act(Action::Unlink, "/d/a", 5), act(Action::Create, "/d/a", 0)],
        vec![to(Action::Rename, "/d/a", 5, "/d/b")],
        vec![brings, to(Action::Link, "/d/u", 8, "/d/a")],
        vec![to(Action::Rename, "/e", 20, "/d")],
        vec![to(Action::Rename, "/d", 21, "/e")],
        vec![Event { object: None, ..act(Action::Mount, "", 0) }],
    ] {
        let touched = touched(&[vec![write.clone()], more.clone()].concat());
        assert!(!is_foreign(&touched, "/d/a", 6), "{more:?}");
    }
    let created = touched(&[act(Action::Create, "/d/a", 0)]);
    assert!(!is_foreign(&created, "/d/a", 6), "the number of what is made is not told");
}

#[test]
fn what_is_beyond_the_bounds_is_counted() {
    let mut touched = Touched::default();
    let long = "x".repeat(4_000);
    for index in 0..20_000 {
        touched.note(&act(Action::Write, &format!("/{index}/{long}"), 5), index);
    }
    assert!(touched.bytes <= super::MAX_BYTES && touched.bytes > super::MAX_BYTES - 5_000);
    assert_eq!(touched.paths.len() as u64 + touched.beyond(), 20_000);
    let kept = format!("/0/{long}");
    touched.note(&act(Action::Write, &kept, 5), 20_000);
    assert_eq!(at(&touched, &kept).count(), 2);
    assert!(!is_foreign(&touched, &kept, 6), "a rename may be among what was not kept");
}

#[test]
fn a_path_that_is_not_whole_is_no_path() {
    let mut cut = to(Action::Rename, "/a", 5, "/b");
    cut.object.as_mut().unwrap().cut = true;
    cut.extra_cut = true;
    assert!(touched(&[cut]).is_empty());
}
