//! What the engine tells its metrics: sums over the sessions, and each closed one's end.

use std::time::Instant;

use super::core::Core;
use crate::control::message::{Ended, SessionView};
use crate::metrics::Counts;
use crate::session::Life;
use crate::session::enforcer::Enforcer;

impl<E: Enforcer> Core<E> {
    /// Sums up the sessions as they stand.
    pub(super) fn publish(&self, now: Instant) {
        let Some(gauges) = &self.gauges else { return };
        let mut sums = gauges.closed.clone();
        for session in self.sessions.values() {
            let stage = match session.life {
                Life::Running => &mut sums.running,
                Life::Frozen { .. } => &mut sums.frozen,
                Life::Ending { .. } | Life::CutOff { .. } => &mut sums.ending,
            };
            *stage = stage.saturating_add(1);
            let unsigned = session.recorder.unsigned(now);
            sums.unsigned = sums.unsigned.saturating_add(unsigned.0.into());
            sums.unsigned_for = sums.unsigned_for.max(unsigned.1);
            // What cannot be read now is read a second later; the sum does not go back meanwhile.
            if let Ok(state) = self.enforcer.counters(session.slot) {
                let (granted, refused) = (sum(&state.granted), sum(&state.refused));
                let counts = Counts { decisions: granted.saturating_add(refused), refused, lost: state.lost };
                sums.kernel = sums.kernel.plus(counts);
            }
        }
        sums.waiting_logs = u64::try_from(self.unfinished_logs()).unwrap_or(u64::MAX);
        gauges.metrics.publish(sums);
    }

    /// Keeps what a closed session adds for ever.
    pub(super) fn note_closed(&mut self, view: &SessionView) {
        let Some(gauges) = &mut self.gauges else { return };
        let counts = Counts { decisions: view.decisions, refused: view.refused, lost: view.lost };
        gauges.closed.kernel = gauges.closed.kernel.plus(counts);
        let ended = gauges.closed.ended.entry(view.ended.map_or("unknown", Ended::name)).or_default();
        *ended = ended.saturating_add(1);
    }
}

fn sum(counters: &[u64]) -> u64 {
    counters.iter().fold(0, |total, count| total.saturating_add(*count))
}
