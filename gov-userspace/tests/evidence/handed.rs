//! Evidence handed on in others' forms, and others' programs that take it.

use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use base64ct::{Base64, Encoding};
use serde_json::{Value, json};

use super::{Scratch, clients, json, key, sample, text};

/// The forms that are signed by the host's key.
const SIGNED: [&str; 2] = ["in-toto", "aps"];

/// A state folder as the daemon has it, with the key that signs the sample's logs.
fn state(scratch: &Scratch, secret: &gov::key::Secret) -> PathBuf {
    use std::io::Write;
    let state = scratch.log.parent().unwrap().join("state");
    std::fs::DirBuilder::new().recursive(true).mode(0o711).create(state.join("keys")).unwrap();
    let mut file = std::fs::OpenOptions::new();
    let mut file =
        file.write(true).create(true).truncate(true).mode(0o600).open(state.join("keys/log.key")).unwrap();
    writeln!(file, "{}", secret.to_hex().as_str()).unwrap();
    state
}

fn handed(scratch: &Scratch, state: &Path, format: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_gov"))
        .args(["audit", scratch.log.to_str().unwrap(), "--key", &key(), "--format", format])
        .env("GOV_STATE", state)
        .output()
        .unwrap()
}

#[test]
fn a_statement_names_the_files_the_delegation_and_the_logs_head() {
    let scratch = Scratch::whole();
    let output = handed(&scratch, &state(&scratch, &sample::key()), "in-toto");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let envelope = json(&output);
    let payload = Base64::decode_vec(envelope["payload"].as_str().unwrap()).unwrap();
    let statement: Value = serde_json::from_slice(&payload).unwrap();
    let names: Vec<_> =
        statement["subject"].as_array().unwrap().iter().map(|file| file["name"].clone()).collect();
    assert_eq!(names, ["/project/a", "/project/c"]);
    let predicate = &statement["predicate"];
    let asked = &predicate["buildDefinition"]["externalParameters"];
    assert_eq!(asked["command"], json!(["gpte", "/project"]));
    assert_eq!(asked["delegation"]["sha256"].as_str().unwrap().len(), 64);
    let run = &predicate["runDetails"];
    assert_eq!(run["builder"]["id"], sample::key().public().did());
    assert_eq!(run["metadata"]["invocationId"], "gov/host/s-1");
    let head = Base64::decode_vec(run["byproducts"][0]["content"].as_str().unwrap()).unwrap();
    assert_eq!(head, std::fs::read(scratch.log.join(gov::journal::CHECKPOINT)).unwrap());
}

#[test]
fn nothing_is_signed_of_what_does_not_hold_or_by_another_key() {
    let scratch = Scratch::whole();
    let other = state(&scratch, &gov::key::Secret::from_seed([8; 32]));
    for format in SIGNED {
        let output = handed(&scratch, &other, format);
        assert_eq!(output.status.code(), Some(2), "{}", text(&output));
        assert!(
            output.stdout.is_empty() && text(&output).contains("the one that signed this log is not here"),
            "{}",
            text(&output)
        );
    }
    let own = state(&scratch, &sample::key());
    let path = scratch.log.join(gov::journal::LOG);
    let lines = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, lines.replacen("/project/a", "/project/x", 1)).unwrap();
    for format in SIGNED {
        let output = handed(&scratch, &own, format);
        assert_eq!(output.status.code(), Some(1), "{}", text(&output));
        assert!(output.stdout.is_empty(), "{}", text(&output));
    }
}

/// in-toto's own envelope and statement, by their projects' own code; then a changed payload.
const IN_TOTO: &str = r#"
import copy, json, sys
from google.protobuf import json_format
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
from in_toto_attestation.v1.resource_descriptor import ResourceDescriptor
envelope = json.load(open(sys.argv[1]))
key = SSlibKey(sys.argv[2], "ed25519", "ed25519", {"public": sys.argv[2]})
Envelope.from_dict(copy.deepcopy(envelope)).verify([key], 1)
changed = Envelope.from_dict(copy.deepcopy(envelope))
changed.payload = changed.payload.replace(b"/project/a", b"/project/b")
try:
    changed.verify([key], 1)
    sys.exit("a changed statement is accepted")
except VerificationError:
    pass
assert envelope["payloadType"] == "application/vnd.in-toto+json"
payload = Envelope.from_dict(copy.deepcopy(envelope)).payload
statement = json_format.Parse(payload, statement_pb2.Statement())
Statement.copy_from_pb(statement).validate()
assert statement.predicate_type == "https://slsa.dev/provenance/v1"
predicate = json_format.ParseDict(json.loads(payload)["predicate"], provenance_pb2.Provenance())
run = predicate.run_details
assert predicate.build_definition.build_type and run.builder.id and run.metadata.finished_on.seconds
for described in [*predicate.build_definition.resolved_dependencies, *run.byproducts]:
    ResourceDescriptor.copy_from_pb(described).validate()
