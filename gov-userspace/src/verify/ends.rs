//! What the first and the last receipt of a log say.

use gov_common::abi::Kind;

use crate::canonical::Value;

/// What the start receipt says.
pub(super) struct Start {
    pub(super) key: String,
    pub(super) delegation_sha256: String,
    pub(super) wall: String,
    pub(super) boot_id: String,
    pub(super) enforcement: String,
    pub(super) missing: Vec<String>,
    pub(super) counts_on_full: bool,
    pub(super) records_only: bool,
}

/// What the close receipt says.
pub(super) struct Close {
    pub(super) boot_id: String,
    pub(super) armed: bool,
    pub(super) granted: [u64; Kind::ALL.len()],
    pub(super) refused: [u64; Kind::ALL.len()],
    pub(super) counted_reads: u64,
    pub(super) counted_refusals: u64,
    pub(super) lost: u64,
    pub(super) sequence: u64,
}

/// Reads the start receipt.
pub(super) fn start(receipt: &Value<'_>) -> Result<Start, String> {
    let enforcement = receipt.field("enforcement").ok_or("it says nothing of enforcement")?;
    let missing = enforcement.field("missing").map_or(&[][..], |missing| missing.elements());
    let text = |name: &str| text(receipt.field(name), name);
    Ok(Start {
        key: text("key")?.to_owned(),
        delegation_sha256: text("delegation_sha256")?.to_owned(),
        wall: text("wall")?.to_owned(),
        boot_id: text("boot_id")?.to_owned(),
        enforcement: self::text(enforcement.field("status"), "status")?.to_owned(),
        missing: missing.iter().filter_map(|lack| lack.text().map(str::to_owned)).collect(),
        counts_on_full: text("on_full")? != "refuse",
        records_only: text("mode")? != "enforce",
    })
}

/// Reads the close receipt.
pub(super) fn close(receipt: &Value<'_>) -> Result<Close, String> {
    let counters = receipt.field("counters").ok_or("it has no counters")?;
    let totals = |name: &str| -> Result<[u64; Kind::ALL.len()], String> {
        let totals = counters.field(name).ok_or_else(|| format!("it does not count what was {name}"))?;
        let mut sums = [0; Kind::ALL.len()];
        for (sum, kind) in sums.iter_mut().zip(Kind::ALL) {
            *sum = number(totals.field(kind.name()), kind.name())?;
        }
        Ok(sums)
    };
    Ok(Close {
        boot_id: text(receipt.field("boot_id"), "boot_id")?.to_owned(),
        armed: text(receipt.field("armed"), "armed")? != "0",
        granted: totals("granted")?,
        refused: totals("refused")?,
        counted_reads: number(counters.field("counted_reads"), "counted_reads")?,
        counted_refusals: number(counters.field("counted_refusals"), "counted_refusals")?,
        lost: number(counters.field("lost"), "lost")?,
        sequence: number(counters.field("sequence"), "sequence")?,
    })
}

/// The text of a member that must be there.
pub(super) fn text<'a>(value: Option<&'a Value<'_>>, name: &str) -> Result<&'a str, String> {
    value.and_then(Value::text).ok_or_else(|| format!("it has no text `{name}`"))
}

/// The number of a member that must be there.
pub(super) fn number(value: Option<&Value<'_>>, name: &str) -> Result<u64, String> {
    value.and_then(Value::number).ok_or_else(|| format!("it has no number `{name}`"))
}
