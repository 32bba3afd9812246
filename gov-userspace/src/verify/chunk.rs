//! What one thread finds out about neighbouring lines of a log: their hashes, whether each is a canonical receipt, and
//! what they say in short, for whoever adds up all of them in order.

use std::collections::BTreeSet;

use gov_common::abi::Kind;

use super::ends::{Close, Start, close, number, start, text};
use crate::canonical::{self, Value};
use crate::lines::{Chunk, Line, MAX_LINE};
use crate::merkle::{self, Span};
use crate::receipt::FORMAT;

/// Neighbouring lines, checked as far as they can be without those before them.
pub(super) struct Checked {
    /// Their hashes.
    pub(super) span: Span,
    /// What they say, in their order, each with the number of the line that begins it.
    pub(super) steps: Vec<(u64, Step)>,
    /// The first line that is no receipt for its place, and why.
    pub(super) fault: Option<(u64, String)>,
    /// Why what follows these lines is no line.
    pub(super) end: Option<String>,
    /// Bytes of the log that they took.
    pub(super) bytes: u64,
}

/// What lines say that follow each other.
pub(super) enum Step {
    /// Whose the lines from here on are.
    Of { session: String, delegation: String },
    /// Kernel events whose numbers follow each other.
    Events(Events),
    /// The start receipt, with the policy's scopes.
    Start(Box<Start>, BTreeSet<String>),
    /// The scopes of another policy.
    Policy(BTreeSet<String>),
    /// So many counted reads.
    Reads(u64),
    /// So many counted refusals of a class, by its place in [`Kind::ALL`].
    Repeated { class: usize, count: u64 },
    /// So many events from one number on are lost.
    Loss { first: u64, count: u64 },
    /// Somebody changed what keeps the session governed; perhaps acts went unjudged.
    Interference { unjudged: bool },
    /// The wall clock was set.
    Clock,
    /// The log was taken up again.
    Recovered,
    /// The close receipt.
    Close(Box<Close>),
    /// Something that is only told.
    Told,
}

/// Kernel events whose numbers follow each other, decisions among them.
#[derive(Default)]
pub(super) struct Events {
    pub(super) first: u64,
    pub(super) count: u64,
    pub(super) granted: [u64; Kind::ALL.len()],
    pub(super) refused: [u64; Kind::ALL.len()],
    pub(super) unenforced: u64,
    pub(super) without_scope: u64,
    /// Each scope that granted something.
    pub(super) scopes: BTreeSet<String>,
}

/// Checks the lines of a chunk.
pub(super) fn check(chunk: &Chunk) -> Checked {
    let (mut leaves, mut end) = (Vec::new(), None);
    let mut gathered = Gathered { number: chunk.first, ..Gathered::default() };
    for line in chunk.lines() {
        match line {
            Line::Whole(line) => {
                leaves.push(merkle::leaf(line));
                if let Err(why) = gathered.take(line)
                    && gathered.fault.is_none()
                {
                    gathered.fault = Some((gathered.number, why));
                }
                gathered.number = gathered.number.saturating_add(1);
            }
            Line::Torn(rest) => end = Some(format!("the last line is torn after {} bytes", rest.len())),
            Line::TooLong => end = Some(format!("a line is longer than {MAX_LINE} bytes")),
            Line::End => {}
        }
    }
    Checked {
        span: Span::new(chunk.first, leaves),
        steps: gathered.steps,
        fault: gathered.fault,
        end,
        bytes: u64::try_from(chunk.size()).unwrap_or(u64::MAX),
    }
}

#[derive(Default)]
struct Gathered {
    /// Of the next line.
    number: u64,
    session: String,
    delegation: String,
    steps: Vec<(u64, Step)>,
    fault: Option<(u64, String)>,
}

/// The fields of a receipt that are looked at on every line.
#[derive(Default)]
struct Fields<'a> {
    class: Option<Value<'a>>,
    delegation: Option<Value<'a>>,
    enforced: Option<Value<'a>>,
    index: Option<Value<'a>>,
    kind: Option<Value<'a>>,
    scope: Option<Value<'a>>,
    sequence: Option<Value<'a>>,
    session: Option<Value<'a>>,
    v: Option<Value<'a>>,
    verdict: Option<Value<'a>>,
}

impl<'a> Fields<'a> {
    fn of(line: &'a [u8]) -> Result<Self, String> {
        let mut fields = Self::default();
        let see = |name: &str, value| {
            *match name {
                "class" => &mut fields.class,
                "delegation" => &mut fields.delegation,
                "enforced" => &mut fields.enforced,
                "index" => &mut fields.index,
                "kind" => &mut fields.kind,
                "scope" => &mut fields.scope,
                "sequence" => &mut fields.sequence,
                "session" => &mut fields.session,
                "v" => &mut fields.v,
                "verdict" => &mut fields.verdict,
                _other => return,
            } = Some(value);
        };
        canonical::scan(line, see).map_err(|error| error.to_string())?;
        Ok(fields)
    }
}

