//! Damages a whole log in every way that a byte, a line or a file can be damaged: `gov verify` and the verifier in
//! Python must both see it.

use std::fs;
use std::path::Path;

use gov::journal::{ANCESTORS, CHECKPOINT, CHECKPOINTS, DELEGATION, LOG, SESSION};
use gov::key::Secret;
use gov::merkle::{Tree, leaf};
use gov::note::Checkpoint;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Scratch, key, other, sample, verify};

/// One way to damage a log's folder, and the status that says so.
struct Damage {
    name: &'static str,
    status: i32,
    on: fn(&Path),
}

const DAMAGES: &[Damage] = &[
    Damage { name: "nothing is damaged", status: 0, on: |_log| {} },
    Damage {
        name: "a line is edited",
        status: 1,
        on: |log| edit(log, r#""verdict":"deny""#, r#""verdict":"allow""#),
    },
    Damage {
        name: "what the delegation narrows is gone",
        status: 3,
        on: |log| fs::remove_file(log.join(ANCESTORS)).unwrap(),
    },
    Damage {
        name: "what the delegation narrows is edited",
        status: 1,
        on: |log| {
            let path = log.join(ANCESTORS);
            let text = fs::read_to_string(&path).unwrap();
            fs::write(&path, text.replacen("file:write", "file:read", 1)).unwrap();
        },
    },
    Damage { name: "a path is edited", status: 1, on: |log| edit(log, "/etc/cron.d/x", "/etc/cron.d/y") },
    Damage { name: "a line is dropped", status: 1, on: |log| lines(log, |lines| drop(lines.remove(7))) },
    Damage { name: "two lines change places", status: 1, on: |log| lines(log, |lines| lines.swap(6, 7)) },
    Damage { name: "the last line is gone", status: 1, on: |log| lines(log, |lines| drop(lines.pop())) },
    Damage { name: "the tail is cut in a line", status: 1, on: cut_tail },
    Damage {
        name: "a line stands twice",
        status: 1,
        on: |log| lines(log, |lines| lines.insert(7, lines[7].clone())),
    },
    Damage {
        name: "the last line stands twice",
        status: 1,
        on: |log| lines(log, |lines| lines.push(lines[lines.len() - 1].clone())),
    },
    Damage { name: "the log is empty", status: 1, on: |log| fs::write(log.join(LOG), "").unwrap() },
    Damage { name: "a line has other spacing", status: 1, on: |log| edit(log, r#""v":3,"#, r#""v": 3,"#) },
    Damage {
        name: "it is signed by another key",
        status: 1,
        on: |log| sign(log, &Secret::from_seed([8; 32])),
    },
    Damage {
        name: "the checkpoint is edited",
        status: 1,
        on: |log| edit_checkpoint(log, |note| note.replacen('1', "2", 1)),
    },
    Damage {
        name: "the checkpoint's signature is edited",
        status: 1,
        on: |log| {
            edit_checkpoint(log, |note| note.replacen("\u{2014} gov/host/s-1 ", "\u{2014} gov/host/s-1 A", 1))
        },
    },
    Damage {
        name: "the checkpoint is gone",
        status: 1,
        on: |log| fs::remove_file(log.join(CHECKPOINT)).unwrap(),
    },
    Damage { name: "the checkpoint is an older one", status: 3, on: older_checkpoint },
    Damage {
        name: "a checkpoint of the past is edited",
        status: 1,
        on: |log| {
            let path = log.join(CHECKPOINTS);
            let text = fs::read_to_string(&path).unwrap();
            fs::write(path, text.replacen("\\n1", "\\n2", 1)).unwrap()
        },
    },
    Damage {
        name: "the counters are edited and hashed again without the key",
        status: 1,
        on: |log| {
            edit(log, r#""lost":0"#, r#""lost":1"#);
            sign(log, &Secret::from_seed([8; 32]));
        },
    },
    Damage {
        name: "the counters are edited by who has the key",
        status: 1,
        on: |log| {
            edit(log, r#""connect":3"#, r#""connect":4"#);
            sign(log, &sample::key());
        },
    },
    Damage { name: "an event is left out by who has the key", status: 1, on: leave_out },
    Damage {
        name: "a scope is made up by who has the key",
        status: 1,
        on: |log| {
            edit(log, r#""scope":"file:write:/project""#, r#""scope":"file:write:/""#);
            sign(log, &sample::key());
        },
    },
    Damage {
        name: "the delegation is another",
        status: 1,
        on: |log| fs::write(log.join("delegation.json"), "{}").unwrap(),
    },
    Damage {
        name: "the delegation's signature is another, by who has the log's key",
        status: 1,
        on: other_signature,
    },
    Damage {
        name: "the delegation is gone",
        status: 3,
        on: |log| fs::remove_file(log.join("delegation.json")).unwrap(),
    },
    Damage {
        name: "the close is not written yet",
        status: 3,
        on: |log| {
            lines(log, |lines| drop(lines.pop()));
            sign(log, &sample::key());
        },
    },
    Damage {
        name: "the session's file names another key",
        status: 0,
        on: |log| fs::write(log.join(SESSION), "{}").unwrap(),
    },
];

#[test]
fn every_damage_is_seen_by_both_verifiers() {
    let python = other::python();
    for damage in DAMAGES {
        let scratch = Scratch::whole();
        (damage.on)(&scratch.log);
        let (status, items) = verify(&scratch.log, &key());
        assert_eq!(status, damage.status, "{}: {items:?}", damage.name);
        if let Some(python) = &python {
            let (status, said) = other::verify(python, &scratch.log, &[&key()]);
            assert_eq!(status, damage.status, "{}, in Python: {said}", damage.name);
        }
    }
}

/// Changes that a signature cannot catch, because whoever makes them has the key: what the two verifiers then know
/// comes from their own reading of the rules, and must be the same.
#[test]
fn the_verifiers_agree_on_logs_that_who_has_the_key_changed_at_random() {
    let Some(python) = other::python() else { return };
    let mut differ = Vec::new();
    let cases = std::env::var("GOV_CASES").map_or(24, |cases| cases.parse().unwrap());
    for case in 0..cases {
        let scratch = Scratch::whole();
        let change = change_at_random(&scratch.log, case);
        sign(&scratch.log, &sample::key());
        let (ours, items) = verify(&scratch.log, &key());
        let (theirs, said) = other::verify(&python, &scratch.log, &[&key()]);
        if ours != theirs {
            differ.push(format!("case {case}, {change}: {ours} {items:?}, in Python {theirs} {said}"));
        }
    }
    assert!(differ.is_empty(), "{}", differ.join(""));
}

/// Gives one member of one line another value, and says what it did.
fn change_at_random(log: &Path, case: u64) -> String {
    let mut random = Sha256::digest(case.to_be_bytes()).into_iter().cycle();
    let mut below = |limit: usize| usize::from(random.next().unwrap()) % limit;
    let path = log.join(LOG);
    let text = fs::read_to_string(&path).unwrap();
    let mut lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let place = below(lines.len());
    let mut at = &mut lines[place];
    let mut name = format!("line {place}");
    while at.as_object().is_some_and(|members| !members.is_empty()) {
        let members = at.as_object_mut().unwrap();
        let pick = below(members.len());
        let member = members.keys().nth(pick).unwrap().clone();
        name = format!("{name}.{member}");
        if below(8) == 0 {
            members.remove(&member);
            name.push_str(" removed");
            write_canonical(&path, &lines);
            return name;
        }
        at = at.get_mut(&member).unwrap();
    }
    let before = at.clone();
    *at = match (below(6), before.as_u64()) {
        (0, Some(number)) => (number + 1).into(),
        (1, Some(number)) => number.saturating_sub(1).into(),
        (2, _) => u64::MAX.to_string().into(),
        (3, _) => Value::Null,
        (4, _) => true.into(),
        _ => "other".into(),
    };
    name = format!("{name}: {before} -> {at}");
    write_canonical(&path, &lines);
    name
}

fn write_canonical(path: &Path, lines: &[Value]) {
    let text: String =
        lines.iter().map(|line| serde_json_canonicalizer::to_string(line).unwrap() + "\n").collect();
    fs::write(path, text).unwrap();
}

#[test]
fn no_flipped_bit_of_a_log_goes_unseen() {
    let scratch = Scratch::whole();
    let whole = fs::read(scratch.log.join(LOG)).unwrap();
    let evidence = |log: &[u8]| {
        let evidence = gov::verify::Evidence {
            log,
            checkpoint: fs::read(scratch.log.join(CHECKPOINT)).unwrap(),
            history: None::<&[u8]>,
            since: None,
            delegation: Some(sample::delegation().to_vec()),
            ancestors: Some(sample::ancestors()),
            claimed: None,
        };
        gov::verify::log(evidence, &[sample::key().public()], 1, &mut |_bytes| {}).unwrap().verdict
    };
    assert_eq!(evidence(&whole), gov::verify::Verdict::Holds);
    for place in (0..whole.len()).step_by(11) {
        let mut flipped = whole.clone();
        flipped[place] ^= 1 << (place % 8);
        assert_eq!(evidence(&flipped), gov::verify::Verdict::DoesNotHold, "byte {place}");
        assert_ne!(evidence(&whole[..place]), gov::verify::Verdict::Holds, "the first {place} bytes");
    }
}

fn edit(log: &Path, from: &str, to: &str) {
    let path = log.join(LOG);
    let text = fs::read_to_string(&path).unwrap();
    let edited = text.replacen(from, to, 1);
    assert_ne!(text, edited, "the damage changes nothing");
    fs::write(path, edited).unwrap();
}

fn edit_checkpoint(log: &Path, change: fn(&str) -> String) {
    let path = log.join(CHECKPOINT);
    let edited = change(&fs::read_to_string(&path).unwrap());
    fs::write(path, edited).unwrap();
}

fn lines(log: &Path, change: fn(&mut Vec<String>)) {
    let path = log.join(LOG);
    let mut lines: Vec<String> = fs::read_to_string(&path).unwrap().lines().map(str::to_owned).collect();
    change(&mut lines);
    fs::write(path, lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
}

fn cut_tail(log: &Path) {
    let path = log.join(LOG);
    let text = fs::read(&path).unwrap();
    fs::write(path, &text[..text.len() - 10]).unwrap();
}

/// Signs whatever lines there are, and leaves no other checkpoint.
fn sign(log: &Path, key: &Secret) {
    let mut tree = Tree::default();
    let text = fs::read_to_string(log.join(LOG)).unwrap();
    text.lines().for_each(|line| tree.push(leaf(line.as_bytes())));
    let checkpoint = Checkpoint { origin: "gov/host/s-1".to_owned(), size: tree.size(), root: tree.root() };
    fs::write(log.join(CHECKPOINT), checkpoint.sign(key)).unwrap();
    fs::write(log.join(CHECKPOINTS), "").unwrap();
}

/// The file of the latest checkpoint holds the first of all, whose lines are all there.
fn older_checkpoint(log: &Path) {
    let history = fs::read_to_string(log.join(CHECKPOINTS)).unwrap();
    let first: String = serde_json::from_str(history.lines().next().unwrap()).unwrap();
    fs::write(log.join(CHECKPOINT), first).unwrap();
}

/// The delegation is signed by nobody, and the start receipt says that it always was so.
fn other_signature(log: &Path) {
    let path = log.join(DELEGATION);
    let before = fs::read_to_string(&path).unwrap();
    let (head, tail) = before.split_once(r#""signature":""#).unwrap();
    let digit = if tail.starts_with('0') { "1" } else { "0" };
    let after = format!(r#"{head}"signature":"{digit}{}"#, &tail[1..]);
    fs::write(path, &after).unwrap();
    let digest = |text: &str| hex::encode(Sha256::digest(text));
    edit(log, &digest(&before), &digest(&after));
    sign(log, &sample::key());
}

/// Removes one event, numbers the lines again and signs: the kernel's sequence number gives it away.
fn leave_out(log: &Path) {
    lines(log, |lines| {
        let place = lines.iter().position(|line| line.contains("/etc/cron.d/x")).unwrap();
        lines.remove(place);
        for (index, line) in lines.iter_mut().enumerate().skip(place) {
            *line = line.replacen(&format!("\"index\":{},", index + 1), &format!("\"index\":{index},"), 1);
        }
    });
    sign(log, &sample::key());
}
