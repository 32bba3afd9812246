//! Evidence handed on as log records of OpenTelemetry.

use std::process::Command;

use serde_json::{Value, json};

use super::{Scratch, clients, gov, key, sample, text};

/// The lines that a log becomes.
fn lines(scratch: &Scratch) -> String {
    let output = gov(&["audit", scratch.log.to_str().unwrap(), "--key", &key(), "--format", "otlp"]);
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn each_receipt_is_a_log_record_that_says_where_it_comes_from() {
    let scratch = Scratch::whole();
    let handed = lines(&scratch);
    let log = std::fs::read_to_string(scratch.log.join(gov::journal::LOG)).unwrap();
    assert_eq!(handed.lines().count(), log.lines().count());
    let at = log.lines().position(|line| line.contains("/etc/cron.d/x")).unwrap();
    let line: Value = serde_json::from_str(handed.lines().nth(at).unwrap()).unwrap();
    let record = &line["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0];
    assert_eq!((&record["severityNumber"], &record["severityText"]), (&json!(13), &json!("WARN")));
    assert_eq!(
        record["body"]["stringValue"],
        "refused: file.create /etc/cron.d/x: out-of-scope; allowed by file:write:/etc/cron.d/x"
    );
    let attribute = |name: &str| {
        let all = record["attributes"].as_array().unwrap();
        all.iter().find(|one| one["key"] == name).map(|one| one["value"].clone())
    };
    assert_eq!(attribute("file.path"), Some(json!({ "stringValue": "/etc/cron.d/x" })));
    assert_eq!(attribute("error.type"), Some(json!({ "stringValue": "EACCES" })));
    assert_eq!(attribute("gov.index"), Some(json!({ "intValue": at.to_string() })));
    assert_eq!(attribute("log.record.uid"), Some(json!({ "stringValue": format!("gov/host/s-1:{at}") })));
}

#[test]
fn a_follower_of_a_closed_log_gets_every_record() {
    let scratch = Scratch::whole();
    let log = scratch.log.to_str().unwrap();
    let output = gov(&["audit", log, "--key", &key(), "--format", "otlp", "--follow"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), lines(&scratch));
}

#[test]
fn opentelemetrys_own_protocol_and_names_take_every_record() {
    let Some(python) = clients::python() else { return };
    let scratch = Scratch::empty();
    sample::Session::of_everything(&scratch.log);
    let (file, log) = (scratch.log.with_extension("otlp"), scratch.log.join(gov::journal::LOG));
    let handed = lines(&scratch);
    std::fs::write(&file, &handed).unwrap();
    let checked =
        Command::new(python).args(["-c", include_str!("otlp_lines.py")]).args([&file, &log]).output();
    let checked = checked.unwrap();
    assert!(checked.status.success(), "{}", text(&checked));
    assert_eq!(text(&checked).trim(), handed.lines().count().to_string());
}