impl Gathered {
    fn take(&mut self, line: &[u8]) -> Result<(), String> {
        let fields = Fields::of(line)?;
        if number(fields.v.as_ref(), "v")? != FORMAT {
            return Err(format!("its form is not version {FORMAT}: verify it with the gov that wrote it"));
        }
        let found = number(fields.index.as_ref(), "index")?;
        if found != self.number {
            return Err(format!("it is numbered {found} and stands at {}", self.number));
        }
        self.whose(
            text(fields.session.as_ref(), "session")?,
            text(fields.delegation.as_ref(), "delegation")?,
        );
        let kind = text(fields.kind.as_ref(), "kind")?;
        if (kind == "start") != (self.number == 0) {
            return Err("the start receipt is the first line, and only the first".to_owned());
        }
        match kind {
            "decision" | "directory" | "executed" | "armed" | "budget" | "break" => {
                return self.event(kind, &fields);
            }
            _fact => {}
        }
        let step = fact(kind, line)?;
        self.steps.push((self.number, step));
        Ok(())
    }

    /// Notes whose lines these are, where that is not known or changes.
    fn whose(&mut self, session: &str, delegation: &str) {
        if self.session != session || self.delegation != delegation || self.steps.is_empty() {
            (self.session, self.delegation) = (session.to_owned(), delegation.to_owned());
            let step = Step::Of { session: session.to_owned(), delegation: delegation.to_owned() };
            self.steps.push((self.number, step));
        }
    }

    fn event(&mut self, kind: &str, fields: &Fields<'_>) -> Result<(), String> {
        let sequence = number(fields.sequence.as_ref(), "sequence")?;
        let follows = |events: &Events| events.first.checked_add(events.count) == Some(sequence);
        if !matches!(self.steps.last(), Some((_, Step::Events(events))) if follows(events)) {
            let events = Events { first: sequence, ..Events::default() };
            self.steps.push((self.number, Step::Events(events)));
        }
        let Some((_, Step::Events(events))) = self.steps.last_mut() else { return Ok(()) };
        events.count = events.count.saturating_add(1);
        if kind == "decision" { events.decision(fields) } else { Ok(()) }
    }
}

impl Events {
    fn decision(&mut self, fields: &Fields<'_>) -> Result<(), String> {
        let place = place_of(fields.class.as_ref())?;
        let totals = match text(fields.verdict.as_ref(), "verdict")? {
            "allow" => {
                match &fields.scope {
                    None => self.without_scope = self.without_scope.saturating_add(1),
                    Some(scope) => {
                        let scope = scope.text().unwrap_or_default();
                        if !self.scopes.contains(scope) {
                            self.scopes.insert(scope.to_owned());
                        }
                    }
                }
                &mut self.granted
            }
            "deny" => {
                let unenforced = u64::from(fields.enforced.is_some());
                self.unenforced = self.unenforced.saturating_add(unenforced);
                &mut self.refused
            }
            _other => return Err("its verdict is neither `allow` nor `deny`".to_owned()),
        };
        if let Some(total) = totals.get_mut(place) {
            *total = total.saturating_add(1);
        }
        Ok(())
    }
}

/// What a receipt says that is no kernel event. These are few, and each is read whole.
fn fact(kind: &str, line: &[u8]) -> Result<Step, String> {
    let receipt = canonical::parse(line).map_err(|error| error.to_string())?;
    let number = |name: &str| number(receipt.field(name), name);
    Ok(match kind {
        "start" => Step::Start(Box::new(start(&receipt)?), scopes(&receipt)?),
        "policy-changed" => Step::Policy(scopes(&receipt)?),
        "reads" => Step::Reads(number("count")?),
        "repeated" => Step::Repeated { class: place_of(receipt.field("class"))?, count: number("count")? },
        "loss" => Step::Loss { first: number("first")?, count: number("count")? },
        "close" => Step::Close(Box::new(close(&receipt)?)),
        "interference" => {
            text(receipt.field("what"), "what")?;
            Step::Interference { unjudged: receipt.field("enforced").is_some() }
        }
        "recovered" => Step::Recovered,
        "clock" => {
            text(receipt.field("from"), "from")?;
            text(receipt.field("to"), "to")?;
            Step::Clock
        }
        "cut" | "resumed" | "artifacts" => Step::Told,
        other => return Err(format!("its kind `{other}` is unknown")),
    })
}

/// The place of a class in [`Kind::ALL`].
fn place_of(class: Option<&Value<'_>>) -> Result<usize, String> {
    let class = text(class, "class")?;
    Kind::ALL.iter().position(|kind| kind.name() == class).ok_or_else(|| "its class is unknown".to_owned())
}

fn scopes(receipt: &Value<'_>) -> Result<BTreeSet<String>, String> {
    let scopes = receipt.field("scopes").ok_or("it has no scopes")?.elements();
    Ok(scopes.iter().filter_map(|scope| scope.text().map(str::to_owned)).collect())
}
