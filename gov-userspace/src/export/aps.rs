//! Decisions as receipts of the Agent Passport System: for each one `aps:action:v1`, what was attempted, and one
//! `aps:authority_boundary:v1`, on which side of the delegation it lay.
//!
//! What is signed is canonical JSON and begins with `{`, which no origin of a checkpoint does.

use gov_common::verdict::Reason;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value as Json, json};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::audit::Start;
use crate::audit::words::{list, number, text, what};
use crate::canonical::{self, CanonicalError, Value};
use crate::delegation::written;
use crate::json::{self, JsonError};
use crate::key::Secret;
use crate::merkle;

/// Why there are no receipts.
#[derive(Debug, Error)]
pub enum ApsError {
    /// A delegation of the chain.
    #[error("the delegation, or one that it narrows, cannot be read: {0}")]
    Delegation(JsonError),
    /// A line of the log.
    #[error(transparent)]
    Line(#[from] CanonicalError),
    /// What was made is no canonical JSON.
    #[error(transparent)]
    Json(JsonError),
}

/// Turns a log's decisions into pairs of receipts.
pub struct Receipts<'a> {
    key: &'a Secret,
    log: &'a str,
    agent: &'a str,
    /// SHA-256 of the canonical chain of delegations, as APS names authority.
    chain: String,
    claim: Json,
}

impl<'a> Receipts<'a> {
    /// Of the log with this origin, on this chain of delegations from the root on, signed by `key`. `limits` is why it
    /// cannot be said that nothing else was done; empty if it can.
    ///
    /// # Errors
    /// [`ApsError::Delegation`].
    pub fn new(
        key: &'a Secret,
        log: &'a str,
        start: &'a Start,
        chain: &[Vec<u8>],
        limits: &[String],
    ) -> Result<Self, ApsError> {
        let chain: Vec<Json> = chain
            .iter()
            .map(|text| json::parse(text))
            .collect::<Result<_, _>>()
            .map_err(ApsError::Delegation)?;
        let chain = digest(&json!(chain)).map_err(ApsError::Delegation)?;
        let never = [
            "that an act that was granted succeeded",
            "that the host's kernel and daemon are what they claim to be",
        ];
        let not_asserted: Vec<&str> = never.into_iter().chain(limits.iter().map(String::as_str)).collect();
        let claim = json!({
            "asserts": "The kernel judged this act at a security hook and gave this verdict; the receipt of the log says so.",
            "does_not_assert": not_asserted,
            "capture_mode": "runtime_attested",
            "completeness": if limits.is_empty() { "complete" } else { "partial" },
            "self_attested": false,
        });
        Ok(Self { key, log, agent: &start.delegated_to, chain, claim })
    }

    /// The two receipts of a decision's line; `None` of any other.
    ///
    /// # Errors
    /// [`ApsError`].
    pub fn pair(&self, line: &[u8]) -> Result<Option<[Json; 2]>, ApsError> {
        let receipt = canonical::parse(line)?;
        if text(&receipt, "kind") != "decision" {
            return Ok(None);
        }
        let action = self.signed(&receipt, "aps:action:v1", |fields| {
            fields.insert("agent_did".to_owned(), json!(self.agent));
            fields.insert("action".to_owned(), action(&receipt));
            fields.insert("side_effect_classes".to_owned(), json!([effect(&receipt)]));
            let leaf = hex::encode(merkle::leaf(line));
            fields.insert(
                "transparency_log_inclusion".to_owned(),
                json!({ "log_url": self.log, "leaf_hash": leaf }),
            );
        })?;
        let boundary = self.signed(&receipt, "aps:authority_boundary:v1", |fields| {
            fields.insert("action_id".to_owned(), json!(action.get("receipt_id")));
            fields.insert("evaluator_did".to_owned(), json!(self.key.public().did()));
            fields.insert("result".to_owned(), json!(side(text(&receipt, "reason"))));
            fields.insert("result_detail".to_owned(), json!(detail(&receipt)));
        })?;
        Ok(Some([action, boundary].map(Json::Object)))
    }

