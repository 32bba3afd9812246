//! What is fuzzed: each reader of what others wrote, and what must hold of everything that it takes.

use std::path::Path;

use anyhow::{Context, Result};
use gov::canonical;
use gov::control;
use gov::delegation::{self, Unverified, verify_chain};
use gov::merkle::{Tree, leaf};
use gov::note::{Checkpoint, parse_verifier_key};
use gov::receipt::Receipt;
use gov::rotation::{Chain, Purpose, Rotation};
use gov::verify::{self, Evidence, GrowthProof, ReceiptProof};
use jiff::Timestamp;

use crate::seeds;

/// A reader that is fuzzed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Target {
    /// Records of the kernel's ring, and the receipts that come of them
    Record,
    /// Lines of a log, under a checkpoint that covers them
    Log,
    /// Notes, checkpoints, verifier keys, proofs of growth and rotations of keys
    Note,
    /// One receipt with its proof
    Receipt,
    /// Delegations and chains of them: as they came, and signed again so that they get further
    Delegation,
    /// Messages of the control protocol
    Control,
}

impl Target {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Record, Self::Log, Self::Note, Self::Receipt, Self::Delegation, Self::Control];

    /// The folder of its corpus.
    pub fn name(self) -> &'static str {
        match self {
            Self::Record => "record",
            Self::Log => "log",
            Self::Note => "note",
            Self::Receipt => "receipt",
            Self::Delegation => "delegation",
            Self::Control => "control",
        }
    }

    /// Inputs to begin with: made ones, and those of its corpus.
    pub fn seeds(self, corpus: &Path) -> Result<Vec<Vec<u8>>> {
        let mut seeds = match self {
            Self::Record => seeds::records(),
            Self::Log => {
                let lines = seeds::lines()?;
                vec![lines.join(&b'\n'), [&lines[0][..], b"\n"].concat(), lines[1].clone()]
            }
            Self::Note => {
                let (rotation, chain) = seeds::rotations()?;
                vec![seeds::checkpoint(&seeds::lines()?).into_bytes(), seeds::growth()?, rotation, chain]
            }
            Self::Receipt => vec![seeds::receipt()?],
            Self::Delegation => vec![seeds::delegation()?],
            Self::Control => vec![br#"{"version":1,"request":{"status":{}}}"#.to_vec()],
        };
        let folder = corpus.join(self.name());
        for entry in std::fs::read_dir(&folder).into_iter().flatten() {
            let path = entry?.path();
            seeds.push(std::fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))?);
        }
        Ok(seeds)
    }

    /// Reads an input and says in words what became of it. What must hold and does not is a panic.
    pub fn read(self, input: &[u8]) -> String {
        match self {
            Self::Record => record(input),
            Self::Log => log(input),
            Self::Note => note(input),
            Self::Receipt => receipt(input),
            Self::Delegation => delegation(input),
            Self::Control => control(input),
        }
    }
}

fn record(input: &[u8]) -> String {
    let event = match gov::event::parse(input) {
        Ok(event) => event,
        Err(error) => return error.to_string(),
    };
    let mut line = Vec::new();
    let written = seeds::encoder().write(Receipt::Event(&event), 0, &mut line);
    assert_eq!(written, Ok(()));
    assert!(canonical::parse(&line).is_ok(), "no canonical receipt: {}", String::from_utf8_lossy(&line));
    format!("{:?} {:?}", event.action, event.reason)
}

fn log(input: &[u8]) -> String {
    for line in input.split(|byte| *byte == b'\n') {
        let scanned = canonical::scan(line, |_name, _value| {});
        let parsed = canonical::parse(line);
        assert!(scanned.is_err() || parsed.is_ok(), "scanned and not parsed");
        assert!(
            scanned.is_ok() || !matches!(parsed, Ok(canonical::Value::Object(_))),
            "parsed and not scanned"
        );
    }
    let mut tree = Tree::default();
    let whole = input.iter().filter(|byte| **byte == b'\n').count();
    input.split(|byte| *byte == b'\n').take(whole).for_each(|line| tree.push(leaf(line)));
    let head = Checkpoint { origin: seeds::ORIGIN.to_owned(), size: tree.size(), root: tree.root() };
    let evidence = Evidence {
        log: input,
        checkpoint: head.sign(&seeds::key()).into_bytes(),
        history: Some(input),
        since: Some(input.to_vec()),
        delegation: Some(input.to_vec()),
        ancestors: Some(input.to_vec()),
        claimed: None,
    };
    let trusted = [seeds::key().public()];
    match verify::log(evidence, &trusted, 1, &mut |_bytes| {}) {
        Ok(report) => report.items.iter().map(|item| format!("{}: {};", item.name, item.detail)).collect(),
        Err(error) => panic!("reading memory failed: {error}"),
    }
}

