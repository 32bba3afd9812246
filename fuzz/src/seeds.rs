//! Inputs that are as they should be, made by gov itself so that they are always of this version.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use gov::delegation::{self, Request};
use gov::event::Event;
use gov::key::Secret;
use gov::merkle::{Prover, Tree, leaf};
use gov::note::Checkpoint;
use gov::receipt::{Encoder, Receipt, SessionFacts};
use gov::rotation::{Chain, Purpose, Rotation};
use gov::scope::Scope;
use gov::verify::{GrowthProof, ReceiptProof};
use gov_common::abi::ABI_VERSION;
use gov_common::event::{Action, Header};
use gov_common::verdict::Reason;
use jiff::Timestamp;
use zerocopy::IntoBytes;

/// The origin of the made log.
pub const ORIGIN: &str = "gov/host/s-1";

/// The key that signs everything here.
pub fn key() -> Arc<Secret> {
    Arc::new(Secret::from_seed([7; 32]))
}

/// Ring records: each action, granted and refused.
pub fn records() -> Vec<Vec<u8>> {
    let mut records = Vec::new();
    for (number, action) in (0..).zip(Action::ALL) {
        for reason in [Reason::Granted, Reason::OutOfScope] {
            let (path, extra): (&[u8], &[u8]) = (b"/project/a", b"python3\0-c\0");
            let header = Header {
                abi: ABI_VERSION,
                length: u32::try_from(size_of::<Header>() + path.len() + extra.len()).unwrap_or(0),
                session: 7,
                sequence: number,
                decider: 7,
                inode: 42,
                device: 8 << 20 | 1,
                action: action as u8,
                reason: reason as u8,
                wanted: 2,
                family: if number % 2 == 0 { 2 } else { 10 },
                port: 443,
                object_len: 10,
                extra_len: 11,
                comm: *b"python3\0\0\0\0\0\0\0\0\0",
                ..Header::default()
            };
            records.push([header.as_bytes(), path, extra].concat());
        }
    }
    records
}

/// How this session's receipts are written.
pub fn encoder() -> Encoder {
    Encoder::new(SessionFacts {
        session: "s-1".to_owned(),
        delegation_id: "sha256:00".to_owned(),
        scopes: vec!["file:write:/project".to_owned()],
    })
}

/// The lines of a log's events.
pub fn lines() -> Result<Vec<Vec<u8>>> {
    let (mut encoder, mut lines) = (encoder(), Vec::new());
    for (index, record) in (0..).zip(records()) {
        let event: Event = gov::event::parse(&record)?;
        let mut line = Vec::new();
        encoder.write(Receipt::Event(&event), index, &mut line).map_err(anyhow::Error::msg)?;
        lines.push(line);
    }
    Ok(lines)
}

/// The signed head over the first of the lines.
pub fn checkpoint(lines: &[Vec<u8>]) -> String {
    let mut tree = Tree::default();
    lines.iter().for_each(|line| tree.push(leaf(line)));
    Checkpoint { origin: ORIGIN.to_owned(), size: tree.size(), root: tree.root() }.sign(&key())
}

/// One receipt with its proof.
pub fn receipt() -> Result<Vec<u8>> {
    let lines = lines()?;
    let size = u64::try_from(lines.len())?;
    let proof = proved(Prover::inclusion(3, size), &lines);
    let line = String::from_utf8(lines[3].clone())?;
    Ok(serde_json::to_vec(&ReceiptProof::new(line, 3, &proof, checkpoint(&lines)))?)
}

/// The growth of the log from seven lines on.
pub fn growth() -> Result<Vec<u8>> {
    let lines = lines()?;
    let proof = proved(Prover::consistency(7, u64::try_from(lines.len())?), &lines);
    Ok(GrowthProof { old: 7, proof, checkpoint: checkpoint(&lines) }.to_string().into_bytes())
}

/// A statement that a key follows another, and a chain of two.
pub fn rotations() -> Result<(Vec<u8>, Vec<u8>)> {
    let (next, last) = (Secret::from_seed([8; 32]), Secret::from_seed([9; 32]));
    let sign = |old: &Secret, new: &Secret| Rotation::sign(Purpose::Log, old, new, Timestamp::UNIX_EPOCH);
    let first = sign(&key(), &next);
    let chain = Chain::default().with(first.clone())?.with(sign(&next, &last))?;
    Ok((first.note().as_bytes().to_vec(), chain.text().into_bytes()))
}

fn proved(prover: Option<Prover>, lines: &[Vec<u8>]) -> Vec<gov::merkle::Hash> {
    let made = prover.and_then(|mut prover| {
        lines.iter().for_each(|line| prover.push(leaf(line)));
        prover.proof()
    });
    made.unwrap_or_default()
}

/// A delegation that may be narrowed.
pub fn delegation() -> Result<Vec<u8>> {
    let scopes = [
        "file:write:/project",
        "code:execute:/usr/bin/python3",
        "network:connect:192.0.2.0/24:443",
        "limit:execs:5",
    ];
    let request = Request {
        scopes: scopes.iter().map(|scope| Scope::parse(scope.as_bytes())).collect::<Result<_, _>>()?,
        spend: "150usd".parse()?,
        lifetime: Duration::from_secs(7200),
        max_depth: 2,
        subject: Some(key().public()),
    };
    Ok(delegation::request(&request, &key(), Timestamp::UNIX_EPOCH)?)
}
