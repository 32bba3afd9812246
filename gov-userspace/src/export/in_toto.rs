//! What a session left behind as an in-toto Statement v1 with SLSA provenance v1: these files, made by this command,
//! on this delegation, on this host.

use base64ct::{Base64, Encoding};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::dsse::Envelope;
use crate::audit::{Audit, End, FileChange, Start};
use crate::key::Secret;

/// The type of the payload in its envelope.
const PAYLOAD: &str = "application/vnd.in-toto+json";
/// What `buildDefinition` means, as docs/handing-on.md says.
const BUILD_TYPE: &str = "https://github.com/gov/gov/blob/main/docs/handing-on.md#session-v1";

/// Why there is nothing to state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum StatementError {
    /// The first or the last receipt is missing.
    #[error("the session is not closed: what it leaves behind is known at its end")]
    Open,
    /// No file with a digest.
    #[error("the session left no file with a digest")]
    NoFile,
}

/// The statement about a closed session's files, in an envelope signed by `key`.
///
/// # Errors
/// [`StatementError`] if there is nothing to state.
pub fn statement(audit: &Audit, checkpoint: &str, key: &Secret) -> Result<Envelope, StatementError> {
    let (Some(start), Some(end)) = (&audit.start, &audit.end) else { return Err(StatementError::Open) };
    let subject: Vec<Value> = audit.files.iter().filter_map(subject).collect();
    if subject.is_empty() {
        return Err(StatementError::NoFile);
    }
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subject,
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": definition(start),
            "runDetails": {
                "builder": {
                    "id": key.public().did(),
                    "version": { "gov": start.gov, "host": start.host },
                },
                "metadata": {
                    "invocationId": checkpoint.lines().next().unwrap_or_default(),
                    "startedOn": start.wall,
                    "finishedOn": end.wall,
                },
                "byproducts": byproducts(audit, end, checkpoint),
            },
        },
    });
    Ok(Envelope::sign(PAYLOAD, statement.to_string().as_bytes(), key))
}

/// A regular file that nobody else is known to have changed; what a symbolic link points to is no content of its own.
fn subject(file: &FileChange) -> Option<Value> {
    let own = file.state.as_deref() == Some("file") && file.changed_by_others.is_empty();
    let digest = file.sha256.as_ref().filter(|_| own)?;
    Some(json!({ "name": file.path, "digest": { "sha256": digest } }))
}

fn definition(start: &Start) -> Value {
    json!({
        "buildType": BUILD_TYPE,
        "externalParameters": {
            "command": start.command,
            "delegation": {
                "id": start.delegation,
                "sha256": start.delegation_sha256,
                "to": start.delegated_to,
                "expires": start.expires,
                "spendLimit": start.spend_limit,
            },
            "scopes": start.scopes,
        },
        "internalParameters": {
            "policy": start.policy,
            "mode": start.mode,
            "enforcement": start.enforcement,
            "missing": start.missing,
            "uid": start.uid,
        },
        "resolvedDependencies": [
            { "name": "delegation.json", "digest": { "sha256": start.delegation_sha256 } },
        ],
    })
}

/// The log's signed head, how the session ended, and the files that are no subject: those without a digest, and those
/// that others are known to have changed.
fn byproducts(audit: &Audit, end: &End, checkpoint: &str) -> Vec<Value> {
    let paths = |is: fn(&FileChange) -> bool| -> Vec<&str> {
        audit.files.iter().filter(|file| is(file)).map(|file| file.path.as_str()).collect()
    };
    let ending = json!({ "reason": end.reason, "status": end.status, "signal": end.signal });
    let refused = audit.refusals.iter().fold(0_u64, |sum, one| sum.saturating_add(one.count));
    let mut all = vec![
        byproduct("checkpoint", "text/plain", checkpoint),
        byproduct("ending", "application/json", &json!({ "ending": ending, "refused": refused }).to_string()),
    ];
    for (name, paths) in [
        ("changed files without a digest", paths(is_unhashed)),
        ("files that others changed", paths(|file| !file.changed_by_others.is_empty())),
    ] {
        if !paths.is_empty() {
            all.push(byproduct(name, "application/json", &json!(paths).to_string()));
        }
    }
    all
}

fn is_unhashed(file: &FileChange) -> bool {
    matches!(file.state.as_deref(), Some("unhashed") | None) && file.change != crate::audit::Change::Deleted
}

fn byproduct(name: &str, media_type: &str, content: &str) -> Value {
    json!({
        "name": name,
        "mediaType": media_type,
        "digest": { "sha256": hex::encode(Sha256::digest(content)) },
        "content": Base64::encode_string(content.as_bytes()),
    })
}

#[cfg(test)]
mod tests {
    use super::{StatementError, byproducts, statement, subject};
    use crate::audit::{Audit, Change, End, FileChange, Start};
    use crate::key::Secret;
    use base64ct::{Base64, Encoding};

    #[test]
    fn nothing_is_stated_of_an_open_session_nor_of_no_file() {
        let key = Secret::from_seed([1; 32]);
        let open = Audit { start: Some(Start::default()), ..Audit::default() };
        assert_eq!(statement(&open, "", &key), Err(StatementError::Open));
        let closed = Audit { end: Some(End::default()), ..open };
        assert_eq!(statement(&closed, "", &key), Err(StatementError::NoFile));
    }

    #[test]
    fn a_file_that_others_changed_is_no_subject_and_is_named() {
        let file = |path: &str, others: &[&str]| FileChange {
            path: path.to_owned(),
            change: Change::Created,
            state: Some("file".to_owned()),
            sha256: Some("00".repeat(32)),
            size: Some(1),
            why: None,
            mode: Some("0644".to_owned()),
            uid: Some(0),
            gid: Some(0),
            changed_by_others: others.iter().map(|how| (*how).to_owned()).collect(),
            receipts: vec![1],
            touched: 1,
        };
        let files = vec![file("/own", &[]), file("/changed", &["after-end"])];
        assert_eq!(files.iter().filter_map(subject).count(), 1);
        let audit = Audit { files, ..Audit::default() };
        let all = byproducts(&audit, &End::default(), "");
        let named = all.iter().find(|one| one["name"] == "files that others changed").unwrap();
        assert_eq!(named["content"], Base64::encode_string(br#"["/changed"]"#));
    }
}