    /// A receipt with what all have: its id is the digest of itself without id and signature, and what is signed is
    /// itself without signature.
    fn signed(
        &self,
        receipt: &Value<'_>,
        claim_type: &str,
        fill: impl FnOnce(&mut Map<String, Json>),
    ) -> Result<Map<String, Json>, ApsError> {
        let time = text(receipt, "wall").parse::<Timestamp>().map(written);
        let mut fields = Map::new();
        let mut put = |name: &str, value: Json| fields.insert(name.to_owned(), value);
        put("claim_type", json!(claim_type));
        put("timestamp", json!(time.unwrap_or_default()));
        put("scope_of_claim", self.claim.clone());
        put("delegation_chain_root", json!(self.chain));
        put("signer_did", json!(self.key.public().to_string()));
        put("receipt_id", json!(""));
        put("signature", json!(""));
        fill(&mut fields);
        let id = digest(&fields).map_err(ApsError::Json)?;
        fields.insert("receipt_id".to_owned(), json!(id));
        let signature = self.key.sign(b"", &json::canonical(&fields).map_err(ApsError::Json)?);
        fields.insert("signature".to_owned(), json!(hex::encode(signature)));
        Ok(fields)
    }
}

fn digest(value: &impl Serialize) -> Result<String, JsonError> {
    json::canonical(value).map(|bytes| hex::encode(Sha256::digest(bytes)))
}

/// What was attempted, and where the log says so.
fn action(receipt: &Value<'_>) -> Json {
    let mut parameters = Map::new();
    for name in ["verdict", "reason", "errno", "scope", "grant"] {
        if let Some(word) = receipt.field(name).and_then(Value::text) {
            parameters.insert(name.to_owned(), json!(word));
        }
    }
    let wanted = list(receipt.field("wanted"));
    if !wanted.is_empty() {
        parameters.insert("wanted".to_owned(), json!(wanted));
    }
    if receipt.field("enforced").is_some() {
        parameters.insert("enforced".to_owned(), json!(false));
    }
    if let Some(task) = receipt.field("task") {
        parameters
            .insert("task".to_owned(), json!({ "comm": text(task, "comm"), "pid": number(task, "pid") }));
    }
    parameters.insert("session".to_owned(), json!(text(receipt, "session")));
    parameters.insert("index".to_owned(), json!(number(receipt, "index")));
    json!({ "kind": text(receipt, "action"), "target": what(receipt), "parameters": parameters })
}

/// The class of effect that such an act has, whether or not it was refused.
fn effect(receipt: &Value<'_>) -> &'static str {
    match (text(receipt, "action"), text(receipt, "class")) {
        ("file.unlink" | "file.remove-directory", _) => "irreversible",
        (_, "write") => "data_modification",
        ("network.connect" | "network.send", _) => "external_message",
        _within => "internal_only",
    }
}

/// On which side of the delegation an act lay; `indeterminate` if it could not be judged, and was refused for that.
fn side(reason: &str) -> &'static str {
    let Some(reason) = Reason::ALL.into_iter().find(|known| known.name() == reason) else {
        return "indeterminate";
    };
    match reason {
        Reason::Granted => "inside",
        Reason::NoRoomToRecord
        | Reason::TooDeep
        | Reason::Unreadable
        | Reason::RenameRace
        | Reason::ForeignMount
        | Reason::UnknownFamily
        | Reason::TooNested => "indeterminate",
        Reason::OutOfScope
        | Reason::Expired
        | Reason::Revoked
        | Reason::Exhausted
        | Reason::CutOff
        | Reason::ShellNotGranted
        | Reason::CgroupEscape
        | Reason::AnonymousExecution
        | Reason::Ground
        | Reason::CircuitOpen
        | Reason::PrivilegeGain => "outside",
    }
}

/// The scope that granted it, or why it was refused and what would have allowed it.
fn detail(receipt: &Value<'_>) -> String {
    let scope = |name| receipt.field(name).and_then(Value::text);
    let went_on = if receipt.field("enforced").is_some() { "; only recorded: it went on" } else { "" };
    match (text(receipt, "verdict"), scope("scope"), scope("grant")) {
        ("allow", Some(scope), _) => format!("granted by {scope}"),
        ("allow", None, _) => "granted".to_owned(),
        (_, _, Some(grant)) => format!("{}; {grant} would have allowed it{went_on}", text(receipt, "reason")),
        (_, _, None) => format!("{}{went_on}", text(receipt, "reason")),
    }
}

#[cfg(test)]
mod tests {
    use super::side;
    use gov_common::verdict::Reason;

    #[test]
    fn only_what_was_granted_is_inside() {
        for reason in Reason::ALL {
            assert_eq!(side(reason.name()) == "inside", reason == Reason::Granted, "{}", reason.name());
        }
        assert_eq!(side("something new"), "indeterminate");
    }
}
