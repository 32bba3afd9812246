//! Holds what the receipts add up to against the kernel's own counts in the close receipt.

use gov_common::abi::Kind;

use super::{Account, Summary};
use crate::verify::Item;
use crate::verify::ranges::Ranges;

impl Account {
    /// What is known of the session, now that every line was taken.
    pub(in crate::verify) fn items(&self) -> Vec<Item> {
        let mut items = vec![self.scopes_item(), self.sequence_item()];
        items.extend(self.loss_item());
        items.extend(self.enforcement_item());
        items.extend(self.clock_item());
        items.push(self.counters_item());
        items.push(match &self.close {
            _any if self.after_close => Item::fails("close", "receipts follow the close receipt"),
            Some(_) => Item::holds("close", "the session is closed; nothing came after"),
            None => {
                Item::unknown("close", "the session is not closed: what is still to come cannot be known")
            }
        });
        items
    }

    fn scopes_item(&self) -> Item {
        const NAME: &str = "scopes";
        match (&self.unknown_scope, self.without_scope) {
            (Some(scope), _) => {
                Item::fails(NAME, format!("something was granted by `{scope}`, which is not in the policy"))
            }
            (None, 0) => Item::holds(NAME, "each granted act names a scope of the policy"),
            (None, some) => Item::holds(
                NAME,
                format!("each scope named is in the policy; {some} granted acts needed none"),
            ),
        }
    }

    fn sequence_item(&self) -> Item {
        const NAME: &str = "sequence";
        // What the kernel numbered after the last event that arrived.
        let total = self.close.as_ref().map_or(self.next_sequence, |close| close.sequence);
        let Some(trailing) = total.checked_sub(self.next_sequence) else {
            return Item::fails(
                NAME,
                format!(
                    "the kernel numbered {total} events, the log has one numbered {}",
                    self.next_sequence.saturating_sub(1)
                ),
            );
        };
        let declared = self.gaps_with(trailing).is_ok_and(|gaps| gaps == self.losses);
        match &self.order {
            Some(fault) => Item::fails(NAME, fault),
            None if declared && self.losses.total() == 0 => {
                Item::holds(NAME, format!("{total} kernel events, none missing"))
            }
            None if declared => Item::holds(
                NAME,
                format!("{total} kernel events, {} missing and declared lost", self.losses.total()),
            ),
            None => Item::fails(
                NAME,
                format!(
                    "{} of {total} kernel events are missing, {} were declared lost",
                    self.gaps.total().saturating_add(trailing),
                    self.losses.total()
                ),
            ),
        }
    }

    fn gaps_with(&self, trailing: u64) -> Result<Ranges, String> {
        let mut gaps = self.gaps.clone();
        if trailing > 0 {
            gaps.add(self.next_sequence, trailing)?;
        }
        Ok(gaps)
    }

    fn loss_item(&self) -> Option<Item> {
        let (lost, start) = (self.losses.total(), self.start.as_ref()?);
        (lost > 0).then(|| {
            if start.counts_on_full || start.records_only {
                Item::unknown("loss", format!("{lost} events were lost in a session that goes on without a receipt: what they were cannot be known"))
            } else {
                Item::holds("loss", format!("{lost} events were lost; a decision that cannot be recorded is refused"))
            }
        })
    }

    fn enforcement_item(&self) -> Option<Item> {
        const NAME: &str = "enforcement";
        match (self.interferences, self.unjudged) {
            (0, _) => None,
            (times, 0) => Some(Item::holds(
                NAME,
                format!("it was interfered with {times} times, and everything was judged all the same"),
            )),
            (_, times) => Some(Item::unknown(
                NAME,
                format!(
                    "it was interfered with, and {times} times acts may have gone unjudged: what they were cannot be known"
                ),
            )),
        }
    }

    fn clock_item(&self) -> Option<Item> {
        let times = self.clock_steps;
        (times > 0).then(|| {
            Item::holds(
                "clock",
                format!("the wall clock was set {times} times, as its receipts say; the boot clock counts"),
            )
        })
    }

