//! What the daemon counts of itself and of all sessions together, as Prometheus reads it. Totals only: no name of a
//! session, a user or a file, so that it tells nobody what somebody does.

mod address;
mod serve;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use gov_common::event::Action;
use gov_common::limits::Budget;
use gov_common::verdict::Reason;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, NoLabelSet};
use prometheus_client::metrics::MetricType;

use crate::event::Event;
use crate::kernel::RingFill;

pub use address::Address;
pub use serve::{Listener, listen, serve};

const ACTIONS: usize = Action::ALL.len();
const REASONS: usize = Reason::ALL.len();
/// The budgets, and the circuit breaker behind them.
const LIMITS: usize = Budget::ALL.len() + 1;

/// The counts.
#[derive(Debug)]
pub struct Metrics {
    /// Records of the ring by action and reason, counted as they are taken: adding one costs no lock and no search.
    records: [[AtomicU64; REASONS]; ACTIONS],
    limits: [AtomicU64; LIMITS],
    sums: Mutex<Sums>,
    ring: RingFill,
    hooks: u64,
    fully_enforced: bool,
}

/// What the engine sums up once a second.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Sessions whose processes run, stand still, or are being ended.
    pub running: u64,
    /// Sessions that stand still.
    pub frozen: u64,
    /// Sessions that are being ended.
    pub ending: u64,
    /// Closed sessions by why they ended.
    pub ended: BTreeMap<&'static str, u64>,
    /// What the kernel has counted, of sessions that were closed too.
    pub kernel: Counts,
    /// Receipts that no checkpoint covers yet.
    pub unsigned: u64,
    /// For how long the oldest of them has waited.
    pub unsigned_for: Duration,
    /// Logs that wait for room on the disk to be closed.
    pub waiting_logs: u64,
}

/// The kernel's own counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Decisions, reads that are only counted among them.
    pub decisions: u64,
    /// Those that refused.
    pub refused: u64,
    /// Events that the ring had no room for.
    pub lost: u64,
}

impl Counts {
    /// The sum of both.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            decisions: self.decisions.saturating_add(other.decisions),
            refused: self.refused.saturating_add(other.refused),
            lost: self.lost.saturating_add(other.lost),
        }
    }

    /// The larger of each: a count that is on its way from one sum to another never seems to go back.
    fn at_least(self, other: Self) -> Self {
        Self {
            decisions: self.decisions.max(other.decisions),
            refused: self.refused.max(other.refused),
            lost: self.lost.max(other.lost),
        }
    }
}

impl Metrics {
    /// All at nothing.
    pub fn new(ring: RingFill, hooks: usize, fully_enforced: bool) -> Self {
        Self {
            records: std::array::from_fn(|_action| std::array::from_fn(|_reason| AtomicU64::new(0))),
            limits: std::array::from_fn(|_limit| AtomicU64::new(0)),
            sums: Mutex::default(),
            ring,
            hooks: u64::try_from(hooks).unwrap_or(u64::MAX),
            fully_enforced,
        }
    }

    /// Counts a record of the ring.
    pub fn note(&self, event: &Event) {
        let place = self.records.get(event.action as usize).and_then(|row| row.get(event.reason as usize));
        let limit = match event.action {
            Action::Budget => usize::try_from(event.detail).ok(),
            Action::Break => LIMITS.checked_sub(1),
            _other => None,
        };
        for count in place.into_iter().chain(limit.and_then(|limit| self.limits.get(limit))) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Takes what the engine has summed up.
    pub fn publish(&self, sums: Sums) {
        let mut known = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        let kernel = sums.kernel.at_least(known.kernel);
        *known = Sums { kernel, ..sums };
    }

    fn sums(&self) -> Sums {
        self.sums.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The counts in the words of Prometheus.
struct Words<'a>(DescriptorEncoder<'a>);

impl Words<'_> {
    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        metric.encode_counter::<NoLabelSet, u64, u64>(&value, None)
    }