"#;

#[test]
fn in_totos_own_code_takes_the_statement() {
    let Some(python) = clients::python() else { return };
    let scratch = Scratch::whole();
    let output = handed(&scratch, &state(&scratch, &sample::key()), "in-toto");
    let file = scratch.log.with_extension("dsse");
    std::fs::write(&file, &output.stdout).unwrap();
    let output = Command::new(python).args(["-c", IN_TOTO]).arg(&file).arg(key()).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
}

/// The events of a log, in order.
fn events(scratch: &Scratch) -> Vec<Value> {
    let output = handed(scratch, Path::new("/nonexistent"), "ocsf");
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn each_receipt_is_an_event_that_says_where_it_comes_from() {
    let scratch = Scratch::whole();
    let events = events(&scratch);
    let lines = std::fs::read_to_string(scratch.log.join(gov::journal::LOG)).unwrap();
    // A granted execution is told by the receipt that it took place.
    assert_eq!(events.len(), lines.lines().count() - 1);
    let refused: Vec<_> = events.iter().filter(|event| event["action_id"] == 2).collect();
    assert_eq!(refused.len(), 3);
    let first = refused[0];
    assert_eq!(
        (&first["class_uid"], &first["activity_id"], &first["status_id"]),
        (&json!(1001), &json!(1), &json!(2))
    );
    assert_eq!(first["file"]["path"], "/etc/cron.d/x");
    assert_eq!(first["status_code"], "EACCES");
    assert_eq!(first["unmapped"]["grant"], "file:write:/etc/cron.d/x");
    let index = first["metadata"]["sequence"].as_u64().unwrap();
    assert_eq!(first["metadata"]["uid"], format!("gov/host/s-1:{index}"));
    let line: Value =
        serde_json::from_str(lines.lines().nth(usize::try_from(index).unwrap()).unwrap()).unwrap();
    assert_eq!(line["object"]["path"], "/etc/cron.d/x");
    let executed = events.iter().find(|event| event["class_uid"] == 1007).unwrap();
    assert_eq!(
        (&executed["status_id"], &executed["process"]["cmd_line"]),
        (&json!(1), &json!("python3 main.py"))
    );
}

#[test]
fn a_follower_gets_each_event_once_it_is_signed_until_the_log_is_closed() {
    use std::io::{BufRead, BufReader};
    let scratch = Scratch::empty();
    let mut session = sample::Session::start(&scratch.log);
    session.play();
    let mut child = Command::new(env!("CARGO_BIN_EXE_gov"))
        .args(["audit", scratch.log.to_str().unwrap(), "--key", &key(), "--format", "ocsf", "--follow"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let first = lines.by_ref().take_while(|line| !line.contains("\"event_code\":\"break\"")).count();
    // What is written and not signed yet does not come; the close does, with all before it.
    session.event(sample::act(
        gov_common::event::Action::Write,
        gov_common::rights::Rights::WRITE,
        "/project/late",
    ));
    session.close();
    let rest: Vec<_> = lines.collect();
    assert!(rest[0].contains("/project/late") && rest.last().unwrap().contains("\"event_code\":\"close\""));
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(first + 1 + rest.len(), events(&scratch).len());
}

#[test]
fn what_is_signed_is_not_followed() {
    let scratch = Scratch::whole();
    let log = scratch.log.to_str().unwrap();
    let output = super::gov(&["audit", log, "--key", &key(), "--format", "aps", "--follow"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    assert!(output.stdout.is_empty());
}

#[test]
fn every_event_fits_the_schema_of_ocsf() {
    let Some(python) = clients::python() else { return };
    let scratch = Scratch::empty();
    sample::Session::of_everything(&scratch.log);
    let file = scratch.log.with_extension("ocsf");
    let lines: Vec<String> = events(&scratch).iter().map(Value::to_string).collect();
    std::fs::write(&file, lines.join("\n")).unwrap();
    let output =
        Command::new(python).args(["-c", include_str!("ocsf_schema.py")]).arg(&file).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(
        String::from_utf8_lossy(&output.stdout).trim(),
        "0/99 1001/1 1001/2 1001/3 1001/4 1001/5 1001/6 1001/7 1001/99 1007/1 1007/3 1007/5 1007/99 4001/1 4001/6 4001/7 4001/99"
    );
}

/// Every decision that there is, with names that are hard to write.
fn every_decision() -> Scratch {
    let scratch = Scratch::empty();
    let mut session = sample::Session::start(&scratch.log);
    session.play();
    for event in sample::every_event() {
        session.event(event);
    }
    for name in ["<script>", "\u{1b}[31m\u{85}", "\u{202e}\u{2028}\u{e9}e\u{301}\u{10ffff}", "\"\\\u{7f}"] {
        session.event(gov::event::Event {
            scope: Some(0),
            ..sample::act(
                gov_common::event::Action::Create,
                gov_common::rights::Rights::WRITE,
                &format!("/project/{name}"),
            )
        });
    }
    session.close();
    scratch
}

/// What they are handed on as.
fn receipts_of_aps() -> (Scratch, Vec<Value>) {
    let scratch = every_decision();
    let output = handed(&scratch, &state(&scratch, &sample::key()), "aps");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let lines = String::from_utf8(output.stdout).unwrap();
    (scratch, lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

#[test]
fn each_decision_is_an_action_and_the_side_of_the_boundary_on_which_it_lay() {
    let (scratch, receipts) = receipts_of_aps();
    let lines = std::fs::read_to_string(scratch.log.join(gov::journal::LOG)).unwrap();
    assert_eq!(
        receipts.len(),
        2 * lines.lines().filter(|line| line.contains("\"kind\":\"decision\"")).count()
    );
    for pair in receipts.chunks(2) {
        let (action, boundary) = (&pair[0], &pair[1]);
        assert_eq!(
            (&action["claim_type"], &boundary["claim_type"]),
            (&json!("aps:action:v1"), &json!("aps:authority_boundary:v1"))
        );
        assert_eq!(boundary["action_id"], action["receipt_id"]);
        let granted = action["action"]["parameters"]["verdict"] == "allow";
        assert_eq!(boundary["result"] == "inside", granted, "{boundary}");
        let index = usize::try_from(action["action"]["parameters"]["index"].as_u64().unwrap()).unwrap();
        let leaf = gov::merkle::leaf(lines.lines().nth(index).unwrap().as_bytes());
        assert_eq!(action["transparency_log_inclusion"]["leaf_hash"], hex::encode(leaf));
    }
    let refused = receipts.iter().find(|one| one["action"]["target"] == "/etc/cron.d/x").unwrap();
    let boundary = receipts.iter().find(|one| one["action_id"] == refused["receipt_id"]).unwrap();
    assert_eq!(boundary["result"], "outside");
    assert_eq!(boundary["result_detail"], "out-of-scope; file:write:/etc/cron.d/x would have allowed it");
}

/// APS's own verifier in Python: accepts each receipt, and none in which a letter of the target or detail was changed.
const APS_PYTHON: &str = r#"
import json, sys
from agent_passport.v2 import accountability as aps
def verdict(receipt):
    receipt = dict(receipt)
    receipt["scope_of_claim"] = aps.ScopeOfClaim(**receipt["scope_of_claim"])
    if receipt["claim_type"] == "aps:action:v1":
        receipt["action"] = aps.ActionPayload(**receipt["action"])
        receipt["transparency_log_inclusion"] = aps.TransparencyLogInclusion(**receipt["transparency_log_inclusion"])
        return aps.verify_action_receipt(aps.ActionReceipt(**receipt))
    return aps.verify_authority_boundary_receipt(aps.AuthorityBoundaryReceipt(**receipt))
count = 0
for line in open(sys.argv[1]):
    receipt = json.loads(line)
    said = verdict(receipt)
    assert said["valid"], f"{said}: {line}"
    assert not verdict({**receipt, "delegation_chain_root": "00" * 32})["valid"], line
    count += 1
print(count)
"#;

/// The same in JavaScript.
const APS_NODE: &str = r#"
import fs from 'node:fs';
import { pathToFileURL } from 'node:url';
const aps = await import(pathToFileURL(`${process.argv[2]}/node_modules/agent-passport-system/dist/src/index.js`).href);
const verdict = (receipt) => receipt.claim_type === 'aps:action:v1'
    ? aps.verifyActionReceipt(receipt) : aps.verifyAuthorityBoundaryReceipt(receipt);
let count = 0;
for (const line of fs.readFileSync(process.argv[3], 'utf8').split('\n').filter(Boolean)) {
    const receipt = JSON.parse(line);
    if (!verdict(receipt).valid) throw new Error(`${verdict(receipt).reason}: ${line}`);
    if (verdict({ ...receipt, delegation_chain_root: '00'.repeat(32) }).valid) throw new Error(`changed: ${line}`);
    count += 1;
}
console.log(count);
"#;

#[test]
fn apss_own_verifiers_accept_every_receipt() {
    let (scratch, receipts) = receipts_of_aps();
    let file = scratch.log.with_extension("aps");
    std::fs::write(&file, receipts.iter().map(|one| format!("{one}\n")).collect::<String>()).unwrap();
    let accepted = |output: Output| {
        assert!(output.status.success(), "{}", text(&output));
        assert_eq!(text(&output).trim(), receipts.len().to_string());
    };
    if let Some(python) = clients::python() {
        accepted(Command::new(python).args(["-c", APS_PYTHON]).arg(&file).output().unwrap());
    }
    if let Some(packages) = clients::npm() {
        let script = scratch.log.with_extension("mjs");
        std::fs::write(&script, APS_NODE).unwrap();
        accepted(Command::new("node").arg(&script).arg(packages).arg(&file).output().unwrap());
    }
}
