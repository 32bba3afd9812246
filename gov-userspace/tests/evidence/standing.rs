//! What a session changed, beside what its log says of it, later.

use std::path::{Path, PathBuf};

use gov::event::Event;
use gov::session::artifacts::{Progress, Reader, look};
use gov::session::touched::Touched;
use gov_common::event::Action;
use gov_common::rights::Rights;
use serde_json::Value;

use super::{Scratch, gov, json, key, sample, text};

/// A session that wrote to files of these names, and what its log says of them is true.
fn session(names: &[&str]) -> (Scratch, PathBuf) {
    let scratch = Scratch::empty();
    let folder = scratch.log.parent().unwrap().canonicalize().unwrap();
    let mut session = sample::Session::start(&scratch.log);
    let mut touched = Touched::default();
    for (index, name) in (1..).zip(names) {
        let path = folder.join(name);
        std::fs::write(&path, "content").unwrap();
        let written = sample::act(Action::Write, Rights::WRITE, path.to_str().unwrap());
        let event = Event { scope: Some(0), ..written };
        touched.note(&event, index);
        session.event(event);
    }
    session.close_with(look(&touched, Reader::Caller, &Progress::default(), &mut || ()));
    (scratch, folder)
}

fn compare(log: &Path) -> (Option<i32>, Value) {
    let output = gov(&["audit", log.to_str().unwrap(), "--artifacts", "--json", "--key", &key()]);
    (output.status.code(), json(&output))
}

#[test]
fn files_are_compared_with_what_the_log_says_of_them() {
    let (scratch, folder) = session(&["a", "b", "c\u{1b}[31m"]);
    let (status, report) = compare(&scratch.log);
    assert_eq!(status, Some(0), "{report}");
    assert_eq!(report["files"][0]["since"], "unchanged");
    assert_eq!(report["files"][0]["now"]["receipts"], serde_json::json!([1]));
    std::fs::write(folder.join("b"), "another").unwrap();
    std::fs::remove_file(folder.join("a")).unwrap();
    let (status, report) = compare(&scratch.log);
    let files = report["files"].as_array().unwrap().iter();
    let since: Vec<&str> = files.map(|file| file["since"].as_str().unwrap()).collect();
    assert_eq!((status, since), (Some(1), vec!["changed", "gone", "unchanged"]));
    assert_eq!(report["files"][0]["differs"], serde_json::json!(["sha256"]));
    let shown = text(&gov(&["audit", scratch.log.to_str().unwrap(), "--artifacts", "--key", &key()]));
    assert!(shown.contains("1 changed, 1 gone, 1 unchanged") && shown.contains("the log holds"), "{shown}");
    assert!(!shown.contains('\u{1b}'), "what a session chose reaches the terminal:\n{shown}");
}

#[test]
fn of_a_session_that_goes_on_the_files_are_new_and_of_a_changed_log_nothing_holds() {
    let scratch = Scratch::empty();
    let mut session = sample::Session::start(&scratch.log);
    session.play();
    let (status, report) = compare(&scratch.log);
    assert_eq!((status, &report["files"][0]["since"]), (Some(3), &Value::from("new")), "{report}");
    let (scratch, _folder) = self::session(&["a"]);
    let log = scratch.log.join(gov::journal::LOG);
    let text = std::fs::read_to_string(&log).unwrap().replacen("\"size\":7", "\"size\":8", 1);
    std::fs::write(&log, text).unwrap();
    assert_eq!(compare(&scratch.log).0, Some(1));
}