    fn gauge(&mut self, name: &str, help: &str, value: f64) -> fmt::Result {
        self.0.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&value)
    }

    fn family<L: EncodeLabelSet>(
        &mut self,
        name: &str,
        help: &str,
        kind: MetricType,
        values: impl IntoIterator<Item = (L, u64)>,
    ) -> fmt::Result {
        let counts = matches!(kind, MetricType::Counter);
        let mut metric = self.0.encode_descriptor(name, help, None, kind)?;
        for (labels, value) in values {
            let mut one = metric.encode_family(&labels)?;
            if counts {
                one.encode_counter::<NoLabelSet, u64, u64>(&value, None)?;
            } else {
                one.encode_gauge(&whole(value))?;
            }
        }
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus knows no other numbers")]
const fn whole(value: u64) -> f64 {
    value as f64
}

impl Metrics {
    /// Records that came, by what they tell; those that never came are left out.
    fn records(&self) -> impl Iterator<Item = (Action, Reason, u64)> {
        Action::ALL.into_iter().zip(&self.records).flat_map(|(action, row)| {
            let counts = Reason::ALL.into_iter().zip(row);
            counts.map(move |(reason, count)| (action, reason, count.load(Ordering::Relaxed)))
        })
    }

    fn limits(&self) -> impl Iterator<Item = ([(&'static str, &'static str); 1], u64)> {
        let names = Budget::ALL.map(Budget::name).into_iter().chain(["breaker"]);
        names.zip(&self.limits).map(|(name, count)| ([("limit", name)], count.load(Ordering::Relaxed)))
    }
}

impl Collector for Metrics {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let (mut words, sums) = (Words(encoder), self.sums());
        let decided = self.records().filter(|(action, _, count)| action.is_decision() && *count > 0);
        let decided = decided.map(|(action, reason, count)| {
            let verdict = if reason == Reason::Granted { "allow" } else { "deny" };
            ([("action", action.name()), ("verdict", verdict), ("reason", reason.name())], count)
        });
        words.family("gov_decisions", "Decisions with a receipt each", MetricType::Counter, decided)?;
        let executed = self.records().filter(|(action, ..)| *action == Action::Executed);
        let executed = executed.fold(0_u64, |sum, (_, _, count)| sum.saturating_add(count));
        words.counter("gov_executions", "Executions that took place", executed)?;
        let help = "Budgets that were at four fifths or at their end, and circuit breakers that opened";
        words.family("gov_limit_events", help, MetricType::Counter, self.limits())?;
        let help = "Decisions that the kernel counted, reads that have no receipt each among them";
        words.counter("gov_kernel_decisions", help, sums.kernel.decisions)?;
        words.counter("gov_kernel_refusals", "Refusals that the kernel counted", sums.kernel.refused)?;
        words.counter("gov_events_lost", "Events that the ring had no room for", sums.kernel.lost)?;
        words.gauge(
            "gov_ring_bytes",
            "Size of the ring between kernel and daemon",
            whole(self.ring.size()),
        )?;
        words.gauge(
            "gov_ring_used_bytes",
            "What of it the daemon has not written down yet",
            whole(self.ring.used()),
        )?;
        let stages = [("running", sums.running), ("frozen", sums.frozen), ("ending", sums.ending)];
        let stages = stages.map(|(stage, count)| ([("state", stage)], count));
        words.family("gov_sessions", "Sessions that are not closed", MetricType::Gauge, stages)?;
        let ended = sums.ended.into_iter().map(|(why, count)| ([("reason", why)], count));
        words.family("gov_sessions_ended", "Sessions that were closed", MetricType::Counter, ended)?;
        let help = "Receipts that no checkpoint covers yet";
        words.gauge("gov_log_unsigned_receipts", help, whole(sums.unsigned))?;
        let help = "For how long the oldest of them has waited";
        words.gauge("gov_log_unsigned_seconds", help, sums.unsigned_for.as_secs_f64())?;
        let help = "Logs of closed sessions that wait for room on the disk";
        words.gauge("gov_log_waiting", help, whole(sums.waiting_logs))?;
        words.gauge("gov_hooks", "Programs attached in the kernel", whole(self.hooks))?;
        let full = if self.fully_enforced { 1.0 } else { 0.0 };
        words.gauge("gov_enforcement_full", "1 if nothing is missing for full enforcement", full)
    }
}

#[cfg(test)]
mod tests;
