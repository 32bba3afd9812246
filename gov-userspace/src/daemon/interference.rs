//! Looks after enforcement: what somebody changed of it is put back, logged, and recorded in the sessions' logs.

use gov_common::verdict::Reason;

use super::core::Core;
use crate::clock;
use crate::control::message::Ended;
use crate::kernel::Interference;
use crate::receipt::{self, Fact};
use crate::session::enforcer::Enforcer;

impl<E: Enforcer> Core<E> {
    /// Looks once.
    pub(super) fn look_after(&mut self) {
        let now_ns = clock::boot_ns();
        for found in self.enforcer.mend() {
            tracing::error!("enforcement was interfered with: {}", found.what);
            self.note_interference(&found);
        }
        self.intact_ns = now_ns;
    }

    fn note_interference(&mut self, found: &Interference<E::Slot>) {
        let fact = Fact::Interference(receipt::Interference {
            enforced: (!found.enforced).then_some(false),
            since: self.intact_ns.to_string(),
            what: found.what.clone(),
        });
        let concerned = |slot: E::Slot| found.slot.is_none_or(|concerned| concerned == slot);
        let sessions = self.sessions.values().filter(|session| concerned(session.slot));
        for name in sessions.map(|session| session.name.clone()).collect::<Vec<_>>() {
            let Some(session) = self.sessions.get_mut(&name) else { continue };
            if let Err(error) = session.recorder.note(&fact) {
                self.log_failed(&name, &error);
            } else if !found.enforced && !found.mended && !session.is_cut_off() {
                // Fail closed: what is not enforced must not go on.
                self.cut_off(&name, Ended::NotEnforced, Reason::CutOff, &found.what);
            }
        }
    }
}