fn note(input: &[u8]) -> String {
    let trusted = [seeds::key().public()];
    let text = String::from_utf8_lossy(input);
    let stated = Checkpoint::stated(&text);
    let verified = Checkpoint::verify(input, &trusted);
    if let Ok((checkpoint, _)) = &verified {
        assert_eq!(stated.as_ref(), Some(checkpoint), "another checkpoint than the note states");
    }
    let growth = GrowthProof::parse(input);
    if let Ok(proof) = &growth {
        assert_eq!(proof.to_string().as_bytes(), input, "a proof of growth has a second spelling");
        verify::growth(proof, Some(input), &trusted);
    }
    if let Ok(key) = parse_verifier_key(&text) {
        assert!(text.contains('+'), "{key} is no verifier key");
    }
    let rotation = Rotation::verify(&text);
    assert!(rotation.is_err() || stated.is_none(), "a rotation is a checkpoint too");
    let chain = Chain::parse(input, Purpose::Log);
    if let Ok(chain) = &chain {
        assert_eq!(
            Chain::parse(chain.text().as_bytes(), Purpose::Log).as_ref(),
            Ok(chain),
            "a chain has a second text"
        );
    }
    let words = |error: &dyn std::fmt::Display| error.to_string();
    let chain = chain.map_or_else(|error| words(&error), |_| "chain".to_owned());
    let rotation = rotation.map_or_else(|error| words(&error), |_| "rotation".to_owned());
    let verified = verified.map_or_else(|error| words(&error), |_| "verified".to_owned());
    format!(
        "{verified}; {rotation}; {chain}; {}",
        growth.map_or_else(|error| words(&error), |_| "proof".to_owned())
    )
}

fn receipt(input: &[u8]) -> String {
    match serde_json::from_slice::<ReceiptProof>(input) {
        Ok(proof) => {
            let report = verify::receipt(&proof, &[seeds::key().public()]);
            report.items.iter().map(|item| format!("{}: {};", item.name, item.detail)).collect()
        }
        Err(error) => error.to_string(),
    }
}

fn delegation(input: &[u8]) -> String {
    let now = Timestamp::UNIX_EPOCH;
    let came = match Unverified::parse(input) {
        Ok(delegation) => {
            verify_chain(vec![delegation], now).map_or_else(|error| error.to_string(), |_| "holds".into())
        }
        Err(error) => error.to_string(),
    };
    let Ok(body) = gov::json::parse(input) else { return came };
    let Ok(signed) = delegation::sign(body, &seeds::key()) else { return came };
    let again = match (Unverified::parse(&signed), seeds::delegation().as_deref().map(Unverified::parse)) {
        (Ok(child), Ok(Ok(root))) => {
            let alone = verify_chain(vec![child.clone()], now).err();
            let below = verify_chain(vec![root, child], now).err();
            format!("{alone:?} {below:?}")
        }
        (Err(error), _) => error.to_string(),
        _no_root => String::new(),
    };
    format!("{came}; signed again: {again}")
}

fn control(input: &[u8]) -> String {
    let words = |error: control::ControlError| error.to_string();
    let request = control::decode_request(input).map_or_else(words, |request| {
        let ask = control::message::Ask { version: control::VERSION, request };
        let line = control::encode(&ask).unwrap_or_default();
        let again = control::decode_request(line.strip_suffix(b"\n").unwrap_or(&line));
        assert!(again.is_ok() || line.is_empty(), "what was read cannot be written and read again");
        "request".to_owned()
    });
    let reply = control::decode_reply(input).map_or_else(words, |_reply| "reply".to_owned());
    format!("{request}; {reply}")
}