    fn counters_item(&self) -> Item {
        const NAME: &str = "counters";
        let Some(close) = &self.close else {
            return Item::unknown(NAME, "the kernel's counts come with the close receipt");
        };
        if self.start.as_ref().is_none_or(|start| start.boot_id != close.boot_id) {
            return Item::unknown(
                NAME,
                "the host restarted in between: the kernel's counts are not of the whole session",
            );
        }
        match close.counted_reads.checked_sub(self.directory_reads) {
            Some(0) => {}
            Some(more) if close.lost > 0 => {
                let why = "of directories whose first record was lost are not accounted for";
                return Item::unknown(NAME, format!("{more} counted reads {why}"));
            }
            _differ => {
                return Item::fails(
                    NAME,
                    format!(
                        "the kernel counted {} reads, the receipts by directory {}",
                        close.counted_reads, self.directory_reads
                    ),
                );
            }
        }
        let repeated = sum(&self.repeated);
        if close.counted_refusals != repeated {
            return Item::fails(
                NAME,
                format!(
                    "the kernel counted {} refusals, the receipts of those that repeated {repeated}",
                    close.counted_refusals
                ),
            );
        }
        if close.lost != self.losses.total() {
            return Item::fails(
                NAME,
                format!("the kernel lost {} events, the receipts say {}", close.lost, self.losses.total()),
            );
        }
        let mut unrecorded = 0_u64;
        for (place, kind) in Kind::ALL.into_iter().enumerate() {
            let at = |totals: &[u64; Kind::ALL.len()]| totals.get(place).copied().unwrap_or_default();
            let counted = if kind == Kind::Read { close.counted_reads } else { 0 };
            for (what, kernel, receipts) in [
                ("granted", at(&close.granted), at(&self.granted).saturating_add(counted)),
                ("refused", at(&close.refused), at(&self.refused).saturating_add(at(&self.repeated))),
            ] {
                match kernel.checked_sub(receipts) {
                    Some(rest) if rest <= close.lost => unrecorded = unrecorded.saturating_add(rest),
                    _differ => {
                        return Item::fails(
                            NAME,
                            format!(
                                "{what} {}: the kernel counted {kernel}, the receipts {receipts}",
                                kind.name()
                            ),
                        );
                    }
                }
            }
        }
        if unrecorded > close.lost {
            return Item::fails(
                NAME,
                format!("{unrecorded} decisions have no receipt, {} events were lost", close.lost),
            );
        }
        Item::holds(NAME, "the kernel's own counts equal the receipts, kind by kind")
    }

    pub(in crate::verify) fn summary(&self, receipts: u64) -> Summary {
        let total = self.close.as_ref().map_or(self.next_sequence, |close| close.sequence);
        let trailing = total.saturating_sub(self.next_sequence);
        Summary {
            session: self.session.clone(),
            receipts,
            missing: self.gaps.total().saturating_add(trailing),
            granted: sum(&self.granted),
            refused: sum(&self.refused),
            counted_reads: self.directory_reads,
            counted_refusals: sum(&self.repeated),
            without_scope: self.without_scope,
            closed: self.close.is_some() && !self.after_close,
            limits: self.limits(),
        }
    }

    /// Why a log that holds still does not prove that nothing outside the boundary was touched.
    fn limits(&self) -> Vec<String> {
        let mut limits = Vec::new();
        match &self.start {
            None => limits.push("there is no start receipt".to_owned()),
            Some(start) => {
                if start.enforcement != "full" {
                    let lacks = start.missing.join(", ");
                    limits.push(format!("enforcement was {}: {lacks}", start.enforcement));
                }
                if start.records_only {
                    limits.push("the session only recorded and refused nothing".to_owned());
                }
                if start.counts_on_full && self.losses.total() > 0 {
                    limits.push("events were lost in a session that goes on without a receipt".to_owned());
                }
            }
        }
        if self.unjudged > 0 {
            limits.push("enforcement was interfered with, and acts may have gone unjudged".to_owned());
        }
        if self.unenforced > 0 {
            limits.push(format!("{} refusals were recorded and not enforced", self.unenforced));
        }
        match &self.close {
            None => limits.push("the session is not closed".to_owned()),
            Some(close) if !close.armed => limits.push("enforcement never began".to_owned()),
            Some(_) => {}
        }
        limits
    }
}

fn sum(totals: &[u64]) -> u64 {
    totals.iter().fold(0, |sum, total| sum.saturating_add(*total))
}
